//! Settings, tokens and `.env` files: each is read or refused with its line, and no error quotes a secret.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use arbitrary::Arbitrary;
use frontdesk::config::file::File;
use frontdesk::config::laravel::Variables;
use frontdesk::relay::Tokens;
use libfuzzer_sys::fuzz_target;

/// In every secret, and in nothing else.
const MARK: &str = "hunter2";

#[derive(Arbitrary, Debug)]
enum Input {
    Settings(String),
    Tokens(String),
    Variables(String),
    /// What somebody may write for a secret, before and after the mark.
    Secret {
        place: u8,
        before: String,
        after: String,
    },
}

static PLACE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("frontdesk-fuzz-{}.env", std::process::id())));

fn settings(text: &str) -> Option<String> {
    match File::parse(text) {
        Ok(file) => {
            let shown = format!("{file:?}");
            assert!(!shown.contains(MARK), "{shown}");
            let _ = (file.relay(), file.venue(), file.into_layer());
            None
        }
        Err((line, message)) => {
            assert!((1..=text.lines().count().max(1) + 1).contains(&line), "line {line} of {text:?}");
            Some(message)
        }
    }
}

fn tokens(text: &str) -> Option<String> {
    match Tokens::parse(text) {
        Ok(tokens) => {
            assert!(tokens.iter().all(|token| !token.name.is_empty()));
            assert!(!format!("{tokens:?}").contains(MARK));
            None
        }
        Err(error) => Some(error.to_string()),
    }
}

fn variables(text: &str) -> Option<String> {
    std::fs::write(&*PLACE, text).expect("a file for temporary use");
    match Variables::from_file(&PLACE) {
        Ok(variables) => variables.layer().err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

fuzz_target!(|input: Input| {
    match input {
        Input::Settings(text) => drop(settings(&text.replace(MARK, ""))),
        Input::Tokens(text) => drop(tokens(&text.replace(MARK, ""))),
        Input::Variables(text) => drop(variables(&text)),
        Input::Secret { place, before, after } => {
            if [&before, &after].iter().any(|text| text.contains(['\n', '\r'])) {
                return;
            }
            let value = format!("{before}{MARK}{after}");
            let error = match place % 4 {
                0 => settings(&format!("key = \"k\"\nsecret = {value}\ntheme = \"dark\"\n")),
                1 => settings(&format!("[[app]]\nid = \"1\"\nkey = \"k\"\nsecret = {value}\n")),
                2 => tokens(&format!("[[token]]\nname = \"n\"\nrole = \"admin\"\ntoken = {value}\n")),
                _ => variables(&format!("PUSHER_APP_ID=1\nPUSHER_APP_SECRET={value}\n")),
            };
            assert!(error.as_deref().is_none_or(|error| !error.contains(MARK)), "{error:?}");
        }
    }
});
