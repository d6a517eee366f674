//! The history of events on disk.
//!
//! A [`Journal`] takes entries in any number of logs and gives each an offset, strictly increasing over all logs; what
//! it has acknowledged is durable. What an entry's data means is not its business. One process writes a folder,
//! by a lock; others read it meanwhile with a [`Reader`], and never hold the writer up.
//!
//! Entries go through a bounded queue to one thread, which commits what waits in one transaction and tells
//! everybody in the order of offsets. A second thread sees to what may wait: checkpoints, the full-text index,
//! retention. The files are SQLite's, one a day (`segment`), and beside them `head` says how far they must reach.

mod backup;
mod folder;
mod forget;
mod head;
mod index;
mod keeper;
mod open;
mod private;
mod queue;
mod reader;
mod segment;
mod writer;

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

pub use backup::backup;
pub use folder::{Folder, Taking};
pub use forget::{count, forget};
pub use reader::{Found, Gone, Page, Query, Reader};

use self::keeper::Nudge;
use self::queue::{Append, Queue};
use crate::time::Clock;

/// What is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose log it belongs to: a relay has one an app.
    pub log: Arc<str>,
    /// When it happened, to the microsecond.
    pub at: Timestamp,
    /// The channel.
    pub channel: String,
    /// The event's name.
    pub event: String,
    /// The event's data, kept as it is.
    pub data: String,
    /// What whoever keeps it wants to know besides; empty for nothing.
    pub note: String,
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The history that it belongs to.
    pub epoch: u64,
    /// Its place in it.
    pub offset: u64,
    /// As it was told.
    pub at: Timestamp,
    /// Whose log it belongs to.
    pub log: String,
    /// The channel.
    pub channel: String,
    /// The event's name.
    pub event: String,
    /// The event's data.
    pub data: String,
    /// What was to be known besides.
    pub note: String,
}

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long entries are kept at least; whole days are removed at once.
    pub keep: Duration,
    /// The most that one day's file may measure; none: as much as the disk holds.
    pub day_bytes: Option<u64>,
    /// Whether whoever brings entries goes on with those that can't be kept. Then the next that is kept begins behind
    /// a hole: an offset is left out, and everything up to it is gone.
    pub leaves_holes: bool,
    /// Tells the day, by which files are begun and removed.
    pub clock: Clock,
}

/// What whoever opened a journal should know, a sentence each.
pub type Notes = Vec<String>;

/// Why a journal can't be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A newer program wrote it.
    #[error(
        "{} was written by a newer frontdesk (schema {found}; this one knows {known}): use that one, or another folder",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It is somebody else's.
    #[error("{} is no history of frontdesk", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// SQLite refuses.
    #[error("cannot {doing} {}: {source}", path.display())]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
}

impl Error {
    fn sqlite(doing: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        Self::Sqlite { doing, path: path.to_owned(), source }
    }

    /// Whether a file is broken, as opposed to one that can't be used just now.
    fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Self::Sqlite { source, .. } => {
                matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
            }
            Self::Foreign { .. } => true,
            Self::Newer { .. } | Self::Io { .. } => false,
        }
    }
}

/// Why entries were not kept. None of them was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// More wait than the disk is quick.
    #[error("too many events wait for the disk")]
    Full,
    /// The disk refuses, and why.
    #[error("{0}")]
    Refused(String),
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
}

/// The offsets that entries were given, in their order; or why they have none.
pub type Stored = Result<Range<u64>, StoreError>;

/// A history that is being written. Cheap to clone; the last one that goes closes it, once what waits is kept.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    folder: Folder,
    clock: Clock,
    epoch: u64,
    queue: Arc<Queue>,
    nudge: Arc<Nudge>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Journal {
    /// Opens a folder's history, or begins one.
    ///
    /// What is broken or not ours is moved aside and told in the notes. The history is another (another epoch) if
    /// something is missing at its end, or the folder is a copy.
    ///
    /// # Errors
    /// The folder can't be written, or a newer program wrote it.
    pub fn open(folder: Folder, options: Options) -> Result<(Self, Notes), Error> {
        let opened = open::open(folder.path(), &options)?;
        let queue = Arc::new(Queue::after(opened.last));
        let nudge = Arc::new(Nudge::default());
        let (epoch, notes) = (opened.epoch, opened.notes.clone());
        let path = folder.path().to_owned();
        let io = |source| Error::Io { path: path.clone(), source };
        let writer =
            writer::Writer::new(opened, &path, options.clone(), Arc::clone(&queue), Arc::clone(&nudge));
        let writing =
            std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run()).map_err(io)?;
        let clock = options.clock.clone();
        let keeper = keeper::Keeper::new(&path, options, Arc::clone(&nudge));
        let keeps = std::thread::Builder::new().name("journal-keeper".to_owned()).spawn(move || keeper.run());
        let mut inner = Inner { folder, clock, epoch, queue, nudge, threads: vec![writing] };
        inner.threads.push(keeps.map_err(io)?);
        Ok((Self(Arc::new(inner)), notes))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.folder.path()
    }

    /// The clock by which it is kept.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Which history it is.
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// The last offset that was given.
    pub fn last(&self) -> u64 {
        self.0.queue.last()
    }

    /// Keeps entries, all or none, and returns their offsets once they are durable.
    pub async fn append(&self, entries: Vec<Entry>) -> Stored {
        let (tell, told) = oneshot::channel();
        self.append_then(entries, move |stored| {
            // Nobody waits any more: it is kept all the same.
            let _ = tell.send(stored);
        });
        told.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The same for threads that may wait.
    pub fn append_blocking(&self, entries: Vec<Entry>) -> Stored {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        self.append_then(entries, move |stored| {
            let _ = tell.send(stored);
        });
        told.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Keeps entries, all or none, and calls `then`: on the thread that writes, in the order of offsets over all
    /// callers, before anything that comes after is durable. It must be quick. Where there is no room it is
    /// called at once.
    pub fn append_then(&self, entries: Vec<Entry>, then: impl FnOnce(Stored) + Send + 'static) {
        self.0.queue.push(Append { entries, then: Box::new(then) });
    }

    /// Whether entries are being kept, or why not.
    ///
    /// # Errors
    /// What the disk said. It is tried again every now and then, and this tells when it works.
    pub fn healthy(&self) -> Result<(), String> {
        self.0.queue.healthy()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        for (at, thread) in self.threads.drain(..).enumerate() {
            // A thread that panicked has said so on stderr.
            let _ = thread.join();
            if at == 0 {
                self.nudge.close();
            }
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("folder", &self.0.folder.path())
            .field("epoch", &self.0.epoch)
            .finish()
    }
}
