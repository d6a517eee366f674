//! The client's half of one connection: ops in, ops and news out, no socket and no clock.
//!
//! ```text
//! new → handshaking (10 s) → open ⇄ suspect (ping unanswered) → ended
//! ```
//!
//! Whoever drives it hands in what arrives ([`Link::handle`], [`Link::alive`]), takes out what is to be
//! done ([`Link::poll`]) and comes back at [`Link::deadline`] with [`Link::on_timeout`]. A link lives as
//! long as its connection: which names to subscribe, signatures, cursors and the next try are its owner's.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::op::Recovery;
use super::{ClientOp, CloseCode, Position, Retry, ServerOp, Subscription};

/// How long the server may take for its first words.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// The longest silence that we let pass without a ping, whatever the server allows.
pub const ACTIVITY: Duration = Duration::from_secs(120);
/// How long the answer to a ping may take.
pub const PONG: Duration = Duration::from_secs(30);
/// How long it may take after a suspension, when the connection is more likely dead than alive.
pub const PONG_AFTER_RESUME: Duration = Duration::from_secs(5);
/// After how long an unanswered ping is worth telling.
pub const SUSPICION: Duration = Duration::from_secs(5);
/// How long the answer to a subscription may take.
pub const SUBSCRIBE: Duration = Duration::from_secs(10);
/// A timer this late was not late: the machine slept.
pub const OVERSHOOT: Duration = Duration::from_secs(15);
/// How long after an error the end of the connection is taken to be that error's doing.
const ERROR_MEMORY: Duration = Duration::from_secs(2);
/// The shortest time between two pings, whatever the server asks for.
const PING_FLOOR: Duration = Duration::from_secs(1);

/// The client's half of one connection.
#[derive(Debug)]
pub struct Link {
    phase: Phase,
    native: bool,
    activity: Duration,
    /// When the next ping is due. One a period, also while events flow, so that the round trip is known.
    ping_at: Instant,
    /// The ping that nothing has followed yet.
    unanswered: Option<Ping>,
    /// When the ping was sent whose pong is still awaited. Other traffic answers for life, not for time.
    measured_from: Option<Instant>,
    /// Subscriptions without an answer, oldest first.
    pending: VecDeque<Pending>,
    last_error: Option<(CloseCode, String, Instant)>,
    out: VecDeque<Output>,
}

#[derive(Debug, PartialEq)]
enum Phase {
    Handshaking { until: Instant },
    Open,
    Ended,
}

#[derive(Debug)]
struct Ping {
    suspicious_at: Option<Instant>,
    until: Instant,
}

#[derive(Debug)]
struct Pending {
    name: Subscription,
    until: Instant,
}

/// The proof that a connection may join a channel, as the backend gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `key:signature`.
    pub auth: String,
    /// The member, on presence channels; exactly as signed.
    pub channel_data: Option<String>,
}

/// What is to be done, or to be known.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Say this to the server.
    Send(ClientOp),
    /// The handshake is done.
    Established {
        /// The connection's id, which signatures are bound to.
        socket_id: String,
        /// After how much silence we ask.
        activity_timeout: Duration,
        /// Whether the server is our relay.
        native: bool,
    },
    /// A round trip was measured.
    RoundTrip(Duration),
    /// A ping has stayed unanswered for a while.
    Suspect,
    /// Something came after all.
    Relieved,
    /// A subscription was accepted.
    Subscribed {
        /// Which.
        name: Subscription,
        /// A presence channel's members; `{}` elsewhere.
        data: String,
        /// Our relay's answer to `since`.
        recovery: Option<Recovery>,
    },
    /// A subscription was not accepted.
    NotSubscribed {
        /// Which.
        name: Subscription,
        /// Why.
        why: NotSubscribed,
    },
    /// An event on a channel, or one without.
    Event {
        /// Its name.
        event: String,
        /// The channel, as the server wrote it.
        channel: Option<String>,
        /// The inner text of its data.
        data: String,
        /// Its sender, on presence channels.
        user_id: Option<String>,
        /// Its place in our relay's history.
        position: Option<Position>,
    },
    /// Our relay cannot cover what was missed.
    Gap {
        /// The channel or pattern.
        channel: String,
        /// The relay's reason.
        reason: String,
        /// Where the server's events go on.
        head: Option<Position>,
    },
    /// An error that ends nothing and belongs to no subscription.
    Error {
        /// Its code, if any.
        code: Option<CloseCode>,
        /// The server's words.
        message: String,
    },
    /// The connection is over: close the socket. Nothing follows.
    End(End),
}

/// Why a subscription was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSubscribed {
    /// The server said no.
    Refused {
        /// A status, HTTP's or the protocol's.
        status: Option<u16>,
        /// The server's words.
        message: String,
    },
    /// It said nothing within [`SUBSCRIBE`].
    NoAnswer,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The server ended it, or refused the handshake, with a code.
    Closed {
        /// The code.
        code: CloseCode,
        /// The server's words, possibly none.
        message: String,
    },
    /// It broke without a word.
    Lost,
    /// No first words within [`HANDSHAKE`].
    NoHandshake,
    /// A ping went unanswered.
    NoPong,
    /// The first words were no handshake.
    NotPusher,
}

impl End {
    /// What a client does next.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Closed { code, .. } => code.retry(),
            Self::NoPong => Retry::AtOnce,
            Self::Lost | Self::NoHandshake | Self::NotPusher => Retry::WithBackoff { widen: false },
        }
    }
}

impl Link {
    /// A link over a WebSocket that was opened just now.
    pub fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Handshaking { until: now + HANDSHAKE },
            native: false,
            activity: ACTIVITY,
            ping_at: now + ACTIVITY,
            unanswered: None,
            measured_from: None,
            pending: VecDeque::new(),
            last_error: None,
            out: VecDeque::new(),
        }
    }

    /// The next thing to do or to know, in order. Ask until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to call [`Link::on_timeout`], if nothing happens before.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Handshaking { until } => Some(until),
            Phase::Ended => None,
            Phase::Open => {
                let ping = match &self.unanswered {
                    Some(ping) => ping.suspicious_at.unwrap_or(ping.until),
                    None => self.ping_at,
                };
                Some(self.pending.iter().map(|pending| pending.until).fold(ping, Instant::min))
            }
        }
    }

    /// Whether the connection is over.
    pub fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Something arrived, whatever it was: the other side lives. WebSocket pings and frames that are no op
    /// count too.
    pub fn alive(&mut self) {
        if let Some(Ping { suspicious_at: None, .. }) = self.unanswered.take() {
            self.out.push_back(Output::Relieved);
        }
    }

    /// An op arrived.
    pub fn handle(&mut self, op: ServerOp, now: Instant) {
        match self.phase {
            Phase::Ended => {}
            Phase::Handshaking { .. } => self.shake_hands(op, now),
            Phase::Open => {
                self.alive();
                self.hear(op, now);
            }
        }
    }

    fn shake_hands(&mut self, op: ServerOp, now: Instant) {
        match op {
            ServerOp::Established { socket_id, activity_timeout, native } => {
                self.phase = Phase::Open;
                self.native = native;
                self.activity = activity_timeout.map_or(ACTIVITY, |told| told.clamp(PING_FLOOR, ACTIVITY));
                self.out.push_back(Output::Established {
                    socket_id,
                    activity_timeout: self.activity,
                    native,
                });
                self.ping(now, PONG);
            }
            // Before the handshake an error is a close: some servers send no close frame after it.
            ServerOp::Error { code: Some(code), message } => self.end(End::Closed { code, message }),
            ServerOp::Ping => self.out.push_back(Output::Send(ClientOp::Pong)),
            ServerOp::Pong => {}
            ServerOp::Error { code: None, .. }
            | ServerOp::Subscribed { .. }
            | ServerOp::SubscriptionError { .. }
            | ServerOp::Gap { .. }
            | ServerOp::CacheMiss { .. }
            | ServerOp::Event { .. } => self.end(End::NotPusher),
        }
    }

    fn hear(&mut self, op: ServerOp, now: Instant) {
        match op {
            // A second handshake on one connection changes nothing that we rely on.
            ServerOp::Established { .. } => {}
            ServerOp::Ping => self.out.push_back(Output::Send(ClientOp::Pong)),
            ServerOp::Pong => {
                if let Some(sent) = self.measured_from.take() {
                    self.out.push_back(Output::RoundTrip(now.saturating_duration_since(sent)));
                }
            }
            ServerOp::Error { code, message } => self.place_error(code, message, now),
            // An answer that came too late still means that the channel is joined.
            ServerOp::Subscribed { channel, data, recovery } => {
                if let Some(name) = self.answered(&channel).or_else(|| Subscription::parse(&channel).ok()) {
                    self.out.push_back(Output::Subscribed { name, data, recovery });
                }
            }
            ServerOp::SubscriptionError { channel, kind, error, status } => {
                let message = if error.is_empty() { kind } else { error };
                match self.answered(&channel).or_else(|| Subscription::parse(&channel).ok()) {
                    Some(name) => self.refuse(name, status, message),
                    None => self.out.push_back(Output::Error { code: status.map(CloseCode), message }),
                }
            }
            ServerOp::CacheMiss { channel } => self.out.push_back(Output::Event {
                event: "pusher:cache_miss".to_owned(),
                channel: Some(channel),
                data: "null".to_owned(),
                user_id: None,
                position: None,
            }),
            ServerOp::Gap { channel, reason, head, .. } => {
                self.out.push_back(Output::Gap { channel, reason, head });
            }
            ServerOp::Event { event, channel, data, user_id, position } => {
                self.out.push_back(Output::Event { event, channel, data, user_id, position });
            }
        }
    }

    /// An error names no channel. Servers answer in order, so it belongs to the oldest subscription that
    /// it can belong to; what cannot be about a subscription announces a close, or stands alone.
    fn place_error(&mut self, code: Option<CloseCode>, message: String, now: Instant) {
        let about_joining = match code {
            None | Some(CloseCode::UNAUTHORIZED) => true,
            Some(CloseCode::CLIENT_EVENT_REFUSED | CloseCode::WATCHLIST_TOO_LONG) => false,
            Some(code) => !(4000..=4299).contains(&code.0),
        };
        let guarded = self.pending.iter().position(|pending| pending.name.kind().needs_auth());
        let oldest = if code == Some(CloseCode::UNAUTHORIZED) { guarded } else { guarded.or(Some(0)) };
        if let Some(pending) = oldest.filter(|_| about_joining).and_then(|at| self.pending.remove(at)) {
            return self.refuse(pending.name, code.map(|code| code.0), message);
        }
        if let Some(code) = code {
            self.last_error = Some((code, message.clone(), now));
        }
        self.out.push_back(Output::Error { code, message });
    }

    fn refuse(&mut self, name: Subscription, status: Option<u16>, message: String) {
        self.out.push_back(Output::NotSubscribed { name, why: NotSubscribed::Refused { status, message } });
    }

    /// The pending subscription that an answer is for.
    fn answered(&mut self, channel: &str) -> Option<Subscription> {
        let at = self.pending.iter().position(|pending| pending.name.to_string() == channel)?;
        self.pending.remove(at).map(|pending| pending.name)
    }

    /// Asks to hear a name. `since` and patterns go to our relay alone: to another server a pattern is not
    /// asked for at all, and the call returns `false`, as it does before the handshake and after the end.
    pub fn subscribe(
        &mut self,
        name: Subscription,
        signature: Option<Signature>,
        since: Option<Position>,
        now: Instant,
    ) -> bool {
        let pattern = match name {
            Subscription::Pattern(_) => true,
            Subscription::Channel(_) => false,
        };
        if self.phase != Phase::Open || (pattern && !self.native) {
            return false;
        }
        let (auth, channel_data) = signature.map_or((None, None), |s| (Some(s.auth), s.channel_data));
        let since = since.filter(|_| self.native);
        self.out.push_back(Output::Send(ClientOp::Subscribe {
            channel: name.to_string(),
            auth,
            channel_data,
            since,
        }));
        self.pending.push_back(Pending { name, until: now + SUBSCRIBE });
        true
    }

    /// The machine slept, or its network changed: find out at once whether the connection survived.
    pub fn resumed(&mut self, now: Instant) {
        if self.phase == Phase::Open {
            // Answers may have died with the old network; each gets its time again.
            for pending in &mut self.pending {
                pending.until = now + SUBSCRIBE;
            }
            self.ping(now, PONG_AFTER_RESUME);
        }
    }

    /// The socket ended: with a close frame (its code and words), or without one.
    pub fn closed(&mut self, frame: Option<(CloseCode, String)>, now: Instant) {
        let said =
            self.last_error.take().filter(|(.., at)| now.saturating_duration_since(*at) <= ERROR_MEMORY);
        self.end(match (frame, said) {
            // The code of the frame decides; the error before it often has the better words.
            (Some((code, words)), said) => {
                let said = said.filter(|(error, ..)| *error == code).map(|(_, message, _)| message);
                End::Closed { code, message: if words.is_empty() { said.unwrap_or_default() } else { words } }
            }
            // One server sends its errors as events alone, and hangs up.
            (None, Some((code, message, _))) => End::Closed { code, message },
            (None, None) => End::Lost,
        });
    }

    /// Time has come, or has passed.
    pub fn on_timeout(&mut self, now: Instant) {
        let Some(deadline) = self.deadline().filter(|deadline| *deadline <= now) else { return };
        match self.phase {
            Phase::Ended => {}
            Phase::Handshaking { .. } => self.end(End::NoHandshake),
            Phase::Open if now.saturating_duration_since(deadline) >= OVERSHOOT => self.resumed(now),
            Phase::Open => {
                while let Some(pending) = self.pending.pop_front_if(|pending| pending.until <= now) {
                    let why = NotSubscribed::NoAnswer;
                    self.out.push_back(Output::NotSubscribed { name: pending.name, why });
                }
                match &mut self.unanswered {
                    None if self.ping_at <= now => self.ping(now, PONG),
                    Some(ping) if ping.until <= now => self.end(End::NoPong),
                    Some(ping) if ping.suspicious_at.is_some_and(|at| at <= now) => {
                        ping.suspicious_at = None;
                        self.out.push_back(Output::Suspect);
                    }
                    None | Some(_) => {}
                }
            }
        }
    }

    fn ping(&mut self, now: Instant, patience: Duration) {
        // Who was told of a suspicion is told of its end: a new ping does not start a new silence.
        let suspected = self.unanswered.as_ref().is_some_and(|ping| ping.suspicious_at.is_none());
        let suspicious_at = (!suspected).then(|| now + SUSPICION.min(patience));
        self.unanswered = Some(Ping { suspicious_at, until: now + patience });
        self.measured_from = Some(now);
        self.ping_at = now + self.activity;
        self.out.push_back(Output::Send(ClientOp::Ping));
    }

    fn end(&mut self, end: End) {
        if self.phase != Phase::Ended {
            self.phase = Phase::Ended;
            self.pending.clear();
            // What comes after the end relieves nobody.
            self.unanswered = None;
            self.out.push_back(Output::End(end));
        }
    }
}
