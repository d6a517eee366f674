//! What the two sides say to each other, and its JSON text.
//!
//! Text → [`ServerOp::parse`] / [`ClientOp::parse`] → op, and back with `encode`. The double encoding of
//! `data` exists here alone: an op holds the inner text, decoded once. Both parsers are tolerant in what
//! the field is tolerant in (`data` as text or object, absent, null) and refuse the rest with a reason;
//! neither panics nor recurses on anything.

use std::borrow::Cow;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{CloseCode, Position};

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOp {
    /// Are you there?
    Ping,
    /// I am.
    Pong,
    /// Let me hear this channel (or, to our relay, this pattern).
    Subscribe {
        /// The name as it came: it is not yet proved to be one, and errors repeat it.
        channel: String,
        /// `key:signature`, where the channel needs one.
        auth: Option<String>,
        /// The member, on presence channels; exactly as signed.
        channel_data: Option<String>,
        /// Native: the last position that was heard.
        since: Option<Position>,
    },
    /// No more of this channel.
    Unsubscribe {
        /// The name as it came.
        channel: String,
    },
    /// This connection belongs to a user.
    Signin {
        /// `key:signature`.
        auth: String,
        /// The user, exactly as signed.
        user_data: String,
    },
    /// An event from client to clients: its name starts with `client-`.
    Event {
        /// The event's name.
        event: String,
        /// The name as it came.
        channel: String,
        /// The data's JSON text, as it came; `null` where there was none.
        data: String,
    },
    /// An event that the protocol doesn't know; to be ignored.
    Unknown {
        /// Its name.
        event: String,
    },
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerOp {
    /// The handshake is done.
    Established {
        /// The connection's id: two numbers with a dot between.
        socket_id: String,
        /// The silence after which the server wants a ping; `None` where it did not say.
        activity_timeout: Option<Duration>,
        /// Whether the server is a frontdesk relay: it knows positions, `since` and patterns.
        native: bool,
    },
    /// Something went wrong. Closes nothing by itself.
    Error {
        /// The protocol's code, where there is one.
        code: Option<CloseCode>,
        /// The reason, in the server's words.
        message: String,
    },
    /// Are you there?
    Ping,
    /// I am.
    Pong,
    /// The channel is joined.
    Subscribed {
        /// The channel or pattern.
        channel: String,
        /// The inner text of `data` (a presence channel's members); `{}` where there is none.
        data: String,
        /// Native: what becomes of what was missed.
        recovery: Option<Recovery>,
    },
    /// The channel is not joined.
    SubscriptionError {
        /// The channel or pattern.
        channel: String,
        /// `AuthError`, `LimitReached` …
        kind: String,
        /// The reason, in the server's words.
        error: String,
        /// An HTTP-like status.
        status: Option<u16>,
    },
    /// Native: something is missing from this channel, and will not come.
    Gap {
        /// The channel or pattern.
        channel: String,
        /// The reason, a word of the relay's.
        reason: String,
        /// The last position before the gap, if it is known.
        from: Option<Position>,
        /// The place from which everything comes again.
        head: Option<Position>,
    },
    /// A cache channel holds no event.
    CacheMiss {
        /// The channel.
        channel: String,
    },
    /// Any other event: the backend's, a client's, and the protocol's that carry data (members, signin).
    Event {
        /// The event's name.
        event: String,
        /// The channel; none on what is told to the connection.
        channel: Option<String>,
        /// The inner text of `data`: decoded once if it came as text, the JSON itself otherwise.
        data: String,
        /// Who sent it, on a presence channel's client events.
        user_id: Option<String>,
        /// Native: its place in the history.
        position: Option<Position>,
    },
}

/// What becomes of what a native subscriber missed: said in the acknowledgement, before any of it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Whether everything since `from` comes; otherwise a gap is told and nothing older than `head` comes.
    pub recovered: bool,
    /// What the subscriber asked for.
    pub from: Option<Position>,
    /// The newest position when it was asked.
    pub head: Position,
}

/// Text that is no op. The connection lives on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOp {
    /// Not JSON at all, or not an object.
    #[error("a frame is a JSON object")]
    NoObject,
    /// No event, or one that is no text.
    #[error("a frame needs an \"event\" that is text")]
    NoEvent,
    /// A field is missing, or is not what it has to be.
    #[error("{event} needs \"{field}\" to be text")]
    BadField {
        /// The op.
        event: String,
        /// The field.
        field: &'static str,
    },
    /// The data of a handshake cannot be read.
    #[error("{event} carries data that cannot be read")]
    BadData {
        /// The op.
        event: String,
    },
}

/// A frame's outer object. Every field may be anything: a wrong type is judged by who needs the field.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    channel: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    position: Option<&'a RawValue>,
    #[serde(borrow, default)]
    recovered: Option<&'a RawValue>,
    #[serde(borrow, default)]
    from: Option<&'a RawValue>,
    #[serde(borrow, default)]
    head: Option<&'a RawValue>,
}

impl<'a> Frame<'a> {
    fn parse(text: &'a str) -> Result<(Self, String), BadOp> {
        let frame: Self = object(text).ok_or(BadOp::NoObject)?;
        let event = string(frame.event).ok_or(BadOp::NoEvent)?;
        Ok((frame, event))
    }
}

fn string(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

/// A text, or a number as the text it is written in.
fn string_or_number(raw: Option<&RawValue>) -> Option<String> {
    string(raw).or_else(|| serde_json::from_str::<serde_json::Number>(raw?.get()).ok().map(|n| n.to_string()))
}

fn position(raw: Option<&RawValue>) -> Option<Position> {
    string(raw)?.parse().ok()
}

/// The inner text of `data`: a JSON string is decoded once, anything else stands as it is.
fn inner(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let text = raw?.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(text).ok().map(Cow::Owned),
        Some(b'n') => None,
        _ => Some(Cow::Borrowed(text)),
    }
}

/// Reads the inner object of `data`, whether it came as object or as text.
fn fields<T: for<'de> Deserialize<'de>>(raw: Option<&RawValue>) -> Option<T> {
    object(&inner(raw)?)
}

/// Reads a JSON object. A list of its values would do for serde.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    if text.trim_ascii_start().starts_with('{') { serde_json::from_str(text).ok() } else { None }
}

#[derive(Deserialize)]
struct SubscribeFields {
    #[serde(default)]
    channel: Option<Box<RawValue>>,
    #[serde(default)]
    auth: Option<Box<RawValue>>,
    #[serde(default)]
    channel_data: Option<Box<RawValue>>,
    #[serde(default)]
    since: Option<Box<RawValue>>,
    #[serde(default)]
    user_data: Option<Box<RawValue>>,
}

impl ClientOp {
    /// Parses a text frame from a client.
    pub fn parse(text: &str) -> Result<Self, BadOp> {
        let (frame, event) = Frame::parse(text)?;
        let bad = |field| BadOp::BadField { event: event.clone(), field };
        let data = || fields::<SubscribeFields>(frame.data).ok_or_else(|| bad("data"));
        let optional = |raw: Option<Box<RawValue>>, field| match raw.as_deref() {
            None => Ok(None),
            Some(raw) if raw.get() == "null" => Ok(None),
            Some(raw) => string(Some(raw)).map(Some).ok_or_else(|| bad(field)),
        };
        Ok(match event.as_str() {
            "pusher:ping" => Self::Ping,
            "pusher:pong" => Self::Pong,
            "pusher:subscribe" => {
                let data = data()?;
                Self::Subscribe {
                    channel: string(data.channel.as_deref()).ok_or_else(|| bad("channel"))?,
                    auth: optional(data.auth, "auth")?,
                    channel_data: optional(data.channel_data, "channel_data")?,
                    // A position of another spelling is another server's: there is nothing to catch up with.
                    since: position(data.since.as_deref()),
                }
            }
            "pusher:unsubscribe" => Self::Unsubscribe {
                channel: string(data()?.channel.as_deref()).ok_or_else(|| bad("channel"))?,
            },
            "pusher:signin" => {
                let data = data()?;
                Self::Signin {
                    // What is missing proves nothing: it is refused like what is wrong.
                    auth: optional(data.auth, "auth")?.unwrap_or_default(),
                    user_data: optional(data.user_data, "user_data")?.unwrap_or_default(),
                }
            }
            name if name.starts_with("client-") => Self::Event {
                channel: string(frame.channel).ok_or_else(|| bad("channel"))?,
                data: frame.data.map_or("null", RawValue::get).to_owned(),
                event,
            },
            _ => Self::Unknown { event },
        })
    }

    /// The text frame that says this.
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        struct Out<'a, D> {
            event: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            channel: Option<&'a str>,
            data: D,
        }
        #[derive(Default, Serialize)]
        struct Data<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            channel: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            auth: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            channel_data: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            user_data: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            since: Option<Position>,
        }
        let say = |event, data: Data<'_>| json(&Out { event, channel: None, data });
        match self {
            Self::Ping => say("pusher:ping", Data::default()),
            Self::Pong => say("pusher:pong", Data::default()),
            Self::Subscribe { channel, auth, channel_data, since } => say(
                "pusher:subscribe",
                Data {
                    channel: Some(channel),
                    auth: auth.as_deref(),
                    channel_data: channel_data.as_deref(),
                    since: *since,
                    ..Data::default()
                },
            ),
            Self::Unsubscribe { channel } => {
                say("pusher:unsubscribe", Data { channel: Some(channel), ..Data::default() })
            }
            Self::Signin { auth, user_data } => {
                say("pusher:signin", Data { auth: Some(auth), user_data: Some(user_data), ..Data::default() })
            }
            Self::Event { event, channel, data } => {
                let data = serde_json::from_str::<&RawValue>(data).unwrap_or(RawValue::NULL);
                json(&Out { event, channel: Some(channel), data })
            }
            Self::Unknown { event } => say(event, Data::default()),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct EstablishedFields {
    socket_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    activity_timeout: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frontdesk: Option<u8>,
}

#[derive(Deserialize)]
struct ErrorFields {
    #[serde(default)]
    code: Option<serde_json::Value>,
    #[serde(default)]
    message: Option<serde_json::Value>,
    #[serde(default, rename = "type")]
    kind: Option<serde_json::Value>,
    #[serde(default)]
    error: Option<serde_json::Value>,
    #[serde(default)]
    status: Option<serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct GapFields {
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<Position>,
}

/// A number from a value that may be a number or its text.
fn number(value: Option<serde_json::Value>) -> Option<u16> {
    match value? {
        serde_json::Value::Number(n) => n.as_u64().and_then(|n| n.try_into().ok()),
        serde_json::Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn words(value: Option<serde_json::Value>) -> Option<String> {
    match value? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

impl ServerOp {
    /// Parses a text frame from a server.
    pub fn parse(text: &str) -> Result<Self, BadOp> {
        let (frame, event) = Frame::parse(text)?;
        let channel = || {
            string(frame.channel).ok_or_else(|| BadOp::BadField { event: event.clone(), field: "channel" })
        };
        Ok(match event.as_str() {
            "pusher:connection_established" => {
                let told: EstablishedFields =
                    fields(frame.data).ok_or_else(|| BadOp::BadData { event: event.clone() })?;
                let seconds = told.activity_timeout.filter(|s| s.is_finite() && *s > 0.0);
                Self::Established {
                    socket_id: told.socket_id,
                    activity_timeout: seconds.map(|s| Duration::from_secs_f64(s.min(86_400.0))),
                    native: told.frontdesk.is_some(),
                }
            }
            "pusher:error" => {
                let told: Option<ErrorFields> = fields(frame.data);
                match told {
                    Some(told) => Self::Error {
                        code: number(told.code).map(CloseCode),
                        message: words(told.message).unwrap_or_default(),
                    },
                    None => Self::Error {
                        code: None,
                        message: inner(frame.data).map(Cow::into_owned).unwrap_or_default(),
                    },
                }
            }
            "pusher:ping" => Self::Ping,
            "pusher:pong" => Self::Pong,
            "pusher_internal:subscription_succeeded" => Self::Subscribed {
                channel: channel()?,
                data: inner(frame.data).map_or_else(|| "{}".to_owned(), Cow::into_owned),
                recovery: position(frame.head).map(|head| Recovery {
                    recovered: frame.recovered.is_some_and(|raw| raw.get() == "true"),
                    from: position(frame.from),
                    head,
                }),
            },
            "pusher:subscription_error" => {
                let told: Option<ErrorFields> = fields(frame.data);
                let channel = channel()?;
                match told {
                    Some(told) => Self::SubscriptionError {
                        channel,
                        kind: words(told.kind).unwrap_or_default(),
                        error: words(told.error).or_else(|| words(told.message)).unwrap_or_default(),
                        status: number(told.status).or_else(|| number(told.code)),
                    },
                    None => Self::SubscriptionError {
                        channel,
                        kind: String::new(),
                        error: inner(frame.data).map(Cow::into_owned).unwrap_or_default(),
                        status: None,
                    },
                }
            }
            "frontdesk:gap" => {
                let told: GapFields =
                    fields(frame.data).ok_or_else(|| BadOp::BadData { event: event.clone() })?;
                Self::Gap { channel: channel()?, reason: told.reason, from: told.from, head: told.head }
            }
            "pusher:cache_miss" => Self::CacheMiss { channel: channel()? },
            _ => Self::Event {
                channel: string(frame.channel),
                data: inner(frame.data).map_or_else(|| "null".to_owned(), Cow::into_owned),
                user_id: string_or_number(frame.user_id),
                position: position(frame.position),
                event,
            },
        })
    }

    /// The text frame that says this.
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        struct Out<'a, D> {
            event: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            channel: Option<&'a str>,
            data: D,
            #[serde(skip_serializing_if = "Option::is_none")]
            recovered: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            from: Option<Position>,
            #[serde(skip_serializing_if = "Option::is_none")]
            head: Option<Position>,
        }
        fn say<D: Serialize>(event: &str, channel: Option<&str>, data: D) -> String {
            json(&Out { event, channel, data, recovered: None, from: None, head: None })
        }
        #[derive(Serialize)]
        struct ErrorOut<'a> {
            code: Option<u16>,
            message: &'a str,
        }
        #[derive(Serialize)]
        struct RefusalOut<'a> {
            r#type: &'a str,
            error: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<u16>,
        }
        #[derive(Serialize)]
        struct Nothing {}
        match self {
            Self::Established { socket_id, activity_timeout, native } => {
                #[derive(Serialize)]
                struct Told<'a> {
                    socket_id: &'a str,
                    #[serde(skip_serializing_if = "Option::is_none")]
                    activity_timeout: Option<u64>,
                    #[serde(skip_serializing_if = "Option::is_none")]
                    frontdesk: Option<u8>,
                }
                let told = Told {
                    socket_id,
                    activity_timeout: activity_timeout.map(|t| t.as_secs()),
                    frontdesk: native.then_some(1),
                };
                say("pusher:connection_established", None, json(&told))
            }
            Self::Error { code, message } => {
                say("pusher:error", None, ErrorOut { code: code.map(|c| c.0), message })
            }
            Self::Ping => say("pusher:ping", None, Nothing {}),
            Self::Pong => say("pusher:pong", None, Nothing {}),
            Self::Subscribed { channel, data, recovery } => json(&Out {
                event: "pusher_internal:subscription_succeeded",
                channel: Some(channel),
                data,
                recovered: recovery.map(|r| r.recovered),
                from: recovery.and_then(|r| r.from),
                head: recovery.map(|r| r.head),
            }),
            Self::SubscriptionError { channel, kind, error, status } => say(
                "pusher:subscription_error",
                Some(channel),
                RefusalOut { r#type: kind, error, status: *status },
            ),
            Self::Gap { channel, reason, from, head } => {
                let told = GapFields { reason: reason.clone(), from: *from, head: *head };
                say("frontdesk:gap", Some(channel), json(&told))
            }
            Self::CacheMiss { channel } => {
                #[derive(Serialize)]
                struct Told<'a> {
                    event: &'a str,
                    channel: &'a str,
                }
                json(&Told { event: "pusher:cache_miss", channel })
            }
            Self::Event { event, channel, data, user_id, position } => {
                encode_event(event, channel.as_deref(), data, user_id.as_deref(), *position)
            }
        }
    }
}

/// The text frame of an event: `data` is the inner text, encoded as JSON text here, whatever it is.
pub fn encode_event(
    event: &str,
    channel: Option<&str>,
    data: &str,
    user_id: Option<&str>,
    position: Option<Position>,
) -> String {
    #[derive(Serialize)]
    struct Out<'a> {
        event: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        channel: Option<&'a str>,
        data: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<Position>,
    }
    json(&Out { event, channel, data, user_id, position })
}

/// The text frame of a client's event: `data` is JSON text, passed on as it came; without any, it is `null`.
pub fn encode_client_event(event: &str, channel: &str, data: &str, user_id: Option<&str>) -> String {
    #[derive(Serialize)]
    struct Out<'a> {
        event: &'a str,
        channel: &'a str,
        data: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<&'a str>,
    }
    let data = serde_json::from_str(data).unwrap_or(RawValue::NULL);
    json(&Out { event, channel, data, user_id })
}

/// Whether a text is one JSON value, at any depth.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| unreachable!("our own structs always have a JSON text"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        ".{0,40}"
    }

    fn place() -> impl Strategy<Value = Position> {
        (any::<u64>(), any::<u64>())
            .prop_map(|(epoch, offset)| Position { epoch: super::super::Epoch(epoch), offset })
    }

    fn client_op() -> impl Strategy<Value = ClientOp> {
        use proptest::option::of;
        prop_oneof![
            Just(ClientOp::Ping),
            Just(ClientOp::Pong),
            (text(), of(text()), of(text()), of(place())).prop_map(|(channel, auth, channel_data, since)| {
                ClientOp::Subscribe { channel, auth, channel_data, since }
            }),
            text().prop_map(|channel| ClientOp::Unsubscribe { channel }),
            (text(), text()).prop_map(|(auth, user_data)| ClientOp::Signin { auth, user_data }),
            (text(), text(), text()).prop_map(|(name, channel, data)| ClientOp::Event {
                event: format!("client-{name}"),
                channel,
                data: serde_json::to_string(&data).expect("text"),
            }),
        ]
    }

    fn server_op() -> impl Strategy<Value = ServerOp> {
        use proptest::option::of;
        let recovery = (any::<bool>(), of(place()), place()).prop_map(|(recovered, from, head)| Recovery {
            recovered,
            from,
            head,
        });
        prop_oneof![
            (text(), of(1_u64..86_400), any::<bool>()).prop_map(|(socket_id, secs, native)| {
                ServerOp::Established { socket_id, activity_timeout: secs.map(Duration::from_secs), native }
            }),
            (of(any::<u16>().prop_map(CloseCode)), text())
                .prop_map(|(code, message)| ServerOp::Error { code, message }),
            Just(ServerOp::Ping),
            Just(ServerOp::Pong),
            (text(), text(), of(recovery)).prop_map(|(channel, data, recovery)| ServerOp::Subscribed {
                channel,
                data,
                recovery
            }),
            (text(), text(), text(), of(any::<u16>())).prop_map(|(channel, kind, error, status)| {
                ServerOp::SubscriptionError { channel, kind, error, status }
            }),
            (text(), text(), of(place()), of(place()))
                .prop_map(|(channel, reason, from, head)| ServerOp::Gap { channel, reason, from, head }),
            (text(), of(text()), text(), of(text()), of(place())).prop_map(
                |(name, channel, data, user_id, position)| ServerOp::Event {
                    event: format!("App\\Events\\{name}"),
                    channel,
                    data,
                    user_id,
                    position,
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn what_a_client_says_is_what_the_server_reads(op in client_op()) {
            prop_assert_eq!(ClientOp::parse(&op.encode()), Ok(op));
        }

        #[test]
        fn what_a_server_says_is_what_the_client_reads(op in server_op()) {
            prop_assert_eq!(ServerOp::parse(&op.encode()), Ok(op));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = ClientOp::parse(&text);
            let _ = ServerOp::parse(&text);
        }

        #[test]
        fn no_cut_of_a_frame_panics(op in server_op(), cut in any::<proptest::sample::Index>()) {
            let frame = op.encode();
            let at = cut.index(frame.len());
            if frame.is_char_boundary(at) {
                prop_assert!(ServerOp::parse(&frame[..at]).is_err());
            }
        }
    }

    #[test]
    fn data_is_read_as_text_object_absent_and_null() {
        for data in [r#","data":{}"#, r#","data":"{}""#, "", r#","data":null"#, r#","data":"""#] {
            let frame = format!(r#"{{"event":"pusher:pong"{data}}}"#);
            assert_eq!(ServerOp::parse(&frame), Ok(ServerOp::Pong), "{frame}");
            assert_eq!(ClientOp::parse(&frame), Ok(ClientOp::Pong), "{frame}");
        }
        for data in [r#"{"code":4200,"message":"bye"}"#, r#""{\"code\":4200,\"message\":\"bye\"}""#] {
            let op = ServerOp::parse(&format!(r#"{{"event":"pusher:error","data":{data}}}"#));
            assert_eq!(op, Ok(ServerOp::Error { code: Some(CloseCode::RECONNECT), message: "bye".into() }));
        }
        for (data, inner) in
            [(r#""{\"a\":1}""#, r#"{"a":1}"#), (r#"{"a": 1}"#, r#"{"a": 1}"#), (r#""hi""#, "hi")]
        {
            let op = ServerOp::parse(&format!(r#"{{"event":"X","channel":"c","data":{data}}}"#));
            assert!(matches!(op, Ok(ServerOp::Event { data, .. }) if data == inner), "{data}");
        }
    }

    #[test]
    fn a_subscribe_without_usable_fields_is_refused_with_the_field() {
        let cases = [
            (r#"{"event":"pusher:subscribe"}"#, "data"),
            (r#"{"event":"pusher:subscribe","data":null}"#, "data"),
            (r#"{"event":"pusher:subscribe","data":"x"}"#, "data"),
            (r#"{"event":"pusher:subscribe","data":[]}"#, "data"),
            (r#"{"event":"pusher:subscribe","data":["a"]}"#, "data"),
            (r#"{"event":"pusher:subscribe","data":{}}"#, "channel"),
            (r#"{"event":"pusher:subscribe","data":{"channel":7}}"#, "channel"),
            (r#"{"event":"pusher:subscribe","data":{"channel":null}}"#, "channel"),
            (r#"{"event":"pusher:subscribe","data":{"channel":{}}}"#, "channel"),
            (r#"{"event":"pusher:subscribe","data":{"channel":"a","auth":7}}"#, "auth"),
            (r#"{"event":"pusher:unsubscribe"}"#, "data"),
            (r#"{"event":"pusher:signin"}"#, "data"),
            (r#"{"event":"pusher:signin","data":{"auth":7}}"#, "auth"),
            (r#"{"event":"pusher:signin","data":{"user_data":{}}}"#, "user_data"),
            (r#"{"event":"client-x","data":{}}"#, "channel"),
        ];
        for (frame, field) in cases {
            match ClientOp::parse(frame) {
                Err(BadOp::BadField { field: told, .. }) => assert_eq!(told, field, "{frame}"),
                other => panic!("{frame}: {other:?}"),
            }
        }
        for frame in ["", "x", "[]", "7", "null", "\"text\"", "{", "{}x"] {
            assert_eq!(ClientOp::parse(frame), Err(BadOp::NoObject), "{frame}");
        }
        for frame in ["{}", r#"{"event":7}"#, r#"{"event":null}"#] {
            assert_eq!(ClientOp::parse(frame), Err(BadOp::NoEvent), "{frame}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for frame in [deep.clone(), format!(r#"{{"event":"client-x","channel":"c","data":{deep}}}"#)] {
            let _ = ClientOp::parse(&frame);
            let _ = ServerOp::parse(&frame);
        }
    }
}
