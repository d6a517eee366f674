//! Presence: members by user, what a joiner is told and what the others are, signatures over `channel_data`.

use serde_json::{Value, json};

use super::apps::TIGHT;
use super::suite::{At, Suite};
use super::wire::{Wire, assert_acknowledged, data, refused};

pub(super) fn cases(suite: &mut Suite) {
    snapshot(suite);
    comings_and_goings(suite);
    users(suite);
    odd_members(suite);
    signatures(suite);
    limits(suite);
}

/// A member with a user id.
fn member(id: &str) -> Value {
    json!({"user_id": id, "user_info": {"name": format!("name of {id}")}})
}

/// A connection that has joined the case's channel.
async fn joined(at: At, id: &str) -> Wire {
    let mut wire = at.desk().await;
    wire.join(&at.channel("presence-"), &member(id)).await;
    wire
}

/// Hears that a member came or went, and gives what is told of it.
async fn told(wire: &mut Wire, at: At, event: &str) -> Value {
    let told = wire.hear().await;
    assert_eq!(told["event"], format!("pusher_internal:{event}"), "{told}");
    assert_eq!(told["channel"], at.channel("presence-"), "{told}");
    assert!(told["data"].is_string(), "data is a string of JSON: {told}");
    data(&told)
}

/// Asserts that an event published now is the next thing heard: nothing else came.
async fn nothing_but_a_fence(at: At, wires: &mut [&mut Wire]) {
    at.publish(&at.channel("presence-"), "fence", "1").await;
    for wire in wires {
        assert_eq!(wire.hear().await["event"], "fence");
    }
}

fn snapshot(suite: &mut Suite) {
    suite.case("the first member is told of itself alone", |at| async move {
        let presence = at.desk().await.join(&at.channel("presence-"), &member("1")).await;
        assert_eq!(presence, json!({"ids": ["1"], "hash": {"1": {"name": "name of 1"}}, "count": 1}));
    });
    suite.case("the acknowledgement's data is a string of JSON", |at| async move {
        let channel = at.channel("presence-");
        let mut wire = at.desk().await;
        wire.ask_as(&channel, &member("1").to_string()).await;
        let told = wire.hear().await;
        assert_acknowledged(&told, &channel);
        assert!(told["data"].is_string(), "{told}");
    });
    suite.case("a later member is told of all", |at| async move {
        let _members = (joined(at, "1").await, joined(at, "2").await);
        let presence = at.desk().await.join(&at.channel("presence-"), &member("3")).await;
        let mut ids: Vec<&str> =
            presence["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!((ids, &presence["count"]), (vec!["1", "2", "3"], &json!(3)));
        assert_eq!(presence["hash"]["2"], json!({"name": "name of 2"}));
        assert_eq!(presence["hash"].as_object().unwrap().len(), 3);
    });
    suite.case("user_info comes to others as it was given", |at| async move {
        let info = json!({"name": "Ayu 💛", "roles": ["admin", 7], "deep": {"a": {"b": null}}, "n": 1.5});
        let mut first = joined(at, "1").await;
        at.desk().await.join(&at.channel("presence-"), &json!({"user_id": "2", "user_info": info})).await;
        assert_eq!(told(&mut first, at, "member_added").await["user_info"], info);
    });
    suite.case("the one who joins is not told of its own coming", |at| async move {
        let mut wire = joined(at, "1").await;
        wire.nothing_came().await;
    });
    suite.case("25 who join at once agree on who is there", |at| async move {
        let channel = at.channel("presence-");
        let mut wires = Vec::new();
        for number in 0..25 {
            let wire = at.desk().await;
            wires.push((number, wire));
        }
        for (number, wire) in &mut wires {
            wire.ask_as(&channel, &member(&format!("u{number}")).to_string()).await;
        }
        for (number, wire) in &mut wires {
            let mut seen = std::collections::BTreeSet::new();
            // Whoever was there stands in the snapshot, whoever came later was announced; nobody twice.
            while seen.len() < 25 {
                let told = wire.hear().await;
                match told["event"].as_str().unwrap() {
                    "pusher_internal:subscription_succeeded" => {
                        for id in data(&told)["presence"]["ids"].as_array().unwrap() {
                            assert!(seen.insert(id.as_str().unwrap().to_owned()), "{number}: {id} twice");
                        }
                    }
                    "pusher_internal:member_added" => {
                        let id = data(&told)["user_id"].as_str().unwrap().to_owned();
                        assert!(seen.insert(id), "{number}: twice {told}");
                    }
                    _ => panic!("{told}"),
                }
            }
        }
    });
}

fn comings_and_goings(suite: &mut Suite) {
    suite.case("who is there is told who comes", |at| async move {
        let mut first = joined(at, "1").await;
        let _second = joined(at, "2").await;
        let added = told(&mut first, at, "member_added").await;
        assert_eq!(added, json!({"user_id": "2", "user_info": {"name": "name of 2"}}));
    });
    suite.case("who is there is told who unsubscribes", |at| async move {
        let mut first = joined(at, "1").await;
        let mut second = joined(at, "2").await;
        told(&mut first, at, "member_added").await;
        second.unsubscribe(&at.channel("presence-")).await;
        assert_eq!(told(&mut first, at, "member_removed").await, json!({"user_id": "2"}));
    });
    suite.case("who is there is told who closes", |at| async move {
        let mut first = joined(at, "1").await;
        let second = joined(at, "2").await;
        told(&mut first, at, "member_added").await;
        second.leave().await;
        assert_eq!(told(&mut first, at, "member_removed").await, json!({"user_id": "2"}));
    });
    suite.case("who is there is told whose connection breaks", |at| async move {
        let mut first = joined(at, "1").await;
        let second = joined(at, "2").await;
        told(&mut first, at, "member_added").await;
        drop(second);
        assert_eq!(told(&mut first, at, "member_removed").await, json!({"user_id": "2"}));
    });
    suite.not_soketi(
        "it tells both",
        "a cut that is shorter than two seconds is told to nobody",
        |at| async move {
            let mut first = joined(at, "1").await;
            let second = joined(at, "2").await;
            told(&mut first, at, "member_added").await;
            drop(second);
            let mut back = joined(at, "2").await;
            nothing_but_a_fence(at, &mut [&mut first, &mut back]).await;
        },
    );
    suite.case("who left is told nothing more, and counts no more", |at| async move {
        let mut first = joined(at, "1").await;
        let mut second = joined(at, "2").await;
        told(&mut first, at, "member_added").await;
        second.unsubscribe(&at.channel("presence-")).await;
        told(&mut first, at, "member_removed").await;
        let mut third = at.desk().await;
        let presence = third.join(&at.channel("presence-"), &member("3")).await;
        assert_eq!(presence["count"], 2);
        second.nothing_came().await;
    });
    suite.case("who comes back is announced again", |at| async move {
        let mut first = joined(at, "1").await;
        let mut second = joined(at, "2").await;
        told(&mut first, at, "member_added").await;
        second.unsubscribe(&at.channel("presence-")).await;
        told(&mut first, at, "member_removed").await;
        second.join(&at.channel("presence-"), &member("2")).await;
        assert_eq!(told(&mut first, at, "member_added").await["user_id"], "2");
    });
    suite.case("members of one channel are not told of another's", |at| async move {
        let mut first = joined(at, "1").await;
        at.desk().await.join(&at.channel("presence-other-"), &member("2")).await;
        nothing_but_a_fence(at, &mut [&mut first]).await;
    });
    suite.case("a member hears what is published", |at| async move {
        let mut first = joined(at, "1").await;
        at.publish(&at.channel("presence-"), "e", "{\"a\":1}").await;
        let told = first.hear().await;
        assert_eq!((&told["event"], &told["data"]), (&json!("e"), &json!("{\"a\":1}")));
        assert!(told.get("user_id").is_none(), "only a client's event has one: {told}");
    });
    suite.case("an unsubscribe of who is no member is told to nobody", |at| async move {
        let mut first = joined(at, "1").await;
        let mut stranger = at.desk().await;
        stranger.unsubscribe(&at.channel("presence-")).await;
        stranger.nothing_came().await;
        nothing_but_a_fence(at, &mut [&mut first]).await;
    });
}

fn users(suite: &mut Suite) {
    suite.case("a second connection of a user is no second member", |at| async move {
        let mut first = joined(at, "1").await;
        let _second = joined(at, "2").await;
        told(&mut first, at, "member_added").await;
        let mut tab = at.desk().await;
        let presence = tab.join(&at.channel("presence-"), &member("2")).await;
        assert_eq!(presence["count"], 2);
        assert_eq!(presence["ids"].as_array().unwrap().len(), 2);
        nothing_but_a_fence(at, &mut [&mut first]).await;
    });
    suite.case("a user leaves with the last connection", |at| async move {
        let channel = at.channel("presence-");
        let mut first = joined(at, "1").await;
        let (mut second, mut tab) = (joined(at, "2").await, joined(at, "2").await);
        told(&mut first, at, "member_added").await;
        second.unsubscribe(&channel).await;
        second.nothing_came().await;
        nothing_but_a_fence(at, &mut [&mut first, &mut tab]).await;
        tab.unsubscribe(&channel).await;
        assert_eq!(told(&mut first, at, "member_removed").await["user_id"], "2");
        nothing_but_a_fence(at, &mut [&mut first]).await;
    });
    suite.case("a user who closes one of two tabs stays", |at| async move {
        let mut first = joined(at, "1").await;
        let (second, mut tab) = (joined(at, "2").await, joined(at, "2").await);
        told(&mut first, at, "member_added").await;
        second.leave().await;
        nothing_but_a_fence(at, &mut [&mut first, &mut tab]).await;
    });
    suite.case("all connections of a user hear what is published", |at| async move {
        let (mut one, mut two) = (joined(at, "1").await, joined(at, "1").await);
        nothing_but_a_fence(at, &mut [&mut one, &mut two]).await;
    });
    suite.case("who joins twice on one connection is told once", |at| async move {
        let mut first = joined(at, "1").await;
        let mut second = joined(at, "2").await;
        told(&mut first, at, "member_added").await;
        second.ask_as(&at.channel("presence-"), &member("2").to_string()).await;
        second.hear().await;
        nothing_but_a_fence(at, &mut [&mut first, &mut second]).await;
    });
    suite.case("one user may be in many channels", |at| async move {
        let mut wire = at.desk().await;
        for prefix in ["presence-a-", "presence-b-", "presence-c-"] {
            assert_eq!(wire.join(&at.channel(prefix), &member("1")).await["count"], 1);
        }
    });
    suite.case("one connection may be different users in different channels", |at| async move {
        let mut wire = at.desk().await;
        wire.join(&at.channel("presence-a-"), &member("1")).await;
        let presence = wire.join(&at.channel("presence-b-"), &member("2")).await;
        assert_eq!(presence["ids"], json!(["2"]));
    });
}

fn odd_members(suite: &mut Suite) {
    suite.case("a user id may be a number, as Laravel sends it", |at| async move {
        let presence = at
            .desk()
            .await
            .join(&at.channel("presence-"), &json!({"user_id": 7, "user_info": {"a": 1}}))
            .await;
        assert_eq!(presence["hash"], json!({"7": {"a": 1}}));
        assert_eq!(presence["count"], 1);
    });
    suite.not_soketi(
        "it passes the number on",
        "a user id that is a number comes out as text",
        |at| async move {
            let mut first = joined(at, "1").await;
            let presence = at.desk().await.join(&at.channel("presence-"), &json!({"user_id": 7})).await;
            assert!(presence["ids"].as_array().unwrap().contains(&json!("7")), "{presence}");
            assert_eq!(told(&mut first, at, "member_added").await["user_id"], "7");
        },
    );
    suite.not_soketi("it takes them for two", "user 7 and user \"7\" are one", |at| async move {
        let mut first = joined(at, "7").await;
        let presence = at.desk().await.join(&at.channel("presence-"), &json!({"user_id": 7})).await;
        assert_eq!(presence["count"], 1, "{presence}");
        nothing_but_a_fence(at, &mut [&mut first]).await;
    });
    suite.not_soketi(
        "such members are missing from its hash",
        "a member without user_info stands in the hash",
        |at| async move {
            let presence = at.desk().await.join(&at.channel("presence-"), &json!({"user_id": "1"})).await;
            assert_eq!(presence["ids"], json!(["1"]));
            assert!(presence["hash"].as_object().unwrap().contains_key("1"), "{presence}");
            assert_eq!(presence["count"], 1);
        },
    );
    suite.case("user_info may be null", |at| async move {
        let presence =
            at.desk().await.join(&at.channel("presence-"), &json!({"user_id": "1", "user_info": null})).await;
        assert_eq!(presence, json!({"ids": ["1"], "hash": {"1": null}, "count": 1}));
    });
    for (name, info) in [
        ("text", json!("Ayu")),
        ("a list", json!([1, 2])),
        ("an empty object", json!({})),
        ("an empty list, as PHP has it", json!([])),
    ] {
        suite.case(format!("user_info may be {name}"), move |at| async move {
            let presence = at
                .desk()
                .await
                .join(&at.channel("presence-"), &json!({"user_id": "1", "user_info": info}))
                .await;
            assert_eq!(presence["hash"]["1"], info);
        });
    }
    for id in ["a b", "é💛", "user@venue.example", "\"quoted\"", "constructor", "__proto__x", "0"] {
        suite.case(format!("a user may be called {id}"), move |at| async move {
            let mut first = joined(at, "first").await;
            let presence = at.desk().await.join(&at.channel("presence-"), &member(id)).await;
            assert!(presence["hash"].get(id).is_some(), "{presence}");
            assert_eq!(told(&mut first, at, "member_added").await["user_id"], id);
        });
    }
    let joins_nothing = |channel_data: &'static str| {
        move |at: At| async move {
            let channel = at.channel("presence-");
            let mut wire = at.desk().await;
            wire.ask_as(&channel, channel_data).await;
            refused(&wire.hear().await, &channel);
            wire.nothing_came().await;
        }
    };
    let wrong = [
        ("no user_id", r#"{"user_info":{"name":"x"}}"#),
        ("a user_id that is null", r#"{"user_id":null}"#),
        ("an empty user_id", r#"{"user_id":""}"#),
        ("a user_id that is an object", r#"{"user_id":{"id":1}}"#),
        ("a user_id that is a list", r#"{"user_id":[1]}"#),
        ("a user_id that is true", r#"{"user_id":true}"#),
        ("channel_data that is a list", "[]"),
        ("channel_data that is a number", "7"),
    ];
    for (name, channel_data) in wrong {
        suite.not_soketi(
            "it lets in whatever is signed",
            format!("{name} is refused, and the connection lives"),
            joins_nothing(channel_data),
        );
    }
    for (name, channel_data) in [("no JSON", "not json"), ("empty", ""), ("null", "null")] {
        let name = format!("channel_data that is {name} is refused, and the connection lives");
        suite.case(name, joins_nothing(channel_data));
    }
    suite.not_soketi(
        "it lets in whatever is signed",
        "a user id of more than 128 characters is refused",
        |at| async move {
            let channel = at.channel("presence-");
            let mut wire = at.desk().await;
            wire.join(&channel, &member(&"u".repeat(128))).await;
            let mut other = at.desk().await;
            other.ask_as(&channel, &member(&"u".repeat(129)).to_string()).await;
            refused(&other.hear().await, &channel);
        },
    );
}

fn signatures(suite: &mut Suite) {
    type Asked = fn(&Wire, &str) -> Value;
    let good = member("1").to_string();
    let wrong: [(&str, Asked); 6] = [
        (
            "the signature without channel_data",
            |wire, channel| json!({"channel": channel, "auth": wire.auth(channel, None), "channel_data": member("1").to_string()}),
        ),
        ("the signature of another user", |wire, channel| {
            let auth = wire.auth(channel, Some(&member("2").to_string()));
            json!({"channel": channel, "auth": auth, "channel_data": member("1").to_string()})
        }),
        ("channel_data that was written anew", |wire, channel| {
            let auth = wire.auth(channel, Some(r#"{"user_id":"1"}"#));
            json!({"channel": channel, "auth": auth, "channel_data": r#"{ "user_id": "1" }"#})
        }),
        (
            "no channel_data",
            |wire, channel| json!({"channel": channel, "auth": wire.auth(channel, Some(&member("1").to_string()))}),
        ),
        ("no auth", |_, channel| json!({"channel": channel, "channel_data": member("1").to_string()})),
        ("the signature for another channel", |wire, _| {
            let auth = wire.auth("presence-elsewhere", Some(&member("1").to_string()));
            json!({"channel": "presence-here", "auth": auth, "channel_data": member("1").to_string()})
        }),
    ];
    for (name, asked) in wrong {
        suite.case(format!("a presence channel is refused with {name}"), move |at| async move {
            let mut wire = at.desk().await;
            let asked = asked(&wire, &at.channel("presence-"));
            wire.say(json!({"event": "pusher:subscribe", "data": asked})).await;
            let told = wire.hear().await;
            assert_eq!(told["event"], "pusher:subscription_error", "{told}");
            assert_eq!(told["channel"], asked["channel"]);
            wire.nothing_came().await;
        });
    }
    suite.case("who was refused is no member", move |at| async move {
        let channel = at.channel("presence-");
        let mut wire = at.desk().await;
        wire.say(json!({"event": "pusher:subscribe", "data": {"channel": channel, "auth": "no", "channel_data": good}})).await;
        refused(&wire.hear().await, &channel);
        assert_eq!(at.desk().await.join(&channel, &member("2")).await["count"], 1);
    });
    suite.case("channel_data is signed as it travels, spaces and escapes and all", |at| async move {
        let channel = at.channel("presence-");
        let mut wire = at.desk().await;
        wire.ask_as(&channel, "{ \"user_id\" :\"\\u0031\",\n \"user_info\": {\"a\\/b\":\"\\u00e9\"} }").await;
        let told = wire.hear().await;
        assert_acknowledged(&told, &channel);
        assert_eq!(data(&told)["presence"]["hash"], json!({"1": {"a/b": "é"}}));
    });
    suite.not_soketi(
        "it wants channel_data in any case",
        "who is signed in joins without channel_data",
        |at| async move {
            let channel = at.channel("presence-");
            let mut first = joined(at, "first").await;
            let mut wire = at.desk().await;
            wire.ask_signin(r#"{"id":"5","user_info":{"name":"Ayu"}}"#).await;
            wire.until("pusher:signin_success").await;
            let auth = wire.auth(&channel, None);
            wire.say(json!({"event": "pusher:subscribe", "data": {"channel": channel, "auth": auth}})).await;
            let told_itself = wire.hear().await;
            assert_acknowledged(&told_itself, &channel);
            assert!(data(&told_itself)["presence"]["hash"].get("5").is_some(), "{told_itself}");
            let added = told(&mut first, at, "member_added").await;
            assert_eq!(added, json!({"user_id": "5", "user_info": {"name": "Ayu"}}));
        },
    );
}

fn limits(suite: &mut Suite) {
    suite.case("a channel that is full refuses who comes, and nobody else is told", |at| async move {
        let channel = at.channel("presence-");
        let (mut first, mut second) = (at.desk_of(&TIGHT).await, at.desk_of(&TIGHT).await);
        first.join(&channel, &member("1")).await;
        second.join(&channel, &member("2")).await;
        assert_eq!(first.hear().await["event"], "pusher_internal:member_added");
        let mut third = at.desk_of(&TIGHT).await;
        third.ask_as(&channel, &member("3").to_string()).await;
        refused(&third.hear().await, &channel);
        third.nothing_came().await;
        at.publish_to(&TIGHT, &channel, "fence", "1").await;
        assert_eq!(first.hear().await["event"], "fence");
    });
    suite.case("a hundred members are let in by default, and one more is refused", |at| async move {
        let channel = at.channel("presence-");
        let mut members = Vec::new();
        for number in 0..100 {
            let mut wire = at.desk().await;
            wire.join(&channel, &member(&number.to_string())).await;
            members.push(wire);
        }
        let mut late = at.desk().await;
        late.ask_as(&channel, &member("late").to_string()).await;
        refused(&late.hear().await, &channel);
    });
    suite.case("members of one channel in two apps do not meet", |at| async move {
        let channel = at.channel("presence-");
        let mut first = joined(at, "1").await;
        let presence = at.desk_of(&TIGHT).await.join(&channel, &member("2")).await;
        assert_eq!(presence["ids"], json!(["2"]));
        nothing_but_a_fence(at, &mut [&mut first]).await;
    });
    suite.not_soketi(
        "it counts a user's connections",
        "a second tab of a member is let into a full channel",
        |at| async move {
            let channel = at.channel("presence-");
            let (mut first, mut second) = (at.desk_of(&TIGHT).await, at.desk_of(&TIGHT).await);
            first.join(&channel, &member("1")).await;
            second.join(&channel, &member("2")).await;
            assert_eq!(at.desk_of(&TIGHT).await.join(&channel, &member("2")).await["count"], 2);
        },
    );
    suite.case("a place in a full channel is free when a member has left", |at| async move {
        let channel = at.channel("presence-");
        let (mut first, mut second) = (at.desk_of(&TIGHT).await, at.desk_of(&TIGHT).await);
        first.join(&channel, &member("1")).await;
        second.join(&channel, &member("2")).await;
        assert_eq!(first.hear().await["event"], "pusher_internal:member_added");
        first.unsubscribe(&channel).await;
        first.nothing_came().await;
        assert_eq!(at.desk_of(&TIGHT).await.join(&channel, &member("3")).await["count"], 2);
    });
    suite.case("user_info that is too big is refused", |at| async move {
        let channel = at.channel("presence-");
        let mut wire = at.desk_of(&TIGHT).await;
        // With its quotes it is 1024 bytes, and one more.
        wire.join(&channel, &json!({"user_id": "1", "user_info": "x".repeat(1022)})).await;
        let mut other = at.desk_of(&TIGHT).await;
        other.ask_as(&channel, &json!({"user_id": "2", "user_info": "x".repeat(1025)}).to_string()).await;
        refused(&other.hear().await, &channel);
    });
    suite.case("user_info of 2 KB and less is taken by default", |at| async move {
        let channel = at.channel("presence-");
        let mut wire = at.desk().await;
        wire.join(&channel, &json!({"user_id": "1", "user_info": "x".repeat(2046)})).await;
        let mut other = at.desk().await;
        other.ask_as(&channel, &json!({"user_id": "2", "user_info": "x".repeat(2049)}).to_string()).await;
        refused(&other.hear().await, &channel);
    });
}
