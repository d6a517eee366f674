//! Several apps from one settings file: none opens, hears or limits another.

use frontdesk::config::{self, Environment, Layer, Sources};
use frontdesk::protocol::{ServerOp, sign};
use frontdesk::relay::{App, Role, Tokens};
use frontdesk::time::Clock;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;

use crate::support::{Desk, Reply, Running, is_ack, options};

const SETTINGS: &str = r#"
[relay.limits]
event_kb = 3

[[app]]
id = "1001"
key = "one"
secret = "the-secret-of-the-first-app"

[[app]]
id = "1002"
key = "two"
secret = "the-secret-of-the-second-app"
origins = ["https://desk.example"]
max_connections = 2
[app.limits]
channel_name = 20
event_kb = 1
subscriptions = 2

[[app]]
id = "1003"
key = "three"
secret = "the-secret-of-the-third-app"
enabled = false
"#;

const TOKEN: &str = "an-admin-token";

fn apps() -> Vec<App> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), SETTINGS).expect("written");
    let sources = Sources { config: Some(file.path().to_owned()), env_file: None };
    config::load(&sources, &Environment::default(), Layer::default()).expect("settings").relay.apps
}

async fn relay() -> Running {
    let mut settings = options();
    settings.apps = apps();
    settings.tokens = Tokens::default().with("ayu", Role::Admin, &SecretString::from(TOKEN)).fixed();
    Running::start_with(settings).await
}

/// Asks an app's API, signed with this key and secret.
async fn api(relay: &Running, (method, path): (&str, &str), key: &str, secret: &str, body: &str) -> Reply {
    let mut query = vec![
        ("auth_key", key.to_owned()),
        ("auth_timestamp", Clock::system().now().as_second().to_string()),
        ("auth_version", "1.0".to_owned()),
    ];
    if !body.is_empty() {
        query.push(("body_md5", sign::body_md5(body.as_bytes())));
    }
    let query: Vec<(String, String)> =
        query.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let signature = sign::sign(secret, &sign::request_text(method, path, &query));
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let target = format!("{path}?{}&auth_signature={signature}", pairs.join("&"));
    relay
        .http(&format!("{method} {target} HTTP/1.1\r\nContent-Type: application/json"), body.as_bytes())
        .await
}

async fn publish(relay: &Running, app: &App, channel: &str, data: &str) -> Reply {
    let body = serde_json::json!({"name": "X", "channel": channel, "data": data}).to_string();
    let path = format!("/apps/{}/events", app.id);
    api(relay, ("POST", &path), &app.key, app.secret.expose_secret(), &body).await
}

/// Connects to the app with this key, and gives what comes first.
async fn knock(relay: &Running, key: &str, headers: &[(&'static str, &str)]) -> Desk {
    let stream = TcpStream::connect(relay.address).await.expect("connected");
    Desk::knock(relay, stream, &format!("/app/{key}?protocol=7"), headers).await
}

async fn desk(relay: &Running, key: &str) -> Desk {
    let mut desk = knock(relay, key, &[]).await;
    let ServerOp::Established { socket_id, .. } = desk.hear().await else { panic!("not let in") };
    desk.socket_id = socket_id;
    desk
}

#[tokio::test]
async fn every_route_takes_an_apps_own_key_and_secret_and_no_others() {
    let relay = relay().await;
    let apps = apps();
    let event = r#"{"name":"X","channel":"a","data":"{}"}"#;
    let batch = r#"{"batch":[{"name":"X","channel":"a","data":"{}"}]}"#;
    let routes = [
        ("POST", "events", event),
        ("POST", "batch_events", batch),
        ("GET", "channels", ""),
        ("GET", "channels/a", ""),
        ("GET", "channels/presence-a/users", ""),
        ("POST", "users/ayu/terminate_connections", "{}"),
    ];
    for (method, route, body) in routes {
        for named in &apps {
            for key in &apps {
                for secret in &apps {
                    let path = format!("/apps/{}/{route}", named.id);
                    let reply =
                        api(&relay, (method, &path), &key.key, secret.secret.expose_secret(), body).await;
                    let expected = match (named.enabled, named.id == key.id && key.id == secret.id) {
                        (false, _) => 403,
                        (true, true) => 200,
                        (true, false) => 401,
                    };
                    let who = (&named.id, &key.key, &secret.id);
                    assert_eq!(reply.status, expected, "{method} {route} {who:?} {}", reply.body);
                }
            }
        }
    }
}

#[tokio::test]
async fn no_app_hears_another_and_none_is_opened_by_anothers_signature() {
    let relay = relay().await;
    let apps = apps();
    let mut desks = [desk(&relay, "one").await, desk(&relay, "two").await];
    for desk in &mut desks {
        assert!(is_ack(&desk.subscribe("a").await, "a"));
    }
    for (at, app) in apps[..2].iter().enumerate() {
        assert_eq!(publish(&relay, app, "a", &app.id).await.status, 200);
        assert_eq!(desks[at].event().await.data, app.id);
    }
    for (desk, own) in desks.iter_mut().zip(&apps) {
        desk.hears_nothing_more().await;
        for key in &apps {
            for secret in &apps {
                let text = sign::channel_text(&desk.socket_id, "private-a", None);
                let auth = sign::auth(&key.key, secret.secret.expose_secret(), &text);
                let answer = desk.subscribe_with("private-a", Some(auth), None).await;
                let opened = key.id == own.id && secret.id == own.id;
                assert_eq!(is_ack(&answer, "private-a"), opened, "{} {} {}", own.id, key.id, secret.id);
                if opened {
                    desk.unsubscribe("private-a").await;
                }
            }
        }
    }
}

#[tokio::test]
async fn the_auth_endpoint_signs_for_the_connections_own_app_and_by_its_limits() {
    let relay = relay().await;
    let ask = async |socket_id: &str, channel: &str| {
        let target = format!("/broadcasting/auth?socket_id={socket_id}&channel_name={channel}");
        relay.http(&format!("GET {target} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}"), b"").await
    };
    for (key, long) in [("one", 200), ("two", 403)] {
        let mut desk = desk(&relay, key).await;
        let grant = ask(&desk.socket_id, "private-staff").await.json();
        let auth = grant["auth"].as_str().expect("a signature").to_owned();
        assert!(auth.starts_with(&format!("{key}:")), "{auth}");
        assert!(is_ack(&desk.subscribe_with("private-staff", Some(auth), None).await, "private-staff"));
        let name = "private-booking.12345";
        assert_eq!((name.len(), ask(&desk.socket_id, name).await.status), (21, long), "{key}");
        let pattern = "private-booking.a.b.c.*";
        assert_eq!(ask(&desk.socket_id, pattern).await.status, long, "{key}");
    }
    assert!(
        ask("1.2", "private-staff").await.json()["auth"]
            .as_str()
            .is_some_and(|auth| auth.starts_with("one:"))
    );
}

#[tokio::test]
async fn each_app_has_limits_of_its_own() {
    let relay = relay().await;
    let apps = apps();
    for (kilobytes, one, two) in [(1, 200, 200), (2, 200, 413), (3, 200, 413), (4, 413, 413)] {
        let data = "x".repeat(kilobytes << 10);
        assert_eq!(publish(&relay, &apps[0], "a", &data).await.status, one, "{kilobytes}");
        assert_eq!(publish(&relay, &apps[1], "a", &data).await.status, two, "{kilobytes}");
    }
    let long = "a".repeat(21);
    assert_eq!(publish(&relay, &apps[0], &long, "x").await.status, 200);
    assert_eq!(publish(&relay, &apps[1], &long, "x").await.status, 400);
    let mut one = [desk(&relay, "one").await, desk(&relay, "one").await, desk(&relay, "one").await];
    let mut two = [desk(&relay, "two").await, desk(&relay, "two").await];
    assert_eq!(knock(&relay, "two", &[]).await.closed().await.0, 4100);
    for (desk, refused) in [(&mut one[0], false), (&mut two[0], true)] {
        for name in ["a", "b"] {
            assert!(is_ack(&desk.subscribe(name).await, name));
        }
        assert_eq!(is_ack(&desk.subscribe("c").await, "c"), !refused);
        assert_eq!(is_ack(&desk.subscribe(&long).await, &long), !refused);
    }
    assert_eq!(knock(&relay, "three", &[]).await.closed().await.0, 4003);
    assert_eq!(knock(&relay, "four", &[]).await.closed().await.0, 4001);
}

#[tokio::test]
async fn an_app_that_lists_origins_lets_in_pages_of_those_and_whoever_is_no_page() {
    let relay = relay().await;
    let cases = [
        ("one", Some("https://evil.example"), true),
        ("one", Some("null"), true),
        ("one", None, true),
        ("two", Some("https://desk.example"), true),
        ("two", Some("https://DESK.example"), true),
        ("two", Some("https://desk.example:8443"), false),
        ("two", Some("http://localhost:3000"), false),
        ("two", Some("https://evil.example"), false),
        ("two", Some("null"), false),
        ("two", Some(""), false),
        ("two", None, true),
    ];
    for (key, origin, let_in) in cases {
        let headers: Vec<(&str, &str)> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        let mut desk = knock(&relay, key, &headers).await;
        if let_in {
            assert!(matches!(desk.hear().await, ServerOp::Established { .. }), "{key} {origin:?}");
            desk.leave().await;
        } else {
            assert_eq!(desk.closed().await, (4009, Vec::new()), "{key} {origin:?}");
        }
    }
}
