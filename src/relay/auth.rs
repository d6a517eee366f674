//! Who may join what, where the relay answers its own auth endpoint: the tokens and their roles.
//!
//! The tokens file is parsed here, from its text; where the file is, is the settings' business. A token is
//! known by its SHA-256 alone, looked up without telling by the time it takes how near a guess was.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use toml::Spanned;

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
    /// Every role.
    pub const ALL: [Self; 2] = [Self::Staff, Self::Admin];

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

/// Text that is no tokens file. Each says the line, and none quotes it: it may hold a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTokens {
    /// Not TOML, or not of the right shape.
    #[error("line {line}: {reason}")]
    Toml {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A name that cannot be a member's id.
    #[error("line {line}: a token's name has 1 to {NAME} characters, none of them a control character")]
    Name {
        /// The line of the name.
        line: usize,
    },
    /// An entry without a token, or with two.
    #[error("line {line}: token \"{name}\" needs either sha256 = \"…\" or token = \"…\"")]
    OneOf {
        /// The line of the entry's name.
        line: usize,
        /// The entry's name.
        name: String,
    },
    /// A hash that is none.
    #[error("line {line}: token \"{name}\": sha256 is 64 hexadecimal digits")]
    Hash {
        /// The line of the entry's name.
        line: usize,
        /// The entry's name.
        name: String,
    },
    /// A token that anybody can guess.
    #[error("line {line}: token \"{name}\" is empty")]
    Empty {
        /// The line of the entry's name.
        line: usize,
        /// The entry's name.
        name: String,
    },
}

/// Characters of a bearer's name: it is the member's id in presence channels.
const NAME: usize = 128;

/// Whether a text can be a bearer's name.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= NAME && !text.chars().any(char::is_control)
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
    name: Spanned<String>,
    role: Role,
    sha256: Option<Unquoted>,
    token: Option<Unquoted>,
    user_id: Option<u64>,
    channels: Option<Vec<String>>,
}

/// Text that no error quotes, not even where something else stands in its place.
struct Unquoted(String);

impl<'de> Deserialize<'de> for Unquoted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Ok(Self(text)),
            _ => Err(serde::de::Error::custom("expected text in quotes")),
        }
    }
}

impl Tokens {
    /// Parses the text of a tokens file: `[[token]]` with `name`, `role`, and `sha256` or `token`.
    pub fn parse(text: &str) -> Result<Self, BadTokens> {
        // toml's own message quotes the line, and a line may hold a token.
        let file: File = toml::from_str(text).map_err(|error| BadTokens::Toml {
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            reason: error.message().lines().collect::<Vec<_>>().join("; "),
        })?;
        let mut tokens = Self::default();
        for Entry { name, role, sha256, token, user_id, channels } in file.token {
            let line = line_of(text, name.span().start);
            let name = name.into_inner();
            if !is_name(&name) {
                return Err(BadTokens::Name { line });
            }
            let sha256 = match (sha256.map(|text| text.0), token.map(|text| text.0)) {
                (Some(hash), None) => {
                    let mut bytes = [0; 32];
                    hex::decode_to_slice(hash.trim(), &mut bytes)
                        .map_err(|_| BadTokens::Hash { line, name: name.clone() })?;
                    bytes
                }
                (None, Some(token)) if token.is_empty() => return Err(BadTokens::Empty { line, name }),
                (None, Some(token)) => {
                    tokens.plain = true;
                    hash(&token)
                }
                (None, None) | (Some(_), Some(_)) => return Err(BadTokens::OneOf { line, name }),
            };
            tokens.entries.push(Token { name, role, user_id, channels, sha256 });
        }
        Ok(tokens)
    }

    /// These tokens for good, as a relay's options want them: nobody will put others in their place.
    pub fn fixed(self) -> watch::Receiver<Self> {
        watch::Sender::new(self).subscribe()
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

/// What a tokens file holds of a token: its SHA-256, in hexadecimal digits.
pub fn sha256(token: &SecretString) -> String {
    hex::encode(hash(token.expose_secret()))
}

/// The line, from 1, that holds the byte at `at`.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
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
            ("[[token]]\nname = \"a\"\nrole = \"staff\"\n", "line 2: token \"a\" needs either"),
            ("[[token]]\nname = \"a\"\nrole = \"staff\"\ntoken = \"hush\"\nsha256 = \"00\"\n", "either"),
            (
                "\n[[token]]\nname = \"a\"\nrole = \"staff\"\nsha256 = \"00\"\n",
                "line 3: token \"a\": sha256 is 64",
            ),
            ("[[token]]\nname = \"a\"\nrole = \"staff\"\ntoken = \"\"\n", "line 2: token \"a\" is empty"),
            ("[[token]]\nname = \"\"\nrole = \"staff\"\ntoken = \"hush\"\n", "line 2: a token's name"),
            ("[[token]]\nname = \"\\u0007\"\nrole = \"staff\"\ntoken = \"hush\"\n", "line 2: a token's name"),
            ("[[token]]\nname = \"a\"\nrole = \"staff\"\ntoken = [\"hush\"]\n", "line 4: expected text"),
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
