//! The link in a word, a mark and a role; and the banner while what is shown is not the present truth.
//!
//! LIVE is said only while the server is connected and at least one topic is heard. No other state's word
//! contains it.

use jiff::{SignedDuration, Timestamp};

use crate::advice::Advice;
use crate::ui::facts::{Cause, LinkState, TopicFacts, Why, WireState};
use crate::ui::model::Model;
use crate::ui::theme::Role;
use crate::ui::widget::pen::columns;

/// What row 0 says of the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The mark before the word.
    pub mark: char,
    /// The word, and its number.
    pub word: String,
    /// The colour.
    pub role: Role,
    /// What stands beside it: topics that are not heard, and what to do.
    pub aside: Option<String>,
}

/// An outage longer than this is called by its length, no longer by its tries.
const LONG: SignedDuration = SignedDuration::from_secs(60);

/// The glyph choice is the theme's, so the mark is given by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Live,
    Moving,
    Waiting,
    Away,
    Call,
}

/// What row 0 says of the link, in the marks of `glyphs`.
pub fn link(model: &Model, glyphs: super::glyphs::Glyphs) -> Status {
    let words = &model.locale;
    let (kind, word, role) = match model.link.state {
        LinkState::Connecting { attempt: 0 } => {
            (Kind::Moving, words.word("status.connecting").to_owned(), Role::Act)
        }
        LinkState::Connecting { .. } | LinkState::Waiting { .. } => away(model),
        LinkState::Syncing => (Kind::Moving, words.word("status.syncing").to_owned(), Role::Act),
        LinkState::Suspect => (Kind::Moving, words.word("status.suspect").to_owned(), Role::Act),
        LinkState::Refused => (Kind::Away, offline(model), Role::Urgent),
        LinkState::Live => live(model),
    };
    let mark = match kind {
        Kind::Live => glyphs.live,
        Kind::Moving => glyphs.moving,
        Kind::Waiting => glyphs.waiting,
        Kind::Away => glyphs.away,
        Kind::Call => '!',
    };
    Status { mark, word, role, aside: aside(model) }
}

fn away(model: &Model) -> (Kind, String, Role) {
    let words = &model.locale;
    let outage =
        model.link.away_since().map_or(SignedDuration::ZERO, |since| model.now.duration_since(since));
    let (attempt, wait) = match model.link.state {
        LinkState::Waiting { attempt, next_try_at } => (attempt, Some(model.now.duration_until(next_try_at))),
        LinkState::Connecting { attempt } => (attempt, None),
        LinkState::Syncing | LinkState::Live | LinkState::Suspect | LinkState::Refused => (0, None),
    };
    if outage >= LONG {
        return (Kind::Away, offline(model), Role::Urgent);
    }
    let n = attempt.max(1).to_string();
    let word = match wait {
        Some(wait) => words.fill("status.retry_in", &[("n", &n), ("span", &words.span(ceil(wait)))]),
        None => words.fill("status.retry_now", &[("n", &n)]),
    };
    (Kind::Waiting, word, Role::Urgent)
}

fn offline(model: &Model) -> String {
    let outage =
        model.link.away_since().map_or(SignedDuration::ZERO, |since| model.now.duration_since(since));
    model.locale.fill("status.offline", &[("span", &model.locale.age(outage))])
}

fn live(model: &Model) -> (Kind, String, Role) {
    let words = &model.locale;
    if model.topics.iter().any(TopicFacts::is_heard) {
        let rtt = model.link.rtt.map(|rtt| words.latency(rtt));
        let word = match rtt {
            Some(rtt) => words.fill("status.live_rtt", &[("rtt", &rtt)]),
            None => words.word("status.live").to_owned(),
        };
        return (Kind::Live, word, Role::Live);
    }
    if model.topics.is_empty() || model.topics.iter().any(TopicFacts::is_pending) {
        return (Kind::Moving, words.word("status.syncing").to_owned(), Role::Act);
    }
    let login = model
        .topics
        .iter()
        .filter_map(TopicFacts::trouble)
        .all(|state| state.advice() == Some(Advice::LogIn));
    let key = if login { "status.login" } else { "status.unheard" };
    (Kind::Call, words.word(key).to_owned(), Role::Act)
}

/// The topics that are not surely heard for one reason.
pub struct Deaf<'a> {
    /// What keeps them from being heard.
    pub state: &'a WireState,
    /// Their names, made safe.
    pub topics: String,
}

/// What is not heard although the link is there: first what a login helps against.
pub fn deaf(model: &Model) -> Option<Deaf<'_>> {
    if !matches!(model.link.state, LinkState::Live | LinkState::Suspect) {
        return None;
    }
    let troubles = || model.topics.iter().filter_map(|topic| Some((topic, topic.trouble()?)));
    let (_, state) =
        troubles().find(|(_, state)| state.advice() == Some(Advice::LogIn)).or_else(|| troubles().next())?;
    let names: Vec<String> = troubles()
        .filter(|(_, other)| other.advice() == state.advice())
        .map(|(topic, _)| crate::untrusted::Untrusted::new(&topic.name).line(12))
        .collect();
    let topics = match names.as_slice() {
        [first, _, rest @ ..] if !rest.is_empty() => format!("{first} +{}", rest.len() + 1),
        few => few.join(", "),
    };
    Some(Deaf { state, topics })
}

/// `! log in: staff`, while the link is there and a topic is not surely heard.
fn aside(model: &Model) -> Option<String> {
    let deaf = deaf(model)?;
    let what = match deaf.state {
        WireState::Off { why: Why::NoToken, .. } => "status.aside_no_token",
        state if state.advice() == Some(Advice::LogIn) => "status.aside_login",
        WireState::Refused { why: Why::NotAllowed, .. } => "status.aside_refused",
        WireState::Refused { .. }
        | WireState::Off { .. }
        | WireState::Subscribing
        | WireState::Subscribed => "status.aside_unheard",
    };
    Some(format!("! {}", model.locale.fill(what, &[("topics", &deaf.topics)])))
}

/// Whether what is shown may be out of date.
pub fn is_stale(model: &Model) -> bool {
    match model.link.state {
        LinkState::Live | LinkState::Suspect => false,
        LinkState::Connecting { .. }
        | LinkState::Syncing
        | LinkState::Waiting { .. }
        | LinkState::Refused => model.was_live,
    }
}

/// What stands before a number that may be wrong: it is out of date, or something of today is missing in it.
pub fn doubt(model: &Model) -> &'static str {
    if is_stale(model) || model.venue.has_missed(model.now) { "~" } else { "" }
}

/// The banner: why there is no link, the time of the last truth, when the next try is, and what to do; where
/// no try will help what to do comes first. `None` while there is a link, and before the first try has failed.
pub fn banner(model: &Model) -> Option<String> {
    let words = &model.locale;
    let next = match model.link.state {
        LinkState::Live | LinkState::Suspect | LinkState::Syncing | LinkState::Connecting { attempt: 0 } => {
            return None;
        }
        LinkState::Connecting { .. } => words.word("banner.trying").to_owned(),
        LinkState::Waiting { next_try_at, .. } => {
            let span = words.span(ceil(model.now.duration_until(next_try_at)));
            words.fill("banner.next", &[("span", &span)])
        }
        LinkState::Refused => words.word("banner.stopped").to_owned(),
    };
    let truth = match truth_at(model) {
        Some(at) => words.fill("banner.lost", &[("time", &words.clock_seconds(at, &model.zone))]),
        None => words.word("banner.never").to_owned(),
    };
    // The other side's own words are on the link screen; here there is one line.
    let cause = model.link.cause.as_ref();
    let why = cause.map(|cause| reason(model, cause.code, cause.why, ""));
    let advice =
        cause.filter(|cause| cause.advice != Advice::Wait).map(|cause| words.word(cause.advice.key()));
    let parts = if model.link.state == LinkState::Refused {
        let first = why.into_iter().chain(advice.map(str::to_owned)).collect::<Vec<_>>().join(", ");
        vec![first, truth, next]
    } else {
        why.into_iter().chain([truth, next]).chain(advice.map(str::to_owned)).collect()
    };
    Some(fitting(&parts, model.size.0.saturating_sub(4)))
}

/// What is wrong with the link and what to do, for who would else read that all is well. `None` while there is
/// a link.
pub fn trouble(model: &Model) -> Option<String> {
    model.link.away_since()?;
    Some(match &model.link.cause {
        Some(cause) => {
            let why = reason(model, cause.code, cause.why, "");
            let advice = model.locale.word(cause.advice.key());
            model.locale.fill("alert.link", &[("why", &why), ("advice", advice)])
        }
        None => model.locale.word("alert.no_link").to_owned(),
    })
}

/// The parts one behind the other, as long as they fit; the first is there in any case.
fn fitting(parts: &[String], width: u16) -> String {
    let mut line = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        let longer = if line.is_empty() { part.clone() } else { format!("{line}  {part}") };
        if !line.is_empty() && columns(&longer) > width {
            break;
        }
        line = longer;
    }
    line
}

/// The last moment of which all is known.
pub fn truth_at(model: &Model) -> Option<Timestamp> {
    model.link.heard_at.filter(|_| model.was_live)
}

/// A cause in one line, its detail made safe.
pub fn cause_line(model: &Model, cause: &Cause) -> String {
    reason(model, cause.code, cause.why, &cause.detail)
}

/// `401: the backend does not accept this token (Unauthenticated.)`
pub fn reason(model: &Model, code: Option<u16>, why: Why, detail: &str) -> String {
    // The codes that say more than that it was closed.
    let key = match (why, code) {
        (Why::Closed, Some(4001)) => "why.no_app",
        (Why::Closed, Some(4003)) => "why.app_disabled",
        (why, _) => why.key(),
    };
    let code = code.map(|code| format!("{code}: ")).unwrap_or_default();
    let detail = crate::untrusted::Untrusted::new(detail).line(160);
    let detail = if detail.is_empty() { detail } else { format!(" ({detail})") };
    format!("{code}{}{detail}", model.locale.word(key))
}

/// Countdowns end at 1s, not at 0s.
fn ceil(span: SignedDuration) -> SignedDuration {
    let more = i64::from(span.subsec_nanos() > 0);
    SignedDuration::from_secs(span.as_secs() + more)
}
