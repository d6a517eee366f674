//! How many subscribe a channel: told to them where the app asks for it.

use frontdesk::protocol::member::subscription_count;

use crate::support::{Desk, Running, is_ack, options};

async fn counting() -> Running {
    let mut settings = options();
    settings.apps[0].subscription_count = true;
    Running::start_with(settings).await
}

#[tokio::test]
async fn every_change_is_told_to_all_subscribers_after_the_acknowledgement() {
    let relay = counting().await;
    let mut one = relay.desk().await;
    assert!(is_ack(&one.subscribe("a").await, "a"));
    assert_eq!(one.hear().await, subscription_count("a", 1));
    let mut two = relay.desk().await;
    assert!(is_ack(&two.subscribe("a").await, "a"));
    for desk in [&mut one, &mut two] {
        assert_eq!(desk.hear().await, subscription_count("a", 2));
    }
    two.unsubscribe("a").await;
    assert_eq!(one.hear().await, subscription_count("a", 1));
    two.hears_nothing_more().await;
}

#[tokio::test]
async fn presence_channels_tell_members_instead_and_other_apps_tell_nothing() {
    let relay = counting().await;
    let mut desk = relay.desk().await;
    desk.enter("presence-a", r#"{"user_id":"7"}"#).await;
    desk.hears_nothing_more().await;
    let relay = Running::start().await;
    let mut desk = relay.desk().await;
    desk.subscribe("a").await;
    desk.hears_nothing_more().await;
}

#[tokio::test]
async fn a_crowd_is_told_its_number_now_and_then() {
    let relay = counting().await;
    let mut crowd: Vec<Desk> = Vec::new();
    for size in 1..=101 {
        let mut desk = relay.desk().await;
        assert!(is_ack(&desk.subscribe("a").await, "a"));
        if size <= 100 {
            assert_eq!(desk.hear().await, subscription_count("a", size));
        }
        crowd.push(desk);
    }
    // The hundred-and-first is told with the next tick, together with everybody else.
    assert_eq!(crowd[100].hear().await, subscription_count("a", 101));
    assert_eq!(crowd[99].hear().await, subscription_count("a", 101));
}
