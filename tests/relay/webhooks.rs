//! What a webhook's receiver sees: over real connections, mostly on a clock of the test's own.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use frontdesk::protocol::ChannelName;
use frontdesk::protocol::peer::SocketId;
use frontdesk::relay::metrics::{Metrics, Snapshot};
use frontdesk::relay::webhooks::{Headers, Kind};
use frontdesk::relay::{Fact, Hooks, Webhook};
use frontdesk::time::{self, Clock};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::{KEY, Running, SECRET, options};

/// How a receiver treats one request.
#[derive(Clone, Debug)]
enum Answer {
    /// Says this, byte for byte, and listens on.
    Says(&'static str),
    /// Says this and closes.
    SaysAndCloses(&'static str),
    /// Says this and then one byte after the other for ever.
    SaysWithoutEnd(&'static str),
    /// Says nothing, and keeps the line.
    Nothing,
}

const GOOD: Answer = Answer::Says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
const BROKEN: Answer = Answer::Says("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 6\r\n\r\nbroken");

/// A request as it came.
#[derive(Clone, Debug)]
struct Request {
    head: String,
    body: String,
    at: Instant,
}

impl Request {
    fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    fn events(&self) -> Vec<serde_json::Value> {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        body["events"].as_array().expect("a list").clone()
    }

    /// `name` and what it is about, of each event.
    fn told(&self) -> Vec<String> {
        let words = |event: &serde_json::Value| {
            let channel = event["channel"].as_str().expect("a channel");
            let user = event["user_id"].as_str().map(|user| format!(" {user}")).unwrap_or_default();
            format!("{} {channel}{user}", event["name"].as_str().expect("a name"))
        };
        self.events().iter().map(words).collect()
    }
}

/// Who listens at a webhook's address.
struct Receiver {
    place: String,
    requests: mpsc::Receiver<Request>,
    script: Arc<Mutex<VecDeque<Answer>>>,
    opened: Instant,
}

impl Receiver {
    /// Treats the first requests as the script says, and all after it well.
    async fn open(script: impl IntoIterator<Item = Answer>) -> Self {
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

    fn hook(&self, events: &[Kind]) -> Webhook {
        Webhook::new(&format!("{}/hook/471147?token=hunter2", self.place))
            .expect("an address")
            .only(events.to_vec())
    }

    async fn request(&mut self) -> Request {
        let hour = Duration::from_secs(3600);
        tokio::time::timeout(hour, self.requests.recv()).await.expect("a request").expect("a receiver")
    }

    /// What came until nothing has come for as long.
    async fn requests_until_quiet(&mut self, quiet: Duration) -> Vec<Request> {
        let mut requests = Vec::new();
        while let Ok(Some(request)) = tokio::time::timeout(quiet, self.requests.recv()).await {
            requests.push(request);
        }
        requests
    }
}

async fn serve(
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

async fn next_request(stream: &mut (impl AsyncRead + Unpin), read: &mut Vec<u8>) -> Option<(String, String)> {
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
fn hmac(secret: &str, text: &str) -> String {
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
struct App {
    hooks: Hooks,
    metrics: Arc<Metrics>,
    clock: Clock,
}

impl App {
    fn open(webhooks: &[Webhook]) -> Self {
        Self::trusting(None, webhooks)
    }

    fn trusting(ca_file: Option<PathBuf>, webhooks: &[Webhook]) -> Self {
        let metrics = Arc::new(Metrics::default());
        let clock = Clock::manual("2024-01-15T08:05:00Z".parse().expect("a time"));
        let secret = SecretString::from(SECRET);
        let hooks = Hooks::open(webhooks, KEY, &secret, ca_file, &metrics, clock.clone());
        Self { hooks, metrics, clock }
    }

    fn tell(&self, fact: Fact) {
        self.hooks.tell(fact);
    }

    fn counted(&self) -> Snapshot {
        self.metrics.snapshot()
    }
}

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).expect(text)
}

fn occupied(channel: &str) -> Fact {
    Fact::ChannelOccupied { channel: name(channel) }
}

fn vacated(channel: &str) -> Fact {
    Fact::ChannelVacated { channel: name(channel) }
}

fn added(user_id: &str) -> Fact {
    Fact::MemberAdded { channel: name("presence-x"), user_id: user_id.into() }
}

fn removed(user_id: &str) -> Fact {
    Fact::MemberRemoved { channel: name("presence-x"), user_id: user_id.into() }
}

fn missed(n: usize) -> Fact {
    Fact::CacheMiss { channel: name(&format!("cache-{n}")) }
}

fn client_event(data: &str) -> Fact {
    Fact::ClientEvent {
        channel: name("presence-x"),
        event: "client-typing".into(),
        data: data.into(),
        socket_id: SocketId(1, 2),
        user_id: Some("7".into()),
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn a_request_is_signed_over_its_very_bytes_and_says_what_pushers_libraries_insist_on() {
    let mut receiver = Receiver::open([]).await;
    let app = App::open(&[receiver.hook(&[])]);
    app.tell(client_event(r#"{"ü": "\u00fc"}"#));
    let request = receiver.request().await;
    assert!(request.head.starts_with("POST /hook/471147?token=hunter2 HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("Content-Type"), ["application/json"]);
    assert_eq!(request.header("X-Pusher-Key"), [KEY]);
    assert_eq!(request.header("X-Pusher-Signature"), [hmac(SECRET, &request.body)]);
    assert!(request.header("User-Agent")[0].starts_with("frontdesk/"));
    assert_eq!(
        request.body,
        r#"{"time_ms":1705305900000,"events":[{"name":"client_event","channel":"presence-x","event":"client-typing","data":"{\"ü\": \"\\u00fc\"}","socket_id":"1.2","user_id":"7"}]}"#
    );
}

#[tokio::test(start_paused = true)]
async fn each_webhook_hears_of_its_own_events_alone_and_signs_what_it_is_sent() {
    let mut all = Receiver::open([]).await;
    let mut one = Receiver::open([]).await;
    let mut none = Receiver::open([]).await;
    let app = App::open(&[
        all.hook(&[]),
        one.hook(&[Kind::ChannelOccupied]),
        none.hook(&[Kind::SubscriptionCount]),
    ]);
    for fact in [occupied("presence-x"), added("7"), client_event("1"), missed(1)] {
        app.tell(fact);
    }
    let (all, one) = (all.request().await, one.request().await);
    assert_eq!(
        all.told(),
        [
            "channel_occupied presence-x",
            "member_added presence-x 7",
            "client_event presence-x 7",
            "cache_miss cache-1"
        ]
    );
    assert_eq!(one.told(), ["channel_occupied presence-x"]);
    for request in [all, one] {
        assert_eq!(request.header("X-Pusher-Signature"), [hmac(SECRET, &request.body)]);
    }
    assert!(none.requests_until_quiet(millis(1000)).await.is_empty());
    assert_eq!((app.counted().webhook_events_sent, app.counted().webhook_events_waiting), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn headers_of_the_settings_go_along() {
    let mut receiver = Receiver::open([]).await;
    let mut headers = Headers::default();
    headers.add("X-Gate", &"open sesame".into()).expect("a header");
    let app = App::open(&[receiver.hook(&[]).with_headers(headers)]);
    app.tell(missed(1));
    assert_eq!(receiver.request().await.header("x-gate"), ["open sesame"]);
}

#[tokio::test(start_paused = true)]
async fn with_the_last_of_its_hooks_an_app_falls_silent() {
    let mut receiver = Receiver::open([]).await;
    App::open(&[receiver.hook(&[])]).tell(missed(1));
    assert!(receiver.requests_until_quiet(millis(60_000)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn comings_are_told_at_once_and_goings_after_three_seconds_without_a_return() {
    let mut receiver = Receiver::open([]).await;
    let app = App::open(&[receiver.hook(&[])]);
    app.tell(occupied("presence-x"));
    app.tell(added("7"));
    app.tell(added("8"));
    let came = receiver.request().await;
    assert_eq!(came.events().len(), 3);
    assert_eq!(came.at - receiver.opened, millis(50));
    // A page is reloaded, and takes two seconds for it.
    app.tell(removed("7"));
    tokio::time::sleep(millis(2000)).await;
    app.tell(added("7"));
    assert!(receiver.requests_until_quiet(millis(10_000)).await.is_empty());
    let left = time::monotonic();
    for fact in [removed("7"), removed("8"), vacated("presence-x")] {
        app.tell(fact);
    }
    let went = receiver.request().await;
    assert_eq!(
        went.told(),
        ["member_removed presence-x 7", "member_removed presence-x 8", "channel_vacated presence-x"]
    );
    assert_eq!(time::monotonic() - left, millis(3050));
}

#[tokio::test(start_paused = true)]
async fn who_is_told_of_comings_alone_is_told_of_each_once() {
    let mut receiver = Receiver::open([]).await;
    let app = App::open(&[receiver.hook(&[Kind::ChannelOccupied])]);
    for pause in [0, 1000, 2000, 4000] {
        tokio::time::sleep(millis(pause)).await;
        app.tell(occupied("a"));
        app.tell(vacated("a"));
    }
    let told: Vec<_> =
        receiver.requests_until_quiet(millis(10_000)).await.iter().flat_map(Request::told).collect();
    assert_eq!(told, ["channel_occupied a", "channel_occupied a"]);
}

#[tokio::test(start_paused = true)]
async fn many_events_travel_in_batches_one_request_at_a_time_and_in_order() {
    let mut receiver = Receiver::open([]).await;
    let app = App::open(&[receiver.hook(&[])]);
    (0..250).for_each(|n| app.tell(missed(n)));
    app.clock.set("2024-01-15T08:05:01Z".parse().expect("a time"));
    app.tell(missed(250));
    let requests = receiver.requests_until_quiet(millis(1000)).await;
    assert_eq!(requests.iter().map(|r| r.events().len()).collect::<Vec<_>>(), [100, 100, 51]);
    let told: Vec<_> = requests.iter().flat_map(Request::told).collect();
    assert_eq!(told, (0..=250).map(|n| format!("cache_miss cache-{n}")).collect::<Vec<_>>());
    assert!(requests[2].body.starts_with(r#"{"time_ms":1705305901000,"#), "the time of the last");
}

/// A relay whose app tells this receiver of everything.
async fn relay_telling(receiver: &Receiver) -> Running {
    let mut options = options();
    options.apps[0].webhooks = vec![receiver.hook(&[])];
    options.apps[0].subscription_count = true;
    Running::start_with(options).await
}

#[tokio::test(start_paused = true)]
async fn a_relay_tells_what_its_clients_do() {
    let mut receiver = Receiver::open([]).await;
    let relay = relay_telling(&receiver).await;
    let (mut one, mut two) = (relay.desk().await, relay.desk().await);
    one.subscribe("private-cache-a").await;
    one.enter("presence-x", r#"{"user_id":7}"#).await;
    two.enter("presence-x", r#"{"user_id":"7"}"#).await;
    one.trigger("presence-x", "client-typing", r#"{"a":1}"#).await;
    assert_eq!(two.event().await.data, r#"{"a":1}"#);
    one.leave().await;
    let mut told: Vec<_> =
        receiver.requests_until_quiet(millis(10_000)).await.iter().flat_map(Request::told).collect();
    let vacated = told.pop();
    assert_eq!(
        told,
        [
            "channel_occupied private-cache-a",
            "cache_miss private-cache-a",
            "subscription_count private-cache-a",
            "channel_occupied presence-x",
            "member_added presence-x 7",
            "client_event presence-x 7",
        ]
    );
    assert_eq!(vacated.as_deref(), Some("channel_vacated private-cache-a"));
    two.leave().await;
    let mut told: Vec<_> =
        receiver.requests_until_quiet(millis(10_000)).await.iter().flat_map(Request::told).collect();
    told.sort();
    assert_eq!(told, ["channel_vacated presence-x", "member_removed presence-x 7"]);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_goes_away_tells_nobody_that_all_have_left() {
    let mut receiver = Receiver::open([]).await;
    let mut relay = relay_telling(&receiver).await;
    let mut desk = relay.desk().await;
    desk.enter("presence-x", r#"{"user_id":"7"}"#).await;
    let _ = receiver.request().await;
    relay.stop();
    assert_eq!(desk.closed().await.0, 4200);
    drop(desk);
    relay.ended().await.expect("a clean end");
    let requests = receiver.requests_until_quiet(millis(60_000)).await;
    assert_eq!(requests.iter().flat_map(Request::told).collect::<Vec<_>>(), Vec::<String>::new());
}

/// Whatever is no 2xx, and must be tried again.
const FAILURES: &[Answer] = &[
    BROKEN,
    Answer::Says("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    Answer::Says("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"),
    Answer::Says("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"),
    Answer::Says("HTTP/1.1 304 Not Modified\r\n\r\n"),
    Answer::SaysAndCloses(""),
    Answer::SaysAndCloses("HTTP/1.1 2"),
    Answer::SaysAndCloses("HTTP/1.1 200 OK\r\nContent-Le"),
    Answer::SaysAndCloses("SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    Answer::SaysAndCloses("\0\u{1}\u{2}"),
    Answer::SaysAndCloses("HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\nzz"),
    Answer::SaysWithoutEnd("HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n"),
    Answer::Nothing,
];

#[tokio::test(start_paused = true)]
async fn after_every_failure_the_same_bytes_are_sent_again_and_the_others_wait_behind() {
    for failure in FAILURES {
        let mut receiver = Receiver::open([failure.clone()]).await;
        let app = App::open(&[receiver.hook(&[])]);
        app.tell(missed(0));
        let first = receiver.request().await;
        (1..=3).for_each(|n| app.tell(missed(n)));
        let then = receiver.requests_until_quiet(millis(60_000)).await;
        let bodies: Vec<_> = then.iter().map(|request| request.told().len()).collect();
        assert_eq!(bodies, [1, 3], "{failure:?}");
        assert_eq!(then[0].body, first.body, "{failure:?}");
        assert_eq!(then[0].header("X-Pusher-Signature"), first.header("X-Pusher-Signature"), "{failure:?}");
        let counted = app.counted();
        assert_eq!((counted.webhook_events_sent, counted.webhook_failed_tries), (4, 1), "{failure:?}");
        assert_eq!((counted.webhook_events_waiting, counted.webhook_events_dropped), (0, 0), "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_in_whatever_order_nothing_is_lost_or_told_twice_or_out_of_order() {
    let script: Vec<_> =
        FAILURES.iter().flat_map(|failure| [failure.clone(), GOOD, failure.clone()]).collect();
    let mut receiver = Receiver::open(script).await;
    let app = App::open(&[receiver.hook(&[])]);
    for n in 0..400 {
        app.tell(missed(n));
        tokio::time::sleep(millis(100)).await;
    }
    let requests = receiver.requests_until_quiet(millis(600_000)).await;
    assert!(receiver.script.lock().expect("no panic").is_empty(), "every failure came");
    // A request that failed is followed by itself; so what came without the repetitions is what was told.
    let mut told = Vec::new();
    for (n, request) in requests.iter().enumerate() {
        if requests.get(n + 1).is_none_or(|next| next.body != request.body) {
            told.extend(request.told());
        }
    }
    assert_eq!(told, (0..400).map(|n| format!("cache_miss cache-{n}")).collect::<Vec<_>>());
    assert_eq!(app.counted().webhook_failed_tries, 2 * FAILURES.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_a_failure_and_is_never_followed() {
    // The address that is redirected to is written into the answer, which outlives the test.
    let mut elsewhere = Receiver::open([]).await;
    for code in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let answer =
            format!("HTTP/1.1 {code}\r\nLocation: {}/x\r\nContent-Length: 0\r\n\r\n", elsewhere.place);
        let mut receiver = Receiver::open([Answer::Says(answer.leak())]).await;
        let app = App::open(&[receiver.hook(&[])]);
        app.tell(missed(0));
        assert_eq!(receiver.requests_until_quiet(millis(60_000)).await.len(), 2, "{code}");
        assert_eq!(app.counted().webhook_failed_tries, 1);
    }
    assert!(elsewhere.requests_until_quiet(millis(1000)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_never_answers_costs_ten_seconds_a_try_five_minutes_in_all_and_nobody_else() {
    let mut dead = Receiver::open(std::iter::repeat_n(Answer::Nothing, 1000)).await;
    let mut alive = Receiver::open([]).await;
    let app = App::open(&[dead.hook(&[]), alive.hook(&[])]);
    app.tell(missed(0));
    assert_eq!(alive.request().await.at - alive.opened, millis(50));
    let first = dead.request().await;
    app.tell(missed(1));
    assert_eq!(alive.request().await.told(), ["cache_miss cache-1"]);
    let mut tries = vec![first];
    let second = loop {
        let request = dead.request().await;
        if request.told() == ["cache_miss cache-1"] {
            break request;
        }
        tries.push(request);
    };
    assert_eq!(app.counted().webhook_events_given_up, 1);
    assert_eq!(app.counted().webhook_events_waiting, 1);
    for pair in tries.windows(2) {
        let gap = pair[1].at - pair[0].at;
        assert!(gap >= millis(10_000) && gap <= millis(40_100), "{gap:?}");
    }
    let (began, last) = (tries[0].at, tries[tries.len() - 1].at);
    assert!(tries.len() > 10, "{}", tries.len());
    assert!(last - began <= millis(300_000), "no try begins after five minutes");
    assert!(second.at - began >= millis(250_000), "and they are used");
}

#[tokio::test(start_paused = true)]
async fn tries_are_spread_and_grow_rarer() {
    let mut receiver = Receiver::open(std::iter::repeat_n(BROKEN, 1000)).await;
    let app = App::open(&[receiver.hook(&[])]);
    app.tell(missed(0));
    let tries = receiver.requests_until_quiet(millis(100_000)).await;
    assert!((20..200).contains(&tries.len()), "{}", tries.len());
    assert!(tries[1].at - tries[0].at <= millis(501));
    let gaps: Vec<_> = tries.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(gaps.iter().all(|gap| *gap <= millis(30_001)), "{gaps:?}");
    let even = gaps.iter().all(|gap| *gap == gaps[0]);
    assert!(!even, "there is jitter: {gaps:?}");
    assert_eq!(app.counted().webhook_events_given_up, 1);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_a_queue_is_lost_oldest_first_and_counted() {
    let mut receiver = Receiver::open([Answer::Nothing]).await;
    let app = App::open(&[receiver.hook(&[])]);
    app.tell(missed(0));
    let _ = receiver.request().await;
    (1..=10_005).for_each(|n| app.tell(missed(n)));
    let counted = app.counted();
    assert_eq!((counted.webhook_events_dropped, counted.webhook_events_waiting), (5, 10_001));
    let requests = receiver.requests_until_quiet(millis(30_000)).await;
    let told: Vec<_> = requests.iter().skip(1).flat_map(Request::told).collect();
    assert_eq!(told, (6..=10_005).map(|n| format!("cache_miss cache-{n}")).collect::<Vec<_>>());
    assert_eq!((app.counted().webhook_events_sent, app.counted().webhook_events_waiting), (10_001, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let good = Answer::SaysWithoutEnd("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut receiver = Receiver::open([good]).await;
    let app = App::open(&[receiver.hook(&[])]);
    app.tell(missed(0));
    let first = receiver.request().await;
    app.tell(missed(1));
    let second = receiver.request().await;
    assert_eq!(second.told(), ["cache_miss cache-1"], "a 200 is a 200");
    assert!(second.at - first.at <= millis(1500), "{:?}", second.at - first.at);
}

#[tokio::test(start_paused = true)]
async fn a_drain_tells_nobody_that_all_have_left_but_what_had_happened_before() {
    let mut receiver = Receiver::open([]).await;
    let app = App::open(&[receiver.hook(&[])]);
    for fact in [occupied("a"), occupied("presence-x"), added("7"), added("8")] {
        app.tell(fact);
    }
    let _ = receiver.request().await;
    app.tell(removed("8"));
    tokio::time::sleep(millis(1000)).await;
    app.hooks.drain();
    for fact in [removed("7"), vacated("presence-x"), vacated("a"), client_event("1")] {
        app.tell(fact);
    }
    let before = time::monotonic();
    app.hooks.finish().await;
    assert!(time::monotonic() - before < millis(50), "there is nothing to wait for");
    drop(app);
    let told: Vec<_> =
        receiver.requests_until_quiet(millis(10_000)).await.iter().flat_map(Request::told).collect();
    assert_eq!(told, ["member_removed presence-x 8", "client_event presence-x 7"]);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_what_waits_has_two_seconds_and_whoever_is_down_does_not_hold_the_relay_up() {
    let mut dead = Receiver::open(std::iter::repeat_n(Answer::Nothing, 100)).await;
    let mut back = Receiver::open(std::iter::repeat_n(BROKEN, 20)).await;
    let app = App::open(&[dead.hook(&[]), back.hook(&[])]);
    app.tell(missed(0));
    let _ = dead.request().await;
    // One is refused until now, and in the middle of its wait for another try.
    while !back.script.lock().expect("no panic").is_empty() {
        let _ = back.request().await;
    }
    tokio::time::sleep(millis(1)).await;
    app.hooks.drain();
    let before = time::monotonic();
    app.hooks.finish().await;
    let took = time::monotonic() - before;
    assert!(took >= millis(2000) && took < millis(2050), "{took:?}");
    assert_eq!(back.requests.try_recv().expect("told at last").told(), ["cache_miss cache-0"]);
    assert_eq!(app.counted().webhook_events_waiting, 1);
}

#[tokio::test]
async fn names_are_resolved_and_tls_trusts_the_authority_of_the_settings_and_nobody_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    for (host, ca_file, trusted) in [
        ("localhost", Some("ca.pem"), true),
        ("localhost", None, false),
        ("127.0.0.1", Some("ca.pem"), false),
    ] {
        let (port, mut requests) = tls_receiver(&folder).await;
        let hook = Webhook::new(&format!("https://{host}:{port}/")).expect("an address");
        let app = App::trusting(ca_file.map(|name| folder.join(name)), &[hook]);
        app.tell(missed(0));
        if trusted {
            let request = requests.recv().await.expect("a request");
            assert_eq!(request.header("X-Pusher-Signature"), [hmac(SECRET, &request.body)]);
        } else {
            while app.counted().webhook_failed_tries == 0 {
                tokio::task::yield_now().await;
            }
            assert!(requests.try_recv().is_err(), "{host}");
        }
    }
}

async fn tls_receiver(folder: &Path) -> (u16, mpsc::Receiver<Request>) {
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

#[tokio::test(start_paused = true)]
async fn an_outage_is_one_warning_and_its_end_a_line_and_no_line_holds_a_secret_or_a_payload() {
    keep_lines();
    let script = std::iter::repeat_n(BROKEN, 4).chain([Answer::Says(
        "HTTP/1.1 302 Found\r\nLocation: http://localhost/x\r\nContent-Length: 0\r\n\r\n",
    )]);
    let mut receiver = Receiver::open(script).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address")
    };
    let nobody = Webhook::new(&format!("http://{closed}/hook/471147?token=hunter2"));
    let app = App::open(&[receiver.hook(&[]), nobody.expect("an address")]);
    app.tell(client_event(r#""swordfish""#));
    assert_eq!(receiver.requests_until_quiet(millis(400_000)).await.len(), 6);
    let text = LINES.with_borrow(|lines| String::from_utf8(lines.clone()).expect("text"));
    let about = |place: &str, level: &str| {
        text.lines().filter(|line| line.contains(place) && line.contains(level)).count()
    };
    let nobody = format!("http://{closed}");
    assert_eq!((about(&receiver.place, "WARN"), about(&receiver.place, "INFO")), (1, 1), "{text}");
    assert_eq!((about(&nobody, "WARN"), about(&nobody, "INFO")), (2, 0), "{text}");
    assert!(text.contains("answered 500") && text.contains("given up"), "{text}");
    for secret in ["471147", "hunter2", "swordfish", SECRET] {
        assert!(!text.contains(secret), "{text}");
    }
}

thread_local! {
    /// The log lines of this thread, which is this test's: each runs on one of its own.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Keeps log lines from now on. Of all threads: a subscriber of one thread alone misses the lines that another
/// thread came by first.
fn keep_lines() {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(|| Lines)
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the only one in this process");
}

struct Lines;

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
