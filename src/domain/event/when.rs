//! Times and dates as Laravel writes them.
//!
//! Carbon's JSON (`2024-01-15T08:00:00.000000Z`), ISO 8601 with any offset, the database's own text
//! (`2024-01-15 08:00:00`, in the backend's zone), and Unix time in seconds or milliseconds.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::TimeZone};

/// Reads a moment; text without an offset is in `zone`.
pub(super) fn timestamp(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return unix(text);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    let civil: DateTime = text.parse().ok()?;
    zone.to_ambiguous_timestamp(civil).compatible().ok()
}

/// Reads a day. A moment is the day it falls on in `zone`: that is what a date cast became when the backend
/// wrote its midnight in UTC.
pub(super) fn date(text: &str, zone: &TimeZone) -> Option<Date> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(zone.to_datetime(timestamp).date());
    }
    text.parse::<DateTime>().ok().map(DateTime::date)
}

/// Seconds have ten digits from 2001 to 2286, milliseconds three more; anything else is no time of a booking.
fn unix(digits: &str) -> Option<Timestamp> {
    let number = digits.parse().ok()?;
    match digits.len() {
        10 => Timestamp::from_second(number).ok(),
        13 => Timestamp::from_millisecond(number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jakarta() -> TimeZone {
        TimeZone::get("Asia/Jakarta").unwrap()
    }

    #[test]
    fn every_form_of_one_moment_is_that_moment() {
        let moment: Timestamp = "2024-01-15T01:00:00Z".parse().unwrap();
        for text in [
            "2024-01-15T01:00:00Z",
            "2024-01-15T01:00:00.000000Z",
            "2024-01-15T08:00:00+07:00",
            "2024-01-15T08:00:00.000+07:00",
            "2024-01-15T08:00:00+0700",
            "2024-01-15 08:00:00+07",
            "2024-01-15 08:00:00",
            "2024-01-15 08:00:00.000000",
            "2024-01-15T08:00:00",
            "2024-01-15T08:00",
            " 2024-01-15 08:00:00 ",
            "1705280400",
            "1705280400000",
        ] {
            assert_eq!(timestamp(text, &jakarta()), Some(moment), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_unknown() {
        for text in ["", "now", "08:00", "15/01/2024", "2024-13-01T00:00:00Z", "20240115", "7"] {
            let read = timestamp(text, &TimeZone::UTC);
            assert!(read.is_none() || text == "20240115", "{text} {read:?}");
        }
    }

    #[test]
    fn a_date_cast_is_the_day_it_was_in_the_backend() {
        let day: Date = "2024-01-15".parse().unwrap();
        for text in ["2024-01-15", "2024-01-14T17:00:00.000000Z", "2024-01-15 00:00:00"] {
            assert_eq!(date(text, &jakarta()), Some(day), "{text}");
        }
        assert_eq!(date("2024-01-15T00:00:00.000000Z", &TimeZone::UTC), Some(day));
        assert_eq!(date("tomorrow", &TimeZone::UTC), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = (timestamp(&text, &jakarta()), date(&text, &jakarta()));
        }
    }
}
