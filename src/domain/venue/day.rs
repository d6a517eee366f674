//! A day of the venue, in its own zone, and its quarters of an hour.

use jiff::Timestamp;
use jiff::civil::Date;

/// A day of the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// Its date.
    pub date: Date,
    /// Its first moment.
    pub starts_at: Timestamp,
    /// The first moment after it.
    pub ends_at: Timestamp,
}

impl Day {
    /// The length of one bucket of a day's counts.
    const QUARTER: i64 = 15 * 60;

    /// Whether a moment is on this day.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.starts_at <= at && at < self.ends_at
    }

    /// Which quarter of an hour of the day a moment falls into, counted from the day's beginning.
    pub fn quarter(&self, at: Timestamp) -> usize {
        usize::try_from((at.as_second() - self.starts_at.as_second()) / Self::QUARTER).unwrap_or(0)
    }

    /// A count for each quarter of an hour: 96, but for days on which the clock is changed.
    pub(super) fn quarters(&self) -> Vec<u32> {
        vec![0; self.quarter(self.ends_at).clamp(1, 200)]
    }

    pub(super) fn count(&self, quarters: &mut [u32], at: Timestamp) {
        if let Some(count) = quarters.get_mut(self.quarter(at)) {
            *count += 1;
        }
    }
}
