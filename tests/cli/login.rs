//! `login`, `whoami`, `logout` against a backend that answers as a Laravel does, and against the relay.

use crate::bench::{Home, Relay, backend};
use crate::terminal::Terminal;

/// A backend with one user, whose token is `3|secret`.
fn laravel() -> String {
    backend(|path, body| {
        match path {
        "/api/login" if body.contains("right") => (
            "200 OK",
            r#"{"token":"3|secret","token_type":"Bearer","user":{"id":3,"name":"Budi","role":"staff"}}"#.to_owned(),
        ),
        "/api/login" => (
            "422 Unprocessable Content",
            r#"{"message":"The provided credentials are incorrect.","errors":{"email":["The provided credentials are incorrect."]}}"#.to_owned(),
        ),
        "/api/broadcasting/auth" if body.contains("private-staff") => ("200 OK", r#"{"auth":"k:00"}"#.to_owned()),
        "/api/broadcasting/auth" => ("403 Forbidden", "{}".to_owned()),
        _ => ("404 Not Found", "{}".to_owned()),
    }
    })
}

#[test]
fn an_e_mail_and_a_password_become_a_token_that_whoami_checks_and_logout_forgets() {
    let (home, server) = (Home::new(), laravel());
    let endpoint = format!("{server}/api/broadcasting/auth");
    let at = ["--auth-endpoint", endpoint.as_str()];
    let ran = home.run_with(&[&["login", "--email", "budi@venue.test"], &at[..]].concat(), "right\n");
    assert_eq!(
        (ran.code, ran.stdout),
        (Some(0), format!("logged in at {server} as Budi, staff\n")),
        "{}",
        ran.stderr
    );
    let ran = home.run(&[&["whoami"], &at[..]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains(&format!("nothing at {server}/api/user (404)")), "{}", ran.stdout);
    assert!(ran.stdout.contains("may join      private-staff\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("may not join  private-admin\n"), "{}", ran.stdout);
    assert_eq!(home.run(&[&["logout"], &at[..]].concat()).stdout, format!("logged out at {server}\n"));
    assert_eq!(
        home.run(&[&["logout"], &at[..]].concat()).stdout,
        format!("nobody was logged in at {server}\n")
    );
    assert_eq!(home.run(&[&["whoami"], &at[..]].concat()).code, Some(1));
}

#[test]
fn a_refused_password_is_explained_in_the_servers_words_and_nothing_is_kept() {
    let (home, server) = (Home::new(), laravel());
    let ran = home.run_with(
        &["login", "--email", "b@venue.test", "--auth-endpoint", &format!("{server}/x")],
        "wrong\n",
    );
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(1), "frontdesk: The provided credentials are incorrect.\n")
    );
    assert!(!home.path(".local/share/frontdesk/token").exists());
}

#[test]
fn a_token_from_stdin_is_checked_kept_for_its_owner_alone_and_used_for_its_origin_alone() {
    let home = Home::new();
    let tokens =
        home.file("tokens.toml", "[[token]]\nname = \"sari\"\nrole = \"staff\"\ntoken = \"sari-token\"\n");
    let relay = Relay::start(&home, &["--ephemeral", "--tokens", tokens.to_str().expect("a path")]);
    let url = relay.url();
    let ran = home.run_with(&["login", "--token-stdin", "--url", &url], "nobodys-token\n");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("does not accept this token (401)"), "{}", ran.stderr);
    let kept = home.path(".local/share/frontdesk/token");
    assert!(!kept.exists());
    let ran = home.run_with(&["login", "--token-stdin", "--url", &url], "sari-token\n");
    assert_eq!(
        (ran.code, ran.stdout),
        (Some(0), format!("logged in at http://localhost:{} as sari, staff\n", relay.port))
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&kept).expect("a file").permissions().mode() & 0o777, 0o600);
    }
    let ran = home.run(&["whoami", "--url", &url]);
    assert!(ran.stdout.starts_with("sari, staff\n"), "{ran:?}");
    let elsewhere = format!("ws://127.0.0.1:{}", relay.port);
    assert!(home.run(&["whoami", "--url", &elsewhere]).stderr.contains("not logged in"), "another origin");
}

#[test]
fn a_token_that_cannot_be_checked_is_kept_and_said_to_be_unchecked() {
    let home = Home::new();
    let ran = home.run_with(&["login", "--token-stdin", "--url", "ws://127.0.0.1:9"], "a-token\n");
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.contains("the token is kept unchecked: cannot reach"), "{}", ran.stderr);
}

#[test]
fn what_is_no_token_is_refused() {
    for text in ["", "\n", "two words\n", "\u{1b}[2J\n"] {
        let ran = Home::new().run_with(&["login", "--token-stdin"], text);
        assert_eq!(ran.code, Some(2), "{text:?}: {ran:?}");
        assert!(ran.stderr.contains("this is no token"), "{}", ran.stderr);
    }
}

/// Each question that is asked on a terminal: the arguments, and the question's beginning.
const QUESTIONS: [(&[&str], &str); 2] = [
    (&["login"], "Token for http://"),
    (&["login", "--email", "budi@venue.test"], "Password of budi@venue.test:"),
];

#[test]
fn what_is_typed_at_a_prompt_is_taken_and_never_shown() {
    let server = laravel();
    let endpoint = format!("{server}/api/broadcasting/auth");
    for (args, question) in QUESTIONS {
        let home = Home::new().with("TERM", "xterm-256color");
        let mut terminal = Terminal::start(home.command(&[args, &["--auth-endpoint", &endpoint]].concat()));
        terminal.until(question);
        terminal.press("wrong\x15rightx\x7f\r");
        let left = terminal.end();
        assert_eq!((left.code, &left.kept[..]), (Some(0), &[][..]), "{left:?}");
        assert!(left.text.contains(&format!("logged in at {server}")), "{left:?}");
        for typed in ["wrong", "right", "*"] {
            assert!(!left.text.contains(typed), "{typed}: {left:?}");
        }
        let kept = std::fs::read_to_string(home.path(".local/share/frontdesk/token")).expect("a file");
        assert!(kept.contains("right") || kept.contains("3|secret"), "{kept}");
    }
}

#[test]
fn a_prompt_that_is_broken_off_is_130_keeps_nothing_and_gives_the_terminal_back() {
    for (args, question) in QUESTIONS {
        for end in [End::Key("secret\x03"), End::Key("\x04"), End::Signal("INT"), End::Signal("TERM")] {
            let home = Home::new().with("TERM", "xterm-256color");
            let at = ["--auth-endpoint", "http://127.0.0.1:9/x"];
            let mut terminal = Terminal::start(home.command(&[args, &at].concat()));
            terminal.until(question);
            match end {
                End::Key(keys) => terminal.press(keys),
                End::Signal(name) => terminal.signal(name),
            }
            let left = terminal.end();
            assert_eq!((left.code, &left.kept[..]), (Some(130), &[][..]), "{end:?}: {left:?}");
            assert!(!left.text.contains("secret"), "{left:?}");
            assert!(left.text.ends_with('\n'), "what comes next begins on a line of its own: {left:?}");
            assert!(!home.path(".local/share/frontdesk/token").exists());
        }
    }
}

/// A way to break off.
#[derive(Clone, Copy, Debug)]
enum End {
    Key(&'static str),
    Signal(&'static str),
}
