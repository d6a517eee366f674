//! The characters that bars, charts, frames and marks are made of.
//!
//! Two sets: blocks and box drawing, which every terminal of the last twenty years has, and plain ASCII for
//! those that do not. No sign exists in one set alone.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::border;

/// One set of characters. Every one is one column wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// The taken part of a bar.
    pub full: char,
    /// The free part of a bar.
    pub free: char,
    /// The taken part of a bar whose number may be out of date.
    pub stale: char,
    /// The heights of a chart's columns, lowest first; the space stands for nothing at all.
    pub heights: [char; 9],
    /// A horizontal rule.
    pub rule: char,
    /// The frame of a pane.
    pub frame: border::Set<'static>,
    /// All is well.
    pub live: char,
    /// Something is on its way.
    pub moving: char,
    /// Waiting to try again.
    pub waiting: char,
    /// Away.
    pub away: char,
    /// Standing still because the reader said so.
    pub paused: char,
    /// Held: what has the keys, or the selected row.
    pub held: char,
    /// Cut off here.
    pub more: char,
    /// So many times.
    pub times: char,
    /// Between two hints.
    pub dot: char,
}

impl Glyphs {
    /// What the environment says that the terminal can show: the Linux console, whose fonts have few characters
    /// more, and a language whose characters are not UTF-8 get ASCII. A machine that names no language at all is
    /// taken for a modern one.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| env(name).filter(|value| !value.is_empty());
        // The first that is set decides, as in POSIX.
        let language =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).map(|name| name.to_lowercase());
        let utf8 = language.is_none_or(|name| name.contains("utf-8") || name.contains("utf8"));
        if utf8 && set("TERM").as_deref() != Some("linux") { Self::BLOCKS } else { Self::ASCII }
    }

    /// Makes a picture of ASCII alone, where that is the set: also what words and names brought along.
    pub fn narrow(&self, area: Rect, buffer: &mut Buffer) {
        if *self != Self::ASCII {
            return;
        }
        for position in area.positions() {
            let cell = &mut buffer[position];
            let plain = match cell.symbol() {
                symbol if symbol.is_ascii() => continue,
                "·" | "–" | "─" => "-",
                "…" | "▒" => "~",
                "×" => "x",
                "↑" => "^",
                "↓" => "v",
                _ => "?",
            };
            cell.set_symbol(plain);
        }
    }

    /// Blocks and box drawing.
    pub const BLOCKS: Self = Self {
        full: '█',
        free: '░',
        stale: '▒',
        heights: [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        rule: '─',
        frame: border::PLAIN,
        live: '●',
        moving: '◐',
        waiting: '◌',
        away: '✕',
        paused: '‖',
        held: '▌',
        more: '…',
        times: '×',
        dot: '·',
    };

    /// Letters and signs that a typewriter had.
    pub const ASCII: Self = Self {
        full: '#',
        free: '.',
        stale: '~',
        heights: [' ', '_', '_', '.', '-', '-', '=', '=', '#'],
        rule: '-',
        frame: border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        },
        live: '*',
        moving: '>',
        waiting: 'o',
        away: 'x',
        paused: '=',
        held: '>',
        more: '~',
        times: 'x',
        dot: '-',
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_cannot_show_blocks_gets_ascii() {
        for (pairs, glyphs) in [
            (&[("LANG", "en_GB.UTF-8")][..], Glyphs::BLOCKS),
            (&[], Glyphs::BLOCKS),
            (&[("LC_ALL", "C.utf8"), ("LANG", "C")], Glyphs::BLOCKS),
            (&[("LC_ALL", "C"), ("LANG", "id_ID.UTF-8")], Glyphs::ASCII),
            (&[("LANG", "C.UTF-8"), ("TERM", "linux")], Glyphs::ASCII),
        ] {
            let env =
                |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(Glyphs::detect(env), glyphs, "{pairs:?}");
        }
    }
}
