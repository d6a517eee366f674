//! The relay: a Pusher-compatible server.
//!
//! Publications come in over HTTP, are given a position and kept for who comes back, and go out to every
//! subscriber. `cli` resolves settings into [`Options`]; nothing in here reads a file or knows a venue.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::time::Clock;

pub mod auth;
pub mod tenant;

pub use auth::{Role, Token, Tokens};
pub use tenant::{App, Limits, Origins};

/// Everything that a relay is told at its start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The apps that are served, at least one.
    pub apps: Vec<App>,
    /// Who may join what, for the auth endpoint that the relay answers itself.
    pub tokens: Tokens,
    /// How long an event is kept for who comes back; zero keeps nothing.
    pub history: Duration,
    /// Public names (`admin`, `booking.*`) that only a signature opens to whoever is not local; none: all are
    /// open to everybody.
    pub guard: Vec<crate::protocol::Subscription>,
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
    /// A listener failed.
    #[error("cannot listen: {0}")]
    Listener(#[from] std::io::Error),
}

/// Serves until `shutdown` is ready, then says goodbye to everybody (close code 4200) and returns within ten
/// seconds.
pub async fn run(
    listeners: Vec<TcpListener>,
    options: Options,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    check(&listeners, &options)?;
    shutdown.await;
    Ok(())
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
