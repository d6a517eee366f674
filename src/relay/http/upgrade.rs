//! `GET {any prefix}/app/{key}`: where a connection stops being HTTP.
//!
//! Who is not let in still gets its 101, and then a close frame with the code: without one, a client takes the
//! end for an accident and comes back for ever.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{Answer, Asked, pairs, text, too_exposed};
use crate::protocol::CloseCode;
use crate::protocol::peer::{self, Hello, Output, Peer, SocketId};
use crate::relay::Relay;
use crate::relay::exposure::Exposure;
use crate::relay::socket::{self, Socket};
use crate::relay::tenant::{Seat, Tenant};
use crate::time;

/// The key in a path that asks for a connection.
pub fn key(path: &str) -> Option<&str> {
    let (before, key) = path.rsplit_once('/')?;
    (before.ends_with("/app") && !key.is_empty()).then_some(key)
}

/// Opens a connection.
pub fn answer(relay: &Arc<Relay>, asked: Asked, key: &str) -> Answer {
    let Asked { mut request, exposure, alive } = asked;
    if !is_opening(&request) {
        let mut answer = text(StatusCode::UPGRADE_REQUIRED, "This path is for WebSockets (version 13).\n");
        answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        answer.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return answer;
    }
    let Some(accept) = accept_key(request.headers()) else {
        return text(StatusCode::BAD_REQUEST, "A handshake has one Sec-WebSocket-Key, 16 bytes in Base64.\n");
    };
    let query = pairs(request.uri().query().unwrap_or_default().as_bytes());
    let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let hello =
        Hello { protocol: value("protocol"), native: value("frontdesk") == Some("1"), local: exposure.local };
    let admitted = admit(relay, key, hello, &exposure);
    let upgrade = hyper::upgrade::on(&mut request);
    match admitted {
        Ok((peer, tenant, seat)) => {
            let metrics = Arc::clone(&relay.metrics);
            tokio::spawn(async move {
                if let Some((stream, early)) = stream(upgrade).await {
                    let ended = Socket::new(stream, peer, tenant, metrics, exposure).run(early).await;
                    drop(seat);
                    ended.see_off().await;
                }
                drop(alive);
            });
        }
        Err(told) => {
            relay.metrics.connection_refused();
            tracing::info!(peer = %exposure.peer, "a connection was not let in: {}", reason(&told));
            tokio::spawn(async move {
                if let Some((stream, _)) = stream(upgrade).await {
                    socket::refuse(stream, told).await;
                }
                drop(alive);
            });
        }
    }
    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        answer.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    answer
}

/// The peer's half of a connection that is let in; what is told to one that isn't.
fn admit(
    relay: &Relay,
    key: &str,
    hello: Hello<'_>,
    exposure: &Exposure,
) -> Result<(Peer, Arc<Tenant>, Seat), Vec<Output>> {
    let refuse = |code, reason| Err(peer::refuse(hello.protocol, code, reason));
    let Some(tenant) = relay.tenants.iter().find(|tenant| tenant.app.key == key) else {
        return refuse(CloseCode::UNKNOWN_APP, "no app has this key");
    };
    if !tenant.app.enabled {
        return refuse(CloseCode::APP_DISABLED, "the app is disabled");
    }
    if too_exposed(tenant, exposure) {
        let reason = "the app has a default or short secret, and serves nobody through a proxy";
        return refuse(CloseCode::APP_DISABLED, reason);
    }
    if !tenant.app.origins.admit(exposure.origin.as_deref()) {
        return refuse(CloseCode::UNAUTHORIZED, "Origin not allowed");
    }
    let Some(seat) = tenant.seat() else {
        return refuse(CloseCode::OVER_CAPACITY, "the app has as many connections as it may have");
    };
    let socket_id = SocketId(rand::random(), rand::random());
    let peer = Peer::open(Arc::clone(&tenant.rules), hello, socket_id, time::monotonic())?;
    Ok((peer, Arc::clone(tenant), seat))
}

fn reason(told: &[Output]) -> &'static str {
    told.iter()
        .find_map(|output| match output {
            Output::Close(_, reason) => Some(*reason),
            Output::Send(_)
            | Output::Ping
            | Output::Join { .. }
            | Output::Again(_)
            | Output::Leave { .. }
            | Output::SignIn(_)
            | Output::Pass { .. } => None,
        })
        .unwrap_or_default()
}

/// The raw socket, and what came in after the handshake.
async fn stream(upgrade: impl Future<Output = <OnUpgrade as Future>::Output>) -> Option<(TcpStream, Bytes)> {
    let parts = upgrade.await.ok()?.downcast::<TokioIo<TcpStream>>().ok()?;
    Some((parts.io.into_inner(), parts.read_buf))
}

/// Whether this asks for a WebSocket of the version that is served. `HTTP/1.0` knows no upgrade.
fn is_opening(request: &Request<Incoming>) -> bool {
    let has = |name: HeaderName, token: &str| {
        request
            .headers()
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    request.version() >= Version::HTTP_11
        && has(UPGRADE, "websocket")
        && has(CONNECTION, "upgrade")
        && has(SEC_WEBSOCKET_VERSION, "13")
}

/// What the client's key is answered with, if it is one (RFC 6455, 4.2.1).
fn accept_key(headers: &HeaderMap) -> Option<String> {
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (key, None) = (keys.next()?.as_bytes(), keys.next()) else { return None };
    let digits = key.strip_suffix(b"==")?;
    let base64 = digits.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    (digits.len() == 22 && base64).then(|| derive_accept_key(key))
}
