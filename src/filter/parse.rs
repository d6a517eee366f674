//! From text to a filter: one pass over the text, no recursion, every fault with its place.

use regex::RegexBuilder;

use super::quantity::Quantity;
use super::{Comparison, Fault, Filter, Pattern, Term, Test};

/// Longer filters are a paste by mistake.
const LONGEST: usize = 2_000;

/// How much memory one expression may take.
const REGEX_SIZE: usize = 1 << 20;

pub(super) fn parse(text: &str) -> Result<Filter, Fault> {
    if text.len() > LONGEST {
        return Err(fault(0, text.len(), format!("longer than {LONGEST} bytes")));
    }
    let mut cursor = Cursor { text, at: 0 };
    let mut any: Vec<Vec<Term>> = Vec::new();
    let mut all: Vec<Term> = Vec::new();
    loop {
        cursor.skip_spaces();
        match cursor.peek() {
            None if any.is_empty() && all.is_empty() => return Ok(Filter::default()),
            None if all.is_empty() => return Err(fault(cursor.at, 0, "a term is missing behind |")),
            None => {
                any.push(all);
                return Ok(Filter { any });
            }
            Some('|') if all.is_empty() => return Err(fault(cursor.at, 1, "a term is missing before |")),
            Some('|') => {
                cursor.bump();
                any.push(std::mem::take(&mut all));
            }
            Some(_) => all.push(cursor.term()?),
        }
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn term(&mut self) -> Result<Term, Fault> {
        let begun = self.at;
        let mut negated = false;
        while self.peek() == Some('!') {
            negated = !negated;
            self.bump();
        }
        match self.peek() {
            None | Some('|') => return Err(fault(begun, self.at - begun, "a term is missing behind !")),
            Some(c) if c.is_whitespace() => {
                return Err(fault(begun, self.at - begun, "a term is missing behind !"));
            }
            Some(_) => {}
        }
        let test = match self.field() {
            Some((field, None)) => self.has(field)?,
            Some((field, Some(comparison))) => self.compares(field, comparison)?,
            None => Test::Anywhere(self.pattern()?.0),
        };
        Ok(Term { negated, test })
    }

    /// A field's name and what stands behind it: `:`, or a comparison.
    fn field(&mut self) -> Option<(String, Option<Comparison>)> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-')))?;
        let (name, behind) = rest.split_at(end);
        // A clock time, `14:05`, is a word.
        if !name.starts_with(char::is_alphabetic) {
            return None;
        }
        let (comparison, len) = if behind.starts_with(':') {
            (None, 1)
        } else if behind.starts_with(">=") {
            (Some(Comparison::AtLeast), 2)
        } else if behind.starts_with("<=") {
            (Some(Comparison::AtMost), 2)
        } else if behind.starts_with('>') {
            (Some(Comparison::Above), 1)
        } else if behind.starts_with('<') {
            (Some(Comparison::Below), 1)
        } else {
            return None;
        };
        self.at += end + len;
        Some((name.to_lowercase(), comparison))
    }

    fn has(&mut self, field: String) -> Result<Test, Fault> {
        self.value(&field)?;
        let (pattern, word) = self.pattern()?;
        Ok(Test::Has { field, pattern, quantity: Quantity::parse(word) })
    }

    fn compares(&mut self, field: String, comparison: Comparison) -> Result<Test, Fault> {
        self.value(&field)?;
        let begun = self.at;
        let word = self.word();
        let quantity = Quantity::parse(word).ok_or_else(|| {
            fault(begun, word.len(), format!("{word} is no number: 100rb, 1,25jt, 15m, 1h30m"))
        })?;
        Ok(Test::Compares { field, comparison, quantity })
    }

    /// Something must stand right behind the field's name.
    fn value(&self, field: &str) -> Result<(), Fault> {
        match self.peek() {
            None | Some('|') => Err(fault(self.at, 0, format!("what {field} should be is missing"))),
            Some(c) if c.is_whitespace() => {
                Err(fault(self.at, 0, format!("what {field} should be is missing")))
            }
            Some(_) => Ok(()),
        }
    }

    /// A pattern, and the word it is if it is a word.
    fn pattern(&mut self) -> Result<(Pattern, &'a str), Fault> {
        match self.peek() {
            Some('"') => {
                let exact = self.enclosed('"', "the closing \" is missing")?;
                Ok((Pattern::Exact(exact.1), ""))
            }
            Some('/') => {
                let (at, source) = self.enclosed('/', "the closing / is missing")?;
                let regex = regex(&source).map_err(|message| {
                    fault(at, self.at - at, format!("the expression is wrong: {message}"))
                })?;
                Ok((Pattern::Regex(regex), ""))
            }
            Some(_) | None => {
                let at = self.at;
                let word = self.word();
                let regex = regex(&regex::escape(word)).map_err(|message| fault(at, word.len(), message))?;
                Ok((Pattern::Regex(regex), word))
            }
        }
    }

    /// Until a space or `|`.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || c == '|').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// What stands between two of these, a backslash before one of them taking its meaning; and where it began.
    fn enclosed(&mut self, by: char, unclosed: &str) -> Result<(usize, String), Fault> {
        let begun = self.at;
        self.bump();
        let mut inside = String::new();
        while let Some(c) = self.peek() {
            self.bump();
            if c == by {
                if inside.is_empty() {
                    return Err(fault(begun, self.at - begun, "there is nothing in it"));
                }
                return Ok((begun, inside));
            }
            // Any other backslash is the pattern's own.
            if c == '\\' && self.peek() == Some(by) {
                self.bump();
                inside.push(by);
            } else if c == '\\' && by == '/' {
                inside.push(c);
                inside.extend(self.peek());
                self.bump();
            } else {
                inside.push(c);
            }
        }
        Err(fault(begun, self.text.len() - begun, unclosed))
    }
}

/// In either case. Errors are one line: the last of the engine's, which says what is wrong.
fn regex(source: &str) -> Result<regex::Regex, String> {
    let built = RegexBuilder::new(source).case_insensitive(true).size_limit(REGEX_SIZE).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too big".to_owned(),
        error => {
            let text = error.to_string();
            text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned()
        }
    })
}

fn fault(at: usize, len: usize, message: impl Into<String>) -> Fault {
    Fault { at, len, message: message.into() }
}
