//! Settings in layers: defaults, the settings file, a Laravel `.env`, the environment, flags; the stronger last.
//!
//! [`load`] reads every source into a [`Layer`](layer::Layer), lays them over each other and resolves what
//! depends on what (where the auth endpoint is, which token belongs to it, in which zone a time is) into
//! [`Settings`]; these hand out the options that each part of the program defines for itself. Nothing is
//! connected to and nothing is printed here. An error is one sentence that names the place and what was
//! expected, and never quotes a secret.

pub mod environment;
pub mod file;
pub mod laravel;
pub mod layer;
pub mod secret;
pub mod value;

use std::io;
use std::path::PathBuf;

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
}
