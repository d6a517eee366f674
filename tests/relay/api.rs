//! Pusher's HTTP API as backends use it: what it does, what it tells, and whom it lets in.

use std::sync::Arc;

use frontdesk::protocol::{ServerOp, sign};
use frontdesk::time::Clock;

use crate::support::{Desk, KEY, Reply, Running, SECRET, is_ack, options};

/// Signs a request as the official libraries do: the text has the values as they are, the target escaped.
pub(crate) fn signed(method: &str, path: &str, params: &[(&str, &str)], body: &[u8]) -> String {
    let mut query: Vec<(String, String)> =
        params.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    let auth = [
        ("auth_key", KEY.to_owned()),
        ("auth_timestamp", Clock::system().now().as_second().to_string()),
        ("auth_version", "1.0".to_owned()),
    ];
    query.extend(auth.map(|(key, value)| (key.to_owned(), value)));
    if !body.is_empty() {
        query.push(("body_md5".to_owned(), sign::body_md5(body)));
    }
    let signature = sign::sign(SECRET, &sign::request_text(method, path, &query));
    query.push(("auth_signature".to_owned(), signature));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    format!("{path}?{query}")
}

impl Running {
    pub(crate) async fn get(&self, path: &str, params: &[(&str, &str)]) -> Reply {
        let target = signed("GET", &format!("/apps/1001{path}"), params, b"");
        self.http(&format!("GET {target} HTTP/1.1"), b"").await
    }

    pub(crate) async fn send(&self, path: &str, body: impl AsRef<[u8]>) -> Reply {
        let body = body.as_ref();
        let target = signed("POST", &format!("/apps/1001{path}"), &[], body);
        self.http(&format!("POST {target} HTTP/1.1\r\nContent-Type: application/json"), body).await
    }

    /// A GET that must succeed, and what it tells.
    async fn told(&self, path: &str, params: &[(&str, &str)]) -> String {
        let reply = self.get(path, params).await;
        assert_eq!(reply.status, 200, "{path} {params:?}: {}", reply.body);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        reply.body
    }
}

/// Joins a presence channel as this user.
async fn enter(desk: &mut Desk, channel: &str, user_id: &str) {
    let heard = desk.enter(channel, &serde_json::json!({ "user_id": user_id }).to_string()).await;
    assert!(matches!(heard, ServerOp::Subscribed { .. }), "{heard:?}");
}

async fn sign_in(desk: &mut Desk, user_id: &str) {
    let heard = desk.sign_in(&serde_json::json!({ "id": user_id }).to_string()).await;
    assert!(matches!(&heard, ServerOp::Event { event, .. } if event == "pusher:signin_success"), "{heard:?}");
}

#[tokio::test]
async fn a_publication_tells_what_is_asked_of_each_channel() {
    let relay = Running::start().await;
    let (mut one, mut other) = (relay.desk().await, relay.desk().await);
    for desk in [&mut one, &mut other] {
        assert!(is_ack(&desk.subscribe("a").await, "a"));
        enter(desk, "presence-room", "7").await;
    }
    let ask = async |info: &str| {
        let body = serde_json::json!({
            "name": "X", "data": "", "channels": ["a", "b", "presence-room", "a"], "info": info,
        });
        let reply = relay.send("/events", body.to_string()).await;
        assert_eq!(reply.status, 200, "{info}: {}", reply.body);
        reply.body
    };
    let counts = r#"{"channels":{"a":{"subscription_count":2},"b":{"subscription_count":0},"presence-room":{"user_count":1,"subscription_count":2}}}"#;
    assert_eq!(ask("user_count,subscription_count").await, counts);
    assert_eq!(ask(" subscription_count , user_count,").await, counts);
    let users = r#"{"channels":{"a":{},"b":{},"presence-room":{"user_count":1}}}"#;
    assert_eq!(ask("user_count").await, users, "where there are no users, none are counted");
    for nothing in ["", ","] {
        assert_eq!(ask(nothing).await, "{}");
    }
}

#[tokio::test]
async fn a_batch_is_published_in_its_order_and_tells_what_is_asked() {
    let relay = Running::start().await;
    let mut desk = relay.native().await;
    for name in ["a", "b"] {
        assert!(is_ack(&desk.subscribe(name).await, name));
    }
    let batch = r#"{"batch":[
        {"name":"One","channel":"a","data":"1"},
        {"name":"Two","channel":"b","data":{"k": 2},"info":"subscription_count"},
        {"name":"Three","channel":"a","data":"3","socket_id":"SOCKET"},
        {"name":"Four","channels":["b","a"],"data":"4","info":"user_count"},
        {"name":"Five","channel":"nobody","data":"5","info":"subscription_count,user_count"}]}"#;
    let reply = relay.send("/batch_events", batch.replace("SOCKET", &desk.socket_id)).await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (200, r#"{"batch":[{},{"subscription_count":1},{},{},{"subscription_count":0}]}"#)
    );
    let mut heard = Vec::new();
    for _ in 0..4 {
        let event = desk.event().await;
        heard.push((event.event.clone(), event.channel.clone(), event.data.clone(), event.offset()));
    }
    let expected =
        [("One", "a", "1", 1), ("Two", "b", r#"{"k": 2}"#, 2), ("Four", "b", "4", 4), ("Four", "a", "4", 5)];
    let expected = expected
        .map(|(event, channel, data, at)| (event.to_owned(), channel.to_owned(), data.to_owned(), at));
    assert_eq!(heard, expected);
    for silent in [r#"{"batch":[{"name":"X","channel":"a","data":""}]}"#, r#"{"batch":[]}"#] {
        let reply = relay.send("/batch_events", silent).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "{}"), "{silent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_between_the_events_of_a_batch() {
    const BATCHES: usize = 40;
    let relay = Arc::new(Running::start().await);
    let mut desk = relay.native().await;
    assert!(is_ack(&desk.subscribe("a").await, "a"));
    let publishing: Vec<_> = (0..4)
        .map(|publisher| {
            let relay = Arc::clone(&relay);
            tokio::spawn(async move {
                let event = format!(r#"{{"name":"X","channel":"a","data":"{publisher}"}}"#);
                let batch = format!(r#"{{"batch":[{}]}}"#, vec![event; 10].join(","));
                for _ in 0..BATCHES {
                    assert_eq!(relay.send("/batch_events", &batch).await.status, 200);
                }
            })
        })
        .collect();
    for _ in 0..4 * BATCHES {
        let first = desk.event().await;
        for at in 1..10 {
            let next = desk.event().await;
            assert_eq!((&next.data, next.offset()), (&first.data, first.offset() + at));
        }
    }
    for task in publishing {
        task.await.expect("published");
    }
}

#[tokio::test]
async fn one_bad_event_and_nothing_of_a_batch_is_published() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    assert!(is_ack(&desk.subscribe("a").await, "a"));
    let good = r#"{"name":"Unheard","channel":"a","data":""}"#;
    let large = format!(r#"{{"name":"X","channel":"a","data":"{}"}}"#, "x".repeat(100 * 1024 + 1));
    for (bad, status) in [
        (r#"{"name":"X","channel":"not a name","data":""}"#, 400),
        (r#"{"name":"","channel":"a","data":""}"#, 400),
        (r#"{"name":"pusher:error","channel":"a","data":""}"#, 400),
        (r#"{"name":"X","data":""}"#, 400),
        (r#"{"name":"X","channel":"a"}"#, 400),
        (r#"{"channel":"a","data":""}"#, 400),
        (r#"{"name":"X","channel":"a","data":"","socket_id":"x"}"#, 400),
        (r#"{"name":"X","channel":"a","data":"","info":"colour"}"#, 400),
        ("null", 400),
        ("7", 400),
        (r#"["X","","a"]"#, 400),
        (&large, 413),
    ] {
        let reply = relay.send("/batch_events", format!(r#"{{"batch":[{good},{good},{bad}]}}"#)).await;
        assert_eq!(reply.status, status, "{bad:.80}: {}", reply.body);
        let error = reply.json()["error"].as_str().expect("an error").to_owned();
        assert!(error.contains("event 3 of the batch"), "{error}");
    }
    let many = |count: usize| {
        format!(r#"{{"batch":[{}]}}"#, vec![good.replace("Unheard", "Heard"); count].join(","))
    };
    assert_eq!(relay.send("/batch_events", many(11)).await.status, 400, "over the limit");
    for body in [
        "null",
        "[]",
        "{}",
        "",
        "7",
        r#"{"batch":null}"#,
        r#"{"batch":{}}"#,
        r#"{"batch":"x"}"#,
        r#"{"batch":[]"#,
    ] {
        assert_eq!(relay.send("/batch_events", body).await.status, 400, "{body}");
    }
    assert_eq!(relay.send("/batch_events", many(10)).await.status, 200, "at the limit");
    assert_eq!(desk.event().await.event, "Heard", "and that is the first event heard");
}

#[tokio::test]
async fn the_channels_that_somebody_hears_are_listed() {
    let relay = Running::start().await;
    assert_eq!(relay.told("/channels", &[]).await, r#"{"channels":{}}"#, "a map, also when it is empty");
    let (mut one, mut other) = (relay.desk().await, relay.desk().await);
    for name in ["a", "a.b", "private-a"] {
        assert!(is_ack(&one.subscribe(name).await, name));
    }
    assert!(is_ack(&other.subscribe("a").await, "a"));
    enter(&mut one, "presence-a", "7").await;
    enter(&mut other, "presence-a", "8").await;
    enter(&mut other, "presence-b", "8").await;
    let all = r#"{"channels":{"a":{},"a.b":{},"presence-a":{},"presence-b":{},"private-a":{}}}"#;
    assert_eq!(relay.told("/channels", &[]).await, all);
    assert_eq!(relay.told("/channels", &[("filter_by_prefix", ""), ("info", "")]).await, all);
    let of_a = r#"{"channels":{"a":{"subscription_count":2},"a.b":{"subscription_count":1}}}"#;
    let asked = [("filter_by_prefix", "a"), ("info", "subscription_count")];
    assert_eq!(relay.told("/channels", &asked).await, of_a);
    let of_presence = r#"{"channels":{"presence-a":{"user_count":2},"presence-b":{"user_count":1}}}"#;
    let asked = [("info", "user_count"), ("filter_by_prefix", "presence-")];
    assert_eq!(relay.told("/channels", &asked).await, of_presence);
    assert_eq!(relay.told("/channels", &[("filter_by_prefix", "nobody")]).await, r#"{"channels":{}}"#);
    for bad in [
        &[("info", "user_count")][..],
        &[("info", "user_count"), ("filter_by_prefix", "presence")],
        &[("info", "cache")],
        &[("info", "colour")],
        &[("info", "subscription_count"), ("info", "subscription_count")],
        &[("filter_by_prefix", "a"), ("filter_by_prefix", "b")],
    ] {
        let reply = relay.get("/channels", bad).await;
        assert_eq!(reply.status, 400, "{bad:?}: {}", reply.body);
        assert!(
            reply.json()["error"]
                .as_str()
                .is_some_and(|error| error.contains(bad[0].0) || error.contains(bad[0].1))
        );
    }
    one.say(r#"{"event":"pusher:unsubscribe","data":{"channel":"a.b"}}"#).await;
    one.say(r#"{"event":"pusher:ping"}"#).await;
    while one.hear().await != ServerOp::Pong {}
    assert_eq!(relay.told("/channels", &[("filter_by_prefix", "a")]).await, r#"{"channels":{"a":{}}}"#);
}

#[tokio::test]
async fn one_channel_tells_whether_anybody_is_there_and_what_is_asked() {
    let relay = Running::start().await;
    let (mut one, mut other) = (relay.desk().await, relay.desk().await);
    for desk in [&mut one, &mut other] {
        assert!(is_ack(&desk.subscribe("a").await, "a"));
        enter(desk, "presence-cache-room", "7").await;
    }
    relay.publish("presence-cache-room", "X", r#"{"é":1}"#).await;
    relay.publish("#server-to-user-7", "X", "").await;
    let everything = [("info", "user_count, subscription_count,cache")];
    for (name, asked, told) in [
        ("a", &[][..], r#"{"occupied":true}"#),
        ("a", &[("info", "subscription_count")], r#"{"occupied":true,"subscription_count":2}"#),
        ("never", &[], r#"{"occupied":false}"#),
        ("never", &[("info", "subscription_count")], r#"{"occupied":false,"subscription_count":0}"#),
        ("presence-never", &[("info", "user_count")], r#"{"occupied":false,"user_count":0}"#),
        ("cache-never", &[("info", "cache")], r#"{"occupied":false}"#),
        ("%23server-to-user-7", &[], r#"{"occupied":false}"#),
        ("presence%2Dcache-room", &[("info", "user_count")], r#"{"occupied":true,"user_count":1}"#),
        (
            "presence-cache-room",
            &everything,
            r#"{"occupied":true,"user_count":1,"subscription_count":2,"cache":{"data":"{\"é\":1}","ttl":1800}}"#,
        ),
    ] {
        assert_eq!(relay.told(&format!("/channels/{name}"), asked).await, told, "{name} {asked:?}");
    }
    for (name, asked) in [
        ("a", &[("info", "user_count")][..]),
        ("a", &[("info", "cache")]),
        ("a", &[("info", "subscription_count,colour")]),
        ("not%20a%20name", &[]),
        ("%23other", &[]),
        (&"x".repeat(201), &[]),
    ] {
        let reply = relay.get(&format!("/channels/{name}"), asked).await;
        assert_eq!(reply.status, 400, "{name} {asked:?}: {}", reply.body);
    }
}

#[tokio::test]
async fn the_users_of_a_presence_channel_are_each_told_once() {
    let relay = Running::start().await;
    let mut desks = Vec::new();
    for user in ["7", "10", "7", "Jürgen"] {
        let mut desk = relay.desk().await;
        enter(&mut desk, "presence-room", user).await;
        desks.push(desk);
    }
    let told = relay.told("/channels/presence-room/users", &[]).await;
    assert_eq!(told, r#"{"users":[{"id":"10"},{"id":"7"},{"id":"Jürgen"}]}"#);
    assert_eq!(relay.told("/channels/presence-nobody/users", &[]).await, r#"{"users":[]}"#);
    for other in ["room", "private-room", "private-encrypted-room", "cache-room", "presence-a%20b"] {
        let reply = relay.get(&format!("/channels/{other}/users"), &[]).await;
        assert_eq!(reply.status, 400, "{other}: {}", reply.body);
    }
}

#[tokio::test]
async fn connections_are_counted_whatever_they_hear() {
    let relay = Running::start().await;
    assert_eq!(relay.told("/connections", &[]).await, r#"{"connections":0}"#);
    let (one, _other) = (relay.desk().await, relay.native().await);
    assert_eq!(relay.told("/connections", &[]).await, r#"{"connections":2}"#);
    one.leave().await;
    assert_eq!(relay.told("/connections", &[]).await, r#"{"connections":1}"#);
}

#[tokio::test]
async fn a_user_is_sent_away_from_every_connection_and_nobody_else() {
    let relay = Running::start().await;
    let (mut first, mut second, mut other) = (relay.desk().await, relay.desk().await, relay.desk().await);
    sign_in(&mut first, "a/b é").await;
    sign_in(&mut second, "a/b é").await;
    sign_in(&mut other, "a").await;
    for body in ["", "{}", "anything"] {
        let reply = relay.send("/users/nobody/terminate_connections", body).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "{}"));
    }
    let reply = relay.send("/users/a%2Fb%20%C3%A9/terminate_connections", "{}").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{}"));
    assert_eq!((first.closed().await.0, second.closed().await.0), (4009, 4009));
    other.say(r#"{"event":"pusher:ping"}"#).await;
    assert_eq!(other.hear().await, ServerOp::Pong);
    // One official library leaves the app out of the path; the key tells it.
    let target = signed("POST", "/users/a/terminate_connections", &[], b"{}");
    let reply = relay.http(&format!("POST {target} HTTP/1.1"), b"{}").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{}"));
    assert_eq!(other.closed().await.0, 4009);
    let unknown = target.replace(KEY, "another");
    assert_eq!(relay.http(&format!("POST {unknown} HTTP/1.1"), b"{}").await.status, 401);
}

#[tokio::test]
async fn what_is_sent_to_a_user_reaches_that_user() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    sign_in(&mut desk, "7").await;
    assert!(is_ack(&desk.subscribe("#server-to-user-7").await, "#server-to-user-7"));
    relay.publish("#server-to-user-8", "Unheard", "").await;
    relay.publish("#server-to-user-7", "Heard", "{}").await;
    assert_eq!(desk.event().await.event, "Heard");
}

/// Every noun of the API, each by a request that is right but for its signature.
pub(crate) const NOUNS: [(&str, &str, &str); 7] = [
    ("POST", "/events", r#"{"name":"X","channel":"a","data":""}"#),
    ("POST", "/batch_events", r#"{"batch":[]}"#),
    ("GET", "/channels", ""),
    ("GET", "/channels/a", ""),
    ("GET", "/channels/presence-a/users", ""),
    ("GET", "/connections", ""),
    ("POST", "/users/7/terminate_connections", "{}"),
];

#[tokio::test]
async fn every_noun_is_for_the_apps_own_backend_alone() {
    let mut settings = options();
    let mut disabled = settings.apps[0].clone();
    (disabled.id, disabled.key, disabled.enabled) = ("off".into(), "off".into(), false);
    let mut other = settings.apps[0].clone();
    (other.id, other.key) = ("2002".into(), "other".into());
    settings.apps.extend([disabled, other]);
    let relay = Running::start_with(settings).await;
    for (method, noun, body) in NOUNS {
        let path = format!("/apps/1001{noun}");
        let good = signed(method, &path, &[], body.as_bytes());
        let elsewhere = |id: &str| signed(method, &format!("/apps/{id}{noun}"), &[], body.as_bytes());
        for (target, status) in [
            (good.clone(), 200),
            (format!("/behind/a/proxy{good}"), 200),
            (signed(method, &format!("/behind{path}"), &[], body.as_bytes()), 200),
            (path.clone(), 401),
            (format!("{path}?"), 401),
            (good.replace(&format!("auth_key={KEY}"), "auth_key=other"), 401),
            (good.replace("auth_version=1.0", "auth_version=1.1"), 401),
            (good.replace("auth_timestamp=1", "auth_timestamp=2"), 401),
            (format!("{good}&more=1"), 401),
            (format!("{good}&auth_key={KEY}"), 401),
            (format!("{good}0"), 401),
            (elsewhere("2002"), 401),
            (elsewhere("off"), 403),
            (elsewhere("9"), 404),
        ] {
            let reply = relay.http(&format!("{method} {target} HTTP/1.1"), body.as_bytes()).await;
            assert_eq!(reply.status, status, "{method} {target}: {}", reply.body);
            assert_eq!(reply.header("content-type"), Some("application/json"));
            assert_eq!(reply.json()["error"].is_string(), status != 200, "{}", reply.body);
            assert!(!reply.body.contains(SECRET));
        }
        let other_body = relay.http(&format!("{method} {good} HTTP/1.1"), b"[]").await;
        assert_eq!(other_body.status, 401, "another body: {}", other_body.body);
    }
}

#[tokio::test]
async fn a_get_may_tell_the_sum_of_nothing() {
    let relay = Running::start().await;
    // PyPI's `pusher` does.
    let reply = relay.get("/channels", &[("body_md5", &sign::body_md5(b""))]).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"channels":{}}"#));
    assert_eq!(relay.get("/channels", &[("body_md5", &sign::body_md5(b"x"))]).await.status, 401);
}

#[tokio::test]
async fn another_method_is_told_which_there_are_and_another_path_that_there_is_none() {
    let relay = Running::start().await;
    for (right, noun, _) in NOUNS {
        let allowed = if right == "GET" { "GET, HEAD" } else { "POST" };
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            let reply = relay.http(&format!("{method} /apps/1001{noun} HTTP/1.1"), b"").await;
            if allowed.split(", ").any(|allowed| allowed == method) {
                assert_eq!(reply.status, 401, "{method} {noun}");
            } else {
                assert_eq!((reply.status, reply.header("allow")), (405, Some(allowed)), "{method} {noun}");
            }
        }
    }
    for path in
        ["/apps/1001", "/apps/1001/", "/apps/1001/colour", "/apps/1001/events/", "/apps/1001/channels/a/b"]
    {
        let reply = relay.send(&path["/apps/1001".len()..], "{}").await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.json()["error"].is_string(), "{}", reply.body);
    }
    let head = signed("HEAD", "/apps/1001/channels", &[], b"");
    let reply = relay.http(&format!("HEAD {head} HTTP/1.1"), b"").await;
    assert_eq!((reply.status, reply.body.as_str(), reply.header("content-length")), (200, "", Some("15")));
}

#[tokio::test]
async fn names_that_look_like_a_connections_path_are_the_apis() {
    let mut settings = options();
    settings.apps[0].id = "app".into();
    let relay = Running::start_with(settings).await;
    for (noun, body) in [("/events", NOUNS[0].2), ("/users/app/terminate_connections", "{}")] {
        let target = signed("POST", &format!("/apps/app{noun}"), &[], body.as_bytes());
        let reply = relay.http(&format!("POST {target} HTTP/1.1"), body.as_bytes()).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "{}"), "{noun}");
    }
}
