//! `tail` against the relay: what a script reads, what a person is told, how it ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::thread;

use serde_json::Value;

use crate::bench::{Home, Ran, Relay, backend, signal};

const TOKENS: &str = "[[token]]\nname = \"ayu\"\nrole = \"admin\"\ntoken = \"ayu-token\"\n\
                      [[token]]\nname = \"sari\"\nrole = \"staff\"\ntoken = \"sari-token\"\n";

fn relay(home: &Home) -> Relay {
    let tokens = home.file("tokens.toml", TOKENS);
    Relay::start(home, &["--ephemeral", "--tokens", tokens.to_str().expect("a path")])
}

fn emit(home: &Home, relay: &Relay, args: &[&str]) {
    let url = relay.url();
    let common = ["emit", "--url", &url, "--key", "app-key", "--app-id", "app-id", "--secret", "app-secret"];
    let ran = home.run(&[&common, args].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// A tail that runs.
fn tail(home: &Home, relay: &Relay, args: &[&str]) -> Child {
    let url = relay.url();
    let mut command = home.command(&["tail", "--url", &url, "--key", "app-key"]);
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary")
}

/// It says so once all that can be subscribed is; what it says later is read and dropped.
fn wait_until_connected(child: &mut Child) {
    let mut words = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(words.any(|line| line.contains("connected to ws://")), "it ended without connecting");
    thread::spawn(move || words.for_each(drop));
}

#[test]
fn every_event_of_the_document_is_heard_on_public_and_on_private_channels_with_a_token() {
    let home = Home::new().with("FRONTDESK_TOKEN", "ayu-token");
    let relay = relay(&home);
    let events = [
        ("AvailabilityUpdated", "availability"),
        ("CapacityUpdated", "availability"),
        ("BookingStatusUpdated", "booking.1"),
        ("PaymentStatusUpdated", "booking.1"),
        ("NewBookingNotification", "admin"),
        ("PaymentVerificationRequired", "admin"),
        ("CheckInNotification", "staff"),
        ("CheckOutNotification", "staff"),
    ];
    let channels = "availability,admin,staff,booking.*";
    let mut child = tail(&home, &relay, &["--json", "--limit", "16", "--channels", channels]);
    wait_until_connected(&mut child);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for (event, topic) in events {
        for (channel, sample) in
            [(topic.to_owned(), &[][..]), (format!("private-{topic}"), &["--as-printed"])]
        {
            emit(&home, &relay, &[&[event, "--channel", &channel], sample].concat());
            let line = lines.next().expect("a line").expect("text");
            let line: Value = serde_json::from_str(&line).expect("JSON");
            assert_eq!((&line["event"], &line["topic"]), (&event.into(), &topic.into()));
            assert_eq!(line["channel"], channel);
            assert!(line["data"].is_object() && line.get("raw").is_none(), "{line}");
            assert!(line["position"].as_str().is_some_and(|position| position.contains(':')), "{line}");
        }
    }
    assert_eq!(child.wait().expect("its end").code(), Some(0), "the limit is an end");
}

#[test]
fn only_what_was_asked_for_is_printed() {
    let home = Home::new();
    let relay = relay(&home);
    let only = ["--channel", "staff", "--event", "CheckInNotification", "--filter", "BK001"];
    let mut child = tail(&home, &relay, &[&only[..], &["--limit", "1"]].concat());
    wait_until_connected(&mut child);
    emit(&home, &relay, &["CheckInNotification", "--channel", "admin"]);
    emit(&home, &relay, &["CheckOutNotification"]);
    emit(&home, &relay, &["CheckInNotification", "--data", "{\"booking_code\":\"BK999\"}"]);
    emit(&home, &relay, &["CheckInNotification"]);
    let ran = Ran::from(child.wait_with_output().expect("its end"));
    assert_eq!(ran.code, Some(0));
    assert!(
        ran.stdout.contains(" staff CheckInNotification {\"booking_id\":1,\"booking_code\":\"BK001\""),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
}

/// Tails private names with a token against an endpoint that answers so.
fn refused(token: &str, status: &'static str, path: &str) -> Ran {
    let home = Home::new().with("FRONTDESK_TOKEN", token);
    let relay = relay(&home);
    let endpoint = match status {
        "" => format!("http://localhost:{}{path}", relay.port),
        _ => backend(move |_, _| (status, String::new())) + path,
    };
    let url = relay.url();
    home.run(&[
        "tail",
        "--url",
        &url,
        "--key",
        "app-key",
        "--auth-endpoint",
        &endpoint,
        "--channels",
        "private-admin",
        "--for",
        "2",
    ])
}

#[test]
fn a_tail_that_never_got_through_says_why_and_what_to_do() {
    for (ran, words) in [
        (
            refused("wrong-token", "", "/api/broadcasting/auth"),
            "401: the backend does not accept this token; run frontdesk login",
        ),
        (refused("sari-token", "", "/api/broadcasting/auth"), "403: not allowed for this token"),
        (refused("sari-token", "", "/nothing/here"), "404: no auth endpoint"),
        (
            refused("sari-token", "302 Found\r\nLocation: http://elsewhere.test/login", "/x"),
            "redirected to http://elsewhere.test/login",
        ),
    ] {
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{words}: {ran:?}");
        assert!(ran.stderr.contains(&format!("private-admin: {words}")), "{words}: {}", ran.stderr);
    }
}

#[test]
fn an_unknown_app_key_ends_it_at_once() {
    let home = Home::new();
    let relay = relay(&home);
    let ran = home.run(&["tail", "--url", &relay.url(), "--key", "nobodys"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("4001") && ran.stderr.contains("check --key"), "{}", ran.stderr);
}

#[test]
fn without_a_token_public_names_are_heard_and_it_says_so() {
    let home = Home::new();
    let relay = relay(&home);
    let ran = home.run(&["tail", "--url", &relay.url(), "--key", "app-key", "--for", "2"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    assert!(ran.stderr.contains("not logged in: only public names are heard"), "{}", ran.stderr);
}

#[test]
fn ctrl_c_is_130() {
    let home = Home::new();
    let relay = relay(&home);
    let mut child = tail(&home, &relay, &[]);
    wait_until_connected(&mut child);
    signal(&child, "INT");
    assert_eq!(child.wait().expect("its end").code(), Some(130));
}
