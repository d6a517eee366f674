//! Any mix of what a client may say, against the server's half: what it wants done always fits what was done
//! before, and nothing follows the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk::protocol::peer::{Full, Hello, Joined, Output, Peer, Rules, SocketId};
use frontdesk::protocol::{ClientOp, Epoch, Position, ServerOp, Subscription, sign};
use proptest::prelude::*;
use secrecy::SecretString;

const KEY: &str = "a-key";
const SECRET: &str = "a-secret";
const ID: SocketId = SocketId(7, 7);
const SUBSCRIPTIONS: usize = 4;
const REFUSALS: usize = 5;
const NAMES: [&str; 10] = [
    "open",
    "admin",
    "booking.*",
    "private-a",
    "private-b.*",
    "presence-a",
    "presence-b",
    "private-encrypted-a",
    "#server-to-user-1",
    "no name",
];

#[derive(Clone, Debug)]
enum Step {
    /// With a valid signature or none; as a user; and whether there is room for one more.
    Subscribe(&'static str, bool, Option<u8>, bool),
    Unsubscribe(&'static str),
    SignIn(u8, bool),
    Event(&'static str),
    Text(String),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let name = || prop::sample::select(NAMES.to_vec());
    let valid = || prop::bool::weighted(0.8);
    prop_oneof![
        6 => (name(), valid(), prop::option::of(0_u8..3), valid())
            .prop_map(|(name, signed, user, room)| Step::Subscribe(name, signed, user, room)),
        3 => name().prop_map(Step::Unsubscribe),
        1 => (0_u8..3, valid()).prop_map(|(user, signed)| Step::SignIn(user, signed)),
        2 => name().prop_map(Step::Event),
        1 => ".{0,40}".prop_map(Step::Text),
        1 => prop::sample::select(vec![
            r#"{"event":"pusher:subscribe"}"#,
            r#"{"event":"pusher:subscribe","data":null}"#,
            r#"{"event":"pusher:unsubscribe","data":{"channel":[[[]]]}}"#,
            r#"{"event":"pusher:ping","data":""}"#,
        ]).prop_map(|text| Step::Text(text.to_owned())),
        1 => (0_u16..70).prop_map(Step::Wait),
    ]
}

/// What should hold, told by what the peer wanted done.
struct World {
    peer: Peer,
    now: Instant,
    joined: BTreeMap<String, Option<String>>,
    user: Option<String>,
    refusals: usize,
    closed: bool,
}

impl World {
    fn open(hello: Hello<'_>) -> Self {
        let guard = ["admin", "booking.*"].map(|name| Subscription::parse(name).expect(name));
        let rules = Rules {
            key: KEY.into(),
            secret: SecretString::from(SECRET),
            guard: guard.to_vec(),
            channel_name: 40,
            subscriptions: SUBSCRIPTIONS,
            failed_auths: REFUSALS,
            client_events: true,
            client_events_per_second: 3,
            event_name: 30,
            event_kb: 1,
            presence_user_kb: 1,
            user_authentication: true,
            watchlist: true,
        };
        let now = frontdesk::time::monotonic();
        let peer = Peer::open(Arc::new(rules), hello, ID, now).expect("let in");
        let (joined, user) = (BTreeMap::new(), None);
        Self { peer, now, joined, user, refusals: 0, closed: false }
    }

    fn take(&mut self, step: Step) {
        let mut room = true;
        let text = match step {
            Step::Subscribe(name, signed, user, fits) => {
                room = fits;
                let channel_data = user.map(|user| format!(r#"{{"user_id":{user}}}"#));
                let text = sign::channel_text(&ID.to_string(), name, channel_data.as_deref());
                let auth = signed.then(|| sign::auth(KEY, SECRET, &text));
                ClientOp::Subscribe { channel: name.to_owned(), auth, channel_data, since: None }.encode()
            }
            Step::Unsubscribe(name) => ClientOp::Unsubscribe { channel: name.to_owned() }.encode(),
            Step::SignIn(user, signed) => {
                let user_data = format!(r#"{{"id":"{user}"}}"#);
                let text = sign::user_text(&ID.to_string(), &user_data);
                let auth = sign::auth(KEY, if signed { SECRET } else { "another" }, &text);
                ClientOp::Signin { auth, user_data }.encode()
            }
            Step::Event(name) => {
                let (event, channel) = ("client-x".to_owned(), name.to_owned());
                ClientOp::Event { event, channel, data: "{}".to_owned() }.encode()
            }
            Step::Text(text) => text,
            Step::Wait(seconds) => return self.wait(Duration::from_secs(seconds.into())),
        };
        self.peer.handle(ClientOp::parse(&text), self.now);
        self.act(room);
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while !self.closed && self.peer.deadline() <= until {
            self.now = self.peer.deadline();
            self.peer.on_timeout(self.now);
            self.act(true);
            assert!(self.closed || self.peer.deadline() > self.now, "it waits for what has been");
        }
        self.now = until;
    }

    fn act(&mut self, room: bool) {
        while let Some(output) = self.peer.poll() {
            assert!(!self.closed, "nothing follows the end: {output:?}");
            match output {
                Output::Send(op) => {
                    if let ServerOp::SubscriptionError { status: Some(401), .. } = op {
                        self.refusals += 1;
                    }
                    assert!(ServerOp::parse(&op.encode()).is_ok(), "{op:?}");
                }
                Output::Ping => {}
                Output::Join { to, member, .. } if member.is_some() && !room => {
                    self.peer.not_joined(&to, Full { limit: 1 });
                }
                Output::Join { to, since, member } => {
                    let head = Position { epoch: Epoch(1), offset: 9 };
                    let told = self.peer.joined(&to, since, Joined { head, missed: None }, None);
                    assert_eq!(told.len(), 1, "every join is answered");
                    let name = to.to_string();
                    assert_eq!(member.is_some(), name.starts_with("presence-"), "{name}");
                    let before = self.joined.insert(name, member.map(|member| member.user_id));
                    assert_eq!(before, None, "{to} is joined once");
                }
                Output::Again(to) => assert!(self.joined.contains_key(&to.to_string()), "{to}"),
                Output::Leave { from, user_id } => {
                    assert_eq!(self.joined.remove(&from.to_string()), Some(user_id), "who leaves was there");
                }
                Output::SignIn(user) => {
                    assert_eq!(self.user.replace(user.id), None, "a connection is one user's");
                }
                Output::Pass { channel, user_id, .. } => {
                    assert_eq!(self.joined.get(channel.as_str()), Some(&user_id), "who speaks is there");
                    assert!(!channel.as_str().starts_with("private-encrypted-"));
                }
                Output::Close(..) => self.closed = true,
            }
        }
        let told = self.peer.subscriptions().map(|(to, user)| (to.to_string(), user.map(str::to_owned)));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), self.joined);
        assert_eq!(self.peer.user().map(|user| &user.id), self.user.as_ref());
        assert!(self.joined.len() <= SUBSCRIPTIONS, "{:?}", self.joined);
        assert!(self.refusals < REFUSALS || self.closed, "who guesses is shown out");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_client_says_what_is_done_fits_what_was_done(
        native: bool, local: bool, steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut world = World::open(Hello { protocol: None, native, local });
        world.act(true);
        for step in steps {
            world.take(step);
        }
    }
}
