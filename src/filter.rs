//! The one filter language of every list, the palette and `--filter`.
//!
//! Words are AND; `|` is OR and binds weaker; `!` negates the term behind it. A term is a `word` (a part of any
//! text, in either case), `"exact text"`, `/a regex/` (in either case, unless it says `(?-i)`), or one of these on
//! a field: `name:budi`, `code:"BK001"` (the whole of it), `amt>100rb`, `age>=15m`. A [`Filter`] matches whatever
//! implements [`Fields`]; which fields there are is theirs to say.

mod parse;
mod quantity;

use std::borrow::Cow;
use std::time::Duration;

use regex::Regex;

use quantity::Quantity;

/// What a filter can look at.
pub trait Fields {
    /// Shows all text of it in which a bare term is looked for, one text after another.
    fn text(&self, visit: &mut dyn FnMut(&str));
    /// One field by its name in lower case; `None` if it has none of that name.
    fn field(&self, name: &str) -> Option<Field<'_>>;
}

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// Text: `:` looks for a part of it. If it is a number, it is compared as one.
    Text(Cow<'a, str>),
    /// A number: `:` is equality.
    Number(f64),
    /// A span of time; a number without a unit means minutes.
    Span(Duration),
}

/// A filter, ready to match.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Any of these, each of them all of those; empty lets everything through.
    any: Vec<Vec<Term>>,
}

/// What is wrong with a filter's text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The byte of the text at which the fault begins.
    pub at: usize,
    /// How many bytes it is long; 0 where something is missing.
    pub len: usize,
    /// What is wrong, in English.
    pub message: String,
}

#[derive(Clone, Debug)]
struct Term {
    negated: bool,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    /// Somewhere in its text.
    Anywhere(Pattern),
    /// In a field.
    Has { field: String, pattern: Pattern, quantity: Option<Quantity> },
    /// A field's quantity.
    Compares { field: String, comparison: Comparison, quantity: Quantity },
}

#[derive(Clone, Debug)]
enum Pattern {
    /// As it is written.
    Exact(String),
    /// A word or an expression, in either case.
    Regex(Regex),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Below,
    AtMost,
    AtLeast,
    Above,
}

impl Filter {
    /// Parses a filter. Blank text is the filter that lets everything through.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        parse::parse(text)
    }

    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        self.any.is_empty()
    }

    /// Whether it lets this through.
    pub fn matches(&self, item: &impl Fields) -> bool {
        let all = |terms: &Vec<Term>| terms.iter().all(|term| term.test.matches(item) != term.negated);
        self.any.is_empty() || self.any.iter().any(all)
    }
}

impl Test {
    fn matches(&self, item: &impl Fields) -> bool {
        match self {
            Self::Anywhere(pattern) => {
                let mut found = false;
                item.text(&mut |text| found = found || pattern.is_in(text));
                found
            }
            Self::Has { field, pattern, quantity } => match item.field(field) {
                Some(Field::Text(text)) => pattern.is(&text),
                Some(Field::Number(number)) =>
                {
                    #[allow(clippy::float_cmp, reason = "what is typed as 350000 is 350000")]
                    quantity.is_some_and(|quantity| quantity.number() == Some(number))
                }
                Some(Field::Span(span)) => quantity.is_some_and(|quantity| quantity.span() == Some(span)),
                None => false,
            },
            Self::Compares { field, comparison, quantity } => match item.field(field) {
                Some(Field::Text(text)) => {
                    comparison.holds(text.trim().parse::<f64>().ok().as_ref(), quantity.number().as_ref())
                }
                Some(Field::Number(number)) => comparison.holds(Some(&number), quantity.number().as_ref()),
                Some(Field::Span(span)) => comparison.holds(Some(&span), quantity.span().as_ref()),
                None => false,
            },
        }
    }
}

impl Pattern {
    fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => text.contains(exact.as_str()),
            Self::Regex(regex) => regex.is_match(text),
        }
    }

    /// Of a field, exact means all of it.
    fn is(&self, field: &str) -> bool {
        match self {
            Self::Exact(exact) => field == exact,
            Self::Regex(regex) => regex.is_match(field),
        }
    }
}

impl Comparison {
    /// What has no such value compares with nothing.
    fn holds<T: PartialOrd>(self, value: Option<&T>, limit: Option<&T>) -> bool {
        let Some((value, limit)) = value.zip(limit) else { return false };
        match self {
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::AtLeast => value >= limit,
            Self::Above => value > limit,
        }
    }
}

#[cfg(test)]
mod tests;
