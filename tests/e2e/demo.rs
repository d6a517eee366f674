//! `frontdesk demo`: alive in one command, and gone without a trace.

use std::fs;

use serde_json::Value;

use crate::process::{Process, Stream};
use crate::server::frontdesk;
use crate::terminal::Terminal;

#[test]
fn a_demo_is_live_at_once_and_gives_the_terminal_back() {
    let home = tempfile::tempdir().unwrap();
    let mut command = frontdesk(home.path());
    command.args(["demo", "--seed", "7", "--locale", "en"]);
    let mut demo = Terminal::start(command, 80, 24);
    demo.until("live demo", |screen| screen.contains("LIVE"));
    demo.press("q");
    let (status, given_back) = demo.end();
    assert!(status.success(), "{status}");
    assert!(given_back, "the terminal is not as it was");
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "the demo left {left:?}");
}

#[test]
fn a_tiny_terminal_is_no_reason_to_end() {
    let home = tempfile::tempdir().unwrap();
    let mut command = frontdesk(home.path());
    command.args(["demo", "--seed", "7"]);
    let mut demo = Terminal::start(command, 5, 3);
    demo.until("mark on the screen", |screen| !screen.trim().is_empty());
    demo.press("q");
    assert!(demo.end().0.success());
}

#[test]
fn a_terminal_that_goes_away_ends_the_dashboard() {
    let home = tempfile::tempdir().unwrap();
    let mut command = frontdesk(home.path());
    command.args(["demo", "--seed", "7", "--locale", "en"]);
    let mut demo = Terminal::start(command, 80, 24);
    demo.until("live demo", |screen| screen.contains("LIVE"));
    demo.hang_up();
}

#[test]
fn a_terminal_that_takes_no_more_text_holds_nobody_up() {
    let home = tempfile::tempdir().unwrap();
    let mut command = frontdesk(home.path());
    command.args(["demo", "--seed", "7", "--locale", "en", "--rate", "6000"]);
    let mut demo = Terminal::start(command, 80, 24);
    demo.until("live demo", |screen| screen.contains("LIVE"));
    assert!(demo.terminate_unread().success());
}

#[test]
fn a_headless_demo_says_where_it_is_and_can_be_tailed() {
    let home = tempfile::tempdir().unwrap();
    let mut command = frontdesk(home.path());
    command.args(["demo", "--headless", "--seed", "7", "--rate", "600"]);
    let demo = Process::start("the demo", command);
    let told: Value =
        demo.until(Stream::Out, "line that says where it is", |line| serde_json::from_str(line).ok());
    let text = |name: &str| told[name].as_str().unwrap_or_else(|| panic!("no {name} in {told}"));

    let mut command = frontdesk(home.path());
    command.args(["tail", "--json", "--limit", "20", "--url", text("url"), "--key", text("key")]);
    command.args([
        "--auth-endpoint",
        text("auth_endpoint"),
        "--channels",
        "availability,admin,staff,booking.*",
    ]);
    command.env("FRONTDESK_TOKEN", text("token"));
    let mut tail = Process::start("tail of the demo", command);
    for _ in 0..20 {
        let line: Value =
            tail.until(Stream::Out, "event of the demo", |line| serde_json::from_str(line).ok());
        let (topic, channel) = (line["topic"].as_str(), line["channel"].as_str().unwrap_or_default());
        let public = topic == Some("availability");
        assert_eq!(!public, channel.starts_with("private-"), "{line}");
    }
    assert!(tail.end().success());
}
