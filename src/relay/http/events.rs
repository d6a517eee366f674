//! `POST …/events`: the backend publishes one event, to one channel or to several.
//!
//! The body becomes a publication and the one door judges it. `data` is text, and goes through byte for byte; of
//! what isn't text the JSON is taken for the text, as it came. Parameters may stand in the query too.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::api::Refusal;
use super::info::{Attributes, Info};
use super::query::{Query, Twice};
use super::{Answer, json};
use crate::relay::Relay;
use crate::relay::publish::{self, Publication, Refused};
use crate::relay::tenant::{Limits, Tenant};

/// Publishes one event.
pub async fn publish(relay: &Relay, tenant: &Tenant, query: &Query, body: &[u8]) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Done {
        #[serde(skip_serializing_if = "Option::is_none")]
        channels: Option<BTreeMap<String, Attributes>>,
    }
    let told = Told::from_body(body).map_err(Refusal::bad)?.or(Told::from_query(query)?);
    let info = Info::parse_of_many(told.info.as_deref().unwrap_or_default())?;
    let publication = told.into_publication().map_err(Refusal::bad)?;
    let went = publish::publish(tenant, publication, &relay.metrics).await?;
    let about = || went.iter().map(|channel| (channel.to_string(), info.of(tenant, channel))).collect();
    Ok(json(StatusCode::OK, &Done { channels: (!info.is_empty()).then(about) }))
}

/// The bytes of a body that brings so many events; 0 events are as many as one likes.
pub fn body_bytes(limits: &Limits, events: usize) -> usize {
    /// What is read where the settings have no limit.
    const UNLIMITED: usize = 32 << 20;
    if limits.event_kb == 0 || events == 0 {
        return UNLIMITED;
    }
    // A character is at most six bytes of JSON; names and the rest need some room, too.
    let one = limits.event_kb.saturating_mul(6 << 10).saturating_add(64 << 10);
    one.saturating_mul(events).max(1 << 20)
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::new(status(&refused), refused.to_string())
    }
}

/// The status that tells why an event was refused.
pub fn status(refused: &Refused) -> StatusCode {
    match refused {
        Refused::TooBig { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refused::NotKept(_) => StatusCode::SERVICE_UNAVAILABLE,
        Refused::NoChannel
        | Refused::TooManyChannels { .. }
        | Refused::Channel { .. }
        | Refused::EventName { .. }
        | Refused::ProtocolEvent
        | Refused::SocketId => StatusCode::BAD_REQUEST,
    }
}

/// What a backend told of one event. Nothing is judged yet but its form.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    name: Option<String>,
    data: Option<String>,
    channels: Vec<String>,
    socket_id: Option<String>,
    /// What it wants to know of the channels besides.
    pub info: Option<String>,
}

impl Told {
    /// Reads a body; an empty one tells nothing.
    fn from_body(body: &[u8]) -> Result<Self, String> {
        let text = text(body)?;
        if text.trim_ascii().is_empty() { Ok(Self::default()) } else { Self::from_json("the body", text) }
    }

    /// Reads a JSON object; `what` names it in an error.
    pub fn from_json(what: &str, json: &str) -> Result<Self, String> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Fields<'a> {
            #[serde(borrow)]
            name: Option<&'a RawValue>,
            #[serde(borrow)]
            data: Option<&'a RawValue>,
            #[serde(borrow)]
            channel: Option<&'a RawValue>,
            #[serde(borrow)]
            channels: Option<&'a RawValue>,
            #[serde(borrow)]
            socket_id: Option<&'a RawValue>,
            #[serde(borrow)]
            info: Option<&'a RawValue>,
        }
        // A list of fields would do for serde.
        if !json.trim_ascii_start().starts_with('{') {
            return Err(format!("{what} is not a JSON object"));
        }
        let fields: Fields<'_> = serde_json::from_str(json).map_err(|error| format!("{what}: {error}"))?;
        let mut channels: Vec<String> = match fields.channels {
            Some(list) => serde_json::from_str(list.get()).map_err(|error| format!("channels: {error}"))?,
            None => Vec::new(),
        };
        channels.extend(string("channel", fields.channel)?);
        Ok(Self {
            name: string("name", fields.name)?,
            data: fields.data.map(data).transpose()?,
            channels,
            socket_id: string("socket_id", fields.socket_id)?,
            info: string("info", fields.info)?,
        })
    }

    /// Reads what stands in the query.
    fn from_query(query: &Query) -> Result<Self, Twice> {
        let value = |name| Ok(query.value(name)?.map(str::to_owned));
        let channels = query.values("channels[]").chain(query.values("channel"));
        Ok(Self {
            name: value("name")?,
            data: value("data")?,
            channels: channels.map(str::to_owned).collect(),
            socket_id: value("socket_id")?,
            info: value("info")?,
        })
    }

    /// This, and the other's where this tells nothing.
    fn or(self, other: Self) -> Self {
        Self {
            name: self.name.or(other.name),
            data: self.data.or(other.data),
            channels: if self.channels.is_empty() { other.channels } else { self.channels },
            socket_id: self.socket_id.or(other.socket_id),
            info: self.info.or(other.info),
        }
    }

    /// What is to be published.
    pub fn into_publication(self) -> Result<Publication, String> {
        Ok(Publication {
            channels: self.channels,
            event: self.name.ok_or("name is missing")?,
            data: self.data.ok_or("data is missing")?,
            socket_id: self.socket_id,
        })
    }
}

/// A body's text, without the mark that some write before it.
pub fn text(body: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("the body is not UTF-8: {error}"))?;
    Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text))
}

fn string(name: &str, json: Option<&RawValue>) -> Result<Option<String>, String> {
    let Some(json) = json else { return Ok(None) };
    if !json.get().starts_with('"') {
        return Err(format!("{name} is not a string"));
    }
    serde_json::from_str(json.get()).map_err(|error| format!("{name}: {error}"))
}

fn data(json: &RawValue) -> Result<String, String> {
    let json = json.get();
    let error = |error: serde_json::Error| format!("data: {error}");
    if json.starts_with('"') {
        return serde_json::from_str(json).map_err(error);
    }
    // Looked through for what no client could read, and passed on as it came: no number loses a digit.
    let _: serde_json::Value = serde_json::from_str(json).map_err(error)?;
    Ok(json.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Result<Told, String> {
        Told::from_body(json.as_bytes())
    }

    #[test]
    fn data_is_read_in_every_form() {
        let data = |data: &str| {
            read(&format!(r#"{{"name":"n","channel":"c","data":{data}}}"#)).map(|told| told.data)
        };
        for (json, text) in [
            (r#""{\"a\": 1}""#, r#"{"a": 1}"#),
            (r#""""#, ""),
            (r#""\ud83c\udfab""#, "🎫"),
            (
                r#"{"b":1.0,"a":[2, 12345678901234567890123]}"#,
                r#"{"b":1.0,"a":[2, 12345678901234567890123]}"#,
            ),
            ("[]", "[]"),
            ("1.50", "1.50"),
            ("true", "true"),
        ] {
            assert_eq!(data(json), Ok(Some(text.to_owned())), "{json}");
        }
        assert_eq!(data("null"), Ok(None));
        for bad in [r#""\ud800""#, r#""\udc00\ud800""#, r#"{"a":"\ud800"}"#] {
            assert!(data(bad).is_err_and(|why| why.starts_with("data: ")), "{bad}");
        }
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(data(&deep).is_err_and(|why| why.contains("recursion")));
    }

    #[test]
    fn channels_are_gathered_from_both_fields() {
        let channels = |json: &str| read(json).map(|told| told.channels);
        assert_eq!(
            channels(r#"{"channel":"c","channels":["a","b"]}"#),
            Ok(["a", "b", "c"].map(String::from).to_vec())
        );
        assert_eq!(channels(r#"{"channel":null,"channels":["a"]}"#), Ok(vec!["a".to_owned()]));
        assert_eq!(channels(r#"{"channels":null}"#), Ok(vec![]));
    }

    #[test]
    fn what_has_another_form_is_told_by_its_name() {
        for (json, names) in [
            ("null", "the body"),
            ("[]", "the body"),
            (r#"["n","d","c"]"#, "the body"),
            ("not JSON", "the body"),
            ("{", "the body"),
            (r#"{"name":"a","name":"b"}"#, "the body: duplicate field `name`"),
            (r#"{"name":7}"#, "name"),
            (r#"{"channel":["c"]}"#, "channel"),
            (r#"{"channels":"c"}"#, "channels"),
            (r#"{"channels":[7]}"#, "channels"),
            (r#"{"channels":{"a":"b"}}"#, "channels"),
            (r#"{"socket_id":7}"#, "socket_id"),
            (r#"{"info":["user_count"]}"#, "info"),
        ] {
            let why = read(json).expect_err(json);
            assert!(why.starts_with(names), "{json}: {why}");
        }
        for missing in [r#"{"data":""}"#, r#"{"name":null,"data":""}"#] {
            let told = read(missing).expect("of the right form");
            assert_eq!(told.into_publication().err().as_deref(), Some("name is missing"));
        }
    }

    #[test]
    fn the_query_fills_in_what_the_body_does_not_tell() {
        let query =
            Query::parse("name=n&data=%7B%7D&channels[]=a&channels[]=b&socket_id=1.2&info=user_count");
        let query = |body: &str| read(body).expect(body).or(Told::from_query(&query).expect("once"));
        let alone = query("");
        assert_eq!((alone.name.as_deref(), alone.data.as_deref()), (Some("n"), Some("{}")));
        assert_eq!(
            (alone.channels.as_slice(), alone.info.as_deref()),
            (&["a".to_owned(), "b".to_owned()][..], Some("user_count"))
        );
        let both = query(r#"{"name":"m","channel":"c"}"#);
        assert_eq!((both.name.as_deref(), both.data.as_deref()), (Some("m"), Some("{}")));
        assert_eq!(both.channels, ["c"]);
    }

    #[test]
    fn a_mark_before_the_text_is_none_of_it() {
        assert!(
            Told::from_body("\u{FEFF} {\"name\":\"n\"}\n".as_bytes()).is_ok_and(|told| told.name.is_some())
        );
        assert!(Told::from_body(b"\xFF{}").is_err());
        assert_eq!(Told::from_body(b" \r\n"), Ok(Told::default()));
    }

    #[test]
    fn a_body_may_hold_every_event_fully_escaped() {
        let limits = Limits::default();
        assert!(body_bytes(&limits, 1) >= 100 * 1024 * 6 && body_bytes(&limits, 10) >= 10 * 100 * 1024 * 6);
        assert_eq!(body_bytes(&Limits { event_kb: 1, ..limits }, 1), 1 << 20, "small limits have some room");
        for (event_kb, events) in [(0, 1), (1, 0), (0, 0)] {
            assert_eq!(body_bytes(&Limits { event_kb, ..limits }, events), 32 << 20);
        }
        assert_eq!(body_bytes(&Limits { event_kb: usize::MAX, ..limits }, 2), usize::MAX);
    }

    proptest! {
        #[test]
        fn what_a_backend_writes_is_what_is_told(
            name: Option<String>, data: Option<String>, socket_id: Option<String>, info: Option<String>,
            channels in prop::collection::vec(any::<String>(), 0..3), cut: prop::sample::Index,
        ) {
            let body = serde_json::json!({
                "name": name, "data": data, "channels": channels, "socket_id": socket_id, "info": info,
            }).to_string();
            // JSON's null is data as good as any other.
            let data = data.or_else(|| Some("null".to_owned()));
            let told = Told { name, data, channels, socket_id, info };
            let read = read(&body);
            prop_assert_eq!(read.map(|told| Told { data: told.data.or_else(|| Some("null".to_owned())), ..told }), Ok(told));
            let at = cut.index(body.len() - 1) + 1;
            prop_assert!(Told::from_body(&body.as_bytes()[..at]).is_err(), "a part of it is none");
        }

        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200), text: String) {
            let _ = Told::from_body(&body);
            let _ = read(&text).map(Told::into_publication);
        }
    }
}
