//! What a stranger meets who comes through a proxy: guarded names, and no app whose secret can be guessed.

use frontdesk::protocol::{ServerOp, sign};
use frontdesk::relay::{self, App, Role, Tokens};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Desk, Running, is_ack, options};

/// What nginx, Caddy and their like say of whom they speak for.
const PROXIES: [(&str, &str); 5] = [
    ("x-forwarded-for", "203.0.113.9"),
    ("x-real-ip", "203.0.113.9"),
    ("forwarded", "for=203.0.113.9;proto=https"),
    ("x-forwarded-proto", "https"),
    // Whoever says so is no neighbour either.
    ("x-forwarded-for", "127.0.0.1"),
];

#[tokio::test]
async fn a_stranger_hears_no_guarded_name_without_a_signature_for_its_private_one() {
    let relay = Running::start().await;
    for proxy in PROXIES {
        for query in ["protocol=7", "protocol=7&frontdesk=1"] {
            let mut stranger = Desk::open(&relay, query, &[proxy]).await;
            let patterns = query.contains("frontdesk=1");
            let names = ["admin", "staff", "booking.7", "booking.*", "booking.7.*"];
            for name in names.into_iter().filter(|name| patterns || !name.ends_with('*')) {
                let refused = stranger.subscribe(name).await;
                let ServerOp::SubscriptionError { channel, error, status: Some(401), .. } = refused else {
                    panic!("{proxy:?} {name}: {refused:?}")
                };
                assert!(channel == name && error.contains("guarded"), "{error}");
            }
            for event in ["admin", "staff", "booking.7"] {
                relay.publish(event, "X", "not for strangers").await;
            }
            stranger.hears_nothing_more().await;
            assert!(is_ack(&stranger.subscribe("availability").await, "availability"));
            for name in names.into_iter().filter(|name| patterns || !name.ends_with('*')) {
                let auth = stranger.auth(&format!("private-{name}"));
                assert!(is_ack(&stranger.subscribe_with(name, Some(auth), None).await, name), "{name}");
            }
            relay.publish("admin", "X", "for who may").await;
            assert_eq!(stranger.event().await.data, "for who may");
        }
    }
    let mut neighbour = relay.native().await;
    for name in ["admin", "staff", "booking.*"] {
        assert!(is_ack(&neighbour.subscribe(name).await, name), "{name}");
    }
}

#[tokio::test]
async fn an_app_whose_secret_can_be_guessed_serves_no_stranger_at_any_door() {
    let token = "a-token";
    let weak = [App::default_app(), App::new("app-id", "app-key", SecretString::from("15-bytes-secret"))];
    for app in weak {
        let mut settings = options();
        settings.apps = vec![app.clone()];
        settings.tokens = Tokens::default().with("ayu", Role::Admin, &SecretString::from(token)).fixed();
        let relay = Running::start_with(settings).await;
        let signed = |method: &str, route: &str, body: &str| {
            let path = format!("/apps/app-id/{route}");
            let now = frontdesk::time::Clock::system().now().as_second();
            let mut query = vec![
                ("auth_key", "app-key".to_owned()),
                ("auth_timestamp", now.to_string()),
                ("auth_version", "1.0".to_owned()),
            ];
            if !body.is_empty() {
                query.push(("body_md5", sign::body_md5(body.as_bytes())));
            }
            let query: Vec<_> = query.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let text = sign::request_text(method, &path, &query);
            let signature = sign::sign(app.secret.expose_secret(), &text);
            let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{method} {path}?{}&auth_signature={signature} HTTP/1.1", pairs.join("&"))
        };
        let event = r#"{"name":"X","channel":"a","data":"{}"}"#;
        let batch = r#"{"batch":[{"name":"X","channel":"a","data":"{}"}]}"#;
        let ask =
            format!("socket_id=1.2&channel_name=private-staff HTTP/1.1\r\nAuthorization: Bearer {token}");
        let doors = [
            (signed("POST", "events", event), event),
            (signed("POST", "batch_events", batch), batch),
            (signed("GET", "channels", ""), ""),
            (signed("GET", "channels/a", ""), ""),
            (signed("GET", "channels/presence-a/users", ""), ""),
            (signed("POST", "users/ayu/terminate_connections", "{}"), "{}"),
            (format!("GET /api/broadcasting/auth?{ask}"), ""),
            (format!("GET /broadcasting/auth?{ask}"), ""),
            (format!("GET /pusher/user-auth?{ask}"), ""),
        ];
        for (door, body) in &doors {
            for (name, value) in PROXIES {
                let reply = relay.http(&format!("{door}\r\n{name}: {value}"), body.as_bytes()).await;
                assert_eq!(reply.status, 403, "{door} {name} {}", reply.body);
                assert!(reply.body.contains("default or short secret"), "{door} {}", reply.body);
            }
            assert_eq!(relay.http(door, body.as_bytes()).await.status, 200, "{door}");
        }
        for proxy in PROXIES {
            let stream = TcpStream::connect(relay.address).await.expect("connected");
            let mut stranger = Desk::knock(&relay, stream, "/app/app-key?protocol=7", &[proxy]).await;
            assert_eq!(stranger.closed().await, (4003, Vec::new()), "{proxy:?}");
        }
        let elsewhere = TcpListener::bind("0.0.0.0:0").await.expect("a port");
        let mut settings = options();
        settings.apps = vec![app];
        let refused = relay::run(vec![elsewhere], settings, std::future::pending()).await;
        assert!(matches!(refused, Err(relay::Error::WeakSecret { .. })), "{refused:?}");
    }
}
