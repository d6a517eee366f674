//! What the backend said, decoded: the eight events of the API document.
//!
//! [`read()`] turns a wire event's name and data into a [`VenueEvent`], tolerant of the shapes in which real
//! backends send them, or says precisely why it could not. Only an event's key is required; whatever else is
//! missing or null is `None`, which means *unknown*. Which channel it came on does not matter.

mod read;
mod scope;
mod when;

use std::fmt;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value};

use super::booking::BookingRef;
use super::id::Id;
use super::money::{Currency, Money};
use super::session::SessionKey;

pub use read::short_name;

/// What one must know of a backend to read its events.
#[derive(Clone, Debug)]
pub struct Backend {
    /// The zone of times that name none: Laravel's `APP_TIMEZONE`.
    pub zone: TimeZone,
    /// The currency of amounts that name none.
    pub currency: Currency,
}

impl Default for Backend {
    /// Laravel's own zone, and rupiah.
    fn default() -> Self {
        Self { zone: TimeZone::UTC, currency: Currency::IDR }
    }
}

/// Reads an event from its wire name and its data, the JSON text inside the frame.
pub fn read(event: &str, data: &str, backend: &Backend) -> Result<VenueEvent, NotUnderstood> {
    read::read(event, data, backend)
}

/// The event's own fields, unwrapped from whatever envelope they came in, under the names they came with;
/// also where the event is unknown. What is no JSON is a string, what is no object is itself.
pub fn fields(event: &str, data: &str) -> Value {
    read::fields(event, data)
}

/// The unwrapped fields as an object, empty where there are none.
pub fn object(event: &str, data: &str) -> Map<String, Value> {
    match fields(event, data) {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// The kinds of event of the API document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Free places of a session changed.
    AvailabilityUpdated,
    /// Taken places of a session changed.
    CapacityUpdated,
    /// A booking's status changed.
    BookingStatusUpdated,
    /// A booking's payment status changed.
    PaymentStatusUpdated,
    /// Somebody booked.
    NewBookingNotification,
    /// Somebody paid, and it has to be verified.
    PaymentVerificationRequired,
    /// A guest arrived.
    CheckInNotification,
    /// A guest left.
    CheckOutNotification,
}

impl Kind {
    /// All of them, in the document's order.
    pub const ALL: [Self; 8] = [
        Self::AvailabilityUpdated,
        Self::CapacityUpdated,
        Self::BookingStatusUpdated,
        Self::PaymentStatusUpdated,
        Self::NewBookingNotification,
        Self::PaymentVerificationRequired,
        Self::CheckInNotification,
        Self::CheckOutNotification,
    ];

    /// The name of the backend's class, without its namespace.
    pub fn class(self) -> &'static str {
        match self {
            Self::AvailabilityUpdated => "AvailabilityUpdated",
            Self::CapacityUpdated => "CapacityUpdated",
            Self::BookingStatusUpdated => "BookingStatusUpdated",
            Self::PaymentStatusUpdated => "PaymentStatusUpdated",
            Self::NewBookingNotification => "NewBookingNotification",
            Self::PaymentVerificationRequired => "PaymentVerificationRequired",
            Self::CheckInNotification => "CheckInNotification",
            Self::CheckOutNotification => "CheckOutNotification",
        }
    }

    /// The kind of a wire event's name: the class under any namespace, or its dotted form.
    pub fn of(event: &str) -> Option<Self> {
        read::kind(event)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class())
    }
}

/// One event of the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VenueEvent {
    /// See [`Kind::AvailabilityUpdated`].
    AvailabilityUpdated(AvailabilityUpdated),
    /// See [`Kind::CapacityUpdated`].
    CapacityUpdated(CapacityUpdated),
    /// See [`Kind::BookingStatusUpdated`].
    BookingStatusUpdated(BookingStatusUpdated),
    /// See [`Kind::PaymentStatusUpdated`].
    PaymentStatusUpdated(PaymentStatusUpdated),
    /// See [`Kind::NewBookingNotification`].
    NewBookingNotification(NewBookingNotification),
    /// See [`Kind::PaymentVerificationRequired`].
    PaymentVerificationRequired(PaymentVerificationRequired),
    /// See [`Kind::CheckInNotification`].
    CheckInNotification(CheckInNotification),
    /// See [`Kind::CheckOutNotification`].
    CheckOutNotification(CheckOutNotification),
}

/// Places free in a session, as told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailabilityUpdated {
    /// Which session, on which day.
    pub session: SessionKey,
    /// What it is called.
    pub session_name: Option<String>,
    /// Places free.
    pub available_slots: Option<i64>,
    /// Places altogether.
    pub total_capacity: Option<i64>,
    /// When that was so.
    pub updated_at: Option<Timestamp>,
}

/// Places taken in a session, as told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapacityUpdated {
    /// Which session, on which day.
    pub session: SessionKey,
    /// What it is called.
    pub session_name: Option<String>,
    /// Places taken.
    pub current_capacity: Option<i64>,
    /// Places altogether.
    pub max_capacity: Option<i64>,
    /// When that was so.
    pub updated_at: Option<Timestamp>,
}

/// A booking's status, as told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingStatusUpdated {
    /// Which booking.
    pub booking: BookingRef,
    /// Whose; outside the document, but models carry it.
    pub customer_name: Option<String>,
    /// The backend's word for the booking's status.
    pub status: Option<String>,
    /// The backend's word for the payment's status.
    pub payment_status: Option<String>,
    /// When that was so.
    pub updated_at: Option<Timestamp>,
}

/// A booking's payment status, as told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentStatusUpdated {
    /// Which booking.
    pub booking: BookingRef,
    /// Whose; outside the document, but models carry it.
    pub customer_name: Option<String>,
    /// The backend's word for the payment's status.
    pub payment_status: Option<String>,
    /// When that was so.
    pub updated_at: Option<Timestamp>,
}

/// A new booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBookingNotification {
    /// Which booking.
    pub booking: BookingRef,
    /// Who booked.
    pub customer_name: Option<String>,
    /// For which session.
    pub session_name: Option<String>,
    /// For which day.
    pub booking_date: Option<Date>,
    /// For how much.
    pub total_amount: Option<Money>,
    /// When they booked.
    pub created_at: Option<Timestamp>,
}

/// A payment that somebody has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentVerificationRequired {
    /// Which payment.
    pub payment_id: Id,
    /// For which booking.
    pub booking: Option<BookingRef>,
    /// Who paid.
    pub customer_name: Option<String>,
    /// How much.
    pub amount: Option<Money>,
    /// By what means.
    pub payment_method: Option<String>,
    /// When they said so; from then on it waits.
    pub submitted_at: Option<Timestamp>,
}

/// A guest came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckInNotification {
    /// On which booking.
    pub booking: BookingRef,
    /// Who.
    pub customer_name: Option<String>,
    /// For which session; it is the one of that name on the day of the check-in.
    pub session_name: Option<String>,
    /// When.
    pub checkin_time: Option<Timestamp>,
}

/// A guest went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOutNotification {
    /// On which booking.
    pub booking: BookingRef,
    /// Who.
    pub customer_name: Option<String>,
    /// From which session.
    pub session_name: Option<String>,
    /// When.
    pub checkout_time: Option<Timestamp>,
}

impl VenueEvent {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::AvailabilityUpdated(_) => Kind::AvailabilityUpdated,
            Self::CapacityUpdated(_) => Kind::CapacityUpdated,
            Self::BookingStatusUpdated(_) => Kind::BookingStatusUpdated,
            Self::PaymentStatusUpdated(_) => Kind::PaymentStatusUpdated,
            Self::NewBookingNotification(_) => Kind::NewBookingNotification,
            Self::PaymentVerificationRequired(_) => Kind::PaymentVerificationRequired,
            Self::CheckInNotification(_) => Kind::CheckInNotification,
            Self::CheckOutNotification(_) => Kind::CheckOutNotification,
        }
    }

    /// When it happened, by its own account.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::AvailabilityUpdated(event) => event.updated_at,
            Self::CapacityUpdated(event) => event.updated_at,
            Self::BookingStatusUpdated(event) => event.updated_at,
            Self::PaymentStatusUpdated(event) => event.updated_at,
            Self::NewBookingNotification(event) => event.created_at,
            Self::PaymentVerificationRequired(event) => event.submitted_at,
            Self::CheckInNotification(event) => event.checkin_time,
            Self::CheckOutNotification(event) => event.checkout_time,
        }
    }

    /// What makes two of them one and the same.
    pub fn identity(&self) -> Identity {
        let number = |value: Option<i64>| value.map(|value| value.to_string());
        let (key, state) = match self {
            Self::AvailabilityUpdated(event) => (
                Key::Session(event.session.clone()),
                [number(event.available_slots), number(event.total_capacity)],
            ),
            Self::CapacityUpdated(event) => (
                Key::Session(event.session.clone()),
                [number(event.current_capacity), number(event.max_capacity)],
            ),
            Self::BookingStatusUpdated(event) => {
                (Key::Booking(event.booking.clone()), [event.status.clone(), event.payment_status.clone()])
            }
            Self::PaymentStatusUpdated(event) => {
                (Key::Booking(event.booking.clone()), [None, event.payment_status.clone()])
            }
            Self::NewBookingNotification(event) => (Key::Booking(event.booking.clone()), [None, None]),
            Self::PaymentVerificationRequired(event) => {
                (Key::Payment(event.payment_id.clone()), [None, None])
            }
            Self::CheckInNotification(event) => (Key::Booking(event.booking.clone()), [None, None]),
            Self::CheckOutNotification(event) => (Key::Booking(event.booking.clone()), [None, None]),
        };
        Identity { kind: self.kind(), key, at: self.at(), state }
    }
}

/// Two events with the same identity are one and the same, heard twice: same kind, same key, same own time, and
/// for states the same state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    kind: Kind,
    key: Key,
    at: Option<Timestamp>,
    state: [Option<String>; 2],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Session(SessionKey),
    Booking(BookingRef),
    Payment(Id),
}

/// Why an event could not be read. It is shown raw with this reason, never dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUnderstood {
    /// None of the eight events has this name.
    #[error("an event that the API document does not have")]
    UnknownEvent,
    /// The payload is end-to-end encrypted, and we have no key.
    #[error("encrypted: the payload is readable only with the channel's shared secret")]
    Encrypted,
    /// The data is no JSON; holds the parser's words.
    #[error("its data is not JSON: {0}")]
    NotJson(String),
    /// The data is JSON, but no object; holds what it is.
    #[error("its data is {0}, not an object")]
    NotAnObject(&'static str),
    /// The data has nothing in it, `[]` or `{}`: an event class without public properties.
    #[error("its data is empty: the event class has no public properties")]
    Empty,
    /// It does not say what it is about; holds the missing key.
    #[error("{0} is missing")]
    MissingKey(&'static str),
    /// Its key is there but cannot be read; holds its name and what it is.
    #[error("{key} cannot be read: {value}")]
    BadKey {
        /// The key's name in the API document.
        key: &'static str,
        /// Its JSON text as it came, shortened.
        value: String,
    },
}

impl NotUnderstood {
    /// A stable word for scripts and for the catalogue of translations.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownEvent => "unknown_event",
            Self::Encrypted => "encrypted",
            Self::NotJson(_) => "not_json",
            Self::NotAnObject(_) => "not_an_object",
            Self::Empty => "empty",
            Self::MissingKey(_) => "missing_key",
            Self::BadKey { .. } => "bad_key",
        }
    }
}
