//! The one way in which the model changes.
//!
//! A happening goes in, the model follows, and what the world must do comes out as values.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::domain::event::{NotUnderstood, VenueEvent};
use crate::domain::record::{Reading, Record};
use crate::filter::Filter;
use crate::ui::action::{ACTIONS, Action};
use crate::ui::cursor::Step;
use crate::ui::effect::Effect;
use crate::ui::facts::{LinkFacts, LinkState, TopicFacts, WireFacts};
use crate::ui::layout::Chrome;
use crate::ui::log::Note;
use crate::ui::model::{Model, Said};
use crate::ui::msg::Msg;
use crate::ui::status;
use crate::ui::view::{self, help};

/// Takes a happening into the model, and says what the world must do. What cannot change anything that is shown
/// leaves the model as it is, and nothing is drawn for it.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    if !matters(model, &msg) {
        return Vec::new();
    }
    model.touch();
    match msg {
        Msg::Heard(record, event) => hear(model, record, event),
        Msg::Odd(odd) => model.log.note(Note::Odd(odd)),
        Msg::Link(facts) => link(model, *facts),
        Msg::Topic(facts) => topic(model, facts),
        Msg::Gap(gap) => {
            model.venue.missed(gap.from, gap.to);
            model.log.note(Note::Gap(gap));
        }
        Msg::Back(back) => {
            model.back = Some(back);
            model.log.note(Note::Back(back));
        }
        Msg::Journal(facts) => model.journal = Some(facts),
        Msg::Past(as_of, covered_from) => {
            model.was_live = true;
            model.link.heard_at = Some(as_of);
            if let Some(from) = covered_from {
                model.venue.covered_from(from);
            }
        }
        Msg::Identity(identity) => model.identity = identity,
        Msg::Key(event) => return key(model, event),
        Msg::Mouse(event) => mouse(model, event),
        Msg::Paste(text) => paste(model, &text),
        Msg::Resize(columns, rows) => model.size = (columns, rows),
        // Nothing shows it.
        Msg::Focus(_) => {}
        Msg::Tick(now) => model.now = now,
    }
    Vec::new()
}

/// Whether a happening may change what is shown. A terminal tells each move of the mouse, and most of what it
/// tells means nothing here.
fn matters(model: &Model, msg: &Msg) -> bool {
    match msg {
        Msg::Focus(_) => false,
        Msg::Identity(identity) => model.identity != *identity,
        Msg::Topic(facts) => !model.topics.contains(facts),
        Msg::Key(event) => model.said.is_some() || model.is_typing() || model.keymap.action(*event).is_some(),
        Msg::Paste(_) => model.is_typing(),
        Msg::Mouse(event) => match event.kind {
            MouseEventKind::Down(MouseButton::Left)
            | MouseEventKind::ScrollUp
            | MouseEventKind::ScrollDown => true,
            MouseEventKind::Down(MouseButton::Middle | MouseButton::Right)
            | MouseEventKind::Up(_)
            | MouseEventKind::Drag(_)
            | MouseEventKind::Moved
            | MouseEventKind::ScrollLeft
            | MouseEventKind::ScrollRight => false,
        },
        Msg::Heard(..)
        | Msg::Odd(_)
        | Msg::Link(_)
        | Msg::Gap(_)
        | Msg::Back(_)
        | Msg::Journal(_)
        | Msg::Past(..)
        | Msg::Resize(..)
        | Msg::Tick(_) => true,
    }
}

fn hear(model: &mut Model, record: Record, event: Result<VenueEvent, NotUnderstood>) {
    // What a name brings proves that it is the right one.
    if let Some(channel) = &record.channel {
        let names = |wire: &WireFacts| match wire.name.strip_suffix('*') {
            Some(stem) => channel.starts_with(stem),
            None => wire.name == *channel,
        };
        let wires = model.topics.iter_mut().flat_map(|topic| &mut topic.wires);
        wires.filter(|wire| names(wire)).for_each(|wire| wire.events += 1);
    }
    let change = event.as_ref().ok().map(|event| model.venue.apply(record.heard_at, event));
    model.log.hear(Reading::new(record, event, change));
}

fn link(model: &mut Model, mut facts: LinkFacts) {
    // Where there never was a connection no loss says since when there is none.
    if let (Some(before), Some(_)) = (model.link.away_since(), facts.away_since()) {
        facts.since = facts.since.min(before);
    }
    if facts.state == LinkState::Live {
        model.was_live = true;
    }
    if facts.away_since().is_some() {
        model.back = None;
    }
    model.link = facts;
    cover(model);
}

fn topic(model: &mut Model, facts: TopicFacts) {
    match model.topics.iter_mut().find(|known| known.name == facts.name) {
        Some(known) => *known = facts,
        None => model.topics.push(facts),
    }
    cover(model);
}

/// From the moment in which all is heard that can be heard, the day's counts are complete.
fn cover(model: &mut Model) {
    if model.link.state == LinkState::Live
        && model.topics.iter().any(TopicFacts::is_heard)
        && status::deaf(model).is_none()
    {
        model.venue.covered_from(model.link.since);
    }
}

fn key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    model.said = None;
    if model.is_typing() {
        let leaves = matches!(model.keymap.action(event), Some(Action::Quit | Action::Interrupt));
        if !leaves || event.modifiers.is_empty() {
            type_filter(model, event);
            return Vec::new();
        }
    }
    match model.keymap.action(event) {
        Some(action) => act(model, action),
        None => Vec::new(),
    }
}

/// Does what the reader wants. A key that means nothing here does nothing.
fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let here = ACTIONS.iter().any(|row| row.action == action && row.works_on(model.view));
    match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Interrupt => return vec![Effect::Interrupt],
        Action::Help => model.help = if model.help.is_some() { None } else { Some(0) },
        Action::Show(view) => {
            model.help = None;
            model.view = view;
        }
        Action::Language => model.locale = model.locale.next(),
        Action::Move(step) if model.help.is_some() => help::scroll(model, step),
        Action::Back if model.help.is_some() => model.help = None,
        // Nothing moves under the help.
        Action::Retry
        | Action::Copy
        | Action::Move(_)
        | Action::Back
        | Action::NextPane
        | Action::PreviousPane
        | Action::Open
        | Action::Pause
        | Action::Filter
            if model.help.is_some() || !here => {}
        Action::Retry => return retry(model),
        Action::Copy => {
            let text = view::of(model.view).copy(model);
            model.said = Some(if text.is_some() { Said::Copied } else { Said::NothingToCopy });
            return text.map(Effect::Copy).into_iter().collect();
        }
        Action::Move(step) => view::of(model.view).step(model, step),
        Action::Back
        | Action::NextPane
        | Action::PreviousPane
        | Action::Open
        | Action::Pause
        | Action::Filter => {
            view::of(model.view).act(model, action);
        }
    }
    Vec::new()
}

fn retry(model: &mut Model) -> Vec<Effect> {
    match model.link.state {
        LinkState::Waiting { .. } | LinkState::Refused => {
            model.said = Some(Said::Trying);
            vec![Effect::RetryNow]
        }
        LinkState::Connecting { .. } | LinkState::Syncing | LinkState::Live | LinkState::Suspect => {
            // A refused topic is asked again too.
            let trouble = model.topics.iter().any(|topic| topic.trouble().is_some());
            model.said = Some(if trouble { Said::Trying } else { Said::LinkIsThere });
            if trouble { vec![Effect::RetryNow] } else { Vec::new() }
        }
    }
}

fn type_filter(model: &mut Model, event: KeyEvent) {
    let line = &mut model.activity.filter;
    match event.code {
        KeyCode::Esc => {
            line.text.clear();
            line.editing = false;
        }
        KeyCode::Enter => line.editing = false,
        KeyCode::Backspace => {
            line.text.pop();
        }
        KeyCode::Char('u') if event.modifiers.contains(KeyModifiers::CONTROL) => line.text.clear(),
        KeyCode::Char(letter) if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
            line.text.push(letter);
        }
        _ => return,
    }
    refilter(model);
}

fn paste(model: &mut Model, text: &str) {
    if model.is_typing() {
        let line = text.lines().next().unwrap_or_default();
        model.activity.filter.text.extend(line.chars().filter(|c| !c.is_control()));
        refilter(model);
    }
}

/// Reads the filter's text. Of a wrong one what is whole before the fault counts, else the last finished one:
/// the half of a term that was right while it was typed is nobody's filter.
fn refilter(model: &mut Model) {
    let line = &mut model.activity.filter;
    let some = |filter: Filter| (!filter.is_empty()).then_some(filter);
    match Filter::parse(&line.text) {
        Ok(filter) => {
            line.filter = some(filter);
            line.fault = None;
            if !line.editing {
                line.finished.clone_from(&line.filter);
            }
        }
        Err(fault) => {
            let before = line.text.get(..fault.at).unwrap_or_default();
            let whole =
                before.rfind(|c: char| c.is_whitespace() || c == '|').map_or("", |end| &before[..end]);
            let whole = Filter::parse(whole.trim_end_matches(|c: char| c.is_whitespace() || c == '|'));
            line.filter = whole.ok().and_then(some).or_else(|| line.finished.clone());
            line.fault = Some(fault);
        }
    }
}

fn mouse(model: &mut Model, event: MouseEvent) {
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    // crossterm's reading of a place outside of the screen can underflow.
    let at = Position::new(event.column, event.row);
    if !area.contains(at) {
        return;
    }
    let chrome = Chrome::of(model, area);
    match event.kind {
        MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
            let step = if event.kind == MouseEventKind::ScrollUp { Step::Up } else { Step::Down };
            if model.help.is_some() {
                help::scroll(model, step);
            } else if chrome.body.contains(at) {
                view::of(model.view).point(model, chrome.body, at);
                view::of(model.view).step(model, step);
            }
        }
        MouseEventKind::Down(MouseButton::Left) if chrome.tabs.contains(at) => {
            let hit = view::tabs(model)
                .into_iter()
                .find(|tab| (tab.from..tab.to).contains(&(at.x - chrome.tabs.x)));
            match hit.map(|tab| tab.view) {
                Some(Some(view)) => {
                    model.help = None;
                    model.view = view;
                }
                Some(None) => model.help = if model.help.is_some() { None } else { Some(0) },
                None => {}
            }
        }
        MouseEventKind::Down(MouseButton::Left) if model.help.is_none() && chrome.body.contains(at) => {
            view::of(model.view).point(model, chrome.body, at);
            view::of(model.view).click(model, chrome.body, at);
        }
        _ => {}
    }
}
