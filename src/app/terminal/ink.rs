//! Cells as a terminal reads them: where, how, and which character.
//!
//! The sixteen named colours are written as every colour terminal knows them (`31`, `94`), not as places in a
//! table of 256, which older ones take for blinking; what is more than that is in a cell only where the theme
//! was loaded for a terminal that shows it.

use std::io::{self, Write};

use crossterm::cursor::MoveTo;
use crossterm::queue;
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

const MODIFIERS: [(Modifier, u8); 9] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::RAPID_BLINK, 6),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

/// Writes these cells, each with its column and row, and leaves the terminal without a style.
pub(super) fn write<'a>(
    writer: &mut impl Write,
    cells: impl IntoIterator<Item = (u16, u16, &'a Cell)>,
) -> io::Result<()> {
    let (mut place, mut style) = (None, None);
    for (x, y, cell) in cells {
        if place != Some((x, y)) {
            queue!(writer, MoveTo(x, y))?;
        }
        place = Some((x.saturating_add(1), y));
        let own = (cell.fg, cell.bg, cell.modifier);
        if style != Some(own) {
            write_style(writer, cell)?;
            style = Some(own);
        }
        writer.write_all(cell.symbol().as_bytes())?;
    }
    if style.is_some() { writer.write_all(b"\x1b[0m") } else { Ok(()) }
}

/// Writes a style as a whole, whatever was before it.
fn write_style(writer: &mut impl Write, cell: &Cell) -> io::Result<()> {
    writer.write_all(b"\x1b[0")?;
    for (_, code) in MODIFIERS.iter().filter(|(modifier, _)| cell.modifier.contains(*modifier)) {
        write!(writer, ";{code}")?;
    }
    write_colour(writer, cell.fg, 0)?;
    write_colour(writer, cell.bg, 10)?;
    writer.write_all(b"m")
}

/// A colour's code, the ground's so much above the letters'.
fn write_colour(writer: &mut impl Write, colour: Color, above: u8) -> io::Result<()> {
    let code = match colour {
        // Nothing to write: the style begins without any.
        Color::Reset => return Ok(()),
        Color::Indexed(index) => return write!(writer, ";{};5;{index}", 38 + above),
        Color::Rgb(r, g, b) => return write!(writer, ";{};2;{r};{g};{b}", 38 + above),
        Color::Black => 30,
        Color::Red => 31,
        Color::Green => 32,
        Color::Yellow => 33,
        Color::Blue => 34,
        Color::Magenta => 35,
        Color::Cyan => 36,
        Color::Gray => 37,
        Color::DarkGray => 90,
        Color::LightRed => 91,
        Color::LightGreen => 92,
        Color::LightYellow => 93,
        Color::LightBlue => 94,
        Color::LightMagenta => 95,
        Color::LightCyan => 96,
        Color::White => 97,
    };
    write!(writer, ";{}", code + above)
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;
    use crate::ui::theme::{Depth, Role, Theme, names};

    fn written(styles: &[(&str, Style)]) -> String {
        let cells: Vec<Cell> = styles
            .iter()
            .map(|(symbol, style)| {
                let mut cell = Cell::default();
                cell.set_symbol(symbol).set_style(*style);
                cell
            })
            .collect();
        let mut text = Vec::new();
        let places = (5_u16..).zip(&cells).map(|(x, cell)| (x, 2, cell));
        write(&mut text, places).expect("a vector takes everything");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn neighbours_of_one_style_are_written_in_one_go() {
        let bold = Style::new().fg(Color::LightRed).bg(Color::Black).add_modifier(Modifier::BOLD);
        let text = written(&[("a", bold), ("é", bold), ("c", Style::new().fg(Color::Rgb(1, 2, 3)))]);
        assert_eq!(text, "\x1b[3;6H\x1b[0;1;91;40maé\x1b[0;38;2;1;2;3mc\x1b[0m");
        assert_eq!(written(&[]), "");
    }

    #[test]
    fn no_theme_asks_a_terminal_for_more_than_it_can_show() {
        for name in names() {
            for depth in [Depth::Mono, Depth::Sixteen, Depth::Indexed, Depth::True] {
                let theme = Theme::load(name, depth, None).expect(name);
                for (role, _) in Role::ALL {
                    let text = written(&[("x", theme.of(role))]);
                    let codes = text.split_once("\x1b[0").and_then(|(_, rest)| rest.split_once('m'));
                    let codes = codes.expect("a style").0;
                    let mut each = codes.split(';').filter_map(|code| code.parse::<u8>().ok());
                    let fits = match depth {
                        Depth::Mono => each.all(|code| code < 10),
                        Depth::Sixteen => each.all(|code| code != 38 && code != 48),
                        Depth::Indexed => !codes.contains("8;2;"),
                        Depth::True => true,
                    };
                    assert!(fits, "{name} at {depth:?}, {role:?}: {codes}");
                }
            }
        }
    }
}
