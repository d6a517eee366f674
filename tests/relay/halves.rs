//! The protocol's two halves against each other, on a clock of the test's own and without a socket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk::protocol::link::{self, End, Link};
use frontdesk::protocol::peer::{self, Hello, Joined, Missed, Peer, Rules, SocketId};
use frontdesk::protocol::{ClientOp, CloseCode, Epoch, Position, ServerOp, Subscription};
use frontdesk::time;
use secrecy::SecretString;

use crate::support::{KEY, SECRET};

/// Both halves, joined by their JSON texts.
struct Halves {
    link: Link,
    peer: Peer,
    now: Instant,
    /// What the relay would answer.
    joined: Joined,
    /// Whether frames arrive, to the client and to the server.
    arrive: (bool, bool),
    heard: Vec<link::Output>,
    closed: Option<CloseCode>,
}

const HEAD: Position = Position { epoch: Epoch(7), offset: 9 };

impl Halves {
    fn meet() -> Self {
        let now = time::monotonic();
        let rules = Rules {
            key: KEY.into(),
            secret: SecretString::from(SECRET),
            guard: vec![Subscription::parse("admin").expect("a name")],
            channel_name: 200,
            subscriptions: 0,
            failed_auths: 0,
            client_events: true,
            client_events_per_second: 0,
            event_name: 0,
            event_kb: 0,
            presence_user_kb: 0,
            user_authentication: true,
            watchlist: true,
        };
        let hello = Hello { protocol: Some("7"), native: true, local: false };
        let peer = Peer::open(Arc::new(rules), hello, SocketId(1, 2), now).expect("let in");
        let joined = Joined { head: HEAD, missed: None };
        let mut halves = Self {
            link: Link::new(now),
            peer,
            now,
            joined,
            arrive: (true, true),
            heard: Vec::new(),
            closed: None,
        };
        halves.settle();
        halves
    }

    /// Lets them talk until neither has anything to say.
    fn settle(&mut self) {
        loop {
            if let Some(output) = self.peer.poll() {
                self.served(output);
            } else if let Some(output) = self.link.poll() {
                match output {
                    link::Output::Send(op) if self.arrive.1 => {
                        let parsed = ClientOp::parse(&op.encode());
                        self.peer.handle(parsed, self.now);
                    }
                    link::Output::Send(_) => {}
                    other => self.heard.push(other),
                }
            } else {
                return;
            }
        }
    }

    fn served(&mut self, output: peer::Output) {
        match output {
            peer::Output::Send(op) if self.arrive.0 => {
                let op = ServerOp::parse(&op.encode()).expect("an op");
                self.link.handle(op, self.now);
            }
            peer::Output::Ping if self.arrive.0 => {
                self.link.alive();
                if self.arrive.1 {
                    self.peer.heard();
                }
            }
            peer::Output::Close(code, reason) => {
                self.closed = Some(code);
                if self.arrive.0 {
                    self.link.closed(Some((code, reason.to_owned())), self.now);
                }
            }
            peer::Output::Join { to, since, member: _ } => {
                for op in self.peer.joined(&to, since, self.joined, None) {
                    self.served(peer::Output::Send(op));
                }
            }
            peer::Output::Again(to) => self.served(peer::Output::Send(self.peer.again(&to, None))),
            peer::Output::Send(_)
            | peer::Output::Ping
            | peer::Output::Leave { .. }
            | peer::Output::SignIn(_)
            | peer::Output::Pass { .. } => {}
        }
    }

    /// Jumps from deadline to deadline.
    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            let server = self.closed.is_none().then(|| self.peer.deadline());
            let client = self.link.deadline();
            let Some(next) = server.into_iter().chain(client).min().filter(|next| *next <= until) else {
                break;
            };
            self.now = next;
            if client.is_some_and(|at| at <= next) {
                self.link.on_timeout(next);
            }
            if server.is_some_and(|at| at <= next) {
                self.peer.on_timeout(next);
            }
            self.settle();
        }
        self.now = until;
    }

    fn subscribe(&mut self, name: &str, since: Option<Position>) -> Vec<link::Output> {
        self.heard.clear();
        let name = Subscription::parse(name).expect(name);
        assert!(self.link.subscribe(name, None, since, self.now));
        self.settle();
        std::mem::take(&mut self.heard)
    }

    fn end(&self) -> Option<&End> {
        self.heard.iter().find_map(|output| match output {
            link::Output::End(end) => Some(end),
            _ => None,
        })
    }
}

#[test]
fn they_shake_hands_and_recognise_each_other() {
    let halves = Halves::meet();
    assert!(halves.heard.iter().any(|output| matches!(
        output,
        link::Output::Established { socket_id, native: true, activity_timeout }
            if socket_id == "1.2" && *activity_timeout == peer::ACTIVITY_TIMEOUT
    )));
}

#[test]
fn subscriptions_are_accepted_refused_and_recovered_in_the_clients_eyes() {
    let mut halves = Halves::meet();
    let accepted = |outputs: &[link::Output]| match outputs {
        [link::Output::Subscribed { recovery: Some(recovery), .. }, ..] => {
            Some((recovery.recovered, recovery.head))
        }
        _ => None,
    };
    assert_eq!(accepted(&halves.subscribe("availability", None)), Some((true, HEAD)));
    assert_eq!(accepted(&halves.subscribe("booking.*", Some(HEAD))), Some((true, HEAD)));
    halves.joined.missed = Some(Missed::Epoch);
    let outputs = halves.subscribe("staff", Some(HEAD));
    assert_eq!(accepted(&outputs), Some((false, HEAD)));
    assert!(matches!(&outputs[1], link::Output::Gap { reason, head: Some(HEAD), .. } if reason == "epoch"));
    for (name, expected) in [("admin", 401), ("private-staff", 401), ("presence-staff", 401)] {
        let outputs = halves.subscribe(name, None);
        assert!(
            matches!(
                &outputs[..],
                [link::Output::NotSubscribed { why: link::NotSubscribed::Refused { status: Some(status), .. }, .. }]
                    if *status == expected
            ),
            "{name}: {outputs:?}"
        );
    }
}

#[test]
fn an_idle_day_ends_nothing() {
    let mut halves = Halves::meet();
    halves.pass(Duration::from_secs(24 * 3600));
    assert_eq!((halves.closed, halves.end()), (None, None));
}

#[test]
fn each_notices_that_the_other_is_not_heard() {
    let mut halves = Halves::meet();
    halves.pass(Duration::from_secs(60));
    halves.arrive = (true, false);
    halves.pass(Duration::from_secs(60));
    assert_eq!(halves.closed, Some(CloseCode::NO_PONG), "the server within a minute");
    assert!(matches!(halves.end(), Some(End::Closed { code: CloseCode::NO_PONG, .. })));

    let mut halves = Halves::meet();
    halves.pass(Duration::from_secs(60));
    halves.arrive = (false, true);
    halves.pass(Duration::from_secs(90));
    assert!(matches!(halves.end(), Some(End::NoPong)), "{:?}", halves.end());
}
