//! The API document that both sides of every test go by: its eight events, with the payloads as printed.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::node::root;

/// One event of the document.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The class's name, `CheckInNotification` for one.
    pub(crate) name: String,
    /// The channel's name without a prefix; the user of `booking.{user_id}` is 1.
    pub(crate) channel: String,
    /// The fields.
    pub(crate) data: Value,
}

impl Event {
    /// The event's name on the wire, as Laravel makes it.
    pub(crate) fn wire_name(&self) -> String {
        format!("App\\Events\\{}", self.name)
    }

    /// The same at another minute of the day: another event.
    pub(crate) fn at_minute(&self, minute: usize) -> Self {
        let mut event = self.clone();
        for (name, value) in event.data.as_object_mut().unwrap() {
            if name.ends_with("_at") || name.ends_with("_time") {
                *value = format!("2024-01-15T08:{minute:02}:00Z").into();
            }
        }
        event
    }
}

/// Where the document is.
pub(crate) fn path() -> PathBuf {
    root().join("tests/data/frontend/websocket-realtime-api.md")
}

/// The eight events, in the document's order.
pub(crate) fn events() -> Vec<Event> {
    let text = fs::read_to_string(path()).unwrap();
    let mut events = Vec::new();
    for section in text.split("**Channel Name:** `").skip(1) {
        let (channel, rest) = section.split_once('`').unwrap();
        for block in rest.split("```javascript\n").skip(1) {
            // The last channel's section goes on with the frontend's code.
            let Ok(sample) = serde_json::from_str::<Value>(block.split("```").next().unwrap()) else {
                continue;
            };
            events.push(Event {
                name: sample["event"].as_str().unwrap().to_owned(),
                channel: channel.replace("{user_id}", "1"),
                data: sample["data"].clone(),
            });
        }
    }
    assert_eq!(events.len(), 8);
    events
}
