//! Real sockets to test the client against: a WebSocket server and an HTTP backend, both on a free port of
//! loopback, both doing what the test says and nothing by themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk::client::{self, Event, Events, Handle, LinkFacts, Options, State, Token, Topic, TopicFacts};
use frontdesk::protocol::{ClientOp, ServerOp};
use frontdesk::time::Clock;
use futures_util::{SinkExt, StreamExt};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use url::Url;

/// How long anything may take before a test has failed. Nothing waits this long in a test that passes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not happen"))
}

/// A WebSocket server that accepts when it is told to.
pub(crate) struct Stage {
    listener: TcpListener,
    pub(crate) url: Url,
}

impl Stage {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        Self { listener, url: Url::parse(&url).expect("a URL") }
    }

    /// The next TCP connection, before the upgrade.
    pub(crate) async fn accept_raw(&self) -> TcpStream {
        soon("a connection", self.listener.accept()).await.expect("accepted").0
    }

    /// The next connection, upgraded.
    // The signature of the callback is tungstenite's.
    #[allow(clippy::result_large_err)]
    pub(crate) async fn accept(&self) -> Guest {
        let stream = self.accept_raw().await;
        let mut target = String::new();
        let note = |request: &Request, response: Response| {
            target = request.uri().to_string();
            Ok(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(stream, note).await.expect("an upgrade");
        Guest { socket, target }
    }

    /// The next connection, with the handshake done.
    pub(crate) async fn greet(&self, socket_id: &str, native: bool) -> Guest {
        let mut guest = self.accept().await;
        let activity_timeout = Some(Duration::from_secs(30));
        guest.say(&ServerOp::Established { socket_id: socket_id.into(), activity_timeout, native }).await;
        guest
    }
}

/// The server's end of a connection.
pub(crate) struct Guest {
    socket: WebSocketStream<TcpStream>,
    pub(crate) target: String,
}

impl Guest {
    pub(crate) async fn say(&mut self, op: &ServerOp) {
        self.say_text(&op.encode()).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.socket.send(message).await.expect("sent");
    }

    /// The next thing the client says that is no ping; those are answered.
    pub(crate) async fn hear(&mut self) -> ClientOp {
        loop {
            match self.hear_any().await {
                ClientOp::Ping => self.say(&ServerOp::Pong).await,
                op => return op,
            }
        }
    }

    /// The next thing the client says, pings among them.
    pub(crate) async fn hear_any(&mut self) -> ClientOp {
        loop {
            match soon("a word of the client's", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return ClientOp::parse(&text).expect("an op"),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("instead of a word: {other:?}"),
            }
        }
    }

    /// Accepts the next subscription, which must be this one; returns what it carried.
    pub(crate) async fn accept(&mut self, channel: &str) -> ClientOp {
        let op = self.hear().await;
        let ClientOp::Subscribe { channel: asked, .. } = &op else { panic!("not a subscription: {op:?}") };
        assert_eq!(asked, channel);
        self.say(&ServerOp::Subscribed { channel: channel.into(), data: "{}".into(), recovery: None }).await;
        op
    }

    /// Publishes to the client.
    pub(crate) async fn publish(&mut self, channel: &str, event: &str, data: &str) {
        let op = ServerOp::Event {
            event: event.into(),
            channel: Some(channel.into()),
            data: data.into(),
            user_id: None,
            position: None,
        };
        self.say(&op).await;
    }

    pub(crate) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.socket.close(Some(frame)).await.expect("closed");
        // The client's answer, or its end.
        while let Ok(Some(Ok(_))) = timeout(PATIENCE, self.socket.next()).await {}
    }

    /// Waits until the client goes.
    pub(crate) async fn gone(mut self) {
        soon("the client's end", async { while let Some(Ok(_)) = self.socket.next().await {} }).await;
    }
}

/// What a backend answers: status, extra header lines, body.
pub(crate) type Reply = (u16, &'static str, String);

/// An HTTP server that answers each request as its function says, and notes it.
pub(crate) struct Backend {
    pub(crate) endpoint: Url,
    requests: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) form: BTreeMap<String, String>,
}

impl Backend {
    pub(crate) async fn open(answer: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}/api/broadcasting/auth", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (noted, answer) = (Arc::clone(&requests), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&noted), Arc::clone(&answer)));
            }
        });
        Self { endpoint: Url::parse(&base).expect("a URL"), requests, task }
    }

    /// A backend that signs whatever it is asked, for this key.
    pub(crate) async fn signing(key: &'static str) -> Self {
        Self::open(move |socket_id, channel| signed(key, socket_id, channel)).await
    }

    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.requests.lock().expect("no panic").clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn signed(key: &str, socket_id: &str, channel: &str) -> Reply {
    (200, "", format!(r#"{{"auth":"{key}:{socket_id}-{channel}"}}"#))
}

async fn serve(
    mut stream: TcpStream,
    noted: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<impl Fn(&str, &str) -> Reply>,
) {
    let mut bytes = Vec::new();
    loop {
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            let mut part = [0; 1024];
            match stream.read(&mut part).await {
                Ok(0) | Err(_) => return,
                Ok(n) => bytes.extend_from_slice(&part[..n]),
            }
        };
        let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
        let length = head
            .lines()
            .find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length:")
                    .map(|n| n.trim().parse().expect("a number"))
            })
            .unwrap_or(0_usize);
        while bytes.len() < head_end + length {
            let mut part = [0; 1024];
            let n = stream.read(&mut part).await.expect("a body");
            bytes.extend_from_slice(&part[..n]);
        }
        let form: BTreeMap<_, _> =
            url::form_urlencoded::parse(&bytes[head_end..head_end + length]).into_owned().collect();
        bytes.drain(..head_end + length);
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let (status, headers, body) = answer(&field("socket_id"), &field("channel_name"));
        noted.lock().expect("no panic").push(Asked { head, form });
        let reply = format!("HTTP/1.1 {status} Any\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Options for a client of this stage.
pub(crate) fn options(stage: &Stage, topics: &[&str]) -> Options {
    Options {
        url: stage.url.clone(),
        key: "app-key".into(),
        topics: topics.iter().map(|topic| Topic::parse(topic).expect(topic)).collect(),
        auth_endpoint: None,
        token: None,
        native: false,
        insecure_auth: false,
        ca_file: None,
        names: BTreeMap::new(),
        resume: None,
    }
}

/// The same, with a backend and a token for it.
pub(crate) fn logged_in(stage: &Stage, backend: &Backend, topics: &[&str]) -> Options {
    Options {
        auth_endpoint: Some(backend.endpoint.clone()),
        token: Some(token("t0ken")),
        ..options(stage, topics)
    }
}

pub(crate) fn token(text: &str) -> Token {
    Token { secret: SecretString::from(text), origin: None }
}

/// Who listens to a client.
pub(crate) struct Listener {
    pub(crate) handle: Handle,
    pub(crate) events: Events,
}

impl Listener {
    pub(crate) fn open(options: Options) -> Self {
        let (handle, events) = client::open(options, Clock::system());
        Self { handle, events }
    }

    /// The next event that the function takes; all before it are passed over.
    pub(crate) async fn until<T>(&mut self, what: &str, mut take: impl FnMut(Event) -> Option<T>) -> T {
        soon(what, async {
            loop {
                let event = self.events.recv().await.expect("the client lives");
                if let Some(taken) = take(event) {
                    return taken;
                }
            }
        })
        .await
    }

    pub(crate) async fn state(&mut self, state: State) -> LinkFacts {
        self.until(&format!("{state:?}"), |event| match event {
            Event::Link(facts) if facts.state == state => Some(*facts),
            _ => None,
        })
        .await
    }

    pub(crate) async fn topic(&mut self, what: &str, wanted: impl Fn(&TopicFacts) -> bool) -> TopicFacts {
        self.until(what, |event| match event {
            Event::Topic(facts) if wanted(&facts) => Some(facts),
            _ => None,
        })
        .await
    }
}
