//! The queue to one socket: two short queues and, for who is too slow, a place in the history.
//!
//! *Control* is what this connection alone is told (acknowledgements, pongs, errors); *deliveries* are
//! references to sealed events. Both are bounded by count and bytes. When the deliveries are full, the
//! connection falls [`Push::Behind`]: no more events are pushed to it, and its socket serves it everything it
//! subscribes from the history, in order, until it has caught up. Who subscribes with `since` goes back in the
//! history: one mechanism. Pushing takes a short lock, and neither allocates nor waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;

use super::broker::{Batch, Broker, Fetch, Past};
use super::encode::Sealed;
use super::interests::Interests;
use crate::protocol::peer::{Missed, SocketId};
use crate::protocol::{CloseCode, Subscription};

/// Events that wait for one socket, at most.
const DELIVERIES: usize = 1024;
/// Bytes of frames that wait for one socket, at most; one frame may always wait.
const DELIVERY_BYTES: usize = 1 << 20;
/// Frames of its own that wait for one socket, at most.
const CONTROL: usize = 1024;
/// Bytes of frames of its own that wait for one socket, at most.
const CONTROL_BYTES: usize = 256 << 10;
/// Subscriptions that are over, of a connection that is behind and has to be served by them still, at most.
const LINGERING: usize = 1024;
/// Slots that an emptied queue keeps.
const SPARE: usize = 64;

/// What became of an event that was pushed. Whoever pushes counts what has to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// It waits for the socket.
    Queued,
    /// The connection is behind, and gets it from the history.
    Behind {
        /// Whether it fell behind just now.
        fell: bool,
    },
    /// There is no room, and no history keeps it.
    Dropped,
    /// It is not for this connection, or came by another subscription already.
    NotForIt,
}

/// The queue to one socket.
#[derive(Debug)]
pub struct Outbox {
    socket_id: SocketId,
    native: bool,
    /// Events that wait, at most.
    most: usize,
    queues: Mutex<Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    control: VecDeque<Bytes>,
    control_bytes: usize,
    deliveries: VecDeque<Sealed>,
    delivery_bytes: usize,
    /// Deliveries ever queued, and ever taken: what a place has to wait for.
    queued: u64,
    taken: u64,
    /// The number of the last event that was pushed, whatever became of it.
    last: u64,
    /// The history's newest offset, as far as it is known here.
    head: u64,
    behind: Option<Place>,
    /// Shared with whoever is serving from the history.
    interests: Arc<Interests>,
    farewell: Option<(CloseCode, &'static str)>,
    waker: Option<Waker>,
}

/// Where in the history a connection stands that is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Everything up to this offset has been served, or waits in the queue.
    after: u64,
    /// The count of queued deliveries that go before.
    waits_for: u64,
}

/// What to serve from the history.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// The offset up to which everything has been served.
    pub after: u64,
    /// What the connection hears.
    pub interests: Arc<Interests>,
}

/// What [`Outbox::take`] found besides frames.
#[derive(Debug, Default)]
pub struct Taken {
    /// How many of the frames are events.
    pub events: usize,
    /// What to serve from the history, once these frames are on their way.
    pub behind: Option<Cursor>,
    /// How to close, once these frames are on their way.
    pub farewell: Option<(CloseCode, &'static str)>,
}

impl Outbox {
    /// An empty queue to this socket.
    pub fn new(socket_id: SocketId, native: bool) -> Self {
        Self { socket_id, native, most: DELIVERIES, queues: Mutex::default() }
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
    pub fn push(&self, sealed: &Sealed) -> Push {
        if !sealed.is_for(self.socket_id) {
            return Push::NotForIt;
        }
        let mut queues = self.lock();
        if queues.last == sealed.number() {
            return Push::NotForIt;
        }
        queues.last = sealed.number();
        let Some(position) = sealed.position() else {
            return if queues.queue(sealed, self.most) { Push::Queued } else { Push::Dropped };
        };
        queues.head = position.offset;
        if queues.behind.is_some() {
            return Push::Behind { fell: false };
        }
        if queues.queue(sealed, self.most) {
            return Push::Queued;
        }
        queues.go_back(position.offset.saturating_sub(1));
        Push::Behind { fell: true }
    }

    /// Hands the last event of a channel to who has just joined it, whether or not it came by a pattern before.
    /// Without room it comes from the history.
    pub fn replay(&self, sealed: &Sealed) -> Push {
        let mut queues = self.lock();
        let offset = sealed.position().map(|position| position.offset);
        if let (Some(offset), Some(place)) = (offset, queues.behind)
            && offset > place.after
            && queues.interests.floor(sealed.channel()).is_some_and(|floor| offset > floor)
        {
            // It is still to come.
            return Push::Behind { fell: false };
        }
        if queues.queue(sealed, self.most) {
            // Nothing newer of its channel may overtake it.
            let Queues { behind, queued, .. } = &mut *queues;
            if let Some(place) = behind {
                place.waits_for = *queued;
            }
            return Push::Queued;
        }
        let Some(offset) = offset else { return Push::Dropped };
        let fell = queues.behind.is_none();
        let wanted = Subscription::Channel(sealed.channel().clone());
        queues.join(&wanted, Some(offset.saturating_sub(1)));
        Push::Behind { fell: fell && queues.behind.is_some() }
    }

    /// Hears a channel or pattern, from the history's `head` on or from everything after `since`. To be called
    /// while nothing is passed on.
    pub fn join(&self, wanted: &Subscription, since: Option<u64>, head: u64) {
        let mut queues = self.lock();
        queues.head = head;
        queues.join(wanted, since);
        queues.wake();
    }

    /// Hears a channel or pattern no more. What waits of it and is not heard otherwise is thrown away.
    pub fn leave(&self, left: &Subscription) {
        let mut queues = self.lock();
        let behind = queues.behind.is_some();
        let interests = Arc::make_mut(&mut queues.interests);
        interests.leave(left, behind);
        if interests.lingering() > LINGERING {
            let reason = "too many subscriptions were left before what was missed had come";
            queues.farewell.get_or_insert((CloseCode::OVER_CAPACITY, reason));
            queues.wake();
        }
        queues.throw_away(|interests, sealed| {
            left.covers(sealed.channel()) && !interests.covers(sealed.channel())
        });
    }

    /// Serves from the history what [`Self::take`] said, up to `most` frames, and returns how many came, or what has
    /// to be read first and is then for [`Self::fetched`].
    ///
    /// # Errors
    /// The history no longer reaches as far back as this connection stands.
    pub fn serve(
        &self,
        cursor: &Cursor,
        broker: &dyn Broker,
        into: &mut VecDeque<Bytes>,
        most: usize,
    ) -> Result<(usize, Option<Fetch>), Missed> {
        let mut caught_up = false;
        let past = broker.since(&cursor.interests, cursor.after, most, &mut || {
            self.caught_up();
            caught_up = true;
        })?;
        let batch = match past {
            Past::Here(batch) => batch,
            Past::OnDisk(fetch) => return Ok((0, Some(fetch))),
        };
        let served = self.put(&batch, into);
        if let Some(place) = &mut self.lock().behind
            && !caught_up
        {
            place.after = batch.upto;
        }
        Ok((served, None))
    }

    /// Serves what has been read for a cursor, and returns how many frames came: none if the connection stands
    /// elsewhere by now, or hears something else.
    pub fn fetched(&self, cursor: &Cursor, batch: &Batch, into: &mut VecDeque<Bytes>) -> usize {
        let mut queues = self.lock();
        let Queues { behind, interests, taken, .. } = &mut *queues;
        match behind {
            Some(place)
                if place.after == cursor.after
                    && place.waits_for <= *taken
                    && Arc::ptr_eq(interests, &cursor.interests) =>
            {
                place.after = batch.upto;
            }
            Some(_) | None => return 0,
        }
        drop(queues);
        self.put(batch, into)
    }

    fn put(&self, batch: &Batch, into: &mut VecDeque<Bytes>) -> usize {
        let before = into.len();
        let frames = batch.frames.iter().filter(|sealed| sealed.is_for(self.socket_id));
        into.extend(frames.map(|sealed| sealed.frame(self.native).clone()));
        into.len() - before
    }

    fn caught_up(&self) {
        let mut queues = self.lock();
        queues.behind = None;
        if queues.interests.has_left() {
            Arc::make_mut(&mut queues.interests).caught_up();
        }
    }

    /// Queues a frame that this connection alone is told; after a goodbye, none. Without room the connection is
    /// closed: it asks without listening.
    pub fn tell(&self, frame: Bytes) {
        let mut queues = self.lock();
        if queues.farewell.is_some() {
            // Whoever asks on would never come to the goodbye.
            return;
        }
        if queues.has_room_for_control() {
            queues.control_bytes += frame.len();
            queues.control.push_back(frame);
        } else {
            queues.farewell.get_or_insert((CloseCode::OVER_CAPACITY, "too many answers wait to be read"));
        }
        queues.wake();
    }

    /// Whether there is room for answers: a socket whose answers wait, or a goodbye, reads no more questions.
    pub fn has_room_for_answers(&self) -> bool {
        let queues = self.lock();
        queues.farewell.is_none()
            && queues.control.len() < CONTROL / 2
            && queues.control_bytes < CONTROL_BYTES / 2
    }

    /// Closes the connection after what it is told; the first reason stands.
    pub fn close(&self, code: CloseCode, reason: &'static str) {
        let mut queues = self.lock();
        queues.farewell.get_or_insert((code, reason));
        queues.wake();
    }

    /// Takes up to `most` frames, the connection's own first. With none there, `waker` is kept for the next.
    pub fn take(&self, into: &mut VecDeque<Bytes>, most: usize, waker: &Waker) -> Taken {
        self.take_while(false, into, most, waker)
    }

    /// The same; with `fetching` without anything to serve from the history, because that is being read.
    pub fn take_while(
        &self,
        fetching: bool,
        into: &mut VecDeque<Bytes>,
        most: usize,
        waker: &Waker,
    ) -> Taken {
        let mut queues = self.lock();
        let mut taken = Taken::default();
        while into.len() < most
            && let Some(frame) = queues.control.pop_front()
        {
            queues.control_bytes -= frame.len();
            into.push_back(frame);
        }
        let room = most.saturating_sub(into.len());
        // Who is behind gets its share, however much is passed on to it meanwhile.
        let share = if queues.behind.is_none() { room } else { room.div_ceil(2) };
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
            taken.farewell = queues.farewell;
            // Who leaves is served no more: a part of what it missed would pass for the whole.
            if let Some(place) = queues.behind
                && place.waits_for <= queues.taken
                && taken.farewell.is_none()
                && !fetching
            {
                taken.behind = Some(Cursor { after: place.after, interests: Arc::clone(&queues.interests) });
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
    /// Queues an event if there is room for it.
    fn queue(&mut self, sealed: &Sealed, most: usize) -> bool {
        let size = sealed.size();
        let fits = self.deliveries.is_empty()
            || (self.deliveries.len() < most && self.delivery_bytes + size <= DELIVERY_BYTES);
        if fits {
            self.deliveries.push_back(sealed.clone());
            self.delivery_bytes += size;
            self.queued += 1;
            self.wake();
        }
        fits
    }

    fn has_room_for_control(&self) -> bool {
        self.control.len() < CONTROL && self.control_bytes < CONTROL_BYTES
    }

    fn join(&mut self, wanted: &Subscription, since: Option<u64>) {
        let place = self.behind.map_or(self.head, |place| place.after);
        let Some(after) = Arc::make_mut(&mut self.interests).join(wanted, since, place, self.head) else {
            return;
        };
        if after < place {
            self.go_back(after);
        }
        if let Some(Place { after, .. }) = self.behind {
            // What waits and comes from the history now would come twice.
            self.throw_away(|interests, sealed| {
                let floor = interests.floor(sealed.channel()).unwrap_or(u64::MAX).max(after);
                sealed.position().is_some_and(|position| position.offset > floor)
            });
        }
    }

    /// From now on, everything after this comes from the history, once what is queued has gone.
    fn go_back(&mut self, after: u64) {
        self.behind = Some(Place { after, waits_for: self.queued });
    }

    fn throw_away(&mut self, unwanted: impl Fn(&Interests, &Sealed) -> bool) {
        let Self { deliveries, delivery_bytes, queued, behind, interests, .. } = self;
        let before = deliveries.len();
        deliveries.retain(|sealed| {
            let keep = !unwanted(interests, sealed);
            if !keep {
                *delivery_bytes -= sealed.size();
            }
            keep
        });
        *queued -= (before - deliveries.len()) as u64;
        if let Some(place) = behind {
            place.waits_for = place.waits_for.min(*queued);
        }
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
mod model;
#[cfg(test)]
mod tests;
