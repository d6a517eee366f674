//! A place in a history: which history (its epoch), and how far into it.
//!
//! Written `epoch:offset`, the epoch in base 36. Offsets grow strictly along one app's log, across its
//! channels; within a channel they grow but are not dense. One number is therefore a cursor for a channel
//! and for a pattern alike. An epoch changes when a history was lost or made anew, so that a cursor into
//! the old one is recognised and never served from the new one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Names one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

/// A place in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Position {
    /// Which history.
    pub epoch: Epoch,
    /// How far into it; the first event has 1, so that 0 is the place before everything.
    pub offset: u64,
}

/// Text that is no position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is written epoch:offset, as in k3x9:4711")]
pub struct BadPosition;

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut text = [0_u8; 13];
        let mut at = text.len();
        let mut rest = self.0;
        loop {
            at -= 1;
            text[at] = DIGITS[usize::try_from(rest % 36).unwrap_or(0)];
            rest /= 36;
            if rest == 0 {
                break;
            }
        }
        f.write_str(std::str::from_utf8(&text[at..]).unwrap_or("0"))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

impl FromStr for Position {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let (epoch, offset) = text.split_once(':').ok_or(BadPosition)?;
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        };
        if !plain(epoch) || !plain(offset) {
            return Err(BadPosition);
        }
        let epoch = Epoch(u64::from_str_radix(epoch, 36).map_err(|_| BadPosition)?);
        Ok(Self { epoch, offset: offset.parse().map_err(|_| BadPosition)? })
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

impl TryFrom<String> for Position {
    type Error = BadPosition;

    fn try_from(text: String) -> Result<Self, BadPosition> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_position_survives_its_text(epoch: u64, offset: u64) {
            let position = Position { epoch: Epoch(epoch), offset };
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn no_text_panics_and_what_parses_prints_the_same_place(text in ".{0,30}") {
            if let Ok(position) = text.parse::<Position>() {
                prop_assert_eq!(position.to_string().parse(), Ok(position));
            }
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in
            ["", ":", "k3x9", "k3x9:", ":4", "K3X9:4", "k3x9:+4", "k3x9:-1", "k3x9:4:5", "zzzzzzzzzzzzzz:1"]
        {
            assert_eq!(text.parse::<Position>(), Err(BadPosition), "{text}");
        }
    }
}
