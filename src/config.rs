//! Settings in layers: defaults, the settings file, a Laravel `.env`, the environment, flags; the stronger last.
//!
//! [`load`] reads every source into a [`Layer`], lays them over each other and resolves what depends on
//! what (where the auth endpoint is, in which zone a time is) into [`Settings`]; these hand out the options
//! that each part of the program defines for itself. Nothing is connected to and nothing is printed here.
//! An error is one sentence that names the place and what was expected, and never quotes a secret.

pub mod environment;
pub mod file;
pub mod laravel;
pub mod layer;
pub mod relay;
mod screen;
pub mod secret;
pub mod settings;
pub mod value;
pub mod venue;
mod webhook;

use std::io;
use std::path::{Path, PathBuf};

pub use environment::Environment;
pub use layer::{Address, Layer, TokenSource};
pub use relay::RelayFile;
pub use settings::Settings;
pub use venue::VenueSettings;

/// The settings file's name in the platform's configuration directory.
pub const FILE_NAME: &str = "frontdesk.toml";

/// Where the sources are that a flag can name.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`: must be there.
    pub config: Option<PathBuf>,
    /// `--env-file`: must be there.
    pub env_file: Option<PathBuf>,
}

/// Why there are no settings, or why they do not do for what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read.
    #[error("cannot read the {what} {}: {source}", path.display())]
    Unreadable {
        /// What kind of file.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of a file says what no setting is.
    #[error("{}:{line}: {expected}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was expected there.
        expected: String,
    },
    /// A variable of the environment says what its setting can't be.
    #[error("environment variable {name}: {expected}")]
    Variable {
        /// Its name.
        name: String,
        /// What was expected in it.
        expected: String,
    },
    /// A setting is missing, and the words say where it can be said.
    #[error("{0}")]
    Missing(&'static str),
    /// A setting names something that is not there: a theme, a language, an action, a key.
    #[error("{setting}: {expected}")]
    Unknown {
        /// The setting.
        setting: &'static str,
        /// What is there.
        expected: String,
    },
    /// The token can't be had.
    #[error(transparent)]
    Token(#[from] crate::login::Error),
}

/// Everything that the sources said.
#[derive(Debug)]
pub struct Loaded {
    /// What a dashboard and the small commands need.
    pub settings: Settings,
    /// What the settings file says of a relay.
    pub relay: RelayFile,
}

/// Reads all sources and resolves them.
///
/// # Errors
/// A source that was named is not there, or one says what no setting is.
pub fn load(sources: &Sources, environment: &Environment, flags: Layer) -> Result<Loaded, Error> {
    let (config, named) = match sources.config.clone().or_else(|| environment.path("CONFIG")) {
        Some(path) => (Some(path), true),
        None => (default_file(), false),
    };
    let file = match &config {
        Some(path) => match file::File::read(path) {
            Ok(file) => Some(file),
            Err(Error::Unreadable { source, .. }) if !named && is_absent(&source) => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    let read_config = config.filter(|_| file.is_some());
    let file = file.unwrap_or_default();
    let (relay, venue) = (file.relay(), file.venue());
    let env_file = sources.env_file.clone().or_else(|| environment.path("ENV_FILE"));
    let env_file = env_file.or_else(|| file.env_file().map(Path::to_owned));
    let mut variables = laravel::Variables::from_environment(&environment.0);
    if let Some(path) = &env_file {
        variables = variables.over(laravel::Variables::from_file(path)?);
    }
    let layer = flags.over(environment.layer()?).over(variables.layer()?).over(file.into_layer());
    Ok(Loaded { settings: Settings::resolve(layer, venue, read_config), relay })
}

/// Where the settings file is looked for when nobody names one. None without a home.
pub fn default_file() -> Option<PathBuf> {
    directories().map(|directories| directories.config_dir().join(FILE_NAME))
}

/// Where people keep themes of their own.
fn themes_dir() -> Option<PathBuf> {
    directories().map(|directories| directories.config_dir().join("themes"))
}

/// The platform's directories of ours. None without a home.
fn directories() -> Option<directories::ProjectDirs> {
    directories::ProjectDirs::from("", "", "frontdesk")
}

/// A file's text. A file that is no text is wrong in the line where it stops being one.
fn read_text(what: &'static str, path: &Path) -> Result<String, Error> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::Unreadable { what, path: path.to_owned(), source })?;
    String::from_utf8(bytes).map_err(|bad| {
        let whole = &bad.as_bytes()[..bad.utf8_error().valid_up_to()];
        let line = whole.split(|byte| *byte == b'\n').count();
        Error::File { path: path.to_owned(), line, expected: "expected text in UTF-8".to_owned() }
    })
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests;
