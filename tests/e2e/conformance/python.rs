//! `PyPI`'s `pusher`, unmodified, as the backend; raw connections hear what it says.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Value, json};

use super::apps::{self, App, MAIN};
use super::suite::{At, Suite};
use super::wire::{Wire, assert_acknowledged, data};
use crate::process::{Process, Stream};
use crate::python::Python;

/// The process, which answers one call after the other.
#[derive(Clone)]
struct Backend(Rc<RefCell<Process>>);

impl Backend {
    /// Calls, and gives what is told: an `answer`, or an `error`.
    fn try_call(&self, at: At, app: &Value, call: &str, args: &Value) -> Value {
        let mut process = self.0.borrow_mut();
        process.say(&json!({"app": app, "port": at.port, "call": call, "args": args}).to_string());
        process.until(Stream::Out, "answer of PyPI's pusher", |line| serde_json::from_str(line).ok())
    }

    /// Calls for the main app, and gives the answer.
    fn call(&self, at: At, call: &str, args: &Value) -> Value {
        let told = self.try_call(at, &app(&MAIN), call, args);
        told.get("answer").unwrap_or_else(|| panic!("{call}: {told}")).clone()
    }
}

fn app(app: &App) -> Value {
    apps::as_json_of(app)
}

pub(super) fn cases(suite: &mut Suite) {
    let Some(python) = Python::find() else { return };
    let backend =
        Backend(Rc::new(RefCell::new(Process::start("PyPI's pusher", python.script("backend.py")))));
    triggers(suite, &backend);
    tells(suite, &backend);
    signs(suite, &backend);
    refused(suite, &backend);
}

async fn subscribed(at: At, prefix: &str) -> Wire {
    let mut wire = at.desk().await;
    wire.subscribe(&at.channel(prefix)).await;
    wire
}

fn triggers(suite: &mut Suite, backend: &Backend) {
    let own = backend.clone();
    suite.case("trigger publishes text", |at| async move {
        let mut wire = subscribed(at, "").await;
        own.call(at, "trigger", &json!({"channels": at.channel(""), "event_name": "e", "data": "text é 💛"}));
        let told = wire.hear().await;
        assert_eq!((&told["event"], &told["data"]), (&json!("e"), &json!("text é 💛")));
    });
    let own = backend.clone();
    suite.case("trigger publishes what it encodes as JSON", |at| async move {
        let mut wire = subscribed(at, "").await;
        own.call(
            at,
            "trigger",
            &json!({"channels": at.channel(""), "event_name": "e", "data": {"a": [1, null]}}),
        );
        let told = wire.hear().await;
        assert!(told["data"].is_string(), "{told}");
        assert_eq!(data(&told), json!({"a": [1, null]}));
    });
    for prefix in ["private-", "cache-", "private-cache-"] {
        let own = backend.clone();
        suite.case(format!("trigger publishes to {prefix}…"), move |at| async move {
            let mut wire = subscribed(at, prefix).await;
            own.call(at, "trigger", &json!({"channels": at.channel(prefix), "event_name": "e", "data": {}}));
            wire.until("e").await;
        });
    }
    let own = backend.clone();
    suite.case("trigger seals what goes to an encrypted channel", |at| async move {
        let mut wire = subscribed(at, "private-encrypted-").await;
        let args = json!({"channels": at.channel("private-encrypted-"), "event_name": "e", "data": {"a": 1}});
        own.call(at, "trigger", &args);
        let told = data(&wire.hear().await);
        assert!(told["nonce"].is_string() && told["ciphertext"].is_string(), "{told}");
    });
    let own = backend.clone();
    suite.case("trigger publishes to many channels", |at| async move {
        let (mut one, mut two) = (subscribed(at, "one-").await, subscribed(at, "two-").await);
        let channels = [at.channel("one-"), at.channel("two-")];
        own.call(at, "trigger", &json!({"channels": channels, "event_name": "e", "data": {}}));
        assert_eq!(one.hear().await["channel"], channels[0]);
        assert_eq!(two.hear().await["channel"], channels[1]);
    });
    let own = backend.clone();
    suite.case("trigger leaves a socket_id out", |at| async move {
        let mut wire = subscribed(at, "").await;
        let args =
            json!({"channels": at.channel(""), "event_name": "e", "data": {}, "socket_id": wire.socket_id});
        own.call(at, "trigger", &args);
        at.publish(&at.channel(""), "fence", "1").await;
        assert_eq!(wire.hear().await["event"], "fence");
    });
    let own = backend.clone();
    suite.case("trigger_batch publishes in its order", |at| async move {
        let mut wire = subscribed(at, "").await;
        let batch: Vec<Value> = (0..10)
            .map(|n| json!({"channel": at.channel(""), "name": format!("e{n}"), "data": {"n": n}}))
            .collect();
        own.call(at, "trigger_batch", &json!({"batch": batch}));
        for number in 0..10 {
            assert_eq!(wire.hear().await["event"], format!("e{number}"));
        }
    });
    let own = backend.clone();
    suite.not_soketi(
        "it says {\"ok\":true}",
        "trigger and trigger_batch are answered with {}",
        |at| async move {
            let event = json!({"channels": at.channel(""), "event_name": "e", "data": {}});
            assert_eq!(own.call(at, "trigger", &event), json!({}));
            let batch = json!({"batch": [{"channel": at.channel(""), "name": "e", "data": {}}]});
            assert_eq!(own.call(at, "trigger_batch", &batch), json!({}));
        },
    );
}

fn tells(suite: &mut Suite, backend: &Backend) {
    let own = backend.clone();
    suite.case("channels_info lists what has subscribers", |at| async move {
        let _wire = subscribed(at, "").await;
        let told = own.call(at, "channels_info", &json!({"prefix_filter": at.channel("")}));
        assert!(told["channels"].get(at.channel("")).is_some(), "{told}");
    });
    let own = backend.clone();
    suite.case("channels_info without a prefix lists all", |at| async move {
        let _wire = subscribed(at, "").await;
        let told = own.call(at, "channels_info", &json!({}));
        assert!(told["channels"].get(at.channel("")).is_some(), "{told}");
    });
    let own = backend.clone();
    suite.not_soketi("it tells no users there", "channels_info counts users", |at| async move {
        let channel = at.channel("presence-");
        let mut wire = at.desk().await;
        wire.join(&channel, &json!({"user_id": "1", "user_info": {}})).await;
        let told =
            own.call(at, "channels_info", &json!({"prefix_filter": channel, "attributes": ["user_count"]}));
        assert_eq!(told, json!({"channels": {channel: {"user_count": 1}}}));
    });
    let own = backend.clone();
    suite.case("channel_info counts connections and users", |at| async move {
        let channel = at.channel("presence-");
        let mut wire = at.desk().await;
        wire.join(&channel, &json!({"user_id": "1", "user_info": {}})).await;
        let attributes = ["user_count", "subscription_count"];
        let told = own.call(at, "channel_info", &json!({"channel": channel, "attributes": attributes}));
        assert_eq!(told, json!({"occupied": true, "user_count": 1, "subscription_count": 1}));
    });
    let own = backend.clone();
    suite.case("channel_info of a channel that nobody has", |at| async move {
        let told = own.call(at, "channel_info", &json!({"channel": at.channel("")}));
        assert_eq!(told["occupied"], false);
    });
    let own = backend.clone();
    suite.case("users_info tells the members", |at| async move {
        let channel = at.channel("presence-");
        let mut wire = at.desk().await;
        wire.join(&channel, &json!({"user_id": "1", "user_info": {}})).await;
        assert_eq!(own.call(at, "users_info", &json!({"channel": channel})), json!({"users": [{"id": "1"}]}));
    });
    let own = backend.clone();
    suite.not_soketi(
        "it has no such route",
        "terminate_user_connections, whose path leaves the app out, closes with 4009",
        |at| async move {
            let mut wire = at.desk().await;
            wire.signin(&at.user("u")).await;
            own.call(at, "terminate_user_connections", &json!({"user_id": at.user("u")}));
            assert_eq!(wire.close_code().await, 4009);
        },
    );
}

fn signs(suite: &mut Suite, backend: &Backend) {
    for prefix in ["private-", "private-encrypted-", "private-cache-"] {
        let own = backend.clone();
        suite.case(format!("what authenticate signs for {prefix}… is taken"), move |at| async move {
            let channel = at.channel(prefix);
            let mut wire = at.desk().await;
            let signed =
                own.call(at, "authenticate", &json!({"channel": channel, "socket_id": wire.socket_id}));
            wire.say(
                json!({"event": "pusher:subscribe", "data": {"channel": channel, "auth": signed["auth"]}}),
            )
            .await;
            assert_acknowledged(&wire.hear().await, &channel);
        });
    }
    let own = backend.clone();
    suite.case("what authenticate signs for a presence channel is taken", |at| async move {
        let channel = at.channel("presence-");
        let mut wire = at.desk().await;
        let member = json!({"user_id": "1", "user_info": {"name": "é"}});
        let args = json!({"channel": channel, "socket_id": wire.socket_id, "custom_data": member});
        let mut signed = own.call(at, "authenticate", &args);
        signed["channel"] = channel.clone().into();
        wire.say(json!({"event": "pusher:subscribe", "data": signed})).await;
        let told = wire.hear().await;
        assert_acknowledged(&told, &channel);
        assert_eq!(data(&told)["presence"]["hash"], json!({"1": {"name": "é"}}));
    });
    let own = backend.clone();
    suite.case("what authenticate_user signs is taken", |at| async move {
        let mut wire = at.desk().await;
        let args = json!({"socket_id": wire.socket_id, "user_data": {"id": at.user("u")}});
        let signed = own.call(at, "authenticate_user", &args);
        wire.say(json!({"event": "pusher:signin", "data": signed})).await;
        assert_eq!(wire.hear().await["event"], "pusher:signin_success");
    });
}

fn refused(suite: &mut Suite, backend: &Backend) {
    let trigger = json!({"channels": "a", "event_name": "e", "data": {}});
    let cases = [
        (
            "another secret is a PusherBadAuth",
            "PusherBadAuth",
            ["1001", MAIN.key, "another"],
            "trigger",
            trigger.clone(),
        ),
        (
            "an unknown key is a PusherBadAuth",
            "PusherBadAuth",
            ["1001", "nobody", MAIN.secret],
            "trigger",
            trigger.clone(),
        ),
        (
            "a disabled app is a PusherForbidden",
            "PusherForbidden",
            [apps::OFF.id, apps::OFF.key, apps::OFF.secret],
            "trigger",
            trigger,
        ),
        (
            "users_info of a channel without members is a PusherBadRequest",
            "PusherBadRequest",
            ["1001", MAIN.key, MAIN.secret],
            "users_info",
            json!({"channel": "a"}),
        ),
    ];
    for (name, error, [id, key, secret], call, args) in cases {
        let own = backend.clone();
        suite.not_soketi("it says 200 to everything", name, move |at| async move {
            let told = own.try_call(at, &json!({"id": id, "key": key, "secret": secret}), call, &args);
            assert_eq!(told["error"], error, "{told}");
            assert!(told["message"].as_str().is_some_and(|message| !message.is_empty()), "{told}");
        });
    }
}
