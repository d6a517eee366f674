//! Asking a person, hidden, or a pipe.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use futures_util::StreamExt;

use super::{Failure, block_on};
use crate::app::leave::Leave;

/// The most that is read from a pipe: no token and no password is longer.
const MOST: u64 = 64 * 1024;

/// Asks for a line without showing it; from a pipe the first line is taken.
///
/// The terminal is given back however the answer ends: by Enter, by Ctrl-C, or by a signal.
pub(crate) fn hidden(question: &str) -> Result<String, Failure> {
    if io::stdin().is_terminal() { block_on(ask(question)) } else { first_line() }
}

/// The first line of stdin.
pub(crate) fn first_line() -> Result<String, Failure> {
    let mut line = String::new();
    io::BufReader::new(io::stdin().lock().take(MOST))
        .read_line(&mut line)
        .map_err(|error| Failure::Failed(format!("cannot read from stdin: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn ask(question: &str) -> Result<String, Failure> {
    let mut leave = Leave::new().map_err(|error| cannot(&error))?;
    let _silence = Silence::around(question).map_err(|error| cannot(&error))?;
    let mut keys = EventStream::new();
    let mut typed = String::new();
    loop {
        let event = tokio::select! {
            _ = leave.asked() => return Err(Failure::Interrupted),
            event = keys.next() => event.ok_or(Failure::Interrupted)?.map_err(|error| cannot(&error))?,
        };
        if let Event::Key(key) = event
            && let Some(ended) = take(&mut typed, key)
        {
            return ended.map(|()| typed);
        }
    }
}

/// Takes a key into the answer; some keys end it.
fn take(typed: &mut String, key: KeyEvent) -> Option<Result<(), Failure>> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    match key.code {
        KeyCode::Enter => return Some(Ok(())),
        KeyCode::Char('c' | 'd') if key.modifiers == KeyModifiers::CONTROL => {
            return Some(Err(Failure::Interrupted));
        }
        KeyCode::Char('u') if key.modifiers == KeyModifiers::CONTROL => typed.clear(),
        KeyCode::Char(letter) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
            typed.push(letter);
        }
        KeyCode::Backspace => {
            typed.pop();
        }
        _ => {}
    }
    None
}

fn cannot(error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot ask on this terminal: {error}; use --token-stdin"))
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Silence;

impl Silence {
    fn around(question: &str) -> io::Result<Self> {
        // Before anybody is asked: a token that is pasted at once must not be shown either.
        enable_raw_mode()?;
        let silence = Self;
        let mut out = io::stderr();
        out.write_all(question.as_bytes())?;
        out.flush()?;
        Ok(silence)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Either it works, or the terminal is gone.
        let _ = disable_raw_mode();
        let _ = io::stderr().write_all(b"\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typing(keys: &[(KeyCode, KeyModifiers)]) -> (String, Option<bool>) {
        let mut typed = String::new();
        for (code, modifiers) in keys {
            if let Some(ended) = take(&mut typed, KeyEvent::new(*code, *modifiers)) {
                return (typed, Some(ended.is_ok()));
            }
        }
        (typed, None)
    }

    #[test]
    fn an_answer_is_what_was_typed_and_not_taken_back() {
        let plain = KeyModifiers::NONE;
        let letters = |text: &str| text.chars().map(|c| (KeyCode::Char(c), plain)).collect::<Vec<_>>();
        let mut keys = letters("wrong");
        keys.push((KeyCode::Char('u'), KeyModifiers::CONTROL));
        keys.extend(letters("5|tokeN!x"));
        keys.extend([(KeyCode::Backspace, plain), (KeyCode::Left, plain), (KeyCode::Enter, plain)]);
        assert_eq!(typing(&keys), ("5|tokeN!".to_owned(), Some(true)));
    }

    #[test]
    fn control_c_and_control_d_answer_nothing() {
        for letter in ['c', 'd'] {
            let keys =
                [(KeyCode::Char('x'), KeyModifiers::NONE), (KeyCode::Char(letter), KeyModifiers::CONTROL)];
            assert_eq!(typing(&keys).1, Some(false));
        }
    }
}
