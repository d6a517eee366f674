//! Who is in a presence channel, and who is told of it.

use std::collections::BTreeSet;
use std::time::Duration;

use frontdesk::protocol::{ClientOp, CloseCode, Member, ServerOp, sign};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::{Desk, KEY, Running, SECRET, options, told};

const DESK: &str = "presence-desk";

fn member(user_id: &str) -> String {
    json!({"user_id": user_id, "user_info": {"name": user_id}}).to_string()
}

/// The ids that a joiner is told, of which the count and the hash tell the same.
fn ids(op: &ServerOp) -> Vec<String> {
    let ServerOp::Subscribed { data, .. } = op else { panic!("not joined: {op:?}") };
    let data: Value = serde_json::from_str(data).expect("JSON");
    let ids: Vec<String> = serde_json::from_value(data["presence"]["ids"].clone()).expect("ids");
    let hash: BTreeSet<&String> = data["presence"]["hash"].as_object().expect("a hash").keys().collect();
    assert_eq!(hash, ids.iter().collect(), "ids and hash agree");
    assert_eq!(data["presence"]["count"], ids.len());
    ids
}

fn added(user_id: &str) -> ServerOp {
    Member { user_id: user_id.into(), user_info: Some(json!({"name": user_id}).to_string()) }.added(DESK)
}

#[tokio::test]
async fn the_others_are_told_of_a_user_once_however_many_connections_there_are() {
    let relay = Running::start().await;
    let mut ayu = relay.desk().await;
    assert_eq!(ids(&ayu.enter(DESK, &member("ayu")).await), ["ayu"]);
    let (mut sari, mut tab) = (relay.desk().await, relay.desk().await);
    assert_eq!(ids(&sari.enter(DESK, &member("sari")).await), ["ayu", "sari"]);
    assert_eq!(ayu.hear().await, added("sari"));
    assert_eq!(ids(&tab.enter(DESK, &member("sari")).await), ["ayu", "sari"]);
    ayu.hears_nothing_more().await;
    sari.unsubscribe(DESK).await;
    sari.hears_nothing_more().await;
    ayu.hears_nothing_more().await;
    tab.leave().await;
    assert_eq!(ayu.hear().await, Member::removed("sari", DESK));
    sari.hears_nothing_more().await;
}

#[tokio::test]
async fn who_leaves_in_good_order_has_left_at_once() {
    let relay = Running::start().await;
    let mut ayu = relay.desk().await;
    ayu.enter(DESK, &member("ayu")).await;
    for leaves in [true, false] {
        let mut sari = relay.desk().await;
        sari.enter(DESK, &member("sari")).await;
        assert_eq!(ayu.hear().await, added("sari"));
        let left_at = tokio::time::Instant::now();
        if leaves {
            sari.unsubscribe(DESK).await;
        } else {
            sari.leave().await;
        }
        assert_eq!(ayu.hear().await, Member::removed("sari", DESK));
        assert!(left_at.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn whoever_is_back_soon_after_a_cut_has_never_been_away() {
    let relay = Running::start().await;
    let mut ayu = relay.desk().await;
    ayu.enter(DESK, &member("ayu")).await;
    let mut sari = relay.desk().await;
    sari.enter(DESK, &member("sari")).await;
    assert_eq!(ayu.hear().await, added("sari"));
    drop(sari);
    let mut again = relay.desk().await;
    assert_eq!(ids(&again.enter(DESK, &member("sari")).await), ["ayu", "sari"]);
    // What would have been told after two seconds comes before this.
    drop(again);
    assert_eq!(ayu.hear().await, Member::removed("sari", DESK), "and who stays away has left, once");
    ayu.hears_nothing_more().await;
}

#[tokio::test]
async fn twenty_five_who_come_at_once_agree_on_who_is_there() {
    let relay = Running::start().await;
    let names: Vec<String> = (0..25).map(|n| format!("user-{n}")).collect();
    let arrive = names.iter().map(|name| {
        let relay = &relay;
        async move {
            let mut desk = relay.desk().await;
            let snapshot = ids(&desk.enter(DESK, &member(name)).await);
            (desk, snapshot)
        }
    });
    let arrived = futures_util::future::join_all(arrive).await;
    for (mut desk, snapshot) in arrived {
        let mut seen: BTreeSet<String> = snapshot.into_iter().collect();
        while seen.len() < names.len() {
            let op = desk.hear().await;
            let (event, _, data) = told(&op);
            assert_eq!(event, "pusher_internal:member_added");
            let id = data["user_id"].as_str().expect("an id").to_owned();
            assert!(seen.insert(id), "nobody is told twice");
        }
        desk.hears_nothing_more().await;
    }
}

#[tokio::test]
async fn a_full_channel_refuses_a_new_user_and_lets_a_members_tab_in() {
    let mut settings = options();
    settings.apps[0].limits.presence_members = 2;
    let relay = Running::start_with(settings).await;
    let (mut one, mut two, mut three) = (relay.desk().await, relay.desk().await, relay.desk().await);
    one.enter(DESK, &member("1")).await;
    two.enter(DESK, &member("2")).await;
    assert_eq!(one.hear().await, added("2"));
    let refused = three.enter(DESK, &member("3")).await;
    assert!(matches!(refused, ServerOp::SubscriptionError { kind, .. } if kind == "LimitReached"));
    assert_eq!(ids(&three.enter(DESK, &member("2")).await), ["1", "2"]);
    two.unsubscribe(DESK).await;
    three.unsubscribe(DESK).await;
    assert_eq!(one.hear().await, Member::removed("2", DESK));
    assert_eq!(ids(&three.enter(DESK, &member("3")).await), ["1", "3"]);
}

#[tokio::test]
async fn a_number_and_its_text_are_one_user_and_who_tells_nothing_is_a_member_too() {
    let relay = Running::start().await;
    let mut one = relay.desk().await;
    assert_eq!(ids(&one.enter(DESK, r#"{"user_id":7}"#).await), ["7"]);
    let mut two = relay.desk().await;
    assert_eq!(ids(&two.enter(DESK, r#"{"user_id":"7","user_info":{}}"#).await), ["7"]);
    one.hears_nothing_more().await;
}

#[tokio::test]
async fn who_subscribes_twice_is_told_the_members_again_and_joins_once() {
    let relay = Running::start().await;
    let mut one = relay.desk().await;
    one.enter(DESK, &member("1")).await;
    assert_eq!(ids(&one.enter(DESK, &member("1")).await), ["1"]);
    let mut two = relay.desk().await;
    assert_eq!(ids(&two.enter(DESK, &member("2")).await), ["1", "2"]);
    assert_eq!(one.hear().await, added("2"));
    relay.publish(DESK, "X", "{}").await;
    assert_eq!(one.event().await.event, "X");
    one.hears_nothing_more().await;
    one.leave().await;
    assert_eq!(two.event().await.event, "X");
    assert_eq!(two.hear().await, Member::removed("1", DESK));
}

#[tokio::test]
async fn a_subscription_and_its_end_in_one_breath_leave_nobody_behind() {
    let relay = Running::start().await;
    let mut one = relay.desk().await;
    one.enter(DESK, &member("1")).await;
    let mut two = relay.desk().await;
    let stream = TcpStream::connect(relay.address).await.expect("connected");
    let mut gone = Desk::knock(&relay, stream, &format!("/app/{KEY}"), &[]).await;
    gone.hear().await;
    drop(gone);
    for _ in 0..20 {
        two.enter(DESK, &member("2")).await;
        two.unsubscribe(DESK).await;
        assert_eq!(one.hear().await, added("2"));
        assert_eq!(one.hear().await, Member::removed("2", DESK));
    }
    assert_eq!(ids(&two.enter(DESK, &member("2")).await), ["1", "2"]);
}

#[tokio::test]
async fn what_is_asked_for_in_one_breath_is_judged_by_what_became_of_what_was_asked_before() {
    let mut settings = options();
    settings.apps[0].limits.presence_members = 1;
    let relay = Running::start_with(settings).await;
    let mut one = relay.desk().await;
    one.enter(DESK, &member("1")).await;
    let mut two = relay.desk().await;
    let text = sign::channel_text(&two.socket_id, DESK, Some(&member("2")));
    let subscribe = ClientOp::Subscribe {
        channel: DESK.into(),
        auth: Some(sign::auth(KEY, SECRET, &text)),
        channel_data: Some(member("2")),
        since: None,
    };
    let event = ClientOp::Event { event: "client-x".into(), channel: DESK.into(), data: "1".into() };
    // Nothing is read before all of it has been written.
    for op in [&subscribe, &subscribe, &event] {
        two.feed(&op.encode()).await;
    }
    two.say(&ClientOp::Ping.encode()).await;
    for _ in 0..2 {
        assert!(
            matches!(two.hear().await, ServerOp::SubscriptionError { kind, .. } if kind == "LimitReached")
        );
    }
    assert!(matches!(two.hear().await, ServerOp::Error { code: Some(CloseCode::CLIENT_EVENT_REFUSED), .. }));
    assert_eq!(two.hear().await, ServerOp::Pong);
    one.hears_nothing_more().await;
    two.leave().await;
    one.leave().await;
    let mut three = relay.desk().await;
    assert_eq!(ids(&three.enter(DESK, &member("3")).await), ["3"], "nobody is left behind");
}
