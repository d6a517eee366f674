//! The dashboard on a terminal: how it is left.

use crate::bench::Home;
use crate::terminal::Terminal;

/// The dashboard, to which no server answers, and the demo's.
const DASHBOARDS: [&[&str]; 2] = [
    &["--url", "ws://127.0.0.1:9", "--key", "k", "--locale", "en"],
    &["demo", "--seed", "7", "--locale", "en"],
];

#[test]
fn q_is_0_ctrl_c_is_130_and_either_gives_the_terminal_back() {
    for args in DASHBOARDS {
        for (key, code) in [("q", 0), ("\x03", 130)] {
            let home = Home::new().with("TERM", "xterm-256color");
            let mut terminal = Terminal::start(home.command(args));
            terminal.until("Overview");
            terminal.press(key);
            let left = terminal.end();
            assert_eq!((left.code, &left.kept[..]), (Some(code), &[][..]), "{args:?}, {key:?}: {left:?}");
        }
    }
}
