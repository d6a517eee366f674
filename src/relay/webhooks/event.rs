//! What travels: one event's JSON, made once for all webhooks, and the body of a request.
//!
//! Names and their order are those of Pusher's documentation. The payload of a client's event is a string, as
//! hosted Pusher sends it and its libraries read it: the text that the client sent, or the JSON text of what was
//! no text.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use super::{Fact, Kind};

/// One event, ready to travel. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// What it is of.
    pub(super) kind: Kind,
    /// Its JSON.
    pub(super) text: Arc<str>,
}

/// Every event of Pusher's is some of these, in this order.
#[derive(Serialize)]
struct Wire<'a> {
    name: &'static str,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_count: Option<usize>,
}

impl Event {
    /// Makes its JSON.
    pub(super) fn of(fact: &Fact) -> Self {
        let kind = fact.kind();
        let wire = Wire {
            name: kind.name(),
            channel: fact.channel().as_str(),
            event: None,
            data: None,
            socket_id: None,
            user_id: None,
            subscription_count: None,
        };
        let wire = match fact {
            Fact::ChannelOccupied { .. } | Fact::ChannelVacated { .. } | Fact::CacheMiss { .. } => wire,
            Fact::MemberAdded { user_id, .. } | Fact::MemberRemoved { user_id, .. } => {
                Wire { user_id: Some(user_id), ..wire }
            }
            Fact::ClientEvent { event, data, socket_id, user_id, .. } => Wire {
                event: Some(event),
                data: Some(payload(data)),
                socket_id: Some(socket_id.to_string()),
                user_id: user_id.as_deref(),
                ..wire
            },
            Fact::SubscriptionCount { count, .. } => Wire { subscription_count: Some(*count), ..wire },
        };
        // Strings and a number always are JSON.
        let text = serde_json::to_string(&wire).unwrap_or_default();
        Self { kind, text: text.into() }
    }
}

/// The payload as a string; a string that nobody can read (half a surrogate pair) stays the JSON it was.
fn payload(raw: &str) -> Cow<'_, str> {
    match serde_json::from_str::<String>(raw) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(raw),
    }
}

/// The body of a request that tells these events, at that time in milliseconds since 1970.
pub(super) fn body<'a>(at_ms: i64, events: impl Iterator<Item = &'a str>) -> String {
    let mut body = format!("{{\"time_ms\":{at_ms},\"events\":[");
    for (n, event) in events.enumerate() {
        if n > 0 {
            body.push(',');
        }
        body.push_str(event);
    }
    body.push_str("]}");
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ChannelName;
    use crate::protocol::peer::SocketId;

    fn text(fact: &Fact) -> String {
        Event::of(fact).text.to_string()
    }

    fn client_event(data: &str, user_id: Option<&str>) -> Fact {
        Fact::ClientEvent {
            channel: ChannelName::parse("private-channel").expect("a name"),
            event: "client-yolo".into(),
            data: data.into(),
            socket_id: SocketId(44_610, 7_511_910),
            user_id: user_id.map(str::to_owned),
        }
    }

    #[test]
    fn a_body_is_byte_for_byte_what_hosted_pusher_sends() {
        let event = Event::of(&client_event(r#"{"yolo":"woot"}"#, None));
        assert_eq!(
            body(1_427_233_518_933, [&*event.text].into_iter()),
            r#"{"time_ms":1427233518933,"events":[{"name":"client_event","channel":"private-channel","event":"client-yolo","data":"{\"yolo\":\"woot\"}","socket_id":"44610.7511910"}]}"#
        );
    }

    #[test]
    fn every_kind_has_the_fields_of_pushers_documentation_in_its_order() {
        let channel = ChannelName::parse("presence-x").expect("a name");
        let user_id = "7\"\\".to_owned();
        let cases = [
            (
                Fact::ChannelOccupied { channel: channel.clone() },
                r#"{"name":"channel_occupied","channel":"presence-x"}"#,
            ),
            (
                Fact::ChannelVacated { channel: channel.clone() },
                r#"{"name":"channel_vacated","channel":"presence-x"}"#,
            ),
            (
                Fact::MemberAdded { channel: channel.clone(), user_id: user_id.clone() },
                r#"{"name":"member_added","channel":"presence-x","user_id":"7\"\\"}"#,
            ),
            (
                Fact::MemberRemoved { channel: channel.clone(), user_id },
                r#"{"name":"member_removed","channel":"presence-x","user_id":"7\"\\"}"#,
            ),
            (Fact::CacheMiss { channel: channel.clone() }, r#"{"name":"cache_miss","channel":"presence-x"}"#),
            (
                Fact::SubscriptionCount { channel, count: 2 },
                r#"{"name":"subscription_count","channel":"presence-x","subscription_count":2}"#,
            ),
            (
                client_event("{}", Some("7")),
                r#"{"name":"client_event","channel":"private-channel","event":"client-yolo","data":"{}","socket_id":"44610.7511910","user_id":"7"}"#,
            ),
        ];
        assert_eq!(cases.each_ref().map(|(fact, _)| fact.kind()).len(), Kind::ALL.len());
        for (fact, expected) in cases {
            assert_eq!(text(&fact), expected);
        }
    }

    #[test]
    fn a_clients_payload_is_its_text_or_the_json_text_of_what_was_no_text() {
        let cases = [
            (r#""plain \"text\"""#, r#"plain "text""#),
            (r#"{"a" : [1, 2.0e3]}"#, r#"{"a" : [1, 2.0e3]}"#),
            ("[]", "[]"),
            ("5", "5"),
            ("null", "null"),
            ("", ""),
            (r#""\ud800""#, r#""\ud800""#),
        ];
        for (raw, expected) in cases {
            let event: serde_json::Value =
                serde_json::from_str(&text(&client_event(raw, None))).expect("JSON");
            assert_eq!(event["data"], expected, "{raw}");
        }
    }

    #[test]
    fn the_body_of_several_is_their_list() {
        assert_eq!(body(1, ["{}", "[]"].into_iter()), r#"{"time_ms":1,"events":[{},[]]}"#);
    }
}
