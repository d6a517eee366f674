//! The history of one app: what gives an event its place, keeps it, and passes it on.
//!
//! Publishing, looking back and following are one thing: the order in which events are kept is the order in
//! which they are passed on, and whoever joins knows exactly where the past ends and the future begins. An
//! engine is a [`Broker`]; it gets its [`Follower`] when it is made, and calls it in the order of positions.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::encode::{Draft, Sealed};
use super::interests::Interests;
use crate::journal::Journal;
use crate::protocol::peer::{Joined, Missed};
use crate::protocol::{Position, Subscription};

pub mod journal;
pub mod memory;

/// Where histories are kept.
#[derive(Clone, Debug)]
pub enum Engine {
    /// In memory, until the relay ends.
    Memory,
    /// On disk, beside what of it is in memory.
    Journal {
        /// The disk's.
        journal: Journal,
        /// What becomes of what it can't keep.
        on_store_error: OnStoreError,
    },
}

/// What becomes of an event that can't be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStoreError {
    /// Whoever publishes it is told so (503), and nobody hears it.
    #[default]
    Refuse,
    /// Whoever is there hears it, without a position. Who comes back later is told of a gap.
    Deliver,
}

/// Hears every event, one after the other: what is kept once it is kept, in the order of positions, and what is
/// only passed on in between. Must be quick and must not call back.
pub type Follower = Box<dyn Fn(&Sealed) + Send + Sync>;

/// What [`Broker::publish`] gives: the places, in the order of the drafts, once they are kept.
pub type Published<'a> = Pin<Box<dyn Future<Output = Result<Vec<Position>, StoreError>> + Send + 'a>>;

/// The events could not be kept; nobody has heard them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event cannot be kept: {0}")]
pub struct StoreError(pub String);

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long; zero keeps nothing.
    pub age: Duration,
    /// Events of one channel.
    pub channel_events: usize,
    /// Bytes of memory of one channel's events.
    pub channel_bytes: usize,
    /// Bytes of memory of all channels' events together.
    pub total_bytes: usize,
    /// Channels whose past is remembered exactly; beyond, those that keep nothing are remembered together.
    pub channels: usize,
}

impl Bounds {
    /// The default bounds, for a history of this length.
    pub fn lasting(age: Duration) -> Self {
        Self { age, channel_events: 10_000, channel_bytes: 16 << 20, total_bytes: 64 << 20, channels: 10_000 }
    }
}

/// What a look back finds.
#[derive(Debug)]
pub enum Past {
    /// Some of what was missed, at once.
    Here(Batch),
    /// It has to be read first.
    OnDisk(Fetch),
}

/// Some of what was missed, once it is read. Where it ends, nothing is said of what comes after.
pub struct Fetch(Pin<Box<dyn Future<Output = Result<Batch, Missed>> + Send>>);

impl Future for Fetch {
    type Output = Result<Batch, Missed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fetch")
    }
}

/// Some of what was missed.
#[derive(Debug, Default)]
pub struct Batch {
    /// The events, oldest first.
    pub frames: Vec<Sealed>,
    /// Everything up to this offset has been looked at.
    pub upto: u64,
}

/// The history of one app.
pub trait Broker: Send + Sync {
    /// Keeps events and passes them on, in this order, each at a place of its own.
    fn publish(&self, drafts: Vec<Draft>) -> Published<'_>;

    /// Passes an event on that is kept nowhere: it has no position, and who is not there does not hear of it.
    fn pass_on(&self, draft: Draft);

    /// Calls `follow` while nothing is being passed on: with the offset after which the joiner has to be served
    /// from the history, or with `None` if it only gets what comes from now on; and with the newest offset.
    fn join(
        &self,
        wanted: &Subscription,
        since: Option<Position>,
        follow: &mut dyn FnMut(Option<u64>, u64),
    ) -> Joined;

    /// Some events (up to `most` of those that are at hand) after an offset, of all that one connection hears, in the order of positions. If these
    /// are the last, calls `follow` before anything else is passed on, so that what is returned and what is passed
    /// on from then on is all there is, once.
    fn since(
        &self,
        interests: &Arc<Interests>,
        after: u64,
        most: usize,
        follow: &mut dyn FnMut(),
    ) -> Result<Past, Missed>;

    /// Whether events are kept, or why not.
    fn healthy(&self) -> Result<(), String>;

    /// Forgets what is older than the bounds allow. To be called every now and then.
    fn prune(&self);
}

#[cfg(test)]
mod tests;
