//! The screens, and what stands around each of them.
//!
//! A screen is one file and one line in [`VIEWS`]; the rows around it (status, screens, banner, alert, keys)
//! are always in the same place and never scroll.

mod activity;
mod chrome;
pub(in crate::ui) mod help;
mod link;
mod overview;
mod payments;
mod words;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::ui::action::Action;
use crate::ui::cursor::Step;
use crate::ui::layout::{self, Chrome};
use crate::ui::model::Model;
use crate::ui::theme::{Role, Theme};

pub(in crate::ui) use chrome::tabs;

/// Names a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ViewId {
    /// Everything at a glance.
    Overview,
    /// What waits to be verified.
    Payments,
    /// Every event, raw and decoded.
    Activity,
    /// The connection.
    Link,
}

/// A screen.
pub trait View: Sync {
    /// Draws it.
    fn draw(&self, model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer);
    /// Goes through the rows of the pane that has the keys.
    fn step(&self, model: &mut Model, step: Step);
    /// Does what the reader wants; the table of actions says what can be wanted here.
    fn act(&self, model: &mut Model, action: Action);
    /// Gives the keys to the pane at this place.
    fn point(&self, model: &mut Model, body: Rect, at: Position);
    /// Selects the row at this place.
    fn click(&self, model: &mut Model, body: Rect, at: Position);
    /// What a copy takes.
    fn copy(&self, model: &Model) -> Option<String>;
}

/// One line of the table of screens.
pub struct Entry {
    /// Which screen.
    pub id: ViewId,
    /// Its number, which it keeps whatever other screens there are.
    pub number: char,
    /// Its name in the catalogue.
    pub name: &'static str,
}

/// The screens, in the order of their numbers.
pub const VIEWS: [Entry; 4] = [
    Entry { id: ViewId::Overview, number: '1', name: "view.overview" },
    Entry { id: ViewId::Payments, number: '3', name: "view.payments" },
    Entry { id: ViewId::Activity, number: '5', name: "view.activity" },
    Entry { id: ViewId::Link, number: '6', name: "view.link" },
];

/// The screen of this name.
pub(in crate::ui) fn of(id: ViewId) -> &'static dyn View {
    match id {
        ViewId::Overview => &overview::Screen,
        ViewId::Payments => &payments::Screen,
        ViewId::Activity => &activity::Screen,
        ViewId::Link => &link::Screen,
    }
}

/// Draws everything. Any size will do, nothing included.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    buffer.set_style(area, theme.of(Role::Ground));
    let parts = Chrome::of(model, area);
    chrome::draw(model, theme, &parts, buffer);
    match model.help {
        _ if layout::is_small(area) => chrome::draw_counters(model, theme, parts.body, buffer),
        Some(top) => help::draw(model, theme, top, parts.body, buffer),
        None => of(model.view).draw(model, theme, parts.body, buffer),
    }
    theme.glyphs.narrow(area, buffer);
}

/// The area of the body for the model's own size, for keys that go by pages.
fn body(model: &Model) -> Rect {
    Chrome::of(model, Rect::new(0, 0, model.size.0, model.size.1)).body
}

/// The first row that is shown after a step through `length` rows of text, `page` at a time.
fn scrolled(top: usize, step: Step, length: usize, page: usize) -> usize {
    let last = length.saturating_sub(page);
    let top = top.min(last);
    match step {
        Step::Up => top.saturating_sub(1),
        Step::Down => (top + 1).min(last),
        Step::PageUp => top.saturating_sub(page),
        Step::PageDown => (top + page).min(last),
        Step::Home => 0,
        Step::End => last,
    }
}

/// An empty pane speaks.
fn say(theme: &Theme, text: &str, area: Rect, buffer: &mut Buffer) {
    for (y, line) in (0..area.height).zip(crate::ui::widget::pen::wrap(text, area.width)) {
        crate::ui::widget::Pen::new(theme, area, y, buffer).text(&line, Role::Dim);
    }
}
