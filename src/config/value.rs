//! The texts that settings are made of, parsed once, with one wording of what was expected.
//!
//! Flags, variables and the settings file all come through here, so that a value means the same wherever it
//! was written. An error is the expectation alone; who calls knows the place and says it.

use std::time::Duration;

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use tracing::level_filters::LevelFilter;
use url::Url;

use crate::protocol::Subscription;

/// What was expected, as the end of a sentence.
pub type Expected = String;

/// Where the server is: `ws://` or `wss://`, a host, and perhaps a port and a path prefix.
pub fn server(text: &str) -> Result<Url, Expected> {
    let expected = || "expected ws://host:port or wss://host:port".to_owned();
    let url = Url::parse(text).map_err(|_| expected())?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "ws" | "wss") || !url.has_host() || !plain || url.password().is_some() {
        return Err(expected());
    }
    if url.path().contains("/app/") {
        return Err("expected ws://host:port without /app/KEY; the key is a setting of its own".to_owned());
    }
    Ok(url)
}

/// A page of a backend: `http://` or `https://` and a host.
pub fn web(text: &str) -> Result<Url, Expected> {
    let expected = || "expected http://host/… or https://host/…".to_owned();
    let url = Url::parse(text).map_err(|_| expected())?;
    let named = url.has_host() && url.username().is_empty() && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && named { Ok(url) } else { Err(expected()) }
}

/// A hosted cluster's name, `mt1` for one.
pub fn cluster(text: &str) -> Result<String, Expected> {
    let fits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fits { Ok(text.to_owned()) } else { Err("expected a cluster's name, as in eu or mt1".to_owned()) }
}

/// A list of topics with commas between them, each once.
pub fn channels(text: &str) -> Result<Vec<String>, Expected> {
    list(&text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect::<Vec<_>>())
}

/// Topics that are already apart.
pub fn list(names: &[&str]) -> Result<Vec<String>, Expected> {
    let mut topics: Vec<String> = Vec::new();
    for name in names {
        Subscription::parse(name)
            .map_err(|bad| format!("expected channels, as in availability,admin,booking.7: {bad}"))?;
        if !topics.iter().any(|known| known == name) {
            topics.push((*name).to_owned());
        }
    }
    if topics.is_empty() {
        return Err("expected at least one channel, as in availability,admin,staff".to_owned());
    }
    Ok(topics)
}

/// A time zone by its name.
pub fn zone(text: &str) -> Result<TimeZone, Expected> {
    TimeZone::get(text).map_err(|_| "expected a time zone's name, as in Asia/Jakarta or UTC".to_owned())
}

/// How much goes to the log.
pub fn level(text: &str) -> Result<LevelFilter, Expected> {
    match text.trim().to_ascii_lowercase().as_str() {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err("expected error, warn, info, debug, trace or off".to_owned()),
    }
}

/// A span: a number and a unit (`ms`, `s`, `m`, `h`, `d`), several of them in a row, or a number of seconds.
pub fn span(text: &str) -> Result<Duration, Expected> {
    let expected = || "expected a span, as in 90, 45s, 10m, 12h or 7d".to_owned();
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?;
        let number: u64 = rest[..digits].parse().map_err(|_| expected())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let milliseconds = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(expected()),
        };
        rest = &rest[letters..];
        let part = number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(expected)?;
        total = total.checked_add(part).ok_or_else(expected)?;
    }
    if text.is_empty() { Err(expected()) } else { Ok(total) }
}

/// A moment as people write it, left for later to be placed: the flags are read before the zone is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// An RFC 3339 time.
    At(Timestamp),
    /// A clock time of today.
    Clock(civil::Time),
    /// So long before now.
    Ago(Duration),
}

/// An RFC 3339 time, a clock time, or how long ago.
pub fn past(text: &str) -> Result<Moment, Expected> {
    moment(text).or_else(|_| span(text).map(Moment::Ago)).map_err(|_| {
        "expected a time, as in 2024-01-15T08:00:00Z or 13:40, or how long ago, as in 10m".to_owned()
    })
}

/// An RFC 3339 time, or a clock time.
pub fn moment(text: &str) -> Result<Moment, Expected> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Moment::At(at));
    }
    if text.contains(':')
        && let Ok(clock) = text.parse::<civil::Time>()
    {
        return Ok(Moment::Clock(clock));
    }
    Err("expected a time, as in 2024-01-15T08:00:00Z or 13:40".to_owned())
}

impl Moment {
    /// The moment's place, for a reader in `zone` at `now`.
    pub fn at(&self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        match self {
            Self::At(at) => *at,
            Self::Ago(span) => now.saturating_sub(*span).unwrap_or(Timestamp::MIN),
            Self::Clock(clock) => ZonedDateTime::new(now, zone.clone())
                .date()
                .to_datetime(*clock)
                .to_zoned_datetime(zone.clone())
                .map_or(now, |zoned| zoned.timestamp()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_web_socket_address_and_nothing_more() {
        for good in ["ws://localhost:6001", "wss://ws.example.test", "ws://[::1]:6001", "wss://a.test/reverb"]
        {
            assert!(server(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "localhost:6001",
            "http://localhost",
            "ws://",
            "ws://u:p@localhost",
            "ws://u@localhost",
            "ws://localhost/app/key",
            "ws://localhost?x=1",
            "ws://localhost:70000",
            "ws://localhost#x",
        ] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_are_numbers_with_units() {
        let cases = [
            ("90", 90_000),
            ("45s", 45_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("7d", 604_800_000),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(span(text).map(|span| span.as_millis()), Ok(milliseconds), "{text}");
        }
        for bad in ["", "m", "10x", "1.5h", "-3s", "10m5", "99999999999999999999s", "18446744073709551615d"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_are_times_and_clocks() {
        let zone = TimeZone::get("Asia/Jakarta").expect("a zone");
        let now: Timestamp = "2024-01-15T08:00:00Z".parse().expect("a time");
        let cases = [
            ("2024-01-15T07:00:00+07:00", "2024-01-15T00:00:00Z"),
            ("13:40", "2024-01-15T06:40:00Z"),
            ("13:40:05", "2024-01-15T06:40:05Z"),
        ];
        for (text, at) in cases {
            assert_eq!(
                moment(text).map(|moment| moment.at(now, &zone).to_string()),
                Ok(at.to_owned()),
                "{text}"
            );
        }
        for bad in ["", "yesterday", "25:00", "2024-01-15", "13h40x"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_of_channels_names_each_once_and_keeps_the_order() {
        assert_eq!(
            channels(" staff, admin,staff,,booking.* "),
            Ok(["staff", "admin", "booking.*"].map(String::from).to_vec())
        );
        for bad in ["", " , ", "sta ff", "*", "café"] {
            assert!(channels(bad).is_err(), "{bad}");
        }
    }
}
