//! Subscribing: what is delivered and what is not, and the signatures that private channels want.

use frontdesk::protocol::sign;
use serde_json::{Value, json};

use super::apps::{MUTE, TIGHT};
use super::suite::{At, Suite};
use super::wire::{Wire, assert_acknowledged, data, refused};

pub(super) fn cases(suite: &mut Suite) {
    public(suite);
    delivered(suite);
    signatures(suite);
}

fn public(suite: &mut Suite) {
    suite.case("a public channel is acknowledged by its name", |at| async move {
        at.desk().await.subscribe(&at.channel("")).await;
    });
    suite.not_soketi("it sends none", "an acknowledgement's data is the string {}", |at| async move {
        let told = at.desk().await.subscribe(&at.channel("")).await;
        assert_eq!(told["data"], "{}");
    });
    suite.case("an auth on a public channel does not matter", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        wire.say(json!({"event": "pusher:subscribe", "data": {"channel": channel, "auth": "not:one"}})).await;
        assert_acknowledged(&wire.hear().await, &channel);
    });
    suite.case("an empty auth on a public channel does not matter", |at| async move {
        // pusher-js sends one.
        let channel = at.channel("");
        let mut wire = at.desk().await;
        wire.say(json!({"event": "pusher:subscribe", "data": {"auth": "", "channel": channel}})).await;
        assert_acknowledged(&wire.hear().await, &channel);
    });
    suite.case("who subscribes twice hears each event once", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        wire.subscribe(&channel).await;
        wire.ask(&channel).await;
        // Whether it is acknowledged again or refused: each is in use.
        wire.hear().await;
        at.publish(&channel, "one", "1").await;
        at.publish(&channel, "two", "2").await;
        assert_eq!(wire.hear().await["event"], "one");
        assert_eq!(wire.hear().await["event"], "two");
    });
    suite.case("who subscribed twice and unsubscribed once hears nothing", |at| async move {
        let (channel, fence) = (at.channel(""), at.channel("fence-"));
        let mut wire = at.desk().await;
        wire.subscribe(&channel).await;
        wire.try_subscribe(&channel).await;
        wire.unsubscribe(&channel).await;
        wire.subscribe(&fence).await;
        at.publish(&channel, "e", "1").await;
        at.publish(&fence, "fence", "1").await;
        assert_eq!(wire.hear().await["event"], "fence");
    });
    suite.case("many channels on one connection are each acknowledged, in order", |at| async move {
        let mut wire = at.desk().await;
        let channels: Vec<String> = (0..50).map(|number| at.channel(&format!("many-{number}-"))).collect();
        for channel in &channels {
            wire.ask(channel).await;
        }
        for channel in &channels {
            assert_acknowledged(&wire.hear().await, channel);
        }
    });
    suite.case("who unsubscribed hears nothing more", |at| async move {
        let (channel, fence) = (at.channel(""), at.channel("fence-"));
        let mut wire = at.desk().await;
        wire.subscribe(&channel).await;
        at.publish(&channel, "heard", "1").await;
        assert_eq!(wire.hear().await["event"], "heard");
        wire.unsubscribe(&channel).await;
        wire.subscribe(&fence).await;
        at.publish(&channel, "unheard", "1").await;
        at.publish(&fence, "fence", "1").await;
        assert_eq!(wire.hear().await["event"], "fence");
    });
    suite.case("an unsubscribe is not answered", |at| async move {
        let mut wire = at.desk().await;
        wire.subscribe(&at.channel("")).await;
        wire.unsubscribe(&at.channel("")).await;
        wire.nothing_came().await;
    });
    suite.case("an unsubscribe of what was never subscribed is passed over", |at| async move {
        let mut wire = at.desk().await;
        wire.unsubscribe(&at.channel("")).await;
        wire.nothing_came().await;
    });
    suite.case("who subscribes again hears what comes then, and nothing of between", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        wire.subscribe(&channel).await;
        wire.unsubscribe(&channel).await;
        wire.nothing_came().await;
        at.publish(&channel, "between", "1").await;
        wire.subscribe(&channel).await;
        at.publish(&channel, "then", "1").await;
        assert_eq!(wire.hear().await["event"], "then");
    });
    suite.case("an unsubscribe of one is no unsubscribe of the others", |at| async move {
        let (channel, other) = (at.channel(""), at.channel("other-"));
        let mut wire = at.desk().await;
        wire.subscribe(&channel).await;
        wire.subscribe(&other).await;
        wire.unsubscribe(&channel).await;
        at.publish(&other, "e", "1").await;
        assert_eq!(wire.hear().await["channel"], other);
    });
    suite.case("one app's events are not heard by another's subscribers", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        let mut other = at.desk_of(&MUTE).await;
        wire.subscribe(&channel).await;
        other.subscribe(&channel).await;
        at.publish(&channel, "e", "1").await;
        at.publish_to(&MUTE, &channel, "of the other", "1").await;
        assert_eq!(other.hear().await["event"], "of the other");
        assert_eq!(wire.hear().await["event"], "e");
        wire.nothing_came().await;
    });
}

fn delivered(suite: &mut Suite) {
    suite.case("an event has event, channel and data", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        wire.subscribe(&channel).await;
        at.publish(&channel, "App\\Events\\BookingUpdated", "{\"booking\":1}").await;
        let told = wire.hear().await;
        let expected =
            json!({"event": "App\\Events\\BookingUpdated", "channel": channel, "data": "{\"booking\":1}"});
        assert_eq!(told, expected);
    });
    let datas = [
        ("JSON with spaces", r#"{ "a" : 1.0,  "b":[ ] }"#),
        ("JSON with keys twice", r#"{"a":1,"a":2}"#),
        ("text that is no JSON", "hello there"),
        ("one space", " "),
        ("a number", "17"),
        ("a big number", "12345678901234567890.000000001"),
        ("null", "null"),
        ("text of all planes", "é € 💛 👨‍👩‍👧 \u{FEFF}\u{200D}\u{10FFFF}"),
        ("control characters", "\u{0}\u{1}\u{8}\t\r\n\u{1B}[31m\u{7F}"),
        ("quotes and backslashes", r#""\\" \u0041 \/ '"#),
        ("line separators", "\u{2028}\u{2029}\u{85}"),
        ("HTML", "<script>&amp;</script>"),
    ];
    for (name, text) in datas {
        suite.case(format!("{name} is delivered as it was published"), move |at| async move {
            let channel = at.channel("");
            let mut wire = at.desk().await;
            wire.subscribe(&channel).await;
            at.publish(&channel, "e", text).await;
            assert_eq!(wire.hear().await["data"], text);
        });
    }
    suite.case("all subscribers hear an event", |at| async move {
        let channel = at.channel("");
        let mut wires = Vec::new();
        for _ in 0..10 {
            let mut wire = at.desk().await;
            wire.subscribe(&channel).await;
            wires.push(wire);
        }
        at.publish(&channel, "e", "1").await;
        for wire in &mut wires {
            assert_eq!(wire.hear().await["event"], "e");
        }
    });
    suite.case("events come in the order in which they were published", |at| async move {
        let channel = at.channel("");
        let mut wire = at.desk().await;
        wire.subscribe(&channel).await;
        for number in 0..30 {
            at.publish(&channel, "e", &number.to_string()).await;
        }
        for number in 0..30 {
            assert_eq!(wire.hear().await["data"], number.to_string());
        }
    });
    suite.case("an event of another channel is not heard", |at| async move {
        let (channel, other) = (at.channel(""), at.channel("other-"));
        let mut wire = at.desk().await;
        wire.subscribe(&channel).await;
        at.publish(&other, "e", "1").await;
        at.publish(&channel, "fence", "1").await;
        assert_eq!(wire.hear().await["event"], "fence");
    });
    suite.case("what was published before the subscription is not heard", |at| async move {
        let channel = at.channel("");
        at.publish(&channel, "before", "1").await;
        let mut wire = at.desk().await;
        wire.subscribe(&channel).await;
        at.publish(&channel, "after", "1").await;
        assert_eq!(wire.hear().await["event"], "after");
    });
    suite.case("a sealed payload passes through an encrypted channel as it is", |at| async move {
        let channel = at.channel("private-encrypted-");
        let sealed = r#"{"nonce":"4sVYwy4j/8dCcjyxtPCWyk19GaaViaW9","ciphertext":"/GMESnFGlbNn01BuBjp31XYa3i9vZsGKR8fgR9EDhXKx3lzGiUD501A="}"#;
        let mut wire = at.desk().await;
        wire.subscribe(&channel).await;
        at.publish(&channel, "e", sealed).await;
        assert_eq!(wire.hear().await["data"], sealed);
    });
}

/// What stands for `auth`, made for a connection and a channel.
type Auth = fn(&Wire, &str) -> Value;

fn signatures(suite: &mut Suite) {
    for prefix in [
        "private-",
        "private-encrypted-",
        "private-cache-",
        "private-encrypted-cache-",
        "private-private-",
        "private-presence-",
    ] {
        suite.case(format!("{prefix}… is joined with its signature"), move |at| async move {
            let channel = at.channel(prefix);
            let mut wire = at.desk().await;
            wire.subscribe(&channel).await;
            at.publish(&channel, "e", "1").await;
            let told = wire.until("e").await;
            assert_eq!(told["channel"], channel);
        });
    }
    let wrong: [(&str, Auth); 17] = [
        ("no auth", |_, _| Value::Null),
        ("an empty auth", |_, _| json!("")),
        ("a colon for auth", |_, _| json!(":")),
        ("a word for auth", |_, _| json!("yes")),
        ("the key alone", |wire, _| wire.app.key.into()),
        ("the key and no signature", |wire, _| format!("{}:", wire.app.key).into()),
        ("a signature without its key", |wire, channel| {
            wire.auth(channel, None).split_once(':').unwrap().1.into()
        }),
        ("a signature under another key", |wire, channel| {
            wire.auth(channel, None).replace(wire.app.key, TIGHT.key).into()
        }),
        ("a signature under an empty key", |wire, channel| {
            wire.auth(channel, None).replace(wire.app.key, "").into()
        }),
        ("another app's signature", |wire, channel| {
            sign::auth(TIGHT.key, TIGHT.secret, &sign::channel_text(&wire.socket_id, channel, None)).into()
        }),
        ("this key with another app's signature", |wire, channel| {
            sign::auth(wire.app.key, TIGHT.secret, &sign::channel_text(&wire.socket_id, channel, None)).into()
        }),
        ("the signature for another channel", |wire, channel| {
            wire.auth(&format!("{channel}-2"), None).into()
        }),
        ("the signature for another connection", |wire, channel| {
            sign::auth(wire.app.key, wire.app.secret, &sign::channel_text("1.1", channel, None)).into()
        }),
        ("the signature for the channel without private-", |wire, channel| {
            wire.auth(channel.strip_prefix("private-").unwrap(), None).into()
        }),
        ("a user's signature", |wire, _| {
            sign::auth(wire.app.key, wire.app.secret, &sign::user_text(&wire.socket_id, "{\"id\":\"1\"}"))
                .into()
        }),
        ("a signature that is cut", |wire, channel| {
            let auth = wire.auth(channel, None);
            auth[..auth.len() - 1].into()
        }),
        ("a signature with something behind", |wire, channel| {
            format!("{}0", wire.auth(channel, None)).into()
        }),
    ];
    for (name, auth) in wrong {
        suite.case(format!("a private channel is refused with {name}"), move |at| async move {
            let channel = at.channel("private-");
            let mut wire = at.desk().await;
            let auth = auth(&wire, &channel);
            assert_unauthorized(at, &mut wire, &channel, &auth).await;
        });
    }
    let types = [
        ("a number", json!(7)),
        ("true", json!(true)),
        ("an object", json!({"auth": "a"})),
        ("an array", json!(["a"])),
    ];
    for (name, auth) in types {
        suite.case(format!("a private channel is refused when auth is {name}"), move |at| async move {
            let channel = at.channel("private-");
            let mut wire = at.desk().await;
            wire.say(json!({"event": "pusher:subscribe", "data": {"channel": channel, "auth": auth}})).await;
            let told = wire.hear().await;
            assert!(
                ["pusher:subscription_error", "pusher:error"].iter().any(|event| told["event"] == *event),
                "{told}"
            );
            wire.nothing_came().await;
        });
    }
    for prefix in
        ["private-encrypted-", "private-cache-", "private-encrypted-cache-", "presence-cache-", "presence-"]
    {
        for (name, auth) in
            [("no auth", json!(null)), ("any auth", json!("key-of-main:00")), ("a word for auth", json!("x"))]
        {
            suite.case(format!("{prefix}… is refused with {name}"), move |at| async move {
                let channel = at.channel(prefix);
                let mut wire = at.desk().await;
                let member = "{\"user_id\":\"1\"}";
                let asked = json!({"channel": channel, "auth": auth, "channel_data": member});
                wire.say(json!({"event": "pusher:subscribe", "data": asked})).await;
                assert_eq!(refused(&wire.hear().await, &channel), 401);
            });
        }
    }
    suite.case(
        "who was refused hears nothing, and may try again with the right signature",
        |at| async move {
            let channel = at.channel("private-");
            let mut wire = at.desk().await;
            wire.say(json!({"event": "pusher:subscribe", "data": {"channel": channel, "auth": "no"}})).await;
            refused(&wire.hear().await, &channel);
            at.publish(&channel, "before", "1").await;
            wire.subscribe(&channel).await;
            at.publish(&channel, "after", "1").await;
            assert_eq!(wire.hear().await["event"], "after");
        },
    );
    suite.case("a refusal tells its type and its reason", |at| async move {
        let channel = at.channel("private-");
        let mut wire = at.desk().await;
        wire.say(json!({"event": "pusher:subscribe", "data": {"channel": channel}})).await;
        let told = wire.hear().await;
        assert_eq!(data(&told)["type"], "AuthError", "{told}");
        assert!(data(&told)["error"].is_string(), "{told}");
    });
    suite.case("a refused subscription closes nothing", |at| async move {
        let mut wire = at.desk().await;
        wire.subscribe(&at.channel("")).await;
        wire.say(json!({"event": "pusher:subscribe", "data": {"channel": at.channel("private-")}})).await;
        refused(&wire.hear().await, &at.channel("private-"));
        at.publish(&at.channel(""), "e", "1").await;
        assert_eq!(wire.hear().await["event"], "e");
    });
}

async fn assert_unauthorized(at: At, wire: &mut Wire, channel: &str, auth: &Value) {
    let fence = at.channel("fence-");
    let mut asked = json!({"channel": channel});
    if !auth.is_null() {
        asked["auth"] = auth.clone();
    }
    wire.say(json!({"event": "pusher:subscribe", "data": asked})).await;
    assert_eq!(refused(&wire.hear().await, channel), 401);
    wire.subscribe(&fence).await;
    at.publish(channel, "secret", "1").await;
    at.publish(&fence, "fence", "1").await;
    assert_eq!(wire.hear().await["event"], "fence");
}
