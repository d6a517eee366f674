//! Ops themselves: pings, what is passed over, text that is no op, and what is written otherwise and understood.

use serde_json::{Value, json};

use super::suite::Suite;
use super::wire::{assert_acknowledged, data};

pub(super) fn cases(suite: &mut Suite) {
    pings(suite);
    ignored(suite);
    odd(suite);
    lenient(suite);
}

fn pings(suite: &mut Suite) {
    let forms = [
        ("without data", json!({"event": "pusher:ping"})),
        ("with null for data", json!({"event": "pusher:ping", "data": null})),
        ("with an empty string for data", json!({"event": "pusher:ping", "data": ""})),
        ("with a string for data", json!({"event": "pusher:ping", "data": "{}"})),
        ("with an object for data", json!({"event": "pusher:ping", "data": {"a": 1}})),
        ("with an array for data", json!({"event": "pusher:ping", "data": []})),
        ("with a channel", json!({"event": "pusher:ping", "channel": "a", "data": {}})),
    ];
    for (name, op) in forms {
        suite.case(format!("a pusher:ping {name} is answered with a pusher:pong"), move |at| async move {
            let mut wire = at.desk().await;
            wire.say(op).await;
            let told = wire.hear().await;
            assert_eq!(told["event"], "pusher:pong");
            let told = data(&told);
            assert!(told.is_null() || told == json!({}), "{told}");
        });
    }
}

/// What a client may send that means nothing.
fn ignored(suite: &mut Suite) {
    let ops = [
        ("a pusher:pong", json!({"event": "pusher:pong", "data": {}})),
        ("an unknown pusher: event", json!({"event": "pusher:of-tomorrow", "data": {}})),
        ("an event without client-", json!({"event": "my-event", "channel": "a", "data": {}})),
        (
            "a server's acknowledgement",
            json!({"event": "pusher_internal:subscription_succeeded", "channel": "a", "data": "{}"}),
        ),
        ("a server's welcome", json!({"event": "pusher:connection_established", "data": "{}"})),
        ("a server's error", json!({"event": "pusher:error", "data": {"code": 4000, "message": "no"}})),
        (
            "a server's member",
            json!({"event": "pusher_internal:member_added", "channel": "presence-a", "data": "{}"}),
        ),
        ("an event in capitals", json!({"event": "PUSHER:PING", "data": {}})),
        ("an event with a space in front", json!({"event": " pusher:ping", "data": {}})),
    ];
    for (name, op) in ops {
        suite.case(format!("{name} from a client is passed over"), move |at| async move {
            let mut wire = at.desk().await;
            wire.say(op).await;
            wire.nothing_came().await;
        });
    }
    suite.case("an event without client- reaches nobody", |at| async move {
        let channel = at.channel("private-");
        let (mut wire, mut other) = (at.desk().await, at.desk().await);
        wire.subscribe(&channel).await;
        other.subscribe(&channel).await;
        wire.say(json!({"event": "my-event", "channel": channel, "data": {}})).await;
        wire.nothing_came().await;
        at.publish(&channel, "fence", "1").await;
        assert_eq!(other.hear().await["event"], "fence");
    });
}

/// Text that is no op.
fn odd(suite: &mut Suite) {
    let deep = format!(r#"{{"event":"pusher:subscribe","data":{}}}"#, "[".repeat(8000));
    let frames = [
        ("an empty text", ""),
        ("a word", "hello"),
        ("a number", "7"),
        ("null", "null"),
        ("true", "true"),
        ("a string", "\"pusher:ping\""),
        ("an array", "[]"),
        ("an array with an op in it", r#"[{"event":"pusher:ping"}]"#),
        ("an object without an event", "{}"),
        ("an event that is null", r#"{"event":null}"#),
        ("an event that is a number", r#"{"event":7}"#),
        ("an event that is an object", r#"{"event":{"event":"pusher:ping"}}"#),
        ("JSON that is cut", r#"{"event":"pusher:ping""#),
        ("JSON with something behind", r#"{"event":"pusher:of-tomorrow"}}"#),
        ("single quotes", "{'event':'pusher:ping'}"),
        ("a lone surrogate in an event", r#"{"event":"\ud800"}"#),
        ("JSON that is nested deeply", &deep),
    ];
    for (name, text) in frames {
        let text = text.to_owned();
        suite.case(format!("{name} is survived"), move |at| async move {
            let mut wire = at.desk().await;
            wire.text(&text).await;
            wire.say(json!({"event": "pusher:ping"})).await;
            let told = wire.hear().await;
            if told["event"] != "pusher:pong" {
                assert_error(&told);
                assert_eq!(wire.hear().await["event"], "pusher:pong");
            }
        });
    }
    for (name, text) in [
        ("an empty text", ""),
        ("a word", "hello"),
        ("an array", "[]"),
        ("no event", "{}"),
        ("an event that is a number", r#"{"event":7}"#),
    ] {
        suite.not_soketi(
            "it passes over it in silence",
            format!("{name} is answered with pusher:error"),
            move |at| async move {
                let mut wire = at.desk().await;
                wire.text(text).await;
                assert_error(&wire.hear().await);
                wire.nothing_came().await;
            },
        );
    }
    let ops = [
        ("a subscribe without data", r#"{"event":"pusher:subscribe"}"#),
        ("a subscribe whose data is null", r#"{"event":"pusher:subscribe","data":null}"#),
        ("a subscribe whose data is a word", r#"{"event":"pusher:subscribe","data":"text"}"#),
        ("a subscribe whose data is a number", r#"{"event":"pusher:subscribe","data":7}"#),
        ("a subscribe whose data is an array", r#"{"event":"pusher:subscribe","data":["a"]}"#),
        ("a subscribe to nothing", r#"{"event":"pusher:subscribe","data":{}}"#),
        ("a subscribe to null", r#"{"event":"pusher:subscribe","data":{"channel":null}}"#),
        ("a subscribe to a number", r#"{"event":"pusher:subscribe","data":{"channel":7}}"#),
        ("a subscribe to an object", r#"{"event":"pusher:subscribe","data":{"channel":{}}}"#),
        ("a subscribe to an array", r#"{"event":"pusher:subscribe","data":{"channel":["a"]}}"#),
        ("an unsubscribe without data", r#"{"event":"pusher:unsubscribe"}"#),
        ("an unsubscribe whose data is null", r#"{"event":"pusher:unsubscribe","data":null}"#),
        ("an unsubscribe from a number", r#"{"event":"pusher:unsubscribe","data":{"channel":7}}"#),
        ("a sign-in without data", r#"{"event":"pusher:signin"}"#),
        ("a sign-in whose data is null", r#"{"event":"pusher:signin","data":null}"#),
        ("a client event on a number", r#"{"event":"client-a","channel":7,"data":{}}"#),
        ("a client event on an object", r#"{"event":"client-a","channel":{},"data":{}}"#),
    ];
    for (name, text) in ops {
        suite.not_soketi(
            "such frames end its process",
            format!("{name} is answered with an error"),
            move |at| async move {
                let mut wire = at.desk().await;
                wire.text(text).await;
                let told = wire.hear().await;
                assert!(
                    ["pusher:error", "pusher:subscription_error"].iter().any(|event| told["event"] == *event),
                    "{told}"
                );
                wire.nothing_came().await;
            },
        );
    }
}

fn assert_error(told: &Value) {
    assert_eq!(told["event"], "pusher:error", "{told}");
    assert!(data(told)["message"].is_string() && data(told)["code"].is_null(), "{told}");
}

/// What is written otherwise than in the documentation, and understood.
fn lenient(suite: &mut Suite) {
    suite.case("keys come in any order, and unknown ones are passed over", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        wire.text(&format!(
            r#"{{"data":{{"x":[1],"channel":"{channel}"}},"z":null,"event":"pusher:subscribe"}}"#
        ))
        .await;
        assert_acknowledged(&wire.hear().await, &channel);
    });
    suite.case("white space around JSON does not count", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        wire.text(&format!(
            "\r\n {{ \"event\" : \"pusher:subscribe\" ,\t\"data\":{{\"channel\":\"{channel}\"}} }}\n"
        ))
        .await;
        assert_acknowledged(&wire.hear().await, &channel);
    });
    suite.case("escapes in JSON are read", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        wire.text(&format!(r#"{{"\u0065vent":"pusher:\u0073ubscribe","data":{{"channel":"{channel}"}}}}"#))
            .await;
        assert_acknowledged(&wire.hear().await, &channel);
    });
    suite.not_soketi("it ends its process", "data may be a string of JSON", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        let asked = json!({"channel": channel}).to_string();
        wire.say(json!({"event": "pusher:subscribe", "data": asked})).await;
        assert_acknowledged(&wire.hear().await, &channel);
    });
}
