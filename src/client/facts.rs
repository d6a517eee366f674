//! What is known of the connection and of each topic, as plain data with reasons.
//!
//! Snapshots, not deltas: who shows the last one shows the truth. Reasons are enums, so that a reader can
//! translate them; `Display` has them in English, for logs and for `tail`. What the server or the backend
//! wrote is carried raw and is hostile to a terminal until it has been made safe.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::Topic;
use crate::advice::Advice;
use crate::protocol::{CloseCode, Subscription};

/// The connection as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkFacts {
    /// What it is doing.
    pub state: State,
    /// Since when it has been in that state.
    pub since: Timestamp,
    /// Tries since the connection was last good; 0 while it is.
    pub attempt: u32,
    /// When the next try begins, while waiting for it.
    pub next_try_at: Option<Timestamp>,
    /// Why the connection is not good; nothing while it is.
    pub cause: Option<Cause>,
    /// The other side.
    pub server: ServerFacts,
    /// The connection's id, as the server gave it.
    pub socket_id: Option<String>,
    /// The last measured round trip.
    pub rtt: Option<Duration>,
    /// After how much silence the server is asked whether it is there.
    pub activity_timeout: Option<Duration>,
    /// When anything was last heard from the server: the last moment of truth.
    pub heard_at: Option<Timestamp>,
    /// Since when there has been no connection, while there is none.
    pub down_since: Option<Timestamp>,
    /// How many connections there were.
    pub connections: u64,
    /// The last losses, the newest last; at most [`LinkFacts::LOSSES`].
    pub losses: Vec<Loss>,
    /// How many losses there were.
    pub loss_count: u64,
}

impl LinkFacts {
    /// How many losses are remembered one by one.
    pub const LOSSES: usize = 20;

    /// What is known before the first try.
    pub(super) fn new(url: Url, at: Timestamp) -> Self {
        Self {
            state: State::Connecting,
            since: at,
            attempt: 0,
            next_try_at: None,
            cause: None,
            server: ServerFacts { url, ours: false },
            socket_id: None,
            rtt: None,
            activity_timeout: None,
            heard_at: None,
            down_since: Some(at),
            connections: 0,
            losses: Vec::new(),
            loss_count: 0,
        }
    }
}

/// What the connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// On the way: name, TCP, TLS, upgrade, handshake.
    Connecting,
    /// Connected; subscriptions and what was missed are on their way.
    Syncing,
    /// Connected, and everything that can be heard is being heard.
    Live,
    /// Silent for too long: the server was asked whether it is there, and has not yet answered.
    Suspect,
    /// Not connected; the next try comes by itself.
    Waiting,
    /// Not connected; no try can succeed before somebody changed something. Says why, and stays.
    Refused,
}

/// The other side of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// Where it is.
    pub url: Url,
    /// Whether it said that it is our relay.
    pub ours: bool,
}

/// A lost connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// When it was found lost.
    pub at: Timestamp,
    /// When there was a connection again.
    pub back_at: Option<Timestamp>,
    /// Why.
    pub cause: Cause,
}

/// A part of the way to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The host's name to its addresses.
    Name,
    /// TCP, TLS, and the HTTP upgrade.
    Connect,
    /// The protocol's own handshake.
    Handshake,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server closed it, or refused the handshake, with a code.
    Closed {
        /// The code.
        code: CloseCode,
        /// The server's words, possibly none.
        message: String,
    },
    /// The socket ended without a word.
    Lost(String),
    /// Nothing came, not even the answer to a ping.
    Silent,
    /// A part of the way took too long.
    TimedOut(Step),
    /// The host's name is not known.
    UnknownHost(String),
    /// Nobody answers at that address.
    Unreachable(String),
    /// The two sides did not agree on a secure connection.
    Tls(String),
    /// The address speaks HTTP, and did not upgrade to a WebSocket.
    NoWebSocket {
        /// The HTTP status.
        status: u16,
    },
    /// A WebSocket whose first words were not this protocol's.
    NotPusher(String),
    /// The settings cannot be used.
    Settings(String),
}

impl Cause {
    /// The close code, where there is one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Closed { code, .. } => Some(code.0),
            Self::Lost(_)
            | Self::Silent
            | Self::TimedOut(_)
            | Self::UnknownHost(_)
            | Self::Unreachable(_)
            | Self::Tls(_)
            | Self::NoWebSocket { .. }
            | Self::NotPusher(_)
            | Self::Settings(_) => None,
        }
    }

    /// What a person can do about it.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Closed { code, .. } => match *code {
                CloseCode::UNKNOWN_APP => Advice::CheckKey,
                CloseCode::TLS_ONLY => Advice::UseTls,
                CloseCode::APP_DISABLED | CloseCode::OVER_QUOTA | CloseCode::UNAUTHORIZED => {
                    Advice::AskOperator
                }
                CloseCode::PATH_NOT_FOUND => Advice::CheckUrl,
                CloseCode::BAD_VERSION | CloseCode::UNSUPPORTED_VERSION | CloseCode::NO_VERSION => {
                    Advice::CheckServer
                }
                _ => Advice::Wait,
            },
            Self::Lost(_) | Self::Silent => Advice::Wait,
            // A proxy that answers for a server that does not.
            Self::TimedOut(Step::Connect)
            | Self::Unreachable(_)
            | Self::NoWebSocket { status: 500..=599 } => Advice::CheckReachable,
            Self::TimedOut(Step::Name) | Self::UnknownHost(_) => Advice::CheckHost,
            Self::Tls(_) => Advice::CheckCertificate,
            Self::TimedOut(Step::Handshake) | Self::NoWebSocket { .. } | Self::NotPusher(_) => {
                Advice::CheckUrl
            }
            Self::Settings(_) => Advice::CheckSettings,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { code, message } if message.is_empty() => write!(f, "the server closed: {code}"),
            Self::Closed { code, message } => write!(f, "the server closed: {code}: {message}"),
            Self::Lost(how) => write!(f, "the connection broke: {how}"),
            Self::Silent => f.write_str("the server has gone silent: a ping was not answered"),
            Self::TimedOut(Step::Name) => f.write_str("looking up the host's name took too long"),
            Self::TimedOut(Step::Connect) => f.write_str("the server did not answer in time"),
            Self::TimedOut(Step::Handshake) => f.write_str("the server accepted, and then said nothing"),
            Self::UnknownHost(how) => write!(f, "the host is not known: {how}"),
            Self::Unreachable(how) => write!(f, "the server cannot be reached: {how}"),
            Self::Tls(how) => write!(f, "no secure connection: {how}"),
            Self::NoWebSocket { status } => write!(f, "no WebSocket there: HTTP status {status}"),
            Self::NotPusher(how) => write!(f, "not a Pusher server: {how}"),
            Self::Settings(how) => write!(f, "the settings cannot be used: {how}"),
        }
    }
}

/// One topic as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicFacts {
    /// The topic, as the settings have it.
    pub topic: Topic,
    /// Its name without a prefix.
    pub logical: String,
    /// Whether it is heard: at least one of its names is subscribed.
    pub heard: bool,
    /// Its wire names, the one with a signature first.
    pub names: Vec<NameFacts>,
    /// When the last event was heard, as of this snapshot: an event alone makes no new one.
    pub last_event_at: Option<Timestamp>,
}

impl TopicFacts {
    /// Whether it was refused: nothing of it is heard, and no name of it is still being tried for the
    /// first time.
    pub fn refused(&self) -> bool {
        let failed = self.names.iter().any(|name| name.state.refusal().is_some());
        !self.heard && failed && !self.names.iter().any(|name| name.state.is_pending())
    }

    /// What a person can do to hear this topic, if anything: the first refused or unused name's advice.
    pub fn advice(&self) -> Option<Advice> {
        if self.heard {
            return None;
        }
        self.names.iter().find_map(|name| name.state.advice())
    }

    /// The name that carries the topic's events: the one that brought the most.
    pub fn carrier(&self) -> Option<&NameFacts> {
        self.names.iter().filter(|name| name.events > 0).max_by_key(|name| name.events)
    }
}

/// One wire name of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameFacts {
    /// The name, or the family of names.
    pub name: Subscription,
    /// Whether it is subscribed, and if not, why.
    pub state: NameState,
    /// How many events it brought, as of this snapshot.
    pub events: u64,
}

/// How a wire name stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameState {
    /// Not tried.
    Off(Off),
    /// The auth endpoint is being asked for a signature, or soon will be.
    Authorizing,
    /// The server was asked.
    Subscribing,
    /// Its events are heard.
    Subscribed,
    /// It was refused.
    Refused {
        /// Why.
        why: Refusal,
        /// When it is tried again by itself; `None`: on the next connection, another token, or by hand.
        retry_at: Option<Timestamp>,
    },
}

impl NameState {
    /// Why it was refused, if it was.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { why, .. } => Some(why),
            Self::Off(_) | Self::Authorizing | Self::Subscribing | Self::Subscribed => None,
        }
    }

    /// Whether an answer is awaited.
    pub fn is_pending(&self) -> bool {
        match self {
            Self::Authorizing | Self::Subscribing => true,
            Self::Off(_) | Self::Subscribed | Self::Refused { .. } => false,
        }
    }

    /// What a person can do about it.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Off(why) => why.advice(),
            Self::Refused { why, .. } => Some(why.advice()),
            Self::Authorizing | Self::Subscribing | Self::Subscribed => None,
        }
    }
}

/// Why a wire name is not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Off {
    /// There is no connection.
    NotConnected,
    /// It needs a signature, and nobody has logged in.
    NoToken,
    /// It needs a signature, and no auth endpoint is set.
    NoEndpoint,
    /// The endpoint is plain http on another machine: the token would travel in the open.
    UnsafeEndpoint,
    /// The token was obtained for another origin than the endpoint's.
    OtherOrigin,
    /// The token has characters that no HTTP header can carry.
    UnusableToken,
    /// A family of channels, and the server is not our relay.
    NotOurs,
}

impl Off {
    /// What a person can do about it; nothing, where it is as it should be.
    pub fn advice(self) -> Option<Advice> {
        match self {
            Self::NotConnected | Self::NotOurs => None,
            Self::NoToken | Self::OtherOrigin | Self::UnusableToken => Some(Advice::LogIn),
            Self::NoEndpoint => Some(Advice::SetEndpoint),
            Self::UnsafeEndpoint => Some(Advice::UseHttps),
        }
    }
}

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "not connected",
            Self::NoToken => "not logged in",
            Self::NoEndpoint => "no auth endpoint is set",
            Self::UnsafeEndpoint => "the token is not sent over plain http to another machine",
            Self::OtherOrigin => "the token belongs to another origin than the auth endpoint's",
            Self::UnusableToken => "the token has characters that cannot be sent",
            Self::NotOurs => "only a frontdesk relay knows families of channels",
        })
    }
}

/// Why a wire name was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 401: the endpoint does not know the token.
    LogIn,
    /// 403: the endpoint knows it, and says no.
    NotAllowed,
    /// 404 or 405: there is no such endpoint.
    NoEndpoint {
        /// The status.
        status: u16,
    },
    /// 3xx: the endpoint sends us elsewhere, and the token does not go there.
    Redirected {
        /// Where to; hostile text.
        to: String,
    },
    /// 419: the endpoint is for browser sessions.
    Csrf,
    /// 429: too many questions.
    Busy,
    /// 5xx: the endpoint fails.
    Failing {
        /// The status.
        status: u16,
    },
    /// The endpoint took too long.
    TimedOut,
    /// The endpoint cannot be reached.
    Unreachable(String),
    /// An answer that is none.
    BadAnswer {
        /// The status.
        status: u16,
        /// What is wrong with it.
        reason: String,
    },
    /// The signature is another app's.
    OtherApp {
        /// That app's key; hostile text.
        key: String,
    },
    /// The server itself said no.
    ByServer {
        /// The server's status.
        status: Option<u16>,
        /// The server's words; hostile text.
        message: String,
    },
    /// The server did not answer the subscription.
    NoAck,
}

impl Refusal {
    /// The HTTP status, or the server's, where there is one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::LogIn => Some(401),
            Self::NotAllowed => Some(403),
            Self::Csrf => Some(419),
            Self::Busy => Some(429),
            Self::NoEndpoint { status } | Self::Failing { status } | Self::BadAnswer { status, .. } => {
                Some(*status)
            }
            Self::ByServer { status, .. } => *status,
            Self::Redirected { .. } => Some(302),
            Self::TimedOut | Self::Unreachable(_) | Self::OtherApp { .. } | Self::NoAck => None,
        }
    }

    /// What a person can do about it.
    pub fn advice(&self) -> Advice {
        match self {
            Self::LogIn => Advice::LogIn,
            Self::NotAllowed => Advice::AskForRights,
            Self::NoEndpoint { .. } | Self::BadAnswer { .. } => Advice::CheckEndpoint,
            Self::Redirected { .. } => Advice::CheckRedirect,
            Self::Csrf => Advice::CheckMiddleware,
            Self::Busy | Self::NoAck => Advice::Wait,
            Self::Failing { .. } | Self::TimedOut => Advice::CheckBackend,
            Self::Unreachable(_) => Advice::CheckReachable,
            Self::OtherApp { .. } => Advice::CheckEnvironment,
            Self::ByServer { .. } => Advice::CheckSecret,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogIn => f.write_str("401: the backend does not accept this token"),
            Self::NotAllowed => f.write_str("403: not allowed for this token"),
            Self::NoEndpoint { status } => write!(f, "{status}: no auth endpoint at that address"),
            Self::Redirected { to } if to.is_empty() => f.write_str("redirected; the token does not follow"),
            Self::Redirected { to } => write!(f, "redirected to {to}; the token does not follow"),
            Self::Csrf => f.write_str("419: the auth endpoint wants a browser's session"),
            Self::Busy => f.write_str("429: the auth endpoint asks for patience"),
            Self::Failing { status } => write!(f, "{status}: the auth endpoint fails"),
            Self::TimedOut => f.write_str("the auth endpoint did not answer in time"),
            Self::Unreachable(how) => write!(f, "the auth endpoint cannot be reached: {how}"),
            Self::BadAnswer { status, reason } => write!(f, "{status}: no usable answer: {reason}"),
            Self::OtherApp { key } => {
                write!(f, "the auth endpoint signs for another app, with the key {key}")
            }
            Self::ByServer { status: Some(status), message } => {
                write!(f, "{status}: the server refused: {message}")
            }
            Self::ByServer { status: None, message } => write!(f, "the server refused: {message}"),
            Self::NoAck => f.write_str("the server did not answer the subscription"),
        }
    }
}
