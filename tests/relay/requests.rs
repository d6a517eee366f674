//! What a request of the HTTP API may look like, in its bytes and its body, and what is made of those that
//! nobody should send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api::{NOUNS, signed};
use crate::support::{Reply, Running, is_ack, within};

#[tokio::test]
async fn a_request_names_one_host() {
    let relay = Running::start().await;
    for (version, hosts, status) in
        [("1.1", 0, 400), ("1.1", 1, 200), ("1.1", 2, 400), ("1.0", 0, 200), ("1.0", 1, 200), ("1.0", 2, 400)]
    {
        let mut wire = Wire::open(&relay).await;
        let target = signed("GET", "/apps/1001/channels", &[], b"");
        let hosts = "Host: localhost\r\n".repeat(hosts);
        wire.write(format!("GET {target} HTTP/{version}\r\n{hosts}\r\n")).await;
        assert_eq!(wire.answer().await.status, status, "HTTP/{version} with {hosts:?}");
    }
}

#[tokio::test]
async fn a_body_is_read_as_generously_as_it_can_be_understood() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    assert!(is_ack(&desk.subscribe("a").await, "a"));
    let longest = "x".repeat(200);
    let escaped = "\\u00e9".repeat(50 * 1024);
    for (body, data) in [
        ("\u{FEFF}{\"name\":\"X\",\"channel\":\"a\",\"data\":\"after a mark\"}", "after a mark"),
        (" \r\n\t{ \"name\" : \"X\" , \"channel\" : \"a\" , \"data\" : \"1\" } \n", "1"),
        (r#"{"name":"client-X","channel":"a","data":"a client's name"}"#, "a client's name"),
        (r#"{"name":"pusher-X","channel":"a","data":"2"}"#, "2"),
        (r#"{"name":"X","channels":["a"],"channel":null,"socket_id":null,"info":null,"data":"3"}"#, "3"),
        (
            r#"{"name":"X","channel":"a","data":{"b":1.0,"a":[12345678901234567890123]}}"#,
            r#"{"b":1.0,"a":[12345678901234567890123]}"#,
        ),
        (r#"{"name":"X","channel":"a","data":7,"unknown":[[[{}]]]}"#, "7"),
        (r#"{"name":"X","channel":"a","data":"\ud83c\udfab\u0000"}"#, "🎫\u{0}"),
        (&format!(r#"{{"name":"{longest}","channel":"a","data":"4"}}"#), "4"),
        (&format!(r#"{{"name":"X","channel":"a","data":"{escaped}"}}"#), &"é".repeat(50 * 1024)),
    ] {
        let reply = relay.send("/events", body).await;
        assert_eq!(reply.status, 200, "{body:.80}: {}", reply.body);
        assert_eq!(desk.event().await.data, data, "{body:.80}");
    }
    // Parameters may stand in the query instead.
    let params = [("name", "X"), ("data", "{}"), ("channels[]", "b"), ("channels[]", "a")];
    let target = signed("POST", "/apps/1001/events", &params, b"");
    let reply = relay.http(&format!("POST {target} HTTP/1.1"), b"").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{}"));
    assert_eq!(desk.event().await.data, "{}");
}

#[tokio::test]
async fn a_body_that_cannot_be_understood_is_explained_and_publishes_nothing() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    assert!(is_ack(&desk.subscribe("a").await, "a"));
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let list = deep("[", "]");
    let object = deep("{\"a\":", "}");
    let too_long = "x".repeat(201);
    let escaped = "\\u00e9".repeat(50 * 1024);
    for (body, says) in [
        ("", "name is missing"),
        ("name=X&channel=a&data=", "JSON"),
        ("null", "JSON"),
        ("[]", "JSON"),
        (r#""x""#, "JSON"),
        ("{", "EOF"),
        (r#"{"name":"X","channel":"a","data":""} {}"#, "trailing"),
        (&list, "JSON"),
        (&format!(r#"{{"name":"X","channel":"a","data":{list}}}"#), "data"),
        (&format!(r#"{{"name":"X","channel":"a","data":{object}}}"#), "data"),
        (&format!(r#"{{"name":"X","channels":{list},"data":""}}"#), "channels"),
        (&format!(r#"{{"name":{object},"channel":"a","data":""}}"#), "name"),
        (r#"{"name":"X","name":"Y","channel":"a","data":""}"#, "name"),
        (r#"{"name":"X","channel":"a","data":"","data":""}"#, "data"),
        (r#"{"name":"X","channel":"a","data":null}"#, "data is missing"),
        (r#"{"name":"X","channel":"a","data":"\ud800"}"#, "data"),
        (r#"{"name":"\udc00","channel":"a","data":""}"#, "name"),
        (r#"{"name":7,"channel":"a","data":""}"#, "name"),
        (r#"{"name":"X","channel":{"a":1},"data":""}"#, "channel"),
        (r#"{"name":"X","channels":"a","data":""}"#, "channels"),
        (r#"{"name":"X","channel":"a","data":"","socket_id":""}"#, "socket_id"),
        (r#"{"name":"X","channel":"a","data":"","info":"colour"}"#, "colour"),
        (r#"{"name":"X","channel":"a","data":"","info":["user_count"]}"#, "info"),
        (r#"{"name":"X","channel":"private-","data":"","info":"cache"}"#, "cache"),
        (r##"{"name":"X","channel":"#private","data":""}"##, "#private"),
        (r#"{"name":"a\u0000b","channel":"a","data":""}"#, "control"),
        (&format!(r#"{{"name":"{too_long}","channel":"a","data":""}}"#), "200"),
        (&format!(r#"{{"name":"X","channel":"{too_long}","data":""}}"#), "200"),
    ] {
        let reply = relay.send("/events", body).await;
        assert_eq!(reply.status, 400, "{body:.80}: {}", reply.body);
        let error = reply.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains(says), "{body:.80}: {error}");
    }
    assert_eq!(relay.send("/events", b"{\"name\":\"\xFF\"}").await.status, 400, "not UTF-8");
    let reply = relay.send("/events", format!(r#"{{"name":"X","channel":"a","data":"{escaped}x"}}"#)).await;
    assert_eq!(reply.status, 413, "one byte over: {}", reply.body);
    relay.publish("a", "Heard", "").await;
    assert_eq!(desk.event().await.event, "Heard", "and that is the first event heard");
}

/// A connection that is kept.
struct Wire(TcpStream);

impl Wire {
    async fn open(relay: &Running) -> Self {
        Self(TcpStream::connect(relay.address).await.expect("connected"))
    }

    async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within("room to write", self.0.write_all(bytes.as_ref())).await.expect("written");
    }

    /// Reads one answer, and leaves what follows it.
    async fn answer(&mut self) -> Reply {
        let mut bytes = Vec::new();
        let read = async {
            while !bytes.ends_with(b"\r\n\r\n") {
                bytes.push(self.0.read_u8().await.expect("a head"));
            }
            let length = Reply::parse(&bytes).header("content-length").and_then(|length| length.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            self.0.read_exact(&mut body).await.expect("a body");
            bytes.extend(body);
        };
        within("an answer", read).await;
        Reply::parse(&bytes)
    }
}

fn event(data: &str) -> String {
    format!(r#"{{"name":"X","channel":"a","data":"{data}"}}"#)
}

fn request(target: &str, headers: &str, body: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{body}")
}

fn plain(body: &str) -> String {
    let target = signed("POST", "/apps/1001/events", &[], body.as_bytes());
    request(&target, &format!("Content-Length: {}\r\n", body.len()), body)
}

fn chunked(body: &str, size: usize) -> String {
    let target = signed("POST", "/apps/1001/events", &[], body.as_bytes());
    let chunks: Vec<String> = body
        .as_bytes()
        .chunks(size)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
        .collect();
    request(&target, "Transfer-Encoding: chunked\r\n", &format!("{}0\r\n\r\n", chunks.concat()))
}

#[tokio::test]
async fn one_connection_serves_request_after_request_however_they_are_sent() {
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    assert!(is_ack(&desk.subscribe("a").await, "a"));
    let mut wire = Wire::open(&relay).await;
    // Refusals, too: of one request, not of the connection.
    wire.write(plain(&event("one"))).await;
    assert_eq!(wire.answer().await.status, 200);
    wire.write(plain("{}")).await;
    assert_eq!(wire.answer().await.status, 400);
    wire.write(request("/apps/1001/events", "Content-Length: 2\r\n", "{}")).await;
    assert_eq!(wire.answer().await.status, 401);
    wire.write(request("/apps/9/events", "Content-Length: 2\r\n", "{}")).await;
    assert_eq!(wire.answer().await.status, 404);
    wire.write([plain(&event("two")), chunked(&event("three"), 7), plain(&event("four"))].concat()).await;
    for _ in 0..3 {
        assert_eq!(wire.answer().await.status, 200);
    }
    for byte in plain(&event("five")).into_bytes() {
        wire.write([byte]).await;
    }
    assert_eq!(wire.answer().await.status, 200);
    for data in ["one", "two", "three", "four", "five"] {
        assert_eq!(desk.event().await.data, data);
    }
}

#[tokio::test]
async fn a_client_that_waits_is_told_to_go_on_or_why_not() {
    let relay = Running::start().await;
    let body = event("");
    let expect = |target: &str, length: usize| {
        request(target, &format!("Content-Length: {length}\r\nExpect: 100-continue\r\n"), "")
    };
    let mut wire = Wire::open(&relay).await;
    let target = signed("POST", "/apps/1001/events", &[], body.as_bytes());
    wire.write(expect(&target, body.len())).await;
    assert_eq!(wire.answer().await.status, 100);
    wire.write(&body).await;
    assert_eq!(wire.answer().await.status, 200);
    for (target, length, status) in [
        ("/apps/1001/events", body.len(), 401),
        ("/apps/9/events", body.len(), 404),
        (target.as_str(), 8 << 20, 413),
    ] {
        let mut wire = Wire::open(&relay).await;
        wire.write(expect(target, length)).await;
        assert_eq!(wire.answer().await.status, status, "{target}: and not 100 first");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_answered_all_the_same() {
    let relay = Running::start().await;
    let target = signed("POST", "/apps/1001/events", &[], b"{}");
    for (target, status) in [(target.as_str(), 408), ("/apps/1001/events", 401), ("/apps/9/events", 404)] {
        let mut wire = Wire::open(&relay).await;
        wire.write(request(target, "Content-Length: 2\r\n", "{")).await;
        let reply = wire.answer().await;
        assert_eq!(reply.status, status, "{target}: {}", reply.body);
    }
}

#[tokio::test]
async fn no_body_is_read_beyond_its_bound_on_any_path() {
    let relay = Running::start().await;
    for (method, noun, _) in NOUNS {
        let most = match noun {
            "/events" => 1 << 20,
            "/batch_events" => 7 << 20,
            _ => 64 << 10,
        };
        let target = signed(method, &format!("/apps/1001{noun}"), &[("body_md5", "0")], b"");
        for told in [true, false] {
            let mut wire = Wire::open(&relay).await;
            let (length, chunk) = if told {
                (format!("Content-Length: {}\r\n", most + 1), String::new())
            } else {
                ("Transfer-Encoding: chunked\r\n".to_owned(), format!("{:x}\r\n", most + 1))
            };
            let head = format!(
                "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{length}\r\n{chunk}"
            );
            wire.write([head.into_bytes(), vec![b' '; most + 1]].concat()).await;
            if !told {
                wire.write("\r\n0\r\n\r\n").await;
            }
            let reply = wire.answer().await;
            assert_eq!(reply.status, 413, "{method} {noun}: {}", reply.body);
            assert!(reply.json()["error"].is_string());
        }
    }
}

#[tokio::test]
async fn bodies_that_are_only_announced_take_no_room_and_those_in_memory_do() {
    let relay = Running::start().await;
    let length = 6 << 20;
    let target = signed("POST", "/apps/1001/batch_events", &[("body_md5", "0")], b"");
    let mut wires = Vec::new();
    for _ in 0..40 {
        let mut wire = Wire::open(&relay).await;
        wire.write(request(&target, &format!("Content-Length: {length}\r\n"), "")).await;
        wires.push(wire);
    }
    relay.publish("a", "X", "").await;
    // All but the last byte of twelve of them is more than 64 MiB together.
    let most = vec![b' '; length - 1];
    let sent = wires.iter_mut().take(12).map(|wire| {
        Box::pin(async {
            wire.write(&most).await;
            wire.answer().await
        })
    });
    let (refused, ..) = futures_util::future::select_all(sent).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.json()["error"].as_str().is_some_and(|error| error.contains("Too many requests")));
    relay.publish("a", "X", "").await;
}
