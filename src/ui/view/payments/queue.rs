//! The lists of the payments screen, and the line above them: how many wait, and what was done today.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::widgets::Widget;

use super::{Picture, bookings};
use crate::domain::money::Sums;
use crate::domain::payment::{Outcome, PaymentView};
use crate::ui::log::Row;
use crate::ui::model::{Model, PaymentsPane};
use crate::ui::status;
use crate::ui::theme::{Role, Theme};
use crate::ui::view::activity::held_note;
use crate::ui::view::overview::draw_line;
use crate::ui::view::{say, words};
use crate::ui::widget::pen::columns;
use crate::ui::widget::{Pane, Pen};
use crate::untrusted::Untrusted;

/// How long a payment has waited, against the venue's patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Not long.
    Fresh,
    /// Longer than patience.
    Late,
    /// Longer than twice that.
    VeryLate,
}

impl Wait {
    pub(super) fn of(model: &Model, age: Duration) -> Self {
        let patience = model.venue.settings().patience;
        if age >= patience.saturating_mul(2) {
            Self::VeryLate
        } else if age >= patience {
            Self::Late
        } else {
            Self::Fresh
        }
    }

    /// Its mark, its word, and how its age and its guest's name look.
    pub(super) fn look(self) -> (&'static str, Option<&'static str>, Role, Role) {
        match self {
            Self::Fresh => ("", None, Role::Dim, Role::Name),
            Self::Late => ("!", Some("payments.late"), Role::Act, Role::Name),
            Self::VeryLate => ("!!", Some("payments.very_late"), Role::Act, Role::Act),
        }
    }
}

/// The word and role of an outcome.
pub(super) fn ending(outcome: Outcome) -> (&'static str, Role) {
    match outcome {
        Outcome::Verified => ("mark.paid", Role::Settled),
        Outcome::Rejected => ("mark.failed", Role::Urgent),
    }
}

/// How many wait, how long, what they come to; what was done today. As much as fits, the first first.
pub(super) fn summary(model: &Model, theme: &Theme, picture: &Picture, buffer: &mut Buffer) {
    let (words, venue, now) = (&model.locale, &model.venue, model.now);
    let (queue, ended) = (venue.queue(now), venue.ended(now));
    let doubt = status::doubt(model);
    let stale = status::is_stale(model);
    let number = |n: usize| format!("{doubt}{}", words.number(n as u64));
    let mut pieces = Vec::new();
    let mut waiting = words.fill("payments.waiting", &[("n", &number(queue.payments.len()))]);
    let mut role = Role::Name;
    if let Some(oldest) = queue.oldest() {
        let (mark, _, age_role, _) = Wait::of(model, oldest).look();
        let oldest = words.fill("tile.oldest", &[("span", &words::age(model, oldest))]);
        waiting = format!("{waiting}, {oldest}");
        if !mark.is_empty() {
            (waiting, role) = (format!("{mark} {waiting}"), age_role);
        }
    }
    pieces.push((waiting, if stale { Role::Stale } else { role }));
    if !queue.amounts.is_empty() {
        let sum = words::sums(model, &queue.amounts, picture.layout.summary.width / 3);
        pieces.push((format!("{doubt}{sum}"), if stale { Role::Stale } else { Role::Money }));
    }
    let verified = words.fill("payments.verified_today", &[("n", &number(ended.verified))]);
    let rejected = words.fill("payments.rejected_today", &[("n", &number(ended.rejected))]);
    pieces.push((verified, if ended.verified > 0 { Role::Settled } else { Role::Dim }));
    pieces.push((rejected, if ended.rejected > 0 { Role::Urgent } else { Role::Dim }));
    if let Some(wait) = ended.median_wait {
        pieces.push((words.fill("payments.median", &[("span", &words::age(model, wait))]), Role::Text));
    }
    if let Some(at) = venue.counts_since(now) {
        pieces.push((words.fill("tile.since", &[("time", &words::clock(model, at))]), Role::Act));
    }
    let mut pen = Pen::new(theme, picture.layout.summary, 0, buffer);
    pen.skip(1);
    for (n, (text, role)) in pieces.iter().enumerate() {
        if n > 0 && pen.room() < columns(text) {
            break;
        }
        pen.text(text, *role).skip(2);
    }
    if let Some(deaf) = &picture.deaf {
        let mut pen = Pen::new(theme, picture.layout.deaf, 0, buffer);
        pen.skip(1).text(&format!("! {deaf}"), Role::Act);
    }
}

pub(super) fn draw(model: &Model, theme: &Theme, picture: &Picture, buffer: &mut Buffer) {
    let words = &model.locale;
    let frame = picture.layout.queue;
    let inner = Pane::inner(frame);
    let (ids, cursor) = (picture.ids(), &model.payments.queue);
    let window = cursor.window(&ids, usize::from(inner.height));
    let below = ids.len() - window.end;
    let note = if below > 0 { words.count("page.below", below as u64) } else { String::new() };
    (&Pane::new(theme, words.word("tile.verify"))
        .note(&note, Role::Act)
        .focused(picture.pane(model) == PaymentsPane::Queue))
        .render(frame, buffer);
    if ids.is_empty() {
        let word = match (model.link.away_since(), status::deaf(model)) {
            (Some(_), _) => "alert.no_link",
            (None, Some(_)) => "payments.deaf",
            (None, None) => "payments.empty",
        };
        say(theme, words.word(word), inner, buffer);
        return;
    }
    for (y, payment) in (0..inner.height).zip(&picture.rows[window]) {
        let selected = cursor.selected.as_ref() == Some(&payment.payment_id);
        row(model, theme, payment, Pen::new(theme, inner, y, buffer).select(selected));
    }
}

/// From the left what calls: the age or the end; then who and how much; the rest as there is room.
fn row(model: &Model, theme: &Theme, payment: &PaymentView, mut pen: Pen<'_>) {
    let words = &model.locale;
    let wide = pen.room() >= 60;
    let (mark, _, age_role, name_role) = Wait::of(model, payment.age).look();
    if let Some((_, outcome)) = payment.ended {
        let (word, role) = ending(outcome);
        pen.cell(7, words.word(word), role).skip(1);
    } else {
        pen.cell(2, mark, age_role);
        pen.cell_right(5, &words::age(model, payment.age), age_role).skip(1);
    }
    if pen.room() >= 80 {
        pen.cell(6, &words::clock(model, payment.since), Role::Dim);
    }
    pen.foreign(7, payment.code.as_deref().unwrap_or_default(), Role::Code).skip(1);
    // A name needs no more than this; what it leaves is for the remarks.
    let (amounts, remarks) = if wide { (12, 31) } else { (9, 0) };
    let name = pen.room().saturating_sub(amounts + 1);
    let name = if wide { name.saturating_sub(remarks + 2).clamp(14, 24) } else { name };
    let who = payment.customer_name.as_deref().unwrap_or_else(|| words.word("line.somebody"));
    pen.foreign(name, who, if payment.ended.is_some() { Role::Dim } else { name_role }).skip(1);
    let amount: Sums = payment.amount.into_iter().collect();
    pen.cell_right(amounts, &words::sums(model, &amount, amounts), Role::Money).skip(2);
    if wide {
        draw_remarks(model, theme, payment, &mut pen);
    }
}

/// As many remarks as fit whole; that one which calls does not fit is shown.
fn draw_remarks(model: &Model, theme: &Theme, payment: &PaymentView, pen: &mut Pen<'_>) {
    let remarks = remarks(model, payment);
    let calls = |rest: &[(String, Role)]| rest.iter().any(|(_, role)| *role == Role::Act);
    for (n, (text, role)) in remarks.iter().enumerate() {
        let mark = if calls(&remarks[n + 1..]) { 2 } else { 0 };
        if n > 0 && pen.room() < columns(text) + mark {
            if calls(&remarks[n..]) {
                pen.text(&theme.glyphs.more.to_string(), Role::Act);
            }
            return;
        }
        let width = columns(text).min(pen.room().saturating_sub(mark));
        pen.cell(width, text, *role).skip(2);
    }
}

/// What else there is to say of a payment: what is odd first, then its status, how it was paid, its booking.
fn remarks(model: &Model, payment: &PaymentView) -> Vec<(String, Role)> {
    let words = &model.locale;
    let safe = |text: &str| Untrusted::new(text).line(24);
    let mut remarks = Vec::new();
    if payment.ended.is_some() {
        let span = words::age(model, payment.age);
        remarks.push((words.fill("payments.waited", &[("span", &span)]), Role::Dim));
    }
    if let Some(booked) = payment.differs_from() {
        let text = words.fill("payments.booked_for", &[("amount", &words::money(model, booked))]);
        remarks.push((format!("! {text}"), Role::Act));
    }
    if payment.siblings > 1 {
        remarks
            .push((format!("! {}", words.count("payments.asked_twice", payment.siblings as u64)), Role::Act));
    }
    if let Some(status) = payment.status.as_deref().filter(|_| payment.ended.is_none()) {
        remarks.push((safe(status), Role::Code));
    }
    remarks.extend(payment.method.as_deref().map(|method| (safe(method), Role::Dim)));
    remarks.extend(payment.session_name.as_deref().map(|session| (safe(session), Role::Dim)));
    remarks.push(match payment.seen.made_at {
        Some(at) => (words.fill("payments.booked_at", &[("time", &words::clock(model, at))]), Role::Dim),
        None => (words.word("payments.unseen").to_owned(), Role::Dim),
    });
    remarks
}

/// The bookings that come in.
pub(super) fn feed(model: &Model, theme: &Theme, picture: &Picture, buffer: &mut Buffer) {
    let words = &model.locale;
    let frame = picture.layout.feed;
    let cursor = &model.payments.feed;
    let (ids, waiting) = bookings(model);
    let today = model.venue.bookings(model.now);
    let (note, role) = match held_note(model, theme, cursor.held.is_some(), waiting) {
        Some(note) => (note, Role::Act),
        None if today.count == 0 => (String::new(), Role::Dim),
        None => {
            let n = format!("{}{}", status::doubt(model), words.number(today.count as u64));
            let sum = words::sums(model, &today.amounts, frame.width / 3);
            (format!("{}  {sum}", words.fill("payments.bookings_today", &[("n", &n)])), Role::Dim)
        }
    };
    (&Pane::new(theme, words.word("payments.feed"))
        .note(note.trim_end(), role)
        .focused(picture.pane(model) == PaymentsPane::Feed))
        .render(frame, buffer);
    let inner = Pane::inner(frame);
    if ids.is_empty() {
        say(theme, words.word("payments.feed_empty"), inner, buffer);
        return;
    }
    let window = cursor.window(&ids, usize::from(inner.height));
    for (y, id) in (0..inner.height).zip(&ids[window]) {
        if let Some(Row::Heard(reading)) = model.log.get(*id) {
            let pen = Pen::new(theme, inner, y, buffer).select(cursor.selected == Some(*id));
            draw_line(model, theme, reading, 1, pen);
        }
    }
}
