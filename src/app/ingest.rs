//! What the client heard, as the venue's own: the only file that knows the wire's events and the domain's.
//!
//! An event becomes a numbered [`Record`], the raw fact, and is read: either a [`VenueEvent`], or the reason
//! why it is none. Nothing is dropped.

use crate::client;
use crate::domain::event::{self, Backend, NotUnderstood, VenueEvent};
use crate::domain::record::Record;
use crate::protocol::{Epoch, Position};

/// Numbers what is heard, and reads it.
#[derive(Clone, Debug)]
pub struct Ingest {
    backend: Backend,
    heard: u64,
}

impl Ingest {
    /// Reads the events of this backend; the first is number 1.
    pub fn new(backend: Backend) -> Self {
        Self { backend, heard: 0 }
    }

    /// The record of an event, and what it means.
    pub fn read(&mut self, heard: client::Heard) -> (Record, Result<VenueEvent, NotUnderstood>) {
        self.again(Record {
            seq: 0,
            heard_at: heard.at,
            channel: heard.channel.map(|channel| channel.as_str().to_owned()),
            event: heard.event,
            data: heard.data,
            position: heard.position.map(|position| position.to_string()),
            connection: heard.connection,
        })
    }

    /// The same of a record that was kept: it is numbered anew.
    pub fn again(&mut self, record: Record) -> (Record, Result<VenueEvent, NotUnderstood>) {
        self.heard += 1;
        let event = event::read(&record.event, &record.data, &self.backend);
        (Record { seq: self.heard, ..record }, event)
    }
}

/// A place in a relay's history, as its events tell it.
pub(super) fn position(epoch: u64, offset: u64) -> String {
    Position { epoch: Epoch(epoch), offset }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ChannelName;

    fn heard(event: &str, data: &str) -> client::Heard {
        client::Heard {
            at: "2024-01-15T08:05:02Z".parse().unwrap(),
            channel: Some(ChannelName::parse("private-staff").unwrap()),
            event: event.to_owned(),
            data: data.to_owned(),
            position: Some(Position { epoch: Epoch(7), offset: 41 }),
            connection: 2,
        }
    }

    #[test]
    fn what_is_heard_is_numbered_in_the_order_of_arrival_and_kept_as_it_came() {
        let mut ingest = Ingest::new(Backend::default());
        let data = r#"{"data":{"booking_id":1,"checkin_time":"2024-01-15T08:05:00Z"}}"#;
        let (first, event) = ingest.read(heard(r"App\Events\CheckInNotification", data));
        assert!(matches!(event, Ok(VenueEvent::CheckInNotification(_))), "{event:?}");
        let (second, _) = ingest.read(heard("x", "y"));
        assert_eq!((first.seq, second.seq), (1, 2));
        let expected = Record {
            seq: 1,
            heard_at: "2024-01-15T08:05:02Z".parse().unwrap(),
            channel: Some("private-staff".to_owned()),
            event: r"App\Events\CheckInNotification".to_owned(),
            data: data.to_owned(),
            position: Some("7:41".to_owned()),
            connection: 2,
        };
        assert_eq!(first, expected);
    }

    #[test]
    fn what_is_not_understood_is_a_record_too_with_the_reason() {
        let mut ingest = Ingest::new(Backend::default());
        for (event, data) in [("", ""), ("App\\Events\\CheckInNotification", "[]"), ("Unknown", "\u{1b}[2J")]
        {
            let (record, reading) = ingest.read(heard(event, data));
            assert_eq!((&*record.event, &*record.data), (event, data));
            assert!(!reading.unwrap_err().to_string().is_empty());
        }
    }
}
