//! The queue to one socket: two short queues and, for who is too slow, cursors.
//!
//! *Control* is what this connection alone is told (acknowledgements, pongs, errors); *deliveries* are
//! references to sealed events. Both are bounded by count and bytes. When the deliveries are full, the
//! subscription falls [`Push::Behind`]: it is pushed to no more, and its socket serves it from the history, from
//! the cursor kept here, until it has caught up. Who subscribes with `since` just starts behind: one mechanism.
//! Pushing takes a short lock, and neither allocates nor waits.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;

use super::encode::Sealed;
use crate::protocol::peer::SocketId;
use crate::protocol::{ChannelName, CloseCode, Pattern, Subscription};

/// Events that wait for one socket, at most.
const DELIVERIES: usize = 1024;
/// Bytes of frames that wait for one socket, at most; one frame may always wait.
const DELIVERY_BYTES: usize = 1 << 20;
/// Frames of its own that wait for one socket, at most.
const CONTROL: usize = 1024;
/// Bytes of frames of its own that wait for one socket, at most.
const CONTROL_BYTES: usize = 256 << 10;
/// Slots that an emptied queue keeps.
const SPARE: usize = 64;

/// What became of an event that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// It waits for the socket.
    Queued,
    /// The subscription is behind, and gets it from the history.
    Behind {
        /// Whether it fell behind just now.
        fell: bool,
    },
    /// There is no room, and no history keeps it.
    Dropped,
    /// It is not for this connection, or came by another subscription already.
    NotForIt,
}

/// By which subscription an event comes.
#[derive(Clone, Copy, Debug)]
pub enum Via<'a> {
    /// By that of its own channel.
    Channel,
    /// By a pattern's.
    Pattern(&'a Pattern),
}

/// The queue to one socket.
#[derive(Debug)]
pub struct Outbox {
    socket_id: SocketId,
    native: bool,
    queues: Mutex<Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    control: VecDeque<Bytes>,
    control_bytes: usize,
    deliveries: VecDeque<Sealed>,
    delivery_bytes: usize,
    behind: Vec<Cursor>,
    /// Deliveries ever queued, and ever taken: what a cursor has to wait for.
    queued: u64,
    taken: u64,
    /// The number of the last event that was pushed, whatever became of it.
    last: u64,
    farewell: Option<(CloseCode, &'static str)>,
    waker: Option<Waker>,
}

/// How far a subscription that is behind has been served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The subscription.
    pub wanted: Subscription,
    /// The offset up to which everything has been served.
    pub after: u64,
    /// The count of queued deliveries that go before.
    waits_for: u64,
}

/// What [`Outbox::take`] found besides frames.
#[derive(Debug, Default)]
pub struct Taken {
    /// How many of the frames are events.
    pub events: usize,
    /// A subscription to serve from the history, once these frames are on their way.
    pub behind: Option<Cursor>,
    /// How to close, once these frames are on their way.
    pub farewell: Option<(CloseCode, &'static str)>,
}

impl Outbox {
    /// An empty queue to this socket.
    pub fn new(socket_id: SocketId, native: bool) -> Self {
        Self { socket_id, native, queues: Mutex::default() }
    }

    /// Whose it is.
    pub fn socket_id(&self) -> SocketId {
        self.socket_id
    }

    /// Whether its client hears positions.
    pub fn is_native(&self) -> bool {
        self.native
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes an event on. To be called in the order of positions, and for one event after the other: what comes
    /// by several subscriptions is known by being the last that came.
    pub fn push(&self, sealed: &Sealed, via: Via<'_>) -> Push {
        if !sealed.is_for(self.socket_id) {
            return Push::NotForIt;
        }
        let mut queues = self.lock();
        let offset = sealed.position().map(|position| position.offset);
        if offset.is_some() && !queues.behind.is_empty() && queues.is_behind(sealed.channel(), via) {
            return Push::Behind { fell: false };
        }
        if queues.last == sealed.number() {
            return Push::NotForIt;
        }
        queues.last = sealed.number();
        if queues.has_room_for(sealed.size()) {
            queues.queue(sealed);
            return Push::Queued;
        }
        let Some(offset) = offset else { return Push::Dropped };
        let wanted = match via {
            Via::Channel => Subscription::Channel(sealed.channel().clone()),
            Via::Pattern(pattern) => Subscription::Pattern(pattern.clone()),
        };
        queues.fall_behind(wanted, offset.saturating_sub(1));
        Push::Behind { fell: true }
    }

    /// Hands the last event of a channel to who has just joined it, whether or not it heard it before. Without
    /// room it comes from the history.
    pub fn replay(&self, sealed: &Sealed) -> Push {
        let mut queues = self.lock();
        if queues.has_room_for(sealed.size()) {
            queues.queue(sealed);
            return Push::Queued;
        }
        let Some(position) = sealed.position() else { return Push::Dropped };
        let wanted = Subscription::Channel(sealed.channel().clone());
        queues.fall_behind(wanted, position.offset.saturating_sub(1));
        Push::Behind { fell: true }
    }

    /// Lets a subscription start behind: it is served from the history after `after`.
    pub fn start_behind(&self, wanted: Subscription, after: u64) {
        let mut queues = self.lock();
        queues.fall_behind(wanted, after);
        queues.wake();
    }

    /// The subscription has been served up to here, and is still behind.
    pub fn served(&self, wanted: &Subscription, upto: u64) {
        let mut queues = self.lock();
        if let Some(at) = queues.behind.iter().position(|cursor| cursor.wanted == *wanted) {
            // To the end of the line: who is behind in many channels is served in turn.
            let mut cursor = queues.behind.remove(at);
            cursor.after = upto;
            queues.behind.push(cursor);
        }
    }

    /// The subscription has caught up and is pushed to again. To be called while nothing is passed on.
    pub fn caught_up(&self, wanted: &Subscription) {
        let mut queues = self.lock();
        queues.behind.retain(|cursor| cursor.wanted != *wanted);
        if queues.behind.is_empty() {
            queues.behind = Vec::new();
        }
    }

    /// The subscription is over; what waits of it and is not `wanted` otherwise is thrown away.
    pub fn forget(&self, left: &Subscription, wanted: impl Fn(&ChannelName) -> bool) {
        let mut queues = self.lock();
        queues.behind.retain(|cursor| cursor.wanted != *left);
        let of_it = |channel: &ChannelName| match left {
            Subscription::Channel(name) => name == channel,
            Subscription::Pattern(pattern) => pattern.matches(channel),
        };
        let before = queues.deliveries.len();
        queues.deliveries.retain(|sealed| !of_it(sealed.channel()) || wanted(sealed.channel()));
        queues.delivery_bytes = queues.deliveries.iter().map(Sealed::size).sum();
        queues.queued -= (before - queues.deliveries.len()) as u64;
        let Queues { behind, queued, .. } = &mut *queues;
        for cursor in behind {
            cursor.waits_for = cursor.waits_for.min(*queued);
        }
    }

    /// Queues a frame that this connection alone is told. Without room the connection is closed: it asks
    /// without listening.
    pub fn tell(&self, frame: Bytes) {
        let mut queues = self.lock();
        if queues.has_room_for_control() {
            queues.control_bytes += frame.len();
            queues.control.push_back(frame);
        } else {
            queues.farewell.get_or_insert((CloseCode::OVER_CAPACITY, "too many answers wait to be read"));
        }
        queues.wake();
    }

    /// Whether there is room for answers: a socket whose answers wait reads no more questions.
    pub fn has_room_for_answers(&self) -> bool {
        let queues = self.lock();
        queues.control.len() < CONTROL / 2 && queues.control_bytes < CONTROL_BYTES / 2
    }

    /// Closes the connection after what it is told; the first reason stands.
    pub fn close(&self, code: CloseCode, reason: &'static str) {
        let mut queues = self.lock();
        queues.farewell.get_or_insert((code, reason));
        queues.wake();
    }

    /// Takes up to `most` frames, the connection's own first. With none there, `waker` is kept for the next.
    pub fn take(&self, into: &mut VecDeque<Bytes>, most: usize, waker: &Waker) -> Taken {
        let mut queues = self.lock();
        let mut taken = Taken::default();
        while into.len() < most
            && let Some(frame) = queues.control.pop_front()
        {
            queues.control_bytes -= frame.len();
            into.push_back(frame);
        }
        let room = most.saturating_sub(into.len());
        // Who is behind gets its share, however much is pushed to the others.
        let share = if queues.behind.is_empty() { room } else { room.div_ceil(2) };
        let events = share.min(queues.deliveries.len());
        let Queues { deliveries, delivery_bytes, .. } = &mut *queues;
        for sealed in deliveries.drain(..events) {
            *delivery_bytes -= sealed.size();
            into.push_back(sealed.frame(self.native).clone());
        }
        queues.taken += events as u64;
        taken.events = events;
        queues.spare_memory();
        if into.len() < most {
            let served = queues.taken;
            taken.farewell = queues.farewell;
            // Who leaves is served no more: a part of what it missed would pass for the whole.
            if taken.farewell.is_none() {
                taken.behind = queues.behind.iter().find(|cursor| cursor.waits_for <= served).cloned();
            }
        }
        if into.is_empty() && taken.behind.is_none() && taken.farewell.is_none() {
            match &mut queues.waker {
                Some(kept) => kept.clone_from(waker),
                kept @ None => *kept = Some(waker.clone()),
            }
        }
        taken
    }
}

impl Queues {
    fn has_room_for(&self, size: usize) -> bool {
        self.deliveries.is_empty()
            || (self.deliveries.len() < DELIVERIES && self.delivery_bytes + size <= DELIVERY_BYTES)
    }

    fn queue(&mut self, sealed: &Sealed) {
        self.deliveries.push_back(sealed.clone());
        self.delivery_bytes += sealed.size();
        self.queued += 1;
        self.wake();
    }

    fn has_room_for_control(&self) -> bool {
        self.control.len() < CONTROL && self.control_bytes < CONTROL_BYTES
    }

    fn is_behind(&self, channel: &ChannelName, via: Via<'_>) -> bool {
        self.behind.iter().any(|cursor| match (&cursor.wanted, via) {
            (Subscription::Channel(name), Via::Channel) => name == channel,
            (Subscription::Pattern(pattern), Via::Pattern(other)) => pattern == other,
            (Subscription::Channel(_), Via::Pattern(_)) | (Subscription::Pattern(_), Via::Channel) => false,
        })
    }

    fn fall_behind(&mut self, wanted: Subscription, after: u64) {
        let waits_for = self.queued;
        self.behind.push(Cursor { wanted, after, waits_for });
    }

    fn wake(&mut self) {
        // Taken: until the socket has looked again, further pushes wake nobody.
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// An idle connection keeps no more than a few slots.
    fn spare_memory(&mut self) {
        if self.deliveries.is_empty() && self.deliveries.capacity() > SPARE {
            self.deliveries = VecDeque::new();
        }
        if self.control.is_empty() {
            self.control = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::protocol::{Epoch, Position};
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

    fn outbox() -> Outbox {
        Outbox::new(SocketId(1, 2), false)
    }

    /// Fills the queue with events of channel `a`, and gives the next offset.
    fn full(outbox: &Outbox) -> u64 {
        for offset in 1..=DELIVERIES as u64 {
            assert_eq!(outbox.push(&sealed("a", offset), Via::Channel), Push::Queued);
        }
        DELIVERIES as u64 + 1
    }

    #[test]
    fn the_connections_own_frames_go_first() {
        let outbox = outbox();
        outbox.push(&sealed("a", 1), Via::Channel);
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
        let outbox = outbox();
        let pattern = Pattern::parse("a.*").expect("a pattern");
        for offset in [1, 2, 0, 3, 0, 0] {
            let event = sealed("a.1", offset);
            assert_eq!(outbox.push(&event, Via::Channel), Push::Queued);
            assert_eq!(outbox.push(&event, Via::Pattern(&pattern)), Push::NotForIt);
        }
        assert_eq!(outbox.push(&sealed("a.1", 4), Via::Pattern(&pattern)), Push::Queued);
    }

    #[test]
    fn who_joins_is_handed_the_last_event_again_and_that_moves_nothing() {
        let outbox = outbox();
        let (old, new) = (sealed("cache-a", 1), sealed("a", 2));
        assert_eq!(outbox.push(&old, Via::Channel), Push::Queued);
        assert_eq!(outbox.push(&new, Via::Channel), Push::Queued);
        assert_eq!(outbox.replay(&old), Push::Queued);
        assert_eq!(outbox.push(&new, Via::Channel), Push::NotForIt, "it was the last that was pushed");
        assert_eq!(take(&outbox, 64).1.events, 3);
    }

    #[test]
    fn the_last_event_of_a_channel_comes_from_the_history_where_there_is_no_room() {
        let outbox = outbox();
        full(&outbox);
        assert_eq!(outbox.replay(&sealed("cache-a", 7)), Push::Behind { fell: true });
        assert_eq!(outbox.replay(&sealed("cache-b", 0)), Push::Dropped);
        while !take(&outbox, 64).0.is_empty() {}
        assert_eq!(take(&outbox, 64).1.behind.map(|cursor| cursor.after), Some(6));
    }

    #[test]
    fn who_is_not_to_hear_it_does_not() {
        let outbox = outbox();
        let draft = |except| Draft::new(ChannelName::parse("a").expect("a name"), "X", "", except);
        let now = crate::time::monotonic();
        assert_eq!(outbox.push(&draft(Some(SocketId(1, 2))).seal(None, now), Via::Channel), Push::NotForIt);
        assert_eq!(outbox.push(&draft(Some(SocketId(2, 1))).seal(None, now), Via::Channel), Push::Queued);
    }

    #[test]
    fn who_is_full_falls_behind_once_and_is_served_after_what_waits() {
        let outbox = outbox();
        let next = full(&outbox);
        assert_eq!(outbox.push(&sealed("a", next), Via::Channel), Push::Behind { fell: true });
        assert_eq!(outbox.push(&sealed("a", next + 1), Via::Channel), Push::Behind { fell: false });
        assert_eq!(outbox.push(&sealed("b", next + 2), Via::Channel), Push::Behind { fell: true });
        let mut before = 0;
        let cursor = loop {
            let (frames, taken) = take(&outbox, 64);
            before += frames.len();
            if let Some(cursor) = taken.behind {
                break cursor;
            }
            assert!(!frames.is_empty());
        };
        assert_eq!(before, DELIVERIES, "everything that waited went before");
        assert_eq!((cursor.wanted.to_string().as_str(), cursor.after), ("a", next - 1));
        outbox.served(&cursor.wanted, next + 1);
        let (_, taken) = take(&outbox, 64);
        let other = taken.behind.expect("the other's turn");
        assert_eq!((other.wanted.to_string().as_str(), other.after), ("b", next + 1));
        outbox.caught_up(&other.wanted);
        let again = take(&outbox, 64).1.behind.expect("the first's turn again");
        assert_eq!((again.wanted.to_string().as_str(), again.after), ("a", next + 1));
        outbox.caught_up(&again.wanted);
        assert_eq!(outbox.push(&sealed("a", next + 3), Via::Channel), Push::Queued);
        assert_eq!(outbox.push(&sealed("b", next + 4), Via::Channel), Push::Queued);
    }

    #[test]
    fn who_is_behind_is_not_starved_by_what_is_pushed_to_others() {
        let outbox = outbox();
        outbox.start_behind(Subscription::parse("old").expect("a name"), 0);
        for offset in 1..=500 {
            assert_eq!(outbox.push(&sealed("a", offset), Via::Channel), Push::Queued);
        }
        let (frames, taken) = take(&outbox, 64);
        assert_eq!((frames.len(), taken.behind.is_some()), (32, true));
    }

    #[test]
    fn what_no_history_keeps_is_dropped_when_there_is_no_room_and_that_is_said() {
        let outbox = outbox();
        full(&outbox);
        assert_eq!(outbox.push(&sealed("a", 0), Via::Channel), Push::Dropped);
    }

    #[test]
    fn bytes_are_bounded_too_but_one_event_always_fits() {
        let outbox = outbox();
        let data = "x".repeat(DELIVERY_BYTES);
        let draft = || Draft::new(ChannelName::parse("a").expect("a name"), "X", &data, None);
        let seal =
            |offset| draft().seal(Some(Position { epoch: Epoch(1), offset }), crate::time::monotonic());
        assert_eq!(outbox.push(&seal(1), Via::Channel), Push::Queued);
        assert_eq!(outbox.push(&seal(2), Via::Channel), Push::Behind { fell: true });
    }

    #[test]
    fn what_waits_of_a_left_channel_is_thrown_away_and_nothing_else() {
        let outbox = outbox();
        for (offset, name) in (1..).zip(["a", "b.1", "a", "b.2", "c"]) {
            outbox.push(&sealed(name, offset), Via::Channel);
        }
        outbox.start_behind(Subscription::parse("late").expect("a name"), 5);
        outbox.forget(&Subscription::parse("a").expect("a name"), |_| false);
        outbox.forget(&Subscription::parse("b.*").expect("a name"), |name| name.as_str() == "b.2");
        let (frames, taken) = take(&outbox, 64);
        assert_eq!((frames.len(), taken.events), (2, 2));
        assert!(taken.behind.is_some(), "who waited for them does not wait for ever");
    }

    #[test]
    fn who_asks_without_listening_is_sent_away() {
        let outbox = outbox();
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
        let outbox = outbox();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut frames = VecDeque::new();
        for round in 1..=3 {
            outbox.take(&mut frames, 64, &waker);
            for offset in 1..=10 {
                outbox.push(&sealed("a", round * 100 + offset), Via::Channel);
            }
            assert_eq!(woken.0.load(Ordering::Relaxed), usize::try_from(round).expect("small"));
            frames.clear();
            outbox.take(&mut frames, 64, &waker);
            assert_eq!(frames.len(), 10);
            frames.clear();
        }
    }
}
