//! Every event, however and wherever it was published, comes out of `frontdesk tail --json` and onto the
//! dashboard's screen.

use std::collections::BTreeSet;
use std::iter;
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

#[test]
fn the_dashboard_shows_all_events_from_soketi() {
    the_dashboard_shows_all_events(Kind::Soketi);
}

#[test]
fn the_dashboard_shows_all_events_from_the_relay() {
    the_dashboard_shows_all_events(Kind::Relay);
}

/// All that the document's events travel on.
const TOPICS: &str = "availability,admin,staff,booking.1";

/// What was published, and what has to come out: the wire channel, the event, the fields.
type Line = (String, String, Value);

fn all_events_arrive(kind: Kind) {
    let Some(node) = Node::find() else { return };
    let server = Server::start(kind, node);
    let mut publisher = server.publisher();
    let tail = server.tail(KEY, ADMIN, &server.auth_endpoint(), TOPICS);
    subscribed(&mut publisher, wire_channels(), || heard(&tail));

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
        if line["event"] == mark(line["channel"].as_str().unwrap_or_default()) {
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

fn the_dashboard_shows_all_events(kind: Kind) {
    let Some(node) = Node::find() else { return };
    let server = Server::start(kind, node);
    let mut publisher = server.publisher();
    let mut dashboard = server.dashboard(KEY, ADMIN, &server.auth_endpoint(), TOPICS);
    dashboard.press("5");
    dashboard.until("activity", |screen| screen.contains("Events"));
    subscribed(&mut publisher, wire_channels(), || {
        let screen = dashboard.settled(Duration::from_millis(100));
        wire_channels()
            .into_iter()
            .filter(|channel| screen.contains(&format!("{}: ", mark(channel))))
            .collect()
    });

    let events = document::events();
    for event in &events {
        let [public, hidden] = [1, 2].map(|minute| event.at_minute(minute));
        publisher.publish(&public.channel, &public.wire_name(), &json!({"data": public.data}));
        publisher.publish(&private(&hidden.channel), &hidden.wire_name(), &json!({"data": hidden.data}));
    }
    // In the document's order. No payment was waiting for its outcome, and the second check-in is one too many.
    let rows: [(&[&str], &str); 8] = [
        (&["FREE"], "Morning Session 15 Jan, 15 of 20"),
        (&["USED"], "Morning Session 15 Jan, 15 of 20"),
        (&["STATUS"], "confirmed / paid"),
        (&["PAID", "STATUS"], "verified"),
        (&["BOOK"], "John Doe Rp50.000 Morning Session"),
        (&["PAY"], "John Doe Rp50.000"),
        (&["IN", "AGAIN"], "John Doe Morning Session"),
        (&["OUT"], "John Doe Morning Session"),
    ];
    dashboard.until("row for every event", |screen| {
        events.iter().zip(rows).all(|(event, (words, means))| {
            [event.channel.clone(), private(&event.channel)]
                .iter()
                .all(|channel| shows(screen, words, channel, means))
        })
    });
}

/// Whether a row of the activity has one of the words, the channel (cut where it is long), and the meaning.
fn shows(screen: &str, words: &[&str], channel: &str, means: &str) -> bool {
    let channel = &channel[..channel.len().min(15)];
    let starts: Vec<String> = words.iter().map(|word| format!(" {word:<6} {channel}")).collect();
    screen.lines().any(|line| line.contains(means) && starts.iter().any(|start| line.contains(start)))
}

/// Publishes with `frontdesk emit`.
fn emit(server: &Server, event: &Event, arguments: &[&str]) {
    let mut command: Command = server.frontdesk("emit");
    command.arg(&event.name).args(["--app-id", APP, "--key", KEY, "--secret", SECRET]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "emit {}: {}", event.name, String::from_utf8_lossy(&output.stderr));
}

/// Waits until every channel is heard: marks are published until one has come through each. `heard` waits a
/// little, and says from where marks came.
pub(crate) fn subscribed(
    publisher: &mut Publisher,
    mut channels: BTreeSet<String>,
    mut heard: impl FnMut() -> BTreeSet<String>,
) {
    for round in 0..200 {
        for channel in &channels {
            publisher.publish(channel, &mark(channel), &json!({"channel": channel, "round": round}));
        }
        for channel in heard() {
            channels.remove(&channel);
        }
        if channels.is_empty() {
            return;
        }
    }
    panic!("never subscribed: {channels:?}");
}

/// The channels of what a tail printed, until it printed nothing for a moment.
pub(crate) fn heard(tail: &Process) -> BTreeSet<String> {
    let next = || tail.line(Stream::Out, Duration::from_millis(100));
    iter::from_fn(next).map(|line| text(&serde_json::from_str::<Value>(&line).unwrap()["channel"])).collect()
}

/// The wire channels of all events, public and private.
fn wire_channels() -> BTreeSet<String> {
    document::events().iter().flat_map(|event| [event.channel.clone(), private(&event.channel)]).collect()
}

/// An event that is none of the venue's, and says where it was published.
fn mark(channel: &str) -> String {
    format!("mark-{channel}")
}

pub(crate) fn private(channel: &str) -> String {
    format!("private-{channel}")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
