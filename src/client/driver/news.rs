//! What came, on its way to the receiver: events, gaps, and the end of an outage.

use std::time::Duration;

use jiff::Timestamp;

use super::Driver;
use crate::client::authorizer::Denial;
use crate::client::catchup::{Place, Verdict};
use crate::client::reporter::Gone;
use crate::client::subscriptions::Accepted;
use crate::client::{Event, Gap, GapReason, Heard, Odd, Refusal, State};
use crate::protocol::link::{NotSubscribed, Output};
use crate::protocol::{ChannelName, Position, Subscription, op};
use crate::time::monotonic;

impl Driver {
    /// Notes what the link has to tell, and tells what is news.
    pub(super) async fn note(&mut self, output: Output) -> Result<(), Gone> {
        match output {
            Output::Established { socket_id, activity_timeout, native } => {
                self.established(socket_id, activity_timeout, native);
            }
            Output::RoundTrip(rtt) => self.reporter.change(|facts| facts.rtt = Some(rtt)),
            Output::Suspect => self.enter(State::Suspect),
            Output::Relieved => self.enter(if self.synced { State::Live } else { State::Syncing }),
            Output::Subscribed { name, recovery, .. } => self.subscribed(&name, recovery).await?,
            Output::NotSubscribed { name, why } => {
                let why = match why {
                    NotSubscribed::Refused { status, message } => Refusal::ByServer { status, message },
                    NotSubscribed::NoAnswer => Refusal::NoAck,
                };
                let at = (monotonic(), self.clock.now());
                self.subscriptions.refused(&name, Denial::from(why), at, rand::random());
            }
            Output::Event { event, channel, data, user_id, position } => {
                self.hear(event, channel, data, user_id, position).await?;
            }
            Output::Gap { channel, reason, head } => self.lost_history(&channel, reason, head).await?,
            Output::Error { code, message } => {
                let reason = match code {
                    Some(code) => format!("the server reports an error: {code}"),
                    None => "the server reports an error".to_owned(),
                };
                self.reporter.tell(Event::Odd(Odd::new(self.clock.now(), message, reason))).await?;
            }
            // The connection's own affairs.
            Output::Send(_) | Output::End(_) => {}
        }
        Ok(())
    }

    fn established(&mut self, socket_id: String, activity_timeout: Duration, ours: bool) {
        let at = self.clock.now();
        self.established_at = Some(monotonic());
        self.synced = false;
        self.subscriptions.connected(ours);
        self.reporter.change(|facts| {
            facts.socket_id = Some(socket_id);
            facts.activity_timeout = Some(activity_timeout);
            facts.server.ours = ours;
            facts.connections += 1;
            facts.down_since = None;
            if let Some(loss) = facts.losses.last_mut() {
                loss.back_at.get_or_insert(at);
            }
        });
        self.enter(State::Syncing);
    }

    /// A name is heard from now on. What of it was missed meanwhile comes, or is a gap.
    async fn subscribed(&mut self, name: &Subscription, recovery: Option<op::Recovery>) -> Result<(), Gone> {
        let Accepted::Now(returned) = self.subscriptions.subscribed(name) else { return Ok(()) };
        let now = monotonic();
        match (self.catchup.accepted(name, recovery, now), returned) {
            (Verdict::Comes, _) | (Verdict::NothingAsked, None) => Ok(()),
            (Verdict::NothingAsked, Some(from)) => {
                let reason = if self.catchup.skips() {
                    GapReason::Lost("a message in it is too long to be taken".into())
                } else {
                    GapReason::NoHistory
                };
                match self.gap(name, from, reason) {
                    Some(gap) => self.tell_gap(gap).await,
                    None => Ok(()),
                }
            }
            (Verdict::Lost, returned) => {
                let ours = self.reporter.facts.server.ours;
                let why = "its history does not reach back to where we were";
                let reason = if ours { GapReason::Lost(why.into()) } else { GapReason::NoHistory };
                let from = returned.unwrap_or_else(|| self.last_truth());
                // Our relay tells its own reason in its next words.
                if let Some(gap) = self.gap(name, from, reason) {
                    self.outage.owe(name.clone(), gap, now);
                }
                Ok(())
            }
        }
    }

    /// Our relay says that a history is lost.
    async fn lost_history(&mut self, text: &str, reason: String, head: Option<Position>) -> Result<(), Gone> {
        let Ok(name) = Subscription::parse(text) else { return Ok(()) };
        self.catchup.gap(&name, head);
        let gap = match self.outage.take_owed(&name) {
            Some(gap) => Some(gap),
            None => self.gap(&name, self.last_truth(), GapReason::NoHistory),
        };
        match gap {
            Some(gap) => self.tell_gap(Gap { reason: GapReason::Lost(reason), ..gap }).await,
            None => Ok(()),
        }
    }

    /// An event came.
    async fn hear(
        &mut self,
        event: String,
        channel: Option<String>,
        data: String,
        user_id: Option<String>,
        position: Option<Position>,
    ) -> Result<(), Gone> {
        let (now, at) = (monotonic(), self.clock.now());
        let channel = match channel.as_deref().map(|text| ChannelName::parse_within(text, 0)).transpose() {
            Ok(channel) => channel,
            Err(bad) => {
                let raw = op::encode_event(&event, channel.as_deref(), &data, user_id.as_deref(), position);
                return self.reporter.tell(Event::Odd(Odd::new(at, raw, bad.to_string()))).await;
            }
        };
        if let Some(channel) = &channel {
            let by = self.subscriptions.heard(channel, at);
            let place = position.map(|position| self.catchup.heard(channel, position, &by, now));
            if place == Some(Place::Known) {
                return Ok(());
            }
            if self.subscriptions.has_double(channel) && self.doubles.is_double(channel, &event, &data, now) {
                return Ok(());
            }
        }
        let connection = self.reporter.facts.connections;
        self.reporter.tell(Event::Heard(Heard { at, channel, event, data, position, connection })).await
    }

    /// Tells what can be told once all has come that will.
    pub(super) async fn settle(&mut self) -> Result<(), Gone> {
        let now = monotonic();
        while let Some(gap) = self.outage.take_due(now) {
            self.tell_gap(gap).await?;
        }
        // A gap comes before what says that it is behind us.
        if self.outage.is_told()
            && let Some(cursors) = self.catchup.take_cursors(self.subscriptions.heard_now())
        {
            self.reporter.tell(Event::Cursors(cursors)).await?;
        }
        // Asked first and always: what is over has no deadline any more, whoever else is still waited for.
        let caught_up = self.catchup.is_complete(now);
        let complete = caught_up && self.subscriptions.is_settled() && self.outage.is_told();
        if self.reporter.facts.state != State::Syncing || !complete {
            return Ok(());
        }
        let recovered = self.catchup.take_recovered();
        if let Some(back) = self.outage.end(self.clock.now(), recovered, self.subscriptions.all_returned()) {
            self.reporter.tell(Event::Back(back)).await?;
        }
        self.synced = true;
        self.reporter.change(|facts| {
            facts.attempt = 0;
            facts.cause = None;
        });
        self.enter(State::Live);
        Ok(())
    }

    async fn tell_gap(&mut self, gap: Gap) -> Result<(), Gone> {
        if self.outage.note(&gap) { self.reporter.tell(Event::Gap(gap)).await } else { Ok(()) }
    }

    fn gap(&self, name: &Subscription, from: Timestamp, reason: GapReason) -> Option<Gap> {
        let topic = self.subscriptions.topic_of(name)?.clone();
        let channel = match name {
            Subscription::Channel(channel) => Some(channel.clone()),
            Subscription::Pattern(_) => None,
        };
        Some(Gap { topic, channel, from, to: self.clock.now(), reason })
    }

    /// The last moment up to which everything was heard.
    fn last_truth(&self) -> Timestamp {
        self.outage.away_from().or(self.reporter.facts.heard_at).unwrap_or_else(|| self.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::sync::watch;
    use url::Url;

    use super::*;
    use crate::client::{Options, Topic, Wishes};
    use crate::protocol::Epoch;
    use crate::protocol::link::Link;
    use crate::time::Clock;

    fn options(topics: &[&str]) -> Options {
        Options {
            url: Url::parse("ws://localhost:6001").expect("a URL"),
            key: "app-key".into(),
            topics: topics.iter().map(|topic| Topic::parse(topic).expect(topic)).collect(),
            auth_endpoint: None,
            token: None,
            native: true,
            insecure_auth: false,
            ca_file: None,
            names: BTreeMap::new(),
            resume: None,
        }
    }

    #[tokio::test]
    async fn the_end_of_a_catch_up_does_not_wait_for_another_name() {
        let (events, _receiver) = crate::client::queue::queue();
        let (_wisher, wishes) = watch::channel(Wishes::default());
        let mut driver = Driver::new(options(&["staff", "admin"]), Clock::system(), events, wishes);
        driver.subscriptions.connected(true);
        while driver.subscriptions.next(monotonic()).is_some() {}
        let staff = Subscription::parse("staff").expect("a name");
        let at = |offset| Position { epoch: Epoch(7), offset };
        let long_ago = monotonic().checked_sub(Duration::from_secs(60)).expect("a time");
        for (recovered, head) in [(false, at(4)), (true, at(8))] {
            let recovery = op::Recovery { recovered, from: Some(at(4)), head };
            driver.catchup.accepted(&staff, Some(recovery), long_ago);
        }
        assert!(!driver.subscriptions.is_settled(), "the other topic is still awaited");
        let Ok(()) = driver.settle().await else { panic!("somebody listens") };
        let now = monotonic();
        assert!(driver.deadline(&Link::new(now)) > now);
    }
}
