//! Opening a folder for writing: which history this is, and whether all of it is there.
//!
//! Whatever is found, there is a history afterwards that can be written: what is broken is moved aside, and where
//! something may be missing at the end, or the folder may be older than it was, a new epoch begins. Offsets go on
//! from the highest that is known, so that none is ever given twice.

use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::head::{Head, Told};
use super::segment::{self, Name, Segment, Unusable};
use super::{Error, Notes, Options, keeper};
use crate::time::Clock;

/// A history that is open for writing.
pub(super) struct Opened {
    pub(super) epoch: u64,
    /// The last offset that was given.
    pub(super) last: u64,
    pub(super) current: Segment,
    pub(super) head: Head,
    pub(super) notes: Notes,
}

/// The day, UTC.
pub(super) fn day(clock: &Clock) -> Date {
    TimeZone::UTC.to_datetime(clock.now()).date()
}

/// Opens a folder for writing.
pub(super) fn open(folder: &Path, options: &Options) -> Result<Opened, Error> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let mut notes = Notes::new();
    let names = segment::list(folder)?;
    let mut newest: Option<Segment> = None;
    for name in &names {
        match Segment::open(folder, name.clone()) {
            Ok(opened) => newest = Some(opened),
            Err(Unusable::Error(error)) => return Err(error),
            Err(Unusable::Foreign(why)) => notes.push(set_aside(&name.path(folder), &why)?),
        }
    }
    if let Err(error) = keeper::remove_oldest(folder, options) {
        notes.push(format!("what is older than what is kept stays for now: {error}"));
    }
    let told = Head::read(folder).map_err(io)?;
    let found = newest.as_ref().map(|newest| Ok((newest.epoch, newest.last()?)));
    let found = found.transpose().map_err(|source| Error::sqlite("read", folder, source))?;
    let last = found.map_or(0, |(_, last)| last).max(told.map_or(0, |told| told.offset));
    let changed = change(found, told);
    notes.extend(changed.filter(|_| !names.is_empty() || told.is_some()).map(|why| {
        format!("the history in {} begins anew, and who comes back is told of a gap: {why}", folder.display())
    }));
    let (epoch, current) = match newest {
        Some(newest) if changed.is_none() => (newest.epoch, newest),
        Some(_) | None => {
            let epoch = rand::random();
            let name = Name { number: after(&names), day: day(&options.clock) };
            (epoch, Segment::create(folder, name, epoch, last, true)?)
        }
    };
    let mut head = Head::open(folder).map_err(io)?;
    head.write(epoch, last).map_err(io)?;
    Ok(Opened { epoch, last, current, head, notes })
}

/// Why this is not the history that it was.
fn change(found: Option<(u64, u64)>, told: Option<Told>) -> Option<&'static str> {
    match (found, told) {
        (None, _) => Some("its files are not there"),
        (Some(_), None) => Some("nothing says how far it had come"),
        (Some((epoch, _)), Some(told)) if epoch != told.epoch => Some("its newest files are not there"),
        (Some((_, last)), Some(told)) if last < told.offset => Some("its last events are not there"),
        (Some(_), Some(told)) if !told.original => {
            Some("the folder is a copy, and what came after it was made is not in it")
        }
        (Some(_), Some(_)) => None,
    }
}

/// The number of the next file.
pub(super) fn after(names: &[Name]) -> u32 {
    names.last().map_or(1, |newest| newest.number + 1)
}

/// Moves a file out of the way, and says so.
pub(super) fn set_aside(path: &Path, why: &str) -> Result<String, Error> {
    let aside = segment::set_aside(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    Ok(format!("{} cannot be read ({why}); it is now {}", path.display(), aside.display()))
}
