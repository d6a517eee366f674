//! Names of channels: what may be one, how long it may be, and which prefix says what.

use super::apps::TIGHT;
use super::suite::{At, Suite};
use super::wire::{assert_acknowledged, refused};

pub(super) fn cases(suite: &mut Suite) {
    names(suite);
    prefixes(suite);
}

fn names(suite: &mut Suite) {
    let good = [
        ("letters of both cases and digits", "aAzZ09".to_owned()),
        ("all the punctuation there is", "a-_=@,.;b".to_owned()),
        ("punctuation alone", "-_=@,.;".to_owned()),
        ("a name of one character", "~".replace('~', "q")),
        ("a name of 164 characters", "n".repeat(164)),
        ("a name of 200 characters", "m".repeat(200)),
        ("a name like a model's", "App.Models.User.5".to_owned()),
    ];
    for (name, channel) in good {
        suite.case(format!("{name} may be a channel"), move |at| async move {
            let mut wire = at.desk().await;
            wire.subscribe(&channel).await;
            at.publish(&channel, "e", "1").await;
            assert_eq!(wire.hear().await["channel"], channel);
        });
    }
    let bad = [
        ("the empty name", ""),
        ("a name with a space", "a b"),
        ("a name with a slash", "a/b"),
        ("a name with a backslash", "a\\b"),
        ("a name with a colon", "a:b"),
        ("a name with a # within", "a#b"),
        ("a name with a *", "a.*"),
        ("a name with a +", "a+b"),
        ("a name with a %", "a%20b"),
        ("a name with a ?", "a?b"),
        ("a name with a !", "a!"),
        ("a name with a quote", "a\"b"),
        ("a name with brackets", "a[0]"),
        ("a name with an accent", "café"),
        ("a name with an emoji", "💛"),
        ("a name with a line break within", "a\nb"),
        ("a name with a NUL", "a\u{0}b"),
        ("a name of a space", " "),
    ];
    for (name, channel) in bad {
        suite.case(format!("{name} is refused by name, and the connection lives"), move |at| async move {
            let mut wire = at.desk().await;
            refused(&wire.try_subscribe(channel).await, channel);
            wire.nothing_came().await;
        });
    }
    for (name, channel) in
        [("a name that ends in a line break", "a\n"), ("a name that begins with a line break", "\na")]
    {
        suite.case(format!("{name} is refused"), move |at| async move {
            refused(&at.desk().await.try_subscribe(channel).await, channel);
        });
    }
    suite.case("a name of 201 characters is refused", |at| async move {
        let channel = "n".repeat(201);
        refused(&at.desk().await.try_subscribe(&channel).await, &channel);
    });
    suite.case("an app may have shorter names", |at| async move {
        let mut wire = at.desk_of(&TIGHT).await;
        wire.subscribe(&"n".repeat(40)).await;
        let channel = "n".repeat(41);
        refused(&wire.try_subscribe(&channel).await, &channel);
    });
    let told = |channel: &'static str| {
        move |at: At| async move {
            refused(&at.desk().await.try_subscribe(channel).await, channel);
        }
    };
    for channel in ["##", "#", "#private-a"] {
        suite.case(format!("{channel} is for nobody to subscribe"), told(channel));
    }
    for channel in ["#server", "#a", "#server-to-user", "#server-to-users-1"] {
        let name = format!("{channel} is for nobody to subscribe");
        suite.not_soketi("it takes it for a public name", name, told(channel));
    }
    suite.case("names in different cases are different channels", |at| async move {
        let (lower, upper) = (at.channel("case-of-"), at.channel("CASE-OF-"));
        let mut wire = at.desk().await;
        wire.subscribe(&lower).await;
        at.publish(&upper, "e", "1").await;
        at.publish(&lower, "fence", "1").await;
        assert_eq!(wire.hear().await["event"], "fence");
    });
}

fn prefixes(suite: &mut Suite) {
    for prefix in [
        "Private-",
        "PRIVATE-",
        "privat-",
        "private",
        "private_",
        "Presence-",
        "presence",
        "presence_",
        "encrypted-",
    ] {
        suite.case(format!("{prefix}… is a public name"), move |at| async move {
            at.desk().await.subscribe(&at.channel(prefix)).await;
        });
    }
    for prefix in ["my-private-", "a.private-", "cache-private-", "not-presence-", "x-presence-cache-"] {
        suite.not_soketi(
            "it looks for the word anywhere",
            format!("{prefix}… is a public name"),
            move |at| async move {
                let mut wire = at.desk().await;
                wire.ask(&at.channel(prefix)).await;
                assert_acknowledged(&wire.hear().await, &at.channel(prefix));
            },
        );
    }
}
