//! The payments that wait for somebody to verify them, the oldest first, with all that is known of each; what
//! was done today; and the bookings that come in.
//!
//! Once a row is selected none moves: a payment whose outcome is heard stays in its place with its end, and a
//! new one goes below, until the reader lets go.

mod detail;
mod queue;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::View;
use super::activity::{follow_step, pause};
use crate::domain::apply::Change;
use crate::domain::event::Kind;
use crate::domain::headline::Headline;
use crate::domain::id::Id;
use crate::domain::payment::PaymentView;
use crate::domain::topic::Topic;
use crate::ui::action::Action;
use crate::ui::cursor::Step;
use crate::ui::facts::TopicFacts;
use crate::ui::layout::{PaymentsLayout, page};
use crate::ui::log::{Row, RowId};
use crate::ui::model::{Model, PaymentsPane};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::pen::columns;
use crate::ui::widget::{Page, Pane};
use crate::untrusted::Untrusted;

/// The screen.
pub(super) struct Screen;

/// What the panes show, read from the model once for a drawing.
struct Picture {
    rows: Vec<PaymentView>,
    /// What cannot be heard of outcomes.
    deaf: Option<String>,
    layout: PaymentsLayout,
}

impl Picture {
    fn of(model: &Model, body: Rect) -> Self {
        let deaf = unheard(model, body.width);
        let layout = PaymentsLayout::of(body, model.payments.open, deaf.is_some());
        Self { rows: rows(model), deaf, layout }
    }

    fn ids(&self) -> Vec<Id> {
        self.rows.iter().map(|payment| payment.payment_id.clone()).collect()
    }

    /// The payment whose detail is shown: the selected one, else the oldest.
    fn current(&self, model: &Model) -> Option<&PaymentView> {
        let selected = model.payments.queue.selected.as_ref();
        let chosen = self.rows.iter().find(|payment| Some(&payment.payment_id) == selected);
        chosen.or(self.rows.first())
    }

    fn detail(&self, model: &Model) -> Option<Page> {
        let width = Pane::inner(self.layout.detail).width;
        self.current(model).map(|payment| detail::page(model, payment, width))
    }

    /// The pane that has the keys: the one that the reader chose, if there is room for it.
    fn pane(&self, model: &Model) -> PaymentsPane {
        let frame = match model.payments.pane {
            PaymentsPane::Queue => self.layout.queue,
            PaymentsPane::Detail => self.layout.detail,
            PaymentsPane::Feed => self.layout.feed,
        };
        match model.payments.pane {
            _ if self.layout.covered => PaymentsPane::Detail,
            _ if frame.is_empty() => PaymentsPane::Queue,
            pane => pane,
        }
    }

    fn pane_at(&self, at: Position) -> Option<PaymentsPane> {
        let frames = [
            (PaymentsPane::Queue, self.layout.queue),
            (PaymentsPane::Detail, self.layout.detail),
            (PaymentsPane::Feed, self.layout.feed),
        ];
        frames.into_iter().find(|(_, frame)| frame.contains(at)).map(|(pane, _)| pane)
    }
}

/// The payments in the order in which they are shown: those that were there when the reader took hold, then
/// those that wait since.
fn rows(model: &Model) -> Vec<PaymentView> {
    let mut waiting = model.venue.queue(model.now).payments;
    let mut rows: Vec<PaymentView> = Vec::new();
    for id in &model.payments.kept {
        match waiting.iter().position(|payment| payment.payment_id == *id) {
            Some(at) => rows.push(waiting.remove(at)),
            None => rows.extend(model.venue.payment(id, model.now)),
        }
    }
    rows.append(&mut waiting);
    rows
}

/// The new bookings, newest first, up to the one at which their list is held; and how many newer ones wait.
fn bookings(model: &Model) -> (Vec<RowId>, u64) {
    let new = |row: Row<'_>| match row {
        Row::Heard(reading) => {
            let kind = reading.event.as_ref().ok().map(crate::domain::event::VenueEvent::kind);
            kind == Some(Kind::NewBookingNotification)
                && !matches!(reading.change, None | Some(Change::Again | Change::Late))
        }
        Row::Note(_) => false,
    };
    let mut ids: Vec<RowId> = model.log.rows().filter(|(_, row)| new(*row)).map(|(id, _)| id).collect();
    let waiting = model.payments.feed.held.map_or(0, |held| ids.partition_point(|id| *id > held));
    ids.drain(..waiting);
    (ids, waiting as u64)
}

/// What keeps outcomes from being heard, in one line of this width; `None` where they are, or where it is not known yet.
/// Without a link the banner says more.
fn unheard(model: &Model, width: u16) -> Option<String> {
    if model.topics.is_empty() || model.link.away_since().is_some() {
        return None;
    }
    let of_bookings = |topic: &&TopicFacts| matches!(Topic::of(&topic.name), Some(Topic::Booking(_)));
    let topics = || model.topics.iter().filter(of_bookings);
    // The family of all customers' channels, which only a relay of ours knows.
    let all = |topic: &TopicFacts| topic.name.ends_with(".*") && topic.is_proven();
    if topics().any(|topic| topic.is_pending() || all(topic)) {
        return None;
    }
    let names: Vec<String> = topics()
        .filter(|topic| topic.is_proven())
        .map(|topic| Untrusted::new(&topic.name).line(16))
        .collect();
    let names = [("topics", names.join(", "))];
    let names = names.each_ref().map(|(key, names)| (*key, names.as_str()));
    let [long, short] = if names[0].1.is_empty() {
        ["payments.unheard", "payments.unheard_short"]
    } else {
        ["payments.heard_in_part", "payments.heard_in_part_short"]
    };
    let long = model.locale.fill(long, &names);
    // A mark and air stand before it.
    Some(if columns(&long) + 4 <= width { long } else { model.locale.fill(short, &names) })
}

impl View for Screen {
    fn draw(&self, model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let picture = Picture::of(model, area);
        queue::summary(model, theme, &picture, buffer);
        if !picture.layout.queue.is_empty() {
            queue::draw(model, theme, &picture, buffer);
        }
        if !picture.layout.feed.is_empty() {
            queue::feed(model, theme, &picture, buffer);
        }
        let frame = picture.layout.detail;
        if !frame.is_empty() {
            let (content, top) = (picture.detail(model), model.payments.detail_top);
            let note = content.as_ref().map(|content| content.note(model, top, page(frame)));
            let title = model.locale.word("activity.detail");
            (&Pane::new(theme, title)
                .note(&note.unwrap_or_default(), Role::Dim)
                .focused(picture.pane(model) == PaymentsPane::Detail))
                .render(frame, buffer);
            match content {
                Some(content) => content.draw(theme, top, Pane::inner(frame), buffer),
                None => {
                    super::say(theme, model.locale.word("payments.no_detail"), Pane::inner(frame), buffer);
                }
            }
        }
    }

    fn step(&self, model: &mut Model, step: Step) {
        let picture = Picture::of(model, super::body(model));
        match picture.pane(model) {
            PaymentsPane::Detail => {
                let length = picture.detail(model).map_or(0, |content| content.len());
                let top = model.payments.detail_top;
                model.payments.detail_top = super::scrolled(top, step, length, page(picture.layout.detail));
            }
            PaymentsPane::Feed => {
                let (ids, newest) = (bookings(model).0, model.log.newest());
                follow_step(&mut model.payments.feed, step, &ids, newest, page(picture.layout.feed));
            }
            PaymentsPane::Queue => {
                let ids = picture.ids();
                model.payments.queue.step(step, &ids, page(picture.layout.queue));
                model.payments.hold(ids);
            }
        }
    }

    fn act(&self, model: &mut Model, action: Action) {
        let newest = model.log.newest();
        let picture = Picture::of(model, super::body(model));
        let (layout, pane) = (picture.layout, picture.pane(model));
        let state = &mut model.payments;
        match action {
            Action::Open => {
                state.open = !state.open;
                state.detail_top = 0;
                state.pane = if state.open { PaymentsPane::Detail } else { PaymentsPane::Queue };
            }
            Action::NextPane | Action::PreviousPane => {
                let all = [
                    (PaymentsPane::Queue, layout.queue),
                    (PaymentsPane::Detail, layout.detail),
                    (PaymentsPane::Feed, layout.feed),
                ];
                let panes: Vec<_> =
                    all.into_iter().filter(|(_, frame)| !frame.is_empty()).map(|(pane, _)| pane).collect();
                let here = panes.iter().position(|shown| *shown == pane).unwrap_or(0);
                let by = if action == Action::NextPane { 1 } else { panes.len().saturating_sub(1) };
                state.pane = panes.get((here + by) % panes.len().max(1)).copied().unwrap_or_default();
            }
            Action::Pause => pause(&mut state.feed, newest),
            // One thing at a time, the last opened first.
            Action::Back if state.open => (state.open, state.pane) = (false, PaymentsPane::Queue),
            Action::Back if pane == PaymentsPane::Feed && state.feed.held.is_some() => {
                state.feed.release();
            }
            Action::Back if pane != PaymentsPane::Queue => state.pane = PaymentsPane::Queue,
            Action::Back => state.release(),
            Action::Quit
            | Action::Interrupt
            | Action::Show(_)
            | Action::Help
            | Action::Move(_)
            | Action::Filter
            | Action::Copy
            | Action::Retry
            | Action::Language => {}
        }
    }

    fn point(&self, model: &mut Model, body: Rect, at: Position) {
        if let Some(pane) = Picture::of(model, body).pane_at(at) {
            model.payments.pane = pane;
        }
    }

    fn click(&self, model: &mut Model, body: Rect, at: Position) {
        let picture = Picture::of(model, body);
        let row = |frame: Rect| usize::from(at.y.saturating_sub(frame.y + 1));
        let inside = |frame: Rect| at.y > frame.y && at.y + 1 < frame.bottom();
        match picture.pane_at(at) {
            Some(PaymentsPane::Queue) if inside(picture.layout.queue) => {
                let (ids, height) = (picture.ids(), page(picture.layout.queue));
                let index = model.payments.queue.window(&ids, height).start + row(picture.layout.queue);
                if index < ids.len() {
                    model.payments.queue.select_at(index, &ids, height);
                    model.payments.hold(ids);
                }
            }
            Some(PaymentsPane::Feed) if inside(picture.layout.feed) => {
                let (ids, height) = (bookings(model).0, page(picture.layout.feed));
                let newest = model.log.newest();
                let cursor = &mut model.payments.feed;
                let index = cursor.window(&ids, height).start + row(picture.layout.feed);
                if index < ids.len() {
                    cursor.held = cursor.held.or(newest);
                    cursor.select_at(index, &ids, height);
                }
            }
            Some(PaymentsPane::Queue | PaymentsPane::Detail | PaymentsPane::Feed) | None => {}
        }
    }

    /// The booking code of the payment whose detail is shown, or of the selected booking.
    fn copy(&self, model: &Model) -> Option<String> {
        let picture = Picture::of(model, super::body(model));
        let code = if picture.pane(model) == PaymentsPane::Feed {
            match model.log.get(model.payments.feed.selected?)? {
                Row::Heard(reading) => Headline::of(reading).code,
                Row::Note(_) => None,
            }
        } else {
            picture.current(model)?.code.clone()
        };
        Some(Untrusted::new(&code?).line(100))
    }
}
