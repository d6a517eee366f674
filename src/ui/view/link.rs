//! The connection: its state and why, the topics and what keeps them from being heard, the losses.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::{View, words};
use crate::ui::action::Action;
use crate::ui::cursor::Step;
use crate::ui::facts::{JournalFacts, TopicFacts, WireFacts, WireState};
use crate::ui::glyphs::Glyphs;
use crate::ui::layout::{link_columns, page};
use crate::ui::model::Model;
use crate::ui::status;
use crate::ui::theme::{Role, Theme};
use crate::ui::widget::{Page, Pane};
use crate::untrusted::Untrusted;

/// The screen.
pub(super) struct Screen;

impl View for Screen {
    fn draw(&self, model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        let titles = ["link.title", "link.topics_title"];
        for (n, (column, content)) in pages(model, theme.glyphs, area).into_iter().enumerate() {
            let note = content.note(model, model.link_top, page(column));
            let title = model.locale.word(titles[n.min(1)]);
            (&Pane::new(theme, title).note(&note, Role::Dim).focused(n == 0)).render(column, buffer);
            content.draw(theme, model.link_top, Pane::inner(column), buffer);
        }
    }

    fn step(&self, model: &mut Model, step: Step) {
        let pages = pages(model, Glyphs::BLOCKS, super::body(model));
        let length = pages.iter().map(|(_, content)| content.len()).max().unwrap_or(0);
        let height = pages.first().map_or(0, |(column, _)| page(*column));
        model.link_top = super::scrolled(model.link_top, step, length, height);
    }

    fn act(&self, _: &mut Model, _: Action) {}

    fn point(&self, _: &mut Model, _: Rect, _: Position) {}

    fn click(&self, _: &mut Model, _: Rect, _: Position) {}

    /// A report to send to whoever helps: all that this screen says. It has no secrets, because the model
    /// has none.
    fn copy(&self, model: &Model) -> Option<String> {
        let page = Rect::new(0, 0, 100, 0);
        pages(model, Glyphs::ASCII, page).first().map(|(_, content)| content.plain())
    }
}

/// The screen's texts and where they stand: one below the other, or side by side where there is room.
fn pages(model: &Model, glyphs: Glyphs, body: Rect) -> Vec<(Rect, Page)> {
    let [left, right] = link_columns(body);
    let mut first = Page::new(Pane::inner(left).width);
    connection(model, glyphs, &mut first);
    if right.width == 0 {
        first.blank();
        topics(model, glyphs, &mut first);
        first.blank();
        losses(model, &mut first);
        return vec![(left, first)];
    }
    let mut second = Page::new(Pane::inner(right).width);
    topics(model, glyphs, &mut second);
    second.blank();
    losses(model, &mut second);
    vec![(left, first), (right, second)]
}

fn connection(model: &Model, glyphs: Glyphs, page: &mut Page) {
    let words = &model.locale;
    let link = &model.link;
    let state = status::link(model, glyphs);
    page.entry(words.word("link.state"), Role::Dim, &format!("{} {}", state.mark, state.word), state.role);
    // Of an outage its beginning counts, not the last try.
    let from = link.away_since().unwrap_or(link.since);
    let (time, span) = (words::clock_seconds(model, from), words.age(model.now.duration_since(from)));
    let since = words.fill("link.since_line", &[("time", &time), ("span", &span)]);
    page.entry(words.word("link.since"), Role::Dim, &since, Role::Text);
    if let Some(cause) = &link.cause {
        let role = if link.away_since().is_some() { Role::Urgent } else { Role::Text };
        page.entry(words.word("link.cause"), Role::Dim, &status::cause_line(model, cause), role);
        page.entry(words.word("link.advice"), Role::Dim, words.word(cause.advice.key()), Role::Act);
    }
    page.blank();
    let kind = words.word(if link.ours { "link.ours" } else { "link.other" });
    page.entry(words.word("link.server"), Role::Dim, &Untrusted::new(&link.server).line(120), Role::Code);
    if link.connections > 0 {
        page.entry("", Role::Dim, kind, Role::Dim);
    }
    let unknown = || words.word("link.unknown").to_owned();
    let socket = link.socket_id.as_deref().map_or_else(unknown, |id| Untrusted::new(id).line(60));
    page.entry(words.word("link.socket"), Role::Dim, &socket, Role::Code);
    let rtt = link.rtt.map_or_else(unknown, |rtt| words.latency(rtt));
    page.entry(words.word("link.rtt"), Role::Dim, &rtt, Role::Text);
    if let Some(timeout) = link.activity_timeout {
        let text = words.fill("link.heartbeat_line", &[("span", &words::span(model, timeout))]);
        page.entry(words.word("link.heartbeat"), Role::Dim, &text, Role::Text);
    }
    let heard = link.heard_at.map_or_else(unknown, |at| words::clock_seconds(model, at));
    if link.away_since().is_some() {
        page.entry(words.word("link.heard"), Role::Dim, &heard, Role::Text);
    }
    page.blank();
    let who = match &model.identity {
        Some(identity) => {
            let role = identity.role.as_deref().map(|role| format!(" ({})", Untrusted::new(role).line(20)));
            let name = identity.name.as_deref().map(|name| Untrusted::new(name).line(40));
            let name = name.unwrap_or_else(|| words.word("link.nameless").to_owned());
            format!("{name}{}", role.unwrap_or_default())
        }
        None => words.word("link.nobody").to_owned(),
    };
    page.entry(words.word("link.who"), Role::Dim, &who, Role::Text);
    let file = model
        .log_file
        .as_deref()
        .map_or_else(|| words.word("link.no_log").to_owned(), |file| Untrusted::new(file).line(200));
    page.entry(words.word("link.log_file"), Role::Dim, &file, Role::Code);
    if let Some(facts) = &model.journal {
        let (text, role) = journal(model, facts);
        page.entry(words.word("link.journal"), Role::Dim, &text, role);
    }
}

/// What becomes of what is heard.
fn journal(model: &Model, facts: &JournalFacts) -> (String, Role) {
    let words = &model.locale;
    match facts {
        JournalFacts::Kept { folder } => (Untrusted::new(folder).line(200), Role::Code),
        JournalFacts::Taken { pid } => {
            let pid = pid.map(|pid| format!(" ({pid})")).unwrap_or_default();
            (format!("{}{pid}", words.word("journal.taken")), Role::Act)
        }
        JournalFacts::Unusable { why } => {
            let why = Untrusted::new(why).line(200);
            (words.fill("journal.unusable", &[("why", &why)]), Role::Act)
        }
        JournalFacts::Failing { events, why } => {
            let lost = words.count("journal.lost", *events);
            let why = why.as_deref().map(|why| format!(": {}", Untrusted::new(why).line(200)));
            (format!("{lost}{}", why.unwrap_or_default()), Role::Act)
        }
    }
}

fn topics(model: &Model, glyphs: Glyphs, page: &mut Page) {
    let words = &model.locale;
    page.heading(words.word("link.topics"));
    if model.topics.is_empty() {
        page.text(2, words.word("link.no_topics"), Role::Dim);
    }
    for topic in &model.topics {
        topic_rows(model, glyphs, topic, page);
    }
}

fn topic_rows(model: &Model, glyphs: Glyphs, topic: &TopicFacts, page: &mut Page) {
    let words = &model.locale;
    let connected = model.link.away_since().is_none();
    let (mark, word, role) = if topic.trouble().is_some() {
        ('!', if topic.is_heard() { "topic.unproven" } else { "topic.refused" }, Role::Act)
    } else if topic.is_heard() && connected {
        (glyphs.live, "topic.heard", Role::Live)
    } else if topic.is_pending() {
        (glyphs.moving, "topic.joining", Role::Act)
    } else {
        (glyphs.waiting, "topic.off", Role::Dim)
    };
    let name = Untrusted::new(&topic.name).line(28);
    page.row(vec![
        (format!("  {mark} "), role),
        (format!("{name:<20} "), Role::Name),
        (words.word(word).to_owned(), role),
    ]);
    for wire in &topic.wires {
        wire_rows(model, wire, page);
    }
    if let Some(advice) = topic.trouble().and_then(WireState::advice) {
        page.text(6, words.word(advice.key()), Role::Act);
    }
}

fn wire_rows(model: &Model, wire: &WireFacts, page: &mut Page) {
    let words = &model.locale;
    let name = Untrusted::new(&wire.name).line(40);
    let (text, role) = match &wire.state {
        WireState::Subscribing => (words.word("wire.joining").to_owned(), Role::Dim),
        WireState::Subscribed => {
            // The facts are as old as the last change of the subscription; what was heard since is here.
            let rate = model.log.rate(&wire.name);
            let last =
                rate.last_at.map(|at| words.fill("wire.last", &[("time", &words::clock_seconds(model, at))]));
            (format!("{}{}", words.count("wire.events", rate.total), last.unwrap_or_default()), Role::Text)
        }
        WireState::Refused { status, why, detail, retry_at, .. } => {
            let retry = retry_at
                .map(|at| words.fill("wire.retry", &[("span", &words.span(model.now.duration_until(at)))]));
            (
                format!("{}{}", status::reason(model, *status, *why, detail), retry.unwrap_or_default()),
                Role::Urgent,
            )
        }
        WireState::Off { why, .. } => (words.word(why.key()).to_owned(), Role::Dim),
    };
    page.row(vec![(format!("      {name:<20} "), Role::Code)]);
    page.append(&text, role);
}

fn losses(model: &Model, page: &mut Page) {
    let words = &model.locale;
    page.heading(&words.count("link.losses", model.link.loss_count));
    if model.link.losses.is_empty() {
        page.text(2, words.word("link.no_losses"), Role::Dim);
    }
    for loss in &model.link.losses {
        let from = words::clock_seconds(model, loss.at);
        let length = loss.back_at.unwrap_or(model.now).duration_since(loss.at);
        let key = if loss.back_at.is_some() { "loss.over" } else { "loss.open" };
        let text = words.fill(key, &[("from", &from), ("span", &words.span(length))]);
        page.entry(&text, Role::Text, &status::cause_line(model, &loss.cause), Role::Dim);
    }
}
