//! Deleting what one guest left behind, while the history is in use.
//!
//! A text is looked for as a reader sees it, whatever its case, in the data of every entry, not through the index:
//! what is to go must be found. It goes from the files and from the index, whose free space is overwritten, and from
//! the files in which SQLite collects. What a running relay holds in memory goes when it is old enough, or with it.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::Error;
use super::index::{self, legible};
use super::segment::{self, Name, Segment, Unusable, signed, unsigned};

/// Entries that are looked at between two rests for others.
const STEP: i64 = 1000;
/// How often it is tried to empty a file that others use, each time with the patience of a writer.
const TRIES: usize = 20;

/// How many entries hold a text.
///
/// # Errors
/// A file can't be read.
pub fn count(folder: &Path, text: &str) -> Result<u64, Error> {
    let mut count = 0;
    for name in segment::list(folder)? {
        let segment = Segment::read(folder, name)?;
        let error = |source| Error::sqlite("read", &segment.path, source);
        let mut after = 0;
        while let Some((upto, holding)) = look(&segment, after, text).map_err(error)? {
            count += holding.len() as u64;
            after = upto;
        }
    }
    Ok(count)
}

/// Deletes the entries that hold a text, and says how many there were.
///
/// # Errors
/// A file can't be read or written, or was never left alone for the moment that it takes to overwrite what is gone;
/// what was deleted before stays so, and a second call goes on.
pub fn forget(folder: &Path, text: &str) -> Result<u64, Error> {
    let mut count = 0;
    for name in segment::list(folder)? {
        count += forget_in(folder, &name, text)?;
    }
    Ok(count)
}

fn forget_in(folder: &Path, name: &Name, text: &str) -> Result<u64, Error> {
    let segment = Segment::open(folder, name.clone()).map_err(|unusable| match unusable {
        Unusable::Foreign(_) => Error::Foreign { path: name.path(folder) },
        Unusable::Error(error) => error,
    })?;
    let path = name.index(folder);
    let index = index::open(&path).map_err(|source| Error::sqlite("write to", &path, source))?;
    let error = |source| Error::sqlite("write to", &segment.path, source);
    let (mut all, mut after) = (Vec::new(), 0);
    while let Some((upto, holding)) = look(&segment, after, text).map_err(error)? {
        all.extend(holding);
        after = upto;
    }
    if !all.is_empty() {
        delete(&segment, &index, &all).map_err(error)?;
    }
    for db in [&segment.db, &index] {
        empty_the_collected(db).map_err(error)?;
    }
    Ok(all.len() as u64)
}

/// Empties the file in which SQLite collects what is written: it has what was deleted, too.
fn empty_the_collected(db: &Connection) -> rusqlite::Result<()> {
    // Others may be at it just now, each for a moment.
    for _ in 0..TRIES {
        let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 {
            return Ok(());
        }
    }
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None))
}

/// Of the next entries after an offset those that hold a text, and how far they go; none at the end.
fn look(segment: &Segment, after: u64, text: &str) -> rusqlite::Result<Option<(u64, Vec<u64>)>> {
    let text = text.to_lowercase();
    let mut rows = segment
        .db
        .prepare_cached("SELECT offset, data FROM entry WHERE offset > ?1 ORDER BY offset LIMIT ?2")?;
    let mut rows = rows.query(params![signed(after), STEP])?;
    let mut upto = None;
    let mut holding = Vec::new();
    while let Some(row) = rows.next()? {
        let offset = unsigned(row.get(0)?);
        let data = row.get_ref(1)?.as_str()?;
        let holds = |data: &str| data.to_lowercase().contains(&text);
        if holds(data) || holds(&legible(data)) {
            holding.push(offset);
        }
        upto = Some(offset);
    }
    Ok(upto.map(|upto| (upto, holding)))
}

fn delete(segment: &Segment, index: &Connection, offsets: &[u64]) -> rusqlite::Result<()> {
    // Held to the end, so that nothing is indexed meanwhile that is gone then.
    let indexed = Transaction::new_unchecked(index, TransactionBehavior::Immediate)?;
    let upto = index::upto(index)?;
    let deleted = Transaction::new_unchecked(&segment.db, TransactionBehavior::Immediate)?;
    // How far the history has come is told by its last entry, should that be among them.
    segment.db.execute("UPDATE file SET reached = max(reached, (SELECT max(offset) FROM entry))", [])?;
    // Overwritten in their place first, and all of them: when entries are deleted SQLite moves others together, and
    // leaves behind what they were.
    let mut overwrite = segment.db.prepare_cached(
        "UPDATE entry SET data = replace(hex(zeroblob(length(CAST(data AS BLOB)))), '00', ' ') WHERE offset = ?1",
    )?;
    for offset in offsets {
        if let Some(record) = segment.record(*offset)?.filter(|record| record.offset <= upto) {
            index::take_out(index, &record)?;
        }
        overwrite.execute([signed(*offset)])?;
    }
    let mut delete = segment.db.prepare_cached("DELETE FROM entry WHERE offset = ?1")?;
    for offset in offsets {
        delete.execute([signed(*offset)])?;
    }
    drop((overwrite, delete));
    deleted.commit()?;
    indexed.commit()
}
