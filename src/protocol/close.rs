//! Every close code by name, and what a client does next.
//!
//! The code of the close frame drives a client, not the `pusher:error` before it. Pusher's ranges:
//! 4000–4099 don't come back, 4100–4199 come back later, 4200–4299 come back at once. A connection that
//! ends without a code (a reset, a dead network) is treated as the second kind.

use std::fmt;

/// A close code of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(pub u16);

/// What a client does after a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Nothing will be better next time: tell the reader why, and wait for them.
    Never,
    /// Come back after a delay.
    WithBackoff {
        /// The server asked for patience: wait twice as long.
        widen: bool,
    },
    /// Come back at once.
    AtOnce,
}

impl CloseCode {
    /// The server wants TLS.
    pub const TLS_ONLY: Self = Self(4000);
    /// No app has this key.
    pub const UNKNOWN_APP: Self = Self(4001);
    /// The app is switched off.
    pub const APP_DISABLED: Self = Self(4003);
    /// The app's quota is used up.
    pub const OVER_QUOTA: Self = Self(4004);
    /// Nothing is served at this path.
    pub const PATH_NOT_FOUND: Self = Self(4005);
    /// The version is no number.
    pub const BAD_VERSION: Self = Self(4006);
    /// The version is not served.
    pub const UNSUPPORTED_VERSION: Self = Self(4007);
    /// The version is missing.
    pub const NO_VERSION: Self = Self(4008);
    /// The connection may not be here (any more).
    pub const UNAUTHORIZED: Self = Self(4009);
    /// The server has too much to do for now.
    pub const OVER_CAPACITY: Self = Self(4100);
    /// The server goes, or moves, and asks everybody to come back.
    pub const RECONNECT: Self = Self(4200);
    /// The other side did not answer a ping.
    pub const NO_PONG: Self = Self(4201);
    /// Nothing was said for a day.
    pub const IDLE: Self = Self(4202);
    /// A client event was refused. Travels in an error, closes nothing.
    pub const CLIENT_EVENT_REFUSED: Self = Self(4301);
    /// A watchlist is too long. Travels in an error, closes nothing.
    pub const WATCHLIST_TOO_LONG: Self = Self(4302);

    /// What a client does next.
    pub fn retry(self) -> Retry {
        match self.0 {
            4000..=4099 => Retry::Never,
            4100 => Retry::WithBackoff { widen: true },
            4200..=4299 => Retry::AtOnce,
            // Whatever closed 1000 did so in good order but told nothing; an unknown 43xx is the future's.
            _ => Retry::WithBackoff { widen: false },
        }
    }

    /// What the code means, in words; none for a code that the protocol doesn't know.
    pub fn meaning(self) -> Option<&'static str> {
        Some(match self.0 {
            1000 => "closed in good order",
            1001 => "the server is going away",
            1002 => "protocol error",
            1003 => "unsupported frame",
            1006 => "the connection broke",
            1007 => "invalid text",
            1008 => "refused by policy",
            1009 => "a frame was too long",
            1011 => "the server failed",
            1012 => "the server restarts",
            1013 => "the server is busy",
            4000 => "the server accepts TLS only",
            4001 => "no app has this key",
            4003 => "the app is disabled",
            4004 => "the app is over its connection quota",
            4005 => "nothing is served at this path",
            4006 => "the protocol version is no number",
            4007 => "the protocol version is not supported",
            4008 => "the protocol version is missing",
            4009 => "the connection is not authorized",
            4100 => "the server is over capacity",
            4200 => "the server asks to reconnect",
            4201 => "a ping was not answered",
            4202 => "the connection was idle for too long",
            4301 => "a client event was refused",
            4302 => "the watchlist is too long",
            _ => return None,
        })
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning() {
            Some(meaning) => write!(f, "{} ({meaning})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_retry_of_its_range() {
        for code in 0..=u16::MAX {
            let expected = match code {
                4000..=4099 => Retry::Never,
                4100 => Retry::WithBackoff { widen: true },
                4200..=4299 => Retry::AtOnce,
                _ => Retry::WithBackoff { widen: false },
            };
            assert_eq!(CloseCode(code).retry(), expected, "{code}");
        }
    }

    #[test]
    fn a_code_is_shown_with_its_meaning() {
        assert_eq!(CloseCode::UNKNOWN_APP.to_string(), "4001 (no app has this key)");
        assert_eq!(CloseCode(4999).to_string(), "4999");
    }
}
