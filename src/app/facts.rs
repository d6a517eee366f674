//! The client's facts in the words of the screens.
//!
//! The screens know no client; here alone both vocabularies meet. Each arm is one meaning, so a new reason
//! of the client's does not compile until it has been placed.

use crate::client::{self, Cause, NameState, Off, Refusal, State};
use crate::ui::facts as ui;

/// The connection.
pub(super) fn link(facts: client::LinkFacts) -> ui::LinkFacts {
    let attempt = facts.attempt;
    ui::LinkFacts {
        state: match facts.state {
            State::Connecting => ui::LinkState::Connecting { attempt },
            State::Syncing => ui::LinkState::Syncing,
            State::Live => ui::LinkState::Live,
            State::Suspect => ui::LinkState::Suspect,
            State::Waiting => {
                ui::LinkState::Waiting { attempt, next_try_at: facts.next_try_at.unwrap_or(facts.since) }
            }
            State::Refused => ui::LinkState::Refused,
        },
        since: facts.since,
        heard_at: facts.heard_at,
        cause: facts.cause.as_ref().map(cause),
        server: address(&facts.server.url),
        ours: facts.server.ours,
        socket_id: facts.socket_id,
        rtt: facts.rtt,
        activity_timeout: facts.activity_timeout,
        connections: facts.connections,
        losses: facts.losses.iter().rev().map(loss).collect(),
        loss_count: facts.loss_count,
    }
}

/// An address as one would type it: without the slash that stands for no path.
pub(super) fn address(url: &url::Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn loss(loss: &client::Loss) -> ui::Loss {
    ui::Loss { at: loss.at, back_at: loss.back_at, cause: cause(&loss.cause) }
}

fn cause(cause: &Cause) -> ui::Cause {
    let (why, code, detail) = match cause {
        Cause::Closed { code, message } => (ui::Why::Closed, Some(code.0), message.clone()),
        Cause::Lost(how) => (ui::Why::Broken, None, how.clone()),
        Cause::Silent => (ui::Why::Silent, None, String::new()),
        Cause::TimedOut(_) => (ui::Why::TimedOut, None, String::new()),
        Cause::UnknownHost(how) => (ui::Why::UnknownHost, None, how.clone()),
        Cause::Unreachable(how) => (ui::Why::Unreachable, None, how.clone()),
        Cause::Tls(how) => (ui::Why::Tls, None, how.clone()),
        Cause::NoWebSocket { status } => (ui::Why::NoWebSocket, Some(*status), String::new()),
        Cause::NotPusher(how) => (ui::Why::NotPusher, None, how.clone()),
        Cause::Settings(how) => (ui::Why::Settings, None, how.clone()),
    };
    ui::Cause { code, why, detail, advice: cause.advice() }
}

/// One topic.
pub(super) fn topic(facts: client::TopicFacts) -> ui::TopicFacts {
    let wire = |name: client::NameFacts| ui::WireFacts {
        name: name.name.to_string(),
        state: wire_state(name.state),
        events: name.events,
    };
    ui::TopicFacts { name: facts.topic.to_string(), wires: facts.names.into_iter().map(wire).collect() }
}

fn wire_state(state: NameState) -> ui::WireState {
    match state {
        NameState::Off(off) => ui::WireState::Off { why: off_because(off), advice: off.advice() },
        NameState::Authorizing | NameState::Subscribing => ui::WireState::Subscribing,
        NameState::Subscribed => ui::WireState::Subscribed,
        NameState::Refused { why: refusal, retry_at } => {
            let (status, advice) = (refusal.status(), refusal.advice());
            let (why, detail) = refused_because(refusal);
            ui::WireState::Refused { status, why, detail, advice, retry_at }
        }
    }
}

fn off_because(off: Off) -> ui::Why {
    match off {
        Off::NotConnected => ui::Why::NotConnected,
        Off::NoToken => ui::Why::NoToken,
        Off::NoEndpoint => ui::Why::NoEndpoint,
        Off::UnsafeEndpoint => ui::Why::UnsafeEndpoint,
        Off::OtherOrigin => ui::Why::OtherOrigin,
        Off::UnusableToken => ui::Why::UnusableToken,
        Off::NotOurs => ui::Why::NotOurs,
    }
}

fn refused_because(refusal: Refusal) -> (ui::Why, String) {
    match refusal {
        Refusal::LogIn => (ui::Why::BadToken, String::new()),
        Refusal::NotAllowed => (ui::Why::NotAllowed, String::new()),
        Refusal::NoEndpoint { .. } => (ui::Why::EndpointMissing, String::new()),
        Refusal::Redirected { to } => (ui::Why::Redirected, to),
        Refusal::Csrf => (ui::Why::Csrf, String::new()),
        Refusal::Busy => (ui::Why::Busy, String::new()),
        Refusal::Failing { .. } => (ui::Why::EndpointFails, String::new()),
        Refusal::TimedOut => (ui::Why::EndpointSlow, String::new()),
        Refusal::Unreachable(how) => (ui::Why::EndpointUnreachable, how),
        Refusal::BadAnswer { reason, .. } => (ui::Why::BadAnswer, reason),
        Refusal::OtherApp { key } => (ui::Why::OtherApp, key),
        Refusal::ByServer { message, .. } => (ui::Why::ByServer, message),
        Refusal::NoAck => (ui::Why::NoAnswer, String::new()),
    }
}

/// A stretch of time in which events may be missing.
pub(super) fn gap(gap: client::Gap) -> ui::GapFacts {
    let topic = gap.channel.map_or_else(|| gap.topic.to_string(), |channel| channel.as_str().to_owned());
    let reason = match gap.reason {
        client::GapReason::NoHistory => None,
        client::GapReason::Lost(words) => Some(words),
    };
    ui::GapFacts { topic, from: gap.from, to: gap.to, reason }
}

/// The end of an outage.
pub(super) fn back(back: client::Recovery) -> ui::BackFacts {
    ui::BackFacts {
        from: back.away_from,
        to: back.away_to,
        recovered: back.recovered,
        complete: back.complete,
    }
}

/// A frame that is none of the protocol's.
pub(super) fn odd(odd: client::Odd) -> ui::OddFacts {
    ui::OddFacts { at: odd.at, raw: odd.raw, reason: odd.reason }
}
