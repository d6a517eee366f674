//! When a topic cannot be heard, `frontdesk tail` and the dashboard say why: the status, or where it was sent on to, and what to do.

use crate::auth;
use crate::node::Node;
use crate::process::Stream;
use crate::server::{ADMIN, KEY, Kind, STAFF, Server};

#[test]
fn every_reason_for_silence_is_told_against_soketi() {
    reasons_are_told(Kind::Soketi);
}

#[test]
fn every_reason_for_silence_is_told_against_the_relay() {
    reasons_are_told(Kind::Relay);
}

fn reasons_are_told(kind: Kind) {
    let Some(node) = Node::find() else { return };
    let server = Server::start(kind, node);
    let good = server.auth_endpoint();
    let missing = format!("{}/nowhere/auth", server.auth_origin);
    let redirecting = format!("{}/redirect", auth::listen());

    let cases = [
        ("401", KEY, "not a token", &good, "private-staff"),
        ("403", KEY, STAFF, &good, "private-admin"),
        ("404", KEY, ADMIN, &missing, "private-staff"),
        ("redirect", KEY, ADMIN, &redirecting, "private-staff"),
        ("4001", "unknown-key", ADMIN, &good, "private-staff"),
    ];
    let told = cases.map(|(reason, key, token, endpoint, channel)| {
        let tail = server.tail(key, token, endpoint, channel);
        (reason, tail, server.dashboard(key, token, endpoint, channel))
    });
    for (reason, tail, mut dashboard) in told {
        dashboard.press("6");
        dashboard.until(&format!("word about \"{reason}\""), |screen| screen.contains(reason));
        tail.until(Stream::Err, &format!("word about \"{reason}\""), |line| {
            line.contains(reason).then_some(())
        });
        let printed = tail.transcript();
        assert!(
            ![ADMIN, STAFF].iter().any(|token| printed.contains(token)),
            "a token was printed:\n{printed}"
        );
    }
}

#[test]
fn a_tail_that_never_got_through_fails_and_says_why() {
    let Some(node) = Node::find() else { return };
    let server = Server::start(Kind::Relay, node);
    let mut tail = server.tail("unknown-key", ADMIN, &server.auth_endpoint(), "staff");
    assert_eq!(tail.end().code(), Some(1), "{}", tail.transcript());
    assert!(tail.transcript().contains("4001"), "{}", tail.transcript());
}
