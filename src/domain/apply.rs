//! The reducer: takes an event into the venue and says what that changed.
//!
//! Whatever is told is *joined* to what is held (sets, and the latest of two values), never written over it. So
//! the picture does not depend on the order in which events were heard, nor on how often. What a [`Change`] says
//! is a remark on the moment of hearing; the reads of [`Venue`] are the truth.

use std::time::Duration;

use jiff::Timestamp;

use super::booking::{Booking, BookingRef, StatusWord};
use super::event::{
    AvailabilityUpdated, BookingStatusUpdated, CapacityUpdated, NewBookingNotification, PaymentStatusUpdated,
    PaymentVerificationRequired, VenueEvent,
};
use super::guest::{Step, Way};
use super::latest::{Stamp, Telling};
use super::payment::{Ask, Outcome};
use super::session::{SessionKey, Side, Word};
use super::venue::{Venue, since};

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
    /// Takes an event in. Total: every event is placed, or said to change nothing.
    pub fn apply(&mut self, heard_at: Timestamp, event: &VenueEvent) -> Change {
        self.hear(heard_at);
        let stamp = Stamp::new(event.at(), heard_at);
        let change = match event {
            VenueEvent::AvailabilityUpdated(event) => self.apply_availability(stamp, event),
            VenueEvent::CapacityUpdated(event) => self.apply_capacity(stamp, event),
            VenueEvent::BookingStatusUpdated(event) => self.apply_booking_status(stamp, event),
            VenueEvent::PaymentStatusUpdated(event) => self.apply_payment_status(stamp, event),
            VenueEvent::NewBookingNotification(event) => self.apply_new_booking(stamp, event),
            VenueEvent::PaymentVerificationRequired(event) => self.apply_verification(stamp, event),
            VenueEvent::CheckInNotification(event) => {
                self.tell(stamp, &event.booking, event.customer_name.as_ref(), event.session_name.as_ref());
                self.apply_visit(stamp, Way::In, &event.booking, event.session_name.clone())
            }
            VenueEvent::CheckOutNotification(event) => {
                self.tell(stamp, &event.booking, event.customer_name.as_ref(), event.session_name.as_ref());
                self.apply_visit(stamp, Way::Out, &event.booking, event.session_name.clone())
            }
        };
        self.forget();
        change
    }

    fn apply_availability(&mut self, stamp: Stamp, event: &AvailabilityUpdated) -> Change {
        let (places, total) = (event.available_slots, event.total_capacity);
        let word = Word { at: stamp.at, side: Side::Free, places, total };
        self.apply_word(stamp, word, &event.session, event.session_name.clone())
    }

    fn apply_capacity(&mut self, stamp: Stamp, event: &CapacityUpdated) -> Change {
        let (places, total) = (event.current_capacity, event.max_capacity);
        let word = Word { at: stamp.at, side: Side::Used, places, total };
        self.apply_word(stamp, word, &event.session, event.session_name.clone())
    }

    fn apply_word(&mut self, stamp: Stamp, word: Word, key: &SessionKey, name: Option<String>) -> Change {
        let session = self.sessions.entry(key.clone()).or_default();
        session.name.tell(stamp.at, name);
        let (was, was_full) = (session.last(word.side).copied(), session.is_full());
        let repeats = |was: &Word| {
            !stamp.told && was.places == word.places && was.total == word.total && word.at >= was.at
        };
        let new = session.say(word);
        if !new || was.as_ref().is_some_and(repeats) {
            return Change::Again;
        }
        if session.truth().is_some_and(|truth| truth.at > word.at) {
            return Change::Late;
        }
        match (was_full, session.is_full()) {
            (false, true) => Change::Filled,
            (true, false) => Change::Freed,
            (true, true) | (false, false) => Change::Placed,
        }
    }

    fn apply_booking_status(&mut self, stamp: Stamp, event: &BookingStatusUpdated) -> Change {
        self.tell(stamp, &event.booking, event.customer_name.as_ref(), None);
        let (status, payment_status) = (event.status.clone(), event.payment_status.clone());
        let word = StatusWord { at: stamp.at, by_payment: false, payment_status, status };
        self.apply_status(stamp, &event.booking, word)
    }

    fn apply_payment_status(&mut self, stamp: Stamp, event: &PaymentStatusUpdated) -> Change {
        self.tell(stamp, &event.booking, event.customer_name.as_ref(), None);
        let payment_status = event.payment_status.clone();
        let word = StatusWord { at: stamp.at, by_payment: true, payment_status, status: None };
        self.apply_status(stamp, &event.booking, word)
    }

    fn apply_status(&mut self, stamp: Stamp, booking: &BookingRef, word: StatusWord) -> Change {
        let waiting = self.waiting_for(booking);
        let known = self.booking(booking);
        let last = known.words.iter().rfind(|held| held.by_payment == word.by_payment);
        let repeats = |last: &StatusWord| {
            !stamp.told && last.payment_status == word.payment_status && last.status == word.status
        };
        let (again, late) = (last.is_some_and(repeats), last.is_some_and(|last| last.at > word.at));

        let (new, gone) = self.entry(booking).say(word);
        self.forgotten += gone;
        let ended: Vec<_> = waiting
            .iter()
            .filter_map(|asked_at| Some((*asked_at, self.ending(booking, *asked_at)?)))
            .collect();
        if let Some((_, (_, outcome))) = ended.first() {
            let waits = ended.iter().map(|(asked_at, (at, _))| since(*asked_at, *at));
            let waited = waits.max().unwrap_or_default();
            return Change::Ended { outcome: *outcome, payments: ended.len(), waited };
        }
        if !new || again {
            Change::Again
        } else if late {
            Change::Late
        } else {
            Change::Placed
        }
    }

    fn apply_new_booking(&mut self, stamp: Stamp, event: &NewBookingNotification) -> Change {
        self.tell(stamp, &event.booking, event.customer_name.as_ref(), event.session_name.as_ref());
        self.entry(&event.booking).made.tell(stamp, event.total_amount).into()
    }

    fn apply_verification(&mut self, stamp: Stamp, event: &PaymentVerificationRequired) -> Change {
        if let Some(booking) = &event.booking {
            self.tell(stamp, booking, event.customer_name.as_ref(), None);
        }
        let ask = Ask {
            booking: event.booking.clone(),
            customer_name: event.customer_name.clone(),
            amount: event.amount,
            method: event.payment_method.clone(),
        };
        let change = self.payments.entry(event.payment_id.clone()).or_default().tell(stamp, ask).into();
        // The outcome may have been heard before the question.
        if change == Change::Placed
            && let Some((at, outcome)) =
                event.booking.as_ref().and_then(|booking| self.ending(booking, stamp.at))
        {
            return Change::Ended { outcome, payments: 1, waited: since(stamp.at, at) };
        }
        change
    }

    fn apply_visit(
        &mut self,
        stamp: Stamp,
        way: Way,
        booking: &BookingRef,
        session: Option<String>,
    ) -> Change {
        let day = self.day(stamp.at);
        let (new, gone) = self.entry(booking).visits.add(way, stamp, session, &day);
        self.forgotten += gone;
        if !new {
            return Change::Again;
        }
        let mut change = Change::Placed;
        self.booking(booking).visits.walk(&day, |step| match step {
            Step::Again { at, first_at } if at == stamp.at && way == Way::In => {
                change = Change::InAgain { first_at }
            }
            Step::Out { at, in_at } if at == stamp.at && way == Way::Out => {
                change = Change::Left { stayed: since(in_at, at) };
            }
            Step::Unseen { at } if at == stamp.at && way == Way::Out => change = Change::LeftUnseen,
            Step::In { .. } | Step::Again { .. } | Step::Out { .. } | Step::Unseen { .. } => {}
        });
        change
    }

    /// What every event about a booking may tell of it.
    fn tell(&mut self, stamp: Stamp, booking: &BookingRef, name: Option<&String>, session: Option<&String>) {
        self.link(booking);
        let entry: &mut Booking = self.entry(booking);
        if let Some(code) = booking.code() {
            entry.call(code, stamp.at);
        }
        entry.customer_name.tell(stamp.at, name.cloned());
        entry.session_name.tell(stamp.at, session.cloned());
        entry.touched_at = entry.touched_at.max(Some(stamp.at));
    }
}

impl From<Telling> for Change {
    fn from(telling: Telling) -> Self {
        match telling {
            Telling::Again => Self::Again,
            Telling::Late => Self::Late,
            Telling::Counts => Self::Placed,
        }
    }
}

#[cfg(test)]
mod tests;
