//! What a backend publishes, and who hears it.

use std::sync::Arc;

use frontdesk::time::Clock;

use crate::support::{Running, is_ack, options};

#[tokio::test]
async fn an_event_reaches_every_subscriber_byte_for_byte() {
    let relay = Running::start().await;
    let (mut plain, mut native, mut other) = (relay.desk().await, relay.native().await, relay.desk().await);
    assert!(is_ack(&plain.subscribe("private-staff").await, "private-staff"));
    assert!(is_ack(&native.subscribe("private-staff").await, "private-staff"));
    assert!(is_ack(&other.subscribe("private-admin").await, "private-admin"));
    for data in [r#"{"a": 1,"b":"\u00e9\/"}"#, "[]", "", "no JSON", "\u{1}\"\\ é 🎫"] {
        relay.publish("private-staff", r"App\Events\CheckInNotification", data).await;
        let (plain, native) = (plain.event().await, native.event().await);
        assert_eq!((plain.channel.as_str(), plain.data.as_str()), ("private-staff", data));
        assert_eq!(plain.event, r"App\Events\CheckInNotification");
        assert_eq!(plain.position, None, "unmodified clients get what Pusher would send");
        assert!(native.position.is_some());
        assert_eq!((native.data, native.event), (plain.data, plain.event));
    }
    relay.publish("private-admin", "Other", "").await;
    assert_eq!(other.event().await.event, "Other");
}

#[tokio::test]
async fn who_published_does_not_hear_it() {
    let relay = Running::start().await;
    let (mut one, mut other) = (relay.desk().await, relay.native().await);
    for desk in [&mut one, &mut other] {
        assert!(is_ack(&desk.subscribe("a").await, "a"));
    }
    relay.publish_except("a", "FromOne", "", Some(&one.socket_id)).await;
    relay.publish_except("a", "FromOther", "", Some(&other.socket_id)).await;
    relay.publish_except("a", "FromElsewhere", "", Some("9999999999.1")).await;
    assert_eq!([one.event().await.event, one.event().await.event], ["FromOther", "FromElsewhere"]);
    assert_eq!([other.event().await.event, other.event().await.event], ["FromOne", "FromElsewhere"]);
}

#[tokio::test]
async fn an_event_for_many_channels_is_a_frame_for_each() {
    let relay = Running::start().await;
    let mut desk = relay.native().await;
    for name in ["a", "b", "c"] {
        assert!(is_ack(&desk.subscribe(name).await, name));
    }
    let reply = relay.post(r#"{"name":"X","channels":["a","b","a"],"channel":"c","data":{"k":[1]}}"#).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{}"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    for (name, offset) in [("a", 1), ("b", 2), ("c", 3)] {
        let heard = desk.event().await;
        assert_eq!(
            (heard.channel.as_str(), heard.offset(), heard.data.as_str()),
            (name, offset, r#"{"k":[1]}"#)
        );
    }
}

#[tokio::test]
async fn what_is_refused_says_why_and_publishes_nothing() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    assert!(is_ack(&desk.subscribe("a").await, "a"));
    let event =
        |channels: &str, data: &str| format!(r#"{{"name":"X","channels":{channels},"data":"{data}"}}"#);
    let many: Vec<String> = (0..101).map(|n| format!("\"c{n}\"")).collect();
    let escaped = "\\u0041".repeat(100 * 1024);
    for (body, status) in [
        (event(r#"["a","not a name"]"#, ""), 400),
        (event("[]", ""), 400),
        (event(&format!("[\"a\",{}]", many.join(",")), ""), 400),
        (event(r#"["a"]"#, &"x".repeat(100 * 1024 + 1)), 413),
        (event(r#"["a"]"#, &"x".repeat(2 << 20)), 413),
        (r#"{"name":"X","channel":"a"}"#.to_owned(), 400),
        (r#"{"channel":"a","data":""}"#.to_owned(), 400),
        (r#"{"name":"","channel":"a","data":""}"#.to_owned(), 400),
        (r#"{"name":"pusher:error","channel":"a","data":""}"#.to_owned(), 400),
        (r#"{"name":"X","channel":"a","data":"","socket_id":"me"}"#.to_owned(), 400),
        ("null".to_owned(), 400),
        ("[".repeat(50_000), 400),
    ] {
        let reply = relay.post(&body).await;
        assert_eq!(reply.status, status, "{body:.80}: {}", reply.body);
        assert!(reply.json()["error"].as_str().is_some_and(|error| !error.is_empty()), "{body:.80}");
    }
    let reply = relay.post(&event(r#"["a"]"#, &escaped)).await;
    assert_eq!(reply.status, 200, "the limit is of the decoded data");
    assert_eq!(desk.event().await.data.len(), 100 * 1024, "and that is the first event heard");
}

#[tokio::test]
async fn only_the_apps_own_backend_publishes_and_only_now() {
    let mut settings = options();
    let mut disabled = settings.apps[0].clone();
    (disabled.id, disabled.key, disabled.enabled) = ("off".into(), "off".into(), false);
    settings.apps.push(disabled);
    let relay = Running::start_with(settings).await;
    let now = Clock::system().now().as_second();
    let body = r#"{"name":"X","channel":"a","data":""}"#;
    let good = relay.signed(body, now);
    let cases = [
        (good.clone(), 200),
        (format!("/behind/a/proxy{good}"), 200),
        (good.replace("/apps/1001", "/apps/1002"), 404),
        (good.replace("/apps/1001", "/apps/off"), 403),
        (good.replace("auth_key=a-key", "auth_key=off"), 401),
        (good.replace("auth_version=1.0", "auth_version=2.0"), 401),
        (good.replace("body_md5=", "body_md5=0"), 401),
        (format!("{good}0"), 401),
        (format!("{good}&more=1"), 401),
        (relay.signed(body, now - 700), 401),
        (relay.signed(body, now + 700), 401),
        (relay.signed("{}", now), 401),
        ("/apps/1001/events".to_owned(), 401),
    ];
    for (target, status) in cases {
        let reply = relay.http(&format!("POST {target} HTTP/1.1"), body.as_bytes()).await;
        assert_eq!(reply.status, status, "{target}: {}", reply.body);
        assert!(!reply.body.contains("a-secret"), "{}", reply.body);
    }
}

#[tokio::test]
async fn an_app_hears_nothing_of_another() {
    let mut settings = options();
    let mut other = settings.apps[0].clone();
    (other.id, other.key) = ("2002".into(), "other".into());
    settings.apps.insert(0, other);
    // The backend of the first app publishes; our desks belong to the second.
    let relay = Running::start_with(settings).await;
    let mut desk = relay.desk().await;
    assert!(is_ack(&desk.subscribe("a").await, "a"));
    relay.publish("a", "Unheard", "").await;
    desk.say(r#"{"event":"pusher:ping"}"#).await;
    assert_eq!(desk.hear().await, frontdesk::protocol::ServerOp::Pong);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_hears_the_same_order_however_many_publish() {
    const PUBLISHERS: usize = 8;
    const EACH: usize = 40;
    let relay = Arc::new(Running::start().await);
    let mut desks = [relay.native().await, relay.native().await, relay.native().await];
    for (desk, name) in desks.iter_mut().zip(["private-booking.1", "private-booking.1", "private-booking.*"])
    {
        assert!(is_ack(&desk.subscribe(name).await, name));
    }
    let publishing: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let relay = Arc::clone(&relay);
            tokio::spawn(async move {
                for n in 0..EACH {
                    relay.publish("private-booking.1", "X", &format!("{publisher} {n}")).await;
                }
            })
        })
        .collect();
    let mut heard = Vec::new();
    for desk in &mut desks {
        let mut all = Vec::new();
        for _ in 0..PUBLISHERS * EACH {
            all.push(desk.event().await);
        }
        heard.push(all);
    }
    for task in publishing {
        task.await.expect("published");
    }
    assert_eq!(heard[0], heard[1]);
    assert_eq!(heard[0], heard[2], "a pattern hears the same");
    let offsets: Vec<u64> = heard[0].iter().map(crate::support::Heard::offset).collect();
    assert!(offsets.is_sorted_by(|a, b| a < b), "{offsets:?}");
    for publisher in 0..PUBLISHERS {
        let own = heard[0].iter().filter_map(|heard| heard.data.strip_prefix(&format!("{publisher} ")));
        let own: Vec<usize> = own.map(|n| n.parse().expect("a number")).collect();
        assert_eq!(own, (0..EACH).collect::<Vec<_>>(), "each publisher's own order");
    }
}
