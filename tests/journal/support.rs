//! A history in a folder of its own, and entries that tell themselves apart.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use frontdesk::journal::{Entry, Folder, Journal, Notes, Options, Query, Reader, Record, Taking};
use frontdesk::time::Clock;
use jiff::Timestamp;

/// The present of tests: a minute before midnight UTC.
pub(crate) const NOW: &str = "2026-11-24T23:59:00Z";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

pub(crate) fn options(clock: &Clock) -> Options {
    Options {
        keep: Duration::from_secs(7 * 86_400),
        day_bytes: None,
        leaves_holes: false,
        clock: clock.clone(),
    }
}

pub(crate) fn open(folder: &Path) -> Journal {
    let (journal, notes) = open_told(folder, &options(&Clock::manual(at(NOW))));
    assert_eq!(notes, Notes::new());
    journal
}

pub(crate) fn open_told(folder: &Path, options: &Options) -> (Journal, Notes) {
    let folder = loop {
        match Folder::claim(folder) {
            // A child of another test has our descriptors for the moment until it becomes another program.
            Err(Taking::Taken { .. }) => std::thread::yield_now(),
            claimed => break claimed.expect("the folder"),
        }
    };
    Journal::open(folder, options.clone()).expect("a history")
}

/// The n-th entry of a log; everything in it follows from its number.
pub(crate) fn entry(log: &str, n: u64) -> Entry {
    Entry {
        log: Arc::from(log),
        at: at(NOW) + Duration::from_secs(n),
        channel: format!("private-booking.{}", n % 7),
        event: format!("Event{}", n % 3),
        data: format!(
            "{{\"number\":{n},\"filler\":\"{}\"}}",
            "x".repeat(usize::try_from(n % 50).expect("small"))
        ),
        note: if n.is_multiple_of(5) { format!("{n}.{n}") } else { String::new() },
    }
}

/// Whether a record is what an entry was.
pub(crate) fn is(record: &Record, entry: &Entry) -> bool {
    let Record { at, log, channel, event, data, note, .. } = record;
    (at, &**log, channel, event, data, note)
        == (&entry.at, &*entry.log, &entry.channel, &entry.event, &entry.data, &entry.note)
}

pub(crate) fn all(folder: &Path) -> Vec<Record> {
    let mut reader = Reader::open(folder).expect("a reader");
    assert_eq!(reader.notes(), Notes::new());
    reader.find(Query::default()).expect("found").collect::<Result<_, _>>().expect("records")
}

pub(crate) fn offsets(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.offset).collect()
}

/// The files of a folder whose names end so, in order.
pub(crate) fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_str().expect("UTF-8").ends_with(end))
        .collect();
    paths.sort();
    paths
}

/// Copies what is in a folder, but for the lock.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for path in files(from, "") {
        let name = path.file_name().expect("a name");
        if name != "lock" {
            std::fs::copy(&path, to.join(name)).expect("a copy");
        }
    }
}
