//! When to draw: at once after a rest, never more often than thirty times a second. A value, it never sleeps.

use std::time::{Duration, Instant};

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// Remembers the last frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    drawn_at: Option<Instant>,
}

impl Pace {
    /// The earliest moment for the next frame, for something that changed at `now`.
    pub(super) fn due(self, now: Instant) -> Instant {
        self.drawn_at.map_or(now, |drawn_at| now.max(drawn_at + FRAME))
    }

    /// A frame was drawn.
    pub(super) fn drawn(&mut self, at: Instant) {
        self.drawn_at = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn after_a_rest_a_change_shows_at_once() {
        let now = crate::time::monotonic();
        let mut pace = Pace::default();
        assert_eq!(pace.due(now), now);
        pace.drawn(now);
        let later = now + Duration::from_secs(1);
        assert_eq!(pace.due(later), later);
    }

    proptest! {
        #[test]
        fn however_things_change_there_are_at_most_thirty_one_frames_in_a_second(
            changes in prop::collection::vec(0_u64..50, 1..500)
        ) {
            let start = crate::time::monotonic();
            let (mut pace, mut now, mut frames) = (Pace::default(), start, Vec::new());
            for wait in changes {
                now = pace.due(now + Duration::from_millis(wait));
                pace.drawn(now);
                frames.push(now);
            }
            for (at, first) in frames.iter().enumerate() {
                let within = frames[at..].iter().filter(|frame| **frame < *first + Duration::from_secs(1)).count();
                prop_assert!(within <= 31, "{within} frames");
            }
        }
    }
}
