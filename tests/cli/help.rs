//! What every command says of itself. A change of a flag is seen here.

use crate::bench::Home;

const COMMANDS: [&str; 13] = [
    "",
    "demo",
    "relay",
    "relay token",
    "relay token add",
    "relay token list",
    "relay token revoke",
    "tail",
    "log",
    "emit",
    "login",
    "logout",
    "whoami",
];

#[test]
fn every_command_explains_itself() {
    for command in COMMANDS {
        let home = Home::new();
        let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let ran = home.run(&args);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{command}");
        let name = if command.is_empty() { "frontdesk" } else { command };
        insta::assert_snapshot!(format!("help_{}", name.replace(' ', "_")), ran.stdout);
    }
}

#[test]
fn the_version_is_the_packages() {
    let ran = Home::new().run(&["--version"]);
    assert_eq!(ran.stdout, concat!("frontdesk ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn with_nothing_set_up_three_lines_say_how_to_begin() {
    let ran = Home::new().run(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert_eq!(ran.stderr.lines().count(), 3, "{}", ran.stderr);
    for word in ["frontdesk demo", "frontdesk login", "frontdesk.toml"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
}

#[test]
fn the_flag_for_a_secret_says_that_it_shows_in_the_process_list() {
    for command in ["emit", "relay"] {
        assert!(Home::new().run(&[command, "--help"]).stdout.contains("process list"), "{command}");
    }
}
