//! The settings file, mirrored: its shape is this module's types, and `assets/frontdesk.toml` shows it.
//!
//! An unknown name, a wrong type or a bad value is one line that says which file, which line, and what was
//! expected; it never quotes a secret. Relative paths count from the file's own folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;
use tracing::level_filters::LevelFilter;
use url::Url;

use super::layer::{Address, Layer, TokenSource};
use super::relay::{AppFile, Relay, RelayFile};
use super::secret::Secret;
use super::venue::{HoursText, VenueFile, VenueSettings, WordsFile};
use super::{Error, read_text, value};
use crate::client::NameMode;

macro_rules! parsed {
    ($name:ident, $inner:ty, $parse:expr) => {
        #[derive(Clone, Debug, Deserialize)]
        #[serde(try_from = "String")]
        pub(super) struct $name(pub(super) $inner);

        impl TryFrom<String> for $name {
            type Error = value::Expected;

            fn try_from(text: String) -> Result<Self, value::Expected> {
                $parse(&text).map(Self)
            }
        }
    };
}

parsed!(ServerUrl, Url, value::server);
parsed!(WebUrl, Url, value::web);
parsed!(Cluster, String, value::cluster);
parsed!(Zone, TimeZone, value::zone);
parsed!(Level, LevelFilter, value::level);
parsed!(Keep, Duration, value::span);

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<String>")]
struct Channels(Vec<String>);

impl TryFrom<Vec<String>> for Channels {
    type Error = value::Expected;

    fn try_from(names: Vec<String>) -> Result<Self, value::Expected> {
        value::list(&names.iter().map(String::as_str).collect::<Vec<_>>()).map(Self)
    }
}

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    url: Option<ServerUrl>,
    cluster: Option<Cluster>,
    key: Option<String>,
    app_id: Option<String>,
    secret: Option<Secret>,
    ca_file: Option<PathBuf>,
    channels: Option<Channels>,
    theme: Option<String>,
    locale: Option<String>,
    timezone: Option<Zone>,
    env_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    data_dir: Option<PathBuf>,
    log_file: Option<PathBuf>,
    log_level: Option<Level>,
    auth: Auth,
    backend: Backend,
    names: Option<BTreeMap<String, Mode>>,
    venue: VenueFile,
    sessions: BTreeMap<String, HoursText>,
    words: WordsFile,
    keys: BTreeMap<String, Vec<String>>,
    journal: Journal,
    relay: Relay,
    app: Vec<AppFile>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Auth {
    endpoint: Option<WebUrl>,
    login_url: Option<WebUrl>,
    user_url: Option<WebUrl>,
    insecure_auth: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Backend {
    url: Option<WebUrl>,
    timezone: Option<Zone>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Journal {
    keep: Option<Keep>,
}

/// [`NameMode`] as the file writes it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Auto,
    Public,
    Private,
    Presence,
}

impl From<Mode> for NameMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Auto => Self::Auto,
            Mode::Public => Self::Public,
            Mode::Private => Self::Private,
            Mode::Presence => Self::Presence,
        }
    }
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// It can't be read, or it says something that no setting is.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = read_text("settings file", path)?;
        let mut file = Self::parse(&text).map_err(|(line, expected)| Error::File {
            path: path.to_owned(),
            line,
            expected,
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for place in [
            &mut file.ca_file,
            &mut file.env_file,
            &mut file.token_file,
            &mut file.data_dir,
            &mut file.log_file,
        ] {
            *place = place.take().map(|place| folder.join(place));
        }
        file.relay.count_from(folder);
        Ok(file)
    }

    /// Parses the file's text; an error is the line, from 1, and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let file: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            (line_of(text, at), error.message().lines().collect::<Vec<_>>().join("; "))
        })?;
        if file.url.is_some() && file.cluster.is_some() {
            let line =
                text.lines().position(|line| line.trim_start().starts_with("cluster")).unwrap_or(0) + 1;
            return Err((line, "expected either url or cluster, not both".to_owned()));
        }
        Ok(file)
    }

    /// The Laravel `.env` that the file names.
    pub fn env_file(&self) -> Option<&Path> {
        self.env_file.as_deref()
    }

    /// What the file says of a relay.
    pub fn relay(&self) -> RelayFile {
        RelayFile::resolve(&self.relay, &self.app)
    }

    /// What the file says of the venue.
    pub fn venue(&self) -> VenueSettings {
        VenueSettings::resolve(
            self.venue.clone(),
            self.words.clone(),
            self.sessions.clone(),
            self.keys.clone(),
        )
    }

    /// What the file says of everything else.
    pub fn into_layer(self) -> Layer {
        let url = self.url.map(|url| Address::Url(url.0));
        Layer {
            address: url.or(self.cluster.map(|cluster| Address::Cluster(cluster.0))),
            key: self.key.filter(|key| !key.is_empty()),
            app_id: self.app_id.filter(|id| !id.is_empty()),
            secret: self.secret.map(|secret| secret.0),
            ca_file: self.ca_file,
            channels: self.channels.map(|channels| channels.0),
            names: self
                .names
                .map(|names| names.into_iter().map(|(name, mode)| (name, mode.into())).collect()),
            auth_endpoint: self.auth.endpoint.map(|url| url.0),
            login_url: self.auth.login_url.map(|url| url.0),
            user_url: self.auth.user_url.map(|url| url.0),
            insecure_auth: self.auth.insecure_auth,
            token: self.token_file.map(TokenSource::File),
            backend_url: self.backend.url.map(|url| url.0),
            backend_timezone: self.backend.timezone.map(|zone| zone.0),
            timezone: self.timezone.map(|zone| zone.0),
            theme: self.theme,
            locale: self.locale,
            data_dir: self.data_dir,
            log_file: self.log_file,
            log_level: self.log_level.map(|level| level.0),
            journal_keep: self.journal.keep.map(|keep| keep.0),
        }
    }
}

/// The line, from 1, that holds the byte at `at`.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_names_its_line_and_what_was_expected() {
        let cases = [
            ("key = \"k\"\ncolour = 1\n", 2, "unknown field `colour`"),
            ("\n\nchannels = 5\n", 3, "invalid type"),
            ("url = \"localhost\"\n", 1, "expected ws://host:port"),
            ("[auth]\nendpoint = \"ftp://x\"\n", 2, "expected http://host"),
            ("[auth]\ninsecure_auth = \"yes\"\n", 2, "expected a boolean"),
            ("timezone = \"Mars/Base\"\n", 1, "expected a time zone's name"),
            ("log_level = \"loud\"\n", 1, "expected error, warn, info, debug"),
            ("[names]\nstaff = \"secret\"\n", 2, "unknown variant `secret`"),
            ("[sessions]\n\"Morning\" = \"8-12\"\n", 2, "expected a session's hours"),
            ("[venue]\ncurrency = \"rupiah\"\n", 2, "expected a currency's ISO code"),
            ("[venue]\npayment_patience = \"soon\"\n", 2, "expected a span"),
            ("[[app]]\nid = \"1\"\nkey = \"k\"\n", 1, "missing field `secret`"),
            ("[relay.limits]\nevent_kb = -1\n", 2, "invalid value"),
            ("url = \"ws://a\"\ncluster = \"eu\"\n", 2, "either url or cluster"),
            ("key = \"k\n", 1, ""),
            ("what is this\n", 1, "="),
        ];
        for (text, line, words) in cases {
            let (at, message) = File::parse(text).expect_err(text);
            assert_eq!(at, line, "{text}: {message}");
            assert!(message.contains(words), "{text}: {message}");
            assert!(!message.contains('\n'), "{text}: {message}");
        }
    }

    #[test]
    fn no_fault_of_a_secret_shows_it() {
        for text in ["secret = 471147114711\n", "secret = [\"hunter2\"]\n", "secret = \"hunter2\nkey = 1\n"] {
            let (_, message) = File::parse(text).expect_err(text);
            assert!(!message.contains("hunter2") && !message.contains("4711"), "{message}");
        }
    }
}
