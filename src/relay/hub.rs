//! Who hears which channel.
//!
//! Channels are spread over shards, so that joining one does not hold up another; families of channels are
//! found by the stems of a name. Passing an event on takes one read lock, and per subscriber a reference: no
//! await, no JSON, no allocation.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock};

use super::encode::Sealed;
use super::metrics::Metrics;
use super::outbox::{Outbox, Push, Via};
use crate::protocol::{ChannelName, Pattern, Subscription};

const SHARDS: usize = 16;

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
}

impl Hub {
    /// Nobody subscribes anything yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            families: RwLock::default(),
            hasher: RandomState::new(),
            metrics,
        }
    }

    /// Passes events on to this outbox from now on. The caller sees to it that it does not join twice.
    pub fn join(&self, wanted: &Subscription, outbox: Arc<Outbox>) {
        match wanted {
            Subscription::Channel(name) => {
                let mut shard = self.shard(name).write().unwrap_or_else(PoisonError::into_inner);
                shard.entry(name.clone()).or_default().push(outbox);
            }
            Subscription::Pattern(pattern) => {
                let mut families = self.families.write().unwrap_or_else(PoisonError::into_inner);
                let family = families.entry(pattern.stem().to_owned());
                family.or_insert_with(|| (pattern.clone(), Vec::new())).1.push(outbox);
            }
        }
    }

    /// Passes nothing on any more.
    pub fn leave(&self, left: &Subscription, outbox: &Arc<Outbox>) {
        match left {
            Subscription::Channel(name) => {
                let mut shard = self.shard(name).write().unwrap_or_else(PoisonError::into_inner);
                if let Some(subscribers) = shard.get_mut(name) {
                    remove(subscribers, outbox);
                    if subscribers.is_empty() {
                        shard.remove(name);
                    }
                }
            }
            Subscription::Pattern(pattern) => {
                let mut families = self.families.write().unwrap_or_else(PoisonError::into_inner);
                if let Some((_, subscribers)) = families.get_mut(pattern.stem()) {
                    remove(subscribers, outbox);
                    if subscribers.is_empty() {
                        families.remove(pattern.stem());
                    }
                }
            }
        }
    }

    /// Passes an event on to everybody who hears its channel; must be called in the order of positions.
    pub fn fan_out(&self, sealed: &Sealed) {
        let channel = sealed.channel();
        let shard = self.shard(channel).read().unwrap_or_else(PoisonError::into_inner);
        for outbox in shard.get(channel).into_iter().flatten() {
            self.count(outbox.push(sealed, Via::Channel));
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
                self.count(outbox.push(sealed, Via::Pattern(pattern)));
            }
        }
    }

    fn count(&self, push: Push) {
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
