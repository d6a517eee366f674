//! What a wire channel is about, whatever its prefix says about who may join it.
//!
//! `admin`, `private-admin` and `presence-admin` are one topic. Only the API document's channels are topics;
//! an event on any other channel may still be understood, it just has none.

use std::fmt;

/// Prefixes that say who may join or how it travels, never what the channel is about. Longer ones first.
const PREFIXES: [&str; 8] = [
    "private-encrypted-cache-",
    "private-encrypted-",
    "presence-cache-",
    "private-cache-",
    "presence-",
    "private-",
    "cache-",
    "",
];

/// One of the API document's channels, without its prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Places of the sessions.
    Availability,
    /// What happens to one customer's bookings; holds the customer's id.
    Booking(Box<str>),
    /// New bookings, payments to verify.
    Admin,
    /// Guests arriving and leaving.
    Staff,
}

impl Topic {
    /// The topic of a wire name, `None` outside the API document.
    pub fn of(wire: &str) -> Option<Self> {
        match logical(wire) {
            "availability" => Some(Self::Availability),
            "admin" => Some(Self::Admin),
            "staff" => Some(Self::Staff),
            other => match other.strip_prefix("booking.") {
                Some(user) if !user.is_empty() => Some(Self::Booking(user.into())),
                Some(_) | None => None,
            },
        }
    }
}

/// A wire name without its prefix.
pub fn logical(wire: &str) -> &str {
    PREFIXES.iter().find_map(|prefix| wire.strip_prefix(prefix)).unwrap_or(wire)
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Availability => f.write_str("availability"),
            Self::Booking(user) => write!(f, "booking.{user}"),
            Self::Admin => f.write_str("admin"),
            Self::Staff => f.write_str("staff"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_of_a_document_channel_is_one_topic() {
        for name in ["availability", "booking.7", "booking.a-b", "admin", "staff"] {
            for prefix in PREFIXES {
                let topic = Topic::of(&format!("{prefix}{name}")).unwrap();
                assert_eq!(topic.to_string(), name, "{prefix}");
            }
        }
    }

    #[test]
    fn other_channels_have_no_topic() {
        for name in ["", "private-", "booking", "booking.", "admins", "Admin", "private-App.Models.User.1"] {
            assert_eq!(Topic::of(name), None, "{name}");
        }
    }
}
