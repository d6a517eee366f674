//! Where everything stands: rectangles from the terminal's size and the model, for drawing and for the keys
//! and the mouse alike.
//!
//! Small terminals get less, not nothing: the whole picture needs 80×24, one column of panes 40×10, and below
//! that there are the counters and the link's state. Panes share their edges.

use ratatui::layout::Rect;

use crate::ui::model::Model;
use crate::ui::status;

/// From this width on a second column stands beside the first.
const WIDE: u16 = 110;
/// From this width on a third column stands beside the second.
const THIRD: u16 = 180;
/// From this height on the new bookings stand below the payments.
const FEED: u16 = 12;
/// From this width on the four counters stand side by side.
const TILES: u16 = 64;

/// The parts that every screen has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chrome {
    /// Row 0: the venue, its time, the link, who is logged in.
    pub header: Rect,
    /// The screens.
    pub tabs: Rect,
    /// What stands before the present truth; no height while there is nothing of the kind.
    pub banner: Rect,
    /// The screen itself.
    pub body: Rect,
    /// The one line of what is most urgent.
    pub alert: Rect,
    /// The keys that work here.
    pub hints: Rect,
}

impl Chrome {
    /// The parts for the model's present state. On a terminal that is too small for panes only header and
    /// body are left.
    pub fn of(model: &Model, area: Rect) -> Self {
        let mut rest = area;
        let small = is_small(area);
        let header = take(&mut rest, 1);
        let tabs = take(&mut rest, u16::from(!small));
        let banner = take(&mut rest, u16::from(!small && status::banner(model).is_some()));
        let hints = take_last(&mut rest, u16::from(!small));
        let alert = take_last(&mut rest, u16::from(!small));
        Self { header, tabs, banner, body: rest, alert, hints }
    }
}

/// Whether there is room for the counters and the link's state alone.
pub fn is_small(area: Rect) -> bool {
    area.width < 40 || area.height < 10
}

fn take(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    let taken = Rect { height, ..*rest };
    rest.y += height;
    rest.height -= height;
    taken
}

fn take_last(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    rest.height -= height;
    Rect { y: rest.bottom(), height, ..*rest }
}

/// Cuts `height` rows from the top of `rest`, whose first row stays shared as an edge.
fn take_shared(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    let taken = Rect { height, ..*rest };
    let used = height.saturating_sub(1);
    rest.y += used;
    rest.height -= used;
    taken
}

/// Cuts `width` columns from the left of `rest`, whose first column stays shared as an edge.
fn take_left(rest: &mut Rect, width: u16) -> Rect {
    let width = width.min(rest.width);
    let taken = Rect { width, ..*rest };
    let used = width.saturating_sub(1);
    rest.x += used;
    rest.width -= used;
    taken
}

/// The overview's parts; a pane for which there is no room has no height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverviewLayout {
    /// The four counters, side by side; all without height where they are one line.
    pub tiles: [Rect; 4],
    /// The counters in one line, on narrow screens.
    pub line: Rect,
    /// The sessions of the day.
    pub sessions: Rect,
    /// What needs somebody.
    pub needs: Rect,
    /// What happens.
    pub live: Rect,
    /// Who is inside, on wide screens.
    pub inside: Rect,
}

impl OverviewLayout {
    /// Divides a screen's body among `sessions` and `needs` rows and the feed.
    pub fn of(body: Rect, sessions: usize, needs: usize) -> Self {
        let none = Rect { width: 0, height: 0, ..body };
        // An empty pane has two rows to say what will come.
        let rows = |n: usize| if n == 0 { 2 } else { u16::try_from(n).unwrap_or(u16::MAX) };
        let mut rest = body;
        let mut layout =
            Self { tiles: [none; 4], line: none, sessions: none, needs: none, live: none, inside: none };
        if body.width >= TILES && body.height >= 12 {
            let row = take_shared(&mut rest, if body.height >= 26 { 7 } else { 4 });
            layout.tiles = columns(row);
        } else {
            layout.line = take(&mut rest, 1);
        }
        if body.width >= WIDE {
            let left_width = (rest.width * 3 / 5).max(74).min(rest.width);
            let mut left = Rect { width: left_width, ..rest };
            let mut right = Rect { x: rest.x + left_width - 1, width: rest.width - left_width + 1, ..rest };
            let height = pane(rows(sessions), rest.height / 2);
            layout.sessions = take_shared(&mut left, height);
            layout.live = left;
            let height = pane(rows(needs), rest.height / 2);
            layout.needs = take_shared(&mut right, height);
            layout.inside = right;
            return layout;
        }
        // The feed keeps a third; what needs somebody comes before the sessions when both want more.
        let room = rest.height.saturating_sub((rest.height / 3).max(4));
        if room >= 3 {
            let wanted = pane(rows(sessions).min(6), room);
            let needed = pane(
                rows(needs).min((rest.height / 4).max(3)),
                (room + 1).saturating_sub(wanted.min(room / 2 + 1)),
            );
            let both = room >= 6;
            let needed = if both { needed } else { 0 };
            layout.sessions = take_shared(&mut rest, wanted.min((room + 1).saturating_sub(needed)));
            if both {
                layout.needs = take_shared(&mut rest, needed);
            }
        }
        layout.live = rest;
        layout
    }
}

/// The height of a frame around so many rows, within a limit.
fn pane(rows: u16, limit: u16) -> u16 {
    rows.saturating_add(2).min(limit)
}

/// Four frames over the width of a row, sharing their edges.
fn columns(row: Rect) -> [Rect; 4] {
    let cut = |n: u16| row.x + u16::try_from(u32::from(row.width - 1) * u32::from(n) / 4).unwrap_or(0);
    [0, 1, 2, 3].map(|n| Rect { x: cut(n), width: cut(n + 1) - cut(n) + 1, ..row })
}

/// The activity screen's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivityLayout {
    /// The rates per channel.
    pub rates: Rect,
    /// The list.
    pub list: Rect,
    /// All of the selected row; no width while it is closed.
    pub detail: Rect,
    /// Whether the detail stands where the list was.
    pub covered: bool,
}

impl ActivityLayout {
    /// Divides a screen's body. Where there is room the detail stands beside the list or below it; else it
    /// takes the list's place while it is open.
    pub fn of(body: Rect, open: bool) -> Self {
        let mut rest = body;
        let rates = take(&mut rest, u16::from(body.height >= 8));
        let none = Rect { width: 0, height: 0, ..rest };
        if body.width >= WIDE {
            let width = rest.width * 3 / 5;
            let list = Rect { width, ..rest };
            let detail = Rect { x: rest.x + width - 1, width: rest.width - width + 1, ..rest };
            return Self { rates, list, detail, covered: false };
        }
        if !open {
            return Self { rates, list: rest, detail: none, covered: false };
        }
        if rest.height < 16 {
            return Self { rates, list: none, detail: rest, covered: true };
        }
        let half = rest.height / 2;
        let list = take_shared(&mut rest, half);
        Self { rates, list, detail: rest, covered: false }
    }
}

/// The payments screen's parts; one for which there is no room is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentsLayout {
    /// How many wait, and what was done today.
    pub summary: Rect,
    /// What cannot be heard.
    pub deaf: Rect,
    /// What waits.
    pub queue: Rect,
    /// All of the selected payment; beside the queue, below it, or in its place.
    pub detail: Rect,
    /// The new bookings.
    pub feed: Rect,
    /// Whether the detail stands where the queue was.
    pub covered: bool,
}

impl PaymentsLayout {
    /// Divides a screen's body; `open`: the reader wants the detail, `deaf`: there is something that cannot be
    /// heard. The parts depend on nothing else, so that they stay where they are whatever comes in.
    pub fn of(body: Rect, open: bool, deaf: bool) -> Self {
        let mut rest = body;
        let summary = take(&mut rest, 1);
        let deaf = take(&mut rest, u16::from(deaf && body.height >= 6));
        let none = Rect { width: 0, height: 0, ..rest };
        let mut layout = Self { summary, deaf, queue: none, detail: none, feed: none, covered: false };
        if body.width >= THIRD {
            layout.queue = take_left(&mut rest, body.width * 9 / 20);
            layout.detail = take_left(&mut rest, body.width / 4);
            layout.feed = rest;
            return layout;
        }
        if body.width >= WIDE {
            let mut left = take_left(&mut rest, body.width * 3 / 5);
            layout.detail = rest;
            if left.height >= FEED {
                let height = left.height * 3 / 5;
                layout.queue = take_shared(&mut left, height);
                layout.feed = left;
            } else {
                layout.queue = left;
            }
            return layout;
        }
        if open && rest.height < 16 {
            return Self { summary: none, deaf: none, detail: body, covered: true, ..layout };
        }
        if open {
            layout.queue = take_shared(&mut rest, body.height / 3);
            layout.detail = rest;
        } else if rest.height >= FEED {
            layout.queue = take_shared(&mut rest, body.height * 3 / 5);
            layout.feed = rest;
        } else {
            layout.queue = rest;
        }
        layout
    }
}

/// The columns of the link screen: one, or two side by side.
pub fn link_columns(body: Rect) -> [Rect; 2] {
    if body.width < WIDE {
        return [body, Rect { width: 0, height: 0, ..body }];
    }
    let width = body.width / 2;
    [Rect { width, ..body }, Rect { x: body.x + width - 1, width: body.width - width + 1, ..body }]
}

/// How many rows of a list fit into a frame.
pub fn page(frame: Rect) -> usize {
    usize::from(frame.height.saturating_sub(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every size up to 300×100 in steps that hit all the limits.
    fn bodies() -> impl Iterator<Item = Rect> {
        (0..=300)
            .step_by(3)
            .chain([TILES - 1, TILES, WIDE - 1, WIDE])
            .flat_map(|width| (0..=100).map(move |height| Rect::new(0, 3, width, height)))
    }

    #[test]
    fn nothing_stands_outside_of_its_screen() {
        for body in bodies() {
            for (sessions, needs) in [(0, 0), (1, 9), (3, 3), (40, 1)] {
                let layout = OverviewLayout::of(body, sessions, needs);
                let panes = [layout.line, layout.sessions, layout.needs, layout.live, layout.inside];
                for pane in layout.tiles.into_iter().chain(panes) {
                    assert!(pane.is_empty() || body.intersection(pane) == pane, "{pane:?} in {body:?}");
                }
            }
            for open in [false, true] {
                let layout = ActivityLayout::of(body, open);
                let payments = PaymentsLayout::of(body, open, !open);
                let panes = [layout.rates, layout.list, layout.detail, payments.summary, payments.deaf];
                for pane in panes.into_iter().chain([payments.queue, payments.detail, payments.feed]) {
                    assert!(pane.is_empty() || body.intersection(pane) == pane, "{pane:?} in {body:?}");
                }
            }
        }
    }

    #[test]
    fn panes_share_edges_and_cover_nothing_of_each_other() {
        for body in bodies() {
            let layout = OverviewLayout::of(body, 3, 3);
            let panes: Vec<Rect> = layout
                .tiles
                .into_iter()
                .chain([layout.sessions, layout.needs, layout.live, layout.inside])
                .filter(|pane| pane.width > 1 && pane.height > 1)
                .collect();
            for (i, a) in panes.iter().enumerate() {
                for b in &panes[i + 1..] {
                    let common = a.intersection(*b);
                    assert!(
                        common.is_empty() || common.width == 1 || common.height == 1,
                        "{a:?} {b:?} in {body:?}"
                    );
                }
            }
        }
    }
}
