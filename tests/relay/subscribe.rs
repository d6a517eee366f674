//! Who may hear what.

use frontdesk::protocol::{ServerOp, sign};

use crate::support::{Desk, KEY, Running, SECRET, is_ack, options};

fn refusal(op: &ServerOp, wanted: &str) -> u16 {
    match op {
        ServerOp::SubscriptionError { channel, kind, error, status: Some(status) } => {
            assert_eq!(channel, wanted);
            assert!(!kind.is_empty() && !error.is_empty());
            *status
        }
        other => panic!("{wanted}: not refused: {other:?}"),
    }
}

#[tokio::test]
async fn every_kind_of_channel_is_joined_or_refused_as_its_name_says() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    for name in ["availability", "my-private-x", "private-staff", "private-encrypted-a"] {
        let told = desk.subscribe(name).await;
        assert!(is_ack(&told, name), "{name}: {told:?}");
        assert!(matches!(told, ServerOp::Subscribed { recovery: None, .. }), "{name}");
    }
    for (name, status) in [
        ("presence-staff", 401),
        ("presence-cache-a", 401),
        ("#server-to-user-7", 401),
        ("#else", 400),
        ("", 400),
        ("no name", 400),
        ("kafé", 400),
        ("booking.*", 400),
        (&"a".repeat(201), 400),
    ] {
        assert_eq!(refusal(&desk.subscribe(name).await, name), status, "{name}");
    }
}

#[tokio::test]
async fn an_auth_opens_its_own_channel_on_its_own_connection_only() {
    let mut settings = options();
    settings.apps[0].limits.failed_auths = 0;
    let relay = Running::start_with(settings).await;
    let mut desk = relay.desk().await;
    let name = "private-staff";
    let signed = |key: &str, secret: &str, socket_id: &str, name: &str| {
        sign::auth(key, secret, &sign::channel_text(socket_id, name, None))
    };
    let own = desk.socket_id.clone();
    let good = signed(KEY, SECRET, &own, name);
    for auth in [
        None,
        Some(String::new()),
        Some(good.replace(KEY, "other")),
        Some(good.split_once(':').expect("a colon").1.to_owned()),
        Some(good[..good.len() - 1].to_owned()),
        Some(format!("{good}0")),
        Some(signed(KEY, "another secret", &own, name)),
        Some(signed(KEY, SECRET, "1.2", name)),
        Some(signed(KEY, SECRET, &own, "private-admin")),
        Some(signed(KEY, SECRET, &own, "staff")),
    ] {
        let told = desk.subscribe_with(name, auth.clone(), None).await;
        assert_eq!(refusal(&told, name), 401, "{auth:?}");
    }
    assert!(is_ack(&desk.subscribe_with(name, Some(good), None).await, name));
}

#[tokio::test]
async fn who_guesses_signatures_is_sent_away() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    for _ in 0..10 {
        assert_eq!(refusal(&desk.subscribe_with("private-a", None, None).await, "private-a"), 401);
    }
    assert_eq!(desk.closed().await.0, 4100);
}

#[tokio::test]
async fn guarded_names_are_open_to_local_connections_and_to_signatures() {
    let relay = Running::start().await;
    let mut local = relay.native().await;
    for name in ["admin", "staff", "booking.7", "booking.*", "availability"] {
        assert!(is_ack(&local.subscribe(name).await, name), "{name}");
    }
    for headers in [
        [("x-forwarded-for", "203.0.113.9")],
        [("forwarded", "for=203.0.113.9")],
        [("x-real-ip", "127.0.0.1")],
        [("origin", "https://evil.example")],
    ] {
        let mut remote = Desk::open(&relay, "protocol=7&frontdesk=1", &headers).await;
        for name in ["admin", "staff", "booking.7", "booking.*", "booking.7.*"] {
            assert_eq!(refusal(&remote.subscribe(name).await, name), 401, "{name} {headers:?}");
        }
        for name in ["availability", "administration", "booking", "booking-7", "private-admin"] {
            assert!(is_ack(&remote.subscribe(name).await, name), "{name} {headers:?}");
        }
        let auth = remote.auth("private-admin");
        assert!(is_ack(&remote.subscribe_with("admin", Some(auth), None).await, "admin"));
        let auth = remote.auth("private-booking.*");
        assert!(is_ack(&remote.subscribe_with("booking.*", Some(auth), None).await, "booking.*"));
        let auth = remote.auth("staff");
        assert_eq!(refusal(&remote.subscribe_with("staff", Some(auth), None).await, "staff"), 401);
    }
}

#[tokio::test]
async fn an_open_relay_guards_nothing() {
    let mut settings = options();
    settings.guard.clear();
    let relay = Running::start_with(settings).await;
    let mut remote = Desk::open(&relay, "", &[("x-forwarded-for", "203.0.113.9")]).await;
    assert!(is_ack(&remote.subscribe("admin").await, "admin"));
}

#[tokio::test]
async fn a_second_subscribe_is_acknowledged_and_delivers_once() {
    let relay = Running::start().await;
    let mut desk = relay.native().await;
    for _ in 0..3 {
        assert!(is_ack(&desk.subscribe("availability").await, "availability"));
    }
    relay.publish("availability", "First", "1").await;
    relay.publish("availability", "Second", "2").await;
    assert_eq!(desk.event().await.event, "First");
    assert_eq!(desk.event().await.event, "Second");
}

#[tokio::test]
async fn a_name_as_long_as_the_app_allows_can_be_left_again() {
    let mut settings = options();
    settings.apps[0].limits.channel_name = 0;
    let relay = Running::start_with(settings).await;
    let mut desk = relay.desk().await;
    let long = "a".repeat(300);
    assert!(is_ack(&desk.subscribe(&long).await, &long));
    assert!(is_ack(&desk.subscribe("b").await, "b"));
    desk.say(&format!(r#"{{"event":"pusher:unsubscribe","data":{{"channel":"{long}"}}}}"#)).await;
    desk.say(r#"{"event":"pusher:ping"}"#).await;
    assert_eq!(desk.hear().await, ServerOp::Pong);
    relay.publish(&long, "Unheard", "1").await;
    relay.publish("b", "Heard", "2").await;
    assert_eq!(desk.event().await.event, "Heard");
}

#[tokio::test]
async fn after_an_unsubscribe_nothing_comes() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    assert!(is_ack(&desk.subscribe("a").await, "a"));
    assert!(is_ack(&desk.subscribe("b").await, "b"));
    desk.say(r#"{"event":"pusher:unsubscribe","data":{"channel":"a"}}"#).await;
    desk.say(r#"{"event":"pusher:unsubscribe","data":{"channel":"never-joined"}}"#).await;
    desk.say(r#"{"event":"pusher:ping"}"#).await;
    assert_eq!(desk.hear().await, ServerOp::Pong);
    relay.publish("a", "Unheard", "1").await;
    relay.publish("b", "Heard", "2").await;
    assert_eq!(desk.event().await.event, "Heard");
    assert!(is_ack(&desk.subscribe("a").await, "a"));
    relay.publish("a", "Again", "3").await;
    assert_eq!(desk.event().await.event, "Again");
}

#[tokio::test]
async fn a_connection_has_as_many_subscriptions_as_it_may() {
    let mut settings = options();
    settings.apps[0].limits.subscriptions = 2;
    let relay = Running::start_with(settings).await;
    let mut desk = relay.desk().await;
    assert!(is_ack(&desk.subscribe("a").await, "a"));
    assert!(is_ack(&desk.subscribe("b").await, "b"));
    assert_eq!(refusal(&desk.subscribe("c").await, "c"), 429);
    assert!(is_ack(&desk.subscribe("b").await, "b"));
    desk.say(r#"{"event":"pusher:unsubscribe","data":{"channel":"a"}}"#).await;
    assert!(is_ack(&desk.subscribe("c").await, "c"));
}

#[tokio::test]
async fn a_pattern_hears_its_family_once_under_the_real_names() {
    let relay = Running::start().await;
    let mut desk = relay.native().await;
    assert!(is_ack(&desk.subscribe("private-booking.*").await, "private-booking.*"));
    assert!(is_ack(&desk.subscribe("private-booking.7").await, "private-booking.7"));
    for channel in
        ["private-booking", "booking.7", "private-bookings.1", "private-booking.7", "private-booking.8.paid"]
    {
        relay.publish(channel, "X", channel).await;
    }
    relay.publish("private-booking.9", "Last", "").await;
    let heard = [desk.event().await, desk.event().await, desk.event().await];
    assert_eq!(
        heard.each_ref().map(|heard| heard.channel.as_str()),
        ["private-booking.7", "private-booking.8.paid", "private-booking.9"]
    );
    desk.say(r#"{"event":"pusher:unsubscribe","data":{"channel":"private-booking.*"}}"#).await;
    desk.say(r#"{"event":"pusher:ping"}"#).await;
    assert_eq!(desk.hear().await, ServerOp::Pong);
    relay.publish("private-booking.8", "Unheard", "").await;
    relay.publish("private-booking.7", "Heard", "").await;
    assert_eq!(desk.event().await.event, "Heard");
}
