//! HTTP/1.1 itself (RFC 9110 and 9112): connections that are kept, bodies in pieces, requests that are none, and
//! those that a careless server takes for two.

use serde_json::json;

use super::apps::MAIN;
use super::suite::{At, Suite, signed};
use super::wire::{Http, Reply, Wire};

pub(super) fn cases(suite: &mut Suite) {
    kept(suite);
    bodies(suite);
    forms(suite);
    malformed(suite);
    smuggled(suite);
    too_much(suite);
    places(suite);
}

/// soketi ends a connection after its first answer.
const CLOSES: &str = "it ends a connection after each answer";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A signed event for the case's channel, as head and body; `headers` say how the body comes.
fn event(at: At, headers: &str) -> (String, String) {
    let body = json!({"name": "e", "channel": at.channel(""), "data": "1"}).to_string();
    let target = signed(&MAIN, "POST", "/events", &[], &body);
    (format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"), body)
}

fn whole_event(at: At) -> String {
    let (head, body) = event(at, "Content-Length: LENGTH\r\n");
    format!("{}{body}", head.replace("LENGTH", &body.len().to_string()))
}

async fn listening(at: At) -> Wire {
    let mut wire = at.desk().await;
    wire.subscribe(&at.channel("")).await;
    wire
}

fn kept(suite: &mut Suite) {
    suite.not_soketi(CLOSES, "a connection is kept for the next request", |at| async move {
        let mut http = Http::open(at.port).await;
        for _ in 0..5 {
            assert_eq!(http.ask(get("/ready")).await.status, 200);
        }
    });
    suite.not_soketi(CLOSES, "a connection is kept after an event", |at| async move {
        let mut http = Http::open(at.port).await;
        for _ in 0..5 {
            assert_eq!(http.ask(whole_event(at)).await.status, 200);
        }
    });
    suite.not_soketi(CLOSES, "a connection is kept after a 404", |at| async move {
        let mut http = Http::open(at.port).await;
        assert_eq!(http.ask(get("/nowhere/at/all")).await.status, 404);
        assert_eq!(http.ask(get("/ready")).await.status, 200);
    });
    suite.case("a connection is kept after a 401 with a body", |at| async move {
        let mut http = Http::open(at.port).await;
        let unsigned =
            format!("POST /apps/{}/events HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{{}}", MAIN.id);
        let reply = http.ask(unsigned).await;
        assert_eq!(at.status(&reply), 401, "{reply:?}");
        if reply.header("connection").is_none_or(|told| told != "close") {
            assert_eq!(http.ask(get("/ready")).await.status, 200);
        }
    });
    suite.case("requests that come together are answered in order", |at| async move {
        let mut http = Http::open(at.port).await;
        http.send([get("/ready"), get("/nowhere/at/all"), get("/ready")].concat()).await;
        for status in [200, 404, 200] {
            assert_eq!(http.answer(false).await.unwrap().status, status);
        }
    });
    suite.case("events that come together are published in order", |at| async move {
        let mut wire = listening(at).await;
        let mut http = Http::open(at.port).await;
        http.send([whole_event(at), whole_event(at), whole_event(at)].concat()).await;
        for _ in 0..3 {
            assert_eq!(http.answer(false).await.unwrap().status, 200);
            assert_eq!(wire.hear().await["event"], "e");
        }
    });
    suite.case("Connection: close ends the connection after the answer", |at| async move {
        let mut http = Http::open(at.port).await;
        let reply = http.ask("GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        assert_eq!(reply.status, 200);
        http.ended().await;
    });
    suite.not_soketi("it keeps it", "HTTP/1.0 ends the connection after the answer", |at| async move {
        let mut http = Http::open(at.port).await;
        assert_eq!(http.ask("GET /ready HTTP/1.0\r\n\r\n").await.status, 200);
        http.ended().await;
    });
    suite.case("a request that comes byte by byte is answered", |at| async move {
        let mut http = Http::open(at.port).await;
        for byte in whole_event(at).bytes() {
            http.send([byte]).await;
        }
        assert_eq!(http.answer(false).await.unwrap().status, 200);
    });
    suite.not_soketi(CLOSES, "an upgrade follows other requests on the same connection", |at| async move {
        let mut http = Http::open(at.port).await;
        assert_eq!(http.ask(get("/ready")).await.status, 200);
        let upgrade = "GET /app/key-of-main HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        http.send(upgrade).await;
        assert_eq!(http.answer(true).await.unwrap().status, 101);
    });
}

fn bodies(suite: &mut Suite) {
    const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
    suite.case("a body in one chunk is read", |at| async move {
        let mut wire = listening(at).await;
        let (head, body) = event(at, CHUNKED);
        let reply = at.http(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(wire.hear().await["event"], "e");
    });
    suite.case("a body in chunks of one byte is read", |at| async move {
        let mut wire = listening(at).await;
        let (head, body) = event(at, CHUNKED);
        let chunks: Vec<String> = body.chars().map(|character| format!("1\r\n{character}\r\n")).collect();
        let chunks = chunks.concat();
        assert_eq!(at.http(format!("{head}{chunks}0\r\n\r\n")).await.status, 200);
        assert_eq!(wire.hear().await["event"], "e");
    });
    suite.not_soketi(
        "it gives no answer",
        "a chunk's extension and trailers are passed over",
        |at| async move {
            let mut wire = listening(at).await;
            let (head, body) = event(at, CHUNKED);
            let reply =
                at.http(format!("{head}{:X};a=b\r\n{body}\r\n0\r\nX-Trailer: a\r\n\r\n", body.len())).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(wire.hear().await["event"], "e");
        },
    );
    suite.not_soketi(CLOSES, "a connection is kept after a body in chunks", |at| async move {
        let mut http = Http::open(at.port).await;
        for _ in 0..3 {
            let (head, body) = event(at, CHUNKED);
            assert_eq!(http.ask(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())).await.status, 200);
        }
    });
    suite.case("Expect: 100-continue is told to continue", |at| async move {
        let mut http = Http::open(at.port).await;
        let (head, body) = event(at, "Expect: 100-continue\r\nContent-Length: LENGTH\r\n");
        http.send(head.replace("LENGTH", &body.len().to_string())).await;
        assert_eq!(http.answer(false).await.unwrap().status, 100);
        assert_eq!(http.ask(body).await.status, 200);
    });
    suite.case("Expect: 100-continue may be refused at once", |at| async move {
        let mut http = Http::open(at.port).await;
        let target = format!("/apps/{}/events", MAIN.id);
        http.send(format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n"
        ))
        .await;
        let reply = http.answer(false).await.unwrap();
        assert!([100, 401].contains(&reply.status), "{reply:?}");
    });
    suite.case("a body that comes later than its head is waited for", |at| async move {
        let (head, body) = event(at, "Content-Length: LENGTH\r\n");
        let mut http = Http::open(at.port).await;
        http.send(head.replace("LENGTH", &body.len().to_string())).await;
        let mut wire = listening(at).await;
        wire.nothing_came().await;
        assert_eq!(http.ask(body).await.status, 200);
        assert_eq!(wire.hear().await["event"], "e");
    });
    suite.case("half a body publishes nothing", |at| async move {
        let mut wire = listening(at).await;
        let event = whole_event(at);
        let mut http = Http::open(at.port).await;
        http.send(&event[..event.len() - 1]).await;
        drop(http);
        at.publish(&at.channel(""), "fence", "1").await;
        assert_eq!(wire.hear().await["event"], "fence");
    });
    suite.case("a body on a GET does not matter", |at| async move {
        let reply = at
            .http("GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
            .await;
        assert_eq!(reply.status, 200, "{reply:?}");
    });
}

fn forms(suite: &mut Suite) {
    let good = [
        ("header names in capitals", "GET /ready HTTP/1.1\r\nHOST: a\r\nCONNECTION: close\r\n\r\n"),
        ("no space behind a colon", "GET /ready HTTP/1.1\r\nHost:a\r\nConnection:close\r\n\r\n"),
        ("a query that means nothing", "GET /ready?a=b&c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        (
            "many headers",
            &*Box::leak(
                format!("GET /ready HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(30)).into_boxed_str(),
            ),
        ),
    ];
    for (name, asked) in good {
        suite.case(format!("a request with {name} is answered"), move |at| async move {
            assert_eq!(at.http(asked).await.status, 200);
        });
    }
    suite.not_soketi(
        "its router takes no such targets",
        "a target in absolute form is answered",
        |at| async move {
            let reply = at
                .http("GET http://localhost/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .await;
            assert_eq!(reply.status, 200, "{reply:?}");
        },
    );
    suite.not_soketi(
        "it takes it for a bad request",
        "an empty line before a request is passed over",
        |at| async move {
            let reply =
                at.http("\r\nGET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
            assert_eq!(reply.status, 200, "{reply:?}");
        },
    );
    suite.not_soketi(
        "it has no route for HEAD",
        "HEAD is answered as GET is, without a body",
        |at| async move {
            let mut http = Http::open(at.port).await;
            http.send("HEAD /ready HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
            assert_eq!(http.answer(true).await.unwrap().status, 200);
            assert_eq!(http.ask(get("/ready")).await.status, 200, "no body came between");
        },
    );
    suite.case("an answer has a date", |at| async move {
        assert!(at.http(get("/ready")).await.header("date").is_some());
    });
    suite.not_soketi(CLOSES, "an answer says how long it is", |at| async move {
        let mut http = Http::open(at.port).await;
        for asked in [get("/ready"), get("/nowhere/at/all"), whole_event(at)] {
            let reply = http.ask(asked).await;
            let told = reply.header("content-length").or(reply.header("transfer-encoding"));
            assert!(told.is_some(), "{reply:?}");
        }
    });
}

/// Asserts that a request is refused: by one of these statuses, or the connection's end.
async fn refused(at: At, asked: impl AsRef<[u8]>, statuses: &[u16]) {
    let mut http = Http::open(at.port).await;
    http.send(asked).await;
    let reply: Option<Reply> = http.answer(false).await;
    assert!(reply.as_ref().is_none_or(|reply| statuses.contains(&reply.status)), "{reply:?}");
    // And the server lives.
    assert_eq!(at.http(get("/ready")).await.status, 200);
}

fn malformed(suite: &mut Suite) {
    let lines = [
        ("no request at all", "hello\r\n\r\n", [400, 400]),
        ("a TLS greeting", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}\r\n\r\n", [400, 400]),
        ("a request without a version", "GET /ready\r\n\r\n", [400, 505]),
        ("a version that is none", "GET /ready HTTP/9.9\r\nHost: a\r\n\r\n", [400, 505]),
        ("a request of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400, 505]),
        ("a method in small letters", "get /ready HTTP/1.1\r\nHost: a\r\n\r\n", [400, 405]),
        ("a method with odd characters", "G@T /ready HTTP/1.1\r\nHost: a\r\n\r\n", [400, 405]),
        ("a target with a space", "GET /rea dy HTTP/1.1\r\nHost: a\r\n\r\n", [400, 404]),
        ("a target without a slash", "GET ready HTTP/1.1\r\nHost: a\r\n\r\n", [400, 404]),
        ("a header without a colon", "GET /ready HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n", [400, 400]),
        ("a header without a name", "GET /ready HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", [400, 400]),
        ("a space before a colon", "GET /ready HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n", [400, 400]),
        ("a folded header", "GET /ready HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n", [400, 400]),
        ("a NUL in a header", "GET /ready HTTP/1.1\r\nHost: a\r\nX-A: b\u{0}c\r\n\r\n", [400, 400]),
        ("a bare CR in a header", "GET /ready HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n", [400, 400]),
        ("no Host", "GET /ready HTTP/1.1\r\n\r\n", [400, 400]),
        ("two Hosts", "GET /ready HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", [400, 400]),
    ];
    for (name, asked, statuses) in lines {
        suite.not_soketi("its parser is lenient", format!("{name} is refused"), move |at| async move {
            refused(at, asked, &statuses).await;
        });
    }
    for method in ["PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
        suite.not_soketi(
            "it says 404",
            format!("{method} /ready gets 405, and Allow"),
            move |at| async move {
                let reply = at
                    .http(format!("{method} /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
                    .await;
                assert_eq!(reply.status, 405, "{reply:?}");
                assert!(reply.header("allow").is_some_and(|allow| allow.contains("GET")), "{reply:?}");
            },
        );
    }
    suite.not_soketi("it gives no answer", "CONNECT is refused", |at| async move {
        refused(at, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", &[400, 404, 405, 501])
            .await;
    });
    suite.not_soketi("it says 404", "OPTIONS * is survived", |at| async move {
        refused(at, "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &[200, 204, 400, 404, 405])
            .await;
    });
}

/// Requests that one server takes for one and another for two.
fn smuggled(suite: &mut Suite) {
    let wrong = [
        ("two different lengths", "Content-Length: 2\r\nContent-Length: 3\r\n"),
        ("two lengths in one header", "Content-Length: 2, 3\r\n"),
        ("a length below zero", "Content-Length: -1\r\n"),
        ("a length with a plus", "Content-Length: +2\r\n"),
        ("a length that is no number", "Content-Length: two\r\n"),
        ("a length in hex", "Content-Length: 0x2\r\n"),
        ("a length beyond all numbers", "Content-Length: 99999999999999999999999999\r\n"),
        ("a coding that nobody knows", "Transfer-Encoding: identity\r\n"),
        ("chunked that is not the last coding", "Transfer-Encoding: chunked, gzip\r\n"),
        ("a coding with odd spelling", "Transfer-Encoding: xchunked\r\n"),
    ];
    for (name, headers) in wrong {
        suite.not_soketi(
            "its parser is lenient",
            format!("{name} is refused, and nothing is published"),
            move |at| async move {
                let mut wire = listening(at).await;
                let (head, body) = event(at, headers);
                refused(at, format!("{head}{body}"), &[400, 411, 413, 501, 401]).await;
                at.publish(&at.channel(""), "fence", "1").await;
                assert_eq!(wire.hear().await["event"], "fence");
            },
        );
    }
    suite.not_soketi(
        "its parser is lenient",
        "a length beside chunks is never taken for the end of the body",
        |at| async move {
            // RFC 9112, 6.3: refused, or read by its chunks and the connection closed.
            let (head, body) = event(at, "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n");
            let mut http = Http::open(at.port).await;
            http.send(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n{}", body.len(), get("/ready"))).await;
            let first = http.answer(false).await.unwrap();
            assert!([200, 400].contains(&first.status), "{first:?}");
        },
    );
    for (name, chunks) in [
        ("a chunk's size that is no number", "zz\r\n{}\r\n0\r\n\r\n"),
        ("a chunk's size below zero", "-2\r\n{}\r\n0\r\n\r\n"),
        ("a chunk's size beyond all numbers", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ("a chunk that is longer than its size", "1\r\n{}\r\n0\r\n\r\n"),
    ] {
        suite.not_soketi("its parser is lenient", format!("{name} is refused"), move |at| async move {
            let (head, _) = event(at, "Transfer-Encoding: chunked\r\n");
            refused(at, format!("{head}{chunks}"), &[400, 401, 413]).await;
        });
    }
}

fn too_much(suite: &mut Suite) {
    for (name, asked) in [
        (
            "a header of 100 KB",
            format!("GET /ready HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n", "b".repeat(100_000)),
        ),
        ("5000 headers", format!("GET /ready HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(5000))),
        ("a target of 100 KB", format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(100_000))),
        ("a head that never ends", format!("GET /ready HTTP/1.1\r\nHost: a\r\nX-A: {}", "b".repeat(200_000))),
    ] {
        suite.not_soketi(
            "it takes much more, or waits",
            format!("{name} is refused"),
            move |at| async move {
                refused(at, asked, &[400, 414, 431]).await;
            },
        );
    }
    suite.not_soketi(
        "it waits for all of it",
        "a body of a gigabyte is refused by its announcement",
        |at| async move {
            let mut http = Http::open(at.port).await;
            let (head, _) = event(at, "Content-Length: 1073741824\r\n");
            http.send(head).await;
            let reply = http.answer(false).await.unwrap();
            assert_eq!(reply.status, 413, "{reply:?}");
        },
    );
    suite.not_soketi("it takes 100 MB", "a body in chunks without an end is refused", |at| async move {
        let mut http = Http::open(at.port).await;
        let (head, _) = event(at, "Transfer-Encoding: chunked\r\n");
        http.send(head).await;
        // Ten of a megabyte; whatever is refused on the way counts.
        let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x0010_0000));
        for _ in 0..10 {
            http.send(&chunk).await;
        }
        let reply = http.answer(false).await;
        assert!(reply.as_ref().is_none_or(|reply| reply.status == 413), "{reply:?}");
        assert_eq!(at.http(get("/ready")).await.status, 200);
    });
}

fn places(suite: &mut Suite) {
    for path in ["/", "/ready"] {
        suite.case(format!("{path} is answered with 200"), move |at| async move {
            assert_eq!(at.http(get(path)).await.status, 200);
        });
    }
    for path in ["/live", "/up"] {
        suite.not_soketi(
            "it has no such place",
            format!("{path} is answered with 200"),
            move |at| async move {
                assert_eq!(at.http(get(path)).await.status, 200);
            },
        );
    }
    for path in
        ["/nowhere/at/all", "/ready/", "/../etc/passwd", "/%00", "/apps", "/app/key-of-main/more", "//"]
    {
        suite.case(format!("{path} is nobody's"), move |at| async move {
            let reply = at.http(get(path)).await;
            assert!([400, 404].contains(&reply.status), "{reply:?}");
        });
    }
    suite.not_soketi("it has no auth endpoint", "a page's preflight of the auth endpoint allows what Echo's axios sends", |at| async move {
        let asked = "OPTIONS /api/broadcasting/auth HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\
                     Access-Control-Request-Method: POST\r\n\
                     Access-Control-Request-Headers: authorization,content-type,x-socket-id\r\nConnection: close\r\n\r\n";
        let reply = at.http(asked).await;
        assert!([200, 204].contains(&reply.status), "{reply:?}");
        let origin = reply.header("access-control-allow-origin").unwrap_or_default();
        assert!(["*", "http://localhost:3000"].contains(&origin), "{reply:?}");
        let allowed = reply.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
        for header in ["authorization", "content-type", "x-socket-id"] {
            assert!(allowed.contains(header), "{reply:?}");
        }
        assert!(reply.header("access-control-allow-methods").is_some_and(|methods| methods.contains("POST")), "{reply:?}");
    });
}
