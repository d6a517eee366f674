//! Writes one row of text from left to right, in columns that never overflow.
//!
//! Widths are in terminal columns, wide characters counted as two; what does not fit is cut, and the cut
//! shows. Text from outside goes through [`Pen::foreign`], which lets no control character pass.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::ui::theme::{Role, Theme};
use crate::untrusted::Untrusted;

/// A place on one row, moving right.
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    x: u16,
    end: u16,
    y: u16,
    selected: bool,
}

impl<'a> Pen<'a> {
    /// Starts at the left end of row `y` of `area`, counted from its top. Rows outside of it take nothing.
    pub fn new(theme: &'a Theme, area: Rect, y: u16, buffer: &'a mut Buffer) -> Self {
        let area = area.intersection(buffer.area);
        let inside = y < area.height;
        let end = if inside { area.right() } else { area.left() };
        Self { buffer, theme, x: area.left(), end, y: area.top().saturating_add(y), selected: false }
    }

    /// Writes on the selected row's ground from here on, and paints the rest of the row with it.
    #[must_use]
    pub fn select(mut self, selected: bool) -> Self {
        self.selected = selected;
        if selected {
            let row = Rect::new(self.x, self.y, self.end.saturating_sub(self.x), 1);
            self.buffer.set_style(row.intersection(self.buffer.area), self.theme.of(Role::Sel));
        }
        self
    }

    /// How many columns are left.
    pub fn room(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }

    /// Leaves columns free.
    pub fn skip(&mut self, columns: u16) -> &mut Self {
        self.x = self.x.saturating_add(columns).min(self.end);
        self
    }

    /// Gives up the last columns of the row, for something that is written there later.
    pub fn keep(&mut self, columns: u16) -> &mut Self {
        self.end = self.end.saturating_sub(columns).max(self.x);
        self
    }

    /// Writes our own words, as wide as they are.
    pub fn text(&mut self, text: &str, role: Role) -> &mut Self {
        let width = self.room();
        let used = self.put(self.x, width, text, role);
        self.skip(used)
    }

    /// Writes our own words into a column of `width`, and moves to its end.
    pub fn cell(&mut self, width: u16, text: &str, role: Role) -> &mut Self {
        let width = width.min(self.room());
        self.put(self.x, width, text, role);
        self.skip(width)
    }

    /// Writes our own words at the right of a column of `width`, and moves to its end.
    pub fn cell_right(&mut self, width: u16, text: &str, role: Role) -> &mut Self {
        let width = width.min(self.room());
        let free = width.saturating_sub(columns(text));
        self.put(self.x + free, width - free, text, role);
        self.skip(width)
    }

    /// Writes text from outside into a column of `width`.
    pub fn foreign(&mut self, width: u16, text: &str, role: Role) -> &mut Self {
        let width = width.min(self.room());
        let safe = Untrusted::new(text).line(usize::from(width));
        self.cell(width, &safe, role)
    }

    /// Writes our own words at the end of the row and gives up their columns; `gap` columns before them stay
    /// free. Nothing is written if they do not fit.
    pub fn tail(&mut self, text: &str, role: Role, gap: u16) -> &mut Self {
        let width = columns(text);
        if width > 0 && self.room() >= width + gap {
            self.put(self.end - width, width, text, role);
            self.keep(width + gap);
        }
        self
    }

    /// Fills the rest of the row with one character.
    pub fn fill(&mut self, glyph: char, role: Role) -> &mut Self {
        let text = glyph.to_string().repeat(usize::from(self.room()));
        self.text(&text, role)
    }

    fn put(&mut self, x: u16, width: u16, text: &str, role: Role) -> u16 {
        if width == 0 {
            return 0;
        }
        let style = self.style(role);
        let text = cut(text, width, self.theme.glyphs.more);
        let (end, _) = self.buffer.set_stringn(x, self.y, &text, usize::from(width), style);
        end.saturating_sub(x)
    }

    fn style(&self, role: Role) -> Style {
        if self.selected { self.theme.selected(role) } else { self.theme.of(role) }
    }
}

/// How many columns a text takes.
pub fn columns(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// The text, or as much of its beginning as fits with a mark where it was cut.
pub fn cut(text: &str, width: u16, mark: char) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = width.saturating_sub(1);
    for grapheme in text.graphemes(true) {
        match left.checked_sub(columns(grapheme)) {
            Some(rest) => left = rest,
            None => break,
        }
        out.push_str(grapheme);
    }
    if width > 0 {
        out.push(mark);
    }
    out
}

/// Breaks words of our own into rows of at most `width` columns, at spaces where there are any.
pub fn wrap(text: &str, width: u16) -> Vec<String> {
    if width == 0 {
        return Vec::new();
    }
    let mut rows = Vec::new();
    let mut row = String::new();
    for word in text.split_whitespace() {
        let joined = columns(&row) + u16::from(!row.is_empty()) + columns(word);
        if joined > width && !row.is_empty() {
            rows.push(std::mem::take(&mut row));
        }
        if !row.is_empty() {
            row.push(' ');
        }
        for grapheme in word.graphemes(true) {
            if columns(&row) + columns(grapheme) > width {
                rows.push(std::mem::take(&mut row));
            }
            row.push_str(grapheme);
        }
    }
    if !row.is_empty() {
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_ever_wider_than_its_column(text in ".{0,40}", width in 0_u16..30) {
            prop_assert!(columns(&cut(&text, width, '…')) <= width);
            for row in wrap(&text, width) {
                // A wide character does not fit into one column; it stands alone then.
                prop_assert!(columns(&row) <= width.max(2), "{row:?}");
            }
        }
    }

    #[test]
    fn a_cut_shows() {
        assert_eq!(cut("Dewi Lestari", 8, '…'), "Dewi Le…");
        assert_eq!(cut("Dewi", 4, '…'), "Dewi");
        assert_eq!(cut("会議室", 4, '…'), "会…");
        assert_eq!(cut("x", 0, '…'), "");
    }

    #[test]
    fn long_words_break_and_short_ones_stay_whole() {
        assert_eq!(wrap("log in with frontdesk login", 12), ["log in with", "frontdesk", "login"]);
        assert_eq!(wrap("aaaaaaa b", 3), ["aaa", "aaa", "a b"]);
    }
}
