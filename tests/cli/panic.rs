//! A panic on a terminal, in a process of its own: this very test binary, told to do the other half of the test.

use std::process::Command;
use std::thread;

use frontdesk::app::terminal::Terminal as Screen;
use frontdesk::cli::caught;

use crate::terminal::Terminal;

/// Says to the other half where to panic.
const WHERE: &str = "FRONTDESK_TEST_PANICS";

#[test]
fn a_panic_in_any_thread_gives_the_terminal_back_and_says_one_safe_sentence() {
    for place in ["here", "in another thread"] {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.args(["--exact", "panic::the_other_half", "--nocapture"]).env_remove("RUST_BACKTRACE");
        let left = Terminal::start({
            command.env(WHERE, place).env("TERM", "xterm-256color");
            command
        })
        .end();
        assert_eq!((left.code, &left.kept[..]), (Some(0), &[][..]), "{place}: {left:?}");
        let (_, after) = left.text.split_once("\x1b[?1049l").expect("the screen was left");
        let said: Vec<_> =
            after.lines().filter(|line| line.contains("broke") || line.contains("panicked")).collect();
        assert_eq!(said.len(), 1, "{place}: {after:?}");
        for words in [
            "frontdesk: something in frontdesk broke, please report it: a guest called",
            "tests/cli/panic.rs:",
        ] {
            assert!(said[0].contains(words), "{place}: {said:?}");
        }
        assert!(!after.contains("\x1b]0;"), "a panic sets no title: {after:?}");
    }
}

/// Nothing by itself.
#[test]
fn the_other_half() {
    let Ok(place) = std::env::var(WHERE) else { return };
    let broken = caught(|| {
        let mut screen = Screen::enter(Some("xterm-256color")).expect("a terminal");
        screen.paint(|_, _| {}).expect("a terminal that is ours");
        if place == "here" {
            break_down();
        }
        assert!(thread::spawn(break_down).join().is_err());
        assert!(screen.paint(|_, _| {}).is_err(), "nothing is drawn on a terminal that was given back");
    });
    assert_eq!(broken.is_none(), place == "here");
}

fn break_down() {
    panic!("a guest called \x1b]0;owned\x07\nand a second line");
}
