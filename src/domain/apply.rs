//! The reducer: takes an event into the venue and says what that changed.

use std::time::Duration;

use jiff::Timestamp;

use super::event::VenueEvent;
use super::payment::Outcome;
use super::venue::Venue;

/// What an event altered, as seen at the moment it was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// One and the same event was heard before: nothing changed.
    Again,
    /// Something newer about the same thing was heard before: the picture keeps the newer.
    Late,
    /// It is part of the picture now.
    Placed,
    /// A guest came in who was inside already, since the time given.
    InAgain {
        /// When they first came in.
        first_at: Timestamp,
    },
    /// A guest left, having stayed this long.
    Left {
        /// How long they stayed.
        stayed: Duration,
    },
    /// A guest left whom nobody saw coming in.
    LeftUnseen,
    /// The last free place of a session went.
    Filled,
    /// A full session has free places again.
    Freed,
    /// Payments stopped waiting.
    Ended {
        /// How.
        outcome: Outcome,
        /// How many payments.
        payments: usize,
        /// How long the longest of them had waited.
        waited: Duration,
    },
}

impl Venue {
    /// Takes an event in. Total: every event is placed or said to change nothing.
    pub fn apply(&mut self, heard_at: Timestamp, event: &VenueEvent) -> Change {
        todo!("{heard_at} {event:?}")
    }
}
