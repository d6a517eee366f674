//! What an answer says of how the backend is set up, in words for whoever set it up, and how often that is told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use url::Url;

use super::Question;

/// How often one and the same fault is told in the log.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What was told when, so that one fault of the backend does not fill the log.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<&'static str, (Instant, u64)>);

impl Told {
    /// Whether to tell of this kind now: then how many of it were not told since the last.
    pub(super) fn now(&mut self, kind: &'static str, now: Instant) -> Option<u64> {
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
pub(super) enum Fault {
    Redirected(String),
    NoRoute(StatusCode),
    Csrf,
    Failing(StatusCode),
    Page,
}

/// The fault in an answer, if there is one: a refusal is none. Only of signatures it is known what to expect.
pub(super) fn fault(question: Question, answer: &Response<Bytes>) -> Option<Fault> {
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
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Redirected(_) => "redirected",
            Self::NoRoute(_) => "no route",
            Self::Csrf => "csrf",
            Self::Failing(_) => "failing",
            Self::Page => "page",
        }
    }

    pub(super) fn explain(&self, asked: &Url) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

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
            let explained = fault(Question::Channel, &answer)
                .map(|fault| fault.explain(&Url::parse("http://venue.test/x").expect("a URL")));
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
