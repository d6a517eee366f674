//! No size panics, and every size shows the link's state if it shows a word at all.

use crossterm::event::KeyCode;
use frontdesk::ui::theme::Depth;
use frontdesk::ui::{Msg, Theme};

use crate::scene::{Scene, lost, picture};

#[test]
fn no_size_from_nothing_to_300_by_100_panics_on_any_screen() {
    let theme = Theme::load("harbor", Depth::True, None).expect("the default theme");
    let keys = ["1", "3", "5", "6", "?", "5/x"];
    for empty in [true, false] {
        for keys in keys {
            let mut scene = if empty { Scene::start((80, 24)) } else { Scene::busy((80, 24)) };
            if !empty {
                scene.send(Msg::Link(Box::new(lost())));
            }
            scene.keys(keys);
            if keys == "5" || keys == "3" {
                scene.key(KeyCode::Enter);
            }
            // Every width and height around the limits of the layout, and a coarse net over the rest.
            let widths = (0..130).step_by(19).chain([1, 2, 39, 40, 63, 64, 109, 110, 200, 300]);
            for width in widths {
                for height in (0..40).step_by(9).chain([1, 2, 3, 10, 11, 12, 26, 100]) {
                    scene.send(Msg::Resize(width, height));
                    picture(&scene.model, &theme, width, height);
                    for key in [KeyCode::End, KeyCode::PageUp, KeyCode::Tab] {
                        scene.key(key);
                    }
                }
            }
        }
    }
}

#[test]
fn the_links_state_is_there_on_the_smallest_screen_that_can_say_it() {
    for size in [(8, 1), (12, 3), (20, 5), (39, 9), (40, 10), (80, 24), (120, 35), (300, 100)] {
        let scene = Scene::busy(size);
        assert!(scene.rows()[0].contains("LIVE"), "{size:?}: {:?}", scene.rows()[0]);
    }
}

#[test]
fn below_the_smallest_screen_the_counters_are_left() {
    let scene = Scene::busy((24, 6));
    let text = scene.text();
    for word in ["Inside", "To verify", "In today", "Out today"] {
        assert!(text.contains(word), "{word} in\n{text}");
    }
}
