//! Whatever a backend sends: it is read or refused with a reason, applied, and shown, at any time of any day.

#![no_main]

use arbitrary::Arbitrary;
use frontdesk::domain::event::{self, Backend, Kind};
use frontdesk::domain::headline::Headline;
use frontdesk::domain::record::{Reading, Record, Ring};
use frontdesk::domain::venue::{Settings, Venue};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Sent {
    kind: Result<u8, String>,
    data: Data,
    /// Seconds since the one before.
    later: u16,
}

#[derive(Arbitrary, Debug)]
enum Data {
    Text(String),
    Fields(Vec<(u8, Value)>),
    Enveloped(Vec<(u8, Value)>),
}

#[derive(Arbitrary, Debug)]
enum Value {
    Text(String),
    Number(i64),
    Float(f64),
    Date(i16, u8, u8),
    Time { date: (i16, u8, u8), hour: u8, zone: String },
    Null,
}

const NAMES: [&str; 22] = [
    "session_id",
    "date",
    "session_name",
    "available_slots",
    "total_capacity",
    "current_capacity",
    "max_capacity",
    "booking_id",
    "booking_code",
    "customer_name",
    "status",
    "payment_status",
    "booking_date",
    "total_amount",
    "payment_id",
    "amount",
    "payment_method",
    "submitted_at",
    "checkin_time",
    "checkout_time",
    "updated_at",
    "currency",
];

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) => text.clone().into(),
        Value::Number(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Date(year, month, day) => format!("{year:04}-{month:02}-{day:02}").into(),
        Value::Time { date: (year, month, day), hour, zone } => {
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:00:00{zone}").into()
        }
        Value::Null => serde_json::Value::Null,
    }
}

fn object(fields: &[(u8, Value)]) -> serde_json::Value {
    let named =
        fields.iter().map(|(at, value)| (NAMES[usize::from(*at) % NAMES.len()].to_owned(), json(value)));
    serde_json::Value::Object(named.collect())
}

fuzz_target!(|sent: Vec<Sent>| {
    let backend = Backend::default();
    let mut venue = Venue::new(Settings::default());
    let mut ring = Ring::default();
    let mut now: Timestamp = "2024-01-15T08:00:00Z".parse().unwrap();
    for (seq, Sent { kind, data, later }) in (1..).zip(sent) {
        now += std::time::Duration::from_secs(later.into());
        let name = match kind {
            Ok(at) => format!("App\\Events\\{}", Kind::ALL[usize::from(at) % Kind::ALL.len()].class()),
            Err(text) => text,
        };
        let data = match data {
            Data::Text(text) => text,
            Data::Fields(fields) => object(&fields).to_string(),
            Data::Enveloped(fields) => serde_json::json!({"data": object(&fields)}).to_string(),
        };
        let event = event::read(&name, &data, &backend);
        let _ = event::fields(&name, &data);
        if let Err(reason) = &event {
            assert!(!reason.to_string().is_empty() && reason.to_string().len() < 1_000);
        }
        let change = event.as_ref().ok().map(|event| venue.apply(now, event));
        let record =
            Record { seq, heard_at: now, channel: None, event: name, data, position: None, connection: 1 };
        let reading = Reading::new(record, event, change);
        let _ = Headline::of(&reading).named(&reading, &venue);
        ring.push(reading);
    }
    for now in [now, Timestamp::MIN, Timestamp::MAX] {
        let day = venue.day(now);
        let _ = (venue.inside(now), venue.flow(now), venue.bookings(now), venue.queue(now), venue.ended(now));
        let _ = (venue.sessions(day.date, now), venue.contradictions(now), venue.needs(now), venue.dates());
        let _ = venue.counts_since(now);
    }
});
