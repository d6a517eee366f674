//! The demo's own server: a relay on a free loopback port, with one app, one token, and secrets of this run.

use std::collections::BTreeMap;
use std::future;
use std::net::Ipv4Addr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::cli::{Failure, Outcome};
use crate::client::{self, Topic};
use crate::publisher;
use crate::relay::{self, App, Role, Tokens};
use crate::time::Clock;
use crate::ui::facts::Identity;

const APP_ID: &str = "demo";
/// Who looks at the demo: an admin, who hears how payments end.
const BEARER: &str = "demo";
/// What the demo's venue says, and how its payments end.
const TOPICS: [&str; 4] = ["availability", "admin", "staff", "booking.*"];
/// Longer than anybody looks at a demo.
const HISTORY: Duration = Duration::from_hours(24);

/// The server, and what opens it.
pub(super) struct House {
    listener: TcpListener,
    relay: relay::Options,
    url: Url,
    http: Url,
    auth_endpoint: Url,
    key: String,
    secret: SecretString,
    token: SecretString,
}

impl House {
    /// Takes a free port, and makes up secrets.
    pub(super) async fn open(clock: Clock) -> Result<Self, Failure> {
        let cannot = |error| Failure::Failed(format!("cannot listen on a free port of 127.0.0.1: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(cannot)?;
        let port = listener.local_addr().map_err(cannot)?.port();
        let at =
            |text: String| Url::parse(&text).map_err(|error| Failure::Failed(format!("{text}: {error}")));
        let (key, secret) = (random_text(), SecretString::from(random_text()));
        let token = SecretString::from(random_text());
        Ok(Self {
            listener,
            relay: relay::Options {
                apps: vec![App::new(APP_ID, key.clone(), secret.clone())],
                ca_file: None,
                tokens: Tokens::default().with(BEARER, Role::Admin, &token).fixed(),
                auth_forward: None,
                history: HISTORY,
                engine: relay::Engine::Memory,
                guard: Vec::new(),
                clock,
            },
            url: at(format!("ws://127.0.0.1:{port}"))?,
            http: at(format!("http://127.0.0.1:{port}"))?,
            auth_endpoint: at(format!("http://127.0.0.1:{port}/api/broadcasting/auth"))?,
            key,
            secret,
            token,
        })
    }

    /// How the dashboard connects.
    pub(super) fn client(&self) -> client::Options {
        client::Options {
            url: self.url.clone(),
            key: self.key.clone(),
            topics: TOPICS.iter().filter_map(|name| Topic::parse(name).ok()).collect(),
            auth_endpoint: Some(self.auth_endpoint.clone()),
            token: Some(client::Token { secret: self.token.clone(), origin: None }),
            native: true,
            insecure_auth: false,
            ca_file: None,
            names: BTreeMap::new(),
            resume: None,
        }
    }

    /// Who is logged in to the dashboard.
    pub(super) fn identity() -> Identity {
        Identity { name: Some(BEARER.to_owned()), role: Some(Role::Admin.as_str().to_owned()) }
    }

    /// How the venue's backend publishes.
    pub(super) fn publisher(&self) -> publisher::Options {
        publisher::Options {
            base: self.http.clone(),
            app_id: APP_ID.to_owned(),
            key: self.key.clone(),
            secret: self.secret.clone(),
            ca_file: None,
        }
    }

    /// Where it listens and what opens it, secrets and all: for whoever started the demo.
    pub(super) fn announcement(&self) -> Value {
        json!({
            "url": self.url.as_str().trim_end_matches('/'),
            "http": self.http.as_str().trim_end_matches('/'),
            "app_id": APP_ID,
            "key": self.key,
            "secret": self.secret.expose_secret(),
            "auth_endpoint": self.auth_endpoint.as_str(),
            "token": self.token.expose_secret(),
        })
    }

    /// Serves as long as it is polled.
    pub(super) async fn serve(self) -> Outcome {
        let served = relay::run(vec![self.listener], self.relay, future::pending()).await;
        served.map_err(|error| Failure::Failed(format!("the demo's relay: {error}")))
    }
}

/// 128 bits that nobody can guess.
fn random_text() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}
