//! A booking: who, for which session and day, for how much, and what its status words said.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use super::guest::{Visits, Way};
use super::id::Id;
use super::latest::{Latest, Tellings, trim};
use super::money::{Money, Sums};
use super::payment::{Outcome, SeenBooking, Words};

/// How an event names a booking: by id, by code, or by both; never by neither.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookingRef {
    id: Option<Id>,
    code: Option<Box<str>>,
}

impl BookingRef {
    /// A reference; `None` if there is neither id nor code. Blank codes are none.
    pub fn new(id: Option<Id>, code: Option<&str>) -> Option<Self> {
        let code = code.map(str::trim).filter(|code| !code.is_empty()).map(Into::into);
        (id.is_some() || code.is_some()).then_some(Self { id, code })
    }

    /// The backend's id.
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// The code that people read.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

/// The code, else the id.
impl fmt::Display for BookingRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, &self.id) {
            (Some(code), _) => f.write_str(code),
            (None, Some(id)) => write!(f, "#{id}"),
            (None, None) => Ok(()),
        }
    }
}

/// What one sees of the bookings made on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookingsToday {
    /// How many were made.
    pub count: usize,
    /// What they come to, in each currency.
    pub amounts: Sums,
    /// How many of them did not say their amount.
    pub without_amount: usize,
    /// How many were made in each quarter of an hour since the day began.
    pub per_quarter: Vec<u32>,
}

/// Where what is known of a booking is kept: under its id, or under its code as long as no id is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum BookingKey {
    Id(Id),
    Code(Box<str>),
}

impl BookingKey {
    /// How an event would name it.
    pub(super) fn reference(&self, code: Option<&str>) -> Option<BookingRef> {
        match self {
            Self::Id(id) => BookingRef::new(Some(id.clone()), code),
            Self::Code(code) => BookingRef::new(None, Some(code)),
        }
    }
}

/// A booking's key, borrowed from whoever names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named<'a> {
    Id(&'a Id),
    Code(&'a str),
}

impl<'a> Named<'a> {
    /// By its id if that is told.
    pub(super) fn of(booking: &'a BookingRef) -> Self {
        match &booking.id {
            Some(id) => Self::Id(id),
            // `BookingRef::new` lets neither-nor not pass; an empty code would be nobody's.
            None => Self::Code(booking.code().unwrap_or_default()),
        }
    }

    pub(super) fn key(self) -> BookingKey {
        match self {
            Self::Id(id) => BookingKey::Id(id.clone()),
            Self::Code(code) => BookingKey::Code(code.into()),
        }
    }
}

/// What an event said about a booking's status. Two events that say the same at the same time are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StatusWord {
    pub(super) at: Timestamp,
    /// Told by `PaymentStatusUpdated`, else by `BookingStatusUpdated`.
    pub(super) by_payment: bool,
    pub(super) payment_status: Option<String>,
    pub(super) status: Option<String>,
}

/// Everything told about one booking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Booking {
    pub(super) code: Latest<Box<str>>,
    /// Every code it was ever told under; one, on any ordinary day.
    pub(super) codes: BTreeSet<Box<str>>,
    pub(super) customer_name: Latest<String>,
    pub(super) session_name: Latest<String>,
    /// When it was made, and for how much; nothing if that was not heard.
    pub(super) made: Tellings<Option<Money>>,
    pub(super) words: BTreeSet<StatusWord>,
    pub(super) visits: Visits,
    /// The latest moment anybody told of it.
    pub(super) touched_at: Option<Timestamp>,
}

impl Booking {
    /// How many status words are kept of one booking.
    const WORDS: usize = 64;

    /// Takes in what is known of the same booking from elsewhere.
    pub(super) fn join(&mut self, other: &Self) {
        self.code.join(&other.code);
        self.codes.extend(other.codes.iter().cloned());
        self.customer_name.join(&other.customer_name);
        self.session_name.join(&other.session_name);
        self.made.join(&other.made);
        self.words.extend(other.words.iter().cloned());
        self.visits.join(&other.visits);
        self.touched_at = self.touched_at.max(other.touched_at);
    }

    /// Takes a code.
    pub(super) fn call(&mut self, code: &str, at: Timestamp) {
        self.code.tell(at, Some(code.into()));
        self.codes.insert(code.into());
    }

    /// Takes a status word; says whether it is new, and how many had to go for it.
    pub(super) fn say(&mut self, word: StatusWord) -> (bool, u64) {
        let new = self.words.insert(word);
        (new, trim(&mut self.words, Self::WORDS))
    }

    /// The word that ended the wait of a payment asked for at `asked_at`: the first one since then.
    pub(super) fn ending(&self, asked_at: Timestamp, words: &Words) -> Option<(Timestamp, Outcome)> {
        self.words
            .iter()
            .filter(|word| word.at >= asked_at)
            .find_map(|word| Some((word.at, words.outcome(word.payment_status.as_deref()?)?)))
    }

    /// The last payment status word told at or since `asked_at`.
    pub(super) fn payment_status(&self, asked_at: Timestamp) -> Option<&str> {
        let mut since = self.words.iter().rev().take_while(|word| word.at >= asked_at);
        since.find_map(|word| word.payment_status.as_deref())
    }

    /// What one sees of it beside a payment.
    pub(super) fn seen(&self) -> SeenBooking {
        let made = self.made.get();
        SeenBooking {
            made_at: made.map(|(stamp, _)| stamp.at),
            amount: made.and_then(|(_, amount)| *amount),
            status: self.words.iter().rev().find_map(|word| word.status.clone()),
            in_at: self.visits.last(Way::In),
        }
    }

    /// How much memory it takes, in things kept.
    pub(super) fn weight(&self) -> usize {
        1 + self.codes.len() + self.made.len() + self.words.len() + self.visits.len()
    }
}
