//! From a fact to the queues of whom it concerns, in one step under one lock.
//!
//! Facts come from many threads, already in order for each channel; what is told must keep that order in every
//! queue. So attendance and queues share a lock, which is never held across an await. The tasks of this module
//! take from it: [`Dispatch::keep_time`] lets goings out that have waited long enough, couriers take batches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::address::Webhook;
use super::attendance::Attendance;
use super::event::Event;
use super::queue::{Batch, Next, Queue};
use super::{Fact, Kind};
use crate::relay::metrics::Metrics;
use crate::time::{Clock, monotonic};

/// What waits to be told in one app.
pub(super) struct Dispatch {
    pub(super) metrics: Arc<Metrics>,
    clock: Clock,
    webhooks: Vec<Webhook>,
    state: Mutex<State>,
    /// For each webhook: there is something to take.
    filled: Vec<Notify>,
    /// Somebody has left.
    left: Notify,
    /// Events that are neither told nor lost.
    open: watch::Sender<usize>,
    draining: watch::Sender<bool>,
}

struct State {
    attendance: Attendance,
    /// One for each webhook, in their order.
    queues: Vec<Queue>,
}

impl Dispatch {
    pub(super) fn new(webhooks: &[Webhook], metrics: &Arc<Metrics>, clock: Clock) -> Self {
        Self {
            metrics: Arc::clone(metrics),
            clock,
            webhooks: webhooks.to_vec(),
            state: Mutex::new(State {
                attendance: Attendance::default(),
                queues: webhooks.iter().map(|_| Queue::default()).collect(),
            }),
            filled: webhooks.iter().map(|_| Notify::new()).collect(),
            left: Notify::new(),
            open: watch::Sender::new(0),
            draining: watch::Sender::new(false),
        }
    }

    /// Takes a fact in.
    pub(super) fn hear(&self, fact: Fact) {
        if !self.concerns(fact.kind()) {
            return;
        }
        let now = monotonic();
        let mut state = self.state();
        let told = state.attendance.hear(fact, now);
        let someone_leaves = state.attendance.deadline().is_some();
        self.sort(&mut state, &told, now);
        drop(state);
        if someone_leaves {
            self.left.notify_one();
        }
    }

    /// Lets goings out when they have waited long enough, until its task is ended.
    pub(super) async fn keep_time(&self) {
        loop {
            let deadline = {
                let now = monotonic();
                let mut state = self.state();
                let told = state.attendance.due(now);
                self.sort(&mut state, &told, now);
                state.attendance.deadline()
            };
            match deadline {
                // A later going has a later deadline: nothing can come before this one.
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => self.left.notified().await,
            }
        }
    }

    /// Waits for the next batch of a webhook.
    pub(super) async fn next(&self, at: usize) -> Batch {
        loop {
            let next = {
                let hurry = *self.draining.borrow();
                self.state().queues[at].take(monotonic(), hurry)
            };
            match next {
                Next::Batch(batch) => return batch,
                Next::Empty => self.filled[at].notified().await,
                Next::At(due) => {
                    tokio::select! {
                        () = self.filled[at].notified() => {}
                        () = tokio::time::sleep_until(due.into()) => {}
                    }
                }
            }
        }
    }

    /// A batch has been told or given up.
    pub(super) fn done(&self, batch: &Batch) {
        self.open.send_modify(|open| *open -= batch.events);
    }

    /// Waits before another try; a drain that begins ends the wait.
    pub(super) async fn pause(&self, delay: Duration) {
        let mut draining = self.draining.subscribe();
        tokio::select! {
            // An error cannot be: the sender is ours.
            _ = draining.changed() => {}
            () = tokio::time::sleep(delay) => {}
        }
    }

    /// From now on nobody leaves, and nothing waits for company.
    pub(super) fn drain(&self) {
        if self.draining.send_replace(true) {
            return;
        }
        let mut state = self.state();
        let told = state.attendance.drain();
        self.sort(&mut state, &told, monotonic());
        drop(state);
        self.filled.iter().for_each(Notify::notify_one);
    }

    /// Waits until everything is told, for as long at most; gives how much is not.
    pub(super) async fn emptied(&self, within: Duration) -> usize {
        let mut open = self.open.subscribe();
        let emptied = tokio::time::timeout(within, open.wait_for(|open| *open == 0)).await.is_ok();
        if emptied { 0 } else { *self.open.borrow() }
    }

    /// Whether such a fact changes what anybody is told. Who is told of comings alone must not be told twice,
    /// so goings count, too.
    fn concerns(&self, kind: Kind) -> bool {
        let kinds: &[Kind] = match kind {
            Kind::ChannelOccupied | Kind::ChannelVacated => &[Kind::ChannelOccupied, Kind::ChannelVacated],
            Kind::MemberAdded | Kind::MemberRemoved => &[Kind::MemberAdded, Kind::MemberRemoved],
            Kind::ClientEvent => &[Kind::ClientEvent],
            Kind::CacheMiss => &[Kind::CacheMiss],
            Kind::SubscriptionCount => &[Kind::SubscriptionCount],
        };
        kinds.iter().any(|kind| self.webhooks.iter().any(|webhook| webhook.wants(*kind)))
    }

    /// Puts what is told into the queue of everybody who wants it.
    fn sort(&self, state: &mut State, told: &[Fact], now: Instant) {
        let at_ms = self.clock.now().as_millisecond();
        for event in told.iter().map(Event::of) {
            for (at, webhook) in self.webhooks.iter().enumerate().filter(|(_, w)| w.wants(event.kind)) {
                let pushed = state.queues[at].push(event.clone(), now, at_ms);
                self.metrics.webhook_event_queued();
                self.metrics.webhook_events_dropped(pushed.lost);
                self.open.send_modify(|open| *open = *open + 1 - pushed.lost);
                if pushed.overflows {
                    tracing::warn!(
                        webhook = webhook.place(),
                        "too much waits for a webhook: the oldest events are dropped"
                    );
                }
                if pushed.look {
                    self.filled[at].notify_one();
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
