//! The HTTP API's door: who may call it, by which signature and when, and at which paths.

use frontdesk::protocol::sign;
use frontdesk::time::Clock;
use serde_json::{Value, json};

use super::apps::{MAIN, OFF, TIGHT};
use super::suite::{At, Suite, request, signed, signed_at};
use super::wire::{Reply, Wire};
use crate::server::Kind;

pub(super) fn cases(suite: &mut Suite) {
    signatures(suite);
    times(suite);
    routes(suite);
}

/// Asserts a refusal that says why.
pub(super) fn assert_refused(at: At, reply: &Reply, expected: &[u16]) {
    let status = at.status(reply);
    assert!(expected.contains(&status), "{status} instead of {expected:?}: {reply:?}");
    assert!(!reply.body.trim().is_empty(), "no reason: {reply:?}");
}

pub(super) fn event(at: At) -> Value {
    json!({"name": "e", "channel": at.channel(""), "data": "1"})
}

pub(super) async fn subscribed(at: At) -> Wire {
    let mut wire = at.desk().await;
    wire.subscribe(&at.channel("")).await;
    wire
}

/// Asserts that the next thing heard is published now.
pub(super) async fn nothing_but_a_fence(at: At, wire: &mut Wire) {
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
    for left_out in ["auth_timestamp", "auth_version", "auth_signature"] {
        suite.case(format!("a request without {left_out} gets 401"), move |at| async move {
            let target = without(&signed(&MAIN, "GET", "/channels", &[], ""), left_out);
            assert_refused(at, &at.http(request("GET", &target, "")).await, &[400, 401]);
        });
    }
    suite.not_soketi("it puts in what is missing", "a request without auth_key gets 401", |at| async move {
        let target = without(&signed(&MAIN, "GET", "/channels", &[], ""), "auth_key");
        assert_refused(at, &at.http(request("GET", &target, "")).await, &[400, 401]);
    });
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
    suite.case("a body without its body_md5 gets 401", |at| async move {
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
    let escapes = [
        ("a space as %20", "a%20b"),
        ("a space as +", "a+b"),
        ("an accent", "caf%C3%A9"),
        ("a plus", "a%2Bb"),
        ("an ampersand", "a%26b%3Dc"),
    ];
    for (name, escaped) in escapes {
        suite.case(format!("a value with {name} is signed as what it means"), move |at| async move {
            let means = url::form_urlencoded::parse(escaped.as_bytes()).next().unwrap().0.into_owned();
            let target = signed(&MAIN, "GET", "/channels", &[("filter_by_prefix", &means)], "");
            let (path, query) = target.split_once('?').unwrap();
            let (_, rest) = query.split_once('&').unwrap();
            let target = format!("{path}?filter_by_prefix={escaped}&{rest}");
            let reply = at.http(request("GET", &target, "")).await;
            assert_eq!(at.status(&reply), 200, "{reply:?}");
        });
    }
    suite.case("a path is signed as it stands, punctuation and all", |at| async move {
        let channel = at.channel("a=b,c@d;e.f_");
        let mut wire = at.desk().await;
        wire.subscribe(&channel).await;
        let reply = at.get(&format!("/channels/{channel}"), &[]).await;
        assert_eq!(reply.json()["occupied"], true, "{reply:?}");
    });
    suite.not_soketi(
        "it reads the path as it stands",
        "escapes in a path mean what they stand for",
        |at| async move {
            let channel = at.channel("a=b,c@d_");
            let mut wire = at.desk().await;
            wire.subscribe(&channel).await;
            let written = channel.replace('=', "%3D").replace(',', "%2C").replace('@', "%40");
            let reply = at.get(&format!("/channels/{written}"), &[]).await;
            assert_eq!(reply.json()["occupied"], true, "{reply:?}");
        },
    );
    suite.case("an empty filter_by_prefix filters nothing", |at| async move {
        let _wire = subscribed(at).await;
        let reply = at.get("/channels", &[("filter_by_prefix", "")]).await;
        assert!(reply.json()["channels"].get(at.channel("")).is_some(), "{reply:?}");
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
    suite.case("another auth_version gets 401", |at| async move {
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
    suite.case("a time that is no number gets 401", |at| async move {
        let target = signed(&MAIN, "GET", "/channels", &[], "");
        let (start, rest) = target.split_once("auth_timestamp=").unwrap();
        let rest = rest.split_once('&').unwrap().1;
        let target = format!("{start}auth_timestamp=yesterday&{rest}");
        assert_refused(at, &at.http(request("GET", &target, "")).await, &[400, 401]);
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
