//! What the HTTP API tells: which channels there are, of one what is known, of a presence channel who is in it.

use serde_json::{Value, json};

use super::api::{assert_refused, subscribed};
use super::apps::MUTE;
use super::suite::Suite;

pub(super) fn cases(suite: &mut Suite) {
    channels(suite);
    one_channel(suite);
    members(suite);
}

fn channels(suite: &mut Suite) {
    suite.case("/channels lists what has subscribers, of a prefix", |at| async move {
        let (a, b) = (at.channel(&format!("list{}-a-", at.port)), at.channel(&format!("list{}-b-", at.port)));
        let mut wire = at.desk().await;
        wire.subscribe(&a).await;
        wire.subscribe(&b).await;
        let reply = at.get("/channels", &[("filter_by_prefix", &format!("list{}-", at.port))]).await;
        let listed: Vec<String> = reply.json()["channels"].as_object().unwrap().keys().cloned().collect();
        assert!(listed.contains(&a) && listed.contains(&b) && listed.len() == 2, "{listed:?}");
        let reply = at.get("/channels", &[("filter_by_prefix", &a)]).await;
        assert_eq!(reply.json()["channels"].as_object().unwrap().len(), 1);
    });
    suite.case("/channels without a prefix lists all", |at| async move {
        let _wire = subscribed(at).await;
        let reply = at.get("/channels", &[]).await;
        assert!(reply.json()["channels"].get(at.channel("")).is_some(), "{reply:?}");
    });
    suite.case("/channels of a prefix that nobody has is an empty object", |at| async move {
        let reply = at.get("/channels", &[("filter_by_prefix", "nobody-has-this-")]).await;
        assert_eq!(reply.json(), json!({"channels": {}}));
    });
    suite.case("a channel that all have left is not listed", |at| async move {
        let mut wire = subscribed(at).await;
        wire.unsubscribe(&at.channel("")).await;
        wire.nothing_came().await;
        let reply = at.get("/channels", &[("filter_by_prefix", &at.channel(""))]).await;
        assert_eq!(reply.json(), json!({"channels": {}}));
    });
    suite.case("another app's channels are not listed", |at| async move {
        let mut wire = at.desk_of(&MUTE).await;
        wire.subscribe(&at.channel("")).await;
        let reply = at.get("/channels", &[("filter_by_prefix", &at.channel(""))]).await;
        assert_eq!(reply.json(), json!({"channels": {}}));
        let reply = at.api(&MUTE, "GET", "/channels", &[("filter_by_prefix", &at.channel(""))], "").await;
        assert_eq!(reply.json()["channels"].as_object().unwrap().len(), 1);
    });
    suite.not_soketi(
        "it tells more than it is asked for",
        "without info nothing is told of each channel",
        |at| async move {
            let _wire = subscribed(at).await;
            let reply = at.get("/channels", &[("filter_by_prefix", &at.channel(""))]).await;
            assert_eq!(reply.json(), json!({"channels": {at.channel(""): {}}}));
        },
    );
    suite.not_soketi(
        "it tells no users there",
        "info=user_count tells the users of presence channels",
        |at| async move {
            let channel = at.channel("presence-");
            let mut wires = Vec::new();
            for id in ["1", "2", "2"] {
                let mut wire = at.desk().await;
                wire.join(&channel, &json!({"user_id": id, "user_info": {}})).await;
                wires.push(wire);
            }
            let reply = at.get("/channels", &[("filter_by_prefix", &channel), ("info", "user_count")]).await;
            assert_eq!(reply.json(), json!({"channels": {channel: {"user_count": 2}}}));
        },
    );
    for prefix in [None, Some("private-"), Some("p")] {
        let name = format!(
            "info=user_count of the prefix {prefix:?}, which others than presence channels have, gets 400"
        );
        suite.not_soketi("it passes over info", name, move |at| async move {
            let mut query = vec![("info", "user_count")];
            query.extend(prefix.map(|prefix| ("filter_by_prefix", prefix)));
            assert_refused(at, &at.get("/channels", &query).await, &[400]);
        });
    }
    suite.not_soketi(
        "it passes over info",
        "info=subscription_count tells the connections of each",
        |at| async move {
            let _wires = (subscribed(at).await, subscribed(at).await);
            let reply = at
                .get("/channels", &[("filter_by_prefix", &at.channel("")), ("info", "subscription_count")])
                .await;
            assert_eq!(reply.json(), json!({"channels": {at.channel(""): {"subscription_count": 2}}}));
        },
    );
}

fn one_channel(suite: &mut Suite) {
    suite.case("a channel with subscribers is occupied", |at| async move {
        let _wire = subscribed(at).await;
        let reply = at.get(&format!("/channels/{}", at.channel("")), &[]).await;
        assert_eq!(reply.json()["occupied"], true, "{reply:?}");
    });
    suite.case("a channel that nobody has is not occupied, and no error", |at| async move {
        let reply = at.get(&format!("/channels/{}", at.channel("")), &[]).await;
        assert_eq!((at.status(&reply), &reply.json()["occupied"]), (200, &json!(false)), "{reply:?}");
    });
    suite.not_soketi(
        "it tells more than it is asked for",
        "without info a channel is occupied or not, and no more",
        |at| async move {
            let _wire = subscribed(at).await;
            let reply = at.get(&format!("/channels/{}", at.channel("")), &[]).await;
            assert_eq!(reply.json(), json!({"occupied": true}));
        },
    );
    suite.case("info=subscription_count tells the connections", |at| async move {
        let _wires = (subscribed(at).await, subscribed(at).await);
        let reply = at.get(&format!("/channels/{}", at.channel("")), &[("info", "subscription_count")]).await;
        assert_eq!(reply.json()["subscription_count"], 2);
    });
    suite.case("info=user_count tells the users and not the connections", |at| async move {
        let channel = at.channel("presence-");
        let mut wires = Vec::new();
        for id in ["1", "2", "2"] {
            let mut wire = at.desk().await;
            wire.join(&channel, &json!({"user_id": id, "user_info": {}})).await;
            wires.push(wire);
        }
        let info = [("info", "user_count,subscription_count")];
        let told = at.get(&format!("/channels/{channel}"), &info).await.json();
        assert_eq!((&told["user_count"], &told["subscription_count"]), (&json!(2), &json!(3)), "{told}");
    });
    for prefix in ["", "private-", "private-encrypted-", "cache-"] {
        suite.not_soketi(
            "it passes over info",
            format!("info=user_count of a {prefix}… channel gets 400"),
            move |at| async move {
                let path = format!("/channels/{}", at.channel(prefix));
                assert_refused(at, &at.get(&path, &[("info", "user_count")]).await, &[400]);
            },
        );
    }
    suite.not_soketi(
        "it passes over info",
        "info=cache tells the last event's data, and how long it is kept",
        |at| async move {
            let channel = at.channel("cache-");
            at.publish(&channel, "e", "{\"a\":1}").await;
            let told = at.get(&format!("/channels/{channel}"), &[("info", "cache")]).await.json();
            assert_eq!(told["cache"]["data"], "{\"a\":1}", "{told}");
            assert!(
                told["cache"]["ttl"].as_u64().is_some_and(|seconds| (1..=1800).contains(&seconds)),
                "{told}"
            );
        },
    );
    suite.case("info=cache of a channel that keeps nothing yet is no error", |at| async move {
        let reply = at.get(&format!("/channels/{}", at.channel("cache-")), &[("info", "cache")]).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(reply.json()["cache"].get("data").is_none(), "{reply:?}");
    });
    suite.not_soketi("it looks at no names", "a channel that is no name gets 400", |at| async move {
        for path in ["/channels/a%20b", "/channels/caf%C3%A9"] {
            assert_refused(at, &at.get(path, &[]).await, &[400]);
        }
    });
}

fn members(suite: &mut Suite) {
    suite.case("/users tells each user once", |at| async move {
        let channel = at.channel("presence-");
        let mut wires = Vec::new();
        for id in ["1", "2", "2"] {
            let mut wire = at.desk().await;
            wire.join(&channel, &json!({"user_id": id, "user_info": {"secret": id}})).await;
            wires.push(wire);
        }
        let told = at.get(&format!("/channels/{channel}/users"), &[]).await.json();
        let mut ids: Vec<&Value> = told["users"].as_array().unwrap().iter().map(|user| &user["id"]).collect();
        ids.sort_by_key(ToString::to_string);
        assert_eq!(ids, [&json!("1"), &json!("2")]);
        assert!(told["users"][0].as_object().unwrap().len() == 1, "ids alone: {told}");
    });
    suite.case("/users of a presence channel that nobody has is empty", |at| async move {
        let reply = at.get(&format!("/channels/{}/users", at.channel("presence-")), &[]).await;
        assert_eq!(reply.json(), json!({"users": []}));
    });
    for prefix in ["", "private-", "cache-", "my-presence-"] {
        suite.case(format!("/users of a {prefix}… channel gets 400"), move |at| async move {
            assert_refused(
                at,
                &at.get(&format!("/channels/{}/users", at.channel(prefix)), &[]).await,
                &[400],
            );
        });
    }
    suite.not_soketi(
        "it tells the number",
        "/users tells a user id that was a number as text",
        |at| async move {
            let channel = at.channel("presence-");
            let mut wire = at.desk().await;
            wire.join(&channel, &json!({"user_id": 7})).await;
            let told = at.get(&format!("/channels/{channel}/users"), &[]).await.json();
            assert_eq!(told, json!({"users": [{"id": "7"}]}));
        },
    );
    suite.case("who has left is told no more", |at| async move {
        let channel = at.channel("presence-");
        let mut wire = at.desk().await;
        wire.join(&channel, &json!({"user_id": "1", "user_info": {}})).await;
        wire.unsubscribe(&channel).await;
        wire.nothing_came().await;
        let told = at.get(&format!("/channels/{channel}/users"), &[]).await.json();
        assert_eq!(told, json!({"users": []}));
    });
}
