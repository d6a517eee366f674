//! Deleting what one guest left behind, while the history is in use.
//!
//! A text is looked for as a reader sees it, whatever its case, in the data of every entry, not through the index:
//! what is to go must be found. It goes from the files and from the index, whose free space is overwritten, and from
//! the files in which SQLite collects. What a running relay holds in memory goes when it is old enough, or with it.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::index::{self, legible};
use super::segment::{self, Name, Segment, Unusable, signed, unsigned};
use super::{Error, Record};

/// Entries that are looked at between two rests for others.
const STEP: i64 = 1000;

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
/// A file can't be read or written; what was deleted before stays so.
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
    let (mut count, mut after) = (0, 0);
    while let Some((upto, holding)) = look(&segment, after, text).map_err(error)? {
        count += holding.len() as u64;
        after = upto;
        if !holding.is_empty() {
            delete(&segment, &index, &holding).map_err(error)?;
        }
    }
    if count > 0 {
        for db in [&segment.db, &index] {
            // As far as readers let it; else the next checkpoint does it.
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(error)?;
        }
    }
    Ok(count)
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
    let records: Vec<Record> =
        offsets.iter().filter_map(|offset| segment.record(*offset).transpose()).collect::<Result<_, _>>()?;
    let deleted = Transaction::new_unchecked(&segment.db, TransactionBehavior::Immediate)?;
    // How far the history has come is told by its last entry, should that be among them.
    segment.db.execute("UPDATE file SET reached = max(reached, (SELECT max(offset) FROM entry))", [])?;
    let mut delete = segment.db.prepare_cached("DELETE FROM entry WHERE offset = ?1")?;
    for record in &records {
        if record.offset <= upto {
            index::take_out(index, record)?;
        }
        delete.execute([signed(record.offset)])?;
    }
    drop(delete);
    deleted.commit()?;
    indexed.commit()
}
