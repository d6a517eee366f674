//! A history in memory, gone when the relay ends.
//!
//! One log an app, under one lock that also covers passing events on: nothing waits in there, nothing is
//! parsed or encoded but the frame that is sealed. A new log has an epoch of its own, so that a position of an
//! earlier run is recognised. What a bound pushes out is remembered as one number a channel: the last offset
//! that is gone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque, vec_deque};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Batch, Bounds, Broker, Follower, Past, Published};
use crate::protocol::peer::{Joined, Missed};
use crate::protocol::{ChannelName, Epoch, Pattern, Position, Subscription};
use crate::relay::encode::{Draft, Sealed};
use crate::relay::interests::Interests;
use crate::time;

/// The history of one app, in memory.
pub struct Memory {
    epoch: Epoch,
    bounds: Bounds,
    log: Mutex<Log>,
    follower: Follower,
}

#[derive(Debug, Default)]
struct Log {
    /// The last offset given.
    head: u64,
    /// Everything that is kept, by offset.
    frames: BTreeMap<u64, Sealed>,
    bytes: usize,
    channels: BTreeMap<ChannelName, Ring>,
    /// The last offset that is gone from any channel no longer in `channels`.
    forgotten: u64,
    /// How many channels there have to be before they are looked at for idle ones.
    look_at: usize,
}

/// One channel's part of the log.
#[derive(Debug, Default)]
struct Ring {
    offsets: VecDeque<u64>,
    bytes: usize,
    /// The last offset that is gone.
    gone: u64,
}

/// How many of other channels' events one look for a pattern passes over before it lets others publish.
const SCAN: usize = 4096;

impl Memory {
    /// An empty history, which begins `epoch`.
    pub fn new(epoch: Epoch, bounds: Bounds, follower: Follower) -> Self {
        Self { epoch, bounds, log: Mutex::default(), follower }
    }

    /// A history of which everything up to an offset is somewhere else.
    pub(super) fn after(epoch: Epoch, offset: u64, bounds: Bounds, follower: Follower) -> Self {
        let log = Log { head: offset, forgotten: offset, ..Log::default() };
        Self { epoch, bounds, log: Mutex::new(log), follower }
    }

    /// The last offset.
    pub(super) fn head(&self) -> u64 {
        self.lock().head
    }

    /// Keeps events at places that were given to them elsewhere, from `first` on, and passes them on.
    pub(super) fn place(&self, drafts: Vec<Draft>, first: u64) -> Vec<Position> {
        self.append(drafts, |_| first)
    }

    /// Shows an event of the past to who follows, and to nobody else.
    pub(super) fn remind(&self, sealed: &Sealed) {
        let log = self.lock();
        (self.follower)(sealed);
        drop(log);
    }

    fn append(&self, drafts: Vec<Draft>, first: impl FnOnce(&Log) -> u64) -> Vec<Position> {
        let now = time::monotonic();
        let mut log = self.lock();
        let first = first(&log);
        let place = |(offset, draft): (u64, Draft)| {
            let position = self.at(offset);
            let sealed = draft.seal(Some(position), now);
            log.keep(offset, sealed.clone());
            log.shrink(&self.bounds, sealed.channel(), now);
            (self.follower)(&sealed);
            position
        };
        (first..).zip(drafts).map(place).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, offset: u64) -> Position {
        Position { epoch: self.epoch, offset }
    }
}

impl Broker for Memory {
    fn publish(&self, drafts: Vec<Draft>) -> Published<'_> {
        let positions = self.append(drafts, |log| log.head + 1);
        Box::pin(std::future::ready(Ok(positions)))
    }

    fn pass_on(&self, draft: Draft) {
        let sealed = draft.seal(None, time::monotonic());
        let log = self.lock();
        (self.follower)(&sealed);
        drop(log);
    }

    fn join(
        &self,
        wanted: &Subscription,
        since: Option<Position>,
        follow: &mut dyn FnMut(Option<u64>, u64),
    ) -> Joined {
        let log = self.lock();
        let missed = since.and_then(|since| match since {
            Position { epoch, .. } if epoch != self.epoch => Some(Missed::Epoch),
            Position { offset, .. } if offset > log.head => Some(Missed::Unknown),
            Position { offset, .. } if offset < log.gone(wanted) => Some(Missed::Expired),
            Position { .. } => None,
        });
        follow(since.filter(|_| missed.is_none()).map(|since| since.offset), log.head);
        Joined { head: self.at(log.head), missed }
    }

    fn since(
        &self,
        interests: &Arc<Interests>,
        after: u64,
        most: usize,
        follow: &mut dyn FnMut(),
    ) -> Result<Past, Missed> {
        let log = self.lock();
        if log.lacks(interests, after) {
            return Err(Missed::Expired);
        }
        let (batch, last) = if interests.patterns().next().is_none() {
            log.merge(interests.channels(), after, most)
        } else {
            log.scan(interests, after, most)
        };
        if last {
            follow();
        }
        Ok(Past::Here(batch))
    }

    fn healthy(&self) -> Result<(), String> {
        Ok(())
    }

    fn prune(&self) {
        let now = time::monotonic();
        let mut log = self.lock();
        log.expire(&self.bounds, now);
        log.forget_idle(self.bounds.channels);
    }
}

impl Log {
    fn keep(&mut self, offset: u64, sealed: Sealed) {
        self.head = offset;
        self.bytes += sealed.footprint();
        if !self.channels.contains_key(sealed.channel()) {
            // Of a channel that nobody remembers, something may have been forgotten.
            let ring = Ring { gone: self.forgotten, ..Ring::default() };
            self.channels.insert(sealed.channel().clone(), ring);
        }
        if let Some(ring) = self.channels.get_mut(sealed.channel()) {
            ring.offsets.push_back(offset);
            ring.bytes += sealed.footprint();
        }
        self.frames.insert(offset, sealed);
    }

    /// Brings the log back within its bounds after something was kept in `channel`.
    fn shrink(&mut self, bounds: &Bounds, channel: &ChannelName, now: Instant) {
        while let Some(ring) = self.channels.get(channel) {
            let fits = ring.offsets.len() <= bounds.channel_events && ring.bytes <= bounds.channel_bytes;
            match ring.offsets.front() {
                Some(&oldest) if !fits => self.drop_frame(oldest),
                Some(_) | None => break,
            }
        }
        while self.bytes > bounds.total_bytes {
            let Some((&oldest, _)) = self.frames.first_key_value() else { break };
            self.drop_frame(oldest);
        }
        self.expire(bounds, now);
        if self.channels.len() > self.look_at.max(bounds.channels.saturating_mul(2)) {
            self.forget_idle(bounds.channels);
        }
    }

    fn expire(&mut self, bounds: &Bounds, now: Instant) {
        while let Some((&oldest, frame)) = self.frames.first_key_value() {
            if now.saturating_duration_since(frame.at()) < bounds.age {
                break;
            }
            self.drop_frame(oldest);
        }
    }

    /// Drops a frame that is its channel's oldest.
    fn drop_frame(&mut self, offset: u64) {
        let Some(frame) = self.frames.remove(&offset) else { return };
        self.bytes -= frame.footprint();
        if let Some(ring) = self.channels.get_mut(frame.channel()) {
            ring.offsets.pop_front();
            ring.bytes -= frame.footprint();
            ring.gone = offset;
            if ring.offsets.is_empty() {
                ring.offsets = VecDeque::new();
            }
        }
    }

    /// Forgets the channels that keep nothing, once there are too many.
    fn forget_idle(&mut self, most: usize) {
        if self.channels.len() > most {
            let forgotten = &mut self.forgotten;
            self.channels.retain(|_, ring| {
                if ring.offsets.is_empty() {
                    *forgotten = (*forgotten).max(ring.gone);
                }
                !ring.offsets.is_empty()
            });
        }
        // Twice as many again, before all are looked at again: a publication pays for its own channel alone.
        self.look_at = self.channels.len().saturating_mul(2);
    }

    /// The last offset that is gone from any channel of these.
    fn gone(&self, wanted: &Subscription) -> u64 {
        match wanted {
            Subscription::Channel(name) => self.channels.get(name).map_or(self.forgotten, |ring| ring.gone),
            Subscription::Pattern(pattern) => {
                self.family(pattern).map(|(_, ring)| ring.gone).fold(self.forgotten, u64::max)
            }
        }
    }

    /// Whether something is gone that a connection which stands at this offset is still to hear.
    fn lacks(&self, interests: &Interests, after: u64) -> bool {
        let of_channels = interests.channels().any(|(name, floor)| {
            let gone = self.channels.get(name).map_or(self.forgotten, |ring| ring.gone);
            gone > floor.max(after)
        });
        of_channels
            || interests.patterns().any(|(pattern, floor)| {
                let heard_to = |name| interests.floor(name).unwrap_or(floor);
                self.forgotten > floor.max(after)
                    || self
                        .family(pattern)
                        .any(|(name, ring)| ring.gone > after && ring.gone > heard_to(name))
            })
    }

    /// The channels of a family that are remembered.
    fn family<'a>(&'a self, pattern: &'a Pattern) -> impl Iterator<Item = (&'a ChannelName, &'a Ring)> {
        // A stem is a channel's name too, and stands before all that begin with it.
        ChannelName::parse(pattern.stem()).into_iter().flat_map(|stem| {
            let from = (Excluded(stem), Unbounded);
            self.channels.range(from).take_while(|(name, _)| pattern.matches(name))
        })
    }

    /// Up to `most` of these channels' frames after an offset, each with its own floor, and whether these are the
    /// last.
    fn merge<'a>(
        &self,
        channels: impl Iterator<Item = (&'a ChannelName, u64)>,
        after: u64,
        most: usize,
    ) -> (Batch, bool) {
        let mut rings: Vec<_> = channels
            .filter_map(|(name, floor)| {
                let offsets = &self.channels.get(name)?.offsets;
                let first = offsets.partition_point(|&offset| offset <= floor.max(after));
                Some(offsets.range(first..))
            })
            .collect();
        let first = |(at, ring): (usize, &mut vec_deque::Iter<'_, u64>)| Some(Reverse((*ring.next()?, at)));
        let mut next: BinaryHeap<_> = rings.iter_mut().enumerate().filter_map(first).collect();
        let mut batch = Batch { frames: Vec::new(), upto: after };
        while let Some(Reverse((offset, at))) = next.pop() {
            if batch.frames.len() == most {
                return (batch, false);
            }
            batch.frames.extend(self.frames.get(&offset).cloned());
            batch.upto = offset;
            next.extend(rings[at].next().map(|&offset| Reverse((offset, at))));
        }
        batch.upto = self.head;
        (batch, true)
    }

    /// The same where there are patterns: a family has any number of channels.
    fn scan(&self, interests: &Interests, after: u64, most: usize) -> (Batch, bool) {
        let mut batch = Batch { frames: Vec::new(), upto: after };
        for (seen, (&offset, frame)) in self.frames.range((Excluded(after), Unbounded)).enumerate() {
            if seen == SCAN || batch.frames.len() == most {
                return (batch, false);
            }
            if interests.floor(frame.channel()).is_some_and(|floor| offset > floor) {
                batch.frames.push(frame.clone());
            }
            batch.upto = offset;
        }
        batch.upto = self.head;
        (batch, true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A history, and what it has passed on.
    fn memory(bounds: Bounds) -> (Memory, Arc<Mutex<Vec<u64>>>) {
        let passed = Arc::new(Mutex::new(Vec::new()));
        let follower = Arc::clone(&passed);
        let memory = Memory::new(
            Epoch(7),
            bounds,
            Box::new(move |sealed| {
                let offset = sealed.position().map_or(0, |position| position.offset);
                follower.lock().expect("no panic").push(offset);
            }),
        );
        (memory, passed)
    }

    fn bounds() -> Bounds {
        Bounds::lasting(Duration::from_secs(60))
    }

    async fn publish(memory: &Memory, channel: &str) -> u64 {
        let draft = Draft::new(ChannelName::parse(channel).expect(channel), "X", "{}", None);
        memory.publish(vec![draft]).await.expect("kept")[0].offset
    }

    fn wanted(name: &str) -> Subscription {
        Subscription::parse(name).expect(name)
    }

    /// What hears these names from the beginning on.
    fn interests(names: &[&str]) -> Interests {
        let mut interests = Interests::default();
        for name in names {
            interests.join(&wanted(name), Some(0), 0, 0);
        }
        interests
    }

    /// All offsets after one, in batches; `None` where the history doesn't reach.
    fn since(memory: &Memory, name: &str, after: u64, most: usize) -> Option<Vec<u64>> {
        since_of(memory, &interests(&[name]), after, most)
    }

    fn since_of(memory: &Memory, interests: &Interests, mut after: u64, most: usize) -> Option<Vec<u64>> {
        let mut offsets = Vec::new();
        loop {
            let mut last = false;
            let past = memory.since(&Arc::new(interests.clone()), after, most, &mut || last = true).ok()?;
            let Past::Here(batch) = past else { panic!("no disk") };
            assert!(batch.frames.len() <= most && batch.upto >= after);
            offsets.extend(batch.frames.iter().filter_map(|frame| Some(frame.position()?.offset)));
            if last {
                return Some(offsets);
            }
            assert!(batch.upto > after, "it gets on");
            after = batch.upto;
        }
    }

    fn missed(memory: &Memory, name: &str, since: Position) -> Option<Missed> {
        memory.join(&wanted(name), Some(since), &mut |_, _| {}).missed
    }

    #[tokio::test]
    async fn nobody_lacks_what_it_has_heard() {
        let (memory, _) = memory(Bounds { channel_events: 1, ..bounds() });
        for _ in 0..3 {
            publish(&memory, "b.1").await;
        }
        publish(&memory, "b.2").await;
        let mut both = interests(&["b.1", "b.*"]);
        assert_eq!(since_of(&memory, &both, 1, 10), None);
        both = Interests::default();
        both.join(&wanted("b.1"), None, 3, 3);
        both.join(&wanted("b.*"), None, 3, 3);
        both.join(&wanted("c"), Some(0), 4, 4);
        assert_eq!(since_of(&memory, &both, 0, 10), Some(vec![]), "it stood at 4 when it went back for c");
    }

    #[tokio::test]
    async fn a_bound_of_one_channel_is_felt_by_that_channel_alone() {
        let (memory, _) = memory(Bounds { channel_events: 3, ..bounds() });
        for _ in 0..5 {
            publish(&memory, "noisy.1").await;
        }
        publish(&memory, "quiet.1").await;
        assert_eq!(since(&memory, "noisy.1", 2, 10), Some(vec![3, 4, 5]));
        assert_eq!(since(&memory, "noisy.1", 1, 10), None, "never a part of it");
        assert_eq!(since(&memory, "noisy.*", 1, 10), None, "a family has all of its channels or none");
        assert_eq!(since(&memory, "quiet.1", 0, 10), Some(vec![6]));
        assert_eq!(since(&memory, "quiet.*", 0, 10), Some(vec![6]));
        let at = |offset| Position { epoch: Epoch(7), offset };
        assert_eq!(missed(&memory, "noisy.1", at(1)), Some(Missed::Expired));
        assert_eq!(missed(&memory, "noisy.1", at(2)), None);
    }

    #[tokio::test]
    async fn bytes_are_bounded_by_channel_and_together() {
        let draft = Draft::new(ChannelName::parse("a").expect("a name"), "X", "{}", None);
        let each = draft.seal(Some(Position { epoch: Epoch(7), offset: 1 }), time::monotonic()).footprint();
        let (memory, _) = memory(Bounds { channel_bytes: 3 * each, total_bytes: 5 * each, ..bounds() });
        for name in ["a", "b", "a", "b", "a", "b", "a", "b"] {
            publish(&memory, name).await;
            // The form for native clients is made late, and is counted already.
            for frame in memory.lock().frames.values() {
                assert!(frame.frame(false).len() + frame.frame(true).len() < each);
            }
        }
        let log = memory.lock();
        let kept = |name| log.channels[&ChannelName::parse(name).expect(name)].offsets.len();
        assert_eq!((log.bytes, kept("a"), kept("b")), (5 * each, 2, 3));
        assert_eq!(log.bytes, log.frames.values().map(Sealed::footprint).sum::<usize>());
        assert_eq!(log.bytes, log.channels.values().map(|ring| ring.bytes).sum::<usize>());
        assert!(log.frames.contains_key(&8), "the newest is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_old_is_forgotten_with_and_without_news() {
        let (memory, _) = memory(bounds());
        publish(&memory, "a").await;
        tokio::time::advance(Duration::from_secs(59)).await;
        memory.prune();
        assert_eq!(since(&memory, "a", 0, 10), Some(vec![1]));
        tokio::time::advance(Duration::from_secs(1)).await;
        publish(&memory, "b").await;
        assert_eq!(since(&memory, "a", 0, 10), None);
        tokio::time::advance(Duration::from_secs(60)).await;
        memory.prune();
        assert_eq!(since(&memory, "b", 0, 10), None);
        assert_eq!(since(&memory, "b", 2, 10), Some(vec![]), "but nothing was missed after it");
        assert_eq!(memory.lock().bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_channels_are_remembered_together_once_they_are_many() {
        let (memory, _) = memory(Bounds { channels: 2, ..bounds() });
        for name in ["a", "b", "c"] {
            publish(&memory, name).await;
        }
        tokio::time::advance(Duration::from_secs(61)).await;
        memory.prune();
        assert!(memory.lock().channels.is_empty());
        for name in ["a", "b", "c", "never", "b.*"] {
            assert_eq!(since(&memory, name, 2, 10), None, "{name}: something may be gone");
            assert_eq!(since(&memory, name, 3, 10), Some(vec![]), "{name}");
        }
        publish(&memory, "new").await;
        assert_eq!(since(&memory, "new", 2, 10), None);
        assert_eq!(since(&memory, "new", 3, 10), Some(vec![4]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_more_channels_there_are_the_more_seldom_all_are_looked_at() {
        let (memory, _) = memory(Bounds { channels: 2, ..bounds() });
        let mut looks = Vec::new();
        for n in 0..1000 {
            publish(&memory, &n.to_string()).await;
            looks.push(memory.lock().look_at);
        }
        looks.dedup();
        assert_eq!(looks, [0, 10, 22, 46, 94, 190, 382, 766, 1534]);
        tokio::time::advance(Duration::from_secs(61)).await;
        memory.prune();
        assert_eq!(memory.lock().look_at, 0, "a crowd that has gone is not waited for");
    }
}
