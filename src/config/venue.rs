//! What only the settings file says: the venue's name and money, its sessions, its words, its keys.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Time;
use serde::Deserialize;

use super::value;
use crate::domain::money::Currency;
use crate::domain::payment::Words;
use crate::domain::session::Hours;

/// How long a payment may wait before somebody is needed.
const PATIENCE: Duration = Duration::from_secs(600);

/// `[venue]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct VenueFile {
    name: Option<String>,
    currency: Option<CurrencyText>,
    payment_patience: Option<Span>,
}

/// `[words]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WordsFile {
    verified: Option<Vec<String>>,
    rejected: Option<Vec<String>>,
}

/// One of `[sessions]`: `"08:00-12:00"`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct HoursText(Hours);

impl TryFrom<String> for HoursText {
    type Error = value::Expected;

    fn try_from(text: String) -> Result<Self, value::Expected> {
        let parsed = text.split_once('-').and_then(|(opens, closes)| {
            let time = |text: &str| text.trim().parse::<Time>().ok().filter(|_| text.contains(':'));
            Some(Hours { opens: time(opens)?, closes: time(closes)? })
        });
        parsed.map(Self).ok_or_else(|| "expected a session's hours, as in \"08:00-12:00\"".to_owned())
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct CurrencyText(Currency);

impl TryFrom<String> for CurrencyText {
    type Error = value::Expected;

    fn try_from(text: String) -> Result<Self, value::Expected> {
        Currency::parse(&text).map(Self).ok_or_else(|| "expected a currency's ISO code, as in IDR".to_owned())
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Span(Duration);

impl TryFrom<String> for Span {
    type Error = value::Expected;

    fn try_from(text: String) -> Result<Self, value::Expected> {
        value::span(&text).map(Self)
    }
}

/// The venue, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct VenueSettings {
    /// What it is called; empty if nobody said.
    pub name: String,
    /// The currency of amounts that name none.
    pub currency: Currency,
    /// How long a payment may wait before somebody is needed.
    pub patience: Duration,
    /// When each session opens and closes.
    pub hours: BTreeMap<String, Hours>,
    /// Which payment words end a wait.
    pub words: Words,
    /// The keys that the reader wants other than they are: action → keys.
    pub keys: BTreeMap<String, Vec<String>>,
}

impl Default for VenueSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            currency: Currency::IDR,
            patience: PATIENCE,
            hours: BTreeMap::new(),
            words: Words::default(),
            keys: BTreeMap::new(),
        }
    }
}

impl VenueSettings {
    pub(super) fn resolve(
        venue: VenueFile,
        words: WordsFile,
        sessions: BTreeMap<String, HoursText>,
        keys: BTreeMap<String, Vec<String>>,
    ) -> Self {
        let default = Self::default();
        let set = |words: Vec<String>| words.iter().map(|word| word.trim().to_lowercase()).collect();
        Self {
            name: venue.name.unwrap_or(default.name),
            currency: venue.currency.map_or(default.currency, |currency| currency.0),
            patience: venue.payment_patience.map_or(default.patience, |span| span.0),
            hours: sessions.into_iter().map(|(name, hours)| (name, hours.0)).collect(),
            words: Words {
                verified: words.verified.map_or(default.words.verified, set),
                rejected: words.rejected.map_or(default.words.rejected, set),
            },
            keys,
        }
    }
}
