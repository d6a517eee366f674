//! Every event, however and wherever it was published, comes out of `frontdesk tail --json`.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::document::{self, Event};
use crate::node::Node;
use crate::process::{Process, Stream};
use crate::server::{ADMIN, APP, KEY, Kind, Publisher, SECRET, Server};

#[test]
fn all_events_arrive_from_soketi() {
    all_events_arrive(Kind::Soketi);
}

#[test]
fn all_events_arrive_from_the_relay() {
    all_events_arrive(Kind::Relay);
}

/// What was published, and what has to come out: the wire channel, the event, the fields.
type Line = (String, String, Value);

fn all_events_arrive(kind: Kind) {
    let Some(node) = Node::find() else { return };
    let server = Server::start(kind, node);
    let mut publisher = server.publisher();
    let tail = server.tail(KEY, ADMIN, &server.auth_endpoint(), "availability,admin,staff,booking.1");
    let wire_channels: BTreeSet<String> =
        document::events().iter().flat_map(|e| [e.channel.clone(), private(&e.channel)]).collect();
    subscribed(&tail, &mut publisher, wire_channels);

    let mut expected = Vec::new();
    for event in document::events() {
        // Each at a time of its own: the same event on a public and on a private channel is told once.
        let [public, hidden] = [1, 2].map(|minute| event.at_minute(minute));
        publisher.publish(&public.channel, &public.wire_name(), &json!({"data": public.data}));
        publisher.publish(&private(&hidden.channel), &hidden.wire_name(), &json!({"data": hidden.data}));
        expected.push((public.channel, public.name, public.data));
        expected.push((private(&hidden.channel), hidden.name, hidden.data));

        emit(&server, &event, &["--as-printed"]);
        let hidden = event.at_minute(3);
        let channel = private(&hidden.channel);
        emit(&server, &hidden, &["--channel", &channel, "--data", &hidden.data.to_string()]);
        expected.push((event.channel, event.name, event.data));
        expected.push((channel, hidden.name, hidden.data));
    }

    tail.until(Stream::Out, "line for every event", |line| {
        let line: Value = serde_json::from_str(line).expect("JSON lines");
        if line["event"] == MARK {
            return None;
        }
        let (channel, event) = (text(&line["channel"]), text(&line["event"]));
        let at = expected
            .iter()
            .position(|known: &Line| known.0 == channel && known.1 == event && known.2 == line["data"]);
        let at = at.unwrap_or_else(|| panic!("nobody published {line}"));
        expected.remove(at);
        assert_eq!(line["topic"], channel.trim_start_matches("private-"), "{line}");
        assert!(text(&line["at"]).parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert!(line.get("raw").is_none() && line.get("reason").is_none(), "{line}");
        match kind {
            Kind::Soketi => assert_eq!(line["position"], Value::Null, "{line}"),
            Kind::Relay => assert!(text(&line["position"]).contains(':'), "{line}"),
        }
        expected.is_empty().then_some(())
    });
}

/// Publishes with `frontdesk emit`.
fn emit(server: &Server, event: &Event, arguments: &[&str]) {
    let mut command: Command = server.frontdesk("emit");
    command.arg(&event.name).args(["--app-id", APP, "--key", KEY, "--secret", SECRET]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "emit {}: {}", event.name, String::from_utf8_lossy(&output.stderr));
}

/// Waits until every channel is heard: marks are published until one has come through each.
pub(crate) fn subscribed(tail: &Process, publisher: &mut Publisher, mut channels: BTreeSet<String>) {
    for round in 0.. {
        for channel in &channels {
            publisher.publish(channel, MARK, &json!({"channel": channel, "round": round}));
        }
        while let Some(line) = tail.line(Stream::Out, Duration::from_millis(100)) {
            let line: Value = serde_json::from_str(&line).expect("JSON lines");
            channels.remove(&text(&line["channel"]));
        }
        if channels.is_empty() {
            return;
        }
        assert!(round < 200, "never subscribed: {channels:?}\n{}", tail.transcript());
    }
}

/// An event that is none of the venue's.
pub(crate) const MARK: &str = "mark";

pub(crate) fn private(channel: &str) -> String {
    format!("private-{channel}")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
