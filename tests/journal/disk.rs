//! The disk refuses, and comes back.

use std::fs;

use frontdesk::journal::{Journal, Options, StoreError};
use frontdesk::time::Clock;

use crate::support::{NOW, all, at, entry, files, is, open, open_told, options};

/// Appends until it is kept again; the journal tries by itself four times a second.
fn heals(journal: &Journal, n: u64) -> std::ops::Range<u64> {
    loop {
        if let Ok(offsets) = journal.append_blocking(vec![entry("one", n)]) {
            return offsets;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_full_disk_refuses_with_its_reason_and_nothing_refused_is_ever_there() {
    let place = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual(at(NOW));
    let (journal, _) = open_told(place.path(), &Options { day_bytes: Some(256 << 10), ..options(&clock) });
    let mut kept = 0;
    let refused = loop {
        let mut large = entry("one", kept + 1);
        large.data = "x".repeat(10_000);
        match journal.append_blocking(vec![large.clone(), large]) {
            Ok(offsets) => kept = offsets.end - 1,
            Err(refused) => break refused,
        }
        assert!(kept < 1000, "there is an end");
    };
    let StoreError::Refused(reason) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("full"), "{reason}");
    assert_eq!(journal.healthy(), Err(reason));
    assert!(kept > 2);
    assert_eq!(all(place.path()).len() as u64, kept);
    // A new day brings a new file.
    clock.set(at("2026-11-25T00:00:01Z"));
    let offsets = heals(&journal, 1);
    assert_eq!(offsets, kept + 1..kept + 2);
    assert_eq!(journal.healthy(), Ok(()));
    assert_eq!(all(place.path()).len() as u64, kept + 1);
}

#[test]
fn a_folder_that_goes_away_and_comes_back_heals_without_a_restart() {
    let parent = tempfile::tempdir().expect("a folder");
    let (here, away) = (parent.path().join("here"), parent.path().join("away"));
    let clock = Clock::manual(at(NOW));
    let (journal, _) = open_told(&here, &options(&clock));
    journal.append_blocking(vec![entry("one", 1)]).expect("kept");
    fs::rename(&here, &away).expect("moved");
    // The open file is still there; the next day's can't be made.
    clock.set(at("2026-11-25T00:00:01Z"));
    let refused = journal.append_blocking(vec![entry("one", 2)]).expect_err("refused");
    assert!(matches!(refused, StoreError::Refused(_)) && journal.healthy().is_err());
    fs::rename(&away, &here).expect("moved back");
    assert_eq!(heals(&journal, 3), 2..3);
    let kept = all(&here);
    assert!(kept.len() == 2 && is(&kept[0], &entry("one", 1)) && is(&kept[1], &entry("one", 3)));
}

#[test]
fn a_file_that_breaks_while_it_is_written_is_set_aside_and_writing_goes_on() {
    let place = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual(at(NOW));
    let (journal, _) = open_told(place.path(), &Options { day_bytes: Some(256 << 10), ..options(&clock) });
    journal.append_blocking(vec![entry("one", 1)]).expect("kept");
    // Somebody writes over it, and the writer, which has failed once, opens it anew.
    let mut large = entry("one", 0);
    large.data = "x".repeat(300_000);
    let path = files(place.path(), ".sqlite").pop().expect("the file");
    journal.append_blocking(vec![large]).expect_err("too large for the file");
    for file in files(place.path(), "") {
        if file.to_str().expect("UTF-8").starts_with(path.to_str().expect("UTF-8")) && file != path {
            fs::remove_file(file).expect("removed");
        }
    }
    fs::write(
        &path,
        "not a database at all, though long enough to be taken for one, were it not for this text",
    )
    .expect("broken");
    let offsets = heals(&journal, 2);
    assert_eq!(offsets, 2..3, "no offset is given twice");
    assert!(!files(place.path(), ".broken").is_empty());
    drop(journal);
    let journal = open(place.path());
    assert_eq!(journal.last(), 2);
}
