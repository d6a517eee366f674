//! A chart one row high: a column for each number, the newest at the right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::ui::theme::{Role, Theme};

/// The chart. Shows as many of the last numbers as there are columns.
pub struct Spark<'a> {
    theme: &'a Theme,
    values: &'a [u64],
    role: Role,
    top: Option<u64>,
}

impl<'a> Spark<'a> {
    /// A chart of these numbers, oldest first; the largest shown reaches the top.
    pub fn new(theme: &'a Theme, values: &'a [u64]) -> Self {
        Self { theme, values, role: Role::Spark, top: None }
    }

    /// How its columns look.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The number that reaches the top, in place of the largest.
    #[must_use]
    pub fn top(mut self, top: u64) -> Self {
        self.top = Some(top);
        self
    }
}

impl Widget for &Spark<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let from = self.values.len().saturating_sub(usize::from(area.width));
        let shown = &self.values[from..];
        let top = self.top.or(shown.iter().max().copied()).unwrap_or(0).max(1);
        let style = self.theme.of(self.role);
        for (x, value) in (area.x..).zip(shown) {
            let glyph = self.theme.glyphs.heights[height(*value, top)];
            buffer[(x, area.y)].set_char(glyph).set_style(style);
        }
    }
}

/// The height of a column, 0 to 8. Anything above nothing shows.
fn height(value: u64, top: u64) -> usize {
    let exact = (u128::from(value.min(top)) * 8).div_ceil(u128::from(top));
    usize::try_from(exact).unwrap_or(8).min(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nothing_is_drawn_as_nothing() {
        for top in 1..40 {
            for value in 0..=top {
                assert_eq!(height(value, top) == 0, value == 0, "{value}/{top}");
            }
            assert_eq!((height(top, top), height(top + 1, top)), (8, 8));
        }
        assert_eq!(height(u64::MAX, u64::MAX), 8);
    }
}
