//! The client against our own relay, over a way that can be cut: what was missed comes, and comes once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use frontdesk::client::{Event, GapReason, Heard, NameState, Options, Recovery, State, Token, Topic};
use frontdesk::protocol::{Subscription, sign};
use frontdesk::relay::{self, App, Role, Tokens};
use frontdesk::time::Clock;
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use crate::stage::{Listener, soon};

const KEY: &str = "a-key";
const SECRET: &str = "a-secret-of-more-than-16-bytes";
const TOKEN: &str = "an-admin-token";

/// A relay, and a way to it that can be cut.
struct Venue {
    relay: SocketAddr,
    way: SocketAddr,
    open: Arc<AtomicBool>,
    cuts: watch::Sender<u64>,
}

impl Venue {
    async fn open(history: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let relay = listener.local_addr().expect("an address");
        let options = relay::Options {
            apps: vec![App::new("1001", KEY, SecretString::from(SECRET))],
            tokens: Tokens::default().with("sari", Role::Admin, &SecretString::from(TOKEN)).fixed(),
            auth_forward: None,
            history,
            engine: relay::Engine::Memory,
            guard: vec![Subscription::parse("staff").expect("a name")],
            ca_file: None,
            clock: Clock::system(),
        };
        tokio::spawn(relay::run(vec![listener], options, std::future::pending()));

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let way = listener.local_addr().expect("an address");
        let open = Arc::new(AtomicBool::new(true));
        let cuts = watch::Sender::new(0);
        let (passable, cut) = (Arc::clone(&open), cuts.subscribe());
        tokio::spawn(async move {
            while let Ok((mut desk, _)) = listener.accept().await {
                if !passable.load(Ordering::Relaxed) {
                    continue;
                }
                let mut cut = cut.clone();
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(relay).await.expect("connected");
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut desk, &mut server) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { relay, way, open, cuts }
    }

    fn cut(&self) {
        self.open.store(false, Ordering::Relaxed);
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    fn mend(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    async fn publish(&self, channel: &str, data: &str) {
        let body = serde_json::json!({"name": "E", "channel": channel, "data": data}).to_string();
        let path = "/apps/1001/events";
        let query = [
            ("auth_key", KEY.to_owned()),
            ("auth_timestamp", Clock::system().now().as_second().to_string()),
            ("auth_version", "1.0".to_owned()),
            ("body_md5", sign::body_md5(body.as_bytes())),
        ];
        let mut query: Vec<_> = query.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let signature = sign::sign(SECRET, &sign::request_text("POST", path, &query));
        query.push(("auth_signature".into(), signature));
        let http = frontdesk::tls::http_client(None).expect("a client");
        let url = format!("http://{}{path}", self.relay);
        let reply = http.post(url).query(&query).body(body).send().await.expect("an answer");
        assert_eq!(reply.status(), 200);
    }

    fn listen(&self, topics: &[&str]) -> Listener {
        Listener::open(self.options(topics))
    }

    fn options(&self, topics: &[&str]) -> Options {
        let endpoint = format!("http://{}/api/broadcasting/auth", self.relay);
        Options {
            url: Url::parse(&format!("ws://{}", self.way)).expect("a URL"),
            key: KEY.into(),
            topics: topics.iter().map(|topic| Topic::parse(topic).expect(topic)).collect(),
            auth_endpoint: Some(Url::parse(&endpoint).expect("a URL")),
            token: Some(Token { secret: SecretString::from(TOKEN), origin: None }),
            native: true,
            insecure_auth: false,
            ca_file: None,
            names: std::collections::BTreeMap::new(),
            resume: None,
        }
    }
}

/// Everything that is told until the outage is over.
async fn return_of(listener: &mut Listener) -> (Vec<String>, Vec<GapReason>, Recovery) {
    let (mut events, mut gaps) = (Vec::new(), Vec::new());
    let back = listener.until("the return", |event| match event {
        Event::Heard(Heard { data, .. }) => {
            events.push(data);
            None
        }
        Event::Gap(gap) => {
            gaps.push(gap.reason);
            None
        }
        Event::Back(back) => Some(back),
        Event::Odd(odd) => panic!("{odd:?}"),
        Event::Link(_) | Event::Topic(_) => None,
    });
    let back = back.await;
    (events, gaps, back)
}

#[tokio::test]
async fn every_topic_is_heard_by_its_private_and_its_public_name() {
    let venue = Venue::open(Duration::from_secs(3600)).await;
    let mut listener = venue.listen(&["availability", "staff", "booking.*"]);
    let facts = listener.state(State::Live).await;
    assert!(facts.server.ours);
    for (channel, data) in
        [("availability", "1"), ("private-staff", "2"), ("staff", "3"), ("private-booking.7", "4")]
    {
        venue.publish(channel, data).await;
        let heard = listener
            .until("the event", |event| if let Event::Heard(heard) = event { Some(heard) } else { None });
        let heard = heard.await;
        assert_eq!((heard.channel.expect("a channel").as_str(), heard.data.as_str()), (channel, data));
        assert!(heard.position.is_some());
    }
}

#[tokio::test]
async fn what_was_missed_comes_oldest_first_and_once() {
    let venue = Venue::open(Duration::from_secs(3600)).await;
    let mut listener = venue.listen(&["private-staff", "private-booking.*"]);
    listener.state(State::Live).await;
    for (channel, data) in [("private-staff", "1"), ("private-booking.7", "2")] {
        venue.publish(channel, data).await;
        listener.until("an event", |event| matches!(event, Event::Heard(_)).then_some(())).await;
    }
    venue.cut();
    listener.state(State::Waiting).await;
    for (channel, data) in [("private-booking.8", "3"), ("private-staff", "4"), ("private-booking.7", "5")] {
        venue.publish(channel, data).await;
    }
    venue.mend();
    listener.handle.retry_now();
    let (mut events, gaps, back) = return_of(&mut listener).await;
    assert!(gaps.is_empty(), "{gaps:?}");
    // Each subscription is in order; between them there is none.
    assert_eq!(events.iter().filter(|data| *data != "4").collect::<Vec<_>>(), ["3", "5"]);
    events.sort();
    assert_eq!(events, ["3", "4", "5"]);
    assert_eq!((back.recovered, back.complete), (3, true));
    listener.state(State::Live).await;
    venue.publish("private-staff", "6").await;
    let next = listener
        .until("the next", |event| if let Event::Heard(heard) = event { Some(heard.data) } else { None });
    assert_eq!(next.await, "6");
}

#[tokio::test]
async fn a_relay_that_keeps_nothing_leaves_gaps_with_a_reason() {
    let venue = Venue::open(Duration::ZERO).await;
    let mut listener = venue.listen(&["private-staff"]);
    listener.state(State::Live).await;
    venue.cut();
    listener.state(State::Waiting).await;
    venue.publish("private-staff", "1").await;
    venue.mend();
    listener.handle.retry_now();
    let (events, gaps, back) = return_of(&mut listener).await;
    assert!(events.is_empty());
    assert_eq!(gaps, [GapReason::Lost("expired".into())]);
    assert_eq!((back.recovered, back.complete), (0, false));
}

#[tokio::test]
async fn an_unknown_key_is_refused_by_name() {
    let venue = Venue::open(Duration::ZERO).await;
    let options = Options { key: "no-such-key".into(), ..venue.options(&["staff"]) };
    let mut listener = Listener::open(options);
    let facts = listener.state(State::Refused).await;
    assert_eq!(facts.cause.and_then(|cause| cause.code()), Some(4001));
}

#[tokio::test]
async fn a_wrong_token_is_told_by_name() {
    let venue = Venue::open(Duration::ZERO).await;
    let mut listener = venue.listen(&["private-staff"]);
    listener.state(State::Live).await;
    listener.handle.set_token(Some(Token { secret: SecretString::from("wrong"), origin: None }));
    venue.cut();
    venue.mend();
    let refused = |facts: &frontdesk::client::TopicFacts| facts.refused();
    let facts = soon("a refusal", listener.topic("a refusal", refused)).await;
    let NameState::Refused { why, .. } = &facts.names[0].state else { panic!("{facts:?}") };
    assert_eq!(why.status(), Some(401));
}
