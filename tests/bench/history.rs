//! What a durable history costs: `cargo bench --bench history`.
//!
//! A relay and its clients in one process, over real sockets: eight keep-alive connections publish singly and in
//! batches of ten, answered once it is on disk, beside the same in memory; then a desk catches up on a hundred
//! thousand events while another hears what is published meanwhile.

#![allow(
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a bench fails as a test does, and prints ratios"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk::journal::{self, Entry, Folder, Journal};
use frontdesk::protocol::op::ClientOp;
use frontdesk::protocol::{Epoch, Position, ServerOp, Subscription, sign};
use frontdesk::relay::{self, App, Engine, OnStoreError, Options, Tokens};
use frontdesk::time::{Clock, monotonic};
use futures_util::{SinkExt, StreamExt};
use secrecy::SecretString;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const KEY: &str = "a-key";
const SECRET: &str = "a-secret-of-more-than-16-bytes";
const CONNECTIONS: usize = 8;
const LASTING: Duration = Duration::from_secs(4);
const MISSED: u64 = 100_000;
const DATA: &str = r#"{"booking_id":4711,"booking_code":"BK-20261124-0001","customer_name":"Sari Dewi","session_name":"Morning Session","status":"pending","total_amount":"50000.00","created_at":"2026-11-24T08:05:00.000000Z"}"#;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut singly = Vec::new();
    for (name, batch) in [("singly", 1), ("in batches of ten", 10)] {
        for on_disk in [true, false] {
            let folder = tempfile::tempdir().expect("a folder");
            let engine = if on_disk { disk(folder.path()) } else { Engine::Memory };
            let address = serve(engine).await;
            let (rate, p50, p99) = publish(address, batch).await;
            let place = if on_disk { "on disk" } else { "in memory" };
            println!("{name:18} {place:10} {rate:8.0} events/s   p50 {p50:6.2} ms   p99 {p99:6.2} ms");
            singly.push(rate);
        }
    }
    println!(
        "on disk / in memory: {:.2} singly, {:.2} in batches",
        singly[0] / singly[1],
        singly[2] / singly[3]
    );
    catch_up().await;
}

fn disk(folder: &Path) -> Engine {
    let keep = Duration::from_secs(7 * 86_400);
    let options = journal::Options { keep, day_bytes: None, leaves_holes: false, clock: Clock::system() };
    let (journal, _) = Journal::open(Folder::claim(folder).expect("ours"), options).expect("a history");
    Engine::Journal { journal, on_store_error: OnStoreError::Refuse }
}

async fn serve(engine: Engine) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let options = Options {
        apps: vec![App::new("1001", KEY, SecretString::from(SECRET))],
        ca_file: None,
        tokens: Tokens::default().fixed(),
        auth_forward: None,
        history: Duration::from_secs(3600),
        engine,
        guard: Vec::<Subscription>::new(),
        clock: Clock::system(),
    };
    tokio::spawn(relay::run(vec![listener], options, std::future::pending()));
    address
}

/// A signed request that publishes so many events.
fn request(events: usize, n: usize) -> String {
    let event = |n: usize| serde_json::json!({"name": "App\\Events\\X", "channel": format!("private-booking.{}", n % 100), "data": DATA});
    let (path, body) = if events == 1 {
        ("/apps/1001/events", event(n).to_string())
    } else {
        let batch: Vec<_> = (0..events).map(|at| event(n + at)).collect();
        ("/apps/1001/batch_events", serde_json::json!({ "batch": batch }).to_string())
    };
    let query = [
        ("auth_key", KEY.to_owned()),
        ("auth_timestamp", Clock::system().now().as_second().to_string()),
        ("auth_version", "1.0".to_owned()),
        ("body_md5", sign::body_md5(body.as_bytes())),
    ];
    let query = query.map(|(key, value)| (key.to_owned(), value));
    let signature = sign::sign(SECRET, &sign::request_text("POST", path, &query));
    let pairs: Vec<String> = query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!(
        "POST {path}?{}&auth_signature={signature} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        pairs.join("&"),
        body.len()
    )
}

/// One request and its answer, which must be 200.
async fn exchange(stream: &mut BufReader<TcpStream>, request: &str) {
    stream.get_mut().write_all(request.as_bytes()).await.expect("written");
    let (mut line, mut length, mut first) = (String::new(), 0, true);
    loop {
        line.clear();
        stream.read_line(&mut line).await.expect("a line");
        if std::mem::take(&mut first) {
            assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        }
        if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = told.trim().parse().expect("a length");
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("a body");
}

/// Events a second, and milliseconds that an answer takes.
async fn publish(address: SocketAddr, batch: usize) -> (f64, f64, f64) {
    let start = monotonic();
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|connection| {
            tokio::spawn(async move {
                let mut stream = BufReader::new(TcpStream::connect(address).await.expect("connected"));
                stream.get_mut().set_nodelay(true).expect("no delay");
                let mut took = Vec::new();
                while monotonic() - start < LASTING {
                    let request = request(batch, connection * 1000 + took.len());
                    let asked = monotonic();
                    exchange(&mut stream, &request).await;
                    took.push(monotonic() - asked);
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.expect("published"));
    }
    let seconds = (monotonic() - start).as_secs_f64();
    took.sort_unstable();
    let at = |share: usize| took[took.len() * share / 100].as_secs_f64() * 1000.0;
    ((took.len() * batch) as f64 / seconds, at(50), at(99))
}

type Desk = WebSocketStream<TcpStream>;

async fn desk(address: SocketAddr, since: Option<Position>) -> Desk {
    let stream = TcpStream::connect(address).await.expect("connected");
    stream.set_nodelay(true).expect("no delay");
    let url = format!("ws://{address}/app/{KEY}?protocol=7&frontdesk=1");
    let (mut desk, _) = tokio_tungstenite::client_async(url, stream).await.expect("upgraded");
    let ServerOp::Established { socket_id, .. } = hear(&mut desk).await else { panic!("not let in") };
    let channel = "private-booking.*".to_owned();
    let auth = Some(sign::auth(KEY, SECRET, &sign::channel_text(&socket_id, &channel, None)));
    let op = ClientOp::Subscribe { channel, auth, channel_data: None, since };
    desk.send(Message::text(op.encode())).await.expect("sent");
    let ServerOp::Subscribed { recovery: Some(told), .. } = hear(&mut desk).await else {
        panic!("not joined")
    };
    assert!(told.recovered);
    desk
}

async fn hear(desk: &mut Desk) -> ServerOp {
    loop {
        if let Message::Text(text) = desk.next().await.expect("a frame").expect("no error") {
            return ServerOp::parse(&text).expect("an op");
        }
    }
}

async fn catch_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = disk(folder.path());
    let Engine::Journal { journal, .. } = &engine else { return };
    for from in (0..MISSED).step_by(1000) {
        let entries = (from..from + 1000).map(|n| Entry {
            log: Arc::from("1001"),
            at: Clock::system().now(),
            channel: format!("private-booking.{}", n % 1000),
            event: "App\\Events\\X".into(),
            data: DATA.into(),
            note: String::new(),
        });
        journal.append(entries.collect()).await.expect("kept");
    }
    let epoch = Epoch(journal.epoch());
    let address = serve(engine).await;
    // One hears live what another publishes, before and while the third catches up.
    let mut live = desk(address, None).await;
    let (sent, mut sends) = tokio::sync::mpsc::channel::<Instant>(64);
    let publishing = tokio::spawn(async move {
        let mut stream = BufReader::new(TcpStream::connect(address).await.expect("connected"));
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        for n in 0.. {
            pace.tick().await;
            if sent.send(monotonic()).await.is_err() {
                return;
            }
            exchange(&mut stream, &request(1, n)).await;
        }
    });
    let hearing = tokio::spawn(async move {
        let mut took = Vec::new();
        while let Some(sent) = sends.recv().await {
            hear(&mut live).await;
            took.push((monotonic(), monotonic() - sent));
        }
        took
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = monotonic();
    let mut late = desk(address, Some(Position { epoch, offset: 0 })).await;
    for expected in 1..=MISSED {
        let ServerOp::Event { position: Some(position), .. } = hear(&mut late).await else {
            panic!("no event")
        };
        assert_eq!(position.offset, expected);
    }
    let end = monotonic();
    publishing.abort();
    let took = hearing.await.expect("heard");
    let worst = |from: Instant, upto: Instant| {
        let within = took.iter().filter(|(at, _)| *at >= from && *at <= upto);
        within.map(|(_, took)| *took).max().unwrap_or_default().as_secs_f64() * 1000.0
    };
    let before = worst(start.checked_sub(Duration::from_secs(1)).unwrap_or(start), start);
    println!(
        "a desk catches up on {MISSED} events in {:.2} s; another hears live ones after {:.1} ms at most, {before:.1} ms before",
        (end - start).as_secs_f64(),
        worst(start, end),
    );
}
