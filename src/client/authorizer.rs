//! Asks the backend whether this connection may hear a channel, and reads its answer.
//!
//! One `POST` per channel, as laravel-echo makes it, but with `Accept: application/json`: without it a
//! Laravel answers a bad token with a redirect to a login page. The token goes to the endpoint's origin
//! alone, over plain http to this machine alone (unless the settings allow more), and along no redirect.
//! Every answer that a Laravel is known to give has a [`Refusal`] of its own.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderValue, LOCATION, RETRY_AFTER};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

use super::{Off, Options, Refusal, Token};
use crate::answer;
use crate::protocol::Subscription;
use crate::protocol::link::Signature;
use crate::tls;

/// What the endpoint said to one question.
pub(super) type Answer = Result<Signature, Denial>;

/// A refusal, and how long the endpoint wants to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denial {
    pub(super) why: Refusal,
    pub(super) retry_after: Option<Duration>,
}

impl From<Refusal> for Denial {
    fn from(why: Refusal) -> Self {
        Self { why, retry_after: None }
    }
}

/// Where to ask, and as whom: proof that the token may go there.
#[derive(Clone, Debug)]
pub(super) struct Authorizer {
    endpoint: Url,
    bearer: HeaderValue,
    key: String,
}

impl Authorizer {
    /// The authorizer for these options and this token, or why nobody may be asked.
    pub(super) fn new(options: &Options, token: Option<&Token>) -> Result<Self, Off> {
        let token = token.filter(|token| !token.secret.expose_secret().is_empty()).ok_or(Off::NoToken)?;
        let endpoint = options.auth_endpoint.clone().ok_or(Off::NoEndpoint)?;
        if token.origin.as_ref().is_some_and(|origin| *origin != endpoint.origin()) {
            return Err(Off::OtherOrigin);
        }
        if !tls::is_safe(&endpoint) && !options.insecure_auth {
            return Err(Off::UnsafeEndpoint);
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.secret.expose_secret()))
            .map_err(|_| Off::UnusableToken)?;
        bearer.set_sensitive(true);
        Ok(Self { endpoint, bearer, key: options.key.clone() })
    }

    /// Asks for one name on one connection.
    pub(super) async fn ask(self, http: reqwest::Client, socket_id: String, name: Subscription) -> Answer {
        let form = [("socket_id", socket_id), ("channel_name", name.to_string())];
        let request = http
            .post(self.endpoint.clone())
            .header(reqwest::header::AUTHORIZATION, self.bearer.clone())
            .header(ACCEPT, "application/json")
            .form(&form);
        let answer = answer::Answer::to(request).await.map_err(|error| failed(&error))?;
        let location = answer.header(LOCATION).map(str::to_owned);
        let retry_after = answer.header(RETRY_AFTER).and_then(seconds);
        read(answer.status, location, &answer.body, &self.key).map_err(|why| Denial { why, retry_after })
    }
}

/// `Retry-After` in seconds, up to an hour; its form as a date is rare, and then the usual wait applies.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(|seconds: u64| Duration::from_secs(seconds.min(3600)))
}

fn failed(error: &answer::Error) -> Denial {
    match error {
        answer::Error::TimedOut => Refusal::TimedOut,
        answer::Error::Unreachable(cause) => Refusal::Unreachable(cause.clone()),
        answer::Error::TooLong { status } => {
            Refusal::BadAnswer { status: status.as_u16(), reason: error.to_string() }
        }
    }
    .into()
}

/// Judges an answer by its status, then by its body.
fn read(status: StatusCode, location: Option<String>, body: &[u8], key: &str) -> Result<Signature, Refusal> {
    match status.as_u16() {
        200 | 201 => signature(status.as_u16(), body, key),
        300..=399 => Err(Refusal::Redirected { to: location.unwrap_or_default() }),
        401 => Err(Refusal::LogIn),
        403 => Err(Refusal::NotAllowed),
        404 | 405 => Err(Refusal::NoEndpoint { status: status.as_u16() }),
        419 => Err(Refusal::Csrf),
        429 => Err(Refusal::Busy),
        500..=599 => Err(Refusal::Failing { status: status.as_u16() }),
        status => Err(Refusal::BadAnswer { status, reason: "an unexpected status".into() }),
    }
}

fn signature(status: u16, body: &[u8], key: &str) -> Result<Signature, Refusal> {
    let bad = |reason: &str| Refusal::BadAnswer { status, reason: reason.into() };
    let answer: Value = serde_json::from_slice(body).map_err(|_| {
        let page = body.trim_ascii_start().starts_with(b"<");
        bad(if page { "a web page instead of JSON" } else { "it is not JSON" })
    })?;
    let auth = answer.get("auth").and_then(Value::as_str).ok_or_else(|| bad("it has no \"auth\""))?;
    let (theirs, _) = auth.split_once(':').ok_or_else(|| bad("its \"auth\" is not key:signature"))?;
    if theirs != key {
        return Err(Refusal::OtherApp { key: theirs.to_owned() });
    }
    // Laravel sends the member as text; whoever sends an object did not sign this text, but may have.
    let channel_data = match answer.get("channel_data") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    Ok(Signature { auth: auth.to_owned(), channel_data })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::SecretString;

    use super::*;

    fn options(endpoint: Option<&str>) -> Options {
        Options {
            url: Url::parse("ws://localhost:6001").expect("a URL"),
            key: "app-key".into(),
            topics: Vec::new(),
            auth_endpoint: endpoint.map(|text| Url::parse(text).expect(text)),
            token: None,
            native: true,
            insecure_auth: false,
            ca_file: None,
            names: BTreeMap::new(),
            resume: None,
        }
    }

    fn token(text: &str, origin: Option<&str>) -> Token {
        let origin = origin.map(|text| Url::parse(text).expect(text).origin());
        Token { secret: SecretString::from(text), origin }
    }

    fn told(status: u16, body: &str) -> Result<Signature, Refusal> {
        read(
            StatusCode::from_u16(status).expect("a status"),
            Some("/login".into()),
            body.as_bytes(),
            "app-key",
        )
    }

    #[test]
    fn every_status_has_its_reason() {
        for status in 100..=999 {
            let refusal = told(status, "{}").expect_err("no signature in it");
            let expected = match status {
                300..=399 => Refusal::Redirected { to: "/login".into() },
                401 => Refusal::LogIn,
                403 => Refusal::NotAllowed,
                404 | 405 => Refusal::NoEndpoint { status },
                419 => Refusal::Csrf,
                429 => Refusal::Busy,
                500..=599 => Refusal::Failing { status },
                200 | 201 => Refusal::BadAnswer { status, reason: "it has no \"auth\"".into() },
                _ => Refusal::BadAnswer { status, reason: "an unexpected status".into() },
            };
            assert_eq!(refusal, expected, "{status}");
        }
    }

    #[test]
    fn a_signature_is_taken_as_it_came_and_only_of_our_app() {
        let signed = |auth: &str, data: Option<&str>| Signature {
            auth: auth.into(),
            channel_data: data.map(Into::into),
        };
        assert_eq!(told(200, r#"{"auth":"app-key:00"}"#), Ok(signed("app-key:00", None)));
        let presence = r#"{"auth":"app-key:00","channel_data":"{\"user_id\":3}"}"#;
        assert_eq!(told(200, presence), Ok(signed("app-key:00", Some(r#"{"user_id":3}"#))));
        assert_eq!(told(200, r#"{"auth":"other:00"}"#), Err(Refusal::OtherApp { key: "other".into() }));
        for nothing in ["", "<html>", "[]", "7", r#"{"auth":7}"#, r#"{"auth":"app-key"}"#, "true"] {
            assert!(matches!(told(200, nothing), Err(Refusal::BadAnswer { status: 200, .. })), "{nothing}");
        }
    }

    #[test]
    fn every_captured_answer_of_a_laravel_is_understood() {
        let mut told = Vec::new();
        for line in include_str!("../../tests/data/wire/authorizations.jsonl").lines() {
            let answer: Value = serde_json::from_str(line).expect("JSON");
            let text = |field: &str| answer[field].as_str().map(str::to_owned);
            let status =
                answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
            let status = StatusCode::from_u16(status).expect("a status");
            let body = text("body").expect("a body");
            let (case, wait) =
                (text("case").expect("a case"), text("retry-after").as_deref().and_then(seconds));
            told.push(match read(status, text("location"), body.as_bytes(), "app-key") {
                Ok(Signature { auth, channel_data }) => format!("{case}: {auth:.12} {channel_data:?}"),
                Err(refusal) => format!("{case}: {refusal} {wait:?}"),
            });
        }
        insta::assert_snapshot!(told.join("\n"), @r##"
        admin joins private-admin; form body: app-key:edda None
        staff joins private-staff; form body: app-key:dd04 None
        customer joins private-booking.1; form body: app-key:9aaa None
        customer joins private-availability; form body: app-key:3044 None
        staff joins presence-staff; form body: app-key:e2b4 Some("{\"user_id\":\"3\",\"user_info\":{\"id\":3,\"name\":\"Budi Santoso\",\"role\":\"staff\"}}")
        admin joins presence-staff; form body: app-key:83c2 Some("{\"user_id\":\"2\",\"user_info\":{\"id\":2,\"name\":\"Ayu Lestari\",\"role\":\"admin\"}}")
        no token; Accept: application/json: 401: the backend does not accept this token None
        wrong role; Accept: application/json: 403: not allowed for this token None
        no token; Accept: */*: 500: the auth endpoint fails None
        wrong role; Accept: */*: 403: not allowed for this token None
        JSONP callback: 200: no usable answer: it is not JSON None
        PUT: 405: no auth endpoint at that address None
        no such path: 404: no auth endpoint at that address None
        no socket_id: 500: the auth endpoint fails None
        a public channel's name, a callback of that name exists: app-key:c510 Some("{\"user_id\":\"2\",\"user_info\":true}")
        an encrypted private channel: app-key:dbb2 None
        CSRF check, no CSRF token: 419: the auth endpoint wants a browser's session None
        CSRF check, no CSRF token; no Accept: 419: the auth endpoint wants a browser's session None
        rate limit of 2 a minute, request 3: 429: the auth endpoint asks for patience Some(60s)
        maintenance mode (artisan down --retry=60): 503: the auth endpoint fails Some(60s)
        maintenance mode; no Accept: 503: the auth endpoint fails Some(60s)
        no token; Accept: */*: redirected to http://127.0.0.1:8021/login; the token does not follow None
        wrong role: 403: not allowed for this token None
        the callback throws: 500: the auth endpoint fails None
        a socket_id that is no socket id: 500: the auth endpoint fails None
        staff joins presence-staff; form body: app-key:59a5 Some("{\"user_id\":3,\"user_info\":{\"id\":3,\"name\":\"Budi Santoso\",\"role\":\"staff\"}}")
        admin joins presence-staff; form body: app-key:66b3 Some("{\"user_id\":2,\"user_info\":{\"id\":2,\"name\":\"Ayu Lestari\",\"role\":\"admin\"}}")
        no such path: 404: no auth endpoint at that address None
        no socket_id: app-key:f5a5 None
        a public channel's name, a callback of that name exists: app-key:2b90 Some("{\"user_id\":2,\"user_info\":true}")
        no token; no Accept: 500: the auth endpoint fails None
        the callback throws; no Accept: 500: the auth endpoint fails None
        "##);
    }

    #[test]
    fn the_token_goes_to_its_own_origin_alone() {
        let at =
            |endpoint: Option<&str>, token: Option<&Token>| Authorizer::new(&options(endpoint), token).err();
        let home = "https://venue.example/api/broadcasting/auth";
        assert_eq!(at(Some(home), None), Some(Off::NoToken));
        assert_eq!(at(Some(home), Some(&token("", None))), Some(Off::NoToken));
        assert_eq!(at(None, Some(&token("t", None))), Some(Off::NoEndpoint));
        assert_eq!(at(Some(home), Some(&token("t", None))), None);
        assert_eq!(at(Some(home), Some(&token("t", Some("https://venue.example")))), None);
        for other in ["https://other.example", "http://venue.example", "https://venue.example:8443"] {
            assert_eq!(at(Some(home), Some(&token("t", Some(other)))), Some(Off::OtherOrigin), "{other}");
        }
        assert_eq!(at(Some(home), Some(&token("t\r\nX: y", None))), Some(Off::UnusableToken));
    }

    #[test]
    fn over_plain_http_the_token_stays_on_this_machine() {
        let off = |endpoint: &str, insecure_auth| {
            let options = Options { insecure_auth, ..options(Some(endpoint)) };
            Authorizer::new(&options, Some(&token("t", None))).err()
        };
        for here in [
            "http://localhost/a",
            "http://LOCALHOST:8000/a",
            "http://127.0.0.1/a",
            "http://127.9.9.9/a",
            "http://[::1]/a",
        ] {
            assert_eq!(off(here, false), None, "{here}");
        }
        for there in
            ["http://venue.example/a", "http://10.0.0.1/a", "http://localhost.example/a", "http://[::2]/a"]
        {
            assert_eq!(off(there, false), Some(Off::UnsafeEndpoint), "{there}");
            assert_eq!(off(there, true), None, "{there}");
        }
    }

    #[test]
    fn nothing_prints_the_token() {
        let token = token("very-secret", None);
        let authorizer =
            Authorizer::new(&options(Some("https://venue.example/a")), Some(&token)).expect("allowed");
        let printed =
            format!("{authorizer:?} {token:?} {:?}", Options { token: Some(token.clone()), ..options(None) });
        assert!(!printed.contains("very-secret"), "{printed}");
    }

    #[test]
    fn patience_is_asked_for_in_seconds() {
        assert_eq!(seconds("7"), Some(Duration::from_secs(7)));
        assert_eq!(seconds("999999"), Some(Duration::from_secs(3600)));
        assert_eq!(seconds("Wed, 21 Oct 2026 07:28:00 GMT"), None);
    }
}
