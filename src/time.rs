//! The only place that asks what time it is, and the policy of waiting.
//!
//! [`Clock`] tells the wall's time and is handed to whoever needs it; [`monotonic`] is for deadlines and
//! follows tokio's test clock. [`Backoff`] is a value: it computes delays and never sleeps.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Tells the wall's time. Tests own theirs with [`Clock::manual`].
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Mutex<Timestamp>>>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`Clock::set`] moves it; clones move with it.
    pub fn manual(now: Timestamp) -> Self {
        Self(Some(Arc::new(Mutex::new(now))))
    }

    /// The present moment.
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            None => Timestamp::now(),
            Some(held) => *held.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a manual clock; the machine's clock is not ours to move, and stays.
    pub fn set(&self, now: Timestamp) {
        if let Some(held) = &self.0 {
            *held.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
    }
}

/// The moment that deadlines are counted from. Stands still with tokio's paused clock.
pub fn monotonic() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// How long to wait before the next try of something that failed.
///
/// The first try comes within half a second; then full jitter over 1, 2, 4, 5, 5 … seconds while the outage
/// is younger than two minutes, and up to 30 seconds later. `widen` doubles the window: a server that asked
/// for patience (`Retry-After`, close code 4100) gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Tries since the last success.
    pub attempt: u32,
    /// How long the outage has lasted.
    pub outage: Duration,
    /// Whether the other side asked for patience.
    pub widen: bool,
}

impl Backoff {
    /// The window from which the delay is drawn.
    pub fn window(self) -> Duration {
        const YOUNG: Duration = Duration::from_secs(120);
        let ceiling = if self.outage < YOUNG { 5 } else { 30 };
        let window = match self.attempt {
            0 => Duration::from_millis(500),
            n => Duration::from_secs(1_u64.checked_shl(n - 1).unwrap_or(ceiling).clamp(1, ceiling)),
        };
        if self.widen { window * 2 } else { window }
    }

    /// The delay for a `jitter` between 0 and 1, which the caller draws.
    pub fn delay(self, jitter: f64) -> Duration {
        self.window().mul_f64(jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_windows_are_those_of_the_protocol() {
        let young = |attempt| Backoff { attempt, outage: Duration::from_secs(10), widen: false }.window();
        assert_eq!(young(0), Duration::from_millis(500));
        assert_eq!([1, 2, 3, 4, 5, 60].map(|n| young(n).as_secs()), [1, 2, 4, 5, 5, 5]);
        let old = |attempt| Backoff { attempt, outage: Duration::from_secs(120), widen: false }.window();
        assert_eq!([3, 4, 5, 6, 400].map(|n| old(n).as_secs()), [4, 8, 16, 30, 30]);
    }

    proptest! {
        #[test]
        fn a_delay_never_leaves_its_window(attempt: u32, secs in 0_u64..1_000_000, widen: bool, jitter: f64) {
            let backoff = Backoff { attempt, outage: Duration::from_secs(secs), widen };
            let ceiling = Duration::from_secs(if widen { 60 } else { 30 });
            prop_assert!(backoff.window() <= ceiling);
            if !jitter.is_nan() {
                prop_assert!(backoff.delay(jitter) <= backoff.window());
            }
        }
    }
}
