//! The API document's frontend, as printed, in front of each server.

use frontdesk::protocol::sign;
use serde_json::{Value, json};

use crate::document;
use crate::node::Node;
use crate::process::{Process, Stream};
use crate::server::{KEY, Kind, SECRET, STAFF, Server};

#[test]
fn the_documents_samples_run_unmodified_against_the_relay() {
    samples_run(Kind::Relay);
}

#[test]
fn the_documents_samples_run_unmodified_against_soketi() {
    samples_run(Kind::Soketi);
}

fn samples_run(kind: Kind) {
    let Some(node) = Node::find() else { return };
    let server = Server::start(kind, node);
    let mut publisher = server.publisher();
    let page = json!({
        "api": document::path(),
        "key": KEY,
        "host": "127.0.0.1",
        "port": server.port,
        "auth": server.auth_endpoint(),
        "token": STAFF,
    });
    let mut page = Process::start("the page", node.script("page.mjs", &page));

    let ready = page.until(Stream::Out, "page that is ready", |line| told(line, "ready"));
    // Twice `availability`: the React hook and the Vue component; twice the booking: Echo itself and the component.
    let subscribed = ["admin", "availability", "availability", "private-booking.1", "private-booking.1"];
    assert_eq!(ready["subscribed"], json!(subscribed));
    // The axios sample is answered with the signature that its socket needs.
    let socket = ready["socket"].as_str().expect("a socket id");
    let auth = sign::auth(KEY, SECRET, &sign::channel_text(socket, "private-booking.1", None));
    assert_eq!(ready["answer"], json!({"auth": auth}));
    // The configuration without a token hears public channels, and is told why it hears no private ones.
    assert_eq!(ready["refused"], "401");

    for event in document::events() {
        // As in the samples: bookings on a private channel, all others on public ones.
        let private = event.channel.starts_with("booking.");
        let channel = if private { format!("private-{}", event.channel) } else { event.channel.clone() };
        publisher.publish(&channel, &event.wire_name(), &json!({"data": event.data}));
    }

    let shown = [
        ("hook", "\"available_slots\":5"),
        ("hook", "\"current_capacity\":15"),
        ("vue", "Morning Session"),
        ("vue", "Available: 5/20"),
        ("echo", "BK001 is confirmed"),
        ("booking", "Status: confirmed"),
        ("booking", "Payment: verified"),
        ("admin", "New booking from John Doe"),
        ("admin", "Payment verification required for John Doe"),
        ("bootstrap", "Morning Session"),
    ];
    let mut missing = shown.to_vec();
    page.until(Stream::Out, "page that shows everything", |line| {
        let page = told(line, "shows")?;
        missing.retain(|(element, text)| !page[element].as_str().is_some_and(|shown| shown.contains(text)));
        missing.is_empty().then_some(())
    });

    page.say("leave");
    assert_eq!(page.until(Stream::Out, "page that left", |line| told(line, "left")), json!([]));
}

/// What the page tells under a name.
fn told(line: &str, name: &str) -> Option<Value> {
    serde_json::from_str::<Value>(line).ok()?.get(name).cloned()
}
