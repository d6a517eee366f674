//! Users who sign in: what is told to them, who watches them, and how the app ends their connections.

use frontdesk::protocol::{CloseCode, ServerOp, User};
use serde_json::json;

use crate::support::{Running, is_ack, options};

const AYU: &str = r#"{"id":"ayu"}"#;

#[tokio::test]
async fn what_is_told_to_a_user_is_heard_on_all_of_the_users_connections_and_no_other() {
    let relay = Running::start().await;
    let mut desks = [relay.desk().await, relay.desk().await];
    for desk in &mut desks {
        assert_eq!(desk.sign_in(AYU).await, User::signed_in(AYU));
        let channel = "#server-to-user-ayu";
        assert!(is_ack(&desk.subscribe_with(channel, Some(String::new()), None).await, channel));
    }
    let mut other = relay.desk().await;
    other.sign_in(r#"{"id":"sari"}"#).await;
    let refused = other.subscribe_with("#server-to-user-ayu", Some(String::new()), None).await;
    assert!(matches!(refused, ServerOp::SubscriptionError { status: Some(401), .. }));
    relay.publish("#server-to-user-ayu", "X", "for ayu").await;
    for desk in &mut desks {
        assert_eq!(desk.event().await.data, "for ayu");
        desk.hears_nothing_more().await;
    }
    other.hears_nothing_more().await;
}

#[tokio::test]
async fn a_watcher_is_told_who_is_there_and_who_comes_and_goes() {
    let relay = Running::start().await;
    let mut ayu = relay.desk().await;
    ayu.sign_in(AYU).await;
    let watch = json!({"id": "wati", "watchlist": ["ayu", "sari", "sari"]}).to_string();
    let mut wati = relay.desk().await;
    wati.sign_in(&watch).await;
    assert_eq!(wati.hear().await, User::watched(&["ayu"], &["sari"]));
    let sari = r#"{"id":"sari"}"#;
    let (mut one, mut two) = (relay.desk().await, relay.desk().await);
    one.sign_in(sari).await;
    assert_eq!(wati.hear().await, User::watched(&["sari"], &[]));
    two.sign_in(sari).await;
    one.leave().await;
    wati.hears_nothing_more().await;
    two.leave().await;
    assert_eq!(wati.hear().await, User::watched(&[], &["sari"]));
    drop(ayu);
    let mut back = relay.desk().await;
    back.sign_in(AYU).await;
    drop(back);
    assert_eq!(wati.hear().await, User::watched(&[], &["ayu"]), "a short cut is no leave");
    wati.hears_nothing_more().await;
}

#[tokio::test]
async fn an_app_without_watchlists_tells_nobody() {
    let mut settings = options();
    settings.apps[0].watchlist = false;
    let relay = Running::start_with(settings).await;
    let mut desk = relay.desk().await;
    desk.sign_in(&json!({"id": "wati", "watchlist": ["ayu"]}).to_string()).await;
    let mut ayu = relay.desk().await;
    ayu.sign_in(AYU).await;
    desk.hears_nothing_more().await;
}

#[tokio::test]
async fn a_wrong_signin_is_closed_with_4009() {
    let relay = Running::start().await;
    for data in [
        r#"{"auth":"a-key:00","user_data":"{\"id\":\"7\"}"}"#,
        r#"{"auth":null,"user_data":"{\"id\":\"7\"}"}"#,
        r#"{"auth":"a-key:00"}"#,
        "{}",
    ] {
        let mut desk = relay.desk().await;
        desk.say(&format!(r#"{{"event":"pusher:signin","data":{data}}}"#)).await;
        let (code, before) = desk.closed().await;
        assert_eq!(code, 4009, "{data}");
        assert!(matches!(before[..], [ServerOp::Error { code: Some(CloseCode::UNAUTHORIZED), .. }]));
    }
}
