//! A bookable time of the venue, and the two sides from which its places are told.
//!
//! `AvailabilityUpdated` tells what is free, `CapacityUpdated` what is taken. Each side keeps its latest word; the
//! later of the two is the truth, and where they do not add up that is shown, not smoothed over.

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use super::id::Id;

/// A session on a day. Days first, so that they sort as in a calendar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// The day.
    pub date: Date,
    /// The backend's id of the session; the same on every day.
    pub session_id: Id,
}

/// What one sees of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Which session, on which day.
    pub key: SessionKey,
    /// What it is called, if anybody said.
    pub name: Option<String>,
    /// Places taken: as told, or what is not free.
    pub used: Option<i64>,
    /// Places altogether.
    pub total: Option<i64>,
    /// Places free: as told, or what is not taken.
    pub free: Option<i64>,
    /// Guests of this session who are inside now.
    pub inside: usize,
    /// When the places were so, by the latest word.
    pub updated_at: Timestamp,
    /// What does not add up.
    pub contradictions: Vec<Contradiction>,
    /// Places taken over time, oldest first, at most 128 points.
    pub trend: Vec<Point>,
    /// How many places were taken (or freed, below zero) in the last ten minutes, if that is known.
    pub pace: Option<i64>,
}

impl SessionView {
    /// Whether nobody can book any more.
    pub fn is_full(&self) -> bool {
        self.free.is_some_and(|free| free <= 0)
    }

    /// Places taken of all, from 0 to 1 and above if overfull; `None` if one of them is not known.
    pub fn load(&self) -> Option<f64> {
        let (used, total) = (self.used?, self.total?);
        #[allow(clippy::cast_precision_loss, reason = "the length of a bar")]
        (total > 0).then(|| used as f64 / total as f64)
    }
}

/// Places taken at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// How many.
    pub used: i64,
}

/// Something told about a session that cannot be, or two things that cannot both be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// More places taken than there are.
    Overfull {
        /// Places taken.
        used: i64,
        /// Places altogether.
        total: i64,
    },
    /// A number below zero; holds it.
    BelowZero(i64),
    /// More places free than there are.
    TooManyFree {
        /// Places free.
        free: i64,
        /// Places altogether.
        total: i64,
    },
    /// The last word on what is free and the last word on what is taken do not add up.
    SidesDisagree {
        /// `AvailabilityUpdated`: free places.
        free: i64,
        /// `AvailabilityUpdated`: all places.
        total: i64,
        /// When it said so.
        free_at: Timestamp,
        /// `CapacityUpdated`: places taken.
        used: i64,
        /// `CapacityUpdated`: all places.
        max: i64,
        /// When it said so.
        used_at: Timestamp,
    },
}

/// When a session opens and closes, by the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Guests may come from then on.
    pub opens: Time,
    /// They should have left by then; at or before `opens` means on the next day.
    pub closes: Time,
}
