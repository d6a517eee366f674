//! One event as the parts of a line in a feed: data, not words. The screens put them into their language.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::money::Money;
use super::payment::Outcome;
use super::record::Reading;

/// What kind of line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Free places were told.
    Free,
    /// Taken places were told.
    Used,
    /// A booking's status.
    Status,
    /// A payment's status.
    Paid,
    /// A new booking.
    Book,
    /// A payment to verify.
    Pay,
    /// A guest came in.
    In,
    /// A guest came in who was inside already.
    Again,
    /// A guest left.
    Out,
    /// An event that was not understood.
    Odd,
}

/// The parts of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// When it happened: by its own account, else when it was heard.
    pub at: Timestamp,
    /// What kind of line it is.
    pub mark: Mark,
    /// The booking's code, or `#` and its id.
    pub code: Option<String>,
    /// Whose it is.
    pub name: Option<String>,
    /// The session it is about.
    pub session: Option<String>,
    /// The day it is about.
    pub date: Option<Date>,
    /// The money it is about.
    pub amount: Option<Money>,
    /// What else there is to say.
    pub detail: Detail,
    /// How often it was heard.
    pub times: u32,
}

/// What else a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    None,
    /// How long a guest stayed.
    Stayed(Duration),
    /// When a guest who came in again had first come in.
    FirstIn(Timestamp),
    /// A guest left whom nobody saw coming in.
    Unseen,
    /// A payment waits; holds how it was paid.
    Waits(Option<String>),
    /// Places taken and free of all, as far as they were told.
    Places {
        /// Taken.
        used: Option<i64>,
        /// Free.
        free: Option<i64>,
        /// Altogether.
        total: Option<i64>,
    },
    /// Status words, as they came, and how they ended a wait if they did.
    Words {
        /// The booking's status.
        status: Option<String>,
        /// The payment's status.
        payment_status: Option<String>,
        /// Whether a payment stopped waiting by it.
        outcome: Option<Outcome>,
    },
    /// Why it was not understood; the event's name without its namespace stands before it.
    Reason {
        /// The event's name.
        event: String,
        /// Why.
        reason: super::event::NotUnderstood,
    },
}

impl Headline {
    /// The line of a reading.
    pub fn of(reading: &Reading) -> Self {
        todo!("{reading:?}")
    }
}
