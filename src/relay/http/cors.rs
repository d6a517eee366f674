//! Which web pages may ask the auth endpoint: the answers to a browser's questions before the question.

use hyper::StatusCode;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CONTENT_TYPE, HeaderValue, ORIGIN, VARY,
};

use super::{Answer, Asked, text};
use crate::relay::Relay;

/// What Echo, pusher-js and a Laravel page's axios send on their own.
const HEADERS: &str =
    "authorization, content-type, x-socket-id, accept, x-requested-with, x-csrf-token, x-xsrf-token";

/// What a page is told that asks.
#[derive(Clone, Debug)]
pub struct Cors(Option<HeaderValue>);

impl Cors {
    /// Judges the page that asks; one app that lets it in is enough.
    pub fn of(relay: &Relay, asked: &Asked) -> Self {
        let allowed = |origin: &&HeaderValue| {
            let text = origin.to_str().unwrap_or_default();
            relay.tenants.iter().any(|tenant| tenant.app.origins.allow(text))
        };
        Self(asked.request.headers().get(ORIGIN).filter(allowed).cloned())
    }

    /// Lets the page read the answer, if it may. The answer depends on the page either way. What a backend has
    /// said itself of pages stays.
    pub fn apply(self, answer: &mut Answer) {
        if answer.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        answer.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.0 {
            answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
    }
}

/// The answer to the question before the question.
pub fn preflight() -> Answer {
    let mut answer = text(StatusCode::NO_CONTENT, "");
    let headers = answer.headers_mut();
    headers.remove(CONTENT_TYPE);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    answer
}
