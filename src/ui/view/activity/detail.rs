//! All of one row: where and when it was heard, what it means or why that is not known, and its data as it
//! came, once readable and once raw.

use crate::domain::event;
use crate::domain::headline::Headline;
use crate::domain::record::Reading;
use crate::ui::log::{Note, Row};
use crate::ui::model::Model;
use crate::ui::theme::Role;
use crate::ui::view::words;
use crate::ui::widget::Page;
use crate::untrusted::Untrusted;

/// So many rows of raw text are shown at most; an event can be a hundred kilobytes long.
const RAW: usize = 400;

pub(super) fn page(model: &Model, row: Row<'_>, width: u16) -> Page {
    let mut page = Page::new(width);
    match row {
        Row::Heard(reading) => heard(model, reading, &mut page),
        Row::Note(Note::Odd(odd)) => {
            let time = model.locale.clock_seconds(odd.at, &model.zone);
            page.entry(model.locale.word("detail.heard"), Role::Dim, &time, Role::Text);
            let why = Untrusted::new(&odd.reason).line(200);
            page.entry(model.locale.word("detail.reason"), Role::Dim, &why, Role::Act);
            page.blank();
            raw(model, &odd.raw, &mut page);
        }
        Row::Note(Note::Gap(gap)) => {
            page.text(0, &words::gap(model, gap), Role::Act);
            page.blank();
            page.text(0, model.locale.word("detail.gap"), Role::Text);
        }
        Row::Note(Note::Back(back)) => page.text(0, &words::back(model, back), Role::Text),
    }
    page
}

fn heard(model: &Model, reading: &Reading, page: &mut Page) {
    let locale = &model.locale;
    let record = &reading.record;
    let safe = |text: &str| Untrusted::new(text).line(200);
    page.entry(locale.word("detail.event"), Role::Dim, &safe(&record.event), Role::Name);
    let channel =
        record.channel.as_deref().map_or_else(|| locale.word("activity.no_channel").to_owned(), safe);
    page.entry(locale.word("detail.channel"), Role::Dim, &channel, Role::Code);
    let heard = locale.clock_seconds(record.heard_at, &model.zone);
    page.entry(locale.word("detail.heard"), Role::Dim, &heard, Role::Text);
    if let Some(own) = reading.event.as_ref().ok().and_then(event::VenueEvent::at) {
        let day = locale.date(model.zone.to_datetime(own).date());
        let own = format!("{day} {}", locale.clock_seconds(own, &model.zone));
        page.entry(locale.word("detail.own_time"), Role::Dim, &own, Role::Text);
    }
    if let Some(position) = &record.position {
        page.entry(locale.word("detail.position"), Role::Dim, &safe(position), Role::Dim);
    }
    if reading.times > 1 {
        let times = locale.fill("detail.times", &[("n", &reading.times.to_string())]);
        page.entry(locale.word("detail.repeated"), Role::Dim, &times, Role::Text);
    }
    match &reading.event {
        Ok(_) => {
            let line = Headline::of(reading);
            let who = [line.code.as_deref(), line.name.as_deref()]
                .into_iter()
                .flatten()
                .map(safe)
                .collect::<Vec<_>>();
            let amount = line.amount.map(|amount| words::money(model, amount));
            let parts = who.into_iter().chain(amount).chain([words::tail(model, &line)]);
            let text = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
            page.entry(locale.word("detail.means"), Role::Dim, &text, Role::Text);
        }
        Err(reason) => {
            page.entry(locale.word("detail.reason"), Role::Dim, &words::reason(model, reason), Role::Act);
        }
    }
    page.blank();
    page.heading(locale.word("detail.data"));
    pretty(&record.event, &record.data, page);
    page.blank();
    raw(model, &record.data, page);
}

/// The event's own fields, one a row. What is no JSON is left to the raw text.
fn pretty(name: &str, data: &str, page: &mut Page) {
    let Ok(text) = serde_json::to_string_pretty(&event::fields(name, data)) else { return };
    for line in Untrusted::new(&text).block().into_iter().take(RAW) {
        // Only a quoted word before a colon is a key; the rest is a value or a bracket.
        match line.split_once("\": ") {
            Some((key, value)) => page.row(vec![
                (format!("{key}\""), Role::Code),
                (": ".to_owned(), Role::Dim),
                (value.to_owned(), Role::Text),
            ]),
            None => page.row(vec![(line, Role::Text)]),
        }
    }
}

fn raw(model: &Model, text: &str, page: &mut Page) {
    page.heading(model.locale.word("detail.raw"));
    for line in Untrusted::new(text).block().into_iter().take(RAW) {
        page.text(0, &line, Role::Dim);
    }
}
