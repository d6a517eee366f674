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

#[test]
fn a_terminal_is_written_to_in_colours_that_it_has() {
    for (variables, never) in [
        (&[("TERM", "linux"), ("COLORTERM", "truecolor")][..], &["38;", "48;"][..]),
        (&[("TERM", "xterm-256color")], &["38;2;", "48;2;"]),
        (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")], &[";3", ";4", ";9"]),
    ] {
        let home = variables.iter().fold(Home::new(), |home, (name, value)| home.with(name, value));
        let mut terminal = Terminal::start(home.command(DASHBOARDS[1]));
        terminal.until("LIVE");
        terminal.press("q");
        let styles: Vec<String> = terminal.end().text.split("\x1b[0").skip(1).map(up_to_m).collect();
        assert!(styles.len() > 20, "{variables:?}: {styles:?}");
        for codes in never {
            // Underlined is 4 alone.
            let found = styles.iter().find(|style| format!("{style};").replace(";4;", ";").contains(codes));
            assert_eq!(found, None, "{variables:?}");
        }
    }
}

/// The codes of a style.
fn up_to_m(rest: &str) -> String {
    rest.split('m').next().unwrap_or_default().to_owned()
}

#[test]
fn where_the_cursor_cannot_be_addressed_one_sentence_says_so_and_nothing_is_drawn() {
    for (term, said) in
        [(Some("dumb"), "TERM is `dumb`"), (Some(""), "TERM is not set"), (None, "TERM is not set")]
    {
        for args in DASHBOARDS {
            let home = Home::new();
            let home = if let Some(term) = term { home.with("TERM", term) } else { home };
            let left = Terminal::start(home.command(args)).end();
            assert_eq!(left.code, Some(1), "{left:?}");
            assert_eq!(left.text.lines().count(), 1, "{left:?}");
            assert!(!left.text.contains('\x1b'), "{left:?}");
            for words in ["can address its cursor", said, "`frontdesk "] {
                assert!(left.text.contains(words), "{words}: {left:?}");
            }
        }
    }
}
