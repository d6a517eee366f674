//! The one task of a client: connects, serves the connection until it ends, waits, connects again.
//!
//! Here are the socket, the clock and the channels, and the only `select!` on the socket. What to say and
//! when is [`Link`]'s to know, whom to ask is [`Subscriptions`]', what was missed is [`Catchup`]'s; this
//! file carries values between them. It ends when nobody listens, and for no other reason.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::authorizer::{Answer, Authorizer, Denial};
use super::catchup::{Catchup, Place, Verdict};
use super::connect::{Socket, address, connect, public};
use super::doubles::Doubles;
use super::outage::Outage;
use super::reporter::{Gone, Reporter};
use super::retries::Retries;
use super::subscriptions::{Accepted, Subscriptions, Try, later};
use super::vigil::Vigil;
use super::{
    Cause, Event, Gap, GapReason, Heard, LinkFacts, Odd, Off, Options, Refusal, State, Step, Wishes,
};
use crate::protocol::link::{End, Link, NotSubscribed, Output, Signature};
use crate::protocol::{ChannelName, CloseCode, Position, Retry, ServerOp, Subscription, op};
use crate::time::{Clock, monotonic};
use crate::tls;

/// How long the server may refuse to take what we say.
const WRITE: Duration = Duration::from_secs(10);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// Runs a client until nobody listens.
pub(super) async fn run(
    options: Options,
    clock: Clock,
    events: mpsc::Sender<Event>,
    wishes: watch::Receiver<Wishes>,
) {
    let Err(Gone) = Driver::new(options, clock, events, wishes).live().await;
}

/// How a connection, or the try to make one, ended.
struct Ended {
    cause: Cause,
    retry: Retry,
}

/// Why a wait is over.
enum Wake {
    Time,
    Wish { retry: bool, token: bool },
}

struct Driver {
    options: Options,
    clock: Clock,
    wishes: watch::Receiver<Wishes>,
    /// The wishes that were fulfilled.
    granted: Wishes,
    reporter: Reporter,
    authorizer: Result<Authorizer, Off>,
    network: Option<Network>,
    subscriptions: Subscriptions,
    catchup: Catchup,
    doubles: Doubles,
    retries: Retries,
    vigil: Vigil,
    established_at: Option<Instant>,
    outage: Outage,
    /// Whether this connection has told all that it could when it began.
    synced: bool,
}

#[derive(Clone)]
struct Network {
    tls: Arc<rustls::ClientConfig>,
    http: reqwest::Client,
}

impl Driver {
    fn new(
        options: Options,
        clock: Clock,
        events: mpsc::Sender<Event>,
        mut wishes: watch::Receiver<Wishes>,
    ) -> Self {
        let granted = wishes.borrow_and_update().clone();
        let authorizer = Authorizer::new(&options, granted.token.as_ref());
        let mut subscriptions = Subscriptions::new(&options.topics, &options.names);
        subscriptions.token_changed(authorizer.as_ref().map(|_| ()).map_err(|off| *off));
        Self {
            reporter: Reporter::new(events, LinkFacts::new(public(&options.url), clock.now())),
            vigil: Vigil::new(clock.now(), monotonic()),
            clock,
            wishes,
            granted,
            authorizer,
            network: None,
            subscriptions,
            catchup: Catchup::default(),
            doubles: Doubles::default(),
            retries: Retries::default(),
            established_at: None,
            outage: Outage::default(),
            synced: false,
            options,
        }
    }

    async fn live(mut self) -> Result<Infallible, Gone> {
        loop {
            self.enter(State::Connecting);
            self.report().await?;
            let ended = match self.open().await? {
                Ok((socket, http)) => self.serve(socket, http).await?,
                Err(ended) => ended,
            };
            self.pause(ended).await?;
        }
    }

    /// Opens a socket. Wishes made meanwhile are granted, and change nothing about the try.
    async fn open(&mut self) -> Result<Result<(Socket, reqwest::Client), Ended>, Gone> {
        let settings = |cause| Ended { cause, retry: Retry::Never };
        let url = match address(&self.options) {
            Ok(url) => url,
            Err(cause) => return Ok(Err(settings(cause))),
        };
        let network = match self.network() {
            Ok(network) => network,
            Err(error) => return Ok(Err(settings(Cause::Settings(error.to_string())))),
        };
        let opening = connect(&url, network.tls);
        tokio::pin!(opening);
        loop {
            tokio::select! {
                opened = &mut opening => return Ok(match opened {
                    Ok(socket) => Ok((socket, network.http)),
                    Err(cause) => {
                        let retry = match cause {
                            Cause::Settings(_) => Retry::Never,
                            Cause::NoWebSocket { status: 429 | 503 } => Retry::WithBackoff { widen: true },
                            _ => Retry::WithBackoff { widen: false },
                        };
                        Err(Ended { cause, retry })
                    }
                }),
                wish = self.wishes.changed() => {
                    wish.map_err(|_| Gone)?;
                    self.grant();
                }
                () = self.reporter.gone() => return Err(Gone),
            }
        }
    }

    fn network(&mut self) -> Result<Network, tls::Error> {
        if let Some(network) = &self.network {
            return Ok(network.clone());
        }
        let ca_file = self.options.ca_file.as_deref();
        let network = Network { tls: tls::config(ca_file)?, http: tls::http_client(ca_file)? };
        self.network = Some(network.clone());
        Ok(network)
    }

    /// Serves a connection until it ends.
    async fn serve(&mut self, mut socket: Socket, http: reqwest::Client) -> Result<Ended, Gone> {
        let mut link = Link::new(monotonic());
        let mut calls: JoinSet<(Subscription, Answer)> = JoinSet::new();
        let mut broke = String::from("it ended without a close frame");
        self.established_at = None;
        loop {
            if let Some(end) = self.perform(&mut link, &mut socket, &mut broke).await? {
                return Ok(self.ended(end, broke));
            }
            if self.advance(&mut link, &mut calls, &http) {
                continue;
            }
            self.settle().await?;
            self.report().await?;
            let deadline = self.deadline(&link);
            tokio::select! {
                frame = socket.next() => self.take(frame, &mut link, &mut broke).await?,
                () = sleep_until(deadline.into()) => {
                    let now = monotonic();
                    if self.vigil.slept(self.clock.now(), now) {
                        link.resumed(now);
                    }
                    link.on_timeout(now);
                }
                Some(Ok((name, answer))) = calls.join_next(), if !calls.is_empty() => {
                    self.answered(&mut link, &name, answer);
                }
                wish = self.wishes.changed() => {
                    wish.map_err(|_| Gone)?;
                    let (_, token) = self.grant();
                    if token {
                        // Answers to the old token are of no use, and their names are asked for anew.
                        calls = JoinSet::new();
                    }
                }
                () = self.reporter.gone() => {
                    let _ = timeout(GOODBYE, socket.close(None)).await;
                    return Err(Gone);
                }
            }
        }
    }

    /// Tries the names whose time has come; whether the link has something to say now.
    fn advance(
        &mut self,
        link: &mut Link,
        calls: &mut JoinSet<(Subscription, Answer)>,
        http: &reqwest::Client,
    ) -> bool {
        let now = monotonic();
        let mut said = false;
        while let Some(next) = self.subscriptions.next(now) {
            match (next, &self.authorizer, &self.reporter.facts.socket_id) {
                (Try::Subscribe(name), ..) => {
                    self.subscribe(link, name, None);
                    said = true;
                }
                (Try::Authorize(name), Ok(authorizer), Some(socket_id)) => {
                    let call = authorizer.clone().ask(http.clone(), socket_id.clone(), name.clone());
                    calls.spawn(async move { (name, call.await) });
                }
                // Names are tried on an established connection, and guarded ones with an authorizer.
                (Try::Authorize(_), ..) => {}
            }
        }
        said
    }

    fn subscribe(&mut self, link: &mut Link, name: Subscription, signature: Option<Signature>) {
        let since = self.catchup.since(&name);
        link.subscribe(name, signature, since, monotonic());
    }

    fn answered(&mut self, link: &mut Link, name: &Subscription, answer: Answer) {
        let at = (monotonic(), self.clock.now());
        if let Some(signature) = self.subscriptions.authorized(name, answer, at, rand::random()) {
            self.subscribe(link, name.clone(), Some(signature));
        }
    }

    /// Takes what the socket gave.
    async fn take(
        &mut self,
        frame: Option<Result<Message, SocketError>>,
        link: &mut Link,
        broke: &mut String,
    ) -> Result<(), Gone> {
        let (now, at) = (monotonic(), self.clock.now());
        let odd = match frame {
            Some(Ok(Message::Text(text))) => match ServerOp::parse(&text) {
                Ok(op) => {
                    self.reporter.facts.heard_at = Some(at);
                    link.handle(op, now);
                    return Ok(());
                }
                Err(bad) => Odd { at, raw: text.as_str().to_owned(), reason: bad.to_string() },
            },
            Some(Ok(Message::Binary(bytes))) => {
                let raw = String::from_utf8_lossy(&bytes).into_owned();
                Odd { at, raw, reason: "a binary frame; the protocol has text alone".into() }
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                self.reporter.facts.heard_at = Some(at);
                link.alive();
                return Ok(());
            }
            Some(Ok(Message::Close(frame))) => {
                let said =
                    frame.map(|frame| (CloseCode(frame.code.into()), frame.reason.as_str().to_owned()));
                link.closed(said, now);
                return Ok(());
            }
            Some(Err(error)) => {
                *broke = error.to_string();
                link.closed(None, now);
                return Ok(());
            }
            None => {
                link.closed(None, now);
                return Ok(());
            }
        };
        self.reporter.facts.heard_at = Some(at);
        link.alive();
        self.reporter.tell(Event::Odd(odd)).await
    }

    /// Does what the link wants done. Tells how it ended, if it did.
    async fn perform(
        &mut self,
        link: &mut Link,
        socket: &mut Socket,
        broke: &mut String,
    ) -> Result<Option<End>, Gone> {
        let mut said = false;
        while let Some(output) = link.poll() {
            match output {
                Output::Send(op) => {
                    said = true;
                    if let Err(error) = write(socket.feed(Message::text(op.encode()))).await {
                        *broke = error;
                        link.closed(None, monotonic());
                    }
                }
                Output::Established { socket_id, activity_timeout, native } => {
                    self.established(socket_id, activity_timeout, native);
                }
                Output::RoundTrip(rtt) => self.reporter.change(|facts| facts.rtt = Some(rtt)),
                Output::Suspect => self.enter(State::Suspect),
                Output::Relieved => self.enter(if self.synced { State::Live } else { State::Syncing }),
                Output::Subscribed { name, recovery, .. } => self.subscribed(&name, recovery).await?,
                Output::NotSubscribed { name, why } => {
                    let why = match why {
                        NotSubscribed::Refused { status, message } => Refusal::ByServer { status, message },
                        NotSubscribed::NoAnswer => Refusal::NoAck,
                    };
                    let at = (monotonic(), self.clock.now());
                    self.subscriptions.refused(&name, Denial::from(why), at, rand::random());
                }
                Output::Event { event, channel, data, user_id, position } => {
                    self.hear(event, channel, data, user_id, position).await?;
                }
                Output::Gap { channel, reason, head } => self.lost_history(&channel, reason, head).await?,
                Output::Error { code, message } => {
                    let reason = code.map_or_else(
                        || "the server reports an error".to_owned(),
                        |code| format!("the server reports an error: {code}"),
                    );
                    self.reporter
                        .tell(Event::Odd(Odd { at: self.clock.now(), raw: message, reason }))
                        .await?;
                }
                Output::End(end) => return Ok(Some(end)),
            }
        }
        if said && let Err(error) = write(socket.flush()).await {
            *broke = error;
            link.closed(None, monotonic());
        }
        Ok(None)
    }

    fn established(&mut self, socket_id: String, activity_timeout: Duration, ours: bool) {
        let at = self.clock.now();
        self.established_at = Some(monotonic());
        self.synced = false;
        self.subscriptions.connected(ours);
        self.reporter.change(|facts| {
            facts.socket_id = Some(socket_id);
            facts.activity_timeout = Some(activity_timeout);
            facts.server.ours = ours;
            facts.connections += 1;
            facts.down_since = None;
            if let Some(loss) = facts.losses.last_mut() {
                loss.back_at.get_or_insert(at);
            }
        });
        self.enter(State::Syncing);
    }

    /// A name is heard from now on. What of it was missed meanwhile comes, or is a gap.
    async fn subscribed(&mut self, name: &Subscription, recovery: Option<op::Recovery>) -> Result<(), Gone> {
        let Accepted::Now(returned) = self.subscriptions.subscribed(name) else { return Ok(()) };
        let now = monotonic();
        match (self.catchup.accepted(name, recovery, now), returned) {
            (Verdict::Comes, _) | (Verdict::NothingAsked, None) => Ok(()),
            (Verdict::NothingAsked, Some(from)) => match self.gap(name, from, GapReason::NoHistory) {
                Some(gap) => self.tell_gap(gap).await,
                None => Ok(()),
            },
            (Verdict::Lost, returned) => {
                let ours = self.reporter.facts.server.ours;
                let why = "its history does not reach back to where we were";
                let reason = if ours { GapReason::Lost(why.into()) } else { GapReason::NoHistory };
                let from = returned.unwrap_or_else(|| self.last_truth());
                // Our relay tells its own reason in its next words.
                if let Some(gap) = self.gap(name, from, reason) {
                    self.outage.owe(name.clone(), gap, now);
                }
                Ok(())
            }
        }
    }

    /// Our relay says that a history is lost.
    async fn lost_history(&mut self, text: &str, reason: String, head: Option<Position>) -> Result<(), Gone> {
        let Ok(name) = Subscription::parse(text) else { return Ok(()) };
        self.catchup.gap(&name, head);
        let gap = match self.outage.take_owed(&name) {
            Some(gap) => Some(gap),
            None => self.gap(&name, self.last_truth(), GapReason::NoHistory),
        };
        match gap {
            Some(gap) => self.tell_gap(Gap { reason: GapReason::Lost(reason), ..gap }).await,
            None => Ok(()),
        }
    }

    /// The last moment up to which everything was heard.
    fn last_truth(&self) -> Timestamp {
        self.outage.away_from().or(self.reporter.facts.heard_at).unwrap_or_else(|| self.clock.now())
    }

    fn gap(&self, name: &Subscription, from: Timestamp, reason: GapReason) -> Option<Gap> {
        let topic = self.subscriptions.topic_of(name)?.clone();
        let channel = match name {
            Subscription::Channel(channel) => Some(channel.clone()),
            Subscription::Pattern(_) => None,
        };
        Some(Gap { topic, channel, from, to: self.clock.now(), reason })
    }

    async fn tell_gap(&mut self, gap: Gap) -> Result<(), Gone> {
        if self.outage.note(&gap) { self.reporter.tell(Event::Gap(gap)).await } else { Ok(()) }
    }

    /// An event came.
    async fn hear(
        &mut self,
        event: String,
        channel: Option<String>,
        data: String,
        user_id: Option<String>,
        position: Option<Position>,
    ) -> Result<(), Gone> {
        let (now, at) = (monotonic(), self.clock.now());
        let channel = match channel.as_deref().map(|text| ChannelName::parse_within(text, 0)).transpose() {
            Ok(channel) => channel,
            Err(bad) => {
                let raw = op::encode_event(&event, channel.as_deref(), &data, user_id.as_deref(), position);
                return self.reporter.tell(Event::Odd(Odd { at, raw, reason: bad.to_string() })).await;
            }
        };
        if let Some(channel) = &channel {
            let by = self.subscriptions.heard(channel, at);
            let place = position.map(|position| self.catchup.heard(channel, position, &by, now));
            if place == Some(Place::Known) {
                return Ok(());
            }
            if self.subscriptions.has_double(channel) && self.doubles.is_double(channel, &event, &data, now) {
                return Ok(());
            }
        }
        let connection = self.reporter.facts.connections;
        self.reporter
            .tell(Event::Heard(Heard { at, channel, event, data, position, connection, user_id }))
            .await
    }

    /// Tells what can be told once all has come that will.
    async fn settle(&mut self) -> Result<(), Gone> {
        let now = monotonic();
        while let Some(gap) = self.outage.take_due(now) {
            self.tell_gap(gap).await?;
        }
        let complete =
            self.subscriptions.is_settled() && self.catchup.is_complete(now) && self.outage.is_told();
        if self.reporter.facts.state != State::Syncing || !complete {
            return Ok(());
        }
        let recovered = self.catchup.take_recovered();
        if let Some(back) = self.outage.end(self.clock.now(), recovered, self.subscriptions.all_returned()) {
            self.reporter.tell(Event::Back(back)).await?;
        }
        self.synced = true;
        self.reporter.change(|facts| {
            facts.attempt = 0;
            facts.cause = None;
        });
        self.enter(State::Live);
        Ok(())
    }

    fn ended(&mut self, end: End, broke: String) -> Ended {
        let retry = end.retry();
        let cause = match end {
            End::Closed { code, message } => Cause::Closed { code, message },
            End::Lost => Cause::Lost(broke),
            End::NoHandshake => Cause::TimedOut(Step::Handshake),
            End::NoPong => Cause::Silent,
            End::NotPusher => Cause::NotPusher("its first words were no handshake".into()),
        };
        let at = self.clock.now();
        if let Some(since) = self.established_at.take() {
            self.retries.ended(since, monotonic());
            let truth = self.reporter.facts.heard_at.unwrap_or(at);
            self.outage.begin(truth);
            self.subscriptions.lost(truth);
            self.catchup.lost();
            self.reporter.lost(at, &cause);
        }
        Ended { cause, retry }
    }

    /// Waits until the next try.
    async fn pause(&mut self, ended: Ended) -> Result<(), Gone> {
        let now = monotonic();
        let delay = self.retries.next(ended.retry, now, rand::random());
        let wall = self.clock.now();
        self.reporter.change(|facts| {
            facts.cause = Some(ended.cause);
            facts.attempt = facts.attempt.saturating_add(1);
            facts.next_try_at = delay.and_then(|delay| later(wall, delay));
            facts.down_since.get_or_insert(wall);
        });
        self.enter(if delay.is_some() { State::Waiting } else { State::Refused });
        self.report().await?;
        let until = delay.map(|delay| now + delay);
        loop {
            match self.wait(until).await? {
                Wake::Time if until.is_some_and(|until| until <= monotonic()) => break,
                Wake::Time if self.vigil.slept(self.clock.now(), monotonic()) && until.is_some() => break,
                Wake::Time => {}
                // Somebody did something about it, or wants to see it tried.
                Wake::Wish { retry, token } => {
                    if retry || token {
                        self.retries.start_over();
                        break;
                    }
                }
            }
        }
        self.reporter.change(|facts| facts.next_try_at = None);
        Ok(())
    }

    async fn wait(&mut self, until: Option<Instant>) -> Result<Wake, Gone> {
        let look = self.vigil.next_look();
        let deadline = until.map_or(look, |until| until.min(look));
        tokio::select! {
            () = sleep_until(deadline.into()) => Ok(Wake::Time),
            wish = self.wishes.changed() => {
                wish.map_err(|_| Gone)?;
                let (retry, token) = self.grant();
                Ok(Wake::Wish { retry, token })
            }
            () = self.reporter.gone() => Err(Gone),
        }
    }

    /// Grants what was wished for since the last time; tells whether a try, and whether another token.
    fn grant(&mut self) -> (bool, bool) {
        let wishes = self.wishes.borrow_and_update().clone();
        let retry = wishes.retries != self.granted.retries;
        let token = wishes.tokens != self.granted.tokens;
        if token {
            self.authorizer = Authorizer::new(&self.options, wishes.token.as_ref());
            self.subscriptions.token_changed(self.authorizer.as_ref().map(|_| ()).map_err(|off| *off));
        }
        if retry {
            self.subscriptions.retry_now();
        }
        self.granted = wishes;
        (retry, token)
    }

    fn deadline(&self, link: &Link) -> Instant {
        [link.deadline(), self.subscriptions.deadline(), self.catchup.deadline(), self.outage.deadline()]
            .into_iter()
            .flatten()
            .fold(self.vigil.next_look(), Instant::min)
    }

    fn enter(&mut self, state: State) {
        self.reporter.enter(state, self.clock.now());
    }

    async fn report(&mut self) -> Result<(), Gone> {
        self.reporter.report(&mut self.subscriptions).await
    }
}

/// A write, which may not take for ever.
async fn write(writing: impl Future<Output = Result<(), SocketError>>) -> Result<(), String> {
    match timeout(WRITE, writing).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the server takes nothing any more".into()),
    }
}
