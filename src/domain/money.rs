//! Money, exactly: whole minor units and an ISO 4217 code. Never a float.
//!
//! Amounts come as JSON numbers or decimal strings and are read from their text. How they look is a
//! [`Style`], given by whoever draws; rupiah look the Indonesian way in every language.

use std::collections::BTreeMap;
use std::fmt;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The Indonesian rupiah, the default of everything here.
    pub const IDR: Self = Self(*b"IDR");

    /// Reads a code of three letters in either case. Codes nobody has assigned are taken too.
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.trim().as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphabetic).then(|| Self(bytes.map(|byte| byte.to_ascii_uppercase())))
    }

    /// The code, such as `IDR`.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How many decimals its minor unit is away from the major one.
    pub fn decimals(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF"
            | b"UGX" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }

    /// What stands before an amount: a sign, or the code and a space.
    fn sign(self) -> String {
        match &self.0 {
            b"IDR" => "Rp".to_owned(),
            b"USD" => "$".to_owned(),
            b"EUR" => "€".to_owned(),
            b"GBP" => "£".to_owned(),
            b"JPY" => "¥".to_owned(),
            b"SGD" => "S$".to_owned(),
            b"MYR" => "RM".to_owned(),
            _ => format!("{} ", self.code()),
        }
    }
}

impl Default for Currency {
    fn default() -> Self {
        Self::IDR
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    /// Whole minor units: sen, cents, or the unit itself where the currency has none.
    pub minor: i64,
    /// What they are units of.
    pub currency: Currency,
}

/// How numbers look in a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Between groups of three digits.
    pub group: char,
    /// Before the decimals.
    pub decimal: char,
    /// What stands behind thousands, millions, milliards and billions in the short form.
    pub short: [&'static str; 4],
}

impl Style {
    /// As in Indonesian: `1.250.000,50`, `1,25 jt`.
    pub const INDONESIAN: Self = Self { group: '.', decimal: ',', short: [" rb", " jt", " M", " T"] };
    /// As in English: `1,250,000.50`, `1.25M`.
    pub const ENGLISH: Self = Self { group: ',', decimal: '.', short: ["k", "M", "B", "T"] };
}

impl Money {
    /// An amount of nothing.
    pub fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads a plain decimal number, as JSON and Laravel's decimal casts write it (`50000`, `50000.5`,
    /// `"50000.00"`, `5e4`). `None` if it is none, does not fit, or is finer than the minor unit.
    pub fn parse(text: &str, currency: Currency) -> Option<Self> {
        let text = text.trim();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty()
            || digits.ends_with('.')
            || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
        let significant = format!("{whole}{}", fraction.trim_end_matches('0'));
        let kept = i32::try_from(fraction.trim_end_matches('0').len()).ok()?;
        let shift = i32::try_from(currency.decimals()).ok()?.checked_add(exponent)?.checked_sub(kept)?;
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Self::zero(currency));
        }
        let digits = if shift >= 0 {
            // Nineteen digits fill an i64; more zeros than that need not be written to know it.
            let zeros = usize::try_from(shift).ok().filter(|zeros| *zeros < 20)?;
            format!("{significant}{}", "0".repeat(zeros))
        } else {
            let cut = usize::try_from(shift.unsigned_abs()).ok()?;
            let (kept, lost) = significant.split_at(significant.len().checked_sub(cut)?);
            if lost.bytes().any(|byte| byte != b'0') {
                return None;
            }
            kept.to_owned()
        };
        let minor = format!("{}{digits}", if negative { "-" } else { "" }).parse().ok()?;
        Some(Self { minor, currency })
    }

    /// The amount as a plain decimal number without needless zeros, as exports write it: `2050000`, `12.5`.
    pub fn decimal(self) -> String {
        let (whole, fraction) = self.parts();
        let sign = if self.minor < 0 { "-" } else { "" };
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    /// The whole amount: `Rp50.000`, `$1,250.00`. Rupiah show their sen only where there are any.
    pub fn long(self, style: Style) -> String {
        let style = self.style(style);
        let (whole, fraction) = self.parts();
        let whole = grouped(whole, style.group);
        let bare = fraction.is_empty() || (self.currency == Currency::IDR && fraction == "00");
        let decimals = if bare { String::new() } else { format!("{}{fraction}", style.decimal) };
        format!("{}{}{whole}{decimals}", self.minus(), self.currency.sign())
    }

    /// The amount in three digits for a narrow column: `Rp50 rb`, `Rp1,25 jt`. Rounded down, so that a short
    /// amount never promises more than there is; below a thousand it is the whole amount.
    pub fn short(self, style: Style) -> String {
        let style = self.style(style);
        let whole = self.parts().0;
        let Some((unit, scale)) = style
            .short
            .iter()
            .zip([1_000_u64, 1_000_000, 1_000_000_000, 1_000_000_000_000])
            .rfind(|(_, scale)| whole >= *scale)
        else {
            return self.long(style);
        };
        let hundredths = u128::from(whole) * 100 / u128::from(scale);
        let (head, tail) = (hundredths / 100, hundredths % 100);
        let tail = match head {
            0..10 => format!("{tail:02}"),
            10..100 => format!("{}", tail / 10),
            _ => String::new(),
        };
        let tail = tail.trim_end_matches('0');
        let decimals = if tail.is_empty() { String::new() } else { format!("{}{tail}", style.decimal) };
        let head = grouped(u64::try_from(head).unwrap_or(u64::MAX), style.group);
        format!("{}{}{head}{decimals}{unit}", self.minus(), self.currency.sign())
    }

    fn minus(self) -> &'static str {
        if self.minor < 0 { "-" } else { "" }
    }

    /// Rupiah look the same in every language.
    fn style(self, style: Style) -> Style {
        if self.currency == Currency::IDR { Style::INDONESIAN } else { style }
    }

    /// The whole units, and the decimals as text, both without a sign.
    fn parts(self) -> (u64, String) {
        let decimals = self.currency.decimals();
        let unit = 10_u64.pow(decimals);
        let minor = self.minor.unsigned_abs();
        let fraction = if decimals == 0 {
            String::new()
        } else {
            format!("{:0width$}", minor % unit, width = decimals as usize)
        };
        (minor / unit, fraction)
    }
}

fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

/// Sums of money, one for each currency; currencies are never added up with each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums(BTreeMap<Currency, i64>);

impl Sums {
    /// Adds an amount to its currency's sum. A sum that would pass what an `i64` holds stays at the limit.
    pub fn add(&mut self, money: Money) {
        let sum = self.0.entry(money.currency).or_default();
        *sum = sum.saturating_add(money.minor);
    }

    /// The sums, in the order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = Money> + '_ {
        self.0.iter().map(|(currency, minor)| Money { minor: *minor, currency: *currency })
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Money> for Sums {
    fn from_iter<I: IntoIterator<Item = Money>>(amounts: I) -> Self {
        let mut sums = Self::default();
        amounts.into_iter().for_each(|money| sums.add(money));
        sums
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn idr(text: &str) -> Option<Money> {
        Money::parse(text, Currency::IDR)
    }

    #[test]
    fn amounts_are_read_exactly_from_their_text() {
        for (text, minor) in [
            ("50000", 5_000_000),
            ("50000.5", 5_000_050),
            ("50000.00", 5_000_000),
            ("50000.0000", 5_000_000),
            ("5e4", 5_000_000),
            ("5.05E+1", 5_050),
            ("-12.34", -1_234),
            ("0", 0),
            ("0.000", 0),
            ("0.10", 10),
            ("9007199254740993.01", 900_719_925_474_099_301),
        ] {
            assert_eq!(idr(text).map(|money| money.minor), Some(minor), "{text}");
        }
    }

    #[test]
    fn what_is_no_exact_amount_is_none() {
        for text in [
            "",
            ".",
            "-",
            "1.",
            ".5",
            "x",
            "1,000",
            "Rp50.000",
            "0.001",
            "1e-3",
            "1e99",
            "1e999999999999",
            "NaN",
        ] {
            assert_eq!(idr(text), None, "{text}");
        }
        assert_eq!(idr("92233720368547758.08"), None);
        assert_eq!(idr("-92233720368547758.08").map(|money| money.minor), Some(i64::MIN));
        assert_eq!(Money::parse("1.5", Currency::parse("JPY").unwrap()), None);
    }

    #[test]
    fn rupiah_look_indonesian_in_every_language() {
        for style in [Style::ENGLISH, Style::INDONESIAN] {
            let long = |text| idr(text).unwrap().long(style);
            assert_eq!(long("50000"), "Rp50.000");
            assert_eq!(long("2050000"), "Rp2.050.000");
            assert_eq!(long("50000.5"), "Rp50.000,50");
            assert_eq!(long("-50000"), "-Rp50.000");
            let short = |text| idr(text).unwrap().short(style);
            assert_eq!(short("50000"), "Rp50 rb");
            assert_eq!(short("50500"), "Rp50,5 rb");
            assert_eq!(short("1250000"), "Rp1,25 jt");
            assert_eq!(short("999999"), "Rp999 rb");
            assert_eq!(short("2000000000"), "Rp2 M");
            assert_eq!(short("750"), "Rp750");
        }
    }

    #[test]
    fn other_currencies_follow_the_language() {
        let usd = Money::parse("1250000.5", Currency::parse("usd").unwrap()).unwrap();
        assert_eq!(usd.long(Style::ENGLISH), "$1,250,000.50");
        assert_eq!(usd.long(Style::INDONESIAN), "$1.250.000,50");
        assert_eq!(usd.short(Style::ENGLISH), "$1.25M");
        let kwd = Money::parse("7", Currency::parse("KWD").unwrap()).unwrap();
        assert_eq!(kwd.long(Style::ENGLISH), "KWD 7.000");
        let jpy = Money::parse("1200", Currency::parse("JPY").unwrap()).unwrap();
        assert_eq!(jpy.long(Style::ENGLISH), "¥1,200");
    }

    #[test]
    fn currencies_are_not_added_to_each_other() {
        let usd = Currency::parse("USD").unwrap();
        let sums: Sums =
            [idr("1").unwrap(), Money { minor: 5, currency: usd }, idr("2").unwrap()].into_iter().collect();
        assert_eq!(sums.iter().map(Money::decimal).collect::<Vec<_>>(), ["3", "0.05"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(minor: i64, code in prop::sample::select(vec!["IDR", "JPY", "KWD", "USD"])) {
            let money = Money { minor, currency: Currency::parse(code).unwrap() };
            prop_assert_eq!(Money::parse(&money.decimal(), money.currency), Some(money));
        }

        #[test]
        fn no_text_and_no_amount_panics(text: String, minor: i64) {
            let _ = idr(&text);
            let money = Money { minor, currency: Currency::IDR };
            let _ = (money.long(Style::ENGLISH), money.short(Style::ENGLISH));
        }
    }
}
