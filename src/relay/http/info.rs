//! `info`: what a backend wants to know of a channel besides, and the answer to it.
//!
//! Attributes are asked for by name, separated by commas. One that is not known, or that this channel cannot
//! have, is refused by name: whoever misspells it would read the missing answer as nobody there.

use std::time::Duration;

use serde::Serialize;

use crate::protocol::{ChannelKind, ChannelName};
use crate::relay::tenant::Tenant;

/// The attributes that are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// How many users are in it, each counted once; of presence channels.
    pub user_count: bool,
    /// How many connections are subscribed to it.
    pub subscription_count: bool,
    /// Its last event, of cache channels.
    pub cache: bool,
}

/// The attributes of one channel, as they travel.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<Last>,
}

/// What a cache channel keeps.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Last {
    data: String,
    /// Seconds until it is forgotten.
    ttl: u64,
}

/// An attribute that there is not, or not here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInfo {
    /// Misspelt, or another product's.
    #[error("info has no attribute \"{0}\"; there are user_count, subscription_count and cache")]
    Unknown(String),
    /// A channel that is not a presence channel has connections, and no users.
    #[error("user_count may only be requested for presence channels")]
    NoUsers,
    /// The same of several channels, of which some may not be presence channels.
    #[error(
        "user_count may only be requested for presence channels: filter_by_prefix must begin with presence-"
    )]
    NotAllPresence,
    /// A channel that keeps nothing.
    #[error("cache may only be requested for cache channels")]
    NoCache,
    /// Of many channels it would be any amount of data.
    #[error("cache may only be requested for one channel, with GET /apps/[app_id]/channels/[channel_name]")]
    OfOne,
}

impl Info {
    /// Reads `user_count,subscription_count`.
    pub fn parse(text: &str) -> Result<Self, BadInfo> {
        let mut info = Self::default();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "user_count" => info.user_count = true,
                "subscription_count" => info.subscription_count = true,
                "cache" => info.cache = true,
                other => return Err(BadInfo::Unknown(other.chars().take(64).collect())),
            }
        }
        Ok(info)
    }

    /// Whether nothing is asked for.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Reads what is asked of the channels of a publication: users are counted where there are some.
    pub fn parse_of_many(text: &str) -> Result<Self, BadInfo> {
        let info = Self::parse(text)?;
        if info.cache { Err(BadInfo::OfOne) } else { Ok(info) }
    }

    /// Reads what is asked of all channels with a prefix.
    pub fn parse_of_prefix(text: &str, prefix: &str) -> Result<Self, BadInfo> {
        let info = Self::parse_of_many(text)?;
        if info.user_count && !prefix.starts_with("presence-") {
            return Err(BadInfo::NotAllPresence);
        }
        Ok(info)
    }

    /// Reads what is asked of one channel, which must have all of it.
    pub fn parse_of_one(text: &str, channel: &ChannelName) -> Result<Self, BadInfo> {
        let info = Self::parse(text)?;
        if info.user_count && channel.kind() != ChannelKind::Presence {
            return Err(BadInfo::NoUsers);
        }
        if info.cache && !channel.is_cache() {
            return Err(BadInfo::NoCache);
        }
        Ok(info)
    }

    /// What is asked for, as it is now.
    pub fn of(self, tenant: &Tenant, channel: &ChannelName) -> Attributes {
        let presence = channel.kind() == ChannelKind::Presence;
        let last = if self.cache { tenant.cached(channel) } else { None };
        Attributes {
            user_count: (self.user_count && presence).then(|| tenant.user_count(channel)),
            subscription_count: self.subscription_count.then(|| tenant.subscription_count(channel)),
            cache: last.map(|last| Last { data: last.data, ttl: seconds(last.ttl) }),
        }
    }
}

/// Rounded up: what is still there has not come to its end.
fn seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ChannelName {
        ChannelName::parse(text).expect(text)
    }

    #[test]
    fn attributes_are_read_in_any_order_with_spaces_and_twice() {
        let all = Info { user_count: true, subscription_count: true, cache: true };
        assert_eq!(Info::parse("cache, user_count ,subscription_count,,cache"), Ok(all));
        for none in ["", ",", " , "] {
            assert_eq!(Info::parse(none), Ok(Info::default()));
        }
    }

    #[test]
    fn what_there_is_not_is_refused_by_its_name() {
        for text in ["users", "user_count,users", "USER_COUNT", "user_count subscription_count", "é"] {
            assert!(matches!(Info::parse(text), Err(BadInfo::Unknown(_))), "{text}");
        }
        assert!(Info::parse("user_cuont").is_err_and(|bad| bad.to_string().contains("\"user_cuont\"")));
    }

    #[test]
    fn each_kind_of_channel_has_its_attributes() {
        let counts = |channel: &str| Info::parse_of_one("user_count", &name(channel)).is_ok();
        let keeps = |channel: &str| Info::parse_of_one("cache", &name(channel)).is_ok();
        for (channel, users, last) in [
            ("a", false, false),
            ("cache-a", false, true),
            ("private-a", false, false),
            ("private-cache-a", false, true),
            ("private-encrypted-a", false, false),
            ("private-encrypted-cache-a", false, true),
            ("presence-a", true, false),
            ("presence-cache-a", true, true),
            ("#server-to-user-a", false, false),
        ] {
            assert_eq!((counts(channel), keeps(channel)), (users, last), "{channel}");
            assert!(Info::parse_of_one("subscription_count", &name(channel)).is_ok(), "{channel}");
        }
    }

    #[test]
    fn users_are_counted_in_a_list_of_presence_channels_alone() {
        for (prefix, fine) in
            [("", false), ("presence", false), ("private-", false), ("presence-", true), ("presence-a", true)]
        {
            assert_eq!(Info::parse_of_prefix("user_count", prefix).is_ok(), fine, "{prefix:?}");
            assert!(Info::parse_of_prefix("subscription_count", prefix).is_ok());
            assert_eq!(Info::parse_of_prefix("cache", prefix), Err(BadInfo::OfOne));
        }
        assert!(Info::parse_of_many("user_count,subscription_count").is_ok());
        assert_eq!(Info::parse_of_many("cache"), Err(BadInfo::OfOne));
    }

    #[test]
    fn a_time_to_live_is_rounded_up() {
        for (millis, expected) in [(0, 0), (1, 1), (1000, 1), (1001, 2)] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected);
        }
    }
}
