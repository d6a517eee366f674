//! The server's half, asked and answered on a clock of the test's own.

use super::*;
use crate::protocol::Epoch;

const KEY: &str = "278d425bdf160c739803";
const SECRET: &str = "7ad3773142a6692b25b8";

fn rules() -> Arc<Rules> {
    let guard = ["admin", "staff", "booking.*"].map(|name| Subscription::parse(name).expect(name));
    Arc::new(Rules {
        key: KEY.into(),
        secret: SecretString::from(SECRET),
        guard: guard.to_vec(),
        channel_name: 200,
        subscriptions: 1000,
        failed_auths: 10,
        client_events: true,
        client_events_per_second: 10,
        event_name: 200,
        event_kb: 10,
        presence_user_kb: 2,
        user_authentication: true,
        watchlist: true,
    })
}

fn open(hello: Hello<'_>, now: Instant) -> Peer {
    let mut peer = Peer::open(rules(), hello, SocketId(1234, 1234), now).expect("let in");
    assert!(matches!(peer.poll(), Some(Output::Send(ServerOp::Established { .. }))));
    assert_eq!(peer.poll(), None);
    peer
}

fn outputs(peer: &mut Peer) -> Vec<Output> {
    std::iter::from_fn(|| peer.poll()).collect()
}

fn subscribe(peer: &mut Peer, channel: &str, auth: Option<&str>, since: Option<Position>) -> Vec<Output> {
    peer.handle(
        Ok(ClientOp::Subscribe {
            channel: channel.into(),
            auth: auth.map(ToOwned::to_owned),
            channel_data: None,
            since,
        }),
        crate::time::monotonic(),
    );
    outputs(peer)
}

#[test]
fn the_handshake_tells_what_the_client_has_to_know() {
    let now = crate::time::monotonic();
    for native in [false, true] {
        let hello = Hello { protocol: Some("7"), native, local: false };
        let mut peer = Peer::open(rules(), hello, SocketId(83921, 55120), now).expect("let in");
        let told = ServerOp::Established {
            socket_id: "83921.55120".into(),
            activity_timeout: Some(Duration::from_secs(30)),
            native,
        };
        assert_eq!(outputs(&mut peer), [Output::Send(told)]);
    }
}

#[test]
fn every_version_is_served_or_refused_with_its_code() {
    let now = crate::time::monotonic();
    let refused = |protocol| {
        let hello = Hello { protocol, ..Hello::default() };
        let outputs = Peer::open(rules(), hello, SocketId(1, 2), now).err()?;
        match outputs.last() {
            Some(Output::Close(code, _)) => Some(code.0),
            other => panic!("{other:?}"),
        }
    };
    for served in [None, Some("5"), Some("6"), Some("7")] {
        assert_eq!(refused(served), None, "{served:?}");
    }
    for unsupported in ["0", "4", "8", "4294967295"] {
        assert_eq!(refused(Some(unsupported)), Some(4007), "{unsupported}");
    }
    for bad in ["", "x", "7.0", "-7", " 7", "4294967296"] {
        assert_eq!(refused(Some(bad)), Some(4006), "{bad:?}");
    }
}

#[test]
fn the_official_signature_opens_its_channel_and_no_other() {
    let now = crate::time::monotonic();
    let auth = format!("{KEY}:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4");
    let mut peer = open(Hello::default(), now);
    let joined = subscribe(&mut peer, "private-foobar", Some(&auth), None);
    let to = Subscription::parse("private-foobar").expect("a name");
    assert_eq!(joined, [Output::Join { to: to.clone(), since: None, member: None }]);
    let head = Position { epoch: Epoch(1), offset: 9 };
    let ack = ServerOp::Subscribed { channel: "private-foobar".into(), data: "{}".into(), recovery: None };
    assert_eq!(peer.joined(&to, None, Joined { head, missed: None }, None), std::slice::from_ref(&ack));
    let again = subscribe(&mut peer, "private-foobar", Some(&auth), None);
    assert_eq!(again, [Output::Again(to.clone())], "it is not joined twice");
    assert_eq!(peer.again(&to, None), ack);
    let refused = subscribe(&mut peer, "private-other", Some(&auth), None);
    assert!(
        matches!(&refused[..], [Output::Send(ServerOp::SubscriptionError { kind, status: Some(401), .. })] if kind == "AuthError")
    );
}

#[test]
fn only_natives_are_asked_since_and_told_positions() {
    let now = crate::time::monotonic();
    let at = |offset| Position { epoch: Epoch(1), offset };
    let to = Subscription::parse("a").expect("a name");
    for native in [false, true] {
        let mut peer = open(Hello { native, ..Hello::default() }, now);
        let since = native.then_some(at(3));
        assert_eq!(
            subscribe(&mut peer, "a", None, Some(at(3))),
            [Output::Join { to: to.clone(), since, member: None }]
        );
        let missed = native.then_some(Missed::Expired);
        let ack = |recovery| ServerOp::Subscribed { channel: "a".into(), data: "{}".into(), recovery };
        let expected = if native {
            let recovery = Recovery { recovered: false, from: Some(at(3)), head: at(9) };
            let gap = ServerOp::Gap {
                channel: "a".into(),
                reason: "expired".into(),
                from: Some(at(3)),
                head: Some(at(9)),
            };
            vec![ack(Some(recovery)), gap]
        } else {
            vec![ack(None)]
        };
        assert_eq!(peer.joined(&to, since, Joined { head: at(9), missed }, None), expected);
    }
}

#[test]
fn a_guard_covers_whatever_would_hear_a_guarded_name() {
    let rules = Rules {
        guard: ["admin", "team.lead", "booking.*", "a.b.*"]
            .map(|name| Subscription::parse(name).expect(name))
            .to_vec(),
        ..Arc::into_inner(rules()).expect("one owner")
    };
    for (name, guarded) in [
        ("admin", true),
        ("administration", false),
        ("cache-admin", false),
        ("booking.7", true),
        ("booking.7.paid", true),
        ("booking", false),
        ("booking.*", true),
        ("booking.7.*", true),
        ("bookings.*", false),
        ("a.*", true),
        ("a.b.c.*", true),
        ("a.c.*", false),
        ("team.*", true),
        ("availability", false),
    ] {
        assert_eq!(rules.guards(&Subscription::parse(name).expect(name)), guarded, "{name}");
    }
}

#[test]
fn pings_come_every_25_seconds_and_silence_ends_30_seconds_after_the_first_unanswered() {
    let start = crate::time::monotonic();
    let mut peer = open(Hello::default(), start);
    let mut told = Vec::new();
    loop {
        let now = peer.deadline();
        peer.on_timeout(now);
        for output in outputs(&mut peer) {
            told.push((now.duration_since(start).as_secs(), output));
        }
        match &told[..] {
            // An answer between, of any kind.
            [.., (75, Output::Ping)] => peer.handle(Ok(ClientOp::Pong), now),
            [.., (_, Output::Close(..))] => break,
            _ => {}
        }
        if told.len() == 1 {
            peer.heard();
        }
    }
    let ends: Vec<u64> = told.iter().map(|(at, _)| *at).collect();
    assert!(matches!(told.last(), Some((_, Output::Close(CloseCode::NO_PONG, _)))));
    // The ping at 50 was answered at 75 at the latest, the one at 100 never.
    assert_eq!(ends, [25, 50, 75, 100, 125, 130]);
}

#[test]
fn after_the_end_nothing_is_handled() {
    let now = crate::time::monotonic();
    let mut peer = open(Hello::default(), now);
    peer.close(CloseCode::RECONNECT, "away");
    peer.close(CloseCode::NO_PONG, "again");
    peer.handle(Ok(ClientOp::Ping), now);
    peer.on_timeout(now + Duration::from_secs(600));
    assert_eq!(outputs(&mut peer), [Output::Close(CloseCode::RECONNECT, "away")]);
}

#[test]
fn socket_ids_are_two_numbers_and_ours_are_recognised() {
    for id in [SocketId(0, 0), SocketId(1, u32::MAX)] {
        assert_eq!(SocketId::parse(&id.to_string()), Ok(Some(id)));
    }
    for foreign in ["01.2", "5407891416.6674069417", "1.00"] {
        assert_eq!(SocketId::parse(foreign), Ok(None), "{foreign}");
    }
    for bad in ["", ".", "1", "1.", ".1", "1.2.3", "+1.2", "a.b", "1,2"] {
        assert_eq!(SocketId::parse(bad), Err(BadSocketId), "{bad}");
    }
}

/// Says something, signed as the backend would.
fn say(peer: &mut Peer, op: ClientOp, now: Instant) -> Vec<Output> {
    peer.handle(Ok(op), now);
    outputs(peer)
}

fn auth(text: &str) -> String {
    sign::auth(KEY, SECRET, text)
}

fn enter(channel: &str, channel_data: Option<&str>, auth: Option<String>) -> ClientOp {
    let channel_data = channel_data.map(str::to_owned);
    ClientOp::Subscribe { channel: channel.into(), auth, channel_data, since: None }
}

fn entered(channel: &str, channel_data: &str) -> ClientOp {
    let text = sign::channel_text("1234.1234", channel, Some(channel_data));
    enter(channel, Some(channel_data), Some(auth(&text)))
}

fn signin(user_data: &str) -> ClientOp {
    let auth = sign::auth(KEY, SECRET, &sign::user_text("1234.1234", user_data));
    ClientOp::Signin { auth, user_data: user_data.into() }
}

fn refusal(outputs: &[Output]) -> Option<(&str, u16)> {
    match outputs {
        [Output::Send(ServerOp::SubscriptionError { kind, status: Some(status), .. })] => {
            Some((kind, *status))
        }
        _ => None,
    }
}

#[test]
fn a_presence_channel_is_entered_by_whom_the_backend_has_named_and_nobody_else() {
    let now = crate::time::monotonic();
    let mut peer = open(Hello::default(), now);
    let ayu = r#"{"user_id":7,"user_info":{"name":"Ayu"}}"#;
    let joined = say(&mut peer, entered("presence-desk", ayu), now);
    let member = Member { user_id: "7".into(), user_info: Some(r#"{"name":"Ayu"}"#.into()) };
    let to = Subscription::parse("presence-desk").expect("a name");
    assert_eq!(joined, [Output::Join { to: to.clone(), since: None, member: Some(member) }]);
    assert_eq!(peer.subscriptions().collect::<Vec<_>>(), [(&to, Some("7"))]);
    let large = format!(r#"{{"user_id":"7","user_info":"{}"}}"#, "x".repeat(2047));
    let fits = format!(r#"{{"user_id":"7","user_info":"{}"}}"#, "x".repeat(2046));
    let plain = |channel: &str| Some(auth(&sign::channel_text("1234.1234", channel, None)));
    for (op, expected) in [
        (enter("presence-a", Some(ayu), Some(auth("another text"))), Some(("AuthError", 401))),
        (enter("presence-a", Some(ayu), plain("presence-a")), Some(("AuthError", 401))),
        (enter("presence-a", Some(ayu), None), Some(("AuthError", 401))),
        (enter("presence-a", None, plain("presence-a")), Some(("InvalidMember", 400))),
        (entered("presence-a", "{}"), Some(("InvalidMember", 400))),
        (entered("presence-a", r#"{"user_id":""}"#), Some(("InvalidMember", 400))),
        (entered("presence-a", &large), Some(("LimitReached", 413))),
        (entered("presence-a", &fits), None),
    ] {
        assert_eq!(refusal(&say(&mut peer, op.clone(), now)), expected, "{op:?}");
    }
    let left = say(&mut peer, ClientOp::Unsubscribe { channel: "presence-desk".into() }, now);
    assert_eq!(left, [Output::Leave { from: to.clone(), user_id: Some("7".into()) }]);
    let mut peer = open(Hello::default(), now);
    say(&mut peer, entered("presence-desk", ayu), now);
    assert!(matches!(peer.not_joined(&to, Full { limit: 100 }),
        ServerOp::SubscriptionError { kind, error, .. } if kind == "LimitReached" && error.contains("100")));
    assert_eq!(peer.subscriptions().count(), 0, "who was not let in is not in");
}

#[test]
fn who_has_signed_in_enters_without_channel_data_and_hears_what_is_told_to_that_user() {
    let now = crate::time::monotonic();
    let mut peer = open(Hello::default(), now);
    let own = || enter("#server-to-user-7", None, Some(String::new()));
    assert_eq!(refusal(&say(&mut peer, own(), now)), Some(("AuthError", 401)), "nobody is signed in");
    let data = r#"{"id":"7","user_info":{"name":"Ayu"},"watchlist":["8"]}"#;
    let user = User::parse(data).expect("a user");
    let told = say(&mut peer, signin(data), now);
    assert_eq!(told, [Output::Send(User::signed_in(data)), Output::SignIn(user.clone())]);
    assert_eq!(peer.user(), Some(&user));
    assert_eq!(
        say(&mut peer, signin(data), now),
        [Output::Send(User::signed_in(data))],
        "it is no second user"
    );
    assert!(matches!(&say(&mut peer, own(), now)[..], [Output::Join { member: None, .. }]));
    let stranger = enter("#server-to-user-8", None, None);
    assert_eq!(refusal(&say(&mut peer, stranger, now)), Some(("AuthError", 401)));
    let presence =
        enter("presence-a", None, Some(auth(&sign::channel_text("1234.1234", "presence-a", None))));
    let joined = say(&mut peer, presence, now);
    assert!(matches!(&joined[..], [Output::Join { member: Some(member), .. }] if *member == user.member()));
    let other = say(&mut peer, signin(r#"{"id":"8"}"#), now);
    assert!(
        matches!(other[..], [Output::Send(ServerOp::Error { code: Some(CloseCode::UNAUTHORIZED), .. })]),
        "another user is refused, and the connection lives"
    );
}

#[test]
fn a_signin_that_is_not_the_backends_ends_the_connection() {
    let now = crate::time::monotonic();
    let good = r#"{"id":"7"}"#;
    for op in [
        ClientOp::Signin { auth: String::new(), user_data: good.into() },
        ClientOp::Signin { auth: format!("{KEY}:00"), user_data: good.into() },
        ClientOp::Signin {
            auth: sign::auth("another", SECRET, &sign::user_text("1234.1234", good)),
            user_data: good.into(),
        },
        ClientOp::Signin {
            auth: sign::auth(KEY, SECRET, &sign::user_text("1.1", good)),
            user_data: good.into(),
        },
        signin(r#"{"id":7}"#),
        signin(r#"{"id":""}"#),
        signin("{}"),
    ] {
        let told = say(&mut open(Hello::default(), now), op.clone(), now);
        assert!(
            matches!(
                &told[..],
                [
                    Output::Send(ServerOp::Error { code: Some(CloseCode::UNAUTHORIZED), .. }),
                    Output::Close(CloseCode::UNAUTHORIZED, _)
                ]
            ),
            "{op:?}: {told:?}"
        );
    }
}

#[test]
fn a_watchlist_of_more_than_a_hundred_is_refused_and_the_user_signed_in() {
    let now = crate::time::monotonic();
    let data = |count: usize| {
        serde_json::json!({"id": "7", "watchlist": (0..count).map(|n| n.to_string()).collect::<Vec<_>>()})
            .to_string()
    };
    let told = say(&mut open(Hello::default(), now), signin(&data(100)), now);
    assert!(matches!(&told[..], [_, Output::SignIn(user)] if user.watchlist.len() == 100));
    let told = say(&mut open(Hello::default(), now), signin(&data(101)), now);
    assert!(matches!(&told[..], [
        Output::Send(ServerOp::Event { .. }),
        Output::Send(ServerOp::Error { code: Some(CloseCode::WATCHLIST_TOO_LONG), .. }),
        Output::SignIn(user),
    ] if user.watchlist.is_empty()));
}

#[test]
fn what_an_app_has_switched_off_is_refused_and_the_connection_lives() {
    let now = crate::time::monotonic();
    let rules = Arc::new(Rules {
        client_events: false,
        user_authentication: false,
        ..Arc::into_inner(rules()).expect("one owner")
    });
    let mut peer = Peer::open(rules, Hello::default(), SocketId(1234, 1234), now).expect("let in");
    outputs(&mut peer);
    assert!(matches!(
        say(&mut peer, signin(r#"{"id":"7"}"#), now)[..],
        [Output::Send(ServerOp::Error { .. })]
    ));
    say(&mut peer, entered("presence-a", r#"{"user_id":"7"}"#), now);
    assert!(matches!(
        say(&mut peer, event("presence-a", "client-x", "1"), now)[..],
        [Output::Send(ServerOp::Error { code: Some(CloseCode::CLIENT_EVENT_REFUSED), .. })]
    ));
}

fn event(channel: &str, event: &str, data: &str) -> ClientOp {
    ClientOp::Event { event: event.into(), channel: channel.into(), data: data.into() }
}

#[test]
fn client_events_are_for_the_subscribers_of_private_and_presence_channels() {
    let now = crate::time::monotonic();
    let mut peer = open(Hello { local: true, ..Hello::default() }, now);
    let signed =
        |channel: &str| enter(channel, None, Some(auth(&sign::channel_text("1234.1234", channel, None))));
    for channel in ["a", "private-a", "private-cache-a", "private-encrypted-a"] {
        assert!(matches!(say(&mut peer, signed(channel), now)[..], [Output::Join { .. }]), "{channel}");
    }
    say(&mut peer, entered("presence-a", r#"{"user_id":"7"}"#), now);
    let large = format!("\"{}\"", "x".repeat(10 * 1024));
    let long = format!("client-{}", "x".repeat(194));
    for (channel, name, data, passed) in [
        ("private-a", "client-x", r#"{"a": 1}"#, Some(None)),
        ("private-cache-a", "client-x", "\"text\"", Some(None)),
        ("presence-a", "client-x", "null", Some(Some("7"))),
        ("private-a", "client-", "1", Some(None)),
        ("a", "client-x", "1", None),
        ("private-encrypted-a", "client-x", "1", None),
        ("private-b", "client-x", "1", None),
        ("presence-b", "client-x", "1", None),
        ("#server-to-user-7", "client-x", "1", None),
        ("private- a", "client-x", "1", None),
        ("private-a", &long, "1", None),
        ("private-a", "client-\n", "1", None),
        ("private-a", "client-x", &large, None),
    ] {
        let told = say(&mut peer, event(channel, name, data), now);
        let as_told = match &told[..] {
            [Output::Pass { channel: to, event, data: told, user_id }] => {
                assert_eq!((to.as_str(), event.as_str(), told.as_str()), (channel, name, data));
                Some(user_id.as_deref())
            }
            [Output::Send(ServerOp::Error { code: Some(CloseCode::CLIENT_EVENT_REFUSED), .. })] => None,
            other => panic!("{channel} {name}: {other:?}"),
        };
        assert_eq!(as_told, passed, "{channel} {name}");
    }
}

#[test]
fn a_connection_sends_ten_client_events_in_a_second_and_lives_when_it_sends_more() {
    let start = crate::time::monotonic();
    let mut peer = open(Hello::default(), start);
    say(&mut peer, entered("presence-a", r#"{"user_id":"7"}"#), start);
    let mut sent = |now| match &say(&mut peer, event("presence-a", "client-x", "1"), now)[..] {
        [Output::Pass { .. }] => true,
        [Output::Send(ServerOp::Error { code: Some(CloseCode::CLIENT_EVENT_REFUSED), .. })] => false,
        other => panic!("{other:?}"),
    };
    assert_eq!((0..20).filter(|_| sent(start)).count(), 10);
    assert_eq!((0..20).filter(|_| sent(start + Duration::from_secs(1))).count(), 10);
}
