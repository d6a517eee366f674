//! The process is killed, at any moment.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use frontdesk::journal::{Folder, Journal};
use frontdesk::time::Clock;
use rand::{RngExt, SeedableRng};

use crate::support::{all, entry, is, open_told, options};

const FOLDER: &str = "FRONTDESK_TEST_CRASH_FOLDER";

/// Not a test: the process that is killed. It writes, and prints every offset once it is acknowledged.
#[test]
fn writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Folder::claim(Path::new(&folder)).expect("the folder of the one that was killed");
    let (journal, _) = Journal::open(folder, options(&Clock::system())).expect("a history");
    let mut next = journal.last() + 1;
    loop {
        let entries: Vec<_> = (next..next + 1 + next % 20).map(|n| entry("one", n)).collect();
        let count = entries.len() as u64;
        let (tell, told) = std::sync::mpsc::channel();
        journal.append_then(entries, move |stored| tell.send(stored).expect("heard"));
        let offsets = told.recv().expect("told").expect("kept");
        assert_eq!(offsets, next..next + count);
        next = offsets.end;
        println!("acknowledged {}", next - 1);
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_9_and_the_history_stays_the_same() {
    let place = tempfile::tempdir().expect("a folder");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(4711);
    let mut epoch = None;
    for _ in 0..8 {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "crash::writes_until_it_is_killed", "--nocapture"])
            .env(FOLDER, place.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let numbers = lines.map_while(Result::ok).filter_map(|line| {
            line.split_once("acknowledged ").and_then(|(_, offset)| offset.parse::<u64>().ok())
        });
        let enough = random.random_range(0..40);
        let mut acknowledged = 0;
        for (seen, offset) in numbers.enumerate() {
            acknowledged = offset;
            if seen == enough {
                break;
            }
        }
        child.kill().expect("killed");
        child.wait().expect("gone");
        assert!(acknowledged > 0, "it wrote");
        let (journal, notes) = open_told(place.path(), &options(&Clock::system()));
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(*epoch.get_or_insert(journal.epoch()), journal.epoch());
        let kept = all(place.path());
        assert!(kept.len() as u64 >= acknowledged, "{} of {acknowledged}", kept.len());
        assert!((1..).zip(&kept).all(|(n, record)| record.offset == n && is(record, &entry("one", n))));
    }
}
