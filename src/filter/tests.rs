//! The language, by example and by everything one could type.

use proptest::prelude::*;

use super::*;

/// A payment in a list.
struct Payment;

impl Fields for Payment {
    fn text(&self, visit: &mut dyn FnMut(&str)) {
        visit("BK2304");
        visit("Dewi Lestari");
        visit("bank_transfer");
    }

    fn field(&self, name: &str) -> Option<Field<'_>> {
        match name {
            "code" => Some(Field::Text("BK2304".into())),
            "name" => Some(Field::Text("Dewi Lestari".into())),
            "st" => Some(Field::Text("over".into())),
            "id" => Some(Field::Text("41".into())),
            "amt" => Some(Field::Number(350_000.0)),
            "age" => Some(Field::Span(Duration::from_secs(27 * 60))),
            _ => None,
        }
    }
}

fn matches(text: &str) -> bool {
    Filter::parse(text).unwrap().matches(&Payment)
}

#[test]
fn what_matches_and_what_does_not() {
    for text in [
        "",
        "   ",
        "dewi",
        "DEWI lest",
        "bk23 transfer",
        "\"Dewi Lestari\"",
        "!rina",
        "!!dewi",
        "rina | dewi",
        "rina|dewi",
        "dewi | rina budi",
        "rina budi | dewi bk",
        "/^bk\\d{4}$/",
        "/bank_(transfer|giro)/",
        "name:dewi",
        "NAME:dewi",
        "name:\"Dewi Lestari\"",
        "name:/lestari$/",
        "st:over",
        "!st:seen",
        "!nosuch:thing",
        "amt>100rb",
        "amt>=350rb",
        "amt<=0,35jt",
        "amt<1jt",
        "amt:350000",
        "amt:350.000",
        "age>15m",
        "age>15",
        "age<1h",
        "age:27m",
        "id>40",
        "dewi amt>100rb age>15m !rina | nobody",
    ] {
        assert!(matches(text), "{text}");
    }
    for text in [
        "rina",
        "dewi rina",
        "\"dewi lestari\"",
        "!dewi",
        "name:bk",
        "name:\"Dewi\"",
        "nosuch:thing",
        "nosuch>1",
        "amt>350rb",
        "amt<350000",
        "amt>5h",
        "age>30m",
        "age>1rb",
        "name>1",
        "/^dewi$/",
        "14:05",
    ] {
        assert!(!matches(text), "{text}");
    }
}

#[test]
fn a_fault_says_what_and_where() {
    for (text, at, len) in [
        ("dewi |", 6, 0),
        ("| dewi", 0, 1),
        ("a || b", 3, 1),
        ("dewi !", 5, 1),
        ("dewi ! rina", 5, 1),
        ("x \"open", 2, 5),
        ("x /open", 2, 5),
        ("\"\"", 0, 2),
        ("//", 0, 2),
        ("/(/", 0, 3),
        ("name:", 5, 0),
        ("name: x", 5, 0),
        ("amt>", 4, 0),
        ("amt>much", 4, 4),
        ("é amt>much", 7, 4),
    ] {
        let fault = Filter::parse(text).unwrap_err();
        assert_eq!((fault.at, fault.len), (at, len), "{text}: {fault}");
        assert!(!fault.message.is_empty() && !fault.message.contains('\n'), "{fault}");
    }
}

#[test]
fn an_expression_that_would_eat_the_memory_is_refused() {
    let fault = Filter::parse("/((a{100}){100}){100}/").unwrap_err();
    assert!(fault.message.contains("too big"), "{fault}");
}

#[test]
fn slashes_and_quotes_can_be_escaped() {
    assert!(Filter::parse(r"/a\/b/").is_ok());
    assert!(Filter::parse(r#""say \"hi\"""#).is_ok());
    assert!(Filter::parse(r"/\\/").is_ok());
}

proptest! {
    #[test]
    fn whatever_is_typed_parses_or_is_a_fault_inside_the_text(
        text in "[a-z0-9é!|:<>=/\"\\\\ .(){}\\[\\]*+?-]{0,40}",
        any in ".{0,40}",
    ) {
        for text in [text, any] {
            match Filter::parse(&text) {
                Ok(filter) => {
                    filter.matches(&Payment);
                }
                Err(fault) => {
                    prop_assert!(text.get(fault.at..fault.at + fault.len).is_some(), "{:?} {:?}", text, fault);
                }
            }
        }
    }

    #[test]
    fn negation_is_the_opposite(word in "[a-z]{1,6}") {
        prop_assert_ne!(matches(&word), matches(&format!("!{word}")));
    }
}
