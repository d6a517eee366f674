use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;
use crate::protocol::{ChannelName, Epoch, Position};
use crate::relay::encode::Draft;

fn sealed(channel: &str, offset: u64) -> Sealed {
    let draft = Draft::new(ChannelName::parse(channel).expect(channel), "X", &offset.to_string(), None);
    let position = (offset > 0).then_some(Position { epoch: Epoch(1), offset });
    draft.seal(position, crate::time::monotonic())
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn take(outbox: &Outbox, most: usize) -> (Vec<Bytes>, Taken) {
    let mut frames = VecDeque::new();
    let taken = outbox.take(&mut frames, most, Waker::noop());
    (frames.into(), taken)
}

fn wanted(name: &str) -> Subscription {
    Subscription::parse(name).expect(name)
}

/// An outbox that hears these from the beginning of the history on.
fn outbox(names: &[&str]) -> Outbox {
    let outbox = Outbox::new(SocketId(1, 2), false);
    for name in names {
        outbox.join(&wanted(name), None, 0);
    }
    outbox
}

/// Fills the queue with events of channel `a`, and gives the next offset.
fn full(outbox: &Outbox) -> u64 {
    for offset in 1..=DELIVERIES as u64 {
        assert_eq!(outbox.push(&sealed("a", offset)), Push::Queued);
    }
    DELIVERIES as u64 + 1
}

/// Takes all frames that wait, and then where to serve from.
fn drain(outbox: &Outbox) -> (usize, Option<u64>) {
    let mut drained = 0;
    loop {
        let (frames, taken) = take(outbox, 64);
        drained += frames.len();
        if frames.is_empty() {
            return (drained, taken.behind.map(|cursor| cursor.after));
        }
    }
}

#[test]
fn the_connections_own_frames_go_first() {
    let outbox = outbox(&["a"]);
    outbox.push(&sealed("a", 1));
    outbox.tell(Bytes::from_static(b"ack"));
    outbox.close(CloseCode::RECONNECT, "first");
    outbox.close(CloseCode::NO_PONG, "second");
    let (frames, taken) = take(&outbox, 64);
    assert_eq!(frames[0], "ack");
    assert_eq!((frames.len(), taken.events), (2, 1));
    assert_eq!(taken.farewell, Some((CloseCode::RECONNECT, "first")));
}

#[test]
fn an_event_that_comes_by_two_subscriptions_is_delivered_once() {
    let outbox = outbox(&["a.1", "a.*"]);
    for offset in [1, 2, 0, 3, 0, 0] {
        let event = sealed("a.1", offset);
        assert_eq!(outbox.push(&event), Push::Queued);
        assert_eq!(outbox.push(&event), Push::NotForIt);
    }
}

#[test]
fn who_is_not_to_hear_it_does_not() {
    let outbox = outbox(&["a"]);
    let draft = |except| Draft::new(ChannelName::parse("a").expect("a name"), "X", "", except);
    let now = crate::time::monotonic();
    assert_eq!(outbox.push(&draft(Some(SocketId(1, 2))).seal(None, now)), Push::NotForIt);
    assert_eq!(outbox.push(&draft(Some(SocketId(2, 1))).seal(None, now)), Push::Queued);
}

#[test]
fn who_is_full_falls_behind_once_and_is_served_after_what_waits() {
    let outbox = outbox(&["a", "b"]);
    let next = full(&outbox);
    assert_eq!(outbox.push(&sealed("a", next)), Push::Behind { fell: true });
    assert_eq!(outbox.push(&sealed("a", next + 1)), Push::Behind { fell: false });
    assert_eq!(outbox.push(&sealed("b", next + 2)), Push::Behind { fell: false });
    assert_eq!(drain(&outbox), (DELIVERIES, Some(next - 1)), "everything that waited goes before");
    outbox.caught_up();
    assert_eq!(outbox.push(&sealed("a", next + 3)), Push::Queued);
    assert_eq!(outbox.push(&sealed("b", next + 4)), Push::Queued);
}

#[test]
fn who_is_behind_is_not_starved_by_what_is_passed_on_meanwhile() {
    let outbox = outbox(&["a"]);
    outbox.join(&wanted("old"), Some(0), 9);
    for _ in 1..=500 {
        assert_eq!(outbox.push(&sealed("a", 0)), Push::Queued);
    }
    let (frames, taken) = take(&outbox, 64);
    assert_eq!((frames.len(), taken.behind.is_some()), (32, true));
}

#[test]
fn what_no_history_keeps_is_dropped_when_there_is_no_room_and_that_is_said() {
    let outbox = outbox(&["a"]);
    full(&outbox);
    assert_eq!(outbox.push(&sealed("a", 0)), Push::Dropped);
    assert_eq!(outbox.replay(&sealed("a", 0)), Push::Dropped);
    assert_eq!(drain(&outbox), (DELIVERIES, None));
}

#[test]
fn bytes_are_bounded_too_but_one_event_always_fits() {
    let outbox = outbox(&["a"]);
    let data = "x".repeat(DELIVERY_BYTES);
    let draft = || Draft::new(ChannelName::parse("a").expect("a name"), "X", &data, None);
    let seal = |offset| draft().seal(Some(Position { epoch: Epoch(1), offset }), crate::time::monotonic());
    assert_eq!(outbox.push(&seal(1)), Push::Queued);
    assert_eq!(outbox.push(&seal(2)), Push::Behind { fell: true });
}

#[test]
fn who_joins_is_handed_the_last_event_again_and_that_moves_nothing() {
    let outbox = outbox(&["cache-a.*", "a"]);
    let (old, new) = (sealed("cache-a.1", 1), sealed("a", 2));
    assert_eq!(outbox.push(&old), Push::Queued);
    assert_eq!(outbox.push(&new), Push::Queued);
    outbox.join(&wanted("cache-a.1"), None, 2);
    assert_eq!(outbox.replay(&old), Push::Queued);
    assert_eq!(outbox.push(&new), Push::NotForIt, "it was the last that was pushed");
    assert_eq!(drain(&outbox), (3, None));
}

#[test]
fn the_last_event_of_a_channel_comes_from_the_history_where_there_is_no_room() {
    let outbox = outbox(&["a"]);
    let next = full(&outbox);
    outbox.join(&wanted("cache-a"), None, next);
    assert_eq!(outbox.replay(&sealed("cache-a", 7)), Push::Behind { fell: true });
    assert_eq!(drain(&outbox), (DELIVERIES, Some(6)));
}

#[test]
fn nothing_newer_overtakes_the_last_event_of_a_channel() {
    let outbox = outbox(&["a"]);
    outbox.join(&wanted("b"), Some(3), 9);
    assert_eq!(take(&outbox, 64).1.behind.map(|cursor| cursor.after), Some(3));
    outbox.join(&wanted("cache-a"), None, 9);
    assert_eq!(outbox.replay(&sealed("cache-a", 7)), Push::Queued);
    assert!(take(&outbox, 0).1.behind.is_none());
    assert_eq!(drain(&outbox), (1, Some(3)));
    outbox.join(&wanted("cache-b"), Some(3), 9);
    assert_eq!(outbox.replay(&sealed("cache-b", 7)), Push::Behind { fell: false }, "it is still to come");
    assert_eq!(drain(&outbox), (0, Some(3)));
}

#[test]
fn what_waits_of_a_left_channel_is_thrown_away_and_nothing_else() {
    let outbox = outbox(&["a", "b.*", "b.2", "c"]);
    for (offset, name) in (1..).zip(["a", "b.1", "a", "b.2", "c"]) {
        outbox.push(&sealed(name, offset));
    }
    outbox.join(&wanted("late"), Some(4), 5);
    outbox.leave(&wanted("a"));
    outbox.leave(&wanted("b.*"));
    assert_eq!(drain(&outbox), (2, Some(4)), "who waited for them does not wait for ever");
}

#[test]
fn who_asks_without_listening_is_sent_away() {
    let outbox = outbox(&[]);
    let mut told = 0;
    while outbox.has_room_for_answers() {
        outbox.tell(Bytes::from_static(b"pong"));
        told += 1;
    }
    assert_eq!(told, CONTROL / 2);
    for _ in 0..=CONTROL {
        outbox.tell(Bytes::from_static(b"pong"));
    }
    let (frames, taken) = take(&outbox, usize::MAX);
    assert_eq!(frames.len(), CONTROL);
    assert!(matches!(taken.farewell, Some((CloseCode::OVER_CAPACITY, _))));
}

#[test]
fn however_much_comes_a_socket_is_woken_once_until_it_looks() {
    let outbox = outbox(&["a"]);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut frames = VecDeque::new();
    for round in 1..=3 {
        outbox.take(&mut frames, 64, &waker);
        for offset in 1..=10 {
            outbox.push(&sealed("a", round * 100 + offset));
        }
        assert_eq!(woken.0.load(Ordering::Relaxed), usize::try_from(round).expect("small"));
        frames.clear();
        outbox.take(&mut frames, 64, &waker);
        assert_eq!(frames.len(), 10);
        frames.clear();
    }
}

#[test]
fn who_comes_and_goes_while_much_has_still_to_come_is_shown_out_before_it_costs_memory() {
    let outbox = Outbox::new(SocketId(1, 2), true);
    outbox.join(&wanted("a.*"), Some(0), 9);
    let farewell = || take(&outbox, 64).1.farewell;
    for number in 0..LINGERING {
        let channel = wanted(&format!("a.{number}"));
        outbox.join(&channel, None, 9);
        outbox.leave(&channel);
    }
    assert_eq!(farewell(), None);
    outbox.join(&wanted("a.b"), None, 9);
    outbox.leave(&wanted("a.b"));
    assert_eq!(farewell().map(|(code, _)| code), Some(CloseCode::OVER_CAPACITY));
    assert!(!outbox.has_room_for_answers());
}

#[test]
fn nothing_is_told_after_the_goodbye_so_that_it_comes() {
    let outbox = outbox(&["a"]);
    outbox.close(CloseCode::RECONNECT, "the end");
    for _ in 0..100 {
        outbox.tell(Bytes::from_static(b"an answer"));
    }
    let (frames, taken) = take(&outbox, 64);
    assert_eq!((frames.len(), taken.farewell), (0, Some((CloseCode::RECONNECT, "the end"))));
}
