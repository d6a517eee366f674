//! Handshakes, refusals, broken frames, and the end.

use frontdesk::protocol::{CloseCode, ServerOp};
use frontdesk::relay::{self, App, Options};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Desk, KEY, Running, is_ack, options, within};

async fn knock(relay: &Running, target: &str) -> Desk {
    let stream = TcpStream::connect(relay.address).await.expect("connected");
    Desk::knock(relay, stream, target, &[]).await
}

#[tokio::test]
async fn every_served_version_is_let_in_under_any_prefix() {
    let relay = Running::start().await;
    for target in [
        "/app/a-key",
        "/app/a-key?protocol=5",
        "/app/a-key?protocol=6&client=js",
        "/a/b/app/a-key?protocol=7",
    ] {
        let mut desk = knock(&relay, target).await;
        let ServerOp::Established { socket_id, .. } = desk.hear().await else {
            panic!("{target}: not let in")
        };
        let (left, right) = socket_id.split_once('.').expect("a dot");
        assert!(left.parse::<u64>().is_ok() && right.parse::<u64>().is_ok(), "{socket_id}");
    }
}

#[tokio::test]
async fn who_is_not_let_in_gets_the_code_in_a_close_and_version_5_an_error_before() {
    let mut disabled = App::new("2", "off", SecretString::from("another-secret-long-enough"));
    disabled.enabled = false;
    let mut settings = options();
    settings.apps.push(disabled);
    let relay = Running::start_with(settings).await;
    let cases = [
        ("/app/unknown?protocol=7", 4001, 0),
        ("/app/unknown", 4001, 0),
        ("/app/unknown?protocol=5", 4001, 1),
        ("/app/off?protocol=7", 4003, 0),
        ("/app/off?protocol=5", 4003, 1),
        ("/app/a-key?protocol=4", 4007, 0),
        ("/app/a-key?protocol=8", 4007, 0),
        ("/app/a-key?protocol=4294967296", 4006, 0),
        ("/app/a-key?protocol=", 4006, 0),
        ("/app/a-key?protocol=seven", 4006, 0),
    ];
    for (target, expected, errors) in cases {
        let (code, before) = knock(&relay, target).await.closed().await;
        assert_eq!((code, before.len()), (expected, errors), "{target}");
        for op in before {
            assert!(matches!(op, ServerOp::Error { code: Some(CloseCode(told)), .. } if told == expected));
        }
    }
}

#[tokio::test]
async fn an_app_has_as_many_connections_as_it_may() {
    let mut settings = options();
    settings.apps[0].max_connections = 1;
    let relay = Running::start_with(settings).await;
    let first = relay.desk().await;
    assert_eq!(knock(&relay, "/app/a-key").await.closed().await.0, 4100);
    drop(first);
    within("the first one's place", async {
        loop {
            if matches!(knock(&relay, "/app/a-key").await.message().await, Message::Text(_)) {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn odd_frames_get_an_error_and_the_connection_lives() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    let deep = format!(r#"{{"event":"pusher:subscribe","data":{}}}"#, "[".repeat(8000));
    for frame in [
        "",
        "hello",
        "7",
        "null",
        "[]",
        "{}",
        r#"{"event":null}"#,
        r#"{"event":7}"#,
        r#"{"event":"pusher:subscribe"}"#,
        r#"{"event":"pusher:subscribe","data":null}"#,
        r#"{"event":"pusher:subscribe","data":"text"}"#,
        r#"{"event":"pusher:subscribe","data":{}}"#,
        r#"{"event":"pusher:subscribe","data":{"channel":7}}"#,
        r#"{"event":"pusher:subscribe","data":{"channel":{}}}"#,
        r#"{"event":"pusher:unsubscribe"}"#,
        r#"{"event":"pusher:unsubscribe","data":{"channel":"no name"}}"#,
        r#"{"event":"pusher:signin"}"#,
        r#"{"event":"pusher:subscribe","data":["a"]}"#,
        &deep,
    ] {
        desk.say(frame).await;
        let told = desk.hear().await;
        assert!(matches!(told, ServerOp::Error { code: None, .. }), "{frame}: {told:?}");
    }
    desk.say(r#"{"event":"client-typing","channel":"a","data":{}}"#).await;
    assert!(matches!(desk.hear().await, ServerOp::Error { code: Some(CloseCode(4301)), .. }));
    desk.say(r#"{"event":"pusher:of-tomorrow","data":{}}"#).await;
    desk.say(r#"{"event":"pusher:ping","data":""}"#).await;
    assert_eq!(desk.hear().await, ServerOp::Pong, "an unknown event is ignored");
    assert!(is_ack(&desk.subscribe("availability").await, "availability"));
}

#[tokio::test]
async fn a_web_socket_ping_is_answered_with_its_payload() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    futures_util::SinkExt::send(&mut desk.socket, Message::Ping("hello".into())).await.expect("sent");
    assert_eq!(desk.message().await, Message::Pong("hello".into()));
}

#[tokio::test]
async fn a_close_is_answered_with_a_close() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    within("the close", desk.socket.close(None)).await.expect("closed");
    assert!(matches!(desk.message().await, Message::Close(Some(frame)) if u16::from(frame.code) == 1000));
    let after = within("the end", futures_util::StreamExt::next(&mut desk.socket)).await;
    assert!(after.is_none(), "{after:?}");
}

/// Upgrades by hand, sends these bytes, and gives the code of the close that comes.
async fn close_code(relay: &Running, bytes: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(relay.address).await.expect("connected");
    let head = format!(
        "GET /app/{KEY} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        relay.address
    );
    stream.write_all(head.as_bytes()).await.expect("written");
    stream.write_all(bytes).await.expect("written");
    let mut answer = Vec::new();
    within("the end", stream.read_to_end(&mut answer)).await.expect("read");
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 101"), "{text}");
    assert!(text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{text}");
    // The last frame is the close: its code is what follows the two bytes of its header.
    let at = answer.windows(2).rposition(|pair| pair[0] == 0x88).expect("a close frame");
    u16::from_be_bytes([answer[at + 2], answer[at + 3]])
}

#[tokio::test]
async fn who_breaks_the_web_socket_protocol_is_told_how() {
    let relay = Running::start().await;
    let masked = |first: u8, payload: &[u8]| {
        let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).expect("short"), 0, 0, 0, 0];
        frame.extend(payload);
        frame
    };
    let cases = [
        (vec![0x81, 2, b'h', b'i'], 1002),
        (masked(0xC1, b"x"), 1002),
        (masked(0x80, b"x"), 1002),
        (masked(0x82, b"x"), 1003),
        (masked(0x81, b"\xFF\xFE"), 1007),
        (vec![0x81, 0xFE, 0x40, 0x01, 0, 0, 0, 0], 1009),
        (masked(0x88, &[]), 1000),
    ];
    for (bytes, code) in cases {
        assert_eq!(close_code(&relay, &bytes).await, code, "{bytes:?}");
    }
}

#[tokio::test]
async fn paths_and_methods_are_answered_as_they_should() {
    let relay = Running::start().await;
    for (request, status) in [
        ("GET /ready HTTP/1.1", 200),
        ("GET /live HTTP/1.1", 200),
        ("HEAD /up HTTP/1.1", 200),
        ("GET / HTTP/1.1", 200),
        ("POST /ready HTTP/1.1", 405),
        ("GET /elsewhere HTTP/1.1", 404),
        ("GET /apps/1001/events HTTP/1.1", 405),
        ("PUT /api/broadcasting/auth HTTP/1.1", 405),
        ("GET /app/a-key HTTP/1.1", 426),
        ("POST /app/a-key HTTP/1.1", 405),
    ] {
        assert_eq!(relay.http(request, b"").await.status, status, "{request}");
    }
    let long = format!("GET /{} HTTP/1.1", "x".repeat(20 << 10));
    assert!(matches!(relay.http(&long, b"").await.status, 414 | 431), "a head has a bound");
    let page = relay.http("GET / HTTP/1.1", b"").await.body;
    assert!(page.contains("frontdesk relay") && !page.contains(KEY), "{page}");
}

#[tokio::test]
async fn a_drain_sends_everybody_away_with_4200_and_ends() {
    let mut relay = Running::start().await;
    let (mut one, mut other) = (relay.desk().await, relay.native().await);
    assert!(is_ack(&one.subscribe("availability").await, "availability"));
    relay.publish("availability", "Last", "1").await;
    relay.stop();
    let (code, before) = one.closed().await;
    assert_eq!((code, before.len()), (4200, 1), "what waited is still delivered");
    assert_eq!(other.closed().await.0, 4200);
    let address = relay.address;
    relay.ended().await.expect("a good end");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_relay_does_not_start_with_what_it_must_not() {
    let start = async |settings: Options, address: &str| {
        let listeners = match address {
            "" => Vec::new(),
            address => vec![TcpListener::bind(address).await.expect("a port")],
        };
        relay::run(listeners, settings, std::future::ready(())).await
    };
    let with = |apps: Vec<App>| Options { apps, ..options() };
    let app = |id: &str, key: &str, secret: &str| App::new(id, key, SecretString::from(secret));
    let good = || app("1", "k", "a-secret-of-more-than-16-bytes");

    assert!(start(options(), "127.0.0.1:0").await.is_ok());
    assert!(start(with(vec![App::default_app()]), "127.0.0.1:0").await.is_ok(), "loopback is forgiving");
    assert!(start(options(), "0.0.0.0:0").await.is_ok());
    let error = start(with(vec![App::default_app()]), "0.0.0.0:0").await;
    assert!(matches!(error, Err(relay::Error::WeakSecret { .. })), "{error:?}");
    let error = start(with(vec![good(), app("2", "k2", "short")]), "0.0.0.0:0").await;
    assert!(matches!(error, Err(relay::Error::WeakSecret { app, .. }) if app == "2"));
    assert!(matches!(start(with(vec![]), "127.0.0.1:0").await, Err(relay::Error::NoApp)));
    assert!(matches!(start(options(), "").await, Err(relay::Error::NoListener)));
    let twice = start(with(vec![good(), app("1", "k2", "x")]), "127.0.0.1:0").await;
    assert!(matches!(twice, Err(relay::Error::Twice { field: "id", .. })));
    let twice = start(with(vec![good(), app("2", "k", "x")]), "127.0.0.1:0").await;
    assert!(matches!(twice, Err(relay::Error::Twice { field: "key", .. })));
}

#[tokio::test]
async fn a_default_secret_serves_nobody_through_a_proxy() {
    let mut settings = options();
    settings.apps = vec![App::new("1001", KEY, SecretString::from("short"))];
    let relay = Running::start_with(settings).await;
    let stream = TcpStream::connect(relay.address).await.expect("connected");
    let headers = [("x-forwarded-for", "203.0.113.9")];
    let mut desk = Desk::knock(&relay, stream, "/app/a-key", &headers).await;
    assert_eq!(desk.closed().await.0, 4003);
    let target = relay.signed("{}", 0);
    let reply = relay.http(&format!("POST {target} HTTP/1.1\r\nX-Real-IP: 203.0.113.9"), b"{}").await;
    assert_eq!(reply.status, 403);
    relay.desk().await;
}
