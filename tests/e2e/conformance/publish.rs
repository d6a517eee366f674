//! Publishing by the HTTP API: an event, a batch of them, how big they may be, and what is refused whole.

use frontdesk::protocol::sign;
use frontdesk::time::Clock;
use serde_json::{Value, json};

use super::api::{assert_refused, event, nothing_but_a_fence, subscribed};
use super::apps::{MAIN, TIGHT};
use super::suite::{At, Suite, request, signed};
use super::wire::Reply;
use crate::server::Kind;

pub(super) fn cases(suite: &mut Suite) {
    events(suite);
    refused_events(suite);
    sizes(suite);
    batches(suite);
    refused_batches(suite);
}

fn events(suite: &mut Suite) {
    suite.case("channel is one channel", |at| async move {
        let mut wire = subscribed(at).await;
        assert_eq!(at.post(&event(at)).await.status, 200);
        assert_eq!(wire.hear().await["event"], "e");
    });
    suite.case("channels may be one channel", |at| async move {
        let mut wire = subscribed(at).await;
        let reply = at.post(&json!({"name": "e", "channels": [at.channel("")], "data": "1"})).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(wire.hear().await["event"], "e");
    });
    suite.case("channels may be a hundred", |at| async move {
        let channels: Vec<String> = (0..100).map(|number| at.channel(&format!("many-{number}-"))).collect();
        let mut wire = at.desk().await;
        wire.subscribe(&channels[0]).await;
        wire.subscribe(&channels[99]).await;
        let reply = at.post(&json!({"name": "e", "channels": channels, "data": "1"})).await;
        assert_eq!(at.status(&reply), 200, "{reply:?}");
        assert_eq!(wire.hear().await["channel"], channels[0]);
        assert_eq!(wire.hear().await["channel"], channels[99]);
    });
    suite.case("a socket_id leaves that connection out, and no other", |at| async move {
        let (mut wire, mut other) = (subscribed(at).await, subscribed(at).await);
        let mut event = event(at);
        event["socket_id"] = wire.socket_id.clone().into();
        assert_eq!(at.post(&event).await.status, 200);
        assert_eq!(other.hear().await["event"], "e");
        nothing_but_a_fence(at, &mut wire).await;
    });
    suite.case("a socket_id of nobody leaves nobody out", |at| async move {
        let mut wire = subscribed(at).await;
        let mut event = event(at);
        event["socket_id"] = json!("1.1");
        assert_eq!(at.post(&event).await.status, 200);
        assert_eq!(wire.hear().await["event"], "e");
    });
    suite.case("a socket_id that is null leaves nobody out", |at| async move {
        let mut wire = subscribed(at).await;
        let mut event = event(at);
        event["socket_id"] = Value::Null;
        assert_eq!(at.post(&event).await.status, 200);
        assert_eq!(wire.hear().await["event"], "e");
    });
    suite.case("socket_id is not told", |at| async move {
        let mut wire = subscribed(at).await;
        let mut event = event(at);
        event["socket_id"] = json!("1.1");
        at.post(&event).await;
        assert!(wire.hear().await.get("socket_id").is_none());
    });
    suite.not_soketi("it takes it for missing", "data may be empty", |at| async move {
        let mut wire = subscribed(at).await;
        let mut event = event(at);
        event["data"] = json!("");
        let reply = at.post(&event).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(wire.hear().await["data"], "");
    });
    suite.not_soketi("it passes the object on", "data that is an object is told as text", |at| async move {
        let mut wire = subscribed(at).await;
        let mut event = event(at);
        event["data"] = json!({"a": [1, 2]});
        let reply = at.post(&event).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let told = wire.hear().await;
        let text = told["data"].as_str().unwrap_or_else(|| panic!("{told}"));
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), json!({"a": [1, 2]}));
    });
    for (name, event_name) in [
        ("a name of 200 characters", "n".repeat(200)),
        ("a name of 200 accented characters", "é".repeat(200)),
        ("a class's name", "App\\Events\\BookingUpdated".to_owned()),
        (
            "a notification's name",
            "Illuminate\\Notifications\\Events\\BroadcastNotificationCreated".to_owned(),
        ),
        ("a name with spaces and accents", "büking getätigt 💛".to_owned()),
        ("a name with punctuation", ".a:b/c#d?e&f=g%h".to_owned()),
    ] {
        suite.case(format!("{name} is taken"), move |at| async move {
            let mut wire = subscribed(at).await;
            at.publish(&at.channel(""), &event_name, "1").await;
            assert_eq!(wire.hear().await["event"], event_name);
        });
    }
    suite.case("unknown fields do not matter", |at| async move {
        let mut event = event(at);
        event["tags"] = json!({"a": [1]});
        assert_eq!(at.post(&event).await.status, 200);
    });
    suite.case("white space and escapes in the body do not matter", |at| async move {
        let mut wire = subscribed(at).await;
        let body = format!(
            "\n{{ \"n\\u0061me\" : \"e\",\t\"channel\":\"{}\",\"data\":\"\\u00e9\" }}\n",
            at.channel("")
        );
        let reply = at.api(&MAIN, "POST", "/events", &[], &body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(wire.hear().await["data"], "é");
    });
    suite.case("the body's content type does not matter", |at| async move {
        for kind in ["text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded"] {
            let body = event(at).to_string();
            let asked = request("POST", &signed(&MAIN, "POST", "/events", &[], &body), &body);
            let reply = at.http(asked.replace("application/json", kind)).await;
            assert_eq!(at.status(&reply), 200, "{kind}: {reply:?}");
        }
    });
    suite.not_soketi("it answers no info", "info tells of each channel, once it is asked for", |at| async move {
        let (public, presence) = (at.channel(""), at.channel("presence-"));
        let mut wire = subscribed(at).await;
        wire.join(&presence, &json!({"user_id": "1", "user_info": {}})).await;
        let mut event = json!({"name": "e", "channels": [public, presence], "data": "1", "info": "subscription_count"});
        let reply = at.post(&event).await;
        let one = json!({"subscription_count": 1});
        assert_eq!(reply.json(), json!({"channels": {public.clone(): one, presence.clone(): one}}), "{reply:?}");
        event["channels"] = json!([presence]);
        event["info"] = json!("subscription_count,user_count");
        let reply = at.post(&event).await;
        assert_eq!(reply.json(), json!({"channels": {presence: {"subscription_count": 1, "user_count": 1}}}));
    });
    suite.case("an event that nobody hears is taken", |at| async move {
        at.publish(&at.channel("nobody-"), "e", "1").await;
    });
}

fn refused_events(suite: &mut Suite) {
    let missing = [("no name", "name"), ("no data", "data"), ("no channel", "channel")];
    for (name, field) in missing {
        suite.case(format!("an event with {name} gets 400"), move |at| async move {
            let mut event = event(at);
            event.as_object_mut().unwrap().remove(field);
            assert_refused(at, &at.post(&event).await, &[400]);
        });
        suite.case(format!("an event whose {field} is null gets 400"), move |at| async move {
            let mut event = event(at);
            event[field] = Value::Null;
            assert_refused(at, &at.post(&event).await, &[400]);
        });
    }
    let wrong =
        [("an empty name", "name", json!("")), ("a name of 201 characters", "name", json!("n".repeat(201)))];
    for (name, field, value) in wrong {
        suite.case(format!("{name} gets 400"), move |at| async move {
            let mut event = event(at);
            event[field] = value;
            assert_refused(at, &at.post(&event).await, &[400]);
        });
    }
    let let_through = [
        ("a name that is a number", "name", json!(7)),
        ("a name that is an object", "name", json!({})),
        ("a name with a line break", "name", json!("a\nb")),
        ("a name with a NUL", "name", json!("a\u{0}")),
        ("a channel with a space", "channel", json!("a b")),
        ("a channel that is empty", "channel", json!("")),
        ("a channel with a slash", "channel", json!("a/b")),
        ("a channel that is a number", "channel", json!(7)),
        ("a channel that is an object", "channel", json!({"a": 1})),
        ("a channel that begins with #", "channel", json!("#a")),
        ("a channel of 201 characters", "channel", json!("n".repeat(201))),
        ("channels that are none", "channels", json!([])),
        ("channels that are text", "channels", json!("a")),
        ("channels that are an object", "channels", json!({"0": "a"})),
        ("channels with a number among them", "channels", json!(["a", 7])),
        ("channels with a null among them", "channels", json!(["a", null])),
        ("a socket_id that is a word", "socket_id", json!("me")),
        ("a socket_id without a dot", "socket_id", json!("12345")),
        ("a socket_id with a line behind", "socket_id", json!("1.1\n")),
        ("a socket_id with something behind", "socket_id", json!("1.1.1")),
        ("a socket_id with a minus", "socket_id", json!("-1.1")),
        ("a socket_id that is a number", "socket_id", json!(1.1)),
        ("an info that nobody knows", "info", json!("color")),
    ];
    for (name, field, value) in let_through {
        suite.not_soketi(
            "it lets it through or fails on it",
            format!("{name} gets 400"),
            move |at| async move {
                let mut event = event(at);
                if field == "channels" {
                    event.as_object_mut().unwrap().remove("channel");
                }
                event[field] = value;
                assert_refused(at, &at.post(&event).await, &[400]);
            },
        );
    }
    suite.case("101 channels get 400, and nothing is published to any", |at| async move {
        let mut wire = subscribed(at).await;
        let mut channels: Vec<String> = (0..100).map(|number| format!("many-{number}")).collect();
        channels.insert(0, at.channel(""));
        assert_refused(at, &at.post(&json!({"name": "e", "channels": channels, "data": "1"})).await, &[400]);
        nothing_but_a_fence(at, &mut wire).await;
    });
    suite.not_soketi(
        "it looks at no names",
        "one bad channel among good ones gets 400, and nothing is published to any",
        |at| async move {
            let mut wire = subscribed(at).await;
            assert_refused(
                at,
                &at.post(&json!({"name": "e", "channels": [at.channel(""), "b a d"], "data": "1"})).await,
                &[400],
            );
            nothing_but_a_fence(at, &mut wire).await;
        },
    );
    suite.case("an app may have fewer channels at a time", |at| async move {
        for (channels, expected) in [(3, 200), (4, 400)] {
            let channels: Vec<String> = (0..channels).map(|number| format!("c{number}")).collect();
            let body = json!({"name": "e", "channels": channels, "data": "1"}).to_string();
            let reply = at.api(&TIGHT, "POST", "/events", &[], &body).await;
            assert_eq!(at.status(&reply), expected, "{reply:?}");
        }
    });
    suite.case("an app may have shorter names of events", |at| async move {
        for (length, expected) in [(20, 200), (21, 400)] {
            let body = json!({"name": "n".repeat(length), "channel": "c", "data": "1"}).to_string();
            let reply = at.api(&TIGHT, "POST", "/events", &[], &body).await;
            assert_eq!(at.status(&reply), expected, "{reply:?}");
        }
    });
    for (name, body) in [
        ("no JSON", "hello"),
        ("JSON that is cut", "{\"name\":\"e\""),
        ("an empty object", "{}"),
        ("single quotes", "{'name':'e'}"),
    ] {
        suite.case(format!("a body of {name} gets 400"), move |at| async move {
            // soketi signs {} for what it cannot read.
            let expected = if at.kind == Kind::Relay { [400, 400] } else { [400, 401] };
            assert_refused(at, &at.api(&MAIN, "POST", "/events", &[], body).await, &expected);
        });
    }
    let refused = |body: &'static str| {
        move |at: At| async move {
            assert_refused(at, &at.api(&MAIN, "POST", "/events", &[], body).await, &[400]);
        }
    };
    for (name, body) in [
        ("a list", "[]"),
        ("a list of events", r#"[{"name":"e","channel":"c","data":"1"}]"#),
        ("a list of values", r#"["e","c","1"]"#),
        ("a number", "7"),
        ("text", "\"name\""),
    ] {
        suite.case(format!("a body that is {name} gets 400"), refused(body));
    }
    let deep = Box::leak(format!("{{\"name\":{}", "[".repeat(100_000)).into_boxed_str());
    for (name, body) in [("null", "null"), ("deeply nested JSON", &*deep)] {
        suite.not_soketi("it fails on it", format!("a body that is {name} gets 400"), refused(body));
    }
    suite.case("an empty body gets 400", |at| async move {
        assert_refused(at, &at.api(&MAIN, "POST", "/events", &[], "").await, &[400, 401]);
    });
    suite.not_soketi("it replaces what is not UTF-8", "a body that is not UTF-8 gets 400", |at| async move {
        let body = [b"{\"name\":\"e\",\"channel\":\"c\",\"data\":\"\xFF\"}".as_slice()].concat();
        let target = {
            let mut pairs = vec![
                ("auth_key".to_owned(), MAIN.key.to_owned()),
                ("auth_timestamp".to_owned(), Clock::system().now().as_second().to_string()),
                ("auth_version".to_owned(), "1.0".to_owned()),
                ("body_md5".to_owned(), sign::body_md5(&body)),
            ];
            let path = format!("/apps/{}/events", MAIN.id);
            let signature = sign::sign(MAIN.secret, &sign::request_text("POST", &path, &pairs));
            pairs.push(("auth_signature".to_owned(), signature));
            let query: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{path}?{}", query.join("&"))
        };
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        assert_refused(at, &at.http([head.into_bytes(), body].concat()).await, &[400]);
    });
}

fn sizes(suite: &mut Suite) {
    let sizes = [
        ("10 KB of letters", "x".repeat(10_240), true),
        ("10 KB of letters and one", "x".repeat(10_241), false),
        ("10 KB of two-byte characters", "é".repeat(5_120), true),
        ("10 KB of two-byte characters and one", "é".repeat(5_121), false),
        ("10 KB of quotes, which the body escapes", "\"".repeat(10_240), true),
        ("10 KB of control characters, which the body escapes", "\u{1}".repeat(10_240), true),
    ];
    for (name, data, taken) in sizes {
        let verb = if taken { "are taken" } else { "get 413" };
        suite.case(format!("{name} {verb} where 10 KB are the limit"), move |at| async move {
            let body = json!({"name": "e", "channel": at.channel(""), "data": data}).to_string();
            let reply = at.api(&TIGHT, "POST", "/events", &[], &body).await;
            assert_eq!(at.status(&reply), if taken { 200 } else { 413 }, "{}", reply.head);
        });
    }
    suite.case("100 KB are taken by default, and more gets 413", |at| async move {
        let mut wire = subscribed(at).await;
        at.publish(&at.channel(""), "e", &"x".repeat(102_400)).await;
        assert_eq!(wire.hear().await["data"].as_str().unwrap().len(), 102_400);
        let mut event = event(at);
        event["data"] = "x".repeat(102_401).into();
        let reply = at.post(&event).await;
        assert_refused(at, &reply, &[413]);
        nothing_but_a_fence(at, &mut wire).await;
    });
}

async fn batch(at: At, events: &Value) -> Reply {
    at.api(&MAIN, "POST", "/batch_events", &[], &json!({"batch": events}).to_string()).await
}

fn batches(suite: &mut Suite) {
    suite.case("a batch's events come in its order", |at| async move {
        let mut wire = subscribed(at).await;
        let events: Vec<Value> = (0..10)
            .map(|n| json!({"name": format!("e{n}"), "channel": at.channel(""), "data": "1"}))
            .collect();
        let reply = batch(at, &json!(events)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(reply.json().is_object());
        for number in 0..10 {
            assert_eq!(wire.hear().await["event"], format!("e{number}"));
        }
    });
    suite.not_soketi("it says {\"ok\":true}", "the answer to a batch is {}", |at| async move {
        assert_eq!(batch(at, &json!([event(at)])).await.body, "{}");
    });
    suite.case("a batch may be of many channels", |at| async move {
        let mut wire = subscribed(at).await;
        let other = at.channel("other-");
        wire.subscribe(&other).await;
        let reply = batch(at, &json!([event(at), {"name": "o", "channel": other, "data": "1"}])).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(wire.hear().await["event"], "e");
        assert_eq!(wire.hear().await["event"], "o");
    });
    suite.case("each event of a batch may leave one out", |at| async move {
        let (mut wire, mut other) = (subscribed(at).await, subscribed(at).await);
        let mut left_out = event(at);
        left_out["socket_id"] = wire.socket_id.clone().into();
        let mut second = event(at);
        second["name"] = json!("second");
        assert_eq!(batch(at, &json!([left_out, second])).await.status, 200);
        assert_eq!(wire.hear().await["event"], "second");
        assert_eq!(other.hear().await["event"], "e");
        assert_eq!(other.hear().await["event"], "second");
    });
    suite.case("an empty batch is taken", |at| async move {
        let reply = batch(at, &json!([])).await;
        assert_eq!(at.status(&reply), 200, "{reply:?}");
    });
    suite.not_soketi(
        "it answers no info",
        "a batch tells info for each event that asks for it",
        |at| async move {
            let _wire = subscribed(at).await;
            let mut asking = event(at);
            asking["info"] = json!("subscription_count");
            let reply = batch(at, &json!([asking, event(at)])).await;
            assert_eq!(reply.json(), json!({"batch": [{"subscription_count": 1}, {}]}));
        },
    );
}

fn refused_batches(suite: &mut Suite) {
    suite.case("a batch of 11 gets 400, and nothing is published", |at| async move {
        let mut wire = subscribed(at).await;
        assert_refused(at, &batch(at, &json!(vec![event(at); 11])).await, &[400]);
        nothing_but_a_fence(at, &mut wire).await;
    });
    suite.case("an app may have smaller batches", |at| async move {
        for (count, expected) in [(2, 200), (3, 400)] {
            let events = vec![json!({"name": "e", "channel": "c", "data": "1"}); count];
            let reply =
                at.api(&TIGHT, "POST", "/batch_events", &[], &json!({"batch": events}).to_string()).await;
            assert_eq!(at.status(&reply), expected, "{reply:?}");
        }
    });
    suite.case("one bad event of a batch gets 400, and nothing is published", |at| async move {
        let mut wire = subscribed(at).await;
        let reply = batch(at, &json!([event(at), {"name": "no data", "channel": at.channel("")}])).await;
        assert_refused(at, &reply, &[400]);
        nothing_but_a_fence(at, &mut wire).await;
    });
    suite.case("one event of a batch that is too big gets 413, and nothing is published", |at| async move {
        let mut wire = subscribed(at).await;
        let mut big = event(at);
        big["data"] = "x".repeat(102_401).into();
        assert_refused(at, &batch(at, &json!([event(at), big])).await, &[413]);
        nothing_but_a_fence(at, &mut wire).await;
    });
    for (name, body) in [
        ("null", r#"{"batch":null}"#),
        ("an object", r#"{"batch":{}}"#),
        ("text", r#"{"batch":"e"}"#),
        ("missing", "{}"),
        ("of nulls", r#"{"batch":[null]}"#),
        ("of numbers", r#"{"batch":[7]}"#),
        ("of lists", r#"{"batch":[[]]}"#),
    ] {
        suite.not_soketi(
            "it ends its process",
            format!("a batch that is {name} gets 400"),
            move |at| async move {
                assert_refused(at, &at.api(&MAIN, "POST", "/batch_events", &[], body).await, &[400]);
            },
        );
    }
}
