//! Drops the second of one event that came on two spellings of one channel.
//!
//! A backend that publishes to `private-staff` and to `staff` means one event. Heard on both within two
//! seconds it is told once. A repeat on one and the same wire channel is news and always passes: each event
//! can be the double of one other, and of one from another spelling only.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::protocol::ChannelName;

/// How far apart the two may come.
const WINDOW: Duration = Duration::from_secs(2);
/// How many events wait for their double. More than that within the window, and the oldest pass as two.
const LIMIT: usize = 4096;

/// What was heard within the window and has had no double yet.
#[derive(Debug, Default)]
pub(super) struct Doubles {
    recent: VecDeque<Recent>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Recent {
    at: Instant,
    channel: ChannelName,
    print: u64,
}

impl Doubles {
    /// Whether this event was told already, under the channel's other name.
    pub(super) fn is_double(&mut self, channel: &ChannelName, event: &str, data: &str, now: Instant) -> bool {
        while self.recent.pop_front_if(|old| now.saturating_duration_since(old.at) > WINDOW).is_some() {}
        let print = self.hasher.hash_one((channel.logical(), event, data));
        let first = self.recent.iter().position(|old| old.print == print && old.channel != *channel);
        if let Some(first) = first {
            self.recent.remove(first);
            return true;
        }
        if self.recent.len() == LIMIT {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent { at: now, channel: channel.clone(), print });
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::monotonic;

    fn channel(text: &str) -> ChannelName {
        ChannelName::parse(text).expect(text)
    }

    #[test]
    fn the_double_of_the_other_spelling_is_dropped_once() {
        let (now, mut doubles) = (monotonic(), Doubles::default());
        let (private, public) = (channel("private-staff"), channel("staff"));
        assert!(!doubles.is_double(&private, "E", "{}", now));
        assert!(doubles.is_double(&public, "E", "{}", now + WINDOW));
        assert!(!doubles.is_double(&public, "E", "{}", now + WINDOW), "the third is an event of its own");
    }

    #[test]
    fn a_repeat_on_one_wire_channel_is_news() {
        let (now, mut doubles) = (monotonic(), Doubles::default());
        let (private, public) = (channel("private-staff"), channel("staff"));
        assert!(!doubles.is_double(&private, "E", "{}", now));
        assert!(!doubles.is_double(&private, "E", "{}", now));
        assert!(doubles.is_double(&public, "E", "{}", now));
        assert!(doubles.is_double(&public, "E", "{}", now));
    }

    #[test]
    fn only_the_same_event_within_the_window_is_a_double() {
        let now = monotonic();
        let (private, public) = (channel("private-staff"), channel("staff"));
        let cases = [
            (channel("private-admin"), "E", "{}", Duration::ZERO),
            (public.clone(), "F", "{}", Duration::ZERO),
            (public.clone(), "E", "[]", Duration::ZERO),
            (public, "E", "{}", WINDOW + Duration::from_millis(1)),
        ];
        for (channel, event, data, later) in cases {
            let mut doubles = Doubles::default();
            assert!(!doubles.is_double(&private, "E", "{}", now));
            assert!(
                !doubles.is_double(&channel, event, data, now + later),
                "{channel} {event} {data} {later:?}"
            );
        }
    }

    #[test]
    fn a_flood_is_bounded() {
        let (now, mut doubles) = (monotonic(), Doubles::default());
        let private = channel("private-staff");
        for n in 0..LIMIT * 2 {
            assert!(!doubles.is_double(&private, "E", &n.to_string(), now));
        }
        assert_eq!(doubles.recent.len(), LIMIT);
    }
}
