//! What is acknowledged is there, once and in order, for whoever reads.

use std::sync::{Arc, Mutex};

use frontdesk::journal::{Folder, Reader, StoreError, Taking};

use crate::support::{all, entry, files, is, offsets, open};

#[tokio::test]
async fn what_was_acknowledged_is_found_by_whoever_reads_while_it_is_being_written() {
    let place = tempfile::tempdir().expect("a folder");
    let journal = open(place.path());
    let mut reader = Reader::open(place.path()).expect("a reader");
    for n in 1..=50 {
        let stored = journal.append(vec![entry("one", n)]).await;
        assert_eq!(stored, Ok(n..n + 1));
        assert_eq!(reader.head().expect("a head"), Some((journal.epoch(), n)));
        let page =
            reader.since("one", (n - 1, u64::MAX), 10, &|_| Some(0)).expect("read").expect("nothing is gone");
        assert!(page.last && page.records.len() == 1 && is(&page.records[0], &entry("one", n)));
    }
    assert_eq!(reader.logs().expect("logs"), ["one"]);
    let kept = all(place.path());
    assert_eq!(kept.len(), 50);
    assert!(
        (1..).zip(&kept).all(|(n, record)| is(record, &entry("one", n)) && record.epoch == journal.epoch())
    );
}

#[test]
fn everybody_is_told_in_the_order_of_offsets_whoever_brought_them() {
    const EACH: u64 = 400;
    let place = tempfile::tempdir().expect("a folder");
    let journal = open(place.path());
    let told = Arc::new(Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for writer in 0..4_u64 {
            let (journal, told) = (&journal, &told);
            scope.spawn(move || {
                let log = format!("log {writer}");
                for n in 0..EACH {
                    let told = Arc::clone(told);
                    let entries = (0..=n % 3).map(|m| entry(&log, n * 3 + m)).collect();
                    journal.append_then(entries, move |stored| {
                        told.lock().expect("no panic").push((writer, n, stored.expect("kept")));
                    });
                }
            });
        }
    });
    drop(journal);
    let told = told.lock().expect("no panic");
    let mut next = 1;
    let mut counts = [0; 4];
    for (writer, n, offsets) in &*told {
        assert_eq!(offsets.start, next, "nothing between");
        let count = &mut counts[usize::try_from(*writer).expect("small")];
        assert_eq!(n, count, "one writer's own order");
        *count += 1;
        next = offsets.end;
    }
    assert_eq!(counts, [EACH; 4]);
    assert_eq!(offsets(&all(place.path())), (1..next).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_restart_keeps_the_epoch_and_goes_on_with_the_offsets() {
    let place = tempfile::tempdir().expect("a folder");
    let mut epoch = None;
    for round in 0..5_u64 {
        let journal = open(place.path());
        assert_eq!(*epoch.get_or_insert(journal.epoch()), journal.epoch());
        assert_eq!(journal.last(), round * 3);
        let entries = (1..=3).map(|n| entry("one", round * 3 + n)).collect();
        assert_eq!(journal.append(entries).await, Ok(round * 3 + 1..round * 3 + 4));
    }
    assert!((1..).zip(&all(place.path())).all(|(n, record)| is(record, &entry("one", n))));
    assert_eq!(files(place.path(), ".sqlite").len(), 1, "one file a day");
}

#[tokio::test]
async fn two_histories_have_two_epochs() {
    let places = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let [one, other] = places.each_ref().map(|place| open(place.path()).epoch());
    assert_ne!(one, other);
}

#[test]
fn a_folder_has_one_writer_and_any_number_of_readers() {
    let place = tempfile::tempdir().expect("a folder");
    let journal = open(place.path());
    journal.append_blocking(vec![entry("one", 1)]).expect("kept");
    assert!(matches!(Folder::claim(place.path()), Err(Taking::Taken { pid: Some(_), .. })));
    assert_eq!(all(place.path()).len(), 1);
    drop(journal);
    open(place.path());
}

#[test]
fn nothing_is_nothing_and_needs_no_place() {
    let place = tempfile::tempdir().expect("a folder");
    let journal = open(place.path());
    assert_eq!(journal.append_blocking(Vec::new()), Ok(1..1));
    assert_eq!(journal.append_blocking(vec![entry("one", 1)]), Ok(1..2));
}

#[test]
fn who_comes_when_too_much_waits_is_told_at_once_and_what_waited_is_kept() {
    let place = tempfile::tempdir().expect("a folder");
    let journal = open(place.path());
    journal.append_blocking(vec![entry("one", 1)]).expect("kept");
    let other = rusqlite::Connection::open(&files(place.path(), ".sqlite")[0]).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("held");
    let (tell, told) = std::sync::mpsc::channel();
    let mut brought = 1_u64;
    // Some are taken before the writer waits for the file; sooner or later nothing more is.
    let refused = loop {
        let tell = tell.clone();
        journal.append_then((0..1000).map(|n| entry("one", n)).collect(), move |stored| {
            tell.send(stored).expect("heard");
        });
        if let Ok(stored) = told.try_recv() {
            break stored;
        }
        brought += 1000;
        assert!(brought < 200_000, "there is a bound");
    };
    assert_eq!(refused, Err(StoreError::Full));
    other.execute_batch("ROLLBACK").expect("let go");
    drop(journal);
    assert_eq!(all(place.path()).len() as u64, brought);
}
