//! How a tail is going, in words on stderr: each reason for hearing nothing once, and the verdict at the end.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::{Failure, Outcome, say};
use crate::client::{Gap, GapReason, LinkFacts, NameState, Off, Recovery, State, TopicFacts};

const NOT_LOGGED_IN: &str = "not logged in: only public names are heard; run frontdesk login";

/// What was told so far.
#[derive(Debug)]
pub(super) struct Watch {
    zone: TimeZone,
    /// The last reason for there being no connection.
    cause: Option<String>,
    /// The last reason of each wire name.
    reasons: BTreeMap<String, String>,
    connected: bool,
    heard: bool,
    told_not_logged_in: bool,
}

impl Watch {
    /// Watches a tail for a reader in `zone`.
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            cause: None,
            reasons: BTreeMap::new(),
            connected: false,
            heard: false,
            told_not_logged_in: false,
        }
    }

    /// The connection changed.
    ///
    /// # Errors
    /// No try can succeed before somebody changed something, and nobody can while a tail runs.
    pub(super) fn link(&mut self, link: &LinkFacts) -> Outcome {
        let because = link.cause.as_ref().map(|cause| format!("{cause}; {}", cause.advice()));
        match link.state {
            State::Refused => return Err(Failure::Failed(because.unwrap_or_else(|| "refused".to_owned()))),
            State::Waiting => {
                if because != self.cause {
                    if let Some(because) = &because {
                        say(because);
                    }
                    self.cause = because;
                }
            }
            State::Live if !self.connected || self.cause.is_some() => {
                say(&format!("connected to {}", link.server.url));
                self.cause = None;
                self.connected = true;
            }
            State::Live | State::Connecting | State::Syncing | State::Suspect => {}
        }
        Ok(())
    }

    /// A topic changed.
    pub(super) fn topic(&mut self, topic: &TopicFacts) {
        self.heard |= topic.heard;
        for name in &topic.names {
            let reason = match &name.state {
                NameState::Refused { why, .. } => format!("{why}; {}", why.advice()),
                NameState::Off(Off::NoToken) => {
                    self.not_logged_in();
                    continue;
                }
                NameState::Off(Off::NotConnected | Off::NotOurs)
                | NameState::Authorizing
                | NameState::Subscribing => continue,
                NameState::Off(off) => {
                    off.advice().map_or_else(|| off.to_string(), |advice| format!("{off}; {advice}"))
                }
                NameState::Subscribed => {
                    self.reasons.remove(&name.name.to_string());
                    continue;
                }
            };
            let name = name.name.to_string();
            if self.reasons.get(&name) != Some(&reason) {
                say(&format!("{name}: {reason}"));
                self.reasons.insert(name, reason);
            }
        }
    }

    /// Says once that names that need a signature are not tried.
    fn not_logged_in(&mut self) {
        if !self.told_not_logged_in {
            say(NOT_LOGGED_IN);
            self.told_not_logged_in = true;
        }
    }

    /// Something may be missing.
    pub(super) fn gap(&self, gap: &Gap) {
        let why = match &gap.reason {
            GapReason::NoHistory => "the server keeps no history".to_owned(),
            GapReason::Lost(words) => words.clone(),
        };
        let name = gap.channel.as_ref().map_or_else(|| gap.topic.to_string(), ToString::to_string);
        say(&format!(
            "{name}: events from {} to {} may be missing: {why}",
            self.clock(gap.from),
            self.clock(gap.to)
        ));
    }

    /// The connection is back.
    pub(super) fn back(&self, back: Recovery) {
        let missing = if back.complete { "none missing" } else { "some may be missing" };
        let (from, to) = (self.clock(back.away_from), self.clock(back.away_to));
        say(&format!("back: away from {from} to {to}, {} events recovered, {missing}", back.recovered));
    }

    /// How it went, now that the time is over.
    pub(super) fn verdict(&self) -> Outcome {
        if self.connected && self.heard {
            return Ok(());
        }
        let no_token = self.told_not_logged_in.then(|| NOT_LOGGED_IN.to_owned());
        let reasons = self.reasons.iter().map(|(name, reason)| format!("{name}: {reason}"));
        let reasons: Vec<String> = self.cause.clone().into_iter().chain(no_token).chain(reasons).collect();
        let because = if reasons.is_empty() {
            "the server did not answer in time".to_owned()
        } else {
            reasons.join(" · ")
        };
        Err(Failure::Failed(format!("nothing could be heard: {because}")))
    }

    fn clock(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone()).strftime("%H:%M:%S").to_string()
    }
}
