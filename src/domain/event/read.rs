//! Reading an event from the shapes in which real backends send it.
//!
//! The data is peeled down to an object, then the *scope* is looked for that holds the event's key: the object
//! itself, what is under its `data`, or under one of its object keys (`booking`, `payment` …). Names are compared
//! without case and underscores, so `booking_id` and `bookingId` are one. Every value is read from its own JSON
//! text, so no number passes through a float.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::booking::BookingRef;
use super::super::id::Id;
use super::super::money::{Currency, Money};
use super::super::session::SessionKey;
use super::{
    AvailabilityUpdated, Backend, BookingStatusUpdated, CapacityUpdated, CheckInNotification,
    CheckOutNotification, Kind, NewBookingNotification, NotUnderstood, PaymentStatusUpdated,
    PaymentVerificationRequired, VenueEvent, when,
};

/// An event's name without its namespace.
pub fn short_name(event: &str) -> &str {
    event.rsplit('\\').next().unwrap_or(event)
}

/// Names are compared without case, dots, dashes and underscores.
fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '.' | '_' | '-')).flat_map(char::to_lowercase).collect()
}

pub(super) fn kind(event: &str) -> Option<Kind> {
    let name = short_name(event);
    let of = |name: &str| {
        let name = folded(name);
        Kind::ALL.into_iter().find(|kind| kind.class().eq_ignore_ascii_case(&name))
    };
    // `App.Events.CheckInNotification` has its namespace before the last dot, `check.in.notification` has none.
    of(name).or_else(|| name.rsplit_once('.').and_then(|(_, last)| of(last)))
}

pub(super) fn read(event: &str, data: &str, backend: &Backend) -> Result<VenueEvent, NotUnderstood> {
    let kind = kind(event).ok_or(NotUnderstood::UnknownEvent);
    let top = match open(data) {
        Ok(top) => top,
        // An unknown event is unknown first of all, whatever its data.
        Err(reason) => return Err(kind.err().unwrap_or(reason)),
    };
    if top.get("nonce").is_some() && top.get("ciphertext").is_some() {
        return Err(NotUnderstood::Encrypted);
    }
    let kind = kind?;
    let scope = Scope::find(kind, top);
    let reader = Reader { scope: &scope, backend };
    match kind {
        Kind::AvailabilityUpdated => Ok(VenueEvent::AvailabilityUpdated(AvailabilityUpdated {
            session: reader.session()?,
            session_name: reader.text(SESSION_NAME),
            available_slots: reader.number(&["availableslots"]),
            total_capacity: reader.number(&["totalcapacity"]),
            updated_at: reader.time(&["updatedat"]),
        })),
        Kind::CapacityUpdated => Ok(VenueEvent::CapacityUpdated(CapacityUpdated {
            session: reader.session()?,
            session_name: reader.text(SESSION_NAME),
            current_capacity: reader.number(&["currentcapacity"]),
            max_capacity: reader.number(&["maxcapacity"]),
            updated_at: reader.time(&["updatedat"]),
        })),
        Kind::BookingStatusUpdated => Ok(VenueEvent::BookingStatusUpdated(BookingStatusUpdated {
            booking: reader.booking()?,
            customer_name: reader.text(CUSTOMER_NAME),
            status: reader.text(&["status", "booking.status"]),
            payment_status: reader.text(&["paymentstatus", "booking.paymentstatus"]),
            updated_at: reader.time(&["updatedat"]),
        })),
        Kind::PaymentStatusUpdated => Ok(VenueEvent::PaymentStatusUpdated(PaymentStatusUpdated {
            booking: reader.booking()?,
            customer_name: reader.text(CUSTOMER_NAME),
            payment_status: reader.text(&["paymentstatus", "booking.paymentstatus"]),
            updated_at: reader.time(&["updatedat"]),
        })),
        Kind::NewBookingNotification => Ok(VenueEvent::NewBookingNotification(NewBookingNotification {
            booking: reader.booking()?,
            customer_name: reader.text(CUSTOMER_NAME),
            session_name: reader.text(SESSION_NAME),
            booking_date: reader.date(&["bookingdate", "booking.bookingdate"]),
            total_amount: reader.money(&["totalamount", "booking.totalamount"]),
            created_at: reader.time(&["createdat"]),
        })),
        Kind::PaymentVerificationRequired => {
            Ok(VenueEvent::PaymentVerificationRequired(PaymentVerificationRequired {
                payment_id: reader
                    .id(PAYMENT_ID, "payment_id")?
                    .ok_or(NotUnderstood::MissingKey("payment_id"))?,
                // Not its key: an unreadable one is as none.
                booking: reader.booking().ok(),
                customer_name: reader.text(CUSTOMER_NAME),
                amount: reader.money(&["amount", "payment.amount"]),
                payment_method: reader.text(&["paymentmethod", "payment.paymentmethod", "payment.method"]),
                submitted_at: reader.time(&["submittedat"]),
            }))
        }
        Kind::CheckInNotification => Ok(VenueEvent::CheckInNotification(CheckInNotification {
            booking: reader.booking()?,
            customer_name: reader.text(CUSTOMER_NAME),
            session_name: reader.text(SESSION_NAME),
            checkin_time: reader.time(&["checkintime"]),
        })),
        Kind::CheckOutNotification => Ok(VenueEvent::CheckOutNotification(CheckOutNotification {
            booking: reader.booking()?,
            customer_name: reader.text(CUSTOMER_NAME),
            session_name: reader.text(SESSION_NAME),
            checkout_time: reader.time(&["checkouttime"]),
        })),
    }
}

pub(super) fn fields(event: &str, data: &str) -> Value {
    let Ok(top) = open(data) else {
        let text = peel(data);
        return serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()));
    };
    let path = match kind(event) {
        Some(kind) => Scope::find(kind, top).path,
        None if top.only_envelope() => vec!["data".to_owned()],
        None => Vec::new(),
    };
    let mut value: Value = serde_json::from_str(&peel(data)).unwrap_or_default();
    for key in path {
        let mut inner = value.get_mut(&key).map(Value::take).unwrap_or_default();
        if let Value::String(text) = &inner {
            inner = serde_json::from_str(&peel(text)).unwrap_or_default();
        }
        value = inner;
    }
    value
}

/// The JSON text inside JSON strings, three deep at most: some backends encode once more than Laravel does.
fn peel(data: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(data.trim());
    for _ in 0..3 {
        if !text.starts_with('"') {
            break;
        }
        match serde_json::from_str::<String>(&text) {
            Ok(inner) => text = Cow::Owned(inner.trim().to_owned()),
            Err(_) => break,
        }
    }
    text
}

/// The data's object, or why there is none.
fn open(data: &str) -> Result<Object, NotUnderstood> {
    let text = peel(data);
    if let Err(error) = serde_json::from_str::<&RawValue>(&text) {
        let was_text = data.trim_start().starts_with('"') && !text.starts_with('"');
        return Err(if was_text {
            NotUnderstood::NotAnObject("a text")
        } else {
            NotUnderstood::NotJson(error.to_string())
        });
    }
    match text.as_bytes().first() {
        Some(b'{') => Object::parse(&text).filter(|top| !top.0.is_empty()).ok_or(NotUnderstood::Empty),
        Some(b'[') if text[1..].trim_start().starts_with(']') => Err(NotUnderstood::Empty),
        Some(b'[') => Err(NotUnderstood::NotAnObject("a list")),
        Some(b'"') => Err(NotUnderstood::NotAnObject("a text")),
        Some(b'n') => Err(NotUnderstood::NotAnObject("null")),
        Some(b't' | b'f') => Err(NotUnderstood::NotAnObject("true or false")),
        Some(_) | None => Err(NotUnderstood::NotAnObject("a number")),
    }
}

/// A JSON object: folded name → the name as it came, and the value's own text.
struct Object(BTreeMap<String, (String, Box<RawValue>)>);

impl Object {
    fn parse(text: &str) -> Option<Self> {
        let raw: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
        let mut object = BTreeMap::new();
        for (name, value) in raw {
            let entry = object.entry(folded(&name));
            match entry {
                std::collections::btree_map::Entry::Vacant(vacant) => {
                    vacant.insert((name, value));
                }
                // Both `booking_id` and `bookingId`: one that says something goes before one that is null.
                std::collections::btree_map::Entry::Occupied(mut taken) => {
                    if taken.get().1.get() == "null" {
                        taken.insert((name, value));
                    }
                }
            }
        }
        Some(Self(object))
    }

    /// The JSON text of a field that is there and not null.
    fn get(&self, folded: &str) -> Option<&str> {
        self.0.get(folded).map(|(_, value)| value.get()).filter(|text| *text != "null")
    }

    fn object(&self, folded: &str) -> Option<Self> {
        self.get(folded).and_then(|text| Self::parse(&peel(text)))
    }

    /// A field by name, or by a path of names with dots between.
    fn path(&self, path: &str) -> Option<Cow<'_, str>> {
        match path.split_once('.') {
            None => self.get(path).map(Cow::Borrowed),
            Some((first, rest)) => self.object(first)?.path(rest).map(|text| Cow::Owned(text.into_owned())),
        }
    }

    /// `{"data":…}` or `{"event":…,"data":…}`, around an object.
    fn only_envelope(&self) -> bool {
        self.0.keys().all(|name| name == "data" || name == "event") && self.object("data").is_some()
    }
}

const SESSION_ID: &[&str] = &["sessionid", "session.id"];
const BOOKING_ID: &[&str] = &["bookingid", "booking.id"];
const BOOKING_CODE: &[&str] = &["bookingcode", "booking.bookingcode", "booking.code"];
const PAYMENT_ID: &[&str] = &["paymentid", "payment.id"];
const SESSION_NAME: &[&str] = &["sessionname", "session.name", "booking.sessionname", "booking.session.name"];
const CUSTOMER_NAME: &[&str] = &[
    "customername",
    "user.name",
    "customer.name",
    "booking.customername",
    "booking.user.name",
    "booking.customer.name",
];

/// The object that holds the event's fields, and how it was reached.
struct Scope {
    object: Object,
    /// The folded name of the key it was under, if it was under one of its own: its `id` is that thing's id.
    noun: Option<String>,
    /// The keys that lead to it.
    path: Vec<String>,
}

impl Scope {
    /// The first scope that has the event's key, from the outside in; the outermost envelope's inside if none has.
    fn find(kind: Kind, top: Object) -> Self {
        let (keys, noun): (&[&[&str]], _) = match kind {
            Kind::AvailabilityUpdated | Kind::CapacityUpdated => (&[SESSION_ID], "session"),
            Kind::PaymentVerificationRequired => (&[PAYMENT_ID], "payment"),
            Kind::BookingStatusUpdated
            | Kind::PaymentStatusUpdated
            | Kind::NewBookingNotification
            | Kind::CheckInNotification
            | Kind::CheckOutNotification => (&[BOOKING_ID, BOOKING_CODE], "booking"),
        };
        // A direct name only: a path from here would find the key, but not the fields beside it.
        let holds = |scope: &Self| keys.iter().any(|names| scope.get(&names[..1]).is_some());

        let outer = Self { object: top, noun: None, path: Vec::new() };
        if holds(&outer) {
            return outer;
        }
        let data = outer.child("data").map(|data| Self { noun: None, ..data });
        if let Some(data) = data {
            if holds(&data) {
                return data;
            }
            if let Some(inner) = data.children(noun).into_iter().find(holds) {
                return inner;
            }
            if let Some(inner) = outer.children(noun).into_iter().find(holds) {
                return inner;
            }
            return data;
        }
        outer.children(noun).into_iter().find(holds).unwrap_or(outer)
    }

    fn child(&self, folded: &str) -> Option<Self> {
        let (name, _) = self.object.0.get(folded)?;
        let object = self.object.object(folded)?;
        let path = self.path.iter().chain([name]).cloned().collect();
        Some(Self { object, noun: Some(folded.to_owned()), path })
    }

    /// What is under its object keys, the key of this noun first.
    fn children(&self, noun: &str) -> Vec<Self> {
        let others = self.object.0.keys().map(String::as_str).filter(|name| *name != noun && *name != "data");
        [noun].into_iter().chain(others).filter_map(|name| self.child(name)).collect()
    }

    /// The JSON text of the first of these names that is there. Under `booking`, `id` is `booking_id`.
    fn get(&self, names: &[&str]) -> Option<Cow<'_, str>> {
        names.iter().find_map(|name| {
            let short = || name.strip_prefix(self.noun.as_deref()?).filter(|short| !short.is_empty());
            self.object.path(name).or_else(|| self.object.path(short()?))
        })
    }
}

/// Reads typed fields. What cannot be read is unknown, but for keys.
struct Reader<'a> {
    scope: &'a Scope,
    backend: &'a Backend,
}

impl Reader<'_> {
    fn session(&self) -> Result<SessionKey, NotUnderstood> {
        let session_id = self.id(SESSION_ID, "session_id")?.ok_or(NotUnderstood::MissingKey("session_id"))?;
        let text = self.scope.get(&["date"]).ok_or(NotUnderstood::MissingKey("date"))?;
        let date = day(&text, self.backend).ok_or_else(|| bad("date", &text))?;
        Ok(SessionKey { date, session_id })
    }

    fn booking(&self) -> Result<BookingRef, NotUnderstood> {
        let code = self.text(BOOKING_CODE);
        let id = match self.id(BOOKING_ID, "booking_id") {
            Ok(id) => id,
            // The code alone is key enough.
            Err(_) if code.is_some() => None,
            Err(reason) => return Err(reason),
        };
        BookingRef::new(id, code.as_deref()).ok_or(NotUnderstood::MissingKey("booking_id or booking_code"))
    }

    fn id(&self, names: &[&str], key: &'static str) -> Result<Option<Id>, NotUnderstood> {
        let Some(json) = self.scope.get(names) else { return Ok(None) };
        let text = scalar(&json).ok_or_else(|| bad(key, &json))?;
        Ok(Id::parse(whole(&text)))
    }

    fn text(&self, names: &[&str]) -> Option<String> {
        let text = scalar(&self.scope.get(names)?)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn number(&self, names: &[&str]) -> Option<i64> {
        whole(scalar(&self.scope.get(names)?)?.trim()).parse().ok()
    }

    fn money(&self, names: &[&str]) -> Option<Money> {
        let currency = self.text(&["currency"]).and_then(|code| Currency::parse(&code));
        let text = scalar(&self.scope.get(names)?)?;
        Money::parse(&text, currency.unwrap_or(self.backend.currency))
    }

    fn time(&self, names: &[&str]) -> Option<Timestamp> {
        let json = self.scope.get(names)?;
        let (text, zone) = moment(&json)?;
        when::timestamp(&text, &zone.unwrap_or_else(|| self.backend.zone.clone()))
    }

    fn date(&self, names: &[&str]) -> Option<Date> {
        day(&self.scope.get(names)?, self.backend)
    }
}

fn day(json: &str, backend: &Backend) -> Option<Date> {
    let (text, zone) = moment(json)?;
    when::date(&text, &zone.unwrap_or_else(|| backend.zone.clone()))
}

/// A time's text; with its zone where PHP's own `DateTime` was encoded as the object that it is.
fn moment(json: &str) -> Option<(String, Option<jiff::tz::TimeZone>)> {
    if let Some(text) = scalar(json) {
        return Some((text, None));
    }
    let object = Object::parse(json)?;
    let text = scalar(object.get("date")?)?;
    let zone = object.get("timezone").and_then(scalar)?;
    let zone = jiff::tz::TimeZone::get(&zone).ok().or_else(|| {
        let offset = when::timestamp(&format!("2000-01-01T00:00:00{zone}"), &jiff::tz::TimeZone::UTC)?;
        let seconds = 946_684_800 - offset.as_second();
        jiff::tz::Offset::from_seconds(i32::try_from(seconds).ok()?).ok().map(jiff::tz::TimeZone::fixed)
    })?;
    Some((text, Some(zone)))
}

/// The text of a JSON string or number.
fn scalar(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'-' | b'0'..=b'9' => Some(json.to_owned()),
        _ => None,
    }
}

/// A whole number without the `.0` that a float or a decimal cast gave it.
fn whole(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros))
            if !zeros.is_empty()
                && zeros.bytes().all(|byte| byte == b'0')
                && whole.strip_prefix('-').unwrap_or(whole).bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            whole
        }
        Some(_) | None => text,
    }
}

fn bad(key: &'static str, json: &str) -> NotUnderstood {
    const SHOWN: usize = 60;
    let mut value: String = json.chars().take(SHOWN).collect();
    if json.chars().nth(SHOWN).is_some() {
        value.push('…');
    }
    NotUnderstood::BadKey { key, value }
}

#[cfg(test)]
mod tests;
