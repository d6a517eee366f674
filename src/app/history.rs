//! What is kept of what was heard: the words in which the dashboard writes its journal, and reads any.
//!
//! Each server has a log of its own, named by its address and the app's key. An entry's note says what the entry
//! is; one without such a note is a relay's, which keeps events alone, each at its own position.

use serde::{Deserialize, Serialize};

use super::ingest;
use crate::client::Odd;
use crate::domain::record::Record;
use crate::journal;

/// The journal's folder in the data directory.
pub const FOLDER: &str = "journal";

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
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
enum Note {
    /// An event, where the server had it, and which connection heard it.
    Heard { position: Option<String>, connection: u64 },
    /// A frame that was nothing of the protocol's, and why.
    Odd { reason: String },
}

impl Kept {
    /// What an entry of a journal says.
    pub fn read(record: journal::Record) -> Self {
        let journal::Record { epoch, offset, at, channel, event, data, note, .. } = record;
        let heard = |position, connection| {
            let channel = Some(channel).filter(|channel| !channel.is_empty());
            Record { seq: offset, heard_at: at, channel, event, data: data.clone(), position, connection }
        };
        match serde_json::from_str(&note) {
            Ok(Note::Heard { position, connection }) => Self::Heard(heard(position, connection)),
            Ok(Note::Odd { reason }) => Self::Odd(Odd { at, raw: data, reason }),
            // A relay's: where it had it is where it is.
            Err(_) => Self::Heard(heard(Some(ingest::position(epoch, offset)), 0)),
        }
    }
}
