//! A relay in this process, and the two kinds of people who talk to it: desks and backends.

use std::net::SocketAddr;
use std::time::Duration;

use frontdesk::protocol::{ClientOp, Position, ServerOp, Subscription, sign};
use frontdesk::relay::{self, App, Engine, Options, Tokens};
use frontdesk::time::Clock;
use futures_util::{SinkExt, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// What takes longer than this does not come.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const KEY: &str = "a-key";
pub(crate) const SECRET: &str = "a-secret-of-more-than-16-bytes";

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

pub(crate) fn options() -> Options {
    let names = ["admin", "staff", "booking.*"];
    Options {
        apps: vec![App::new("1001", KEY, SecretString::from(SECRET))],
        ca_file: None,
        tokens: Tokens::default().fixed(),
        auth_forward: None,
        history: Duration::from_secs(3600),
        engine: Engine::Memory,
        guard: names.iter().map(|name| Subscription::parse(name).expect(name)).collect(),
        clock: Clock::system(),
    }
}

/// A relay that runs until it is dropped, or told to stop.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    app: App,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Result<(), relay::Error>>,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::start_with(options()).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let app = options.apps[0].clone();
        let shutdown = async {
            let _ = stopped.await;
        };
        let ended = tokio::spawn(relay::run(vec![listener], options, shutdown));
        Self { address, app, stop: Some(stop), ended }
    }

    /// Begins the drain.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().expect("stopped once").send(());
    }

    /// Waits for the relay's own end.
    pub(crate) async fn ended(self) -> Result<(), relay::Error> {
        within("the relay's end", self.ended).await.expect("no panic")
    }

    pub(crate) async fn desk(&self) -> Desk {
        Desk::open(self, "protocol=7", &[]).await
    }

    pub(crate) async fn native(&self) -> Desk {
        Desk::open(self, "protocol=7&frontdesk=1", &[]).await
    }

    /// Sends a request as it is, and gives the status, the head and the body of what comes.
    pub(crate) async fn http(&self, request: &str, body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!("{request}\r\nHost: {}\r\nConnection: close\r\n{length}\r\n", self.address);
        stream.write_all(head.as_bytes()).await.expect("written");
        // The relay may answer before it has read everything.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        within("an answer", stream.read_to_end(&mut answer)).await.ok();
        Reply::parse(&answer)
    }

    pub(crate) async fn publish(&self, channel: &str, event: &str, data: &str) {
        self.publish_except(channel, event, data, None).await;
    }

    pub(crate) async fn publish_except(
        &self,
        channel: &str,
        event: &str,
        data: &str,
        socket_id: Option<&str>,
    ) {
        let body =
            serde_json::json!({"name": event, "channel": channel, "data": data, "socket_id": socket_id});
        let reply = self.post(&body.to_string()).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "{}"), "{}", reply.head);
    }

    /// Posts a signed body to the app's events.
    pub(crate) async fn post(&self, body: &str) -> Reply {
        let target = self.signed(body, Clock::system().now().as_second());
        self.http(&format!("POST {target} HTTP/1.1\r\nContent-Type: application/json"), body.as_bytes()).await
    }

    /// The request's target for a body, signed at this time.
    pub(crate) fn signed(&self, body: &str, at: i64) -> String {
        let path = format!("/apps/{}/events", self.app.id);
        let query = [
            ("auth_key", self.app.key.clone()),
            ("auth_timestamp", at.to_string()),
            ("auth_version", "1.0".to_owned()),
            ("body_md5", sign::body_md5(body.as_bytes())),
        ];
        let query = query.map(|(key, value)| (key.to_owned(), value));
        let text = sign::request_text("POST", &path, &query);
        let signature = sign::sign(self.app.secret.expose_secret(), &text);
        let pairs: Vec<String> = query.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{path}?{}&auth_signature={signature}", pairs.join("&"))
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

/// A connected client.
pub(crate) struct Desk {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) socket_id: String,
}

impl Desk {
    /// Connects, and expects to be let in.
    pub(crate) async fn open(relay: &Running, query: &str, headers: &[(&'static str, &str)]) -> Self {
        let stream = TcpStream::connect(relay.address).await.expect("connected");
        Self::shake_hands(relay, stream, query, headers).await
    }

    /// Connects with a small receive buffer: what is not read backs up at once.
    pub(crate) async fn open_narrow(relay: &Running) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let stream = socket.connect(relay.address).await.expect("connected");
        Self::shake_hands(relay, stream, "protocol=7&frontdesk=1", &[]).await
    }

    async fn shake_hands(
        relay: &Running,
        stream: TcpStream,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Self {
        let mut desk = Self::knock(relay, stream, &format!("/app/{KEY}?{query}"), headers).await;
        let ServerOp::Established { socket_id, activity_timeout, native } = desk.hear().await else {
            panic!("not let in");
        };
        assert_eq!(activity_timeout, Some(Duration::from_secs(30)));
        assert_eq!(native, query.contains("frontdesk=1"));
        desk.socket_id = socket_id;
        desk
    }

    /// Upgrades, and does not wait to be let in.
    pub(crate) async fn knock(
        relay: &Running,
        stream: TcpStream,
        target: &str,
        headers: &[(&'static str, &str)],
    ) -> Self {
        let mut request = format!("ws://{}{target}", relay.address).into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().expect("a value"));
        }
        // A frame that waits for the other side's acknowledgement would come late to a clock that leaps.
        stream.set_nodelay(true).expect("no delay");
        let upgrade = tokio_tungstenite::client_async(request, stream);
        let (socket, _) = within("an upgrade", upgrade).await.expect("upgraded");
        Self { socket, socket_id: String::new() }
    }

    /// Holds a frame back, to go out with the next that is said.
    pub(crate) async fn feed(&mut self, text: &str) {
        within("room to speak", self.socket.feed(Message::text(text))).await.expect("fed");
    }

    pub(crate) async fn say(&mut self, text: &str) {
        within("room to speak", self.socket.send(Message::text(text))).await.expect("sent");
    }

    pub(crate) async fn message(&mut self) -> Message {
        within("a frame", self.socket.next()).await.expect("a frame, not the end").expect("no error")
    }

    /// The next op; pings are passed over.
    pub(crate) async fn hear(&mut self) -> ServerOp {
        loop {
            match self.message().await {
                Message::Text(text) => {
                    return ServerOp::parse(&text).unwrap_or_else(|_| panic!("no op: {text}"));
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("not an op: {other:?}"),
            }
        }
    }

    /// The code by which the relay closes, after `before` has been heard.
    pub(crate) async fn closed(&mut self) -> (u16, Vec<ServerOp>) {
        let mut before = Vec::new();
        loop {
            match self.message().await {
                Message::Text(text) => before.push(ServerOp::parse(&text).expect("an op")),
                Message::Close(Some(frame)) => return (frame.code.into(), before),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("not a close: {other:?}"),
            }
        }
    }

    pub(crate) async fn subscribe(&mut self, channel: &str) -> ServerOp {
        self.subscribe_since(channel, None).await
    }

    /// Subscribes, signed if the name needs it, and gives what is answered.
    pub(crate) async fn subscribe_since(&mut self, channel: &str, since: Option<Position>) -> ServerOp {
        let auth = channel.starts_with("private-").then(|| self.auth(channel));
        self.subscribe_with(channel, auth, since).await
    }

    pub(crate) async fn subscribe_with(
        &mut self,
        channel: &str,
        auth: Option<String>,
        since: Option<Position>,
    ) -> ServerOp {
        let op = ClientOp::Subscribe { channel: channel.to_owned(), auth, channel_data: None, since };
        self.say(&op.encode()).await;
        self.hear().await
    }

    /// Enters a presence channel as whom the data names, and gives what is answered.
    pub(crate) async fn enter(&mut self, channel: &str, channel_data: &str) -> ServerOp {
        let text = sign::channel_text(&self.socket_id, channel, Some(channel_data));
        let op = ClientOp::Subscribe {
            channel: channel.to_owned(),
            auth: Some(sign::auth(KEY, SECRET, &text)),
            channel_data: Some(channel_data.to_owned()),
            since: None,
        };
        self.say(&op.encode()).await;
        self.hear().await
    }

    /// Signs in as whom the data names, and gives what is answered.
    pub(crate) async fn sign_in(&mut self, user_data: &str) -> ServerOp {
        let auth = sign::auth(KEY, SECRET, &sign::user_text(&self.socket_id, user_data));
        self.say(&ClientOp::Signin { auth, user_data: user_data.to_owned() }.encode()).await;
        self.hear().await
    }

    pub(crate) async fn unsubscribe(&mut self, channel: &str) {
        self.say(&ClientOp::Unsubscribe { channel: channel.to_owned() }.encode()).await;
    }

    /// Sends a client event.
    pub(crate) async fn trigger(&mut self, channel: &str, event: &str, data: &str) {
        let (event, channel, data) = (event.to_owned(), channel.to_owned(), data.to_owned());
        self.say(&ClientOp::Event { event, channel, data }.encode()).await;
    }

    /// Proves that nothing else has come: a ping's answer is the next frame.
    pub(crate) async fn hears_nothing_more(&mut self) {
        self.say(&ClientOp::Ping.encode()).await;
        assert_eq!(self.hear().await, ServerOp::Pong);
    }

    /// Says goodbye, and waits for the relay's.
    pub(crate) async fn leave(mut self) {
        within("a goodbye", self.socket.close(None)).await.expect("closed");
        while within("the end", self.socket.next()).await.is_some_and(|message| message.is_ok()) {}
    }

    pub(crate) fn auth(&self, channel: &str) -> String {
        sign::auth(KEY, SECRET, &sign::channel_text(&self.socket_id, channel, None))
    }

    /// Expects the next op to be an event.
    pub(crate) async fn event(&mut self) -> Heard {
        match self.hear().await {
            ServerOp::Event { event, channel: Some(channel), data, position, .. } => {
                Heard { channel, event, data, position }
            }
            other => panic!("not an event: {other:?}"),
        }
    }
}

/// An event that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) channel: String,
    pub(crate) event: String,
    pub(crate) data: String,
    pub(crate) position: Option<Position>,
}

impl Heard {
    pub(crate) fn offset(&self) -> u64 {
        self.position.expect("a position").offset
    }
}

/// The event's name, channel and data that the protocol itself tells.
pub(crate) fn told(op: &ServerOp) -> (&str, Option<&str>, serde_json::Value) {
    match op {
        ServerOp::Event { event, channel, data, position: None, .. } => {
            (event, channel.as_deref(), serde_json::from_str(data).expect("JSON"))
        }
        other => panic!("not an event of the protocol's: {other:?}"),
    }
}

/// Whether this is a plain acknowledgement of a channel.
pub(crate) fn is_ack(op: &ServerOp, wanted: &str) -> bool {
    matches!(op, ServerOp::Subscribed { channel, data, .. } if channel == wanted && data == "{}")
}
