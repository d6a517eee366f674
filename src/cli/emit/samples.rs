//! The API document's sample of each event, and the channel that it belongs to.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// An event as the document prints it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// The event's name, without namespace.
    pub(crate) event: &'static str,
    /// The document's channel; user 1 stands for any.
    pub(crate) channel: &'static str,
    fields: &'static str,
}

/// The document's day and its times, which a sample is moved away from.
const DAY: &str = "2024-01-15";
const TIMES: [&str; 3] = ["2024-01-15T08:00:00Z", "2024-01-15T08:05:00Z", "2024-01-15T10:00:00Z"];

/// All of them, in the document's order.
pub(crate) const SAMPLES: [Sample; 8] = [
    Sample {
        event: "AvailabilityUpdated",
        channel: "availability",
        fields: r#"{"session_id":1,"session_name":"Morning Session","date":"2024-01-15","available_slots":5,"total_capacity":20,"updated_at":"2024-01-15T08:00:00Z"}"#,
    },
    Sample {
        event: "CapacityUpdated",
        channel: "availability",
        fields: r#"{"session_id":1,"session_name":"Morning Session","date":"2024-01-15","current_capacity":15,"max_capacity":20,"updated_at":"2024-01-15T08:00:00Z"}"#,
    },
    Sample {
        event: "BookingStatusUpdated",
        channel: "booking.1",
        fields: r#"{"booking_id":1,"booking_code":"BK001","status":"confirmed","payment_status":"paid","updated_at":"2024-01-15T08:00:00Z"}"#,
    },
    Sample {
        event: "PaymentStatusUpdated",
        channel: "booking.1",
        fields: r#"{"booking_id":1,"booking_code":"BK001","payment_status":"verified","updated_at":"2024-01-15T08:00:00Z"}"#,
    },
    Sample {
        event: "NewBookingNotification",
        channel: "admin",
        fields: r#"{"booking_id":1,"booking_code":"BK001","customer_name":"John Doe","session_name":"Morning Session","booking_date":"2024-01-15","total_amount":50000,"created_at":"2024-01-15T08:00:00Z"}"#,
    },
    Sample {
        event: "PaymentVerificationRequired",
        channel: "admin",
        fields: r#"{"payment_id":1,"booking_id":1,"booking_code":"BK001","customer_name":"John Doe","amount":50000,"payment_method":"bank_transfer","submitted_at":"2024-01-15T08:00:00Z"}"#,
    },
    Sample {
        event: "CheckInNotification",
        channel: "staff",
        fields: r#"{"booking_id":1,"booking_code":"BK001","customer_name":"John Doe","session_name":"Morning Session","checkin_time":"2024-01-15T08:05:00Z"}"#,
    },
    Sample {
        event: "CheckOutNotification",
        channel: "staff",
        fields: r#"{"booking_id":1,"booking_code":"BK001","customer_name":"John Doe","session_name":"Morning Session","checkout_time":"2024-01-15T10:00:00Z"}"#,
    },
];

impl Sample {
    /// The sample of an event, if the document has it.
    pub(crate) fn of(event: &str) -> Option<&'static Self> {
        SAMPLES.iter().find(|sample| sample.event == event)
    }

    /// The fields as the document prints them.
    pub(crate) fn as_printed(&self) -> String {
        self.fields.to_owned()
    }

    /// The fields with every time moved to now, and every date to today in `zone`.
    pub(crate) fn moved(&self, now: Timestamp, zone: &TimeZone) -> String {
        let today = ZonedDateTime::new(now, zone.clone()).date().to_string();
        // The document's times have no fractions.
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
        TIMES.iter().fold(self.as_printed(), |text, time| text.replace(time, &now)).replace(DAY, &today)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_sample_moves_its_times_to_now_and_its_dates_to_the_venues_today() {
        let zone = TimeZone::get("Asia/Jakarta").expect("a zone");
        let now: Timestamp = "2026-11-22T18:30:00.123Z".parse().expect("a time");
        for sample in SAMPLES {
            let printed: Value = serde_json::from_str(&sample.as_printed()).expect(sample.event);
            let moved: Value = serde_json::from_str(&sample.moved(now, &zone)).expect(sample.event);
            for (name, value) in printed.as_object().expect(sample.event) {
                let expected = match value.as_str() {
                    Some(text) if text.starts_with("2024-01-15T") => Value::from("2026-11-22T18:30:00Z"),
                    Some("2024-01-15") => Value::from("2026-11-23"),
                    Some(_) | None => value.clone(),
                };
                assert_eq!(moved[name], expected, "{} {name}", sample.event);
            }
            assert!(!moved.to_string().contains("2024"), "{moved}");
        }
    }
}
