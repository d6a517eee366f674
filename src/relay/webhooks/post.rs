//! One request to one webhook: signed over exactly the bytes that are sent, and how it ended.
//!
//! It asks no second time: [`super::courier`] does. A redirect is not followed, because it would carry what
//! happens here to somewhere the settings do not name; what the other side says beyond its status is not looked
//! at.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};

use super::address::{Resolver, Webhook};
use crate::answer::innermost;
use crate::protocol::sign;
use crate::tls;

/// How long one try may take, connecting included.
const TRY: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request: shorter than web servers keep theirs, so that a request
/// does not meet a connection that is just being closed.
const KEEP: Duration = Duration::from_secs(4);
/// As much of an answer is read, so that its connection can be used again …
const ANSWER: usize = 4 << 10;
/// … if it comes within this.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// What all requests of an app have in common.
#[derive(Debug)]
pub(super) struct Post {
    key: String,
    secret: SecretString,
    ca_file: Option<PathBuf>,
    client: OnceLock<Result<Client, String>>,
}

/// Why a webhook was not told. Shows no more of its address than a host.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// It said so.
    #[error("answered {status}")]
    Refused {
        /// What it said.
        status: StatusCode,
        /// Whether it asked for patience.
        patience: bool,
    },
    /// It said to ask elsewhere.
    #[error("answered {0}: it redirects, and no redirect is followed")]
    Redirected(StatusCode),
    /// It said nothing.
    #[error("no answer within {} s", TRY.as_secs())]
    TimedOut,
    /// There was nobody to say anything, or it was no HTTP.
    #[error("not reached: {0}")]
    Unreachable(String),
    /// It can't even be tried.
    #[error("no request can be made: {0}")]
    Setup(String),
}

impl Post {
    /// Nothing is sent, and no certificate read, before the first request.
    pub(super) fn new(key: &str, secret: &SecretString, ca_file: Option<PathBuf>) -> Self {
        Self { key: key.to_owned(), secret: secret.clone(), ca_file, client: OnceLock::new() }
    }

    /// The signature of a body.
    pub(super) fn signature(&self, body: &str) -> String {
        sign::sign(self.secret.expose_secret(), body)
    }

    /// Sends a body once.
    pub(super) async fn send(&self, to: &Webhook, body: &str, signature: &str) -> Result<(), Failure> {
        let client = self.client.get_or_init(|| self.client()).as_ref();
        let request = client
            .map_err(|reason| Failure::Setup(reason.clone()))?
            .post(to.url().clone())
            .timeout(TRY)
            .headers(to.headers().clone())
            .header(CONTENT_TYPE, "application/json")
            .header("X-Pusher-Key", &self.key)
            .header("X-Pusher-Signature", signature)
            .body(body.to_owned());
        let answer = request.send().await.map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let patience = answer.headers().contains_key(RETRY_AFTER);
        drain(answer).await;
        if status.is_success() {
            Ok(())
        } else if status.is_redirection() {
            Err(Failure::Redirected(status))
        } else {
            Err(Failure::Refused { status, patience })
        }
    }

    fn client(&self) -> Result<Client, String> {
        let client = tls::http_client_builder(self.ca_file.as_deref()).map_err(|error| error.to_string())?;
        let client = client.dns_resolver(Resolver).pool_idle_timeout(KEEP).build();
        client.map_err(|error| cause(&error))
    }
}

/// Reads a short answer to its end. A long or a slow one, or one that breaks off, costs its connection and
/// nothing else.
async fn drain(mut answer: Response) {
    let read = async {
        let mut read = 0;
        while read < ANSWER
            && let Ok(Some(chunk)) = answer.chunk().await
        {
            read += chunk.len();
        }
    };
    // A time that is over says no more than the answer would have.
    let _ = tokio::time::timeout(ANSWER_WITHIN, read).await;
}

fn unreachable(error: &reqwest::Error) -> Failure {
    if error.is_timeout() { Failure::TimedOut } else { Failure::Unreachable(cause(error)) }
}

/// What went wrong, without the address: it may hold a secret.
fn cause(error: &reqwest::Error) -> String {
    let cause = innermost(error);
    match cause.downcast_ref::<reqwest::Error>() {
        Some(_) => "the request failed".to_owned(),
        None => cause.to_string(),
    }
}
