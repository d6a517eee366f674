//! The payments screen: its pictures, and that nothing moves under who verifies.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use frontdesk::ui::facts::{TopicFacts, WireFacts, WireState};
use frontdesk::ui::{Effect, Msg};
use insta::assert_snapshot;
use serde_json::json;

use crate::scene::{Scene, at, lost};

/// Asks to verify a payment.
fn ask(scene: &mut Scene, id: u32, booking: u32, clock: &str, amount: u32) {
    let data = json!({"payment_id": id, "booking_id": booking, "booking_code": format!("BK{}", 2250 + booking), "customer_name": format!("Guest {id}"), "amount": amount, "payment_method": "qris", "submitted_at": at(clock).to_string()});
    scene.hear(clock, "private-admin", "PaymentVerificationRequired", &data);
}

/// Tells how a booking's payment ended.
fn end(scene: &mut Scene, booking: u32, word: &str, clock: &str) {
    let data = json!({"booking_id": booking, "booking_code": format!("BK{}", 2250 + booking), "payment_status": word, "updated_at": at(clock).to_string()});
    scene.hear(clock, "private-booking.7", "PaymentStatusUpdated", &data);
}

/// The busy day with a payment of another amount than its booking, two for one booking, one of a booking that
/// nobody told of, and one that was rejected; shown is the payments screen.
fn scene(size: (u16, u16)) -> Scene {
    let mut scene = Scene::busy(size);
    ask(&mut scene, 30, 12, "14:24", 50_000);
    ask(&mut scene, 31, 500, "14:31", 75_000);
    ask(&mut scene, 32, 20, "14:26", 50_000);
    end(&mut scene, 20, "rejected", "14:29:30");
    ask(&mut scene, 33, 21, "14:27", 50_000);
    end(&mut scene, 21, "waiting_confirmation", "14:28");
    scene.keys("3");
    scene
}

const SIZES: [(u16, u16); 4] = [(40, 10), (80, 24), (120, 35), (200, 60)];

#[test]
fn the_payments_at_each_size_in_each_language() {
    for size in SIZES {
        let mut scene = scene(size);
        for language in ["en", "id"] {
            assert_snapshot!(format!("payments_{}x{}_{language}", size.0, size.1), scene.text());
            scene.key(KeyCode::F(8));
        }
    }
}

#[test]
fn the_payments_with_nothing_heard() {
    let mut scene = Scene::start((80, 24));
    scene.keys("3");
    assert_snapshot!(scene.text());
}

#[test]
fn the_detail_opens_below_and_takes_the_whole_place_where_there_is_little() {
    for size in [(40, 10), (80, 24)] {
        let mut scene = scene(size);
        scene.key(KeyCode::Enter);
        assert_snapshot!(format!("payments_detail_{}x{}", size.0, size.1), scene.text());
        scene.key(KeyCode::Esc);
        assert!(scene.text().contains("To verify"), "{}", scene.text());
    }
}

/// The place and text of the row of this code in the queue.
fn row(scene: &Scene, code: &str) -> (usize, String) {
    let found = scene.rows().into_iter().enumerate().skip(3).find(|(_, row)| row.contains(code));
    found.unwrap_or_else(|| panic!("{code} in\n{}", scene.text()))
}

#[test]
fn rows_stand_still_under_the_selection_and_an_end_is_told_in_its_place() {
    let mut scene = scene((80, 24));
    for _ in 0..3 {
        scene.key(KeyCode::Down);
    }
    let before = row(&scene, "BK2271");
    end(&mut scene, 4, "verified", "14:31:58");
    // Asked before all others, told only now.
    ask(&mut scene, 40, 41, "13:59", 10_000);
    assert_eq!(row(&scene, "BK2271").0, before.0, "{}", scene.text());
    let ended = row(&scene, "BK2254").1;
    assert!(ended.contains("PAID") && ended.contains("waited 26m"), "{ended}");
    assert!(row(&scene, "BK2291").0 > row(&scene, "BK2750").0, "{}", scene.text());
    scene.key(KeyCode::Esc);
    assert!(!scene.rows()[5].contains("BK2254") && scene.rows()[5].contains("BK2291"), "{}", scene.text());
}

#[test]
fn every_step_selects_a_payment_and_y_copies_its_code() {
    let mut scene = scene((80, 24));
    for (key, code) in [
        (KeyCode::Down, "BK2254"),
        (KeyCode::Down, "BK2262"),
        (KeyCode::End, "BK2750"),
        (KeyCode::Up, "BK2271"),
        (KeyCode::Home, "BK2254"),
        (KeyCode::PageDown, "BK2750"),
        (KeyCode::PageUp, "BK2254"),
    ] {
        scene.key(key);
        assert_eq!(scene.key(KeyCode::Char('y')), [Effect::Copy(code.to_owned())], "{key:?}");
    }
}

#[test]
fn a_wait_calls_at_ten_minutes_and_louder_at_twenty() {
    let mut scene = Scene::busy((80, 24));
    scene.keys("3");
    for (clock, mark) in [("14:38:59", ""), ("14:39", ""), ("14:41", "!"), ("14:51", "!!")] {
        ask(&mut scene, 50, 30, "14:31", 50_000);
        scene.send(Msg::Tick(at(clock)));
        let row = row(&scene, "BK2280").1;
        let said: String = row.chars().take_while(|c| !c.is_ascii_digit()).filter(|c| *c == '!').collect();
        assert_eq!(said, mark, "{clock}: {row}");
    }
}

#[test]
fn the_screen_says_where_outcomes_cannot_be_heard() {
    let topic = |name: &str, state| {
        let wire = format!("private-{name}");
        Msg::Topic(TopicFacts {
            name: name.to_owned(),
            wires: vec![WireFacts { name: wire, state, events: 0 }],
        })
    };
    let fresh = || {
        let mut scene = Scene::start((80, 24));
        scene.send(Msg::Link(Box::new(crate::scene::live())));
        scene.keys("3");
        scene
    };
    let said = |scene: &Scene| scene.text().contains("Outcomes are");
    let mut scene = fresh();
    assert!(!said(&scene), "before anything is known");
    scene.send(topic("admin", WireState::Subscribed));
    assert!(scene.text().contains("Outcomes are not heard"), "{}", scene.text());
    scene.send(topic("booking.*", WireState::Subscribing));
    assert!(!said(&scene), "while an answer is awaited");
    scene.send(topic("booking.*", WireState::Subscribed));
    assert!(!said(&scene), "{}", scene.text());
    let mut scene = fresh();
    scene.send(topic("booking.7", WireState::Subscribed));
    assert!(scene.text().contains("heard on booking.7 alone"), "{}", scene.text());
    scene.send(Msg::Link(Box::new(lost())));
    assert!(!said(&scene), "the banner says more");
}

#[test]
fn a_click_on_the_overviews_tile_leads_to_the_payments() {
    let mut scene = Scene::busy((80, 24));
    assert!(scene.text().contains("[3]"), "{}", scene.text());
    let kind = MouseEventKind::Down(MouseButton::Left);
    scene.send(Msg::Mouse(MouseEvent { kind, column: 70, row: 3, modifiers: KeyModifiers::NONE }));
    assert!(scene.text().contains("New bookings"), "{}", scene.text());
}

#[test]
fn new_bookings_wait_while_their_list_is_held() {
    let mut scene = scene((80, 24));
    let book = |scene: &mut Scene, n: u32| {
        let data = json!({"booking_id": n, "booking_code": format!("BK{n}"), "customer_name": "Nina", "total_amount": 1000, "created_at": at("14:32").to_string()});
        scene.hear("14:32", "private-admin", "NewBookingNotification", &data);
    };
    book(&mut scene, 7001);
    assert!(scene.text().contains("BK7001"), "{}", scene.text());
    scene.key(KeyCode::Char(' '));
    book(&mut scene, 7002);
    let text = scene.text();
    assert!(!text.contains("BK7002") && text.contains("PAUSED, 1 new"), "{text}");
    scene.send(Msg::Key(KeyEvent::new(KeyCode::Char(' '), KeyModifiers::NONE)));
    assert!(scene.text().contains("BK7002"), "{}", scene.text());
}
