//! What the settings ask to hear, and the wire names that stand for it.
//!
//! A backend's `staff` may be `staff`, `private-staff` or `presence-staff` on the wire. In mode `auto` the
//! private and the public name are both tried; `presence-` is joined only where the settings say so, since
//! joining makes us a member that others see. A name with its prefix is taken as it is.

use std::collections::BTreeMap;
use std::fmt;

use crate::protocol::{BadChannel, ChannelKind, ChannelName, Subscription};

/// Something to hear: `staff`, `booking.7`, `booking.*`, or a wire name, `private-staff`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic(Subscription);

/// Which wire names stand for a logical name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NameMode {
    /// The private and the public one, whichever can be had.
    #[default]
    Auto,
    /// The public name alone.
    Public,
    /// The private name alone.
    Private,
    /// The presence name alone: we become a visible member.
    Presence,
}

impl Topic {
    /// Parses a name, with or without a prefix, or a pattern.
    pub fn parse(text: &str) -> Result<Self, BadChannel> {
        Subscription::parse(text).map(Self)
    }

    /// The name without its prefix, as `routes/channels.php` has it.
    pub fn logical(&self) -> String {
        match &self.0 {
            Subscription::Channel(name) => name.logical().to_owned(),
            Subscription::Pattern(pattern) => {
                let text = pattern.to_string();
                text.strip_prefix("private-").unwrap_or(&text).to_owned()
            }
        }
    }

    /// Whether this is a family of channels, which our own relay alone knows.
    pub fn is_pattern(&self) -> bool {
        match &self.0 {
            Subscription::Channel(_) => false,
            Subscription::Pattern(_) => true,
        }
    }

    /// Whether an event on `channel` belongs to this topic, whatever the prefix.
    pub fn covers(&self, channel: &ChannelName) -> bool {
        match &self.0 {
            Subscription::Channel(name) => name.logical() == channel.logical(),
            Subscription::Pattern(pattern) => {
                let stem = pattern.stem();
                let stem = stem.strip_prefix("private-").unwrap_or(stem);
                channel.logical().strip_prefix(stem).is_some_and(|rest| !rest.is_empty())
            }
        }
    }

    /// The wire names to try, the one with a signature first.
    pub(crate) fn names(&self, modes: &BTreeMap<String, NameMode>) -> Vec<Subscription> {
        if self.0.kind() != ChannelKind::Public {
            return vec![self.0.clone()];
        }
        let text = self.0.to_string();
        let prefixes: &[&str] = match modes.get(&text).copied().unwrap_or_default() {
            NameMode::Auto => &["private-", ""],
            NameMode::Public => &[""],
            NameMode::Private => &["private-"],
            NameMode::Presence => &["presence-"],
        };
        // What a prefix makes too long, or a family that cannot be joined, is no name to try.
        prefixes.iter().filter_map(|prefix| Subscription::parse(&format!("{prefix}{text}")).ok()).collect()
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(topic: &str, mode: Option<NameMode>) -> Vec<String> {
        let modes = mode.map(|mode| (topic.to_owned(), mode)).into_iter().collect();
        Topic::parse(topic).expect(topic).names(&modes).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_logical_name_stands_for_its_private_and_its_public_one() {
        assert_eq!(names("staff", None), ["private-staff", "staff"]);
        assert_eq!(names("booking.*", None), ["private-booking.*", "booking.*"]);
    }

    #[test]
    fn a_name_with_its_prefix_is_taken_as_it_is() {
        for name in [
            "private-staff",
            "presence-staff",
            "private-encrypted-x",
            "#server-to-user-7",
            "private-booking.*",
        ] {
            assert_eq!(names(name, Some(NameMode::Public)), [name]);
        }
    }

    #[test]
    fn the_settings_can_say_which_name_it_is() {
        assert_eq!(names("staff", Some(NameMode::Public)), ["staff"]);
        assert_eq!(names("staff", Some(NameMode::Private)), ["private-staff"]);
        assert_eq!(names("staff", Some(NameMode::Presence)), ["presence-staff"]);
        assert!(names("booking.*", Some(NameMode::Presence)).is_empty(), "a family has no members");
    }

    #[test]
    fn a_topic_covers_every_spelling_of_its_name() {
        let covers = |topic: &str, channel: &str| {
            Topic::parse(topic).expect(topic).covers(&ChannelName::parse(channel).expect(channel))
        };
        for channel in ["staff", "private-staff", "presence-staff"] {
            assert!(covers("staff", channel) && covers("private-staff", channel), "{channel}");
        }
        assert!(covers("booking.*", "private-booking.7"));
        assert!(!covers("booking.*", "booking."));
        assert!(!covers("staff", "staff2"));
    }
}
