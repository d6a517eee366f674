//! The flags that several commands share, each with its place in the layer of flags.

use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;
use tracing::level_filters::LevelFilter;
use url::Url;

use crate::config::{self, Address, Environment, Layer, Loaded, Settings, Sources, TokenSource, value};

/// Where settings come from and where files go; every command has these.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Files {
    /// The settings file, instead of the one in the platform's configuration directory
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A Laravel `.env`: its `PUSHER_*`, `REVERB_*`, `BROADCAST_*`, `APP_URL` and `APP_TIMEZONE` are taken
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Where tokens, logs and histories are kept, instead of the platform's data directory
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Log to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
    /// How much to log: error, warn, info, debug, trace or off
    #[arg(long, value_name = "LEVEL", value_parser = value::level)]
    pub(crate) log_level: Option<LevelFilter>,
}

/// Which server, and which of its apps.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Server {
    /// Where the server is, `ws://localhost:6001` if nothing says otherwise
    #[arg(long, value_name = "WS_URL", value_parser = value::server, conflicts_with = "cluster")]
    pub(crate) url: Option<Url>,
    /// The app's public key, `PUSHER_APP_KEY` in the backend's `.env`
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// A cluster of hosted Pusher instead of a server of your own, as in eu or mt1
    #[arg(long, value_parser = value::cluster)]
    pub(crate) cluster: Option<String>,
}

/// The rest of an app's credentials, for who publishes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Credentials {
    /// The app's id, `PUSHER_APP_ID` in the backend's `.env`
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// The app's secret. It shows in the process list: for tests and demos only. Where it matters use
    /// `PUSHER_APP_SECRET`, `--env-file` or the settings file
    #[arg(long)]
    pub(crate) secret: Option<String>,
}

/// Who one is to the backend.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Backend {
    /// Where the backend authorises subscriptions [default: `APP_URL`, else the server, with
    /// /api/broadcasting/auth]
    #[arg(long, value_name = "URL", value_parser = value::web)]
    pub(crate) auth_endpoint: Option<Url>,
    /// A file that holds the bearer token, instead of the one that `frontdesk login` kept
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// What to subscribe.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Channels {
    /// What to subscribe, with commas between: topics (staff, booking.7) or wire names (private-staff)
    /// [default: availability,admin,staff]
    #[arg(long, value_name = "A,B,C", value_parser = Topics::parse)]
    pub(crate) channels: Option<Topics>,
}

/// A parsed list, as one value to clap.
#[derive(Clone, Debug)]
pub(crate) struct Topics(Vec<String>);

impl Topics {
    fn parse(text: &str) -> Result<Self, value::Expected> {
        value::channels(text).map(Self)
    }
}

/// In which zone times are shown.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Zone {
    /// The venue's time zone, as in Asia/Jakarta [default: the machine's]
    #[arg(long, value_name = "ZONE", value_parser = value::zone)]
    pub(crate) timezone: Option<TimeZone>,
}

/// How the screen looks and speaks.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Screen {
    /// The colours, by name
    #[arg(long, value_name = "NAME")]
    pub(crate) theme: Option<String>,
    /// The language: en or id
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) locale: Option<String>,
}

/// Flags that say something about settings.
pub(crate) trait Says {
    /// What they say, laid over what others said.
    fn over(&self, weaker: Layer) -> Layer;
}

impl Says for Files {
    fn over(&self, weaker: Layer) -> Layer {
        let own = Layer {
            data_dir: self.data_dir.clone(),
            log_file: self.log_file.clone(),
            log_level: self.log_level,
            ..Layer::default()
        };
        own.over(weaker)
    }
}

impl Says for Server {
    fn over(&self, weaker: Layer) -> Layer {
        let url = self.url.clone().map(Address::Url);
        let own = Layer {
            address: url.or_else(|| self.cluster.clone().map(Address::Cluster)),
            key: self.key.clone(),
            ..Layer::default()
        };
        own.over(weaker)
    }
}

impl Says for Credentials {
    fn over(&self, weaker: Layer) -> Layer {
        let own = Layer {
            app_id: self.app_id.clone(),
            secret: self.secret.clone().map(Into::into),
            ..Layer::default()
        };
        own.over(weaker)
    }
}

impl Says for Backend {
    fn over(&self, weaker: Layer) -> Layer {
        let own = Layer {
            auth_endpoint: self.auth_endpoint.clone(),
            token: self.token_file.clone().map(TokenSource::File),
            ..Layer::default()
        };
        own.over(weaker)
    }
}

impl Says for Channels {
    fn over(&self, weaker: Layer) -> Layer {
        let channels = self.channels.clone().map(|topics| topics.0);
        Layer { channels, ..Layer::default() }.over(weaker)
    }
}

impl Says for Zone {
    fn over(&self, weaker: Layer) -> Layer {
        Layer { timezone: self.timezone.clone(), ..Layer::default() }.over(weaker)
    }
}

impl Says for Screen {
    fn over(&self, weaker: Layer) -> Layer {
        let own = Layer { theme: self.theme.clone(), locale: self.locale.clone(), ..Layer::default() };
        own.over(weaker)
    }
}

/// Reads every source of settings, with these flags over all of them.
pub(crate) fn load(files: &Files, flags: &[&dyn Says]) -> Result<Loaded, config::Error> {
    let layer = flags.iter().fold(files.over(Layer::default()), |layer, flags| flags.over(layer));
    let sources = Sources { config: files.config.clone(), env_file: files.env_file.clone() };
    config::load(&sources, &Environment::of_process(), layer)
}

/// As [`load`], for who has no use for a relay's part.
pub(crate) fn settings(files: &Files, flags: &[&dyn Says]) -> Result<Settings, config::Error> {
    load(files, flags).map(|loaded| loaded.settings)
}
