//! The venue's facts in the reader's words, shared by the screens: a line of the feed, an age, an amount.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::apply::Change;
use crate::domain::event::NotUnderstood;
use crate::domain::headline::{Detail, Headline, Mark};
use crate::domain::money::{Money, Style, Sums};
use crate::domain::payment::Outcome;
use crate::ui::facts::{BackFacts, GapFacts};
use crate::ui::model::Model;
use crate::ui::theme::Role;
use crate::untrusted::Untrusted;

/// How numbers look in the reader's language.
fn style(model: &Model) -> Style {
    match model.locale.code() {
        "id" => Style::INDONESIAN,
        _ => Style::ENGLISH,
    }
}

/// An amount, whole.
pub(super) fn money(model: &Model, money: Money) -> String {
    money.long(style(model))
}

/// Sums in each currency, whole where they fit into `columns`, short where they do not.
pub(super) fn sums(model: &Model, sums: &Sums, columns: u16) -> String {
    let join = |short: bool| {
        let texts =
            sums.iter().map(|money| if short { money.short(style(model)) } else { money.long(style(model)) });
        texts.collect::<Vec<_>>().join(" + ")
    };
    let long = join(false);
    if crate::ui::widget::pen::columns(&long) <= columns { long } else { join(true) }
}

/// A length of time in whole minutes.
pub(super) fn age(model: &Model, span: Duration) -> String {
    model.locale.age(SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX))
}

/// A length of time to the second where it is short.
pub(super) fn span(model: &Model, span: Duration) -> String {
    model.locale.span(SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX))
}

/// The time of day, or the day where it is not today.
pub(super) fn clock(model: &Model, at: Timestamp) -> String {
    let (then, now) = (model.zone.to_datetime(at).date(), model.zone.to_datetime(model.now).date());
    if then == now { model.locale.clock(at, &model.zone) } else { model.locale.date(then) }
}

/// The time of day with seconds, or the day where it is not today.
pub(super) fn clock_seconds(model: &Model, at: Timestamp) -> String {
    let (then, now) = (model.zone.to_datetime(at).date(), model.zone.to_datetime(model.now).date());
    if then == now { model.locale.clock_seconds(at, &model.zone) } else { model.locale.date(then) }
}

/// The word and role of a line. What a change made of it comes before what it is.
pub(super) fn mark(line: &Headline, change: Option<&Change>) -> (&'static str, Role) {
    match change {
        Some(Change::Filled) => return ("mark.full", Role::Act),
        Some(Change::Freed) => return ("mark.freed", Role::Settled),
        Some(
            Change::Again
            | Change::Late
            | Change::Placed
            | Change::InAgain { .. }
            | Change::Left { .. }
            | Change::LeftUnseen
            | Change::Ended { .. },
        )
        | None => {}
    }
    match line.mark {
        Mark::Free => ("mark.free", Role::Dim),
        Mark::Used => ("mark.used", Role::Dim),
        Mark::Status => ("mark.status", Role::Code),
        Mark::Paid => match &line.detail {
            Detail::Words { outcome: Some(Outcome::Verified), .. } => ("mark.paid", Role::Settled),
            Detail::Words { outcome: Some(Outcome::Rejected), .. } => ("mark.failed", Role::Urgent),
            Detail::Words { outcome: None, .. }
            | Detail::None
            | Detail::Stayed(_)
            | Detail::FirstIn(_)
            | Detail::Unseen
            | Detail::Waits(_)
            | Detail::Places { .. }
            | Detail::Reason { .. } => ("mark.status", Role::Code),
        },
        Mark::Book => ("mark.book", Role::Title),
        Mark::Pay => ("mark.pay", Role::Act),
        Mark::In => ("mark.in", Role::Arrive),
        Mark::Again => ("mark.again", Role::Act),
        Mark::Out => ("mark.out", Role::Leave),
        Mark::Odd => ("mark.odd", Role::Act),
    }
}

/// What a line says behind its code and name: the session, the day, and the rest.
pub(super) fn tail(model: &Model, line: &Headline) -> String {
    let words = &model.locale;
    let safe = |text: &str| Untrusted::new(text).line(60);
    let mut parts: Vec<String> = Vec::new();
    if let Some(session) = &line.session {
        let today = model.zone.to_datetime(model.now).date();
        let day = line.date.filter(|date| *date != today).map(|date| format!(" {}", words.date(date)));
        parts.push(format!("{}{}", safe(session), day.unwrap_or_default()));
    } else if let Some(date) = line.date {
        parts.push(words.date(date));
    }
    match &line.detail {
        Detail::None => {}
        Detail::Stayed(span) => parts.push(words.fill("line.stayed", &[("span", &age(model, *span))])),
        Detail::FirstIn(at) => parts.push(words.fill("line.first_in", &[("time", &clock(model, *at))])),
        Detail::Unseen => parts.push(words.word("line.unseen").to_owned()),
        Detail::Waits(method) => {
            parts.extend(method.as_deref().map(safe));
            parts.push(words.word("line.waits").to_owned());
        }
        Detail::Places { used, free, total } => parts.push(places(model, *used, *free, *total)),
        Detail::Words { status, payment_status, outcome } => {
            let said =
                [status, payment_status].into_iter().flatten().map(|word| safe(word)).collect::<Vec<_>>();
            // How a wait ended is the line's mark; our own word stands in where the backend said none.
            let ours = outcome.filter(|_| said.is_empty()).map(|outcome| words.word(self::outcome(outcome)));
            parts.push(said.join(" / "));
            parts.extend(ours.map(str::to_owned));
        }
        Detail::Reason { event, reason } => {
            parts.push(format!("{}: {}", safe(event), self::reason(model, reason)));
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// How a wait ended.
fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Verified => "line.verified",
        Outcome::Rejected => "line.rejected",
    }
}

/// `15 of 20`, `5 free`, or as much of it as is known.
pub(super) fn places(model: &Model, used: Option<i64>, free: Option<i64>, total: Option<i64>) -> String {
    let words = &model.locale;
    let n = |n: i64| n.to_string();
    match (used, free, total) {
        (Some(used), _, Some(total)) => words.fill("line.of", &[("n", &n(used)), ("all", &n(total))]),
        (_, Some(free), Some(total)) => words.fill("line.free_of", &[("n", &n(free)), ("all", &n(total))]),
        (_, Some(free), None) => words.fill("line.free", &[("n", &n(free))]),
        (Some(used), _, None) => words.fill("line.taken", &[("n", &n(used))]),
        (None, None, _) => words.word("line.unknown").to_owned(),
    }
}

/// Why an event was not understood.
pub(super) fn reason(model: &Model, reason: &NotUnderstood) -> String {
    let words = &model.locale;
    let safe = |text: &str| Untrusted::new(text).line(80);
    match reason {
        NotUnderstood::UnknownEvent => words.word("reason.unknown_event").to_owned(),
        NotUnderstood::Encrypted => words.word("reason.encrypted").to_owned(),
        NotUnderstood::NotJson(how) => words.fill("reason.not_json", &[("how", &safe(how))]),
        NotUnderstood::NotAnObject(what) => words.fill("reason.not_an_object", &[("what", what)]),
        NotUnderstood::Empty => words.word("reason.empty").to_owned(),
        NotUnderstood::MissingKey(key) => words.fill("reason.missing_key", &[("key", key)]),
        NotUnderstood::BadKey { key, value } => {
            words.fill("reason.bad_key", &[("key", key), ("value", &safe(value))])
        }
    }
}

/// The return of the link in one line.
pub(super) fn back(model: &Model, back: &BackFacts) -> String {
    let words = &model.locale;
    let recovered = words.count("back.recovered", back.recovered);
    let rest = words.word(if back.complete { "back.complete" } else { "back.incomplete" });
    let (from, to) = (words.clock_seconds(back.from, &model.zone), words.clock_seconds(back.to, &model.zone));
    words.fill("back.line", &[("from", &from), ("to", &to), ("recovered", &recovered), ("rest", rest)])
}

/// A gap in one line.
pub(super) fn gap(model: &Model, gap: &GapFacts) -> String {
    let words = &model.locale;
    let (from, to) = (words.clock_seconds(gap.from, &model.zone), words.clock_seconds(gap.to, &model.zone));
    let why = match &gap.reason {
        // Our relay's own words; any other server's are shown as they came.
        Some(reason) if reason == "epoch" => words.word("gap.epoch").to_owned(),
        Some(reason) if reason == "expired" => words.word("gap.expired").to_owned(),
        Some(reason) if reason == "unknown" => words.word("gap.unknown").to_owned(),
        Some(reason) => Untrusted::new(reason).line(80),
        None => words.word("gap.no_history").to_owned(),
    };
    let topic = Untrusted::new(&gap.topic).line(40);
    words.fill("gap.line", &[("from", &from), ("to", &to), ("topic", &topic), ("why", &why)])
}
