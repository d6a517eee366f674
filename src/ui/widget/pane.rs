//! A frame with a title at the left and a note at the right of its upper edge.
//!
//! Frames that share an edge are drawn over each other and join.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::merge::MergeStrategy;
use ratatui::widgets::{Block, Borders, Widget};

use crate::ui::theme::{Role, Theme};
use crate::ui::widget::Pen;

/// The frame.
pub struct Pane<'a> {
    theme: &'a Theme,
    title: &'a str,
    note: &'a str,
    note_role: Role,
    focused: bool,
}

impl<'a> Pane<'a> {
    /// A frame with a title.
    pub fn new(theme: &'a Theme, title: &'a str) -> Self {
        Self { theme, title, note: "", note_role: Role::Dim, focused: false }
    }

    /// Words at the right of its upper edge; left out where there is no room.
    #[must_use]
    pub fn note(mut self, note: &'a str, role: Role) -> Self {
        (self.note, self.note_role) = (note, role);
        self
    }

    /// Whether it has the keys.
    #[must_use]
    pub fn focused(mut self, focused: bool) -> Self {
        self.focused = focused;
        self
    }

    /// What is left inside the frame, with a column of air at each side.
    pub fn inner(area: Rect) -> Rect {
        Rect {
            x: area.x.saturating_add(2).min(area.right()),
            y: area.y.saturating_add(1).min(area.bottom()),
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(2),
        }
    }
}

impl Widget for &Pane<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.width < 2 || area.height < 2 {
            return;
        }
        Block::new()
            .borders(Borders::ALL)
            .border_set(self.theme.glyphs.frame)
            .border_style(self.theme.of(Role::Line))
            .merge_borders(MergeStrategy::Exact)
            .render(area, buffer);
        let edge = Rect::new(area.x + 2, area.y, area.width.saturating_sub(4), 1);
        let title = format!(" {} ", self.title);
        let mut pen = Pen::new(self.theme, edge, 0, buffer);
        if !self.title.is_empty() && pen.room() > 4 {
            pen.text(&title, if self.focused { Role::Focus } else { Role::Title });
        }
        if !self.note.is_empty() {
            pen.tail(&format!(" {} ", self.note), self.note_role, 1);
        }
    }
}
