//! The client's half against what a real server (soketi 1.6.1, driven by a real Laravel) really said.

use std::fmt::Write as _;

use frontdesk::protocol::link::{Link, NotSubscribed, Output, Signature};
use frontdesk::protocol::{ClientOp, CloseCode, ServerOp, Subscription};
use frontdesk::time::monotonic;
use serde_json::Value;

const SESSIONS: &str = include_str!("../data/wire/sessions.jsonl");

/// Plays a session: what the server said goes in, and what the client said must come out, letter for letter.
fn play(messages: &[Value]) -> Vec<Output> {
    let (mut link, now) = (Link::new(monotonic()), monotonic());
    let mut told = Vec::new();
    for message in messages {
        let words = || message[1].as_str().expect("text");
        match message[0].as_str().expect("a direction") {
            "in" => link.handle(ServerOp::parse(words()).expect("every frame of a server is an op"), now),
            "out" => {
                let Ok(ClientOp::Subscribe { channel, auth, channel_data, .. }) = ClientOp::parse(words())
                else {
                    continue;
                };
                let Ok(name) = Subscription::parse(&channel) else { continue };
                let signature = auth.map(|auth| Signature { auth, channel_data });
                assert!(link.subscribe(name, signature, None, now));
                let said = std::iter::from_fn(|| link.poll()).filter_map(|output| {
                    if let Output::Send(op) = output {
                        Some(op.encode())
                    } else {
                        told.push(output);
                        None
                    }
                });
                assert_eq!(said.last().as_deref(), Some(words()));
            }
            "close" => {
                let code = message[1]["code"].as_u64().and_then(|code| u16::try_from(code).ok());
                link.closed(code.map(|code| (CloseCode(code), String::new())), now);
            }
            other => panic!("{other}"),
        }
        told.extend(std::iter::from_fn(|| link.poll()).filter(|output| !matches!(output, Output::Send(_))));
    }
    told
}

fn line(output: &Output) -> String {
    match output {
        Output::Established { activity_timeout, native, .. } => {
            format!("established {activity_timeout:?} {native}")
        }
        Output::Subscribed { name, data, .. } => format!("+ {name} {data}"),
        Output::NotSubscribed { name, why: NotSubscribed::Refused { status, message } } => {
            format!("- {name:.40} {status:?} {message:.60}")
        }
        Output::Event { event, channel, data, .. } => format!("event {event} {channel:?} {data:.60}"),
        Output::Error { code, message } => format!("error {code:?} {message:.80}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn every_captured_session_is_understood() {
    let mut told = String::new();
    for session in SESSIONS.lines() {
        let session: Value = serde_json::from_str(session).expect("JSON");
        writeln!(told, "# {}", session["session"].as_str().expect("a name")).expect("written");
        for output in play(session["messages"].as_array().expect("messages")) {
            writeln!(told, "{}", line(&output)).expect("written");
        }
    }
    insta::assert_snapshot!(told);
}
