//! What keys do.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use frontdesk::advice::Advice;
use frontdesk::ui::facts::{Cause, GapFacts, LinkFacts, LinkState, TopicFacts, Why, WireFacts, WireState};
use frontdesk::ui::theme::Depth;
use frontdesk::ui::{Effect, Msg, Theme};
use ratatui::buffer::Cell;
use ratatui::style::Modifier;
use serde_json::json;

use crate::scene::{Scene, at, live, lost, picture, refused};

fn arrive(scene: &mut Scene, n: u32) {
    let clock = format!("14:32:{n:02}");
    scene.hear(&clock, "private-staff", "CheckInNotification", &json!({"booking_id": 900 + n, "booking_code": format!("BK{}", 3000 + n), "customer_name": format!("Guest {n}"), "session_name": "Evening Session", "checkin_time": at(&clock).to_string()}));
}

/// The rows of the live feed, in which guests arrive.
fn arrivals(scene: &Scene) -> Vec<String> {
    scene.rows().into_iter().filter(|row| row.contains(" IN ")).collect()
}

#[test]
fn q_leaves_control_c_breaks_off_and_escape_does_neither() {
    let mut scene = Scene::busy((80, 24));
    assert_eq!(scene.key(KeyCode::Char('q')), [Effect::Quit]);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    for keys in ["1", "3", "5", "5/", "6", "?"] {
        scene.keys(keys);
        assert_eq!(scene.send(Msg::Key(interrupt)), [Effect::Interrupt], "{keys}");
        for _ in 0..5 {
            assert_eq!(scene.key(KeyCode::Esc), [], "{keys}");
        }
    }
}

#[test]
fn a_held_feed_stands_still_and_counts_what_is_new() {
    let mut scene = Scene::busy((80, 24));
    let before = arrivals(&scene);
    scene.key(KeyCode::Char(' '));
    for n in 1..=3 {
        arrive(&mut scene, n * 10);
    }
    assert_eq!(arrivals(&scene), before);
    assert!(scene.text().contains("PAUSED, 3 new"), "{}", scene.text());
    scene.key(KeyCode::Char(' '));
    assert_ne!(arrivals(&scene), before);
    assert!(arrivals(&scene)[0].contains("Guest 30"));
}

#[test]
fn who_scrolls_is_not_moved_by_what_comes() {
    let mut scene = Scene::busy((80, 24));
    for _ in 0..3 {
        scene.key(KeyCode::Down);
    }
    let before = arrivals(&scene);
    for n in 1..=9 {
        arrive(&mut scene, n * 5);
    }
    assert_eq!(arrivals(&scene), before);
    scene.key(KeyCode::Home);
    assert!(arrivals(&scene)[0].contains("Guest 45"), "{}", scene.text());
}

#[test]
fn a_burst_is_one_row_with_its_count() {
    let mut scene = Scene::busy((80, 24));
    for n in 0..7 {
        let data = json!({"booking_id": 500 + n, "booking_code": format!("BK5{n}"), "customer_name": "Bus", "session_name": "Evening Session", "booking_date": "2026-11-22", "total_amount": 1000, "created_at": at("14:31:59").to_string()});
        scene.hear("14:31:59", "private-admin", "NewBookingNotification", &data);
    }
    assert!(scene.text().contains("×7"), "{}", scene.text());
}

#[test]
fn the_same_event_again_is_counted_on_its_row() {
    let mut scene = Scene::busy((80, 24));
    arrive(&mut scene, 1);
    arrive(&mut scene, 1);
    scene.keys("5");
    let row = scene.rows().into_iter().find(|row| row.contains("Guest 1")).expect("the row");
    assert!(row.contains("×2"), "{row}");
}

#[test]
fn retry_is_asked_for_only_where_it_helps() {
    let mut scene = Scene::busy((80, 24));
    scene.keys("6");
    assert_eq!(scene.key(KeyCode::Char('r')), []);
    assert!(scene.text().contains("nothing to retry"));
    scene.send(Msg::Link(Box::new(lost())));
    assert_eq!(scene.key(KeyCode::Char('r')), [Effect::RetryNow]);
    scene.send(Msg::Link(Box::new(live())));
    scene.send(Msg::Topic(refused()));
    assert_eq!(scene.key(KeyCode::Char('r')), [Effect::RetryNow]);
}

#[test]
fn a_filter_that_hides_all_says_how_many_and_escape_clears_it() {
    let mut scene = Scene::busy((80, 24));
    scene.keys("5/nobodyofthisname");
    let text = scene.text();
    assert!(text.contains("hides all") && text.contains("Esc clears"), "{text}");
    scene.key(KeyCode::Esc);
    assert!(!scene.text().contains("hides all"));
}

#[test]
fn letters_of_a_filter_are_letters_and_not_keys() {
    let mut scene = Scene::busy((80, 24));
    scene.keys("5/");
    assert_eq!(scene.key(KeyCode::Char('q')), []);
    assert!(scene.text().contains("/ q"), "{}", scene.text());
    let hints = scene.rows()[23].clone();
    assert!(
        hints.contains("Enter keep") && hints.contains("Esc clear") && !hints.contains("quit"),
        "{hints}"
    );
    scene.key(KeyCode::Enter);
    assert!(scene.rows()[23].contains("q quit"), "{}", scene.text());
    assert_eq!(scene.key(KeyCode::Char('q')), [Effect::Quit]);
}

#[test]
fn the_copied_text_is_the_selected_rows_own_and_safe() {
    let mut scene = Scene::busy((80, 24));
    scene.hear_raw(
        "14:32:10",
        "private-staff",
        "CheckInNotification",
        "{\"booking_id\":1,\"x\":\"\u{1b}]52;c;eA==\u{7}\"}",
    );
    scene.keys("5");
    let effects = scene.key(KeyCode::Char('y'));
    let [Effect::Copy(text)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(text.contains("booking_id") && !text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
}

#[test]
fn tabs_can_be_clicked_and_a_click_outside_of_the_screen_does_nothing() {
    let mut scene = Scene::busy((80, 24));
    let row = scene.rows().remove(1);
    let column = u16::try_from(row.find("Activity").expect("the tab")).expect("a column");
    let click = |column, row| {
        Msg::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row,
            modifiers: KeyModifiers::NONE,
        })
    };
    scene.send(click(column, 1));
    assert!(scene.text().contains("Events"));
    assert_eq!(scene.send(click(u16::MAX, u16::MAX)), []);
}

#[test]
fn live_is_said_only_when_something_is_heard() {
    let mut scene = Scene::start((80, 24));
    scene.send(Msg::Link(Box::new(live())));
    assert!(!scene.rows()[0].contains("LIVE"), "{}", scene.rows()[0]);
    scene.send(Msg::Topic(refused()));
    assert!(scene.rows()[0].contains("NOTHING HEARD"), "{}", scene.rows()[0]);
    let mut heard: TopicFacts = crate::scene::topics().remove(0);
    scene.send(Msg::Topic(heard.clone()));
    assert!(
        scene.rows()[0].contains("LIVE 48ms") && scene.rows()[0].contains("! not allowed: admin"),
        "{}",
        scene.rows()[0]
    );
    heard.wires.clear();
    scene.send(Msg::Topic(heard));
    scene.send(Msg::Link(Box::new(frontdesk::ui::facts::LinkFacts { state: LinkState::Syncing, ..live() })));
    assert!(scene.rows()[0].contains("SYNCING"));
}

/// A topic whose private name is not joined for this reason, and whose public one is.
fn twin(name: &str, private: WireState) -> TopicFacts {
    let wire = |name: String, state| WireFacts { name, state, events: 0 };
    let wires = vec![wire(format!("private-{name}"), private), wire(name.to_owned(), WireState::Subscribed)];
    TopicFacts { name: name.to_owned(), wires }
}

#[test]
fn a_public_name_alone_proves_nothing_and_the_screen_says_what_to_do() {
    let no_token = WireState::Off { why: Why::NoToken, advice: Some(Advice::LogIn) };
    let refused = |status, why, advice| WireState::Refused {
        status: Some(status),
        why,
        detail: String::new(),
        advice,
        retry_at: None,
    };
    let bad_token = refused(401, Why::BadToken, Advice::LogIn);
    let not_allowed = refused(403, Why::NotAllowed, Advice::AskForRights);
    for (state, aside, advice) in [
        (no_token, "! not logged in", "run frontdesk login"),
        (bad_token, "! log in: admin, staff", "run frontdesk login"),
        (not_allowed, "! not allowed: admin, staff", "log in as somebody who may"),
    ] {
        let mut scene = Scene::start((80, 24));
        scene.send(Msg::Link(Box::new(live())));
        for name in ["availability", "admin", "staff"] {
            scene.send(Msg::Topic(twin(name, state.clone())));
        }
        let rows = scene.rows();
        assert!(rows[0].contains("LIVE 48ms") && rows[0].contains(aside), "{}", rows[0]);
        assert!(rows[1].contains("6 Link !2"), "{}", rows[1]);
        assert!(rows[22].contains("admin, staff not heard") && rows[22].contains(advice), "{}", rows[22]);
        let text = scene.text();
        assert!(text.contains("! incomplete") && text.contains("but not all is heard"), "{text}");
        // What comes on a public name proves that the backend uses it.
        for name in ["admin", "staff"] {
            scene.hear_raw("14:32:01", name, "Ping", "{}");
        }
        assert!(!scene.rows()[0].contains('!'), "{}", scene.rows()[0]);
        assert!(scene.text().contains("nothing waits"), "{}", scene.text());
    }
}

#[test]
fn a_lost_link_marks_the_numbers_and_the_bars() {
    let mut scene = Scene::busy((80, 24));
    assert!(!scene.text().contains('▒') && !scene.text().contains('~'));
    scene.send(Msg::Link(Box::new(lost())));
    let text = scene.text();
    assert!(text.contains('▒') && text.contains('~') && text.contains("14:31:52"), "{text}");
    assert!(text.contains("next in 4s"), "{text}");
    scene.send(Msg::Tick(at("14:32:02")));
    assert!(scene.text().contains("next in 2s"));
}

#[test]
fn counts_after_a_gap_say_since_when_they_are_whole() {
    for size in [(80, 24), (120, 35), (40, 10), (24, 6)] {
        let mut scene = Scene::busy(size);
        assert!(!scene.text().contains("since") && !scene.text().contains('~'), "{}", scene.text());
        for (from, to) in [("14:18:40", "14:20:05"), ("09:57:02", "09:58:20")] {
            let gap = GapFacts { topic: "staff".to_owned(), from: at(from), to: at(to), reason: None };
            scene.send(Msg::Gap(gap));
        }
        let text = scene.text();
        assert!(text.contains("~25") || text.contains('~') && size.0 == 120, "{text}");
        assert!(size.0 < 80 || text.contains("since 14:20"), "{text}");
    }
}

#[test]
fn in_less_out_is_inside_or_the_screen_says_why_not() {
    let whole = || Scene::busy((80, 24));
    let partial = || {
        let mut scene = Scene::start((80, 24));
        scene.send(Msg::Link(Box::new(live())));
        scene.send(Msg::Topic(crate::scene::topics()[0].clone()));
        scene
    };
    for fresh in [&whole as &dyn Fn() -> Scene, &partial] {
        let mut scene = fresh();
        assert!(!scene.text().contains(" before"), "{}", scene.text());
        let out = json!({"booking_id": 7001, "booking_code": "BK7001", "checkout_time": at("14:31:30").to_string()});
        scene.hear("14:31:50", "private-staff", "CheckOutNotification", &out);
        assert!(scene.text().contains("1 before"), "{}", scene.text());
        arrive(&mut scene, 51);
        let again =
            json!({"booking_id": 951, "booking_code": "BK3051", "checkin_time": at("14:31:59").to_string()});
        scene.hear("14:32:59", "private-staff", "CheckInNotification", &again);
        assert!(scene.text().contains("1 before 1 again"), "{}", scene.text());
    }
}

#[test]
fn an_outage_began_with_the_loss_and_not_with_the_last_try() {
    let since = |scene: &Scene| {
        let row = scene.rows().into_iter().find(|row| row.starts_with("│   since")).expect("the row");
        row.trim_matches(['│', ' ']).split_whitespace().nth(1).expect("the time").to_owned()
    };
    let mut scene = Scene::busy((80, 24));
    scene.send(Msg::Link(Box::new(lost())));
    scene.keys("6");
    assert_eq!(since(&scene), "14:31:52,");
    let mut scene = Scene::start((80, 24));
    for second in [10, 20, 30] {
        let (state, since) = (LinkState::Connecting { attempt: 1 }, at(&format!("14:32:{second}")));
        let server = "ws://localhost:6001".to_owned();
        scene.send(Msg::Link(Box::new(LinkFacts { state, ..LinkFacts::starting(server, since) })));
    }
    scene.keys("6");
    assert_eq!(since(&scene), "14:32:00,");
}

#[test]
fn a_key_is_called_by_one_name_in_each_language() {
    let mut scene = Scene::busy((80, 24));
    for (words, quarter) in
        [("following · Space pauses", "per 15m"), ("mengikuti · Space menjeda", "tiap 15m")]
    {
        let text = scene.text();
        assert!(text.contains(words) && text.contains(quarter), "{text}");
        assert!(scene.rows()[23].contains("Space "), "{text}");
        scene.key(KeyCode::F(8));
    }
}

#[test]
fn a_wrong_filter_keeps_what_is_whole_and_underlines_the_fault() {
    let theme = Theme::load("harbor", Depth::True, None).expect("the default theme");
    let underlined = |scene: &Scene| {
        let buffer = picture(&scene.model, &theme, 80, 24);
        let cells = buffer.content.iter().filter(|cell| cell.modifier.contains(Modifier::UNDERLINED));
        cells.map(Cell::symbol).collect::<String>()
    };
    let listed = |scene: &Scene| {
        let rows = scene.rows().into_iter().filter(|row| row.contains("private-"));
        rows.skip(1).collect::<Vec<_>>()
    };
    let mut scene = Scene::busy((80, 24));
    scene.keys("5");
    let all = listed(&scene).len();
    scene.keys("/age>zz|");
    assert_eq!(underlined(&scene), "zz", "{}", scene.text());
    // The filter's own row takes the place of one.
    assert!(listed(&scene).len() + 1 >= all, "half a term hides nothing\n{}", scene.text());
    scene.key(KeyCode::Esc);
    scene.keys("/name:wulan");
    scene.key(KeyCode::Enter);
    let wulan = listed(&scene);
    assert!(wulan.len() > 9 && wulan.iter().all(|row| row.contains("Wulan")), "{wulan:?}");
    scene.keys("/ age>zz");
    assert_eq!((listed(&scene), underlined(&scene)), (wulan.clone(), "zz".to_owned()));
    scene.send(Msg::Key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
    scene.key(KeyCode::Enter);
    scene.keys("/name:wulan");
    scene.key(KeyCode::Enter);
    for _ in 0..5 {
        scene.keys("/");
        scene.key(KeyCode::Backspace);
    }
    scene.keys("|");
    assert_eq!(listed(&scene), wulan, "the last finished one\n{}", scene.text());
}

#[test]
fn without_a_link_nothing_says_that_all_is_well() {
    let unknown =
        Cause { code: Some(4001), why: Why::Closed, detail: String::new(), advice: Advice::CheckKey };
    let refused = LinkFacts { state: LinkState::Refused, cause: Some(unknown), ..lost() };
    let cause = "4001: no app has this key";
    let mut scene = Scene::start((80, 24));
    for facts in [None, Some(refused.clone()), Some(lost())] {
        if let Some(facts) = facts {
            scene.send(Msg::Link(Box::new(facts)));
        }
        let text = scene.text();
        assert!(!text.contains("Nothing needs you") && !text.contains("following"), "{text}");
    }
    scene.send(Msg::Link(Box::new(refused)));
    let rows = scene.rows();
    assert!(rows[2].starts_with(&format!(" ✕ {cause}, check --key")), "{}", rows[2]);
    assert!(rows[22].contains(&format!("{cause}; check --key")), "{}", rows[22]);
    scene.send(Msg::Link(Box::new(live())));
    assert!(scene.text().contains("Nothing needs you.") && scene.text().contains("following"));
}

#[test]
fn what_changes_nothing_is_not_drawn_and_what_is_not_drawn_changes_nothing() {
    let mouse = |kind| Msg::Mouse(MouseEvent { kind, column: 5, row: 12, modifiers: KeyModifiers::NONE });
    let idle = [
        Msg::Focus(true),
        Msg::Focus(false),
        Msg::Paste("pasted".to_owned()),
        Msg::Key(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::NONE)),
        Msg::Topic(crate::scene::topics()[0].clone()),
        mouse(MouseEventKind::Moved),
        mouse(MouseEventKind::Up(MouseButton::Left)),
        mouse(MouseEventKind::Drag(MouseButton::Left)),
        mouse(MouseEventKind::ScrollLeft),
    ];
    let keys =
        (' '..='~').map(KeyCode::Char).chain([KeyCode::Enter, KeyCode::Tab, KeyCode::F(5), KeyCode::Null]);
    let keys = keys.map(|code| Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    let clicks = [MouseEventKind::Down(MouseButton::Left), MouseEventKind::ScrollDown].map(mouse);
    let all: Vec<Msg> = idle.iter().cloned().chain(keys).chain(clicks).collect();
    for place in ["1", "3", "5", "6", "?", "5/"] {
        let mut fresh = Scene::busy((80, 24));
        fresh.send(Msg::Topic(crate::scene::topics()[0].clone()));
        fresh.keys(place);
        fresh.model.take_dirty();
        let before = fresh.text();
        for msg in &all {
            let mut scene = fresh.clone();
            scene.send(msg.clone());
            assert!(scene.model.take_dirty() || scene.text() == before, "{place}: {msg:?} was not drawn");
        }
        for msg in idle.iter().filter(|msg| place != "5/" || !matches!(msg, Msg::Key(_) | Msg::Paste(_))) {
            let mut scene = fresh.clone();
            scene.send(msg.clone());
            assert!(!scene.model.take_dirty(), "{place}: {msg:?} was drawn");
        }
    }
}

#[test]
fn nothing_is_drawn_that_did_not_happen() {
    let mut scene = Scene::busy((80, 24));
    assert!(scene.model.take_dirty());
    assert!(!scene.model.take_dirty());
    let before = scene.text();
    scene.send(Msg::Tick(at("14:32:01")));
    assert_eq!(scene.text(), before, "a second that passes changes nothing that is shown");
    scene.send(Msg::Tick(at("14:33:00")));
    assert_ne!(scene.text(), before);
}
