//! Wrong input of every kind: one clear sentence, the right exit code, and no panic.

use crate::bench::{Home, Ran};

/// One sentence on stderr, nothing on stdout.
fn assert_refused(ran: &Ran, code: i32, words: &str, what: &str) {
    assert_eq!(ran.code, Some(code), "{what}: {ran:?}");
    assert_eq!(ran.stdout, "", "{what}");
    assert!(ran.stderr.contains(words), "{what}: {words:?} is not in {:?}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
}

/// Also: it is one line.
fn assert_refused_in_a_line(ran: &Ran, code: i32, words: &str, what: &str) {
    assert_refused(ran, code, words, what);
    assert_eq!(ran.stderr.lines().count(), 1, "{what}: {}", ran.stderr);
}

#[test]
fn every_flag_says_what_it_expects() {
    let cases: &[(&[&str], &str)] = &[
        (&["tail", "--url", "localhost:6001"], "expected ws://host:port"),
        (&["tail", "--url", "http://localhost"], "expected ws://host:port"),
        (&["tail", "--url", "ws://localhost/app/key"], "without /app/KEY"),
        (&["tail", "--url", "ws://a", "--cluster", "eu"], "cannot be used with"),
        (&["tail", "--cluster", "e u"], "expected a cluster's name"),
        (&["tail", "--auth-endpoint", "ftp://a"], "expected http://host"),
        (&["tail", "--channels", ","], "expected at least one channel"),
        (&["tail", "--channels", "sta ff"], "expected channels"),
        (&["tail", "--timezone", "Mars"], "expected a time zone's name"),
        (&["tail", "--log-level", "loud"], "expected error, warn, info"),
        (&["tail", "--for", "soon"], "expected a span"),
        (&["tail", "--limit", "0"], "1.."),
        (&["tail", "--until", "25:00"], "expected a time"),
        (&["tail", "--filter", "amt>"], "--filter"),
        (&["tail", "--nonsense"], "--nonsense"),
        (&["emit"], "EVENT"),
        (&["emit", "X", "--data", "{"], "expected JSON"),
        (&["emit", "X", "--channel", "sta ff"], "expected a channel's name"),
        (&["emit", "X", "--socket-id", "1"], "expected a socket id"),
        (&["emit", "X", "--as-printed", "--data", "{}"], "cannot be used with"),
        (&["relay", "--listen", "6001"], "expected localhost:6001"),
        (&["relay", "--guard", "private-admin"], "expected public names"),
        (&["relay", "--guard", "admin", "--open"], "cannot be used with"),
        (&["relay", "--history", "long"], "expected a span"),
        (&["login", "--token-stdin", "--email", "a@b.test"], "cannot be used with"),
        (&["nonsense"], "unrecognized subcommand"),
    ];
    for (args, words) in cases {
        assert_refused(&Home::new().run(args), 2, words, &args.join(" "));
    }
}

#[test]
fn every_fault_of_a_settings_file_names_file_line_and_what_was_expected() {
    let cases = [
        ("colour = 1\n", "1: unknown field `colour`"),
        ("url = \"ws://localhost:6001\"\nkey = 5\n", "2: invalid type"),
        ("\n\nurl = \"localhost\"\n", "3: expected ws://host:port"),
        ("what is this\n", "1: "),
        ("[[app]]\nid = \"1\"\nkey = \"k\"\nsecret = \"s\"\ncolour = 1\n", "5: unknown field"),
    ];
    for (text, words) in cases {
        for command in [&["tail"][..], &["relay", "--check"], &["whoami"], &[]] {
            let home = Home::new();
            home.file(".config/frontdesk/frontdesk.toml", text);
            let ran = home.run(command);
            assert_refused_in_a_line(&ran, 2, &format!("frontdesk.toml:{words}"), text);
        }
    }
    for (bytes, line) in [(&b"\xff\xfe\x00"[..], 1), (b"key = \"k\"\n# caf\xe9\n", 2)] {
        let home = Home::new();
        home.file(".config/frontdesk/frontdesk.toml", bytes);
        let words = format!("frontdesk.toml:{line}: expected text in UTF-8");
        assert_refused_in_a_line(&home.run(&["tail"]), 2, &words, "no text");
        home.file("a.env", bytes);
        let ran = home.run(&["tail", "--config", "/dev/null", "--env-file", "a.env"]);
        assert_refused_in_a_line(&ran, 2, &format!("a.env:{line}: expected text in UTF-8"), "no text");
    }
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let cases: &[(&[&str], i32, &str)] = &[
        (&["tail", "--config", "absent.toml"], 2, "cannot read the settings file absent.toml"),
        (&["tail", "--config", "."], 2, "cannot read the settings file ."),
        (&["tail", "--env-file", "absent.env"], 2, "cannot read the .env file absent.env"),
        (&["relay", "--check", "--tokens", "absent.toml"], 2, "cannot read the tokens file absent.toml"),
        (&["tail", "--key", "k", "--token-file", "absent"], 1, "cannot read absent"),
        (
            &["tail", "--key", "k", "--log-file", "absent/folder/log"],
            2,
            "cannot write the log absent/folder/log",
        ),
    ];
    for (args, code, words) in cases {
        assert_refused_in_a_line(&Home::new().run(args), *code, words, &args.join(" "));
    }
}

#[test]
fn every_fault_of_an_env_file_or_a_variable_is_said() {
    let home = Home::new();
    home.file("a.env", "PUSHER_APP_KEY=k\nPUSHER_HOST=a\nPUSHER_PORT=many\n");
    assert_refused_in_a_line(
        &home.run(&["tail", "--env-file", "a.env"]),
        2,
        "a.env:3: PUSHER_PORT: expected a port",
        "a port",
    );
    for (name, value, words) in [
        ("FRONTDESK_URL", "localhost", "environment variable FRONTDESK_URL: expected ws://host:port"),
        ("FRONTDESK_TIMEZONE", "Mars", "environment variable FRONTDESK_TIMEZONE: expected a time zone"),
        ("APP_URL", "localhost", "environment variable APP_URL: expected http://host"),
        ("FRONTDESK_CONFIG", "absent.toml", "cannot read the settings file absent.toml"),
    ] {
        assert_refused_in_a_line(&Home::new().with(name, value).run(&["tail"]), 2, words, name);
        assert_eq!(
            Home::new().with(name, "").run(&["tail", "--help"]).code,
            Some(0),
            "an empty variable is as none"
        );
    }
}

#[test]
fn what_is_missing_is_said_with_where_it_can_be_said() {
    let cases: &[(&[&str], &str)] = &[
        (&["tail"], "no app key: give --key, PUSHER_APP_KEY"),
        (&["--url", "ws://localhost:6001"], "no app key"),
        (&["emit", "CheckInNotification"], "no app id: give --app-id, PUSHER_APP_ID"),
        (
            &["emit", "CheckInNotification", "--app-id", "1", "--key", "k"],
            "no app secret: give PUSHER_APP_SECRET",
        ),
        (&["emit", "Unheard"], "give --data JSON, or name one of AvailabilityUpdated"),
        (&["emit", "Unheard", "--data", "{}"], "give --channel NAME"),
        (&["login", "--cluster", "eu"], "give --auth-endpoint"),
        (&["tail", "--until", "2024-01-15T08:00:00Z", "--key", "k"], "--until is in the past"),
    ];
    for (args, words) in cases {
        assert_refused_in_a_line(&Home::new().run(args), 2, words, &args.join(" "));
    }
    assert_refused_in_a_line(
        &Home::new().run(&["whoami"]),
        1,
        "not logged in at http://localhost:6001",
        "no token",
    );
    let homeless = Home::new().with("HOME", "/dev/null");
    assert_refused_in_a_line(
        &homeless.run_with(&["login", "--token-stdin"], "t\n"),
        1,
        "cannot",
        "a home that is no folder",
    );
}

const DAMAGED: [&[u8]; 4] = [b"{\"version\":1,\"tok", b"", b"\xff\xfe", b"[]"];
const TOKEN_FILE: &str = ".local/share/frontdesk/token";

#[test]
fn a_damaged_token_file_is_said_and_left_as_it_is_by_who_only_reads_it() {
    for garbage in DAMAGED {
        let home = Home::new();
        let path = home.file(TOKEN_FILE, garbage);
        for args in [&["tail", "--key", "k"][..], &["whoami"], &["--key", "k"]] {
            let words = "is damaged (line 1); `frontdesk login` replaces it, `frontdesk logout` removes it";
            assert_refused_in_a_line(&home.run(args), 2, words, &args.join(" "));
        }
        assert_eq!(std::fs::read(path).expect("a file"), garbage);
    }
}

#[test]
fn a_damaged_token_file_keeps_nobody_from_logging_in_or_out_and_either_says_what_it_does() {
    for garbage in DAMAGED {
        let home = Home::new();
        let path = home.file(TOKEN_FILE, garbage);
        let server = ["--url", "ws://127.0.0.1:9"];
        let ran = home.run_with(&[&["login", "--token-stdin"], &server[..]].concat(), "a-token\n");
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(0), "logged in at http://127.0.0.1:9\n"),
            "{ran:?}"
        );
        assert!(ran.stderr.contains("is damaged: this login replaces it"), "{ran:?}");
        assert!(std::fs::read_to_string(&path).expect("a file").contains("a-token"));

        home.file(TOKEN_FILE, garbage);
        let ran = home.run(&[&["logout"], &server[..]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
        assert!(ran.stdout.contains("was damaged and is removed"), "{ran:?}");
        assert!(!path.exists());
    }
}

#[test]
fn an_unreachable_server_is_said_with_what_to_check() {
    // Port 9 of the loopback: nobody discards there.
    let home = Home::new();
    let ran = home.run(&["tail", "--url", "ws://127.0.0.1:9", "--key", "k", "--for", "1"]);
    assert_refused(&ran, 1, "nothing could be heard: the server cannot be reached", "tail");
    let ran = home.with("PUSHER_APP_SECRET", "s").run(&[
        "emit",
        "CheckInNotification",
        "--url",
        "ws://127.0.0.1:9",
        "--key",
        "k",
        "--app-id",
        "1",
    ]);
    assert_refused_in_a_line(&ran, 1, "cannot reach http://127.0.0.1:9", "emit");
}

#[test]
fn a_theme_or_language_that_is_not_there_is_said_with_those_that_are() {
    for (args, words) in [
        (["--theme", "nonsense"], "theme: there is no theme `nonsense`; the built-in ones are "),
        (["--locale", "xx"], "locale: there is no language `xx`; there are en, id"),
    ] {
        let ran = Home::new().run(&["--key", "k", args[0], args[1]]);
        assert_refused_in_a_line(&ran, 2, words, args[0]);
    }
}
