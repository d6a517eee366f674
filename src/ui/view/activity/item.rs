//! A row as the filter sees it.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::headline::{Detail, Headline};
use crate::filter::{Field, Fields};
use crate::ui::log::{Note, Row};

/// A row, and the moment at which ages are measured.
pub(super) struct Item<'a> {
    row: Row<'a>,
    line: Option<Headline>,
    now: Timestamp,
}

impl<'a> Item<'a> {
    pub(super) fn new(row: Row<'a>, now: Timestamp) -> Self {
        let line = match row {
            Row::Heard(reading) => Some(Headline::of(reading)),
            Row::Note(_) => None,
        };
        Self { row, line, now }
    }

    fn at(&self) -> Timestamp {
        match self.row {
            Row::Heard(reading) => reading.record.heard_at,
            Row::Note(Note::Odd(odd)) => odd.at,
            Row::Note(Note::Gap(gap)) => gap.to,
            Row::Note(Note::Back(back)) => back.to,
        }
    }

    fn status(&self) -> Option<&str> {
        match &self.line.as_ref()?.detail {
            Detail::Words { status, payment_status, .. } => status.as_deref().or(payment_status.as_deref()),
            Detail::None
            | Detail::Stayed(_)
            | Detail::FirstIn(_)
            | Detail::Unseen
            | Detail::Waits(_)
            | Detail::Places { .. }
            | Detail::Reason { .. } => None,
        }
    }
}

impl Fields for Item<'_> {
    fn text(&self, visit: &mut dyn FnMut(&str)) {
        match self.row {
            Row::Heard(reading) => {
                visit(reading.record.short_event());
                visit(reading.record.channel.as_deref().unwrap_or_default());
                visit(&reading.record.data);
            }
            Row::Note(Note::Odd(odd)) => {
                visit(&odd.raw);
                visit(&odd.reason);
            }
            Row::Note(Note::Gap(gap)) => visit(&gap.topic),
            Row::Note(Note::Back(_)) => {}
        }
        if let Some(line) = &self.line {
            // The data has these too, but with its own escapes.
            for text in [&line.code, &line.name, &line.session].into_iter().flatten() {
                visit(text);
            }
        }
    }

    fn field(&self, name: &str) -> Option<Field<'_>> {
        let text = |text: &'_ str| Field::Text(Cow::Owned(text.to_owned()));
        let reading = match self.row {
            Row::Heard(reading) => Some(reading),
            Row::Note(_) => None,
        };
        let line = self.line.as_ref();
        match name {
            "event" => reading.map(|reading| text(reading.record.short_event())),
            "channel" => reading.and_then(|reading| reading.record.channel.as_deref()).map(text),
            "code" => line.and_then(|line| line.code.as_deref()).map(text),
            "name" => line.and_then(|line| line.name.as_deref()).map(text),
            "session" => line.and_then(|line| line.session.as_deref()).map(text),
            "st" => self.status().map(text),
            "amt" => {
                let major = line.and_then(|line| line.amount)?.decimal().parse().ok()?;
                Some(Field::Number(major))
            }
            "age" => {
                let age = Duration::try_from(self.now.duration_since(self.at())).unwrap_or_default();
                Some(Field::Span(age))
            }
            _ => None,
        }
    }
}
