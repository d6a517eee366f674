//! Files that are broken, foreign, newer, missing or older than they were.

use std::fs;
use std::path::Path;

use frontdesk::journal::{Error, Folder, Journal, Reader};
use frontdesk::time::Clock;
use rand::{RngExt, SeedableRng};

use crate::support::{NOW, all, at, copy, entry, files, is, open, open_told, options};

/// Three days of a hundred entries each. Returns the epoch.
fn three_days(folder: &Path) -> u64 {
    let clock = Clock::manual(at("2026-11-22T12:00:00Z"));
    let (journal, _) = open_told(folder, &options(&clock));
    for day in 0..3_u64 {
        clock.set(
            at("2026-11-22T12:00:00Z")
                + jiff::SignedDuration::from_hours(24) * i32::try_from(day).expect("small"),
        );
        let entries = (1..=100).map(|n| entry("one", day * 100 + n)).collect();
        journal.append_blocking(entries).expect("kept");
    }
    assert_eq!(files(folder, ".sqlite").len(), 3);
    journal.epoch()
}

fn reopened(folder: &Path) -> (Journal, Vec<String>) {
    open_told(folder, &options(&Clock::manual(at(NOW))))
}

#[test]
fn a_broken_day_is_set_aside_and_what_was_before_it_is_gone_for_who_comes_back() {
    for (broken, left, gone) in [(0, 200, 100), (1, 200, 200)] {
        let place = tempfile::tempdir().expect("a folder");
        let epoch = three_days(place.path());
        let file = &files(place.path(), ".sqlite")[broken];
        // What a reader was the last to close still lies beside the file, and would heal it.
        let _ = fs::remove_file(format!("{}-wal", file.display()));
        fs::write(file, vec![0x55; 8192]).expect("broken");
        let (journal, notes) = reopened(place.path());
        let aside = format!("{}.broken", file.display());
        assert!(notes.len() == 1 && notes[0].contains(&aside), "{notes:?}");
        assert_eq!(fs::read(&aside).expect("set aside"), vec![0x55; 8192]);
        assert_eq!((journal.epoch(), journal.last()), (epoch, 300));
        assert_eq!(all(place.path()).len(), left);
        let mut reader = Reader::open(place.path()).expect("a reader");
        let since = |reader: &mut Reader, after| {
            reader
                .since("one", (after, u64::MAX), 1000, &|_| Some(0))
                .expect("read")
                .map(|page| page.records.len() as u64)
        };
        assert_eq!(since(&mut reader, gone), Some(300 - gone));
        assert_eq!(since(&mut reader, gone - 1), None, "never a part of it");
        journal.append_blocking(vec![entry("one", 301)]).expect("kept");
    }
}

#[test]
fn a_history_whose_newest_part_is_lost_or_older_is_another_and_gives_no_offset_twice() {
    type Damage = fn(&Path, &Path);
    let damages: [(&str, Damage); 5] = [
        ("the newest file is broken", |folder, _| {
            fs::write(
                files(folder, ".sqlite").pop().expect("a file"),
                "no database, but long enough to be read as one",
            )
            .expect("broken");
        }),
        ("the newest file is missing", |folder, _| {
            fs::remove_file(files(folder, ".sqlite").pop().expect("a file")).expect("removed");
        }),
        ("all files are missing", |folder, _| {
            for file in files(folder, ".sqlite") {
                fs::remove_file(file).expect("removed");
            }
        }),
        ("nothing says how far it had come", |folder, _| {
            fs::remove_file(folder.join("head")).expect("removed");
        }),
        ("an older copy was put back over it", |folder, older| {
            for file in files(folder, "") {
                fs::remove_file(file).expect("removed");
            }
            copy(older, folder);
        }),
    ];
    for (what, damage) in damages {
        let place = tempfile::tempdir().expect("a folder");
        let older = tempfile::tempdir().expect("a folder");
        let epoch = three_days(place.path());
        copy(place.path(), older.path());
        let journal = open(place.path());
        journal.append_blocking((301..=310).map(|n| entry("one", n)).collect()).expect("kept");
        drop(journal);
        damage(place.path(), older.path());
        let (journal, notes) = reopened(place.path());
        assert_ne!(journal.epoch(), epoch, "{what}");
        assert!(notes.iter().any(|note| note.contains("begins anew")), "{what}: {notes:?}");
        let offsets = journal.append_blocking(vec![entry("one", 1)]).expect("kept");
        if !what.contains("copy") && !what.contains("nothing says") {
            assert_eq!(offsets.start, 311, "{what}");
        }
        let mut reader = Reader::open(place.path()).expect("a reader");
        let page = reader
            .since("one", (offsets.start - 1, u64::MAX), 9, &|_| Some(0))
            .expect("read")
            .expect("nothing is gone");
        assert_eq!(page.records.len(), 1, "{what}");
        let epoch = journal.epoch();
        drop(journal);
        assert_eq!(open(place.path()).epoch(), epoch, "{what}: and from there on it is the same");
    }
}

#[test]
fn files_torn_and_cut_anywhere_never_keep_a_history_from_opening_and_never_lie() {
    let place = tempfile::tempdir().expect("a folder");
    let journal = open(place.path());
    for n in (1..=200).step_by(10) {
        journal.append_blocking((n..n + 10).map(|n| entry("one", n)).collect()).expect("kept");
    }
    // As a crash leaves it: the newest is in the file that collects.
    let crashed = tempfile::tempdir().expect("a folder");
    copy(place.path(), crashed.path());
    let head = fs::read(place.path().join("head")).expect("a head");
    let epoch = journal.epoch();
    drop(journal);
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(17);
    let mut same = 0;
    for round in 0..60 {
        // The head must be no copy: it is the original that tells.
        for file in files(place.path(), "") {
            let name = file.file_name().expect("a name").to_owned();
            if name != "head" && name != "lock" {
                fs::remove_file(file).expect("removed");
            }
        }
        for file in files(crashed.path(), "") {
            let name = file.file_name().expect("a name");
            if name != "head" {
                fs::copy(&file, place.path().join(name)).expect("a copy");
            }
        }
        fs::write(place.path().join("head"), &head).expect("as it was");
        let victims = [files(place.path(), ".sqlite"), files(place.path(), "-wal")].concat();
        let victim = &victims[random.random_range(0..victims.len())];
        let mut bytes = fs::read(victim).expect("a file");
        if random.random() {
            bytes.truncate(random.random_range(0..=bytes.len()));
        } else if !bytes.is_empty() {
            let from = random.random_range(0..bytes.len());
            let upto = (from + 512).min(bytes.len());
            random.fill(&mut bytes[from..upto]);
        }
        fs::write(victim, &bytes).expect("damaged");
        let (journal, _) = reopened(place.path());
        journal.append_blocking(vec![entry("one", 1000)]).expect("it can be written");
        if journal.epoch() == epoch {
            same += 1;
            let mut reader = Reader::open(place.path()).expect("a reader");
            // What it has is true, or it says that it can't be read.
            if let Ok(Some(page)) = reader.since("one", (0, u64::MAX), 1000, &|_| Some(0)) {
                let old = page.records.iter().filter(|record| record.offset <= 200).collect::<Vec<_>>();
                assert_eq!(old.len(), 200, "round {round}: all or nothing");
                assert!((1..).zip(old).all(|(n, record)| is(record, &entry("one", n))), "round {round}");
            }
        }
    }
    assert!(same > 5, "some damage changes nothing: {same}");
}

#[test]
fn a_file_of_somebody_else_is_set_aside_unchanged() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("000001-2026-11-24.sqlite");
    let theirs = rusqlite::Connection::open(&path).expect("a database");
    theirs
        .execute_batch("CREATE TABLE guests (name TEXT); INSERT INTO guests VALUES ('Sari')")
        .expect("a table");
    drop(theirs);
    let before = fs::read(&path).expect("a file");
    let (journal, notes) = reopened(place.path());
    assert!(notes[0].contains("no history of frontdesk"), "{notes:?}");
    assert_eq!(fs::read(place.path().join("000001-2026-11-24.sqlite.broken")).expect("set aside"), before);
    journal.append_blocking(vec![entry("one", 1)]).expect("kept");
    drop(journal);
    fs::write(
        files(place.path(), ".sqlite").pop().expect("ours"),
        "theirs again, and longer than a header must be ........................................",
    )
    .expect("broken");
    reopened(place.path());
    assert_eq!(files(place.path(), ".broken").len(), 2, "nothing is ever lost");
}

#[test]
fn a_history_of_a_newer_program_is_left_alone_and_both_versions_are_named() {
    let place = tempfile::tempdir().expect("a folder");
    open(place.path()).append_blocking(vec![entry("one", 1)]).expect("kept");
    let path = &files(place.path(), ".sqlite")[0];
    let newer = rusqlite::Connection::open(path).expect("the file");
    newer.pragma_update(None, "user_version", 99).expect("a version");
    drop(newer);
    let before = fs::read(path).expect("a file");
    let opened = Journal::open(Folder::claim(place.path()).expect("ours"), options(&Clock::system()));
    let errors = [opened.expect_err("refused"), Reader::open(place.path()).expect_err("refused")];
    for error in errors {
        assert!(matches!(error, Error::Newer { found: 99, known: 1, .. }));
        let text = error.to_string();
        assert!(text.contains("99") && text.contains('1') && text.contains("newer frontdesk"), "{text}");
    }
    assert_eq!(fs::read(path).expect("a file"), before);
}

#[test]
fn a_file_that_was_never_finished_is_no_obstacle() {
    let place = tempfile::tempdir().expect("a folder");
    let epoch = three_days(place.path());
    fs::write(place.path().join("000004-2026-11-25.sqlite"), "").expect("an empty file");
    let (journal, _) = reopened(place.path());
    assert_eq!((journal.epoch(), journal.last()), (epoch, 300));
    assert_eq!(journal.append_blocking(vec![entry("one", 301)]), Ok(301..302));
}
