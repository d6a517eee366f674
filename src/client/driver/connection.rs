//! Serves one connection from its first frame to its last: the only `select!` on the socket.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::{Driver, Ended};
use crate::client::authorizer::Answer;
use crate::client::connect::{MESSAGE, Socket};
use crate::client::reporter::Gone;
use crate::client::subscriptions::Try;
use crate::client::{Cause, Event, Odd, Step};
use crate::protocol::link::{End, Link, Output, Signature};
use crate::protocol::{CloseCode, ServerOp, Subscription};
use crate::time::monotonic;

/// How long the server may refuse to take what we say.
const WRITE: Duration = Duration::from_secs(10);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// A connection while it is served.
struct Connection {
    socket: Socket,
    link: Link,
    http: reqwest::Client,
    /// The questions that the auth endpoint is being asked.
    calls: JoinSet<(Subscription, Answer)>,
    /// How the socket broke, should it.
    broke: String,
}

impl Connection {
    /// The socket broke.
    fn broken(&mut self, how: String, now: Instant) {
        self.broke = how;
        self.link.closed(None, now);
    }
}

impl Driver {
    /// Serves a connection until it ends.
    pub(super) async fn serve(&mut self, socket: Socket, http: reqwest::Client) -> Result<Ended, Gone> {
        let mut line = Connection {
            socket,
            link: Link::new(monotonic()),
            http,
            calls: JoinSet::new(),
            broke: "it ended without a close frame".into(),
        };
        self.established_at = None;
        loop {
            if let Some(end) = self.perform(&mut line).await? {
                return Ok(self.ended(end, line).await);
            }
            if self.advance(&mut line) {
                continue;
            }
            self.settle().await?;
            self.report().await?;
            let deadline = self.deadline(&line.link);
            tokio::select! {
                frame = line.socket.next() => self.take(&mut line, frame).await?,
                () = sleep_until(deadline.into()) => {
                    let now = monotonic();
                    if self.vigil.slept(self.clock.now(), now) {
                        line.link.resumed(now);
                    }
                    line.link.on_timeout(now);
                }
                Some(Ok((name, answer))) = line.calls.join_next(), if !line.calls.is_empty() => {
                    let at = (monotonic(), self.clock.now());
                    if let Some(signature) = self.subscriptions.authorized(&name, answer, at, rand::random()) {
                        self.subscribe(&mut line.link, name, Some(signature));
                    }
                }
                wish = self.wishes.changed() => {
                    wish.map_err(|_| Gone)?;
                    let granted = self.grant();
                    if granted.retry {
                        // Whoever asks has a doubt: find out at once whether the server is there.
                        line.link.resumed(monotonic());
                    }
                    if granted.token {
                        // Answers to the old token are of no use, and their names are asked for anew.
                        line.calls = JoinSet::new();
                    }
                }
                () = self.reporter.gone() => {
                    let _ = timeout(GOODBYE, line.socket.close(None)).await;
                    return Err(Gone);
                }
            }
        }
    }

    /// Tries the names whose time has come; whether the link has something to say now.
    fn advance(&mut self, line: &mut Connection) -> bool {
        let now = monotonic();
        let mut said = false;
        while let Some(next) = self.subscriptions.next(now) {
            match (next, &self.authorizer, &self.reporter.facts.socket_id) {
                (Try::Subscribe(name), ..) => {
                    self.subscribe(&mut line.link, name, None);
                    said = true;
                }
                (Try::Authorize(name), Ok(authorizer), Some(socket_id)) => {
                    let call = authorizer.clone().ask(line.http.clone(), socket_id.clone(), name.clone());
                    line.calls.spawn(async move { (name, call.await) });
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

    /// Takes what the socket gave.
    async fn take(
        &mut self,
        line: &mut Connection,
        frame: Option<Result<Message, SocketError>>,
    ) -> Result<(), Gone> {
        let (now, at) = (monotonic(), self.clock.now());
        let odd = match frame {
            Some(Ok(Message::Text(text))) => match ServerOp::parse(&text) {
                Ok(op) => {
                    self.reporter.facts.heard_at = Some(at);
                    line.link.handle(op, now);
                    return Ok(());
                }
                Err(bad) => Some(Odd::new(at, text.as_str().to_owned(), bad.to_string())),
            },
            Some(Ok(Message::Binary(bytes))) => {
                let raw = String::from_utf8_lossy(&bytes).into_owned();
                Some(Odd::new(at, raw, "a binary frame; the protocol has text alone".into()))
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => None,
            Some(Ok(Message::Close(frame))) => {
                let said =
                    frame.map(|frame| (CloseCode(frame.code.into()), frame.reason.as_str().to_owned()));
                line.link.closed(said, now);
                return Ok(());
            }
            Some(Err(error)) => {
                if matches!(&error, SocketError::Capacity(CapacityError::MessageTooLong { .. })) {
                    self.catchup.skip();
                }
                line.broken(breach(&error), now);
                return Ok(());
            }
            None => {
                line.link.closed(None, now);
                return Ok(());
            }
        };
        self.reporter.facts.heard_at = Some(at);
        line.link.alive();
        match odd {
            Some(odd) => self.reporter.tell(Event::Odd(odd)).await,
            None => Ok(()),
        }
    }

    /// Does what the link wants done. Tells how it ended, if it did.
    async fn perform(&mut self, line: &mut Connection) -> Result<Option<End>, Gone> {
        let mut said = false;
        loop {
            while let Some(output) = line.link.poll() {
                match output {
                    Output::End(end) => return Ok(Some(end)),
                    Output::Send(op) => {
                        said = true;
                        let message = Message::text(op.encode());
                        if let Err(error) = write(line.socket.feed(message)).await {
                            line.broken(error, monotonic());
                        }
                    }
                    other => self.note(other).await?,
                }
            }
            // One flush for all that was said.
            if !std::mem::take(&mut said) {
                return Ok(None);
            }
            if let Err(error) = write(line.socket.flush()).await {
                line.broken(error, monotonic());
            }
        }
    }

    async fn ended(&mut self, end: End, mut line: Connection) -> Ended {
        let retry = end.retry();
        let cause = match end {
            End::Closed { code, message } => {
                let _ = timeout(GOODBYE, line.socket.close(None)).await;
                Cause::Closed { code, message }
            }
            End::Lost => Cause::Lost(line.broke),
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

    pub(super) fn deadline(&self, link: &Link) -> Instant {
        [link.deadline(), self.subscriptions.deadline(), self.catchup.deadline(), self.outage.deadline()]
            .into_iter()
            .flatten()
            .fold(self.vigil.next_look(), Instant::min)
    }
}

/// How a socket broke, in words that say what to look for.
fn breach(error: &SocketError) -> String {
    match error {
        SocketError::Capacity(CapacityError::MessageTooLong { size, .. }) => {
            format!("the server sent a message of {size} bytes; more than {MESSAGE} are not taken")
        }
        other => other.to_string(),
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
