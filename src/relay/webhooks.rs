//! Webhooks: what happens in an app, told to the addresses that its settings name, as Pusher tells it.
//!
//! A [`Fact`] goes through [`attendance`] (is it news, or has somebody only gone for a moment?), becomes an
//! [`event`], waits in a [`queue`] for each webhook that wants its kind, and is carried there in batches by a
//! [`courier`], again and again for five minutes if it must be. What is told stands in order, at least once.
//!
//! A relay that goes away tells nobody that everybody has left: all are asked to come back, and a restart within
//! seconds is no leaving, neither to a guest nor to a Laravel that would release what it holds for him. So the
//! next relay tells of those who are back once more; and of who is not, nobody tells, as after a crash: whoever
//! keeps a list of his own asks `GET /channels` when a relay has started. Who had left before is told of.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::task::JoinSet;

use self::courier::Courier;
use self::dispatch::Dispatch;
use self::post::Post;
use super::metrics::Metrics;
use crate::protocol::ChannelName;
use crate::protocol::peer::SocketId;
use crate::time::Clock;

pub(super) mod address;
mod attendance;
mod courier;
mod dispatch;
mod event;
mod post;
mod queue;

pub use address::{BadWebhook, Headers, Webhook};

/// How long what waits has to be told at the end.
const FAREWELL: Duration = Duration::from_secs(2);

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

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ChannelOccupied,
        Self::ChannelVacated,
        Self::MemberAdded,
        Self::MemberRemoved,
        Self::ClientEvent,
        Self::CacheMiss,
        Self::SubscriptionCount,
    ];

    /// Pusher's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChannelOccupied => "channel_occupied",
            Self::ChannelVacated => "channel_vacated",
            Self::MemberAdded => "member_added",
            Self::MemberRemoved => "member_removed",
            Self::ClientEvent => "client_event",
            Self::CacheMiss => "cache_miss",
            Self::SubscriptionCount => "subscription_count",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
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

impl Fact {
    /// Of what kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::ChannelOccupied { .. } => Kind::ChannelOccupied,
            Self::ChannelVacated { .. } => Kind::ChannelVacated,
            Self::MemberAdded { .. } => Kind::MemberAdded,
            Self::MemberRemoved { .. } => Kind::MemberRemoved,
            Self::ClientEvent { .. } => Kind::ClientEvent,
            Self::CacheMiss { .. } => Kind::CacheMiss,
            Self::SubscriptionCount { .. } => Kind::SubscriptionCount,
        }
    }

    /// In which channel it happened.
    pub fn channel(&self) -> &ChannelName {
        match self {
            Self::ChannelOccupied { channel }
            | Self::ChannelVacated { channel }
            | Self::MemberAdded { channel, .. }
            | Self::MemberRemoved { channel, .. }
            | Self::ClientEvent { channel, .. }
            | Self::CacheMiss { channel }
            | Self::SubscriptionCount { channel, .. } => channel,
        }
    }
}

/// Whom an app tells what happens in it. Cheap to clone; the last one to go takes what still waits along.
#[derive(Clone, Default)]
pub struct Hooks(Option<Arc<Open>>);

struct Open {
    dispatch: Arc<Dispatch>,
    /// They end with it.
    _tasks: JoinSet<()>,
}

impl Hooks {
    /// Begins to tell these webhooks, in the name of the app with this key and secret. Nothing is sent, and no
    /// certificate read, before there is something to tell. `ca_file` names authorities to trust beside the
    /// machine's own. Without webhooks nobody is told, and nothing runs; with some it must be called within a
    /// tokio runtime.
    pub fn open(
        webhooks: &[Webhook],
        key: &str,
        secret: &SecretString,
        ca_file: Option<PathBuf>,
        metrics: &Arc<Metrics>,
        clock: Clock,
    ) -> Self {
        if webhooks.is_empty() {
            return Self::none();
        }
        let dispatch = Arc::new(Dispatch::new(webhooks, metrics, clock));
        let post = Arc::new(Post::new(key, secret, ca_file));
        let mut tasks = JoinSet::new();
        for (at, webhook) in webhooks.iter().enumerate() {
            tasks.spawn(Courier::new(at, webhook, &dispatch, &post).run());
        }
        let timekeeper = Arc::clone(&dispatch);
        tasks.spawn(async move { timekeeper.keep_time().await });
        Self(Some(Arc::new(Open { dispatch, _tasks: tasks })))
    }

    /// Tells nobody.
    pub fn none() -> Self {
        Self(None)
    }

    /// Tells whom it concerns, in the order of the calls. Never blocks and never waits for a webhook; what does
    /// not fit the queue to one is lost, counted and logged. May be called under locks.
    pub fn tell(&self, fact: Fact) {
        if let Some(open) = &self.0 {
            open.dispatch.hear(fact);
        }
    }

    /// The relay is about to ask everybody to come back: who leaves from now on is not told to have left, and
    /// who has left before is told at once.
    pub fn drain(&self) {
        if let Some(open) = &self.0 {
            open.dispatch.drain();
        }
    }

    /// Waits until everything is told, for two seconds at most. After [`Self::drain`].
    pub async fn finish(&self) {
        let Some(open) = &self.0 else { return };
        let events = open.dispatch.emptied(FAREWELL).await;
        if events > 0 {
            tracing::warn!(events, "the relay ends before all webhooks took what they were to be told");
        }
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Hooks(open)" } else { "Hooks(none)" })
    }
}
