//! A history in memory, gone when the relay ends.
//!
//! One log an app, under one lock that also covers passing events on: nothing waits in there, nothing is
//! parsed or encoded but the frame that is sealed. A new log has an epoch of its own, so that a position of an
//! earlier run is recognised. What a bound pushes out is remembered as one number a channel: the last offset
//! that is gone.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Batch, Bounds, Broker, Follower, Published};
use crate::protocol::peer::{Joined, Missed};
use crate::protocol::{ChannelName, Epoch, Position, Subscription};
use crate::relay::encode::{Draft, Sealed};
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

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, offset: u64) -> Position {
        Position { epoch: self.epoch, offset }
    }
}

impl Broker for Memory {
    fn publish(&self, drafts: Vec<Draft>) -> Published<'_> {
        let now = time::monotonic();
        let mut positions = Vec::with_capacity(drafts.len());
        let mut log = self.lock();
        for draft in drafts {
            let position = self.at(log.head + 1);
            let sealed = draft.seal(Some(position), now);
            log.keep(position.offset, sealed.clone());
            log.shrink(&self.bounds, sealed.channel(), now);
            (self.follower)(&sealed);
            positions.push(position);
        }
        drop(log);
        Box::pin(std::future::ready(Ok(positions)))
    }

    fn join(
        &self,
        wanted: &Subscription,
        since: Option<Position>,
        follow: &mut dyn FnMut(Option<u64>),
    ) -> Joined {
        let log = self.lock();
        let missed = since.and_then(|since| match since {
            Position { epoch, .. } if epoch != self.epoch => Some(Missed::Epoch),
            Position { offset, .. } if offset > log.head => Some(Missed::Unknown),
            Position { offset, .. } if offset < log.gone(wanted) => Some(Missed::Expired),
            Position { .. } => None,
        });
        follow(since.filter(|_| missed.is_none()).map(|since| since.offset));
        Joined { head: self.at(log.head), missed }
    }

    fn since(
        &self,
        wanted: &Subscription,
        after: u64,
        most: usize,
        follow: &mut dyn FnMut(),
    ) -> Result<Batch, Missed> {
        let log = self.lock();
        if after < log.gone(wanted) {
            return Err(Missed::Expired);
        }
        let (batch, last) = match wanted {
            Subscription::Channel(name) => log.channel_since(name, after, most),
            Subscription::Pattern(pattern) => log.scan(after, most, |frame| pattern.matches(frame.channel())),
        };
        if last {
            follow();
        }
        Ok(batch)
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
        self.bytes += sealed.size();
        if !self.channels.contains_key(sealed.channel()) {
            // Of a channel that nobody remembers, something may have been forgotten.
            let ring = Ring { gone: self.forgotten, ..Ring::default() };
            self.channels.insert(sealed.channel().clone(), ring);
        }
        if let Some(ring) = self.channels.get_mut(sealed.channel()) {
            ring.offsets.push_back(offset);
            ring.bytes += sealed.size();
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
        if self.channels.len() > bounds.channels.saturating_mul(2) {
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
        self.bytes -= frame.size();
        if let Some(ring) = self.channels.get_mut(frame.channel()) {
            ring.offsets.pop_front();
            ring.bytes -= frame.size();
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
    }

    /// The last offset that is gone from any channel of these.
    fn gone(&self, wanted: &Subscription) -> u64 {
        match wanted {
            Subscription::Channel(name) => self.channels.get(name).map_or(self.forgotten, |ring| ring.gone),
            Subscription::Pattern(pattern) => {
                // A stem is a channel's name too, and stands before all that begin with it.
                let matching = ChannelName::parse(pattern.stem()).into_iter().flat_map(|stem| {
                    let from = (Excluded(stem), Unbounded);
                    self.channels.range(from).take_while(|(name, _)| pattern.matches(name))
                });
                matching.map(|(_, ring)| ring.gone).fold(self.forgotten, u64::max)
            }
        }
    }

    /// Up to `most` of a channel's frames after an offset, and whether these are the last.
    fn channel_since(&self, name: &ChannelName, after: u64, most: usize) -> (Batch, bool) {
        let Some(ring) = self.channels.get(name) else {
            return (Batch { frames: Vec::new(), upto: self.head }, true);
        };
        let first = ring.offsets.partition_point(|&offset| offset <= after);
        let offsets = ring.offsets.range(first..);
        let last = offsets.len() <= most;
        let upto = if last { self.head } else { ring.offsets[first + most - 1] };
        let frames = offsets.take(most).filter_map(|offset| self.frames.get(offset).cloned()).collect();
        (Batch { frames, upto }, last)
    }

    /// The same over all channels, of what matches.
    fn scan(&self, after: u64, most: usize, matches: impl Fn(&Sealed) -> bool) -> (Batch, bool) {
        let mut batch = Batch { frames: Vec::new(), upto: after };
        for (seen, (&offset, frame)) in self.frames.range((Excluded(after), Unbounded)).enumerate() {
            if seen == SCAN || batch.frames.len() == most {
                return (batch, false);
            }
            if matches(frame) {
                batch.frames.push(frame.clone());
            }
            batch.upto = offset;
        }
        batch.upto = self.head;
        (batch, true)
    }
}
