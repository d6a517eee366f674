//! Requests and connections over loopback to a relay that runs: everything is answered, and ends.

#![no_main]

use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use arbitrary::Arbitrary;
use frontdesk::protocol::{Subscription, sign};
use frontdesk::relay::{self, App, Options, Tokens};
use frontdesk::time::Clock;
use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

const KEY: &str = "key";
const SECRET: &str = "a-secret-of-some-length";
/// Longer than the relay gives anybody: a body has ten seconds.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Arbitrary, Debug)]
enum Said {
    Bytes(Vec<u8>),
    Request(Request),
    Connection { path: String, query: String, frames: Vec<(u8, Vec<u8>)> },
}

#[derive(Arbitrary, Debug)]
struct Request {
    method: u8,
    path: Path,
    query: String,
    headers: Vec<(String, String)>,
    body: Body,
    signed: bool,
    framing: Framing,
}

#[derive(Arbitrary, Debug)]
enum Path {
    Events,
    Batch,
    Channels,
    Channel(String),
    Users(String),
    Terminate(String),
    Auth,
    Raw(String),
}

#[derive(Arbitrary, Debug)]
enum Body {
    Raw(Vec<u8>),
    Event(Event),
    Batch(Vec<Event>),
    Form(Vec<(String, String)>),
}

#[derive(Arbitrary, Debug)]
struct Event {
    name: Option<String>,
    data: Option<String>,
    channel: Option<String>,
    channels: Option<Vec<String>>,
    socket_id: Option<String>,
    info: Option<String>,
}

#[derive(Arbitrary, Debug)]
enum Framing {
    Length,
    Wrong(u16),
    Chunked,
    None,
}

static RELAY: LazyLock<(Mutex<Runtime>, SocketAddr)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut app = App::new("1", KEY, SecretString::from(SECRET));
        app.subscription_count = true;
        let options = Options {
            apps: vec![app],
            tokens: Tokens::default().fixed(),
            auth_forward: None,
            ca_file: None,
            history: Duration::from_secs(1),
            guard: vec![Subscription::parse("booking.*").unwrap()],
            clock: Clock::system(),
        };
        tokio::spawn(relay::run(vec![listener], options, std::future::pending()));
        address
    });
    (Mutex::new(runtime), address)
});

fn quoted(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn event(event: &Event) -> serde_json::Value {
    let Event { name, data, channel, channels, socket_id, info } = event;
    serde_json::json!({"name": name, "data": data, "channel": channel, "channels": channels,
        "socket_id": socket_id, "info": info})
}

impl Request {
    fn write(&self, into: &mut Vec<u8>) {
        let method = ["GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT"][usize::from(self.method) % 6];
        let path = match &self.path {
            Path::Events => "/apps/1/events".to_owned(),
            Path::Batch => "/apps/1/batch_events".to_owned(),
            Path::Channels => "/apps/1/channels".to_owned(),
            Path::Channel(name) => format!("/apps/1/channels/{}", quoted(name)),
            Path::Users(name) => format!("/apps/1/channels/presence-{}/users", quoted(name)),
            Path::Terminate(id) => format!("/apps/1/users/{}/terminate_connections", quoted(id)),
            Path::Auth => "/broadcasting/auth".to_owned(),
            Path::Raw(path) => format!("/{path}"),
        };
        let body = match &self.body {
            Body::Raw(bytes) => bytes.clone(),
            Body::Event(told) => event(told).to_string().into_bytes(),
            Body::Batch(events) => {
                let batch: Vec<_> = events.iter().map(event).collect();
                serde_json::json!({"batch": batch}).to_string().into_bytes()
            }
            Body::Form(pairs) => {
                let pairs: Vec<String> =
                    pairs.iter().map(|(key, value)| format!("{}={}", quoted(key), quoted(value))).collect();
                pairs.join("&").into_bytes()
            }
        };
        let mut query = self.query.clone();
        if self.signed {
            let now = Clock::system().now().as_second();
            let sum = sign::body_md5(&body);
            let own = format!("auth_key={KEY}&auth_timestamp={now}&auth_version=1.0&body_md5={sum}");
            query = if query.is_empty() { own } else { format!("{own}&{query}") };
            let parsed = frontdesk::relay::http::query::Query::parse(&query);
            let text = sign::request_text(method, &path, parsed.pairs());
            query = format!("{query}&auth_signature={}", sign::sign(SECRET, &text));
        }
        into.extend(format!("{method} {path}?{query} HTTP/1.1\r\nHost: localhost\r\n").into_bytes());
        for (name, value) in &self.headers {
            into.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        match self.framing {
            Framing::Length => into.extend(format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes()),
            Framing::Wrong(length) => into.extend(format!("Content-Length: {length}\r\n\r\n").into_bytes()),
            Framing::Chunked => {
                into.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in body.chunks(100) {
                    into.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                    into.extend(chunk);
                    into.extend(b"\r\n");
                }
                into.extend(b"0\r\n\r\n");
                return;
            }
            Framing::None => into.extend(b"\r\n"),
        }
        into.extend(body);
    }
}

fn write(said: &Said, into: &mut Vec<u8>) {
    match said {
        Said::Bytes(bytes) => into.extend(bytes),
        Said::Request(request) => request.write(into),
        Said::Connection { path, query, frames } => {
            into.extend(
                format!("GET {path}/app/{KEY}?protocol=7&{query} HTTP/1.1\r\nHost: localhost\r\n")
                    .into_bytes(),
            );
            into.extend(b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
            into.extend(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
            for (first, payload) in frames {
                into.push(*first);
                match u8::try_from(payload.len()) {
                    Ok(short @ 0..=125) => into.push(0x80 | short),
                    Ok(_) | Err(_) => {
                        into.push(0x80 | 126);
                        into.extend(u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
                    }
                }
                // A mask of nothing: what is sent stands as it is.
                into.extend([0; 4]);
                into.extend(payload);
            }
        }
    }
}

fuzz_target!(|said: Vec<Said>| {
    let mut bytes = Vec::new();
    for said in said.iter().take(8) {
        write(said, &mut bytes);
    }
    let (runtime, address) = &*RELAY;
    let runtime = runtime.lock().unwrap();
    runtime.block_on(async {
        let talk = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let (mut reading, mut writing) = stream.split();
            let mut answers = Vec::new();
            let read = async {
                // It may be reset, where the relay has left with bytes under way.
                let _ = reading.read_to_end(&mut answers).await;
            };
            let write = async {
                let _ = writing.write_all(&bytes).await;
                let _ = writing.shutdown().await;
            };
            tokio::join!(read, write);
            answers
        };
        let answers = tokio::time::timeout(PATIENCE, talk).await.expect("the relay neither answers nor ends");
        if !answers.is_empty() {
            assert!(answers.starts_with(b"HTTP/1.1 "), "{:?}", String::from_utf8_lossy(&answers));
            assert!(!answers.starts_with(b"HTTP/1.1 500"), "{:?}", String::from_utf8_lossy(&answers));
        }
    });
});
