//! Tells one webhook what waits for it: batch by batch, one at a time, in order.
//!
//! A batch that is not taken is sent again, the very same bytes, after a growing delay; those behind it wait.
//! After five minutes it is given up, and the next has its five minutes. A batch may so be told twice, if the
//! answer was lost, and never out of order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::address::Webhook;
use super::dispatch::Dispatch;
use super::post::{Failure, Post};
use super::queue::Batch;
use crate::time::{Backoff, monotonic};

/// How long a batch is tried.
const GIVE_UP: Duration = Duration::from_secs(300);

/// The one who goes to a webhook.
pub(super) struct Courier {
    /// The place of the webhook's queue.
    at: usize,
    webhook: Webhook,
    dispatch: Arc<Dispatch>,
    post: Arc<Post>,
    outage: Option<Outage>,
}

/// A time in which a webhook takes nothing.
#[derive(Clone, Copy, Debug)]
struct Outage {
    since: Instant,
    tries: u32,
}

impl Courier {
    /// The one for the webhook in that place.
    pub(super) fn new(at: usize, webhook: &Webhook, dispatch: &Arc<Dispatch>, post: &Arc<Post>) -> Self {
        Self {
            at,
            webhook: webhook.clone(),
            dispatch: Arc::clone(dispatch),
            post: Arc::clone(post),
            outage: None,
        }
    }

    /// Until its task is ended.
    pub(super) async fn run(mut self) {
        loop {
            let batch = self.dispatch.next(self.at).await;
            self.tell(&batch).await;
            self.dispatch.done(&batch);
        }
    }

    async fn tell(&mut self, batch: &Batch) {
        let signature = self.post.signature(&batch.body);
        let began = monotonic();
        loop {
            let failure = match self.post.send(&self.webhook, &batch.body, &signature).await {
                Ok(()) => return self.told(batch),
                Err(failure) => failure,
            };
            let delay = self.failed(&failure);
            if (monotonic() + delay).duration_since(began) > GIVE_UP {
                return self.give_up(batch, &failure);
            }
            self.dispatch.pause(delay).await;
        }
    }

    fn told(&mut self, batch: &Batch) {
        self.dispatch.metrics.webhook_events_sent(batch.events);
        if let Some(outage) = self.outage.take() {
            tracing::info!(
                webhook = self.webhook.place(),
                outage = ?monotonic().duration_since(outage.since),
                tries = outage.tries,
                "a webhook takes what it is told again"
            );
        }
    }

    /// How long to wait after this failure.
    fn failed(&mut self, failure: &Failure) -> Duration {
        self.dispatch.metrics.webhook_try_failed();
        let now = monotonic();
        if self.outage.is_none() {
            tracing::warn!(
                webhook = self.webhook.place(),
                %failure,
                "a webhook does not take what it is told; it is tried again, each time for five minutes"
            );
        } else {
            tracing::debug!(webhook = self.webhook.place(), %failure, "a webhook still takes nothing");
        }
        let outage = self.outage.get_or_insert(Outage { since: now, tries: 0 });
        let widen = matches!(failure, Failure::Refused { patience: true, .. });
        let backoff = Backoff { attempt: outage.tries, outage: now.duration_since(outage.since), widen };
        outage.tries = outage.tries.saturating_add(1);
        backoff.delay(rand::random())
    }

    fn give_up(&self, batch: &Batch, failure: &Failure) {
        self.dispatch.metrics.webhook_events_given_up(batch.events);
        tracing::warn!(
            webhook = self.webhook.place(),
            events = batch.events,
            %failure,
            "events for a webhook are given up after five minutes of tries"
        );
    }
}
