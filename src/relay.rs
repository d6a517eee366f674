//! The relay: a Pusher-compatible server.
//!
//! Publications come in over HTTP, are given a position and kept for who comes back, and go out to every
//! subscriber. `cli` resolves settings into [`Options`]; nothing in here reads a file or knows a venue.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use self::broker::Bounds;
use self::metrics::Metrics;
use crate::journal;
use crate::protocol::{CloseCode, Subscription};
use crate::time::Clock;

pub mod auth;
pub mod broker;
pub mod cache;
pub mod encode;
pub mod exposure;
pub mod forward;
pub mod http;
pub mod hub;
pub mod interests;
pub mod metrics;
pub mod outbox;
pub mod publish;
pub mod roster;
pub mod socket;
pub mod tenant;
pub mod users;
pub mod webhooks;

pub use auth::{Role, Token, Tokens};
pub use broker::{Engine, OnStoreError};
pub use forward::Forward;
pub use tenant::{App, Limits, Origins, Tenant};
pub use webhooks::{Fact, Hooks, Webhook};

/// Everything that a relay is told at its start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The apps that are served, at least one.
    pub apps: Vec<App>,
    /// Who may join what, for the auth endpoint that the relay answers itself: what stands in the channel at
    /// the moment of a question.
    pub tokens: watch::Receiver<Tokens>,
    /// The backend that is asked for everybody else; none: only the tokens open anything.
    pub auth_forward: Option<Forward>,
    /// How long an event is kept for who comes back; zero keeps nothing.
    pub history: Duration,
    /// Where it is kept.
    pub engine: Engine,
    /// Public names (`admin`, `booking.*`) that only a signature opens to whoever is not local; none: all are
    /// open to everybody.
    pub guard: Vec<Subscription>,
    /// Certificate authorities that webhooks may have, beside the machine's own.
    pub ca_file: Option<PathBuf>,
    /// Tells the wall's time, by which signatures expire.
    pub clock: Clock,
}

/// Why a relay does not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to serve.
    #[error("a relay needs at least one app")]
    NoApp,
    /// There is nowhere to serve it.
    #[error("a relay needs at least one address to listen at")]
    NoListener,
    /// Two apps have the same name.
    #[error("two apps have the {field} \"{value}\"")]
    Twice {
        /// `id` or `key`.
        field: &'static str,
        /// The name.
        value: String,
    },
    /// A secret that anybody can guess, and an address that anybody can reach.
    #[error(
        "app \"{app}\" has a default or short secret (under 16 bytes), and {address} can be reached from other machines: give the app a secret of its own, or listen on localhost"
    )]
    WeakSecret {
        /// The app's id.
        app: String,
        /// Where the relay would listen.
        address: std::net::SocketAddr,
    },
    /// What was kept can't be read.
    #[error(transparent)]
    History(#[from] journal::Error),
    /// A listener failed.
    #[error("cannot listen: {0}")]
    Listener(#[from] std::io::Error),
}

/// A relay that runs.
#[derive(Debug)]
pub struct Relay {
    /// The apps that are served.
    tenants: Vec<Arc<Tenant>>,
    tokens: watch::Receiver<Tokens>,
    auth_forward: Option<Forward>,
    clock: Clock,
    metrics: Arc<Metrics>,
    /// Kilobytes of request bodies that may still be read.
    bodies: Arc<Semaphore>,
    engine: Engine,
}

/// Kilobytes of request bodies in memory, at most.
const BODIES_KB: usize = 64 << 10;
/// How often histories are looked through for what is too old, and crowds are told their number.
const TICK: Duration = Duration::from_secs(5);
/// How long everybody together has to leave; what webhooks are still to be told has two seconds after it.
const DRAIN: Duration = Duration::from_secs(7);
/// Connections are asked to come back in so many steps, so that they don't come all at once …
const DRAIN_STEPS: usize = 80;
/// … with so much time between, unless there are few.
const DRAIN_STEP: Duration = Duration::from_millis(50);

/// Serves until `shutdown` is ready, then says goodbye to everybody (close code 4200) and returns within ten
/// seconds.
pub async fn run(
    listeners: Vec<TcpListener>,
    options: Options,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    check(&listeners, &options)?;
    let metrics = Arc::new(Metrics::default());
    let bounds = Bounds::lasting(options.history);
    let open = |app: App| {
        let ca_file = options.ca_file.clone();
        let hooks =
            Hooks::open(&app.webhooks, &app.key, &app.secret, ca_file, &metrics, options.clock.clone());
        let guard = options.guard.clone();
        Tenant::open(app, guard, bounds, &options.engine, &metrics, hooks).map(Arc::new)
    };
    let relay = Arc::new(Relay {
        tenants: options.apps.into_iter().map(open).collect::<Result<_, _>>()?,
        tokens: options.tokens,
        auth_forward: options.auth_forward,
        clock: options.clock,
        metrics: Arc::clone(&metrics),
        bodies: Arc::new(Semaphore::new(BODIES_KB)),
        engine: options.engine,
    });
    // Every connection holds a sender: when the last is gone, so is the last connection.
    let (alive, mut all_gone) = mpsc::channel(1);
    let (drain, draining) = watch::channel(false);
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(Arc::clone(&relay), listener, alive.clone(), draining.clone()));
    }
    drop((alive, draining));
    let mut tick = tokio::time::interval(TICK);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = shutdown.as_mut() => break,
            _ = tick.tick() => relay.tenants.iter().for_each(|tenant| tenant.tick()),
        }
    }
    relay.tenants.iter().for_each(|tenant| tenant.hooks.drain());
    // Nobody listens to a drain that everybody has left already.
    let _ = drain.send(true);
    let farewell = async {
        loop {
            // Again and again: a handshake may have been under way.
            say_goodbye(&relay).await;
            if tokio::time::timeout(DRAIN_STEP, all_gone.recv()).await.is_ok() {
                break;
            }
        }
    };
    if tokio::time::timeout(DRAIN, farewell).await.is_err() {
        tracing::warn!("some connections did not leave in time");
    }
    futures_util::future::join_all(relay.tenants.iter().map(|tenant| tenant.hooks.finish())).await;
    tracing::info!(counted = ?metrics.snapshot(), "the relay has stopped");
    Ok(())
}

/// Takes connections until the drain, and serves their HTTP until its own end.
async fn accept(
    relay: Arc<Relay>,
    listener: TcpListener,
    alive: mpsc::Sender<()>,
    mut draining: watch::Receiver<bool>,
) {
    let Ok(address) = listener.local_addr() else { return };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = drained(&mut draining) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Frames are written when they are ready; there is nothing to wait for.
                    let _ = stream.set_nodelay(true);
                    let relay = Arc::clone(&relay);
                    let draining = draining.clone();
                    connections.spawn(http::serve(relay, stream, address.ip(), peer.ip(), alive.clone(), draining));
                }
                Err(error) => {
                    // Out of descriptors, most likely: who waits in the queue is served when there are some.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            },
        }
    }
    drop((listener, alive));
    while connections.join_next().await.is_some() {}
}

/// Ready once a drain has begun.
async fn drained(draining: &mut watch::Receiver<bool>) {
    // Without a sender there is no relay any more.
    let _ = draining.wait_for(|draining| *draining).await;
}

/// How long to wait after a connection could not be taken.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Asks everybody to come back: at once if there are few, at a pace if there are many.
async fn say_goodbye(relay: &Relay) {
    let connections: Vec<_> = relay.tenants.iter().flat_map(|tenant| tenant.connected_now()).collect();
    let step = connections.len().div_ceil(DRAIN_STEPS).max(100);
    for (at, some) in connections.chunks(step).enumerate() {
        if at > 0 {
            tokio::time::sleep(DRAIN_STEP).await;
        }
        for connection in some {
            connection.outbox.close(CloseCode::RECONNECT, "the relay is going away; come back at once");
        }
    }
}

/// What must hold before anybody is served, of the listeners that are there.
fn check(listeners: &[TcpListener], options: &Options) -> Result<(), Error> {
    let addresses: Result<Vec<_>, _> = listeners.iter().map(TcpListener::local_addr).collect();
    validate(&addresses?, options)
}

/// Whether a relay would start with these options at these addresses.
///
/// # Errors
/// What it would refuse to start with.
pub fn validate(addresses: &[SocketAddr], options: &Options) -> Result<(), Error> {
    if options.apps.is_empty() {
        return Err(Error::NoApp);
    }
    if addresses.is_empty() {
        return Err(Error::NoListener);
    }
    for (at, app) in options.apps.iter().enumerate() {
        for other in &options.apps[..at] {
            if other.id == app.id {
                return Err(Error::Twice { field: "id", value: app.id.clone() });
            }
            if other.key == app.key {
                return Err(Error::Twice { field: "key", value: app.key.clone() });
            }
        }
        let exposed = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
        if let Some(address) = exposed.filter(|_| app.has_weak_secret()) {
            return Err(Error::WeakSecret { app: app.id.clone(), address: *address });
        }
    }
    Ok(())
}
