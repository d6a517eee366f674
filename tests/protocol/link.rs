//! The client's half alone, on a clock that stands still until the test moves it.

use std::time::{Duration, Instant};

use frontdesk::protocol::link::{
    ACTIVITY, End, HANDSHAKE, Link, NotSubscribed, OVERSHOOT, Output, PONG, PONG_AFTER_RESUME, SUBSCRIBE,
    SUSPICION, Signature,
};
use frontdesk::protocol::op::Recovery;
use frontdesk::protocol::{ClientOp, CloseCode, Epoch, Position, Retry, ServerOp, Subscription};
use frontdesk::time::monotonic;

const SECOND: Duration = Duration::from_secs(1);

fn outputs(link: &mut Link) -> Vec<Output> {
    std::iter::from_fn(|| link.poll()).collect()
}

fn established(activity_timeout: Option<Duration>, native: bool) -> ServerOp {
    ServerOp::Established { socket_id: "1.2".into(), activity_timeout, native }
}

/// A link after its handshake, its first ping answered.
fn open(now: Instant, activity_timeout: u64, native: bool) -> Link {
    let mut link = Link::new(now);
    link.handle(established(Some(Duration::from_secs(activity_timeout)), native), now);
    link.handle(ServerOp::Pong, now);
    outputs(&mut link);
    link
}

fn name(text: &str) -> Subscription {
    Subscription::parse(text).expect(text)
}

fn subscribed(channel: &str) -> ServerOp {
    ServerOp::Subscribed { channel: channel.into(), data: "{}".into(), recovery: None }
}

fn error(code: Option<u16>) -> ServerOp {
    ServerOp::Error { code: code.map(CloseCode), message: "no".into() }
}

fn refused(channel: &str, status: Option<u16>) -> Output {
    let why = NotSubscribed::Refused { status, message: "no".into() };
    Output::NotSubscribed { name: name(channel), why }
}

fn end(link: &mut Link) -> Option<End> {
    outputs(link).into_iter().find_map(|output| if let Output::End(end) = output { Some(end) } else { None })
}

#[test]
fn a_server_that_says_nothing_is_left_after_ten_seconds() {
    let now = monotonic();
    let mut link = Link::new(now);
    assert_eq!(link.deadline(), Some(now + HANDSHAKE));
    link.on_timeout(now + HANDSHAKE / 2);
    assert!(!link.is_ended());
    link.on_timeout(now + HANDSHAKE);
    assert_eq!(outputs(&mut link), [Output::End(End::NoHandshake)]);
    assert_eq!((link.deadline(), End::NoHandshake.retry()), (None, Retry::WithBackoff { widen: false }));
}

#[test]
fn the_handshake_is_told_and_the_way_is_measured_at_once() {
    let now = monotonic();
    let mut link = Link::new(now);
    link.handle(established(Some(30 * SECOND), true), now);
    let told = Output::Established { socket_id: "1.2".into(), activity_timeout: 30 * SECOND, native: true };
    assert_eq!(outputs(&mut link), [told, Output::Send(ClientOp::Ping)]);
    link.handle(ServerOp::Pong, now + Duration::from_millis(48));
    assert_eq!(outputs(&mut link), [Output::RoundTrip(Duration::from_millis(48))]);
}

#[test]
fn the_activity_timeout_is_the_servers_up_to_ours() {
    let cases = [
        (None, ACTIVITY),
        (Some(30 * SECOND), 30 * SECOND),
        (Some(3600 * SECOND), ACTIVITY),
        (Some(Duration::from_millis(1)), SECOND),
    ];
    for (theirs, agreed) in cases {
        let now = monotonic();
        let mut link = Link::new(now);
        link.handle(established(theirs, false), now);
        link.handle(ServerOp::Pong, now);
        assert_eq!(link.deadline(), Some(now + agreed), "{theirs:?}");
    }
}

#[test]
fn an_error_before_the_handshake_is_a_close() {
    for code in [4000, 4001, 4009, 4100, 4200, 4301] {
        let mut link = Link::new(monotonic());
        link.handle(error(Some(code)), monotonic());
        let closed = End::Closed { code: CloseCode(code), message: "no".into() };
        assert_eq!(outputs(&mut link), [Output::End(closed)]);
    }
}

#[test]
fn first_words_of_another_protocol_are_recognised() {
    let event = ServerOp::Event {
        event: "hello".into(),
        channel: None,
        data: "{}".into(),
        user_id: None,
        position: None,
    };
    for op in [event, error(None), subscribed("staff")] {
        let mut link = Link::new(monotonic());
        link.handle(op, monotonic());
        assert_eq!(outputs(&mut link), [Output::End(End::NotPusher)]);
    }
}

#[test]
fn a_half_open_connection_is_pinged_suspected_and_left() {
    let now = monotonic();
    let mut link = open(now, 30, false);
    let pinged = now + 30 * SECOND;
    assert_eq!(link.deadline(), Some(pinged));
    link.on_timeout(pinged);
    assert_eq!(outputs(&mut link), [Output::Send(ClientOp::Ping)]);
    assert_eq!(link.deadline(), Some(pinged + SUSPICION));
    link.on_timeout(pinged + SUSPICION);
    assert_eq!(outputs(&mut link), [Output::Suspect]);
    assert_eq!(link.deadline(), Some(pinged + PONG));
    link.on_timeout(pinged + PONG);
    assert_eq!(outputs(&mut link), [Output::End(End::NoPong)]);
    assert_eq!(End::NoPong.retry(), Retry::AtOnce);
}

#[test]
fn whatever_arrives_proves_life() {
    let event = ServerOp::Event {
        event: "E".into(),
        channel: Some("staff".into()),
        data: "{}".into(),
        user_id: None,
        position: None,
    };
    for op in [Some(ServerOp::Pong), Some(ServerOp::Ping), Some(event), None] {
        let now = monotonic();
        let mut link = open(now, 30, false);
        link.on_timeout(now + 30 * SECOND);
        link.on_timeout(now + 35 * SECOND);
        outputs(&mut link);
        match op.clone() {
            Some(op) => link.handle(op, now + 36 * SECOND),
            None => link.alive(),
        }
        assert!(outputs(&mut link).contains(&Output::Relieved), "{op:?}");
        link.on_timeout(now + 59 * SECOND);
        assert!(!link.is_ended(), "{op:?}");
    }
}

#[test]
fn a_ping_is_answered() {
    let now = monotonic();
    let mut link = open(now, 30, false);
    link.handle(ServerOp::Ping, now);
    assert_eq!(outputs(&mut link), [Output::Send(ClientOp::Pong)]);
}

#[test]
fn a_machine_that_slept_asks_at_once_and_is_not_patient() {
    let now = monotonic();
    let mut link = open(now, 30, false);
    // The timer that was due after 30 s fires an hour later.
    let woken = now + 3600 * SECOND;
    link.on_timeout(woken);
    assert_eq!(outputs(&mut link), [Output::Send(ClientOp::Ping)]);
    link.on_timeout(woken + PONG_AFTER_RESUME);
    assert_eq!(end(&mut link), Some(End::NoPong));
    // The same when the pong was awaited while it slept, and when the driver noticed before any timer.
    let mut link = open(now, 30, false);
    link.on_timeout(now + 30 * SECOND);
    link.on_timeout(now + 30 * SECOND + PONG + OVERSHOOT);
    assert!(end(&mut link).is_none());
    let mut link = open(now, 30, false);
    link.resumed(now);
    assert_eq!(outputs(&mut link), [Output::Send(ClientOp::Ping)]);
    link.handle(ServerOp::Pong, now + SECOND);
    assert_eq!(link.deadline(), Some(now + 30 * SECOND), "it survived, and goes on");
}

#[test]
fn a_subscription_carries_its_signature_and_is_acknowledged() {
    let now = monotonic();
    let mut link = open(now, 30, false);
    let signature = Signature { auth: "k:s".into(), channel_data: Some("{}".into()) };
    assert!(link.subscribe(name("presence-staff"), Some(signature), None, now));
    let said = ClientOp::Subscribe {
        channel: "presence-staff".into(),
        auth: Some("k:s".into()),
        channel_data: Some("{}".into()),
        since: None,
    };
    assert_eq!(outputs(&mut link), [Output::Send(said)]);
    link.handle(subscribed("presence-staff"), now);
    let told = Output::Subscribed { name: name("presence-staff"), data: "{}".into(), recovery: None };
    assert_eq!(outputs(&mut link), [told]);
}

#[test]
fn nothing_is_subscribed_before_the_handshake_or_after_the_end() {
    let now = monotonic();
    let mut link = Link::new(now);
    assert!(!link.subscribe(name("staff"), None, None, now));
    let mut link = open(now, 30, false);
    link.closed(None, now);
    outputs(&mut link);
    assert!(!link.subscribe(name("staff"), None, None, now));
    link.handle(ServerOp::Ping, now);
    assert!(outputs(&mut link).is_empty(), "nothing follows the end");
}

#[test]
fn what_comes_after_the_end_of_a_suspected_connection_relieves_nobody() {
    let mut link = open(monotonic(), 30, false);
    while !outputs(&mut link).contains(&Output::Suspect) {
        let deadline = link.deadline().expect("a deadline");
        link.on_timeout(deadline);
    }
    link.closed(None, monotonic());
    assert!(matches!(outputs(&mut link)[..], [Output::End(_)]));
    link.alive();
    assert!(outputs(&mut link).is_empty(), "nothing follows the end");
}

#[test]
fn the_extension_is_spoken_to_our_relay_alone() {
    let since = Position { epoch: Epoch(7), offset: 4 };
    for native in [false, true] {
        let now = monotonic();
        let mut link = open(now, 30, native);
        link.subscribe(name("staff"), None, Some(since), now);
        let Some(Output::Send(ClientOp::Subscribe { since: sent, .. })) = link.poll() else {
            panic!("not said")
        };
        assert_eq!(sent, native.then_some(since));
        assert_eq!(link.subscribe(name("booking.*"), None, None, now), native);
    }
}

#[test]
fn what_becomes_of_the_missed_is_handed_on() {
    let now = monotonic();
    let mut link = open(now, 30, true);
    let head = Position { epoch: Epoch(7), offset: 9 };
    let recovery = Some(Recovery { recovered: true, from: None, head });
    link.subscribe(name("booking.*"), None, None, now);
    outputs(&mut link);
    link.handle(ServerOp::Subscribed { channel: "booking.*".into(), data: "{}".into(), recovery }, now);
    let told = Output::Subscribed { name: name("booking.*"), data: "{}".into(), recovery };
    link.handle(
        ServerOp::Gap { channel: "booking.*".into(), reason: "expired".into(), from: None, head: Some(head) },
        now,
    );
    let gap = Output::Gap { channel: "booking.*".into(), reason: "expired".into(), head: Some(head) };
    assert_eq!(outputs(&mut link), [told, gap]);
}

#[test]
fn each_subscription_has_ten_seconds() {
    let now = monotonic();
    let mut link = open(now, 120, false);
    link.subscribe(name("a"), None, None, now);
    link.subscribe(name("b"), None, None, now + 3 * SECOND);
    link.subscribe(name("c"), None, None, now + 3 * SECOND);
    outputs(&mut link);
    link.handle(subscribed("c"), now + 4 * SECOND);
    outputs(&mut link);
    assert_eq!(link.deadline(), Some(now + SUBSCRIBE));
    let silent = |channel| Output::NotSubscribed { name: name(channel), why: NotSubscribed::NoAnswer };
    link.on_timeout(now + SUBSCRIBE);
    assert_eq!(outputs(&mut link), [silent("a")]);
    link.on_timeout(now + SUBSCRIBE + 3 * SECOND);
    assert_eq!(outputs(&mut link), [silent("b")]);
    link.handle(subscribed("a"), now + 30 * SECOND);
    let late = Output::Subscribed { name: name("a"), data: "{}".into(), recovery: None };
    assert_eq!(outputs(&mut link), [late], "an answer that comes too late still means that it is joined");
}

#[test]
fn a_refusal_with_a_channel_is_that_channels() {
    let now = monotonic();
    let mut link = open(now, 30, false);
    for channel in ["private-a", "private-b"] {
        link.subscribe(name(channel), None, None, now);
    }
    outputs(&mut link);
    let kind = || "AuthError".to_owned();
    let told = |channel: &str, error: &str| ServerOp::SubscriptionError {
        channel: channel.into(),
        kind: kind(),
        error: error.into(),
        status: Some(401),
    };
    link.handle(told("private-b", "no"), now);
    assert_eq!(outputs(&mut link), [refused("private-b", Some(401))]);
    link.handle(told("private-a", ""), now);
    let why = NotSubscribed::Refused { status: Some(401), message: kind() };
    assert_eq!(outputs(&mut link), [Output::NotSubscribed { name: name("private-a"), why }]);
}

#[test]
fn a_refusal_without_a_channel_is_the_oldest_guarded_ones() {
    let now = monotonic();
    let mut link = open(now, 30, false);
    for channel in ["staff", "private-a", "private-b"] {
        link.subscribe(name(channel), None, None, now);
    }
    outputs(&mut link);
    link.handle(error(Some(4009)), now);
    link.handle(error(Some(4009)), now);
    link.handle(error(Some(4009)), now);
    let alone = Output::Error { code: Some(CloseCode::UNAUTHORIZED), message: "no".into() };
    let told = [refused("private-a", Some(4009)), refused("private-b", Some(4009)), alone];
    assert_eq!(outputs(&mut link), told);
}

#[test]
fn an_error_that_is_about_no_subscription_stands_alone() {
    for code in [4001, 4100, 4200, 4301, 4302] {
        let now = monotonic();
        let mut link = open(now, 30, false);
        link.subscribe(name("private-a"), None, None, now);
        outputs(&mut link);
        link.handle(error(Some(code)), now);
        let alone = Output::Error { code: Some(CloseCode(code)), message: "no".into() };
        assert_eq!(outputs(&mut link), [alone], "{code}");
    }
}

#[test]
fn every_close_code_is_told_with_what_to_do_next() {
    for code in (1000..=1015).chain(4000..=4999) {
        let now = monotonic();
        let mut link = open(now, 30, false);
        link.closed(Some((CloseCode(code), "bye".into())), now);
        let told = end(&mut link).expect("an end");
        assert_eq!(told, End::Closed { code: CloseCode(code), message: "bye".into() });
        assert_eq!(told.retry(), CloseCode(code).retry());
    }
}

#[test]
fn a_server_that_hangs_up_after_an_error_closed_with_it() {
    let now = monotonic();
    let cases = [
        (Some(4200), SECOND, None, End::Closed { code: CloseCode::RECONNECT, message: "no".into() }),
        (Some(4200), 60 * SECOND, None, End::Lost),
        (None, SECOND, None, End::Lost),
        // The frame's code decides. The error's words serve where they are of the same code.
        (Some(4200), SECOND, Some(4200), End::Closed { code: CloseCode::RECONNECT, message: "no".into() }),
        (
            Some(4200),
            SECOND,
            Some(4100),
            End::Closed { code: CloseCode::OVER_CAPACITY, message: String::new() },
        ),
    ];
    for (code, later, frame, expected) in cases {
        let mut link = open(now, 30, false);
        link.handle(error(code), now);
        link.closed(frame.map(|code| (CloseCode(code), String::new())), now + later);
        assert_eq!(end(&mut link), Some(expected));
    }
}

#[test]
fn a_refused_subscription_is_not_the_reason_of_a_later_end() {
    let now = monotonic();
    let mut link = open(now, 30, false);
    link.subscribe(name("private-a"), None, None, now);
    link.handle(error(Some(4009)), now);
    link.closed(None, now + SECOND);
    assert_eq!(end(&mut link), Some(End::Lost));
}

#[test]
fn a_link_that_is_driven_by_its_deadlines_alone_always_ends() {
    for activity in [1, 10, 30, 120] {
        let start = monotonic();
        let mut link = Link::new(start);
        link.handle(established(Some(Duration::from_secs(activity)), false), start);
        let mut now = start;
        while let Some(deadline) = link.deadline() {
            assert!(deadline > now, "a deadline that does not move is a spin");
            now = deadline;
            link.on_timeout(now);
        }
        assert_eq!(now - start, PONG);
        assert_eq!(end(&mut link), Some(End::NoPong));
    }
}
