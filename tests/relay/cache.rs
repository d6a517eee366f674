//! Cache channels: whoever comes later is given the last event.

use frontdesk::protocol::ServerOp;

use crate::support::{Running, is_ack, options};

const ALL: [&str; 4] = ["cache-a", "private-cache-a", "private-encrypted-cache-a", "presence-cache-a"];

async fn join(desk: &mut crate::support::Desk, channel: &str) {
    if channel.starts_with("presence-") {
        assert!(matches!(desk.enter(channel, r#"{"user_id":"7"}"#).await, ServerOp::Subscribed { .. }));
    } else {
        assert!(is_ack(&desk.subscribe(channel).await, channel), "{channel}");
    }
}

#[tokio::test]
async fn every_kind_of_cache_channel_says_that_it_is_empty_or_gives_its_last_event() {
    for history in [3600, 0] {
        let mut settings = options();
        settings.history = std::time::Duration::from_secs(history);
        let relay = Running::start_with(settings).await;
        for channel in ALL {
            let mut early = relay.desk().await;
            join(&mut early, channel).await;
            assert_eq!(early.hear().await, ServerOp::CacheMiss { channel: channel.into() });
            relay.publish(channel, "X", "first").await;
            relay.publish(channel, "X", "last").await;
            assert_eq!(early.event().await.data, "first");
            assert_eq!(early.event().await.data, "last");
            let mut late = relay.desk().await;
            join(&mut late, channel).await;
            assert_eq!(late.event().await.data, "last", "{channel}");
            late.hears_nothing_more().await;
            relay.publish(channel, "X", "live").await;
            assert_eq!(late.event().await.data, "live");
            late.hears_nothing_more().await;
        }
    }
}

#[tokio::test]
async fn other_channels_give_nothing_to_who_comes_later() {
    let relay = Running::start().await;
    for channel in ["a", "private-a", "my-cache-a", "private-mycache-a"] {
        relay.publish(channel, "X", "{}").await;
        let mut late = relay.desk().await;
        join(&mut late, channel).await;
        late.hears_nothing_more().await;
    }
}

#[tokio::test]
async fn whoever_catches_up_is_not_given_the_last_event_twice() {
    let relay = Running::start().await;
    let mut desk = relay.native().await;
    desk.subscribe("cache-a").await;
    desk.hear().await;
    relay.publish("cache-a", "X", "one").await;
    let heard = desk.event().await.position;
    relay.publish("cache-a", "X", "two").await;
    let mut again = relay.native().await;
    again.subscribe_since("cache-a", heard).await;
    let two = again.event().await;
    assert_eq!(two.data, "two");
    again.hears_nothing_more().await;
    let mut third = relay.native().await;
    third.subscribe_since("cache-a", two.position).await;
    third.hears_nothing_more().await;
}
