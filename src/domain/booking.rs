//! A booking: who, for which session and day, for how much, and what its status words said.

use std::fmt;

use super::id::Id;

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
    pub amounts: super::money::Sums,
    /// How many of them did not say their amount.
    pub without_amount: usize,
    /// How many were made in each quarter of an hour since the day began.
    pub per_quarter: Vec<u32>,
}
