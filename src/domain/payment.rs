//! A payment that somebody has to verify, from being asked to its outcome.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::booking::BookingRef;
use super::id::Id;
use super::latest::Tellings;
use super::money::{Money, Sums};

/// How a wait for verification ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The money is there.
    Verified,
    /// It is not, or no longer.
    Rejected,
}

/// Which of the backend's words end a wait, and how. Case does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// End it as verified.
    pub verified: BTreeSet<String>,
    /// End it as rejected.
    pub rejected: BTreeSet<String>,
}

impl Words {
    /// How a payment status word ends a wait; `None` if it does not.
    pub fn outcome(&self, word: &str) -> Option<Outcome> {
        let among =
            |words: &BTreeSet<String>| words.iter().any(|known| known.eq_ignore_ascii_case(word.trim()));
        if among(&self.verified) {
            Some(Outcome::Verified)
        } else if among(&self.rejected) {
            Some(Outcome::Rejected)
        } else {
            None
        }
    }
}

impl Default for Words {
    /// The words that backends commonly use.
    fn default() -> Self {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            verified: set(&["verified", "paid", "confirmed", "success", "settled"]),
            rejected: set(&["rejected", "failed", "expired", "cancelled", "canceled", "refunded"]),
        }
    }
}

/// What was asked about a payment; the request told last counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ask {
    pub(super) booking: Option<BookingRef>,
    pub(super) customer_name: Option<String>,
    pub(super) amount: Option<Money>,
    pub(super) method: Option<String>,
}

/// A payment that somebody was asked to verify.
pub(super) type Payment = Tellings<Ask>;

/// One payment that somebody was asked to verify, with what is known of its booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentView {
    /// The backend's id.
    pub payment_id: Id,
    /// The booking it is for.
    pub booking: Option<BookingRef>,
    /// The booking's code, also where another event told it.
    pub code: Option<String>,
    /// Who paid.
    pub customer_name: Option<String>,
    /// For which session, if another event told it.
    pub session_name: Option<String>,
    /// How much.
    pub amount: Option<Money>,
    /// By what means.
    pub method: Option<String>,
    /// Since when it waits.
    pub since: Timestamp,
    /// How long it has waited, or had when it ended.
    pub age: Duration,
    /// The last payment status word told since.
    pub status: Option<String>,
    /// When and how its wait ended; `None` while it waits.
    pub ended: Option<(Timestamp, Outcome)>,
    /// How many payments were asked for its booking, itself among them.
    pub siblings: usize,
    /// What was heard of its booking.
    pub seen: SeenBooking,
}

impl PaymentView {
    /// The booking's own amount, where it is another than the payment's.
    pub fn differs_from(&self) -> Option<Money> {
        let paid = self.amount?;
        self.seen.amount.filter(|booked| *booked != paid)
    }
}

/// What was heard of the booking that a payment is for. Nothing of it is known where the booking was made before
/// all that is heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenBooking {
    /// When it was made.
    pub made_at: Option<Timestamp>,
    /// What it costs.
    pub amount: Option<Money>,
    /// Its last status word.
    pub status: Option<String>,
    /// When its guest last came in.
    pub in_at: Option<Timestamp>,
}

/// The queue of payments to verify.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Oldest first.
    pub payments: Vec<PaymentView>,
    /// What they come to, in each currency.
    pub amounts: Sums,
}

impl Queue {
    /// How long the oldest has waited.
    pub fn oldest(&self) -> Option<Duration> {
        self.payments.first().map(|payment| payment.age)
    }
}

/// The waits that ended on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedToday {
    /// How many as verified.
    pub verified: usize,
    /// How many as rejected.
    pub rejected: usize,
    /// The median of their waits.
    pub median_wait: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_words_end_a_wait_in_either_case_and_no_other_does() {
        let words = Words::default();
        for word in ["verified", "paid", "Confirmed", "SUCCESS", " settled "] {
            assert_eq!(words.outcome(word), Some(Outcome::Verified), "{word}");
        }
        for word in ["rejected", "failed", "expired", "cancelled", "canceled", "Refunded"] {
            assert_eq!(words.outcome(word), Some(Outcome::Rejected), "{word}");
        }
        for word in ["pending", "", "unpaid", "waiting_confirmation"] {
            assert_eq!(words.outcome(word), None, "{word}");
        }
    }
}
