//! Half against half: the client's and the server's, with texts between them that take their time, on a
//! clock that jumps from one thing that happens to the next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk::protocol::link::{self, ACTIVITY, End, Link, NotSubscribed, PONG, Signature};
use frontdesk::protocol::op::Recovery;
use frontdesk::protocol::peer::{
    self, Hello, Joined, Missed, PING_EVERY, PONG_WITHIN, Peer, Rules, SocketId,
};
use frontdesk::protocol::{ClientOp, CloseCode, Epoch, Position, ServerOp, Subscription, sign};
use frontdesk::time::monotonic;
use proptest::prelude::*;
use secrecy::SecretString;

const KEY: &str = "a-key";
const SECRET: &str = "a-secret";
const SECOND: Duration = Duration::from_secs(1);

/// What travels.
enum Frame {
    Text(String),
    Ping,
    Pong,
    Close(CloseCode, String),
}

struct World {
    now: Instant,
    link: Link,
    peer: Peer,
    upstream: VecDeque<(Instant, Frame)>,
    downstream: VecDeque<(Instant, Frame)>,
    latency: Duration,
    /// The network swallows everything, and tells nobody.
    cut: bool,
    /// What the server's log answers to a join.
    log: Joined,
    told: Vec<link::Output>,
    joins: Vec<(Subscription, Option<Position>)>,
    given_up_by_peer: Option<CloseCode>,
}

fn at(offset: u64) -> Position {
    Position { epoch: Epoch(7), offset }
}

fn name(text: &str) -> Subscription {
    Subscription::parse(text).expect(text)
}

impl World {
    fn open(native: bool, local: bool, latency: Duration) -> Self {
        let now = monotonic();
        let rules = Rules {
            key: KEY.into(),
            secret: SecretString::from(SECRET),
            guard: vec![name("staff"), name("booking.*")],
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
        let hello = Hello { protocol: Some("7"), native, local };
        let peer = Peer::open(Arc::new(rules), hello, SocketId(1, 2), now).expect("let in");
        let mut world = Self {
            now,
            link: Link::new(now),
            peer,
            upstream: VecDeque::new(),
            downstream: VecDeque::new(),
            latency,
            cut: false,
            log: Joined { head: at(9), missed: None },
            told: Vec::new(),
            joins: Vec::new(),
            given_up_by_peer: None,
        };
        world.run(latency * 4);
        world
    }

    fn signature(channel: &str) -> Signature {
        let text = sign::channel_text("1.2", channel, None);
        Signature { auth: sign::auth(KEY, SECRET, &text), channel_data: None }
    }

    fn subscribe(&mut self, channel: &str, signature: Option<Signature>, since: Option<Position>) -> bool {
        let said = self.link.subscribe(name(channel), signature, since, self.now);
        self.run(self.latency * 4 + Duration::from_millis(1));
        said
    }

    /// Puts on the wire whatever the halves have to say.
    fn pump(&mut self) {
        let arrival = self.now + self.latency;
        while let Some(output) = self.link.poll() {
            if let link::Output::Send(op) = output {
                if !self.cut {
                    self.upstream.push_back((arrival, Frame::Text(op.encode())));
                }
            } else {
                self.told.push(output);
            }
        }
        while let Some(output) = self.peer.poll() {
            let frame = match output {
                peer::Output::Send(op) => Frame::Text(op.encode()),
                peer::Output::Ping => Frame::Ping,
                peer::Output::Join { to, since, member: _ } => {
                    for op in self.peer.joined(&to, since, self.log, None) {
                        if !self.cut {
                            self.downstream.push_back((arrival, Frame::Text(op.encode())));
                        }
                    }
                    self.joins.push((to, since));
                    continue;
                }
                peer::Output::Again(to) => Frame::Text(self.peer.again(&to, None).encode()),
                peer::Output::Leave { .. } | peer::Output::SignIn(_) | peer::Output::Pass { .. } => continue,
                peer::Output::Close(code, reason) => {
                    self.given_up_by_peer = Some(code);
                    Frame::Close(code, reason.to_owned())
                }
            };
            if !self.cut {
                self.downstream.push_back((arrival, frame));
            }
        }
    }

    /// Lets time pass, from one thing that happens to the next.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.pump();
            let peer = self.given_up_by_peer.is_none().then(|| self.peer.deadline());
            let arrivals = [self.upstream.front(), self.downstream.front()];
            let arrivals = arrivals.into_iter().flatten().map(|(at, _)| *at);
            let next = arrivals.chain(self.link.deadline()).chain(peer).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            let now = self.now;
            while let Some((_, frame)) = self.upstream.pop_front_if(|(at, _)| *at <= now) {
                match frame {
                    Frame::Text(text) => self.peer.handle(ClientOp::parse(&text), now),
                    Frame::Ping | Frame::Pong | Frame::Close(..) => self.peer.heard(),
                }
            }
            while let Some((_, frame)) = self.downstream.pop_front_if(|(at, _)| *at <= now) {
                match frame {
                    Frame::Text(text) => self.link.handle(ServerOp::parse(&text).expect("an op"), now),
                    Frame::Ping => {
                        // The library answers, below the protocol.
                        self.link.alive();
                        self.upstream.push_back((now + self.latency, Frame::Pong));
                    }
                    Frame::Pong => self.link.alive(),
                    Frame::Close(code, reason) => self.link.closed(Some((code, reason)), now),
                }
            }
            if self.given_up_by_peer.is_none() {
                self.peer.on_timeout(now);
            }
            self.link.on_timeout(now);
        }
        self.now = end;
    }

    fn ended(&self) -> Option<&End> {
        self.told.iter().find_map(|output| if let link::Output::End(end) = output { Some(end) } else { None })
    }

    fn last(&self) -> Option<&link::Output> {
        self.told.last()
    }
}

#[test]
fn they_shake_hands_and_measure_the_way() {
    for native in [false, true] {
        let world = World::open(native, true, Duration::from_millis(24));
        let activity_timeout = peer::ACTIVITY_TIMEOUT.min(ACTIVITY);
        let established = link::Output::Established { socket_id: "1.2".into(), activity_timeout, native };
        assert_eq!(world.told, [established, link::Output::RoundTrip(Duration::from_millis(48))]);
    }
}

#[test]
fn a_public_name_is_joined_and_a_private_one_with_its_signature() {
    let mut world = World::open(false, true, Duration::from_millis(1));
    for (channel, signature) in [("staff", None), ("private-staff", Some(World::signature("private-staff")))]
    {
        assert!(world.subscribe(channel, signature, None));
        let joined = link::Output::Subscribed { name: name(channel), data: "{}".into(), recovery: None };
        assert_eq!(world.last(), Some(&joined));
    }
}

#[test]
fn a_wrong_signature_and_a_guarded_name_are_refused_by_name() {
    let mut world = World::open(false, false, Duration::from_millis(1));
    for (channel, signature) in
        [("private-staff", Some(World::signature("private-admin"))), ("private-staff", None), ("staff", None)]
    {
        world.subscribe(channel, signature, None);
        let Some(link::Output::NotSubscribed { name: refused, why }) = world.last() else {
            panic!("{channel}")
        };
        assert_eq!(*refused, name(channel));
        assert!(matches!(why, NotSubscribed::Refused { status: Some(401), .. }), "{why:?}");
    }
    world.subscribe("staff", Some(World::signature("private-staff")), None);
    assert!(
        matches!(world.last(), Some(link::Output::Subscribed { .. })),
        "what opens the private name opens it"
    );
    assert_eq!(world.ended(), None);
}

#[test]
fn positions_and_patterns_travel_between_our_own_halves() {
    let mut world = World::open(true, true, Duration::from_millis(1));
    assert!(world.subscribe("booking.*", None, Some(at(4))));
    assert_eq!(world.joins, [(name("booking.*"), Some(at(4)))]);
    let recovery = Some(Recovery { recovered: true, from: Some(at(4)), head: at(9) });
    let joined = link::Output::Subscribed { name: name("booking.*"), data: "{}".into(), recovery };
    assert_eq!(world.last(), Some(&joined));
    for (missed, reason) in
        [(Missed::Expired, "expired"), (Missed::Epoch, "epoch"), (Missed::Unknown, "unknown")]
    {
        let mut world = World::open(true, true, Duration::from_millis(1));
        world.log.missed = Some(missed);
        world.subscribe("staff", None, Some(at(4)));
        let recovery = Some(Recovery { recovered: false, from: Some(at(4)), head: at(9) });
        let joined = link::Output::Subscribed { name: name("staff"), data: "{}".into(), recovery };
        let gap = link::Output::Gap { channel: "staff".into(), reason: reason.into(), head: Some(at(9)) };
        assert_eq!(world.told[2..], [joined, gap]);
    }
}

#[test]
fn a_client_that_did_not_ask_for_the_extension_never_sees_it() {
    let mut world = World::open(false, true, Duration::from_millis(1));
    assert!(!world.subscribe("booking.*", None, None));
    world.subscribe("staff", None, Some(at(4)));
    assert_eq!(world.joins, [(name("staff"), None)]);
    let joined = link::Output::Subscribed { name: name("staff"), data: "{}".into(), recovery: None };
    assert_eq!(world.last(), Some(&joined));
}

#[test]
fn an_idle_connection_lives_for_days() {
    let mut world = World::open(true, true, Duration::from_millis(80));
    world.run(3 * 24 * 3600 * SECOND);
    assert_eq!((world.ended(), world.given_up_by_peer), (None, None));
    assert!(!world.told.contains(&link::Output::Suspect));
}

#[test]
fn a_cut_network_is_noticed_by_both_sides() {
    let mut world = World::open(true, true, Duration::from_millis(80));
    world.run(3600 * SECOND);
    world.cut = true;
    world.run(peer::ACTIVITY_TIMEOUT + PONG + SECOND);
    assert_eq!(world.ended(), Some(&End::NoPong));
    world.run((PING_EVERY + PONG_WITHIN).saturating_sub(peer::ACTIVITY_TIMEOUT + PONG));
    assert_eq!(world.given_up_by_peer, Some(CloseCode::NO_PONG));
}

#[test]
fn a_short_cut_is_survived() {
    let mut world = World::open(true, true, Duration::from_millis(80));
    world.cut = true;
    world.run(20 * SECOND);
    world.cut = false;
    world.run(3600 * SECOND);
    assert_eq!((world.ended(), world.given_up_by_peer), (None, None));
}

#[test]
fn what_the_server_closes_with_is_what_the_client_is_told() {
    for code in [CloseCode::OVER_CAPACITY, CloseCode::RECONNECT, CloseCode::UNAUTHORIZED] {
        let mut world = World::open(true, true, Duration::from_millis(80));
        world.peer.close(code, "why");
        world.run(SECOND);
        assert_eq!(world.ended(), Some(&End::Closed { code, message: "why".into() }));
        assert!(world.link.is_ended());
    }
}

#[test]
fn a_refused_version_is_a_close_with_its_code() {
    for version in ["5", "6", "7", "8", "x", ""] {
        let refused = peer::refuse(Some(version), CloseCode::UNSUPPORTED_VERSION, "no");
        let mut link = Link::new(monotonic());
        for output in refused {
            match output {
                peer::Output::Send(op) => link.handle(op, monotonic()),
                peer::Output::Close(code, reason) => link.closed(Some((code, reason.into())), monotonic()),
                other => panic!("{other:?}"),
            }
        }
        let closed = End::Closed { code: CloseCode::UNSUPPORTED_VERSION, message: "no".into() };
        assert_eq!(link.poll(), Some(link::Output::End(closed)), "{version}");
        assert_eq!(link.poll(), None, "{version}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_way_is_too_slow_while_it_is_a_way(latency in 0_u64..4_500, hours in 1_u32..4) {
        let mut world = World::open(true, true, Duration::from_millis(latency));
        world.run(3600 * SECOND * hours);
        prop_assert_eq!((world.ended(), world.given_up_by_peer), (None, None));
    }

    #[test]
    fn whatever_the_network_does_each_side_lives_or_knows(cuts in prop::collection::vec((1_u32..120, 1_u32..120), 1..20)) {
        let mut world = World::open(true, true, Duration::from_millis(80));
        for (cut, good) in cuts {
            world.cut = true;
            world.run(SECOND * cut);
            world.cut = false;
            world.run(SECOND * good);
        }
        world.run(PONG + PONG_WITHIN + 60 * SECOND);
        // One side may have given up and its close been lost; the other then notices by itself.
        if world.given_up_by_peer.is_some() {
            prop_assert!(world.ended().is_some());
        }
    }
}
