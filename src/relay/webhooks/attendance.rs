//! Who is there, as far as it was told: which comings and goings are news.
//!
//! Pure: facts and moments go in, what is to be told comes out. A coming is told at once. A going waits for
//! three seconds, and whoever is back by then has neither left nor come: both are withheld. So of one channel,
//! and of one member of a channel, the other side hears a strict alternation of coming and going that ends with
//! how things are. This is Pusher's own rule.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::Fact;
use crate::protocol::ChannelName;

/// How long a going waits for the return.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// What can be there or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Presence {
    /// Any subscriber of a channel.
    Channel(ChannelName),
    /// A user in a presence channel.
    Member(ChannelName, String),
}

impl Presence {
    fn came(self) -> Fact {
        match self {
            Self::Channel(channel) => Fact::ChannelOccupied { channel },
            Self::Member(channel, user_id) => Fact::MemberAdded { channel, user_id },
        }
    }

    fn left(self) -> Fact {
        match self {
            Self::Channel(channel) => Fact::ChannelVacated { channel },
            Self::Member(channel, user_id) => Fact::MemberRemoved { channel, user_id },
        }
    }
}

/// The comings and goings of one app.
#[derive(Debug, Default)]
pub(super) struct Attendance {
    /// Who was told to be there; with the place among `leaving` of whoever has left since.
    told: HashMap<Presence, Option<u64>>,
    /// Who has left and may be back, and when that is over. All wait equally long, so places are in order of it.
    leaving: BTreeMap<u64, (Instant, Presence)>,
    next: u64,
    draining: bool,
}

impl Attendance {
    /// What is to be told now that this has happened, in order.
    pub(super) fn hear(&mut self, fact: Fact, now: Instant) -> Vec<Fact> {
        // Somebody whose time is over has left, also if he comes back with this very fact.
        let mut told = self.due(now);
        match fact {
            Fact::ChannelOccupied { channel } => told.extend(self.came(Presence::Channel(channel))),
            Fact::MemberAdded { channel, user_id } => {
                told.extend(self.came(Presence::Member(channel, user_id)));
            }
            Fact::ChannelVacated { channel } => self.left(Presence::Channel(channel), now),
            Fact::MemberRemoved { channel, user_id } => self.left(Presence::Member(channel, user_id), now),
            Fact::ClientEvent { .. } | Fact::CacheMiss { .. } | Fact::SubscriptionCount { .. } => {
                told.push(fact);
            }
        }
        told
    }

    /// The goings that have waited long enough.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Fact> {
        self.leave(|at| at <= now)
    }

    /// When the next going will have waited long enough, unless there is a return. Never earlier than what was
    /// said before, as long as there was something to say.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.leaving.first_key_value().map(|(_, (at, _))| *at)
    }

    /// From now on nobody leaves; and nobody comes back any more, so that those who wait have left now.
    pub(super) fn drain(&mut self) -> Vec<Fact> {
        self.draining = true;
        self.leave(|_| true)
    }

    fn came(&mut self, presence: Presence) -> Option<Fact> {
        let Some(leaving) = self.told.get_mut(&presence) else {
            self.told.insert(presence.clone(), None);
            return Some(presence.came());
        };
        if let Some(place) = leaving.take() {
            self.leaving.remove(&place);
        }
        None
    }

    fn left(&mut self, presence: Presence, now: Instant) {
        if let Some(leaving @ None) = self.told.get_mut(&presence)
            && !self.draining
        {
            *leaving = Some(self.next);
            self.leaving.insert(self.next, (now + PATIENCE, presence));
            self.next += 1;
        }
    }

    fn leave(&mut self, is_over: impl Fn(Instant) -> bool) -> Vec<Fact> {
        let mut left = Vec::new();
        while let Some(first) = self.leaving.first_entry()
            && is_over(first.get().0)
        {
            let (_, presence) = first.remove();
            self.told.remove(&presence);
            left.push(presence.left());
        }
        // What a crowd needed is given back when it has gone.
        if self.told.capacity() > 1024 && self.told.len() * 4 < self.told.capacity() {
            self.told.shrink_to(self.told.len() * 2);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn presence(which: usize) -> Presence {
        let channel = |name: &str| ChannelName::parse(name).expect(name);
        match which {
            0 => Presence::Channel(channel("presence-a")),
            1 => Presence::Channel(channel("b")),
            2 => Presence::Member(channel("presence-a"), "1".into()),
            3 => Presence::Member(channel("presence-a"), "2".into()),
            _ => Presence::Member(channel("presence-b"), "1".into()),
        }
    }

    /// Whether a fact is a coming, and whose.
    fn read(fact: &Fact) -> (bool, Presence) {
        match fact.clone() {
            Fact::ChannelOccupied { channel } => (true, Presence::Channel(channel)),
            Fact::ChannelVacated { channel } => (false, Presence::Channel(channel)),
            Fact::MemberAdded { channel, user_id } => (true, Presence::Member(channel, user_id)),
            Fact::MemberRemoved { channel, user_id } => (false, Presence::Member(channel, user_id)),
            other @ (Fact::ClientEvent { .. } | Fact::CacheMiss { .. } | Fact::SubscriptionCount { .. }) => {
                panic!("{other:?} is of nobody")
            }
        }
    }

    /// Steps of time in milliseconds, around the three seconds and far from them, and who came or left then.
    fn history() -> impl Strategy<Value = Vec<(u64, usize, bool)>> {
        let step = prop_oneof![Just(0), 1_u64..1500, 2990_u64..3010, Just(3000), 3000_u64..9000];
        proptest::collection::vec((step, 0_usize..5, any::<bool>()), 0..120)
    }

    proptest! {
        #[test]
        fn what_is_told_alternates_ends_with_the_truth_and_was_undone_by_nobody(
            history in history(),
            polled in any::<bool>(),
        ) {
            let mut attendance = Attendance::default();
            let start = crate::time::monotonic();
            let mut now = start;
            let mut here = HashSet::new();
            // Comings and goings as they were, and what was told: when, whose, whether a coming.
            let (mut real, mut told) = (Vec::new(), Vec::new());
            for (step, who, comes) in history {
                let until = now + Duration::from_millis(step);
                // With a task that wakes up at each deadline, and with one that never gets to run.
                while let Some(at) = attendance.deadline().filter(|at| polled && *at <= until) {
                    told.extend(attendance.due(at).into_iter().map(|fact| (at, fact)));
                }
                now = until;
                let who = presence(who);
                let is_news = if comes { here.insert(who.clone()) } else { here.remove(&who) };
                if is_news {
                    real.push((now, who.clone(), comes));
                }
                let fact = if comes { who.came() } else { who.left() };
                told.extend(attendance.hear(fact, now).into_iter().map(|fact| (now, fact)));
            }
            while let Some(at) = attendance.deadline() {
                told.extend(attendance.due(at).into_iter().map(|fact| (at, fact)));
            }
            prop_assert!(attendance.leaving.is_empty());
            prop_assert!(told.is_sorted_by_key(|(at, _)| *at));

            for who in (0..5).map(presence) {
                let told: Vec<_> = told
                    .iter()
                    .map(|(at, fact)| (*at, read(fact)))
                    .filter(|(_, (_, whose))| *whose == who)
                    .map(|(at, (comes, _))| (at, comes))
                    .collect();
                let real: Vec<_> =
                    real.iter().filter(|(_, whose, _)| *whose == who).map(|(at, _, comes)| (*at, *comes)).collect();
                // A coming first, a going next, and so on.
                prop_assert!(told.iter().enumerate().all(|(n, (_, comes))| *comes == (n % 2 == 0)), "{told:?}");
                prop_assert_eq!(told.last().is_some_and(|(_, comes)| *comes), here.contains(&who));
                // By the definition: each going that nobody undid for three seconds, and each coming but those
                // that undid one.
                let mut expected = Vec::new();
                for (n, (at, comes)) in real.iter().enumerate() {
                    let back = |from: Instant, to: Instant| to < from + PATIENCE;
                    let is_told = if *comes {
                        n == 0 || !back(real[n - 1].0, *at)
                    } else {
                        real.get(n + 1).is_none_or(|(next, _)| !back(*at, *next))
                    };
                    if is_told {
                        expected.push(*comes);
                    }
                }
                prop_assert_eq!(told.iter().map(|(_, comes)| *comes).collect::<Vec<_>>(), expected);
                // Comings at once; goings after the three seconds, and at the end of them if somebody looks.
                for (at, comes) in &told {
                    let wait = if *comes { Duration::ZERO } else { PATIENCE };
                    let fits = |(real_at, was_coming): &(Instant, bool)| {
                        let due = *real_at + wait;
                        was_coming == comes && (due == *at || (!polled && !comes && due <= *at))
                    };
                    prop_assert!(real.iter().any(fits), "{comes} at {:?}", *at - start);
                }
            }
            let kept: HashSet<_> = attendance.told.keys().cloned().collect();
            prop_assert_eq!(kept, here, "nothing is kept of who has left");
        }
    }

    #[test]
    fn what_is_of_nobody_passes_at_once_and_as_it_is() {
        let channel = ChannelName::parse("cache-x").expect("a name");
        let mut attendance = Attendance::default();
        for fact in [
            Fact::CacheMiss { channel: channel.clone() },
            Fact::SubscriptionCount { channel: channel.clone(), count: 3 },
        ] {
            assert_eq!(attendance.hear(fact.clone(), crate::time::monotonic()), [fact]);
        }
    }

    #[test]
    fn in_a_drain_nobody_leaves_but_those_who_had_left_before() {
        let mut attendance = Attendance::default();
        let now = crate::time::monotonic();
        for who in 0..3 {
            attendance.hear(presence(who).came(), now);
        }
        attendance.hear(presence(1).left(), now);
        assert_eq!(attendance.drain(), [presence(1).left()]);
        for who in [0, 2] {
            assert_eq!(attendance.hear(presence(who).left(), now), []);
        }
        assert_eq!(attendance.deadline(), None);
        // Who comes all the same is told, and who was told already is not.
        assert_eq!(attendance.hear(presence(1).came(), now), [presence(1).came()]);
        assert_eq!(attendance.hear(presence(0).came(), now), []);
    }
}
