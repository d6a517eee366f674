//! One event as `tail` and `log` print it: a JSON object that scripts rely on, a line for people, a table's row.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use crate::client::Odd;
use crate::domain::event::{self, NotUnderstood};
use crate::domain::record::Record;
use crate::filter::{Field, Fields};
use crate::untrusted::{Untrusted, width};

/// The widest line for people.
const COLUMNS: usize = 4_000;
/// The columns of a table before the last: date and clock, channel, event.
const WIDTHS: [usize; 3] = [19, 22, 27];

/// An event, ready to print.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    #[serde(serialize_with = "milliseconds")]
    at: Timestamp,
    topic: Option<String>,
    channel: Option<String>,
    event: Option<String>,
    data: Value,
    position: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The event's name as it came.
    #[serde(skip)]
    full_event: String,
}

/// UTC, to the millisecond, always with all three digits.
fn milliseconds<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

impl Line {
    /// Of an event, and why it was not understood if it was not.
    pub(super) fn heard(record: &Record, reason: Option<NotUnderstood>) -> Self {
        Self {
            at: record.heard_at,
            topic: record.topic().map(|topic| topic.to_string()),
            channel: record.channel.clone(),
            event: Some(record.short_event().to_owned()),
            data: event::fields(&record.event, &record.data),
            position: record.position.clone(),
            raw: reason.is_some().then(|| record.data.clone()),
            reason: reason.map(|reason| reason.to_string()),
            full_event: record.event.clone(),
        }
    }

    /// Of a frame that is nothing of the protocol's.
    pub(super) fn odd(odd: Odd) -> Self {
        Self {
            at: odd.at,
            topic: None,
            channel: None,
            event: None,
            data: Value::Null,
            position: None,
            raw: Some(odd.raw),
            reason: Some(odd.reason),
            full_event: String::new(),
        }
    }

    /// The wire channel.
    pub(super) fn channel(&self) -> Option<&str> {
        self.channel.as_deref()
    }

    /// The event's name as it came.
    pub(super) fn full_event(&self) -> &str {
        &self.full_event
    }

    /// The object that scripts rely on.
    pub(super) fn json(&self) -> String {
        // As escapes they say the same to a script.
        escaped(&serde_json::to_string(self).unwrap_or_default())
    }

    /// The head of the table of [`Line::row`].
    pub(super) fn heading() -> String {
        row(["at", "channel", "event"], "data")
    }

    /// The row of a table: date and clock, channel, event, fields. Long names push the rest to the right.
    pub(super) fn row(&self, zone: &TimeZone) -> String {
        let at = self.at.to_zoned_datetime(zone.clone()).strftime("%F %T").to_string();
        let channel = self.channel.as_deref().unwrap_or("-");
        row([&at, channel, self.event.as_deref().unwrap_or("(no event)")], &self.content())
    }

    /// The head of the columns of [`Line::csv`].
    pub(super) const COLUMNS: &str = "at,topic,channel,event,data,position,raw,reason";

    /// A line of CSV with the fields of the object, `data` as JSON.
    pub(super) fn csv(&self) -> String {
        let at = format!("{:.3}", self.at);
        let data = escaped(&self.data.to_string());
        let text = |text: &Option<String>| text.as_deref().map_or_else(String::new, escaped);
        let cells = [
            at,
            text(&self.topic),
            text(&self.channel),
            text(&self.event),
            data,
            text(&self.position),
            text(&self.raw),
            text(&self.reason),
        ];
        cells.map(|cell| quoted(&cell)).join(",")
    }

    /// The line for people: clock, channel, event, fields.
    pub(super) fn text(&self, zone: &TimeZone) -> String {
        let clock = self.at.to_zoned_datetime(zone.clone()).strftime("%H:%M:%S").to_string();
        let channel = self.channel.as_deref().unwrap_or("-");
        let event = self.event.as_deref().unwrap_or("(no event)");
        Untrusted::new(&format!("{clock} {channel} {event} {}", self.content())).line(COLUMNS)
    }

    /// The fields, or what came and why it was not understood.
    fn content(&self) -> String {
        match (&self.raw, &self.reason) {
            (Some(raw), Some(reason)) => format!("{raw} ({reason})"),
            (None | Some(_), None) | (None, Some(_)) => self.data.to_string(),
        }
    }
}

/// A table's row: three columns of their width, and the rest.
fn row(columns: [&str; 3], rest: &str) -> String {
    let mut row = String::new();
    for (text, columns) in columns.into_iter().zip(WIDTHS) {
        let text = Untrusted::new(text).line(COLUMNS);
        let space = columns.saturating_sub(width(&text)) + 2;
        row.push_str(&text);
        row.extend(std::iter::repeat_n(' ', space));
    }
    row.push_str(&Untrusted::new(rest).line(COLUMNS));
    row
}

/// A cell of CSV. One that a spreadsheet would take for a formula is marked as text.
fn quoted(cell: &str) -> String {
    let marked = if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.to_owned() };
    if marked.contains([',', '"', ' ', '\'']) {
        format!("\"{}\"", marked.replace('"', "\"\""))
    } else {
        marked
    }
}

/// What a terminal may show of a text that a script reads: characters that would move its cursor or turn its text
/// around are written as escapes of JSON.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut units = [0; 2];
    for c in text.chars() {
        if is_hostile(c) {
            for unit in c.encode_utf16(&mut units) {
                // Writing to a string can't fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Whether a character does something to a terminal beyond showing itself.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Short names of the filter language, and the fields that they stand for.
const SHORT: [(&str, &[&str]); 5] = [
    ("code", &["booking_code"]),
    ("name", &["customer_name"]),
    ("session", &["session_name"]),
    ("st", &["payment_status", "status"]),
    ("amt", &["amount", "total_amount"]),
];

impl Fields for Line {
    fn text(&self, visit: &mut dyn FnMut(&str)) {
        for text in [&self.event, &self.channel, &self.raw].into_iter().flatten() {
            visit(text);
        }
        visit_values(&self.data, visit);
    }

    fn field(&self, name: &str) -> Option<Field<'_>> {
        let text = |text: &'_ Option<String>| text.clone().map(|text| Field::Text(Cow::Owned(text)));
        match name {
            "event" => return text(&self.event),
            "channel" => return text(&self.channel),
            "topic" => return text(&self.topic),
            _ => {}
        }
        let long = SHORT.iter().find(|(short, _)| *short == name).map(|(_, long)| long);
        let value = match long {
            Some(long) => long.iter().find_map(|name| self.data.get(name))?,
            None => self.data.get(name)?,
        };
        match value {
            Value::Number(number) => number.as_f64().map(Field::Number),
            // Laravel's decimals are text.
            Value::String(text) if name == "amt" => text.parse().ok().map(Field::Number),
            Value::String(text) => Some(Field::Text(Cow::Borrowed(text))),
            Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => {
                Some(Field::Text(Cow::Owned(value.to_string())))
            }
        }
    }
}

fn visit_values(value: &Value, visit: &mut dyn FnMut(&str)) {
    match value {
        Value::Null => {}
        Value::String(text) => visit(text),
        Value::Bool(_) | Value::Number(_) => visit(&value.to_string()),
        Value::Array(values) => values.iter().for_each(|value| visit_values(value, visit)),
        Value::Object(fields) => fields.values().for_each(|value| visit_values(value, visit)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::event::Backend;

    pub(in super::super) fn line(channel: Option<&str>, event: &str, data: &str) -> Line {
        let record = Record {
            seq: 1,
            heard_at: "2024-01-15T08:05:00.1234Z".parse().expect("a time"),
            channel: channel.map(str::to_owned),
            event: event.to_owned(),
            data: data.to_owned(),
            position: Some("k3x9:4711".to_owned()),
            connection: 1,
        };
        let meaning = crate::domain::event::read(event, data, &Backend::default());
        Line::heard(&record, meaning.err())
    }

    #[test]
    fn the_object_has_the_shape_that_scripts_rely_on() {
        let understood =
            line(Some("private-staff"), "App\\Events\\CheckInNotification", r#"{"data":{"booking_id":1}}"#);
        assert_eq!(
            understood.json(),
            r#"{"at":"2024-01-15T08:05:00.123Z","topic":"staff","channel":"private-staff","event":"CheckInNotification","data":{"booking_id":1},"position":"k3x9:4711"}"#
        );
        let unknown: Value =
            serde_json::from_str(&line(Some("other"), "Odd", r#"{"a":1}"#).json()).expect("JSON");
        assert_eq!(
            (&unknown["topic"], &unknown["data"]["a"], &unknown["raw"]),
            (&Value::Null, &Value::from(1), &Value::from("{\"a\":1}"))
        );
        assert!(unknown["reason"].is_string());
    }

    #[test]
    fn a_line_of_csv_has_the_objects_fields_and_no_formula() {
        let understood = line(Some("private-staff"), "CheckInNotification", r#"{"booking_id":1,"a":"x, y"}"#);
        assert_eq!(
            understood.csv(),
            "2024-01-15T08:05:00.123Z,staff,private-staff,CheckInNotification,\
             \"{\"\"booking_id\"\":1,\"\"a\"\":\"\"x, y\"\"}\",k3x9:4711,,"
        );
        for formula in ["=1+1", "+1", "-1", "@x"] {
            let cells = line(Some("other"), formula, "1").csv();
            assert!(cells.contains(&format!(",\"'{formula}\",")), "{cells}");
        }
    }

    #[test]
    fn nothing_that_was_heard_reaches_the_terminal_as_more_than_text() {
        let data = "{\"data\":{\"booking_id\":1,\"customer_name\":\"\\u001b]0;x\\u0007\u{9b}2J\u{202e}\u{e0041}\u{200b}Ü\"}}";
        let line = line(Some("staff"), "App\\Events\\CheckInNotification", data);
        for text in [line.json(), line.text(&TimeZone::UTC), line.row(&TimeZone::UTC), line.csv()] {
            assert!(!text.chars().any(is_hostile), "{text:?}");
            assert!(text.contains('Ü'), "{text:?}");
        }
        let back: Value = serde_json::from_str(&line.json()).expect("JSON");
        assert_eq!(
            back["data"]["customer_name"], "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\u{e0041}\u{200b}Ü",
            "a script gets what was sent"
        );
    }
}
