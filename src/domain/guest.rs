//! Who came in and who went out.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::booking::BookingRef;
use super::latest::Stamp;
use super::venue::Day;

/// Somebody who is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// On which booking.
    pub booking: BookingRef,
    /// The booking's code, also where another event told it.
    pub code: Option<String>,
    /// Who.
    pub customer_name: Option<String>,
    /// For which session.
    pub session_name: Option<String>,
    /// Since when.
    pub in_at: Timestamp,
    /// How long.
    pub stayed: Duration,
    /// When they were checked in once more without having left.
    pub again_at: Option<Timestamp>,
    /// How long after the session's end; `None` if not over, or the session's hours are not set.
    pub over: Option<Duration>,
}

/// Arrivals and departures of a day. Who is inside at its end are those who came in, without the repeated ones,
/// less those who went out, without the unmatched and the earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// How many came in.
    pub ins: usize,
    /// How many went out.
    pub outs: usize,
    /// How many came in during each quarter of an hour since the day began.
    pub ins_per_quarter: Vec<u32>,
    /// How many went out during each.
    pub outs_per_quarter: Vec<u32>,
    /// How many of those who came in were inside already.
    pub repeated_ins: usize,
    /// How many of those who went out had not been seen coming in.
    pub unmatched_outs: usize,
    /// How many of those who went out had come in on an earlier day.
    pub earlier_outs: usize,
}

/// Which way somebody went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    In,
    Out,
}

/// What one moment of a booking's comings and goings turns out to be, seen together with all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Came in.
    In { at: Timestamp, session: Option<&'a str> },
    /// Came in, but had come in already and not left.
    Again { at: Timestamp, first_at: Timestamp },
    /// Left.
    Out { at: Timestamp, in_at: Timestamp },
    /// Left, but nobody saw them come in.
    Unseen { at: Timestamp },
}

/// The comings and goings on one booking: a set of moments, so that their order of arrival is of no matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Visits {
    /// At one moment, in goes before out. `true`: by the event's own account. Holds the session's name.
    moments: BTreeMap<(Timestamp, Way, bool), Option<String>>,
}

impl Visits {
    /// How many moments are kept of one booking.
    const MOMENTS: usize = 4_096;

    /// Takes a moment; says whether it is new, and how many had to go for it. One that does not tell its own time
    /// is one and the same with any other such on its day, and counts from when it was first heard.
    pub(super) fn add(&mut self, way: Way, stamp: Stamp, session: Option<String>, day: &Day) -> (bool, u64) {
        if stamp.told {
            let known = self.moments.contains_key(&(stamp.at, way, true));
            self.hold((stamp.at, way, true), session);
            return (!known, self.trim());
        }
        let first =
            self.moments.keys().find(|(at, held, told)| *held == way && !told && day.contains(*at)).copied();
        let Some(first) = first else {
            self.hold((stamp.at, way, false), session);
            return (true, self.trim());
        };
        let held = self.moments.remove(&first).flatten();
        self.hold((first.0.min(stamp.at), way, false), session.max(held));
        (false, 0)
    }

    pub(super) fn join(&mut self, other: &Self) {
        for (moment, session) in &other.moments {
            self.hold(*moment, session.clone());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.moments.len()
    }

    /// The moments of one way on a day.
    pub(super) fn on<'a>(&'a self, way: Way, day: &'a Day) -> impl Iterator<Item = Timestamp> + 'a {
        let hits = self.moments.keys().filter(move |(at, held, _)| *held == way && day.contains(*at));
        hits.map(|(at, _, _)| *at)
    }

    /// The last moment of one way.
    pub(super) fn last(&self, way: Way) -> Option<Timestamp> {
        self.moments.keys().rev().find(|(_, held, _)| *held == way).map(|(at, _, _)| *at)
    }

    /// Goes through all moments until the day's end, and tells what each is. Who came in on an earlier day and was
    /// not seen leaving may still leave today; but coming in again today is a new visit.
    pub(super) fn walk<'a>(&'a self, day: &Day, mut tell: impl FnMut(Step<'a>)) {
        let mut inside: Option<Timestamp> = None;
        for ((at, way, _), session) in &self.moments {
            let at = *at;
            if at >= day.ends_at {
                break;
            }
            let fresh = |first_at: &Timestamp| *first_at >= day.starts_at || at < day.starts_at;
            match (way, inside) {
                (Way::In, Some(first_at)) if fresh(&first_at) => tell(Step::Again { at, first_at }),
                (Way::In, Some(_) | None) => {
                    inside = Some(at);
                    tell(Step::In { at, session: session.as_deref() });
                }
                (Way::Out, Some(in_at)) => {
                    inside = None;
                    tell(Step::Out { at, in_at });
                }
                (Way::Out, None) => tell(Step::Unseen { at }),
            }
        }
    }

    fn hold(&mut self, moment: (Timestamp, Way, bool), session: Option<String>) {
        let held = self.moments.entry(moment).or_default();
        if *held < session {
            *held = session;
        }
    }

    fn trim(&mut self) -> u64 {
        let mut gone = 0;
        while self.moments.len() > Self::MOMENTS {
            self.moments.pop_first();
            gone += 1;
        }
        gone
    }
}
