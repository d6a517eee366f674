//! What the screens know of the link, as plain values.
//!
//! The composition root translates the client's events into these, so that no screen knows a socket or a
//! protocol. Facts are snapshots: each replaces the one before it. Texts in them come from outside and are
//! made safe where they are drawn.

use std::time::Duration;

use jiff::Timestamp;

use crate::advice::Advice;
use crate::domain::topic::{self, Topic};

/// All that is known of the connection.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkFacts {
    /// Where the connection stands.
    pub state: LinkState,
    /// Since when it stands there.
    pub since: Timestamp,
    /// When something was last heard from the server: the time of the last truth.
    pub heard_at: Option<Timestamp>,
    /// Why it is not, or last was not, good.
    pub cause: Option<Cause>,
    /// The server's address as one would type it: `ws://localhost:6001`.
    pub server: String,
    /// Whether the server is our own relay, which gives what was missed.
    pub ours: bool,
    /// What the server calls this connection.
    pub socket_id: Option<String>,
    /// The last ping's way there and back.
    pub rtt: Option<Duration>,
    /// The silence after which the server is asked whether it is there.
    pub activity_timeout: Option<Duration>,
    /// How many connections there were.
    pub connections: u64,
    /// The last losses, newest first.
    pub losses: Vec<Loss>,
    /// How many losses there were.
    pub loss_count: u64,
}

impl LinkFacts {
    /// A connection that is about to be tried for the first time.
    pub fn starting(server: String, now: Timestamp) -> Self {
        Self {
            state: LinkState::Connecting { attempt: 0 },
            since: now,
            heard_at: None,
            cause: None,
            server,
            ours: false,
            socket_id: None,
            rtt: None,
            activity_timeout: None,
            connections: 0,
            losses: Vec::new(),
            loss_count: 0,
        }
    }

    /// Since when there is no link; `None` while there is one.
    pub fn away_since(&self) -> Option<Timestamp> {
        match self.state {
            LinkState::Syncing | LinkState::Live | LinkState::Suspect => None,
            LinkState::Connecting { .. } | LinkState::Waiting { .. } | LinkState::Refused => {
                let open = self.losses.first().filter(|loss| loss.back_at.is_none());
                Some(open.map_or(self.since, |loss| loss.at))
            }
        }
    }
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
    /// Connected, and what can be heard is heard.
    Live,
    /// Silent for too long; the server was asked whether it is there.
    Suspect,
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

/// Why there is no link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The close code or HTTP status, where there is one.
    pub code: Option<u16>,
    /// What happened.
    pub why: Why,
    /// What the other side or the system said; text from outside, possibly none.
    pub detail: String,
    /// What a person can do.
    pub advice: Advice,
}

/// A lost connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// When it was found lost.
    pub at: Timestamp,
    /// When there was a connection again; `None` while there is none.
    pub back_at: Option<Timestamp>,
    /// Why.
    pub cause: Cause,
}

/// What happened to the connection, or why a name is not heard. The catalogue has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The server closed the connection.
    Closed,
    /// The connection broke.
    Broken,
    /// The server went silent.
    Silent,
    /// Something took too long.
    TimedOut,
    /// The host's name is not known.
    UnknownHost,
    /// Nobody answers there.
    Unreachable,
    /// No secure connection came about.
    Tls,
    /// The address speaks HTTP, but no WebSocket.
    NoWebSocket,
    /// A WebSocket, but not of this protocol.
    NotPusher,
    /// The settings cannot be used.
    Settings,
    /// There is no connection.
    NotConnected,
    /// Nobody has logged in.
    NoToken,
    /// No auth endpoint is set.
    NoEndpoint,
    /// The token would travel in the open.
    UnsafeEndpoint,
    /// The token belongs to another origin.
    OtherOrigin,
    /// The token cannot be sent.
    UnusableToken,
    /// Only our relay knows families of channels.
    NotOurs,
    /// The backend does not accept the token.
    BadToken,
    /// The backend accepts the token and says no.
    NotAllowed,
    /// There is no auth endpoint at that address.
    EndpointMissing,
    /// The auth endpoint sends us elsewhere.
    Redirected,
    /// The auth endpoint wants a browser's session.
    Csrf,
    /// The auth endpoint asks for patience.
    Busy,
    /// The auth endpoint fails.
    EndpointFails,
    /// The auth endpoint took too long.
    EndpointSlow,
    /// The auth endpoint cannot be reached.
    EndpointUnreachable,
    /// The auth endpoint's answer is none.
    BadAnswer,
    /// The auth endpoint signs for another app.
    OtherApp,
    /// The server refused the subscription.
    ByServer,
    /// The server did not answer the subscription.
    NoAnswer,
}

impl Why {
    /// Where its words are in the catalogue.
    pub fn key(self) -> &'static str {
        match self {
            Self::Closed => "why.closed",
            Self::Broken => "why.broken",
            Self::Silent => "why.silent",
            Self::TimedOut => "why.timed_out",
            Self::UnknownHost => "why.unknown_host",
            Self::Unreachable => "why.unreachable",
            Self::Tls => "why.tls",
            Self::NoWebSocket => "why.no_websocket",
            Self::NotPusher => "why.not_pusher",
            Self::Settings => "why.settings",
            Self::NotConnected => "why.not_connected",
            Self::NoToken => "why.no_token",
            Self::NoEndpoint => "why.no_endpoint",
            Self::UnsafeEndpoint => "why.unsafe_endpoint",
            Self::OtherOrigin => "why.other_origin",
            Self::UnusableToken => "why.unusable_token",
            Self::NotOurs => "why.not_ours",
            Self::BadToken => "why.bad_token",
            Self::NotAllowed => "why.not_allowed",
            Self::EndpointMissing => "why.endpoint_missing",
            Self::Redirected => "why.redirected",
            Self::Csrf => "why.csrf",
            Self::Busy => "why.busy",
            Self::EndpointFails => "why.endpoint_fails",
            Self::EndpointSlow => "why.endpoint_slow",
            Self::EndpointUnreachable => "why.endpoint_unreachable",
            Self::BadAnswer => "why.bad_answer",
            Self::OtherApp => "why.other_app",
            Self::ByServer => "why.by_server",
            Self::NoAnswer => "why.no_answer",
        }
    }
}

impl Advice {
    /// Where its words are in the catalogue.
    pub fn key(self) -> &'static str {
        match self {
            Self::Wait => "advice.wait",
            Self::LogIn => "advice.log_in",
            Self::AskForRights => "advice.ask_for_rights",
            Self::SetEndpoint => "advice.set_endpoint",
            Self::CheckEndpoint => "advice.check_endpoint",
            Self::CheckRedirect => "advice.check_redirect",
            Self::CheckMiddleware => "advice.check_middleware",
            Self::CheckBackend => "advice.check_backend",
            Self::CheckEnvironment => "advice.check_environment",
            Self::CheckSecret => "advice.check_secret",
            Self::UseHttps => "advice.use_https",
            Self::UseTls => "advice.use_tls",
            Self::CheckKey => "advice.check_key",
            Self::CheckUrl => "advice.check_url",
            Self::CheckHost => "advice.check_host",
            Self::CheckReachable => "advice.check_reachable",
            Self::CheckCertificate => "advice.check_certificate",
            Self::CheckSettings => "advice.check_settings",
            Self::CheckServer => "advice.check_server",
            Self::AskOperator => "advice.ask_operator",
        }
    }
}

/// All that is known of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicFacts {
    /// The name that the settings gave: `staff`, `booking.*`.
    pub name: String,
    /// Its names on the wire.
    pub wires: Vec<WireFacts>,
}

impl TopicFacts {
    /// Whether at least one of its wire names is joined.
    pub fn is_heard(&self) -> bool {
        self.wires.iter().any(|wire| wire.state == WireState::Subscribed)
    }

    /// Whether what is said on it is surely heard. Anybody may join a public name, whether or not the backend
    /// says anything there: beside a private one it proves nothing until it brings an event.
    pub fn is_proven(&self) -> bool {
        let open = Topic::of(&self.name) == Some(Topic::Availability);
        let proves = |wire: &WireFacts| open || wire.events > 0 || topic::logical(&wire.name) != wire.name;
        self.wires.iter().any(|wire| wire.state == WireState::Subscribed && proves(wire))
    }

    /// Whether an answer is still awaited, and nothing of it is heard yet.
    pub fn is_pending(&self) -> bool {
        !self.is_heard() && self.wires.iter().any(|wire| wire.state == WireState::Subscribing)
    }

    /// What keeps it from being surely heard, and what to do about it. `None` while it is or is on its way,
    /// and where nothing needs doing.
    pub fn trouble(&self) -> Option<&WireState> {
        if self.is_proven() || self.is_pending() {
            return None;
        }
        self.wires.iter().map(|wire| &wire.state).find(|state| state.advice().is_some())
    }
}

/// One wire name of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireFacts {
    /// The name, `private-staff`.
    pub name: String,
    /// Where its subscription stands.
    pub state: WireState,
    /// How many events it brought.
    pub events: u64,
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
        /// Why.
        why: Why,
        /// What the other side said; text from outside, possibly none.
        detail: String,
        /// What a person can do.
        advice: Advice,
        /// When it is tried again by itself.
        retry_at: Option<Timestamp>,
    },
    /// Not tried.
    Off {
        /// Why.
        why: Why,
        /// What a person can do; `None` where it is as it should be.
        advice: Option<Advice>,
    },
}

impl WireState {
    /// Why it is not joined.
    pub fn why(&self) -> Option<Why> {
        match self {
            Self::Subscribing | Self::Subscribed => None,
            Self::Refused { why, .. } | Self::Off { why, .. } => Some(*why),
        }
    }

    /// What a person can do about it.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Subscribing | Self::Subscribed => None,
            Self::Refused { advice, .. } => Some(*advice),
            Self::Off { advice, .. } => *advice,
        }
    }
}

/// A stretch of time in which events may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapFacts {
    /// The topic that it concerns.
    pub topic: String,
    /// The last moment that is known to be complete.
    pub from: Timestamp,
    /// The first moment that is known to be complete again.
    pub to: Timestamp,
    /// The server's own words for why; text from outside. `None`: the server keeps no history.
    pub reason: Option<String>,
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

/// What becomes of what is heard, beyond this screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalFacts {
    /// It is kept.
    Kept {
        /// Where.
        folder: String,
    },
    /// It is not: another dashboard keeps what it hears.
    Taken {
        /// The other's process.
        pid: Option<u32>,
    },
    /// It is not, because that can't be.
    Unusable {
        /// Why, and what to do.
        why: String,
    },
    /// It is, but for some.
    Failing {
        /// How many could not be kept.
        events: u64,
        /// Why; none once things are kept again.
        why: Option<String>,
    },
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
    /// The name, as the server told it. A token from a file or the environment came without one.
    pub name: Option<String>,
    /// The role, where it is known.
    pub role: Option<String>,
}
