//! How often something may happen: a token bucket, pure.

use std::time::{Duration, Instant};

/// So many at once, and so many a second from then on.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    per_second: f64,
    burst: f64,
    left: f64,
    at: Instant,
}

impl Rate {
    /// A full bucket. `per_second` of 0 is no limit.
    pub fn new(per_second: usize, burst: usize, now: Instant) -> Self {
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let burst = number(burst);
        Self { per_second: number(per_second), burst, left: burst, at: now }
    }

    /// Whether it may happen once more now; if so, it has.
    pub fn allows(&mut self, now: Instant) -> bool {
        if self.per_second == 0.0 {
            return true;
        }
        let passed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        self.left = (self.left + passed.as_secs_f64() * self.per_second).min(self.burst);
        // What a second holds is not lost to the rounding of its parts.
        let may = self.left > 1.0 - 1e-6;
        if may {
            self.left -= 1.0;
        }
        may
    }

    /// When it may happen again, if nothing else does meanwhile.
    pub fn again_at(&self) -> Instant {
        let missing = (1.0 - self.left).max(0.0);
        let wait = if self.per_second == 0.0 { 0.0 } else { missing / self.per_second };
        self.at + Duration::from_secs_f64(wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_is_allowed_at_once_and_then_so_many_a_second() {
        let start = crate::time::monotonic();
        let mut rate = Rate::new(10, 10, start);
        assert_eq!((0..20).filter(|_| rate.allows(start)).count(), 10);
        assert_eq!(rate.again_at(), start + Duration::from_millis(100));
        for tenth in 1..=50 {
            let now = start + Duration::from_millis(100 * tenth);
            assert!(rate.allows(now), "{tenth}");
            assert!(!rate.allows(now), "{tenth}");
        }
        let rested = start + Duration::from_secs(3600);
        assert_eq!((0..20).filter(|_| rate.allows(rested)).count(), 10, "rest is not saved up");
    }

    #[test]
    fn nothing_a_second_is_no_limit() {
        let start = crate::time::monotonic();
        let mut rate = Rate::new(0, 0, start);
        assert!((0..10_000).all(|_| rate.allows(start)));
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_time_allow(
            per_second in 1_usize..50, burst in 1_usize..50, waits in prop::collection::vec(0_u64..500, 1..200),
        ) {
            let start = crate::time::monotonic();
            let mut rate = Rate::new(per_second, burst, start);
            let (mut now, mut allowed) = (start, 0_u32);
            for wait in waits {
                now += Duration::from_millis(wait);
                allowed += u32::from(rate.allows(now));
            }
            let passed = (now - start).as_millis();
            let most = burst as u128 * 1000 + passed * per_second as u128;
            prop_assert!(u128::from(allowed) * 1000 <= most + 10, "{allowed} in {passed} ms");
        }
    }
}
