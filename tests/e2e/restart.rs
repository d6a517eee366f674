//! A server that goes away and comes back: who was connected comes back by itself, and says so meanwhile.

use std::collections::BTreeSet;

use crate::delivery::{private, subscribed};
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

fn tail_survives(kind: Kind) {
    let Some(node) = Node::find() else { return };
    let mut server = Server::start(kind, node);
    let mut publisher = server.publisher();
    let channels = BTreeSet::from(["staff".to_owned(), private("staff")]);
    let tail = server.tail(KEY, ADMIN, &server.auth_endpoint(), "staff");
    subscribed(&tail, &mut publisher, channels.clone());

    server.kill();
    tail.until(Stream::Err, "word about the lost link", |line| line.contains("lost").then_some(()));

    server.start_again();
    subscribed(&tail, &mut publisher, channels);
}
