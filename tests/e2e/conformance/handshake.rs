//! The opening: HTTP until the 101 (RFC 6455, 4.2), then who is let in, and how the others are told.

use std::collections::HashSet;

use serde_json::json;

use super::apps::{App, MAIN, OFF, ONE};
use super::suite::{At, Suite};
use super::wire::{FIN, Http, Reply, TEXT, Wire, data, frame};

pub(super) fn cases(suite: &mut Suite) {
    let_in(suite);
    refused(suite);
    capacity(suite);
    upgrades(suite);
    no_upgrades(suite);
}

fn let_in(suite: &mut Suite) {
    suite.case("the first frame is connection_established, its data a string of JSON", |at| async move {
        let told = at.knock("/app/key-of-main?protocol=7").await.established().await;
        assert!(told["data"].is_string(), "{told}");
    });
    suite.case("connection_established has nothing beside event and data", |at| async move {
        let told = at.knock("/app/key-of-main?protocol=7").await.established().await;
        let keys: Vec<&String> = told.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["event", "data"]);
    });
    suite.case("a socket id is two numbers with a dot between", |at| async move {
        let id = at.desk().await.socket_id;
        let (left, right) = id.split_once('.').expect("a dot");
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        assert!(digits(left) && digits(right), "{id}");
    });
    suite.case("no two connections have one socket id", |at| async move {
        let mut ids = HashSet::new();
        for _ in 0..20 {
            assert!(ids.insert(at.desk().await.socket_id), "twice the same");
        }
    });
    suite.case("the activity timeout is a number of seconds above 0", |at| async move {
        let told = at.knock("/app/key-of-main?protocol=7").await.established().await;
        assert!(data(&told)["activity_timeout"].as_u64().is_some_and(|seconds| seconds > 0), "{told}");
    });
    let served = [
        ("protocol 5 is served", "?protocol=5"),
        ("protocol 6 is served", "?protocol=6"),
        ("protocol 7 is served", "?protocol=7"),
        ("no query at all is protocol 7", ""),
        ("a query without a protocol is protocol 7", "?client=js&version=8.6.0"),
        ("unknown parameters are ignored", "?protocol=7&client=odd&flash=true&color=%23fff&a=b&a=c"),
        ("the parameters come in any order", "?flash=false&version=4.3.1&client=php&protocol=7"),
        ("parameters without values are ignored", "?protocol=7&client&version"),
        ("a client's name may have escapes", "?protocol=7&client=%F0%9F%8C%B4%20js"),
    ];
    for (name, query) in served {
        suite.case(name, move |at| async move {
            at.knock(&format!("/app/key-of-main{query}")).await.established().await;
        });
    }
    for prefix in ["/reverb", "/a/b/c", "/s/5f0c8a1e-0d5c-4a39-8e0e-5a4f2a6d7a11", "/app/app"] {
        let name = format!("the path may begin with {prefix}");
        suite.not_soketi("it serves the one prefix of its settings", name, move |at| async move {
            at.knock(&format!("{prefix}/app/key-of-main?protocol=7")).await.established().await;
        });
    }
    suite.case("the page's origin does not matter where the app lists none", |at| async move {
        let origin = "Origin: https://venue.example\r\n";
        let mut wire = Wire::knock(at.port, &MAIN, "/app/key-of-main?protocol=7", origin).await;
        wire.established().await;
    });
    suite.not_soketi(
        "its WebSocket library loses it",
        "a ping that comes with the handshake, before anything was said, is answered",
        |at| async move {
            // pysher does so, and with a string for data.
            let mut wire =
                knock_and_say(at, &frame(FIN | TEXT, br#"{"event":"pusher:ping","data":""}"#)).await;
            let mut told = [wire.hear().await, wire.hear().await].map(|told| told["event"].clone());
            told.sort_by_key(ToString::to_string);
            assert_eq!(told, ["pusher:connection_established", "pusher:pong"]);
        },
    );
    suite.not_soketi(
        "it has no app yet when the frame comes",
        "a subscription that comes with the handshake is made",
        |at| async move {
            let channel = at.channel("");
            let early = json!({"event": "pusher:subscribe", "data": {"channel": channel}}).to_string();
            let mut wire = knock_and_say(at, &frame(FIN | TEXT, early.as_bytes())).await;
            wire.established().await;
            assert_eq!(wire.hear().await["event"], "pusher_internal:subscription_succeeded");
        },
    );
    suite.case("a handshake that comes byte by byte is answered", |at| async move {
        let mut http = Http::open(at.port).await;
        for byte in opening("GET", "HTTP/1.1", &HEADERS).bytes() {
            http.send([byte]).await;
        }
        assert_eq!(http.answer(true).await.unwrap().status, 101);
    });
}

fn refused(suite: &mut Suite) {
    let everywhere = [
        ("an unknown key is closed with 4001", "/app/nobody?protocol=7", 4001),
        ("an unknown key without a protocol is closed with 4001", "/app/nobody", 4001),
        ("an unknown key of protocol 5 is closed with 4001", "/app/nobody?protocol=5", 4001),
        ("a key in capitals is another key", "/app/KEY-OF-MAIN?protocol=7", 4001),
        ("a key with something behind is another key", "/app/key-of-main-2?protocol=7", 4001),
        ("the beginning of a key is another key", "/app/key-of-mai?protocol=7", 4001),
        ("an app's id is not its key", "/app/1001?protocol=7", 4001),
        ("a disabled app is closed with 4003", "/app/key-of-off?protocol=7", 4003),
        ("a disabled app of protocol 5 is closed with 4003", "/app/key-of-off?protocol=5", 4003),
    ];
    for (name, target, code) in everywhere {
        suite.case(name, move |at| async move {
            let (told, before) = at.knock(target).await.closed().await;
            assert_eq!(told, Some(code), "after {before:?}");
            assert!(before.iter().all(|op| op["event"] != "pusher:connection_established"), "{before:?}");
        });
    }
    let versions = [
        ("protocol 4 is closed with 4007", "4", 4007),
        ("protocol 8 is closed with 4007", "8", 4007),
        ("protocol 0 is closed with 4007", "0", 4007),
        ("protocol 99 is closed with 4007", "99", 4007),
        ("a protocol that is a word is closed with 4006", "seven", 4006),
        ("a protocol that is a fraction is closed with 4006", "7.5", 4006),
        ("a protocol below zero is closed with 4006", "-7", 4006),
        ("a protocol that is empty is closed with 4006", "", 4006),
    ];
    for (name, version, code) in versions {
        suite.not_soketi("it looks at no version", name, move |at| async move {
            let wire = at.knock(&format!("/app/key-of-main?protocol={version}")).await.close_code().await;
            assert_eq!(wire, code);
        });
    }
    suite.not_soketi(
        "it tells all versions an error first",
        "who speaks protocol 7 is refused by the close alone",
        |at| async move {
            for target in ["/app/nobody?protocol=7", "/app/key-of-off?protocol=7", "/app/nobody"] {
                assert_eq!(
                    at.knock(target).await.closed().await.1,
                    Vec::<serde_json::Value>::new(),
                    "{target}"
                );
            }
        },
    );
    suite.case("who speaks protocol 5 hears a pusher:error with the same code first", |at| async move {
        for (key, code) in [("nobody", 4001), (OFF.key, 4003)] {
            let (_, before) = at.knock(&format!("/app/{key}?protocol=5")).await.closed().await;
            let [error] = before.as_slice() else { panic!("{before:?}") };
            assert_eq!((&error["event"], &error["data"]["code"]), (&json!("pusher:error"), &json!(code)));
            assert!(error["data"]["message"].is_string(), "{error}");
        }
    });
    suite.case("after a refusal the connection ends", |at| async move {
        let mut wire = at.knock("/app/nobody?protocol=7").await;
        assert_eq!(wire.close_code().await, 4001);
        wire.frame(FIN | super::wire::CLOSE, &4001_u16.to_be_bytes()).await;
        wire.ended().await;
    });
    suite.case("who is refused hears nothing of what is published", |at| async move {
        let channel = at.channel("");
        let mut wire = at.knock("/app/nobody?protocol=7").await;
        wire.ask(&channel).await;
        at.publish(&channel, "e", "1").await;
        let (code, before) = wire.closed().await;
        assert_eq!(code, Some(4001));
        assert!(before.iter().all(|op| op["event"] == "pusher:error"), "{before:?}");
    });
}

fn capacity(suite: &mut Suite) {
    suite.case(
        "an app that has all its connections closes further ones with 4100, until one leaves",
        |at| async move {
            let first = at.desk_of(&ONE).await;
            for _ in 0..3 {
                assert_eq!(knock(at, &ONE).await.close_code().await, 4100);
            }
            first.leave().await;
            // The server may take a moment to know.
            loop {
                let told = knock(at, &ONE).await.next().await.unwrap();
                if String::from_utf8_lossy(&told.payload).contains("connection_established") {
                    break;
                }
            }
        },
    );
}

fn upgrades(suite: &mut Suite) {
    suite.case("the 101 has the accept key, Upgrade and Connection", |at| async move {
        let answer = at.knock("/app/key-of-main").await.answer.to_lowercase();
        assert!(answer.contains("\r\nupgrade: websocket\r\n"), "{answer}");
        assert!(answer.contains("\r\nconnection: upgrade\r\n"), "{answer}");
    });
    suite.case("the accept key is the one of RFC 6455", |at| async move {
        let answer = at.knock("/app/key-of-main").await.answer;
        assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    });
    suite.case("a 101 has no body and no length", |at| async move {
        let answer = at.knock("/app/key-of-main").await.answer.to_lowercase();
        assert!(!answer.contains("content-length: 1") && !answer.contains("transfer-encoding"), "{answer}");
    });
    suite.case("an extension that is offered is not forced on the client", |at| async move {
        let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
        let mut wire = Wire::knock(at.port, &MAIN, "/app/key-of-main", offer).await;
        wire.established().await;
        wire.nothing_came().await;
    });
    suite.case("an extension that is not offered is not used", |at| async move {
        let answer = at.knock("/app/key-of-main").await.answer.to_lowercase();
        assert!(!answer.contains("sec-websocket-extensions"), "{answer}");
    });
    suite.case("a subprotocol that was not offered is not chosen", |at| async move {
        let answer = at.knock("/app/key-of-main").await.answer.to_lowercase();
        assert!(!answer.contains("sec-websocket-protocol"), "{answer}");
    });
    suite.case("a subprotocol that was offered need not be chosen, and nothing else is", |at| async move {
        let offer = "Sec-WebSocket-Protocol: pusher, mqtt\r\n";
        let mut wire = Wire::knock(at.port, &MAIN, "/app/key-of-main", offer).await;
        let answer = wire.answer.to_lowercase();
        let chosen = answer.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol:"));
        assert!(
            chosen.is_none_or(|chosen| ["pusher", "mqtt", "pusher, mqtt"].contains(&chosen.trim())),
            "{answer}"
        );
        wire.established().await;
    });
    let spelled = [
        ("Upgrade is matched in any case", ["Upgrade: WebSocket", CONNECTION, KEY, VERSION]),
        ("Connection is matched in any case", [UPGRADE, "Connection: UPGRADE", KEY, VERSION]),
        ("Connection may list more than Upgrade", [UPGRADE, "Connection: keep-alive, Upgrade", KEY, VERSION]),
        (
            "header names are matched in any case",
            [
                "UPGRADE: websocket",
                "connection: Upgrade",
                "SEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==",
                "sec-websocket-version: 13",
            ],
        ),
        (
            "spaces around a header's value do not count",
            ["Upgrade:   websocket  ", "Connection: Upgrade ", KEY, "Sec-WebSocket-Version:13"],
        ),
    ];
    for (name, headers) in spelled {
        suite.case(name, move |at| async move {
            assert_eq!(ask(at, "GET", "HTTP/1.1", &headers).await.status, 101);
        });
    }
}

const UPGRADE: &str = "Upgrade: websocket";
const CONNECTION: &str = "Connection: Upgrade";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION: &str = "Sec-WebSocket-Version: 13";
const HEADERS: [&str; 4] = [UPGRADE, CONNECTION, KEY, VERSION];

fn no_upgrades(suite: &mut Suite) {
    let wrong = [
        ("without a key there is no upgrade", [UPGRADE, CONNECTION, VERSION, "X: y"], [400, 426]),
        ("an empty key is refused", [UPGRADE, CONNECTION, "Sec-WebSocket-Key:", VERSION], [400, 426]),
        (
            "a key that is too short is refused",
            [UPGRADE, CONNECTION, "Sec-WebSocket-Key: c2hvcnQ=", VERSION],
            [400, 400],
        ),
        (
            "a key that is too long is refused",
            [UPGRADE, CONNECTION, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSBpcyB0b28gbG9uZw==", VERSION],
            [400, 400],
        ),
        (
            "a key that is not Base64 is refused",
            [UPGRADE, CONNECTION, "Sec-WebSocket-Key: !!!!IHNhbXBsZSBub25jZQ==", VERSION],
            [400, 400],
        ),
        (
            "two keys are refused",
            [UPGRADE, "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", KEY, VERSION],
            [400, 400],
        ),
        ("without Upgrade there is no upgrade", [CONNECTION, KEY, VERSION, "X: y"], [400, 426]),
        (
            "without Connection: Upgrade there is no upgrade",
            [UPGRADE, KEY, VERSION, "Connection: keep-alive"],
            [400, 426],
        ),
        ("an upgrade to something else is none", ["Upgrade: h2c", CONNECTION, KEY, VERSION], [400, 426]),
        ("version 12 gets 426", [UPGRADE, CONNECTION, KEY, "Sec-WebSocket-Version: 12"], [426, 426]),
        ("version 14 gets 426", [UPGRADE, CONNECTION, KEY, "Sec-WebSocket-Version: 14"], [426, 426]),
        (
            "a version that is no number is refused",
            [UPGRADE, CONNECTION, KEY, "Sec-WebSocket-Version: thirteen"],
            [400, 426],
        ),
        ("without a version there is no upgrade", [UPGRADE, CONNECTION, KEY, "X: y"], [400, 426]),
    ];
    for (name, headers, statuses) in wrong {
        suite.not_soketi("its WebSocket library upgrades nearly everything", name, move |at| async move {
            let reply = ask(at, "GET", "HTTP/1.1", &headers).await;
            assert!(statuses.contains(&reply.status), "{reply:?}");
        });
    }
    suite.not_soketi(
        "it upgrades any version",
        "the answer to another version names the one that is served",
        |at| async move {
            let reply =
                ask(at, "GET", "HTTP/1.1", &[UPGRADE, CONNECTION, KEY, "Sec-WebSocket-Version: 8"]).await;
            assert_eq!(reply.header("sec-websocket-version"), Some("13"), "{reply:?}");
            assert!(
                reply.header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket")),
                "{reply:?}"
            );
        },
    );
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        suite.not_soketi(
            "it answers with its 404",
            format!("a handshake by {method} is no handshake"),
            move |at| async move {
                let mut http = Http::open(at.port).await;
                http.send(opening(method, "HTTP/1.1", &HEADERS)).await;
                let reply = http.answer(true).await.unwrap();
                assert!([204, 400, 405].contains(&reply.status), "{reply:?}");
                assert!(reply.status != 405 || reply.header("allow").is_some(), "{reply:?}");
            },
        );
    }
    suite.not_soketi("its HTTP parser takes any", "a handshake in HTTP/1.0 is refused", |at| async move {
        let reply = ask(at, "GET", "HTTP/1.0", &HEADERS).await;
        assert!([400, 426, 505].contains(&reply.status), "{reply:?}");
    });
    suite.not_soketi(
        "it falls through to its 404",
        "a plain GET of an app's path is told to upgrade",
        |at| async move {
            let reply = ask(at, "GET", "HTTP/1.1", &["X: y"]).await;
            assert_eq!(reply.status, 426, "{reply:?}");
            assert!(reply.header("upgrade").is_some(), "{reply:?}");
        },
    );
    for target in ["/app", "/app/", "/", "/apps/key-of-main", "/nowhere"] {
        suite.case(format!("a handshake at {target} does not upgrade"), move |at| async move {
            let request = opening("GET", "HTTP/1.1", &HEADERS).replace("/app/key-of-main", target);
            let mut http = Http::open(at.port).await;
            http.send(request).await;
            // soketi closes without an answer where an upgrade is asked of what is none.
            assert!(http.answer(false).await.is_none_or(|reply| reply.status != 101));
        });
    }
}

/// A handshake for the main app with these headers.
fn opening(method: &str, version: &str, headers: &[&str]) -> String {
    let lines = headers.join("\r\n");
    format!("{method} /app/key-of-main {version}\r\nHost: localhost\r\n{lines}\r\n\r\n")
}

async fn ask(at: At, method: &str, version: &str, headers: &[&str]) -> Reply {
    let mut http = Http::open(at.port).await;
    http.send(opening(method, version, headers)).await;
    http.answer(false).await.expect("an answer")
}

async fn knock(at: At, app: &'static App) -> Wire {
    Wire::knock(at.port, app, &format!("/app/{}?protocol=7", app.key), "").await
}

/// Knocks, with frames right behind the handshake.
async fn knock_and_say(at: At, frames: &[u8]) -> Wire {
    Wire::knock_with(at.port, &MAIN, "/app/key-of-main?protocol=7", "", frames).await
}
