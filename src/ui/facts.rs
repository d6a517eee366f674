//! What the screens know of the link, as plain values.
//!
//! The composition root translates the client's events into these, so that no screen knows a socket or a
//! protocol. Facts are snapshots: each replaces the one before it. Texts in them come from outside and are
//! made safe where they are drawn.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// All that is known of the connection.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkFacts {
    /// Where the connection stands.
    pub state: LinkState,
    /// Since when it stands there.
    pub since: Timestamp,
    /// When something was last heard from the server: the time of the last truth.
    pub last_heard_at: Option<Timestamp>,
    /// Why it is as it is: the last close, refusal or failure. `None` while all is well.
    pub cause: Option<Cause>,
    /// The server's address as one would type it: `ws://localhost:6001`.
    pub server: String,
    /// Whether the server is our own relay, which recovers what was missed.
    pub ours: bool,
    /// What the server calls this connection.
    pub socket_id: Option<String>,
    /// The last ping's way there and back.
    pub rtt: Option<Duration>,
    /// The silence after which the server is asked whether it is there.
    pub activity_timeout: Option<Duration>,
    /// By how much the server's clock is ahead of ours, where it can be told.
    pub clock_skew: Option<SignedDuration>,
    /// Whether a token is there to join private channels with.
    pub has_token: bool,
    /// The drops since the start, newest first.
    pub drops: Vec<Outage>,
}

/// Where the connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// On the way to the server.
    Connecting {
        /// Tries since the last success; 0 is the first.
        attempt: u32,
    },
    /// Connected; the topics are being joined, or what was missed is being fetched.
    Syncing,
    /// Connected, and what could be joined is joined.
    Live,
    /// Between two tries.
    Waiting {
        /// Tries since the last success.
        attempt: u32,
        /// When the next one starts.
        next_try_at: Timestamp,
    },
    /// No further try will help until somebody changes something; the cause says what.
    Refused,
}

/// Why the link is as it is, in words meant for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The close code or HTTP status, where there is one.
    pub code: Option<u16>,
    /// What happened.
    pub text: String,
    /// What to do about it, or what happens next by itself.
    pub advice: String,
}

/// One time without a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The last moment that is known to be complete.
    pub from: Timestamp,
    /// When the link was back; `None` while it is away.
    pub to: Option<Timestamp>,
    /// Why it went.
    pub cause: String,
}

/// All that is known of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicFacts {
    /// The name that the settings gave: `staff`, `booking.*`.
    pub name: String,
    /// The names on the wire that were tried for it.
    pub wires: Vec<WireFacts>,
    /// When its last event was heard.
    pub last_event_at: Option<Timestamp>,
}

impl TopicFacts {
    /// Whether at least one of its wire names is joined.
    pub fn is_heard(&self) -> bool {
        self.wires.iter().any(|wire| wire.state == WireState::Subscribed)
    }

    /// The refusal that explains why the topic is not heard. `None` while it is heard or still being joined.
    pub fn refusal(&self) -> Option<&WireState> {
        let joining = self.wires.iter().any(|wire| wire.state == WireState::Subscribing);
        if self.is_heard() || joining {
            return None;
        }
        self.wires.iter().map(|wire| &wire.state).find(|state| matches!(state, WireState::Refused { .. }))
    }
}

/// One wire name of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireFacts {
    /// The name, `private-staff`.
    pub name: String,
    /// Where its subscription stands.
    pub state: WireState,
}

/// Where one subscription stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireState {
    /// Asked for.
    Subscribing,
    /// Joined.
    Subscribed,
    /// Refused.
    Refused {
        /// The HTTP status or the protocol's code, where there is one.
        status: Option<u16>,
        /// Why, in words.
        reason: String,
        /// What to do.
        advice: String,
        /// Whether logging in is what would help.
        login: bool,
    },
    /// Not asked for.
    Off,
}

/// A stretch of time in which events may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapFacts {
    /// The wire name that it concerns; `None` is all of them.
    pub channel: Option<String>,
    /// The last moment that is known to be complete.
    pub from: Timestamp,
    /// The first moment that is known to be complete again.
    pub to: Timestamp,
    /// Why, in words.
    pub reason: String,
}

/// The link is back after an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackFacts {
    /// When it went.
    pub from: Timestamp,
    /// When it was back.
    pub to: Timestamp,
    /// Events that were sent meanwhile and have been fetched.
    pub recovered: u64,
    /// Whether nothing is missing.
    pub complete: bool,
}

/// A frame that could not be taken for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddFacts {
    /// When it was heard.
    pub at: Timestamp,
    /// Its text, as it came.
    pub raw: String,
    /// Why it is none.
    pub reason: String,
}

/// Who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name, as the server told it.
    pub name: String,
    /// The role, where it is known.
    pub role: Option<String>,
}
