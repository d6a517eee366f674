//! Days pass, clocks step, and what is too old goes.

use std::time::Duration;

use frontdesk::journal::{Options, Query, Reader};
use frontdesk::time::Clock;
use jiff::Timestamp;

use crate::support::{all, at, entry, files, offsets, open_told, options};

#[test]
fn a_clock_that_steps_changes_neither_the_order_nor_what_is_found() {
    let place = tempfile::tempdir().expect("a folder");
    let noon = at("2026-11-24T12:00:00Z");
    let clock = Clock::manual(noon);
    let (journal, _) = open_told(place.path(), &options(&clock));
    let steps = [0_i64, 60, -60, 86_400, 86_399, -30, 3 * 86_400, 0, -40 * 86_400, 10, 365 * 86_400, 20, 30];
    let mut told: Vec<(u64, Timestamp)> = Vec::new();
    for (n, step) in (1..).zip(steps) {
        let now = noon + jiff::SignedDuration::from_secs(step);
        clock.set(now);
        let mut entry = entry("one", n);
        entry.at = now;
        let offsets = journal.append_blocking(vec![entry]).expect("kept");
        told.push((offsets.start, now));
    }
    assert_eq!(offsets(&all(place.path())), (1..=13).collect::<Vec<_>>(), "the order of writing");
    let mut reader = Reader::open(place.path()).expect("a reader");
    let page = reader.since("one", (0, u64::MAX), 100, &|_| Some(0)).expect("read").expect("nothing is gone");
    assert_eq!(page.records.len(), 13);
    for from in steps {
        for until in steps {
            let [from, until] = [from, until].map(|step| noon + jiff::SignedDuration::from_secs(step));
            let query = Query { from: Some(from), until: Some(until), ..Query::default() };
            let found: Vec<_> =
                reader.find(query).expect("found").map(|record| record.expect("read").offset).collect();
            let expected: Vec<_> =
                told.iter().filter(|(_, at)| *at >= from && *at < until).map(|(offset, _)| *offset).collect();
            assert_eq!(found, expected, "{from} {until}");
        }
    }
    let epoch = journal.epoch();
    drop(journal);
    let (journal, notes) = open_told(place.path(), &options(&clock));
    assert_eq!((journal.epoch(), journal.last(), notes.len()), (epoch, 13, 0));
}

#[test]
fn what_is_older_than_what_is_kept_goes_by_the_day_and_is_known_to_be_gone_by_channel() {
    let place = tempfile::tempdir().expect("a folder");
    let day = |n: i64| at("2026-11-01T12:00:00Z") + jiff::SignedDuration::from_hours(24 * n);
    let clock = Clock::manual(day(0));
    let options = Options { keep: Duration::from_secs(2 * 86_400), ..options(&clock) };
    let named = |channel: &str, n: u64, at: Timestamp| {
        let mut entry = entry("one", n);
        entry.channel = channel.into();
        entry.at = at;
        entry
    };
    let (journal, _) = open_told(place.path(), &options);
    journal.append_blocking(vec![named("quiet", 1, day(0)), named("noisy", 2, day(0))]).expect("kept");
    for n in 1..=5_i64 {
        clock.set(day(n));
        journal.append_blocking(vec![named("noisy", 2 + n.unsigned_abs(), day(n))]).expect("kept");
    }
    let epoch = journal.epoch();
    drop(journal);
    assert_eq!(files(place.path(), ".sqlite").len(), 6);
    let mut removed = 0;
    loop {
        let (journal, notes) = open_told(place.path(), &options);
        assert_eq!((journal.epoch(), journal.last(), notes.len()), (epoch, 7, 0));
        drop(journal);
        let left = files(place.path(), ".sqlite").len();
        if left == 6 - removed {
            break;
        }
        assert_eq!(left, 5 - removed, "one at a time");
        removed += 1;
    }
    assert_eq!(removed, 3, "days 0, 1 and 2; the third is two days old, not older");
    let mut reader = Reader::open(place.path()).expect("a reader");
    let mut since = |channel: &str, after| {
        let wanted = |name: &str| (name == channel).then_some(0);
        reader.since("one", (after, u64::MAX), 100, &wanted).expect("read").map(|page| offsets(&page.records))
    };
    assert_eq!(since("noisy", 3), None);
    assert_eq!(since("noisy", 4), Some(vec![5, 6, 7]));
    assert_eq!(since("quiet", 0), None);
    assert_eq!(since("quiet", 1), Some(vec![]), "its only event was heard, whatever others have lost");
    assert_eq!(since("never", 0), Some(vec![]));
}

#[test]
fn the_newest_file_stays_however_old_it_is() {
    let place = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual(at("2026-01-01T12:00:00Z"));
    let options = options(&clock);
    let (journal, _) = open_told(place.path(), &options);
    journal.append_blocking(vec![entry("one", 1)]).expect("kept");
    drop(journal);
    clock.set(at("2027-01-01T12:00:00Z"));
    let (journal, notes) = open_told(place.path(), &options);
    assert_eq!((journal.last(), notes.len()), (1, 0));
    assert_eq!(all(place.path()).len(), 1);
}
