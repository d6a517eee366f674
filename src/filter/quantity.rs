//! Numbers with units: `100rb`, `1,25jt`, `2.050.000`, `15m`, `1h30m`.
//!
//! Whether `5m` is five minutes or five million is known only when it meets a field, so a quantity is both.

use std::time::Duration;

/// A number and its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quantity {
    /// As a plain number, if its unit can count things.
    number: Option<f64>,
    /// As a span in seconds, if its unit can measure time.
    seconds: Option<f64>,
}

impl Quantity {
    /// Reads a number and the unit behind it; several of both are added up: `1h30m`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut sum = Self { number: Some(0.0), seconds: Some(0.0) };
        loop {
            let digits = rest.find(|c: char| !matches!(c, '0'..='9' | '.' | ',')).unwrap_or(rest.len());
            let (number, behind) = rest.split_at(digits);
            let letters = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
            let (unit, behind) = behind.split_at(letters);
            let part = Self::of(plain(number, unit.is_empty())?, unit)?;
            let add = |one: Option<f64>, other: Option<f64>| Some(one? + other?);
            sum = Self { number: add(sum.number, part.number), seconds: add(sum.seconds, part.seconds) };
            if behind.is_empty() {
                return Some(sum);
            }
            rest = behind;
        }
    }

    fn of(number: f64, unit: &str) -> Option<Self> {
        let (count, seconds) = match unit.to_lowercase().as_str() {
            // A span without a unit is in minutes, what people at a desk count in.
            "" => (Some(1.0), Some(60.0)),
            "rb" | "ribu" | "k" => (Some(1e3), None),
            "jt" | "juta" => (Some(1e6), None),
            "s" | "sec" | "det" | "detik" => (None, Some(1.0)),
            "m" => (Some(1e6), Some(60.0)),
            "min" | "mnt" | "menit" => (None, Some(60.0)),
            "h" | "j" | "jam" => (None, Some(3_600.0)),
            "d" | "hari" => (None, Some(86_400.0)),
            _ => return None,
        };
        Some(Self { number: count.map(|count| number * count), seconds: seconds.map(|unit| number * unit) })
    }

    pub(super) fn number(self) -> Option<f64> {
        self.number
    }

    pub(super) fn span(self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.seconds?).ok()
    }
}

/// Reads digits with either kind of separator. Groups of three are thousands (`2.050.000`, `100,000`), if there
/// is no unit that would say otherwise; anything else is a decimal.
fn plain(digits: &str, bare: bool) -> Option<f64> {
    let mut groups = digits.split(['.', ',']);
    let head = groups.next()?;
    let tail: Vec<&str> = groups.collect();
    let grouped = (1..=3).contains(&head.len()) && tail.iter().all(|group| group.len() == 3);
    let text = match tail.as_slice() {
        [] => head.to_owned(),
        groups if grouped && (bare || groups.len() > 1) => format!("{head}{}", groups.concat()),
        [decimals] => format!("{head}.{decimals}"),
        _ => return None,
    };
    // `.5` and `5.` are slips of the finger.
    if text.starts_with('.') || text.ends_with('.') {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_the_units_of_both_languages() {
        for (text, number) in [
            ("100rb", 100_000.0),
            ("1,25jt", 1_250_000.0),
            ("1.25JT", 1_250_000.0),
            ("50k", 50_000.0),
            ("2m", 2_000_000.0),
            ("2.050.000", 2_050_000.0),
            ("100,000", 100_000.0),
            ("12.5", 12.5),
            ("7", 7.0),
        ] {
            assert_eq!(Quantity::parse(text).and_then(Quantity::number), Some(number), "{text}");
        }
    }

    #[test]
    fn spans_are_read_with_their_units() {
        for (text, seconds) in
            [("15m", 900), ("1h30m", 5_400), ("90s", 90), ("2d", 172_800), ("1,5jam", 5_400), ("10", 600)]
        {
            assert_eq!(
                Quantity::parse(text).and_then(Quantity::span),
                Some(Duration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_unit_counts_only_what_it_can() {
        assert_eq!(Quantity::parse("5rb").and_then(Quantity::span), None);
        assert_eq!(Quantity::parse("5h").and_then(Quantity::number), None);
        for text in ["", "x", "5x", "m", ".5", "5.", "1.2.3", "5m x", "-5", "1e5"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }
}
