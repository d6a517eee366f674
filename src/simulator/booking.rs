//! A booking, and how far it has come.

use jiff::Timestamp;

use super::calendar::Session;
use super::guest;

/// One guest's place in one session.
#[derive(Clone, Debug)]
pub(super) struct Booking {
    pub(super) id: u32,
    pub(super) user: u32,
    pub(super) session: Session,
    /// In rupiah.
    pub(super) amount: i64,
    pub(super) stage: Stage,
}

/// How far a booking has come. Cancelled, rejected and departed ones are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Booked; no payment was handed in yet.
    Booked,
    /// A payment was handed in; nobody looks at it before `until`.
    Waiting { until: Timestamp },
    /// Paid; the guest is expected.
    Confirmed,
    /// Checked in; the guest does not leave before `until`.
    Inside { since: Timestamp, until: Timestamp },
}

impl Booking {
    pub(super) fn code(&self) -> String {
        format!("BK{:04}", self.id)
    }

    pub(super) fn customer(&self) -> String {
        guest::name(self.user)
    }

    pub(super) fn channel(&self) -> String {
        format!("private-booking.{}", self.user)
    }

    pub(super) fn inside_since(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Inside { since, .. } => Some(since),
            Stage::Booked | Stage::Waiting { .. } | Stage::Confirmed => None,
        }
    }

    /// Whether something must still happen with it, its session over or not.
    pub(super) fn is_unfinished(&self) -> bool {
        match self.stage {
            Stage::Waiting { .. } | Stage::Inside { .. } => true,
            Stage::Booked | Stage::Confirmed => false,
        }
    }
}
