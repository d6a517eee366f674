//! Subscribing: names, signatures, what is delivered and what is not, and frames that are not quite ops.

use frontdesk::protocol::sign;
use serde_json::{Value, json};

use super::apps::{MUTE, TIGHT};
use super::suite::{At, Suite};
use super::wire::{Wire, assert_acknowledged, data, refused};

pub(super) fn cases(suite: &mut Suite) {
    public(suite);
    delivered(suite);
    names(suite);
    prefixes(suite);
    signatures(suite);
    pings(suite);
    ignored(suite);
    odd(suite);
    lenient(suite);
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

fn names(suite: &mut Suite) {
    let good = [
        ("letters of both cases and digits", "aAzZ09".to_owned()),
        ("all the punctuation there is", "a-_=@,.;b".to_owned()),
        ("punctuation alone", "-_=@,.;".to_owned()),
        ("a name of one character", "~".replace('~', "q")),
        ("a name of 164 characters", "n".repeat(164)),
        ("a name of 200 characters", "m".repeat(200)),
        ("a name like a model's", "App.Models.User.5".to_owned()),
    ];
    for (name, channel) in good {
        suite.case(format!("{name} may be a channel"), move |at| async move {
            let mut wire = at.desk().await;
            wire.subscribe(&channel).await;
            at.publish(&channel, "e", "1").await;
            assert_eq!(wire.hear().await["channel"], channel);
        });
    }
    let bad = [
        ("the empty name", ""),
        ("a name with a space", "a b"),
        ("a name with a slash", "a/b"),
        ("a name with a backslash", "a\\b"),
        ("a name with a colon", "a:b"),
        ("a name with a # within", "a#b"),
        ("a name with a *", "a.*"),
        ("a name with a +", "a+b"),
        ("a name with a %", "a%20b"),
        ("a name with a ?", "a?b"),
        ("a name with a !", "a!"),
        ("a name with a quote", "a\"b"),
        ("a name with brackets", "a[0]"),
        ("a name with an accent", "café"),
        ("a name with an emoji", "💛"),
        ("a name with a line break within", "a\nb"),
        ("a name with a NUL", "a\u{0}b"),
        ("a name of a space", " "),
    ];
    for (name, channel) in bad {
        suite.case(format!("{name} is refused by name, and the connection lives"), move |at| async move {
            let mut wire = at.desk().await;
            refused(&wire.try_subscribe(channel).await, channel);
            wire.nothing_came().await;
        });
    }
    for (name, channel) in
        [("a name that ends in a line break", "a\n"), ("a name that begins with a line break", "\na")]
    {
        suite.case(format!("{name} is refused"), move |at| async move {
            refused(&at.desk().await.try_subscribe(channel).await, channel);
        });
    }
    suite.case("a name of 201 characters is refused", |at| async move {
        let channel = "n".repeat(201);
        refused(&at.desk().await.try_subscribe(&channel).await, &channel);
    });
    suite.case("an app may have shorter names", |at| async move {
        let mut wire = at.desk_of(&TIGHT).await;
        wire.subscribe(&"n".repeat(40)).await;
        let channel = "n".repeat(41);
        refused(&wire.try_subscribe(&channel).await, &channel);
    });
    for channel in ["#server", "##", "#", "#a", "#server-to-user", "#server-to-users-1", "#private-a"] {
        suite.not_soketi(
            "it takes them for public names",
            format!("{channel} is for nobody to subscribe"),
            move |at| async move {
                refused(&at.desk().await.try_subscribe(channel).await, channel);
            },
        );
    }
    suite.case("names in different cases are different channels", |at| async move {
        let (lower, upper) = (at.channel("case-of-"), at.channel("CASE-OF-"));
        let mut wire = at.desk().await;
        wire.subscribe(&lower).await;
        at.publish(&upper, "e", "1").await;
        at.publish(&lower, "fence", "1").await;
        assert_eq!(wire.hear().await["event"], "fence");
    });
}

fn prefixes(suite: &mut Suite) {
    for prefix in [
        "Private-",
        "PRIVATE-",
        "privat-",
        "private",
        "private_",
        "Presence-",
        "presence",
        "presence_",
        "encrypted-",
    ] {
        suite.case(format!("{prefix}… is a public name"), move |at| async move {
            at.desk().await.subscribe(&at.channel(prefix)).await;
        });
    }
    for prefix in ["my-private-", "a.private-", "cache-private-", "not-presence-", "x-presence-cache-"] {
        suite.not_soketi(
            "it looks for the word anywhere",
            format!("{prefix}… is a public name"),
            move |at| async move {
                let mut wire = at.desk().await;
                wire.ask(&at.channel(prefix)).await;
                assert_acknowledged(&wire.hear().await, &at.channel(prefix));
            },
        );
    }
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
    suite.not_soketi("it compares text", "a signature may be in capitals, as hex is hex", |at| async move {
        let channel = at.channel("private-");
        let mut wire = at.desk().await;
        let auth = wire.auth(&channel, None);
        let (key, signature) = auth.split_once(':').unwrap();
        let auth = format!("{key}:{}", signature.to_uppercase());
        wire.say(json!({"event": "pusher:subscribe", "data": {"channel": channel, "auth": auth}})).await;
        // Either answer is sound; what counts is that the connection lives.
        wire.hear().await;
        wire.nothing_came().await;
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
