//! What the relay counts: one function a fact. Callers name what happened, never a counter.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters of one relay.
#[derive(Debug, Default)]
pub struct Metrics {
    opened: AtomicU64,
    closed: AtomicU64,
    refused_connections: AtomicU64,
    published: AtomicU64,
    passed: AtomicU64,
    refused_publications: AtomicU64,
    delivered: AtomicU64,
    fell_behind: AtomicU64,
    too_far_behind: AtomicU64,
    dropped: AtomicU64,
    gaps: AtomicU64,
    shed: AtomicU64,
    violations: AtomicU64,
    webhook_events_queued: AtomicU64,
    webhook_events_sent: AtomicU64,
    webhook_events_given_up: AtomicU64,
    webhook_events_dropped: AtomicU64,
    webhook_failed_tries: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Connections that were let in.
    pub opened: u64,
    /// Of these, those that have ended.
    pub closed: u64,
    /// Connections that were not let in.
    pub refused_connections: u64,
    /// Events that were kept and passed on, one a channel.
    pub published: u64,
    /// Client events that were passed on.
    pub passed: u64,
    /// Publications that were refused.
    pub refused_publications: u64,
    /// Events handed to sockets.
    pub delivered: u64,
    /// Subscriptions whose reader was too slow, and that were served from the history.
    pub fell_behind: u64,
    /// Of these, those that the history could not serve: closed.
    pub too_far_behind: u64,
    /// Events lost to a slow reader because no history keeps their kind.
    pub dropped: u64,
    /// Gaps that a subscriber was told of.
    pub gaps: u64,
    /// Requests refused because too many bodies were being read.
    pub shed: u64,
    /// Connections closed for breaking the WebSocket protocol.
    pub violations: u64,
    /// Events that webhooks have taken.
    pub webhook_events_sent: u64,
    /// Events that a webhook did not take in five minutes of tries.
    pub webhook_events_given_up: u64,
    /// Events lost because too many waited for a webhook.
    pub webhook_events_dropped: u64,
    /// Events that wait for a webhook, those included that are being sent.
    pub webhook_events_waiting: u64,
    /// Requests to a webhook that failed.
    pub webhook_failed_tries: u64,
}

impl Metrics {
    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let webhook_events_sent = self.webhook_events_sent.load(Relaxed);
        let webhook_events_given_up = self.webhook_events_given_up.load(Relaxed);
        let webhook_events_dropped = self.webhook_events_dropped.load(Relaxed);
        let settled = webhook_events_sent + webhook_events_given_up + webhook_events_dropped;
        Snapshot {
            opened: self.opened.load(Relaxed),
            closed: self.closed.load(Relaxed),
            refused_connections: self.refused_connections.load(Relaxed),
            published: self.published.load(Relaxed),
            passed: self.passed.load(Relaxed),
            refused_publications: self.refused_publications.load(Relaxed),
            delivered: self.delivered.load(Relaxed),
            fell_behind: self.fell_behind.load(Relaxed),
            too_far_behind: self.too_far_behind.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            gaps: self.gaps.load(Relaxed),
            shed: self.shed.load(Relaxed),
            violations: self.violations.load(Relaxed),
            webhook_events_sent,
            webhook_events_given_up,
            webhook_events_dropped,
            webhook_events_waiting: self.webhook_events_queued.load(Relaxed).saturating_sub(settled),
            webhook_failed_tries: self.webhook_failed_tries.load(Relaxed),
        }
    }

    /// A connection was let in.
    pub fn connection_opened(&self) {
        self.opened.fetch_add(1, Relaxed);
    }

    /// A connection that was let in has ended.
    pub fn connection_closed(&self) {
        self.closed.fetch_add(1, Relaxed);
    }

    /// A connection was not let in.
    pub fn connection_refused(&self) {
        self.refused_connections.fetch_add(1, Relaxed);
    }

    /// Events were kept and passed on.
    pub fn published(&self, events: usize) {
        self.published.fetch_add(events as u64, Relaxed);
    }

    /// A client event was passed on.
    pub fn passed(&self) {
        self.passed.fetch_add(1, Relaxed);
    }

    /// A publication was refused.
    pub fn publication_refused(&self) {
        self.refused_publications.fetch_add(1, Relaxed);
    }

    /// Events were handed to a socket.
    pub fn delivered(&self, events: usize) {
        self.delivered.fetch_add(events as u64, Relaxed);
    }

    /// A subscription's reader was too slow, and is served from the history from now on.
    pub fn fell_behind(&self) {
        self.fell_behind.fetch_add(1, Relaxed);
    }

    /// A reader was slower than the history is long.
    pub fn too_far_behind(&self) {
        self.too_far_behind.fetch_add(1, Relaxed);
    }

    /// A slow reader lost an event that no history keeps.
    pub fn dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    /// A subscriber was told of a gap.
    pub fn gap_told(&self) {
        self.gaps.fetch_add(1, Relaxed);
    }

    /// A request was refused because too many bodies were being read.
    pub fn shed(&self) {
        self.shed.fetch_add(1, Relaxed);
    }

    /// A connection broke the WebSocket protocol.
    pub fn violation(&self) {
        self.violations.fetch_add(1, Relaxed);
    }

    /// An event waits for a webhook.
    pub fn webhook_event_queued(&self) {
        self.webhook_events_queued.fetch_add(1, Relaxed);
    }

    /// A webhook has taken events.
    pub fn webhook_events_sent(&self, events: usize) {
        self.webhook_events_sent.fetch_add(events as u64, Relaxed);
    }

    /// A webhook did not take events in all the time that they were tried.
    pub fn webhook_events_given_up(&self, events: usize) {
        self.webhook_events_given_up.fetch_add(events as u64, Relaxed);
    }

    /// Events were lost because too many waited for a webhook.
    pub fn webhook_events_dropped(&self, events: usize) {
        self.webhook_events_dropped.fetch_add(events as u64, Relaxed);
    }

    /// A request to a webhook failed.
    pub fn webhook_try_failed(&self) {
        self.webhook_failed_tries.fetch_add(1, Relaxed);
    }
}
