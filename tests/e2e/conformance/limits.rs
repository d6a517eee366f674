//! What one connection may have and do, and what becomes of who asks for more.

use serde_json::json;

use super::apps::{COUNTED, MAIN, TIGHT};
use super::suite::Suite;
use super::wire::{assert_acknowledged, data, refused};

pub(super) fn cases(suite: &mut Suite) {
    subscriptions(suite);
    failed_auths(suite);
    counts(suite);
    crowds(suite);
}

fn subscriptions(suite: &mut Suite) {
    const WHY: &str = "it has no such limit";
    suite.not_soketi(
        WHY,
        "a subscription beyond the limit is refused, and the connection lives",
        |at| async move {
            let mut wire = at.desk_of(&TIGHT).await;
            for prefix in ["a-", "b-", "c-"] {
                wire.subscribe(&at.channel(prefix)).await;
            }
            let channel = at.channel("d-");
            refused(&wire.try_subscribe(&channel).await, &channel);
            wire.nothing_came().await;
        },
    );
    suite.not_soketi(WHY, "who is at the limit may subscribe again what is subscribed", |at| async move {
        let mut wire = at.desk_of(&TIGHT).await;
        for prefix in ["a-", "b-", "c-", "a-"] {
            wire.subscribe(&at.channel(prefix)).await;
        }
    });
    suite.not_soketi(WHY, "an unsubscribe makes room for another", |at| async move {
        let mut wire = at.desk_of(&TIGHT).await;
        for prefix in ["a-", "b-", "c-"] {
            wire.subscribe(&at.channel(prefix)).await;
        }
        wire.unsubscribe(&at.channel("a-")).await;
        wire.subscribe(&at.channel("d-")).await;
    });
    suite.not_soketi(WHY, "presence channels count, too", |at| async move {
        let mut wire = at.desk_of(&TIGHT).await;
        for prefix in ["a-", "b-", "c-"] {
            wire.subscribe(&at.channel(prefix)).await;
        }
        let channel = at.channel("presence-");
        wire.ask_as(&channel, r#"{"user_id":"1","user_info":{}}"#).await;
        refused(&wire.hear().await, &channel);
    });
    suite.case("a hundred subscriptions are taken by default", |at| async move {
        let mut wire = at.desk().await;
        for number in 0..100 {
            wire.subscribe(&at.channel(&format!("n{number}-"))).await;
        }
    });
}

fn failed_auths(suite: &mut Suite) {
    const WHY: &str = "it counts none";
    suite.not_soketi(WHY, "too many refused signatures close the connection with 4100", |at| async move {
        let mut wire = at.desk_of(&TIGHT).await;
        let channel = at.channel("private-");
        for _ in 0..3 {
            wire.say(json!({"event": "pusher:subscribe", "data": {"channel": channel, "auth": "no:no"}}))
                .await;
        }
        let (code, before) = wire.closed().await;
        assert_eq!((code, before.len()), (Some(4100), 3), "{before:?}");
    });
    suite.not_soketi(WHY, "ten refused signatures are the default limit", |at| async move {
        let mut wire = at.desk().await;
        let channel = at.channel("private-");
        for _ in 0..10 {
            wire.say(json!({"event": "pusher:subscribe", "data": {"channel": channel, "auth": "no:no"}}))
                .await;
        }
        let (code, before) = wire.closed().await;
        assert_eq!((code, before.len()), (Some(4100), 10), "{before:?}");
    });
    suite.case("some refused signatures close nothing", |at| async move {
        let mut wire = at.desk().await;
        let channel = at.channel("private-");
        for _ in 0..5 {
            wire.say(json!({"event": "pusher:subscribe", "data": {"channel": channel, "auth": "no:no"}}))
                .await;
            refused(&wire.hear().await, &channel);
        }
        wire.subscribe(&channel).await;
    });
}

fn counts(suite: &mut Suite) {
    const WHY: &str = "it tells no counts";
    suite.not_soketi(
        WHY,
        "subscribers are told how many they are, where the app asks for it",
        |at| async move {
            let channel = at.channel("");
            let (mut first, mut second) = (at.desk_of(&COUNTED).await, at.desk_of(&COUNTED).await);
            first.ask(&channel).await;
            assert_acknowledged(&first.hear().await, &channel);
            let told = first.hear().await;
            assert_eq!(told["event"], "pusher_internal:subscription_count", "{told}");
            assert_eq!((&told["channel"], data(&told)), (&json!(channel), json!({"subscription_count": 1})));
            second.subscribe(&channel).await;
            assert_eq!(data(&first.hear().await), json!({"subscription_count": 2}));
            assert_eq!(data(&second.hear().await), json!({"subscription_count": 2}));
            second.leave().await;
            assert_eq!(data(&first.hear().await), json!({"subscription_count": 1}));
        },
    );
    suite.not_soketi(WHY, "counts are of connections, and of private channels too", |at| async move {
        let channel = at.channel("private-");
        let (mut first, mut second) = (at.desk_of(&COUNTED).await, at.desk_of(&COUNTED).await);
        first.subscribe(&channel).await;
        assert_eq!(data(&first.hear().await)["subscription_count"], 1);
        second.subscribe(&channel).await;
        assert_eq!(data(&first.hear().await)["subscription_count"], 2);
    });
    suite.not_soketi(WHY, "presence channels have members, and no counts", |at| async move {
        let mut wire = at.desk_of(&COUNTED).await;
        wire.join(&at.channel("presence-"), &json!({"user_id": "1", "user_info": {}})).await;
        wire.nothing_came().await;
    });
    suite.case("where no app asks for it nobody is told a count", |at| async move {
        let channel = at.channel("");
        let (mut first, mut second) = (at.desk().await, at.desk().await);
        first.subscribe(&channel).await;
        second.subscribe(&channel).await;
        first.nothing_came().await;
        assert_eq!(first.app.key, MAIN.key);
    });
}

fn crowds(suite: &mut Suite) {
    suite.case("two hundred connections at once are let in, and hear the same event", |at| async move {
        let channel = at.channel("");
        let mut wires = Vec::new();
        for _ in 0..200 {
            let mut wire = at.knock("/app/key-of-main?protocol=7").await;
            wire.ask(&channel).await;
            wires.push(wire);
        }
        for wire in &mut wires {
            wire.established().await;
            assert_acknowledged(&wire.hear().await, &channel);
        }
        at.publish(&channel, "e", "1").await;
        for wire in &mut wires {
            assert_eq!(wire.hear().await["event"], "e");
        }
    });
    suite.not_soketi(
        "it drops what backs up",
        "who reads slowly hears everything, in order",
        |at| async move {
            let channels: Vec<String> = (0..100).map(|number| at.channel(&format!("n{number}-"))).collect();
            let mut wire = at.desk().await;
            for channel in &channels {
                wire.subscribe(channel).await;
            }
            // 30 MB that nobody reads: far more than the sockets' buffers hold.
            for name in ["one", "two", "three"] {
                let event = json!({"name": name, "channels": channels, "data": "x".repeat(100_000)});
                assert_eq!(at.post(&event).await.status, 200);
            }
            for name in ["one", "two", "three"] {
                for channel in &channels {
                    let told = wire.hear().await;
                    assert_eq!((&told["event"], &told["channel"]), (&json!(name), &json!(channel)));
                }
            }
        },
    );
}
