//! What the worst of clients may cost the relay in memory: a bound per connection, held over real sockets.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use tokio::net::TcpSocket;

use crate::bench::{Home, Relay};

/// A client that writes frames as it likes.
struct Client {
    writing: TcpStream,
    reading: BufReader<TcpStream>,
}

/// A connection on which little can be under way.
fn narrow(port: u16) -> io::Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    socket.set_send_buffer_size(4096)?;
    let connected = runtime.block_on(socket.connect((Ipv4Addr::LOCALHOST, port).into()))?;
    let stream = connected.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

const TEXT: u8 = 0x81;
const BEGUN: u8 = 0x01;
const PING: u8 = 0x89;

impl Client {
    fn connect(relay: &Relay) -> Self {
        let writing = narrow(relay.port).expect("connected");
        writing.set_read_timeout(Some(Duration::from_secs(30))).expect("patience");
        let reading = BufReader::new(writing.try_clone().expect("a socket"));
        let mut client = Self { writing, reading };
        let head = "GET /app/app-key?protocol=7 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        client.writing.write_all(head.as_bytes()).expect("written");
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            client.reading.read_line(&mut line).expect("a line");
        }
        assert!(client.hear().1.contains("connection_established"));
        client
    }

    /// The next frame's first byte, and its text.
    fn hear(&mut self) -> (u8, String) {
        let mut head = [0; 2];
        self.reading.read_exact(&mut head).expect("a frame");
        let mut length = usize::from(head[1]);
        if length == 126 {
            let mut long = [0; 2];
            self.reading.read_exact(&mut long).expect("a length");
            length = usize::from(u16::from_be_bytes(long));
        }
        let mut text = vec![0; length];
        self.reading.read_exact(&mut text).expect("a payload");
        (head[0], String::from_utf8_lossy(&text).into_owned())
    }

    fn say(&mut self, first: u8, payload: &[u8]) {
        self.writing.write_all(&frame(first, payload)).expect("written");
    }

    /// Waits until the relay has read everything so far.
    fn catch_up(&mut self) {
        self.say(PING, b"here");
        while self.hear() != (0x8A, "here".to_owned()) {}
    }
}

/// A frame under a mask of nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    if let Ok(short @ 0..=125) = u8::try_from(payload.len()) {
        frame.push(0x80 | short);
    } else {
        frame.push(0xFE);
        frame.extend(u16::try_from(payload.len()).expect("short enough").to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Kilobytes of the relay's memory.
fn resident(relay: &Relay) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", relay.child.id())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Kilobytes that each of so many clients costs, connected and as bad as they can be.
fn cost(clients: usize, worst: impl Fn(&mut Client)) -> usize {
    let home = Home::new();
    let relay = Relay::start(&home, &["--ephemeral"]);
    Client::connect(&relay).catch_up();
    let before = resident(&relay);
    let held: Vec<Client> = (0..clients)
        .map(|_| {
            let mut client = Client::connect(&relay);
            worst(&mut client);
            client
        })
        .collect();
    let after = resident(&relay);
    drop(held);
    after.saturating_sub(before) / clients
}

#[test]
fn who_subscribes_all_it_may_under_the_longest_names_costs_less_than_a_megabyte() {
    let each = cost(5, |client| {
        for number in 0..1_001 {
            let name = format!("{}{number:04}", "x".repeat(196));
            let ask = format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"{name}"}}}}"#);
            client.say(TEXT, ask.as_bytes());
            let (_, answer) = client.hear();
            assert_eq!(answer.contains("subscription_succeeded"), number < 1_000, "{answer}");
        }
    });
    assert!(each < 1024, "{each} KB");
}

#[test]
fn who_never_ends_what_it_begins_costs_less_than_an_eighth_of_a_megabyte() {
    let each = cost(40, |client| {
        client.say(BEGUN, &[b'x'; 15 << 10]);
        client.catch_up();
        // And the beginning of the frame that would be the last.
        let unended = frame(0x80, &[b'x'; 1 << 10]);
        client.writing.write_all(&unended[..1000]).expect("written");
    });
    assert!(each < 128, "{each} KB");
}

#[test]
fn who_asks_and_never_listens_costs_less_than_two_megabytes() {
    let each = cost(2, |client| {
        client.writing.set_write_timeout(Some(Duration::from_millis(200))).expect("patience");
        // What is refused is repeated: the longest answers that there are.
        let name = "!".repeat(15 << 10);
        let ask = frame(
            TEXT,
            format!(r#"{{"event":"pusher:subscribe","data":{{"channel":"{name}"}}}}"#).as_bytes(),
        );
        // Until the relay reads no more, or shows it out.
        while client.writing.write(&ask).is_ok() {}
    });
    assert!(each < 2048, "{each} KB");
}
