//! Filters as somebody types them: every text is a filter or a fault inside the text, and matching ends.

#![no_main]

use std::borrow::Cow;
use std::time::Duration;

use arbitrary::Arbitrary;
use frontdesk::filter::{Field, Fields, Filter};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Item {
    name: String,
    amount: f64,
    age: u32,
}

impl Fields for Item {
    fn text(&self, visit: &mut dyn FnMut(&str)) {
        visit(&self.name);
    }

    fn field(&self, name: &str) -> Option<Field<'_>> {
        match name {
            "name" => Some(Field::Text(Cow::Borrowed(&self.name))),
            "amt" => Some(Field::Number(self.amount)),
            "age" => Some(Field::Span(Duration::from_secs(self.age.into()))),
            _ => None,
        }
    }
}

fuzz_target!(|input: (String, Item)| {
    let (text, item) = input;
    match Filter::parse(&text) {
        Ok(filter) => {
            let matches = filter.matches(&item);
            assert!(matches || !filter.is_empty(), "the empty filter lets everything through");
            if let Ok(same) = Filter::parse(&format!("  {text}\t")) {
                assert_eq!(same.matches(&item), matches, "spaces around mean nothing");
            }
        }
        Err(fault) => {
            assert!(text.get(fault.at..fault.at + fault.len).is_some(), "{fault:?} lies outside");
            assert!(!fault.message.is_empty() && !fault.message.contains('\n'), "{fault:?}");
        }
    }
});
