//! Whether the relay is alive: for load balancers, supervisors, and whoever opens its address in a browser.

use hyper::StatusCode;

use super::{Answer, text};
use crate::relay::Relay;
use crate::relay::broker::{Engine, OnStoreError};

/// The relay answers, so it is alive.
pub fn answer() -> Answer {
    text(StatusCode::OK, "OK\n")
}

/// Whether it does all that it is there for. While it refuses to publish it does not; while it delivers what it
/// can't keep it does, and says so.
pub fn ready(relay: &Relay) -> Answer {
    let Engine::Journal { on_store_error, .. } = &relay.engine else { return answer() };
    let Some(reason) = relay.tenants.iter().find_map(|tenant| tenant.broker.healthy().err()) else {
        return answer();
    };
    match on_store_error {
        OnStoreError::Refuse => text(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("Events are refused, because they can't be kept: {reason}\n"),
        ),
        OnStoreError::Deliver => {
            text(StatusCode::OK, format!("OK, but events are delivered without being kept: {reason}\n"))
        }
    }
}

/// A plain page that says what this is. Names no key and no app.
pub fn status(relay: &Relay) -> Answer {
    let connections: usize = relay.tenants.iter().map(|tenant| tenant.count()).sum();
    let page = format!(
        "frontdesk relay {}\n\nIt speaks the Pusher Channels protocol at /app/{{key}}.\n\nApps: {}\nConnections: {connections}\n",
        env!("CARGO_PKG_VERSION"),
        relay.tenants.len(),
    );
    text(StatusCode::OK, page)
}
