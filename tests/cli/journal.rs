//! What the dashboard keeps of what it heard: across its own kill -9, beside another dashboard, and where nothing
//! can be kept.

use serde_json::Value;

use crate::bench::{Home, Relay};
use crate::terminal::Terminal;

/// The key of the screen of the connection.
const LINK: &str = "6";
/// The key of the screen of all that came in.
const ACTIVITY: &str = "5";

fn dashboard(home: &Home, relay: &Relay, args: &[&str]) -> Terminal {
    let url = relay.url();
    let common = ["--url", &url, "--key", "app-key", "--locale", "en", "--timezone", "UTC"];
    Terminal::start(home.command(&[&common, args].concat()))
}

/// A guest whose name tells them apart arrives.
fn arrive(home: &Home, relay: &Relay, guest: &str) {
    let url = relay.url();
    let now = frontdesk::time::Clock::system().now().to_string();
    let data = format!(r#"{{"booking_id":"{guest}","customer_name":"{guest}","checkin_time":"{now}"}}"#);
    let args = ["emit", "CheckInNotification", "--url", &url, "--key", "app-key", "--app-id", "app-id"];
    let ran = home.run(&[&args[..], &["--secret", "app-secret", "--data", &data]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// The guests of a journal, in its order.
fn guests(home: &Home) -> Vec<String> {
    let ran = home.run(&["log", "--format", "json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let guest =
        |line| serde_json::from_str::<Value>(line).expect("JSON")["data"]["customer_name"].to_string();
    ran.stdout.lines().map(|line| guest(line).replace('"', "")).collect()
}

#[test]
fn a_dashboard_that_is_killed_loses_nothing_and_keeps_each_event_once() {
    let home = Home::new().with("TERM", "xterm-256color");
    let relay = Relay::start(&home, &["--ephemeral"]);
    let mut expected: Vec<String> = Vec::new();
    for round in 0..3 {
        let mut terminal = dashboard(&home, &relay, &[]);
        terminal.until("LIVE");
        // One row for each; the overview folds what is alike.
        terminal.press(ACTIVITY);
        if round > 0 {
            // What it had seen, from its journal; what it had missed, from the relay.
            for guest in &expected[expected.len() - 2..] {
                terminal.until(guest);
            }
        }
        let seen = format!("Seen{round}");
        arrive(&home, &relay, &seen);
        terminal.until(&seen);
        terminal.signal("KILL");
        let _ = terminal.end();
        let missed = format!("Missed{round}");
        arrive(&home, &relay, &missed);
        expected.extend([seen, missed]);
    }
    let mut terminal = dashboard(&home, &relay, &[]);
    terminal.press(ACTIVITY);
    terminal.until("Missed2");
    terminal.press("q");
    assert_eq!(terminal.end().code, Some(0));
    assert_eq!(guests(&home), expected);
}

#[test]
fn a_second_dashboard_shows_the_morning_and_says_that_another_one_writes() {
    let home = Home::new().with("TERM", "xterm-256color");
    let relay = Relay::start(&home, &["--ephemeral"]);
    let mut first = dashboard(&home, &relay, &[]);
    first.until("LIVE");
    arrive(&home, &relay, "Dewi");
    first.until("Dewi");
    let mut second = dashboard(&home, &relay, &[]);
    second.until("LIVE");
    second.until("Dewi");
    second.press(LINK);
    second.until("written by another dashboard");
    arrive(&home, &relay, "Made");
    first.until("Made");
    for terminal in [second, first] {
        let mut terminal = terminal;
        terminal.press("q");
        assert_eq!(terminal.end().code, Some(0));
    }
    assert_eq!(guests(&home), ["Dewi", "Made"]);
}

#[test]
fn where_nothing_can_be_kept_the_dashboard_says_so_and_goes_on() {
    let home = Home::new().with("TERM", "xterm-256color");
    let relay = Relay::start(&home, &["--ephemeral"]);
    home.file("data/journal", "no folder");
    let mut terminal = dashboard(&home, &relay, &["--data-dir", "data"]);
    terminal.until("LIVE");
    terminal.press(LINK);
    terminal.until("nothing is kept:");
    terminal.press("1");
    arrive(&home, &relay, "Dewi");
    terminal.until("Dewi");
    terminal.press("q");
    assert_eq!(terminal.end().code, Some(0));
}

#[test]
fn what_only_looks_on_keeps_nothing() {
    let home = Home::new().with("TERM", "xterm-256color");
    let relay = Relay::start(&home, &["--ephemeral"]);
    let mut demo =
        Terminal::start(home.command(&["demo", "--seed", "7", "--locale", "en", "--data-dir", "data"]));
    demo.until("LIVE");
    demo.press("q");
    assert_eq!(demo.end().code, Some(0));
    arrive(&home, &relay, "Dewi");
    let url = relay.url();
    home.run(&["tail", "--url", &url, "--key", "app-key", "--for", "1", "--data-dir", "data"]);
    assert!(!home.path("data/journal").exists());
    assert_eq!(home.run(&["log"]).code, Some(1), "nor at home");
}
