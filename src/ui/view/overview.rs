//! Everything at a glance: the counters, the day's sessions, what needs somebody, and what happens.

mod panes;
mod tiles;

pub(super) use panes::draw_line;

use jiff::civil::Date;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::activity::{follow_step, pause};
use super::{View, ViewId};
use crate::domain::session::SessionView;
use crate::domain::venue::{Need, NeedId};
use crate::ui::action::Action;
use crate::ui::cursor::Step;
use crate::ui::layout::{OverviewLayout, page};
use crate::ui::log::{Fold, RowId};
use crate::ui::model::{Model, OverviewPane};
use crate::ui::theme::Theme;
use crate::untrusted::Untrusted;

/// The screen.
pub(super) struct Screen;

/// What the panes show, read from the venue once for a drawing.
struct Picture {
    date: Date,
    sessions: Vec<SessionView>,
    needs: Vec<Need>,
    layout: OverviewLayout,
}

impl Picture {
    fn of(model: &Model, body: Rect) -> Self {
        let today = model.zone.to_datetime(model.now).date();
        // With nothing today the next day that has sessions is worth more than an empty pane.
        let known = model.venue.dates();
        let date = known.iter().copied().find(|date| *date >= today).unwrap_or(today);
        let sessions = model.venue.sessions(date, model.now);
        let needs = model.venue.needs(model.now);
        let layout = OverviewLayout::of(body, sessions.len(), needs.len());
        Self { date, sessions, needs, layout }
    }

    fn pane_at(&self, at: Position) -> Option<OverviewPane> {
        [
            (OverviewPane::Live, self.layout.live),
            (OverviewPane::Needs, self.layout.needs),
            (OverviewPane::Sessions, self.layout.sessions),
        ]
        .into_iter()
        .find(|(_, frame)| frame.contains(at))
        .map(|(pane, _)| pane)
    }
}

/// The feed's rows up to the one at which it is held, and how many newer ones wait.
fn feed(model: &Model) -> (Vec<Fold>, u64) {
    let held = model.overview.feed.held;
    let shown = model.log.feed(held);
    let waiting = held.map_or(0, |held| model.log.news_since(held));
    (shown, waiting)
}

impl View for Screen {
    fn draw(&self, model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let picture = Picture::of(model, area);
        tiles::draw(model, theme, &picture.layout, buffer);
        panes::sessions(model, theme, &picture, buffer);
        panes::needs(model, theme, &picture, buffer);
        panes::live(model, theme, picture.layout.live, buffer);
        panes::inside(model, theme, picture.layout.inside, buffer);
    }

    fn step(&self, model: &mut Model, step: Step) {
        let picture = Picture::of(model, super::body(model));
        match model.overview.pane {
            OverviewPane::Live => {
                let ids: Vec<RowId> = feed(model).0.iter().map(|fold| fold.id).collect();
                let newest = model.log.newest();
                follow_step(&mut model.overview.feed, step, &ids, newest, page(picture.layout.live));
            }
            OverviewPane::Needs => {
                let ids: Vec<NeedId> = picture.needs.iter().map(Need::id).collect();
                model.overview.needs.step(step, &ids, page(picture.layout.needs));
            }
            OverviewPane::Sessions => {
                let ids: Vec<_> = picture.sessions.iter().map(|session| session.key.clone()).collect();
                model.overview.sessions.step(step, &ids, page(picture.layout.sessions));
            }
        }
    }

    fn act(&self, model: &mut Model, action: Action) {
        let newest = model.log.newest();
        let layout = Picture::of(model, super::body(model)).layout;
        let state = &mut model.overview;
        let forward = [OverviewPane::Live, OverviewPane::Sessions, OverviewPane::Needs];
        match action {
            Action::NextPane | Action::PreviousPane => {
                let shown = |pane: &OverviewPane| match pane {
                    OverviewPane::Live => true,
                    OverviewPane::Sessions => layout.sessions.height > 2,
                    OverviewPane::Needs => layout.needs.height > 2,
                };
                let panes: Vec<_> = forward.into_iter().filter(shown).collect();
                let here = panes.iter().position(|pane| *pane == state.pane).unwrap_or(0);
                let by = if action == Action::NextPane { 1 } else { panes.len() - 1 };
                state.pane = panes[(here + by) % panes.len()];
            }
            Action::Pause => pause(&mut state.feed, newest),
            Action::Back => match state.pane {
                OverviewPane::Live => state.feed.release(),
                OverviewPane::Needs => state.needs.release(),
                OverviewPane::Sessions => state.sessions.release(),
            },
            Action::Quit
            | Action::Interrupt
            | Action::Show(_)
            | Action::Help
            | Action::Move(_)
            | Action::Open
            | Action::Filter
            | Action::Copy
            | Action::Retry
            | Action::Language => {}
        }
    }

    fn point(&self, model: &mut Model, body: Rect, at: Position) {
        if let Some(pane) = Picture::of(model, body).pane_at(at) {
            model.overview.pane = pane;
        }
    }

    fn click(&self, model: &mut Model, body: Rect, at: Position) {
        let picture = Picture::of(model, body);
        let row = |frame: Rect| usize::from(at.y.saturating_sub(frame.y + 1));
        let inside = |frame: Rect| at.y > frame.y && at.y + 1 < frame.bottom();
        if picture.layout.tiles[3].contains(at) {
            model.view = ViewId::Payments;
        }
        match picture.pane_at(at) {
            Some(OverviewPane::Live) if inside(picture.layout.live) => {
                let ids: Vec<RowId> = feed(model).0.iter().map(|fold| fold.id).collect();
                let (newest, height) = (model.log.newest(), page(picture.layout.live));
                let cursor = &mut model.overview.feed;
                let index = cursor.window(&ids, height).start + row(picture.layout.live);
                if index < ids.len() {
                    cursor.held = cursor.held.or(newest);
                    cursor.select_at(index, &ids, height);
                }
            }
            Some(OverviewPane::Needs) if inside(picture.layout.needs) => {
                let ids: Vec<NeedId> = picture.needs.iter().map(Need::id).collect();
                let height = page(picture.layout.needs);
                let index = model.overview.needs.window(&ids, height).start + row(picture.layout.needs);
                model.overview.needs.select_at(index, &ids, height);
            }
            Some(OverviewPane::Sessions) if inside(picture.layout.sessions) => {
                let ids: Vec<_> = picture.sessions.iter().map(|session| session.key.clone()).collect();
                let height = page(picture.layout.sessions);
                let index = model.overview.sessions.window(&ids, height).start + row(picture.layout.sessions);
                model.overview.sessions.select_at(index, &ids, height);
            }
            Some(OverviewPane::Live | OverviewPane::Needs | OverviewPane::Sessions) | None => {}
        }
    }

    /// The booking code of the selected row.
    fn copy(&self, model: &Model) -> Option<String> {
        use crate::domain::headline::Headline;
        use crate::ui::log::Row;
        let code = match model.overview.pane {
            OverviewPane::Live => match model.log.get(model.overview.feed.selected?)? {
                Row::Heard(reading) => Headline::of(reading).code,
                Row::Note(_) => None,
            },
            OverviewPane::Needs => {
                let selected = model.overview.needs.selected.as_ref()?;
                let needs = model.venue.needs(model.now);
                match needs.into_iter().find(|need| need.id() == *selected)? {
                    Need::Pay(payment) => payment.code,
                    Need::Over(guest) => guest.code,
                    Need::Full(_) => None,
                }
            }
            OverviewPane::Sessions => None,
        };
        Some(Untrusted::new(&code?).line(100))
    }
}
