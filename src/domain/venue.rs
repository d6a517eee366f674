//! The venue's picture: everything the screens show, derived from the events that were applied.
//!
//! All reads are told what time it is. Days are the venue's own, in its zone.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::{Timestamp, tz::TimeZone};

use super::booking::{Booking, BookingKey, BookingRef, BookingsToday};
use super::guest::{Flow, Guest, Step, Way};
use super::id::Id;
use super::latest::Stamp;
use super::payment::{EndedToday, Outcome, Payment, Queue, WaitingPayment, Words};
use super::session::{Contradiction, Hours, Session, SessionKey, SessionView};

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

impl Day {
    /// The length of one bucket of a day's counts.
    const QUARTER: i64 = 15 * 60;

    /// Whether a moment is on this day.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.starts_at <= at && at < self.ends_at
    }

    /// Which quarter of an hour of the day a moment falls into, counted from the day's beginning.
    pub fn quarter(&self, at: Timestamp) -> usize {
        usize::try_from((at.as_second() - self.starts_at.as_second()) / Self::QUARTER).unwrap_or(0)
    }

    /// A count for each quarter of an hour: 96, but for days on which the clock is changed.
    fn quarters(&self) -> Vec<u32> {
        vec![0; self.quarter(self.ends_at).clamp(1, 200)]
    }

    fn count(&self, quarters: &mut [u32], at: Timestamp) {
        if let Some(count) = quarters.get_mut(self.quarter(at)) {
            *count += 1;
        }
    }
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

/// The venue. It holds what was told; the picture is worked out when it is read.
///
/// Memory is bounded: at most [`Venue::BOOKING_FACTS`] facts about bookings, [`Venue::PAYMENTS`] payments and
/// [`Venue::SESSIONS`] sessions. Beyond that the oldest go, and [`Venue::forgotten`] counts them.
#[derive(Clone, Debug)]
pub struct Venue {
    settings: Settings,
    covered_from: Option<Timestamp>,
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

    /// Since when today's counts count; `None` if they cover the whole day so far.
    pub fn counts_since(&self, now: Timestamp) -> Option<Timestamp> {
        let from = self.covered_from.or(self.first_heard_at).unwrap_or(now);
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

    /// Who is inside: came in today and did not leave. Overdue first, then the longest inside first.
    pub fn inside(&self, now: Timestamp) -> Vec<Guest> {
        let day = self.day(now);
        let mut ends = BTreeMap::new();
        let mut guests: Vec<Guest> = self
            .known()
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
                    code: booking.code.get().map(|code| code.to_string()),
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
        for (_, booking) in self.known() {
            for at in booking.visits.on(Way::In, &day) {
                flow.ins += 1;
                day.count(&mut flow.ins_per_quarter, at);
            }
            for at in booking.visits.on(Way::Out, &day) {
                flow.outs += 1;
                day.count(&mut flow.outs_per_quarter, at);
            }
            booking.visits.walk(&day, |step| {
                if let Step::Unseen { at } = step
                    && day.contains(at)
                {
                    flow.unmatched_outs += 1;
                }
            });
        }
        flow
    }

    /// Bookings made today.
    pub fn bookings(&self, now: Timestamp) -> BookingsToday {
        let day = self.day(now);
        let mut today = BookingsToday { per_quarter: day.quarters(), ..BookingsToday::default() };
        for (_, booking) in self.known() {
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
        let mut payments: Vec<WaitingPayment> = self
            .payments
            .iter()
            .filter_map(|(id, payment)| {
                let (Stamp { at: asked_at, .. }, ask) = payment.get()?;
                let booking = ask.booking.as_ref().map(|booking| self.booking(booking));
                if booking
                    .as_ref()
                    .is_some_and(|booking| booking.ending(asked_at, &self.settings.words).is_some())
                {
                    return None;
                }
                let booking = booking.as_deref();
                let told = ask.booking.as_ref().and_then(BookingRef::code).map(str::to_owned);
                Some(WaitingPayment {
                    payment_id: id.clone(),
                    booking: ask.booking.clone(),
                    code: told.or_else(|| booking?.code.get().map(|code| code.to_string())),
                    customer_name: ask
                        .customer_name
                        .clone()
                        .or_else(|| booking?.customer_name.get().cloned()),
                    session_name: booking.and_then(|booking| booking.session_name.get().cloned()),
                    amount: ask.amount,
                    method: ask.method.clone(),
                    since: asked_at,
                    age: since(asked_at, now),
                    status: booking.and_then(|booking| booking.payment_status(asked_at)).map(str::to_owned),
                })
            })
            .collect();
        payments.sort_by(|one, other| {
            one.since.cmp(&other.since).then_with(|| one.payment_id.cmp(&other.payment_id))
        });
        let amounts = payments.iter().filter_map(|payment| payment.amount).collect();
        Queue { payments, amounts }
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
                view.inside =
                    guests.iter().filter(|guest| same_name(&guest.session_name, &view.name)).count();
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
        let found = self.coming(now).flat_map(|view| {
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
        let mut full: Vec<Need> = self.coming(now).filter(SessionView::is_full).map(Need::Full).collect();
        full.sort_by_key(Need::since);
        payments.chain(guests).chain(full).collect()
    }

    /// The sessions of today and later.
    fn coming(&self, now: Timestamp) -> impl Iterator<Item = SessionView> + '_ {
        let today = self.date(now);
        let coming = self.sessions.iter().filter(move |(key, _)| key.date >= today);
        coming.filter_map(move |(key, session)| session.view(key, now))
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

/// What the reducer needs of the state.
impl Venue {
    pub(super) fn hear(&mut self, at: Timestamp) {
        self.first_heard_at = Some(self.first_heard_at.map_or(at, |first| first.min(at)));
        self.last_heard_at = self.last_heard_at.max(Some(at));
    }

    /// Remembers which id a code belongs to.
    pub(super) fn link(&mut self, booking: &BookingRef) {
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
    pub(super) fn entry(&mut self, booking: &BookingRef) -> &mut Booking {
        // Each taking-in adds at most one fact to what it touches, and one for a new booking.
        self.facts += 1;
        match self.bookings.entry(BookingKey::of(booking)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.under_code += usize::from(matches!(entry.key(), BookingKey::Code(_)));
                entry.insert(Booking::default())
            }
        }
    }

    /// Where what is known of a booking is found.
    fn resolved(&self, booking: &BookingRef) -> BookingKey {
        match BookingKey::of(booking) {
            BookingKey::Code(code) => match self.ids.get(&code) {
                Some(id) => BookingKey::Id(id.clone()),
                None => BookingKey::Code(code),
            },
            key @ BookingKey::Id(_) => key,
        }
    }

    /// All that is known of a booking, under whichever name it was told.
    pub(super) fn booking(&self, booking: &BookingRef) -> Cow<'_, Booking> {
        let key = self.resolved(booking);
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
    pub(super) fn ending(&self, booking: &BookingRef, asked_at: Timestamp) -> Option<(Timestamp, Outcome)> {
        self.booking(booking).ending(asked_at, &self.settings.words)
    }

    /// When the payments of this booking were asked for that still wait.
    pub(super) fn waiting_for(&self, booking: &BookingRef) -> Vec<Timestamp> {
        let wanted = self.resolved(booking);
        let payments = self.payments.values().filter_map(|payment| {
            let (asked, ask) = payment.get()?;
            let same = ask.booking.as_ref().is_some_and(|booking| self.resolved(booking) == wanted);
            (same && self.ending(booking, asked.at).is_none()).then_some(asked.at)
        });
        payments.collect()
    }

    /// Keeps memory within its bounds.
    pub(super) fn forget(&mut self) {
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

/// How long it is from one moment to a later one; nothing if it is not later.
pub(super) fn since(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}

/// Names of sessions are the same without their case and the space around them.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn same_name(one: &Option<String>, other: &Option<String>) -> bool {
    one.as_deref()
        .zip(other.as_deref())
        .is_some_and(|(one, other)| one == other || folded(one) == folded(other))
}
