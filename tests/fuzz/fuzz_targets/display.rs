//! Text that somebody else wrote, on its way to a terminal.

#![no_main]

use frontdesk::untrusted::{Untrusted, width};
use libfuzzer_sys::fuzz_target;
use unicode_width::UnicodeWidthStr;

fn is_safe(text: &str) -> bool {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    !text.chars().any(harmful)
}

fuzz_target!(|input: (String, u8)| {
    let (text, columns) = input;
    let columns = usize::from(columns);
    let line = Untrusted::new(&text).line(columns);
    assert!(is_safe(&line), "{line:?}");
    assert!(line.width() <= columns && width(&line) <= columns, "{line:?} is wider than {columns}");
    assert_eq!(Untrusted::new(&line).line(columns), line, "what is safe stays");
    // A letter has at most four marks; nothing grows.
    assert!(line.len() <= text.len() * 3 + '…'.len_utf8());
    let block = Untrusted::new(&text).block();
    assert!(block.iter().all(|line| is_safe(line)));
});
