//! How the backend names its things: a number of any size, or a text such as a UUID.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

/// The backend's own name for a booking, a payment or a session.
///
/// `1` and `"1"` are the same id. Kept as text, because whole numbers on the wire may pass what a float or a
/// machine word holds, and because some backends use UUIDs. Shorter ids sort first, so numbers sort as numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(Box<str>);

impl Id {
    /// An id of this text, without the space around it; `None` if nothing is left.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number where it is one that every reader of JSON takes exactly, a string otherwise.
impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<u64>() {
            Ok(number) if number.to_string() == *self.0 => serializer.serialize_u64(number),
            Ok(_) | Err(_) => serializer.serialize_str(&self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_numbers_and_serialise_as_numbers() {
        let id = |text| Id::parse(text).unwrap();
        assert!(id("9") < id("10"));
        assert_eq!(serde_json::to_string(&id("9007199254740993")).unwrap(), "9007199254740993");
        assert_eq!(serde_json::to_string(&id("007")).unwrap(), "\"007\"");
        assert_eq!(serde_json::to_string(&id("99999999999999999999")).unwrap(), "\"99999999999999999999\"");
    }

    #[test]
    fn blank_is_no_id() {
        assert_eq!(Id::parse(" \t"), None);
        assert_eq!(Id::parse(" 7 ").unwrap().as_str(), "7");
    }
}
