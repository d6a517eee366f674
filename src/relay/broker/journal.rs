//! A history on disk, which a restart does not end.
//!
//! The journal's thread is the one order: it stores a group, and then passes its events on, one after the other,
//! through a [`Memory`] that keeps the newest as ready frames and serves most who look back. Who looks back
//! further is served from the disk, up to where the memory stood when it asked, and then from memory: never on
//! the threads of the runtime, and only a few at a time. What retention, damage or a hole has taken is known in
//! memory, so that a joiner is told at once.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::{Semaphore, oneshot};

use super::memory::Memory;
use super::{Batch, Bounds, Broker, Fetch, Follower, OnStoreError, Past, Published, StoreError};
use crate::journal::{self, Entry, Gone, Journal, Query, Reader, Record};
use crate::protocol::peer::{Joined, Missed, SocketId};
use crate::protocol::{ChannelName, Epoch, Position, ServerOp, Subscription};
use crate::relay::cache;
use crate::relay::encode::{Draft, Sealed};
use crate::relay::interests::Interests;
use crate::time;

/// Events that are read at a time.
const READ: usize = 1024;
/// Reads at the same time, of one app.
const READS: usize = 2;

/// The history of one app, on disk.
pub struct Journalled {
    journal: Journal,
    log: Arc<str>,
    epoch: Epoch,
    ring: Arc<Memory>,
    lost: Arc<Lost>,
    disk: Arc<Disk>,
    on_store_error: OnStoreError,
}

/// What the disk can't give.
#[derive(Default)]
struct Lost {
    gone: RwLock<Gone>,
    /// Whether events were passed on that are kept nowhere, since the last that was kept.
    hole: AtomicBool,
}

/// The readers.
struct Disk {
    log: Arc<str>,
    epoch: Epoch,
    turns: Semaphore,
    idle: Mutex<Vec<Reader>>,
}

impl Journalled {
    /// The history of the app `log`, which tells `follower` at once of the last events of its cache channels.
    ///
    /// # Errors
    /// The disk can't be read.
    pub fn open(
        journal: Journal,
        log: &str,
        bounds: Bounds,
        follower: Follower,
        on_store_error: OnStoreError,
    ) -> Result<Self, journal::Error> {
        let (log, epoch) = (Arc::<str>::from(log), Epoch(journal.epoch()));
        let mut reader = Reader::open(journal.path())?;
        let gone = reader.gone(&log)?;
        let ring = Memory::after(epoch, journal.last(), bounds, follower);
        for sealed in cached(&mut reader, &log, journal.clock().now())? {
            ring.remind(&sealed);
        }
        let lost = Lost { gone: RwLock::new(gone), hole: AtomicBool::new(false) };
        let disk = Disk {
            log: Arc::clone(&log),
            epoch,
            turns: Semaphore::new(READS),
            idle: Mutex::new(vec![reader]),
        };
        let (ring, lost, disk) = (Arc::new(ring), Arc::new(lost), Arc::new(disk));
        Ok(Self { journal, log, epoch, ring, lost, disk, on_store_error })
    }

    fn entry(&self, draft: &Draft, at: Timestamp) -> Result<Entry, StoreError> {
        let Ok(ServerOp::Event { event, data, .. }) = ServerOp::parse(draft.text()) else {
            return Err(StoreError("it is no event".to_owned()));
        };
        let note = draft.except().map(|except| except.to_string()).unwrap_or_default();
        Ok(Entry { log: Arc::clone(&self.log), at, channel: draft.channel().to_string(), event, data, note })
    }

    /// What is to be read from the disk: everything after an offset, up to where the memory is.
    fn fetch(&self, interests: &Arc<Interests>, after: u64) -> Fetch {
        let (disk, lost, interests) = (Arc::clone(&self.disk), Arc::clone(&self.lost), Arc::clone(interests));
        let (folder, upto) = (self.journal.path().to_owned(), self.ring.head());
        Fetch(Box::pin(async move {
            let Ok(_turn) = disk.turns.acquire().await else { return Err(Missed::Expired) };
            let reading = Arc::clone(&disk);
            let read = move || reading.read(&folder, &interests, (after, upto), &lost);
            tokio::task::spawn_blocking(read).await.unwrap_or(Err(Missed::Expired))
        }))
    }
}

impl Broker for Journalled {
    fn publish(&self, drafts: Vec<Draft>) -> Published<'_> {
        let at = self.journal.clock().now();
        let entries: Result<Vec<_>, _> = drafts.iter().map(|draft| self.entry(draft, at)).collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let (tell, told) = oneshot::channel();
        let (ring, lost, on_store_error) =
            (Arc::clone(&self.ring), Arc::clone(&self.lost), self.on_store_error);
        self.journal.append_then(entries, move |stored| {
            let published = match (stored, on_store_error) {
                (Ok(offsets), _) => {
                    lost.close_hole(offsets.start);
                    Ok(ring.place(drafts, offsets.start))
                }
                (Err(journal::StoreError::Full | journal::StoreError::Refused(_)), OnStoreError::Deliver) => {
                    lost.hole.store(true, Ordering::SeqCst);
                    for draft in drafts {
                        ring.pass_on(draft);
                    }
                    Ok(Vec::new())
                }
                (Err(error), OnStoreError::Deliver | OnStoreError::Refuse) => {
                    Err(StoreError(error.to_string()))
                }
            };
            // Whoever published may have gone.
            let _ = tell.send(published);
        });
        Box::pin(async { told.await.unwrap_or_else(|_| Err(StoreError("the relay is leaving".to_owned()))) })
    }

    fn pass_on(&self, draft: Draft) {
        self.ring.pass_on(draft);
    }

    fn join(
        &self,
        wanted: &Subscription,
        since: Option<Position>,
        follow: &mut dyn FnMut(Option<u64>, u64),
    ) -> Joined {
        // The memory knows its own past alone; what is before it is asked of the disk's.
        let mut head = 0;
        let mut missed = None;
        let joined = self.ring.join(wanted, None, &mut |_, newest| {
            head = newest;
            missed = since.and_then(|since| match since {
                Position { epoch, .. } if epoch != self.epoch => Some(Missed::Epoch),
                Position { offset, .. } if offset > newest => Some(Missed::Unknown),
                Position { offset, .. } if self.lost.any_of(wanted, offset) => Some(Missed::Expired),
                Position { .. } => None,
            });
            follow(since.filter(|_| missed.is_none()).map(|since| since.offset), newest);
        });
        Joined { head: Position { offset: head, ..joined.head }, missed }
    }

    fn since(
        &self,
        interests: &Arc<Interests>,
        after: u64,
        most: usize,
        follow: &mut dyn FnMut(),
    ) -> Result<Past, Missed> {
        if self.lost.lacks(interests, after) {
            return Err(Missed::Expired);
        }
        match self.ring.since(interests, after, most, follow) {
            Ok(past) => Ok(past),
            Err(_) => Ok(Past::OnDisk(self.fetch(interests, after))),
        }
    }

    fn healthy(&self) -> Result<(), String> {
        self.journal.healthy()
    }

    fn prune(&self) {
        self.ring.prune();
    }
}

impl Lost {
    /// An event has been kept: what was not before it is missing for good.
    fn close_hole(&self, first: u64) {
        if self.hole.swap(false, Ordering::SeqCst) {
            self.give_up(first.saturating_sub(1));
        }
    }

    /// Everything up to an offset is gone.
    fn give_up(&self, upto: u64) {
        let mut gone = self.gone.write().unwrap_or_else(PoisonError::into_inner);
        gone.any = gone.any.max(upto);
    }

    /// Whether something after an offset is gone of these channels.
    fn any_of(&self, wanted: &Subscription, after: u64) -> bool {
        let gone = self.gone.read().unwrap_or_else(PoisonError::into_inner);
        let of = |name: &str| ChannelName::parse(name).is_ok_and(|name| wanted.covers(&name));
        self.hole.load(Ordering::SeqCst)
            || gone.any > after
            || gone.channels.iter().any(|(name, gone)| *gone > after && of(name))
    }

    /// Whether something is gone that a connection which stands at this offset is still to hear.
    fn lacks(&self, interests: &Interests, after: u64) -> bool {
        let gone = self.gone.read().unwrap_or_else(PoisonError::into_inner);
        let mut floors =
            interests.channels().map(|(_, floor)| floor).chain(interests.patterns().map(|(_, floor)| floor));
        floors.any(|floor| gone.any > floor.max(after))
            || gone.channels.iter().any(|(name, gone)| {
                let floor = ChannelName::parse(name).ok().and_then(|name| interests.floor(&name));
                *gone > after && floor.is_some_and(|floor| *gone > floor)
            })
    }
}

impl Disk {
    /// Reads; to be called where one may wait.
    fn read(
        &self,
        folder: &Path,
        interests: &Interests,
        (after, upto): (u64, u64),
        lost: &Lost,
    ) -> Result<Batch, Missed> {
        let floor = |name: &str| ChannelName::parse(name).ok().and_then(|name| interests.floor(&name));
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let page = idle.map_or_else(|| Reader::open(folder), Ok).and_then(|mut reader| {
            let page = reader.since(&self.log, (after, upto), READ, &floor)?;
            if page.is_none() {
                let now = reader.gone(&self.log)?;
                let mut gone = lost.gone.write().unwrap_or_else(PoisonError::into_inner);
                *gone = Gone { any: now.any.max(gone.any), channels: now.channels };
            }
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            Ok(page)
        });
        let page = match page {
            Ok(Some(page)) => page,
            Ok(None) => return Err(Missed::Expired),
            Err(error) => {
                // Whoever comes back for it is told of a gap, instead of being sent away again.
                tracing::error!(%error, "a part of the history can't be read, and is given up");
                lost.give_up(upto);
                return Err(Missed::Expired);
            }
        };
        let now = time::monotonic();
        let frames = page.records.into_iter().filter_map(|record| sealed(record, self.epoch, now)).collect();
        let upto = if page.last { page.upto.max(upto) } else { page.upto };
        Ok(Batch { frames, upto })
    }
}

/// An event of the disk, as it was passed on; none if it is none of ours.
fn sealed(record: Record, epoch: Epoch, at: std::time::Instant) -> Option<Sealed> {
    let Record { offset, channel, event, data, note, .. } = record;
    let except = SocketId::parse(&note).ok().flatten();
    let draft = Draft::new(ChannelName::parse(&channel).ok()?, &event, &data, except);
    Some(draft.seal(Some(Position { epoch, offset }), at))
}

/// The last events of cache channels that are still given out, oldest first.
fn cached(reader: &mut Reader, log: &str, now: Timestamp) -> Result<Vec<Sealed>, journal::Error> {
    let is_cache = |name: &str| ChannelName::parse(name).is_ok_and(|name| name.is_cache());
    let Some((epoch, _)) = reader.head()? else { return Ok(Vec::new()) };
    let query = Query {
        log: Some(log),
        from: now.checked_sub(cache::TTL).ok(),
        channel: &is_cache,
        newest_first: true,
        ..Query::default()
    };
    let mut last: Vec<Record> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for record in reader.find(query)? {
        let record = record?;
        if record.epoch == epoch && seen.insert(record.channel.clone()) {
            last.push(record);
        }
    }
    let present = time::monotonic();
    let sealed = |record: Record| {
        let age = now.duration_since(record.at).unsigned_abs();
        sealed(record, Epoch(epoch), present.checked_sub(age).unwrap_or(present))
    };
    Ok(last.into_iter().rev().filter_map(sealed).collect())
}
