//! Reading an event from the shapes in which real backends send it.
//!
//! `scope` finds the object with the event's fields; here they become typed. Every value is read from its own
//! JSON text, so no number passes through a float.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::super::booking::BookingRef;
use super::super::id::Id;
use super::super::money::{Currency, Money};
use super::super::session::SessionKey;
use super::scope::{
    BOOKING_CODE, BOOKING_ID, CUSTOMER_NAME, Object, PAYMENT_ID, SESSION_ID, SESSION_NAME, Scope, folded,
    open, peel,
};
use super::{
    AvailabilityUpdated, Backend, BookingStatusUpdated, CapacityUpdated, CheckInNotification,
    CheckOutNotification, Kind, NewBookingNotification, NotUnderstood, PaymentStatusUpdated,
    PaymentVerificationRequired, VenueEvent, when,
};

/// An event's name without its namespace.
pub fn short_name(event: &str) -> &str {
    event.rsplit('\\').next().unwrap_or(event)
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
    // Nested too deep for a value; the event itself may be read all the same.
    let Ok(mut value) = serde_json::from_str::<Value>(&peel(data)) else {
        return Value::String(data.to_owned());
    };
    for key in path {
        let mut inner = value.get_mut(&key).map(Value::take).unwrap_or_default();
        if let Value::String(text) = &inner {
            inner = serde_json::from_str(&peel(text)).unwrap_or_default();
        }
        value = inner;
    }
    value
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
