//! Who hears which channel.
//!
//! Families of channels are found by the stems of a name. Passing an event on takes one read lock, and per
//! subscriber a reference: no await, no JSON, no allocation. Channels are spread over shards, so that what is
//! told beside the history (members, counts, client events) and what is asked over HTTP hold up one shard alone.
//!
//! That a channel has its first subscriber, or has lost its last, is told under the shard's lock: the webhooks
//! hear it in the order in which it came to be.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;

use super::encode::{self, Sealed};
use super::metrics::Metrics;
use super::outbox::{Outbox, Push};
use super::webhooks::{Fact, Hooks};
use crate::protocol::peer::SocketId;
use crate::protocol::{ChannelKind, ChannelName, Pattern, Subscription, member};

const SHARDS: usize = 16;
/// A channel of more subscribers is told their number every few seconds at most.
const CROWD: usize = 100;

type Shard = HashMap<ChannelName, Vec<Arc<Outbox>>>;

/// A pattern and who subscribes it.
type Family = (Pattern, Vec<Arc<Outbox>>);

/// The subscribers of one app.
#[derive(Debug)]
pub struct Hub {
    shards: [RwLock<Shard>; SHARDS],
    /// By stem: `booking.` for `booking.*`.
    families: RwLock<HashMap<String, Family>>,
    hasher: RandomState,
    metrics: Arc<Metrics>,
    hooks: Hooks,
    /// Crowded channels whose number of subscribers has changed and is still to be told.
    uncounted: Mutex<HashSet<ChannelName>>,
}

impl Hub {
    /// Nobody subscribes anything yet.
    pub fn new(metrics: Arc<Metrics>, hooks: Hooks) -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            families: RwLock::default(),
            hasher: RandomState::new(),
            metrics,
            hooks,
            uncounted: Mutex::default(),
        }
    }

    /// Passes events on to this outbox from now on. The caller sees to it that it does not join twice.
    pub fn join(&self, wanted: &Subscription, outbox: Arc<Outbox>) {
        match wanted {
            Subscription::Channel(name) => {
                let mut shard = self.shard(name).write().unwrap_or_else(PoisonError::into_inner);
                let subscribers = shard.entry(name.clone()).or_default();
                subscribers.push(outbox);
                if subscribers.len() == 1 {
                    self.hooks.tell(Fact::ChannelOccupied { channel: name.clone() });
                }
            }
            Subscription::Pattern(pattern) => {
                let mut families = self.families.write().unwrap_or_else(PoisonError::into_inner);
                let family = families.entry(pattern.stem().to_owned());
                family.or_insert_with(|| (pattern.clone(), Vec::new())).1.push(outbox);
            }
        }
    }

    /// Passes nothing on any more. Whether that was a channel's last subscriber.
    pub fn leave(&self, left: &Subscription, outbox: &Arc<Outbox>) -> bool {
        match left {
            Subscription::Channel(name) => {
                let mut shard = self.shard(name).write().unwrap_or_else(PoisonError::into_inner);
                let Some(subscribers) = shard.get_mut(name) else { return false };
                remove(subscribers, outbox);
                let last = subscribers.is_empty();
                if last {
                    shard.remove(name);
                    self.hooks.tell(Fact::ChannelVacated { channel: name.clone() });
                }
                last
            }
            Subscription::Pattern(pattern) => {
                let mut families = self.families.write().unwrap_or_else(PoisonError::into_inner);
                if let Some((_, subscribers)) = families.get_mut(pattern.stem()) {
                    remove(subscribers, outbox);
                    if subscribers.is_empty() {
                        families.remove(pattern.stem());
                    }
                }
                false
            }
        }
    }

    /// Passes an event on to everybody who hears its channel; must be called in the order of positions.
    pub fn fan_out(&self, sealed: &Sealed) {
        let channel = sealed.channel();
        let shard = self.shard(channel).read().unwrap_or_else(PoisonError::into_inner);
        for outbox in shard.get(channel).into_iter().flatten() {
            self.count(outbox.push(sealed));
        }
        drop(shard);
        let families = self.families.read().unwrap_or_else(PoisonError::into_inner);
        if families.is_empty() {
            return;
        }
        let name = channel.as_str();
        for (dot, _) in name.match_indices('.') {
            let Some((pattern, subscribers)) = families.get(&name[..=dot]) else { continue };
            if !pattern.matches(channel) {
                continue;
            }
            for outbox in subscribers {
                self.count(outbox.push(sealed));
            }
        }
    }

    /// Tells a channel's own subscribers what is no event of it, all but one of them. In the order of the calls
    /// for who holds a lock across them.
    pub fn tell(&self, channel: &ChannelName, frame: &Bytes, except: Option<SocketId>) {
        let shard = self.shard(channel).read().unwrap_or_else(PoisonError::into_inner);
        for outbox in shard.get(channel).into_iter().flatten() {
            if Some(outbox.socket_id()) != except {
                outbox.tell(frame.clone());
            }
        }
    }

    /// The number of a channel's subscribers has changed, and they are to know: at once, or with the next
    /// [`Self::tell_counts`] where they are a crowd.
    pub fn recount(&self, channel: &ChannelName) {
        if channel.kind() == ChannelKind::Presence {
            // Its members are told whole.
            return;
        }
        if self.subscribers(channel) > CROWD {
            self.uncounted.lock().unwrap_or_else(PoisonError::into_inner).insert(channel.clone());
        } else {
            self.tell_count(channel);
        }
    }

    /// Tells the crowds how many they are. To be called every five seconds.
    pub fn tell_counts(&self) {
        let crowds = std::mem::take(&mut *self.uncounted.lock().unwrap_or_else(PoisonError::into_inner));
        for channel in &crowds {
            self.tell_count(channel);
        }
    }

    fn tell_count(&self, channel: &ChannelName) {
        // Counted and told under one lock: the last number that everybody hears is the true one.
        let shard = self.shard(channel).read().unwrap_or_else(PoisonError::into_inner);
        let Some(subscribers) = shard.get(channel) else { return };
        let count = subscribers.len();
        let frame = encode::control(&member::subscription_count(channel.as_str(), count));
        for outbox in subscribers {
            outbox.tell(frame.clone());
        }
        self.hooks.tell(Fact::SubscriptionCount { channel: channel.clone(), count });
    }

    /// How many connections subscribe a channel, those not counted that hear it by a pattern.
    pub fn subscribers(&self, channel: &ChannelName) -> usize {
        self.shard(channel).read().unwrap_or_else(PoisonError::into_inner).get(channel).map_or(0, Vec::len)
    }

    /// The channels that somebody subscribes and whose names begin with `prefix`, in no order.
    pub fn occupied(&self, prefix: &str) -> Vec<ChannelName> {
        let mut channels = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            channels.extend(shard.keys().filter(|name| name.as_str().starts_with(prefix)).cloned());
        }
        channels
    }

    /// Counts what became of an event that was handed to an outbox.
    pub fn count(&self, push: Push) {
        match push {
            Push::Queued | Push::Behind { fell: false } | Push::NotForIt => {}
            Push::Behind { fell: true } => self.metrics.fell_behind(),
            Push::Dropped => self.metrics.dropped(),
        }
    }

    fn shard(&self, name: &ChannelName) -> &RwLock<Shard> {
        let shard = self.hasher.hash_one(name) % SHARDS as u64;
        &self.shards[usize::try_from(shard).unwrap_or(0)]
    }
}

fn remove(subscribers: &mut Vec<Arc<Outbox>>, outbox: &Arc<Outbox>) {
    if let Some(at) = subscribers.iter().position(|other| Arc::ptr_eq(other, outbox)) {
        subscribers.swap_remove(at);
    }
    // What a crowd needed is given back when it has gone.
    if subscribers.capacity() > 64 && subscribers.len() * 4 < subscribers.capacity() {
        subscribers.shrink_to(subscribers.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;
    use crate::protocol::peer::SocketId;
    use crate::protocol::{Epoch, Position};
    use crate::relay::encode::Draft;

    fn publish(hub: &Hub, channel: &str, offset: u64) {
        let draft = Draft::new(ChannelName::parse(channel).expect(channel), "X", "", None);
        hub.fan_out(&draft.seal(Some(Position { epoch: Epoch(1), offset }), crate::time::monotonic()));
    }

    fn heard(outbox: &Outbox) -> usize {
        let mut frames = VecDeque::new();
        outbox.take(&mut frames, usize::MAX, Waker::noop());
        frames.len()
    }

    fn wanted(name: &str) -> Subscription {
        Subscription::parse(name).expect(name)
    }

    #[test]
    fn everybody_who_joined_hears_and_nobody_who_left() {
        let hub = Hub::new(Arc::default(), Hooks::none());
        let outboxes: Vec<_> = (0..100).map(|n| Arc::new(Outbox::new(SocketId(n, 0), false))).collect();
        for outbox in &outboxes {
            hub.join(&wanted("a.1"), Arc::clone(outbox));
        }
        publish(&hub, "a.1", 1);
        publish(&hub, "a.2", 2);
        for outbox in &outboxes[..50] {
            hub.leave(&wanted("a.1"), outbox);
            hub.leave(&wanted("never-joined"), outbox);
        }
        publish(&hub, "a.1", 3);
        for (at, outbox) in outboxes.iter().enumerate() {
            assert_eq!(heard(outbox), if at < 50 { 1 } else { 2 }, "{at}");
        }
    }

    #[test]
    fn every_family_that_a_name_belongs_to_hears_it() {
        let hub = Hub::new(Arc::default(), Hooks::none());
        let outboxes = ["a.*", "a.b.*", "a.b.c.*", "b.*"].map(|pattern| {
            let outbox = Arc::new(Outbox::new(SocketId(1, 1), false));
            hub.join(&wanted(pattern), Arc::clone(&outbox));
            outbox
        });
        for (offset, name) in (1..).zip(["a.b.c", "a.b", "a.", "a", "a..b", "b.a", "xa.b"]) {
            publish(&hub, name, offset);
        }
        assert_eq!(outboxes.each_ref().map(|outbox| heard(outbox)), [3, 1, 0, 1]);
    }

    #[test]
    fn nothing_is_kept_of_a_channel_that_everybody_has_left() {
        let hub = Hub::new(Arc::default(), Hooks::none());
        let outbox = Arc::new(Outbox::new(SocketId(1, 1), false));
        for name in ["a", "a.*"] {
            hub.join(&wanted(name), Arc::clone(&outbox));
            hub.leave(&wanted(name), &outbox);
        }
        assert!(hub.shards.iter().all(|shard| shard.read().expect("no panic").is_empty()));
        assert!(hub.families.read().expect("no panic").is_empty());
        assert_eq!(Arc::strong_count(&outbox), 1);
    }

    const SUBSCRIPTIONS: [&str; 5] = ["a.1", "a.2", "b", "a.*", "a.b.*"];
    const CHANNELS: [&str; 5] = ["a.1", "a.2", "b", "a.b.1", "c"];

    #[derive(Clone, Debug)]
    enum Step {
        Join(usize, usize),
        Leave(usize, usize),
        /// To all who hear a channel, or to all but one of them.
        Publish(usize, Option<usize>),
        Tell(usize, Option<usize>),
    }

    fn step() -> impl Strategy<Value = Step> {
        let except = || prop::option::of(0..3_usize);
        prop_oneof![
            (0..3_usize, 0..SUBSCRIPTIONS.len()).prop_map(|(who, what)| Step::Join(who, what)),
            (0..3_usize, 0..SUBSCRIPTIONS.len()).prop_map(|(who, what)| Step::Leave(who, what)),
            (0..CHANNELS.len(), except()).prop_map(|(channel, except)| Step::Publish(channel, except)),
            (0..CHANNELS.len(), except()).prop_map(|(channel, except)| Step::Tell(channel, except)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn who_subscribes_hears_once_and_nobody_else_at_all(steps in prop::collection::vec(step(), 1..80)) {
            let hub = Hub::new(Arc::default(), Hooks::none());
            let outboxes = [0, 1, 2].map(|who| Arc::new(Outbox::new(SocketId(who, 0), who == 0)));
            let mut joined: [HashSet<Subscription>; 3] = Default::default();
            for (offset, step) in (1..).zip(steps) {
                let mut expected = [0; 3];
                match step {
                    Step::Join(who, what) => {
                        if joined[who].insert(wanted(SUBSCRIPTIONS[what])) {
                            hub.join(&wanted(SUBSCRIPTIONS[what]), Arc::clone(&outboxes[who]));
                        }
                    }
                    Step::Leave(who, what) => {
                        // Also of what was never joined.
                        joined[who].remove(&wanted(SUBSCRIPTIONS[what]));
                        hub.leave(&wanted(SUBSCRIPTIONS[what]), &outboxes[who]);
                    }
                    Step::Publish(channel, except) => {
                        let channel = ChannelName::parse(CHANNELS[channel]).expect("a name");
                        let but = except.map(|who| outboxes[who].socket_id());
                        let position = Some(Position { epoch: Epoch(1), offset });
                        let draft = Draft::new(channel.clone(), "X", "", but);
                        hub.fan_out(&draft.seal(position, crate::time::monotonic()));
                        let hears = |who: usize| Some(who) != except && joined[who].iter().any(|one| one.covers(&channel));
                        expected = [0, 1, 2].map(|who| usize::from(hears(who)));
                    }
                    Step::Tell(channel, except) => {
                        let channel = ChannelName::parse(CHANNELS[channel]).expect("a name");
                        let but = except.map(|who| outboxes[who].socket_id());
                        hub.tell(&channel, &Bytes::from_static(b"told"), but);
                        let own = Subscription::Channel(channel);
                        let hears = |who: usize| Some(who) != except && joined[who].contains(&own);
                        expected = [0, 1, 2].map(|who| usize::from(hears(who)));
                    }
                }
                prop_assert_eq!(outboxes.each_ref().map(|outbox| heard(outbox)), expected);
                for channel in CHANNELS.map(|name| ChannelName::parse(name).expect(name)) {
                    let own = Subscription::Channel(channel.clone());
                    let count = joined.iter().filter(|one| one.contains(&own)).count();
                    prop_assert_eq!(hub.subscribers(&channel), count);
                    prop_assert_eq!(hub.occupied("").contains(&channel), count > 0);
                }
            }
        }
    }
}
