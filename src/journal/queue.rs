//! What waits for the thread that writes: bounded by count and bytes, taken in groups.
//!
//! Nobody waits for a group to fill: while one is being committed the next gathers. Where there is no room, or
//! the disk refuses, whoever brings something is told at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Entry, StoreError, Stored};

/// Entries that may wait.
const ENTRIES: usize = 65_536;
/// Bytes of entries that may wait; one append may always wait.
const BYTES: usize = 64 << 20;
/// Entries that are committed together, and one append more.
const GROUP: usize = 1024;

/// Some entries that are to be kept together, and who is told.
pub(super) struct Append {
    pub(super) entries: Vec<Entry>,
    pub(super) then: Box<dyn FnOnce(Stored) + Send>,
}

impl Append {
    fn bytes(&self) -> usize {
        let entry = |entry: &Entry| {
            64 + entry.channel.len() + entry.event.len() + entry.data.len() + entry.note.len()
        };
        self.entries.iter().map(entry).sum()
    }
}

/// What there is to do.
pub(super) enum Taken {
    /// Entries to commit.
    Group(Vec<Append>),
    /// Nothing came for as long as was asked.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    came: Condvar,
    last: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Append>,
    entries: usize,
    bytes: usize,
    closed: bool,
    /// Why the disk keeps nothing now.
    broken: Option<String>,
    /// Whether something was refused since this was last asked.
    hole: bool,
}

impl Queue {
    /// An empty queue, of a history that has come so far.
    pub(super) fn after(last: u64) -> Self {
        Self { last: AtomicU64::new(last), ..Self::default() }
    }

    /// The last offset that is durable.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// Everything up to an offset is durable.
    pub(super) fn set_last(&self, last: u64) {
        self.last.store(last, Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets something wait, or tells at once that it can't.
    pub(super) fn push(&self, append: Append) {
        let mut state = self.lock();
        let (entries, bytes) = (append.entries.len(), append.bytes());
        let fits =
            state.waiting.is_empty() || (state.entries + entries <= ENTRIES && state.bytes + bytes <= BYTES);
        let refused = match &state.broken {
            _ if state.closed => Some(StoreError::Closed),
            Some(reason) => Some(StoreError::Refused(reason.clone())),
            None if !fits => Some(StoreError::Full),
            None => None,
        };
        if let Some(refused) = refused {
            state.hole = true;
            drop(state);
            return (append.then)(Err(refused));
        }
        state.entries += entries;
        state.bytes += bytes;
        state.waiting.push_back(append);
        drop(state);
        self.came.notify_one();
    }

    /// Takes what waits, up to a group; waits for it up to `patience`.
    pub(super) fn take(&self, patience: Duration) -> Taken {
        let state = self.lock();
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let (mut state, _) =
            self.came.wait_timeout_while(state, patience, idle).unwrap_or_else(PoisonError::into_inner);
        let mut group = Vec::new();
        let mut entries = 0;
        while entries < GROUP
            && let Some(append) = state.waiting.pop_front()
        {
            entries += append.entries.len();
            state.entries -= append.entries.len();
            state.bytes -= append.bytes();
            group.push(append);
        }
        match group.is_empty() {
            false => Taken::Group(group),
            true if state.closed => Taken::Closed,
            true => Taken::Nothing,
        }
    }

    /// Says that the disk keeps nothing, and why, or that it does again. What waits is refused.
    pub(super) fn set_broken(&self, broken: Option<String>) {
        let mut state = self.lock();
        state.broken.clone_from(&broken);
        let Some(reason) = broken else { return };
        state.hole = true;
        let refused = std::mem::take(&mut state.waiting);
        (state.entries, state.bytes) = (0, 0);
        drop(state);
        for append in refused {
            (append.then)(Err(StoreError::Refused(reason.clone())));
        }
    }

    /// Whether the disk keeps what comes.
    pub(super) fn healthy(&self) -> Result<(), String> {
        self.lock().broken.clone().map_or(Ok(()), Err)
    }

    /// Whether something was refused since this was last asked.
    pub(super) fn take_hole(&self) -> bool {
        std::mem::take(&mut self.lock().hole)
    }

    /// Lets nothing more come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.came.notify_all();
    }

    /// The thread that writes has ended: nothing that waits will be kept.
    pub(super) fn abandon(&self) {
        self.close();
        let waiting = std::mem::take(&mut self.lock().waiting);
        for append in waiting {
            (append.then)(Err(StoreError::Closed));
        }
    }
}
