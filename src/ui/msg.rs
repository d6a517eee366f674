//! Everything that can happen to the dashboard.

use crossterm::event::{Event, KeyEvent, MouseEvent};
use jiff::Timestamp;

use crate::domain::event::{NotUnderstood, VenueEvent};
use crate::domain::record::Record;
use crate::ui::facts::{BackFacts, GapFacts, Identity, JournalFacts, LinkFacts, OddFacts, TopicFacts};

/// One happening.
#[derive(Clone, Debug)]
pub enum Msg {
    /// An event was heard, and read.
    Heard(Record, Result<VenueEvent, NotUnderstood>),
    /// A frame came that is none of the protocol's.
    Odd(OddFacts),
    /// Something about the connection changed.
    Link(Box<LinkFacts>),
    /// Something about one topic changed.
    Topic(TopicFacts),
    /// Events may be missing.
    Gap(GapFacts),
    /// The link is back.
    Back(BackFacts),
    /// What becomes of what is heard.
    Journal(JournalFacts),
    /// Everything of an earlier run has been told: it is true as of this moment, and today's counts begin at the
    /// second.
    Past(Timestamp, Option<Timestamp>),
    /// Somebody logged in, or nobody is.
    Identity(Option<Identity>),
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// The terminal got or lost the focus.
    Focus(bool),
    /// It is this late. Comes once a second, whatever else happens.
    Tick(Timestamp),
}

impl From<Event> for Msg {
    fn from(event: Event) -> Self {
        match event {
            Event::Key(key) => Self::Key(key),
            Event::Mouse(mouse) => Self::Mouse(mouse),
            Event::Paste(text) => Self::Paste(text),
            Event::Resize(columns, rows) => Self::Resize(columns, rows),
            Event::FocusGained => Self::Focus(true),
            Event::FocusLost => Self::Focus(false),
        }
    }
}
