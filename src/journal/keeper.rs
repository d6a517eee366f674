//! The thread that sees to what may wait: checkpoints, the full-text index, retention.
//!
//! It has connections of its own, and works in small pieces with rests between, so that the thread that writes
//! is never held up for long. What it can't do now it does later; nothing that was acknowledged depends on it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::params;

use super::segment::{self, Name, Segment, signed, unsigned};
use super::{Error, Options, index, open, writer};
use crate::time;

/// How long after something was written it is seen to, at the latest.
const REST: Duration = Duration::from_millis(500);
/// The rest between two pieces of a longer work.
const BREATH: Duration = Duration::from_millis(50);
/// How often it is looked for files that are too old. One is removed each time, so that a clock that is wrong for
/// a while does not cost a history.
const RETENTION: Duration = Duration::from_secs(3600);
/// Pages that the thread that writes may copy itself.
const FEW: i64 = 1000;

/// How the two threads meet.
#[derive(Default)]
pub(super) struct Nudge {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Default)]
struct State {
    committed: bool,
    checkpoint: bool,
    closed: bool,
}

impl Nudge {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something has been written.
    pub(super) fn committed(&self) {
        self.with(|state| state.committed = true);
    }

    /// Whether a checkpoint is to be finished by who writes.
    pub(super) fn take_checkpoint(&self) -> bool {
        self.with(|state| std::mem::take(&mut state.checkpoint))
    }

    /// Ends the thread.
    pub(super) fn close(&self) {
        self.with(|state| state.closed = true);
        self.came.notify_all();
    }

    /// Rests; whether something has been written, none at the end.
    fn rest(&self, most: Duration) -> Option<bool> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let resting = |state: &mut State| !state.closed;
        let (mut state, _) =
            self.came.wait_timeout_while(state, most, resting).unwrap_or_else(PoisonError::into_inner);
        (!state.closed).then(|| std::mem::take(&mut state.committed))
    }
}

/// The thread's state.
pub(super) struct Keeper {
    folder: PathBuf,
    options: Options,
    nudge: Arc<Nudge>,
    /// The newest file, by a connection that writes.
    current: Option<Segment>,
    /// The newest of the files whose index is whole and will stay so.
    indexed: Option<Name>,
}

impl Keeper {
    pub(super) fn new(folder: &Path, options: Options, nudge: Arc<Nudge>) -> Self {
        Self { folder: folder.to_owned(), options, nudge, current: None, indexed: None }
    }

    /// Works until the end.
    pub(super) fn run(mut self) {
        let mut behind = true;
        // Opening has looked.
        let mut looked = time::monotonic();
        while let Some(committed) = self.nudge.rest(if behind { BREATH } else { REST }) {
            if committed {
                self.report("checkpoint", Self::checkpoint);
            }
            if committed || behind {
                behind = self.report("index", Self::index).unwrap_or(false);
            }
            let now = time::monotonic();
            if now.saturating_duration_since(looked) >= RETENTION {
                looked = now;
                self.report("retention", |keeper| remove_oldest(&keeper.folder, &keeper.options));
            }
        }
    }

    fn report<T>(&mut self, what: &str, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Option<T> {
        let done = work(self);
        if let Err(error) = &done {
            self.current = None;
            tracing::warn!(%error, "{what}");
        }
        done.ok()
    }

    /// Copies what was written into the file itself.
    fn checkpoint(&mut self) -> Result<(), Error> {
        let names = segment::list(&self.folder)?;
        let Some(newest) = names.last() else { return Ok(()) };
        if self.current.as_ref().is_none_or(|current| current.name != *newest) {
            self.current = Segment::open(&self.folder, newest.clone()).ok();
        }
        let Some(current) = &self.current else { return Ok(()) };
        let (collected, copied) = writer::checkpoint(&current.db)
            .map_err(|source| Error::sqlite("checkpoint", &current.path, source))?;
        if collected > 0 && collected - copied < FEW {
            self.nudge.with(|state| state.checkpoint = true);
        }
        Ok(())
    }

    /// Goes on with the index, and says whether there is more to do.
    fn index(&mut self) -> Result<bool, Error> {
        let names = segment::list(&self.folder)?;
        for name in &names {
            if self.indexed.as_ref().is_some_and(|indexed| name <= indexed) {
                continue;
            }
            if index::advance(&self.folder, name)? {
                return Ok(true);
            }
            if Some(name) != names.last() {
                self.indexed = Some(name.clone());
            }
        }
        Ok(false)
    }
}

/// Removes the oldest file if all in it is older than what is to be kept. What its channels had is told in the next.
pub(super) fn remove_oldest(folder: &Path, options: &Options) -> Result<(), Error> {
    let names = segment::list(folder)?;
    let Ok(keep) = jiff::SignedDuration::try_from(options.keep) else { return Ok(()) };
    let Ok(oldest) = options.clock.now().checked_sub(keep) else { return Ok(()) };
    let [first, next, ..] = names.as_slice() else { return Ok(()) };
    // A day's file is not read before it can be old.
    if first.day >= open::day(&options.clock) || !is_older(folder, first, oldest)? {
        return Ok(());
    }
    bequeath(folder, first, next)?;
    let io = |path: PathBuf| move |source| Error::Io { path, source };
    segment::remove(&first.path(folder)).map_err(io(first.path(folder)))?;
    segment::remove(&first.index(folder)).map_err(io(first.index(folder)))?;
    tracing::info!(file = %first.path(folder).display(), "older than what is kept, and removed");
    Ok(())
}

fn is_older(folder: &Path, name: &Name, than: Timestamp) -> Result<bool, Error> {
    let segment = Segment::read(folder, name.clone())?;
    let latest = "SELECT max(max(coalesce((SELECT max(latest) FROM span), 0)),
        coalesce((SELECT max(at) FROM entry WHERE offset > (SELECT coalesce(max(last), 0) FROM span)), 0))";
    let latest: i64 = segment
        .db
        .query_row(latest, [], |row| row.get(0))
        .map_err(|source| Error::sqlite("read", &segment.path, source))?;
    Ok(latest < than.as_microsecond())
}

/// Tells in the next file what of each channel will be gone with the first.
fn bequeath(folder: &Path, first: &Name, next: &Name) -> Result<(), Error> {
    let from = Segment::read(folder, first.clone())?;
    let to = match Segment::open(folder, next.clone()) {
        Ok(to) => to,
        Err(segment::Unusable::Error(error)) => return Err(error),
        Err(segment::Unusable::Foreign(_)) => return Err(Error::Foreign { path: next.path(folder) }),
    };
    let moved = || {
        let (heir, forgotten): (bool, i64) =
            from.db
                .query_row("SELECT heir, forgotten FROM file", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let forgotten = if heir { unsigned(forgotten) } else { from.base };
        let mut channels = from.db.prepare(
            "SELECT log, name, coalesce((SELECT max(offset) FROM entry WHERE channel = id), before) FROM channel",
        )?;
        let mut channels = channels.query([])?;
        let all = rusqlite::Transaction::new_unchecked(&to.db, rusqlite::TransactionBehavior::Immediate)?;
        let facts = "UPDATE file SET heir = 1, forgotten = max(forgotten, ?1)";
        to.db.execute(facts, [signed(forgotten)])?;
        let mut insert = to.db.prepare_cached(
            "INSERT INTO channel (log, name, before) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET before = max(before, excluded.before)",
        )?;
        while let Some(row) = channels.next()? {
            let (log, name): (String, String) = (row.get(0)?, row.get(1)?);
            insert.execute(params![log, name, row.get::<_, i64>(2)?])?;
        }
        drop(insert);
        all.commit()
    };
    if from.epoch == to.epoch && first.number + 1 == next.number {
        moved().map_err(|source| Error::sqlite("write to", &to.path, source))?;
    }
    Ok(())
}
