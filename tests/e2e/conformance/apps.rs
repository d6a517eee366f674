//! The apps that both servers serve for the suite, each for one kind of question, and how each server is told.
//!
//! Ids are numbers: `PyPI`'s `pusher` takes no others.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// An app, and what it has of its own, in the words of either server's settings.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) id: &'static str,
    pub(crate) key: &'static str,
    pub(crate) secret: &'static str,
    relay: &'static str,
    soketi: &'static str,
}

/// Everything is allowed, and the limits are far away.
pub(crate) const MAIN: App = App {
    id: "1001",
    key: "key-of-main",
    secret: "the-secret-of-the-main-app",
    relay: "",
    soketi: r#"{"enableClientMessages": true, "enableUserAuthentication": true, "maxClientEventsPerSecond": 10}"#,
};

/// Switched off.
pub(crate) const OFF: App = App {
    id: "1002",
    key: "key-of-off",
    secret: "the-secret-of-the-app-that-is-off",
    relay: "enabled = false",
    soketi: r#"{"enabled": false}"#,
};

/// For one connection.
pub(crate) const ONE: App = App {
    id: "1003",
    key: "key-of-one",
    secret: "the-secret-of-the-app-for-one",
    relay: "max_connections = 1",
    soketi: r#"{"maxConnections": 1}"#,
};

/// Clients neither speak nor sign in.
pub(crate) const MUTE: App = App {
    id: "1004",
    key: "key-of-mute",
    secret: "the-secret-of-the-app-that-is-mute",
    relay: "client_events = false\nuser_authentication = false\nwatchlist = false",
    soketi: r#"{"enableClientMessages": false}"#,
};

/// Every limit is near.
pub(crate) const TIGHT: App = App {
    id: "1005",
    key: "key-of-tight",
    secret: "the-secret-of-the-app-that-is-tight",
    relay: "[app.limits]\nchannel_name = 40\nevent_name = 20\nevent_kb = 10\nchannels_per_event = 3\n\
            batch_events = 2\npresence_members = 2\npresence_user_kb = 1\nclient_events_per_second = 10\n\
            subscriptions = 3\nfailed_auths = 3",
    soketi: r#"{"enableClientMessages": true, "maxChannelNameLength": 40, "maxEventNameLength": 20,
                "maxEventPayloadInKb": 10, "maxEventChannelsAtOnce": 3, "maxEventBatchSize": 2,
                "maxPresenceMembersPerChannel": 2, "maxPresenceMemberSizeInKb": 1,
                "maxClientEventsPerSecond": 10}"#,
};

/// Subscribers are told how many they are.
pub(crate) const COUNTED: App = App {
    id: "1006",
    key: "key-of-counted",
    secret: "the-secret-of-the-app-that-counts",
    relay: "subscription_count = true",
    soketi: "{}",
};

/// A backend is told what happens.
pub(crate) const HOOKED: App = App {
    id: "1007",
    key: "key-of-hooked",
    secret: "the-secret-of-the-app-with-hooks",
    relay: "subscription_count = true",
    soketi: r#"{"enableClientMessages": true, "enableUserAuthentication": true}"#,
};

const APPS: [&App; 7] = [&MAIN, &OFF, &ONE, &MUTE, &TIGHT, &COUNTED, &HOOKED];

/// The relay's settings file; `hook` is where [`HOOKED`] tells its backend, and below it of members alone.
pub(crate) fn relay(hook: Option<&str>) -> String {
    let mut file = String::new();
    for app in APPS {
        let App { id, key, secret, relay, .. } = app;
        let _ = writeln!(file, "[[app]]\nid = \"{id}\"\nkey = \"{key}\"\nsecret = \"{secret}\"\n{relay}\n");
        if let Some(hook) = hook.filter(|_| *id == HOOKED.id) {
            let _ = writeln!(file, "[[app.webhook]]\nurl = \"{hook}\"\n");
            let _ =
                writeln!(file, "[[app.webhook]]\nurl = \"{hook}/members\"\nevents = [\"member_added\"]\n");
        }
    }
    file
}

/// soketi's settings file.
pub(crate) fn soketi(hook: Option<&str>) -> String {
    let events = [
        "client_event",
        "channel_occupied",
        "channel_vacated",
        "member_added",
        "member_removed",
        "cache_miss",
    ];
    let apps = APPS.map(|app| {
        let mut told: Map<String, Value> = serde_json::from_str(app.soketi).unwrap();
        for (name, value) in [("id", app.id), ("key", app.key), ("secret", app.secret)] {
            told.insert(name.to_owned(), value.into());
        }
        if let Some(hook) = hook.filter(|_| app.id == HOOKED.id) {
            let members = json!({"url": format!("{hook}/members"), "event_types": ["member_added"]});
            told.insert("webhooks".to_owned(), json!([{"url": hook, "event_types": events}, members]));
        }
        Value::Object(told)
    });
    // Connections that never sign in are as good as others.
    json!({"appManager.array.apps": apps, "userAuthenticationTimeout": 600_000}).to_string()
}

/// The apps as a script takes them, by name.
pub(crate) fn as_json() -> Value {
    let app = as_json_of;
    json!({
        "main": app(&MAIN), "off": app(&OFF), "one": app(&ONE), "mute": app(&MUTE), "tight": app(&TIGHT),
        "counted": app(&COUNTED), "hooked": app(&HOOKED),
    })
}

/// An app as a script takes it.
pub(crate) fn as_json_of(app: &App) -> Value {
    json!({"id": app.id, "key": app.key, "secret": app.secret})
}
