//! Whether the relay is alive: for load balancers, supervisors, and whoever opens its address in a browser.

use hyper::StatusCode;

use super::{Answer, text};
use crate::relay::Relay;

/// The relay answers, so it is alive and ready.
pub fn answer() -> Answer {
    text(StatusCode::OK, "OK\n")
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
