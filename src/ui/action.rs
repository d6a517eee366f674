//! What a reader can want: ONE table, from which the key map, the hints, the help screen and the names in
//! the settings' `[keys]` derive.

use crate::ui::cursor::Step;
use crate::ui::view::ViewId;

/// Something that the reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Leave the program: the work is done.
    Quit,
    /// Leave the program: it is broken off, and whoever started it is told so.
    Interrupt,
    /// Show a screen.
    Show(ViewId),
    /// Show or hide the help.
    Help,
    /// Go back: close what is open, clear what is set. Never leaves the program.
    Back,
    /// Give the keys to the next pane.
    NextPane,
    /// Give the keys to the pane before.
    PreviousPane,
    /// Go through the rows.
    Move(Step),
    /// Show all of the selected row, or hide it again.
    Open,
    /// Hold the rows still; new ones wait and are counted.
    Pause,
    /// Narrow the list.
    Filter,
    /// Copy what is selected.
    Copy,
    /// Try the server now.
    Retry,
    /// The next language.
    Language,
}

/// Where an action can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On every screen.
    Everywhere,
    /// On these.
    On(&'static [ViewId]),
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What is wanted.
    pub action: Action,
    /// Its name in `[keys]`.
    pub name: &'static str,
    /// Its keys as `[keys]` writes them; the first is the one that hints show.
    pub keys: &'static [&'static str],
    /// The short word beside its key in the hint line; empty where it is not hinted.
    pub hint: &'static str,
    /// The sentence in the help.
    pub help: &'static str,
    /// Where it can be used.
    pub place: Place,
}

const LISTS: Place = Place::On(&[ViewId::Overview, ViewId::Payments, ViewId::Activity, ViewId::Link]);
const FEEDS: Place = Place::On(&[ViewId::Overview, ViewId::Payments, ViewId::Activity]);
const DETAILS: Place = Place::On(&[ViewId::Payments, ViewId::Activity]);
const ACTIVITY: Place = Place::On(&[ViewId::Activity]);
const LINK: Place = Place::On(&[ViewId::Link]);

const fn row(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    hint: &'static str,
    help: &'static str,
    place: Place,
) -> Row {
    Row { action, name, keys, hint, help, place }
}

/// The table. What stands first is hinted first.
pub const ACTIONS: [Row; 22] = [
    row(Action::Open, "open", &["enter"], "hint.open", "help.open", DETAILS),
    row(Action::Pause, "pause", &["space"], "hint.pause", "help.pause", FEEDS),
    row(Action::Filter, "filter", &["/"], "hint.filter", "help.filter", ACTIVITY),
    row(Action::Retry, "retry", &["r"], "hint.retry", "help.retry", LINK),
    row(Action::Copy, "copy", &["y"], "hint.copy", "help.copy", LISTS),
    row(Action::NextPane, "next-pane", &["tab"], "hint.pane", "help.next_pane", FEEDS),
    row(Action::PreviousPane, "previous-pane", &["backtab"], "", "help.previous_pane", FEEDS),
    row(Action::Move(Step::Up), "up", &["up", "k"], "", "help.up", LISTS),
    row(Action::Move(Step::Down), "down", &["down", "j"], "", "help.down", LISTS),
    row(Action::Move(Step::PageUp), "page-up", &["pgup"], "", "help.page_up", LISTS),
    row(Action::Move(Step::PageDown), "page-down", &["pgdn"], "", "help.page_down", LISTS),
    row(Action::Move(Step::Home), "home", &["home", "g"], "", "help.home", LISTS),
    row(Action::Move(Step::End), "end", &["end", "G"], "", "help.end", LISTS),
    row(Action::Show(ViewId::Overview), "overview", &["1"], "", "help.overview", Place::Everywhere),
    row(Action::Show(ViewId::Payments), "payments", &["3"], "", "help.payments", Place::Everywhere),
    row(Action::Show(ViewId::Activity), "activity", &["5"], "", "help.activity", Place::Everywhere),
    row(Action::Show(ViewId::Link), "link", &["6"], "", "help.link", Place::Everywhere),
    row(Action::Back, "back", &["esc"], "", "help.back", Place::Everywhere),
    row(Action::Language, "language", &["f8"], "hint.language", "help.language", Place::Everywhere),
    row(Action::Help, "help", &["?", "f1"], "hint.help", "help.help", Place::Everywhere),
    row(Action::Quit, "quit", &["q"], "hint.quit", "help.quit", Place::Everywhere),
    row(Action::Interrupt, "interrupt", &["ctrl-c"], "", "help.interrupt", Place::Everywhere),
];

impl Row {
    /// Whether the action can be used on this screen.
    pub fn works_on(&self, view: ViewId) -> bool {
        match self.place {
            Place::Everywhere => true,
            Place::On(views) => views.contains(&view),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_stands_in_the_table_once() {
        let names: BTreeSet<_> = ACTIONS.iter().map(|row| row.name).collect();
        let actions: BTreeSet<_> = ACTIONS.iter().map(|row| row.action).collect();
        assert_eq!((names.len(), actions.len()), (ACTIONS.len(), ACTIONS.len()));
    }

    #[test]
    fn no_letter_with_control_destroys() {
        for row in ACTIONS {
            let control = row.keys.iter().any(|key| key.starts_with("ctrl-"));
            assert!(!control || row.action == Action::Interrupt, "{}", row.name);
        }
    }
}
