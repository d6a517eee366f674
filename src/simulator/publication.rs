//! The eight events of the API document, and the odd ones, in the shape that a Laravel application sends.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::booking::Booking;
use super::calendar::Session;

/// One event as the venue's backend would publish it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The wire name: `availability`, `private-admin`, `private-staff`, `private-booking.7`.
    pub channel: String,
    /// The event's name on the wire, `App\Events\CheckInNotification`.
    pub event: String,
    /// The payload; the fields stand under `data`.
    pub data: Value,
}

impl Publication {
    fn new(channel: impl Into<String>, class: &str, fields: Value) -> Self {
        let data = Value::Object(Map::from_iter([("data".to_owned(), fields)]));
        Self { channel: channel.into(), event: format!(r"App\Events\{class}"), data }
    }

    fn admin(class: &str, fields: Value) -> Self {
        Self::new("private-admin", class, fields)
    }

    fn staff(class: &str, fields: Value) -> Self {
        Self::new("private-staff", class, fields)
    }

    pub(super) fn availability(session: Session, taken: u32, at: Timestamp) -> Self {
        let fields = json!({
            "session_id": session.id(), "session_name": session.name(), "date": session.date.to_string(),
            "available_slots": session.places().saturating_sub(taken), "total_capacity": session.places(),
            "updated_at": stamp(at),
        });
        Self::new("availability", "AvailabilityUpdated", fields)
    }

    pub(super) fn capacity(session: Session, taken: u32, at: Timestamp) -> Self {
        let fields = json!({
            "session_id": session.id(), "session_name": session.name(), "date": session.date.to_string(),
            "current_capacity": taken, "max_capacity": session.places(), "updated_at": stamp(at),
        });
        Self::new("availability", "CapacityUpdated", fields)
    }

    pub(super) fn new_booking(booking: &Booking, at: Timestamp) -> Self {
        let fields = json!({
            "booking_id": booking.id, "booking_code": booking.code(), "customer_name": booking.customer(),
            "session_name": booking.session.name(), "booking_date": booking.session.date.to_string(),
            "total_amount": booking.amount, "created_at": stamp(at),
        });
        Self::admin("NewBookingNotification", fields)
    }

    pub(super) fn payment_asked(booking: &Booking, payment: u32, method: &str, at: Timestamp) -> Self {
        let fields = json!({
            "payment_id": payment, "booking_id": booking.id, "booking_code": booking.code(),
            "customer_name": booking.customer(), "amount": booking.amount, "payment_method": method,
            "submitted_at": stamp(at),
        });
        Self::admin("PaymentVerificationRequired", fields)
    }

    pub(super) fn payment_status(booking: &Booking, payment_status: &str, at: Timestamp) -> Self {
        let fields = json!({
            "booking_id": booking.id, "booking_code": booking.code(), "payment_status": payment_status,
            "updated_at": stamp(at),
        });
        Self::new(booking.channel(), "PaymentStatusUpdated", fields)
    }

    pub(super) fn booking_status(
        booking: &Booking,
        status: &str,
        payment_status: &str,
        at: Timestamp,
    ) -> Self {
        let fields = json!({
            "booking_id": booking.id, "booking_code": booking.code(), "status": status,
            "payment_status": payment_status, "updated_at": stamp(at),
        });
        Self::new(booking.channel(), "BookingStatusUpdated", fields)
    }

    /// A check-in; `customer` is null where the backend lost the name.
    pub(super) fn check_in(booking: &Booking, customer: Option<&str>, at: Timestamp) -> Self {
        let fields = json!({
            "booking_id": booking.id, "booking_code": booking.code(), "customer_name": customer,
            "session_name": booking.session.name(), "checkin_time": stamp(at),
        });
        Self::staff("CheckInNotification", fields)
    }

    pub(super) fn check_out(booking: &Booking, at: Timestamp) -> Self {
        let fields = json!({
            "booking_id": booking.id, "booking_code": booking.code(), "customer_name": booking.customer(),
            "session_name": booking.session.name(), "checkout_time": stamp(at),
        });
        Self::staff("CheckOutNotification", fields)
    }

    /// An event that the API document does not know.
    pub(super) fn pool_measured(tenths: u32, at: Timestamp) -> Self {
        let celsius = format!("{}.{}", tenths / 10, tenths % 10);
        Self::staff(
            "PoolTemperatureMeasured",
            json!({ "pool": "Melati", "celsius": celsius, "measured_at": stamp(at) }),
        )
    }
}

/// A time as Laravel writes its models': UTC, with microseconds.
fn stamp(at: Timestamp) -> String {
    format!("{at:.6}")
}
