//! The four counters: who is inside, who came and went, what was booked, what has to be verified.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::domain::guest::{Flow, Guest};
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
    /// Beside the number, each with columns free before it.
    beside: Vec<(u16, String, Role)>,
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
        line(model, theme, stale, layout.line, buffer);
    }
    for (tile, frame) in tiles.iter().zip(layout.tiles).filter(|(_, frame)| frame.height > 0) {
        (&Pane::new(theme, model.locale.word(tile.title))).render(frame, buffer);
        draw_tile(theme, tile, (stale, status::doubt(model)), Pane::inner(frame), buffer);
    }
}

fn tiles(model: &Model, width: u16) -> [Tile; 4] {
    let (words, venue, now) = (&model.locale, &model.venue, model.now);
    let since =
        venue.counts_since(now).map(|at| words.fill("tile.since", &[("time", &words::clock(model, at))]));
    // The day's quarters go on to midnight; those to come would be drawn as an empty end.
    let begun = now.duration_since(venue.day(now).starts_at).as_secs().max(0) / (15 * 60) + 1;
    let begun = usize::try_from(begun).unwrap_or(0);
    let quarters = |counts: &[u32]| counts.iter().take(begun).copied().map(u64::from).collect::<Vec<_>>();

    let flow = venue.flow(now);
    let unlike = unlike(model, &flow);
    let inside = venue.inside(now);
    let over = inside.iter().filter(|guest| guest.over.is_some()).count();
    let longest = inside.iter().map(|guest: &Guest| guest.stayed).max();
    let (below, below_role) = match (over, longest) {
        (0, _) if since.is_some() && unlike.is_some() => (unlike.clone().unwrap_or_default(), Role::Dim),
        (0, None) => (String::new(), Role::Dim),
        (0, Some(longest)) => {
            (words.fill("tile.longest", &[("span", &words::age(model, longest))]), Role::Dim)
        }
        (over, _) => (format!("{} !", words.count("tile.over", over as u64)), Role::Act),
    };
    let first = Tile {
        title: "tile.inside",
        number: inside.len(),
        role: Role::Name,
        beside: since.iter().map(|since| (2, since.clone(), Role::Act)).collect(),
        below,
        below_role,
        chart: Vec::new(),
    };

    let mark = status::doubt(model);
    let below_flow = since.clone().or(unlike);
    let second = Tile {
        title: "tile.flow",
        number: flow.ins,
        role: Role::Arrive,
        beside: vec![
            (1, words.word("tile.in").to_owned(), Role::Arrive),
            (3, words.fill("tile.out", &[("n", &format!("{mark}{}", flow.outs))]), Role::Leave),
        ],
        below: below_flow.unwrap_or_else(|| words.word("tile.per_quarter").to_owned()),
        below_role: if since.is_some() { Role::Act } else { Role::Dim },
        chart: quarters(&flow.ins_per_quarter),
    };

    let bookings = venue.bookings(now);
    let number = columns(&bookings.count.to_string()) + 2;
    let third = Tile {
        title: "tile.bookings",
        number: bookings.count,
        role: Role::Name,
        beside: vec![(2, words::sums(model, &bookings.amounts, width.saturating_sub(number)), Role::Money)],
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
            Some(oldest) if urgent => vec![(2, format!("! {oldest}"), Role::Act)],
            Some(oldest) => vec![(2, oldest, Role::Dim)],
            None if status::deaf(model).is_some() => {
                vec![(2, words.word("tile.not_heard").to_owned(), Role::Act)]
            }
            None => vec![(2, words.word("tile.nothing_waits").to_owned(), Role::Dim)],
        },
        below: words::sums(model, &queue.amounts, width),
        below_role: Role::Money,
        chart: Vec::new(),
    };
    [first, second, third, fourth]
}

/// Why those inside are not those who came in less those who went out, where it is so.
fn unlike(model: &Model, flow: &Flow) -> Option<String> {
    let reasons =
        [("tile.before", flow.unmatched_outs + flow.earlier_outs), ("tile.again", flow.repeated_ins)];
    let said = reasons.into_iter().filter(|(_, count)| *count > 0);
    let said: Vec<_> = said
        .map(|(key, count)| model.locale.fill(key, &[("n", &model.locale.number(count as u64))]))
        .collect();
    (!said.is_empty()).then(|| said.join(" "))
}

fn draw_tile(theme: &Theme, tile: &Tile, (stale, mark): (bool, &str), area: Rect, buffer: &mut Buffer) {
    let number = if stale { Role::Stale } else { tile.role };
    let big = Big::new(theme, tile.number as u64, number);
    if big.fits(area.width, area.height.saturating_sub(1)) {
        (&big).render(area, buffer);
        let left = big.width() + 2;
        let beside =
            Rect { x: area.x + left.min(area.width), width: area.width.saturating_sub(left), ..area };
        if !mark.is_empty() {
            Pen::new(theme, beside, Big::HEIGHT - 1, buffer).text(mark, Role::Stale);
        }
        for (y, (_, text, role)) in (0..Big::HEIGHT).zip(&tile.beside) {
            Pen::new(theme, beside, y, buffer).text(text, *role);
        }
        let lower = Rect { y: area.y + Big::HEIGHT + u16::from(area.height > 4), height: 1, ..area };
        below(theme, tile, lower, buffer);
        return;
    }
    let mut pen = Pen::new(theme, area, 0, buffer);
    pen.text(&format!("{mark}{}", tile.number), number);
    for (gap, text, role) in &tile.beside {
        pen.skip(*gap).text(text, *role);
    }
    below(theme, tile, Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }, buffer);
}

/// The chart with what it shows, or the words alone.
fn below(theme: &Theme, tile: &Tile, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let words = columns(&tile.below);
    let chart = if tile.chart.iter().all(|count| *count == 0) {
        0
    } else {
        area.width.saturating_sub(if words > 0 { words + 1 } else { 0 }).min(24)
    };
    (&Spark::new(theme, &tile.chart)).render(Rect { width: chart, height: 1, ..area }, buffer);
    let gap = u16::from(chart > 0);
    let rest = Rect { x: area.x + chart + gap, width: area.width.saturating_sub(chart + gap), ..area };
    Pen::new(theme, rest, 0, buffer).text(&tile.below, tile.below_role);
}

/// The numbers in one line, as far as they fit.
fn line(model: &Model, theme: &Theme, stale: bool, area: Rect, buffer: &mut Buffer) {
    let (venue, now) = (&model.venue, model.now);
    let flow = venue.flow(now);
    let numbers = [
        ("tile.inside", venue.inside(now).len(), Role::Name),
        ("counter.in", flow.ins, Role::Arrive),
        ("counter.out", flow.outs, Role::Leave),
        ("tile.verify", venue.queue(now).payments.len(), Role::Act),
        ("counter.bookings", venue.bookings(now).count, Role::Name),
    ];
    let mark = status::doubt(model);
    let mut pen = Pen::new(theme, area, 0, buffer);
    pen.skip(1);
    for (key, number, role) in numbers {
        let (title, number) = (model.locale.word(key), format!("{mark}{number}"));
        if pen.room() < columns(title) + columns(&number) + 1 {
            break;
        }
        pen.text(title, Role::Dim).skip(1).text(&number, if stale { Role::Stale } else { role }).skip(2);
    }
}
