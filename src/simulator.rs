//! The demo's venue: seed and time in, publications out.
//!
//! Pure: it knows no socket, no clock and no randomness but its seed; the same seed, zone, start and rate
//! give the same publications for ever. [`Simulator`] is an iterator over what happens, each at its own
//! time: first the hours before the start, as fast as it is asked, then `rate` events a minute.
//! The shapes are those of a Laravel application (`App\Events\…`, the fields under `data`).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

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

/// A venue that lives by itself.
#[derive(Debug)]
pub struct Simulator {
    start: Timestamp,
}

impl Simulator {
    /// A venue whose screen opens at `start`, in `zone`; afterwards `rate` events a minute (0: nothing more).
    pub fn new(_seed: u64, _zone: TimeZone, start: Timestamp, _rate: u32) -> Self {
        Self { start }
    }

    /// What happened before the start: a few hundred publications, oldest first. Empty the second time.
    pub fn morning(&mut self) -> Vec<Publication> {
        let _ = self.start;
        Vec::new()
    }
}

/// What happens next, and when. Ends only with a rate of 0.
impl Iterator for Simulator {
    type Item = (Timestamp, Publication);

    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}
