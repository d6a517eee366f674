//! The venue's life: a list of bookings, and what may become of them.
//!
//! At each step one of the things that are possible now is drawn, likelier the more of it is due, and done:
//! the list changes, and the publications follow from the change. So at any rate nobody leaves who did not
//! come (but for the odd ones, who are meant to be), and the places told are the places taken.

use std::ops::Range;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::booking::{Booking, Stage};
use super::calendar::Session;
use super::guest;
use super::publication::Publication;

/// How many days ahead a place can be booked.
const DAYS_AHEAD: i32 = 6;
/// How much of a session is sold ahead, in percent; the rest once it runs.
const SOLD_AHEAD: u32 = 80;
/// How many payments, and how many guests, may take their time at once; else a long demo would end with
/// nothing but those.
const SLOW_AT_ONCE: usize = 3;

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Act {
    Book,
    Pay,
    Settle,
    Cancel,
    Arrive,
    Leave,
    Odd,
}

/// The venue.
#[derive(Debug)]
pub(super) struct House {
    random: ChaCha8Rng,
    zone: TimeZone,
    shortest_stay: SignedDuration,
    now: Timestamp,
    running: Session,
    bookings: Vec<Booking>,
    first_booking: u32,
    next_booking: u32,
    next_payment: u32,
}

impl House {
    /// An empty house, in which nobody leaves before the shortest stay.
    pub(super) fn new(seed: u64, zone: TimeZone, shortest_stay: SignedDuration) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let first_booking = random.random_range(2_100..2_400);
        let now = Timestamp::UNIX_EPOCH;
        let running = Session::at(now, &zone);
        Self {
            random,
            zone,
            shortest_stay,
            now,
            running,
            bookings: Vec::new(),
            first_booking,
            next_booking: first_booking,
            next_payment: first_booking / 2,
        }
    }

    /// The doors open: there are bookings of earlier days, and the backend tells the places of today's next
    /// sessions and tomorrow's.
    pub(super) fn open(&mut self, now: Timestamp, first: Session) -> Vec<Publication> {
        self.now = now;
        self.running = first;
        let mut said = Vec::new();
        for (nth, session) in first.onwards(DAYS_AHEAD).enumerate() {
            let percent = match nth {
                0 => self.random.random_range(90..=100),
                1 => self.random.random_range(70..=80),
                2 => self.random.random_range(20..=30),
                _ => self.random.random_range(5..=35),
            };
            for _ in 0..session.places() * percent / 100 {
                self.add_booking(session, Stage::Confirmed);
            }
            if nth < 3 || (8..11).contains(&nth) {
                said.extend(self.places(session));
            }
        }
        said
    }

    /// One thing happens.
    pub(super) fn step(&mut self, now: Timestamp) -> Vec<Publication> {
        self.now = now;
        self.running = Session::at(now, &self.zone);
        // Who did not come until the end of their session is expected no longer.
        self.bookings.retain(|booking| booking.session >= self.running || booking.is_unfinished());
        let said = match self.draw() {
            Act::Book => self.book(),
            Act::Pay => self.pay(),
            Act::Settle => self.settle(),
            Act::Cancel => self.cancel(),
            Act::Arrive => self.arrive(),
            Act::Leave => self.leave(),
            Act::Odd => None,
        };
        said.unwrap_or_else(|| self.odd())
    }

    #[cfg(test)]
    pub(super) fn bookings(&self) -> &[Booking] {
        &self.bookings
    }

    fn draw(&mut self) -> Act {
        let inside = self.all(|booking| booking.inside_since().is_some()).len();
        let unpaid = self.all(is_unpaid).len();
        let settleable = self.all(|booking| self.may_settle(booking)).len();
        let expected = self.all(|booking| self.is_expected(booking)).len().min(1);
        let leaving = self.all(|booking| self.may_leave(booking)).len().min(1);
        let crowd = self.crowd();
        let full = self.bookable().next().is_none();
        let weighed = [
            (Act::Book, if full { 0 } else { 8 }),
            (Act::Pay, 3 * unpaid.min(6)),
            (Act::Settle, settleable.min(4) + 4 * settleable.saturating_sub(3).min(6)),
            (Act::Cancel, if full { 12 } else { 1 }),
            (Act::Arrive, if inside < crowd { 20 } else { 2 } * expected),
            (Act::Leave, if inside > crowd { 20 } else { 4 } * leaving),
            (Act::Odd, 1),
        ];
        weighed.choose_weighted(&mut self.random, |(_, weight)| *weight).map_or(Act::Odd, |(act, _)| *act)
    }

    /// How many guests the house draws now: it fills and empties in waves of fifty minutes.
    fn crowd(&self) -> usize {
        let wave = self.now.as_second().rem_euclid(3_000);
        let swell = (wave - 1_500).unsigned_abs(); // 1500 … 0 … 1500
        let places = u64::from(self.running.places());
        usize::try_from(places * 50 / 100 + places * 45 * swell / (100 * 1_500)).unwrap_or(0)
    }

    /// The sessions that still have places, soonest first.
    fn bookable(&self) -> impl Iterator<Item = Session> {
        self.running.onwards(DAYS_AHEAD).filter(|session| self.has_place(*session))
    }

    fn has_place(&self, session: Session) -> bool {
        let sold = if session == self.running { 100 } else { SOLD_AHEAD };
        self.taken(session) * 100 < session.places() * sold
    }

    fn taken(&self, session: Session) -> u32 {
        self.bookings.iter().filter(|booking| booking.session == session).map(|_| 1).sum()
    }

    /// What the backend says when the places of a session changed.
    fn places(&self, session: Session) -> [Publication; 2] {
        let taken = self.taken(session);
        [Publication::availability(session, taken, self.now), Publication::capacity(session, taken, self.now)]
    }

    /// What the backend says when a booking is no more: its place is given back while there is time to use it.
    fn given_back(&self, booking: &Booking) -> impl Iterator<Item = Publication> + use<> {
        let session = booking.session;
        (session >= self.running).then(|| self.places(session)).into_iter().flatten()
    }

    fn add_booking(&mut self, session: Session, stage: Stage) -> Booking {
        let party = [1, 1, 2, 2, 3, 4].choose(&mut self.random).copied().unwrap_or(1);
        let user = self.random.random_range(1..=guest::KNOWN);
        let booking =
            Booking { id: self.next_booking, user, session, amount: session.price() * party, stage };
        self.next_booking += 1;
        self.bookings.push(booking.clone());
        booking
    }

    fn book(&mut self) -> Option<Vec<Publication>> {
        let days = self.random.random_range(0..DAYS_AHEAD);
        let turn = self.random.random_range(1..8);
        let wish = match self.random.random_range(0..10) {
            0..6 => self.running,
            6..8 => self.running.next(),
            _ => self.running.after_days(days).turned(turn),
        };
        let granted = wish >= self.running && self.has_place(wish);
        let session = if granted { wish } else { self.bookable().next()? };
        let booking = self.add_booking(session, Stage::Booked);
        let mut said = vec![Publication::new_booking(&booking, self.now)];
        said.extend(self.places(session));
        Some(said)
    }

    fn pay(&mut self) -> Option<Vec<Publication>> {
        const METHODS: [&str; 6] =
            ["bank_transfer", "bank_transfer", "bank_transfer", "qris", "qris", "e_wallet"];
        let index = self.pick(&self.all(is_unpaid))?;
        let method = METHODS.choose(&mut self.random)?;
        let now = self.now;
        let slow = self.all(|booking| matches!(booking.stage, Stage::Waiting { until } if until > now)).len();
        let until = if slow < SLOW_AT_ONCE && self.random.random_ratio(1, 6) {
            self.minutes_after(now, 20..60)
        } else {
            now
        };
        let booking = self.bookings.get_mut(index)?;
        booking.stage = Stage::Waiting { until };
        self.next_payment += 1;
        Some(vec![Publication::payment_asked(booking, self.next_payment, method, self.now)])
    }

    fn may_settle(&self, booking: &Booking) -> bool {
        matches!(booking.stage, Stage::Waiting { until } if until <= self.now)
    }

    fn settle(&mut self) -> Option<Vec<Publication>> {
        let mut ready = self.all(|booking| self.may_settle(booking));
        // Whoever verifies looks at the older ones first.
        ready.sort_by_key(|index| self.bookings.get(*index).map(|booking| booking.stage));
        ready.truncate(3);
        let index = self.pick(&ready)?;
        if self.random.random_ratio(1, 16) {
            let booking = self.bookings.remove(index);
            let mut said = vec![
                Publication::payment_status(&booking, "rejected", self.now),
                Publication::booking_status(&booking, "cancelled", "rejected", self.now),
            ];
            said.extend(self.given_back(&booking));
            return Some(said);
        }
        let booking = self.bookings.get_mut(index)?;
        booking.stage = Stage::Confirmed;
        Some(vec![
            Publication::payment_status(booking, "verified", self.now),
            Publication::booking_status(booking, "confirmed", "paid", self.now),
        ])
    }

    fn cancel(&mut self) -> Option<Vec<Publication>> {
        let running = self.running;
        let paid_ahead = |booking: &Booking| booking.session > running && booking.stage == Stage::Confirmed;
        let index = self.pick(&self.all(paid_ahead))?;
        let booking = self.bookings.remove(index);
        let mut said = vec![Publication::booking_status(&booking, "cancelled", "refunded", self.now)];
        said.extend(self.given_back(&booking));
        Some(said)
    }

    fn is_expected(&self, booking: &Booking) -> bool {
        booking.session == self.running && booking.stage == Stage::Confirmed
    }

    fn arrive(&mut self) -> Option<Vec<Publication>> {
        let booking = self.check_in()?;
        Some(vec![Publication::check_in(&booking, Some(&booking.customer()), self.now)])
    }

    /// One of the expected guests is inside from now on.
    fn check_in(&mut self) -> Option<Booking> {
        let index = self.pick(&self.all(|booking| self.is_expected(booking)))?;
        let over = self.running.ends_at(&self.zone);
        let slow =
            self.all(|booking| matches!(booking.stage, Stage::Inside { until, .. } if until > over)).len();
        let until = if slow < SLOW_AT_ONCE && self.random.random_ratio(1, 6) {
            self.minutes_after(over, 30..170)
        } else {
            later(self.now, self.shortest_stay).min(over)
        };
        let booking = self.bookings.get_mut(index)?;
        booking.stage = Stage::Inside { since: self.now, until };
        Some(booking.clone())
    }

    fn may_leave(&self, booking: &Booking) -> bool {
        matches!(booking.stage, Stage::Inside { until, .. } if until <= self.now)
    }

    fn leave(&mut self) -> Option<Vec<Publication>> {
        let mut ready = self.all(|booking| self.may_leave(booking));
        // The first to go is one of those who have been inside longest.
        ready.sort_by_key(|index| self.bookings.get(*index).and_then(Booking::inside_since));
        ready.truncate(5);
        let index = self.pick(&ready)?;
        let booking = self.bookings.remove(index);
        let mut said = vec![Publication::check_out(&booking, self.now)];
        said.extend(self.given_back(&booking));
        Some(said)
    }

    /// What a dashboard must not stumble over; always possible.
    fn odd(&mut self) -> Vec<Publication> {
        let odd = match self.random.random_range(0..4) {
            0 => self.second_check_in(),
            1 => self.nameless_check_in(),
            2 => Some(self.unmatched_check_out()),
            _ => None,
        };
        let tenths = self.random.random_range(270..300);
        vec![odd.unwrap_or_else(|| Publication::pool_measured(tenths, self.now))]
    }

    fn second_check_in(&mut self) -> Option<Publication> {
        let index = self.pick(&self.all(|booking| booking.inside_since().is_some()))?;
        let booking = self.bookings.get(index)?;
        Some(Publication::check_in(booking, Some(&booking.customer()), self.now))
    }

    fn nameless_check_in(&mut self) -> Option<Publication> {
        let booking = self.check_in()?;
        Some(Publication::check_in(&booking, None, self.now))
    }

    fn unmatched_check_out(&mut self) -> Publication {
        let id = self.first_booking - self.random.random_range(1..100);
        let user = self.random.random_range(1..=guest::KNOWN);
        let (session, stage) = (self.running, Stage::Confirmed);
        Publication::check_out(&Booking { id, user, session, amount: 0, stage }, self.now)
    }

    fn minutes_after(&mut self, at: Timestamp, minutes: Range<i64>) -> Timestamp {
        later(at, SignedDuration::from_mins(self.random.random_range(minutes)))
    }

    /// The places in the list of the bookings for which something is true.
    fn all(&self, is: impl Fn(&Booking) -> bool) -> Vec<usize> {
        self.bookings.iter().enumerate().filter(|(_, booking)| is(booking)).map(|(index, _)| index).collect()
    }

    fn pick(&mut self, of: &[usize]) -> Option<usize> {
        of.choose(&mut self.random).copied()
    }
}

fn later(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}

fn is_unpaid(booking: &Booking) -> bool {
    booking.stage == Stage::Booked
}
