//! Who may join what, where the relay answers its own auth endpoint: the tokens and their roles.
//!
//! The tokens file is parsed here, from its text; where the file is, is the settings' business. A token is
//! known by its SHA-256 alone, looked up without telling by the time it takes how near a guess was.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::protocol::{ChannelKind, Subscription};

/// What a token's bearer does at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Joins `availability`, `staff` and the desks' own presence channel.
    Staff,
    /// Joins those, `admin`, and every booking's.
    Admin,
}

impl Role {
    /// The role as files and answers write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The tokens that the relay knows. `Default` knows none.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    entries: Vec<Token>,
    /// Whether some tokens stand in the file as they are.
    plain: bool,
}

/// A token's bearer, and what it opens.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The bearer's name.
    pub name: String,
    /// What the bearer does.
    pub role: Role,
    /// The bearer's id in the backend: opens `private-booking.{id}`.
    pub user_id: Option<u64>,
    /// Wire names instead of the role's; a trailing `*` matches the rest.
    pub channels: Option<Vec<String>>,
    sha256: [u8; 32],
}

impl fmt::Debug for Token {
    /// Without the hash: a short token can be guessed from it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, role, user_id, channels, sha256: _ } = self;
        f.debug_struct("Token")
            .field("name", name)
            .field("role", role)
            .field("user_id", user_id)
            .field("channels", channels)
            .finish_non_exhaustive()
    }
}

/// Text that is no tokens file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTokens {
    /// Not TOML, or not of the right shape; says where.
    #[error("{0}")]
    Toml(String),
    /// An entry without a token, or with two.
    #[error("token \"{name}\" needs either sha256 = \"…\" or token = \"…\"")]
    OneOf {
        /// The entry's name.
        name: String,
    },
    /// A hash that is none.
    #[error("token \"{name}\": sha256 is 64 hexadecimal digits")]
    Hash {
        /// The entry's name.
        name: String,
    },
    /// A token that anybody can guess.
    #[error("token \"{name}\" is empty")]
    Empty {
        /// The entry's name.
        name: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    role: Role,
    sha256: Option<String>,
    token: Option<String>,
    user_id: Option<u64>,
    channels: Option<Vec<String>>,
}

impl Tokens {
    /// Parses the text of a tokens file: `[[token]]` with `name`, `role`, and `sha256` or `token`.
    pub fn parse(text: &str) -> Result<Self, BadTokens> {
        // toml's own message quotes the line, and a line may hold a token.
        let file: File = toml::from_str(text).map_err(|error| BadTokens::Toml(place(text, &error)))?;
        let mut tokens = Self::default();
        for Entry { name, role, sha256, token, user_id, channels } in file.token {
            let sha256 = match (sha256, token) {
                (Some(hash), None) => {
                    let mut bytes = [0; 32];
                    hex::decode_to_slice(hash.trim(), &mut bytes)
                        .map_err(|_| BadTokens::Hash { name: name.clone() })?;
                    bytes
                }
                (None, Some(token)) if token.is_empty() => return Err(BadTokens::Empty { name }),
                (None, Some(token)) => {
                    tokens.plain = true;
                    hash(&token)
                }
                (None, None) | (Some(_), Some(_)) => return Err(BadTokens::OneOf { name }),
            };
            tokens.entries.push(Token { name, role, user_id, channels, sha256 });
        }
        Ok(tokens)
    }

    /// These tokens and one more: what the demo makes for itself.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, role: Role, token: &SecretString) -> Self {
        let sha256 = hash(token.expose_secret());
        self.entries.push(Token { name: name.into(), role, user_id: None, channels: None, sha256 });
        self
    }

    /// Whether the file holds tokens as they are, which deserves a warning.
    pub fn has_plain(&self) -> bool {
        self.plain
    }

    /// Whether no token is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Those who bear a token, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        self.entries.iter()
    }

    /// The bearer of this token.
    pub fn find(&self, token: &str) -> Option<&Token> {
        let told = hash(token);
        // Hashes of guesses tell nothing about how near a guess was.
        self.entries.iter().find(|entry| entry.sha256 == told)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn place(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

impl Token {
    /// Whether the bearer may join this channel or pattern. Nobody needs a token for a public one, and for
    /// those the answer is no.
    pub fn may_join(&self, wanted: &Subscription) -> bool {
        let wire = wanted.to_string();
        let rest = match wanted.kind() {
            ChannelKind::Private => "private-",
            ChannelKind::Presence => "presence-",
            ChannelKind::Encrypted => "private-encrypted-",
            ChannelKind::Public | ChannelKind::ServerToUser => return false,
        };
        let logical = wire.strip_prefix(rest).unwrap_or(&wire);
        let own = self.user_id.is_some_and(|id| wire == format!("private-booking.{id}"));
        own || match &self.channels {
            Some(listed) => listed.iter().any(|listed| matches_rest(listed, &wire)),
            None => match wanted.kind() {
                ChannelKind::Private | ChannelKind::Presence => self.role.opens(logical, &wire),
                ChannelKind::Encrypted | ChannelKind::Public | ChannelKind::ServerToUser => false,
            },
        }
    }
}

impl Role {
    fn opens(self, logical: &str, wire: &str) -> bool {
        let shared = matches!(logical, "availability" | "staff") || wire == "presence-frontdesk.desks";
        match self {
            Self::Staff => shared,
            Self::Admin => shared || logical == "admin" || matches_rest("booking.*", logical),
        }
    }
}

/// Whether a listed name is `name`, or ends with a `*` that stands for `name`'s rest.
fn matches_rest(listed: &str, name: &str) -> bool {
    match listed.strip_suffix('*') {
        Some(stem) => name.len() > stem.len() && name.starts_with(stem),
        None => listed == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::parse(&format!(
            r#"
            [[token]]
            name = "sari"
            role = "staff"
            sha256 = "{}"
            user_id = 5

            [[token]]
            name = "ayu"
            role = "admin"
            token = "ayu-token"

            [[token]]
            name = "kiosk"
            role = "staff"
            token = "kiosk-token"
            channels = ["private-lobby", "private-hall.*", "private-encrypted-hall"]
            "#,
            hex::encode(hash("sari-token"))
        ))
        .expect("a tokens file")
    }

    #[test]
    fn who_may_join_what_is_as_the_roles_say() {
        let tokens = tokens();
        let cases = [
            // wanted, sari (staff, user 5), ayu (admin), kiosk (a list)
            ("private-availability", true, true, false),
            ("presence-availability", true, true, false),
            ("private-staff", true, true, false),
            ("presence-staff", true, true, false),
            ("private-admin", false, true, false),
            ("presence-admin", false, true, false),
            ("private-booking.5", true, true, false),
            ("private-booking.6", false, true, false),
            ("presence-booking.5", false, true, false),
            ("private-booking.*", false, true, false),
            ("private-booking.", false, false, false),
            ("presence-frontdesk.desks", true, true, false),
            ("private-frontdesk.desks", false, false, false),
            ("private-encrypted-staff", false, false, false),
            ("private-lobby", false, false, true),
            ("private-hall.2", false, false, true),
            ("private-hall.*", false, false, true),
            ("private-hallway", false, false, false),
            ("private-encrypted-hall", false, false, true),
            ("availability", false, false, false),
            ("admin", false, false, false),
            ("#server-to-user-5", false, false, false),
        ];
        for (wanted, sari, ayu, kiosk) in cases {
            let subscription = Subscription::parse(wanted).expect(wanted);
            for (token, expected) in [("sari-token", sari), ("ayu-token", ayu), ("kiosk-token", kiosk)] {
                let token = tokens.find(token).expect(token);
                assert_eq!(token.may_join(&subscription), expected, "{} {wanted}", token.name);
            }
        }
    }

    #[test]
    fn only_a_whole_token_is_known() {
        let tokens = tokens();
        assert!(tokens.has_plain());
        for token in ["", "ayu", "ayu-token ", "AYU-TOKEN", &hex::encode(hash("ayu-token"))] {
            assert!(tokens.find(token).is_none(), "{token}");
        }
    }

    #[test]
    fn what_is_no_tokens_file_is_refused_without_quoting_a_token() {
        for (text, says) in [
            ("[[token]]\nname = \"a\"\nrole = \"staff\"\n", "either"),
            ("[[token]]\nname = \"a\"\nrole = \"staff\"\ntoken = \"hush\"\nsha256 = \"00\"\n", "either"),
            ("[[token]]\nname = \"a\"\nrole = \"staff\"\nsha256 = \"00\"\n", "64"),
            ("[[token]]\nname = \"a\"\nrole = \"staff\"\ntoken = \"\"\n", "empty"),
            ("[[token]]\nname = \"a\"\nrole = \"boss\"\ntoken = \"hush\"\n", "line 3"),
            ("[[token]]\nname = \"a\"\nrole = \"staff\"\ntokn = \"hush\"\n", "line 4"),
            ("[[token]]\nname = \"a\"\nrole = \"staff\"\ntoken = \"hush\n", "line 4"),
        ] {
            let error = Tokens::parse(text).expect_err(text).to_string();
            assert!(error.contains(says) && !error.contains("hush"), "{text}: {error}");
        }
        assert!(Tokens::parse("").expect("an empty file").is_empty());
    }

    #[test]
    fn tokens_print_no_secret() {
        assert!(!format!("{:?}", tokens()).contains("ayu-token"));
    }
}
