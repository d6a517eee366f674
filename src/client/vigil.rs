//! Notices that the machine slept: the wall's clock ran on, and the one that deadlines are counted by did
//! not. A connection rarely survives that, and nothing else tells until a ping goes unanswered.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// How often to look.
const LOOK: Duration = Duration::from_secs(5);
/// How far the clocks may drift apart between two looks, or be set, without meaning anything.
const DRIFT: Duration = Duration::from_secs(3);

/// The two clocks at the last look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vigil {
    wall: Timestamp,
    steady: Instant,
}

impl Vigil {
    pub(super) fn new(wall: Timestamp, steady: Instant) -> Self {
        Self { wall, steady }
    }

    /// When to look again.
    pub(super) fn next_look(&self) -> Instant {
        self.steady + LOOK
    }

    /// Looks: whether the machine slept since the last time.
    pub(super) fn slept(&mut self, wall: Timestamp, steady: Instant) -> bool {
        let passed = Duration::try_from(wall.duration_since(self.wall)).unwrap_or_default();
        let counted = steady.saturating_duration_since(self.steady);
        *self = Self { wall, steady };
        passed > counted + DRIFT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::monotonic;

    #[test]
    fn only_a_wall_clock_that_ran_ahead_means_sleep() {
        let (wall, steady) = (Timestamp::UNIX_EPOCH, monotonic());
        let slept = |wall_secs: i64, steady_secs: u64| {
            let wall_then = Timestamp::from_second(wall_secs).expect("a time");
            Vigil::new(wall, steady).slept(wall_then, steady + Duration::from_secs(steady_secs))
        };
        assert!(slept(3600, 5));
        assert!(!slept(5, 5));
        assert!(!slept(6, 5), "clocks drift");
        assert!(!slept(-3600, 5), "a clock that is set back is no sleep");
        assert!(!slept(0, 5), "nor is one that stands still");
    }
}
