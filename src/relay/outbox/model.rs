//! Any mix of overlapping subscriptions, against a model of what they promise: each event once, in order.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::protocol::{ChannelName, Epoch, ServerOp};
use crate::relay::broker::Bounds;
use crate::relay::broker::memory::Memory;
use crate::relay::encode::Draft;
use crate::relay::hub::Hub;
use crate::relay::webhooks::Hooks;

const CHANNELS: [&str; 6] = ["a", "a.1", "a.2", "a.b.1", "a.b.2", "c"];
const SUBSCRIPTIONS: [&str; 6] = ["a.1", "a.b.1", "c", "a.*", "a.b.*", "a.2"];
const SOCKET: SocketId = SocketId(1, 2);

#[derive(Clone, Debug)]
enum Step {
    /// To a channel; some events are not for this connection.
    Publish(usize, bool),
    /// To a channel, kept nowhere.
    Pass(usize),
    /// A subscription, perhaps from so many 255ths of the history on.
    Join(usize, Option<u8>),
    Leave(usize),
    /// The socket has room for so many frames.
    Write(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (channel, subscription) = (0..CHANNELS.len(), 0..SUBSCRIPTIONS.len());
    let step = prop_oneof![
        10 => (channel.clone(), prop::bool::weighted(0.1)).prop_map(|(channel, not)| Step::Publish(channel, not)),
        1 => channel.prop_map(Step::Pass),
        3 => (subscription.clone(), any::<Option<u8>>()).prop_map(|(to, since)| Step::Join(to, since)),
        1 => subscription.prop_map(Step::Leave),
        4 => (1..4_usize).prop_map(Step::Write),
    ];
    prop::collection::vec(step, 1..150)
}

/// What a channel still owes.
#[derive(Debug)]
struct Promise {
    began: u64,
    due: VecDeque<u64>,
}

struct World {
    hub: Arc<Hub>,
    memory: Memory,
    outbox: Arc<Outbox>,
    joined: Vec<Subscription>,
    /// The offsets of what is for this connection, by channel.
    published: BTreeMap<ChannelName, Vec<u64>>,
    promised: BTreeMap<ChannelName, Promise>,
    head: u64,
    passed: u64,
    heard_passed: Vec<u64>,
}

fn channel(at: usize) -> ChannelName {
    ChannelName::parse(CHANNELS[at]).expect("a name")
}

impl World {
    fn new() -> Self {
        let hub = Arc::new(Hub::new(Arc::default(), Hooks::none()));
        let follower = Arc::clone(&hub);
        let bounds = Bounds::lasting(Duration::from_secs(3600));
        let memory = Memory::new(Epoch(1), bounds, Box::new(move |sealed| follower.fan_out(sealed)));
        let outbox = Arc::new(Outbox { most: 4, ..Outbox::new(SOCKET, true) });
        Self {
            hub,
            memory,
            outbox,
            joined: Vec::new(),
            published: CHANNELS.iter().enumerate().map(|(at, _)| (channel(at), Vec::new())).collect(),
            promised: BTreeMap::new(),
            head: 0,
            passed: 0,
            heard_passed: Vec::new(),
        }
    }

    fn publish(&mut self, channel: &ChannelName, not_for_it: bool) {
        let draft = Draft::new(channel.clone(), "X", "", not_for_it.then_some(SOCKET));
        let positions = self.memory.publish(vec![draft]).now_or_never().expect("at once").expect("kept");
        self.head = positions[0].offset;
        if not_for_it {
            return;
        }
        if let Some(promise) = self.promised.get_mut(channel) {
            promise.due.push_back(self.head);
        }
        self.published.get_mut(channel).expect("one of them").push(self.head);
    }

    fn pass(&mut self, channel: ChannelName) {
        self.passed += 1;
        self.memory.pass_on(Draft::new(channel, "Passed", &self.passed.to_string(), None));
    }

    fn join(&mut self, wanted: Subscription, since: Option<u64>) {
        if self.joined.contains(&wanted) {
            return;
        }
        let Self { hub, memory, outbox, .. } = self;
        let since = since.map(|offset| crate::protocol::Position { epoch: Epoch(1), offset });
        memory.join(&wanted, since, &mut |after, head| {
            outbox.join(&wanted, after, head);
            hub.join(&wanted, Arc::clone(outbox));
        });
        let since = since.map(|position| position.offset);
        for (channel, offsets) in &self.published {
            let before = self.promised.get(channel).map(|promise| promise.began);
            let again = match (before, since) {
                (None, _) => true,
                (Some(began), Some(since)) => since < began,
                (Some(_), None) => false,
            };
            if wanted.covers(channel) && again {
                let began = since.unwrap_or(self.head);
                let due = offsets.iter().copied().filter(|&offset| offset > began).collect();
                self.promised.insert(channel.clone(), Promise { began, due });
            }
        }
        self.joined.push(wanted);
    }

    fn leave(&mut self, left: &Subscription) {
        let Some(at) = self.joined.iter().position(|joined| joined == left) else { return };
        self.joined.remove(at);
        self.hub.leave(left, &self.outbox);
        self.outbox.leave(left);
        let Self { joined, promised, .. } = self;
        promised.retain(|channel, _| joined.iter().any(|joined| joined.covers(channel)));
    }

    /// Does what a socket does with room for so many frames; false when there was nothing to write.
    fn write(&mut self, most: usize) -> Result<bool, TestCaseError> {
        let mut frames = VecDeque::new();
        let taken = self.outbox.take(&mut frames, most, Waker::noop());
        let idle = frames.is_empty() && taken.behind.is_none();
        if let Some(cursor) = taken.behind {
            let room = most - frames.len();
            let served = self.outbox.serve(&cursor, &self.memory, &mut frames, room);
            prop_assert!(served.is_ok_and(|(served, fetch)| served <= room && fetch.is_none()));
        }
        for frame in &frames {
            self.hear(frame)?;
        }
        Ok(!idle)
    }

    fn hear(&mut self, frame: &Bytes) -> Result<(), TestCaseError> {
        let text = std::str::from_utf8(&frame[2..]).expect("a short frame");
        let Ok(ServerOp::Event { event, channel: Some(channel), data, position, .. }) = ServerOp::parse(text)
        else {
            panic!("no event: {text}");
        };
        let channel = ChannelName::parse(&channel).expect("a name");
        let Some(position) = position else {
            prop_assert_eq!(event, "Passed");
            let number = data.parse().expect("a number");
            prop_assert!(self.heard_passed.last().is_none_or(|&last| last < number), "once, and in order");
            self.heard_passed.push(number);
            return Ok(());
        };
        let due = self.promised.get_mut(&channel).and_then(|promise| promise.due.pop_front());
        prop_assert_eq!(due, Some(position.offset), "{}: the next that is due", channel);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn each_event_comes_once_and_in_order_whatever_overlaps_falls_behind_and_is_left(steps in steps()) {
        let mut world = World::new();
        let mut left = false;
        for step in steps {
            match step {
                Step::Publish(at, not_for_it) => world.publish(&channel(at), not_for_it),
                Step::Pass(at) => world.pass(channel(at)),
                Step::Join(at, since) => {
                    // Who left and comes back with a position asks for what it heard before.
                    let since = since.filter(|_| !left).map(|since| world.head * u64::from(since) / 255);
                    world.join(Subscription::parse(SUBSCRIPTIONS[at]).expect("a name"), since);
                }
                Step::Leave(at) => {
                    left = true;
                    world.leave(&Subscription::parse(SUBSCRIPTIONS[at]).expect("a name"));
                }
                Step::Write(most) => {
                    world.write(most)?;
                }
            }
        }
        for _ in 0..1000 {
            if !world.write(3)? {
                break;
            }
        }
        let owed: Vec<_> = world.promised.iter().filter(|(_, promise)| !promise.due.is_empty()).collect();
        prop_assert!(owed.is_empty(), "owed: {owed:?}");
    }
}
