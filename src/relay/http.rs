//! The relay's HTTP half: one connection after the other becomes requests, each routed to its noun's file.
//!
//! Heads are bounded in size and time, bodies in both and in their sum. A request for `/app/{key}` hands its
//! socket over to [`super::socket`]; all others are answered here, quickly or with a 503.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::exposure::{Exposure, is_local};
use super::{Relay, tenant::Tenant};

pub mod authorization;
pub mod cors;
pub mod events;
pub mod health;
pub mod upgrade;

/// An answer.
pub type Answer = Response<Full<Bytes>>;

/// How long a request's head may take, and how long a connection may be idle between two.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;
/// How long a body may take.
const BODY_WITHIN: Duration = Duration::from_secs(10);

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
    if let Some(key) = upgrade::key(&path) {
        return if get { upgrade::answer(relay, asked, key) } else { not_allowed("GET") };
    }
    if let Some(id) = events::app_id(&path) {
        return if method == Method::POST {
            events::answer(relay, asked, id).await
        } else {
            not_allowed("POST")
        };
    }
    if let Some(question) = authorization::question(&path) {
        return authorization::answer(relay, asked, question).await;
    }
    match path.as_str() {
        "/live" | "/ready" | "/up" if get => health::answer(),
        "/" if get => health::status(relay),
        "/live" | "/ready" | "/up" | "/" => not_allowed("GET, HEAD"),
        _ => text(StatusCode::NOT_FOUND, "Nothing is served at this path.\n"),
    }
}

/// Whether a request came through a proxy to an app whose secret anybody can guess.
fn too_exposed(tenant: &Tenant, exposure: &Exposure) -> bool {
    exposure.forwarded && tenant.app.has_weak_secret()
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BadBody {
    TooBig,
    TooSlow,
    TooMany,
    Broken,
}

impl BadBody {
    fn status(self) -> StatusCode {
        match self {
            Self::TooBig => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::TooBig => "The request's body is too large.",
            Self::TooSlow => "The request's body took too long.",
            Self::TooMany => "Too many requests at once; try again.",
            Self::Broken => "The request's body broke off.",
        }
    }
}

/// Reads a body of up to `most` bytes. What it returns besides is held while the body is in use.
async fn body(
    relay: &Relay,
    body: Incoming,
    most: usize,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), BadBody> {
    let told = body.size_hint().upper().unwrap_or(most as u64);
    if told > most as u64 {
        return Err(BadBody::TooBig);
    }
    // Counted in kilobytes, rounded up.
    let kilobytes = u32::try_from(told.div_ceil(1024)).map_err(|_| BadBody::TooBig)?;
    let permit = Arc::clone(&relay.bodies).try_acquire_many_owned(kilobytes).map_err(|_| {
        relay.metrics.shed();
        BadBody::TooMany
    })?;
    match tokio::time::timeout(BODY_WITHIN, Limited::new(body, most).collect()).await {
        Err(_) => Err(BadBody::TooSlow),
        Ok(Ok(collected)) => Ok((collected.to_bytes(), Some(permit))),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BadBody::TooBig),
        Ok(Err(_)) => Err(BadBody::Broken),
    }
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
