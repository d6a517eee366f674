//! The server's half of one connection: what it may do, what it is told, when it is given up.
//!
//! Ops go in through [`Peer::handle`], what has to happen comes out of [`Peer::poll`], oldest first: frames to
//! send, channels to join and leave, a ping, the end. The driver answers every [`Output::Join`] with
//! [`Peer::joined`], because only it knows the history. No socket, no runtime, no clock: the driver calls
//! [`Peer::on_timeout`] when [`Peer::deadline`] has come.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use super::op::{BadOp, Recovery};
use super::{
    ChannelKind, ChannelName, ClientOp, CloseCode, Member, Position, Rate, ServerOp, Subscription, User,
    member, sign,
};

/// How often the server pings, whatever the client does: less than any proxy's patience.
pub const PING_EVERY: Duration = Duration::from_secs(25);
/// How long a ping may stay unanswered by anything at all.
pub const PONG_WITHIN: Duration = Duration::from_secs(30);
/// The silence after which a client is told to ping.
pub const ACTIVITY_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection's id: two numbers with a dot between, which nobody can guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId(pub u32, pub u32);

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Text that is no socket id of any Pusher server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a socket id is two numbers with a dot between")]
pub struct BadSocketId;

impl SocketId {
    /// Reads what a backend tells: `None` is a well-formed id that cannot be one of ours.
    pub fn parse(text: &str) -> Result<Option<Self>, BadSocketId> {
        let (left, right) = text.split_once('.').ok_or(BadSocketId)?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(left) || !digits(right) {
            return Err(BadSocketId);
        }
        let id =
            u32::from_str(left).ok().zip(u32::from_str(right).ok()).map(|(left, right)| Self(left, right));
        Ok(id.filter(|id| id.to_string() == text))
    }
}

/// What holds for all connections of an app.
#[derive(Debug)]
pub struct Rules {
    /// The app's key, which every `auth` starts with.
    pub key: String,
    /// The app's secret, which every `auth` is signed with.
    pub secret: SecretString,
    /// Public names that only a signature opens to whoever is not local.
    pub guard: Vec<Subscription>,
    /// Characters of a channel's name; 0 is no limit.
    pub channel_name: usize,
    /// Subscriptions of one connection; 0 is no limit.
    pub subscriptions: usize,
    /// Refused signatures of one connection, after which it is closed; 0 is no limit.
    pub failed_auths: usize,
    /// Whether clients may send events to each other.
    pub client_events: bool,
    /// Client events of one connection in a second, and at once; 0 is no limit.
    pub client_events_per_second: usize,
    /// Characters of a client event's name; 0 is no limit.
    pub event_name: usize,
    /// Kilobytes of a client event's data; 0 is no limit.
    pub event_kb: usize,
    /// Kilobytes of a member's `user_info`; 0 is no limit.
    pub presence_user_kb: usize,
    /// Whether users may sign in.
    pub user_authentication: bool,
    /// Whether signed-in users may watch each other come and go.
    pub watchlist: bool,
}

impl Rules {
    /// Whether a guard covers any channel that this subscription would hear.
    pub fn guards(&self, wanted: &Subscription) -> bool {
        self.guard.iter().any(|guarded| overlap(guarded, wanted))
    }
}

fn overlap(one: &Subscription, other: &Subscription) -> bool {
    match (one, other) {
        (Subscription::Channel(one), Subscription::Channel(other)) => one == other,
        (Subscription::Pattern(pattern), Subscription::Channel(name))
        | (Subscription::Channel(name), Subscription::Pattern(pattern)) => pattern.matches(name),
        (Subscription::Pattern(one), Subscription::Pattern(other)) => {
            one.stem().starts_with(other.stem()) || other.stem().starts_with(one.stem())
        }
    }
}

/// What a client says of itself in its request, and what its address says of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hello<'a> {
    /// The query's `protocol`, as it came.
    pub protocol: Option<&'a str>,
    /// Whether it asked for positions, `since` and patterns (`frontdesk=1`).
    pub native: bool,
    /// Whether guarded names are open to it.
    pub local: bool,
}

/// What has to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Tell the client this.
    Send(ServerOp),
    /// Send a WebSocket ping.
    Ping,
    /// Join this channel or pattern, and say with [`Peer::joined`] what became of it.
    Join {
        /// The channel or pattern.
        to: Subscription,
        /// Native: the last position that was heard.
        since: Option<Position>,
        /// Who joins, on a presence channel.
        member: Option<Member>,
    },
    /// Tell the client once more that it is joined, with the members as they are now.
    Again(Subscription),
    /// Leave this channel or pattern.
    Leave {
        /// The channel or pattern.
        from: Subscription,
        /// The user who leaves, on a presence channel.
        user_id: Option<String>,
    },
    /// The connection belongs to this user from now on.
    SignIn(User),
    /// Pass a client event on to the channel's other subscribers.
    Pass {
        /// The channel, which this connection is subscribed to.
        channel: ChannelName,
        /// The event's name.
        event: String,
        /// The data's JSON text, as it came.
        data: String,
        /// The user who sends it, on a presence channel.
        user_id: Option<String>,
    },
    /// Close with this code and reason; nothing follows.
    Close(CloseCode, &'static str),
}

/// What became of a [`Output::Join`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The newest position of the history at the moment of joining.
    pub head: Position,
    /// Why what was missed cannot come; `None` where it comes, or nothing was asked for.
    pub missed: Option<Missed>,
}

/// A presence channel has as many members as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// The limit, in users.
    pub limit: usize,
}

/// Why a history cannot be given from where it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// It is no longer kept that far back.
    Expired,
    /// It is another history than the one that was heard.
    Epoch,
    /// The position has not been given yet.
    Unknown,
}

impl Missed {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Epoch => "epoch",
            Self::Unknown => "unknown",
        }
    }
}

/// The server's half of one connection.
#[derive(Debug)]
pub struct Peer {
    rules: Arc<Rules>,
    socket_id: SocketId,
    native: bool,
    local: bool,
    /// What it is subscribed to, and as which user, on a presence channel.
    joined: HashMap<Subscription, Option<String>>,
    user: Option<User>,
    client_events: Rate,
    failed_auths: usize,
    ping_at: Instant,
    /// When the first ping since the last sign of life was sent.
    unanswered_since: Option<Instant>,
    out: VecDeque<Output>,
    closed: bool,
}

/// What a client gets that is not let in: the protocol's version 5 hears of it in an error, all in the close.
pub fn refuse(protocol: Option<&str>, code: CloseCode, reason: &'static str) -> Vec<Output> {
    let error = ServerOp::Error { code: Some(code), message: reason.to_owned() };
    let told = (protocol == Some("5")).then_some(Output::Send(error));
    told.into_iter().chain([Output::Close(code, reason)]).collect()
}

impl Peer {
    /// Shakes hands. `Err` is what a client gets whose version is not served.
    pub fn open(
        rules: Arc<Rules>,
        hello: Hello<'_>,
        socket_id: SocketId,
        now: Instant,
    ) -> Result<Self, Vec<Output>> {
        match hello.protocol.map(u32::from_str) {
            None | Some(Ok(5..=7)) => {}
            Some(Ok(_)) => {
                let reason = "this server speaks the protocol's versions 5, 6 and 7";
                return Err(refuse(hello.protocol, CloseCode::UNSUPPORTED_VERSION, reason));
            }
            Some(Err(_)) => {
                return Err(refuse(
                    hello.protocol,
                    CloseCode::BAD_VERSION,
                    "the protocol version is no number",
                ));
            }
        }
        let established = ServerOp::Established {
            socket_id: socket_id.to_string(),
            activity_timeout: Some(ACTIVITY_TIMEOUT),
            native: hello.native,
        };
        let client_events = rules.client_events_per_second;
        Ok(Self {
            rules,
            socket_id,
            native: hello.native,
            local: hello.local,
            joined: HashMap::new(),
            user: None,
            client_events: Rate::new(client_events, client_events, now),
            failed_auths: 0,
            ping_at: now + PING_EVERY,
            unanswered_since: None,
            out: VecDeque::from([Output::Send(established)]),
            closed: false,
        })
    }

    /// The connection's id.
    pub fn socket_id(&self) -> SocketId {
        self.socket_id
    }

    /// Whether the client hears positions.
    pub fn is_native(&self) -> bool {
        self.native
    }

    /// What it is subscribed to, and as which user on a presence channel, in no order.
    pub fn subscriptions(&self) -> impl Iterator<Item = (&Subscription, Option<&str>)> {
        self.joined.iter().map(|(joined, user_id)| (joined, user_id.as_deref()))
    }

    /// The user who has signed in.
    pub fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// What has to happen next; the driver asks until there is nothing.
    pub fn poll(&mut self) -> Option<Output> {
        let next = self.out.pop_front();
        if self.out.is_empty() {
            // An idle connection keeps no memory for what it once said.
            self.out = VecDeque::new();
        }
        next
    }

    /// When [`Self::on_timeout`] wants to be called.
    pub fn deadline(&self) -> Instant {
        self.unanswered_since.map_or(self.ping_at, |since| self.ping_at.min(since + PONG_WITHIN))
    }

    /// Pings, or gives up on who does not answer.
    pub fn on_timeout(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        if self.unanswered_since.is_some_and(|since| since + PONG_WITHIN <= now) {
            return self.close(CloseCode::NO_PONG, "a ping was not answered within 30 seconds");
        }
        if self.ping_at <= now {
            self.ping_at = now + PING_EVERY;
            self.unanswered_since.get_or_insert(now);
            self.out.push_back(Output::Ping);
        }
    }

    /// Something came in, whatever it was: the other side lives.
    pub fn heard(&mut self) {
        self.unanswered_since = None;
    }

    /// Takes what a text frame said, or why it said nothing.
    pub fn handle(&mut self, op: Result<ClientOp, BadOp>, now: Instant) {
        self.heard();
        if self.closed {
            return;
        }
        match op {
            Ok(ClientOp::Ping) => self.send(ServerOp::Pong),
            Ok(ClientOp::Pong | ClientOp::Unknown { .. }) => {}
            Ok(ClientOp::Subscribe { channel, auth, channel_data, since }) => {
                self.subscribe(channel, auth.as_deref(), channel_data.as_deref(), since);
            }
            Ok(ClientOp::Unsubscribe { channel }) => self.unsubscribe(&channel),
            Ok(ClientOp::Signin { auth, user_data }) => self.sign_in(&auth, &user_data),
            Ok(ClientOp::Event { event, channel, data }) => {
                let allowed = self.may_pass(&event, &channel, &data, now);
                match allowed {
                    Ok((channel, user_id)) => {
                        self.out.push_back(Output::Pass { channel, event, data, user_id });
                    }
                    Err(why) => self.error(Some(CloseCode::CLIENT_EVENT_REFUSED), why),
                }
            }
            Err(bad) => self.error(None, bad.to_string()),
        }
    }

    /// The driver has joined what [`Output::Join`] asked for, on a presence channel with these members. What is
    /// returned is to be told before anything else of the channel.
    pub fn joined(
        &self,
        to: &Subscription,
        since: Option<Position>,
        joined: Joined,
        members: Option<String>,
    ) -> Vec<ServerOp> {
        let Joined { head, missed } = joined;
        let recovery = self.native.then_some(Recovery { recovered: missed.is_none(), from: since, head });
        let gap = missed.map(|missed| ServerOp::Gap {
            channel: to.to_string(),
            reason: missed.as_str().to_owned(),
            from: since,
            head: Some(head),
        });
        std::iter::once(subscribed(to, members, recovery)).chain(gap).collect()
    }

    /// The driver could not join what [`Output::Join`] asked for.
    pub fn not_joined(&mut self, to: &Subscription, full: Full) -> ServerOp {
        self.joined.remove(to);
        let error = format!("a presence channel has at most {} members", full.limit);
        refused(to.to_string(), "LimitReached", error, 429)
    }

    /// What [`Output::Again`] asked for.
    pub fn again(&self, to: &Subscription, members: Option<String>) -> ServerOp {
        subscribed(to, members, None)
    }

    /// Ends the connection: nothing is handled any more.
    pub fn close(&mut self, code: CloseCode, reason: &'static str) {
        if !self.closed {
            self.closed = true;
            self.out.push_back(Output::Close(code, reason));
        }
    }

    fn subscribe(
        &mut self,
        channel: String,
        auth: Option<&str>,
        channel_data: Option<&str>,
        since: Option<Position>,
    ) {
        let to = match self.parse(&channel) {
            Ok(to) => to,
            Err(error) => return self.send(refused(channel, "InvalidChannel", error, 400)),
        };
        let member = match self.authorize(&to, auth, channel_data) {
            Ok(member) => member,
            Err(Denied { kind, status, error }) => {
                self.send(refused(channel, kind, error.into_owned(), status));
                if status == 401 {
                    self.failed_auths += 1;
                    if self.rules.failed_auths > 0 && self.failed_auths >= self.rules.failed_auths {
                        self.close(CloseCode::OVER_CAPACITY, "too many subscriptions were refused");
                    }
                }
                return;
            }
        };
        if self.joined.contains_key(&to) {
            return self.out.push_back(Output::Again(to));
        }
        if self.rules.subscriptions > 0 && self.joined.len() >= self.rules.subscriptions {
            let error = format!("a connection has at most {} subscriptions", self.rules.subscriptions);
            return self.send(refused(channel, "LimitReached", error, 429));
        }
        self.joined.insert(to.clone(), member.as_ref().map(|member| member.user_id.clone()));
        self.out.push_back(Output::Join { to, since: since.filter(|_| self.native), member });
    }

    fn parse(&self, channel: &str) -> Result<Subscription, String> {
        match Subscription::parse_within(channel, self.rules.channel_name) {
            Ok(Subscription::Pattern(_)) if !self.native => {
                Err("patterns are for clients that connect with frontdesk=1".to_owned())
            }
            parsed => parsed.map_err(|bad| bad.to_string()),
        }
    }

    /// Whether the client may hear this, and as whom, on a presence channel.
    fn authorize(
        &self,
        to: &Subscription,
        auth: Option<&str>,
        channel_data: Option<&str>,
    ) -> Result<Option<Member>, Denied> {
        let unauthorized = |error| Denied { kind: "AuthError", status: 401, error: Cow::Borrowed(error) };
        let signed = |channel: &str, channel_data: Option<&str>| {
            let text = sign::channel_text(&self.socket_id.to_string(), channel, channel_data);
            auth.is_some_and(|auth| {
                sign::verify_auth(&self.rules.key, self.rules.secret.expose_secret(), &text, auth)
            })
        };
        let bad_auth =
            || unauthorized("the auth is missing, or is not this app's for this connection and channel");
        match to.kind() {
            ChannelKind::Public if self.local || !self.rules.guards(to) => Ok(None),
            ChannelKind::Public if signed(&format!("private-{to}"), None) => Ok(None),
            ChannelKind::Public => Err(unauthorized(
                "this name is guarded: from another machine it takes an auth that is valid for the same name with private-",
            )),
            ChannelKind::Private | ChannelKind::Encrypted if signed(&to.to_string(), None) => Ok(None),
            ChannelKind::Presence if signed(&to.to_string(), channel_data) => {
                self.member(channel_data).map(Some)
            }
            ChannelKind::Private | ChannelKind::Encrypted | ChannelKind::Presence => Err(bad_auth()),
            ChannelKind::ServerToUser => match (&self.user, to) {
                (Some(user), Subscription::Channel(name)) if name.user() == Some(&user.id) => Ok(None),
                (Some(_), _) => Err(unauthorized("this is another user's")),
                (None, _) => Err(unauthorized("this is for signed-in users, and nobody is signed in")),
            },
        }
    }

    /// Who joins a presence channel: whom the backend has named, or else the user who has signed in.
    fn member(&self, channel_data: Option<&str>) -> Result<Member, Denied> {
        let invalid = |error| Denied { kind: "InvalidMember", status: 400, error };
        let member = match (channel_data, &self.user) {
            (Some(text), _) => {
                Member::parse(text).map_err(|bad| invalid(Cow::Owned(format!("channel_data: {bad}"))))?
            }
            (None, Some(user)) => user.member(),
            (None, None) => {
                let error = "a presence channel needs channel_data, or a user who has signed in";
                return Err(invalid(Cow::Borrowed(error)));
            }
        };
        let kb = self.rules.presence_user_kb;
        if over(member.user_info.as_ref().map_or(0, String::len), kb.saturating_mul(1024)) {
            let error = Cow::Owned(format!("a member's user_info has at most {kb} KB"));
            return Err(Denied { kind: "LimitReached", status: 413, error });
        }
        Ok(member)
    }

    fn unsubscribe(&mut self, channel: &str) {
        match self.parse(channel) {
            Ok(from) => {
                if let Some(user_id) = self.joined.remove(&from) {
                    self.out.push_back(Output::Leave { from, user_id });
                }
            }
            Err(bad) => self.error(None, bad),
        }
    }

    /// Whether a client event may be passed on, and in whose name.
    fn may_pass(
        &mut self,
        event: &str,
        channel: &str,
        data: &str,
        now: Instant,
    ) -> Result<(ChannelName, Option<String>), Cow<'static, str>> {
        let rules = Arc::clone(&self.rules);
        if !rules.client_events {
            return Err("client events are switched off for this app".into());
        }
        let channel = ChannelName::parse_within(channel, rules.channel_name)
            .map_err(|bad| Cow::Owned(bad.to_string()))?;
        match channel.kind() {
            ChannelKind::Private | ChannelKind::Presence => {}
            ChannelKind::Public | ChannelKind::Encrypted | ChannelKind::ServerToUser => {
                return Err("client events are for private and presence channels".into());
            }
        }
        let Some(user_id) = self.joined.get(&Subscription::Channel(channel.clone())).cloned() else {
            return Err("client events are for a channel's subscribers".into());
        };
        if over(event.chars().count(), rules.event_name) || event.chars().any(char::is_control) {
            let limit = rules.event_name;
            return Err(format!("an event's name has at most {limit} characters, none of control").into());
        }
        if over(data.len(), rules.event_kb.saturating_mul(1024)) {
            return Err(format!("the data of an event has at most {} KB", rules.event_kb).into());
        }
        if !self.client_events.allows(now) {
            let most = rules.client_events_per_second;
            return Err(format!("a connection sends at most {most} client events in a second").into());
        }
        Ok((channel, user_id))
    }

    fn sign_in(&mut self, auth: &str, user_data: &str) {
        if !self.rules.user_authentication {
            return self.error(None, "user authentication is switched off for this app");
        }
        let text = sign::user_text(&self.socket_id.to_string(), user_data);
        let secret = self.rules.secret.expose_secret();
        if !sign::verify_auth(&self.rules.key, secret, &text, auth) {
            let why = "the signin's auth is not this app's for this connection and user";
            return self.unauthorized(why);
        }
        let Ok(mut user) = User::parse(user_data) else {
            return self.unauthorized("user_data is a JSON object with an id that is text and not empty");
        };
        match &self.user {
            Some(known) if known.id != user.id => {
                let why = "another user has signed in on this connection already";
                return self.error(Some(CloseCode::UNAUTHORIZED), why);
            }
            Some(_) => return self.send(User::signed_in(user_data)),
            None => self.send(User::signed_in(user_data)),
        }
        if !self.rules.watchlist {
            user.watchlist = Vec::new();
        } else if user.watchlist.len() > member::WATCHLIST {
            user.watchlist = Vec::new();
            let why =
                format!("a watchlist has at most {} users, and this one is not watched", member::WATCHLIST);
            self.error(Some(CloseCode::WATCHLIST_TOO_LONG), why);
        }
        self.user = Some(user.clone());
        self.out.push_back(Output::SignIn(user));
    }

    /// Says that the connection may not be here, and ends it.
    fn unauthorized(&mut self, why: &'static str) {
        self.error(Some(CloseCode::UNAUTHORIZED), why);
        self.close(CloseCode::UNAUTHORIZED, why);
    }

    fn error(&mut self, code: Option<CloseCode>, message: impl Into<String>) {
        self.send(ServerOp::Error { code, message: message.into() });
    }

    fn send(&mut self, op: ServerOp) {
        self.out.push_back(Output::Send(op));
    }
}

/// Why a subscription is refused.
struct Denied {
    kind: &'static str,
    status: u16,
    error: Cow<'static, str>,
}

/// Whether a limit is exceeded; a limit of 0 is none.
fn over(measure: usize, limit: usize) -> bool {
    limit > 0 && measure > limit
}

fn subscribed(to: &Subscription, members: Option<String>, recovery: Option<Recovery>) -> ServerOp {
    let data = members.unwrap_or_else(|| "{}".to_owned());
    ServerOp::Subscribed { channel: to.to_string(), data, recovery }
}

fn refused(channel: String, kind: &str, error: String, status: u16) -> ServerOp {
    ServerOp::SubscriptionError { channel, kind: kind.to_owned(), error, status: Some(status) }
}

#[cfg(test)]
mod tests;
