//! One file of the history: a day of it, or a part of a day.
//!
//! Files are numbered in the order in which they were written, so that no step of the clock confuses them; the
//! date in the name is for people. A file knows the epoch that it belongs to and its base, the offset before its
//! first. The files of one epoch whose numbers follow on each other up to the newest are its *chain*: what is
//! missing before it is gone. What is no file of ours is moved out of the way, never deleted.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use super::{Error, Record, private};

/// Marks a file as ours: "fdjl".
const APPLICATION: i64 = 0x6664_6A6C;

/// What takes a file from each version of the schema to the next; an empty one has version 0.
///
/// `file.heir` says that what retention removed before this file is told in it: by channel in `channel.before`, and
/// in `file.forgotten` the last offset up to which it is known of none. `file.reached` is the last offset, should its
/// entry have been deleted. `span` tells which times lie up to which
/// offset, so that a search by time need not look at everything, whatever the clock did.
const STEPS: &[&str] = &["
    CREATE TABLE file (
        epoch INTEGER NOT NULL,
        base INTEGER NOT NULL,
        heir INTEGER NOT NULL,
        forgotten INTEGER NOT NULL DEFAULT 0,
        reached INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE channel (
        id INTEGER PRIMARY KEY,
        log TEXT NOT NULL,
        name TEXT NOT NULL,
        before INTEGER NOT NULL DEFAULT 0,
        UNIQUE (log, name)
    );
    CREATE TABLE entry (
        offset INTEGER PRIMARY KEY,
        channel INTEGER NOT NULL,
        at INTEGER NOT NULL,
        event TEXT NOT NULL,
        data TEXT NOT NULL,
        note TEXT NOT NULL
    );
    CREATE INDEX entry_by_channel ON entry (channel);
    CREATE TABLE span (
        last INTEGER PRIMARY KEY,
        earliest INTEGER NOT NULL,
        latest INTEGER NOT NULL
    );
"];

/// The version of the schema that this program writes.
pub(super) const VERSION: i64 = 1;
const _: () = assert!(STEPS.len() == 1, "a step more is a version more");

/// What a file is called until it is whole.
const UNFINISHED: &str = "unfinished";

/// How long to wait for another process that has a file.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    /// Its place in the order of writing.
    pub(super) number: u32,
    /// The day on which it was begun, UTC.
    pub(super) day: Date,
}

impl Name {
    /// Reads a file's name; none if it is no history's.
    fn parse(text: &str) -> Option<Self> {
        let (number, day) = text.strip_suffix(".sqlite")?.split_once('-')?;
        let day: Date = day.parse().ok()?;
        let number = number.parse().ok()?;
        let name = Self { number, day };
        (name.file() == text).then_some(name)
    }

    fn file(&self) -> String {
        format!("{:06}-{}.sqlite", self.number, self.day)
    }

    /// The file in a folder.
    pub(super) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.file())
    }

    /// Its full-text index.
    pub(super) fn index(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:06}-{}.index", self.number, self.day))
    }
}

/// The files of a folder, in the order of writing.
pub(super) fn list(folder: &Path) -> Result<Vec<Name>, Error> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        names.extend(entry.map_err(io)?.file_name().to_str().and_then(Name::parse));
    }
    names.sort();
    Ok(names)
}

/// A file that is open.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: Name,
    pub(super) path: PathBuf,
    pub(super) db: Connection,
    pub(super) epoch: u64,
    /// The offset before its first.
    pub(super) base: u64,
}

/// Why a file can't be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// It is broken, or somebody else's.
    Foreign(String),
    /// It can't be used now; it may be fine.
    Error(Error),
}

impl Segment {
    /// Makes a new file; `heir` says that nothing of its epoch was before it.
    pub(super) fn create(
        folder: &Path,
        name: Name,
        epoch: u64,
        base: u64,
        heir: bool,
    ) -> Result<Self, Error> {
        let path = name.path(folder);
        let unfinished = folder.join(UNFINISHED);
        let io = |source| Error::Io { path: unfinished.clone(), source };
        remove(&unfinished).map_err(io)?;
        private::create(&unfinished).map_err(io)?;
        let made = || {
            let db = Connection::open(&unfinished)?;
            migrate(&db, 0)?;
            let facts = params![signed(epoch), signed(base), heir];
            db.execute("INSERT INTO file (epoch, base, heir) VALUES (?1, ?2, ?3)", facts)?;
            db.close().map_err(|(_, error)| error)
        };
        made().map_err(|source| Error::sqlite("make", &unfinished, source))?;
        // Whole from the moment at which readers see it.
        fs::rename(&unfinished, &path).map_err(io)?;
        // Its name must survive a power cut as what is in it does.
        #[cfg(unix)]
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        Self::open(folder, name).map_err(|unusable| match unusable {
            Unusable::Foreign(_) => Error::Foreign { path },
            Unusable::Error(error) => error,
        })
    }

    /// Opens a file for writing, and brings it to this program's schema.
    pub(super) fn open(folder: &Path, name: Name) -> Result<Self, Unusable> {
        let path = name.path(folder);
        let unusable = |source: rusqlite::Error| Unusable::of("open", &path, source);
        let db = Connection::open(&path).map_err(unusable)?;
        let (version, ours) = look(&db).map_err(unusable)?;
        if !ours {
            return Err(Unusable::Foreign("it is no history of frontdesk".to_owned()));
        }
        if version > VERSION {
            return Err(Unusable::Error(Error::Newer { path, found: version, known: VERSION }));
        }
        set_up(&db).map_err(unusable)?;
        migrate(&db, version).map_err(unusable)?;
        let (epoch, base) = facts(&db).map_err(unusable)?;
        let segment = Self { name, path: path.clone(), db, epoch, base };
        // Where even this can't be read, nothing can be written after it.
        segment.last().map_err(unusable)?;
        Ok(segment)
    }

    /// Opens a file for reading alone, also while it is being written.
    pub(super) fn read(folder: &Path, name: Name) -> Result<Self, Error> {
        let path = name.path(folder);
        let error = |source| Error::sqlite("read", &path, source);
        let db = connect_read_only(&path).map_err(error)?;
        db.busy_timeout(PATIENCE).map_err(error)?;
        let (version, ours) = look(&db).map_err(error)?;
        if !ours {
            return Err(Error::Foreign { path });
        }
        if version > VERSION {
            return Err(Error::Newer { path, found: version, known: VERSION });
        }
        let (epoch, base) = facts(&db).map_err(error)?;
        Ok(Self { name, path, db, epoch, base })
    }

    /// The last offset in it, its base if it is empty.
    pub(super) fn last(&self) -> rusqlite::Result<u64> {
        let last = "SELECT max(coalesce((SELECT max(offset) FROM entry), 0), reached, base) FROM file";
        self.db.query_row(last, [], |row| row.get(0)).map(unsigned)
    }

    /// Its channels by id: log and name.
    pub(super) fn channels(&self, after: i64) -> rusqlite::Result<Vec<(i64, String, String)>> {
        let mut rows = self.db.prepare_cached("SELECT id, log, name FROM channel WHERE id > ?1")?;
        rows.query_map([after], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    }

    /// The record at an offset.
    pub(super) fn record(&self, offset: u64) -> rusqlite::Result<Option<Record>> {
        let mut rows = self.db.prepare_cached(
            "SELECT offset, at, log, name, event, data, note FROM entry JOIN channel ON id = channel WHERE offset = ?1",
        )?;
        let record = |row: &rusqlite::Row<'_>| {
            Ok(Record {
                epoch: self.epoch,
                offset: unsigned(row.get(0)?),
                at: moment(row.get(1)?),
                log: row.get(2)?,
                channel: row.get(3)?,
                event: row.get(4)?,
                data: row.get(5)?,
                note: row.get(6)?,
            })
        };
        rows.query_row([signed(offset)], record).optional()
    }
}

impl Unusable {
    fn of(doing: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        match &source {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                // The last: a file whose tables are not what its version says.
                ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::Unknown => {
                    Self::Foreign(source.to_string())
                }
                _ => Self::Error(Error::sqlite(doing, path, source)),
            },
            rusqlite::Error::QueryReturnedNoRows => Self::Foreign("it was never finished".to_owned()),
            // SQLite reads it, and what it reads cannot be.
            _ => Self::Foreign(source.to_string()),
        }
    }
}

fn set_up(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(PATIENCE)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    // What is deleted is overwritten: a guest who is forgotten leaves no trace in free pages.
    db.pragma_update(None, "secure_delete", true)?;
    db.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// Takes the schema from a version to this program's.
fn migrate(db: &Connection, from: i64) -> rusqlite::Result<()> {
    for (version, step) in (1..).zip(STEPS).skip(usize::try_from(from).unwrap_or(0)) {
        db.execute_batch(&format!(
            "BEGIN IMMEDIATE; {step}; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {version}; COMMIT;"
        ))?;
    }
    Ok(())
}

/// The schema's version, and whether the file is ours; an empty file is, with version 0.
fn look(db: &Connection) -> rusqlite::Result<(i64, bool)> {
    let version = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok((version, application == APPLICATION || (tables == 0 && version == 0 && application == 0)))
}

fn facts(db: &Connection) -> rusqlite::Result<(u64, u64)> {
    db.query_row("SELECT epoch, base FROM file", [], |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))))
}

/// Opens a file for reading, also where nothing can be written and no writer has left its shared memory.
pub(super) fn connect_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    match db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) && !wal_of(path).exists() => {
            let mut url = String::from("file:");
            url.extend(percent_encoding::utf8_percent_encode(
                &path.to_string_lossy(),
                percent_encoding::NON_ALPHANUMERIC,
            ));
            url.push_str("?immutable=1");
            Connection::open_with_flags(url, flags | OpenFlags::SQLITE_OPEN_URI)
        }
        Ok(()) | Err(_) => Ok(db),
    }
}

/// The file in which SQLite collects what is written before it goes to the file itself.
fn wal_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// A file whose name goes on from another's.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// A file of a database that belongs to it, itself included.
fn all_of(path: &Path) -> [PathBuf; 3] {
    [path.to_owned(), wal_of(path), beside(path, "-shm")]
}

/// Moves a file that is none of ours out of the way, and says where to.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let mut aside = beside(path, ".broken");
    for number in 2.. {
        if !aside.exists() {
            break;
        }
        aside = beside(path, &format!(".broken-{number}"));
    }
    for (from, more) in all_of(path).iter().zip(["", "-wal", "-shm"]) {
        match fs::rename(from, beside(&aside, more)) {
            Err(error) if from == path || error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(aside)
}

/// Removes a database.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    for part in all_of(path) {
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// The chain of a list of files: the epoch of the newest, and what follows on each other up to it.
pub(super) fn chain<T>(files: &[T], number: impl Fn(&T) -> (u32, u64)) -> &[T] {
    let follows = |pair: &&[T]| {
        let ((one, epoch), (next, same)) = (number(&pair[0]), number(&pair[1]));
        one + 1 == next && epoch == same
    };
    let links = files.windows(2).rev().take_while(follows).count();
    &files[files.len().saturating_sub(links + 1)..]
}

/// SQLite's integers have a sign.
pub(super) fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// And back.
pub(super) fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}

/// A moment out of its microseconds.
pub(super) fn moment(micros: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(micros).unwrap_or_default()
}

/// For ids of channels by log and name.
pub(super) type Ids = HashMap<String, HashMap<String, i64>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written_and_no_other_file_is_taken_for_one() {
        let name = Name { number: 42, day: Date::constant(2024, 1, 15) };
        assert_eq!(name.file(), "000042-2024-01-15.sqlite");
        assert_eq!(Name::parse("000042-2024-01-15.sqlite"), Some(name));
        for other in [
            "head",
            "000042-2024-01-15.sqlite-wal",
            "000042-2024-01-15.sqlite.broken",
            "42-2024-01-15.sqlite",
            "000042-2024-02-30.sqlite",
            "x-2024-01-15.sqlite",
            ".sqlite",
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_chain_ends_where_a_number_is_missing_or_the_epoch_is_another() {
        let chain = |files: &[(u32, u64)]| chain(files, |&file| file).to_vec();
        assert_eq!(chain(&[]), []);
        assert_eq!(chain(&[(1, 7)]), [(1, 7)]);
        assert_eq!(chain(&[(1, 7), (2, 7), (3, 7)]), [(1, 7), (2, 7), (3, 7)]);
        assert_eq!(chain(&[(1, 7), (3, 7), (4, 7)]), [(3, 7), (4, 7)]);
        assert_eq!(chain(&[(1, 7), (2, 8), (3, 8)]), [(2, 8), (3, 8)]);
    }
}
