//! The auth endpoint with a Laravel behind it: what is asked goes on, what is answered comes back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk::relay::{Forward, Options, Tokens};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use url::Url;

use crate::support::{Reply, Running, options, within};

const FORM: &str = "socket_id=1.2&channel_name=private-staff";
const GRANT: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"auth\":\"a-key:00\"}";

/// A backend that answers everything alike, and shows what it was asked.
struct Laravel {
    url: Url,
    asked: mpsc::Receiver<Question>,
}

/// What a backend was asked.
struct Question {
    head: String,
    body: String,
}

impl Question {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }
}

impl Laravel {
    /// Answers with these bytes, and hangs up; with none it says nothing.
    async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (tell, asked) = mpsc::channel(1000);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answer), tell.clone()));
            }
        });
        Self { url: url.parse().expect("a URL"), asked }
    }

    async fn asked(&mut self) -> Question {
        within("a question", self.asked.recv()).await.expect("a question")
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<[u8]>, tell: mpsc::Sender<Question>) {
    let mut bytes = Vec::new();
    let (head, length, mut body) = loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.unwrap_or(0);
        assert_ne!(read, 0, "a whole question");
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().filter_map(|line| {
                line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            break (head.to_owned(), length.sum(), body.as_bytes().to_vec());
        }
    };
    while body.len() < length {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.unwrap_or(0);
        body.extend_from_slice(&part[..read]);
    }
    let body = String::from_utf8(body).expect("text");
    tell.send(Question { head, body }).await.expect("somebody who looks");
    if answer.is_empty() {
        std::future::pending::<()>().await;
    }
    // Who asked may have heard enough.
    let _ = stream.write_all(&answer).await;
}

async fn relay_before(url: &Url) -> Running {
    relay_with(url, |_| {}).await
}

async fn relay_with(url: &Url, change: impl FnOnce(&mut Options)) -> Running {
    let mut settings = options();
    settings.auth_forward = Some(Forward::to(url, None).expect("a backend"));
    change(&mut settings);
    Running::start_with(settings).await
}

async fn ask(relay: &Running, more: &str) -> Reply {
    let head = format!(
        "POST /api/broadcasting/auth HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded{more}"
    );
    relay.http(&head, FORM.as_bytes()).await
}

#[tokio::test]
async fn a_question_goes_on_with_what_it_needs_and_nothing_else() {
    let mut laravel = Laravel::answering(GRANT).await;
    let relay = relay_before(&laravel.url).await;
    let needed = [
        ("Authorization", "Bearer 3|lab-token"),
        ("Accept", "application/json"),
        ("Cookie", "laravel_session=abc; XSRF-TOKEN=def"),
        ("X-Socket-Id", "1.2"),
        ("X-CSRF-TOKEN", "csrf"),
        ("X-XSRF-TOKEN", "xsrf"),
        ("X-Requested-With", "XMLHttpRequest"),
        ("Origin", "http://localhost:3000"),
        ("Referer", "http://localhost:3000/desk"),
        ("User-Agent", "a browser"),
    ];
    let dropped = [
        ("Connection", "keep-alive, X-Hop"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "Basic eA=="),
        ("X-Hop", "1"),
        ("X-Secret", "1"),
        ("Accept-Encoding", "gzip"),
    ];
    let lines: Vec<String> =
        needed.iter().chain(&dropped).map(|(name, value)| format!("\r\n{name}: {value}")).collect();
    let lines = lines.concat();
    let reply = ask(&relay, &format!("{lines}\r\nX-Forwarded-For: 203.0.113.9\r\nVia: 1.1 nginx")).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{\"auth\":\"a-key:00\"}"), "{}", reply.head);
    let asked = laravel.asked().await;
    assert!(asked.head.starts_with("POST /api/broadcasting/auth HTTP/1.1\r\n"), "{}", asked.head);
    assert_eq!(asked.body, FORM);
    for (name, value) in needed.into_iter().chain([("Content-Type", "application/x-www-form-urlencoded")]) {
        assert_eq!(asked.header(name), Some(value), "{name}");
    }
    for (name, _) in dropped {
        assert_eq!(asked.header(name), None, "{name}");
    }
    assert_eq!(asked.header("host"), Some(&laravel.url[url::Position::BeforeHost..url::Position::AfterPort]));
    assert_eq!(asked.header("x-forwarded-for"), Some("203.0.113.9, 127.0.0.1"));
    assert!(asked.header("via").is_some_and(|via| via.starts_with("1.1 nginx, 1.1 frontdesk-")));
}

#[tokio::test]
async fn every_path_method_and_query_goes_to_its_place() {
    let mut laravel = Laravel::answering(GRANT).await;
    let origin = relay_before(&laravel.url).await;
    let endpoint = relay_before(&laravel.url.join("/app/broadcasting/auth").expect("a URL")).await;
    let query = "?socket_id=1.2&channel_name=private-caf%C3%A9";
    let cases = [
        ("GET", "/api/broadcasting/auth", "/app/broadcasting/auth"),
        ("POST", "/broadcasting/auth", "/app/broadcasting/auth"),
        ("POST", "/pusher/auth", "/app/broadcasting/auth"),
        ("POST", "/api/broadcasting/user-auth", "/app/broadcasting/user-auth"),
        ("GET", "/broadcasting/user-auth", "/app/broadcasting/user-auth"),
        ("POST", "/pusher/user-auth", "/app/broadcasting/user-auth"),
        ("GET", "/api/user", "/api/user"),
        ("POST", "/api/login", "/api/login"),
        ("OPTIONS", "/api/login", "/api/login"),
    ];
    for (method, path, at_endpoint) in cases {
        for (relay, there) in [(&origin, path), (&endpoint, at_endpoint)] {
            relay.http(&format!("{method} {path}{query} HTTP/1.1"), b"").await;
            let asked = laravel.asked().await.head;
            let expected = format!("{method} {there}{query} HTTP/1.1\r\n");
            assert!(asked.starts_with(&expected), "{expected} {asked}");
        }
    }
    for (method, path) in [("DELETE", "/broadcasting/auth"), ("GET", "/api/login"), ("POST", "/api/user")] {
        assert_eq!(
            origin.http(&format!("{method} {path} HTTP/1.1"), b"").await.status,
            405,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn every_captured_answer_of_a_laravel_comes_back_as_it_was() {
    for line in include_str!("../data/wire/authorizations.jsonl").lines() {
        let captured: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let text = |field: &str| captured[field].as_str();
        let body = text("body").expect("a body");
        let header = |name: &str| text(name).map(|value| format!("{name}: {value}\r\n")).unwrap_or_default();
        let answer = [
            format!("HTTP/1.1 {} Whatever\r\n", captured["status"]),
            "Content-Type: text/x; charset=y\r\nSet-Cookie: a=1; path=/\r\nSet-Cookie: b=2\r\n".to_owned(),
            "Server: apache\r\nKeep-Alive: timeout=5\r\nX-Powered-By: PHP\r\n".to_owned(),
            header("location"),
            header("retry-after"),
            format!("Content-Length: {}\r\n\r\n{body}", body.len()),
        ]
        .concat();
        let laravel = Laravel::answering(answer).await;
        let relay = relay_before(&laravel.url).await;
        let reply = ask(&relay, "").await;
        assert_eq!(u64::from(reply.status), captured["status"].as_u64().expect("a status"), "{line}");
        assert_eq!(reply.body, body);
        assert_eq!(reply.header("content-type"), Some("text/x; charset=y"));
        for name in ["location", "retry-after"] {
            assert_eq!(reply.header(name), text(name), "{name} {line}");
        }
        assert_eq!(reply.head.matches("set-cookie: ").count(), 2, "{}", reply.head);
        for name in ["server", "keep-alive", "x-powered-by"] {
            assert_eq!(reply.header(name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn pages_are_allowed_what_the_backend_says_and_else_what_we_say() {
    let own = "HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: https://desk.example\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n\r\n";
    let without = "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 2\r\n\r\nno";
    for (answer, expected, credentials) in
        [(own, "https://desk.example", Some("true")), (without, "http://localhost:3000", None)]
    {
        let mut laravel = Laravel::answering(answer).await;
        let relay = relay_before(&laravel.url).await;
        let page = "Origin: http://localhost:3000\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization";
        let preflight = relay.http(&format!("OPTIONS /broadcasting/auth HTTP/1.1\r\n{page}"), b"").await;
        let asked = laravel.asked().await;
        assert_eq!(asked.header("access-control-request-headers"), Some("authorization"));
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-origin"), Some(expected));
        assert_eq!(preflight.header("access-control-allow-credentials"), credentials);
        let reply = ask(&relay, "\r\nOrigin: http://localhost:3000").await;
        assert_eq!(reply.header("access-control-allow-origin"), Some(expected));
        assert_eq!(reply.head.matches("access-control-allow-origin").count(), 1);
    }
}

#[tokio::test]
async fn whom_the_tokens_know_is_answered_here_and_all_others_there() {
    let mut laravel = Laravel::answering(GRANT).await;
    let tokens = "[[token]]\nname = \"sari\"\nrole = \"staff\"\ntoken = \"1|sari\"\n";
    let relay = relay_with(&laravel.url, |settings| {
        settings.tokens = Tokens::parse(tokens).expect("tokens").fixed();
    })
    .await;
    let known = ask(&relay, "\r\nAuthorization: Bearer 1|sari").await;
    assert_eq!(known.status, 200);
    assert_ne!(known.json()["auth"], "a-key:00");
    let head = "GET /api/user HTTP/1.1\r\nAuthorization: Bearer 1|sari";
    assert_eq!(relay.http(head, b"").await.json()["name"], "sari");
    assert!(laravel.asked.try_recv().is_err(), "the backend was asked for whom we know");
    for more in ["\r\nAuthorization: Bearer other", "", "\r\nCookie: laravel_session=x"] {
        assert_eq!(ask(&relay, more).await.json()["auth"], "a-key:00", "{more}");
        laravel.asked().await;
    }
    let login = "POST /api/login HTTP/1.1\r\nAuthorization: Bearer 1|sari\r\nContent-Type: application/json";
    assert_eq!(relay.http(login, b"{}").await.status, 200);
    assert!(laravel.asked().await.head.starts_with("POST /api/login"));
}

#[tokio::test]
async fn a_backend_that_is_not_there_or_says_too_much_is_told_with_what_to_do() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    let long = Laravel::answering(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(257 << 10))).await;
    let half = Laravel::answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    let cases = [
        (gone.parse().expect("a URL"), "is the backend running there"),
        ("http://no-such-host.invalid/".parse().expect("a URL"), "is the backend running there"),
        (long.url.clone(), "more than 256 KiB"),
        (half.url.clone(), "is the backend running there"),
    ];
    for (url, words) in cases {
        let relay = relay_before(&url).await;
        let reply = ask(&relay, "").await;
        assert_eq!(reply.status, 502, "{url}");
        let told = reply.json()["message"].as_str().expect("words").to_owned();
        assert!(told.contains(words) && told.contains(url.host_str().expect("a host")), "{told}");
        assert!(!told.contains("private-staff"), "{told}");
        // To others the backend's place is not told.
        let reply = ask(&relay, "\r\nX-Real-IP: 203.0.113.9").await;
        assert_eq!(reply.status, 502);
        assert!(!reply.body.contains(url.host_str().expect("a host")), "{}", reply.body);
    }
    let enough = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(256 << 10));
    let laravel = Laravel::answering(enough).await;
    assert_eq!(ask(&relay_before(&laravel.url).await, "").await.body.len(), 256 << 10);
}

#[tokio::test]
async fn a_backend_that_says_nothing_is_given_up_after_ten_seconds() {
    let mut laravel = Laravel::answering("").await;
    let relay = relay_before(&laravel.url).await;
    let reply = async { ask(&relay, "").await };
    let asked = async {
        laravel.asked().await;
        tokio::time::pause();
        tokio::time::Instant::now()
    };
    let (reply, start) = tokio::join!(reply, asked);
    assert!(start.elapsed() <= Duration::from_secs(11));
    assert_eq!(reply.status, 504);
    assert!(reply.body.contains("ten seconds"), "{}", reply.body);
}

#[tokio::test]
async fn who_asks_when_all_places_are_taken_is_asked_to_come_again() {
    let mut laravel = Laravel::answering("").await;
    let relay = relay_before(&laravel.url).await;
    let waiting: Vec<_> = {
        let mut streams = Vec::new();
        for _ in 0..256 {
            let mut stream = TcpStream::connect(relay.address).await.expect("connected");
            let head = "GET /broadcasting/auth HTTP/1.1\r\nHost: localhost\r\n\r\n";
            stream.write_all(head.as_bytes()).await.expect("asked");
            laravel.asked().await;
            streams.push(stream);
        }
        streams
    };
    let reply = ask(&relay, "").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    drop(waiting);
}

#[tokio::test]
async fn a_way_that_leads_back_here_ends_at_once() {
    // A door before the relay, as a proxy would be: it is what the relay is told to ask.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let door: Url = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
    let relay = relay_before(&door).await;
    let address = relay.address;
    let passed = Arc::new(Mutex::new(0));
    let count = Arc::clone(&passed);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            *count.lock().expect("no panic") += 1;
            tokio::spawn(async move {
                let mut relay = TcpStream::connect(address).await.expect("connected");
                tokio::io::copy_bidirectional(&mut stream, &mut relay).await.ok();
            });
        }
    });
    let reply = ask(&relay, "").await;
    assert_eq!(reply.status, 508);
    assert!(reply.body.contains("the relay itself"), "{}", reply.body);
    assert_eq!(*passed.lock().expect("no panic"), 1);
}
