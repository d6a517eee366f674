//! The help: the keys that work here, the keys that work everywhere, and what the words mean.
//!
//! All of it derives from the table of actions and the catalogue.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::ViewId;
use crate::ui::action::{ACTIONS, Place};
use crate::ui::cursor::Step;
use crate::ui::layout::page;
use crate::ui::model::Model;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::{Page, Pane};

/// The words that each screen explains.
fn glossary(view: ViewId) -> &'static [(&'static str, &'static str)] {
    match view {
        ViewId::Overview => &[
            ("gloss.inside", "gloss.inside_text"),
            ("gloss.before", "gloss.before_text"),
            ("gloss.again", "gloss.again_text"),
            ("gloss.over", "gloss.over_text"),
            ("gloss.verify", "gloss.verify_text"),
            ("gloss.since", "gloss.since_text"),
            ("gloss.stale", "gloss.stale_text"),
            ("gloss.fold", "gloss.fold_text"),
            ("gloss.pace", "gloss.pace_text"),
        ],
        ViewId::Payments => &[
            ("gloss.verify", "gloss.verify_text"),
            ("gloss.late", "gloss.late_text"),
            ("gloss.booked", "gloss.booked_text"),
            ("gloss.siblings", "gloss.siblings_text"),
            ("gloss.median", "gloss.median_text"),
            ("gloss.since", "gloss.since_text"),
            ("gloss.stale", "gloss.stale_text"),
        ],
        ViewId::Activity => &[
            ("gloss.times", "gloss.times_text"),
            ("gloss.odd", "gloss.odd_text"),
            ("gloss.gap", "gloss.gap_text"),
            ("gloss.query", "gloss.query_text"),
        ],
        ViewId::Link => &[
            ("gloss.live", "gloss.live_text"),
            ("gloss.topic", "gloss.topic_text"),
            ("gloss.rtt", "gloss.rtt_text"),
            ("gloss.gap", "gloss.gap_text"),
        ],
    }
}

fn content(model: &Model, width: u16) -> Page {
    let words = &model.locale;
    let mut page = Page::new(width);
    page.heading(words.word("help.here"));
    for row in ACTIONS.iter().filter(|row| row.works_on(model.view) && row.place != Place::Everywhere) {
        let keys = model.keymap.labels(row.action).collect::<Vec<_>>().join(" ");
        page.entry(&keys, Role::Key, words.word(row.help), Role::Text);
    }
    page.blank();
    page.heading(words.word("help.everywhere"));
    for row in ACTIONS.iter().filter(|row| row.place == Place::Everywhere) {
        let keys = model.keymap.labels(row.action).collect::<Vec<_>>().join(" ");
        page.entry(&keys, Role::Key, words.word(row.help), Role::Text);
    }
    page.blank();
    page.heading(words.word("help.words"));
    for (word, text) in glossary(model.view) {
        page.entry(words.word(word), Role::Name, words.word(text), Role::Text);
    }
    page
}

pub(super) fn draw(model: &Model, theme: &Theme, top: usize, area: Rect, buffer: &mut Buffer) {
    let content = content(model, Pane::inner(area).width);
    let note = content.note(model, top, page(area));
    (&Pane::new(theme, model.locale.word("help.title")).note(&note, Role::Dim).focused(true))
        .render(area, buffer);
    content.draw(theme, top, Pane::inner(area), buffer);
}

/// Scrolls the help.
pub(in crate::ui) fn scroll(model: &mut Model, step: Step) {
    let area = super::body(model);
    let length = content(model, Pane::inner(area).width).len();
    if let Some(top) = &mut model.help {
        *top = super::scrolled(*top, step, length, page(area));
    }
}
