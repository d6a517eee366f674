//! The venue's picture: everything the screens show, derived from the events that were applied.
//!
//! All reads are told what time it is. Days are the venue's own, in its zone.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};

use super::booking::BookingsToday;
use super::guest::{Flow, Guest};
use super::id::Id;
use super::payment::{EndedToday, Queue, WaitingPayment, Words};
use super::session::{Contradiction, Hours, SessionKey, SessionView};

/// What the venue's people set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The zone of the venue's days.
    pub zone: TimeZone,
    /// Which payment words end a wait.
    pub words: Words,
    /// When sessions open and close, by name. Without them nobody is overdue.
    pub hours: BTreeMap<String, Hours>,
    /// How long a payment may wait before somebody is needed.
    pub patience: Duration,
}

impl Default for Settings {
    /// Days in UTC, the common words, no hours, ten minutes of patience.
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            words: Words::default(),
            hours: BTreeMap::new(),
            patience: Duration::from_secs(600),
        }
    }
}

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

/// Something that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// A payment has waited longer than patience allows.
    Pay(WaitingPayment),
    /// A guest should have left.
    Over(Guest),
    /// A session of today or later is full.
    Full(SessionView),
}

/// What a [`Need`] is about, the same as long as it is the same need: what "seen" and "snooze" hold on to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NeedId {
    /// The payment.
    Pay(Id),
    /// The booking's id or code, and when they came in.
    Over(String, Timestamp),
    /// The session.
    Full(SessionKey),
}

/// The venue.
#[derive(Clone, Debug)]
pub struct Venue {
    settings: Settings,
}

impl Venue {
    /// A venue of which nothing is known yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// What its people set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Says that everything from this moment on is heard (or recovered): when the first topic was subscribed, or
    /// how far back the server's history was given. The earliest word counts.
    pub fn covered_from(&mut self, at: Timestamp) {
        todo!("{at}")
    }

    /// The venue's day at this moment.
    pub fn day(&self, now: Timestamp) -> Day {
        todo!("{now}")
    }

    /// Since when today's counts count; `None` if they cover the whole day so far.
    pub fn counts_since(&self, now: Timestamp) -> Option<Timestamp> {
        todo!("{now}")
    }

    /// When the last event was heard.
    pub fn last_heard_at(&self) -> Option<Timestamp> {
        todo!()
    }

    /// How many things had to be forgotten to stay within memory's bounds; 0 on any ordinary day.
    pub fn forgotten(&self) -> u64 {
        todo!()
    }

    /// Who is inside: came in today and did not leave. Overdue first, then the longest inside first.
    pub fn inside(&self, now: Timestamp) -> Vec<Guest> {
        todo!("{now}")
    }

    /// Arrivals and departures today.
    pub fn flow(&self, now: Timestamp) -> Flow {
        todo!("{now}")
    }

    /// Bookings made today.
    pub fn bookings(&self, now: Timestamp) -> BookingsToday {
        todo!("{now}")
    }

    /// Payments that wait, oldest first.
    pub fn queue(&self, now: Timestamp) -> Queue {
        todo!("{now}")
    }

    /// Waits that ended today.
    pub fn ended(&self, now: Timestamp) -> EndedToday {
        todo!("{now}")
    }

    /// The sessions of a day, in the order of their hours, then of their ids.
    pub fn sessions(&self, date: Date, now: Timestamp) -> Vec<SessionView> {
        todo!("{date} {now}")
    }

    /// The days of which a session is known, in order.
    pub fn dates(&self) -> Vec<Date> {
        todo!()
    }

    /// What does not add up, on today's and later days.
    pub fn contradictions(&self, now: Timestamp) -> Vec<(SessionKey, Contradiction)> {
        todo!("{now}")
    }

    /// What needs somebody: payments, then guests, then sessions; the oldest first in each.
    pub fn needs(&self, now: Timestamp) -> Vec<Need> {
        todo!("{now}")
    }
}
