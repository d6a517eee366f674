//! What the client heard, as the venue's own: the only file that knows the wire's events and the domain's.
//!
//! An event becomes a numbered [`Record`], the raw fact, and is read: either a [`VenueEvent`], or the reason
//! why it is none. Nothing is dropped.

use crate::client;
use crate::domain::event::{self, Backend, NotUnderstood, VenueEvent};
use crate::domain::record::Record;

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
        self.heard += 1;
        let event = event::read(&heard.event, &heard.data, &self.backend);
        let record = Record {
            seq: self.heard,
            heard_at: heard.at,
            channel: heard.channel.map(|channel| channel.as_str().to_owned()),
            event: heard.event,
            data: heard.data,
            position: heard.position.map(|position| position.to_string()),
            connection: heard.connection,
        };
        (record, event)
    }
}
