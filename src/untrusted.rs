//! Text from outside, made safe at the edge of display.

/// Text that somebody else wrote. It is carried as it came; only what [`Untrusted::line`] and
/// [`Untrusted::block`] give may reach a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Untrusted<'a>(&'a str);

impl<'a> Untrusted<'a> {
    /// Text from outside.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// One safe line, at most `columns` wide; what does not fit is cut and ends in `…`.
    pub fn line(self, columns: usize) -> String {
        todo!("{} {columns}", self.0)
    }

    /// Safe lines, one for each of the text's own, as wide as they are.
    pub fn block(self) -> Vec<String> {
        todo!()
    }
}
