//! The one filter language of every list, the palette and `--filter`.
//!
//! Being parsed into a [`Filter`] it matches anything that implements [`Fields`].

/// What a filter can look at.
pub trait Fields {
    /// All text of it that a bare word is looked for in.
    fn text(&self, visit: &mut dyn FnMut(&str));
    /// One field by name, `None` if it has none of that name.
    fn field(&self, name: &str) -> Option<Field<'_>>;
}

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// Text, matched by `:` as a part.
    Text(std::borrow::Cow<'a, str>),
    /// A number, compared by `>` and its like.
    Number(f64),
    /// A span of time, compared in any of its units.
    Span(std::time::Duration),
}

/// A filter, ready to match.
#[derive(Clone, Debug)]
pub struct Filter {}

/// What is wrong with a filter's text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The byte at which the fault begins.
    pub at: usize,
    /// How many bytes it is long; may be 0 at the end.
    pub len: usize,
    /// What is wrong, in English.
    pub message: String,
}

impl Filter {
    /// Parses a filter. Blank text is the filter that everything passes.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        todo!("{text}")
    }

    /// Whether it lets this through.
    pub fn matches(&self, item: &impl Fields) -> bool {
        todo!("{}", item.field("").is_some())
    }
}
