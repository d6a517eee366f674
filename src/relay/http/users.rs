//! `POST …/users/{user}/terminate_connections`: a user is sent away, wherever it is signed in.

use hyper::StatusCode;
use serde::Serialize;

use super::{Answer, json};
use crate::relay::Tenant;

/// Closes all connections of a user. Who is not here needs no sending away.
pub fn terminate(tenant: &Tenant, user: &str) -> Answer {
    #[derive(Serialize)]
    struct Done {}
    let closed = tenant.terminate(user);
    tracing::info!(app = tenant.app.id, closed, "the backend terminated a user's connections");
    json(StatusCode::OK, &Done {})
}
