//! What webhooks are told, and when: mostly on a clock of the test's own.

use std::path::Path;

use frontdesk::relay::Webhook;
use frontdesk::relay::webhooks::{Headers, Kind};
use frontdesk::time;

use crate::receiver::{
    App, Receiver, Request, added, client_event, hmac, millis, missed, occupied, removed, tls_receiver,
    vacated,
};
use crate::support::{KEY, Running, SECRET, options};

#[tokio::test(start_paused = true)]
async fn a_request_is_signed_over_its_very_bytes_and_says_what_pushers_libraries_insist_on() {
    let mut receiver = Receiver::open([]).await;
    let app = App::open(&[receiver.hook(&[])]);
    app.tell(client_event(r#"{"ü": "\u00fc"}"#));
    let request = receiver.request().await;
    assert!(request.head.starts_with("POST /hook/471147?token=hunter2 HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("Content-Type"), ["application/json"]);
    assert_eq!(request.header("X-Pusher-Key"), [KEY]);
    assert_eq!(request.header("X-Pusher-Signature"), [hmac(SECRET, &request.body)]);
    assert!(request.header("User-Agent")[0].starts_with("frontdesk/"));
    assert_eq!(
        request.body,
        r#"{"time_ms":1705305900000,"events":[{"name":"client_event","channel":"presence-x","event":"client-typing","data":"{\"ü\": \"\\u00fc\"}","socket_id":"1.2","user_id":"7"}]}"#
    );
}

#[tokio::test(start_paused = true)]
async fn each_webhook_hears_of_its_own_events_alone_and_signs_what_it_is_sent() {
    let mut all = Receiver::open([]).await;
    let mut one = Receiver::open([]).await;
    let mut none = Receiver::open([]).await;
    let app = App::open(&[
        all.hook(&[]),
        one.hook(&[Kind::ChannelOccupied]),
        none.hook(&[Kind::SubscriptionCount]),
    ]);
    for fact in [occupied("presence-x"), added("7"), client_event("1"), missed(1)] {
        app.tell(fact);
    }
    let (all, one) = (all.request().await, one.request().await);
    assert_eq!(
        all.told(),
        [
            "channel_occupied presence-x",
            "member_added presence-x 7",
            "client_event presence-x 7",
            "cache_miss cache-1"
        ]
    );
    assert_eq!(one.told(), ["channel_occupied presence-x"]);
    for request in [all, one] {
        assert_eq!(request.header("X-Pusher-Signature"), [hmac(SECRET, &request.body)]);
    }
    assert!(none.requests_until_quiet(millis(1000)).await.is_empty());
    assert_eq!((app.counted().webhook_events_sent, app.counted().webhook_events_waiting), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn headers_of_the_settings_go_along() {
    let mut receiver = Receiver::open([]).await;
    let mut headers = Headers::default();
    headers.add("X-Gate", &"open sesame".into()).expect("a header");
    let app = App::open(&[receiver.hook(&[]).with_headers(headers)]);
    app.tell(missed(1));
    assert_eq!(receiver.request().await.header("x-gate"), ["open sesame"]);
}

#[tokio::test(start_paused = true)]
async fn with_the_last_of_its_hooks_an_app_falls_silent() {
    let mut receiver = Receiver::open([]).await;
    App::open(&[receiver.hook(&[])]).tell(missed(1));
    assert!(receiver.requests_until_quiet(millis(60_000)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn comings_are_told_at_once_and_goings_after_three_seconds_without_a_return() {
    let mut receiver = Receiver::open([]).await;
    let app = App::open(&[receiver.hook(&[])]);
    app.tell(occupied("presence-x"));
    app.tell(added("7"));
    app.tell(added("8"));
    let came = receiver.request().await;
    assert_eq!(came.events().len(), 3);
    assert_eq!(came.at - receiver.opened, millis(50));
    // A page is reloaded, and takes two seconds for it.
    app.tell(removed("7"));
    tokio::time::sleep(millis(2000)).await;
    app.tell(added("7"));
    assert!(receiver.requests_until_quiet(millis(10_000)).await.is_empty());
    let left = time::monotonic();
    for fact in [removed("7"), removed("8"), vacated("presence-x")] {
        app.tell(fact);
    }
    let went = receiver.request().await;
    assert_eq!(
        went.told(),
        ["member_removed presence-x 7", "member_removed presence-x 8", "channel_vacated presence-x"]
    );
    assert_eq!(time::monotonic() - left, millis(3050));
}

#[tokio::test(start_paused = true)]
async fn who_is_told_of_comings_alone_is_told_of_each_once() {
    let mut receiver = Receiver::open([]).await;
    let app = App::open(&[receiver.hook(&[Kind::ChannelOccupied])]);
    for pause in [0, 1000, 2000, 4000] {
        tokio::time::sleep(millis(pause)).await;
        app.tell(occupied("a"));
        app.tell(vacated("a"));
    }
    let told: Vec<_> =
        receiver.requests_until_quiet(millis(10_000)).await.iter().flat_map(Request::told).collect();
    assert_eq!(told, ["channel_occupied a", "channel_occupied a"]);
}

#[tokio::test(start_paused = true)]
async fn many_events_travel_in_batches_one_request_at_a_time_and_in_order() {
    let mut receiver = Receiver::open([]).await;
    let app = App::open(&[receiver.hook(&[])]);
    (0..250).for_each(|n| app.tell(missed(n)));
    app.clock.set("2024-01-15T08:05:01Z".parse().expect("a time"));
    app.tell(missed(250));
    let requests = receiver.requests_until_quiet(millis(1000)).await;
    assert_eq!(requests.iter().map(|r| r.events().len()).collect::<Vec<_>>(), [100, 100, 51]);
    let told: Vec<_> = requests.iter().flat_map(Request::told).collect();
    assert_eq!(told, (0..=250).map(|n| format!("cache_miss cache-{n}")).collect::<Vec<_>>());
    assert!(requests[2].body.starts_with(r#"{"time_ms":1705305901000,"#), "the time of the last");
}

/// A relay whose app tells this receiver of everything.
async fn relay_telling(receiver: &Receiver) -> Running {
    let mut options = options();
    options.apps[0].webhooks = vec![receiver.hook(&[])];
    options.apps[0].subscription_count = true;
    Running::start_with(options).await
}

#[tokio::test(start_paused = true)]
async fn a_relay_tells_what_its_clients_do() {
    let mut receiver = Receiver::open([]).await;
    let relay = relay_telling(&receiver).await;
    let (mut one, mut two) = (relay.desk().await, relay.desk().await);
    one.subscribe("private-cache-a").await;
    one.enter("presence-x", r#"{"user_id":7}"#).await;
    two.enter("presence-x", r#"{"user_id":"7"}"#).await;
    one.trigger("presence-x", "client-typing", r#"{"a":1}"#).await;
    assert_eq!(two.event().await.data, r#"{"a":1}"#);
    one.leave().await;
    let mut told: Vec<_> =
        receiver.requests_until_quiet(millis(10_000)).await.iter().flat_map(Request::told).collect();
    let vacated = told.pop();
    assert_eq!(
        told,
        [
            "channel_occupied private-cache-a",
            "cache_miss private-cache-a",
            "subscription_count private-cache-a",
            "channel_occupied presence-x",
            "member_added presence-x 7",
            "client_event presence-x 7",
        ]
    );
    assert_eq!(vacated.as_deref(), Some("channel_vacated private-cache-a"));
    two.leave().await;
    let mut told: Vec<_> =
        receiver.requests_until_quiet(millis(10_000)).await.iter().flat_map(Request::told).collect();
    told.sort();
    assert_eq!(told, ["channel_vacated presence-x", "member_removed presence-x 7"]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_goes_away_tells_nobody_that_all_have_left() {
    let mut receiver = Receiver::open([]).await;
    let mut relay = relay_telling(&receiver).await;
    let mut desk = relay.desk().await;
    desk.enter("presence-x", r#"{"user_id":"7"}"#).await;
    let _ = receiver.request().await;
    relay.stop();
    assert_eq!(desk.closed().await.0, 4200);
    drop(desk);
    relay.ended().await.expect("a clean end");
    let requests = receiver.requests_until_quiet(millis(60_000)).await;
    assert_eq!(requests.iter().flat_map(Request::told).collect::<Vec<_>>(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_drain_tells_nobody_that_all_have_left_but_what_had_happened_before() {
    let mut receiver = Receiver::open([]).await;
    let app = App::open(&[receiver.hook(&[])]);
    for fact in [occupied("a"), occupied("presence-x"), added("7"), added("8")] {
        app.tell(fact);
    }
    let _ = receiver.request().await;
    app.tell(removed("8"));
    tokio::time::sleep(millis(1000)).await;
    app.hooks.drain();
    for fact in [removed("7"), vacated("presence-x"), vacated("a"), client_event("1")] {
        app.tell(fact);
    }
    let before = time::monotonic();
    app.hooks.finish().await;
    assert!(time::monotonic() - before < millis(50), "there is nothing to wait for");
    drop(app);
    let told: Vec<_> =
        receiver.requests_until_quiet(millis(10_000)).await.iter().flat_map(Request::told).collect();
    assert_eq!(told, ["member_removed presence-x 8", "client_event presence-x 7"]);
}

#[tokio::test]
async fn names_are_resolved_and_tls_trusts_the_authority_of_the_settings_and_nobody_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    for (host, ca_file, trusted) in [
        ("localhost", Some("ca.pem"), true),
        ("localhost", None, false),
        ("127.0.0.1", Some("ca.pem"), false),
    ] {
        let (port, mut requests) = tls_receiver(&folder).await;
        let hook = Webhook::new(&format!("https://{host}:{port}/")).expect("an address");
        let app = App::trusting(ca_file.map(|name| folder.join(name)), &[hook]);
        app.tell(missed(0));
        if trusted {
            let request = requests.recv().await.expect("a request");
            assert_eq!(request.header("X-Pusher-Signature"), [hmac(SECRET, &request.body)]);
        } else {
            while app.counted().webhook_failed_tries == 0 {
                tokio::task::yield_now().await;
            }
            assert!(requests.try_recv().is_err(), "{host}");
        }
    }
}
