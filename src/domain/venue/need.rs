//! What needs somebody, and what stays the same about it while it does.

use jiff::Timestamp;

use super::super::guest::Guest;
use super::super::id::Id;
use super::super::payment::PaymentView;
use super::super::session::{SessionKey, SessionView};

/// Something that needs somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// A payment has waited longer than patience allows.
    Pay(PaymentView),
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
    /// The session, and since when it has been full.
    Full(SessionKey, Option<Timestamp>),
}

impl Need {
    /// What it is about.
    pub fn id(&self) -> NeedId {
        match self {
            Self::Pay(payment) => NeedId::Pay(payment.payment_id.clone()),
            Self::Over(guest) => NeedId::Over(guest.booking.to_string(), guest.in_at),
            Self::Full(session) => NeedId::Full(session.key.clone(), session.full_since),
        }
    }

    /// Since when somebody is needed, or what it is about has been so.
    pub fn since(&self) -> Timestamp {
        match self {
            Self::Pay(payment) => payment.since,
            Self::Over(guest) => guest.in_at,
            Self::Full(session) => session.full_since.unwrap_or(session.updated_at),
        }
    }
}
