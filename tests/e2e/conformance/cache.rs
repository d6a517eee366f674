//! Cache channels, in all four forms: the last event for who comes later, or word that there is none.

use serde_json::json;

use super::apps::{MAIN, TIGHT};
use super::suite::{At, Suite};
use super::wire::{Wire, data};

const FORMS: [&str; 4] = ["cache-", "private-cache-", "private-encrypted-cache-", "presence-cache-"];

/// A connection that has been acknowledged on the channel, and heard no more than that.
async fn subscribed(at: At, channel: &str) -> Wire {
    let mut wire = at.desk().await;
    if channel.starts_with("presence-") {
        wire.join(channel, &json!({"user_id": wire.socket_id.clone(), "user_info": {}})).await;
    } else {
        wire.subscribe(channel).await;
    }
    wire
}

pub(super) fn cases(suite: &mut Suite) {
    for form in FORMS {
        suite.case(format!("{form}…: who comes first is told that there is nothing"), move |at| async move {
            let channel = at.channel(form);
            let told = subscribed(at, &channel).await.hear().await;
            assert_eq!((&told["event"], &told["channel"]), (&json!("pusher:cache_miss"), &json!(channel)));
        });
        suite.case(
            format!("{form}…: who comes later hears the last event behind the acknowledgement"),
            move |at| async move {
                let channel = at.channel(form);
                at.publish(&channel, "first", "1").await;
                at.publish(&channel, "last", "{\"a\": 2}").await;
                let mut wire = subscribed(at, &channel).await;
                let told = wire.hear().await;
                assert_eq!(
                    (&told["event"], &told["channel"], &told["data"]),
                    (&json!("last"), &json!(channel), &json!("{\"a\": 2}"))
                );
                wire.nothing_came().await;
            },
        );
        suite.case(format!("{form}…: what is published later is heard as ever"), move |at| async move {
            let channel = at.channel(form);
            let mut wire = subscribed(at, &channel).await;
            assert_eq!(wire.hear().await["event"], "pusher:cache_miss");
            at.publish(&channel, "e", "1").await;
            assert_eq!(wire.hear().await["event"], "e");
            wire.nothing_came().await;
        });
    }
    suite.case("a cache_miss has no more than event and channel, or an empty data", |at| async move {
        let told = subscribed(at, &at.channel("cache-")).await.hear().await;
        assert!(told["data"].is_null() || data(&told) == json!({}), "{told}");
    });
    suite.case("the last event is kept while nobody is there", |at| async move {
        let channel = at.channel("cache-");
        let wire = subscribed(at, &channel).await;
        at.publish(&channel, "kept", "1").await;
        wire.leave().await;
        assert_eq!(subscribed(at, &channel).await.hear().await["event"], "kept");
    });
    suite.case("only who joins is told", |at| async move {
        let channel = at.channel("cache-");
        at.publish(&channel, "kept", "1").await;
        let mut first = subscribed(at, &channel).await;
        assert_eq!(first.hear().await["event"], "kept");
        assert_eq!(subscribed(at, &channel).await.hear().await["event"], "kept");
        first.nothing_came().await;
    });
    suite.case("who unsubscribes and subscribes again is told again", |at| async move {
        let channel = at.channel("cache-");
        at.publish(&channel, "kept", "1").await;
        let mut wire = subscribed(at, &channel).await;
        assert_eq!(wire.hear().await["event"], "kept");
        wire.unsubscribe(&channel).await;
        wire.subscribe(&channel).await;
        assert_eq!(wire.hear().await["event"], "kept");
    });
    suite.case("each channel keeps its own", |at| async move {
        let (one, two) = (at.channel("cache-one-"), at.channel("cache-two-"));
        at.publish(&one, "of one", "1").await;
        at.publish(&two, "of two", "1").await;
        assert_eq!(subscribed(at, &one).await.hear().await["event"], "of one");
        assert_eq!(subscribed(at, &two).await.hear().await["event"], "of two");
    });
    suite.case("each app keeps its own", |at| async move {
        let channel = at.channel("cache-");
        at.publish_to(&TIGHT, &channel, "of the other", "1").await;
        assert_eq!(subscribed(at, &channel).await.hear().await["event"], "pusher:cache_miss");
    });
    suite.case("a big event is kept whole", |at| async move {
        let channel = at.channel("private-cache-");
        let data = "é".repeat(50_000);
        at.publish(&channel, "big", &data).await;
        assert_eq!(subscribed(at, &channel).await.hear().await["data"], data);
    });
    suite.case("an event to many channels is kept by each", |at| async move {
        let channels = [at.channel("cache-one-"), at.channel("private-cache-"), at.channel("")];
        let reply = at.post(&json!({"name": "e", "channels": channels, "data": "1"})).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        for channel in &channels[..2] {
            assert_eq!(subscribed(at, channel).await.hear().await["event"], "e");
        }
    });
    suite.case("the last event of a batch is kept", |at| async move {
        let channel = at.channel("cache-");
        let events: Vec<_> =
            (0..3).map(|n| json!({"name": format!("e{n}"), "channel": channel, "data": "1"})).collect();
        let body = json!({"batch": events}).to_string();
        let reply = at.api(&MAIN, "POST", "/batch_events", &[], &body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(subscribed(at, &channel).await.hear().await["event"], "e2");
    });
    suite.case("an event that leaves one out is kept for all, that one too", |at| async move {
        let channel = at.channel("cache-");
        let mut wire = subscribed(at, &channel).await;
        assert_eq!(wire.hear().await["event"], "pusher:cache_miss");
        let reply = at
            .post(&json!({"name": "e", "channel": channel, "data": "1", "socket_id": wire.socket_id}))
            .await;
        assert_eq!(reply.status, 200, "{reply:?}");
        wire.nothing_came().await;
        assert_eq!(subscribed(at, &channel).await.hear().await["event"], "e");
    });
    for prefix in ["", "private-", "presence-"] {
        suite.case(format!("a {prefix}… channel keeps nothing"), move |at| async move {
            let channel = at.channel(prefix);
            at.publish(&channel, "unkept", "1").await;
            subscribed(at, &channel).await.nothing_came().await;
        });
    }
    for prefix in ["cache", "Cache-", "my-cache", "private-my-cache"] {
        suite.case(format!("{prefix}… is no cache channel"), move |at| async move {
            let channel = at.channel(prefix);
            at.publish(&channel, "unkept", "1").await;
            subscribed(at, &channel).await.nothing_came().await;
        });
    }
    for prefix in ["my-cache-", "private-my-cache-", "a.cache-"] {
        suite.not_soketi(
            "it looks for the word anywhere",
            format!("{prefix}… is no cache channel"),
            move |at| async move {
                let channel = at.channel(prefix);
                at.publish(&channel, "unkept", "1").await;
                subscribed(at, &channel).await.nothing_came().await;
            },
        );
    }
    suite.case("on a presence channel the snapshot comes before the last event", |at| async move {
        let channel = at.channel("presence-cache-");
        at.publish(&channel, "kept", "1").await;
        let mut wire = at.desk().await;
        assert_eq!(wire.join(&channel, &json!({"user_id": "1", "user_info": {}})).await["count"], 1);
        assert_eq!(wire.hear().await["event"], "kept");
    });
}
