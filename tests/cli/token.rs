//! `relay token`: tokens come and go, and a running relay follows.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ChildStderr;

use crate::bench::{Home, Relay};

const FILE: &str = ".local/share/frontdesk/relay/tokens.toml";

/// The status of `/api/user` for this token, and what it says.
fn ask(relay: &Relay, token: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", relay.port)).expect("connected");
    let request = format!(
        "GET /api/user HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
}

/// Waits for a line of the relay's log.
fn wait_for(log: &mut BufReader<ChildStderr>, words: &str) {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert_ne!(log.read_line(&mut line).expect("a log"), 0, "the log ended without {words:?}");
    }
}

#[test]
fn a_running_relay_learns_of_a_token_and_forgets_a_revoked_one() {
    let home = Home::new();
    let mut relay = Relay::start(&home, &[]);
    let mut log = BufReader::new(relay.child.stderr.take().expect("a pipe"));
    let added = home.run(&["relay", "token", "add", "sari", "--role", "staff", "--user-id", "5"]);
    assert_eq!(added.code, Some(0), "{added:?}");
    let token = added.stdout.trim_end();
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    assert!(added.stderr.contains("this once") && !added.stderr.contains(token), "{}", added.stderr);
    wait_for(&mut log, "has changed");
    assert_eq!(ask(&relay, token), (200, r#"{"id":5,"name":"sari","role":"staff"}"#.to_owned()));

    let kept = std::fs::read_to_string(home.path(FILE)).expect("a file");
    std::fs::write(home.path(FILE), kept.replace("staff", "boss")).expect("written");
    wait_for(&mut log, "line 3: unknown variant");
    assert_eq!(ask(&relay, token).0, 200, "the old tokens stay");
    std::fs::write(home.path(FILE), kept).expect("written");
    wait_for(&mut log, "has changed");

    let revoked = home.run(&["relay", "token", "revoke", "sari"]);
    assert_eq!((revoked.code, revoked.stdout.as_str()), (Some(0), ""));
    assert!(revoked.stderr.contains("connections that it has opened stay"), "{}", revoked.stderr);
    wait_for(&mut log, "has changed");
    assert_eq!(ask(&relay, token).0, 401);
}

#[test]
fn no_token_is_kept_as_it_is_nor_shown_again() {
    let home = Home::new();
    let add = |name: &str, more: &[&str]| {
        let ran = home.run(&[&["relay", "token", "add", name, "--role", "staff"], more].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.trim_end().to_owned()
    };
    let tokens =
        [add("sari", &[]), add("kiosk at the door", &["--channels", "private-lobby,private-hall.*"])];
    assert_ne!(tokens[0], tokens[1]);
    let listed = home.run(&["relay", "token", "list"]);
    assert_eq!(
        listed.stdout,
        "sari               staff\nkiosk at the door  staff  private-lobby, private-hall.*\n"
    );
    let text = std::fs::read_to_string(home.path(FILE)).expect("a file");
    let check = home.run(&["relay", "--check"]);
    for token in tokens {
        assert!(!text.contains(&token) && !listed.stdout.contains(&token) && !check.stdout.contains(&token));
    }
    for hash in text.lines().filter_map(|line| line.strip_prefix("sha256 = ")) {
        assert!(!listed.stdout.contains(hash.trim_matches('"')), "{}", listed.stdout);
    }
    assert!(check.stdout.contains("sari (staff), kiosk at the door (staff)"), "{}", check.stdout);
    assert!(check.stdout.contains("relay/tokens.toml"), "{}", check.stdout);
}

#[test]
fn the_file_is_the_flags_or_the_settings_or_the_relays_own() {
    let home = Home::new();
    home.file(".config/frontdesk/frontdesk.toml", "[relay]\ntokens = \"venue-tokens.toml\"\n");
    let add = |name: &str, more: &[&str]| {
        home.run(&[&["relay", "token", "add", name, "--role", "admin"], more].concat()).code
    };
    assert_eq!(add("ayu", &[]), Some(0));
    assert_eq!(add("budi", &["--tokens", "others.toml"]), Some(0));
    let text = |path: &str| std::fs::read_to_string(home.path(path)).expect(path);
    assert!(text(".config/frontdesk/venue-tokens.toml").contains("\"ayu\""));
    assert!(text("others.toml").contains("\"budi\""));
    let check = |more: &[&str]| home.run(&[&["relay", "--check"], more].concat()).stdout;
    assert!(check(&[]).contains("tokens  ayu (admin) in "), "{}", check(&[]));
    let flag = check(&["--tokens", "others.toml"]);
    assert!(flag.contains("tokens  budi (admin) in others.toml"), "{flag}");
}

#[test]
fn what_cannot_be_done_says_why_and_changes_nothing() {
    let home = Home::new();
    home.file("tokens.toml", "[[token]]\nname = \"sari\"\nrole = \"staff\"\ntoken = \"hush-hush\"\n");
    home.file("bad.toml", "[[token]]\nname = \"sari\"\nrole = \"staff\"\ntoken = hush-hush\n");
    let before = crate::bench::all_text_below(&home.path(""));
    let add = ["relay", "token", "add"];
    let cases: [(&[&str], i32, &str); 9] = [
        (&["sari", "--role", "staff", "--tokens", "tokens.toml"], 1, "token revoke sari"),
        (&["budi", "--role", "staff", "--tokens", "bad.toml"], 2, "bad.toml: line 4"),
        (&["budi", "--role", "boss", "--tokens", "tokens.toml"], 2, "admin"),
        (&["budi", "--tokens", "tokens.toml"], 2, "--role"),
        (&["", "--role", "staff", "--tokens", "tokens.toml"], 2, "expected a name"),
        (&["a\u{7}", "--role", "staff", "--tokens", "tokens.toml"], 2, "expected a name"),
        (&["budi", "--role", "staff", "--channels", "staff", "--tokens", "tokens.toml"], 2, "wire names"),
        (&["budi", "--role", "staff", "--user-id", "x", "--tokens", "tokens.toml"], 2, "--user-id"),
        (&["budi", "--role", "staff", "--tokens", "tokens.toml/x/y"], 1, "nothing is changed"),
    ];
    for (args, code, words) in cases {
        let ran = home.run(&[&add, args].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(words) && !ran.stderr.contains("hush"), "{args:?}: {}", ran.stderr);
    }
    let revoked = home.run(&["relay", "token", "revoke", "budi", "--tokens", "tokens.toml"]);
    assert_eq!(revoked.code, Some(1));
    assert!(revoked.stderr.contains("no token for budi"), "{}", revoked.stderr);
    let empty = home.run(&["relay", "token", "list", "--tokens", "nowhere.toml"]);
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(0), ""));
    assert_eq!(crate::bench::all_text_below(&home.path("")), before);
}

#[test]
fn a_relay_that_is_told_of_a_file_needs_it_to_be_there() {
    let home = Home::new();
    let ran = home.run(&["relay", "--check", "--tokens", "nowhere.toml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("cannot read the tokens file nowhere.toml"), "{}", ran.stderr);
}
