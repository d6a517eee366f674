//! The last event of each cache channel, for whoever comes later.
//!
//! An event is kept for half an hour, as hosted Pusher does, and within bounds of count and bytes, the oldest
//! going first. Not the history: that may be shorter, or switched off. It is filled where the history passes
//! events on, so that a joiner who is given the last event misses none after it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::encode::Sealed;
use crate::protocol::{ChannelName, ServerOp};

/// How long a last event is given out.
pub const TTL: Duration = Duration::from_secs(30 * 60);
/// Channels whose last event is kept, at most.
const CHANNELS: usize = 10_000;
/// Bytes of frames that are kept, at most.
const BYTES: usize = 64 << 20;

/// The last events of one app's cache channels.
#[derive(Debug, Default)]
pub struct Cache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    last: HashMap<ChannelName, Sealed>,
    /// By offset, which is by age.
    ages: BTreeMap<u64, ChannelName>,
    bytes: usize,
    /// Channels of which the backend was told that they are empty.
    missed: HashSet<ChannelName>,
}

/// What is told of a cache channel over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The last event's data, as it was published.
    pub data: String,
    /// How long it will still be given out.
    pub ttl: Duration,
}

impl Cache {
    /// Keeps an event if it is a cache channel's; to be called in the order of positions.
    pub fn keep(&self, sealed: &Sealed) {
        let (true, Some(position)) = (sealed.channel().is_cache(), sealed.position()) else { return };
        let mut kept = self.lock();
        kept.missed.remove(sealed.channel());
        kept.forget(sealed.channel());
        kept.bytes += sealed.footprint();
        kept.ages.insert(position.offset, sealed.channel().clone());
        kept.last.insert(sealed.channel().clone(), sealed.clone());
        while kept.last.len() > CHANNELS || kept.bytes > BYTES {
            if !kept.forget_oldest() {
                break;
            }
        }
    }

    /// A channel's last event, if it is young enough.
    pub fn last(&self, channel: &ChannelName, now: Instant) -> Option<Sealed> {
        let kept = self.lock();
        kept.last.get(channel).filter(|sealed| now.saturating_duration_since(sealed.at()) < TTL).cloned()
    }

    /// The same, as HTTP tells it.
    pub fn told(&self, channel: &ChannelName, now: Instant) -> Option<Cached> {
        let sealed = self.last(channel, now)?;
        let ttl = TTL.saturating_sub(now.saturating_duration_since(sealed.at()));
        match ServerOp::parse(sealed.text()) {
            Ok(ServerOp::Event { data, .. }) => Some(Cached { data, ttl }),
            Ok(_) | Err(_) => None,
        }
    }

    /// Somebody has joined an empty channel: whether that is news since it was last empty and occupied.
    pub fn miss(&self, channel: &ChannelName) -> bool {
        self.lock().missed.insert(channel.clone())
    }

    /// Nobody hears the channel any more: that it is empty will be news again.
    pub fn vacated(&self, channel: &ChannelName) {
        self.lock().missed.remove(channel);
    }

    /// Forgets what is too old. To be called every now and then.
    pub fn prune(&self, now: Instant) {
        let mut kept = self.lock();
        while let Some(oldest) = kept.ages.first_key_value().and_then(|(_, name)| kept.last.get(name)) {
            if now.saturating_duration_since(oldest.at()) < TTL || !kept.forget_oldest() {
                break;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget(&mut self, channel: &ChannelName) {
        if let Some(sealed) = self.last.remove(channel) {
            self.bytes -= sealed.footprint();
            if let Some(position) = sealed.position() {
                self.ages.remove(&position.offset);
            }
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let Some((_, channel)) = self.ages.pop_first() else { return false };
        if let Some(sealed) = self.last.remove(&channel) {
            self.bytes -= sealed.footprint();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Epoch, Position};
    use crate::relay::encode::Draft;

    fn name(text: &str) -> ChannelName {
        ChannelName::parse(text).expect(text)
    }

    fn event(channel: &str, offset: u64, data: &str, at: Instant) -> Sealed {
        let draft = Draft::new(name(channel), "X", data, None);
        draft.seal(Some(Position { epoch: Epoch(1), offset }), at)
    }

    #[test]
    fn the_last_event_of_a_cache_channel_is_kept_for_half_an_hour() {
        let start = crate::time::monotonic();
        let cache = Cache::default();
        cache.keep(&event("private-cache-a", 1, "one", start));
        cache.keep(&event("private-a", 2, "two", start));
        cache.keep(&event("private-cache-a", 3, "three", start));
        let at = |seconds| start + Duration::from_secs(seconds);
        let told = |channel, seconds| cache.told(&name(channel), at(seconds));
        let expected = |ttl| Some(Cached { data: "three".into(), ttl: Duration::from_secs(ttl) });
        assert_eq!(told("private-cache-a", 0), expected(1800));
        assert_eq!(told("private-cache-a", 1799), expected(1));
        assert_eq!(told("private-cache-a", 1800), None);
        assert_eq!(told("private-a", 0), None, "no cache channel");
        cache.prune(at(1799));
        assert_eq!(cache.lock().last.len(), 1);
        cache.prune(at(1800));
        let kept = cache.lock();
        assert_eq!((kept.last.len(), kept.ages.len(), kept.bytes), (0, 0, 0));
    }

    #[test]
    fn beyond_the_bounds_the_oldest_go_first() {
        let start = crate::time::monotonic();
        let cache = Cache::default();
        for offset in 1..=CHANNELS as u64 + 5 {
            cache.keep(&event(&format!("cache-{offset}"), offset, "x", start));
        }
        let kept = cache.lock();
        assert_eq!((kept.last.len(), kept.ages.len()), (CHANNELS, CHANNELS));
        assert_eq!(kept.ages.first_key_value().map(|(offset, _)| *offset), Some(6));
        assert_eq!(kept.bytes, kept.last.values().map(Sealed::footprint).sum::<usize>());
        drop(kept);
        let large = "x".repeat(20 << 20);
        for offset in 20_001..=20_004 {
            cache.keep(&event(&format!("cache-{offset}"), offset, &large, start));
        }
        assert!(cache.lock().bytes <= BYTES);
        assert!(cache.last(&name("cache-20004"), start).is_some());
    }

    #[test]
    fn that_a_channel_is_empty_is_news_once() {
        let cache = Cache::default();
        let channel = name("cache-a");
        assert!(cache.miss(&channel) && !cache.miss(&channel));
        cache.vacated(&channel);
        assert!(cache.miss(&channel), "everybody had left");
        cache.keep(&event("cache-a", 1, "x", crate::time::monotonic()));
        assert!(cache.miss(&channel), "it had an event between");
    }
}
