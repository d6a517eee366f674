//! What the screens look like.

use crossterm::event::KeyCode;
use frontdesk::ui::facts::{BackFacts, GapFacts, LinkState, OddFacts};
use frontdesk::ui::glyphs::Glyphs;
use frontdesk::ui::theme::Depth;
use frontdesk::ui::{Msg, Theme};
use insta::assert_snapshot;
use ratatui::buffer::Cell;
use serde_json::json;

use crate::scene::{Scene, at, live, lost, picture, refused};

#[test]
fn the_overview_at_80_by_24() {
    assert_snapshot!(Scene::busy((80, 24)).text());
}

#[test]
fn the_overview_at_120_by_35() {
    assert_snapshot!(Scene::busy((120, 35)).text());
}

#[test]
fn the_overview_at_40_by_10() {
    assert_snapshot!(Scene::busy((40, 10)).text());
}

#[test]
fn the_overview_before_anything_was_heard() {
    assert_snapshot!(Scene::start((80, 24)).text());
}

#[test]
fn the_overview_in_indonesian() {
    let mut scene = Scene::busy((80, 24));
    scene.key(KeyCode::F(8));
    assert_snapshot!(scene.text());
}

#[test]
fn the_overview_while_the_link_is_lost() {
    let mut scene = Scene::busy((80, 24));
    scene.send(Msg::Link(Box::new(lost())));
    assert_snapshot!(scene.text());
}

#[test]
fn the_overview_when_the_link_is_back() {
    let mut scene = Scene::busy((80, 24));
    scene.send(Msg::Link(Box::new(lost())));
    scene.send(Msg::Link(Box::new(live())));
    scene.send(Msg::Back(BackFacts {
        from: at("14:30:40"),
        to: at("14:31:58"),
        recovered: 6,
        complete: true,
    }));
    scene.hear("14:32:00", "private-staff", "CheckInNotification", &json!({"booking_id": 78, "booking_code": "BK2312", "customer_name": "Wulan", "session_name": "Midday Session", "checkin_time": at("14:32").to_string()}));
    assert_snapshot!(scene.text());
}

/// Whatever a stranger can put on the wire.
fn odd(size: (u16, u16)) -> Scene {
    let mut scene = Scene::busy(size);
    scene.hear_raw("14:31:45", "private-staff", "App\\Events\\Fireworks", "{\"colour\":\"red\"}");
    scene.hear_raw("14:31:46", "private-staff", "CheckInNotification", "[]");
    scene.hear_raw(
        "14:31:47",
        "private-staff",
        "CheckInNotification",
        "{\"booking_code\":\"BK\u{1b}]0;gotcha\u{7}9\"}",
    );
    scene.hear_raw(
        "14:31:48",
        "availability",
        "App\\Events\\AvailabilityUpdated",
        "{\"session_name\":\"Evening\"}",
    );
    scene.send(Msg::Odd(OddFacts {
        at: at("14:31:49"),
        raw: "<html>".to_owned(),
        reason: "not JSON".to_owned(),
    }));
    scene.send(Msg::Gap(GapFacts {
        topic: "staff".to_owned(),
        from: at("14:18:40"),
        to: at("14:20:05"),
        reason: None,
    }));
    scene
}

#[test]
fn the_activity_with_odd_ones_at_80_by_24() {
    let mut scene = odd((80, 24));
    scene.keys("5");
    assert_snapshot!(scene.text());
}

#[test]
fn the_activity_with_its_detail_at_120_by_35() {
    let mut scene = odd((120, 35));
    scene.keys("5jjjjjjj");
    assert_snapshot!(scene.text());
}

#[test]
fn the_activity_with_a_filter() {
    let mut scene = odd((80, 24));
    scene.keys("5/name:wulan");
    assert_snapshot!(scene.text());
}

#[test]
fn the_link_at_80_by_24() {
    let mut scene = Scene::busy((80, 24));
    scene.send(Msg::Topic(refused()));
    scene.keys("6");
    assert_snapshot!(scene.text());
}

#[test]
fn the_link_at_120_by_35_while_it_is_lost() {
    let mut scene = Scene::busy((120, 35));
    scene.send(Msg::Link(Box::new(lost())));
    scene.keys("6");
    assert_snapshot!(scene.text());
}

#[test]
fn the_help_at_80_by_24() {
    let mut scene = Scene::busy((80, 24));
    scene.keys("?");
    assert_snapshot!(scene.text());
}

#[test]
fn in_ascii_every_screen_says_the_same_without_any_other_character() {
    let mut theme = Theme::load("mono", Depth::True, None).expect("a built-in theme");
    theme.glyphs = Glyphs::ASCII;
    let mut scene = odd((120, 35));
    scene.send(Msg::Link(Box::new(lost())));
    for keys in ["1", "3", "5", "6", "?"] {
        scene.keys(keys);
        let buffer = picture(&scene.model, &theme, 120, 35);
        let strange: Vec<_> = buffer.content.iter().map(Cell::symbol).filter(|s| !s.is_ascii()).collect();
        assert!(strange.is_empty(), "{keys}: {strange:?}");
    }
    scene.keys("?1");
    let buffer = picture(&scene.model, &theme, 80, 24);
    let rows = buffer.content.chunks(80).map(|row| row.iter().map(Cell::symbol).collect::<String>());
    assert_snapshot!(rows.map(|row| row.trim_end().to_owned()).collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_state_of_the_link_has_a_word_of_its_own_and_none_but_live_says_live() {
    let states = [
        LinkState::Connecting { attempt: 0 },
        LinkState::Connecting { attempt: 2 },
        LinkState::Syncing,
        LinkState::Live,
        LinkState::Suspect,
        LinkState::Waiting { attempt: 3, next_try_at: at("14:32:04") },
        LinkState::Refused,
    ];
    let mut seen = std::collections::BTreeSet::new();
    for state in states {
        let mut scene = Scene::busy((80, 24));
        let facts = if state == LinkState::Live { live() } else { lost() };
        scene.send(Msg::Link(Box::new(frontdesk::ui::facts::LinkFacts { state, ..facts })));
        let row = scene.rows().remove(0);
        let word = row.split("WIB").nth(1).unwrap_or_default().trim().to_owned();
        assert_eq!(word.contains("LIVE"), state == LinkState::Live, "{word}");
        assert!(seen.insert(word.clone()), "{word} is said twice");
    }
}
