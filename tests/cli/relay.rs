//! `relay`: what it says at its start, who may start it, and how it ends.

use crate::bench::{Home, Relay, backend};

#[test]
fn a_check_says_what_the_relay_would_do_and_ends() {
    let home = Home::new();
    let ran = home.run(&["relay", "--check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    for words in [
        "listening on ws://127.0.0.1:6001 and ws://[::1]:6001",
        "app-id with the key app-key",
        "admin, staff, booking.*",
        "PUSHER_APP_SECRET=app-secret",
        "wsPort: 6001",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    assert!(!home.path(".local").exists(), "a check leaves nothing behind");
}

#[test]
fn apps_come_from_the_file_and_from_who_names_one_in_full() {
    let home = Home::new()
        .with("PUSHER_APP_ID", "2002")
        .with("PUSHER_APP_KEY", "two")
        .with("PUSHER_APP_SECRET", "0123456789abcdef-two");
    home.file(
        ".config/frontdesk/frontdesk.toml",
        "[relay]\nlisten = \"0.0.0.0:7000\"\n[[app]]\nid = \"1001\"\nkey = \"one\"\nsecret = \"0123456789abcdef-one\"\n",
    );
    let ran = home.run(&["relay", "--check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for words in
        ["ws://0.0.0.0:7000", "1001 with the key one", "2002 with the key two", "PUSHER_HOST=THIS-HOST"]
    {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("0123456789abcdef"), "{}", ran.stdout);
}

#[test]
fn a_default_secret_is_for_this_machine_alone() {
    for args in [&["--check"][..], &[]] {
        let ran = Home::new().run(&[&["relay", "--listen", "0.0.0.0:0"], args].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.contains("default or short secret"), "{}", ran.stderr);
    }
}

#[test]
fn a_second_relay_in_one_folder_is_refused_with_the_firsts_process() {
    let home = Home::new();
    let first = Relay::start(&home, &[]);
    let second = home.run(&["relay", "--listen", "localhost:0"]);
    assert_eq!((second.code, second.stdout.as_str()), (Some(1), ""));
    assert!(second.stderr.contains(&format!("process {}", first.child.id())), "{}", second.stderr);
    let ephemeral = Relay::start(&home, &["--ephemeral"]);
    assert_eq!(ephemeral.stop().code, Some(0));
    drop(first);
    // The kernel has freed the lock of the one that was killed.
    assert_eq!(Relay::start(&home, &[]).stop().code, Some(0));
}

#[test]
fn a_taken_port_is_said_with_what_to_do() {
    let home = Home::new();
    let first = Relay::start(&home, &["--ephemeral"]);
    let second = home.run(&["relay", "--ephemeral", "--listen", &format!("localhost:{}", first.port)]);
    assert_eq!(second.code, Some(1));
    assert!(
        second.stderr.contains("something else does; stop it, or choose another port"),
        "{}",
        second.stderr
    );
}

#[test]
fn sigterm_drains_it_and_it_ends_well_with_its_log_on_stderr_and_in_its_folder() {
    let home = Home::new();
    let ran = Relay::start(&home, &["--headless"]).stop();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("drained"), "{}", ran.stderr);
    let log = crate::bench::all_text_below(&home.path(".local/share/frontdesk/relay/log"));
    assert!(log.contains("drained"), "{log}");
}

#[test]
fn a_folder_that_cannot_be_written_is_a_reason_not_to_serve_unless_events_are_to_be_delivered_all_the_same() {
    let home = Home::new();
    let file = home.file("file", "");
    let elsewhere = ["--data-dir", file.to_str().expect("a path")];
    let ran = home.run(&[&["relay", "--listen", "localhost:0"], &elsewhere[..]].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("--ephemeral") && ran.stderr.contains("cannot write to"), "{}", ran.stderr);
    home.file(".config/frontdesk/frontdesk.toml", "[relay]\non_store_error = \"deliver\"\n");
    let ran = Relay::start(&home, &elsewhere).stop();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("nothing is kept on disk"), "{}", ran.stderr);
}

#[test]
fn a_backend_to_forward_to_is_the_flags_or_the_settings_and_has_an_address_that_may_be_asked() {
    let home = Home::new();
    let settings = "[relay]\nauth_forward = \"https://venue.test/app/broadcasting/auth\"\n";
    home.file(".config/frontdesk/frontdesk.toml", settings);
    let check = |more: &[&str]| home.run(&[&["relay", "--check"], more].concat());
    let told = check(&[]).stdout;
    assert!(told.contains("asked for at https://venue.test/app/broadcasting/auth"), "{told}");
    let told = check(&["--auth-forward", "http://127.0.0.1:8000"]).stdout;
    assert!(told.contains("asked for at http://127.0.0.1:8000/api/broadcasting/auth"), "{told}");
    for (url, words) in [
        ("127.0.0.1:8000", "expected http://host"),
        ("ws://venue.test", "expected http://host"),
        ("http://169.254.169.254/", "link-local"),
        ("http://[fe80::1]/", "link-local"),
        ("http://venue.test/#here", "expected http://host:port"),
    ] {
        let ran = check(&["--auth-forward", url]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{url}");
        assert!(ran.stderr.contains(words), "{url}: {}", ran.stderr);
    }
}

#[test]
fn a_desk_that_knows_the_relay_alone_logs_in_at_the_laravel_behind_it() {
    let home = Home::new().with("FRONTDESK_KEY", "app-key");
    let laravel = backend(|path, body| match path {
        "/api/login" if body.contains("\"ayu@venue.test\"") => (
            "200 OK",
            r#"{"token":"7|from-laravel","user":{"name":"Ayu Lestari","role":"admin"}}"#.to_owned(),
        ),
        "/api/user" => ("200 OK", r#"{"id":2,"name":"Ayu Lestari","role":"admin"}"#.to_owned()),
        "/api/broadcasting/auth" if body.contains("private-admin") => {
            ("200 OK", r#"{"auth":"app-key:00"}"#.to_owned())
        }
        "/api/broadcasting/auth" => ("403 Forbidden", "{}".to_owned()),
        _ => ("404 Not Found", String::new()),
    });
    let relay = Relay::start(&home, &["--ephemeral", "--auth-forward", &laravel]);
    let login = home.run_with(&["login", "--email", "ayu@venue.test", "--url", &relay.url()], "a password\n");
    assert_eq!(login.code, Some(0), "{login:?}");
    assert!(login.stdout.contains("as Ayu Lestari, admin"), "{}", login.stdout);
    let whoami = home.run(&["whoami", "--url", &relay.url()]);
    assert_eq!(whoami.code, Some(0), "{whoami:?}");
    for line in ["Ayu Lestari, admin", "may join      private-admin", "may not join  private-staff"] {
        assert!(whoami.stdout.contains(line), "{line}: {}", whoami.stdout);
    }
}
