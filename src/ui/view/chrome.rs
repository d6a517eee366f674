//! What stands around every screen and never scrolls: status and screens above, the alert and the keys below.

use std::time::Duration;

use jiff::SignedDuration;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{VIEWS, ViewId, words};
use crate::advice::Advice;
use crate::domain::venue::Need;
use crate::ui::action::{ACTIONS, Action, Place, Row};
use crate::ui::cursor::Step;
use crate::ui::facts::Why;
use crate::ui::layout::Chrome;
use crate::ui::model::{Model, Said};
use crate::ui::status;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::Pen;
use crate::ui::widget::pen::{columns, cut};
use crate::untrusted::Untrusted;

/// How long the return of the link is told.
const TOLD: SignedDuration = SignedDuration::from_secs(60);

/// A screen's name in the row of screens, and where it stands there.
pub(in crate::ui) struct Tab {
    /// The screen; `None` is the help.
    pub(in crate::ui) view: Option<ViewId>,
    /// Its first column.
    pub(in crate::ui) from: u16,
    /// The column behind its last.
    pub(in crate::ui) to: u16,
    text: String,
    badge: String,
}

/// The row of screens, from the left.
pub(in crate::ui) fn tabs(model: &Model) -> Vec<Tab> {
    let whole = place(model, false);
    // Where not all names fit the others are their keys alone.
    if whole.last().is_some_and(|last| last.to > model.size.0) { place(model, true) } else { whole }
}

fn place(model: &Model, short: bool) -> Vec<Tab> {
    let narrow = model.size.0 < 50;
    let here = |view: ViewId| model.help.is_none() && model.view == view;
    let mut at = u16::from(!narrow);
    let mut all: Vec<Tab> = Vec::new();
    let help = model.keymap.label(Action::Help).unwrap_or_default();
    let views = VIEWS.iter().map(|view| {
        let key = model.keymap.label(Action::Show(view.id)).unwrap_or_else(|| view.number.to_string());
        let named = !short || here(view.id);
        let text = if named { format!("{key} {}", model.locale.word(view.name)) } else { key };
        (Some(view.id), text, badge(model, view.id))
    });
    let help = if narrow { help } else { format!("{help} {}", model.locale.word("view.help")) };
    let help = (None, help, String::new());
    for (view, text, badge) in views.chain([help]) {
        let width = columns(&text) + columns(&badge) + 2;
        all.push(Tab { view, from: at, to: at + width, text, badge });
        at += width + u16::from(!narrow);
    }
    all
}

/// What calls from a screen that is not shown.
fn badge(model: &Model, view: ViewId) -> String {
    let call = match view {
        ViewId::Overview => model.venue.needs(model.now).len(),
        ViewId::Payments => model.venue.queue(model.now).payments.len(),
        ViewId::Activity => 0,
        ViewId::Link => {
            usize::from(status::banner(model).is_some())
                + model.topics.iter().filter(|topic| topic.trouble().is_some()).count()
        }
    };
    match call {
        0 => String::new(),
        n => format!(" !{n}"),
    }
}

pub(super) fn draw(model: &Model, theme: &Theme, parts: &Chrome, buffer: &mut Buffer) {
    header(model, theme, parts.header, buffer);
    if parts.tabs.height > 0 {
        draw_tabs(model, theme, parts.tabs, buffer);
    }
    if let Some(text) = status::banner(model).filter(|_| parts.banner.height > 0) {
        buffer.set_style(parts.banner, theme.of(Role::Banner));
        let text = format!("{} {text}", theme.glyphs.away);
        Pen::new(theme, parts.banner, 0, buffer).skip(1).text(&text, Role::Banner);
    }
    if parts.alert.height > 0 {
        alert(model, theme, parts.alert, buffer);
        hints(model, theme, parts.hints, buffer);
    }
}

/// Row 0. The link's state is always there; the rest comes as there is room, the time first.
fn header(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let status = status::link(model, theme.glyphs);
    let now = model.zone.to_datetime(model.now);
    let time = format!(
        "{} {}",
        model.locale.clock(model.now, &model.zone),
        model.locale.zone(model.now, &model.zone)
    );
    let venue = Untrusted::new(&model.venue_name).line(32);
    let state = format!("{} {}", status.mark, status.word);
    let name = model.identity.as_ref().and_then(|identity| identity.name.as_deref());
    let who = name.map(|name| Untrusted::new(name).line(20)).unwrap_or_default();
    let mut pen = Pen::new(theme, area, 0, buffer);
    if area.width <= columns(&state) + 1 {
        pen.text(&state, status.role);
        return;
    }
    if area.width < 60 {
        pen.skip(u16::from(area.width >= 40));
        if let Some(aside) = &status.aside {
            let fits = pen.room() > columns(&state) + columns(aside) + 3;
            pen.tail(if fits { aside } else { "!" }, Role::Urgent, 1);
        }
        pen.tail(&state, status.role, 1);
        // The zone goes before the time does, and half a time is none.
        let clock = model.locale.clock(model.now, &model.zone);
        let fits = [time, clock].into_iter().find(|text| columns(text) <= pen.room());
        pen.text(&fits.unwrap_or_default(), Role::Text);
        return;
    }
    pen.skip(1).keep(1);
    let aside = status.aside.unwrap_or_default();
    let needed = columns(&time) + 2;
    // Beside a state that is not all well the reason comes before the reader's name and the house's.
    if pen.room() > columns(&who) + columns(&state) + columns(&aside) + needed + 4 {
        pen.tail(&who, Role::Dim, 2);
    }
    let roomy = pen.room() > columns(&state) + columns(&aside) + needed + columns(&venue) + 28;
    if !aside.is_empty() {
        let fits = pen.room() > columns(&state) + columns(&aside) + 4;
        pen.tail(if fits { &aside } else { "!" }, Role::Urgent, 2);
    }
    pen.tail(&state, status.role, 2);
    if roomy || aside.is_empty() {
        pen.text(model.locale.word("brand"), Role::Brand).skip(2);
    }
    let date = format!("{} ", model.locale.weekday(now.date()));
    let left = pen.room().saturating_sub(columns(&time));
    if left > columns(&date) + 6 {
        let room = left - columns(&date) - 2;
        let gap = if venue.is_empty() { 0 } else { 2 };
        pen.text(&cut(&venue, room, theme.glyphs.more), Role::Name).skip(gap).text(&date, Role::Dim);
    }
    pen.text(&time, Role::Text);
}

fn draw_tabs(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    for tab in tabs(model) {
        let area = Rect {
            x: area.x + tab.from,
            width: (tab.to - tab.from).min(area.width.saturating_sub(tab.from)),
            ..area
        };
        let here = match tab.view {
            Some(view) => model.help.is_none() && model.view == view,
            None => model.help.is_some(),
        };
        let (role, badge) = if here { (Role::Here, Role::Here) } else { (Role::Tab, Role::Act) };
        let mut pen = Pen::new(theme, area, 0, buffer);
        pen.text(" ", role).text(&tab.text, role).text(&tab.badge, badge).text(" ", role);
    }
}

/// The one line of what is most urgent: the oldest payment, else a guest, else a full session.
fn alert(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let words = &model.locale;
    let mut pen = Pen::new(theme, area, 0, buffer);
    pen.skip(1).keep(1);
    if let Some(back) = &model.back
        && model.now.duration_since(back.to) < TOLD
    {
        let role = if back.complete { Role::Settled } else { Role::Act };
        pen.text(&format!("{} {}", theme.glyphs.live, words::back(model, back)), role);
        return;
    }
    let safe = |text: &str| Untrusted::new(text).line(40);
    let who =
        |name: &Option<String>| name.as_deref().map_or_else(|| words.word("line.somebody").to_owned(), safe);
    let code =
        |code: &Option<String>| code.as_deref().map(|code| format!("{} ", safe(code))).unwrap_or_default();
    let span = |span: Duration| words::age(model, span);
    let needs = model.venue.needs(model.now);
    // Who may not hear a topic knows it; who has to log in does not know what they miss.
    let deaf =
        status::deaf(model).filter(|deaf| needs.is_empty() || deaf.state.advice() == Some(Advice::LogIn));
    if let Some((deaf, advice)) = deaf.and_then(|deaf| deaf.state.advice().map(|advice| (deaf, advice))) {
        let why = words.word(deaf.state.why().map_or("link.unknown", Why::key));
        let advice = words.word(advice.key());
        let text = words.fill("alert.deaf", &[("topics", &deaf.topics), ("advice", advice), ("why", why)]);
        pen.text("! ", Role::Urgent).text(&text, Role::Urgent);
        return;
    }
    let text = match needs.first() {
        None => {
            match status::trouble(model) {
                Some(trouble) => pen.text("! ", Role::Urgent).text(&trouble, Role::Urgent),
                None => pen.text(words.word("alert.none"), Role::Dim),
            };
            return;
        }
        Some(Need::Pay(payment)) => {
            let who = format!("{}{}", code(&payment.code), who(&payment.customer_name));
            words.fill("alert.pay", &[("who", &who), ("span", &span(payment.age))])
        }
        Some(Need::Over(guest)) => {
            let who = format!("{}{}", code(&guest.code), who(&guest.customer_name));
            words.fill("alert.over", &[("who", &who), ("span", &span(guest.over.unwrap_or_default()))])
        }
        Some(Need::Full(session)) => {
            let name = session.name.as_deref().map_or_else(|| words.word("line.session").to_owned(), safe);
            words.fill("alert.full", &[("session", &name)])
        }
    };
    pen.text("! ", Role::Act).text(&text, Role::Act);
    if needs.len() > 1 {
        let more = u64::try_from(needs.len() - 1).unwrap_or(u64::MAX);
        pen.text("  ", Role::Dim).text(&words.count("alert.more", more), Role::Dim);
    }
}

/// The keys that work here, or a short answer to the last one.
fn hints(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let words = &model.locale;
    let mut pen = Pen::new(theme, area, 0, buffer);
    pen.skip(1).keep(1);
    if let Some(said) = model.said {
        let key = match said {
            Said::Copied => "said.copied",
            Said::NothingToCopy => "said.nothing_to_copy",
            Said::Trying => "said.trying",
            Said::LinkIsThere => "said.link_is_there",
        };
        pen.text(words.word(key), Role::Key);
        return;
    }
    if model.is_typing() {
        // Letters are letters now, whatever they mean elsewhere.
        for (key, word) in [("Enter", "hint.keep"), ("Esc", "hint.clear"), ("^U", "hint.empty")] {
            pen.text(key, Role::Key).skip(1).text(words.word(word), Role::Dim).skip(2);
        }
        return;
    }
    // Help and the way out are always there; the others as there is room, and a hint is whole or not there.
    let hint = |row: &Row| Some((model.keymap.label(row.action)?, words.word(row.hint)));
    let width = |(key, word): &(String, &str)| columns(key) + columns(word) + 3;
    let always: Vec<_> = ACTIONS
        .iter()
        .filter(|row| matches!(row.action, Action::Help | Action::Quit))
        .filter_map(hint)
        .collect();
    let numbers: Vec<String> =
        VIEWS.iter().filter_map(|view| model.keymap.label(Action::Show(view.id))).collect();
    let mut shown = vec![(numbers.join(" "), words.word("hint.screens"))];
    if model.help.is_some() {
        let own = [(Action::Back, "hint.close"), (Action::Move(Step::Down), "hint.scroll")];
        shown.extend(
            own.into_iter()
                .filter_map(|(action, word)| Some((model.keymap.label(action)?, words.word(word)))),
        );
    }
    let mut room = pen.room().saturating_sub(always.iter().chain(&shown).map(width).sum());
    for row in ACTIONS.iter().filter(|row| !row.hint.is_empty() && row.works_on(model.view)) {
        let own = matches!(row.action, Action::Help | Action::Quit);
        let under_help = model.help.is_some() && row.place != Place::Everywhere;
        if let Some(hint) = hint(row).filter(|hint| !own && !under_help && width(hint) <= room) {
            room -= width(&hint);
            shown.push(hint);
        }
    }
    for (key, word) in shown.iter().chain(&always) {
        pen.text(key, Role::Key).skip(1).text(word, Role::Dim).skip(2);
    }
}

/// The numbers that matter most, on a terminal that is too small for anything else.
pub(super) fn draw_counters(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let venue = &model.venue;
    let flow = venue.flow(model.now);
    let mark = status::doubt(model);
    let rows = [
        ("tile.inside", venue.inside(model.now).len()),
        ("tile.verify", venue.queue(model.now).payments.len()),
        ("counter.in_today", flow.ins),
        ("counter.out_today", flow.outs),
        ("tile.bookings", venue.bookings(model.now).count),
    ];
    for (y, (key, n)) in (0..area.height).zip(rows) {
        let number = format!("{mark}{n}");
        let mut pen = Pen::new(theme, area, y, buffer);
        pen.tail(&number, Role::Name, 1);
        pen.text(model.locale.word(key), Role::Dim);
    }
}
