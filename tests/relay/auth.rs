//! The auth endpoint: who may join what, as Laravel would answer.

use frontdesk::protocol::{ClientOp, ServerOp, User, sign};
use frontdesk::relay::{Origins, Tokens};

use crate::support::{KEY, Reply, Running, SECRET, is_ack, options, told};

const TOKENS: &str = r#"
[[token]]
name = "sari"
role = "staff"
token = "1|sari-token"
user_id = 5

[[token]]
name = "ayu"
role = "admin"
token = "2|ayu-token"
"#;

async fn relay() -> Running {
    let mut settings = options();
    settings.tokens = Tokens::parse(TOKENS).expect("tokens").fixed();
    Running::start_with(settings).await
}

const PATHS: [&str; 3] = ["/api/broadcasting/auth", "/broadcasting/auth", "/pusher/auth"];
const USER_PATHS: [&str; 3] = ["/api/broadcasting/user-auth", "/broadcasting/user-auth", "/pusher/user-auth"];
const FORM: &str = "application/x-www-form-urlencoded";

/// Asks in every form that clients use, and gives the one answer that all got.
async fn ask(relay: &Running, token: Option<&str>, socket_id: &str, channel: &str) -> Reply {
    let authorization = token.map_or(String::new(), |token| format!("\r\nAuthorization: Bearer {token}"));
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("socket_id", socket_id).append_pair("channel_name", channel);
    let form = form.finish();
    let json = serde_json::json!({"socket_id": socket_id, "channel_name": channel}).to_string();
    let mut replies = Vec::new();
    for path in PATHS {
        let post = |kind: &str| format!("POST {path} HTTP/1.1{authorization}\r\nContent-Type: {kind}");
        replies.push(relay.http(&post(FORM), form.as_bytes()).await);
        replies.push(relay.http(&post("application/json"), json.as_bytes()).await);
        replies.push(relay.http(&post("application/json; charset=utf-8"), json.as_bytes()).await);
        replies.push(relay.http(&format!("GET {path}?{form} HTTP/1.1{authorization}"), b"").await);
    }
    let first = replies.swap_remove(0);
    for reply in replies {
        assert_eq!((reply.status, &reply.body), (first.status, &first.body), "{channel}");
    }
    assert_eq!(first.header("content-type"), Some("application/json"));
    first
}

#[tokio::test]
async fn every_bearer_gets_every_channel_answered_as_the_role_says() {
    let relay = relay().await;
    let cases = [
        // channel, staff (user 5), admin
        ("private-availability", true, true),
        ("private-staff", true, true),
        ("presence-staff", true, true),
        ("private-admin", false, true),
        ("private-booking.5", true, true),
        ("private-booking.6", false, true),
        ("private-booking.*", false, true),
        ("presence-frontdesk.desks", true, true),
        ("private-encrypted-staff", false, false),
        ("private-elsewhere", false, false),
        ("availability", false, false),
        ("admin", false, false),
        ("no name", false, false),
        ("", false, false),
    ];
    for (channel, staff, admin) in cases {
        for (token, allowed) in [("1|sari-token", staff), ("2|ayu-token", admin)] {
            let reply = ask(&relay, Some(token), "123.456", channel).await;
            if !allowed {
                assert_eq!(
                    (reply.status, reply.body.as_str()),
                    (403, "{\n    \"message\": \"\"\n}"),
                    "{channel}"
                );
                continue;
            }
            assert_eq!(reply.status, 200, "{token} {channel}");
            let grant = reply.json();
            let data = grant["channel_data"].as_str();
            assert_eq!(data.is_some(), channel.starts_with("presence-"), "{channel}");
            let expected = sign::auth(KEY, SECRET, &sign::channel_text("123.456", channel, data));
            assert_eq!(grant["auth"], expected.as_str(), "{channel}");
        }
        for token in [None, Some("wrong"), Some("")] {
            let reply = ask(&relay, token, "123.456", channel).await;
            assert_eq!((reply.status, reply.body.as_str()), (401, r#"{"message":"Unauthenticated."}"#));
        }
    }
    let member = ask(&relay, Some("1|sari-token"), "1.2", "presence-staff").await.json();
    assert_eq!(member["channel_data"], r#"{"user_id":"sari","user_info":{"name":"sari","role":"staff"}}"#);
}

#[tokio::test]
async fn what_the_endpoint_grants_opens_the_channel() {
    let relay = relay().await;
    let mut desk = relay.native().await;
    for channel in ["private-staff", "private-booking.*"] {
        let grant = ask(&relay, Some("2|ayu-token"), &desk.socket_id, channel).await.json();
        let auth = grant["auth"].as_str().map(ToOwned::to_owned);
        assert!(is_ack(&desk.subscribe_with(channel, auth, None).await, channel));
    }
}

#[tokio::test]
async fn a_bearer_is_a_member_by_name_and_role_to_all_who_are_there() {
    let relay = relay().await;
    let channel = "presence-frontdesk.desks";
    let mut desks = [relay.desk().await, relay.desk().await];
    let mut answers = Vec::new();
    for (desk, token) in desks.iter_mut().zip(["1|sari-token", "2|ayu-token"]) {
        let grant = ask(&relay, Some(token), &desk.socket_id, channel).await.json();
        let text = |field: &str| grant[field].as_str().map(ToOwned::to_owned);
        let op = ClientOp::Subscribe {
            channel: channel.to_owned(),
            auth: text("auth"),
            channel_data: text("channel_data"),
            since: None,
        };
        desk.say(&op.encode()).await;
        answers.push(desk.hear().await);
    }
    let ServerOp::Subscribed { data, .. } = &answers[1] else { panic!("{answers:?}") };
    let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(
        data["presence"]["hash"],
        serde_json::json!({"sari": {"name": "sari", "role": "staff"}, "ayu": {"name": "ayu", "role": "admin"}})
    );
    let (event, _, member) = {
        let op = desks[0].hear().await;
        let (event, channel, member) = told(&op);
        (event.to_owned(), channel.map(ToOwned::to_owned), member)
    };
    assert_eq!(event, "pusher_internal:member_added");
    assert_eq!(member, serde_json::json!({"user_id": "ayu", "user_info": {"name": "ayu", "role": "admin"}}));
}

#[tokio::test]
async fn a_bearer_signs_in_by_name_at_every_path_where_clients_ask() {
    let relay = relay().await;
    for path in USER_PATHS {
        let mut desk = relay.desk().await;
        let form = format!("socket_id={}", desk.socket_id);
        let head = format!("POST {path} HTTP/1.1\r\nContent-Type: {FORM}");
        assert_eq!(relay.http(&head, form.as_bytes()).await.status, 401);
        let head = format!("{head}\r\nAuthorization: Bearer 1|sari-token");
        for bad in ["", "socket_id=", "socket_id=x"] {
            assert_eq!(relay.http(&head, bad.as_bytes()).await.status, 422, "{bad:?}");
        }
        let grant = relay.http(&head, form.as_bytes()).await.json();
        let user_data = r#"{"id":"sari","user_info":{"name":"sari","role":"staff"}}"#;
        assert_eq!(grant["user_data"], user_data, "{path}");
        let auth = grant["auth"].as_str().expect("a signature").to_owned();
        desk.say(&ClientOp::Signin { auth, user_data: user_data.to_owned() }.encode()).await;
        assert_eq!(desk.hear().await, User::signed_in(user_data));
    }
}

#[tokio::test]
async fn a_malformed_question_is_no_grant() {
    let relay = relay().await;
    for socket_id in ["", "abc", "1", "1.2.3", "1.2\n"] {
        let reply = ask(&relay, Some("1|sari-token"), socket_id, "private-staff").await;
        assert_eq!(reply.status, 422, "{socket_id:?}");
    }
    let head = "POST /api/broadcasting/auth HTTP/1.1\r\nAuthorization: Bearer 1|sari-token\r\nContent-Type:";
    for (kind, body) in [
        ("application/json", "null"),
        ("application/json", "["),
        ("application/json", r#"{"socket_id":"1.2","channel_name":7}"#),
        ("text/plain", r#"{"socket_id":"1.2","channel_name":"private-staff"}"#),
        (FORM, ""),
        (FORM, "%%%=&&&"),
    ] {
        let reply = relay.http(&format!("{head} {kind}"), body.as_bytes()).await;
        assert_eq!(reply.status, 403, "{kind} {body}");
    }
    let reply = relay.http(&format!("{head} {FORM}"), &vec![b'x'; 100 << 10]).await;
    assert_eq!(reply.status, 413);
    for scheme in ["Basic 1|sari-token", "1|sari-token", "Bearer", "Bearer  "] {
        let request = format!("GET /api/user HTTP/1.1\r\nAuthorization: {scheme}");
        assert_eq!(relay.http(&request, b"").await.status, 401, "{scheme}");
    }
}

#[tokio::test]
async fn a_bearer_is_told_who_it_is() {
    let relay = relay().await;
    let ask = async |token: &str| {
        relay.http(&format!("GET /api/user HTTP/1.1\r\nAuthorization: Bearer {token}"), b"").await
    };
    assert_eq!(ask("1|sari-token").await.body, r#"{"id":5,"name":"sari","role":"staff"}"#);
    assert_eq!(ask("2|ayu-token").await.body, r#"{"id":null,"name":"ayu","role":"admin"}"#);
    assert_eq!(ask("other").await.status, 401);
}

#[tokio::test]
async fn pages_of_this_machine_may_ask_and_by_setting_others() {
    let mut settings = options();
    settings.tokens = Tokens::parse(TOKENS).expect("tokens").fixed();
    let open = Running::start_with(settings.clone()).await;
    settings.apps[0].origins = Origins::Listed(vec!["https://desk.example".into()]);
    let listed = Running::start_with(settings).await;
    let cases = [
        (&open, "http://localhost:3000", true),
        (&open, "http://127.0.0.1:5173", true),
        (&open, "https://desk.example", false),
        (&open, "null", false),
        (&listed, "https://desk.example", true),
        (&listed, "http://localhost:3000", false),
    ];
    for (relay, origin, allowed) in cases {
        let expected = allowed.then_some(origin);
        for path in PATHS.into_iter().chain(["/api/user"]) {
            let preflight = relay
                .http(
                    &format!(
                        "OPTIONS {path} HTTP/1.1\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,content-type,x-socket-id"
                    ),
                    b"",
                )
                .await;
            assert_eq!(preflight.status, 204);
            assert_eq!(preflight.header("access-control-allow-origin"), expected, "{path} {origin}");
            assert_eq!(preflight.header("vary"), Some("Origin"));
            let headers = preflight.header("access-control-allow-headers").expect("headers");
            for header in ["authorization", "content-type", "x-socket-id"] {
                assert!(headers.split(", ").any(|allowed| allowed == header), "{headers}");
            }
            let answer = relay.http(&format!("GET {path} HTTP/1.1\r\nOrigin: {origin}"), b"").await;
            assert_eq!(answer.status, 401);
            assert_eq!(answer.header("access-control-allow-origin"), expected, "errors are read too");
            assert_eq!(answer.header("vary"), Some("Origin"));
        }
    }
}
