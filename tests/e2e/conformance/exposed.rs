//! Who is local, and who only seems so: a relay's guarded names for whoever comes through a proxy or from a page of
//! another site. No other server has them, so none of these is asked of soketi.

use frontdesk::protocol::sign;
use serde_json::json;

use super::apps::MAIN;
use super::suite::{At, Suite};
use super::wire::{Wire, assert_acknowledged, refused};

/// A header that says that the client is elsewhere.
const ELSEWHERE: [&str; 9] = [
    "X-Forwarded-For: 203.0.113.9",
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: venue.example",
    "X-Forwarded-Port: 443",
    "X-Real-IP: 203.0.113.9",
    "Forwarded: for=203.0.113.9",
    "Origin: https://venue.example",
    "Origin: null",
];

/// A header that says nothing of the kind.
const HERE: [&str; 6] = [
    "Origin: http://localhost:3000",
    "Origin: http://127.0.0.1",
    "Origin: http://[::1]:8080",
    "Origin: https://localhost",
    "User-Agent: Mozilla/5.0",
    "Accept-Language: id",
];

const WHY: &str = "it guards no names";

async fn arrive(at: At, header: &str) -> Wire {
    let mut wire = Wire::knock(at.port, &MAIN, "/app/key-of-main?protocol=7", &format!("{header}\r\n")).await;
    wire.established().await;
    wire
}

pub(super) fn cases(suite: &mut Suite) {
    for header in ELSEWHERE {
        suite.not_soketi(WHY, format!("with {header} the guarded names are closed"), move |at| async move {
            let mut wire = arrive(at, header).await;
            for channel in ["admin", "staff", "booking.5", "booking.x.y"] {
                assert_eq!(refused(&wire.try_subscribe(channel).await, channel), 401, "{channel}");
            }
            wire.nothing_came().await;
        });
        suite.not_soketi(WHY, format!("with {header} other public names are open"), move |at| async move {
            let mut wire = arrive(at, header).await;
            for channel in ["availability", "administration", "staff2", "booking", "Admin", "my.booking.5"] {
                wire.subscribe(channel).await;
            }
        });
        suite.not_soketi(
            WHY,
            format!("with {header} who may join private-admin may join admin"),
            move |at| async move {
                let mut wire = arrive(at, header).await;
                let auth = wire.auth("private-admin", None);
                wire.say(json!({"event": "pusher:subscribe", "data": {"channel": "admin", "auth": auth}}))
                    .await;
                assert_acknowledged(&wire.hear().await, "admin");
            },
        );
    }
    for header in HERE {
        suite.not_soketi(WHY, format!("with {header} the guarded names are open"), move |at| async move {
            let mut wire = arrive(at, header).await;
            for channel in ["admin", "staff", "booking.5"] {
                wire.subscribe(channel).await;
            }
        });
    }
    suite.not_soketi(WHY, "no other signature opens a guarded name", |at| async move {
        let mut wire = arrive(at, ELSEWHERE[0]).await;
        let signed = |text: &str| sign::auth(MAIN.key, MAIN.secret, text);
        let others = [
            wire.auth("admin", None),
            wire.auth("private-staff", None),
            wire.auth("presence-admin", None),
            signed(&sign::channel_text("1.1", "private-admin", None)),
            signed(&sign::user_text(&wire.socket_id, "{\"id\":\"1\"}")),
        ];
        for auth in others {
            wire.say(json!({"event": "pusher:subscribe", "data": {"channel": "admin", "auth": auth}})).await;
            refused(&wire.hear().await, "admin");
        }
    });
    suite.not_soketi(WHY, "who was refused a guarded name hears nothing of it", |at| async move {
        let mut wire = arrive(at, ELSEWHERE[0]).await;
        let (channel, fence) = (at.channel("booking."), at.channel("fence-"));
        refused(&wire.try_subscribe(&channel).await, &channel);
        wire.subscribe(&fence).await;
        at.publish(&channel, "secret", "1").await;
        at.publish(&fence, "fence", "1").await;
        assert_eq!(wire.hear().await["event"], "fence");
    });
    suite.not_soketi(WHY, "a pattern that covers a guarded name is guarded", |at| async move {
        let target = "/app/key-of-main?protocol=7&frontdesk=1";
        let mut wire = Wire::knock(at.port, &MAIN, target, "X-Forwarded-For: 203.0.113.9\r\n").await;
        wire.established().await;
        refused(&wire.try_subscribe("booking.*").await, "booking.*");
    });
}
