//! Asking a person, hidden, or a pipe.

use std::io::{self, BufRead, IsTerminal, Read};

use super::Failure;

/// The most that is read from a pipe: no token and no password is longer.
const MOST: u64 = 64 * 1024;

/// Asks for a line without showing it; from a pipe the first line is taken.
pub(crate) fn hidden(question: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return first_line();
    }
    rpassword::prompt_password(question).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => Failure::Interrupted,
        _ => Failure::Failed(format!("cannot ask on this terminal: {error}; use --token-stdin")),
    })
}

/// The first line of stdin.
pub(crate) fn first_line() -> Result<String, Failure> {
    let mut line = String::new();
    io::BufReader::new(io::stdin().lock().take(MOST))
        .read_line(&mut line)
        .map_err(|error| Failure::Failed(format!("cannot read from stdin: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
