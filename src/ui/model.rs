//! All that the screens show: the venue, what came in, the link, and where the reader is.
//!
//! Only [`crate::ui::update()`] changes it; drawing reads it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::id::Id;
use crate::domain::session::SessionKey;
use crate::domain::venue::{NeedId, Venue};
use crate::filter::{Fault, Filter};
use crate::ui::cursor::Cursor;
use crate::ui::facts::{BackFacts, Identity, JournalFacts, LinkFacts, TopicFacts};
use crate::ui::keymap::Keymap;
use crate::ui::locale::Locale;
use crate::ui::log::{Log, RowId};
use crate::ui::view::ViewId;

/// What the settings decide.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The venue's name, in row 0.
    pub venue_name: String,
    /// The venue with its settings, of which nothing is known yet.
    pub venue: Venue,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// The language.
    pub locale: Locale,
    /// The keys.
    pub keymap: Keymap,
    /// The connection as it is before the first try.
    pub link: LinkFacts,
    /// Where the log file is; `None` if nothing is logged.
    pub log_file: Option<String>,
    /// The terminal's columns and rows.
    pub size: (u16, u16),
    /// The present moment.
    pub now: Timestamp,
}

/// All that the screens show.
#[derive(Clone, Debug)]
pub struct Model {
    pub(in crate::ui) venue_name: String,
    pub(in crate::ui) venue: Venue,
    pub(in crate::ui) zone: TimeZone,
    pub(in crate::ui) locale: Locale,
    pub(in crate::ui) keymap: Keymap,
    pub(in crate::ui) log_file: Option<String>,
    pub(in crate::ui) now: Timestamp,
    pub(in crate::ui) size: (u16, u16),

    pub(in crate::ui) link: LinkFacts,
    /// Whether all was well at least once: before, there is nothing that could be out of date.
    pub(in crate::ui) was_live: bool,
    pub(in crate::ui) topics: Vec<TopicFacts>,
    pub(in crate::ui) identity: Option<Identity>,
    /// What becomes of what is heard; nothing where nothing is meant to be kept.
    pub(in crate::ui) journal: Option<JournalFacts>,
    /// The last return of the link, told in the alert line for a while.
    pub(in crate::ui) back: Option<BackFacts>,
    pub(in crate::ui) log: Log,
    /// The last copy, told in the hint line until the next key.
    pub(in crate::ui) said: Option<Said>,

    pub(in crate::ui) view: ViewId,
    /// The scroll of the help, while it is open.
    pub(in crate::ui) help: Option<usize>,
    pub(in crate::ui) overview: Overview,
    pub(in crate::ui) payments: Payments,
    pub(in crate::ui) activity: Activity,
    /// The scroll of the link screen.
    pub(in crate::ui) link_top: usize,

    dirty: bool,
}

/// A short answer to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Something went to the clipboard.
    Copied,
    /// There is nothing to copy.
    NothingToCopy,
    /// The server is being tried.
    Trying,
    /// There is no need to try.
    LinkIsThere,
}

/// The panes of the overview that can have the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverviewPane {
    /// What happens.
    #[default]
    Live,
    /// The sessions.
    Sessions,
    /// What needs somebody.
    Needs,
}

/// Where the reader is on the overview.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// Which pane has the keys.
    pub pane: OverviewPane,
    /// The live feed.
    pub feed: Cursor<RowId>,
    /// The sessions.
    pub sessions: Cursor<SessionKey>,
    /// What needs somebody.
    pub needs: Cursor<NeedId>,
}

/// The panes of the payments screen that can have the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaymentsPane {
    /// What waits.
    #[default]
    Queue,
    /// All of the selected payment.
    Detail,
    /// The new bookings.
    Feed,
}

/// Where the reader is on the payments screen.
#[derive(Clone, Debug, Default)]
pub struct Payments {
    /// Which pane has the keys.
    pub pane: PaymentsPane,
    /// What waits.
    pub queue: Cursor<Id>,
    /// The payments that keep their places while one of them is selected, whatever becomes of them.
    pub kept: Vec<Id>,
    /// Whether the detail was opened by hand.
    pub open: bool,
    /// The scroll of the detail.
    pub detail_top: usize,
    /// The new bookings.
    pub feed: Cursor<RowId>,
}

impl Payments {
    /// Another payment was selected among these, which keep their places from now on.
    pub(in crate::ui) fn hold(&mut self, shown: Vec<Id>) {
        self.kept = shown;
        self.detail_top = 0;
    }

    /// Nothing is selected any more, and only what waits is shown.
    pub(in crate::ui) fn release(&mut self) {
        self.queue.release();
        self.kept.clear();
        self.detail_top = 0;
    }
}

/// The panes of the activity screen that can have the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActivityPane {
    /// The list.
    #[default]
    List,
    /// All of the selected row.
    Detail,
}

/// Where the reader is on the activity screen.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// Which pane has the keys.
    pub pane: ActivityPane,
    /// The list.
    pub list: Cursor<RowId>,
    /// Whether the detail was opened by hand.
    pub open: bool,
    /// The scroll of the detail.
    pub detail_top: usize,
    /// The filter.
    pub filter: FilterLine,
}

/// A filter as it is typed.
#[derive(Clone, Debug, Default)]
pub struct FilterLine {
    /// Its text.
    pub text: String,
    /// Whether it is being typed.
    pub editing: bool,
    /// What lets rows through: the text, or as much of it as is right. `None` lets all through.
    pub filter: Option<Filter>,
    /// The last filter that was finished: what counts while nothing of the text is right.
    pub finished: Option<Filter>,
    /// What is wrong with the text.
    pub fault: Option<Fault>,
}

impl Model {
    /// A dashboard that has heard nothing yet. Needs its first drawing.
    pub fn new(setup: Setup) -> Self {
        Self {
            venue_name: setup.venue_name,
            venue: setup.venue,
            zone: setup.zone,
            locale: setup.locale,
            keymap: setup.keymap,
            log_file: setup.log_file,
            now: setup.now,
            size: setup.size,
            link: setup.link,
            was_live: false,
            topics: Vec::new(),
            identity: None,
            journal: None,
            back: None,
            log: Log::default(),
            said: None,
            view: ViewId::Overview,
            help: None,
            overview: Overview::default(),
            payments: Payments::default(),
            activity: Activity::default(),
            link_top: 0,
            dirty: true,
        }
    }

    /// Whether what is shown may differ from what would be drawn; asking takes the answer away.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// The columns and rows that the model knows of.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Whether letters go into the filter.
    pub(in crate::ui) fn is_typing(&self) -> bool {
        self.help.is_none() && self.view == ViewId::Activity && self.activity.filter.editing
    }

    pub(in crate::ui) fn touch(&mut self) {
        self.dirty = true;
    }
}
