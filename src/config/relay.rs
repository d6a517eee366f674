//! What the settings file says of a relay: `[relay]`, `[relay.limits]` and each `[[app]]`.
//!
//! Limits stand under `[relay.limits]` for all apps, and under an app for that one. Without an app in the
//! file the one app is what the other layers name (`PUSHER_APP_ID`, `--app-id` …), else the default one.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::file::WebUrl;
use super::secret::Secret;
use super::webhook::WebhookFile;
use crate::relay::{App, Limits, OnStoreError, Origins};

/// Where a relay listens if nobody says otherwise: both loopbacks.
const LISTEN: &str = "localhost:6001";

/// `[relay]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Relay {
    listen: Option<String>,
    tokens: Option<PathBuf>,
    auth_forward: Option<WebUrl>,
    on_store_error: Option<OnStoreErrorFile>,
    limits: LimitsFile,
}

/// `on_store_error`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OnStoreErrorFile {
    Refuse,
    Deliver,
}

impl Relay {
    /// Counts relative paths from this folder.
    pub(super) fn count_from(&mut self, folder: &Path) {
        self.tokens = self.tokens.take().map(|path| folder.join(path));
    }
}

/// `[[app]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the file")]
pub(super) struct AppFile {
    id: String,
    key: String,
    secret: Secret,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    max_connections: usize,
    #[serde(default = "yes")]
    client_events: bool,
    #[serde(default = "yes")]
    user_authentication: bool,
    #[serde(default = "yes")]
    watchlist: bool,
    #[serde(default)]
    subscription_count: bool,
    origins: Option<Vec<String>>,
    #[serde(default)]
    limits: LimitsFile,
    #[serde(default)]
    webhook: Vec<WebhookFile>,
}

fn yes() -> bool {
    true
}

/// `[relay.limits]`, and the same under an app.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsFile {
    channel_name: Option<usize>,
    event_name: Option<usize>,
    event_kb: Option<usize>,
    channels_per_event: Option<usize>,
    batch_events: Option<usize>,
    presence_members: Option<usize>,
    presence_user_kb: Option<usize>,
    client_events_per_second: Option<usize>,
    subscriptions: Option<usize>,
    failed_auths: Option<usize>,
}

impl LimitsFile {
    /// These limits, and where they say nothing the others.
    fn over(self, weaker: Limits) -> Limits {
        Limits {
            channel_name: self.channel_name.unwrap_or(weaker.channel_name),
            event_name: self.event_name.unwrap_or(weaker.event_name),
            event_kb: self.event_kb.unwrap_or(weaker.event_kb),
            channels_per_event: self.channels_per_event.unwrap_or(weaker.channels_per_event),
            batch_events: self.batch_events.unwrap_or(weaker.batch_events),
            presence_members: self.presence_members.unwrap_or(weaker.presence_members),
            presence_user_kb: self.presence_user_kb.unwrap_or(weaker.presence_user_kb),
            client_events_per_second: self
                .client_events_per_second
                .unwrap_or(weaker.client_events_per_second),
            subscriptions: self.subscriptions.unwrap_or(weaker.subscriptions),
            failed_auths: self.failed_auths.unwrap_or(weaker.failed_auths),
        }
    }
}

/// The file's relay, resolved as far as the file goes.
#[derive(Clone, Debug)]
pub struct RelayFile {
    /// Where to listen, as a flag would say it.
    pub listen: String,
    /// The file of tokens, if another than the relay's own.
    pub tokens: Option<PathBuf>,
    /// The backend behind the auth endpoint.
    pub auth_forward: Option<Url>,
    /// What becomes of events that can't be kept.
    pub on_store_error: OnStoreError,
    /// The apps; none if the file lists none.
    pub apps: Vec<App>,
    /// The limits of an app that is not in the file.
    pub limits: Limits,
}

impl RelayFile {
    pub(super) fn resolve(relay: &Relay, apps: &[AppFile]) -> Self {
        let limits = relay.limits.over(Limits::default());
        let apps = apps.iter().map(|app| App {
            enabled: app.enabled,
            origins: app.origins.clone().map_or(Origins::AnyLoopback, Origins::Listed),
            max_connections: app.max_connections,
            client_events: app.client_events,
            user_authentication: app.user_authentication,
            watchlist: app.watchlist,
            subscription_count: app.subscription_count,
            limits: app.limits.over(limits),
            webhooks: app.webhook.iter().map(WebhookFile::webhook).collect(),
            ..App::new(app.id.clone(), app.key.clone(), app.secret.0.clone())
        });
        let listen = relay.listen.clone().unwrap_or_else(|| LISTEN.to_owned());
        Self {
            listen,
            tokens: relay.tokens.clone(),
            auth_forward: relay.auth_forward.as_ref().map(|url| url.0.clone()),
            on_store_error: match relay.on_store_error {
                None | Some(OnStoreErrorFile::Refuse) => OnStoreError::Refuse,
                Some(OnStoreErrorFile::Deliver) => OnStoreError::Deliver,
            },
            apps: apps.collect(),
            limits,
        }
    }
}
