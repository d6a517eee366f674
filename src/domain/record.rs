//! Something heard, as it was heard, and what became of it.
//!
//! A [`Record`] is the raw fact: it is what a journal keeps. A [`Reading`] is the record, read and applied. The
//! [`Ring`] holds the last of them; the same event heard again is counted on the row it already has.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use super::apply::Change;
use super::event::{self, Identity, NotUnderstood, VenueEvent};
use super::topic::Topic;

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in our own counting of what we heard; strictly increasing.
    pub seq: u64,
    /// When we heard it.
    pub heard_at: Timestamp,
    /// The wire channel, if it came on one.
    pub channel: Option<String>,
    /// The event's name as on the wire.
    pub event: String,
    /// The data as the text inside the frame.
    pub data: String,
    /// Its place in the server's history as text, where the server tells one.
    pub position: Option<String>,
    /// Which of our connections heard it, counted from 1.
    pub connection: u64,
}

impl Record {
    /// What its channel is about.
    pub fn topic(&self) -> Option<Topic> {
        self.channel.as_deref().and_then(Topic::of)
    }

    /// The event's name without its namespace.
    pub fn short_event(&self) -> &str {
        event::short_name(&self.event)
    }
}

/// A record, read and applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What was heard.
    pub record: Record,
    /// What it means, or why that is not known.
    pub event: Result<VenueEvent, NotUnderstood>,
    /// What it altered in the venue; `None` if it was not understood.
    pub change: Option<Change>,
    /// How often this very event was heard, this row included.
    pub times: u32,
}

impl Reading {
    /// A reading of something heard for the first time.
    pub fn new(record: Record, event: Result<VenueEvent, NotUnderstood>, change: Option<Change>) -> Self {
        Self { record, event, change, times: 1 }
    }

    /// When it happened: by its own account, else when it was heard.
    pub fn at(&self) -> Timestamp {
        self.event.as_ref().ok().and_then(VenueEvent::at).unwrap_or(self.record.heard_at)
    }

    /// About how many bytes of memory it takes: the record's texts, and once more the data, of which the event
    /// holds parts.
    fn weight(&self) -> usize {
        let Record { channel, event, data, position, .. } = &self.record;
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        size_of::<Self>() + text(channel) + event.len() + 2 * data.len() + text(position)
    }
}

/// The last readings, oldest first, at most [`Ring::LIMIT`] of them and [`Ring::BYTES`]; older ones go, and are
/// counted.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    readings: VecDeque<Reading>,
    /// Where the row of an event is, counted in rows ever pushed.
    rows: HashMap<Identity, u64>,
    pushed: u64,
    /// What the readings weigh together.
    weight: usize,
}

/// What [`Ring::push`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// A new row at the end.
    Row,
    /// Heard again: counted on an earlier row.
    Counted,
}

impl Ring {
    /// How many readings are kept.
    pub const LIMIT: usize = 5_000;
    /// How many bytes of them are kept, whatever a server sends. The newest is kept in any case.
    pub const BYTES: usize = 64 * 1024 * 1024;

    /// Adds a reading. One that changed nothing because its event has a row already is counted there instead.
    pub fn push(&mut self, reading: Reading) -> Pushed {
        let identity = reading.event.as_ref().ok().map(VenueEvent::identity);
        if reading.change == Some(Change::Again)
            && let Some(row) = identity.as_ref().and_then(|identity| self.rows.get(identity)).copied()
            && let Some(first) = self.index(row).and_then(|index| self.readings.get_mut(index))
        {
            first.times = first.times.saturating_add(1);
            return Pushed::Counted;
        }
        self.weight += reading.weight();
        while self.readings.len() >= Self::LIMIT || self.weight > Self::BYTES {
            if !self.drop_oldest() {
                break;
            }
        }
        if let Some(identity) = identity {
            self.rows.insert(identity, self.pushed);
        }
        self.pushed += 1;
        self.readings.push_back(reading);
        Pushed::Row
    }

    /// Lets the oldest reading go; says whether there was one.
    fn drop_oldest(&mut self) -> bool {
        let row = self.gone();
        let Some(oldest) = self.readings.pop_front() else { return false };
        self.weight -= oldest.weight();
        // A later row may have taken the event over.
        if let Ok(event) = &oldest.event
            && let identity = event.identity()
            && self.rows.get(&identity) == Some(&row)
        {
            self.rows.remove(&identity);
        }
        true
    }

    /// The readings, oldest first; reversible.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Reading> + ExactSizeIterator {
        self.readings.iter()
    }

    /// The reading with this sequence number, if it is still here.
    pub fn get(&self, seq: u64) -> Option<&Reading> {
        let index = self.readings.binary_search_by_key(&seq, |reading| reading.record.seq).ok()?;
        self.readings.get(index)
    }

    /// How many readings are here.
    pub fn len(&self) -> usize {
        self.readings.len()
    }

    /// Whether nothing was heard yet.
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// How many readings had to go to make room.
    pub fn gone(&self) -> u64 {
        self.pushed - self.readings.len() as u64
    }

    fn index(&self, row: u64) -> Option<usize> {
        row.checked_sub(self.gone()).and_then(|index| usize::try_from(index).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Backend;
    use super::*;

    fn heard(seq: u64, booking: u64, change: Change) -> Reading {
        let heard_at = Timestamp::UNIX_EPOCH;
        let data = format!(r#"{{"booking_id":{booking}}}"#);
        let event = event::read("CheckInNotification", &data, &Backend::default());
        let channel = Some("private-staff".to_owned());
        let event_name = "App\\Events\\CheckInNotification".to_owned();
        let record =
            Record { seq, heard_at, channel, event: event_name, data, position: None, connection: 1 };
        Reading::new(record, event, Some(change))
    }

    #[test]
    fn the_same_event_again_is_counted_on_its_row() {
        let mut ring = Ring::default();
        assert_eq!(ring.push(heard(1, 1, Change::Placed)), Pushed::Row);
        assert_eq!(ring.push(heard(2, 2, Change::Placed)), Pushed::Row);
        assert_eq!(ring.push(heard(3, 1, Change::Again)), Pushed::Counted);
        assert_eq!(ring.push(heard(4, 1, Change::Again)), Pushed::Counted);
        let times: Vec<_> = ring.iter().map(|reading| (reading.record.seq, reading.times)).collect();
        assert_eq!(times, [(1, 3), (2, 1)]);
        assert_eq!(ring.get(2).map(|reading| reading.record.seq), Some(2));
        assert_eq!(ring.get(3), None, "it has no row of its own");
    }

    #[test]
    fn old_rows_go_are_counted_and_are_not_counted_upon() {
        let mut ring = Ring::default();
        let limit = Ring::LIMIT as u64;
        for seq in 1..=limit + 10 {
            ring.push(heard(seq, seq, Change::Placed));
        }
        assert_eq!((ring.len(), ring.gone()), (Ring::LIMIT, 10));
        assert_eq!(ring.iter().next().map(|reading| reading.record.seq), Some(11));
        assert_eq!(ring.rows.len(), Ring::LIMIT);
        assert_eq!(ring.push(heard(limit + 11, 3, Change::Again)), Pushed::Row, "its row is gone");
        assert_eq!(ring.push(heard(limit + 12, limit, Change::Again)), Pushed::Counted);
    }

    #[test]
    fn long_ones_go_before_there_are_many_and_the_newest_stays_whatever_its_length() {
        let mut ring = Ring::default();
        let long = |seq, bytes| {
            let mut reading = heard(seq, seq, Change::Placed);
            reading.record.data = "x".repeat(bytes);
            reading
        };
        for seq in 1..=200 {
            ring.push(long(seq, 1024 * 1024));
            let held: usize = ring.iter().map(|reading| reading.record.data.len()).sum();
            assert!(held <= Ring::BYTES, "{held} bytes");
            assert_eq!((ring.len() as u64 + ring.gone(), ring.rows.len()), (seq, ring.len()));
        }
        assert!(ring.len() > 20, "{}", ring.len());
        ring.push(long(201, Ring::BYTES));
        assert_eq!((ring.len(), ring.gone()), (1, 200));
        for seq in 202..=400 {
            ring.push(heard(seq, seq, Change::Placed));
        }
        assert_eq!((ring.len(), ring.gone()), (199, 201), "short ones have room again");
        assert_eq!(ring.get(400).map(|reading| reading.record.seq), Some(400));
    }

    #[test]
    fn a_record_knows_its_topic_and_its_short_name() {
        let reading = heard(1, 1, Change::Placed);
        assert_eq!(reading.record.topic(), Some(Topic::Staff));
        assert_eq!(reading.record.short_event(), "CheckInNotification");
        assert_eq!(reading.at(), reading.record.heard_at, "without its own time, when it was heard");
    }
}
