//! `log` over journals on disk: the shapes that scripts rely on, what is chosen, and what it says where it can't.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use frontdesk::journal::{Entry, Folder, Journal, Options};
use frontdesk::time::Clock;
use serde_json::Value;

use crate::bench::{Home, Ran};

/// The log of a dashboard's server.
const SERVER: &str = "ws://localhost:6001/app/app-key";

fn open(folder: &Path) -> Journal {
    let folder = Folder::claim(folder).expect("the folder");
    let options = Options {
        keep: Duration::from_secs(30 * 86_400),
        day_bytes: None,
        leaves_holes: false,
        clock: Clock::system(),
    };
    Journal::open(folder, options).expect("a journal").0
}

fn entry(log: &str, at: &str, channel: &str, event: &str, data: &str, note: &str) -> Entry {
    let [channel, event, data, note] = [channel, event, data, note].map(str::to_owned);
    Entry { log: Arc::from(log), at: at.parse().expect("a time"), channel, event, data, note }
}

/// What a dashboard heard.
fn heard(at: &str, channel: &str, event: &str, data: &str) -> Entry {
    let note = r#"{"is":"heard","position":"k3x9:4711","connection":1}"#;
    entry(SERVER, at, channel, &format!("App\\Events\\{event}"), data, note)
}

/// A dashboard's morning, which is still being written.
fn morning(home: &Home) -> Journal {
    let journal = open(&home.path("data/journal"));
    let arrival = |code: &str, name: &str| {
        format!(r#"{{"data":{{"booking_id":1,"booking_code":"{code}","customer_name":"{name}"}}}}"#)
    };
    let kept = journal.append_blocking(vec![
        heard("2024-01-15T08:05:00.1239Z", "private-staff", "CheckInNotification", &arrival("BK1", "Dewi")),
        heard("2024-01-15T08:06:00Z", "private-staff", "CheckOutNotification", &arrival("BK2", "Made")),
        heard("2024-01-15T08:07:00Z", "admin", "NewBookingNotification", &arrival("BK3", "Dewi Lestari")),
        heard(
            "2024-01-15T08:08:00Z",
            "private-other",
            "Unknown",
            "{\"t\":\"\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\"}",
        ),
        entry(SERVER, "2024-01-15T08:09:00Z", "", "", "nonsense", r#"{"is":"odd","reason":"no JSON"}"#),
    ]);
    kept.expect("kept");
    journal
}

fn log(home: &Home, args: &[&str]) -> Ran {
    home.run(&[&["log", "--data-dir", "data", "--timezone", "Asia/Jakarta"], args].concat())
}

/// The fields of the lines that are printed.
fn field(ran: &Ran, name: &str) -> Vec<String> {
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let value = |line| serde_json::from_str::<Value>(line).expect("JSON")[name].to_string();
    ran.stdout.lines().map(value).collect()
}

#[test]
fn a_journal_is_printed_while_it_is_written_in_the_shape_that_scripts_rely_on() {
    let home = Home::new();
    let _journal = morning(&home);
    let ran = log(&home, &["--format", "json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(
        lines[0],
        r#"{"at":"2024-01-15T08:05:00.123Z","topic":"staff","channel":"private-staff","event":"CheckInNotification","data":{"booking_id":1,"booking_code":"BK1","customer_name":"Dewi"},"position":"k3x9:4711"}"#
    );
    assert_eq!(
        lines[4],
        r#"{"at":"2024-01-15T08:09:00.000Z","topic":null,"channel":null,"event":null,"data":null,"position":null,"raw":"nonsense","reason":"no JSON"}"#
    );
    assert_eq!(lines.len(), 5);
}

#[test]
fn a_relays_journal_is_asked_by_its_data_directory_and_has_a_position_for_each_event() {
    let home = Home::new();
    let journal = open(&home.path("served/relay"));
    let event = |app: &str| entry(app, "2024-01-15T08:05:00Z", "staff", "CheckInNotification", "{}", "1.1");
    journal.append_blocking(vec![event("1001"), event("2002")]).expect("kept");
    for place in ["served", "served/relay"] {
        let ran = log(&home, &["--journal", place, "--app", "2002", "--format", "json"]);
        let positions = field(&ran, "position");
        assert_eq!(positions.len(), 1, "{place}");
        assert!(positions[0].ends_with(":2\""), "{positions:?}");
        let ran = log(&home, &["--journal", place]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
        assert!(ran.stderr.contains("--app 1001 or 2002"), "{}", ran.stderr);
        let ran = log(&home, &["--journal", place, "--app", "3003"]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains("1001, 2002"), "{}", ran.stderr);
    }
}

#[test]
fn what_is_asked_for_is_printed_and_nothing_else() {
    let home = Home::new();
    let _journal = morning(&home);
    let cases: [(&[&str], &[&str]); 12] = [
        (&["--channel", "staff"], &["08:05", "08:06"]),
        (&["--channel", "private-staff", "--channel", "admin"], &["08:05", "08:06", "08:07"]),
        (&["--event", "check.in.notification"], &["08:05"]),
        (&["--search", "dew"], &["08:05", "08:07"]),
        (&["--search", "dewi lestari"], &["08:07"]),
        (&["--filter", "name:made"], &["08:06"]),
        (&["--since", "2024-01-15T15:07:00+07:00"], &["08:07", "08:08", "08:09"]),
        (&["--until", "2024-01-15T08:06:00Z"], &["08:05"]),
        (&["--since", "10m"], &[]),
        (&["--until", "10m", "--limit", "1"], &["08:09"]),
        (&["--limit", "2"], &["08:08", "08:09"]),
        (&["--limit", "1", "--search", "dewi", "--channel", "staff"], &["08:05"]),
    ];
    for (args, expected) in cases {
        let ran = log(&home, &[args, &["--format", "json"]].concat());
        let clocks: Vec<_> = field(&ran, "at").iter().map(|at| at[12..17].to_owned()).collect();
        assert_eq!(clocks, expected, "{args:?}");
    }
}

#[test]
fn a_table_and_csv_have_a_head_and_nothing_that_could_move_a_cursor() {
    let home = Home::new();
    let _journal = morning(&home);
    let table = log(&home, &[]).stdout;
    let rows: Vec<_> = table.lines().collect();
    assert!(rows[0].starts_with("at "), "{table}");
    assert!(
        rows[1].starts_with("2024-01-15 15:05:00  private-staff           CheckInNotification "),
        "{table}"
    );
    let csv = log(&home, &["--format", "csv"]).stdout;
    assert!(
        csv.starts_with("at,topic,channel,event,data,position,raw,reason\n2024-01-15T08:05:00.123Z,staff,")
    );
    for text in [table, csv] {
        assert_eq!(text.lines().count(), 6, "{text}");
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    }
}

#[test]
fn a_reader_that_goes_has_read_enough() {
    let home = Home::new();
    let journal = morning(&home);
    let many = (0..5_000).map(|_| heard("2024-01-15T08:10:00Z", "staff", "CheckInNotification", "{}"));
    journal.append_blocking(many.collect()).expect("kept");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = home.command(&["log", "--data-dir", "data"]);
    let ran: Ran = command.stdout(writer).stderr(Stdio::piped()).output().expect("the binary").into();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn where_there_is_no_journal_it_says_so_and_makes_none() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("empty")).expect("a folder");
    for args in [&[][..], &["--journal", "absent"], &["--journal", "empty"]] {
        let ran = log(&home, args);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.lines().count()), (Some(1), "", 1), "{ran:?}");
        assert!(ran.stderr.contains("there is no journal in") && ran.stderr.contains("--journal"), "{ran:?}");
    }
    assert!(!home.path("data").exists());
}

#[test]
fn a_newer_journal_and_several_are_told_apart_from_none() {
    let home = Home::new();
    for place in ["both/journal", "both/relay"] {
        open(&home.path(place))
            .append_blocking(vec![heard("2024-01-15T08:05:00Z", "a", "b", "{}")])
            .expect("kept");
    }
    let ran = log(&home, &["--journal", "both"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--journal both/journal or both/relay"), "{}", ran.stderr);
    let mut files = std::fs::read_dir(home.path("both/journal")).expect("a folder").map_while(Result::ok);
    let file = files.find(|file| file.file_name().to_string_lossy().ends_with(".sqlite")).expect("a file");
    let newer = rusqlite::Connection::open(file.path()).expect("the file");
    newer.pragma_update(None, "user_version", 99).expect("a version");
    drop(newer);
    let ran = log(&home, &["--journal", "both/journal"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.lines().count()), (Some(1), "", 1), "{ran:?}");
    assert!(ran.stderr.contains("newer frontdesk") && ran.stderr.contains("99"), "{}", ran.stderr);
}
