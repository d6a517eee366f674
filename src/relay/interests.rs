//! What one connection hears, and from where on.
//!
//! Subscriptions may overlap: `booking.7`, `booking.*`. A channel then comes by the narrowest that covers it, its
//! *owner*, and where a history is served, the owner says from where. While a connection is served from the
//! history it stands at one place for all of its channels; what a subscription keeps here is only how it differs
//! from that place. Pure: no lock, no history, no socket.

use std::collections::HashMap;

use crate::protocol::{ChannelName, Pattern, Subscription};

/// The subscriptions of one connection.
#[derive(Clone, Debug, Default)]
pub struct Interests {
    channels: HashMap<ChannelName, Stand>,
    /// By stem, as in the hub.
    families: HashMap<String, (Pattern, Stand)>,
}

/// Where a subscription stands.
///
/// Where one covers another, the narrower has begun no later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stand {
    /// Everything after this offset was promised, and has come or will come.
    began: u64,
    /// Nothing up to this offset comes from the history.
    floor: u64,
    /// The subscription is over, and a broader one has its channels; until that has come to the same place,
    /// these stand here.
    left: bool,
}

impl Interests {
    /// Adds a subscription that asks for everything after `since`, or from the history's `head` on, to a connection
    /// that stands at `place`. Returns the offset after which its channels come from the history, if they do.
    ///
    /// What a broader subscription has promised already is not asked for again; it goes on where that one stands.
    /// A `since` from before everything that was promised lets its channels begin anew from there.
    pub fn join(&mut self, wanted: &Subscription, since: Option<u64>, place: u64, head: u64) -> Option<u64> {
        let promised = self.over(wanted).filter(|stand| since.is_none_or(|since| stand.began <= since));
        let stand = promised.unwrap_or_else(|| {
            let after = since.unwrap_or(head);
            Stand { began: after, floor: after, left: false }
        });
        let asked = since.filter(|_| promised.is_none());
        if let Some(after) = asked {
            for (within, stand) in self.stands(wanted) {
                if within && stand.began > after {
                    (stand.began, stand.floor) = (after, after);
                } else if after < place {
                    stand.floor = stand.floor.max(place);
                }
            }
        }
        self.set(wanted, Stand { left: false, ..stand });
        asked
    }

    /// Ends a subscription; `behind` says whether the connection is being served from the history.
    pub fn leave(&mut self, left: &Subscription, behind: bool) {
        let stand = match left {
            Subscription::Channel(name) => self.channels.remove(name),
            Subscription::Pattern(pattern) => self.families.remove(pattern.stem()).map(|(_, stand)| stand),
        };
        if let Some(stand) = stand
            && behind
        {
            self.set(left, Stand { left: true, ..stand });
            self.drop_uncovered();
        }
    }

    /// The connection is served from the history no more: all of it stands at the same place.
    pub fn caught_up(&mut self) {
        self.channels.retain(|_, stand| !stand.left);
        self.families.retain(|_, (_, stand)| !stand.left);
    }

    /// How many are over, and stand here still.
    pub fn lingering(&self) -> usize {
        let families = self.families.values().map(|(_, stand)| stand);
        self.channels.values().chain(families).filter(|stand| stand.left).count()
    }

    /// Whether [`Self::caught_up`] would change anything.
    pub fn has_left(&self) -> bool {
        let families = self.families.values().map(|(_, stand)| stand);
        self.channels.values().chain(families).any(|stand| stand.left)
    }

    /// Whether the channel is subscribed, by its name or by a pattern.
    pub fn covers(&self, channel: &ChannelName) -> bool {
        self.channels.get(channel).is_some_and(|stand| !stand.left) || self.is_in_a_family(channel.as_str())
    }

    /// The offset after which events of this channel come from the history; none if it is not subscribed.
    pub fn floor(&self, channel: &ChannelName) -> Option<u64> {
        Some(self.owner(channel)?.floor)
    }

    /// The channels that are subscribed by their own name.
    pub fn channels(&self) -> impl Iterator<Item = (&ChannelName, u64)> {
        self.channels.iter().map(|(name, stand)| (name, stand.floor))
    }

    /// The patterns. Of their channels, those with narrower subscriptions have another [`Self::floor`].
    pub fn patterns(&self) -> impl Iterator<Item = (&Pattern, u64)> {
        self.families.values().map(|(pattern, stand)| (pattern, stand.floor))
    }

    fn owner(&self, channel: &ChannelName) -> Option<&Stand> {
        self.channels.get(channel).or_else(|| self.patterns_of(channel.as_str()).next())
    }

    /// The patterns with a name or a longer stem in their family, the narrowest first.
    fn patterns_of<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Stand> {
        let dots = if self.families.is_empty() { "" } else { name };
        let stems = dots.rmatch_indices('.').map(|(dot, _)| &name[..=dot]);
        stems.filter(move |stem| stem.len() < name.len()).filter_map(|stem| Some(&self.families.get(stem)?.1))
    }

    /// The narrowest that covers all of these channels.
    fn over(&self, wanted: &Subscription) -> Option<Stand> {
        match wanted {
            Subscription::Channel(name) => self.owner(name).copied(),
            Subscription::Pattern(pattern) => {
                let own = self.families.get(pattern.stem()).map(|(_, stand)| stand);
                own.or_else(|| self.patterns_of(pattern.stem()).next()).copied()
            }
        }
    }

    /// All, each with whether `wanted` covers it.
    fn stands(&mut self, wanted: &Subscription) -> impl Iterator<Item = (bool, &mut Stand)> {
        let channels = self.channels.iter_mut().map(move |(name, stand)| (wanted.covers(name), stand));
        let families = self.families.values_mut().map(move |(pattern, stand)| {
            let within = match wanted {
                Subscription::Channel(_) => false,
                Subscription::Pattern(wanted) => pattern.stem().starts_with(wanted.stem()),
            };
            (within, stand)
        });
        channels.chain(families)
    }

    fn set(&mut self, wanted: &Subscription, stand: Stand) {
        match wanted {
            Subscription::Channel(name) => {
                self.channels.insert(name.clone(), stand);
            }
            Subscription::Pattern(pattern) => {
                self.families.insert(pattern.stem().to_owned(), (pattern.clone(), stand));
            }
        }
    }

    /// Of what is over, only the channels count that are still covered.
    fn drop_uncovered(&mut self) {
        let mut channels = std::mem::take(&mut self.channels);
        channels.retain(|name, stand| !stand.left || self.is_in_a_family(name.as_str()));
        self.channels = channels;
        let uncovered =
            |(stem, (_, stand)): &(&String, &(Pattern, Stand))| stand.left && !self.is_in_a_family(stem);
        let stems: Vec<_> = self.families.iter().filter(uncovered).map(|(stem, _)| stem.clone()).collect();
        for stem in stems {
            self.families.remove(&stem);
        }
    }

    fn is_in_a_family(&self, name: &str) -> bool {
        self.patterns_of(name).any(|stand| !stand.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ChannelName {
        ChannelName::parse(text).expect(text)
    }

    fn wanted(text: &str) -> Subscription {
        Subscription::parse(text).expect(text)
    }

    /// The floors of `a.1`, `a.b.1` and `a.b.2`.
    fn floors(interests: &Interests) -> [Option<u64>; 3] {
        ["a.1", "a.b.1", "a.b.2"].map(|channel| interests.floor(&name(channel)))
    }

    #[test]
    fn a_channel_comes_by_the_narrowest_that_covers_it() {
        let mut interests = Interests::default();
        // All behind, at a place before everything.
        for (text, since) in [("a.b.1", 30), ("a.b.*", 20), ("a.*", 10)] {
            assert_eq!(interests.join(&wanted(text), Some(since), 0, 90), Some(since));
        }
        assert_eq!(floors(&interests), [Some(10); 3], "what begins earlier takes the narrower along");
        let mut interests = Interests::default();
        for (text, since) in [("a.*", 10), ("a.b.*", 20), ("a.b.1", 30)] {
            assert_eq!(interests.join(&wanted(text), Some(since), 0, 90), (text == "a.*").then_some(10));
        }
        assert_eq!(floors(&interests), [Some(10); 3], "what was promised already is not asked for again");
        for other in ["a", "a.", "b.1", "xa.1"] {
            assert_eq!(
                (interests.floor(&name(other)), interests.covers(&name(other))),
                (None, false),
                "{other}"
            );
        }
    }

    #[test]
    fn who_goes_back_hears_only_what_it_asked_for() {
        let mut interests = Interests::default();
        interests.join(&wanted("a.1"), None, 50, 50);
        interests.join(&wanted("a.b.*"), None, 60, 60);
        assert_eq!(interests.join(&wanted("a.b.1"), Some(20), 70, 70), Some(20));
        assert_eq!(floors(&interests), [Some(70), Some(20), Some(70)]);
        assert_eq!(interests.join(&wanted("a.b.2"), Some(65), 20, 80), None, "it has come since 60");
        assert_eq!(floors(&interests), [Some(70), Some(20), Some(70)]);
    }

    #[test]
    fn what_is_left_keeps_its_place_as_long_as_a_broader_one_is_behind_it() {
        let mut interests = Interests::default();
        interests.join(&wanted("a.b.1"), None, 50, 50);
        interests.join(&wanted("a.b.*"), Some(20), 50, 50);
        interests.join(&wanted("a.*"), Some(30), 20, 50);
        assert_eq!(floors(&interests), [Some(30), Some(20), Some(20)]);
        interests.leave(&wanted("a.b.*"), true);
        assert_eq!(floors(&interests), [Some(30), Some(20), Some(20)]);
        assert!(interests.has_left());
        interests.caught_up();
        assert_eq!(floors(&interests), [Some(30), Some(20), Some(30)]);
        interests.leave(&wanted("a.b.1"), true);
        interests.leave(&wanted("a.*"), true);
        assert_eq!(floors(&interests), [None; 3], "nothing is kept that nobody hears");
        assert!(!interests.has_left());
    }
}
