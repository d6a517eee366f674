//! A horizontal bar: so much of so much.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::ui::theme::{Role, Theme};

/// A bar over the whole width of its area, one row high.
pub struct Gauge<'a> {
    theme: &'a Theme,
    used: u64,
    total: u64,
    role: Role,
    stale: bool,
}

impl<'a> Gauge<'a> {
    /// `used` of `total`; more than all fills it.
    pub fn new(theme: &'a Theme, used: u64, total: u64) -> Self {
        Self { theme, used, total, role: Role::Bar, stale: false }
    }

    /// The role of its taken part.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Whether the numbers may be out of date; the bar then looks different in shape too.
    #[must_use]
    pub fn stale(mut self, stale: bool) -> Self {
        self.stale = stale;
        self
    }
}

impl Widget for &Gauge<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let full = filled(self.used, self.total, area.width);
        let glyphs = self.theme.glyphs;
        let (glyph, role) = if self.stale { (glyphs.stale, Role::Stale) } else { (glyphs.full, self.role) };
        for column in 0..area.width {
            let (glyph, role) = if column < full { (glyph, role) } else { (glyphs.free, Role::Free) };
            buffer[(area.x + column, area.y)].set_char(glyph).set_style(self.theme.of(role));
        }
    }
}

/// How many of `width` columns are taken. All are only when nothing is free, and none only when nothing is
/// taken: a bar must not say full before it is.
fn filled(used: u64, total: u64, width: u16) -> u16 {
    if used == 0 || width == 0 {
        return 0;
    }
    if used >= total {
        return width;
    }
    let exact = u128::from(used) * u128::from(width) / u128::from(total);
    u16::try_from(exact).unwrap_or(width).clamp(1, (width - 1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_only_when_all_is_taken_and_empty_only_when_nothing_is() {
        for width in 2..60 {
            for total in 1..50 {
                for used in 0..=total {
                    let columns = filled(used, total, width);
                    assert_eq!(columns == 0, used == 0, "{used}/{total} in {width}");
                    assert_eq!(columns == width, used == total, "{used}/{total} in {width}");
                }
            }
        }
        assert_eq!(filled(5, 0, 10), 10);
        assert_eq!(filled(9, 3, 10), 10);
        assert_eq!(filled(u64::MAX - 1, u64::MAX, u16::MAX), u16::MAX - 1);
    }
}
