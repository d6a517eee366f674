//! A server's text frames against the client's half: it ends once, answers every question, and never spins.

#![no_main]

use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use frontdesk::protocol::link::{Link, Output, SUBSCRIBE};
use frontdesk::protocol::{ClientOp, CloseCode, ServerOp, Subscription};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Step {
    Text(String),
    Established { timeout: Option<u16>, native: bool },
    Error { code: Option<u16>, message: String },
    Subscribed { channel: u8, data: String },
    Refused { channel: u8, status: Option<u16> },
    Event { channel: Option<u8>, event: String, data: String },
    Pong,
    Ping,
    Alive,
    Subscribe(u8),
    Resumed,
    Wait(u16),
    Closed(Option<(u16, String)>),
}

const NAMES: [&str; 4] = ["staff", "private-staff", "presence-desk", "private-booking.*"];

fn name(at: u8) -> String {
    NAMES[usize::from(at) % NAMES.len()].to_owned()
}

struct World {
    link: Link,
    ended: bool,
    asked: usize,
    answered: usize,
}

impl World {
    fn act(&mut self) {
        while let Some(output) = self.link.poll() {
            assert!(!self.ended, "nothing follows the end: {output:?}");
            match output {
                Output::Send(op) => assert_eq!(ClientOp::parse(&op.encode()), Ok(op)),
                Output::Subscribed { .. } | Output::NotSubscribed { .. } => self.answered += 1,
                Output::End(_) => self.ended = true,
                Output::Established { .. }
                | Output::RoundTrip(_)
                | Output::Suspect
                | Output::Relieved
                | Output::Event { .. }
                | Output::Gap { .. }
                | Output::Error { .. } => {}
            }
        }
        assert_eq!(self.link.is_ended(), self.ended);
        assert_eq!(self.link.deadline().is_none(), self.ended);
    }

    fn wait(&mut self, until: Instant) {
        while let Some(deadline) = self.link.deadline().filter(|deadline| *deadline <= until) {
            self.link.on_timeout(deadline);
            self.act();
            assert!(self.link.deadline().is_none_or(|next| next > deadline), "it waits for what has been");
        }
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let mut now = frontdesk::time::monotonic();
    let mut world = World { link: Link::new(now), ended: false, asked: 0, answered: 0 };
    for step in steps {
        let op = match step {
            Step::Text(text) => ServerOp::parse(&text).ok(),
            Step::Established { timeout, native } => Some(ServerOp::Established {
                socket_id: "1.1".into(),
                activity_timeout: timeout.map(|seconds| Duration::from_secs(seconds.into())),
                native,
            }),
            Step::Error { code, message } => Some(ServerOp::Error { code: code.map(CloseCode), message }),
            Step::Subscribed { channel, data } => {
                Some(ServerOp::Subscribed { channel: name(channel), data, recovery: None })
            }
            Step::Refused { channel, status } => Some(ServerOp::SubscriptionError {
                channel: name(channel),
                kind: "AuthError".into(),
                error: String::new(),
                status,
            }),
            Step::Event { channel, event, data } => {
                let channel = channel.map(name);
                Some(ServerOp::Event { event, channel, data, user_id: None, position: None })
            }
            Step::Pong => Some(ServerOp::Pong),
            Step::Ping => Some(ServerOp::Ping),
            Step::Alive => {
                world.link.alive();
                None
            }
            Step::Subscribe(at) => {
                let wanted = Subscription::parse(&name(at)).unwrap();
                world.asked += usize::from(world.link.subscribe(wanted, None, None, now));
                None
            }
            Step::Resumed => {
                world.link.resumed(now);
                None
            }
            Step::Wait(seconds) => {
                now += Duration::from_secs(seconds.into());
                world.wait(now);
                None
            }
            Step::Closed(frame) => {
                world.link.closed(frame.map(|(code, words)| (CloseCode(code), words)), now);
                None
            }
        };
        if let Some(op) = op {
            world.link.handle(op, now);
        }
        world.act();
    }
    world.wait(now + SUBSCRIBE);
    assert!(world.ended || world.answered >= world.asked, "{} of {} answered", world.answered, world.asked);
});
