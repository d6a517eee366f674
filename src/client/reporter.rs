//! Tells the receiver what happened, and the facts whenever they have changed. Full = wait: nothing is lost.

use super::queue::Sender;
use super::subscriptions::Subscriptions;
use super::{Cause, Event, LinkFacts, Loss, State};
use jiff::Timestamp;

/// Nobody listens any more.
#[derive(Debug)]
pub(super) struct Gone;

/// The way out of a client.
#[derive(Debug)]
pub(super) struct Reporter {
    events: Sender,
    pub(super) facts: LinkFacts,
    stale: bool,
}

impl Reporter {
    pub(super) fn new(events: Sender, facts: LinkFacts) -> Self {
        Self { events, facts, stale: true }
    }

    /// Waits until nobody listens.
    pub(super) async fn gone(&self) {
        self.events.closed().await;
    }

    pub(super) async fn tell(&self, event: Event) -> Result<(), Gone> {
        self.events.send(event).await
    }

    /// Changes the facts; they are told at the next [`Reporter::report`].
    pub(super) fn change(&mut self, change: impl FnOnce(&mut LinkFacts)) {
        change(&mut self.facts);
        self.stale = true;
    }

    pub(super) fn enter(&mut self, state: State, at: Timestamp) {
        if self.facts.state != state {
            self.change(|facts| {
                facts.state = state;
                facts.since = at;
            });
        }
    }

    /// An established connection is lost.
    pub(super) fn lost(&mut self, at: Timestamp, cause: &Cause) {
        self.change(|facts| {
            facts.socket_id = None;
            facts.rtt = None;
            facts.activity_timeout = None;
            facts.down_since = Some(at);
            facts.loss_count += 1;
            if facts.losses.len() == LinkFacts::LOSSES {
                facts.losses.remove(0);
            }
            facts.losses.push(Loss { at, back_at: None, cause: cause.clone() });
        });
    }

    /// Tells whatever has changed.
    pub(super) async fn report(&mut self, subscriptions: &mut Subscriptions) -> Result<(), Gone> {
        for facts in subscriptions.take_changed() {
            self.tell(Event::Topic(facts)).await?;
        }
        if self.stale {
            self.stale = false;
            self.tell(Event::Link(Box::new(self.facts.clone()))).await?;
        }
        Ok(())
    }
}
