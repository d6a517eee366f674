//! The thread that writes: takes what waits, commits it as one, and tells everybody in the order of offsets.
//!
//! When the disk refuses, what was to be kept is refused with the reason, nothing more is taken until a try
//! succeeds, and the file is opened anew for it. What was refused is taken out again, should it have reached the
//! disk after all: refused is refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::ToSpan;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use super::head::Head;
use super::keeper::Nudge;
use super::open::{self, Opened};
use super::queue::{Append, Queue, Taken};
use super::segment::{self, Ids, Name, Segment, Unusable, signed};
use super::{Entry, Error, Options, StoreError};

/// How often it is looked whether a new day has come, while nothing else does.
const IDLE: Duration = Duration::from_secs(30);
/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// Entries of which the earliest and the latest time are written down together.
const SPAN: u64 = 4096;

/// The thread's state.
pub(super) struct Writer {
    folder: PathBuf,
    options: Options,
    queue: Arc<Queue>,
    nudge: Arc<Nudge>,
    head: Head,
    epoch: u64,
    /// The last offset that was acknowledged.
    last: u64,
    /// The newest file that there was, and the file if it is open.
    newest: Name,
    current: Option<Current>,
}

/// The file that is being written.
struct Current {
    segment: Segment,
    ids: Ids,
    span: Span,
}

/// Times of entries that are not written down as a span yet.
#[derive(Clone, Copy)]
struct Span {
    count: u64,
    earliest: i64,
    latest: i64,
}

impl Span {
    const EMPTY: Self = Self { count: 0, earliest: i64::MAX, latest: i64::MIN };
}

/// Tells everybody who waits when the thread ends, however it does.
struct Abandons(Arc<Queue>);

impl Drop for Abandons {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Writer {
    pub(super) fn new(
        opened: Opened,
        folder: &Path,
        options: Options,
        queue: Arc<Queue>,
        nudge: Arc<Nudge>,
    ) -> Self {
        let Opened { epoch, last, current, head, .. } = opened;
        let newest = current.name.clone();
        let folder = folder.to_owned();
        let mut writer = Self { folder, options, queue, nudge, head, epoch, last, newest, current: None };
        // What can't be read now is tried again with the first entry.
        writer.current = writer.begin(current).ok();
        writer
    }

    /// Writes until the queue is closed.
    pub(super) fn run(mut self) {
        let _abandons = Abandons(Arc::clone(&self.queue));
        loop {
            let broken = self.queue.healthy().is_err();
            match self.queue.take(if broken { RETRY } else { IDLE }) {
                Taken::Group(group) => self.keep(group),
                Taken::Nothing => self.look_around(broken),
                Taken::Closed => break,
            }
        }
        if let Some(current) = &self.current {
            current.finish();
        }
    }

    /// Keeps a group, and tells everybody.
    fn keep(&mut self, group: Vec<Append>) {
        let entries = || group.iter().flat_map(|append| &append.entries);
        let committed = match self.commit(entries()) {
            // Another file can take it.
            Err(error) if error.is_damage() && self.set_aside(&error) => self.commit(entries()),
            committed => committed,
        };
        match committed {
            Ok(()) => {
                self.queue.set_last(self.last);
                let mut first = self.last - entries().count() as u64 + 1;
                for append in group {
                    let offsets = first..first + append.entries.len() as u64;
                    first = offsets.end;
                    (append.then)(Ok(offsets));
                }
                self.nudge.committed();
            }
            Err(error) => {
                let reason = self.failed(&error);
                for append in group {
                    (append.then)(Err(StoreError::Refused(reason.clone())));
                }
            }
        }
    }

    /// While nothing comes: begins a new day, or tries whether the disk keeps something again.
    fn look_around(&mut self, broken: bool) {
        let tried = if broken { self.probe() } else { self.current().map(|_| ()) };
        match tried {
            Ok(()) if broken => {
                tracing::info!(folder = %self.folder.display(), "events are kept again");
                self.queue.set_broken(None);
            }
            Ok(()) => {}
            Err(error) => {
                self.failed(&error);
            }
        }
    }

    /// Gives a broken file up for a new one; whether that could be done.
    fn set_aside(&mut self, why: &Error) -> bool {
        self.current = None;
        let path = self.newest.path(&self.folder);
        let next = open::set_aside(&path, &why.to_string()).and_then(|note| {
            tracing::error!("{note}");
            self.next_file(true)
        });
        self.current = next.ok();
        self.current.is_some()
    }

    fn failed(&mut self, error: &Error) -> String {
        self.current = None;
        let reason = error.to_string();
        if self.queue.healthy() != Err(reason.clone()) {
            tracing::error!(folder = %self.folder.display(), reason, "events can't be kept");
            self.queue.set_broken(Some(reason.clone()));
        }
        reason
    }

    /// Makes entries durable, in this order.
    fn commit<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>) -> Result<(), Error> {
        if self.options.leaves_holes && self.queue.take_hole() {
            let before = self.current.take();
            self.last += 1;
            self.current = Some(self.next_file(true)?);
            drop(before);
        }
        let before = self.last;
        let nudge = Arc::clone(&self.nudge);
        let current = self.current()?;
        let path = current.segment.path.clone();
        let error = |source| Error::sqlite("write to", &path, source);
        if nudge.take_checkpoint() {
            // Little is left of it: so the file that collects what is written can begin anew.
            checkpoint(&current.segment.db).map_err(error)?;
        }
        let last = current.write(before, entries).map_err(error)?;
        self.last = last;
        if let Err(error) = self.head.write(self.epoch, self.last) {
            tracing::warn!(%error, "how far the history has come can't be written down");
        }
        Ok(())
    }

    /// The file to write to, that of this day.
    fn current(&mut self) -> Result<&mut Current, Error> {
        let today = open::day(&self.options.clock);
        let current = match self.current.take() {
            Some(current) => current,
            None => self.open()?,
        };
        let day = current.segment.name.day;
        // A clock that steps back a little does not begin its yesterday again; one that was wrong is not followed.
        let another = today > day || today < day.saturating_sub(1.day());
        if !another {
            return Ok(self.current.insert(current));
        }
        let next = self.next_file(false)?;
        current.finish();
        Ok(self.current.insert(next))
    }

    /// Opens the newest file again.
    fn open(&mut self) -> Result<Current, Error> {
        let names = segment::list(&self.folder)?;
        let Some(newest) = names.last() else { return self.next_file(false) };
        self.newest = self.newest.clone().max(newest.clone());
        match Segment::open(&self.folder, newest.clone()) {
            Ok(segment) if segment.epoch == self.epoch => self.begin(segment),
            Ok(_) => self.next_file(false),
            Err(Unusable::Error(error)) => Err(error),
            Err(Unusable::Foreign(why)) => {
                let note = open::set_aside(&newest.path(&self.folder), &why)?;
                tracing::error!("{note}");
                self.next_file(true)
            }
        }
    }

    /// Begins to write a file, without what was refused.
    fn begin(&self, segment: Segment) -> Result<Current, Error> {
        let error = |source| Error::sqlite("write to", &segment.path, source);
        segment.db.execute("DELETE FROM entry WHERE offset > ?1", [signed(self.last)]).map_err(error)?;
        if let Some(bytes) = self.options.day_bytes {
            let size: i64 =
                segment.db.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(error)?;
            let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / size.max(1);
            segment
                .db
                .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
                .map_err(error)?;
        }
        let span = "SELECT count(*), min(at), max(at) FROM entry
            WHERE offset > (SELECT coalesce(max(last), 0) FROM span)";
        let span = segment.db.query_row(span, [], |row| {
            let count: i64 = row.get(0)?;
            let times = (row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?);
            Ok(match times {
                (Some(earliest), Some(latest)) => Span { count: count.cast_unsigned(), earliest, latest },
                _ => Span::EMPTY,
            })
        });
        let span = span.map_err(error)?;
        Ok(Current { segment, ids: Ids::new(), span })
    }

    /// Begins a new file; `lost` says that something is missing before it.
    fn next_file(&mut self, lost: bool) -> Result<Current, Error> {
        let number = self.newest.number + if lost { 2 } else { 1 };
        let name = Name { number, day: open::day(&self.options.clock) };
        let segment = Segment::create(&self.folder, name.clone(), self.epoch, self.last, false)?;
        self.newest = name;
        self.begin(segment)
    }

    /// Whether something could be written now.
    fn probe(&mut self) -> Result<(), Error> {
        let last = self.last;
        let current = self.current()?;
        let db = &current.segment.db;
        let tried = || {
            let trial = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
            let row = "INSERT INTO entry VALUES (?1, 0, 0, '', zeroblob(65536), '')";
            trial.execute(row, [signed(last + 1)])?;
            trial.execute("DELETE FROM entry WHERE offset > ?1", [signed(last)])?;
            trial.commit()
        };
        tried().map_err(|source| Error::sqlite("write to", &current.segment.path, source))
    }
}

impl Current {
    /// Leaves everything in the one file, if no reader needs the other; else that is done at the next opening.
    fn finish(&self) {
        let db = &self.segment.db;
        let done = db
            .busy_timeout(Duration::ZERO)
            .and_then(|()| db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        if let Err(error) = done {
            tracing::warn!(file = %self.segment.path.display(), %error, "checkpoint");
        }
    }

    /// Writes entries after an offset, and returns the last one's.
    fn write<'a>(
        &mut self,
        mut last: u64,
        entries: impl Iterator<Item = &'a Entry>,
    ) -> rusqlite::Result<u64> {
        let Self { segment, ids, span } = self;
        let mut now = *span;
        let written = Transaction::new_unchecked(&segment.db, TransactionBehavior::Immediate)?;
        {
            let mut insert =
                segment.db.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            for Entry { log, at, channel, event, data, note } in entries {
                last += 1;
                let channel = id(&segment.db, ids, log, channel)?;
                let at = at.as_microsecond();
                insert.execute(params![signed(last), channel, at, event, data, note])?;
                now =
                    Span { count: now.count + 1, earliest: now.earliest.min(at), latest: now.latest.max(at) };
                if now.count >= SPAN {
                    let mut insert = segment.db.prepare_cached("INSERT INTO span VALUES (?1, ?2, ?3)")?;
                    insert.execute(params![signed(last), now.earliest, now.latest])?;
                    now = Span::EMPTY;
                }
            }
        }
        written.commit()?;
        *span = now;
        Ok(last)
    }
}

/// The id of a channel in a file.
fn id(db: &Connection, ids: &mut Ids, log: &str, channel: &str) -> rusqlite::Result<i64> {
    if let Some(id) = ids.get(log).and_then(|channels| channels.get(channel)) {
        return Ok(*id);
    }
    // Names are forgotten all at once where they are many; that happens seldom, and costs little.
    if ids.values().map(std::collections::HashMap::len).sum::<usize>() > 100_000 {
        ids.clear();
    }
    let mut made = db.prepare_cached(
        "INSERT INTO channel (log, name) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET name = name RETURNING id",
    )?;
    let id = made.query_row(params![log, channel], |row| row.get(0))?;
    ids.entry(log.to_owned()).or_default().insert(channel.to_owned(), id);
    Ok(id)
}

/// Copies what was written into the file itself, as far as nobody is disturbed. Returns how many pages were
/// collected, and how many are copied.
pub(super) fn checkpoint(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    let done = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?)));
    match done {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok((0, 0)),
        done => done,
    }
}
