//! The HTTP API: who may call it, what it takes, what it tells, and the statuses of what it refuses.

use frontdesk::protocol::sign;
use frontdesk::time::Clock;
use serde_json::{Value, json};

use super::apps::{MAIN, MUTE, OFF, TIGHT};
use super::suite::{At, Suite, request, signed, signed_at};
use super::wire::{Reply, Wire};
use crate::server::Kind;

pub(super) fn cases(suite: &mut Suite) {
    signatures(suite);
    times(suite);
    events(suite);
    refused_events(suite);
    sizes(suite);
    batches(suite);
    refused_batches(suite);
    channels(suite);
    one_channel(suite);
    members(suite);
    routes(suite);
}

/// Asserts a refusal that says why.
fn assert_refused(at: At, reply: &Reply, expected: &[u16]) {
    let status = at.status(reply);
    assert!(expected.contains(&status), "{status} instead of {expected:?}: {reply:?}");
    assert!(!reply.body.trim().is_empty(), "no reason: {reply:?}");
}

fn event(at: At) -> Value {
    json!({"name": "e", "channel": at.channel(""), "data": "1"})
}

async fn subscribed(at: At) -> Wire {
    let mut wire = at.desk().await;
    wire.subscribe(&at.channel("")).await;
    wire
}

/// Asserts that the next thing heard is published now.
async fn nothing_but_a_fence(at: At, wire: &mut Wire) {
    at.publish(&at.channel(""), "fence", "1").await;
    assert_eq!(wire.hear().await["event"], "fence");
}

fn signatures(suite: &mut Suite) {
    suite.case("a signed request is answered with 200 and a JSON object", |at| async move {
        let reply = at.post(&event(at)).await;
        assert_eq!(reply.status, 200);
        assert!(reply.json().is_object());
        assert!(
            reply.header("content-type").is_some_and(|kind| kind.starts_with("application/json")),
            "{reply:?}"
        );
    });
    suite.not_soketi("it says {\"ok\":true}", "the answer to an event is {}", |at| async move {
        assert_eq!(at.post(&event(at)).await.body, "{}");
    });
    suite.case("a request without a signature gets 401", |at| async move {
        let target = format!("/apps/{}/events", MAIN.id);
        assert_refused(at, &at.http(request("POST", &target, &event(at).to_string())).await, &[401]);
        let target = format!("/apps/{}/channels", MAIN.id);
        assert_refused(at, &at.http(request("GET", &target, "")).await, &[401]);
    });
    for left_out in ["auth_key", "auth_timestamp", "auth_version", "auth_signature"] {
        suite.not_soketi(
            "it puts in what is missing",
            format!("a request without {left_out} gets 401"),
            move |at| async move {
                let target = without(&signed(&MAIN, "GET", "/channels", &[], ""), left_out);
                assert_refused(at, &at.http(request("GET", &target, "")).await, &[400, 401]);
            },
        );
    }
    suite.case("another secret gets 401, and publishes nothing", |at| async move {
        let mut wire = subscribed(at).await;
        let app = App { id: MAIN.id, key: MAIN.key, secret: TIGHT.secret };
        assert_refused(at, &signed_by(at, &app, "POST", "/events", &event(at).to_string()).await, &[401]);
        nothing_but_a_fence(at, &mut wire).await;
    });
    suite.not_soketi(
        "it looks at the path alone",
        "another app's key and secret get 401, and publish nothing",
        |at| async move {
            let mut wire = subscribed(at).await;
            let app = App { id: MAIN.id, key: TIGHT.key, secret: TIGHT.secret };
            assert_refused(at, &signed_by(at, &app, "POST", "/events", &event(at).to_string()).await, &[401]);
            nothing_but_a_fence(at, &mut wire).await;
        },
    );
    suite.case("another app's key with this app's secret gets 401", |at| async move {
        let target = signed(&MAIN, "GET", "/channels", &[], "").replace(MAIN.key, TIGHT.key);
        assert_refused(at, &at.http(request("GET", &target, "")).await, &[401]);
    });
    suite.case("an unknown key gets 401", |at| async move {
        let app = App { id: MAIN.id, key: "nobody", secret: MAIN.secret };
        let reply = signed_by(at, &app, "GET", "/channels", "").await;
        if at.kind == Kind::Relay {
            assert_refused(at, &reply, &[401]);
        }
    });
    suite.case("an unknown app gets 404", |at| async move {
        let app = App { id: "9999", key: MAIN.key, secret: MAIN.secret };
        for (method, path, body) in
            [("POST", "/events", "{}"), ("GET", "/channels", ""), ("POST", "/batch_events", "{\"batch\":[]}")]
        {
            assert_refused(at, &signed_by(at, &app, method, path, body).await, &[404]);
        }
    });
    suite.not_soketi("it serves them all the same", "a disabled app gets 403", |at| async move {
        assert_refused(at, &at.api(&OFF, "POST", "/events", &[], &event(at).to_string()).await, &[403]);
        assert_refused(at, &at.api(&OFF, "GET", "/channels", &[], "").await, &[403]);
    });
    suite.case("a body that was changed gets 401, and publishes nothing", |at| async move {
        let mut wire = subscribed(at).await;
        let body = event(at).to_string();
        let target = signed(&MAIN, "POST", "/events", &[], &body);
        let reply = at.http(request("POST", &target, &body.replace("\"1\"", "\"2\""))).await;
        assert_refused(at, &reply, &[401]);
        nothing_but_a_fence(at, &mut wire).await;
    });
    suite.not_soketi("it puts in what is missing", "a body without its body_md5 gets 401", |at| async move {
        let target = signed(&MAIN, "POST", "/events", &[], "");
        assert_refused(at, &at.http(request("POST", &target, &event(at).to_string())).await, &[401]);
    });
    suite.case("a wrong body_md5, signed as it is, gets 401", |at| async move {
        let body = event(at).to_string();
        let target = signed(&MAIN, "POST", "/events", &[], "{}");
        assert_refused(at, &at.http(request("POST", &target, &body)).await, &[401]);
    });
    suite.case("the signature of another method gets 401", |at| async move {
        let target = signed(&MAIN, "POST", "/channels", &[], "");
        assert_refused(at, &at.http(request("GET", &target, "")).await, &[401]);
    });
    suite.case("the signature of another path gets 401", |at| async move {
        let target = signed(&MAIN, "GET", "/channels", &[], "").replace("/channels", "/channels/a");
        assert_refused(at, &at.http(request("GET", &target, "")).await, &[401]);
    });
    suite.case("a parameter that was added gets 401", |at| async move {
        let target = format!("{}&filter_by_prefix=a", signed(&MAIN, "GET", "/channels", &[], ""));
        assert_refused(at, &at.http(request("GET", &target, "")).await, &[401]);
    });
    suite.case("a parameter that was taken away gets 401", |at| async move {
        let target =
            without(&signed(&MAIN, "GET", "/channels", &[("filter_by_prefix", "a")], ""), "filter_by_prefix");
        assert_refused(at, &at.http(request("GET", &target, "")).await, &[401]);
    });
    suite.case("a signature that is cut gets 401", |at| async move {
        let target = signed(&MAIN, "GET", "/channels", &[], "");
        assert_refused(at, &at.http(request("GET", &target[..target.len() - 1], "")).await, &[401]);
    });
    suite.case("the parameters may come in any order", |at| async move {
        let target = signed(&MAIN, "GET", "/channels", &[], "");
        let (path, query) = target.split_once('?').unwrap();
        let mut pairs: Vec<&str> = query.split('&').collect();
        pairs.reverse();
        let reply = at.http(request("GET", &format!("{path}?{}", pairs.join("&")), "")).await;
        assert_eq!(at.status(&reply), 200, "{reply:?}");
    });
    suite.case("values are signed without their escapes", |at| async move {
        let reply =
            at.get("/channels", &[("filter_by_prefix", "a=b,c;d@e"), ("info", "subscription_count")]).await;
        assert_eq!(at.status(&reply), 200, "{reply:?}");
    });
    suite.case("unknown parameters that are signed do not matter", |at| async move {
        let reply = at.get("/channels", &[("library", "pusher-http-odd"), ("zzz", "1")]).await;
        assert_eq!(at.status(&reply), 200, "{reply:?}");
    });
    suite.case("the body_md5 of the empty text on a GET is taken", |at| async move {
        // PyPI's pusher sends it.
        let reply = at.get("/channels", &[("body_md5", "d41d8cd98f00b204e9800998ecf8427e")]).await;
        assert_eq!(at.status(&reply), 200, "{reply:?}");
    });
    suite.not_soketi("it looks at no version", "another auth_version gets 401", |at| async move {
        let target =
            signed(&MAIN, "GET", "/channels", &[], "").replace("auth_version=1.0", "auth_version=2.0");
        assert_refused(at, &at.http(request("GET", &target, "")).await, &[400, 401]);
    });
    suite.not_soketi(
        "it knows no prefix",
        "a path with a prefix is taken, signed with it or without",
        |at| async move {
            for signed_with in [false, true] {
                let body = event(at).to_string();
                let app = App { id: MAIN.id, key: MAIN.key, secret: MAIN.secret };
                let target = if signed_with {
                    app.target("POST", &format!("/reverb/apps/{}/events", MAIN.id), &body)
                } else {
                    format!("/reverb{}", app.target("POST", &format!("/apps/{}/events", MAIN.id), &body))
                };
                let reply = at.http(request("POST", &target, &body)).await;
                assert_eq!(reply.status, 200, "signed with it: {signed_with}: {reply:?}");
            }
        },
    );
}

/// An app as a caller claims it to be.
struct App {
    id: &'static str,
    key: &'static str,
    secret: &'static str,
}

impl App {
    fn target(&self, method: &str, path: &str, body: &str) -> String {
        let mut pairs = vec![
            ("auth_key".to_owned(), self.key.to_owned()),
            ("auth_timestamp".to_owned(), Clock::system().now().as_second().to_string()),
            ("auth_version".to_owned(), "1.0".to_owned()),
        ];
        if !body.is_empty() {
            pairs.push(("body_md5".to_owned(), sign::body_md5(body.as_bytes())));
        }
        let signature = sign::sign(self.secret, &sign::request_text(method, path, &pairs));
        let query: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{path}?{}&auth_signature={signature}", query.join("&"))
    }
}

async fn signed_by(at: At, app: &App, method: &str, path: &str, body: &str) -> Reply {
    let target = app.target(method, &format!("/apps/{}{path}", app.id), body);
    at.http(request(method, &target, body)).await
}

/// A target without one of its parameters.
fn without(target: &str, parameter: &str) -> String {
    let (path, query) = target.split_once('?').unwrap();
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with(parameter)).collect();
    format!("{path}?{}", kept.join("&"))
}

fn times(suite: &mut Suite) {
    for (name, seconds) in [("590 seconds ago", -590), ("in 590 seconds", 590)] {
        suite.case(format!("what was signed {name} is taken"), move |at| async move {
            let now = Clock::system().now().as_second();
            let target = signed_at(&MAIN, "GET", "/channels", &[], "", now + seconds);
            let reply = at.http(request("GET", &target, "")).await;
            assert_eq!(at.status(&reply), 200, "{reply:?}");
        });
    }
    for (name, at_second) in [
        ("610 seconds ago", Clock::system().now().as_second() - 610),
        ("in 630 seconds", Clock::system().now().as_second() + 630),
        ("in 1970", 1),
        ("before 1970", -1),
        ("at the end of time", i64::MAX),
    ] {
        suite.not_soketi(
            "it looks at no time",
            format!("what was signed {name} gets 401"),
            move |at| async move {
                let target = signed_at(&MAIN, "GET", "/channels", &[], "", at_second);
                assert_refused(at, &at.http(request("GET", &target, "")).await, &[400, 401]);
            },
        );
    }
    suite.not_soketi("it looks at no time", "a time that is no number gets 401", |at| async move {
        let target = signed(&MAIN, "GET", "/channels", &[], "");
        let (start, rest) = target.split_once("auth_timestamp=").unwrap();
        let rest = rest.split_once('&').unwrap().1;
        let target = format!("{start}auth_timestamp=yesterday&{rest}");
        assert_refused(at, &at.http(request("GET", &target, "")).await, &[400, 401]);
    });
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
    for (name, body) in [
        ("null", "null"),
        ("a list", "[]"),
        ("a list of events", r#"[{"name":"e","channel":"c","data":"1"}]"#),
        ("a list of values", r#"["e","c","1"]"#),
        ("a number", "7"),
        ("text", "\"name\""),
        ("deeply nested JSON", &*Box::leak(format!("{{\"name\":{}", "[".repeat(100_000)).into_boxed_str())),
    ] {
        suite.not_soketi(
            "it fails on it, or lets it through",
            format!("a body that is {name} gets 400"),
            move |at| async move {
                assert_refused(at, &at.api(&MAIN, "POST", "/events", &[], body).await, &[400]);
            },
        );
    }
    suite.not_soketi("it takes it for {}", "an empty body gets 400", |at| async move {
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

fn channels(suite: &mut Suite) {
    suite.case("/channels lists what has subscribers, of a prefix", |at| async move {
        let (a, b) = (at.channel(&format!("list{}-a-", at.port)), at.channel(&format!("list{}-b-", at.port)));
        let mut wire = at.desk().await;
        wire.subscribe(&a).await;
        wire.subscribe(&b).await;
        let reply = at.get("/channels", &[("filter_by_prefix", &format!("list{}-", at.port))]).await;
        let listed: Vec<String> = reply.json()["channels"].as_object().unwrap().keys().cloned().collect();
        assert!(listed.contains(&a) && listed.contains(&b) && listed.len() == 2, "{listed:?}");
        let reply = at.get("/channels", &[("filter_by_prefix", &a)]).await;
        assert_eq!(reply.json()["channels"].as_object().unwrap().len(), 1);
    });
    suite.case("/channels without a prefix lists all", |at| async move {
        let _wire = subscribed(at).await;
        let reply = at.get("/channels", &[]).await;
        assert!(reply.json()["channels"].get(at.channel("")).is_some(), "{reply:?}");
    });
    suite.case("/channels of a prefix that nobody has is an empty object", |at| async move {
        let reply = at.get("/channels", &[("filter_by_prefix", "nobody-has-this-")]).await;
        assert_eq!(reply.json(), json!({"channels": {}}));
    });
    suite.case("a channel that all have left is not listed", |at| async move {
        let mut wire = subscribed(at).await;
        wire.unsubscribe(&at.channel("")).await;
        wire.nothing_came().await;
        let reply = at.get("/channels", &[("filter_by_prefix", &at.channel(""))]).await;
        assert_eq!(reply.json(), json!({"channels": {}}));
    });
    suite.case("another app's channels are not listed", |at| async move {
        let mut wire = at.desk_of(&MUTE).await;
        wire.subscribe(&at.channel("")).await;
        let reply = at.get("/channels", &[("filter_by_prefix", &at.channel(""))]).await;
        assert_eq!(reply.json(), json!({"channels": {}}));
        let reply = at.api(&MUTE, "GET", "/channels", &[("filter_by_prefix", &at.channel(""))], "").await;
        assert_eq!(reply.json()["channels"].as_object().unwrap().len(), 1);
    });
    suite.not_soketi(
        "it tells more than it is asked for",
        "without info nothing is told of each channel",
        |at| async move {
            let _wire = subscribed(at).await;
            let reply = at.get("/channels", &[("filter_by_prefix", &at.channel(""))]).await;
            assert_eq!(reply.json(), json!({"channels": {at.channel(""): {}}}));
        },
    );
    suite.not_soketi(
        "it tells no users there",
        "info=user_count tells the users of presence channels",
        |at| async move {
            let channel = at.channel("presence-");
            let mut wires = Vec::new();
            for id in ["1", "2", "2"] {
                let mut wire = at.desk().await;
                wire.join(&channel, &json!({"user_id": id, "user_info": {}})).await;
                wires.push(wire);
            }
            let reply = at.get("/channels", &[("filter_by_prefix", &channel), ("info", "user_count")]).await;
            assert_eq!(reply.json(), json!({"channels": {channel: {"user_count": 2}}}));
        },
    );
    for prefix in [None, Some("private-"), Some("p")] {
        let name = format!(
            "info=user_count of the prefix {prefix:?}, which others than presence channels have, gets 400"
        );
        suite.not_soketi("it passes over info", name, move |at| async move {
            let mut query = vec![("info", "user_count")];
            query.extend(prefix.map(|prefix| ("filter_by_prefix", prefix)));
            assert_refused(at, &at.get("/channels", &query).await, &[400]);
        });
    }
    suite.not_soketi(
        "it passes over info",
        "info=subscription_count tells the connections of each",
        |at| async move {
            let _wires = (subscribed(at).await, subscribed(at).await);
            let reply = at
                .get("/channels", &[("filter_by_prefix", &at.channel("")), ("info", "subscription_count")])
                .await;
            assert_eq!(reply.json(), json!({"channels": {at.channel(""): {"subscription_count": 2}}}));
        },
    );
}

fn one_channel(suite: &mut Suite) {
    suite.case("a channel with subscribers is occupied", |at| async move {
        let _wire = subscribed(at).await;
        let reply = at.get(&format!("/channels/{}", at.channel("")), &[]).await;
        assert_eq!(reply.json()["occupied"], true, "{reply:?}");
    });
    suite.case("a channel that nobody has is not occupied, and no error", |at| async move {
        let reply = at.get(&format!("/channels/{}", at.channel("")), &[]).await;
        assert_eq!((at.status(&reply), &reply.json()["occupied"]), (200, &json!(false)), "{reply:?}");
    });
    suite.not_soketi(
        "it tells more than it is asked for",
        "without info a channel is occupied or not, and no more",
        |at| async move {
            let _wire = subscribed(at).await;
            let reply = at.get(&format!("/channels/{}", at.channel("")), &[]).await;
            assert_eq!(reply.json(), json!({"occupied": true}));
        },
    );
    suite.case("info=subscription_count tells the connections", |at| async move {
        let _wires = (subscribed(at).await, subscribed(at).await);
        let reply = at.get(&format!("/channels/{}", at.channel("")), &[("info", "subscription_count")]).await;
        assert_eq!(reply.json()["subscription_count"], 2);
    });
    suite.case("info=user_count tells the users and not the connections", |at| async move {
        let channel = at.channel("presence-");
        let mut wires = Vec::new();
        for id in ["1", "2", "2"] {
            let mut wire = at.desk().await;
            wire.join(&channel, &json!({"user_id": id, "user_info": {}})).await;
            wires.push(wire);
        }
        let info = [("info", "user_count,subscription_count")];
        let told = at.get(&format!("/channels/{channel}"), &info).await.json();
        assert_eq!((&told["user_count"], &told["subscription_count"]), (&json!(2), &json!(3)), "{told}");
    });
    for prefix in ["", "private-", "private-encrypted-", "cache-"] {
        suite.not_soketi(
            "it passes over info",
            format!("info=user_count of a {prefix}… channel gets 400"),
            move |at| async move {
                let path = format!("/channels/{}", at.channel(prefix));
                assert_refused(at, &at.get(&path, &[("info", "user_count")]).await, &[400]);
            },
        );
    }
    suite.not_soketi(
        "it passes over info",
        "info=cache tells the last event's data, and how long it is kept",
        |at| async move {
            let channel = at.channel("cache-");
            at.publish(&channel, "e", "{\"a\":1}").await;
            let told = at.get(&format!("/channels/{channel}"), &[("info", "cache")]).await.json();
            assert_eq!(told["cache"]["data"], "{\"a\":1}", "{told}");
            assert!(
                told["cache"]["ttl"].as_u64().is_some_and(|seconds| (1..=1800).contains(&seconds)),
                "{told}"
            );
        },
    );
    suite.not_soketi(
        "it passes over info",
        "info=cache of a channel that keeps nothing yet is no error",
        |at| async move {
            let reply = at.get(&format!("/channels/{}", at.channel("cache-")), &[("info", "cache")]).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            assert!(reply.json()["cache"].get("data").is_none(), "{reply:?}");
        },
    );
    suite.not_soketi("it looks at no names", "a channel that is no name gets 400", |at| async move {
        for path in ["/channels/a%20b", "/channels/caf%C3%A9"] {
            assert_refused(at, &at.get(path, &[]).await, &[400]);
        }
    });
}

fn members(suite: &mut Suite) {
    suite.case("/users tells each user once", |at| async move {
        let channel = at.channel("presence-");
        let mut wires = Vec::new();
        for id in ["1", "2", "2"] {
            let mut wire = at.desk().await;
            wire.join(&channel, &json!({"user_id": id, "user_info": {"secret": id}})).await;
            wires.push(wire);
        }
        let told = at.get(&format!("/channels/{channel}/users"), &[]).await.json();
        let mut ids: Vec<&Value> = told["users"].as_array().unwrap().iter().map(|user| &user["id"]).collect();
        ids.sort_by_key(|id| id.to_string());
        assert_eq!(ids, [&json!("1"), &json!("2")]);
        assert!(told["users"][0].as_object().unwrap().len() == 1, "ids alone: {told}");
    });
    suite.case("/users of a presence channel that nobody has is empty", |at| async move {
        let reply = at.get(&format!("/channels/{}/users", at.channel("presence-")), &[]).await;
        assert_eq!(reply.json(), json!({"users": []}));
    });
    for prefix in ["", "private-", "cache-", "my-presence-"] {
        suite.case(format!("/users of a {prefix}… channel gets 400"), move |at| async move {
            assert_refused(
                at,
                &at.get(&format!("/channels/{}/users", at.channel(prefix)), &[]).await,
                &[400],
            );
        });
    }
    suite.not_soketi(
        "it tells the number",
        "/users tells a user id that was a number as text",
        |at| async move {
            let channel = at.channel("presence-");
            let mut wire = at.desk().await;
            wire.join(&channel, &json!({"user_id": 7})).await;
            let told = at.get(&format!("/channels/{channel}/users"), &[]).await.json();
            assert_eq!(told, json!({"users": [{"id": "7"}]}));
        },
    );
    suite.case("who has left is told no more", |at| async move {
        let channel = at.channel("presence-");
        let mut wire = at.desk().await;
        wire.join(&channel, &json!({"user_id": "1", "user_info": {}})).await;
        wire.unsubscribe(&channel).await;
        wire.nothing_came().await;
        let told = at.get(&format!("/channels/{channel}/users"), &[]).await.json();
        assert_eq!(told, json!({"users": []}));
    });
}

fn routes(suite: &mut Suite) {
    for (method, path) in [
        ("GET", "/events"),
        ("PUT", "/events"),
        ("DELETE", "/events"),
        ("GET", "/batch_events"),
        ("POST", "/channels"),
        ("DELETE", "/channels/a"),
        ("POST", "/channels/presence-a/users"),
        ("GET", "/users/1/terminate_connections"),
    ] {
        suite.not_soketi(
            "it has no such route, and says 404",
            format!("{method} {path} gets 405, and Allow"),
            move |at| async move {
                let reply = at.api(&MAIN, method, path, &[], "").await;
                assert_eq!(reply.status, 405, "{reply:?}");
                let allow = reply.header("allow").unwrap_or_default();
                assert!(
                    !allow.contains(method) && (allow.contains("GET") || allow.contains("POST")),
                    "{reply:?}"
                );
            },
        );
    }
    for path in ["", "/", "/event", "/events/1", "/channels/a/members", "/users", "/users/1", "/nothing"] {
        suite.case(format!("GET /apps/ID{path} gets 404"), move |at| async move {
            let reply = at.api(&MAIN, "GET", path, &[], "").await;
            assert_eq!(reply.status, 404, "{reply:?}");
        });
    }
}
