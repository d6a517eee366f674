//! A server that goes away and comes back: who was connected says so, and comes back by itself.

use std::collections::BTreeSet;

use serde_json::json;

use crate::delivery::{heard, private, subscribed};
use crate::document;
use crate::node::Node;
use crate::process::Stream;
use crate::server::{ADMIN, KEY, Kind, Server};

#[test]
fn tail_survives_a_restart_of_soketi() {
    tail_survives(Kind::Soketi);
}

#[test]
fn tail_survives_a_restart_of_the_relay() {
    tail_survives(Kind::Relay);
}

#[test]
fn the_dashboard_survives_a_restart_of_soketi() {
    the_dashboard_survives(Kind::Soketi);
}

#[test]
fn the_dashboard_survives_a_restart_of_the_relay() {
    the_dashboard_survives(Kind::Relay);
}

fn tail_survives(kind: Kind) {
    let Some(node) = Node::find() else { return };
    let mut server = Server::start(kind, node);
    let mut publisher = server.publisher();
    let channels = BTreeSet::from(["staff".to_owned(), private("staff")]);
    let tail = server.tail(KEY, ADMIN, &server.auth_endpoint(), "staff");
    subscribed(&mut publisher, channels.clone(), || heard(&tail));

    server.kill();
    tail.until(Stream::Err, "word about the lost link", |line| {
        line.contains("connection broke").then_some(())
    });

    server.start_again();
    tail.until(Stream::Err, "word about the link that is back", |line| {
        line.contains("back: away").then_some(())
    });
    subscribed(&mut publisher, channels, || heard(&tail));
}

fn the_dashboard_survives(kind: Kind) {
    let Some(node) = Node::find() else { return };
    let mut server = Server::start(kind, node);
    let mut publisher = server.publisher();
    let arrives = document::events().into_iter().find(|event| event.name == "CheckInNotification").unwrap();
    let mut arrival = |name: &str, minute: usize| {
        let mut event = arrives.at_minute(minute);
        event.data["customer_name"] = name.into();
        event.data["booking_code"] = format!("BK{minute:03}").into();
        publisher.publish(&private("staff"), &event.wire_name(), &json!({"data": event.data}));
    };

    let mut dashboard = server.dashboard(KEY, ADMIN, &server.auth_endpoint(), "private-staff");
    dashboard.until("live link", |screen| screen.contains("LIVE"));
    arrival("Budi Wijaya", 5);
    dashboard.until("arrival", |screen| screen.contains("Budi Wijaya"));

    server.kill();
    dashboard.until("lost link", |screen| {
        screen.contains("LINK LOST") && !screen.contains("LIVE") && screen.contains("Budi Wijaya")
    });

    server.start_again();
    // The relay has its history on disk, and a place in it outlives its process.
    let missing = match kind {
        Kind::Soketi => "some may be missing",
        Kind::Relay => "none missing",
    };
    dashboard.until("live link again, and what may be missing", |screen| {
        screen.contains("LIVE") && screen.contains("link lost, ") && screen.contains(missing)
    });
    arrival("Dewi Lestari", 6);
    dashboard.until("arrival after the restart", |screen| screen.contains("Dewi Lestari"));

    dashboard.press("q");
    let (status, given_back) = dashboard.end();
    assert!(status.success(), "{status}");
    assert!(given_back, "the terminal is not as it was");
}
