//! A client by hand: bytes on a TCP connection, read as WebSocket frames or as HTTP. It can say what no library
//! would, and hears what libraries hide.

use std::time::Duration;

use frontdesk::protocol::sign;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::apps::App;

/// What takes longer than this does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// The key of every opening handshake.
pub(crate) const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;
/// The bit of a message's last frame.
pub(crate) const FIN: u8 = 0x80;

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A frame that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// FIN, reserved bits and opcode, as they came.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn opcode(&self) -> u8 {
        self.first & 0x0F
    }
}

/// A frame as a client sends it: masked.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xFA, 0x21, 0x3D];
    let mut bytes = head(first, 0x80, payload.len());
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A frame's first bytes, up to the mask.
pub(crate) fn head(first: u8, masked: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        short @ 0..=125 => bytes.push(masked | u8::try_from(short).unwrap()),
        medium @ 126..=0xFFFF => {
            bytes.push(masked | 0x7E);
            bytes.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(masked | 0x7F);
            bytes.extend(u64::try_from(long).unwrap().to_be_bytes());
        }
    }
    bytes
}

/// An upgraded connection of an app.
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
    /// The head of the answer to the handshake.
    pub(crate) answer: String,
    pub(crate) app: &'static App,
    pub(crate) socket_id: String,
}

impl Wire {
    /// Upgrades, and does not wait to be let in. `headers` are further lines of the request, each with its end.
    pub(crate) async fn knock(port: u16, app: &'static App, target: &str, headers: &str) -> Self {
        Self::knock_with(port, app, target, headers, &[]).await
    }

    /// As [`Self::knock`], with bytes right behind the request.
    pub(crate) async fn knock_with(
        port: u16,
        app: &'static App,
        target: &str,
        headers: &str,
        early: &[u8],
    ) -> Self {
        let mut stream = within("a connection", TcpStream::connect(("127.0.0.1", port))).await.unwrap();
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {NONCE}\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
        );
        stream.write_all(&[request.as_bytes(), early].concat()).await.unwrap();
        let mut wire =
            Self { stream, unread: Vec::new(), answer: String::new(), app, socket_id: String::new() };
        let end = loop {
            if let Some(at) = wire.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(
                wire.fill().await,
                "no answer to the handshake: {}",
                String::from_utf8_lossy(&wire.unread)
            );
        };
        wire.answer = String::from_utf8(wire.unread.drain(..end).collect()).unwrap();
        assert!(wire.answer.starts_with("HTTP/1.1 101"), "not upgraded: {}", wire.answer);
        let accept = derive_accept_key(NONCE.as_bytes());
        assert!(wire.answer.contains(&accept), "another accept key: {}", wire.answer);
        wire
    }

    /// Connects as pusher-js does, and is let in.
    pub(crate) async fn open(port: u16, app: &'static App) -> Self {
        let target = format!("/app/{}?protocol=7&client=js&version=8.6.0&flash=false", app.key);
        let mut wire = Self::knock(port, app, &target, "").await;
        wire.established().await;
        wire
    }

    /// Hears that it is let in.
    pub(crate) async fn established(&mut self) -> Value {
        let told = self.hear().await;
        assert_eq!(told["event"], "pusher:connection_established", "{told}");
        data(&told)["socket_id"].as_str().unwrap().clone_into(&mut self.socket_id);
        told
    }

    /// Reads more; false at the end.
    async fn fill(&mut self) -> bool {
        self.unread.reserve(16 << 10);
        // A reset is an end, too.
        within("bytes", self.stream.read_buf(&mut self.unread)).await.is_ok_and(|count| count > 0)
    }

    /// Writes bytes as they are. The server may have gone already: what it said counts.
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        let _ = within("room to write", self.stream.write_all(bytes)).await;
    }

    pub(crate) async fn frame(&mut self, first: u8, payload: &[u8]) {
        self.bytes(&frame(first, payload)).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.frame(FIN | TEXT, text.as_bytes()).await;
    }

    pub(crate) async fn say(&mut self, op: Value) {
        self.text(&op.to_string()).await;
    }

    /// The next frame, whatever it is; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, end)) = parse(&self.unread) {
                self.unread.drain(..end);
                return Some(frame);
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// The next op; what keeps connections alive is passed over.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            let frame = self.next().await.expect("a frame, not the end");
            match frame.opcode() {
                TEXT => {
                    let text = String::from_utf8(frame.payload).expect("UTF-8");
                    return serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
                }
                PING | PONG => {}
                _ => panic!("not an op: {frame:?} {}", String::from_utf8_lossy(&frame.payload)),
            }
        }
    }

    /// The next op, or none where the server ends the connection.
    pub(crate) async fn next_op(&mut self) -> Option<Value> {
        loop {
            let frame = self.next().await?;
            match frame.opcode() {
                TEXT => return serde_json::from_slice(&frame.payload).ok(),
                CLOSE => return None,
                _ => {}
            }
        }
    }

    /// Hears until an event of this name comes.
    pub(crate) async fn until(&mut self, event: &str) -> Value {
        loop {
            let told = self.hear().await;
            if told["event"] == event {
                return told;
            }
        }
    }

    /// The code by which the server closes, and the ops before it. `None` is an end without a close frame.
    pub(crate) async fn closed(&mut self) -> (Option<u16>, Vec<Value>) {
        let mut before = Vec::new();
        while let Some(frame) = self.next().await {
            match frame.opcode() {
                TEXT => before.push(serde_json::from_slice(&frame.payload).expect("JSON")),
                CLOSE => {
                    let code = frame.payload.first_chunk().map(|&code| u16::from_be_bytes(code));
                    return (code, before);
                }
                _ => {}
            }
        }
        (None, before)
    }

    /// The code by which the server closes.
    pub(crate) async fn close_code(&mut self) -> u16 {
        let (code, before) = self.closed().await;
        code.unwrap_or_else(|| panic!("no code in a close frame, after {before:?}"))
    }

    /// Waits until the server ends the TCP connection.
    pub(crate) async fn ended(&mut self) {
        while self.fill().await {}
    }

    /// Sends a ping, and proves with its pong that nothing came before.
    pub(crate) async fn nothing_came(&mut self) {
        self.say(json!({"event": "pusher:ping", "data": {}})).await;
        let told = self.hear().await;
        assert_eq!(told["event"], "pusher:pong", "something came: {told}");
    }

    /// The `auth` for a channel.
    pub(crate) fn auth(&self, channel: &str, channel_data: Option<&str>) -> String {
        sign::auth(self.app.key, self.app.secret, &sign::channel_text(&self.socket_id, channel, channel_data))
    }

    /// Asks for a channel, signed if its name needs it.
    pub(crate) async fn ask(&mut self, channel: &str) {
        let mut asked = json!({"channel": channel});
        if channel.starts_with("private-") {
            asked["auth"] = self.auth(channel, None).into();
        }
        self.say(json!({"event": "pusher:subscribe", "data": asked})).await;
    }

    /// Subscribes, and gives what is answered.
    pub(crate) async fn try_subscribe(&mut self, channel: &str) -> Value {
        self.ask(channel).await;
        self.hear().await
    }

    /// Subscribes.
    pub(crate) async fn subscribe(&mut self, channel: &str) -> Value {
        let told = self.try_subscribe(channel).await;
        assert_acknowledged(&told, channel);
        told
    }

    /// Asks for a presence channel with this `channel_data`.
    pub(crate) async fn ask_as(&mut self, channel: &str, channel_data: &str) {
        let auth = self.auth(channel, Some(channel_data));
        let asked = json!({"channel": channel, "auth": auth, "channel_data": channel_data});
        self.say(json!({"event": "pusher:subscribe", "data": asked})).await;
    }

    /// Joins a presence channel as this user, and gives the snapshot.
    pub(crate) async fn join(&mut self, channel: &str, member: &Value) -> Value {
        self.ask_as(channel, &member.to_string()).await;
        let told = self.hear().await;
        assert_acknowledged(&told, channel);
        data(&told)["presence"].clone()
    }

    pub(crate) async fn unsubscribe(&mut self, channel: &str) {
        self.say(json!({"event": "pusher:unsubscribe", "data": {"channel": channel}})).await;
    }

    /// Asks to be signed in as this user, with the right signature.
    pub(crate) async fn ask_signin(&mut self, user_data: &str) {
        let auth = sign::auth(self.app.key, self.app.secret, &sign::user_text(&self.socket_id, user_data));
        self.say(json!({"event": "pusher:signin", "data": {"auth": auth, "user_data": user_data}})).await;
    }

    /// Signs in.
    pub(crate) async fn signin(&mut self, id: &str) {
        self.ask_signin(&json!({"id": id}).to_string()).await;
        let told = self.hear().await;
        assert_eq!(told["event"], "pusher:signin_success", "{told}");
    }

    /// Says goodbye as RFC 6455 wants it, and waits for the answer and the end.
    pub(crate) async fn leave(mut self) {
        self.frame(FIN | CLOSE, &1000_u16.to_be_bytes()).await;
        self.closed().await;
    }
}

pub(crate) fn assert_acknowledged(told: &Value, channel: &str) {
    assert_eq!(told["event"], "pusher_internal:subscription_succeeded", "{told}");
    assert_eq!(told["channel"], channel, "{told}");
}

/// Asserts that a subscription was refused, with the channel, and gives the status.
pub(crate) fn refused(told: &Value, channel: &str) -> Value {
    assert_eq!(told["event"], "pusher:subscription_error", "{told}");
    assert_eq!(told["channel"], channel, "{told}");
    assert!(data(told)["error"].as_str().is_some_and(|error| !error.is_empty()), "no reason: {told}");
    data(told)["status"].clone()
}

/// What an op carries, whether it came as an object or as a string of JSON.
pub(crate) fn data(told: &Value) -> Value {
    match &told["data"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| text.clone().into()),
        other => other.clone(),
    }
}

/// The first whole frame, and where it ends. A server's frames are not masked.
fn parse(bytes: &[u8]) -> Option<(Frame, usize)> {
    let &[first, second, ref rest @ ..] = bytes else { return None };
    assert_eq!(second & 0x80, 0, "a server's frames are not masked");
    let (length, width) = match second {
        126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
        127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).unwrap(), 8),
        short => (usize::from(short), 0),
    };
    let end = 2 + width + length;
    let payload = bytes.get(2 + width..end)?.to_vec();
    Some((Frame { first, payload }, end))
}

/// A TCP connection on which HTTP is spoken.
pub(crate) struct Http {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value.trim()))
    }
}

impl Http {
    pub(crate) async fn open(port: u16) -> Self {
        let stream = within("a connection", TcpStream::connect(("127.0.0.1", port))).await.unwrap();
        Self { stream, unread: Vec::new() }
    }

    /// Writes bytes as they are. The server may have answered and gone already: what it said counts.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within("room to write", self.stream.write_all(bytes.as_ref())).await;
    }

    /// The next answer; `None` at the end. `bodiless` is for answers to HEAD.
    pub(crate) async fn answer(&mut self, bodiless: bool) -> Option<Reply> {
        let end = self.position(b"\r\n\r\n").await? + 4;
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut reply = Reply { status, head, body: String::new() };
        if bodiless || status < 200 || status == 204 {
            return Some(reply);
        }
        let mut body = Vec::new();
        if reply.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            loop {
                let end = self.position(b"\r\n").await.expect("a chunk's size");
                let line = String::from_utf8(self.unread.drain(..end + 2).collect()).unwrap();
                let size = usize::from_str_radix(line.trim(), 16).expect("a chunk's size");
                let mut chunk = self.take(size + 2).await;
                chunk.truncate(size);
                if size == 0 {
                    break;
                }
                body.append(&mut chunk);
            }
        } else if let Some(length) = reply.header("content-length") {
            let length = length.parse().expect("a length");
            body = self.take(length).await;
        } else {
            while self.fill().await {}
            body = std::mem::take(&mut self.unread);
        }
        reply.body = String::from_utf8(body).expect("UTF-8");
        Some(reply)
    }

    /// One request, and its answer.
    pub(crate) async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Reply {
        self.send(bytes).await;
        self.answer(false).await.expect("an answer")
    }

    /// Waits until the server ends the connection.
    pub(crate) async fn ended(&mut self) {
        while self.fill().await {}
    }

    async fn position(&mut self, of: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = self.unread.windows(of.len()).position(|bytes| bytes == of) {
                return Some(at);
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert!(self.fill().await, "the body ends early");
        }
        self.unread.drain(..count).collect()
    }

    async fn fill(&mut self) -> bool {
        self.unread.reserve(16 << 10);
        within("bytes", self.stream.read_buf(&mut self.unread)).await.is_ok_and(|count| count > 0)
    }
}
