//! When to connect again. Pure: an end goes in, a delay comes out.
//!
//! A server that asks us back at once gets us at once, the first time; asked again and again it would be a
//! loop, so from then on the backoff applies. Only a connection that lasted makes things good again.

use std::time::{Duration, Instant};

use crate::protocol::Retry;
use crate::time::Backoff;

/// How long a connection must have lasted to count as good.
const GOOD: Duration = Duration::from_secs(10);

/// The tries since the last good connection.
#[derive(Debug, Default)]
pub(super) struct Retries {
    attempt: u32,
    outage_since: Option<Instant>,
    hurried: bool,
}

impl Retries {
    /// A connection has ended that was established at `since`.
    pub(super) fn ended(&mut self, since: Instant, now: Instant) {
        if now.saturating_duration_since(since) >= GOOD {
            *self = Self::default();
        }
    }

    /// Somebody asked for a try: the waiting starts over.
    pub(super) fn start_over(&mut self) {
        *self = Self::default();
    }

    /// How long to wait, or `None` where waiting does not help.
    pub(super) fn next(&mut self, retry: Retry, now: Instant, jitter: f64) -> Option<Duration> {
        let widen = match retry {
            Retry::Never => return None,
            Retry::AtOnce if !self.hurried => {
                self.hurried = true;
                self.outage_since.get_or_insert(now);
                return Some(Duration::ZERO);
            }
            Retry::AtOnce => false,
            Retry::WithBackoff { widen } => widen,
        };
        let outage = now.saturating_duration_since(*self.outage_since.get_or_insert(now));
        let backoff = Backoff { attempt: self.attempt, outage, widen };
        self.attempt = self.attempt.saturating_add(1);
        Some(backoff.delay(jitter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::monotonic;

    const BACKOFF: Retry = Retry::WithBackoff { widen: false };

    #[test]
    fn the_waits_grow_until_a_connection_has_lasted() {
        let (now, mut retries) = (monotonic(), Retries::default());
        let waits = [0; 5].map(|_| retries.next(BACKOFF, now, 1.0).expect("a wait").as_millis());
        assert_eq!(waits, [500, 1000, 2000, 4000, 5000]);
        retries.ended(now, now + GOOD / 2);
        assert_eq!(retries.next(BACKOFF, now, 1.0), Some(Duration::from_secs(5)));
        retries.ended(now, now + GOOD);
        assert_eq!(retries.next(BACKOFF, now, 1.0), Some(Duration::from_millis(500)));
    }

    #[test]
    fn at_once_is_at_once_only_once() {
        let (now, mut retries) = (monotonic(), Retries::default());
        assert_eq!(retries.next(Retry::AtOnce, now, 1.0), Some(Duration::ZERO));
        assert_eq!(retries.next(Retry::AtOnce, now, 1.0), Some(Duration::from_millis(500)));
        assert_eq!(retries.next(Retry::AtOnce, now, 1.0), Some(Duration::from_secs(1)));
    }

    #[test]
    fn patience_is_given_where_it_is_asked_for_and_never_is_never() {
        let (now, mut retries) = (monotonic(), Retries::default());
        assert_eq!(retries.next(Retry::WithBackoff { widen: true }, now, 1.0), Some(Duration::from_secs(1)));
        assert_eq!(retries.next(Retry::Never, now, 1.0), None);
    }
}
