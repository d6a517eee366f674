//! One layer of settings: what one source said, and nothing about what it left out.
//!
//! Every source (file, variables, flags) is read into a [`Layer`]; layers are laid over each other, the
//! stronger first, and what is then still missing are the defaults of [`super::Settings`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use secrecy::SecretString;
use url::Url;

use crate::client::NameMode;

/// Where a Pusher-compatible server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host of one's own.
    Url(Url),
    /// One of Pusher's clusters.
    Cluster(String),
}

/// Where a token comes from that is not the stored one.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// The token itself.
    Text(SecretString),
    /// The file that holds it.
    File(PathBuf),
}

/// What one source says; `None` where it says nothing.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each is the setting of that name; see `Settings`")]
pub struct Layer {
    pub address: Option<Address>,
    pub key: Option<String>,
    pub app_id: Option<String>,
    pub secret: Option<SecretString>,
    pub ca_file: Option<PathBuf>,
    pub channels: Option<Vec<String>>,
    pub names: Option<BTreeMap<String, NameMode>>,
    pub auth_endpoint: Option<Url>,
    pub login_url: Option<Url>,
    pub user_url: Option<Url>,
    pub insecure_auth: Option<bool>,
    pub token: Option<TokenSource>,
    pub backend_url: Option<Url>,
    pub backend_timezone: Option<TimeZone>,
    pub timezone: Option<TimeZone>,
    pub theme: Option<String>,
    pub locale: Option<String>,
    pub data_dir: Option<PathBuf>,
    pub log_file: Option<PathBuf>,
    pub log_level: Option<tracing::level_filters::LevelFilter>,
    pub journal_keep: Option<std::time::Duration>,
}

impl Layer {
    /// This layer, and below it a weaker one.
    #[must_use]
    pub fn over(self, weaker: Self) -> Self {
        Self {
            address: self.address.or(weaker.address),
            key: self.key.or(weaker.key),
            app_id: self.app_id.or(weaker.app_id),
            secret: self.secret.or(weaker.secret),
            ca_file: self.ca_file.or(weaker.ca_file),
            channels: self.channels.or(weaker.channels),
            names: self.names.or(weaker.names),
            auth_endpoint: self.auth_endpoint.or(weaker.auth_endpoint),
            login_url: self.login_url.or(weaker.login_url),
            user_url: self.user_url.or(weaker.user_url),
            insecure_auth: self.insecure_auth.or(weaker.insecure_auth),
            token: self.token.or(weaker.token),
            backend_url: self.backend_url.or(weaker.backend_url),
            backend_timezone: self.backend_timezone.or(weaker.backend_timezone),
            timezone: self.timezone.or(weaker.timezone),
            theme: self.theme.or(weaker.theme),
            locale: self.locale.or(weaker.locale),
            data_dir: self.data_dir.or(weaker.data_dir),
            log_file: self.log_file.or(weaker.log_file),
            log_level: self.log_level.or(weaker.log_level),
            journal_keep: self.journal_keep.or(weaker.journal_keep),
        }
    }
}
