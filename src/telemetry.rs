//! What the program says of its own doings: tracing, into a file that rolls daily, and never onto the screen.
//!
//! The screen belongs to the dashboard, stdout to what a command was asked for. The one exception is the
//! relay, whose lines go to stderr as well because nothing else is there. Writing goes through a bounded
//! queue and a thread, so that a slow disk never holds up an event; what did not fit is counted at the end.

use std::io;
use std::path::{Path, PathBuf};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How many days of a rolling log are kept.
const DAYS: usize = 7;
/// How many lines wait for the disk.
const QUEUE: usize = 16_384;

/// What is written, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file somebody asked for: it must be writable.
    pub file: Option<PathBuf>,
    /// Otherwise the folder for a rolling log; where it can't be written the program goes on without.
    pub folder: Option<PathBuf>,
    /// How much of our own doings is written; of the libraries' only warnings are.
    pub level: LevelFilter,
    /// Whether the lines go to stderr too.
    pub stderr: bool,
}

/// The log can't be written where somebody asked for it.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the log {}: {reason}", path.display())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub reason: String,
}

/// Keeps the log going, and writes what still waits when it is dropped.
#[must_use = "the log ends when this is dropped"]
pub struct Telemetry {
    writer: Option<(WorkerGuard, ErrorCounter)>,
    /// Where the log is.
    pub path: Option<PathBuf>,
    /// Why there is none where one was expected.
    pub note: Option<String>,
}

/// Starts the log. The first caller in a process wins; later ones write to its log.
///
/// # Errors
/// The file that was asked for can't be written.
pub fn start(options: &Options) -> Result<Telemetry, Error> {
    let (appender, path, note) = match (&options.file, &options.folder) {
        (Some(file), _) => (Some(open_file(file)?), Some(file.clone()), None),
        (None, Some(folder)) => match open_folder(folder) {
            Ok(appender) => (Some(appender), Some(folder.clone()), None),
            Err(error) => (None, None, Some(format!("no log is kept: {error}"))),
        },
        (None, None) => (None, None, None),
    };
    let writer =
        appender.map(|appender| NonBlockingBuilder::default().buffered_lines_limit(QUEUE).finish(appender));
    let filter = Targets::new()
        .with_default(LevelFilter::WARN.min(options.level))
        .with_target("frontdesk", options.level);
    let file = writer
        .as_ref()
        .map(|(writer, _)| fmt::layer().with_ansi(false).with_target(false).with_writer(writer.clone()));
    let stderr =
        options.stderr.then(|| fmt::layer().with_ansi(false).with_target(false).with_writer(io::stderr));
    // Fails only where a test of the same process was first.
    let _ = tracing_subscriber::registry().with(filter).with(file).with(stderr).try_init();
    let writer = writer.map(|(writer, guard)| (guard, writer.error_counter()));
    Ok(Telemetry { writer, path, note })
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let lost = self.writer.as_ref().map_or(0, |(_, counter)| counter.dropped_lines());
        if lost > 0 {
            tracing::warn!(lost, "lines were not logged because the disk was too slow");
        }
    }
}

/// One file, appended to for ever: who names a file rotates it, too.
fn open_file(path: &Path) -> Result<RollingFileAppender, Error> {
    let fault = |reason: String| Error { path: path.to_owned(), reason };
    let name = path.file_name().ok_or_else(|| fault("expected a file's name".to_owned()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    try_append(path).map_err(|error| fault(error.to_string()))?;
    RollingFileAppender::builder()
        .rotation(Rotation::NEVER)
        .filename_prefix(name.to_string_lossy())
        .build(folder)
        .map_err(|error| fault(error.to_string()))
}

fn open_folder(folder: &Path) -> Result<RollingFileAppender, Error> {
    let fault = |reason: String| Error { path: folder.to_owned(), reason };
    std::fs::create_dir_all(folder).map_err(|error| fault(error.to_string()))?;
    // The appender reports a folder that can't be written on stderr only when it rolls, over the screen.
    tempfile::tempfile_in(folder).map_err(|error| fault(error.to_string()))?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("frontdesk")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(folder)
        .map_err(|error| fault(error.to_string()))
}

fn try_append(path: &Path) -> io::Result<()> {
    std::fs::OpenOptions::new().create(true).append(true).open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(file: Option<PathBuf>, folder: Option<PathBuf>) -> Options {
        Options { file, folder, level: LevelFilter::INFO, stderr: false }
    }

    #[test]
    fn a_file_that_was_asked_for_must_be_writable() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in [folder.path().to_owned(), folder.path().join("none/here.log"), PathBuf::from("/")] {
            let error = start(&options(Some(file), None)).err().expect("an error");
            assert!(error.to_string().starts_with("cannot write the log"), "{error}");
        }
        let good = start(&options(Some(folder.path().join("here.log")), None)).expect("a log");
        assert_eq!(
            (good.path.as_deref(), good.note.as_deref()),
            (Some(folder.path().join("here.log").as_path()), None)
        );
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_noted_and_the_program_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("a file");
        let log = start(&options(None, Some(file.join("log")))).expect("no error");
        assert!(log.path.is_none());
        assert!(
            log.note.as_deref().is_some_and(|note| note.starts_with("no log is kept:")),
            "{:?}",
            log.note
        );
    }
}
