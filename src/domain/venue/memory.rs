//! What the venue holds of its bookings, found under whichever name it was told, and kept within bounds.
//!
//! What was told under a code alone stays under the code, and is joined to what is under the id when it is read:
//! so it does not matter whether the code's id became known before or after.

use std::borrow::Cow;
use std::collections::btree_map::Entry;

use jiff::Timestamp;

use super::super::booking::{Booking, BookingKey, BookingRef, Named};
use super::super::payment::Outcome;
use super::{Day, Venue};

impl Venue {
    pub(in crate::domain) fn hear(&mut self, at: Timestamp) {
        self.first_heard_at = Some(self.first_heard_at.map_or(at, |first| first.min(at)));
        self.last_heard_at = self.last_heard_at.max(Some(at));
    }

    /// Remembers which id a code belongs to.
    pub(in crate::domain) fn link(&mut self, booking: &BookingRef) {
        if let (Some(id), Some(code)) = (booking.id(), booking.code()) {
            match self.ids.get_mut(code) {
                Some(held) if *held < *id => *held = id.clone(),
                Some(_) => {}
                None => {
                    self.ids.insert(code.into(), id.clone());
                }
            }
        }
    }

    /// Where what is told under this reference is kept.
    pub(in crate::domain) fn entry(&mut self, booking: &BookingRef) -> &mut Booking {
        // Each taking-in adds at most one fact to what it touches, and one for a new booking.
        self.facts += 1;
        match self.bookings.entry(Named::of(booking).key()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.under_code += usize::from(matches!(entry.key(), BookingKey::Code(_)));
                entry.insert(Booking::default())
            }
        }
    }

    /// Where what is known of a booking is found.
    pub(super) fn named<'a>(&'a self, booking: &'a BookingRef) -> Named<'a> {
        match Named::of(booking) {
            Named::Code(code) => self.ids.get(code).map_or(Named::Code(code), Named::Id),
            named @ Named::Id(_) => named,
        }
    }

    /// All that is known of a booking, under whichever name it was told.
    pub(in crate::domain) fn booking(&self, booking: &BookingRef) -> Cow<'_, Booking> {
        let key = self.named(booking).key();
        match self.bookings.get(&key) {
            Some(held) => self.whole(&key, held),
            None => Cow::Owned(Booking::default()),
        }
    }

    /// All bookings, each once, with all that is known of it.
    fn known(&self) -> impl Iterator<Item = (&BookingKey, Cow<'_, Booking>)> {
        let held = self.bookings.iter().filter(|(key, _)| match key {
            BookingKey::Id(_) => true,
            BookingKey::Code(code) => !self.ids.contains_key(code),
        });
        held.map(|(key, booking)| (key, self.whole(key, booking)))
    }

    /// The bookings of which something was told that happened on this day or later.
    pub(super) fn touched_on(&self, day: &Day) -> impl Iterator<Item = (&BookingKey, Cow<'_, Booking>)> {
        let from = day.starts_at;
        self.known().filter(move |(_, booking)| booking.touched_at >= Some(from))
    }

    /// What is kept under an id, with what was told under its code alone.
    fn whole<'a>(&'a self, key: &BookingKey, held: &'a Booking) -> Cow<'a, Booking> {
        let mut whole = Cow::Borrowed(held);
        if self.under_code > 0
            && let BookingKey::Id(id) = key
        {
            for code in &held.codes {
                if self.ids.get(code) == Some(id)
                    && let Some(other) = self.bookings.get(&BookingKey::Code(code.clone()))
                {
                    whole.to_mut().join(other);
                }
            }
        }
        whole
    }

    /// When and how a wait for this booking's payment ended that began at `asked_at`.
    pub(in crate::domain) fn ending(
        &self,
        booking: &BookingRef,
        asked_at: Timestamp,
    ) -> Option<(Timestamp, Outcome)> {
        self.booking(booking).ending(asked_at, &self.settings.words)
    }

    /// When the payments of this booking were asked for that still wait.
    pub(in crate::domain) fn waiting_for(&self, booking: &BookingRef) -> Vec<Timestamp> {
        let wanted = self.named(booking);
        let payments = self.payments.values().filter_map(|payment| {
            let (asked, ask) = payment.get()?;
            let same = ask.booking.as_ref().is_some_and(|booking| self.named(booking) == wanted);
            (same && self.ending(booking, asked.at).is_none()).then_some(asked.at)
        });
        payments.collect()
    }

    /// Keeps memory within its bounds.
    pub(in crate::domain) fn forget(&mut self) {
        while self.sessions.len() > Self::SESSIONS {
            self.sessions.pop_first();
            self.forgotten += 1;
        }
        if self.payments.len() > Self::PAYMENTS {
            self.forget_payments();
        }
        if self.facts > Self::BOOKING_FACTS {
            self.forget_bookings();
        }
    }

    /// Lets a tenth of the payments go: those that do not wait any more first, then the oldest.
    fn forget_payments(&mut self) {
        let mut payments: Vec<_> = self
            .payments
            .iter()
            .map(|(id, payment)| {
                let asked_at = payment.get().map(|(stamp, _)| stamp.at);
                let booking = payment.get().and_then(|(_, ask)| ask.booking.as_ref());
                let waits =
                    booking.zip(asked_at).is_none_or(|(booking, at)| self.ending(booking, at).is_none());
                (waits, asked_at, id.clone())
            })
            .collect();
        payments.sort_unstable();
        for (_, _, id) in payments.into_iter().take(Self::PAYMENTS / 10) {
            self.payments.remove(&id);
            self.forgotten += 1;
        }
    }

    /// Weighs the bookings; if they are too many, lets those go of which nobody told for longest.
    fn forget_bookings(&mut self) {
        self.facts = self.bookings.values().map(Booking::weight).sum();
        if self.facts <= Self::BOOKING_FACTS - Self::BOOKING_FACTS / 10 {
            return;
        }
        let mut oldest: Vec<_> =
            self.bookings.iter().map(|(key, booking)| (booking.touched_at, key.clone())).collect();
        oldest.sort_unstable();
        for (_, key) in oldest {
            if self.facts <= Self::BOOKING_FACTS - Self::BOOKING_FACTS / 5 {
                break;
            }
            if let Some(gone) = self.bookings.remove(&key) {
                self.facts -= gone.weight();
                self.forgotten += 1;
                match key {
                    BookingKey::Code(_) => self.under_code -= 1,
                    BookingKey::Id(id) => gone.codes.iter().for_each(|code| {
                        if self.ids.get(code) == Some(&id) {
                            self.ids.remove(code);
                        }
                    }),
                }
            }
        }
    }
}
