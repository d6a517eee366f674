//! `GET …/connections`: how many connections the app has. Reverb's, not Pusher's; Laravel Pulse asks for it.

use hyper::StatusCode;
use serde::Serialize;

use super::{Answer, json};
use crate::relay::Tenant;

/// Counts the app's connections.
pub fn count(tenant: &Tenant) -> Answer {
    #[derive(Serialize)]
    struct Count {
        connections: usize,
    }
    json(StatusCode::OK, &Count { connections: tenant.count() })
}
