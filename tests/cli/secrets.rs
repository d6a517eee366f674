//! No secret and no token in any output or any log, at the loudest level, whatever goes wrong.

use crate::bench::{Home, Relay, all_text_below};

const SECRET: &str = "s3cr3t-of-the-app-xyzzy";
const TOKEN: &str = "t0k3n-of-a-person-xyzzy";

#[test]
fn secrets_are_in_no_output_and_in_no_log() {
    let home =
        Home::new().with("PUSHER_APP_SECRET", SECRET).with("PUSHER_APP_ID", "1").with("PUSHER_APP_KEY", "k");
    let tokens = home.file(
        "secrets/tokens.toml",
        format!("[[token]]\nname = \"sari\"\nrole = \"staff\"\ntoken = \"{TOKEN}\"\n"),
    );
    let file = home.file("secrets/token", TOKEN);
    let (tokens, file) = (tokens.to_str().expect("a path"), file.to_str().expect("a path"));
    let loud = ["--log-level", "trace", "--data-dir", "data"];
    let relay = Relay::start(&home, &[&["--tokens", tokens][..], &loud].concat());
    let url = relay.url();
    let at = [&["--url", url.as_str(), "--log-level", "trace", "--log-file", "loud.log"][..]].concat();
    let mut said = String::new();
    let mut hear = |args: &[&str], stdin: &str| {
        let ran = home.run_with(&[args, &at].concat(), stdin);
        said.push_str(&ran.stdout);
        said.push_str(&ran.stderr);
        ran.code
    };
    assert_eq!(hear(&["login", "--token-stdin"], TOKEN), Some(0));
    assert_eq!(hear(&["whoami"], ""), Some(0));
    assert_eq!(hear(&["whoami", "--token-file", file], ""), Some(0));
    assert_eq!(hear(&["emit", "CheckInNotification"], ""), Some(0));
    assert_eq!(hear(&["emit", "CheckInNotification", "--secret", "an0ther-xyzzy"], ""), Some(1));
    assert_eq!(hear(&["tail", "--for", "1"], ""), Some(0));
    assert_eq!(hear(&["login", "--token-stdin"], "wr0ng-xyzzy"), Some(1));
    assert_eq!(hear(&["login", "--email", "a@b.test"], "passw0rd-xyzzy"), Some(1));
    assert_eq!(hear(&["logout"], ""), Some(0));
    let ran = relay.stop();
    said.push_str(&ran.stdout);
    said.push_str(&ran.stderr);
    let logs =
        all_text_below(&home.path("data")) + &std::fs::read_to_string(home.path("loud.log")).expect("a log");
    assert!(logs.contains("INFO"), "the log says something: {logs}");
    for text in [&said, &logs] {
        assert!(!text.contains("xyzzy"), "{text}");
    }
}

#[test]
fn a_fault_in_a_file_of_secrets_is_said_without_them() {
    let faults = [
        ("tail", "--config", format!("secret = [\"{SECRET}\"]\n")),
        ("tail", "--config", format!("secret = \"{SECRET}\nkey = 1\n")),
        ("tail", "--env-file", format!("PUSHER_APP_SECRET={SECRET} {SECRET}\n")),
        ("relay", "--tokens", format!("[[token]]\nname = \"a\"\nrole = \"boss\"\ntoken = \"{TOKEN}\"\n")),
        ("relay", "--tokens", format!("[[token]]\nname = \"a\"\nrole = \"staff\"\ntoken = \"{TOKEN}\n")),
    ];
    for (command, flag, text) in faults {
        let home = Home::new();
        home.file("fault", &text);
        let ran = home.run(&[command, flag, "fault"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{text}: {ran:?}");
        assert!(!ran.stderr.contains("xyzzy"), "{}", ran.stderr);
    }
}
