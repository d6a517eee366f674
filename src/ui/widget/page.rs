//! A page of text in pieces of different roles, laid out once for a width and shown from any of its rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ui::model::Model;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::Pen;
use crate::ui::widget::pen::{columns, wrap};

/// The page. Its texts are our own words, or have been made safe.
pub struct Page {
    width: u16,
    rows: Vec<Vec<(String, Role)>>,
}

/// How wide the left column of entries is, at most.
const LABEL: u16 = 20;

impl Page {
    /// An empty page of this width.
    pub fn new(width: u16) -> Self {
        Self { width, rows: Vec::new() }
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is nothing on it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A heading of its own row.
    pub fn heading(&mut self, text: &str) {
        self.rows.push(vec![(text.to_owned(), Role::Title)]);
    }

    /// An empty row.
    pub fn blank(&mut self) {
        self.rows.push(Vec::new());
    }

    /// One row, cut where it does not fit.
    pub fn row(&mut self, pieces: Vec<(String, Role)>) {
        self.rows.push(pieces);
    }

    /// Text over as many rows as it needs, behind `indent` columns.
    pub fn text(&mut self, indent: u16, text: &str, role: Role) {
        for row in wrap(text, self.width.saturating_sub(indent)) {
            self.rows.push(vec![(" ".repeat(usize::from(indent)), role), (row, role)]);
        }
    }

    /// A label, and beside it text over as many rows as it needs.
    pub fn entry(&mut self, label: &str, label_role: Role, text: &str, role: Role) {
        let left = LABEL.min(self.width / 3);
        let mut label = (format!("  {label}"), label_role);
        if columns(&label.0) >= left {
            self.rows.push(vec![label]);
            label = (String::new(), label_role);
        }
        let mut lines = wrap(text, self.width.saturating_sub(left));
        if lines.is_empty() {
            lines.push(String::new());
        }
        for line in lines {
            let pad = " ".repeat(usize::from(left.saturating_sub(columns(&label.0))));
            self.rows.push(vec![label, (pad, role), (line, role)]);
            label = (String::new(), label_role);
        }
    }

    /// More text behind the last row; what does not fit goes on below, under its own beginning.
    pub fn append(&mut self, text: &str, role: Role) {
        let Some(last) = self.rows.last_mut() else { return self.text(0, text, role) };
        let indent = last.iter().map(|(text, _)| columns(text)).sum::<u16>().min(self.width / 2);
        let mut lines = wrap(text, self.width.saturating_sub(indent)).into_iter();
        last.extend(lines.next().map(|line| (line, role)));
        for line in lines {
            self.rows.push(vec![(" ".repeat(usize::from(indent)), role), (line, role)]);
        }
    }

    /// All of it as text.
    pub fn plain(&self) -> String {
        let line = |row: &Vec<(String, Role)>| row.iter().map(|(text, _)| text.as_str()).collect::<String>();
        self.rows.iter().map(|row| line(row).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    /// Draws what fits from row `top` on; never less than there is.
    pub fn draw(&self, theme: &Theme, top: usize, area: Rect, buffer: &mut Buffer) {
        let top = top.min(self.rows.len().saturating_sub(usize::from(area.height)));
        for (y, row) in (0..area.height).zip(&self.rows[top..]) {
            let mut pen = Pen::new(theme, area, y, buffer);
            for (text, role) in row {
                pen.text(text, *role);
            }
        }
    }

    /// What a frame says of a page of which only `height` rows from `top` on are shown; nothing if all are.
    pub fn note(&self, model: &Model, top: usize, height: usize) -> String {
        let below = self.rows.len().saturating_sub(top.saturating_add(height));
        match u64::try_from(below).unwrap_or(u64::MAX) {
            0 => String::new(),
            n => model.locale.count("page.below", n),
        }
    }
}
