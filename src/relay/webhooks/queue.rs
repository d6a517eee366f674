//! What waits for one webhook: bounded, in order, taken in batches.
//!
//! Pure: what waits for fifty milliseconds, or is enough for a batch, may be taken. A queue that is full loses
//! its oldest events: when the other side is back, how things are now is worth more to it than how they were at
//! the beginning of its outage, and the last word on every channel is the one that stays.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::event::{self, Event};

/// How long an event waits for others to travel with.
const GATHER: Duration = Duration::from_millis(50);
/// The most events of one request.
pub(super) const BATCH_EVENTS: usize = 100;
/// The most bytes of one request's events, unless a single one is larger.
pub(super) const BATCH_BYTES: usize = 256 << 10;
/// The most events that wait for one webhook …
const EVENTS: usize = 10_000;
/// … and their most bytes.
const BYTES: usize = 16 << 20;

/// The queue to one webhook.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Whether it has overflowed and was not empty since.
    overflows: bool,
}

#[derive(Debug)]
struct Waiting {
    event: Event,
    /// When it must travel, in however small company.
    due: Instant,
    /// When it happened.
    at_ms: i64,
}

/// What became of an event that was put into a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pushed {
    /// How many events were lost for it.
    pub(super) lost: usize,
    /// Whether these are the first to be lost in this congestion.
    pub(super) overflows: bool,
    /// Whether whoever takes batches must look.
    pub(super) look: bool,
}

/// What there is to take.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This.
    Batch(Batch),
    /// Nothing before that moment.
    At(Instant),
    /// Nothing.
    Empty,
}

/// What travels in one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// How many events it tells.
    pub(super) events: usize,
    /// The request's body. Its time is that of the last event: by then all of it had happened.
    pub(super) body: String,
}

impl Queue {
    /// Adds an event that has just happened.
    pub(super) fn push(&mut self, event: Event, now: Instant, at_ms: i64) -> Pushed {
        let was_enough = self.is_enough();
        self.bytes += event.text.len();
        self.waiting.push_back(Waiting { event, due: now + GATHER, at_ms });
        let look = self.waiting.len() == 1 || (self.is_enough() && !was_enough);
        let mut lost = 0;
        while self.waiting.len() > EVENTS || (self.bytes > BYTES && self.waiting.len() > 1) {
            self.pop();
            lost += 1;
        }
        let overflows = lost > 0 && !self.overflows;
        self.overflows |= overflows;
        Pushed { lost, overflows, look }
    }

    /// Takes a batch if one is due; in a `hurry` whatever there is.
    pub(super) fn take(&mut self, now: Instant, hurry: bool) -> Next {
        match self.waiting.front() {
            None => return Next::Empty,
            Some(first) if first.due > now && !hurry && !self.is_enough() => return Next::At(first.due),
            Some(_) => {}
        }
        let mut events = Vec::new();
        let (mut bytes, mut at_ms) = (0, 0);
        while let Some(next) = self.waiting.front()
            && (events.is_empty()
                || (events.len() < BATCH_EVENTS && bytes + next.event.text.len() <= BATCH_BYTES))
            && let Some(next) = self.pop()
        {
            bytes += next.event.text.len();
            at_ms = next.at_ms;
            events.push(next.event);
        }
        if self.waiting.is_empty() {
            self.overflows = false;
            // What a crowd needed is given back when it has gone.
            self.waiting.shrink_to(2 * BATCH_EVENTS);
        }
        let body = event::body(at_ms, events.iter().map(|event| &*event.text));
        Next::Batch(Batch { events: events.len(), body })
    }

    fn is_enough(&self) -> bool {
        self.waiting.len() >= BATCH_EVENTS || self.bytes >= BATCH_BYTES
    }

    fn pop(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.bytes -= first.event.text.len();
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::webhooks::Kind;

    fn event(text: &str) -> Event {
        Event { kind: Kind::CacheMiss, text: text.into() }
    }

    fn batch(queue: &mut Queue, now: Instant) -> (usize, String) {
        match queue.take(now, false) {
            Next::Batch(batch) => (batch.events, batch.body),
            other @ (Next::At(_) | Next::Empty) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_comes_within_fifty_milliseconds_travels_together_in_order() {
        let (mut queue, start) = (Queue::default(), crate::time::monotonic());
        assert_eq!(queue.take(start, false), Next::Empty);
        assert!(queue.push(event("1"), start, 100).look);
        assert!(!queue.push(event("2"), start + GATHER / 2, 125).look);
        assert_eq!(queue.take(start + GATHER / 2, false), Next::At(start + GATHER));
        assert_eq!(batch(&mut queue, start + GATHER), (2, r#"{"time_ms":125,"events":[1,2]}"#.to_owned()));
        assert_eq!(queue.take(start + GATHER, false), Next::Empty);
    }

    #[test]
    fn in_a_hurry_nothing_waits() {
        let (mut queue, now) = (Queue::default(), crate::time::monotonic());
        queue.push(event("1"), now, 1);
        assert!(matches!(queue.take(now, true), Next::Batch(Batch { events: 1, .. })));
        assert_eq!(queue.take(now, true), Next::Empty);
    }

    #[test]
    fn enough_events_or_bytes_for_a_batch_wait_for_no_more() {
        let now = crate::time::monotonic();
        let large = format!("\"{}\"", "x".repeat(BATCH_BYTES / 4));
        for (text, enough, taken) in [("1", BATCH_EVENTS, BATCH_EVENTS), (large.as_str(), 4, 3)] {
            let mut queue = Queue::default();
            for n in 1..=enough {
                let pushed = queue.push(event(text), now, 0);
                assert_eq!(pushed.look, n == 1 || n == enough, "{n}");
            }
            assert_eq!(batch(&mut queue, now).0, taken);
        }
    }

    #[test]
    fn an_event_larger_than_a_batch_travels_alone() {
        let (mut queue, now) = (Queue::default(), crate::time::monotonic());
        let large = format!("\"{}\"", "x".repeat(BATCH_BYTES));
        for text in ["1", large.as_str(), "2"] {
            queue.push(event(text), now, 0);
        }
        let taken: Vec<_> = (0..3).map(|_| batch(&mut queue, now + GATHER).0).collect();
        assert_eq!(taken, [1, 1, 1]);
    }

    #[test]
    fn a_full_queue_loses_its_oldest_and_says_so_once_until_it_was_empty() {
        let large = format!("\"{}\"", "x".repeat(BYTES / 100));
        for (text, fits) in [("1", EVENTS), (large.as_str(), 99)] {
            let (mut queue, now) = (Queue::default(), crate::time::monotonic());
            for round in 0..2 {
                for _ in 0..fits {
                    assert_eq!(queue.push(event(text), now, 0).lost, 0);
                }
                let first = queue.push(event(text), now, 0);
                assert_eq!((first.lost, first.overflows), (1, true), "round {round}");
                let second = queue.push(event(text), now, 0);
                assert_eq!((second.lost, second.overflows), (1, false));
                let mut kept = 0;
                while let Next::Batch(batch) = queue.take(now, true) {
                    kept += batch.events;
                }
                assert_eq!((kept, queue.bytes), (fits, 0));
            }
        }
    }

    #[test]
    fn of_a_full_queue_the_newest_stay() {
        let (mut queue, now) = (Queue::default(), crate::time::monotonic());
        for n in 0..EVENTS + 7 {
            queue.push(event(&n.to_string()), now, 0);
        }
        let (_, body) = batch(&mut queue, now);
        assert!(body.starts_with(r#"{"time_ms":0,"events":[7,8,"#), "{body}");
    }
}
