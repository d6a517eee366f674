//! With a history on disk: a restart loses nothing, and a disk that refuses is said.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use frontdesk::journal::{self, Entry, Folder, Journal};
use frontdesk::protocol::op::Recovery;
use frontdesk::protocol::{Position, ServerOp};
use frontdesk::relay::{Engine, OnStoreError, Options};
use frontdesk::time::Clock;

use crate::support::{Running, is_ack, options, within};

const DAY: Duration = Duration::from_secs(86_400);

/// A history whose files hold no more than this, and whose day is the clock's.
fn journal(folder: &Path, clock: &Clock, day_bytes: Option<u64>, leaves_holes: bool) -> Journal {
    let options = journal::Options { keep: 7 * DAY, day_bytes, leaves_holes, clock: clock.clone() };
    let (journal, notes) = Journal::open(Folder::claim(folder).expect("ours"), options).expect("a history");
    assert_eq!(notes, Vec::<String>::new());
    journal
}

fn on(journal: Journal, on_store_error: OnStoreError) -> Options {
    Options { engine: Engine::Journal { journal, on_store_error }, ..options() }
}

fn recovery(op: ServerOp) -> Recovery {
    match op {
        ServerOp::Subscribed { recovery: Some(recovery), .. } => recovery,
        other => panic!("not a native acknowledgement: {other:?}"),
    }
}

async fn get(relay: &Running, path: &str) -> (u16, String) {
    let reply = relay.http(&format!("GET {path} HTTP/1.1"), b"").await;
    (reply.status, reply.body)
}

async fn stopped(mut relay: Running) {
    relay.stop();
    relay.ended().await.expect("drained");
}

#[tokio::test]
async fn a_restart_keeps_epoch_and_offsets_and_what_was_missed_around_it_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::system();
    let relay =
        Running::start_with(on(journal(folder.path(), &clock, None, false), OnStoreError::Refuse)).await;
    let mut desk = relay.native().await;
    let start = recovery(desk.subscribe("private-staff").await).head;
    relay.publish("private-staff", "First", "1").await;
    let heard = desk.event().await.position.expect("a position");
    assert_eq!(heard, Position { offset: 1, ..start });
    desk.leave().await;
    relay.publish("private-staff", "Missed", "2").await;
    relay.publish("cache-prices", "Price", "3").await;
    stopped(relay).await;
    let relay =
        Running::start_with(on(journal(folder.path(), &clock, None, false), OnStoreError::Refuse)).await;
    relay.publish("private-staff", "Later", "4").await;
    let mut desk = relay.native().await;
    let told = recovery(desk.subscribe_since("private-staff", Some(heard)).await);
    assert_eq!((told.recovered, told.head), (true, Position { offset: 4, ..start }));
    for (event, data, offset) in [("Missed", "2", 2), ("Later", "4", 4)] {
        let heard = desk.event().await;
        assert_eq!((&*heard.event, &*heard.data, heard.offset()), (event, data, offset));
    }
    let mut browser = relay.desk().await;
    assert!(is_ack(&browser.subscribe("cache-prices").await, "cache-prices"));
    assert_eq!(browser.event().await.event, "Price", "the last event of a cache channel, from before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_absence_is_covered_from_the_disk_and_from_memory_while_others_publish() {
    const BEFORE: u64 = 30_000;
    const WHILE: u64 = 300;
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::system();
    let history = journal(folder.path(), &clock, None, false);
    for from in (0..BEFORE).step_by(1000) {
        let entries = (from..from + 1000).map(|n| Entry {
            log: Arc::from("1001"),
            at: clock.now(),
            channel: format!("private-booking.{}", n % 50),
            event: "Missed".into(),
            data: n.to_string(),
            note: String::new(),
        });
        history.append(entries.collect()).await.expect("kept");
    }
    let epoch = frontdesk::protocol::Epoch(history.epoch());
    let relay = Arc::new(Running::start_with(on(history, OnStoreError::Refuse)).await);
    let publishing = tokio::spawn({
        let relay = Arc::clone(&relay);
        async move {
            for n in 0..WHILE {
                relay.publish("private-booking.1", "Live", &(BEFORE + n).to_string()).await;
            }
        }
    });
    for name in ["private-booking.*", "private-booking.1"] {
        let mut desk = relay.native().await;
        let told = recovery(desk.subscribe_since(name, Some(Position { epoch, offset: 0 })).await);
        assert!(told.recovered, "{name}");
        let expected =
            (0..BEFORE).filter(|n| name.ends_with('*') || n % 50 == 1).chain(BEFORE..BEFORE + WHILE);
        for n in expected {
            let heard = desk.event().await;
            assert_eq!(
                (heard.data, heard.position.expect("a position").offset),
                (n.to_string(), n + 1),
                "{name}"
            );
        }
    }
    publishing.await.expect("published");
}

/// Publishes until the disk is full; how many were kept.
async fn fill(relay: &Running) -> u64 {
    let data = "x".repeat(20_000);
    for kept in 0..1000 {
        let body = serde_json::json!({"name": "Large", "channel": "a", "data": data}).to_string();
        let reply = relay.post(&body).await;
        if get(relay, "/ready").await.1 != "OK\n" {
            return if reply.status == 200 { kept + 1 } else { kept };
        }
        assert_eq!(reply.status, 200);
    }
    panic!("it is never full");
}

#[tokio::test]
async fn a_full_disk_refuses_with_503_and_says_so_where_it_is_asked_until_it_heals_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual("2026-11-24T12:00:00Z".parse().expect("a time"));
    let history = journal(folder.path(), &clock, Some(256 << 10), false);
    let relay = Running::start_with(on(history, OnStoreError::Refuse)).await;
    let mut desk = relay.native().await;
    recovery(desk.subscribe("a").await);
    let kept = fill(&relay).await;
    let (status, body) = get(&relay, "/ready").await;
    assert_eq!(status, 503);
    assert!(body.contains("full"), "{body}");
    assert_eq!(get(&relay, "/live").await.0, 200);
    let refused = relay.post(r#"{"name":"Refused","channel":"a","data":"1"}"#).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    for _ in 0..kept {
        assert_eq!(desk.event().await.event, "Large");
    }
    desk.hears_nothing_more().await;
    // A new day brings a new file.
    clock.set("2026-11-25T00:00:01Z".parse().expect("a time"));
    let healed = async {
        while get(&relay, "/ready").await.0 != 200 {
            tokio::task::yield_now().await;
        }
    };
    within("the disk to heal", healed).await;
    relay.publish("a", "Kept", "2").await;
    let heard = desk.event().await;
    assert_eq!((&*heard.event, heard.offset()), ("Kept", kept + 1));
}

#[tokio::test]
async fn what_is_delivered_without_being_kept_is_a_gap_for_who_was_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual("2026-11-24T12:00:00Z".parse().expect("a time"));
    let history = journal(folder.path(), &clock, Some(256 << 10), true);
    let relay = Running::start_with(on(history, OnStoreError::Deliver)).await;
    let mut desk = relay.native().await;
    let mut last_kept = recovery(desk.subscribe("a").await).head;
    fill(&relay).await;
    let (status, body) = get(&relay, "/ready").await;
    assert!(status == 200 && body.contains("without being kept"), "{status} {body}");
    relay.publish("a", "Unkept", "1").await;
    loop {
        let heard = desk.event().await;
        match heard.position {
            Some(position) => last_kept = position,
            None if heard.event == "Unkept" => break,
            None => assert_eq!(heard.event, "Large", "the one for which there was no room"),
        }
    }
    let away = |since| {
        let relay = &relay;
        async move {
            let mut desk = relay.native().await;
            let told = recovery(desk.subscribe_since("a", Some(since)).await);
            (told.recovered, told.head)
        }
    };
    assert!(!away(last_kept).await.0, "it may have missed what was not kept");
    clock.set("2026-11-25T00:00:01Z".parse().expect("a time"));
    let healed = async {
        while get(&relay, "/ready").await.1 != "OK\n" {
            tokio::task::yield_now().await;
        }
    };
    within("the disk to heal", healed).await;
    relay.publish("a", "Kept", "2").await;
    let first = desk.event().await.position.expect("a position");
    assert!(first.offset > last_kept.offset + 1, "the hole has a place of its own");
    assert!(!away(last_kept).await.0);
    assert!(away(first).await.0);
    stopped(relay).await;
    // The same after a restart.
    let history = journal(folder.path(), &clock, None, true);
    let relay = Running::start_with(on(history, OnStoreError::Deliver)).await;
    for (since, recovered) in [(last_kept, false), (first, true)] {
        let mut desk = relay.native().await;
        assert_eq!(recovery(desk.subscribe_since("a", Some(since)).await).recovered, recovered);
    }
}
