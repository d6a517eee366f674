//! Every event as it came and as it was read; what was not understood, with the reason; the rates.

mod detail;
mod item;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::widgets::Widget;

use super::{View, words};
use crate::domain::headline::{Detail, Headline, Mark};
use crate::domain::record::Reading;
use crate::ui::action::Action;
use crate::ui::cursor::{Cursor, Step};
use crate::ui::layout::{ActivityLayout, page};
use crate::ui::log::{Note, Row, RowId};
use crate::ui::model::{ActivityPane, Model};
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::pen::columns;
use crate::ui::widget::{Pane, Pen};
use crate::untrusted::Untrusted;
use item::Item;

/// The screen.
pub(super) struct Screen;

/// The ids of the rows that are shown, newest first: those that the filter lets through, up to the one at
/// which the list is held. And how many newer ones wait.
fn rows(model: &Model) -> (Vec<RowId>, u64) {
    let mut shown: Vec<RowId> = passing(model).collect();
    let held = model.activity.list.held;
    let waiting = held.map_or(0, |held| shown.partition_point(|id| *id > held));
    shown.drain(..waiting);
    (shown, waiting as u64)
}

/// The ids of all rows that the filter lets through, newest first.
fn passing(model: &Model) -> impl Iterator<Item = RowId> {
    let filter = model.activity.filter.filter.as_ref();
    let passes = move |row| filter.is_none_or(|filter| filter.matches(&Item::new(row, model.now)));
    model.log.rows().filter(move |(_, row)| passes(*row)).map(|(id, _)| id)
}

/// The row whose detail is shown: the selected one, else the newest.
fn current(model: &Model) -> Option<Row<'_>> {
    let cursor = &model.activity.list;
    let newest = || passing(model).find(|id| cursor.held.is_none_or(|held| *id <= held));
    model.log.get(cursor.selected.or_else(newest)?)
}

fn layout(model: &Model, body: Rect) -> ActivityLayout {
    ActivityLayout::of(body, model.activity.open)
}

impl View for Screen {
    fn draw(&self, model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let parts = layout(model, area);
        rates(model, theme, parts.rates, buffer);
        let in_detail = model.activity.pane == ActivityPane::Detail && !parts.detail.is_empty();
        if !parts.list.is_empty() {
            list(model, theme, parts.list, !in_detail, buffer);
        }
        if !parts.detail.is_empty() {
            let content = current(model).map(|row| detail::page(model, row, Pane::inner(parts.detail).width));
            let top = model.activity.detail_top;
            let note = content
                .as_ref()
                .map(|content| content.note(model, top, page(parts.detail)))
                .unwrap_or_default();
            let title = model.locale.word("activity.detail");
            (&Pane::new(theme, title).note(&note, Role::Dim).focused(in_detail || parts.covered))
                .render(parts.detail, buffer);
            if let Some(content) = content {
                content.draw(theme, top, Pane::inner(parts.detail), buffer);
            }
        }
    }

    fn step(&self, model: &mut Model, step: Step) {
        let parts = layout(model, super::body(model));
        if parts.covered || (model.activity.pane == ActivityPane::Detail && !parts.detail.is_empty()) {
            let length = current(model)
                .map_or(0, |row| detail::page(model, row, Pane::inner(parts.detail).width).len());
            let top = model.activity.detail_top;
            model.activity.detail_top = super::scrolled(top, step, length, page(parts.detail));
            return;
        }
        let (ids, _) = rows(model);
        let newest = model.log.newest();
        let height = list_height(model, parts.list);
        follow_step(&mut model.activity.list, step, &ids, newest, height);
        model.activity.detail_top = 0;
    }

    fn act(&self, model: &mut Model, action: Action) {
        let newest = model.log.newest();
        let has_detail = !layout(model, super::body(model)).detail.is_empty();
        let state = &mut model.activity;
        match action {
            Action::Open => {
                state.open = !state.open;
                state.detail_top = 0;
                state.pane = if state.open { ActivityPane::Detail } else { ActivityPane::List };
            }
            Action::NextPane | Action::PreviousPane => {
                state.pane = match state.pane {
                    ActivityPane::List if has_detail => ActivityPane::Detail,
                    ActivityPane::List | ActivityPane::Detail => ActivityPane::List,
                };
            }
            Action::Pause => pause(&mut state.list, newest),
            Action::Filter => state.filter.editing = true,
            // One thing at a time, the last opened first.
            Action::Back if state.open || state.pane == ActivityPane::Detail => {
                (state.open, state.pane) = (false, ActivityPane::List);
            }
            Action::Back if state.list.selected.is_some() || state.list.held.is_some() => {
                state.list.release();
            }
            Action::Back => state.filter = crate::ui::model::FilterLine::default(),
            Action::Quit
            | Action::Interrupt
            | Action::Show(_)
            | Action::Help
            | Action::Move(_)
            | Action::Copy
            | Action::Retry
            | Action::Language => {}
        }
    }

    fn point(&self, model: &mut Model, body: Rect, at: Position) {
        let parts = layout(model, body);
        if parts.list.contains(at) {
            model.activity.pane = ActivityPane::List;
        } else if parts.detail.contains(at) {
            model.activity.pane = ActivityPane::Detail;
        }
    }

    fn click(&self, model: &mut Model, body: Rect, at: Position) {
        let list = layout(model, body).list;
        let height = list_height(model, list);
        let first = list.y + 1 + u16::from(filter_line(model));
        if list.contains(at) && at.y >= first {
            let (ids, _) = rows(model);
            let cursor = &mut model.activity.list;
            let index = cursor.window(&ids, height).start + usize::from(at.y - first);
            cursor.held = cursor.held.or(model.log.newest());
            cursor.select_at(index, &ids, height);
            model.activity.detail_top = 0;
        }
    }

    /// The data of the row whose detail is shown.
    fn copy(&self, model: &Model) -> Option<String> {
        let text = match current(model)? {
            Row::Heard(reading) => &reading.record.data,
            Row::Note(Note::Odd(odd)) => &odd.raw,
            Row::Note(Note::Gap(_) | Note::Back(_)) => return None,
        };
        Some(Untrusted::new(text).block().join("\n"))
    }
}

/// Holds a newest-first list where it is, or lets it go on.
pub(super) fn pause(cursor: &mut Cursor<RowId>, newest: Option<RowId>) {
    if cursor.held.is_some() {
        cursor.release();
    } else {
        cursor.held = newest;
    }
}

/// Goes through a newest-first list. Who has left its top holds it; back at the top with Home it goes on.
pub(super) fn follow_step(
    cursor: &mut Cursor<RowId>,
    step: Step,
    ids: &[RowId],
    newest: Option<RowId>,
    height: usize,
) {
    if step == Step::Home {
        cursor.release();
        return;
    }
    cursor.held = cursor.held.or(newest);
    cursor.step(step, ids, height);
}

/// What a held list says at its edge.
pub(super) fn held_note(model: &Model, theme: &Theme, held: bool, waiting: u64) -> Option<String> {
    let words = &model.locale;
    held.then(|| match waiting {
        0 => format!("{} {}", theme.glyphs.paused, words.word("feed.paused")),
        n => format!("{} {}, {}", theme.glyphs.paused, words.word("feed.paused"), words.count("feed.new", n)),
    })
}

fn filter_line(model: &Model) -> bool {
    let filter = &model.activity.filter;
    filter.editing || !filter.text.is_empty()
}

fn list_height(model: &Model, list: Rect) -> usize {
    page(list).saturating_sub(usize::from(filter_line(model)))
}

/// What each channel brings: its name, how much in all, and how much in the last minute.
fn rates(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let words = &model.locale;
    let mut pen = Pen::new(theme, area, 0, buffer);
    pen.skip(1);
    for (name, rate) in &model.log.rates() {
        let name = if name.is_empty() { words.word("activity.no_channel") } else { name };
        let name = Untrusted::new(name).line(28);
        let (total, last) = (words.number(rate.total), words.number(rate.last_minute(model.now)));
        let count = words.fill("activity.rate", &[("n", &total), ("rate", &last)]);
        // The mark of what does not fit needs a column too.
        if pen.room() < columns(&name) + columns(&count) + 2 {
            pen.text(&theme.glyphs.more.to_string(), Role::Dim);
            return;
        }
        pen.text(&name, Role::Code).skip(1).text(&count, Role::Dim).skip(2);
    }
}

fn list(model: &Model, theme: &Theme, area: Rect, focused: bool, buffer: &mut Buffer) {
    let words = &model.locale;
    let (ids, waiting) = rows(model);
    let cursor = &model.activity.list;
    let held = held_note(model, theme, cursor.held.is_some(), waiting);
    let (note, role) = match held {
        Some(note) => (note, Role::Act),
        None if model.log.gone() > 0 => {
            let (kept, gone) = (words.number(model.log.len() as u64), words.number(model.log.gone()));
            (words.fill("activity.kept", &[("n", &kept), ("gone", &gone)]), Role::Dim)
        }
        None => (words.count("activity.count", model.log.len() as u64), Role::Dim),
    };
    (&Pane::new(theme, words.word("activity.title")).note(&note, role).focused(focused)).render(area, buffer);
    let mut inner = Pane::inner(area);
    if filter_line(model) && inner.height > 0 {
        draw_filter(model, theme, ids.len(), inner, buffer);
        inner = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    }
    if ids.is_empty() {
        let text = if model.log.is_empty() {
            words.word("activity.empty").to_owned()
        } else {
            words.count("activity.all_hidden", model.log.len() as u64)
        };
        super::say(theme, &text, inner, buffer);
        return;
    }
    let window = cursor.window(&ids, usize::from(inner.height));
    for (y, id) in (0..inner.height).zip(&ids[window]) {
        if let Some(row) = model.log.get(*id) {
            let pen = Pen::new(theme, inner, y, buffer).select(cursor.selected == Some(*id));
            draw_row(model, theme, row, pen);
        }
    }
}

/// The filter as it is typed, its fault underlined and in words.
fn draw_filter(model: &Model, theme: &Theme, matches: usize, area: Rect, buffer: &mut Buffer) {
    let words = &model.locale;
    let filter = &model.activity.filter;
    let mut pen = Pen::new(theme, area, 0, buffer);
    let note = match &filter.fault {
        Some(fault) => format!("! {}", fault.message),
        None => words.count("activity.matches", matches as u64),
    };
    pen.tail(&note, if filter.fault.is_some() { Role::Urgent } else { Role::Dim }, 2);
    pen.text("/ ", Role::Key);
    let room = pen.room();
    pen.text(&filter.text, if filter.fault.is_some() { Role::Act } else { Role::Text });
    if filter.editing {
        pen.text(&theme.glyphs.full.to_string(), Role::Key);
    }
    if let Some(fault) = &filter.fault {
        let upto = |at: usize| columns(filter.text.get(..at).unwrap_or(&filter.text)).min(room);
        let (from, to) = (upto(fault.at), upto(fault.at + fault.len));
        // Where something is missing its place is underlined.
        let width = to.saturating_sub(from).max(1).min(room.saturating_sub(from));
        let place = Rect { x: area.x + 2 + from, width, height: area.height.min(1), ..area };
        buffer.set_style(place.intersection(area), Modifier::UNDERLINED);
    }
}

fn draw_row(model: &Model, theme: &Theme, row: Row<'_>, mut pen: Pen<'_>) {
    match row {
        Row::Heard(reading) => draw_reading(model, theme, reading, pen),
        Row::Note(Note::Odd(odd)) => {
            pen.cell(9, &words::clock_seconds(model, odd.at), Role::Dim);
            pen.cell(7, model.locale.word("mark.odd"), Role::Act);
            let text = model.locale.fill("activity.odd_frame", &[("why", &odd.reason)]);
            let room = pen.room();
            pen.foreign(room, &text, Role::Act);
        }
        Row::Note(Note::Gap(gap)) => rule(theme, &words::gap(model, gap), Role::Act, &mut pen),
        Row::Note(Note::Back(back)) => {
            let role = if back.complete { Role::Settled } else { Role::Act };
            rule(theme, &words::back(model, back), role, &mut pen);
        }
    }
}

/// A line across the list.
pub(super) fn rule(theme: &Theme, text: &str, role: Role, pen: &mut Pen<'_>) {
    let glyph = theme.glyphs.rule;
    pen.text(&format!("{glyph}{glyph} "), Role::Line)
        .text(text, role)
        .text(" ", role)
        .fill(glyph, Role::Line);
}

fn draw_reading(model: &Model, theme: &Theme, reading: &Reading, mut pen: Pen<'_>) {
    let line = Headline::of(reading).named(reading, &model.venue);
    let (word, role) = words::mark(&line, reading.change.as_ref());
    // Where there is little room the reason is worth more than the channel.
    let wide = pen.room() >= if line.mark == Mark::Odd { 100 } else { 66 };
    pen.cell(9, &words::clock_seconds(model, reading.record.heard_at), Role::Dim);
    pen.cell(7, model.locale.word(word), role);
    if reading.times > 1 {
        pen.tail(&format!("{}{}", theme.glyphs.times, reading.times), Role::Dim, 1);
    }
    if wide {
        let channel = reading.record.channel.as_deref().unwrap_or_default();
        pen.foreign(16, channel, Role::Code).skip(1);
    }
    if line.mark == Mark::Odd {
        let text = match &line.detail {
            Detail::Reason { event, reason } => {
                format!("{}: {}", Untrusted::new(event).line(40), words::reason(model, reason))
            }
            Detail::None
            | Detail::Stayed(_)
            | Detail::FirstIn(_)
            | Detail::Unseen
            | Detail::Waits(_)
            | Detail::Places { .. }
            | Detail::Words { .. } => words::tail(model, &line),
        };
        pen.text(&text, Role::Act);
        return;
    }
    if let Some(code) = &line.code {
        pen.foreign(8, code, Role::Code).skip(1);
    }
    if let Some(name) = &line.name {
        let width = columns(name).min(20);
        pen.foreign(width, name, Role::Name).skip(1);
    }
    if let Some(amount) = line.amount {
        pen.text(&words::money(model, amount), Role::Money).skip(1);
    }
    pen.text(&words::tail(model, &line), Role::Text);
}
