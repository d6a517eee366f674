//! What the world must do because of something that happened on the screen.

/// One thing to do. A value: tests assert it, the composition root carries it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Leave the program: the reader is done.
    Quit,
    /// Leave the program: the reader broke it off.
    Interrupt,
    /// Try the server now instead of waiting.
    RetryNow,
    /// Put this text into the clipboard. It is one line or several, and has no control characters.
    Copy(String),
}
