//! Which wire names are wanted, how each of them stands, and which is to be tried next. Pure.
//!
//! A name with a signature goes Off → Authorizing → Subscribing → Subscribed, a public one skips the second
//! step; either may be refused on the way. What a refusal is worth:
//!
//! - 401: nothing guarded is asked for again before there is another token (or somebody says so by hand);
//! - 403: the same, for that name alone;
//! - a misconfigured endpoint: again after a minute, and on the next connection;
//! - busy, failing or silent: again after a backoff, or when it said;
//! - the server's own no: on the next connection.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::authorizer::{Answer, Denial};
use super::{NameFacts, NameMode, NameState, Off, Refusal, Topic, TopicFacts};
use crate::protocol::link::Signature;
use crate::protocol::{ChannelName, Subscription};
use crate::time::Backoff;

/// How many questions the auth endpoint is asked at a time.
const IN_FLIGHT: usize = 4;
/// How long a misconfigured endpoint is left alone.
const MISCONFIGURED: Duration = Duration::from_secs(60);

/// All topics with their names.
#[derive(Debug)]
pub(super) struct Subscriptions {
    topics: Vec<Entry>,
    /// Whether the endpoint may be asked, and if not, why.
    guarded: Result<(), Off>,
    /// Whether the connection is up, and to our relay.
    connected: Option<bool>,
    in_flight: usize,
    /// Whether anything may have changed since the last snapshots.
    stale: bool,
}

#[derive(Debug)]
struct Entry {
    topic: Topic,
    names: Vec<Name>,
    last_event_at: Option<Timestamp>,
    /// The last moment at which the topic was heard, once it no longer is.
    heard_until: Option<Timestamp>,
    told: Option<TopicFacts>,
}

#[derive(Debug)]
struct Name {
    name: Subscription,
    state: NameState,
    events: u64,
    retry_at: Option<Instant>,
    failures: u32,
    failing_since: Option<Instant>,
}

/// What is to be done for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Try {
    /// Ask the auth endpoint.
    Authorize(Subscription),
    /// Ask the server.
    Subscribe(Subscription),
}

impl Subscriptions {
    pub(super) fn new(topics: &[Topic], modes: &BTreeMap<String, NameMode>) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for topic in topics {
            // A wire name belongs to the first topic that wants it.
            let mut names = topic.names(modes);
            names.retain(|name| {
                !entries.iter().flat_map(|entry| &entry.names).any(|taken| taken.name == *name)
            });
            let names = names.into_iter().map(Name::new).collect();
            entries.push(Entry {
                topic: topic.clone(),
                names,
                last_event_at: None,
                heard_until: None,
                told: None,
            });
        }
        Self { topics: entries, guarded: Err(Off::NoToken), connected: None, in_flight: 0, stale: true }
    }

    /// There is another token, or another reason why there is none. What the old one was refused is open
    /// again; what it was allowed stays.
    pub(super) fn token_changed(&mut self, guarded: Result<(), Off>) {
        self.guarded = guarded;
        self.in_flight = 0;
        self.stale = true;
        for name in self.names_mut() {
            if name.name.kind().needs_auth() && name.state != NameState::Subscribed {
                name.reset();
            }
        }
    }

    /// Somebody wants every refused name tried now.
    pub(super) fn retry_now(&mut self) {
        self.stale = true;
        for name in self.names_mut() {
            if name.state.refusal().is_some() {
                name.reset();
            }
        }
    }

    /// A connection is up.
    pub(super) fn connected(&mut self, ours: bool) {
        self.connected = Some(ours);
        self.in_flight = 0;
        self.stale = true;
        for name in self.names_mut() {
            let stays = match name.state.refusal() {
                // The token's doing; and an endpoint that asked for patience gets it across connections.
                Some(
                    Refusal::LogIn
                    | Refusal::NotAllowed
                    | Refusal::Busy
                    | Refusal::Failing { .. }
                    | Refusal::TimedOut
                    | Refusal::Unreachable(_),
                ) => true,
                Some(
                    Refusal::NoEndpoint { .. }
                    | Refusal::Redirected { .. }
                    | Refusal::Csrf
                    | Refusal::BadAnswer { .. }
                    | Refusal::OtherApp { .. }
                    | Refusal::ByServer { .. }
                    | Refusal::NoAck,
                )
                | None => false,
            };
            if !stays {
                name.reset();
            }
        }
    }

    /// The connection is lost. `truth` is the last moment at which it was surely good.
    pub(super) fn lost(&mut self, truth: Timestamp) {
        self.connected = None;
        self.in_flight = 0;
        self.stale = true;
        for entry in &mut self.topics {
            if entry.is_heard() {
                entry.heard_until = Some(truth);
            }
            for name in &mut entry.names {
                if name.state.refusal().is_none() {
                    name.state = NameState::Off(Off::NotConnected);
                }
            }
        }
    }

    /// The next name to try, if it is time for one; its state is then the new one.
    pub(super) fn next(&mut self, now: Instant) -> Option<Try> {
        let ours = self.connected?;
        let guarded = self.guarded;
        let room = self.in_flight < IN_FLIGHT;
        for name in self.topics.iter_mut().flat_map(|entry| &mut entry.names) {
            let due = match name.state {
                NameState::Off(_) => true,
                NameState::Refused { .. } => name.retry_at.is_some_and(|at| at <= now),
                NameState::Authorizing | NameState::Subscribing | NameState::Subscribed => false,
            };
            if !due {
                continue;
            }
            let off = match (&name.name, name.name.kind().needs_auth()) {
                (Subscription::Pattern(_), _) if !ours => Some(Off::NotOurs),
                (_, true) => guarded.err(),
                (_, false) => None,
            };
            if let Some(off) = off {
                self.stale |= name.state != NameState::Off(off);
                name.state = NameState::Off(off);
                name.retry_at = None;
            } else if !name.name.kind().needs_auth() {
                name.state = NameState::Subscribing;
                name.retry_at = None;
                self.stale = true;
                return Some(Try::Subscribe(name.name.clone()));
            } else if room {
                name.state = NameState::Authorizing;
                name.retry_at = None;
                self.in_flight += 1;
                self.stale = true;
                return Some(Try::Authorize(name.name.clone()));
            }
        }
        None
    }

    /// The auth endpoint has answered. A signature is handed back, to subscribe with.
    pub(super) fn authorized(
        &mut self,
        name: &Subscription,
        answer: Answer,
        at: (Instant, Timestamp),
        jitter: f64,
    ) -> Option<Signature> {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.stale = true;
        match answer {
            Ok(signature) => {
                let found = self.find_mut(name)?;
                found.state = NameState::Subscribing;
                Some(signature)
            }
            Err(denial) => {
                // The token is refused, not the name: the others need not ask.
                if denial.why == Refusal::LogIn {
                    for other in self.names_mut() {
                        let open = matches!(
                            other.state,
                            NameState::Off(Off::NotConnected) | NameState::Refused { .. }
                        );
                        if open && other.name.kind().needs_auth() {
                            other.refuse(denial.clone(), at, jitter);
                        }
                    }
                }
                self.refused(name, denial, at, jitter);
                None
            }
        }
    }

    /// The server, or the endpoint, has refused a name.
    pub(super) fn refused(
        &mut self,
        name: &Subscription,
        denial: Denial,
        at: (Instant, Timestamp),
        jitter: f64,
    ) {
        self.stale = true;
        if let Some(found) = self.find_mut(name) {
            found.refuse(denial, at, jitter);
        }
    }

    /// The server has accepted a name.
    pub(super) fn subscribed(&mut self, name: &Subscription) -> Accepted {
        let Some(entry) =
            self.topics.iter_mut().find(|entry| entry.names.iter().any(|own| own.name == *name))
        else {
            return Accepted::Unknown;
        };
        let before = entry.is_heard();
        let Some(own) = entry.names.iter_mut().find(|own| own.name == *name) else {
            return Accepted::Unknown;
        };
        if own.state == NameState::Subscribed {
            return Accepted::Unknown;
        }
        own.state = NameState::Subscribed;
        own.retry_at = None;
        self.stale = true;
        own.failures = 0;
        own.failing_since = None;
        let heard_until = entry.heard_until.take().filter(|_| !before);
        Accepted::Now(heard_until)
    }

    /// An event came on a channel; returns the subscriptions that it came by.
    pub(super) fn heard(&mut self, channel: &ChannelName, at: Timestamp) -> Vec<Subscription> {
        let mut by = Vec::new();
        for entry in &mut self.topics {
            for name in &mut entry.names {
                if name.name.covers(channel) && name.state == NameState::Subscribed {
                    // The first tells which name carries the topic.
                    self.stale |= name.events == 0;
                    name.events += 1;
                    entry.last_event_at = Some(at);
                    by.push(name.name.clone());
                }
            }
        }
        by
    }

    /// Whether an event on this channel may come on another spelling of it as well.
    pub(super) fn has_double(&self, channel: &ChannelName) -> bool {
        let spellings =
            self.topics.iter().filter(|entry| entry.topic.covers(channel)).flat_map(|entry| &entry.names);
        spellings.filter(|name| name.state == NameState::Subscribed).count() > 1
    }

    /// The names that are heard now.
    pub(super) fn heard_now(&self) -> impl Iterator<Item = &Subscription> {
        let names = self.topics.iter().flat_map(|entry| &entry.names);
        names.filter(|name| name.state == NameState::Subscribed).map(|name| &name.name)
    }

    /// An earlier client heard these names until then: their topics are to return.
    pub(super) fn resume(&mut self, names: impl Fn(&Subscription) -> bool, until: Timestamp) {
        let topics = self.topics.iter_mut().filter(|entry| entry.names.iter().any(|own| names(&own.name)));
        topics.for_each(|entry| entry.heard_until = Some(until));
    }

    /// The topic that a name or channel of the server's belongs to.
    pub(super) fn topic_of(&self, name: &Subscription) -> Option<&Topic> {
        let own = self.topics.iter().find(|entry| entry.names.iter().any(|own| own.name == *name));
        let found = own.or_else(|| match name {
            Subscription::Channel(channel) => self.topics.iter().find(|entry| entry.topic.covers(channel)),
            Subscription::Pattern(_) => None,
        });
        found.map(|entry| &entry.topic)
    }

    /// Whether no answer is awaited, and every name has had its first try.
    pub(super) fn is_settled(&self) -> bool {
        self.topics.iter().flat_map(|entry| &entry.names).all(|name| match name.state {
            NameState::Off(why) => why != Off::NotConnected,
            NameState::Authorizing | NameState::Subscribing => false,
            NameState::Subscribed | NameState::Refused { .. } => true,
        })
    }

    /// Whether every topic that was heard before the outage is heard again.
    pub(super) fn all_returned(&self) -> bool {
        self.topics.iter().all(|entry| entry.heard_until.is_none())
    }

    /// When the next name is to be tried again. A name that waits for room is tried when an answer makes some.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.connected?;
        let room = self.in_flight < IN_FLIGHT;
        let names = self.topics.iter().flat_map(|entry| &entry.names);
        names
            .filter(|name| name.state.refusal().is_some() && (room || !name.name.kind().needs_auth()))
            .filter_map(|name| name.retry_at)
            .min()
    }

    /// The snapshots of the topics that have changed since this was last asked. Counts alone are no change,
    /// but the first event of a name is: it tells which name carries the topic.
    pub(super) fn take_changed(&mut self) -> Vec<TopicFacts> {
        let mut changed = Vec::new();
        if !std::mem::take(&mut self.stale) {
            return changed;
        }
        for entry in &mut self.topics {
            let facts = entry.facts();
            let same = entry.told.as_ref().is_some_and(|told| {
                let seen = |facts: &TopicFacts| -> Vec<_> {
                    facts.names.iter().map(|name| (name.state.clone(), name.events > 0)).collect()
                };
                seen(told) == seen(&facts)
            });
            if !same {
                entry.told = Some(facts.clone());
                changed.push(facts);
            }
        }
        changed
    }

    fn names_mut(&mut self) -> impl Iterator<Item = &mut Name> {
        self.topics.iter_mut().flat_map(|entry| &mut entry.names)
    }

    fn find_mut(&mut self, name: &Subscription) -> Option<&mut Name> {
        self.names_mut().find(|own| own.name == *name)
    }
}

/// What an acceptance means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// The name is heard from now on. Where the topic was heard before, and this is its return: until when.
    Now(Option<Timestamp>),
    /// Nothing: it was heard already, or is none of ours.
    Unknown,
}

impl Entry {
    fn is_heard(&self) -> bool {
        self.names.iter().any(|name| name.state == NameState::Subscribed)
    }

    fn facts(&self) -> TopicFacts {
        let names = self.names.iter().map(|own| NameFacts {
            name: own.name.clone(),
            state: own.state.clone(),
            events: own.events,
        });
        TopicFacts {
            topic: self.topic.clone(),
            logical: self.topic.logical(),
            heard: self.is_heard(),
            names: names.collect(),
            last_event_at: self.last_event_at,
        }
    }
}

impl Name {
    fn new(name: Subscription) -> Self {
        let state = NameState::Off(Off::NotConnected);
        Self { name, state, events: 0, retry_at: None, failures: 0, failing_since: None }
    }

    fn reset(&mut self) {
        self.state = NameState::Off(Off::NotConnected);
        self.retry_at = None;
    }

    fn refuse(&mut self, denial: Denial, (now, wall): (Instant, Timestamp), jitter: f64) {
        let delay = match denial.why {
            Refusal::LogIn | Refusal::NotAllowed | Refusal::ByServer { .. } => None,
            Refusal::NoEndpoint { .. }
            | Refusal::Redirected { .. }
            | Refusal::Csrf
            | Refusal::BadAnswer { .. }
            | Refusal::OtherApp { .. } => Some(MISCONFIGURED),
            Refusal::Busy
            | Refusal::Failing { .. }
            | Refusal::TimedOut
            | Refusal::Unreachable(_)
            | Refusal::NoAck => {
                let since = *self.failing_since.get_or_insert(now);
                let outage = now.saturating_duration_since(since);
                // A question to the backend is dearer than a try of the socket: begin at a second.
                let backoff =
                    Backoff { attempt: self.failures + 1, outage, widen: denial.why == Refusal::Busy };
                self.failures = self.failures.saturating_add(1);
                Some(backoff.delay(jitter).max(denial.retry_after.unwrap_or_default()))
            }
        };
        self.retry_at = delay.map(|delay| now + delay);
        self.state =
            NameState::Refused { why: denial.why, retry_at: delay.and_then(|delay| later(wall, delay)) };
    }
}

/// The wall's time after a delay; none at the end of time.
pub(super) fn later(wall: Timestamp, delay: Duration) -> Option<Timestamp> {
    wall.checked_add(delay).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::monotonic;

    fn subscriptions(topics: &[&str], guarded: Result<(), Off>) -> Subscriptions {
        let topics: Vec<_> = topics.iter().map(|topic| Topic::parse(topic).expect(topic)).collect();
        let mut subscriptions = Subscriptions::new(&topics, &BTreeMap::new());
        subscriptions.token_changed(guarded);
        subscriptions
    }

    fn name(text: &str) -> Subscription {
        Subscription::parse(text).expect(text)
    }

    fn signature() -> Signature {
        Signature { auth: "k:s".into(), channel_data: None }
    }

    fn tries(subscriptions: &mut Subscriptions, now: Instant) -> Vec<String> {
        let next = std::iter::from_fn(|| subscriptions.next(now));
        next.map(|next| match next {
            Try::Authorize(name) => format!("authorize {name}"),
            Try::Subscribe(name) => format!("subscribe {name}"),
        })
        .collect()
    }

    fn state(subscriptions: &Subscriptions, text: &str) -> NameState {
        let own =
            subscriptions.topics.iter().flat_map(|entry| &entry.names).find(|own| own.name == name(text));
        own.expect(text).state.clone()
    }

    fn denied(subscriptions: &mut Subscriptions, text: &str, why: Refusal, now: Instant) {
        let denial = Denial { why, retry_after: Some(Duration::from_secs(7)) };
        let wall = Timestamp::UNIX_EPOCH;
        assert_eq!(subscriptions.authorized(&name(text), Err(denial), (now, wall), 1.0), None);
    }

    #[test]
    fn the_public_name_does_not_wait_for_the_private_one() {
        let (now, mut all) = (monotonic(), subscriptions(&["staff"], Ok(())));
        assert!(tries(&mut all, now).is_empty(), "nothing is tried without a connection");
        all.connected(false);
        assert_eq!(tries(&mut all, now), ["authorize private-staff", "subscribe staff"]);
        assert!(tries(&mut all, now).is_empty());
        assert!(!all.is_settled());
    }

    #[test]
    fn without_a_token_nobody_is_asked_and_the_public_names_are_heard() {
        let (now, mut all) = (monotonic(), subscriptions(&["staff", "private-admin"], Err(Off::NoToken)));
        all.connected(false);
        assert_eq!(tries(&mut all, now), ["subscribe staff"]);
        assert_eq!(state(&all, "private-admin"), NameState::Off(Off::NoToken));
        assert_eq!(all.subscribed(&name("staff")), Accepted::Now(None));
        assert!(all.is_settled());
    }

    #[test]
    fn the_endpoint_is_asked_four_questions_at_a_time() {
        let topics: Vec<_> = (0..9).map(|n| format!("private-{n}")).collect();
        let topics: Vec<_> = topics.iter().map(String::as_str).collect();
        let (now, mut all) = (monotonic(), subscriptions(&topics, Ok(())));
        all.connected(false);
        assert_eq!(tries(&mut all, now).len(), IN_FLIGHT);
        all.authorized(&name("private-0"), Ok(signature()), (now, Timestamp::UNIX_EPOCH), 0.5);
        assert_eq!(tries(&mut all, now), ["authorize private-4"]);
    }

    #[test]
    fn patterns_are_tried_on_our_relay_alone() {
        let (now, mut all) = (monotonic(), subscriptions(&["booking.*"], Ok(())));
        all.connected(false);
        assert!(tries(&mut all, now).is_empty());
        assert_eq!(state(&all, "private-booking.*"), NameState::Off(Off::NotOurs));
        all.lost(Timestamp::UNIX_EPOCH);
        all.connected(true);
        assert_eq!(tries(&mut all, now), ["authorize private-booking.*", "subscribe booking.*"]);
    }

    #[test]
    fn a_refused_token_is_not_shown_again_and_another_one_is() {
        let (now, mut all) = (monotonic(), subscriptions(&["private-a", "private-b"], Ok(())));
        all.connected(false);
        tries(&mut all, now);
        denied(&mut all, "private-a", Refusal::LogIn, now);
        denied(&mut all, "private-b", Refusal::LogIn, now);
        all.lost(Timestamp::UNIX_EPOCH);
        all.connected(false);
        assert!(tries(&mut all, now + Duration::from_secs(86_400)).is_empty());
        all.token_changed(Ok(()));
        assert_eq!(tries(&mut all, now), ["authorize private-a", "authorize private-b"]);
    }

    #[test]
    fn one_refused_token_spares_the_names_that_were_not_asked_yet() {
        let topics: Vec<_> = (0..6).map(|n| format!("private-{n}")).collect();
        let topics: Vec<_> = topics.iter().map(String::as_str).collect();
        let (now, mut all) = (monotonic(), subscriptions(&topics, Ok(())));
        all.connected(false);
        tries(&mut all, now);
        denied(&mut all, "private-0", Refusal::LogIn, now);
        assert!(tries(&mut all, now).is_empty());
        assert!(state(&all, "private-5").refusal().is_some());
    }

    #[test]
    fn every_refusal_is_tried_again_when_it_makes_sense() {
        let text = String::new;
        let minute = Some(Duration::from_secs(60));
        let soon = Some(Duration::from_secs(7));
        // What, after how long by itself, and whether on the next connection.
        let cases = [
            (Refusal::LogIn, None, false),
            (Refusal::NotAllowed, None, false),
            (Refusal::NoEndpoint { status: 404 }, minute, true),
            (Refusal::Redirected { to: text() }, minute, true),
            (Refusal::Csrf, minute, true),
            (Refusal::BadAnswer { status: 200, reason: text() }, minute, true),
            (Refusal::OtherApp { key: text() }, minute, true),
            (Refusal::Busy, soon, false),
            (Refusal::Failing { status: 503 }, soon, false),
            (Refusal::TimedOut, soon, false),
            (Refusal::Unreachable(text()), soon, false),
            (Refusal::ByServer { status: None, message: text() }, None, true),
            (Refusal::NoAck, soon, true),
        ];
        for (why, after, on_connection) in cases {
            let (now, mut all) = (monotonic(), subscriptions(&["private-a"], Ok(())));
            all.connected(false);
            tries(&mut all, now);
            denied(&mut all, "private-a", why.clone(), now);
            assert_eq!(all.deadline().map(|at| at - now), after, "{why:?}");
            let mut later = all;
            if let Some(after) = after {
                assert!(tries(&mut later, now + after / 2).is_empty(), "{why:?}");
                assert_eq!(tries(&mut later, now + after), ["authorize private-a"], "{why:?}");
                assert_eq!(later.deadline(), None, "what is being tried is due no more: {why:?}");
                denied(&mut later, "private-a", why.clone(), now);
            }
            later.lost(Timestamp::UNIX_EPOCH);
            later.connected(false);
            assert_eq!(!tries(&mut later, now).is_empty(), on_connection, "{why:?}");
            later.retry_now();
            let asked = state(&later, "private-a").is_pending() || !tries(&mut later, now).is_empty();
            assert!(asked, "by hand everything is tried: {why:?}");
        }
    }

    #[test]
    fn a_topic_that_returns_says_since_when_it_was_not_heard() {
        let (now, mut all) = (monotonic(), subscriptions(&["staff"], Err(Off::NoToken)));
        all.connected(false);
        tries(&mut all, now);
        assert_eq!(all.subscribed(&name("staff")), Accepted::Now(None));
        assert_eq!(all.subscribed(&name("staff")), Accepted::Unknown, "a second answer is none");
        let truth = Timestamp::from_second(5).expect("a time");
        all.lost(truth);
        all.lost(Timestamp::from_second(9).expect("a time"));
        assert!(!all.all_returned());
        all.connected(false);
        tries(&mut all, now);
        assert_eq!(all.subscribed(&name("staff")), Accepted::Now(Some(truth)));
        assert!(all.all_returned());
    }

    #[test]
    fn a_snapshot_is_made_for_what_changed_and_not_for_each_event() {
        let (now, mut all) = (monotonic(), subscriptions(&["staff", "admin"], Err(Off::NoToken)));
        assert_eq!(all.take_changed().len(), 2);
        all.connected(false);
        tries(&mut all, now);
        all.subscribed(&name("staff"));
        assert_eq!(all.take_changed().len(), 2);
        let staff = ChannelName::parse("staff").expect("a name");
        assert_eq!(all.heard(&staff, Timestamp::UNIX_EPOCH), [name("staff")]);
        let changed = all.take_changed();
        assert_eq!(changed.len(), 1, "the first event tells which name carries the topic");
        assert_eq!(changed[0].carrier().map(|carrier| &carrier.name), Some(&name("staff")));
        all.heard(&staff, Timestamp::UNIX_EPOCH);
        assert!(all.take_changed().is_empty());
    }

    /// One step is done: a deadline that is not ahead would have the connection do nothing for ever.
    fn rests(all: &mut Subscriptions, now: Instant) -> Vec<String> {
        let tried = tries(all, now);
        assert!(all.deadline().is_none_or(|at| at > now), "{:?} after {tried:?}", all.deadline());
        tried
    }

    #[test]
    fn what_was_tried_again_is_not_due_any_more() {
        for why in [Refusal::Busy, Refusal::Failing { status: 503 }, Refusal::TimedOut, Refusal::NoAck] {
            let (mut now, mut all) = (monotonic(), subscriptions(&["staff"], Ok(())));
            all.connected(false);
            assert_eq!(rests(&mut all, now).len(), 2);
            for own in ["staff", "private-staff"] {
                denied(&mut all, own, why.clone(), now);
                assert!(rests(&mut all, now).is_empty());
            }
            now += Duration::from_secs(7);
            assert_eq!(rests(&mut all, now), ["authorize private-staff", "subscribe staff"], "{why:?}");
            let private = name("private-staff");
            all.authorized(&private, Ok(signature()), (now, Timestamp::UNIX_EPOCH), 0.5);
            assert!(rests(&mut all, now).is_empty());
            for own in ["staff", "private-staff"] {
                all.subscribed(&name(own));
                assert!(rests(&mut all, now).is_empty());
            }
            assert_eq!(all.deadline(), None, "{why:?}");
        }
    }

    #[test]
    fn an_acceptance_that_comes_late_ends_the_wait_for_another_try() {
        let (now, mut all) = (monotonic(), subscriptions(&["staff"], Err(Off::NoToken)));
        all.connected(false);
        rests(&mut all, now);
        denied(&mut all, "staff", Refusal::NoAck, now);
        all.subscribed(&name("staff"));
        assert_eq!(all.deadline(), None);
        assert!(rests(&mut all, now + Duration::from_secs(7)).is_empty());
    }

    #[test]
    fn names_that_come_due_together_wait_for_room_and_not_for_the_clock() {
        let topics: Vec<_> = (0..6).map(|n| format!("private-{n}")).collect();
        let topics: Vec<_> = topics.iter().map(String::as_str).collect();
        let (mut now, mut all) = (monotonic(), subscriptions(&topics, Ok(())));
        all.connected(false);
        rests(&mut all, now);
        for own in &topics {
            denied(&mut all, own, Refusal::Busy, now);
            rests(&mut all, now);
        }
        now += Duration::from_secs(7);
        assert_eq!(rests(&mut all, now).len(), IN_FLIGHT);
        all.authorized(&name("private-0"), Ok(signature()), (now, Timestamp::UNIX_EPOCH), 0.5);
        assert_eq!(rests(&mut all, now), ["authorize private-4"]);
    }
}
