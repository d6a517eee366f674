//! The relay's HTTP half: one connection after the other becomes requests, each routed to its noun's file.
//!
//! Heads are bounded in size and time here, bodies in [`body`]. A request for `/app/{key}` hands its socket over
//! to [`super::socket`], one for `/apps/{id}/…` goes to [`api`]; all are answered quickly or with a 503.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use self::api::{Place, Refusal};
use self::body::{BadBody, Unread};
use super::exposure::{Exposure, is_local};
use super::{Relay, tenant::Tenant};

pub mod api;
pub mod authorization;
pub mod batch_events;
pub mod body;
pub mod channels;
pub mod connections;
pub mod cors;
pub mod events;
pub mod health;
pub mod info;
pub mod query;
pub mod signature;
pub mod upgrade;
pub mod users;

/// An answer.
pub type Answer = Response<Full<Bytes>>;

/// How long a request's head may take, and how long a connection may be idle between two.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;

/// A request, and what is known of where it came from.
#[derive(Debug)]
pub struct Asked {
    /// The request.
    pub request: Request<Incoming>,
    /// Where it came from.
    pub exposure: Exposure,
    /// Held by every connection, so that a drain knows when the last is gone.
    pub alive: mpsc::Sender<()>,
}

/// Serves one connection until its end, or hands it over.
pub async fn serve(
    relay: Arc<Relay>,
    stream: TcpStream,
    listener: IpAddr,
    peer: IpAddr,
    alive: mpsc::Sender<()>,
    mut draining: watch::Receiver<bool>,
) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let exposure = is_local(listener, peer, request.headers());
        let asked = Asked { request, exposure, alive: alive.clone() };
        let relay = Arc::clone(&relay);
        async move { Ok::<_, Infallible>(route(&relay, asked).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = super::drained(&mut draining) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "an HTTP connection ended early");
    }
}

async fn route(relay: &Arc<Relay>, asked: Asked) -> Answer {
    let path = asked.request.uri().path().to_owned();
    let method = asked.request.method().clone();
    let get = method == Method::GET || method == Method::HEAD;
    if !names_one_host(&asked.request) {
        return text(StatusCode::BAD_REQUEST, "A request has one Host header.\n");
    }
    // The API first: what it names may be called "app", and look like a connection's path.
    if let Some(place) = Place::parse(&path) {
        return api::answer(relay, asked, &place).await;
    }
    if let Some(key) = upgrade::key(&path) {
        return if method == Method::GET { upgrade::answer(relay, asked, key) } else { not_allowed("GET") };
    }
    if let Some(question) = authorization::question(&path) {
        return authorization::answer(relay, asked, question).await;
    }
    match path.as_str() {
        "/ready" if get => health::ready(relay),
        "/live" | "/up" if get => health::answer(),
        "/" if get => health::status(relay),
        "/live" | "/ready" | "/up" | "/" => not_allowed("GET, HEAD"),
        // Nearly the API, so whoever asks reads its errors.
        path if path.contains("/apps/") => {
            Refusal::new(StatusCode::NOT_FOUND, "the API has nothing at this path").answer()
        }
        _ => text(StatusCode::NOT_FOUND, "Nothing is served at this path.\n"),
    }
}

/// Whether the request has the one `Host` that HTTP/1.1 demands (RFC 9112, 3.2).
fn names_one_host(request: &Request<Incoming>) -> bool {
    let hosts = request.headers().get_all(HOST).iter().count();
    hosts == 1 || (hosts == 0 && request.version() < Version::HTTP_11)
}

/// Whether a request came through a proxy to an app whose secret anybody can guess.
fn too_exposed(tenant: &Tenant, exposure: &Exposure) -> bool {
    exposure.forwarded && tenant.app.has_weak_secret()
}

/// Reads a body of up to `most` bytes. What it returns besides is held while the body is in use.
async fn body(
    relay: &Relay,
    incoming: Incoming,
    most: usize,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), BadBody> {
    Unread::new(&HeaderMap::new(), incoming).read(relay, most).await
}

/// The decoded pairs of a query or form.
fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    answer
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    answer(status, "text/plain; charset=utf-8", body)
}

fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(body) => answer(status, "application/json", body),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "The answer cannot be written.\n"),
    }
}

fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "This path has other methods.\n");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}
