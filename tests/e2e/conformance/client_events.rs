//! Client events: who may send one, who hears it, what is told of the sender, and how many there may be.

use serde_json::{Value, json};

use super::apps::{App, MAIN, MUTE, TIGHT};
use super::suite::{At, Suite};
use super::wire::{Wire, data};
use crate::server::Kind;

pub(super) fn cases(suite: &mut Suite) {
    passed_on(suite);
    refused(suite);
    limits(suite);
}

/// Two connections that are subscribed to one channel.
async fn pair(at: At, app: &'static App, channel: &str) -> (Wire, Wire) {
    let (mut sender, mut other) = (at.desk_of(app).await, at.desk_of(app).await);
    for (wire, id) in [(&mut sender, "sender"), (&mut other, "other")] {
        if channel.starts_with("presence-") {
            wire.join(channel, &json!({"user_id": id, "user_info": {}})).await;
        } else {
            wire.subscribe(channel).await;
        }
        if channel.contains("cache-") {
            assert_eq!(wire.hear().await["event"], "pusher:cache_miss");
        }
    }
    if channel.starts_with("presence-") {
        assert_eq!(sender.hear().await["event"], "pusher_internal:member_added");
    }
    (sender, other)
}

fn passed_on(suite: &mut Suite) {
    for prefix in ["private-", "presence-", "private-cache-", "presence-cache-"] {
        suite.case(
            format!("an event on {prefix}… reaches the others and not the sender"),
            move |at| async move {
                let channel = at.channel(prefix);
                let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
                sender.say(json!({"event": "client-typing", "channel": channel, "data": {"a": 1}})).await;
                let told = other.hear().await;
                assert_eq!((&told["event"], &told["channel"]), (&json!("client-typing"), &json!(channel)));
                assert_eq!(data(&told), json!({"a": 1}));
                sender.nothing_came().await;
            },
        );
    }
    suite.case("on a presence channel the server says whose it is", |at| async move {
        let channel = at.channel("presence-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        sender.say(json!({"event": "client-a", "channel": channel, "data": {}})).await;
        assert_eq!(other.hear().await["user_id"], "sender");
    });
    suite.case("nobody can say to be another", |at| async move {
        let channel = at.channel("presence-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        sender.say(json!({"event": "client-a", "channel": channel, "data": {}, "user_id": "boss"})).await;
        assert_eq!(other.hear().await["user_id"], "sender");
    });
    suite.case("on a private channel nobody is named", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        sender.say(json!({"event": "client-a", "channel": channel, "data": {}, "user_id": "boss"})).await;
        assert!(other.hear().await.get("user_id").is_none());
    });
    suite.case("on a private channel nobody is named who is signed in", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        sender.signin(&at.user("u")).await;
        sender.say(json!({"event": "client-a", "channel": channel, "data": {}})).await;
        assert!(other.hear().await.get("user_id").is_none());
    });
    suite.case("a user's other connection hears it", |at| async move {
        let channel = at.channel("presence-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        let mut tab = at.desk().await;
        tab.join(&channel, &json!({"user_id": "sender"})).await;
        sender.say(json!({"event": "client-a", "channel": channel, "data": {}})).await;
        assert_eq!(other.hear().await["user_id"], "sender");
        assert_eq!(tab.hear().await["user_id"], "sender");
        sender.nothing_came().await;
    });
    suite.case("all others hear it", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        let mut third = at.desk().await;
        third.subscribe(&channel).await;
        sender.say(json!({"event": "client-a", "channel": channel, "data": {}})).await;
        assert_eq!(other.hear().await["event"], "client-a");
        assert_eq!(third.hear().await["event"], "client-a");
    });
    suite.case("events come in the order in which they were sent", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        for number in 0..8 {
            sender.say(json!({"event": "client-a", "channel": channel, "data": {"number": number}})).await;
        }
        for number in 0..8 {
            assert_eq!(data(&other.hear().await)["number"], number);
        }
    });
    let datas = [
        ("an object", json!({"a": {"b": [1, null]}})),
        ("text", json!("hello")),
        ("text that holds JSON", json!("{\"a\":1}")),
        ("an empty text", json!("")),
        ("a number", json!(7)),
        ("a list", json!([1, 2])),
        ("true", json!(true)),
        ("text of all planes", json!("é 💛 \u{2028}")),
    ];
    for (name, sent) in datas {
        suite.case(format!("data may be {name}"), move |at| async move {
            let channel = at.channel("private-");
            let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
            sender.say(json!({"event": "client-a", "channel": channel, "data": sent})).await;
            let told = other.hear().await;
            let raw = told["data"] == sent;
            let encoded = told["data"]
                .as_str()
                .is_some_and(|text| serde_json::from_str::<Value>(text).is_ok_and(|data| data == sent));
            assert!(raw || encoded, "{sent} came as {told}");
        });
    }
    suite.case("an event may have no data", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        sender.say(json!({"event": "client-a", "channel": channel})).await;
        assert_eq!(other.hear().await["event"], "client-a");
    });
    suite.case("digits and escapes come as they were sent", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        sender
            .text(&format!(
                r#"{{"event":"client-a","channel":"{channel}","data":{{"n":0.1,"m":[1,2],"t":"\u00e9"}}}}"#
            ))
            .await;
        assert_eq!(data(&other.hear().await), json!({"n": 0.1, "m": [1, 2], "t": "é"}));
    });
    suite.case("one app's client events are not heard in another", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        let mut stranger = at.desk_of(&TIGHT).await;
        stranger.subscribe(&channel).await;
        sender.say(json!({"event": "client-a", "channel": channel, "data": {}})).await;
        assert_eq!(other.hear().await["event"], "client-a");
        at.publish_to(&TIGHT, &channel, "fence", "1").await;
        assert_eq!(stranger.hear().await["event"], "fence");
    });
    suite.case("who unsubscribed hears none", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        other.unsubscribe(&channel).await;
        other.nothing_came().await;
        sender.say(json!({"event": "client-a", "channel": channel, "data": {}})).await;
        sender.nothing_came().await;
        other.nothing_came().await;
    });
    suite.case("an event of the backend may have a client's name", |at| async move {
        let channel = at.channel("private-");
        let (_sender, mut other) = pair(at, &MAIN, &channel).await;
        at.publish(&channel, "client-a", "1").await;
        assert_eq!(other.hear().await["event"], "client-a");
    });
}

/// Says something, and asserts that it reaches nobody; an error may be told.
async fn reaches_nobody(at: At, sender: &mut Wire, other: &mut Wire, op: Value, channel: &str) {
    sender.say(op).await;
    sender.say(json!({"event": "pusher:ping"})).await;
    let told = sender.hear().await;
    if told["event"] != "pusher:pong" {
        assert_eq!(told["event"], "pusher:error", "{told}");
        assert_eq!(sender.hear().await["event"], "pusher:pong");
    }
    at.publish_to(other.app, channel, "fence", "1").await;
    assert_eq!(other.hear().await["event"], "fence");
}

fn refused(suite: &mut Suite) {
    suite.not_soketi("it passes them on", "on a public channel there are none", |at| async move {
        let channel = at.channel("");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        reaches_nobody(
            at,
            &mut sender,
            &mut other,
            json!({"event": "client-a", "channel": channel, "data": {}}),
            &channel,
        )
        .await;
    });
    suite.not_soketi("it passes them on", "on a public cache channel there are none", |at| async move {
        let channel = at.channel("cache-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        reaches_nobody(
            at,
            &mut sender,
            &mut other,
            json!({"event": "client-a", "channel": channel, "data": {}}),
            &channel,
        )
        .await;
    });
    for prefix in ["private-", "presence-"] {
        suite.case(format!("who is not subscribed sends nothing to {prefix}…"), move |at| async move {
            let channel = at.channel(prefix);
            let (_, mut other) = pair(at, &MAIN, &channel).await;
            let mut stranger = at.desk().await;
            // The sender of the pair is gone; on a presence channel that is told.
            stranger.say(json!({"event": "client-a", "channel": channel, "data": {}})).await;
            stranger.say(json!({"event": "pusher:ping"})).await;
            while stranger.hear().await["event"] != "pusher:pong" {}
            at.publish(&channel, "fence", "1").await;
            loop {
                let told = other.hear().await;
                assert_ne!(told["event"], "client-a");
                if told["event"] == "fence" {
                    break;
                }
            }
        });
    }
    suite.case("who has unsubscribed sends nothing", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        sender.unsubscribe(&channel).await;
        reaches_nobody(
            at,
            &mut sender,
            &mut other,
            json!({"event": "client-a", "channel": channel, "data": {}}),
            &channel,
        )
        .await;
    });
    for name in [
        "Client-a",
        "client_a",
        "client",
        "clienta",
        "pusher:client-a",
        "pusher_internal:client",
        " client-a",
    ] {
        suite.case(format!("an event called {name:?} is no client event"), move |at| async move {
            let channel = at.channel("private-");
            let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
            let op = json!({"event": name, "channel": channel, "data": {}});
            // soketi looks for the word anywhere in the name.
            if at.kind == Kind::Relay || !name.contains("client-") {
                reaches_nobody(at, &mut sender, &mut other, op, &channel).await;
            }
        });
    }
    let odd = [
        ("without a channel", json!({"event": "client-a", "data": {}})),
        ("on null", json!({"event": "client-a", "channel": null, "data": {}})),
        ("on an empty name", json!({"event": "client-a", "channel": "", "data": {}})),
        ("on a name that is none", json!({"event": "client-a", "channel": "private-a b", "data": {}})),
    ];
    for (name, op) in odd {
        suite.case(format!("an event {name} is survived"), move |at| async move {
            let channel = at.channel("private-");
            let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
            reaches_nobody(at, &mut sender, &mut other, op, &channel).await;
        });
    }
    suite.case(
        "an app may allow none: each is answered with the error 4301, and the connection lives",
        |at| async move {
            let channel = at.channel("private-");
            let (mut sender, mut other) = pair(at, &MUTE, &channel).await;
            sender.say(json!({"event": "client-a", "channel": channel, "data": {}})).await;
            let told = sender.hear().await;
            assert_eq!((&told["event"], &data(&told)["code"]), (&json!("pusher:error"), &json!(4301)));
            sender.nothing_came().await;
            at.publish_to(&MUTE, &channel, "fence", "1").await;
            assert_eq!(other.hear().await["event"], "fence");
        },
    );
    suite.not_soketi("it passes them on", "on an encrypted channel there are none", |at| async move {
        let channel = at.channel("private-encrypted-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        reaches_nobody(
            at,
            &mut sender,
            &mut other,
            json!({"event": "client-a", "channel": channel, "data": {}}),
            &channel,
        )
        .await;
    });
    suite.case("a client event is not kept for who joins a cache channel", |at| async move {
        let channel = at.channel("private-cache-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        sender.say(json!({"event": "client-a", "channel": channel, "data": {}})).await;
        assert_eq!(other.hear().await["event"], "client-a");
        let mut late = at.desk().await;
        late.subscribe(&channel).await;
        assert_eq!(late.hear().await["event"], "pusher:cache_miss");
    });
    suite.case("a user may be signed out of nothing by a client event", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        sender.say(json!({"event": "client-pusher:error", "channel": channel, "data": {"code": 4001}})).await;
        assert_eq!(other.hear().await["event"], "client-pusher:error");
        other.nothing_came().await;
    });
}

fn limits(suite: &mut Suite) {
    suite.case(
        "more than ten at once: the rest is answered with the error 4301, and the connection lives",
        |at| async move {
            let channel = at.channel("private-");
            let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
            for number in 0..30 {
                sender.say(json!({"event": "client-a", "channel": channel, "data": number})).await;
            }
            sender.say(json!({"event": "pusher:ping"})).await;
            let mut refused = 0;
            loop {
                let told = sender.hear().await;
                if told["event"] == "pusher:pong" {
                    break;
                }
                assert_eq!(
                    (&told["event"], &data(&told)["code"]),
                    (&json!("pusher:error"), &json!(4301)),
                    "{told}"
                );
                refused += 1;
            }
            // Some time passes while they are sent.
            assert!((10..=20).contains(&refused), "{refused} of 30");
            at.publish(&channel, "fence", "1").await;
            let mut passed = 0;
            while other.hear().await["event"] != "fence" {
                passed += 1;
            }
            assert_eq!(passed + refused, 30);
        },
    );
    suite.case("one connection's events are not another's", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
        for number in 0..12 {
            sender.say(json!({"event": "client-a", "channel": channel, "data": number})).await;
        }
        sender.until("pusher:error").await;
        other.say(json!({"event": "client-b", "channel": channel, "data": {}})).await;
        sender.until("client-b").await;
    });
    suite.case(
        "a name of 200 characters is passed on, and one of 201 is answered with an error",
        |at| async move {
            let channel = at.channel("private-");
            let (mut sender, mut other) = pair(at, &MAIN, &channel).await;
            let name = format!("client-{}", "n".repeat(193));
            sender.say(json!({"event": name, "channel": channel, "data": {}})).await;
            assert_eq!(other.hear().await["event"], name);
            sender.say(json!({"event": format!("{name}n"), "channel": channel, "data": {}})).await;
            assert_eq!(sender.hear().await["event"], "pusher:error");
        },
    );
    suite.case("an app's limits of names and sizes hold for client events", |at| async move {
        let channel = at.channel("private-");
        let (mut sender, mut other) = pair(at, &TIGHT, &channel).await;
        sender
            .say(json!({"event": "client-of-20-letters", "channel": channel, "data": "x".repeat(10_000)}))
            .await;
        assert_eq!(other.hear().await["event"], "client-of-20-letters");
        sender.say(json!({"event": "client-of-21-letters!", "channel": channel, "data": {}})).await;
        assert_eq!(sender.hear().await["event"], "pusher:error");
        sender.say(json!({"event": "client-a", "channel": channel, "data": "x".repeat(11_000)})).await;
        assert_eq!(sender.hear().await["event"], "pusher:error");
        sender.nothing_came().await;
    });
}
