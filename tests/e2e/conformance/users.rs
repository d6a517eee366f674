//! Users: signing in, what is told to a user alone, who watches whom, and the end of a user's connections.

use frontdesk::protocol::sign;
use serde_json::{Value, json};

use super::apps::{MAIN, MUTE, TIGHT};
use super::suite::{At, Suite};
use super::wire::{Wire, assert_acknowledged, data, refused};

pub(super) fn cases(suite: &mut Suite) {
    signin(suite);
    signin_refused(suite);
    told_to_a_user(suite);
    watchlists(suite);
    terminated(suite);
}

/// A signed-in connection of a user of this case.
async fn signed_in(at: At, name: &str) -> Wire {
    let mut wire = at.desk().await;
    wire.signin(&at.user(name)).await;
    wire
}

/// The name of a user's own channel.
fn own(at: At, name: &str) -> String {
    format!("#server-to-user-{}", at.user(name))
}

fn signin(suite: &mut Suite) {
    suite.case("who signs in is told so, with the same user_data", |at| async move {
        let user_data = json!({"id": at.user("u"), "user_info": {"name": "Ayu 💛"}}).to_string();
        let mut wire = at.desk().await;
        wire.ask_signin(&user_data).await;
        let told = wire.hear().await;
        assert_eq!(told["event"], "pusher:signin_success");
        assert_eq!(data(&told)["user_data"], user_data);
    });
    suite.not_soketi("it sends an object", "signin_success's data is a string of JSON", |at| async move {
        let mut wire = at.desk().await;
        wire.ask_signin(&json!({"id": at.user("u")}).to_string()).await;
        let told = wire.hear().await;
        assert!(told["data"].is_string(), "{told}");
    });
    suite.case("user_data is signed as it travels, spaces and all", |at| async move {
        let mut wire = at.desk().await;
        wire.ask_signin(&format!("{{ \"id\" : \"{}\" , \"a\\/b\": [1] }}", at.user("u"))).await;
        assert_eq!(wire.hear().await["event"], "pusher:signin_success");
    });
    suite.case("who is signed in subscribes as ever", |at| async move {
        let mut wire = signed_in(at, "u").await;
        wire.subscribe(&at.channel("private-")).await;
        wire.join(&at.channel("presence-"), &json!({"user_id": "x", "user_info": {}})).await;
    });
    suite.case("many connections of a user may sign in", |at| async move {
        let _wires = (signed_in(at, "u").await, signed_in(at, "u").await, signed_in(at, "u").await);
    });
    suite.case("who signs in again as the same user is told so again", |at| async move {
        let mut wire = signed_in(at, "u").await;
        wire.signin(&at.user("u")).await;
    });
    suite.not_soketi(
        "it lets the user change",
        "who signs in again as another user is refused",
        |at| async move {
            let mut wire = signed_in(at, "u").await;
            wire.ask_signin(&json!({"id": at.user("v")}).to_string()).await;
            let told = wire.next_op().await;
            assert!(told.is_none_or(|told| told["event"] == "pusher:error"), "refused");
        },
    );
}

fn signin_refused(suite: &mut Suite) {
    type Auth = fn(&Wire, &str) -> Value;
    let wrong: [(&str, Auth); 8] = [
        ("no auth", |_, _| Value::Null),
        ("an empty auth", |_, _| json!("")),
        ("a word for auth", |_, _| json!("yes")),
        ("a signature under another key", |wire, user| {
            sign::auth(TIGHT.key, MAIN.secret, &sign::user_text(&wire.socket_id, user)).into()
        }),
        ("another app's signature", |wire, user| {
            sign::auth(MAIN.key, TIGHT.secret, &sign::user_text(&wire.socket_id, user)).into()
        }),
        ("the signature of another connection", |_, user| {
            sign::auth(MAIN.key, MAIN.secret, &sign::user_text("1.1", user)).into()
        }),
        ("the signature of another user", |wire, _| {
            sign::auth(MAIN.key, MAIN.secret, &sign::user_text(&wire.socket_id, "{\"id\":\"boss\"}")).into()
        }),
        ("a channel's signature", |wire, user| wire.auth(user, None).into()),
    ];
    for (name, auth) in wrong {
        suite.case(format!("a sign-in with {name} is closed with 4009"), move |at| async move {
            let user = json!({"id": at.user("u")}).to_string();
            let mut wire = at.desk().await;
            let auth = auth(&wire, &user);
            wire.say(json!({"event": "pusher:signin", "data": {"auth": auth, "user_data": user}})).await;
            assert_eq!(wire.close_code().await, 4009);
        });
    }
    let odd = [
        ("no id", r#"{"name":"x"}"#),
        ("an empty id", r#"{"id":""}"#),
        ("an id that is null", r#"{"id":null}"#),
    ];
    for (name, user_data) in odd {
        suite.case(format!("user_data with {name} is closed with 4009"), move |at| async move {
            let mut wire = at.desk().await;
            wire.ask_signin(user_data).await;
            assert_eq!(wire.close_code().await, 4009);
        });
    }
    let odder = [
        ("no JSON", "not json"),
        ("a list", "[]"),
        ("null", "null"),
        ("an id that is an object", r#"{"id":{"a":1}}"#),
        ("an id that is a list", r#"{"id":[1]}"#),
        ("an id that is true", r#"{"id":true}"#),
    ];
    for (name, user_data) in odder {
        suite.not_soketi(
            "it fails in silence, or lets it in",
            format!("user_data that is or has {name} is closed with 4009"),
            move |at| async move {
                let mut wire = at.desk().await;
                wire.ask_signin(user_data).await;
                assert_eq!(wire.close_code().await, 4009);
            },
        );
    }
    suite.case("before the close an error tells the code", |at| async move {
        let mut wire = at.desk().await;
        wire.say(json!({"event": "pusher:signin", "data": {"auth": "no", "user_data": "{\"id\":\"1\"}"}}))
            .await;
        let (code, before) = wire.closed().await;
        assert_eq!(code, Some(4009));
        assert!(
            before.iter().all(|told| told["event"] == "pusher:error" && data(told)["code"] == 4009),
            "{before:?}"
        );
    });
    suite.case(
        "an app without users lets nobody sign in, and closes nobody for trying with a good signature",
        |at| async move {
            let mut wire = at.desk_of(&MUTE).await;
            wire.ask_signin(&json!({"id": "1"}).to_string()).await;
            wire.say(json!({"event": "pusher:ping"})).await;
            loop {
                let told = wire.hear().await;
                assert_ne!(told["event"], "pusher:signin_success");
                if told["event"] == "pusher:pong" {
                    break;
                }
            }
        },
    );
}

fn told_to_a_user(suite: &mut Suite) {
    suite.case("a user hears what is told to that user, as pusher-js asks for it", |at| async move {
        let channel = own(at, "u");
        let mut wire = signed_in(at, "u").await;
        wire.say(json!({"event": "pusher:subscribe", "data": {"auth": "", "channel": channel}})).await;
        assert_acknowledged(&wire.hear().await, &channel);
        at.publish(&channel, "note", "1").await;
        let told = wire.hear().await;
        assert_eq!((&told["event"], &told["channel"]), (&json!("note"), &json!(channel)));
        wire.nothing_came().await;
    });
    suite.case("all connections of the user hear it once", |at| async move {
        let channel = own(at, "u");
        let mut wires = [signed_in(at, "u").await, signed_in(at, "u").await];
        for wire in &mut wires {
            wire.subscribe(&channel).await;
        }
        at.publish(&channel, "note", "1").await;
        at.publish(&channel, "fence", "1").await;
        for wire in &mut wires {
            assert_eq!(wire.hear().await["event"], "note");
            assert_eq!(wire.hear().await["event"], "fence");
        }
    });
    suite.not_soketi("it takes the name for a public one", "another user may not listen", |at| async move {
        let channel = own(at, "u");
        refused(&signed_in(at, "v").await.try_subscribe(&channel).await, &channel);
    });
    suite.not_soketi(
        "it takes the name for a public one",
        "who is not signed in may not listen",
        |at| async move {
            let channel = own(at, "u");
            refused(&at.desk().await.try_subscribe(&channel).await, &channel);
        },
    );
    suite.not_soketi(
        "it takes the name for a public one",
        "no signature opens a user's channel",
        |at| async move {
            let channel = own(at, "u");
            let mut wire = at.desk().await;
            let auth = wire.auth(&channel, None);
            wire.say(json!({"event": "pusher:subscribe", "data": {"auth": auth, "channel": channel}})).await;
            refused(&wire.hear().await, &channel);
        },
    );
    suite.not_soketi(
        "it takes the name for a public one",
        "a user whose name another's begins with may not listen to the other",
        |at| async move {
            let channel = format!("{}5", own(at, "u"));
            refused(&signed_in(at, "u").await.try_subscribe(&channel).await, &channel);
        },
    );
    for user in ["a b", "é💛", "a/b?c#d", "user@venue.example", "a_b-c=d,e.f;g"] {
        let name = format!("a user called {user} hears what is told to that user");
        let told = move |at: At| async move {
            let channel = own(at, user);
            let mut wire = signed_in(at, user).await;
            wire.subscribe(&channel).await;
            at.publish(&channel, "note", "1").await;
            assert_eq!(wire.hear().await["channel"], channel);
        };
        if user.contains([' ', '/', 'é']) {
            suite.not_soketi("it takes the name for a channel's like any other", name, told);
        } else {
            suite.case(name, told);
        }
    }
    suite.case("users of one name in two apps are two", |at| async move {
        let channel = own(at, "u");
        let mut wire = signed_in(at, "u").await;
        wire.subscribe(&channel).await;
        at.publish_to(&TIGHT, &channel, "of the other", "1").await;
        let path = format!("/users/{}/terminate_connections", at.user("u"));
        let reply = at.api(&TIGHT, "POST", &path, &[], "{}").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        at.publish(&channel, "fence", "1").await;
        assert_eq!(wire.hear().await["event"], "fence");
    });
    suite.case("an event for a user who is not there is accepted", |at| async move {
        at.publish(&own(at, "nobody"), "note", "1").await;
    });
    suite.not_soketi("it passes it on", "no client event goes to a user", |at| async move {
        let channel = own(at, "u");
        let (mut wire, mut tab) = (signed_in(at, "u").await, signed_in(at, "u").await);
        wire.subscribe(&channel).await;
        tab.subscribe(&channel).await;
        wire.say(json!({"event": "client-a", "channel": channel, "data": {}})).await;
        wire.say(json!({"event": "pusher:ping"})).await;
        wire.until("pusher:pong").await;
        at.publish(&channel, "fence", "1").await;
        assert_eq!(tab.hear().await["event"], "fence");
    });
}

/// Signs in as one who watches others.
async fn watching(at: At, name: &str, watched: &[String]) -> Wire {
    let mut wire = at.desk().await;
    wire.ask_signin(&json!({"id": at.user(name), "watchlist": watched}).to_string()).await;
    let told = wire.hear().await;
    assert_eq!(told["event"], "pusher:signin_success", "{told}");
    wire
}

/// Hears who of the watched came or went: the event's name, and the users.
async fn watched(wire: &mut Wire) -> Vec<(String, Vec<String>)> {
    let told = wire.hear().await;
    assert_eq!(told["event"], "pusher_internal:watchlist_events", "{told}");
    assert!(told.get("channel").is_none(), "{told}");
    let events = data(&told)["events"].as_array().unwrap().clone();
    let read = |event: &Value| {
        let mut ids: Vec<String> =
            event["user_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
        ids.sort();
        (event["name"].as_str().unwrap().to_owned(), ids)
    };
    events.iter().map(read).collect()
}

fn watchlists(suite: &mut Suite) {
    const WHY: &str = "it knows no watchlists";
    suite.not_soketi(WHY, "who signs in is told which of the watched are online", |at| async move {
        let _other = signed_in(at, "a").await;
        let mut wire = watching(at, "u", &[at.user("a"), at.user("b")]).await;
        let told = watched(&mut wire).await;
        assert!(told.contains(&("online".to_owned(), vec![at.user("a")])), "{told:?}");
    });
    suite.not_soketi(WHY, "who watches is told who comes online, once", |at| async move {
        let mut wire = watching(at, "u", &[at.user("a")]).await;
        fresh(&mut wire).await;
        let _first = signed_in(at, "a").await;
        assert_eq!(watched(&mut wire).await, [("online".to_owned(), vec![at.user("a")])]);
        let _second = signed_in(at, "a").await;
        wire.nothing_came().await;
    });
    suite.not_soketi(
        WHY,
        "who watches is told who goes offline, with the last connection",
        |at| async move {
            let (first, second) = (signed_in(at, "a").await, signed_in(at, "a").await);
            let mut wire = watching(at, "u", &[at.user("a")]).await;
            assert_eq!(watched(&mut wire).await, [("online".to_owned(), vec![at.user("a")])]);
            first.leave().await;
            wire.nothing_came().await;
            second.leave().await;
            assert_eq!(watched(&mut wire).await, [("offline".to_owned(), vec![at.user("a")])]);
        },
    );
    suite.not_soketi(WHY, "who is not watched is not told of", |at| async move {
        let mut wire = watching(at, "u", &[at.user("a")]).await;
        fresh(&mut wire).await;
        let _stranger = signed_in(at, "stranger").await;
        wire.nothing_came().await;
    });
    suite.not_soketi(WHY, "who watches nobody is told nothing", |at| async move {
        let mut wire = watching(at, "u", &[]).await;
        let _other = signed_in(at, "a").await;
        wire.nothing_came().await;
    });
    suite.not_soketi(
        WHY,
        "a watchlist of more than 100 is answered with the error 4302, and the connection lives",
        |at| async move {
            let many: Vec<String> = (0..101).map(|number| at.user(&format!("m{number}"))).collect();
            let mut wire = at.desk().await;
            wire.ask_signin(&json!({"id": at.user("u"), "watchlist": many}).to_string()).await;
            let told = wire.until("pusher:error").await;
            assert_eq!(data(&told)["code"], 4302, "{told}");
            wire.say(json!({"event": "pusher:ping"})).await;
            wire.until("pusher:pong").await;
        },
    );
    suite.not_soketi(WHY, "a watchlist of 100 is taken", |at| async move {
        let many: Vec<String> = (0..100).map(|number| at.user(&format!("m{number}"))).collect();
        let mut wire = watching(at, "u", &many).await;
        fresh(&mut wire).await;
        let _one = signed_in(at, "m99").await;
        assert_eq!(watched(&mut wire).await, [("online".to_owned(), vec![at.user("m99")])]);
    });
}

/// Passes over what is told of the watched at the beginning: that nobody is online, or nothing.
async fn fresh(wire: &mut Wire) {
    wire.say(json!({"event": "pusher:ping"})).await;
    loop {
        let op = wire.hear().await;
        if op["event"] == "pusher:pong" {
            return;
        }
        assert_eq!(op["event"], "pusher_internal:watchlist_events", "{op}");
    }
}

/// Asks that a user's connections be ended.
async fn terminate(at: At, user: &str) {
    let path = format!("/users/{user}/terminate_connections");
    let reply = at.api(&MAIN, "POST", &path, &[], "{}").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.json().is_object(), "{reply:?}");
}

fn terminated(suite: &mut Suite) {
    suite.case("all connections of a user are closed with 4009", |at| async move {
        let mut wires = [signed_in(at, "u").await, signed_in(at, "u").await];
        terminate(at, &at.user("u")).await;
        for wire in &mut wires {
            assert_eq!(wire.close_code().await, 4009);
        }
    });
    suite.case("other users stay", |at| async move {
        let mut other = signed_in(at, "v").await;
        let mut wire = signed_in(at, "u").await;
        terminate(at, &at.user("u")).await;
        assert_eq!(wire.close_code().await, 4009);
        other.nothing_came().await;
    });
    suite.case("who is a member of that name and not signed in stays", |at| async move {
        let mut member = at.desk().await;
        member.join(&at.channel("presence-"), &json!({"user_id": at.user("u"), "user_info": {}})).await;
        terminate(at, &at.user("u")).await;
        member.nothing_came().await;
    });
    suite.case("a user who is not there is terminated all the same", |at| async move {
        terminate(at, &at.user("nobody")).await;
    });
    suite.case("who was terminated may come back", |at| async move {
        let mut wire = signed_in(at, "u").await;
        terminate(at, &at.user("u")).await;
        assert_eq!(wire.close_code().await, 4009);
        let mut back = signed_in(at, "u").await;
        back.nothing_came().await;
    });
    suite.case("who was terminated hears nothing more", |at| async move {
        let channel = at.channel("");
        let mut wire = signed_in(at, "u").await;
        wire.subscribe(&channel).await;
        terminate(at, &at.user("u")).await;
        at.publish(&channel, "late", "1").await;
        let (code, before) = wire.closed().await;
        assert_eq!(code, Some(4009));
        assert!(before.iter().all(|told| told["event"] == "pusher:error"), "{before:?}");
    });
    suite.case("a terminated user is gone from presence channels", |at| async move {
        let channel = at.channel("presence-");
        let mut first = at.desk().await;
        first.join(&channel, &json!({"user_id": "first", "user_info": {}})).await;
        let mut wire = signed_in(at, "u").await;
        wire.join(&channel, &json!({"user_id": at.user("u"), "user_info": {}})).await;
        assert_eq!(first.hear().await["event"], "pusher_internal:member_added");
        terminate(at, &at.user("u")).await;
        let told = first.hear().await;
        assert_eq!(
            (&told["event"], &data(&told)["user_id"]),
            (&json!("pusher_internal:member_removed"), &json!(at.user("u")))
        );
    });
    suite.not_soketi(
        "it reads the path as it stands",
        "a user's id in the path may have escapes",
        |at| async move {
            let mut wire = at.desk().await;
            wire.signin(&at.user("a b/é")).await;
            let user: String = url::form_urlencoded::byte_serialize(at.user("a b/é").as_bytes()).collect();
            terminate(at, &user.replace('+', "%20")).await;
            assert_eq!(wire.close_code().await, 4009);
        },
    );
    suite.case("without a signature nobody is terminated", |at| async move {
        let mut wire = signed_in(at, "u").await;
        let target = format!("/apps/{}/users/{}/terminate_connections", MAIN.id, at.user("u"));
        let reply = at.http(super::suite::request("POST", &target, "{}")).await;
        assert_eq!(at.status(&reply), 401, "{reply:?}");
        wire.nothing_came().await;
    });
}
