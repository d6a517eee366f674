//! Whatever is asked, the answer is what a look at everything would give.

use frontdesk::journal::{Entry, Query, Reader};
use frontdesk::time::Clock;
use rand::{RngExt, SeedableRng};

use crate::support::{at, entry, open, open_told, options};

/// From where on a channel is wanted, if it is.
type Floor<'a> = &'a dyn Fn(&str) -> Option<u64>;

/// Entries over three days, in two logs, of many channels and few.
fn many(count: u64) -> Vec<Entry> {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let start = at("2026-11-22T00:00:00Z");
    (0..count)
        .map(|n| {
            let mut entry = entry(if random.random_range(0..4) == 0 { "other" } else { "one" }, n);
            let pace = i64::try_from(n * 3 * 86_400 / count).expect("small");
            entry.at = start + jiff::SignedDuration::from_secs(pace - random.random_range(0..600));
            entry.channel = match random.random_range(0..10) {
                0..=5 => "private-staff".to_owned(),
                6..=8 => format!("private-booking.{}", random.random_range(0..40)),
                _ => format!("presence-{}", random.random_range(0..3)),
            };
            entry.event = format!("Event{}", random.random_range(0..4));
            entry
        })
        .collect()
}

#[test]
fn every_combination_of_questions_gets_what_a_look_at_everything_finds() {
    let place = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual(at("2026-11-22T00:00:00Z"));
    let (journal, _) = open_told(place.path(), &options(&clock));
    let entries = many(12_000);
    for some in entries.chunks(500) {
        clock.set(some[0].at.max(clock.now()));
        journal.append_blocking(some.to_vec()).expect("kept");
    }
    let mut reader = Reader::open(place.path()).expect("a reader");
    let times = [None, Some(at("2026-11-22T18:00:00Z")), Some(at("2026-11-23T12:00:00Z"))];
    let channels: [&dyn Fn(&str) -> bool; 4] =
        [&|_| true, &|name| name == "presence-1", &|name| name.starts_with("private-booking."), &|name| {
            name == "nobody"
        }];
    let events: [&dyn Fn(&str) -> bool; 2] = [&|_| true, &|name| name == "Event2"];
    for log in [None, Some("other")] {
        for (from, until) in times.into_iter().flat_map(|from| times.map(|until| (from, until))) {
            for channel in channels {
                for event in events {
                    let expected: Vec<u64> = (1..)
                        .zip(&entries)
                        .filter(|(_, entry)| {
                            log.is_none_or(|log| log == &*entry.log)
                                && from.is_none_or(|from| entry.at >= from)
                                && until.is_none_or(|until| entry.at < until)
                                && channel(&entry.channel)
                                && event(&entry.event)
                        })
                        .map(|(offset, _)| offset)
                        .collect();
                    for newest_first in [false, true] {
                        let query = Query { log, from, until, channel, event, newest_first, text: None };
                        let found = reader.find(query).expect("found");
                        let mut found: Vec<u64> = found.map(|record| record.expect("read").offset).collect();
                        if newest_first {
                            found.reverse();
                        }
                        assert!(found == expected, "{log:?} {from:?} {until:?} {newest_first}");
                    }
                }
            }
        }
    }
}

#[test]
fn who_comes_back_gets_everything_wanted_once_in_order_in_pages_of_any_size() {
    let place = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual(at("2026-11-22T00:00:00Z"));
    let (journal, _) = open_told(place.path(), &options(&clock));
    let entries = many(3000);
    for some in entries.chunks(100) {
        clock.set(some[0].at.max(clock.now()));
        journal.append_blocking(some.to_vec()).expect("kept");
    }
    let mut reader = Reader::open(place.path()).expect("a reader");
    let wanted: [Floor<'_>; 4] = [
        &|_| Some(0),
        &|name| (name == "presence-1").then_some(1500),
        &|name| name.starts_with("private-booking.").then_some(if name.ends_with('7') { 2000 } else { 700 }),
        &|_| None,
    ];
    for wanted in wanted {
        for most in [1, 7, 256, 5000] {
            for start in [0, 1, 999, 2999, 3000] {
                if most == 1 && start < 2000 {
                    continue;
                }
                let expected: Vec<u64> = (1..)
                    .zip(&entries)
                    .filter(|(offset, entry)| {
                        &*entry.log == "one"
                            && *offset > start
                            && wanted(&entry.channel).is_some_and(|floor| *offset > floor)
                    })
                    .map(|(offset, _)| offset)
                    .collect();
                let mut found = Vec::new();
                let mut after = start;
                loop {
                    let page = reader
                        .since("one", (after, u64::MAX), most, wanted)
                        .expect("read")
                        .expect("nothing is gone");
                    assert!(page.records.len() <= most && page.upto >= after);
                    found.extend(page.records.iter().map(|record| record.offset));
                    if page.last {
                        break;
                    }
                    assert!(page.upto > after, "it gets on");
                    after = page.upto;
                }
                assert_eq!(found, expected, "{most} {start}");
            }
        }
    }
}

#[test]
fn words_are_found_as_a_reader_sees_them_in_what_was_written_a_moment_ago() {
    let place = tempfile::tempdir().expect("a folder");
    let journal = open(place.path());
    let told = [
        r#"{"name":"Jos\u00e9 Sari","note":"table\/two"}"#,
        r#"{"name":"Budi Santoso"}"#,
        "no JSON, but José",
        r#"{"name":"Sari Dewi"}"#,
    ];
    let entries = told.iter().map(|data| {
        let mut entry = entry("one", 1);
        (*data).clone_into(&mut entry.data);
        entry
    });
    journal.append_blocking(entries.collect()).expect("kept");
    let mut reader = Reader::open(place.path()).expect("a reader");
    let mut search = |text: &str, newest_first| {
        let query = Query { text: Some(text), newest_first, ..Query::default() };
        let found = reader.find(query).expect("found");
        found.map(|record| record.expect("read").offset).collect::<Vec<_>>()
    };
    for (text, expected) in [
        ("José", &[1, 3][..]),
        ("jose", &[1, 3]),
        ("sari", &[1, 4]),
        ("sari jos", &[1]),
        ("two", &[1]),
        ("antoso", &[]),
        ("sant", &[2]),
        ("private-booking", &[1, 2, 3, 4]),
        ("\" OR 1", &[]),
        ("***", &[]),
    ] {
        assert_eq!(search(text, false), expected, "{text}");
        let reversed: Vec<u64> = expected.iter().rev().copied().collect();
        assert_eq!(search(text, true), reversed, "{text}");
    }
}
