//! Digits three rows high, readable from across the room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::ui::theme::{Role, Theme};

/// The rows of the ten digits, each three columns wide.
const DIGITS: [[&str; 3]; 10] = [
    ["█▀█", "█ █", "▀▀▀"],
    ["▀█ ", " █ ", "▀▀▀"],
    ["▀▀█", "█▀▀", "▀▀▀"],
    ["▀▀█", " ▀█", "▀▀▀"],
    ["█ █", "▀▀█", "  ▀"],
    ["█▀▀", "▀▀█", "▀▀▀"],
    ["█▀▀", "█▀█", "▀▀▀"],
    ["▀▀█", "  █", "  ▀"],
    ["█▀█", "█▀█", "▀▀▀"],
    ["█▀█", "▀▀█", "▀▀▀"],
];

/// A whole number in big digits, from the left of its area. Drawn whole or not at all.
pub struct Big<'a> {
    theme: &'a Theme,
    number: u64,
    role: Role,
}

impl<'a> Big<'a> {
    /// How many rows it takes.
    pub const HEIGHT: u16 = 3;

    /// The number.
    pub fn new(theme: &'a Theme, number: u64, role: Role) -> Self {
        Self { theme, number, role }
    }

    /// How many columns it takes.
    pub fn width(&self) -> u16 {
        let digits = self.number.checked_ilog10().unwrap_or(0) + 1;
        u16::try_from(digits * 4 - 1).unwrap_or(u16::MAX)
    }

    /// Whether it can be drawn in an area of this size: it has to fit, and a terminal without block
    /// characters cannot show it at all.
    pub fn fits(&self, width: u16, height: u16) -> bool {
        self.theme.glyphs.full == '█' && height >= Self::HEIGHT && width >= self.width()
    }
}

impl Widget for &Big<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if !self.fits(area.width, area.height) {
            return;
        }
        // Bold would make some terminals draw the blocks of another font.
        let style = ratatui::style::Style {
            add_modifier: ratatui::style::Modifier::empty(),
            ..self.theme.of(self.role)
        };
        for (x, digit) in (area.x..).step_by(4).zip(self.number.to_string().bytes()) {
            for (y, row) in (area.y..).zip(DIGITS[usize::from(digit.saturating_sub(b'0')) % 10]) {
                buffer.set_string(x, y, row, style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn every_digit_fills_its_cell_and_looks_like_no_other() {
        for (n, digit) in DIGITS.iter().enumerate() {
            assert!(digit.iter().all(|row| row.width() == 3), "{n}");
            assert!(DIGITS.iter().skip(n + 1).all(|other| other != digit), "{n}");
        }
    }
}
