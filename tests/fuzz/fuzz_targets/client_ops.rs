//! A client's text frames against the server's half: what it is told to do always fits what it did before.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use frontdesk::protocol::peer::{Full, Hello, Joined, Output, Peer, Rules, SocketId};
use frontdesk::protocol::{ClientOp, Epoch, Position, ServerOp, Subscription, sign};
use libfuzzer_sys::fuzz_target;

const KEY: &str = "key";
const SECRET: &str = "secret";
const ID: SocketId = SocketId(7, 7);
const SUBSCRIPTIONS: usize = 4;
const NAMES: [&str; 9] = [
    "admin",
    "booking.7",
    "booking.*",
    "private-a",
    "private-b.*",
    "presence-a",
    "presence-cache-b",
    "private-encrypted-a",
    "#server-to-user-7",
];

#[derive(Arbitrary, Debug)]
enum Step {
    Text(String),
    Subscribe { name: Result<u8, String>, signed: bool, channel_data: Option<Person>, fits: bool },
    Unsubscribe(Result<u8, String>),
    SignIn { user: Person, signed: bool },
    Event { name: String, channel: Result<u8, String>, data: String },
    Pong,
    Wait(u16),
}

#[derive(Arbitrary, Debug)]
enum Person {
    Known(u8),
    Text(String),
}

#[derive(Arbitrary, Debug)]
struct Input {
    native: bool,
    local: bool,
    switches: [bool; 3],
    steps: Vec<Step>,
}

fn name(name: &Result<u8, String>) -> String {
    match name {
        Ok(at) => NAMES[usize::from(*at) % NAMES.len()].to_owned(),
        Err(text) => text.clone(),
    }
}

impl Person {
    fn text(&self, id: &str) -> String {
        match self {
            Self::Known(user) => {
                serde_json::json!({id: user.to_string(), "user_info": {"n": user}, "watchlist": ["7"]})
                    .to_string()
            }
            Self::Text(text) => text.clone(),
        }
    }
}

struct World {
    peer: Peer,
    joined: BTreeMap<String, Option<String>>,
    closed: bool,
}

impl World {
    /// Does what the peer wants done; a channel may be full.
    fn act(&mut self, fits: bool, said: usize) {
        let mut outputs = 0;
        while let Some(output) = self.peer.poll() {
            assert!(!self.closed, "nothing follows the end: {output:?}");
            outputs += 1;
            match output {
                Output::Send(op) => Self::tell(&op, said),
                Output::Ping | Output::SignIn(_) => {}
                Output::Join { to, since, member } => self.join(&to, since, member, fits, said),
                Output::Again(to) => {
                    assert!(self.joined.contains_key(&to.to_string()));
                    Self::tell(&self.peer.again(&to, None), said);
                }
                Output::Leave { from, user_id } => {
                    assert_eq!(self.joined.remove(&from.to_string()), Some(user_id), "who leaves was there");
                }
                Output::Pass { channel, user_id, .. } => {
                    assert_eq!(self.joined.get(channel.as_str()), Some(&user_id), "who speaks is there");
                }
                Output::Close(..) => self.closed = true,
            }
        }
        assert!(outputs <= 4, "one frame has {outputs} consequences");
        assert!(self.joined.len() <= SUBSCRIPTIONS);
        let told = self.peer.subscriptions().map(|(to, user)| (to.to_string(), user.map(str::to_owned)));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), self.joined);
    }

    fn join(
        &mut self,
        to: &Subscription,
        since: Option<Position>,
        member: Option<frontdesk::protocol::Member>,
        fits: bool,
        said: usize,
    ) {
        if member.is_some() && !fits {
            Self::tell(&self.peer.not_joined(to, Full { limit: 1 }), said);
            return;
        }
        let head = Position { epoch: Epoch(1), offset: 9 };
        for op in self.peer.joined(to, since, Joined { head, missed: None }, None) {
            Self::tell(&op, said);
        }
        assert!(
            self.joined.insert(to.to_string(), member.map(|member| member.user_id)).is_none(),
            "{to} twice"
        );
    }

    fn tell(op: &ServerOp, said: usize) {
        let text = op.encode();
        assert!(text.len() <= 2 * said + 512, "{said} bytes are answered by {}", text.len());
        assert!(ServerOp::parse(&text).is_ok(), "{text}");
    }
}

fuzz_target!(|input: Input| {
    let [client_events, user_authentication, watchlist] = input.switches;
    let rules = Rules {
        key: KEY.into(),
        secret: SECRET.into(),
        guard: ["admin", "booking.*"].map(|name| Subscription::parse(name).unwrap()).to_vec(),
        channel_name: 40,
        subscriptions: SUBSCRIPTIONS,
        failed_auths: 5,
        client_events,
        client_events_per_second: 3,
        event_name: 30,
        event_kb: 1,
        presence_user_kb: 1,
        user_authentication,
        watchlist,
    };
    let mut now = frontdesk::time::monotonic();
    let hello = Hello { protocol: None, native: input.native, local: input.local };
    let peer = Peer::open(Arc::new(rules), hello, ID, now).expect("let in");
    let mut world = World { peer, joined: BTreeMap::new(), closed: false };
    world.act(true, 0);
    for step in input.steps {
        let mut fits = true;
        let text = match step {
            Step::Text(text) => text,
            Step::Subscribe { name: asked, signed, channel_data, fits: room } => {
                fits = room;
                let channel = name(&asked);
                let channel_data = channel_data.map(|person| person.text("user_id"));
                let text = sign::channel_text(&ID.to_string(), &channel, channel_data.as_deref());
                let auth = signed.then(|| sign::auth(KEY, SECRET, &text));
                ClientOp::Subscribe { channel, auth, channel_data, since: None }.encode()
            }
            Step::Unsubscribe(asked) => ClientOp::Unsubscribe { channel: name(&asked) }.encode(),
            Step::SignIn { user, signed } => {
                let user_data = user.text("id");
                let secret = if signed { SECRET } else { "another" };
                let auth = sign::auth(KEY, secret, &sign::user_text(&ID.to_string(), &user_data));
                ClientOp::Signin { auth, user_data }.encode()
            }
            Step::Event { name: event, channel, data } => {
                ClientOp::Event { event: format!("client-{event}"), channel: name(&channel), data }.encode()
            }
            Step::Pong => {
                world.peer.heard();
                continue;
            }
            Step::Wait(seconds) => {
                now += Duration::from_secs(seconds.into());
                let mut deadlines = BTreeSet::new();
                while world.peer.deadline() <= now && !world.closed {
                    assert!(deadlines.insert(world.peer.deadline()), "it waits for what has been");
                    world.peer.on_timeout(now);
                    world.act(true, 0);
                }
                continue;
            }
        };
        world.peer.handle(ClientOp::parse(&text), now);
        world.act(fits, text.len());
    }
});
