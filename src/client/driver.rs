//! The one task of a client: connects, serves the connection until it ends, waits, connects again.
//!
//! Here are the clock and the channels; `connection` has the socket while there is one, `news` what to tell
//! of what came. What to say and when is the link's to know, whom to ask is [`Subscriptions`]', what was
//! missed is [`Catchup`]'s; the driver carries values between them. It ends when nobody listens, and for no
//! other reason.

mod connection;
mod news;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use tokio::time::sleep_until;

use super::authorizer::Authorizer;
use super::catchup::Catchup;
use super::connect::{Socket, address, connect, public};
use super::doubles::Doubles;
use super::outage::Outage;
use super::queue::Sender;
use super::reporter::{Gone, Reporter};
use super::retries::Retries;
use super::subscriptions::{Subscriptions, later};
use super::vigil::Vigil;
use super::{Cause, LinkFacts, Off, Options, State, Wishes};
use crate::protocol::Retry;
use crate::time::{Clock, monotonic};
use crate::tls;

/// Runs a client until nobody listens.
pub(super) async fn run(options: Options, clock: Clock, events: Sender, wishes: watch::Receiver<Wishes>) {
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
    Wish,
}

/// What was granted.
struct Granted {
    /// Another token, or none.
    token: bool,
    /// A try at once.
    retry: bool,
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
    fn new(options: Options, clock: Clock, events: Sender, mut wishes: watch::Receiver<Wishes>) -> Self {
        let granted = wishes.borrow_and_update().clone();
        let authorizer = Authorizer::new(&options, granted.token.as_ref());
        let mut subscriptions = Subscriptions::new(&options.topics, &options.names);
        subscriptions.token_changed(authorizer.as_ref().map(|_| ()).map_err(|off| *off));
        let (mut catchup, mut outage) = (Catchup::default(), Outage::default());
        let mut facts = LinkFacts::new(public(&options.url), clock.now());
        if let Some(resume) = &options.resume {
            outage.begin(resume.at);
            catchup.resume(&resume.cursors);
            let known = &resume.cursors.names;
            subscriptions.resume(|name| known.contains_key(&name.to_string()), resume.at);
            facts.heard_at = Some(resume.at);
        }
        Self {
            reporter: Reporter::new(events, facts),
            vigil: Vigil::new(clock.now(), monotonic()),
            clock,
            wishes,
            granted,
            authorizer,
            network: None,
            subscriptions,
            catchup,
            doubles: Doubles::default(),
            retries: Retries::default(),
            established_at: None,
            outage,
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
                        let retry = match &cause {
                            Cause::Settings(_) => Retry::Never,
                            // What a busy server, or a proxy before one, asks for.
                            Cause::NoWebSocket { status } => Retry::WithBackoff { widen: [429, 503].contains(status) },
                            Cause::Closed { .. }
                            | Cause::Lost(_)
                            | Cause::Silent
                            | Cause::TimedOut(_)
                            | Cause::UnknownHost(_)
                            | Cause::Unreachable(_)
                            | Cause::Tls(_)
                            | Cause::NotPusher(_) => Retry::WithBackoff { widen: false },
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
                Wake::Wish => {
                    self.retries.start_over();
                    break;
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
                self.grant();
                Ok(Wake::Wish)
            }
            () = self.reporter.gone() => Err(Gone),
        }
    }

    /// Grants what was wished for since the last time.
    fn grant(&mut self) -> Granted {
        let wishes = self.wishes.borrow_and_update().clone();
        let token = wishes.tokens != self.granted.tokens;
        if token {
            self.authorizer = Authorizer::new(&self.options, wishes.token.as_ref());
            self.subscriptions.token_changed(self.authorizer.as_ref().map(|_| ()).map_err(|off| *off));
        }
        let retry = wishes.retries != self.granted.retries;
        if retry {
            self.subscriptions.retry_now();
        }
        self.granted = wishes;
        Granted { token, retry }
    }

    fn enter(&mut self, state: State) {
        self.reporter.enter(state, self.clock.now());
    }

    async fn report(&mut self) -> Result<(), Gone> {
        self.reporter.report(&mut self.subscriptions).await
    }
}
