//! What clients say to each other.

use frontdesk::protocol::{CloseCode, ServerOp};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Desk, Running};

const ROOM: &str = "private-room";

/// The next text frame, as it stands on the wire.
async fn raw(desk: &mut Desk) -> String {
    match desk.message().await {
        Message::Text(text) => text.to_string(),
        other => panic!("no text: {other:?}"),
    }
}

#[tokio::test]
async fn everybody_else_hears_a_client_event_exactly_as_it_was_said() {
    let relay = Running::start().await;
    let (mut says, mut hears, mut native) = (relay.desk().await, relay.desk().await, relay.native().await);
    for desk in [&mut says, &mut hears, &mut native] {
        desk.subscribe(ROOM).await;
    }
    for data in [r#"{"z":1,"a": [1e3]}"#, "\"text\"", "null", "7", r#""{\"a\":1}""#] {
        says.trigger(ROOM, "client-typing", data).await;
        // Encoded anew by the test's own client: the spaces go there.
        let data = if data.contains("1e3") { r#"{"z":1,"a": [1e3]}"# } else { data };
        let expected = format!(r#"{{"event":"client-typing","channel":"private-room","data":{data}}}"#);
        assert_eq!(raw(&mut hears).await, expected);
        assert_eq!(raw(&mut native).await, expected, "it has no position");
    }
    says.hears_nothing_more().await;
}

#[tokio::test]
async fn on_a_presence_channel_the_relay_says_who_speaks() {
    let relay = Running::start().await;
    let (mut says, mut hears) = (relay.desk().await, relay.desk().await);
    hears.enter("presence-room", r#"{"user_id":"2"}"#).await;
    says.enter("presence-room", r#"{"user_id":7}"#).await;
    hears.hear().await;
    // Whatever the client claims itself.
    says.say(r#"{"event":"client-x","channel":"presence-room","data":{},"user_id":"1"}"#).await;
    let expected = r#"{"event":"client-x","channel":"presence-room","data":{},"user_id":"7"}"#;
    assert_eq!(raw(&mut hears).await, expected);
}

#[tokio::test]
async fn who_does_not_subscribe_a_channel_does_not_speak_in_it() {
    let relay = Running::start().await;
    let (mut stranger, mut hears) = (relay.desk().await, relay.desk().await);
    hears.subscribe(ROOM).await;
    stranger.trigger(ROOM, "client-x", "1").await;
    assert!(matches!(
        stranger.hear().await,
        ServerOp::Error { code: Some(CloseCode::CLIENT_EVENT_REFUSED), .. }
    ));
    hears.hears_nothing_more().await;
    stranger.subscribe(ROOM).await;
    stranger.unsubscribe(ROOM).await;
    stranger.trigger(ROOM, "client-x", "1").await;
    assert!(matches!(stranger.hear().await, ServerOp::Error { .. }));
    hears.hears_nothing_more().await;
}

#[tokio::test]
async fn a_client_event_is_heard_once_by_channel_and_pattern_and_kept_by_nobody() {
    let relay = Running::start().await;
    let (mut says, mut both) = (relay.desk().await, relay.native().await);
    says.subscribe("private-room.1").await;
    both.subscribe("private-room.1").await;
    both.subscribe("private-room.*").await;
    says.trigger("private-room.1", "client-x", "1").await;
    assert_eq!(both.event().await.event, "client-x");
    both.hears_nothing_more().await;
    let mut late = relay.native().await;
    let ServerOp::Subscribed { recovery: Some(recovery), .. } = late.subscribe("private-room.1").await else {
        panic!("not joined")
    };
    assert_eq!(recovery.head.offset, 0, "it has no place in the history");
}

#[tokio::test]
async fn a_client_event_is_no_last_event_of_a_cache_channel() {
    let relay = Running::start().await;
    let (mut says, mut late) = (relay.desk().await, relay.desk().await);
    says.subscribe("private-cache-room").await;
    says.hear().await;
    says.trigger("private-cache-room", "client-x", &json!({"a": 1}).to_string()).await;
    says.hears_nothing_more().await;
    late.subscribe("private-cache-room").await;
    assert!(matches!(late.hear().await, ServerOp::CacheMiss { .. }));
}
