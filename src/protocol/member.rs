//! Who is behind a connection: a presence channel's member, and a user who has signed in.
//!
//! Both come as JSON text that the backend has signed (`channel_data`, `user_data`): the text is verified before
//! it is read here, and what others are told of it is passed on as it came.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ServerOp, op};

/// Characters of a user's id, at most.
pub const USER_ID: usize = 128;
/// Ids of one watchlist, at most.
pub const WATCHLIST: usize = 100;

/// A member of a presence channel. Members are compared by their id alone, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user's id. Laravel's may be a number; it is a text here and on the wire.
    pub user_id: String,
    /// What the backend tells the other members of it, as JSON text.
    pub user_info: Option<String>,
}

/// A user who has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The id, never empty.
    pub id: String,
    /// What presence channels tell of the user, as JSON text.
    pub user_info: Option<String>,
    /// Whose coming and going the user is told of.
    pub watchlist: Vec<String>,
}

/// Text that names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMember {
    /// Not a JSON object with an id.
    #[error("it is a JSON object with the user's id")]
    NoId,
    /// The id is too long.
    #[error("a user's id has 1 to {USER_ID} characters")]
    Id,
}

fn told(raw: Option<&RawValue>) -> Option<String> {
    raw.map(RawValue::get).filter(|text| *text != "null").map(str::to_owned)
}

fn id(text: String) -> Result<String, BadMember> {
    if text.is_empty() || text.chars().count() > USER_ID { Err(BadMember::Id) } else { Ok(text) }
}

impl Member {
    /// Reads a presence channel's `channel_data`: `{"user_id": …, "user_info": …}`.
    pub fn parse(channel_data: &str) -> Result<Self, BadMember> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Id {
            Text(String),
            Number(i64),
        }
        #[derive(Deserialize)]
        struct Fields<'a> {
            user_id: Id,
            #[serde(borrow, default)]
            user_info: Option<&'a RawValue>,
        }
        let fields: Fields<'_> = op::object(channel_data).ok_or(BadMember::NoId)?;
        let user_id = match fields.user_id {
            Id::Text(text) => id(text)?,
            Id::Number(number) => number.to_string(),
        };
        Ok(Self { user_id, user_info: told(fields.user_info) })
    }

    /// What the others are told when it comes.
    pub fn added(&self, channel: &str) -> ServerOp {
        #[derive(Serialize)]
        struct Told<'a> {
            user_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            user_info: Option<&'a RawValue>,
        }
        let user_info = self.user_info.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let told = Told { user_id: &self.user_id, user_info };
        internal("pusher_internal:member_added", Some(channel), &told)
    }

    /// What the others are told when a user is gone.
    pub fn removed(user_id: &str, channel: &str) -> ServerOp {
        #[derive(Serialize)]
        struct Told<'a> {
            user_id: &'a str,
        }
        internal("pusher_internal:member_removed", Some(channel), &Told { user_id })
    }
}

impl User {
    /// Reads a signin's `user_data`: `{"id": …, "user_info": …, "watchlist": […]}`.
    pub fn parse(user_data: &str) -> Result<Self, BadMember> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            id: String,
            #[serde(borrow, default)]
            user_info: Option<&'a RawValue>,
            #[serde(default)]
            watchlist: Option<Vec<serde_json::Value>>,
        }
        let fields: Fields<'_> = op::object(user_data).ok_or(BadMember::NoId)?;
        let mut watchlist: Vec<String> = Vec::new();
        for id in fields.watchlist.iter().flatten().filter_map(serde_json::Value::as_str) {
            // Named twice is meant once.
            if !watchlist.iter().any(|known| known == id) {
                watchlist.push(id.to_owned());
            }
        }
        Ok(Self { id: id(fields.id)?, user_info: told(fields.user_info), watchlist })
    }

    /// The user as a member of a presence channel.
    pub fn member(&self) -> Member {
        Member { user_id: self.id.clone(), user_info: self.user_info.clone() }
    }

    /// The answer to a signin that is as it should be.
    pub fn signed_in(user_data: &str) -> ServerOp {
        #[derive(Serialize)]
        struct Told<'a> {
            user_data: &'a str,
        }
        internal("pusher:signin_success", None, &Told { user_data })
    }

    /// What one is told of the users that one watches: who is there, and who is not.
    pub fn watched(online: &[&str], offline: &[&str]) -> ServerOp {
        #[derive(Serialize)]
        struct Seen<'a> {
            name: &'static str,
            user_ids: &'a [&'a str],
        }
        #[derive(Serialize)]
        struct Told<'a> {
            events: Vec<Seen<'a>>,
        }
        let seen = [("online", online), ("offline", offline)];
        let events = seen.into_iter().filter(|(_, user_ids)| !user_ids.is_empty());
        let events = events.map(|(name, user_ids)| Seen { name, user_ids }).collect();
        internal("pusher_internal:watchlist_events", None, &Told { events })
    }
}

/// What a channel's subscribers are told when there is another number of them.
pub fn subscription_count(channel: &str, count: usize) -> ServerOp {
    #[derive(Serialize)]
    struct Told {
        subscription_count: usize,
    }
    internal("pusher_internal:subscription_count", Some(channel), &Told { subscription_count: count })
}

/// What the protocol itself has to tell of a channel or a connection.
fn internal(event: &str, channel: Option<&str>, told: &impl Serialize) -> ServerOp {
    let data = serde_json::to_string(told)
        .unwrap_or_else(|_| unreachable!("our own structs always have a JSON text"));
    ServerOp::Event {
        event: event.to_owned(),
        channel: channel.map(str::to_owned),
        data,
        user_id: None,
        position: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(user_id: &str, user_info: Option<&str>) -> Member {
        Member { user_id: user_id.into(), user_info: user_info.map(str::to_owned) }
    }

    #[test]
    fn a_member_is_read_in_every_form_of_the_field() {
        for (text, expected) in [
            (r#"{"user_id":"7","user_info":{"name": "Ayu"}}"#, Ok(member("7", Some(r#"{"name": "Ayu"}"#)))),
            (r#"{"user_id":7}"#, Ok(member("7", None))),
            (r#"{"user_id":-7,"user_info":null,"more":1}"#, Ok(member("-7", None))),
            (r#"{"user_info":"x","user_id":"a b"}"#, Ok(member("a b", Some("\"x\"")))),
            (r#"{"user_id":""}"#, Err(BadMember::Id)),
            (r#"{"user_id":null}"#, Err(BadMember::NoId)),
            (r#"{"user_id":1.5}"#, Err(BadMember::NoId)),
            (r#"{"user_id":{}}"#, Err(BadMember::NoId)),
            (r#"{"id":"7"}"#, Err(BadMember::NoId)),
            (r#"["7"]"#, Err(BadMember::NoId)),
            ("null", Err(BadMember::NoId)),
            ("", Err(BadMember::NoId)),
            ("7", Err(BadMember::NoId)),
        ] {
            assert_eq!(Member::parse(text), expected, "{text}");
        }
        let id = |length| Member::parse(&format!(r#"{{"user_id":"{}"}}"#, "é".repeat(length)));
        assert!(id(128).is_ok());
        assert_eq!(id(129), Err(BadMember::Id));
    }

    #[test]
    fn a_user_needs_an_id_that_is_text() {
        let user = User::parse(r#"{"id":"7","user_info":{"a":1},"watchlist":["8",9,null,"10","8"]}"#);
        let expected = User {
            id: "7".into(),
            user_info: Some(r#"{"a":1}"#.into()),
            watchlist: vec!["8".into(), "10".into()],
        };
        assert_eq!(user, Ok(expected));
        for bad in [
            r#"{"id":7}"#,
            r#"{"id":""}"#,
            r#"{"user_id":"7"}"#,
            "{}",
            r#"["7"]"#,
            "null",
            "",
            r#"{"id":"7"}x"#,
        ] {
            assert!(User::parse(bad).is_err(), "{bad}");
        }
        assert!(User::parse(r#"{"id":"7","watchlist":null}"#).is_ok());
    }

    #[test]
    fn what_is_told_is_as_the_field_spells_it() {
        let ayu = Member { user_id: "7".into(), user_info: Some(r#"{"name": "Ayu"}"#.into()) };
        let cases = [
            (
                ayu.added("presence-a"),
                r#"{"event":"pusher_internal:member_added","channel":"presence-a","data":"{\"user_id\":\"7\",\"user_info\":{\"name\": \"Ayu\"}}"}"#,
            ),
            (
                Member { user_info: None, ..ayu }.added("presence-a"),
                r#"{"event":"pusher_internal:member_added","channel":"presence-a","data":"{\"user_id\":\"7\"}"}"#,
            ),
            (
                Member::removed("7", "presence-a"),
                r#"{"event":"pusher_internal:member_removed","channel":"presence-a","data":"{\"user_id\":\"7\"}"}"#,
            ),
            (
                User::signed_in(r#"{"id":"7"}"#),
                r#"{"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"7\\\"}\"}"}"#,
            ),
            (
                User::watched(&["7"], &["8", "9"]),
                r#"{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"7\"]},{\"name\":\"offline\",\"user_ids\":[\"8\",\"9\"]}]}"}"#,
            ),
            (
                User::watched(&[], &["8"]),
                r#"{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"8\"]}]}"}"#,
            ),
            (
                subscription_count("a", 3),
                r#"{"event":"pusher_internal:subscription_count","channel":"a","data":"{\"subscription_count\":3}"}"#,
            ),
        ];
        for (op, text) in cases {
            assert_eq!(op.encode(), text);
        }
    }
}
