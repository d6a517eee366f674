//! The backend behind the auth endpoint: what is asked of the relay is asked of it, and answered as it answers.
//!
//! A question goes on with the headers that it needs and no others, an answer comes back with its status, its
//! body and the headers that mean something to whoever asked. No redirect is followed. Whatever the backend
//! does wrong is passed on as it is, and explained in the log, once a minute at most; where there is no answer,
//! [`NoAnswer`] says so. Both sides are bounded: in time, in bytes, in how many at once.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_LANGUAGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION,
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    ORIGIN, REFERER, RETRY_AFTER, SET_COOKIE, USER_AGENT, VARY, VIA, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode, http::request};
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::webhooks::address::{Resolver, is_link_local};
use crate::answer::{self, Answer};
use crate::{time, tls};

/// Questions under way at a time.
const AT_ONCE: usize = 256;
/// How often one and the same fault is told in the log.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The headers of a question that go on, beside `X-Forwarded-For` and `Via`.
const ASKED: [HeaderName; 11] = [
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
];
/// The same, of Laravel's and Echo's own making.
const ASKED_BY_PAGES: [HeaderName; 3] = [
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

/// Text that names no backend.
#[derive(Debug, thiserror::Error)]
pub enum BadTarget {
    /// Not an address of a web server.
    #[error("expected http://host:port, or with a path the auth endpoint itself")]
    Url,
    /// An address of which nothing good can come.
    #[error("expected no link-local address: those are for machines, not for a Laravel")]
    LinkLocal,
    /// There is no client to ask with.
    #[error(transparent)]
    Tls(#[from] tls::Error),
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

/// Where each question is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target(Url);

impl Target {
    fn parse(url: &Url) -> Result<Self, BadTarget> {
        let named = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !named {
            return Err(BadTarget::Url);
        }
        let link_local = match url.host().ok_or(BadTarget::Url)? {
            // What a name leads to is judged each time that it is looked up.
            Host::Domain(_) => false,
            Host::Ipv4(ip) => is_link_local(IpAddr::V4(ip)),
            Host::Ipv6(ip) => is_link_local(IpAddr::V6(ip)),
        };
        if link_local { Err(BadTarget::LinkLocal) } else { Ok(Self(url.clone())) }
    }

    /// A target without a path is asked at the path that was asked here. One with a path is the endpoint for
    /// channels, as it is; users are beside it, everything else is where desks look for it, at the origin.
    fn of(&self, question: Question, path: &str, query: Option<&str>) -> Url {
        let mut url = self.0.clone();
        if url.path() == "/" {
            url.set_path(path);
        } else {
            match (question, url.path().strip_suffix("/auth").map(|before| format!("{before}/user-auth"))) {
                (Question::Channel, _) => {}
                (Question::User, Some(beside)) => url.set_path(&beside),
                (Question::User, None) | (Question::Bearer | Question::Login, _) => {
                    url.set_path(path);
                    url.set_query(None);
                }
            }
        }
        if let Some(query) = query {
            let joined = url.query().map_or_else(|| query.to_owned(), |own| format!("{own}&{query}"));
            url.set_query(Some(&joined));
        }
        url
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

/// What was told when, so that one fault of the backend does not fill the log.
#[derive(Debug, Default)]
struct Told(HashMap<&'static str, (Instant, u64)>);

impl Told {
    /// Whether to tell of this kind now: then how many of it were not told since the last.
    fn now(&mut self, kind: &'static str, now: Instant) -> Option<u64> {
        match self.0.get_mut(kind) {
            Some((at, untold)) if now.saturating_duration_since(*at) < TELL_EVERY => {
                *untold += 1;
                None
            }
            known => {
                let untold = known.map_or(0, |(_, untold)| *untold);
                self.0.insert(kind, (now, 0));
                Some(untold)
            }
        }
    }
}

/// What an answer says of how the backend is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Redirected(String),
    NoRoute(StatusCode),
    Csrf,
    Failing(StatusCode),
    Page,
}

/// The fault in an answer, if there is one: a refusal is none. Only of signatures it is known what to expect.
fn fault(question: Question, answer: &Response<Bytes>) -> Option<Fault> {
    match question {
        Question::Channel | Question::User => {}
        Question::Bearer | Question::Login => return None,
    }
    let text = |name| answer.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let status = answer.status();
    match status.as_u16() {
        200 if text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html")) => Some(Fault::Page),
        300..=399 => Some(Fault::Redirected(text(LOCATION).unwrap_or_default().to_owned())),
        404 | 405 => Some(Fault::NoRoute(status)),
        419 => Some(Fault::Csrf),
        500..=599 => Some(Fault::Failing(status)),
        _ => None,
    }
}

impl Fault {
    fn kind(&self) -> &'static str {
        match self {
            Self::Redirected(_) => "redirected",
            Self::NoRoute(_) => "no route",
            Self::Csrf => "csrf",
            Self::Failing(_) => "failing",
            Self::Page => "page",
        }
    }

    fn explain(&self, asked: &Url) -> String {
        match self {
            Self::Redirected(to) => format!(
                "{asked} redirects to {to}: it takes who asks for a browser that is not logged in. Ask with \
                 `Accept: application/json` and a bearer token, of a route with the middleware auth:sanctum"
            ),
            Self::NoRoute(status) => format!(
                "nothing is at {asked} ({status}): the application registers its broadcasting routes elsewhere, \
                 or not at all. `php artisan route:list` shows where; --auth-forward takes that whole address"
            ),
            Self::Csrf => format!(
                "{asked} wants a CSRF token (419): the route is in the group web. Register it with the middleware \
                 api and auth:sanctum"
            ),
            Self::Failing(status) => format!(
                "{asked} fails ({status}); storage/logs/laravel.log says why. Without a token and without `Accept: \
                 application/json` it is often `Route [login] not defined`"
            ),
            Self::Page => format!(
                "{asked} answers with a web page instead of a signature, a login page most likely; is \
                 --auth-forward right?"
            ),
        }
    }
}

/// Whether a question has been passed on by the relay of this name.
fn passed_on_by(headers: &HeaderMap, name: &str) -> bool {
    let hops = headers.get_all(VIA).iter().filter_map(|value| value.to_str().ok());
    hops.flat_map(|value| value.split(',')).any(|hop| hop.split_whitespace().nth(1) == Some(name))
}

fn question_headers(asked: &HeaderMap, name: &str, peer: IpAddr) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for passed in ASKED.iter().chain(&ASKED_BY_PAGES) {
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

    fn url(text: &str) -> Url {
        text.parse().expect(text)
    }

    #[test]
    fn each_question_has_its_place() {
        use Question::{Bearer, Channel, Login, User};
        let origin = "http://127.0.0.1:8000";
        let endpoint = "https://venue.test/app/broadcasting/auth";
        let odd = "https://venue.test/sign?x=1";
        let cases = [
            (origin, Channel, "/api/broadcasting/auth", "http://127.0.0.1:8000/api/broadcasting/auth"),
            (origin, Channel, "/broadcasting/auth", "http://127.0.0.1:8000/broadcasting/auth"),
            (origin, User, "/pusher/user-auth", "http://127.0.0.1:8000/pusher/user-auth"),
            (origin, Bearer, "/api/user", "http://127.0.0.1:8000/api/user"),
            (endpoint, Channel, "/api/broadcasting/auth", endpoint),
            (endpoint, User, "/pusher/user-auth", "https://venue.test/app/broadcasting/user-auth"),
            (endpoint, Bearer, "/api/user", "https://venue.test/api/user"),
            (endpoint, Login, "/api/login", "https://venue.test/api/login"),
            (odd, Channel, "/broadcasting/auth", odd),
            (odd, User, "/pusher/user-auth", "https://venue.test/pusher/user-auth"),
            (odd, Login, "/api/login", "https://venue.test/api/login"),
        ];
        for (target, question, path, expected) in cases {
            let target = Target::parse(&url(target)).expect(target);
            assert_eq!(target.of(question, path, None).as_str(), expected);
        }
        let target = Target::parse(&url(odd)).expect(odd);
        assert_eq!(target.of(Channel, "/x", Some("a=%20b")).as_str(), "https://venue.test/sign?x=1&a=%20b");
    }

    #[test]
    fn what_is_no_backend_is_refused() {
        for bad in ["ftp://venue.test", "http://sari@venue.test", "http://venue.test/#x"] {
            assert!(matches!(Target::parse(&url(bad)), Err(BadTarget::Url)), "{bad}");
        }
        for bad in ["http://169.254.169.254", "http://[fe80::1]/", "http://[::ffff:169.254.0.1]:80"] {
            assert!(matches!(Target::parse(&url(bad)), Err(BadTarget::LinkLocal)), "{bad}");
        }
        for good in ["http://127.0.0.1:8000", "http://10.0.0.7/x", "https://venue.test", "http://[fd00::1]"] {
            assert!(Target::parse(&url(good)).is_ok(), "{good}");
        }
    }

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

    #[test]
    fn one_fault_is_told_once_a_minute_with_the_number_of_the_others() {
        let mut told = Told::default();
        let start = time::monotonic();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(told.now("csrf", at(0)), Some(0));
        assert_eq!(told.now("page", at(1)), Some(0));
        for second in 1..60 {
            assert_eq!(told.now("csrf", at(second)), None);
        }
        assert_eq!(told.now("csrf", at(60)), Some(59));
        assert_eq!(told.now("csrf", at(121)), Some(0));
    }

    #[test]
    fn every_answer_that_is_no_answer_of_an_endpoint_is_explained_and_a_refusal_is_none() {
        for status in 100..=999 {
            let mut answer = Response::new(Bytes::new());
            *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
            answer.headers_mut().insert(LOCATION, HeaderValue::from_static("/login"));
            let expected = match status {
                300..=399 => Some("redirects to /login"),
                404 | 405 => Some("route:list"),
                419 => Some("CSRF"),
                500..=599 => Some("laravel.log"),
                _ => None,
            };
            let explained =
                fault(Question::Channel, &answer).map(|fault| fault.explain(&url("http://venue.test/x")));
            assert_eq!(explained.is_some(), expected.is_some(), "{status}");
            for (words, expected) in explained.iter().zip(expected) {
                assert!(words.contains(expected) && words.contains("http://venue.test/x"), "{words}");
            }
            assert_eq!(fault(Question::Login, &answer), None);
        }
        let mut page = Response::new(Bytes::new());
        page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
        assert_eq!(fault(Question::User, &page), Some(Fault::Page));
    }
}
