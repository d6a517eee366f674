//! What every engine promises. An engine that is not listed in [`next`] does not compile.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use super::journal::Journalled;
use super::memory::Memory;
use super::*;
use crate::journal::{Folder, Options, Reader};
use crate::protocol::{ChannelName, Epoch};
use crate::time::Clock;

/// An engine to try, and what it needs to stay.
struct Tried {
    what: &'static str,
    broker: Box<dyn Broker>,
    passed: Arc<Mutex<Vec<u64>>>,
    _folder: Option<TempDir>,
}

/// The engine after one; the first after none.
fn next(engine: Option<&Engine>, folder: &TempDir) -> Option<Engine> {
    match engine {
        None => Some(Engine::Memory),
        Some(Engine::Memory) => {
            Some(Engine::Journal { journal: journal(folder), on_store_error: OnStoreError::Refuse })
        }
        Some(Engine::Journal { .. }) => None,
    }
}

fn journal(folder: &TempDir) -> Journal {
    let keep = Duration::from_secs(86_400);
    let options = Options { keep, day_bytes: None, leaves_holes: false, clock: Clock::system() };
    let folder = Folder::claim(folder.path()).expect("ours");
    Journal::open(folder, options).expect("a history").0
}

fn open(engine: &Engine, bounds: Bounds) -> (Box<dyn Broker>, Arc<Mutex<Vec<u64>>>) {
    let passed = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&passed);
    let follower: Follower = Box::new(move |sealed| {
        let offset = sealed.position().map_or(0, |position| position.offset);
        heard.lock().expect("no panic").push(offset);
    });
    let broker: Box<dyn Broker> = match engine {
        Engine::Memory => Box::new(Memory::new(Epoch(7), bounds, follower)),
        Engine::Journal { journal, on_store_error } => Box::new(
            Journalled::open(journal.clone(), "app", bounds, follower, *on_store_error).expect("a history"),
        ),
    };
    (broker, passed)
}

/// All engines; those with a disk also with next to no memory, so that all comes from the disk.
fn all() -> Vec<Tried> {
    let bounds = Bounds { channel_events: usize::MAX, ..Bounds::lasting(Duration::from_secs(60)) };
    let narrow = Bounds { channel_events: 1, channels: 1, ..bounds };
    let mut tried = Vec::new();
    for (what, bounds) in [("roomy", bounds), ("narrow", narrow)] {
        let mut last: Option<Engine> = None;
        loop {
            let folder = tempfile::tempdir().expect("a folder");
            let Some(engine) = next(last.as_ref(), &folder) else { break };
            let on_disk = matches!(engine, Engine::Journal { .. });
            if on_disk || what == "roomy" {
                let (broker, passed) = open(&engine, bounds);
                tried.push(Tried { what, broker, passed, _folder: on_disk.then_some(folder) });
            }
            last = Some(engine);
        }
    }
    assert_eq!(tried.len(), 3);
    tried
}

fn name(text: &str) -> ChannelName {
    ChannelName::parse(text).expect(text)
}

fn wanted(text: &str) -> Subscription {
    Subscription::parse(text).expect(text)
}

async fn publish(broker: &dyn Broker, channel: &str) -> Position {
    let draft = Draft::new(name(channel), "X", "{}", None);
    broker.publish(vec![draft]).await.expect("kept")[0]
}

/// What hears these names from the beginning on.
fn interests(names: &[&str]) -> Interests {
    let mut interests = Interests::default();
    for name in names {
        interests.join(&wanted(name), Some(0), 0, 0);
    }
    interests
}

/// All offsets after one, in batches; `None` where the history doesn't reach.
async fn since_of(
    broker: &dyn Broker,
    interests: Interests,
    mut after: u64,
    most: usize,
) -> Option<Vec<u64>> {
    let interests = Arc::new(interests);
    let mut offsets = Vec::new();
    loop {
        let mut last = false;
        let past = broker.since(&interests, after, most, &mut || last = true).ok()?;
        let batch = match past {
            Past::Here(batch) => {
                assert!(batch.frames.len() <= most);
                batch
            }
            Past::OnDisk(fetch) => {
                assert!(!last, "nobody is followed before it is read");
                fetch.await.ok()?
            }
        };
        assert!(batch.upto >= after);
        offsets.extend(batch.frames.iter().filter_map(|frame| Some(frame.position()?.offset)));
        if last {
            return Some(offsets);
        }
        assert!(batch.upto > after, "it gets on");
        after = batch.upto;
    }
}

async fn since(broker: &dyn Broker, name: &str, after: u64, most: usize) -> Option<Vec<u64>> {
    since_of(broker, interests(&[name]), after, most).await
}

#[tokio::test]
async fn what_is_kept_is_passed_on_in_the_same_order_and_found_again() {
    for Tried { what, broker, passed, .. } in all() {
        let broker = &*broker;
        let names = ["a", "b.1", "b.2", "a", "b.10", "b", "b.1", "c.1"];
        for (at, name) in names.iter().enumerate() {
            assert_eq!(publish(broker, name).await.offset, at as u64 + 1, "{what}");
        }
        assert_eq!(*passed.lock().expect("no panic"), [1, 2, 3, 4, 5, 6, 7, 8], "{what}");
        for most in [1, 2, 3, 100] {
            assert_eq!(since(broker, "a", 0, most).await, Some(vec![1, 4]), "{what}");
            assert_eq!(since(broker, "a", 1, most).await, Some(vec![4]), "{what}");
            assert_eq!(since(broker, "a", 4, most).await, Some(vec![]), "{what}");
            assert_eq!(since(broker, "b.*", 0, most).await, Some(vec![2, 3, 5, 7]), "{what}");
            assert_eq!(since(broker, "b.*", 3, most).await, Some(vec![5, 7]), "{what}");
            assert_eq!(since(broker, "never", 0, most).await, Some(vec![]), "{what}");
        }
    }
}

#[tokio::test]
async fn what_is_only_passed_on_has_no_place_and_leaves_nothing() {
    for Tried { what, broker, passed, .. } in all() {
        publish(&*broker, "a").await;
        broker.pass_on(Draft::new(name("a"), "X", "{}", None));
        publish(&*broker, "a").await;
        assert_eq!(*passed.lock().expect("no panic"), [1, 0, 2], "{what}");
        assert_eq!(since(&*broker, "a", 0, 10).await, Some(vec![1, 2]), "{what}");
    }
}

#[tokio::test]
async fn all_that_a_connection_hears_comes_in_one_order() {
    for Tried { what, broker, .. } in all() {
        for name in ["a", "b.1", "b.2", "a", "b.10", "b", "b.1", "c.1"] {
            publish(&*broker, name).await;
        }
        for most in [1, 2, 3, 100] {
            let heard = |names: &[&str], after| since_of(&*broker, interests(names), after, most);
            assert_eq!(heard(&["a", "never", "b.1"], 0).await, Some(vec![1, 2, 4, 7]), "{what}");
            assert_eq!(heard(&["a", "b.*", "b.1"], 1).await, Some(vec![2, 3, 4, 5, 7]), "{what}");
            assert_eq!(heard(&[], 0).await, Some(vec![]), "{what}");
            for names in [["a", "c.1"], ["a", "c.*"]] {
                let mut interests = interests(&names[..1]);
                interests.join(&wanted(names[1]), Some(7), 0, 8);
                let heard = since_of(&*broker, interests.clone(), 0, most).await;
                assert_eq!(heard, Some(vec![1, 4, 8]), "{what} {names:?}");
                interests.join(&wanted("b.2"), None, 0, 2);
                let heard = since_of(&*broker, interests, 0, most).await;
                assert_eq!(heard, Some(vec![1, 3, 4, 8]), "{what} {names:?}");
            }
        }
    }
}

#[tokio::test]
async fn who_joins_is_told_where_it_begins_while_nothing_is_passed_on() {
    for Tried { what, broker, .. } in all() {
        publish(&*broker, "a").await;
        let here = publish(&*broker, "b").await;
        let at = |offset| Position { offset, ..here };
        let mut begins = Vec::new();
        for (position, expected) in [
            (None, None),
            (Some(at(0)), None),
            (Some(at(2)), None),
            (Some(at(3)), Some(Missed::Unknown)),
            (Some(Position { epoch: Epoch(here.epoch.0 ^ 1), offset: 1 }), Some(Missed::Epoch)),
        ] {
            let joined = broker.join(&wanted("a"), position, &mut |after, head| begins.push((after, head)));
            assert_eq!(joined, Joined { head: at(2), missed: expected }, "{what}");
        }
        assert_eq!(begins, [(None, 2), (Some(0), 2), (Some(2), 2), (None, 2), (None, 2)], "{what}");
    }
}

#[tokio::test]
async fn a_pattern_gets_on_through_any_number_of_other_channels() {
    for Tried { what, broker, .. } in all() {
        for _ in 0..10 {
            let noise = || Draft::new(name("noise"), "X", "{}", None);
            broker.publish((0..1000).map(|_| noise()).collect()).await.expect("kept");
        }
        let last = publish(&*broker, "b.1").await.offset;
        assert_eq!(since(&*broker, "b.*", 0, 1).await, Some(vec![last]), "{what}");
    }
}

#[tokio::test]
async fn who_is_not_to_hear_an_event_does_not_hear_it_later_either() {
    for Tried { what, broker, .. } in all() {
        let except = crate::protocol::peer::SocketId::parse("12.34").expect("an id").expect("ours");
        broker.publish(vec![Draft::new(name("a"), "X", "\"é\\u00e9", Some(except))]).await.expect("kept");
        publish(&*broker, "a").await;
        let interests = Arc::new(interests(&["a"]));
        let batch = match broker.since(&interests, 0, 10, &mut || {}).expect("found") {
            Past::Here(batch) => batch,
            Past::OnDisk(fetch) => fetch.await.expect("read"),
        };
        let sealed = &batch.frames[0];
        assert!(!sealed.is_for(except), "{what}");
        let draft = Draft::new(name("a"), "X", "\"é\\u00e9", None);
        assert_eq!(sealed.text(), draft.text(), "{what}: byte for byte");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_and_goes_while_many_publish_gets_everything_once_and_in_order() {
    const EACH: usize = 150;
    for Tried { what, broker, passed, .. } in all() {
        let broker: Arc<dyn Broker> = Arc::from(broker);
        let publishing: Vec<_> = (0..4)
            .map(|publisher| {
                let broker = Arc::clone(&broker);
                tokio::spawn(async move {
                    for n in 0..EACH {
                        let draft = Draft::new(name(&format!("b.{publisher}")), "X", &n.to_string(), None);
                        broker.publish(vec![draft]).await.expect("kept");
                    }
                })
            })
            .collect();
        let heard = Arc::new(interests(&["b.*"]));
        let mut after = 0;
        let mut told: BTreeMap<u64, ChannelName> = BTreeMap::new();
        while told.len() < 4 * EACH {
            let mut last = false;
            let batch = match broker.since(&heard, after, 7, &mut || last = true).expect("nothing is gone") {
                Past::Here(batch) => batch,
                Past::OnDisk(fetch) => fetch.await.expect("read"),
            };
            for sealed in &batch.frames {
                let offset = sealed.position().expect("a position").offset;
                assert!(offset > after, "{what}");
                assert_eq!(told.insert(offset, sealed.channel().clone()), None, "{what}");
            }
            after = batch.upto.max(after);
            if last {
                tokio::task::yield_now().await;
            }
        }
        for task in publishing {
            task.await.expect("published");
        }
        let expected: Vec<u64> = (1..=4 * EACH as u64).collect();
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), expected, "{what}");
        assert_eq!(*passed.lock().unwrap_or_else(PoisonError::into_inner), expected, "{what}");
    }
}

/// A history on disk that begins anew on the same folder.
fn again(
    folder: &TempDir,
    bounds: Bounds,
    on_store_error: OnStoreError,
) -> (Box<dyn Broker>, Arc<Mutex<Vec<u64>>>) {
    open(&Engine::Journal { journal: journal(folder), on_store_error }, bounds)
}

#[tokio::test]
async fn a_restart_of_a_history_on_disk_loses_nothing_and_reminds_of_cache_channels() {
    let folder = tempfile::tempdir().expect("a folder");
    let bounds = Bounds::lasting(Duration::from_secs(60));
    let (broker, _) = again(&folder, bounds, OnStoreError::Refuse);
    let first = publish(&*broker, "a").await;
    for channel in ["cache-x", "private-cache-y", "cache-x", "a"] {
        publish(&*broker, channel).await;
    }
    drop(broker);
    let (broker, passed) = again(&folder, bounds, OnStoreError::Refuse);
    assert_eq!(*passed.lock().expect("no panic"), [3, 4], "the last of each cache channel, oldest first");
    let joined = broker.join(&wanted("a"), Some(first), &mut |after, head| {
        assert_eq!((after, head), (Some(1), 5));
    });
    assert_eq!(joined, Joined { head: Position { offset: 5, ..first }, missed: None });
    assert_eq!(since(&*broker, "a", 0, 10).await, Some(vec![1, 5]));
    assert_eq!(publish(&*broker, "a").await, Position { offset: 6, ..first });
    assert_eq!(since(&*broker, "a", 1, 10).await, Some(vec![5, 6]), "from the disk and from memory");
}

#[tokio::test]
async fn two_apps_share_a_disk_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = journal(&folder);
    let bounds = Bounds::lasting(Duration::from_secs(60));
    let open = |app: &str| {
        Journalled::open(journal.clone(), app, bounds, Box::new(|_| {}), OnStoreError::Refuse)
            .expect("a history")
    };
    let (one, other) = (open("one"), open("other"));
    for _ in 0..3 {
        publish(&one, "a").await;
        publish(&other, "a").await;
    }
    drop((one, other));
    let (one, other) = (open("one"), open("other"));
    let heard = [since(&one, "a", 0, 10).await.expect("all"), since(&other, "a", 0, 10).await.expect("all")];
    assert_eq!(heard, [vec![1, 3, 5], vec![2, 4, 6]]);
    assert_eq!(Reader::open(folder.path()).expect("a reader").logs().expect("logs"), ["one", "other"]);
}
