//! The dashboard's own journal: what was heard is kept, and is there again after a restart.
//!
//! What is kept goes into a journal's queue, whose thread writes: nothing here waits for the disk, but for the
//! opening. Each server has a log of its own, named by its address and the app's key. Beside what was heard stands
//! how far each name was heard, so that the next client begins where this one was, however it ended. An entry's
//! note says what it is; one without such a note is a relay's, which keeps events alone, each at its own position.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ingest;
use crate::client::{Cursors, Odd, Resume};
use crate::domain::record::Record;
use crate::journal::{self, Entry, Folder, Journal, Query, Reader, Taking};
use crate::time::Clock;
use crate::ui::facts::{GapFacts, JournalFacts};

/// The journal's folder in the data directory.
pub const FOLDER: &str = "journal";
/// The channel of entries that are no event: none of that name can be subscribed.
const OWN: &str = "frontdesk:";

/// Where and how long what was heard is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder; none without a home.
    pub folder: Option<PathBuf>,
    /// How long at least.
    pub keep: Duration,
}

/// Whether a log has what was heard from a server, as opposed to what a relay has of one of its apps.
pub fn is_servers(log: &str) -> bool {
    log.starts_with("ws://") || log.starts_with("wss://")
}

/// Something that is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// An event.
    Heard(Record),
    /// A frame that was nothing of the protocol's.
    Odd(Odd),
    /// A stretch of time in which events may have happened unheard, known at its end.
    Gap(GapFacts),
    /// How far each name had been heard at that time.
    Cursors(Timestamp, Cursors),
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
enum Note {
    Heard { position: Option<String>, connection: u64 },
    Odd { reason: String },
    Gap { topic: String, from: Timestamp, reason: Option<String> },
    Cursors(Cursors),
}

impl Kept {
    /// What an entry of a journal says.
    pub fn read(record: journal::Record) -> Self {
        let journal::Record { epoch, offset, at, channel, event, data, note, .. } = record;
        let (position, connection) = match serde_json::from_str(&note) {
            Ok(Note::Heard { position, connection }) => (position, connection),
            Ok(Note::Odd { reason }) => return Self::Odd(Odd { at, raw: data, reason }),
            Ok(Note::Gap { topic, from, reason }) => {
                return Self::Gap(GapFacts { topic, from, to: at, reason });
            }
            Ok(Note::Cursors(cursors)) => return Self::Cursors(at, cursors),
            // A relay's: where the server had it is where it is.
            Err(_) => (Some(ingest::position(epoch, offset)), 0),
        };
        let channel = Some(channel).filter(|channel| !channel.is_empty());
        Self::Heard(Record { seq: offset, heard_at: at, channel, event, data, position, connection })
    }

    /// The entry that says this.
    fn entry(self, log: &Arc<str>) -> Entry {
        let own = || OWN.to_owned();
        let (at, channel, event, data, note) = match self {
            Self::Heard(record) => {
                let note = Note::Heard { position: record.position, connection: record.connection };
                (record.heard_at, record.channel.unwrap_or_default(), record.event, record.data, note)
            }
            Self::Odd(odd) => {
                (odd.at, String::new(), String::new(), odd.raw, Note::Odd { reason: odd.reason })
            }
            Self::Gap(gap) => {
                let note = Note::Gap { topic: gap.topic, from: gap.from, reason: gap.reason };
                (gap.to, own(), String::new(), String::new(), note)
            }
            Self::Cursors(at, cursors) => {
                (at, own(), CURSORS.to_owned(), String::new(), Note::Cursors(cursors))
            }
        };
        // Notes are texts and numbers: they always have a JSON.
        let note = serde_json::to_string(&note).unwrap_or_default();
        Entry { log: Arc::clone(log), at, channel, event, data, note }
    }
}

/// The event of entries that say how far each name was heard.
const CURSORS: &str = "cursors";

/// What is kept, on its way to the disk.
#[derive(Debug)]
pub(super) struct History {
    journal: Option<Journal>,
    log: Arc<str>,
    /// What is the matter with the journal, but for what `failed` tells.
    facts: Option<JournalFacts>,
    failed: Arc<Mutex<Failed>>,
    told: Option<JournalFacts>,
}

/// What could not be kept.
#[derive(Debug, Default)]
struct Failed {
    events: u64,
    /// The last reason, until something is kept again.
    why: Option<String>,
}

/// What was kept before.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Everything of the day, oldest first.
    pub(super) today: Vec<Kept>,
    /// Since when of today everything was heard, but for the gaps.
    pub(super) covered_from: Option<Timestamp>,
    /// Where the client is to begin.
    pub(super) resume: Option<Resume>,
}

impl History {
    /// One that keeps nothing, and does not speak of it.
    pub(super) fn none() -> Self {
        Self { journal: None, log: Arc::from(""), facts: None, failed: Arc::default(), told: None }
    }

    /// Opens the folder for what is heard from a server, and reads what was heard from it since `midnight`. Waits for
    /// the disk. Where nothing can be kept, that is a fact, and no reason to show nothing.
    pub(super) fn open(options: &Options, log: &str, clock: &Clock, midnight: Timestamp) -> (Self, Past) {
        let Some(folder) = &options.folder else {
            let why = "there is no home directory; say where with --data-dir".to_owned();
            return (Self { facts: Some(JournalFacts::Unusable { why }), ..Self::none() }, Past::default());
        };
        let (journal, facts) = match claim(folder, options.keep, clock) {
            Ok(journal) => (Some(journal), JournalFacts::Kept { folder: folder.display().to_string() }),
            Err(facts) => (None, facts),
        };
        let past = match read(folder, log, midnight) {
            Ok(past) => past,
            Err(error) => {
                tracing::warn!("what was kept in {} cannot be read: {error}", folder.display());
                Past::default()
            }
        };
        (Self { journal, log: Arc::from(log), facts: Some(facts), ..Self::none() }, past)
    }

    /// Keeps these, in this order. What can't be kept is counted, and told by [`History::news`].
    pub(super) fn keep(&self, kept: Vec<Kept>) {
        let Some(journal) = self.journal.as_ref().filter(|_| !kept.is_empty()) else { return };
        let events = kept.len() as u64;
        let failed = Arc::clone(&self.failed);
        journal.append_then(kept.into_iter().map(|kept| kept.entry(&self.log)).collect(), move |stored| {
            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
            match stored {
                Ok(_) => failed.why = None,
                Err(error) => {
                    failed.events += events;
                    failed.why = Some(error.to_string());
                }
            }
        });
    }

    /// How it is with the journal, if that is news.
    pub(super) fn news(&mut self) -> Option<JournalFacts> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let facts = match failed.events {
            0 => self.facts.clone()?,
            events => JournalFacts::Failing { events, why: failed.why.clone() },
        };
        drop(failed);
        if self.told.as_ref() == Some(&facts) {
            return None;
        }
        self.told = Some(facts.clone());
        Some(facts)
    }
}

/// Makes the folder ours.
fn claim(folder: &Path, keep: Duration, clock: &Clock) -> Result<Journal, JournalFacts> {
    let unusable = |why: String| {
        tracing::warn!("nothing is kept: {why}");
        JournalFacts::Unusable { why }
    };
    let folder = Folder::claim(folder).map_err(|error| match error {
        Taking::Taken { pid, .. } => JournalFacts::Taken { pid },
        Taking::Io { .. } => unusable(error.to_string()),
    })?;
    let options = journal::Options { keep, day_bytes: None, leaves_holes: true, clock: clock.clone() };
    let (journal, notes) = Journal::open(folder, options).map_err(|error| unusable(error.to_string()))?;
    for note in notes {
        tracing::warn!("{note}");
    }
    Ok(journal)
}

/// Reads what was heard from a server since `midnight`, and how far it had been heard at last.
fn read(folder: &Path, log: &str, midnight: Timestamp) -> Result<Past, journal::Error> {
    let mut past = Past::default();
    if !folder.is_dir() {
        return Ok(past);
    }
    let mut reader = Reader::open(folder)?;
    let own = |name: &str| name == OWN;
    let is_cursors = |name: &str| name == CURSORS;
    let marks =
        Query { log: Some(log), channel: &own, event: &is_cursors, newest_first: true, ..Query::default() };
    let mark = reader.find(marks)?.next().transpose()?;
    let behind = mark.as_ref().map_or(0, |mark| mark.offset);
    let mark = mark.map(Kept::read);
    let (marked_at, mut cursors) = match mark {
        Some(Kept::Cursors(at, cursors)) => (Some(at), cursors),
        Some(Kept::Heard(_) | Kept::Odd(_) | Kept::Gap(_)) | None => (None, Cursors::default()),
    };
    let from = marked_at.map_or(midnight, |at| at.min(midnight));
    let mut last_at = marked_at;
    for record in reader.find(Query { log: Some(log), from: Some(from), ..Query::default() })? {
        let record = record?;
        let (at, offset) = (record.at, record.offset);
        let kept = Kept::read(record);
        match &kept {
            Kept::Heard(record) => {
                last_at = last_at.max(Some(at));
                if let (true, Some(channel), Some(position)) =
                    (offset > behind, &record.channel, &record.position)
                {
                    cursors.heard(channel, position);
                }
            }
            Kept::Cursors(..) if at >= midnight => {
                past.covered_from = past.covered_from.or(Some(at));
            }
            Kept::Odd(_) | Kept::Gap(_) | Kept::Cursors(..) => {}
        }
        if at >= midnight {
            past.today.push(kept);
        }
    }
    for note in reader.notes() {
        tracing::warn!("{note}");
    }
    past.resume = last_at.filter(|_| !cursors.is_empty()).map(|at| Resume { at, cursors });
    Ok(past)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "ws://localhost:6001/app/app-key";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn heard(clock: &str, channel: &str, position: &str) -> Kept {
        Kept::Heard(Record {
            seq: 1,
            heard_at: at(&format!("2024-01-15T{clock}Z")),
            channel: Some(channel.to_owned()),
            event: "X".to_owned(),
            data: "{}".to_owned(),
            position: Some(position.to_owned()),
            connection: 2,
        })
    }

    fn cursors(clock: &str, json: &str) -> Kept {
        Kept::Cursors(at(&format!("2024-01-15T{clock}Z")), serde_json::from_str(json).expect("cursors"))
    }

    fn open(folder: &Path, log: &str) -> (History, Past) {
        let options = Options { folder: Some(folder.to_owned()), keep: Duration::from_secs(30 * 86_400) };
        let clock = Clock::manual(at("2024-01-15T12:00:00Z"));
        History::open(&options, log, &clock, at("2024-01-15T00:00:00Z"))
    }

    /// Without the numbers of rows, which a journal gives.
    fn unnumbered(kept: Vec<Kept>) -> Vec<Kept> {
        let zero = |kept| match kept {
            Kept::Heard(record) => Kept::Heard(Record { seq: 1, ..record }),
            Kept::Odd(_) | Kept::Gap(_) | Kept::Cursors(..) => kept,
        };
        kept.into_iter().map(zero).collect()
    }

    #[test]
    fn what_was_kept_of_the_day_and_of_the_server_is_there_again_with_the_place_to_go_on_from() {
        let place = tempfile::tempdir().expect("a folder");
        let gap = GapFacts {
            topic: "admin".to_owned(),
            from: at("2024-01-15T08:01:00Z"),
            to: at("2024-01-15T08:03:00Z"),
            reason: Some("expired".to_owned()),
        };
        let odd =
            Odd { at: at("2024-01-15T08:04:00Z"), raw: "\u{1b}".to_owned(), reason: "no JSON".to_owned() };
        let today = vec![
            cursors("08:00:00", r#"{"names":{"staff":"k:1","booking.*":"k:1","other":null}}"#),
            heard("08:02:00", "staff", "k:5"),
            Kept::Gap(gap),
            Kept::Odd(odd),
            heard("08:05:00", "booking.7", "k:9"),
        ];
        let yesterday = Kept::Heard(match heard("08:02:00", "staff", "k:1") {
            Kept::Heard(record) => Record { heard_at: at("2024-01-14T23:59:59Z"), ..record },
            other => panic!("{other:?}"),
        });
        let (history, past) = open(place.path(), LOG);
        assert_eq!((past.today, past.resume), (Vec::new(), None));
        history.keep(vec![yesterday]);
        history.keep(today.clone());
        drop(history);
        let (history, past) = open(place.path(), LOG);
        assert_eq!(unnumbered(past.today), today);
        assert_eq!(past.covered_from, Some(at("2024-01-15T08:00:00Z")));
        let resume = past.resume.expect("a place");
        assert_eq!(resume.at, at("2024-01-15T08:05:00Z"));
        let mut expected: Cursors =
            serde_json::from_str(r#"{"names":{"staff":"k:1","booking.*":"k:1","other":null}}"#)
                .expect("cursors");
        expected.heard("staff", "k:5");
        expected.heard("booking.7", "k:9");
        assert_eq!(resume.cursors, expected);
        drop(history);
        let (_history, past) = open(place.path(), "ws://elsewhere/app/app-key");
        assert_eq!((past.today, past.resume), (Vec::new(), None), "another server's day is another day");
    }

    #[test]
    fn a_second_dashboard_reads_and_says_who_writes() {
        let place = tempfile::tempdir().expect("a folder");
        let (first, _) = open(place.path(), LOG);
        first
            .journal
            .as_ref()
            .expect("ours")
            .append_blocking(vec![heard("08:00:00", "staff", "k:5").entry(&first.log)])
            .expect("kept");
        let (mut second, past) = open(place.path(), LOG);
        assert_eq!(past.today.len(), 1);
        assert_eq!(second.news(), Some(JournalFacts::Taken { pid: Some(std::process::id()) }));
        assert_eq!(second.news(), None, "once");
        second.keep(vec![heard("08:01:00", "staff", "k:6")]);
        drop((first, second));
        assert_eq!(open(place.path(), LOG).1.today.len(), 1);
    }

    #[test]
    fn where_nothing_can_be_kept_it_says_why_and_goes_on() {
        let place = tempfile::NamedTempFile::new().expect("a file");
        let nowhere = Options { folder: None, keep: Duration::ZERO };
        let (none, _) = History::open(&nowhere, LOG, &Clock::system(), Timestamp::UNIX_EPOCH);
        for (mut history, words) in [(open(place.path(), LOG).0, "cannot write to"), (none, "--data-dir")] {
            history.keep(vec![heard("08:00:00", "staff", "k:5")]);
            match history.news() {
                Some(JournalFacts::Unusable { why }) => assert!(why.contains(words), "{why}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(History::none().news(), None);
    }
}
