//! The backend behind the auth endpoint: what is asked of the relay is asked of it, and answered as it answers.
//!
//! A question goes on with the headers that it needs and no others, an answer comes back with its status, its
//! body and the headers that mean something to whoever asked. No redirect is followed. Whatever the backend
//! does wrong is passed on as it is, and explained in the log, once a minute at most; where there is no answer,
//! [`NoAnswer`] says so. Both sides are bounded: in time, in bytes, in how many at once.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_LANGUAGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION,
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    ORIGIN, REFERER, RETRY_AFTER, SET_COOKIE, USER_AGENT, VARY, VIA, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode, http::request};
use tokio::sync::Semaphore;
use url::Url;

use self::fault::{Told, fault};
use self::target::Target;
use super::webhooks::address::Resolver;
use crate::answer::{self, Answer};
use crate::{time, tls};

mod fault;
mod target;

pub use target::BadTarget;

/// Questions under way at a time.
const AT_ONCE: usize = 256;

/// The headers of a question that go on, beside `X-Forwarded-For` and `Via`.
const ASKED: [HeaderName; 14] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    ACCEPT,
    ACCEPT_LANGUAGE,
    COOKIE,
    ORIGIN,
    REFERER,
    USER_AGENT,
    ACCESS_CONTROL_REQUEST_METHOD,
    ACCESS_CONTROL_REQUEST_HEADERS,
    HeaderName::from_static("x-requested-with"),
    HeaderName::from_static("x-socket-id"),
    HeaderName::from_static("x-csrf-token"),
    HeaderName::from_static("x-xsrf-token"),
];
/// The headers of an answer that come back, beside those of CORS.
const ANSWERED: [HeaderName; 8] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CACHE_CONTROL,
    RETRY_AFTER,
    SET_COOKIE,
    LOCATION,
    VARY,
    WWW_AUTHENTICATE,
];
const CORS: &str = "access-control-";
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether one may join a channel.
    Channel,
    /// Who one is to the other users of an app.
    User,
    /// Whose a token is.
    Bearer,
    /// For a token, in exchange for an e-mail address and a password.
    Login,
}

/// The backend that is asked. Cheap to clone.
#[derive(Clone)]
pub struct Forward(Arc<Inner>);

struct Inner {
    target: Target,
    http: reqwest::Client,
    /// By what this relay knows a question that it has passed on itself.
    name: String,
    room: Semaphore,
    told: Mutex<Told>,
}

/// Why a question has no answer. Its text is for the log, and for who asks from this machine; for others is what
/// it says [`NoAnswer::in_general`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The question has been here before.
    #[error("{0} leads back to this relay; --auth-forward has to name the backend itself")]
    Loop(Url),
    /// Enough questions are under way.
    #[error("{AT_ONCE} questions to {0} are under way already; try again")]
    Busy(Url),
    /// Nobody is there, or the connection broke.
    #[error("nothing comes from {0}: {1}; is the backend running there, and is --auth-forward right?")]
    Unreachable(Url, String),
    /// It takes too long.
    #[error("{0} did not answer within ten seconds; its own log may say why")]
    TimedOut(Url),
    /// It says too much.
    #[error("{0} answered with more than {kib} KiB, which no auth endpoint does; is --auth-forward right?", kib = answer::LONGEST / 1024)]
    TooLong(Url),
}

impl NoAnswer {
    /// The same without where the backend is, which is nobody else's business.
    pub fn in_general(&self) -> &'static str {
        match self {
            Self::Loop(_) => "The backend behind this relay is the relay itself; --auth-forward is wrong.",
            Self::Busy(_) => "The backend behind this relay has much to do; try again.",
            Self::Unreachable(..) => {
                "The backend behind this relay cannot be reached; the relay's log says why."
            }
            Self::TimedOut(_) => "The backend behind this relay does not answer in time.",
            Self::TooLong(_) => "The backend behind this relay answers with too much.",
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Loop(_) => "loop",
            Self::Busy(_) => "busy",
            Self::Unreachable(..) => "unreachable",
            Self::TimedOut(_) => "timed out",
            Self::TooLong(_) => "too long",
        }
    }

    /// The status by which it is told.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Loop(_) => StatusCode::LOOP_DETECTED,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable(..) | Self::TooLong(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl Forward {
    /// A backend at this address: without a path the paths that are asked here are asked there, with one it is
    /// the auth endpoint itself. `ca_file` holds authorities to trust beside the machine's own.
    ///
    /// # Errors
    /// It is no such address, or the certificates can't be read.
    pub fn to(url: &Url, ca_file: Option<&Path>) -> Result<Self, BadTarget> {
        let target = Target::parse(url)?;
        let http =
            tls::http_client_builder(ca_file)?.dns_resolver(Resolver).build().map_err(tls::Error::Http)?;
        let name = format!("frontdesk-{:016x}", rand::random::<u64>());
        let room = Semaphore::new(AT_ONCE);
        Ok(Self(Arc::new(Inner { target, http, name, room, told: Mutex::default() })))
    }

    /// Where channels are asked for.
    pub fn endpoint(&self) -> Url {
        self.0.target.of(Question::Channel, "/api/broadcasting/auth", None)
    }

    /// Asks on behalf of `peer`, and gives what is answered.
    ///
    /// # Errors
    /// There is no answer. That has been told in the log then.
    pub async fn ask(
        &self,
        question: Question,
        head: &request::Parts,
        body: Bytes,
        peer: IpAddr,
    ) -> Result<Response<Bytes>, NoAnswer> {
        let url = self.0.target.of(question, head.uri.path(), head.uri.query());
        // The query may say who asks for what.
        let mut shown = url.clone();
        shown.set_query(None);
        let answered = self.exchange(url, &shown, head, body, peer).await;
        match &answered {
            Ok(answer) => {
                if let Some(fault) = fault(question, answer) {
                    self.tell(fault.kind(), &fault.explain(&shown));
                }
            }
            Err(none) => self.tell(none.kind(), &none.to_string()),
        }
        answered
    }

    async fn exchange(
        &self,
        url: Url,
        shown: &Url,
        head: &request::Parts,
        body: Bytes,
        peer: IpAddr,
    ) -> Result<Response<Bytes>, NoAnswer> {
        let Inner { http, name, room, .. } = &*self.0;
        if passed_on_by(&head.headers, name) {
            return Err(NoAnswer::Loop(shown.clone()));
        }
        let _room = room.try_acquire().map_err(|_| NoAnswer::Busy(shown.clone()))?;
        let headers = question_headers(&head.headers, name, peer);
        let request = http.request(head.method.clone(), url).headers(headers).body(body);
        let given = Answer::to(request).await.map_err(|error| match error {
            answer::Error::TimedOut => NoAnswer::TimedOut(shown.clone()),
            answer::Error::Unreachable(why) => NoAnswer::Unreachable(shown.clone(), why),
            answer::Error::TooLong { .. } => NoAnswer::TooLong(shown.clone()),
        })?;
        let mut answer = Response::new(Bytes::from(given.body));
        *answer.status_mut() = given.status;
        *answer.headers_mut() = answer_headers(&given.headers);
        Ok(answer)
    }

    fn tell(&self, kind: &'static str, words: &str) {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(untold) = told.now(kind, time::monotonic()) {
            tracing::warn!(untold, "forwarding to the backend: {words}");
        }
    }
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Forward").field(&self.endpoint().as_str()).finish()
    }
}

/// Whether a question has been passed on by the relay of this name.
fn passed_on_by(headers: &HeaderMap, name: &str) -> bool {
    let hops = headers.get_all(VIA).iter().filter_map(|value| value.to_str().ok());
    hops.flat_map(|value| value.split(',')).any(|hop| hop.split_whitespace().nth(1) == Some(name))
}

fn question_headers(asked: &HeaderMap, name: &str, peer: IpAddr) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for passed in &ASKED {
        for value in asked.get_all(passed) {
            headers.append(passed.clone(), value.clone());
        }
    }
    for (appended, own) in [(FORWARDED_FOR, peer.to_string()), (VIA, format!("1.1 {name}"))] {
        let before = asked.get_all(&appended).iter().filter_map(|value| value.to_str().ok());
        let joined = before.chain([own.as_str()]).collect::<Vec<_>>().join(", ");
        if let Ok(value) = HeaderValue::from_str(&joined) {
            headers.insert(appended, value);
        }
    }
    headers
}

fn answer_headers(answered: &HeaderMap) -> HeaderMap {
    let means_something = |name: &HeaderName| ANSWERED.contains(name) || name.as_str().starts_with(CORS);
    let passed = answered.iter().filter(|(name, _)| means_something(name));
    let mut headers = HeaderMap::new();
    for (name, value) in passed {
        headers.append(name.clone(), value.clone());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_has_been_here_is_known_among_all_others() {
        let via = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(VIA, HeaderValue::from_static(value));
            }
            headers
        };
        for (values, known) in [
            (&["1.1 frontdesk-a"][..], true),
            (&["1.0 fred, 1.1 frontdesk-a (relay)"], true),
            (&["1.1 nginx", "1.1 frontdesk-a"], true),
            (&["1.1 frontdesk-b, HTTP/1.1 frontdesk-ab"], false),
            (&[], false),
        ] {
            assert_eq!(passed_on_by(&via(values), "frontdesk-a"), known, "{values:?}");
        }
    }
}
