//! The characters that bars, charts, frames and marks are made of.
//!
//! Two sets: blocks and box drawing, which every terminal of the last twenty years has, and plain ASCII for
//! those that do not. No sign exists in one set alone.

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
