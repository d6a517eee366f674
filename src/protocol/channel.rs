//! What may be a channel's name, and what a name says of its channel.
//!
//! A [`ChannelName`] is proof that its text is one: it is parsed at the door, once. Kinds go by prefix,
//! anchored at the start; "cache" is an attribute of any kind, not a kind.

use std::fmt;
use std::sync::Arc;

/// A name as it stands on the wire, `private-staff` for one. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

/// Who may join a channel, and what it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// Anybody with the app key.
    Public,
    /// Who brings a signature.
    Private,
    /// As private; the payloads are sealed with a key that the server never has.
    Encrypted,
    /// As private, and the members know each other.
    Presence,
    /// What the backend tells one signed-in user: `#server-to-user-{id}`.
    ServerToUser,
}

/// Text that is no channel name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChannel {
    /// No text at all.
    #[error("a channel name is empty")]
    Empty,
    /// Longer than the limit.
    #[error("a channel name has at most {limit} characters")]
    TooLong {
        /// The limit, in characters.
        limit: usize,
    },
    /// A character outside `-a-zA-Z0-9_=@,.;`.
    #[error("a channel name has letters, digits and - _ = @ , . ; only")]
    BadCharacter,
}

impl ChannelName {
    /// The default limit, in characters. Pusher's own is 164.
    pub const MAX: usize = 200;

    /// Parses a name of up to [`Self::MAX`] characters.
    pub fn parse(text: &str) -> Result<Self, BadChannel> {
        Self::parse_within(text, Self::MAX)
    }

    /// Parses a name of up to `limit` characters; a `limit` of 0 is none.
    pub fn parse_within(text: &str, limit: usize) -> Result<Self, BadChannel> {
        let name = text.strip_prefix(SERVER_TO_USER).unwrap_or(text);
        if name.is_empty() {
            return Err(BadChannel::Empty);
        }
        // User ids are the backend's, and it may use what it likes but control characters.
        let fits = if name.len() == text.len() {
            name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=@,.;".contains(&b))
        } else {
            !name.chars().any(char::is_control)
        };
        if !fits {
            return Err(BadChannel::BadCharacter);
        }
        if limit > 0 && text.chars().count() > limit {
            return Err(BadChannel::TooLong { limit });
        }
        Ok(Self(text.into()))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind that the name's prefix says.
    pub fn kind(&self) -> ChannelKind {
        ChannelKind::split(&self.0).0
    }

    /// The name as Laravel's `routes/channels.php` writes it: `staff` for `private-staff`.
    pub fn logical(&self) -> &str {
        ChannelKind::split(&self.0).1
    }

    /// Whether the channel keeps its last event for who comes later.
    pub fn is_cache(&self) -> bool {
        let rest =
            ["private-encrypted-", "private-", "presence-"].iter().find_map(|p| self.0.strip_prefix(p));
        rest.unwrap_or(&self.0).starts_with("cache-")
    }

    /// The id in `#server-to-user-{id}`.
    pub fn user(&self) -> Option<&str> {
        self.0.strip_prefix(SERVER_TO_USER)
    }
}

const SERVER_TO_USER: &str = "#server-to-user-";

impl ChannelKind {
    /// Splits a name into its kind and the rest behind the prefix.
    fn split(name: &str) -> (Self, &str) {
        let prefixes = [
            (SERVER_TO_USER, Self::ServerToUser),
            ("private-encrypted-", Self::Encrypted),
            ("private-", Self::Private),
            ("presence-", Self::Presence),
        ];
        prefixes
            .into_iter()
            .find_map(|(prefix, kind)| Some((kind, name.strip_prefix(prefix)?)))
            .unwrap_or((Self::Public, name))
    }

    /// Whether a subscription needs a signature.
    pub fn needs_auth(self) -> bool {
        match self {
            Self::Private | Self::Encrypted | Self::Presence => true,
            Self::Public | Self::ServerToUser => false,
        }
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A family of channels: `booking.*` is `booking.1`, `booking.2.paid` … One trailing `*` behind a dot.
///
/// Only our own relay knows patterns, and only a native client subscribes one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(ChannelName);

impl Pattern {
    /// Parses `prefix.*`, with a prefix of up to [`ChannelName::MAX`] characters.
    pub fn parse(text: &str) -> Result<Self, BadChannel> {
        Self::parse_within(text, ChannelName::MAX)
    }

    /// Parses `prefix.*`, with a prefix of up to `limit` characters; a `limit` of 0 is none. What the star
    /// stands for is never empty.
    pub fn parse_within(text: &str, limit: usize) -> Result<Self, BadChannel> {
        let stem =
            text.strip_suffix('*').filter(|stem| stem.ends_with('.')).ok_or(BadChannel::BadCharacter)?;
        let stem = ChannelName::parse_within(stem, limit)?;
        match stem.kind() {
            ChannelKind::Public | ChannelKind::Private => Ok(Self(stem)),
            ChannelKind::Encrypted | ChannelKind::Presence | ChannelKind::ServerToUser => {
                Err(BadChannel::BadCharacter)
            }
        }
    }

    /// Everything before the star, the dot included.
    pub fn stem(&self) -> &str {
        self.0.as_str()
    }

    /// The kind of every channel of the family.
    pub fn kind(&self) -> ChannelKind {
        self.0.kind()
    }

    /// Whether the family has this channel.
    pub fn matches(&self, channel: &ChannelName) -> bool {
        channel.as_str().strip_prefix(self.stem()).is_some_and(|rest| !rest.is_empty())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}*", self.0)
    }
}

/// What one subscribes: a channel, or (from our own relay) a family of channels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subscription {
    /// One channel.
    Channel(ChannelName),
    /// A family.
    Pattern(Pattern),
}

impl Subscription {
    /// Parses a name or a pattern of up to [`ChannelName::MAX`] characters.
    pub fn parse(text: &str) -> Result<Self, BadChannel> {
        Self::parse_within(text, ChannelName::MAX)
    }

    /// Parses a name or a pattern of up to `limit` characters, the star not counted; a `limit` of 0 is none.
    pub fn parse_within(text: &str, limit: usize) -> Result<Self, BadChannel> {
        // A user's id may end in a star, too.
        if text.ends_with('*') && !text.starts_with(SERVER_TO_USER) {
            Pattern::parse_within(text, limit).map(Self::Pattern)
        } else {
            ChannelName::parse_within(text, limit).map(Self::Channel)
        }
    }

    /// Whether who subscribes this hears that channel.
    pub fn covers(&self, channel: &ChannelName) -> bool {
        match self {
            Self::Channel(name) => name == channel,
            Self::Pattern(pattern) => pattern.matches(channel),
        }
    }

    /// The kind, which says whether a signature is needed.
    pub fn kind(&self) -> ChannelKind {
        match self {
            Self::Channel(name) => name.kind(),
            Self::Pattern(pattern) => pattern.kind(),
        }
    }
}

impl fmt::Display for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(name) => name.fmt(f),
            Self::Pattern(pattern) => pattern.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> ChannelName {
        ChannelName::parse(text).expect(text)
    }

    #[test]
    fn kinds_go_by_the_prefix_at_the_start() {
        use ChannelKind::{Encrypted, Presence, Private, Public, ServerToUser};
        let cases = [
            ("staff", Public, "staff", false),
            ("private-staff", Private, "staff", false),
            ("presence-staff", Presence, "staff", false),
            ("private-encrypted-staff", Encrypted, "staff", false),
            ("not-private-staff", Public, "not-private-staff", false),
            ("cache-staff", Public, "cache-staff", true),
            ("private-cache-staff", Private, "cache-staff", true),
            ("presence-cache-staff", Presence, "cache-staff", true),
            ("private-encrypted-cache-x", Encrypted, "cache-x", true),
            ("my-cache-x", Public, "my-cache-x", false),
            ("#server-to-user-7", ServerToUser, "7", false),
        ];
        for (text, kind, logical, cache) in cases {
            let name = name(text);
            assert_eq!((name.kind(), name.logical(), name.is_cache()), (kind, logical, cache), "{text}");
        }
    }

    #[test]
    fn every_ascii_character_is_allowed_or_refused_as_pusher_does() {
        for byte in 0..=127_u8 {
            let allowed = byte.is_ascii_alphanumeric() || b"-_=@,.;".contains(&byte);
            let text = format!("a{}b", char::from(byte));
            assert_eq!(ChannelName::parse(&text).is_ok(), allowed, "{text:?}");
        }
        for text in ["", "#", "#server-to-user-", "#other-1", "kafé", "a b"] {
            assert!(ChannelName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_limit_counts_characters() {
        assert!(ChannelName::parse(&"a".repeat(200)).is_ok());
        assert_eq!(ChannelName::parse(&"a".repeat(201)), Err(BadChannel::TooLong { limit: 200 }));
        assert!(ChannelName::parse_within(&"a".repeat(5000), 0).is_ok());
    }

    #[test]
    fn patterns_have_the_same_limit_and_the_star_does_not_count() {
        let pattern = |stem: usize| format!("{}.*", "a".repeat(stem - 1));
        for (limit, fits) in [(10, 10), (ChannelName::MAX, 200), (0, 5000)] {
            assert!(Subscription::parse_within(&pattern(fits), limit).is_ok(), "{limit}");
        }
        for (limit, long) in [(10, 11), (ChannelName::MAX, 201)] {
            let refused = Err(BadChannel::TooLong { limit });
            assert_eq!(Subscription::parse_within(&pattern(long), limit), refused);
        }
        assert_eq!(Subscription::parse(&pattern(201)), Err(BadChannel::TooLong { limit: 200 }));
    }

    #[test]
    fn the_channel_of_a_user_whose_id_ends_in_a_star_is_a_channel() {
        for text in ["#server-to-user-*", "#server-to-user-a.*"] {
            assert_eq!(Subscription::parse(text), Ok(Subscription::Channel(name(text))));
        }
    }

    #[test]
    fn a_subscription_covers_what_it_would_hear() {
        let wanted = |text: &str| Subscription::parse(text).expect(text);
        for (subscription, channel, covered) in [
            ("booking.7", "booking.7", true),
            ("booking.7", "booking.70", false),
            ("booking.7", "private-booking.7", false),
            ("booking.*", "booking.7", true),
            ("booking.*", "booking.7.paid", true),
            ("booking.*", "booking.", false),
            ("booking.*", "private-booking.7", false),
        ] {
            assert_eq!(wanted(subscription).covers(&name(channel)), covered, "{subscription} {channel}");
        }
    }

    #[test]
    fn a_pattern_is_a_stem_with_a_dot_and_one_star() {
        let pattern = Pattern::parse("private-booking.*").expect("a pattern");
        assert!(pattern.matches(&name("private-booking.7")));
        assert!(pattern.matches(&name("private-booking.7.paid")));
        for other in ["booking.7", "private-booking", "private-booking.", "private-bookings.7"] {
            assert!(!pattern.matches(&name(other)), "{other}");
        }
        for bad in [
            "*",
            "booking*",
            "booking.**",
            "*.booking",
            "boo*king.*",
            "presence-a.*",
            "private-encrypted-a.*",
        ] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(pattern.to_string(), "private-booking.*");
    }

    proptest! {
        #[test]
        fn what_parses_prints_itself_and_covers_what_it_would_hear(
            one in "(private-|presence-|#server-to-user-)?[a-c.]{0,4}[*]?", other in "(private-)?[a-c.]{0,6}", any: String,
        ) {
            for text in [&one, &other, &any] {
                if let Ok(name) = ChannelName::parse(text) {
                    prop_assert_eq!(name.as_str(), text);
                    prop_assert!(text.ends_with(name.logical()));
                    prop_assert_eq!(Subscription::parse(text), Ok(Subscription::Channel(name)));
                    prop_assert!(Pattern::parse(text).is_err(), "no name is a pattern");
                }
                if let Ok(pattern) = Pattern::parse(text) {
                    prop_assert_eq!(&pattern.to_string(), text);
                }
            }
            if let (Ok(wanted), Ok(channel)) = (Subscription::parse(&one), ChannelName::parse(&other)) {
                let hears = match one.strip_suffix('*') {
                    Some(stem) => other.len() > stem.len() && other.starts_with(stem),
                    None => one == other,
                };
                prop_assert_eq!(wanted.covers(&channel), hears);
            }
        }
    }
}
