//! What happens when nothing happens, on a clock of the test's own.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use frontdesk::protocol::peer::{Hello, Peer, SocketId};
use frontdesk::relay::Hooks;
use frontdesk::relay::broker::Bounds;
use frontdesk::relay::exposure::Exposure;
use frontdesk::relay::metrics::Metrics;
use frontdesk::relay::outbox::Outbox;
use frontdesk::relay::socket::Socket;
use frontdesk::relay::{App, Engine, Tenant};
use frontdesk::time;
use futures_util::{SinkExt, StreamExt};
use secrecy::SecretString;
use tokio::io::DuplexStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

/// A connection over a pipe, without HTTP.
async fn connection() -> WebSocketStream<DuplexStream> {
    let metrics = Arc::new(Metrics::default());
    let app = App::new("1", "key", SecretString::from("secret"));
    let bounds = Bounds::lasting(Duration::from_secs(60));
    let tenant = Arc::new(
        Tenant::open(app, Vec::new(), bounds, &Engine::Memory, &metrics, Hooks::none()).expect("in memory"),
    );
    let hello = Hello { local: true, ..Hello::default() };
    let peer =
        Peer::open(Arc::clone(&tenant.rules), hello, SocketId(1, 2), time::monotonic()).expect("let in");
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let exposure = Exposure { peer: localhost, forwarded: false, origin: None, local: true };
    let socket = Socket::new(theirs, peer, tenant, metrics, exposure);
    tokio::spawn(socket.run(Bytes::new()));
    let mut client = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    assert!(matches!(client.next().await, Some(Ok(Message::Text(_)))));
    client
}

#[tokio::test(start_paused = true)]
async fn who_answers_pings_stays_for_ever() {
    let mut client = connection().await;
    let start = time::monotonic();
    for n in 1..=40_u32 {
        assert!(matches!(client.next().await, Some(Ok(Message::Ping(_)))), "ping {n}");
        assert_eq!((time::monotonic() - start).as_secs(), u64::from(n) * 25);
        client.flush().await.expect("the pong, which the library has made");
    }
}

#[tokio::test(start_paused = true)]
async fn who_pings_on_its_own_need_not_answer_ours() {
    // The raw pipe: nobody answers pings for us.
    let mut pipe = connection().await.into_inner();
    let ping = masked(br#"{"event":"pusher:ping","data":{}}"#);
    let mut came = Vec::new();
    for _ in 0..40 {
        tokio::io::AsyncWriteExt::write_all(&mut pipe, &ping).await.expect("there still");
        tokio::time::sleep(Duration::from_secs(20)).await;
        tokio::io::AsyncReadExt::read_buf(&mut pipe, &mut came).await.expect("there still");
    }
    let pongs = String::from_utf8_lossy(&came).matches("pusher:pong").count();
    assert_eq!(pongs, 40, "each is answered");
}

/// A short text frame as a client sends it, masked with zeros.
fn masked(text: &[u8]) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text].concat()
}

#[tokio::test(start_paused = true)]
async fn who_answers_nothing_is_given_up_with_4201() {
    let client = connection().await;
    let start = time::monotonic();
    // The raw pipe: nobody answers pings for us.
    let mut pipe = client.into_inner();
    let mut bytes = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut pipe, &mut bytes).await.expect("the end");
    assert_eq!((time::monotonic() - start).as_secs(), 55, "25 s to the ping, 30 s for an answer");
    assert_eq!(&bytes[..4], [0x89, 0, 0x89, 0]);
    assert_eq!(bytes[4], 0x88);
    assert_eq!(u16::from_be_bytes([bytes[6], bytes[7]]), 4201);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_even_take_its_leave_is_left() {
    let mut client = connection().await;
    client.send(Message::binary(vec![1])).await.expect("sent");
    let close = client.next().await;
    assert!(matches!(close, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1003));
    let start = time::monotonic();
    let mut pipe = client.into_inner();
    // Written to until nobody is there: the other end is kept open by its reader alone.
    while tokio::io::AsyncWriteExt::write_all(&mut pipe, &[0; 16]).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!((time::monotonic() - start) <= Duration::from_secs(4));
}

#[tokio::test]
async fn a_connections_task_is_small() {
    let metrics = Arc::new(Metrics::default());
    let app = App::new("1", "key", SecretString::from("secret"));
    let bounds = Bounds::lasting(Duration::ZERO);
    let tenant = Arc::new(
        Tenant::open(app, Vec::new(), bounds, &Engine::Memory, &metrics, Hooks::none()).expect("in memory"),
    );
    let rules = Arc::clone(&tenant.rules);
    let peer = Peer::open(rules, Hello::default(), SocketId(1, 2), time::monotonic()).expect("let in");
    let exposure =
        Exposure { peer: IpAddr::V4(Ipv4Addr::LOCALHOST), forwarded: false, origin: None, local: true };
    let socket = Socket::new(tokio::io::empty(), peer, tenant, metrics, exposure);
    let task = socket.run(Bytes::new());
    assert!(size_of_val(&task) <= 1024, "{} bytes", size_of_val(&task));
    assert!(size_of::<Outbox>() < 512, "{} bytes", size_of::<Outbox>());
}
