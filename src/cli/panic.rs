//! A part of the program that panics: one sentence, a line in the log, and 1.
//!
//! A panic is a mistake of ours, and the person before it can do nothing but tell us: what broke and where is
//! all that helps. What it quotes may be somebody else's text, so it is made safe as everything is that is
//! said. Who gives the terminal back before is the terminal's own guard.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};

use super::say;

/// Does some work; nothing comes of it where it panics. Whatever panics from now on, in whichever thread, is
/// said in one sentence; with `RUST_BACKTRACE` Rust's own words follow.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let rusts_own = take_hook();
    let backtrace = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| !value.is_empty() && value != "0");
    set_hook(Box::new(move |panic| {
        let sentence = sentence(panic);
        tracing::error!("{sentence}");
        say(&sentence);
        if backtrace {
            rusts_own(panic);
        }
    }));
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn sentence(panic: &PanicHookInfo<'_>) -> String {
    let what = panic.payload_as_str().unwrap_or("no reason given").lines().collect::<Vec<_>>().join(" ");
    let place = panic.location().map(|place| format!(" ({place})")).unwrap_or_default();
    format!("something in frontdesk broke, please report it: {what}{place}")
}
