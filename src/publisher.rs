//! The client of a Pusher-compatible server's HTTP API: signs one request and says how it ended.
//!
//! A [`Publication`] goes in, a signed `POST /apps/{id}/events` goes out, and the answer is read as it is
//! meant: some servers refuse with the status 200 and an `error` in the body. It is not a queue and never
//! tries again; `emit`, the demo and the checks decide what a failure means to them.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::answer::{self, Answer};
use crate::protocol::sign;
use crate::time::Clock;
use crate::tls;

/// How long one publication may take, connecting included. Laravel's own limit.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which app of which server to publish to.
#[derive(Clone, Debug)]
pub struct Options {
    /// The API's address, `http://` or `https://`; a path in it is the server's prefix, which is not signed.
    pub base: Url,
    /// The app's id.
    pub app_id: String,
    /// The app's public key.
    pub key: String,
    /// The app's secret.
    pub secret: SecretString,
    /// Certificate authorities to trust beside the machine's own.
    pub ca_file: Option<PathBuf>,
}

/// A request to publish one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Publication {
    /// The event's name as it shall be on the wire.
    pub name: String,
    /// The wire names of the channels, at least one.
    pub channels: Vec<String>,
    /// The payload's text, JSON by custom.
    pub data: String,
    /// The connection that shall not hear it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_id: Option<String>,
}

/// Why nothing was published. What a server said is as it came: make it safe before showing it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// No answer came.
    #[error("cannot reach {server}: {reason}")]
    Unreachable {
        /// Scheme, host and port.
        server: String,
        /// The innermost cause.
        reason: String,
    },
    /// What the server said is no answer: it may have published or not.
    #[error("{server} gave no usable answer ({status}): {reason}")]
    Odd {
        /// Scheme, host and port.
        server: String,
        /// The status.
        status: u16,
        /// What is wrong with it.
        reason: String,
    },
    /// The server said no.
    #[error("{server} refused the event ({status}): {words}")]
    Refused {
        /// Scheme, host and port.
        server: String,
        /// The status, or the code that stood in the body of a 200.
        status: u16,
        /// The server's own words.
        words: String,
    },
}

/// Publishes to one app.
#[derive(Clone, Debug)]
pub struct Publisher {
    options: Options,
    clock: Clock,
    http: reqwest::Client,
}

impl Publisher {
    /// Makes a publisher; nothing is sent yet.
    ///
    /// # Errors
    /// The file of certificate authorities can't be used.
    pub fn new(options: Options, clock: Clock) -> Result<Self, Error> {
        let http = tls::http_client(options.ca_file.as_deref())?;
        Ok(Self { options, clock, http })
    }

    /// Publishes one event. When it returns `Ok` the server has accepted it.
    ///
    /// # Errors
    /// The server can't be reached, or refused.
    pub async fn publish(&self, publication: &Publication) -> Result<(), Error> {
        let body = serde_json::to_vec(publication).unwrap_or_default();
        let url = self.signed("POST", &format!("/apps/{}/events", self.options.app_id), &body);
        let request =
            self.http.post(url).timeout(PATIENCE).header("Content-Type", "application/json").body(body);
        let answer = Answer::to(request).await.map_err(|error| self.unanswered(&error))?;
        self.judge(answer.status, &answer.text())
    }

    /// The address of a request, signed for this moment.
    fn signed(&self, method: &str, path: &str, body: &[u8]) -> Url {
        let Options { base, key, secret, .. } = &self.options;
        let mut query = [
            ("auth_key", key.clone()),
            ("auth_timestamp", self.clock.now().as_second().to_string()),
            ("auth_version", "1.0".to_owned()),
            ("body_md5", sign::body_md5(body)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        let text = sign::request_text(method, path, &query);
        query.push(("auth_signature".to_owned(), sign::sign(secret.expose_secret(), &text)));
        let mut url = base.clone();
        url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
        url.query_pairs_mut().clear().extend_pairs(query);
        url
    }

    fn judge(&self, status: StatusCode, text: &str) -> Result<(), Error> {
        let answer: Value = serde_json::from_str(text).unwrap_or_default();
        let said = ["error", "message"].iter().find_map(|name| answer.get(name));
        if status.is_success() && answer.get("error").is_none_or(Value::is_null) {
            return Ok(());
        }
        let words = match said {
            Some(Value::String(words)) => words.clone(),
            Some(other) => other.to_string(),
            None if text.trim().is_empty() => {
                status.canonical_reason().unwrap_or("no reason given").to_owned()
            }
            None => text.trim().to_owned(),
        };
        let words = words.trim_end_matches('.').to_owned();
        let code = answer.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let status = code.filter(|_| status.is_success()).unwrap_or(status.as_u16());
        Err(Error::Refused { server: self.server(), status, words })
    }

    fn unanswered(&self, error: &answer::Error) -> Error {
        let (server, reason) = (self.server(), error.to_string());
        match error {
            answer::Error::TimedOut | answer::Error::Unreachable(_) => Error::Unreachable { server, reason },
            answer::Error::TooLong { status } => Error::Odd { server, status: status.as_u16(), reason },
        }
    }

    fn server(&self) -> String {
        self.options.base.origin().ascii_serialization()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publisher(base: &str) -> Publisher {
        let options = Options {
            base: base.parse().expect("an address"),
            app_id: "app-id".into(),
            key: "app-key".into(),
            secret: "app-secret".into(),
            ca_file: None,
        };
        let now = jiff::Timestamp::from_second(1_795_390_158).expect("a time");
        Publisher::new(options, Clock::manual(now)).expect("a publisher")
    }

    /// What a Laravel application sent at that second, and how it signed it.
    #[test]
    fn a_request_is_signed_as_laravel_signs_it() {
        let body = br#"{"name":"App\\Events\\AvailabilityUpdated","data":"{\"session_id\":1,\"session_name\":\"Morning Session\",\"date\":\"2024-01-15\",\"available_slots\":5,\"total_capacity\":20,\"updated_at\":\"2024-01-15T08:00:00Z\"}","channel":"availability"}"#;
        let url = publisher("http://127.0.0.1:6021").signed("POST", "/apps/app-id/events", body);
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:6021/apps/app-id/events?auth_key=app-key&auth_timestamp=1795390158&auth_version=1.0\
             &body_md5=a608b21e5c731f535b7caa4952853010\
             &auth_signature=ad9934a1b635e7525c97b17efa6c1baa866b53ffa613a036bf97fa81a2649315"
        );
    }

    #[test]
    fn a_prefix_of_the_path_is_sent_and_not_signed() {
        let signature = |url: Url| {
            url.query_pairs().find(|(name, _)| name == "auth_signature").map(|(_, v)| v.into_owned())
        };
        let plain = publisher("http://127.0.0.1:6021").signed("POST", "/apps/app-id/events", b"{}");
        let prefixed =
            publisher("http://127.0.0.1:6021/reverb/").signed("POST", "/apps/app-id/events", b"{}");
        assert_eq!(prefixed.path(), "/reverb/apps/app-id/events");
        assert_eq!(signature(plain), signature(prefixed));
    }

    #[test]
    fn every_way_to_refuse_is_recognised_and_every_way_to_accept() {
        let publisher = publisher("http://127.0.0.1:6021");
        for accepted in ["{}", "", "{\"ok\":true}", "{\"channels\":{}}", "ok", "{\"error\":null}"] {
            assert!(publisher.judge(StatusCode::OK, accepted).is_ok(), "{accepted}");
        }
        let refused = [
            (
                200,
                r#"{"error":"The secret authentication failed","code":401}"#,
                401,
                "The secret authentication failed",
            ),
            (200, r#"{"error":true}"#, 200, "true"),
            (401, "Invalid signature", 401, "Invalid signature"),
            (413, r#"{"message":"too big"}"#, 413, "too big"),
            (503, "", 503, "Service Unavailable"),
        ];
        for (status, body, code, said) in refused {
            match publisher.judge(StatusCode::from_u16(status).expect("a status"), body) {
                Err(Error::Refused { status, words, .. }) => {
                    assert_eq!((status, words.as_str()), (code, said));
                }
                other => panic!("{body}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_option_prints_no_secret() {
        assert!(!format!("{:?}", publisher("http://127.0.0.1:6021")).contains("app-secret"));
    }
}
