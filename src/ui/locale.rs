//! The words on the screen, in the reader's language, and how people there write times, ages and money.
//!
//! One TOML file per language under `assets/locales/`, embedded; all have the same keys and the same
//! `{placeholders}`, which a test holds. Nothing in `ui` prints a word that does not come from here.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The languages inside the binary; the first is the default.
const EMBEDDED: [(&str, &str); 2] = [
    ("en", include_str!("../../assets/locales/en.toml")),
    ("id", include_str!("../../assets/locales/id.toml")),
];

/// One language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale {
    code: &'static str,
    words: BTreeMap<String, String>,
}

/// A language that is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no language `{0}`; there are {list}", list = codes().collect::<Vec<_>>().join(", "))]
pub struct UnknownLocale(pub String);

/// The codes of the built-in languages, the default first.
pub fn codes() -> impl Iterator<Item = &'static str> {
    EMBEDDED.iter().map(|(code, _)| *code)
}

impl Default for Locale {
    fn default() -> Self {
        Self::embedded(0)
    }
}

impl Locale {
    /// Finds a language by its code, or by the code at the start of a POSIX name (`id_ID.UTF-8`).
    pub fn load(name: &str) -> Result<Self, UnknownLocale> {
        let code = name.split(['_', '-', '.', '@']).next().unwrap_or_default();
        let index = EMBEDDED.iter().position(|(known, _)| *known == code);
        index.map(Self::embedded).ok_or_else(|| UnknownLocale(name.to_owned()))
    }

    /// The language after this one, around and around.
    #[must_use]
    pub fn next(&self) -> Self {
        let here = EMBEDDED.iter().position(|(code, _)| *code == self.code).unwrap_or(0);
        Self::embedded((here + 1) % EMBEDDED.len())
    }

    /// The language's code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    fn embedded(index: usize) -> Self {
        let (code, text) = EMBEDDED[index];
        let mut words = BTreeMap::new();
        // The files are part of the binary and a test reads them all: a fault here never meets a reader.
        if let Ok(table) = text.parse::<toml::Table>() {
            flatten("", &table, &mut words);
        }
        Self { code, words }
    }

    /// The words under `key`; the key itself where there are none, so that the lack shows.
    pub fn word<'a>(&'a self, key: &'a str) -> &'a str {
        self.words.get(key).map_or(key, String::as_str)
    }

    /// The words under `key`, with each `{name}` replaced.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        let mut out = String::new();
        let mut rest = self.word(key);
        // One pass: a value that looks like a placeholder is text.
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, tail)) = after.split_once('}') else { break };
            out.push_str(before);
            match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => out.push_str(value),
                None => out.push_str(name),
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    /// The words for a count: the key's `.one` or `.many`, with `{n}` replaced.
    pub fn count(&self, key: &str, n: u64) -> String {
        let form = if n == 1 { "one" } else { "many" };
        self.fill(&format!("{key}.{form}"), &[("n", &self.number(n))])
    }

    /// A whole number with the language's separators.
    pub fn number(&self, n: u64) -> String {
        let digits = n.to_string();
        let mut out = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push_str(self.word("format.thousands"));
            }
            out.push(digit);
        }
        out
    }

    /// The time of day, `14:32`.
    pub fn clock(&self, at: Timestamp, zone: &TimeZone) -> String {
        let time = zone.to_datetime(at);
        format!("{:02}:{:02}", time.hour(), time.minute())
    }

    /// The time of day with its seconds, `14:32:07`.
    pub fn clock_seconds(&self, at: Timestamp, zone: &TimeZone) -> String {
        let time = zone.to_datetime(at);
        format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
    }

    /// The day of the week and the date, `Sun 22 Nov`.
    pub fn weekday(&self, date: Date) -> String {
        let day = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
        format!("{} {}", self.nth("format.weekdays", day), self.date(date))
    }

    /// The date, `22 Nov`.
    pub fn date(&self, date: Date) -> String {
        let month = usize::try_from(date.month() - 1).unwrap_or(0);
        format!("{} {}", date.day(), self.nth("format.months", month))
    }

    fn nth<'a>(&'a self, key: &'a str, index: usize) -> &'a str {
        self.word(key).split_whitespace().nth(index).unwrap_or_default()
    }

    /// The zone's name at that moment: `WIB`, `UTC`, `+05:30`.
    pub fn zone(&self, at: Timestamp, zone: &TimeZone) -> String {
        zone.to_offset_info(at).abbreviation().to_owned()
    }

    /// How long something has lasted, in whole minutes: `<1m`, `27m`, `2h14`, `3d`.
    pub fn age(&self, span: SignedDuration) -> String {
        let minutes = span.as_secs().max(0) / 60;
        let (hours, days) = (minutes / 60, minutes / 60 / 24);
        let n = |n: i64| n.to_string();
        match (days, hours, minutes) {
            (0, 0, 0) => self.word("age.moment").to_owned(),
            (0, 0, m) => self.fill("age.minutes", &[("n", &n(m))]),
            (0, h, m) => self.fill("age.hours", &[("n", &n(h)), ("m", &format!("{:02}", m % 60))]),
            (d, _, _) => self.fill("age.days", &[("n", &n(d))]),
        }
    }

    /// How long something has lasted or will last, to the second: `4s`, `2m05`, else as [`Self::age`].
    pub fn span(&self, span: SignedDuration) -> String {
        let seconds = span.as_secs().max(0);
        match seconds {
            0..60 => self.fill("age.seconds", &[("n", &seconds.to_string())]),
            60..600 => {
                let (m, s) = (seconds / 60, seconds % 60);
                self.fill("age.minutes_seconds", &[("n", &m.to_string()), ("s", &format!("{s:02}"))])
            }
            _ => self.age(span),
        }
    }

    /// A short time as a machine measures it: `48ms`, `1.2s`.
    pub fn latency(&self, span: Duration) -> String {
        match span.as_millis() {
            ms @ 0..1000 => format!("{ms}ms"),
            ms => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        }
    }
}

/// `[a] b = "c"` becomes `a.b` → `c`.
fn flatten(prefix: &str, table: &toml::Table, words: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::String(text) => {
                words.insert(name, text.clone());
            }
            toml::Value::Table(inner) => flatten(&name, inner, words),
            // Words are texts; a test refuses anything else.
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<String> {
        let pattern = Regex::new(r"\{([a-z]+)\}").expect("a pattern");
        pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
    }

    /// Every Rust text of `ui`, but for its tests.
    fn sources() -> String {
        fn walk(folder: &std::path::Path, out: &mut String) {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, out);
                } else if path.extension().is_some_and(|ext| ext == "rs") {
                    let text = std::fs::read_to_string(&path).expect("a source file");
                    out.push_str(text.split("#[cfg(test)]").next().unwrap_or_default());
                }
            }
        }
        let mut out = String::new();
        walk(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ui")), &mut out);
        out
    }

    #[test]
    fn all_languages_have_the_same_words_with_the_same_placeholders() {
        let english = Locale::default();
        for code in codes() {
            let other = Locale::load(code).expect(code);
            assert!(!other.words.is_empty(), "{code}");
            let keys = |locale: &Locale| locale.words.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(&english), keys(&other), "{code}");
            for (key, text) in &english.words {
                assert_eq!(placeholders(text), placeholders(other.word(key)), "{code}: {key}");
            }
        }
    }

    #[test]
    fn every_word_that_is_asked_for_is_there_and_none_is_idle() {
        let text = sources();
        let locale = Locale::default();
        let asked = Regex::new(r#"\.(?:word|fill|count)\(\s*"([a-z_.]+)""#).expect("a pattern");
        for found in asked.captures_iter(&text) {
            let key = &found[1];
            let there = locale.words.contains_key(key) || locale.words.contains_key(&format!("{key}.many"));
            assert!(there, "`{key}` is asked for and no language has it");
        }
        for key in locale.words.keys() {
            let stem = key.strip_suffix(".one").or(key.strip_suffix(".many")).unwrap_or(key);
            let named = text.contains(&format!("\"{stem}\"")) || text.contains(&format!("\"{key}\""));
            assert!(named, "`{key}` is in the catalogue and nobody asks for it");
        }
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_stays_text() {
        let locale = Locale::default();
        assert_eq!(locale.fill("age.minutes", &[("n", "{n}")]), "{n}m");
    }

    #[test]
    fn ages_are_short_and_never_negative() {
        let locale = Locale::default();
        for (seconds, text) in
            [(-5, "<1m"), (0, "<1m"), (59, "<1m"), (60, "1m"), (1640, "27m"), (8040, "2h14"), (200_000, "2d")]
        {
            assert_eq!(locale.age(SignedDuration::from_secs(seconds)), text);
        }
        for (seconds, text) in [(-5, "0s"), (4, "4s"), (125, "2m05"), (600, "10m")] {
            assert_eq!(locale.span(SignedDuration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_posix_name_finds_its_language() {
        for (name, code) in [("id_ID.UTF-8", "id"), ("id", "id"), ("en-GB", "en")] {
            assert_eq!(Locale::load(name).expect(name).code(), code);
        }
        assert!(Locale::load("tlh").is_err());
        assert_eq!(Locale::default().next().next(), Locale::default());
    }
}
