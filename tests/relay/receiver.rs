//! Who listens at a webhook's address, and an app that tells it: over real connections.
//!
//! With tokio's clock paused these leap from deadline to deadline as soon as nobody has anything to do; frames on
//! loopback have arrived by then.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use frontdesk::protocol::ChannelName;
use frontdesk::protocol::peer::SocketId;
use frontdesk::relay::metrics::{Metrics, Snapshot};
use frontdesk::relay::webhooks::Kind;
use frontdesk::relay::{Fact, Hooks, Webhook};
use frontdesk::time::{self, Clock};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::{KEY, SECRET};

/// How a receiver treats one request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Says this, byte for byte, and listens on.
    Says(&'static str),
    /// Says this and closes.
    SaysAndCloses(&'static str),
    /// Says this and then one byte after the other for ever.
    SaysWithoutEnd(&'static str),
    /// Says nothing, and keeps the line.
    Nothing,
}

pub(crate) const GOOD: Answer = Answer::Says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
pub(crate) const BROKEN: Answer =
    Answer::Says("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 6\r\n\r\nbroken");

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        body["events"].as_array().expect("a list").clone()
    }

    /// `name` and what it is about, of each event.
    pub(crate) fn told(&self) -> Vec<String> {
        let words = |event: &serde_json::Value| {
            let channel = event["channel"].as_str().expect("a channel");
            let user = event["user_id"].as_str().map(|user| format!(" {user}")).unwrap_or_default();
            format!("{} {channel}{user}", event["name"].as_str().expect("a name"))
        };
        self.events().iter().map(words).collect()
    }
}

/// Who listens at a webhook's address.
pub(crate) struct Receiver {
    pub(crate) place: String,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) script: Arc<Mutex<VecDeque<Answer>>>,
    pub(crate) opened: Instant,
}

impl Receiver {
    /// Treats the first requests as the script says, and all after it well.
    pub(crate) async fn open(script: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let place = format!("http://{}", listener.local_addr().expect("an address"));
        let script: Arc<Mutex<VecDeque<_>>> = Arc::new(Mutex::new(script.into_iter().collect()));
        let (told, requests) = mpsc::channel(1000);
        let answers = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("no delay");
                tokio::spawn(serve(stream, Arc::clone(&answers), told.clone()));
            }
        });
        Self { place, requests, script, opened: time::monotonic() }
    }

    pub(crate) fn hook(&self, events: &[Kind]) -> Webhook {
        Webhook::new(&format!("{}/hook/471147?token=hunter2", self.place))
            .expect("an address")
            .only(events.to_vec())
    }

    pub(crate) async fn request(&mut self) -> Request {
        let hour = Duration::from_secs(3600);
        tokio::time::timeout(hour, self.requests.recv()).await.expect("a request").expect("a receiver")
    }

    /// What came until nothing has come for as long.
    pub(crate) async fn requests_until_quiet(&mut self, quiet: Duration) -> Vec<Request> {
        let mut requests = Vec::new();
        while let Ok(Some(request)) = tokio::time::timeout(quiet, self.requests.recv()).await {
            requests.push(request);
        }
        requests
    }
}

pub(crate) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: Arc<Mutex<VecDeque<Answer>>>,
    told: mpsc::Sender<Request>,
) {
    let mut read = Vec::new();
    loop {
        let Some((head, body)) = next_request(&mut stream, &mut read).await else { return };
        let at = time::monotonic();
        told.send(Request { head, body, at }).await.expect("a test that listens");
        let answer = script.lock().expect("no panic").pop_front().unwrap_or(GOOD);
        let (Answer::Says(text) | Answer::SaysAndCloses(text) | Answer::SaysWithoutEnd(text)) = answer else {
            // Until the other side has had enough.
            let _ = stream.read_to_end(&mut read).await;
            return;
        };
        stream.write_all(text.as_bytes()).await.expect("written");
        match answer {
            Answer::SaysAndCloses(_) => return,
            Answer::SaysWithoutEnd(_) => {
                while stream.write_all(b"1\r\nx\r\n").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                return;
            }
            Answer::Says(_) | Answer::Nothing => {}
        }
    }
}

pub(crate) async fn next_request(
    stream: &mut (impl AsyncRead + Unpin),
    read: &mut Vec<u8>,
) -> Option<(String, String)> {
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(read[..end].to_vec()).expect("text");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.expect("a length").parse().expect("a number");
            if read.len() >= end + 4 + length {
                let body = String::from_utf8(read[end + 4..end + 4 + length].to_vec()).expect("text");
                read.drain(..end + 4 + length);
                return Some((head, body));
            }
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

/// HMAC-SHA256 after RFC 2104, in hex.
pub(crate) fn hmac(secret: &str, text: &str) -> String {
    let block = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(secret.bytes()) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new().chain_update(block(0x36)).chain_update(text).finalize();
    hex::encode(Sha256::new().chain_update(block(0x5c)).chain_update(inner).finalize())
}

/// An app that tells.
pub(crate) struct App {
    pub(crate) hooks: Hooks,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
}

impl App {
    pub(crate) fn open(webhooks: &[Webhook]) -> Self {
        Self::trusting(None, webhooks)
    }

    pub(crate) fn trusting(ca_file: Option<PathBuf>, webhooks: &[Webhook]) -> Self {
        let metrics = Arc::new(Metrics::default());
        let clock = Clock::manual("2024-01-15T08:05:00Z".parse().expect("a time"));
        let secret = SecretString::from(SECRET);
        let hooks = Hooks::open(webhooks, KEY, &secret, ca_file, &metrics, clock.clone());
        Self { hooks, metrics, clock }
    }

    pub(crate) fn tell(&self, fact: Fact) {
        self.hooks.tell(fact);
    }

    pub(crate) fn counted(&self) -> Snapshot {
        self.metrics.snapshot()
    }
}

pub(crate) fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).expect(text)
}

pub(crate) fn occupied(channel: &str) -> Fact {
    Fact::ChannelOccupied { channel: name(channel) }
}

pub(crate) fn vacated(channel: &str) -> Fact {
    Fact::ChannelVacated { channel: name(channel) }
}

pub(crate) fn added(user_id: &str) -> Fact {
    Fact::MemberAdded { channel: name("presence-x"), user_id: user_id.into() }
}

pub(crate) fn removed(user_id: &str) -> Fact {
    Fact::MemberRemoved { channel: name("presence-x"), user_id: user_id.into() }
}

pub(crate) fn missed(n: usize) -> Fact {
    Fact::CacheMiss { channel: name(&format!("cache-{n}")) }
}

pub(crate) fn client_event(data: &str) -> Fact {
    Fact::ClientEvent {
        channel: name("presence-x"),
        event: "client-typing".into(),
        data: data.into(),
        socket_id: SocketId(1, 2),
        user_id: Some("7".into()),
    }
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) async fn tls_receiver(folder: &Path) -> (u16, mpsc::Receiver<Request>) {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key that fits");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (told, requests) = mpsc::channel(10);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            tokio::spawn(serve(stream, Arc::default(), told.clone()));
        }
    });
    (port, requests)
}
