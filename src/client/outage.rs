//! The account of an outage: from when to when we heard nothing, and which gaps it leaves. Pure.
//!
//! A gap that our relay announced waits a moment for the relay's reason, which comes right behind. Two
//! names of one topic have one gap between them.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Gap, Recovery, Topic};
use crate::protocol::Subscription;

/// How long a gap waits for its reason.
const REASON: Duration = Duration::from_millis(500);

/// What is known of the outage that is not over, and of the gaps of the last one.
#[derive(Debug, Default)]
pub(super) struct Outage {
    away_from: Option<Timestamp>,
    incomplete: bool,
    owed: Vec<Owed>,
    told: Vec<(Topic, Timestamp)>,
}

#[derive(Debug)]
struct Owed {
    name: Subscription,
    gap: Gap,
    until: Instant,
}

impl Outage {
    /// A connection is lost; `truth` is the last moment at which it was surely good. One that is lost
    /// again before all was well prolongs the outage.
    pub(super) fn begin(&mut self, truth: Timestamp) {
        if self.away_from.is_none() {
            self.away_from = Some(truth);
            self.incomplete = false;
            self.told.clear();
        }
    }

    /// The last moment of truth before the outage, while it lasts.
    pub(super) fn away_from(&self) -> Option<Timestamp> {
        self.away_from
    }

    /// A name has a gap whose reason the server is about to tell.
    pub(super) fn owe(&mut self, name: Subscription, gap: Gap, now: Instant) {
        self.owed.push(Owed { name, gap, until: now + REASON });
    }

    /// The gap that a name has been waiting to tell.
    pub(super) fn take_owed(&mut self, name: &Subscription) -> Option<Gap> {
        let at = self.owed.iter().position(|owed| owed.name == *name)?;
        Some(self.owed.swap_remove(at).gap)
    }

    /// A gap that has waited long enough.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Gap> {
        let at = self.owed.iter().position(|owed| owed.until <= now)?;
        Some(self.owed.swap_remove(at).gap)
    }

    /// When the next gap will have waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.owed.iter().map(|owed| owed.until).min()
    }

    /// Whether every gap was told.
    pub(super) fn is_told(&self) -> bool {
        self.owed.is_empty()
    }

    /// Notes a gap; whether it is to be told, not the double of another name's.
    pub(super) fn note(&mut self, gap: &Gap) -> bool {
        self.incomplete = true;
        let key = (gap.topic.clone(), gap.from);
        let new = !self.told.contains(&key);
        if new {
            self.told.push(key);
        }
        new
    }

    /// All is heard again, as far as it will be. Tells how the outage ended, if there was one.
    pub(super) fn end(&mut self, at: Timestamp, recovered: u64, all_returned: bool) -> Option<Recovery> {
        let away_from = self.away_from.take()?;
        self.told.clear();
        Some(Recovery { away_from, away_to: at, recovered, complete: all_returned && !self.incomplete })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::GapReason;
    use crate::time::monotonic;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn gap(topic: &str, from: i64) -> Gap {
        let topic = Topic::parse(topic).expect(topic);
        Gap { topic, channel: None, from: at(from), to: at(from + 60), reason: GapReason::NoHistory }
    }

    #[test]
    fn an_outage_lasts_from_the_first_loss_to_the_return() {
        let mut outage = Outage::default();
        assert_eq!(outage.end(at(1), 0, true), None, "there was none");
        outage.begin(at(10));
        outage.begin(at(20));
        let back = Recovery { away_from: at(10), away_to: at(30), recovered: 4, complete: true };
        assert_eq!(outage.end(at(30), 4, true), Some(back));
        assert_eq!(outage.end(at(31), 4, true), None);
    }

    #[test]
    fn it_is_complete_only_without_a_gap_and_with_every_topic_back() {
        for (gaps, all_returned, complete) in [(0, true, true), (1, true, false), (0, false, false)] {
            let mut outage = Outage::default();
            outage.begin(at(10));
            for _ in 0..gaps {
                assert!(outage.note(&gap("staff", 10)));
            }
            let back = outage.end(at(30), 0, all_returned).expect("an outage");
            assert_eq!(back.complete, complete);
        }
    }

    #[test]
    fn two_names_of_one_topic_have_one_gap() {
        let mut outage = Outage::default();
        outage.begin(at(10));
        assert!(outage.note(&gap("staff", 10)));
        assert!(!outage.note(&gap("staff", 10)));
        assert!(outage.note(&gap("admin", 10)));
        assert!(outage.note(&gap("staff", 20)), "another stretch of time is another gap");
    }

    #[test]
    fn a_gap_waits_for_its_reason_and_not_for_ever() {
        let (mut outage, now) = (Outage::default(), monotonic());
        let name = Subscription::parse("staff").expect("a name");
        outage.owe(name.clone(), gap("staff", 10), now);
        assert_eq!((outage.take_due(now), outage.is_told()), (None, false));
        assert_eq!(outage.deadline(), Some(now + REASON));
        assert_eq!(outage.take_due(now + REASON), Some(gap("staff", 10)));
        outage.owe(name.clone(), gap("staff", 10), now);
        assert_eq!(outage.take_owed(&name), Some(gap("staff", 10)));
        assert!(outage.is_told());
    }
}
