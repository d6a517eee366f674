//! The settings, resolved: every default filled in, everything that follows from another setting worked out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use secrecy::SecretString;
use tracing::level_filters::LevelFilter;
use url::{Origin, Url};

use super::layer::{Address, Layer, TokenSource};
use super::venue::VenueSettings;
use super::{Error, directories};
use crate::app::history;
use crate::domain::event::Backend;
use crate::login::{self, Login, Store};
use crate::ui::theme;
use crate::{client, publisher, telemetry};

const AUTH_PATH: &str = "/api/broadcasting/auth";
const LOGIN_PATH: &str = "/api/login";
const USER_PATH: &str = "/api/user";
const JOURNAL_KEEP: Duration = Duration::from_secs(30 * 86_400);

/// What the program runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's WebSocket address.
    pub url: Url,
    /// The same server's HTTP API.
    pub http: Url,
    /// Whether somebody said where the server is.
    pub has_address: bool,
    /// The app's public key.
    pub key: Option<String>,
    /// The app's id.
    pub app_id: Option<String>,
    /// The app's secret.
    pub secret: Option<SecretString>,
    /// Certificate authorities to trust beside the machine's own.
    pub ca_file: Option<PathBuf>,
    /// The topics to subscribe, as they were written.
    pub channels: Vec<String>,
    /// Under which wire names a topic is looked for, where somebody said so.
    pub names: BTreeMap<String, client::NameMode>,
    /// Where subscriptions are authorised. A hosted cluster alone does not tell.
    pub auth_endpoint: Option<Url>,
    /// Where an e-mail and a password are exchanged for a token.
    pub login_url: Option<Url>,
    /// Where the backend tells whose a token is.
    pub user_url: Option<Url>,
    /// Whether a token may go over plain http beyond this machine.
    pub insecure_auth: bool,
    /// Where the token is, if not in the store.
    pub token: Option<TokenSource>,
    /// The zone of times that name none.
    pub backend_timezone: TimeZone,
    /// The venue's zone: for showing, and for the day's limits.
    pub timezone: TimeZone,
    /// The theme's name.
    pub theme: String,
    /// The language.
    pub locale: String,
    /// Where files are kept. None without a home.
    pub data_dir: Option<PathBuf>,
    /// The log file that somebody asked for.
    pub log_file: Option<PathBuf>,
    /// How much is logged.
    pub log_level: LevelFilter,
    /// How long the dashboard keeps what it heard.
    pub journal_keep: Duration,
    /// The venue itself.
    pub venue: VenueSettings,
    /// The settings file that was read.
    pub config_file: Option<PathBuf>,
}

impl Settings {
    /// Fills in what the layers left out.
    pub(super) fn resolve(layer: Layer, venue: VenueSettings, config_file: Option<PathBuf>) -> Self {
        let has_address = layer.address.is_some();
        let (url, http) = match &layer.address {
            Some(Address::Url(url)) => (url.clone(), http_of(url)),
            Some(Address::Cluster(cluster)) => (
                known(&format!("wss://ws-{cluster}.pusher.com")),
                known(&format!("https://api-{cluster}.pusher.com")),
            ),
            None => (known("ws://localhost:6001"), known("http://localhost:6001")),
        };
        let hosted = matches!(layer.address, Some(Address::Cluster(_)));
        let auth_endpoint = layer
            .auth_endpoint
            .or_else(|| layer.backend_url.as_ref().map(|backend| below(backend, AUTH_PATH)))
            .or_else(|| (!hosted).then(|| at(&http, AUTH_PATH)));
        let beside = |path| auth_endpoint.as_ref().map(|endpoint| at(endpoint, path));
        Self {
            login_url: layer.login_url.or_else(|| beside(LOGIN_PATH)),
            user_url: layer.user_url.or_else(|| beside(USER_PATH)),
            auth_endpoint,
            url,
            http,
            has_address,
            key: layer.key,
            app_id: layer.app_id,
            secret: layer.secret,
            ca_file: layer.ca_file,
            channels: layer
                .channels
                .unwrap_or_else(|| ["availability", "admin", "staff"].map(String::from).to_vec()),
            names: layer.names.unwrap_or_default(),
            insecure_auth: layer.insecure_auth.unwrap_or(false),
            token: layer.token,
            backend_timezone: layer.backend_timezone.unwrap_or(TimeZone::UTC),
            timezone: layer.timezone.unwrap_or_else(TimeZone::system),
            theme: layer.theme.or_else(|| theme::names().next().map(str::to_owned)).unwrap_or_default(),
            locale: layer.locale.unwrap_or_else(|| "en".to_owned()),
            data_dir: layer.data_dir.or_else(|| directories().map(|all| all.data_dir().to_owned())),
            log_file: layer.log_file,
            log_level: layer.log_level.unwrap_or(LevelFilter::INFO),
            journal_keep: layer.journal_keep.unwrap_or(JOURNAL_KEEP),
            venue,
            config_file,
        }
    }

    /// What the client of the WebSocket needs.
    ///
    /// # Errors
    /// There is no key, or the token can't be read.
    pub fn client(&self) -> Result<client::Options, Error> {
        Ok(client::Options {
            url: self.url.clone(),
            key: self.key.clone().ok_or(NO_KEY)?,
            topics: self.channels.iter().filter_map(|name| client::Topic::parse(name).ok()).collect(),
            auth_endpoint: self.auth_endpoint.clone(),
            token: self.client_token()?,
            native: true,
            insecure_auth: self.insecure_auth,
            ca_file: self.ca_file.clone(),
            names: self.names.clone(),
            resume: None,
        })
    }

    /// What one must know of the backend to read its events.
    pub fn backend(&self) -> Backend {
        Backend { zone: self.backend_timezone.clone(), currency: self.venue.currency }
    }

    /// What the client of the HTTP API needs.
    ///
    /// # Errors
    /// A part of the app is missing.
    pub fn publisher(&self) -> Result<publisher::Options, Error> {
        Ok(publisher::Options {
            base: self.http.clone(),
            app_id: self.app_id.clone().ok_or(Error::Missing(
                "no app id: give --app-id, PUSHER_APP_ID, --env-file with the backend's .env, or app_id in the settings file",
            ))?,
            key: self.key.clone().ok_or(NO_KEY)?,
            secret: self.secret.clone().ok_or(Error::Missing(
                "no app secret: give PUSHER_APP_SECRET, --env-file with the backend's .env, or secret in the settings file",
            ))?,
            ca_file: self.ca_file.clone(),
        })
    }

    /// The origin that a token belongs to: the auth endpoint's.
    ///
    /// # Errors
    /// A hosted cluster does not tell where the backend is.
    pub fn token_origin(&self) -> Result<Origin, Error> {
        Ok(self.auth_endpoint.as_ref().ok_or(NO_ENDPOINT)?.origin())
    }

    /// The store of tokens.
    ///
    /// # Errors
    /// There is no home to keep it in.
    pub fn store(&self) -> Result<Store, Error> {
        Ok(Store::new(self.data_dir()?))
    }

    /// Where files are kept.
    ///
    /// # Errors
    /// There is no home, and nobody said where else.
    pub fn data_dir(&self) -> Result<&Path, Error> {
        self.data_dir.as_deref().ok_or(Error::Missing(
            "there is no home directory to keep files in: say where with --data-dir or FRONTDESK_DATA_DIR",
        ))
    }

    /// The token in use, and whose it is where that is known. None: not logged in.
    ///
    /// # Errors
    /// The token is somewhere, and can't be read.
    pub fn login(&self) -> Result<Option<Login>, Error> {
        let alone = |token| Some(Login { token, name: None, role: None });
        match &self.token {
            Some(TokenSource::Text(token)) => Ok(alone(token.clone())),
            Some(TokenSource::File(path)) => Ok(alone(login::read_token_file(path)?)),
            None => match (&self.data_dir, &self.auth_endpoint) {
                (Some(data_dir), Some(endpoint)) => Ok(Store::new(data_dir).get(&endpoint.origin())?),
                (None, _) | (_, None) => Ok(None),
            },
        }
    }

    fn client_token(&self) -> Result<Option<client::Token>, Error> {
        let stored = self.token.is_none();
        let origin = self.auth_endpoint.as_ref().map(Url::origin).filter(|_| stored);
        Ok(self.login()?.map(|login| client::Token { secret: login.token, origin }))
    }

    /// Where and how long the dashboard keeps what it heard.
    pub fn history(&self) -> history::Options {
        let folder = self.data_dir.as_ref().map(|folder| folder.join(history::FOLDER));
        history::Options { folder, keep: self.journal_keep }
    }

    /// Where the log goes: to the file that was asked for, else into `folder` of the data directory.
    pub fn telemetry(&self, folder: Option<&str>, stderr: bool) -> telemetry::Options {
        let folder = folder.and_then(|folder| Some(self.data_dir.as_ref()?.join(folder)));
        telemetry::Options { file: self.log_file.clone(), folder, level: self.log_level, stderr }
    }
}

const NO_KEY: Error = Error::Missing(
    "no app key: give --key, PUSHER_APP_KEY, --env-file with the backend's .env, or key in the settings file; \
     it is PUSHER_APP_KEY (or REVERB_APP_KEY) in the backend's .env",
);

const NO_ENDPOINT: Error = Error::Missing(
    "a hosted cluster does not tell where the backend is: give --auth-endpoint https://HOST/api/broadcasting/auth, \
     or APP_URL",
);

/// The HTTP address beside a WebSocket address; the path prefix stays.
fn http_of(url: &Url) -> Url {
    let scheme = if url.scheme() == "wss" { "https" } else { "http" };
    let text = url.as_str();
    known(&format!("{scheme}{}", text.find(':').map_or("", |colon| &text[colon..])))
}

/// A page at the root of an address's origin.
fn at(origin: &Url, path: &str) -> Url {
    let mut url = origin.clone();
    url.set_path(path);
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// A page below an application that may live in a folder.
fn below(backend: &Url, path: &str) -> Url {
    at(backend, &format!("{}{path}", backend.path().trim_end_matches('/')))
}

/// An address made of parts that were parsed before.
fn known(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|_| unreachable!("{text} is made of what was parsed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Sources, load, value};

    fn settings(layer: Layer) -> Settings {
        Settings::resolve(layer, VenueSettings::default(), None)
    }

    fn url(text: &str) -> Url {
        text.parse().expect(text)
    }

    #[test]
    fn the_defaults_that_people_meet_first() {
        let settings = settings(Layer::default());
        assert_eq!(settings.url.as_str(), "ws://localhost:6001/");
        assert_eq!(settings.http.as_str(), "http://localhost:6001/");
        assert_eq!(settings.channels, ["availability", "admin", "staff"]);
        assert_eq!(settings.auth_endpoint, Some(url("http://localhost:6001/api/broadcasting/auth")));
        assert_eq!(settings.login_url, Some(url("http://localhost:6001/api/login")));
        assert_eq!(settings.user_url, Some(url("http://localhost:6001/api/user")));
        assert_eq!(settings.backend_timezone, TimeZone::UTC);
        assert!(settings.key.is_none() && !settings.insecure_auth && !settings.has_address);
    }

    #[test]
    fn the_auth_endpoint_is_said_or_follows_from_the_backend_or_the_server_but_not_from_a_cluster() {
        let address = |text: &str| Some(Address::Url(value::server(text).expect(text)));
        let cluster = || Some(Address::Cluster("mt1".into()));
        let backend = || Some(url("https://venue.test/app/"));
        let said = || Some(url("https://auth.test/x"));
        let cases = [
            (
                address("wss://ws.test:8443/reverb"),
                None,
                None,
                Some("https://ws.test:8443/api/broadcasting/auth"),
            ),
            (address("ws://ws.test"), backend(), None, Some("https://venue.test/app/api/broadcasting/auth")),
            (address("ws://ws.test"), backend(), said(), Some("https://auth.test/x")),
            (cluster(), None, None, None),
            (cluster(), backend(), None, Some("https://venue.test/app/api/broadcasting/auth")),
            (cluster(), None, said(), Some("https://auth.test/x")),
        ];
        for (address, backend_url, auth_endpoint, expected) in cases {
            let layer = Layer { address, auth_endpoint, backend_url, ..Layer::default() };
            let endpoint = settings(layer.clone()).auth_endpoint;
            assert_eq!(endpoint, expected.map(url), "{layer:?}");
        }
    }

    #[test]
    fn a_cluster_is_two_hosts_of_pushers() {
        let settings = settings(Layer { address: Some(Address::Cluster("eu".into())), ..Layer::default() });
        assert_eq!(
            (settings.url.as_str(), settings.http.as_str()),
            ("wss://ws-eu.pusher.com/", "https://api-eu.pusher.com/")
        );
        assert!(settings.token_origin().is_err());
    }

    #[test]
    fn a_stored_token_is_handed_out_for_its_origin_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let with = |endpoint: &str| {
            settings(Layer {
                key: Some("k".into()),
                auth_endpoint: Some(url(endpoint)),
                data_dir: Some(folder.path().to_owned()),
                ..Layer::default()
            })
        };
        let home = with("https://venue.test/api/broadcasting/auth");
        let kept = Login { token: "3|secret".into(), name: None, role: None };
        home.store().expect("a store").put(&home.token_origin().expect("an origin"), &kept).expect("kept");
        assert!(
            home.client()
                .expect("options")
                .token
                .is_some_and(|token| token.origin == Some(url("https://venue.test").origin()))
        );
        assert!(with("https://evil.test/api/broadcasting/auth").client().expect("options").token.is_none());
    }

    #[test]
    fn no_form_of_the_settings_shows_a_secret() {
        let environment =
            Environment::from([("PUSHER_APP_SECRET", "hunter2"), ("FRONTDESK_TOKEN", "hunter2")]);
        let config = tempfile::NamedTempFile::new().expect("a file");
        let sources = Sources { config: Some(config.path().to_owned()), env_file: None };
        let loaded = load(&sources, &environment, Layer::default()).expect("settings");
        assert!(loaded.settings.secret.is_some() && loaded.settings.token.is_some());
        assert!(!format!("{loaded:?}").contains("hunter2"));
    }
}
