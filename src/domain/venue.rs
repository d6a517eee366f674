//! The venue's picture: everything the screens show, derived from the events that were applied.
//!
//! All reads are told what time it is. Days are the venue's own, in its zone.

mod day;
mod memory;
mod need;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::{Timestamp, tz::TimeZone};

use super::booking::{Booking, BookingKey, BookingRef, BookingsToday, Named};
use super::guest::{Flow, Guest, Step, Way};
use super::id::Id;
use super::latest::Stamp;
use super::payment::{EndedToday, Outcome, Payment, PaymentView, Queue, Words};
use super::session::{Contradiction, Hours, Session, SessionKey, SessionView};

pub use day::Day;
pub use need::{Need, NeedId};

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

/// The venue. It holds what was told; the picture is worked out when it is read.
///
/// Memory is bounded: at most [`Venue::BOOKING_FACTS`] facts about bookings, [`Venue::PAYMENTS`] payments and
/// [`Venue::SESSIONS`] sessions. Beyond that the oldest go, and [`Venue::forgotten`] counts them.
#[derive(Clone, Debug)]
pub struct Venue {
    settings: Settings,
    covered_from: Option<Timestamp>,
    /// The end of the latest stretch of time of which something may be missing.
    missed_until: Option<Timestamp>,
    first_heard_at: Option<Timestamp>,
    last_heard_at: Option<Timestamp>,
    pub(super) forgotten: u64,
    pub(super) sessions: BTreeMap<SessionKey, Session>,
    pub(super) payments: BTreeMap<Id, Payment>,
    bookings: BTreeMap<BookingKey, Booking>,
    /// Codes whose booking's id is known; of two ids the greater.
    ids: BTreeMap<Box<str>, Id>,
    /// How many bookings are kept under a code.
    under_code: usize,
    /// What the bookings weigh, at least; counted anew when it passes the limit.
    facts: usize,
}

impl Venue {
    /// How many facts about bookings are kept: bookings, and their comings, goings and status words.
    pub const BOOKING_FACTS: usize = 60_000;
    /// How many payments are kept.
    pub const PAYMENTS: usize = 5_000;
    /// How many sessions are kept, each of one day.
    pub const SESSIONS: usize = 2_000;

    /// A venue of which nothing is known yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            covered_from: None,
            missed_until: None,
            first_heard_at: None,
            last_heard_at: None,
            forgotten: 0,
            sessions: BTreeMap::new(),
            payments: BTreeMap::new(),
            bookings: BTreeMap::new(),
            ids: BTreeMap::new(),
            under_code: 0,
            facts: 0,
        }
    }

    /// What its people set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes what its people set; the picture follows at once.
    pub fn set(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Says that everything from this moment on is heard (or recovered): when the first topic was subscribed, or
    /// how far back the server's history was given. The earliest word counts; without any, the first event heard.
    pub fn covered_from(&mut self, at: Timestamp) {
        self.covered_from = Some(self.covered_from.map_or(at, |from| from.min(at)));
    }

    /// Says that between these moments something may have happened that nobody heard of, and that nobody can
    /// tell any more.
    pub fn missed(&mut self, from: Timestamp, to: Timestamp) {
        self.missed_until = self.missed_until.max(Some(to.max(from)));
    }

    /// Whether something of today may be missing from the picture.
    pub fn has_missed(&self, now: Timestamp) -> bool {
        self.missed_until.is_some_and(|until| until > self.day(now).starts_at)
    }

    /// The venue's day at this moment.
    pub fn day(&self, now: Timestamp) -> Day {
        let date = self.date(now);
        let start = |date: Date| {
            self.settings.zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight())).compatible()
        };
        let starts_at = start(date).unwrap_or(Timestamp::MIN);
        let ends_at = date.tomorrow().and_then(start).unwrap_or(Timestamp::MAX);
        Day { date, starts_at, ends_at }
    }

    /// Since when today's counts are complete; `None` if they cover the whole day so far.
    pub fn counts_since(&self, now: Timestamp) -> Option<Timestamp> {
        let from = self.covered_from.or(self.first_heard_at).unwrap_or(now);
        let from = self.missed_until.map_or(from, |until| from.max(until));
        (from > self.day(now).starts_at).then_some(from)
    }

    /// When the last event was heard.
    pub fn last_heard_at(&self) -> Option<Timestamp> {
        self.last_heard_at
    }

    /// How many things had to be forgotten to stay within memory's bounds; 0 on any ordinary day.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The name that a booking was made under, if any event told it.
    pub fn guest_of(&self, booking: &BookingRef) -> Option<String> {
        self.booking(booking).customer_name.get().cloned()
    }

    /// Who is inside: came in today and did not leave. Overdue first, then the longest inside first.
    pub fn inside(&self, now: Timestamp) -> Vec<Guest> {
        let day = self.day(now);
        let mut ends = BTreeMap::new();
        let mut guests: Vec<Guest> = self
            .touched_on(&day)
            .filter_map(|(key, booking)| {
                let mut inside = None;
                booking.visits.walk(&day, |step| match step {
                    Step::In { at, session } => inside = Some((at, session.map(str::to_owned), None)),
                    Step::Again { at, .. } => {
                        if let Some((_, _, again_at)) = &mut inside {
                            *again_at = Some(at);
                        }
                    }
                    Step::Out { .. } | Step::Unseen { .. } => inside = None,
                });
                let (in_at, session, again_at) = inside.filter(|(at, _, _)| day.contains(*at))?;
                let session_name = session.or_else(|| booking.session_name.get().cloned());
                let end = session_name.as_ref().and_then(|name| {
                    *ends
                        .entry(name.clone())
                        .or_insert_with(|| self.hours(name)?.end(day.date, &self.settings.zone))
                });
                Some(Guest {
                    booking: key.reference(booking.code.get().map(AsRef::as_ref))?,
                    code: booking.code.get().map(ToString::to_string),
                    customer_name: booking.customer_name.get().cloned(),
                    session_name,
                    in_at,
                    stayed: since(in_at, now),
                    again_at,
                    over: end.filter(|end| *end < now).map(|end| since(end, now)),
                })
            })
            .collect();
        guests.sort_by(|one, other| {
            other.over.cmp(&one.over).then(one.in_at.cmp(&other.in_at)).then(one.booking.cmp(&other.booking))
        });
        guests
    }

    /// Arrivals and departures today.
    pub fn flow(&self, now: Timestamp) -> Flow {
        let day = self.day(now);
        let mut flow =
            Flow { ins_per_quarter: day.quarters(), outs_per_quarter: day.quarters(), ..Flow::default() };
        for (_, booking) in self.touched_on(&day) {
            for at in booking.visits.on(Way::In, &day) {
                flow.ins += 1;
                day.count(&mut flow.ins_per_quarter, at);
            }
            for at in booking.visits.on(Way::Out, &day) {
                flow.outs += 1;
                day.count(&mut flow.outs_per_quarter, at);
            }
            booking.visits.walk(&day, |step| match step {
                Step::Again { at, .. } if day.contains(at) => flow.repeated_ins += 1,
                Step::Unseen { at } if day.contains(at) => flow.unmatched_outs += 1,
                Step::Out { at, in_at } if day.contains(at) && !day.contains(in_at) => flow.earlier_outs += 1,
                Step::In { .. } | Step::Again { .. } | Step::Unseen { .. } | Step::Out { .. } => {}
            });
        }
        flow
    }

    /// Bookings made today.
    pub fn bookings(&self, now: Timestamp) -> BookingsToday {
        let day = self.day(now);
        let mut today = BookingsToday { per_quarter: day.quarters(), ..BookingsToday::default() };
        for (_, booking) in self.touched_on(&day) {
            let Some((stamp, amount)) = booking.made.get() else { continue };
            if !day.contains(stamp.at) {
                continue;
            }
            today.count += 1;
            day.count(&mut today.per_quarter, stamp.at);
            match amount {
                Some(amount) => today.amounts.add(*amount),
                None => today.without_amount += 1,
            }
        }
        today
    }

    /// Payments that wait, oldest first.
    pub fn queue(&self, now: Timestamp) -> Queue {
        let mut siblings: BTreeMap<Named<'_>, usize> = BTreeMap::new();
        for booking in self.payments.values().filter_map(|payment| payment.get()?.1.booking.as_ref()) {
            *siblings.entry(self.named(booking)).or_default() += 1;
        }
        let mut payments: Vec<PaymentView> = self
            .payments
            .iter()
            .filter_map(|(id, payment)| {
                let view = self.view(id, payment, now)?;
                let named = view.booking.as_ref().map(|booking| self.named(booking));
                let siblings = named.and_then(|named| siblings.get(&named).copied()).unwrap_or(1);
                view.ended.is_none().then_some(PaymentView { siblings, ..view })
            })
            .collect();
        payments.sort_by(|one, other| {
            one.since.cmp(&other.since).then_with(|| one.payment_id.cmp(&other.payment_id))
        });
        let amounts = payments.iter().filter_map(|payment| payment.amount).collect();
        Queue { payments, amounts }
    }

    /// One payment, whether it waits or not; `None` if nobody was asked to verify it, or it had to be forgotten.
    pub fn payment(&self, id: &Id, now: Timestamp) -> Option<PaymentView> {
        let view = self.view(id, self.payments.get(id)?, now)?;
        let siblings = view.booking.as_ref().map_or(1, |booking| self.asked_for(booking).count());
        Some(PaymentView { siblings, ..view })
    }

    /// All payments that were asked for one booking, oldest first.
    pub fn payments_for(&self, booking: &BookingRef, now: Timestamp) -> Vec<PaymentView> {
        let mut views: Vec<PaymentView> =
            self.asked_for(booking).filter_map(|(id, payment)| self.view(id, payment, now)).collect();
        let siblings = views.len();
        for view in &mut views {
            view.siblings = siblings;
        }
        views.sort_by(|one, other| one.since.cmp(&other.since).then(one.payment_id.cmp(&other.payment_id)));
        views
    }

    /// The payments of one booking.
    fn asked_for(&self, booking: &BookingRef) -> impl Iterator<Item = (&Id, &Payment)> {
        let wanted = self.named(booking).key();
        self.payments.iter().filter(move |(_, payment)| {
            let of = payment.get().and_then(|(_, ask)| ask.booking.as_ref());
            of.is_some_and(|of| self.named(of).key() == wanted)
        })
    }

    /// One payment, as if it were the only one of its booking.
    fn view(&self, id: &Id, payment: &Payment, now: Timestamp) -> Option<PaymentView> {
        let (Stamp { at: asked_at, .. }, ask) = payment.get()?;
        let booking = ask.booking.as_ref().map(|booking| self.booking(booking));
        let booking = booking.as_deref();
        let ended = booking.and_then(|booking| booking.ending(asked_at, &self.settings.words));
        let told = ask.booking.as_ref().and_then(BookingRef::code).map(str::to_owned);
        Some(PaymentView {
            payment_id: id.clone(),
            booking: ask.booking.clone(),
            code: told.or_else(|| booking?.code.get().map(ToString::to_string)),
            customer_name: ask.customer_name.clone().or_else(|| booking?.customer_name.get().cloned()),
            session_name: booking.and_then(|booking| booking.session_name.get().cloned()),
            amount: ask.amount,
            method: ask.method.clone(),
            since: asked_at,
            age: since(asked_at, ended.map_or(now, |(at, _)| at)),
            status: booking.and_then(|booking| booking.payment_status(asked_at)).map(str::to_owned),
            ended,
            siblings: 1,
            seen: booking.map(Booking::seen).unwrap_or_default(),
        })
    }

    /// Waits that ended today.
    pub fn ended(&self, now: Timestamp) -> EndedToday {
        let day = self.day(now);
        let mut ended = EndedToday::default();
        let mut waits: Vec<Duration> = Vec::new();
        for payment in self.payments.values() {
            let Some((asked, ask)) = payment.get() else { continue };
            let Some((at, outcome)) = ask.booking.as_ref().and_then(|booking| self.ending(booking, asked.at))
            else {
                continue;
            };
            if !day.contains(at) {
                continue;
            }
            match outcome {
                Outcome::Verified => ended.verified += 1,
                Outcome::Rejected => ended.rejected += 1,
            }
            waits.push(since(asked.at, at));
        }
        waits.sort_unstable();
        ended.median_wait = waits.get(waits.len() / 2).copied();
        ended
    }

    /// The sessions of a day, in the order of their hours, then of their ids.
    pub fn sessions(&self, date: Date, now: Timestamp) -> Vec<SessionView> {
        let guests = if self.date(now) == date { self.inside(now) } else { Vec::new() };
        let mut views: Vec<SessionView> = self
            .sessions
            .iter()
            .filter(|(key, _)| key.date == date)
            .filter_map(|(key, session)| {
                let mut view = session.view(key, now)?;
                view.inside = guests
                    .iter()
                    .filter(|guest| same_name(guest.session_name.as_ref(), view.name.as_ref()))
                    .count();
                Some(view)
            })
            .collect();
        views.sort_by_cached_key(|view| {
            let opens = view.name.as_ref().and_then(|name| self.hours(name)).map(|hours| hours.opens);
            (opens.is_none(), opens, view.key.clone())
        });
        views
    }

    /// The days of which a session is known, in order.
    pub fn dates(&self) -> Vec<Date> {
        let mut dates: Vec<Date> = self.sessions.keys().map(|key| key.date).collect();
        dates.dedup();
        dates
    }

    /// What does not add up, on today's and later days.
    pub fn contradictions(&self, now: Timestamp) -> Vec<(SessionKey, Contradiction)> {
        let views = self.coming(now).filter_map(|(key, session)| session.view(key, now));
        let found = views.flat_map(|view| {
            let key = view.key;
            view.contradictions.into_iter().map(move |contradiction| (key.clone(), contradiction))
        });
        found.collect()
    }

    /// What needs somebody: payments, then guests, then sessions; the oldest first in each.
    pub fn needs(&self, now: Timestamp) -> Vec<Need> {
        let patience = self.settings.patience;
        let payments =
            self.queue(now).payments.into_iter().filter(|payment| payment.age >= patience).map(Need::Pay);
        let guests = self.inside(now).into_iter().filter(|guest| guest.over.is_some()).map(Need::Over);
        let full = self.coming(now).filter(|(_, session)| session.is_full());
        let mut full: Vec<Need> =
            full.filter_map(|(key, session)| session.view(key, now)).map(Need::Full).collect();
        full.sort_by_key(Need::since);
        payments.chain(guests).chain(full).collect()
    }

    /// The sessions of today and later.
    fn coming(&self, now: Timestamp) -> impl Iterator<Item = (&SessionKey, &Session)> {
        let today = self.date(now);
        self.sessions.iter().filter(move |(key, _)| key.date >= today)
    }

    fn date(&self, now: Timestamp) -> Date {
        self.settings.zone.to_datetime(now).date()
    }

    fn hours(&self, session: &str) -> Option<Hours> {
        let hours = &self.settings.hours;
        let folded =
            || hours.iter().find(|(name, _)| folded(name) == folded(session)).map(|(_, hours)| hours);
        hours.get(session).or_else(folded).copied()
    }
}

/// How long it is from one moment to a later one; nothing if it is not later.
pub(super) fn since(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}

/// Names of sessions are the same without their case and the space around them.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn same_name(one: Option<&String>, other: Option<&String>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one == other || folded(one) == folded(other))
}
