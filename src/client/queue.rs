//! The queue between a client and who listens to it: bounded in events and in bytes.
//!
//! Full = wait, nothing is lost: while there is no room the socket is not read, and the server's own
//! back-pressure takes over. The bound in bytes is what a server cannot talk its way around with few long
//! events; the one in events is enough for all that are as long as they should be.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Event;
use super::reporter::Gone;

/// How many events wait for a slow reader.
const EVENTS: usize = 1024;
/// How many bytes of them.
const BYTES: u32 = 16 * 1024 * 1024;

/// An empty queue.
pub(super) fn queue() -> (Sender, Events) {
    let (events, receiver) = mpsc::channel(EVENTS);
    let room = Arc::new(Semaphore::new(BYTES as usize));
    (Sender { events, room }, Events { events: receiver, taken: Vec::new() })
}

/// An event, and the room that it takes until somebody takes it.
#[derive(Debug)]
struct Waiting {
    event: Event,
    _room: OwnedSemaphorePermit,
}

/// The client's end.
#[derive(Debug)]
pub(super) struct Sender {
    events: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

impl Sender {
    /// Puts an event into the queue once there is room.
    pub(super) async fn send(&self, event: Event) -> Result<(), Gone> {
        let room = Arc::clone(&self.room).acquire_many_owned(weight(&event)).await.map_err(|_| Gone)?;
        self.events.send(Waiting { event, _room: room }).await.map_err(|_| Gone)
    }

    /// Waits until nobody listens.
    pub(super) async fn closed(&self) {
        self.events.closed().await;
    }
}

/// What a client tells, in order. When it is dropped the client ends.
#[derive(Debug)]
pub struct Events {
    events: mpsc::Receiver<Waiting>,
    taken: Vec<Waiting>,
}

impl Events {
    /// The next event; nothing once the client has ended. Safe to cancel.
    pub async fn recv(&mut self) -> Option<Event> {
        self.events.recv().await.map(|waiting| waiting.event)
    }

    /// Waits for an event and takes all that are there, at most `limit`; says how many, none once the client has
    /// ended. Safe to cancel.
    pub async fn recv_many(&mut self, into: &mut Vec<Event>, limit: usize) -> usize {
        let count = self.events.recv_many(&mut self.taken, limit).await;
        into.extend(self.taken.drain(..).map(|waiting| waiting.event));
        count
    }
}

/// The bytes that an event takes, those of its texts above all. What is longer than the queue fills it alone.
fn weight(event: &Event) -> u32 {
    let text = match event {
        Event::Heard(heard) => {
            heard.event.len()
                + heard.data.len()
                + heard.channel.as_ref().map_or(0, |name| name.as_str().len())
        }
        Event::Odd(odd) => odd.raw.len() + odd.reason.len(),
        Event::Link(_) | Event::Topic(_) | Event::Gap(_) | Event::Back(_) | Event::Cursors(_) => 0,
    };
    u32::try_from(size_of::<Waiting>() + text).unwrap_or(BYTES).min(BYTES)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use futures_util::poll;
    use jiff::Timestamp;
    use tokio::task::unconstrained;

    use super::*;
    use crate::client::Odd;

    fn event(bytes: usize) -> Event {
        Event::Odd(Odd { at: Timestamp::UNIX_EPOCH, raw: "x".repeat(bytes), reason: String::new() })
    }

    /// How many events of so many bytes fit into an empty queue.
    async fn fitting(bytes: usize) -> usize {
        let (sender, _events) = queue();
        for count in 0..=EVENTS {
            if poll!(pin!(unconstrained(sender.send(event(bytes))))).is_pending() {
                return count;
            }
        }
        panic!("no bound")
    }

    #[tokio::test]
    async fn many_short_events_wait_or_few_long_ones() {
        assert_eq!(fitting(0).await, EVENTS);
        assert_eq!(fitting(10_000).await, EVENTS);
        assert_eq!(fitting(1024 * 1024).await, 15);
        assert_eq!(fitting(BYTES as usize * 2).await, 1, "what is longer than all comes through alone");
    }

    #[tokio::test]
    async fn who_takes_makes_room_and_who_goes_is_noticed() {
        let (sender, mut events) = queue();
        let long = BYTES as usize;
        assert!(poll!(pin!(sender.send(event(long)))).is_ready());
        let mut next = pin!(sender.send(event(long)));
        assert!(poll!(&mut next).is_pending());
        let mut taken = Vec::new();
        assert_eq!(events.recv_many(&mut taken, 8).await, 1);
        assert!(matches!(poll!(&mut next), Poll::Ready(Ok(()))));
        assert!(events.recv().await.is_some());
        drop(events);
        assert!(sender.send(event(1)).await.is_err());
        sender.closed().await;
    }
}
