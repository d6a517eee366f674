//! The overview's lists: sessions, what needs somebody, what happens, and (on wide screens) who is inside.

use jiff::{SignedDuration, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::{Picture, feed};
use crate::domain::headline::Headline;
use crate::domain::record::Reading;
use crate::domain::session::SessionView;
use crate::domain::venue::Need;
use crate::ui::action::Action;
use crate::ui::log::{Fold, Note, Row, RowId};
use crate::ui::model::{Model, OverviewPane};
use crate::ui::status;
use crate::ui::theme::{Role, Theme};
use crate::ui::view::activity::{held_note, rule};
use crate::ui::view::{ViewId, say, words};
use crate::ui::widget::pen::columns;
use crate::ui::widget::{Gauge, Pane, Pen, Spark};
use crate::untrusted::Untrusted;

pub(super) fn sessions(model: &Model, theme: &Theme, picture: &Picture, buffer: &mut Buffer) {
    let frame = picture.layout.sessions;
    if frame.height < 2 {
        return;
    }
    let locale = &model.locale;
    let today = model.zone.to_datetime(model.now).date();
    let title = if picture.date == today {
        locale.word("sessions.today").to_owned()
    } else {
        locale.fill("sessions.on", &[("date", &locale.weekday(picture.date))])
    };
    let ids: Vec<_> = picture.sessions.iter().map(|session| session.key.clone()).collect();
    let inner = Pane::inner(frame);
    let cursor = &model.overview.sessions;
    let window = cursor.window(&ids, usize::from(inner.height));
    let hidden = ids.len() - window.len();
    let note = if hidden > 0 { locale.count("page.below", hidden as u64) } else { String::new() };
    let focused = model.overview.pane == OverviewPane::Sessions;
    (&Pane::new(theme, &title).note(&note, Role::Dim).focused(focused)).render(frame, buffer);
    if ids.is_empty() {
        say(theme, locale.word("sessions.empty"), inner, buffer);
        return;
    }
    let names = picture.sessions.iter().map(|session| columns(&name(model, session))).max().unwrap_or(0);
    for (y, session) in (0..inner.height).zip(&picture.sessions[window]) {
        let selected = focused && cursor.selected.as_ref() == Some(&session.key);
        let row = Rect { y: inner.y + y, height: 1, ..inner };
        draw_session(model, theme, session, names, selected, row, buffer);
    }
}

fn name(model: &Model, session: &SessionView) -> String {
    match &session.name {
        Some(name) => Untrusted::new(name).line(28),
        None => format!("{} {}", model.locale.word("line.session"), session.key.session_id),
    }
}

/// From the left the name, from the right how the number moves, its trend and what it is; the bar has the rest.
fn draw_session(
    model: &Model,
    theme: &Theme,
    session: &SessionView,
    names: u16,
    selected: bool,
    area: Rect,
    buffer: &mut Buffer,
) {
    const COUNT: u16 = 18;
    let locale = &model.locale;
    let stale = status::is_stale(model);
    let full = session.is_full();
    let wide = area.width >= 60;
    let label = names.clamp(8, if wide { 22 } else { area.width / 3 });
    let role = if full { Role::Name } else { Role::Text };
    Pen::new(theme, area, 0, buffer).select(selected).cell(label, &name(model, session), role);

    let bar = area.width.saturating_sub(label + 1 + COUNT + 1 + if wide { 19 } else { 0 });
    let bar = if bar >= 4 { bar } else { 0 };
    if let (Some(used), Some(total)) = (session.used, session.total) {
        let positive = |n: i64| u64::try_from(n).unwrap_or(0);
        let gauge = Gauge::new(theme, positive(used), positive(total)).stale(stale);
        (&gauge.role(if full { Role::Act } else { Role::Bar }))
            .render(Rect { x: area.x + label + 1, width: bar, ..area }, buffer);
    }

    let taken = match (session.used, session.total) {
        (Some(used), Some(total)) => format!("{used}/{total}"),
        (Some(_) | None, None) | (None, Some(_)) => {
            words::places(model, session.used, session.free, session.total)
        }
    };
    let taken = if stale { format!("~{taken}") } else { taken };
    let (word, word_role) = match session.free {
        _ if !session.contradictions.is_empty() => (locale.word("sessions.disagree").to_owned(), Role::Act),
        Some(free) if free <= 0 => (locale.word("sessions.full").to_owned(), Role::Act),
        Some(free) => (locale.fill("sessions.free", &[("n", &free.to_string())]), Role::Dim),
        None => (String::new(), Role::Dim),
    };
    let left = label + 1 + bar + u16::from(bar > 0);
    let rest = Rect { x: area.x + left.min(area.width), width: area.width.saturating_sub(left), ..area };
    let mut pen = Pen::new(theme, rest, 0, buffer).select(selected);
    pen.cell_right(7, &taken, if stale { Role::Stale } else { Role::Name }).skip(1);
    pen.cell(10, &word, word_role);
    if wide {
        let chart = Rect { x: area.right().saturating_sub(18), width: 8, ..area };
        let top = session.total.and_then(|total| u64::try_from(total).ok()).unwrap_or(0).max(1);
        (&Spark::new(theme, &trend(session, model.now)).top(top)).render(chart, buffer);
        if let Some(pace) = session.pace.filter(|pace| *pace != 0) {
            let pace = locale.fill("sessions.pace", &[("n", &format!("{pace:+}"))]);
            let end = Rect { x: area.right().saturating_sub(9), width: 9, ..area };
            Pen::new(theme, end, 0, buffer).select(selected).text(&pace, Role::Text);
        }
    }
}

/// Places taken at the ends of the last eight half hours; before the first word there is none.
fn trend(session: &SessionView, now: Timestamp) -> Vec<u64> {
    const STEP: SignedDuration = SignedDuration::from_mins(30);
    (0..8)
        .rev()
        .map(|back| {
            let end = now.checked_sub(STEP * back).unwrap_or(now);
            let known = session.trend.iter().take_while(|point| point.at <= end).last();
            known.and_then(|point| u64::try_from(point.used).ok()).unwrap_or(0)
        })
        .collect()
}

pub(super) fn needs(model: &Model, theme: &Theme, picture: &Picture, buffer: &mut Buffer) {
    let frame = picture.layout.needs;
    if frame.height < 2 {
        return;
    }
    let locale = &model.locale;
    let title = locale.fill("needs.title", &[("n", &picture.needs.len().to_string())]);
    let ids: Vec<_> = picture.needs.iter().map(Need::id).collect();
    let inner = Pane::inner(frame);
    let cursor = &model.overview.needs;
    let window = cursor.window(&ids, usize::from(inner.height));
    let hidden = ids.len() - window.len();
    let note = if hidden > 0 { locale.count("page.below", hidden as u64) } else { String::new() };
    let focused = model.overview.pane == OverviewPane::Needs;
    (&Pane::new(theme, &title).note(&note, Role::Act).focused(focused)).render(frame, buffer);
    if ids.is_empty() {
        let word = match (model.link.away_since(), status::deaf(model)) {
            (Some(_), _) => "alert.no_link",
            (None, Some(_)) => "needs.deaf",
            (None, None) => "needs.empty",
        };
        say(theme, locale.word(word), inner, buffer);
        return;
    }
    for (y, need) in (0..inner.height).zip(&picture.needs[window]) {
        let selected = focused && cursor.selected.as_ref() == Some(&need.id());
        let pen = Pen::new(theme, inner, y, buffer).select(selected);
        draw_need(model, need, pen);
    }
}

fn draw_need(model: &Model, need: &Need, mut pen: Pen<'_>) {
    let locale = &model.locale;
    let wide = pen.room() >= 60;
    let head = |pen: &mut Pen<'_>, mark: &str, word: &str, at: Timestamp, role: Role| {
        pen.text(mark, role).skip(1).cell(6, locale.word(word), role);
        if wide {
            pen.cell(7, &words::clock(model, at), Role::Dim);
        }
    };
    match need {
        Need::Pay(payment) => {
            // The key of the screen that has all of them.
            if let Some(key) = model.keymap.label(Action::Show(ViewId::Payments)).filter(|_| wide) {
                pen.tail(&format!("[{key}]"), Role::Key, 1);
            }
            pen.tail(&words::age(model, payment.age), Role::Act, 2);
            head(&mut pen, "$", "need.pay", payment.since, Role::Act);
            pen.foreign(7, payment.code.as_deref().unwrap_or_default(), Role::Code).skip(1);
            let amount = payment.amount.map(|amount| words::money(model, amount)).unwrap_or_default();
            if wide {
                pen.tail(&amount, Role::Money, 1);
                let method = Untrusted::new(payment.method.as_deref().unwrap_or_default()).line(14);
                pen.tail(&method, Role::Dim, 1);
            } else {
                pen.tail(&amount, Role::Money, 1);
            }
            let room = pen.room();
            pen.foreign(room, payment.customer_name.as_deref().unwrap_or_default(), Role::Name);
        }
        Need::Over(guest) => {
            let over = words::age(model, guest.over.unwrap_or_default());
            pen.tail(&locale.fill("need.over_by", &[("span", &over)]), Role::Act, 2);
            head(&mut pen, "!", "need.over", guest.in_at, Role::Act);
            pen.foreign(7, guest.code.as_deref().unwrap_or_default(), Role::Code).skip(1);
            if wide {
                let session = Untrusted::new(guest.session_name.as_deref().unwrap_or_default()).line(20);
                pen.tail(&session, Role::Dim, 1);
            }
            let room = pen.room();
            pen.foreign(room, guest.customer_name.as_deref().unwrap_or_default(), Role::Name);
        }
        Need::Full(session) => {
            pen.tail(&words::places(model, session.used, session.free, session.total), Role::Dim, 2);
            head(&mut pen, "!", "need.full", need.since(), Role::Act);
            pen.text(&name(model, session), Role::Name);
            let today = model.zone.to_datetime(model.now).date();
            if session.key.date != today {
                pen.skip(1).text(&locale.date(session.key.date), Role::Dim);
            }
        }
    }
}

pub(super) fn live(model: &Model, theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    if frame.height < 2 {
        return;
    }
    let locale = &model.locale;
    let cursor = &model.overview.feed;
    let (folds, waiting) = feed(model);
    let focused = model.overview.pane == OverviewPane::Live;
    let held = held_note(model, theme, cursor.held.is_some(), waiting);
    let (note, role) = match held {
        Some(note) => (note, Role::Act),
        None if model.link.away_since().is_some() => (locale.word("feed.stale").to_owned(), Role::Act),
        None => {
            // The key has the name that the hints call it by.
            let key = model.keymap.label(Action::Pause);
            let pauses = key.map(|key| format!(" · {}", locale.fill("feed.pauses", &[("key", &key)])));
            (format!("{}{}", locale.word("feed.following"), pauses.unwrap_or_default()), Role::Dim)
        }
    };
    (&Pane::new(theme, locale.word("feed.title")).note(&note, role).focused(focused)).render(frame, buffer);
    let inner = Pane::inner(frame);
    if folds.is_empty() {
        say(theme, locale.word("feed.empty"), inner, buffer);
        return;
    }
    let ids: Vec<RowId> = folds.iter().map(|fold| fold.id).collect();
    let window = cursor.window(&ids, usize::from(inner.height));
    for (y, fold) in (0..inner.height).zip(&folds[window]) {
        let pen = Pen::new(theme, inner, y, buffer).select(cursor.selected == Some(fold.id));
        draw_fold(model, theme, fold, pen);
    }
}

fn draw_fold(model: &Model, theme: &Theme, fold: &Fold, mut pen: Pen<'_>) {
    match model.log.get(fold.newest) {
        Some(Row::Heard(reading)) => draw_line(model, theme, reading, fold.count, pen),
        Some(Row::Note(Note::Gap(gap))) => rule(theme, &words::gap(model, gap), Role::Act, &mut pen),
        Some(Row::Note(Note::Back(back))) => {
            let role = if back.complete { Role::Settled } else { Role::Act };
            rule(theme, &words::back(model, back), role, &mut pen);
        }
        Some(Row::Note(Note::Odd(_))) | None => {}
    }
}

/// What happened, in one row: when, what, to whom, and the rest.
pub(in crate::ui::view) fn draw_line(
    model: &Model,
    theme: &Theme,
    reading: &Reading,
    count: u64,
    mut pen: Pen<'_>,
) {
    let line = &Headline::of(reading).named(reading, &model.venue);
    let wide = pen.room() >= 56;
    let (word, role) = words::mark(line, reading.change.as_ref());
    let time = if wide { words::clock_seconds(model, line.at) } else { words::clock(model, line.at) };
    pen.cell(if wide { 9 } else { 6 }, &time, Role::Dim);
    pen.cell(7, model.locale.word(word), role);
    if count > 1 {
        pen.tail(&format!("{}{count}", theme.glyphs.times), Role::Act, 1);
    }
    if let Some(amount) = line.amount {
        pen.tail(&words::money(model, amount), Role::Money, 1);
    }
    if line.code.is_some() || line.name.is_some() {
        pen.foreign(7, line.code.as_deref().unwrap_or_default(), Role::Code).skip(1);
        let names = if pen.room() >= 58 { 18 } else { pen.room().min(15) };
        pen.foreign(names, line.name.as_deref().unwrap_or_default(), Role::Name).skip(1);
    }
    pen.text(&words::tail(model, line), Role::Text);
}

pub(super) fn inside(model: &Model, theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    if frame.height < 2 {
        return;
    }
    let locale = &model.locale;
    let guests = model.venue.inside(model.now);
    let title = locale.fill("inside.title", &[("n", &guests.len().to_string())]);
    let inner = Pane::inner(frame);
    let hidden = guests.len().saturating_sub(usize::from(inner.height));
    let note = if hidden > 0 { locale.count("page.below", hidden as u64) } else { String::new() };
    (&Pane::new(theme, &title).note(&note, Role::Dim)).render(frame, buffer);
    if guests.is_empty() {
        say(theme, locale.word("inside.empty"), inner, buffer);
    }
    for (y, guest) in (0..inner.height).zip(&guests) {
        let mut pen = Pen::new(theme, inner, y, buffer);
        match guest.over {
            Some(over) => {
                let text = locale.fill("need.over_by", &[("span", &words::age(model, over))]);
                pen.tail(&text, Role::Act, 1);
            }
            None => {
                pen.tail(&words::age(model, guest.stayed), Role::Dim, 1);
            }
        }
        pen.cell(6, &words::clock(model, guest.in_at), Role::Dim);
        pen.foreign(7, guest.code.as_deref().unwrap_or_default(), Role::Code).skip(1);
        if inner.width >= 48 {
            let session = Untrusted::new(guest.session_name.as_deref().unwrap_or_default()).line(16);
            pen.tail(&session, Role::Dim, 1);
        }
        let room = pen.room();
        pen.foreign(room, guest.customer_name.as_deref().unwrap_or_default(), Role::Name);
    }
}
