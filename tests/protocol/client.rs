//! The client against real sockets: every way in which a server or a backend can answer, or not answer.

use std::time::Duration;

use frontdesk::advice::Advice;
use frontdesk::client::{
    Cause, Cursors, Event, Gap, GapReason, Heard, NameState, Odd, Off, Options, Recovery, Refusal, Resume,
    State, Step, TopicFacts,
};
use frontdesk::protocol::op::Recovery as Answer;
use frontdesk::protocol::{ClientOp, CloseCode, Epoch, Position, ServerOp};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

use crate::stage::{Backend, Guest, Listener, Stage, logged_in, options, signed, token};

fn heard(event: Event) -> Option<Heard> {
    if let Event::Heard(heard) = event { Some(heard) } else { None }
}

#[allow(clippy::needless_pass_by_value, reason = "as its siblings")]
fn back(event: Event) -> Option<Recovery> {
    if let Event::Back(back) = event { Some(back) } else { None }
}

fn gap(event: Event) -> Option<Gap> {
    if let Event::Gap(gap) = event { Some(gap) } else { None }
}

fn odd(event: Event) -> Option<Odd> {
    if let Event::Odd(odd) = event { Some(odd) } else { None }
}

#[tokio::test]
async fn it_connects_subscribes_and_hears() {
    let stage = Stage::open().await;
    let mut listener = Listener::open(options(&stage, &["staff"]));
    let mut guest = stage.greet("1.2", false).await;
    let version = env!("CARGO_PKG_VERSION");
    let target = format!("/app/app-key?protocol=7&client=frontdesk&version={version}&flash=false");
    assert_eq!(guest.target, target);
    assert_eq!(
        guest.accept("staff").await,
        ClientOp::Subscribe { channel: "staff".into(), auth: None, channel_data: None, since: None }
    );
    guest.publish("staff", r"App\Events\CheckInNotification", r#"{"a":"é"}"#).await;
    let facts = listener.state(State::Live).await;
    assert_eq!((facts.socket_id.as_deref(), facts.attempt, facts.cause), (Some("1.2"), 0, None));
    assert_eq!(facts.activity_timeout, Some(Duration::from_secs(30)));
    let heard = listener.until("the event", heard).await;
    assert_eq!(heard.channel.expect("a channel").as_str(), "staff");
    assert_eq!(heard.event, r"App\Events\CheckInNotification");
    assert_eq!((heard.data.as_str(), heard.connection, heard.position), (r#"{"a":"é"}"#, 1, None));
}

#[tokio::test]
async fn without_a_token_the_backend_is_never_asked() {
    let (stage, backend) = (Stage::open().await, Backend::signing("app-key").await);
    let mut listener = Listener::open(Options { token: None, ..logged_in(&stage, &backend, &["staff"]) });
    let mut guest = stage.greet("1.2", false).await;
    guest.accept("staff").await;
    let facts = listener.topic("staff is heard", |facts| facts.heard).await;
    assert_eq!(facts.names[0].state, NameState::Off(Off::NoToken));
    listener.state(State::Live).await;
    assert!(backend.requests().is_empty());
}

#[tokio::test]
async fn the_backend_is_asked_as_laravel_wants_it() {
    let (stage, backend) = (Stage::open().await, Backend::signing("app-key").await);
    let mut listener = Listener::open(logged_in(&stage, &backend, &["private-staff"]));
    let mut guest = stage.greet("83921.55120", false).await;
    let ClientOp::Subscribe { auth, .. } = guest.accept("private-staff").await else {
        panic!("no subscription")
    };
    assert_eq!(auth.as_deref(), Some("app-key:83921.55120-private-staff"));
    listener.topic("staff is heard", |facts| facts.heard).await;
    let requests = backend.requests();
    let [asked] = requests.as_slice() else { panic!("{requests:?}") };
    let head = asked.head.to_lowercase();
    assert!(head.starts_with("post /api/broadcasting/auth http/1.1\r\n"), "{head}");
    for line in ["accept: application/json", "content-type: application/x-www-form-urlencoded"] {
        assert!(head.contains(line), "{line} in {head}");
    }
    assert!(asked.head.contains("Bearer t0ken"), "{}", asked.head);
    assert_eq!(asked.form["socket_id"], "83921.55120");
    assert_eq!(asked.form["channel_name"], "private-staff");
}

#[tokio::test]
async fn every_answer_of_a_backend_has_its_reason_and_its_advice() {
    let stage = Stage::open().await;
    let page = "<!doctype html>";
    let backend = Backend::open(move |socket_id, channel| match channel {
        "private-no" => (403, "", "{\n    \"message\": \"\"\n}".into()),
        "private-lost" => (404, "", page.into()),
        "private-login" => (302, "location: /login\r\n", page.into()),
        "private-csrf" => (419, "", "{}".into()),
        "private-busy" => (429, "retry-after: 3000\r\n", "{}".into()),
        "private-down" => (503, "retry-after: 3000\r\n", page.into()),
        "private-page" => (200, "", page.into()),
        "private-other" => signed("other-key", socket_id, channel),
        _ => signed("app-key", socket_id, channel),
    })
    .await;
    let expected = [
        ("no", Refusal::NotAllowed, Advice::AskForRights),
        ("lost", Refusal::NoEndpoint { status: 404 }, Advice::CheckEndpoint),
        ("login", Refusal::Redirected { to: "/login".into() }, Advice::CheckRedirect),
        ("csrf", Refusal::Csrf, Advice::CheckMiddleware),
        ("busy", Refusal::Busy, Advice::Wait),
        ("down", Refusal::Failing { status: 503 }, Advice::CheckBackend),
        (
            "page",
            Refusal::BadAnswer { status: 200, reason: "a web page instead of JSON".into() },
            Advice::CheckEndpoint,
        ),
        ("other", Refusal::OtherApp { key: "other-key".into() }, Advice::CheckEnvironment),
    ];
    let topics: Vec<_> = expected.iter().map(|(topic, ..)| format!("private-{topic}")).collect();
    let mut topics: Vec<_> = topics.iter().map(String::as_str).collect();
    topics.push("private-fine");
    let mut listener = Listener::open(logged_in(&stage, &backend, &topics));
    let mut guest = stage.greet("1.2", false).await;
    guest.accept("private-fine").await;
    let mut found = std::collections::BTreeMap::new();
    while found.len() < expected.len() {
        let facts = listener.topic("a refusal", TopicFacts::refused).await;
        found.insert(facts.logical.clone(), facts);
    }
    for (topic, refusal, advice) in expected {
        let facts = &found[topic];
        assert_eq!(facts.names[0].state.refusal(), Some(&refusal), "{topic}");
        assert_eq!(facts.advice(), Some(advice), "{topic}");
    }
    listener.state(State::Live).await;
    guest.publish("private-fine", "E", "{}").await;
    listener.until("the event: no refusal ends the connection", heard).await;
}

#[tokio::test]
async fn a_refused_token_is_shown_once_and_another_one_is_tried() {
    let stage = Stage::open().await;
    let backend = Backend::open(|_, _| (401, "", r#"{"message":"Unauthenticated."}"#.into())).await;
    let mut listener = Listener::open(logged_in(&stage, &backend, &["staff"]));
    let mut guest = stage.greet("1.2", false).await;
    guest.accept("staff").await;
    let refused = |facts: &TopicFacts| facts.names[0].state.refusal().is_some();
    let facts = listener.topic("a refusal", refused).await;
    assert_eq!(facts.names[0].state.refusal(), Some(&Refusal::LogIn));
    assert_eq!(facts.names[0].state.advice(), Some(Advice::LogIn));
    guest.close(4200, "restart").await;
    let mut guest = stage.greet("1.3", false).await;
    guest.accept("staff").await;
    listener.state(State::Live).await;
    assert_eq!(backend.requests().len(), 1, "not on a new connection");
    listener.handle.set_token(Some(token("another")));
    listener.topic("another question", |facts| facts.names[0].state == NameState::Authorizing).await;
    listener.topic("another refusal", refused).await;
    let requests = backend.requests();
    assert!(requests.len() == 2 && requests[1].head.contains("Bearer another"), "{requests:?}");
}

#[tokio::test]
async fn the_token_follows_no_redirect() {
    let (stage, other) = (Stage::open().await, Backend::signing("app-key").await);
    let elsewhere: &'static str = Box::leak(format!("location: {}\r\n", other.endpoint).into_boxed_str());
    for status in [301, 302, 303, 307, 308] {
        let backend = Backend::open(move |_, _| (status, elsewhere, String::new())).await;
        let mut listener = Listener::open(logged_in(&stage, &backend, &["private-staff"]));
        let _guest = stage.greet("1.2", false).await;
        let facts = listener.topic("a refusal", TopicFacts::refused).await;
        assert_eq!(
            facts.names[0].state.refusal(),
            Some(&Refusal::Redirected { to: other.endpoint.to_string() })
        );
    }
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_backend_that_is_not_there_is_tried_again_and_harms_nothing() {
    let stage = Stage::open().await;
    let gone = Backend::signing("app-key").await.endpoint.clone();
    let options =
        Options { auth_endpoint: Some(gone), token: Some(token("t")), ..options(&stage, &["staff"]) };
    let mut listener = Listener::open(options);
    let mut guest = stage.greet("1.2", false).await;
    guest.accept("staff").await;
    let facts = listener.topic("a refusal", |facts| facts.names[0].state.refusal().is_some()).await;
    let NameState::Refused { why: Refusal::Unreachable(_), retry_at: Some(_) } = &facts.names[0].state else {
        panic!("{facts:?}")
    };
    listener.state(State::Live).await;
}

#[tokio::test]
async fn a_subscription_that_the_server_refuses_is_that_topics_affair() {
    let (stage, backend) = (Stage::open().await, Backend::signing("app-key").await);
    let mut listener = Listener::open(logged_in(&stage, &backend, &["private-staff", "availability"]));
    let mut guest = stage.greet("1.2", false).await;
    for _ in 0..3 {
        let ClientOp::Subscribe { channel, .. } = guest.hear().await else { panic!("no subscription") };
        let op = if channel == "private-staff" {
            let (kind, error) = ("AuthError".into(), "The connection is unauthorized.".into());
            ServerOp::SubscriptionError { channel, kind, error, status: Some(401) }
        } else {
            ServerOp::Subscribed { channel, data: "{}".into(), recovery: None }
        };
        guest.say(&op).await;
    }
    let facts = listener.topic("a refusal", TopicFacts::refused).await;
    let words = "401: the server refused: The connection is unauthorized.";
    assert_eq!(facts.names[0].state.refusal().map(ToString::to_string).as_deref(), Some(words));
    assert_eq!(facts.advice(), Some(Advice::CheckSecret));
    listener.state(State::Live).await;
}

#[tokio::test]
async fn a_code_that_forbids_coming_back_stops_the_tries_and_not_the_client() {
    for (code, advice) in [
        (4000, Advice::UseTls),
        (4001, Advice::CheckKey),
        (4003, Advice::AskOperator),
        (4004, Advice::AskOperator),
        (4005, Advice::CheckUrl),
        (4007, Advice::CheckServer),
        (4009, Advice::AskOperator),
    ] {
        let stage = Stage::open().await;
        let mut listener = Listener::open(options(&stage, &["staff"]));
        let mut guest = stage.accept().await;
        let error = ServerOp::Error { code: Some(CloseCode(code)), message: "no".into() };
        guest.say(&error).await;
        let facts = listener.state(State::Refused).await;
        let cause = facts.cause.expect("a cause");
        assert_eq!(cause, Cause::Closed { code: CloseCode(code), message: "no".into() });
        assert_eq!((cause.code(), cause.advice(), facts.next_try_at), (Some(code), advice, None));
        listener.handle.retry_now();
        let mut guest = stage.greet("1.2", false).await;
        guest.accept("staff").await;
        listener.state(State::Live).await;
    }
}

#[tokio::test]
async fn another_token_is_a_reason_to_try_again() {
    let stage = Stage::open().await;
    let mut listener = Listener::open(options(&stage, &["staff"]));
    let guest = stage.greet("1.2", false).await;
    guest.close(4009, "not authorized").await;
    listener.state(State::Refused).await;
    listener.handle.set_token(Some(token("t")));
    stage.greet("1.3", false).await.accept("staff").await;
}

#[tokio::test]
async fn every_other_end_is_followed_by_another_try() {
    for code in [1000, 1001, 1011, 4100, 4200, 4201, 4301, 4999] {
        let stage = Stage::open().await;
        let mut listener = Listener::open(options(&stage, &["staff"]));
        let mut guest = stage.greet("1.2", false).await;
        guest.accept("staff").await;
        listener.state(State::Live).await;
        guest.close(code, "bye").await;
        let facts = listener.state(State::Waiting).await;
        let cause = Cause::Closed { code: CloseCode(code), message: "bye".into() };
        assert_eq!(facts.cause.as_ref(), Some(&cause));
        assert_eq!((facts.loss_count, &facts.losses[0].cause), (1, &cause));
        assert!(facts.next_try_at.is_some());
        assert_eq!(facts.down_since, Some(facts.losses[0].at), "from the loss on, not from a try");
        stage.greet("1.3", false).await.accept("staff").await;
        let facts = listener.state(State::Live).await;
        assert_eq!((facts.connections, facts.down_since, facts.cause), (2, None, None));
        assert!(facts.losses[0].back_at.is_some());
    }
}

/// What a server may do instead of a handshake.
async fn botch(stage: &Stage, how: usize) -> Cause {
    match how {
        0 => {
            drop(stage.accept_raw().await);
            Cause::Lost(String::new())
        }
        1 => {
            let mut stream = stage.accept_raw().await;
            let page = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(page).await.expect("written");
            stream.shutdown().await.expect("shut");
            Cause::NoWebSocket { status: 404 }
        }
        2 => {
            let mut stream = stage.accept_raw().await;
            stream.write_all(b"220 mail.example ESMTP\r\n").await.expect("written");
            Cause::NotPusher(String::new())
        }
        3 => {
            drop(stage.accept().await);
            Cause::Lost(String::new())
        }
        4 => {
            stage.accept().await.publish("staff", "hello", "{}").await;
            Cause::NotPusher(String::new())
        }
        _ => {
            let mut guest = stage.accept().await;
            guest.say_text("hello").await;
            guest.close(1000, "").await;
            Cause::Closed { code: CloseCode(1000), message: String::new() }
        }
    }
}

#[tokio::test]
async fn a_handshake_that_fails_half_way_is_told_and_tried_again() {
    let stage = Stage::open().await;
    let mut listener = Listener::open(options(&stage, &["staff"]));
    for how in 0..6 {
        let expected = botch(&stage, how).await;
        let facts = listener.state(State::Waiting).await;
        let cause = facts.cause.expect("a cause");
        assert_eq!(std::mem::discriminant(&cause), std::mem::discriminant(&expected), "{how}: {cause:?}");
        assert_eq!((facts.connections, facts.loss_count), (0, 0), "{how}: there was no connection to lose");
        listener.handle.retry_now();
    }
    stage.greet("1.2", false).await.accept("staff").await;
    listener.state(State::Live).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for() {
    let stage = Stage::open().await;
    let options = options(&stage, &["staff"]);
    let address = stage.url.socket_addrs(|| None).expect("an address")[0];
    drop(stage);
    let mut listener = Listener::open(options);
    let facts = listener.state(State::Waiting).await;
    let cause = facts.cause.expect("a cause");
    assert!(matches!(cause, Cause::Unreachable(_)), "{cause:?}");
    assert_eq!(cause.advice(), Advice::CheckReachable);
    let again = tokio::net::TcpListener::bind(address).await.expect("the same port");
    let stream = crate::stage::soon("a try", again.accept()).await;
    assert!(stream.is_ok());
}

#[tokio::test]
async fn settings_that_cannot_work_are_said_and_not_tried_again() {
    let stage = Stage::open().await;
    let url = url::Url::parse("http://localhost:6001").expect("a URL");
    let mut listener = Listener::open(Options { url, ..options(&stage, &["staff"]) });
    let facts = listener.state(State::Refused).await;
    assert!(matches!(facts.cause, Some(Cause::Settings(_))), "{facts:?}");
}

#[tokio::test]
async fn after_an_outage_each_topic_that_was_heard_has_a_gap() {
    let (stage, backend) = (Stage::open().await, Backend::signing("app-key").await);
    let mut listener = Listener::open(logged_in(&stage, &backend, &["private-staff", "availability"]));
    for (socket_id, loss) in [("1.2", true), ("1.3", false)] {
        let mut guest = stage.greet(socket_id, false).await;
        for _ in 0..3 {
            let ClientOp::Subscribe { channel, auth, since, .. } = guest.hear().await else {
                panic!("what?")
            };
            // Signatures are bound to the connection: each needs its own.
            if let Some(auth) = auth {
                assert!(auth.contains(socket_id), "{auth}");
            }
            assert_eq!(since, None, "this server has no history");
            let op = ServerOp::Subscribed { channel, data: "{}".into(), recovery: None };
            guest.say(&op).await;
        }
        if loss {
            listener.state(State::Live).await;
            drop(guest);
        } else {
            let first = listener.until("a gap", gap).await;
            let second = listener.until("another gap", gap).await;
            let mut topics = [first.topic.logical(), second.topic.logical()];
            topics.sort();
            assert_eq!(topics, ["availability", "staff"], "one for a topic, however many names it has");
            assert_eq!(first.reason, GapReason::NoHistory);
            assert!(first.from < first.to);
            let back = listener.until("the return", back).await;
            assert_eq!((back.recovered, back.complete, back.away_from), (0, false, first.from));
            break;
        }
    }
}

fn at(offset: u64) -> Position {
    Position { epoch: Epoch(7), offset }
}

async fn place(guest: &mut Guest, channel: &str, offset: u64) {
    let op = ServerOp::Event {
        event: "E".into(),
        channel: Some(channel.into()),
        data: offset.to_string(),
        user_id: None,
        position: Some(at(offset)),
    };
    guest.say(&op).await;
}

/// Answers the next subscription, and tells what it asked for.
async fn answer(guest: &mut Guest, recovered: bool, head: u64) -> (String, Option<Position>) {
    let ClientOp::Subscribe { channel, since, .. } = guest.hear().await else { panic!("no subscription") };
    let recovery = Some(Answer { recovered, from: since, head: at(head) });
    guest.say(&ServerOp::Subscribed { channel: channel.clone(), data: "{}".into(), recovery }).await;
    (channel, since)
}

#[tokio::test]
async fn our_relay_is_asked_for_what_was_missed() {
    let stage = Stage::open().await;
    let mut listener = Listener::open(Options { native: true, ..options(&stage, &["booking.*"]) });
    let mut guest = stage.greet("1.2", true).await;
    assert!(guest.target.ends_with("&frontdesk=1"), "{}", guest.target);
    assert_eq!(answer(&mut guest, false, 4).await, ("booking.*".into(), None));
    place(&mut guest, "booking.7", 5).await;
    assert_eq!(listener.until("an event", heard).await.position, Some(at(5)));
    drop(guest);

    let mut guest = stage.greet("1.3", true).await;
    assert_eq!(answer(&mut guest, true, 9).await.1, Some(at(5)));
    // The last one that was heard comes again, as it may; it is not told again.
    for offset in [5, 6, 9] {
        place(&mut guest, "booking.7", offset).await;
    }
    for offset in [6, 9] {
        let heard = listener.until("a missed event", heard).await;
        assert_eq!((heard.position, heard.connection), (Some(at(offset)), 2));
    }
    let told = listener.until("the return", |event| match event {
        Event::Gap(gap) => panic!("nothing is missing: {gap:?}"),
        other => back(other),
    });
    let told = told.await;
    assert_eq!((told.recovered, told.complete), (2, true));
    listener.state(State::Live).await;
}

#[tokio::test]
async fn what_our_relay_no_longer_has_is_a_gap_with_its_reason() {
    let stage = Stage::open().await;
    let mut listener = Listener::open(Options { native: true, ..options(&stage, &["staff"]) });
    let mut guest = stage.greet("1.2", true).await;
    answer(&mut guest, false, 4).await;
    listener.state(State::Live).await;
    drop(guest);

    let mut guest = stage.greet("1.3", true).await;
    assert_eq!(answer(&mut guest, false, 90).await.1, Some(at(4)));
    let reason = "expired".to_owned();
    guest.say(&ServerOp::Gap { channel: "staff".into(), reason, from: None, head: Some(at(90)) }).await;
    let told = listener.until("the gap", gap).await;
    assert_eq!((told.topic.logical().as_str(), told.reason), ("staff", GapReason::Lost("expired".into())));
    let told = listener.until("the return", back).await;
    assert!(!told.complete);
    drop(guest);

    let mut guest = stage.greet("1.4", true).await;
    assert_eq!(answer(&mut guest, true, 90).await.1, Some(at(90)), "a gap is told once");
    assert!(listener.until("the return", back).await.complete);
}

fn cursors(event: Event) -> Option<Cursors> {
    if let Event::Cursors(cursors) = event { Some(cursors) } else { None }
}

#[tokio::test]
async fn a_client_goes_on_where_an_earlier_one_stopped() {
    let stage = Stage::open().await;
    let native = || Options { native: true, ..options(&stage, &["staff"]) };
    let mut listener = Listener::open(native());
    let mut guest = stage.greet("1.2", true).await;
    assert_eq!(answer(&mut guest, false, 4).await.1, None);
    // What is told of a name that is joined, and of an event behind it.
    let mut told = listener.until("the cursors", cursors).await;
    told.heard("staff", &at(5).to_string());
    drop((listener, guest));

    let stopped_at = "2024-01-15T08:05:00Z".parse().expect("a time");
    let resume = || Some(Resume { at: stopped_at, cursors: told.clone() });
    let mut listener = Listener::open(Options { resume: resume(), ..native() });
    let mut guest = stage.greet("1.3", true).await;
    assert_eq!(answer(&mut guest, true, 6).await.1, Some(at(5)));
    place(&mut guest, "staff", 6).await;
    assert_eq!(listener.until("a missed event", heard).await.position, Some(at(6)));
    let returned = listener.until("the return", back).await;
    assert_eq!((returned.away_from, returned.recovered, returned.complete), (stopped_at, 1, true));
    drop((listener, guest));

    // A server without a history cannot give what was missed, and a name that is new has missed nothing.
    let topics = options(&stage, &["staff", "public-news"]).topics;
    let mut listener = Listener::open(Options { topics, resume: resume(), ..options(&stage, &[]) });
    let mut guest = stage.greet("1.4", false).await;
    for _ in 0..2 {
        let ClientOp::Subscribe { channel, .. } = guest.hear().await else { panic!("no subscription") };
        guest.say(&ServerOp::Subscribed { channel, data: "{}".into(), recovery: None }).await;
    }
    let told = listener.until("the gap", gap).await;
    assert_eq!((told.topic.logical().as_str(), told.from), ("staff", stopped_at));
    assert_eq!(told.reason, GapReason::NoHistory);
    let told = listener.until("the return", |event| match event {
        Event::Gap(gap) => panic!("nothing more is missing: {gap:?}"),
        other => back(other),
    });
    assert!(!told.await.complete);
}

#[tokio::test]
async fn a_history_that_is_gone_without_a_word_is_a_gap_as_well() {
    let stage = Stage::open().await;
    let mut listener = Listener::open(Options { native: true, ..options(&stage, &["staff"]) });
    let mut guest = stage.greet("1.2", true).await;
    answer(&mut guest, false, 4).await;
    listener.state(State::Live).await;
    drop(guest);
    // Another server is in its place now.
    let mut guest = stage.greet("1.3", false).await;
    let ClientOp::Subscribe { since, .. } = guest.accept("staff").await else { panic!("no subscription") };
    assert_eq!(since, None);
    assert_eq!(listener.until("the gap", gap).await.reason, GapReason::NoHistory);
    assert!(!listener.until("the return", back).await.complete);
}

#[tokio::test]
async fn of_an_endless_odd_frame_the_beginning_is_kept() {
    let stage = Stage::open().await;
    let mut listener = Listener::open(options(&stage, &["staff"]));
    let mut guest = stage.greet("1.2", false).await;
    guest.accept("staff").await;
    // One byte, then letters of two: the limit falls into the middle of one.
    let text = format!("x{}", "é".repeat(Odd::RAW));
    guest.say_text(&text).await;
    guest.send(Message::binary(text.clone().into_bytes())).await;
    guest.say_text(&format!(r#"{{"event":"E","channel":"no such:name","data":"{text}"}}"#)).await;
    guest.say(&ServerOp::Error { code: Some(CloseCode(4301)), message: text }).await;
    for what in ["text", "a binary frame", "a channel of no name", "an error"] {
        let raw = listener.until(what, odd).await.raw;
        assert!(raw.len() <= Odd::RAW + '…'.len_utf8() && raw.ends_with("é…"), "{what}: {}", raw.len());
    }
}

#[tokio::test]
async fn whatever_the_server_says_is_handed_on() {
    let stage = Stage::open().await;
    let mut listener = Listener::open(options(&stage, &["staff"]));
    let mut guest = stage.greet("1.2", false).await;
    guest.accept("staff").await;
    for text in ["no JSON", "[1]", r#"{"data":"{}"}"#, r#"{"event":7}"#] {
        guest.say_text(text).await;
        assert_eq!(listener.until("an odd frame", odd).await.raw, text);
    }
    guest.send(Message::binary(vec![0xff, 0x00])).await;
    assert!(listener.until("an odd frame", odd).await.reason.contains("binary"));
    guest.say_text(r#"{"event":"E","channel":"no such:name","data":"{}"}"#).await;
    assert!(listener.until("an odd frame", odd).await.raw.contains("no such:name"));
    guest.say(&ServerOp::Error { code: Some(CloseCode(4301)), message: "slower".into() }).await;
    let told = listener.until("an odd frame", odd).await;
    assert!(told.raw == "slower" && told.reason.contains("4301"), "{told:?}");
    for (frame, event, data) in [
        (r#"{"event":"what:ever","data":"x"}"#, "what:ever", "x"),
        (r#"{"event":"E","channel":"staff"}"#, "E", "null"),
        (r#"{"event":"E","channel":"staff","data":[]}"#, "E", "[]"),
        (
            r#"{"event":"E","channel":"other","data":"{\"nonce\":\"n\",\"ciphertext\":\"c\"}"}"#,
            "E",
            r#"{"nonce":"n","ciphertext":"c"}"#,
        ),
        (r#"{"event":"pusher:cache_miss","channel":"cache-x"}"#, "pusher:cache_miss", "null"),
    ] {
        guest.say_text(frame).await;
        let told = listener.until("an event", heard).await;
        assert_eq!((told.event.as_str(), told.data.as_str()), (event, data), "{frame}");
    }
}

#[tokio::test]
async fn the_double_on_the_other_name_is_dropped_and_a_repeat_is_not() {
    let (stage, backend) = (Stage::open().await, Backend::signing("app-key").await);
    let mut listener = Listener::open(logged_in(&stage, &backend, &["staff"]));
    let mut guest = stage.greet("1.2", false).await;
    guest.accept("staff").await;
    guest.accept("private-staff").await;
    listener.state(State::Live).await;
    for (channel, event) in [("private-staff", "A"), ("staff", "A"), ("private-staff", "A"), ("staff", "B")] {
        guest.publish(channel, event, "{}").await;
    }
    let mut told = Vec::new();
    while told.len() < 3 {
        let heard = listener.until("an event", heard).await;
        told.push((heard.channel.expect("a channel").to_string(), heard.event));
    }
    let pair = |channel: &str, event: &str| (channel.to_owned(), event.to_owned());
    assert_eq!(told, [pair("private-staff", "A"), pair("private-staff", "A"), pair("staff", "B")]);
}

#[tokio::test]
async fn whoever_doubts_the_connection_can_have_it_asked() {
    let stage = Stage::open().await;
    let mut listener = Listener::open(options(&stage, &["staff"]));
    let mut guest = stage.greet("1.2", false).await;
    guest.accept("staff").await;
    listener.state(State::Live).await;
    listener.handle.retry_now();
    assert_eq!(guest.hear_any().await, ClientOp::Ping);
}

#[tokio::test]
async fn it_ends_when_nobody_listens_and_says_goodbye() {
    let stage = Stage::open().await;
    let Listener { handle, mut events } = Listener::open(options(&stage, &["staff"]));
    let guest = stage.greet("1.2", false).await;
    drop(handle);
    guest.gone().await;
    crate::stage::soon("the end", async { while events.recv().await.is_some() {} }).await;
    let Listener { handle, events } = Listener::open(options(&stage, &["staff"]));
    let guest = stage.greet("1.2", false).await;
    drop(events);
    guest.gone().await;
    drop(handle);
}

#[tokio::test]
async fn a_slow_reader_slows_the_socket_and_loses_nothing() {
    const EVENTS: usize = 5000;
    let stage = Stage::open().await;
    let mut listener = Listener::open(options(&stage, &["staff"]));
    let mut guest = stage.greet("1.2", false).await;
    guest.accept("staff").await;
    let flood = tokio::spawn(async move {
        for n in 0..EVENTS {
            guest.publish("staff", "E", &n.to_string()).await;
        }
        guest
    });
    for n in 0..EVENTS {
        let heard = listener.until("an event", heard).await;
        assert_eq!(heard.data, n.to_string());
    }
    drop(flood.await);
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection_with_both_lengths_and_it_comes_back() {
    const LONGEST: usize = 1024 * 1024;
    let stage = Stage::open().await;
    let mut listener = Listener::open(options(&stage, &["staff"]));
    let mut guest = stage.greet("1.2", false).await;
    guest.accept("staff").await;
    let room = LONGEST - r#"{"event":"E","channel":"staff","data":""}"#.len();
    guest.publish("staff", "E", &"x".repeat(room)).await;
    assert_eq!(listener.until("all that is taken", heard).await.data.len(), room);
    // Whoever refuses it does not read it to its end.
    tokio::spawn(async move { guest.publish("staff", "E", &"x".repeat(room + 1)).await });
    let cause = listener.state(State::Waiting).await.cause.expect("a cause").to_string();
    for words in ["1048577 bytes", "more than 1048576"] {
        assert!(cause.contains(words), "{cause}");
    }
    stage.greet("1.3", false).await.accept("staff").await;
    listener.state(State::Live).await;
}

#[tokio::test]
async fn our_relay_is_not_asked_again_for_what_is_too_long_and_there_is_a_gap() {
    let stage = Stage::open().await;
    let mut listener = Listener::open(Options { native: true, ..options(&stage, &["staff"]) });
    let mut guest = stage.greet("1.2", true).await;
    answer(&mut guest, false, 4).await;
    place(&mut guest, "staff", 5).await;
    listener.until("an event", heard).await;
    tokio::spawn(async move { guest.publish("staff", "E", &"x".repeat(2 * 1024 * 1024)).await });

    let mut guest = stage.greet("1.3", true).await;
    assert_eq!(answer(&mut guest, false, 6).await.1, None, "it would only come again");
    let GapReason::Lost(reason) = listener.until("the gap", gap).await.reason else { panic!("a history") };
    assert!(reason.contains("too long"), "{reason}");
    assert!(!listener.until("the return", back).await.complete);
    drop(guest);

    let mut guest = stage.greet("1.4", true).await;
    assert_eq!(answer(&mut guest, true, 6).await.1, Some(at(6)), "from there on all is as before");
    assert!(listener.until("the return", back).await.complete);
}

#[test]
fn every_cause_speaks_and_says_what_to_do() {
    let causes = [
        Cause::Closed { code: CloseCode::UNKNOWN_APP, message: "App key x not in this cluster".into() },
        Cause::TimedOut(Step::Handshake),
        Cause::Silent,
        Cause::NoWebSocket { status: 404 },
    ];
    let told: Vec<_> = causes.iter().map(|cause| format!("{cause}; {}", cause.advice())).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    the server closed: 4001 (no app has this key): App key x not in this cluster; check --key: the server's PUSHER_APP_KEY
    the server accepted, and then said nothing; check --url: host, port and path
    the server has gone silent: a ping was not answered; nothing to do: it is tried again by itself
    no WebSocket there: HTTP status 404; check --url: host, port and path
    ");
}
