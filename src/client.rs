//! A subscribed connection to any Pusher-compatible server, as a stream of [`Event`]s.
//!
//! [`open`] starts one task that connects, authorises, subscribes, keeps the connection alive, and connects
//! again for as long as somebody listens: no failure of server, network or backend ends it, each is told as
//! a fact ([`LinkFacts`], [`TopicFacts`]) with its reason and what to do about it. Data flows one way,
//! socket → [`Link`](crate::protocol::link::Link) → [`Event`]; the [`Handle`] carries the two things that
//! a person can change meanwhile. Payloads are handed on as they came: their meaning is not known here.

mod authorizer;
mod catchup;
mod connect;
mod cursors;
mod doubles;
mod driver;
mod facts;
mod outage;
mod queue;
mod reporter;
mod retries;
mod subscriptions;
mod topic;
mod vigil;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::watch;
use url::Url;

use crate::protocol::{ChannelName, Position, Subscription};
use crate::time::Clock;

pub use cursors::{Cursors, Resume};
pub use facts::{
    Cause, LinkFacts, Loss, NameFacts, NameState, Off, Refusal, ServerFacts, State, Step, TopicFacts,
};
pub use queue::Events;
pub use topic::{NameMode, Topic};

/// What to connect to, as whom, and what to hear.
#[derive(Clone, Debug)]
pub struct Options {
    /// `ws://` or `wss://`, host, port, and a path prefix where the server has one.
    pub url: Url,
    /// The application's public key.
    pub key: String,
    /// What to hear.
    pub topics: Vec<Topic>,
    /// Where the backend signs subscriptions. Without one only public names can be heard.
    pub auth_endpoint: Option<Url>,
    /// The bearer token for that endpoint. Without one it is never asked.
    pub token: Option<Token>,
    /// Whether to ask for our relay's extension (positions, catch-up, patterns). Other servers ignore it.
    pub native: bool,
    /// Whether the token may travel over plain http to another machine than this one.
    pub insecure_auth: bool,
    /// Authorities trusted beside the machine's own.
    pub ca_file: Option<PathBuf>,
    /// Which wire names stand for a logical name, where [`NameMode::Auto`] does not suit.
    pub names: BTreeMap<String, NameMode>,
    /// Where an earlier client stopped that heard the same server. What it missed since is asked for; what can't
    /// be had is told as a gap.
    pub resume: Option<Resume>,
}

/// A bearer token, and the one origin that may see it.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token itself; prints as nothing.
    pub secret: SecretString,
    /// For which origin it was obtained. `None`: for the auth endpoint's, whichever that is.
    pub origin: Option<url::Origin>,
}

/// What the client has to tell, in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An event came in on a channel.
    Heard(Heard),
    /// A frame came in that is nothing of the protocol's.
    Odd(Odd),
    /// Something about the connection changed; the whole picture as it is now.
    Link(Box<LinkFacts>),
    /// Something about one topic changed; the whole picture as it is now.
    Topic(TopicFacts),
    /// Events of a topic may be missing.
    Gap(Gap),
    /// The connection is back and the topics are as complete as they will get.
    Back(Recovery),
    /// How far each name has been heard by now: of interest to whoever keeps what is heard, beside it and in this
    /// order. Told when names are joined, and now and then; events with a position move it on meanwhile.
    Cursors(Cursors),
}

/// An event as it was heard, undecoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// When it arrived here.
    pub at: Timestamp,
    /// The wire channel; some events of the server's have none.
    pub channel: Option<ChannelName>,
    /// The event's name as it came, namespace and all.
    pub event: String,
    /// The payload's text: what the frame's `data` holds once the frame is decoded.
    pub data: String,
    /// The event's place in the server's history, told by our own relay alone.
    pub position: Option<Position>,
    /// Which connection of this client heard it: 1, 2, 3 …
    pub connection: u64,
}

/// A frame that is no message of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Odd {
    /// When it arrived here.
    pub at: Timestamp,
    /// The frame's text; for a binary frame what can be read of it. Of a long one the beginning, with a mark.
    pub raw: String,
    /// Why it is none.
    pub reason: String,
}

impl Odd {
    /// How many bytes of a frame are kept.
    pub const RAW: usize = 16 * 1024;

    fn new(at: Timestamp, mut raw: String, reason: String) -> Self {
        if raw.len() > Self::RAW {
            raw.truncate(raw.floor_char_boundary(Self::RAW));
            raw.push('…');
            raw.shrink_to_fit();
        }
        Self { at, raw, reason }
    }
}

/// A stretch of time in which events of one topic may have happened unheard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The topic, as the settings name it.
    pub topic: Topic,
    /// The wire name, where one of the topic's alone has the gap.
    pub channel: Option<ChannelName>,
    /// The last moment at which the topic was surely heard.
    pub from: Timestamp,
    /// The moment from which it is heard again.
    pub to: Timestamp,
    /// Why nobody can tell what happened.
    pub reason: GapReason,
}

/// Why missed events cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// The server keeps no history.
    NoHistory,
    /// The server's history no longer reaches back, or is another one by now; in its words.
    Lost(String),
}

/// How a time without connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The last moment at which something was surely heard.
    pub away_from: Timestamp,
    /// The moment from which all is heard again.
    pub away_to: Timestamp,
    /// How many missed events the server had kept for us.
    pub recovered: u64,
    /// Whether that was all of them. `false` comes with a [`Gap`] for each topic concerned.
    pub complete: bool,
}

/// What a person can change while the client runs. When all clones are dropped the client ends.
#[derive(Clone, Debug)]
pub struct Handle {
    wishes: watch::Sender<Wishes>,
}

/// What the handle has asked for so far. Each is a level, not a message: none can be lost or pile up.
#[derive(Clone, Debug, Default)]
struct Wishes {
    /// How often a try at once was asked for.
    retries: u64,
    /// How often the token was changed.
    tokens: u64,
    token: Option<Token>,
}

impl Handle {
    /// Tries at once whatever waits or was refused: the connection, and each refused name. On a connection
    /// that seems good it asks the server whether it is.
    pub fn retry_now(&self) {
        self.wishes.send_modify(|wishes| wishes.retries += 1);
    }

    /// Uses another token, or none, from now on. What the old one was refused is asked again; what it was
    /// allowed stays until the next connection.
    pub fn set_token(&self, token: Option<Token>) {
        self.wishes.send_modify(|wishes| {
            wishes.tokens += 1;
            wishes.token = token;
        });
    }
}

/// Starts a client. It runs until the events, or the last handle, are dropped.
///
/// The queue of events is bounded: while it is full the socket is not read. Nothing is dropped on the way. Must
/// be called within a tokio runtime.
pub fn open(options: Options, clock: Clock) -> (Handle, Events) {
    let (events, receiver) = queue::queue();
    let wishes = watch::Sender::new(Wishes { token: options.token.clone(), ..Wishes::default() });
    let told = wishes.subscribe();
    tokio::spawn(driver::run(options, clock, events, told));
    (Handle { wishes }, receiver)
}

/// Asks the auth endpoint, outside any connection, which names of the topics the token may join: those that
/// need a signature, in their order, each with the refusal if there is one.
///
/// # Errors
/// Nobody may be asked.
pub async fn may_join(
    options: &Options,
    http: &reqwest::Client,
) -> Result<Vec<(Subscription, Option<Refusal>)>, Off> {
    /// Any will do: what is signed for it is thrown away.
    const SOCKET_ID: &str = "1.1";
    let authorizer = authorizer::Authorizer::new(options, options.token.as_ref())?;
    let mut answers = Vec::new();
    for name in options.topics.iter().flat_map(|topic| topic.names(&options.names)) {
        if name.kind().needs_auth() {
            let answer = authorizer.clone().ask(http.clone(), SOCKET_ID.to_owned(), name.clone()).await;
            answers.push((name, answer.err().map(|denial| denial.why)));
        }
    }
    Ok(answers)
}
