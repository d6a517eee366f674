//! What becomes of what a webhook does not take: on a clock of the test's own.

use std::cell::RefCell;

use frontdesk::relay::Webhook;
use frontdesk::time;
use tokio::net::TcpListener;

use crate::receiver::{Answer, App, BROKEN, GOOD, Receiver, Request, client_event, millis, missed};
use crate::support::SECRET;

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
