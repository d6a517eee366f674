//! How far each name has been heard, as a value that outlives a client: whoever keeps it beside what was heard
//! can begin where an earlier client stopped.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::protocol::{ChannelName, Position, Subscription};

/// How far each name has been heard. Everything up to there has been told, or is in a gap that has been told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursors {
    /// The names that are heard, each with its place where the server tells any.
    pub(super) names: BTreeMap<String, Option<Position>>,
    /// Channels that were heard further than the pattern that covers them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) channels: BTreeMap<String, Position>,
}

/// Where an earlier client stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The last moment at which it surely heard everything.
    pub at: Timestamp,
    /// How far each name had been heard.
    pub cursors: Cursors,
}

impl Cursors {
    /// Whether nothing was ever heard.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// An event was heard, behind what these cursors say: they move as the client's own did.
    pub fn heard(&mut self, channel: &str, position: &str) {
        let (Ok(name), Ok(position)) = (ChannelName::parse_within(channel, 0), position.parse::<Position>())
        else {
            return;
        };
        if let Some(own) = self.names.get_mut(channel) {
            *own = Some(position);
        } else {
            let covers = |text: &str| Subscription::parse(text).is_ok_and(|own| own.covers(&name));
            let families = self.names.iter_mut().filter(|(text, _)| covers(text));
            families.for_each(|(_, family)| *family = Some(position));
        }
        self.channels.insert(channel.to_owned(), position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors(names: &[(&str, Option<&str>)]) -> Cursors {
        let place = |text: &str| text.parse::<Position>().expect(text);
        let names = names.iter().map(|(name, at)| ((*name).to_owned(), at.map(place))).collect();
        Cursors { names, ..Cursors::default() }
    }

    #[test]
    fn an_event_moves_its_own_name_or_else_the_families_that_cover_it() {
        let mut moved = cursors(&[("booking.7", Some("k:1")), ("booking.*", Some("k:1")), ("staff", None)]);
        moved.heard("booking.7", "k:5");
        moved.heard("booking.8", "k:4");
        moved.heard("nobodys", "k:9");
        moved.heard("staff", "no position");
        let expected = cursors(&[("booking.7", Some("k:5")), ("booking.*", Some("k:4")), ("staff", None)]);
        assert_eq!(moved.names, expected.names);
    }

    #[test]
    fn they_survive_their_text() {
        let mut all = cursors(&[("booking.*", Some("k:1")), ("staff", None)]);
        all.heard("booking.7", "k:5");
        let text = serde_json::to_string(&all).expect("JSON");
        assert_eq!(serde_json::from_str::<Cursors>(&text).expect("cursors"), all);
    }
}
