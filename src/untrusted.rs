//! Text from outside, made safe at the edge of display.
//!
//! Whatever an event contains may be on its way to a terminal: escape sequences, controls, letters that turn the
//! line around, letters without width by the thousand. Text is carried raw and filtered, searched and stored raw;
//! only what [`Untrusted::line`] and [`Untrusted::block`] give may be drawn. They drop what has no look of its
//! own, show controls as pictures, and are never wider than asked, however a terminal counts.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many marks without width may stand on one letter. No language needs more; a flood of them paints over
/// the lines above and below.
const MARKS: usize = 4;

/// How far tabs reach in a block.
const TAB: usize = 4;

/// Text that somebody else wrote. It is carried as it came; only what [`Untrusted::line`] and
/// [`Untrusted::block`] give may reach a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untrusted<'a>(&'a str);

impl<'a> Untrusted<'a> {
    /// Text from outside.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// One safe line, at most `columns` wide; what does not fit is cut and ends in `…`. Line breaks and tabs
    /// become a space.
    pub fn line(self, columns: usize) -> String {
        cut(&clean(self.0, columns), columns)
    }

    /// Safe lines, one for each of the text's own, as wide as they are. Tabs become spaces.
    pub fn block(self) -> Vec<String> {
        let text = self.0.replace("\r\n", "\n");
        text.split(is_line_break).map(|line| clean(&untabbed(line), usize::MAX)).collect()
    }
}

/// How many columns safe text takes, at most: the greater of what letters take one by one and together.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(grapheme_width).sum()
}

fn grapheme_width(grapheme: &str) -> usize {
    let one_by_one = grapheme.chars().filter_map(UnicodeWidthChar::width).sum();
    grapheme.width().max(one_by_one)
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn untabbed(line: &str) -> String {
    let mut column = 0;
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if c == '\t' {
            let spaces = TAB - column % TAB;
            out.extend(std::iter::repeat_n(' ', spaces));
            column += spaces;
        } else {
            out.push(c);
            column += c.width().unwrap_or(0);
        }
    }
    out
}

/// The safe letters of a text, as many as it takes to be wider than `columns`.
fn clean(text: &str, columns: usize) -> String {
    let mut out = String::with_capacity(text.len().min(256));
    let mut taken = 0;
    // A mark needs a letter to stand on, or it stands on whatever is left of this text.
    let mut marks = MARKS;
    let mut wide_before = false;
    for c in text.chars().filter_map(safe) {
        match c.width().unwrap_or(0) {
            0 if marks < MARKS => {
                marks += 1;
                out.push(c);
            }
            0 => {}
            // A skin tone behind a face is one picture on some terminals and two on others.
            _ if is_skin_tone(c) && wide_before => {}
            width => {
                marks = 0;
                taken += width;
                wide_before = width > 1;
                out.push(c);
                if taken > columns {
                    break;
                }
            }
        }
    }
    out
}

/// Cuts safe text at a letter.
fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    let mut taken = 0;
    let fitting = text.graphemes(true).take_while(|grapheme| {
        taken += grapheme_width(grapheme);
        taken <= room
    });
    let mut out: String = fitting.collect();
    out.push('…');
    out
}

/// What may be drawn of a letter: itself, a stand-in, or nothing.
fn safe(c: char) -> Option<char> {
    match c {
        // Line breaks and tabs, and spaces of all kinds, some of them two columns wide.
        '\t'
        | '\n'
        | '\r'
        | '\u{b}'
        | '\u{c}'
        | '\u{85}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{3000}' => Some(' '),
        // Controls have pictures of their own: ESC is ␛.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('␡'),
        // The other controls have none; private use looks like anything, in any width.
        '\u{80}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => {
            Some(char::REPLACEMENT_CHARACTER)
        }
        _ if is_invisible(c) => None,
        _ => Some(c),
    }
}

/// Without a look of their own: direction marks, joiners and fillers, variation selectors, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> String {
        Untrusted::new(text).line(40)
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in
            ["Budi Wijaya", "Déwi \"Ayu\" O'Brien", "日本太郎", "Nguyễn Thị Hương", "กิตติ", "محمد", "😀"]
        {
            assert_eq!(line(name), name);
        }
        // Letters and their marks in two code points each.
        assert_eq!(line("Nguye\u{302}\u{303}n"), "Nguye\u{302}\u{303}n");
    }

    #[test]
    fn nothing_moves_the_cursor_sets_the_title_or_writes_the_clipboard() {
        assert_eq!(line("\u{1b}[2J\u{1b}]0;title\u{7}"), "␛[2J␛]0;title␇");
        assert_eq!(line("\u{1b}]52;c;aGk=\u{1b}\\"), "␛]52;c;aGk=␛\\");
        assert_eq!(line("a\u{9b}31mb\u{7f}"), "a\u{fffd}31mb␡");
        assert_eq!(line("a\r\nb\tc"), "a  b c");
    }

    #[test]
    fn nothing_turns_the_line_around_or_hides_in_it() {
        assert_eq!(line("Budi\u{202e}ijaW\u{202c}"), "BudiijaW");
        assert_eq!(line("a\u{2066}b\u{2069}\u{200f}\u{61c}c"), "abc");
        assert_eq!(line("B\u{200b}K\u{feff}0\u{2060}1\u{ad}"), "BK01");
        assert_eq!(line("x\u{e0041}\u{e007f}\u{e0100}\u{fe0f}\u{3164}y"), "xy");
    }

    #[test]
    fn floods_of_marks_are_dammed() {
        let flood = format!("a{}b", "\u{301}".repeat(10_000));
        assert_eq!(line(&flood), format!("a{}b", "\u{301}".repeat(MARKS)));
        assert_eq!(line("\u{301}\u{301}a"), "a", "a mark must not stand on what is left of the text");
        assert_eq!(line(&format!("a{}", "\u{fe0f}".repeat(10_000))), "a");
    }

    #[test]
    fn a_line_is_cut_at_a_letter_and_says_so() {
        assert_eq!(Untrusted::new("Morning Session").line(8), "Morning…");
        assert_eq!(Untrusted::new("日本太郎").line(8), "日本太郎");
        assert_eq!(Untrusted::new("日本太郎").line(7), "日本太…");
        assert_eq!(Untrusted::new("日本太郎").line(6), "日本…");
        assert_eq!(Untrusted::new("日").line(1), "…");
        assert_eq!(Untrusted::new("ab").line(0), "");
        assert_eq!(Untrusted::new("").line(5), "");
    }

    #[test]
    fn a_block_keeps_its_lines() {
        assert_eq!(Untrusted::new("a\r\nb\n\n\tc\rd\u{2028}e").block(), ["a", "b", "", "    c", "d", "e"]);
        assert_eq!(Untrusted::new("a\r\n\r\nb\n").block(), ["a", "", "b", ""]);
        assert_eq!(Untrusted::new("ab\tc").block(), ["ab  c"]);
        assert_eq!(Untrusted::new("\u{1b}[31m\n\u{202e}x").block(), ["␛[31m", "x"]);
    }

    /// Text as somebody with bad intentions would write it.
    fn nasty() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<char>().prop_map(String::from),
            ".{0,8}",
            prop::sample::select(vec![
                "\u{1b}[",
                "\u{9b}",
                "\u{7}",
                "\r",
                "\n",
                "\t",
                "\u{202e}",
                "\u{2067}",
                "\u{200d}",
                "\u{fe0f}",
                "\u{301}",
                "\u{e0061}",
                "👨\u{200d}👩\u{200d}👧",
                "👍🏽",
                "🇮🇩",
                "🇮",
                "日",
                "क्ष",
                "क्",
                "1\u{fe0f}\u{20e3}",
                "لا",
                "가",
                "\u{1100}",
                "\u{1161}",
                "\u{11a8}",
                "\u{600}",
                "\u{3000}",
                "﷽",
                "…",
                "\u{e000}",
                "\u{17d2}ក",
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    fn is_safe(text: &str) -> bool {
        text.chars().all(|c| !c.is_control() && !is_invisible(c) && c != '\u{2028}' && c != '\u{2029}')
    }

    proptest! {
        #[test]
        fn a_line_is_never_wider_than_asked_and_always_safe(text in nasty(), columns in 0_usize..60) {
            let line = Untrusted::new(&text).line(columns);
            prop_assert!(line.width() <= columns, "{line:?} takes {}", line.width());
            prop_assert!(line.graphemes(true).map(UnicodeWidthStr::width).sum::<usize>() <= columns);
            prop_assert!(line.chars().filter_map(UnicodeWidthChar::width).sum::<usize>() <= columns);
            prop_assert!(is_safe(&line), "{line:?}");
        }

        #[test]
        fn a_block_is_safe_and_loses_no_line(text in nasty()) {
            let block = Untrusted::new(&text).block();
            prop_assert!(block.iter().all(|line| is_safe(line)));
            let breaks = text.replace("\r\n", "\n").matches(is_line_break).count();
            prop_assert_eq!(block.len(), breaks + 1);
        }

        #[test]
        fn what_is_safe_already_stays_the_same(text in nasty()) {
            let once = Untrusted::new(&text).line(200);
            prop_assert_eq!(Untrusted::new(&once).line(200), once);
        }
    }
}
