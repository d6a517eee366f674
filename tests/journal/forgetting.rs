//! What a guest left behind goes without a trace; and a copy is made of what is there.

use std::fs;
use std::path::{Path, PathBuf};

use frontdesk::journal::{Query, Reader, backup, count, forget};
use frontdesk::time::Clock;

use crate::support::{NOW, all, at, entry, files, offsets, open, open_told, options};

/// The files in which some bytes are found.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut holding = files(folder, "");
    holding.retain(|path| {
        // What is gone meanwhile holds nothing.
        fs::read(path).is_ok_and(|content| content.windows(bytes.len()).any(|window| window == bytes))
    });
    holding
}

fn search(folder: &Path, text: &str) -> Vec<u64> {
    let mut reader = Reader::open(folder).expect("a reader");
    let query = Query { text: Some(text), ..Query::default() };
    reader.find(query).expect("found").map(|record| record.expect("read").offset).collect()
}

#[test]
fn a_guest_is_forgotten_in_files_and_index_while_the_history_is_written_and_its_place_stays_taken() {
    let place = tempfile::tempdir().expect("a folder");
    let journal = open(place.path());
    let told = [
        r#"{"name":"Rahayu Kusumawardhani"}"#,
        r#"{"name":"Budi"}"#,
        r#"{"name":"RAHAYU \u004busumawardhani"}"#,
        r#"{"note":"for rahayu kusumawardhani"}"#,
    ];
    for round in 0..300 {
        let entries = told.iter().map(|data| {
            let mut entry = entry("one", round);
            (*data).clone_into(&mut entry.data);
            entry
        });
        journal.append_blocking(entries.collect()).expect("kept");
    }
    // Some of it is indexed by now, some may not be: both have to go.
    while files(place.path(), ".index").is_empty() {
        std::thread::yield_now();
    }
    let guest = "rahayu kusumawardhani";
    assert_eq!(count(place.path(), guest).expect("counted"), 900);
    assert_eq!(all(place.path()).len(), 1200, "counting changes nothing");
    assert_eq!(forget(place.path(), guest).expect("forgotten"), 900);
    assert_eq!(count(place.path(), guest).expect("counted"), 0);
    assert_eq!(offsets(&all(place.path())), (0..300).map(|n| 4 * n + 2).collect::<Vec<_>>());
    assert_eq!(search(place.path(), "Kusumawardhani"), Vec::<u64>::new());
    assert_eq!(search(place.path(), "budi").len(), 300);
    for trace in ["Kusumawardhani", "kusumawardhani", "RAHAYU", "rahayu"] {
        assert_eq!(holding(place.path(), trace.as_bytes()), Vec::<PathBuf>::new(), "{trace}");
    }
    assert_eq!(journal.append_blocking(vec![entry("one", 1)]), Ok(1201..1202));
    forget(place.path(), "number").expect("the newest, too");
    let epoch = journal.epoch();
    drop(journal);
    let journal = open(place.path());
    assert_eq!((journal.epoch(), journal.last()), (epoch, 1201), "what is forgotten is no loss");
}

#[test]
fn a_copy_made_while_it_is_written_is_whole_up_to_one_moment_and_begins_an_epoch_of_its_own() {
    let place = tempfile::tempdir().expect("a folder");
    let target = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual(at("2026-11-23T12:00:00Z"));
    let (journal, _) = open_told(place.path(), &options(&clock));
    journal.append_blocking((1..=100).map(|n| entry("one", n)).collect()).expect("kept");
    clock.set(at(NOW));
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for n in 101..=1000 {
                journal.append_blocking(vec![entry("one", n)]).expect("kept");
            }
        });
        for n in 0..5 {
            let to = target.path().join(n.to_string());
            backup(place.path(), &to).expect("copied");
            let copied = offsets(&all(&to));
            assert!(copied.len() >= 100);
            assert_eq!(copied, (1..=copied.len() as u64).collect::<Vec<_>>());
        }
        writing.join().expect("written");
    });
    let to = target.path().join("0");
    backup(place.path(), &to).expect_err("a copy is never written over");
    assert_eq!(backup(place.path(), &target.path().join("last")).expect("copied"), 2);
    let (restored, notes) = open_told(&target.path().join("last"), &options(&Clock::manual(at(NOW))));
    assert_ne!(restored.epoch(), journal.epoch());
    assert_eq!((restored.last(), notes.len()), (1000, 1));
}

#[cfg(unix)]
#[test]
fn everything_is_for_its_owners_eyes_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().expect("a folder");
    let journal = open(place.path());
    journal.append_blocking(vec![entry("one", 1)]).expect("kept");
    while files(place.path(), ".index").is_empty() {
        std::thread::yield_now();
    }
    let copy = place.path().join("copy");
    backup(place.path(), &copy).expect("copied");
    for file in [files(place.path(), ""), files(&copy, "")].concat() {
        // What collects comes and goes.
        let Ok(metadata) = fs::metadata(&file) else { continue };
        assert!(metadata.is_dir() || metadata.permissions().mode() & 0o777 == 0o600, "{}", file.display());
    }
}
