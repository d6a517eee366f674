//! Who came in and who went out.

use std::time::Duration;

use jiff::Timestamp;

use super::booking::BookingRef;

/// Somebody who is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// On which booking.
    pub booking: BookingRef,
    /// The booking's code, also where another event told it.
    pub code: Option<String>,
    /// Who.
    pub customer_name: Option<String>,
    /// For which session.
    pub session_name: Option<String>,
    /// Since when.
    pub in_at: Timestamp,
    /// How long.
    pub stayed: Duration,
    /// When they were checked in once more without having left.
    pub again_at: Option<Timestamp>,
    /// How long after the session's end; `None` if not over, or the session's hours are not set.
    pub over: Option<Duration>,
}

/// Arrivals and departures of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// How many came in.
    pub ins: usize,
    /// How many went out.
    pub outs: usize,
    /// How many came in during each quarter of an hour since the day began.
    pub ins_per_quarter: Vec<u32>,
    /// How many went out during each.
    pub outs_per_quarter: Vec<u32>,
    /// How many of those who went out had not been seen coming in.
    pub unmatched_outs: usize,
}
