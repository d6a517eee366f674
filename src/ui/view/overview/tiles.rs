//! The four counters: who is inside, who came and went, what was booked, what has to be verified.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::domain::guest::Guest;
use crate::ui::layout::OverviewLayout;
use crate::ui::model::Model;
use crate::ui::status;
use crate::ui::theme::{Role, Theme};
use crate::ui::view::words;
use crate::ui::widget::pen::columns;
use crate::ui::widget::{Big, Pane, Pen, Spark};

/// What one counter says.
struct Tile {
    title: &'static str,
    number: usize,
    role: Role,
    /// Beside the number.
    beside: String,
    beside_role: Role,
    /// Below it.
    below: String,
    below_role: Role,
    /// The quarters of an hour of the day so far.
    chart: Vec<u64>,
}

pub(super) fn draw(model: &Model, theme: &Theme, layout: &OverviewLayout, buffer: &mut Buffer) {
    let tiles = tiles(model, layout.tiles[0].width.saturating_sub(4));
    let stale = status::is_stale(model);
    if layout.line.height > 0 {
        line(model, theme, &tiles, stale, layout.line, buffer);
    }
    for (tile, frame) in tiles.iter().zip(layout.tiles).filter(|(_, frame)| frame.height > 0) {
        (&Pane::new(theme, model.locale.word(tile.title))).render(frame, buffer);
        let inner = Rect { x: frame.x + 2, y: frame.y + 1, width: frame.width.saturating_sub(3), height: frame.height.saturating_sub(2) };
        draw_tile(theme, tile, stale, inner, buffer);
    }
}

fn tiles(model: &Model, width: u16) -> [Tile; 4] {
    let (words, venue, now) = (&model.locale, &model.venue, model.now);
    let since = venue.counts_since(now).map(|at| words.fill("tile.since", &[("time", &words::clock(model, at))]));
    let quarters = |counts: &[u32]| counts.iter().copied().map(u64::from).collect::<Vec<_>>();

    let inside = venue.inside(now);
    let over = inside.iter().filter(|guest| guest.over.is_some()).count();
    let longest = inside.iter().map(|guest: &Guest| guest.stayed).max();
    let (below, below_role) = match (over, longest) {
        (0, None) => (String::new(), Role::Dim),
        (0, Some(longest)) => (words.fill("tile.longest", &[("span", &words::age(model, longest))]), Role::Dim),
        (over, _) => (format!("{} !", words.count("tile.over", over as u64)), Role::Act),
    };
    let first = Tile {
        title: "tile.inside",
        number: inside.len(),
        role: Role::Name,
        beside: since.clone().unwrap_or_default(),
        beside_role: Role::Act,
        below,
        below_role,
        chart: Vec::new(),
    };

    let flow = venue.flow(now);
    let per_quarter = || since.clone().unwrap_or_else(|| words.word("tile.per_quarter").to_owned());
    let second = Tile {
        title: "tile.flow",
        number: flow.ins,
        role: Role::Arrive,
        beside: words.fill("tile.in_out", &[("outs", &flow.outs.to_string())]),
        beside_role: Role::Leave,
        below: per_quarter(),
        below_role: if since.is_some() { Role::Act } else { Role::Dim },
        chart: quarters(&flow.ins_per_quarter),
    };

    let bookings = venue.bookings(now);
    let number = columns(&bookings.count.to_string()) + 2;
    let third = Tile {
        title: "tile.bookings",
        number: bookings.count,
        role: Role::Name,
        beside: words::sums(model, &bookings.amounts, width.saturating_sub(number)),
        beside_role: Role::Money,
        below: since.clone().unwrap_or_default(),
        below_role: Role::Act,
        chart: quarters(&bookings.per_quarter),
    };

    let queue = venue.queue(now);
    let waiting = queue.payments.len();
    let oldest = queue.oldest().map(|age| words.fill("tile.oldest", &[("span", &words::age(model, age))]));
    let urgent = queue.oldest().is_some_and(|age| age >= venue.settings().patience);
    let fourth = Tile {
        title: "tile.verify",
        number: waiting,
        role: if urgent { Role::Act } else { Role::Name },
        beside: match oldest {
            Some(oldest) if urgent => format!("! {oldest}"),
            Some(oldest) => oldest,
            None => words.word("tile.nothing_waits").to_owned(),
        },
        beside_role: if urgent { Role::Act } else { Role::Dim },
        below: words::sums(model, &queue.amounts, width),
        below_role: Role::Money,
        chart: Vec::new(),
    };
    [first, second, third, fourth]
}

fn draw_tile(theme: &Theme, tile: &Tile, stale: bool, area: Rect, buffer: &mut Buffer) {
    let number = if stale { Role::Stale } else { tile.role };
    let big = Big::new(theme, tile.number as u64, number);
    if big.fits(area.width, area.height.saturating_sub(1)) {
        (&big).render(area, buffer);
        let left = big.width() + 2;
        let beside = Rect { x: area.x + left.min(area.width), width: area.width.saturating_sub(left), height: 1, ..area };
        if stale {
            Pen::new(theme, Rect { y: area.y + 1, ..beside }, 0, buffer).text("~", Role::Stale);
        }
        // Beside big digits there is room for two short rows; longer words go on below.
        for (y, row) in (0..2).zip(crate::ui::widget::pen::wrap(&tile.beside, beside.width)) {
            let role = tile.beside_role;
            Pen::new(theme, Rect { y: area.y + y, ..beside }, 0, buffer).text(&row, role);
        }
        let lower = Rect { y: area.y + Big::HEIGHT + u16::from(area.height > 4), height: 1, ..area };
        below(theme, tile, lower, buffer);
        return;
    }
    let mark = if stale { "~" } else { "" };
    let mut pen = Pen::new(theme, area, 0, buffer);
    pen.text(&format!("{mark}{}", tile.number), number).skip(2).text(&tile.beside, tile.beside_role);
    below(theme, tile, Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }, buffer);
}

/// The chart with what it shows, or the words alone.
fn below(theme: &Theme, tile: &Tile, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let words = columns(&tile.below);
    let chart = if tile.chart.is_empty() { 0 } else { area.width.saturating_sub(if words > 0 { words + 1 } else { 0 }).min(24) };
    (&Spark::new(theme, &tile.chart)).render(Rect { width: chart, height: 1, ..area }, buffer);
    let gap = u16::from(chart > 0);
    let rest = Rect { x: area.x + chart + gap, width: area.width.saturating_sub(chart + gap), ..area };
    Pen::new(theme, rest, 0, buffer).text(&tile.below, tile.below_role);
}

/// All four in one line, as far as they fit.
fn line(model: &Model, theme: &Theme, tiles: &[Tile; 4], stale: bool, area: Rect, buffer: &mut Buffer) {
    let mark = if stale { "~" } else { "" };
    let mut pen = Pen::new(theme, area, 0, buffer);
    pen.skip(1);
    for tile in tiles {
        let (title, number) = (model.locale.word(tile.title), format!("{mark}{}", tile.number));
        if pen.room() < columns(title) + columns(&number) + 1 {
            break;
        }
        pen.text(title, Role::Dim).skip(1).text(&number, if stale { Role::Stale } else { tile.role }).skip(2);
    }
}
