//! Numbers as people of a locale write them: plain, as money, as a percentage, in short.
//!
//! In: numbers and locales. Out: texts by CLDR. Halves are rounded away from zero, as at a till.

use fixed_decimal::{Decimal, FloatPrecision, SignedRoundingMode, UnsignedRoundingMode};
use icu_decimal::{CompactDecimalFormatter, DecimalFormatter};
pub use icu_experimental::dimension::currency::CurrencyType;
use icu_experimental::dimension::currency::formatter::CurrencyFormatter;
use icu_experimental::dimension::percent::formatter::PercentFormatter;

use super::Refusal;
use super::locales::{FALLBACK, Locale};
use crate::limits::NUMBER_DECIMALS;

/// Decimals that a number keeps if nobody says how many.
const USUAL_DECIMALS: u8 = 3;
const AWAY_FROM_ZERO: SignedRoundingMode = SignedRoundingMode::Unsigned(UnsignedRoundingMode::HalfExpand);

/// The exact decimal of a whole number.
pub fn of_integer(number: i64) -> Decimal {
    Decimal::from(number)
}

/// The shortest decimal that is this number; infinities and what is no number are refused.
pub fn of_float(number: f64) -> Result<Decimal, Refusal> {
    Decimal::try_from_f64(number, FloatPrecision::RoundTrip).map_err(|_| Refusal::OutOfRange("the number"))
}

/// `decimals` exactly, or at most the usual ones without trailing zeros.
fn rounded(mut number: Decimal, decimals: Option<u8>, usual: u8) -> Result<Decimal, Refusal> {
    let wanted = decimals.unwrap_or(usual);
    if wanted > NUMBER_DECIMALS {
        return Err(Refusal::OutOfRange("the number of decimals"));
    }
    number.round_with_mode(-i16::from(wanted), AWAY_FROM_ZERO);
    match decimals {
        Some(decimals) => number.absolute.pad_end(-i16::from(decimals)),
        None => number.absolute.trim_end(),
    }
    Ok(number)
}

fn no_data<E>(_: E) -> Refusal {
    Refusal::OutOfRange("the locale")
}

/// How a number is written in a message.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub manner: Manner,
    /// Decimals at least.
    pub least: Option<u8>,
    /// Decimals at most.
    pub most: Option<u8>,
    /// Whether it says a place in a row, which matters for its plural form.
    pub ordinal: bool,
}

/// What a number counts.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    Plain,
    /// A share of one.
    Percent,
    Currency(CurrencyType, CurrencyName),
}

impl Shape {
    /// A number as it is written where nothing is said about it.
    pub const PLAIN: Self = Self { manner: Manner::Plain, least: None, most: None, ordinal: false };

    /// The number with the decimals that will be seen, which its plural form hangs on.
    pub fn seen(&self, mut number: Decimal) -> Decimal {
        let (usual, least) = (USUAL_DECIMALS, self.least.unwrap_or(0));
        let most = self.most.unwrap_or(usual.max(least));
        number.round_with_mode(-i16::from(most), AWAY_FROM_ZERO);
        number.absolute.trim_end();
        number.absolute.pad_end(-i16::from(least));
        number
    }

    /// The number as people of a locale write it.
    pub fn write(&self, mut number: Decimal, locale: &Locale) -> Result<String, Refusal> {
        match self.manner {
            Manner::Plain => {
                let formatter = DecimalFormatter::try_new(locale.into(), Default::default()).map_err(no_data)?;
                Ok(formatter.format(&self.seen(number)).to_string())
            }
            Manner::Percent => {
                number.absolute.multiply_pow10(2);
                number.absolute.trim_start();
                let whole = Self { most: self.most.or(self.least).or(Some(0)), ..*self };
                let formatter = PercentFormatter::try_new(locale.into(), Default::default()).map_err(no_data)?;
                Ok(formatter.format(&whole.seen(number)).to_string())
            }
            Manner::Currency(of, name) => currency(number, of, name, locale),
        }
    }
}

/// Whether two numbers are the same, however many zeros stand around them.
pub fn same(one: &Decimal, other: &Decimal) -> bool {
    let [one, other] = [one, other].map(|number| {
        let mut number = number.clone();
        number.absolute.trim_start();
        number.absolute.trim_end();
        number
    });
    one == other
}

/// `1234.5` as `1.234,5` (nl).
pub fn number(number: Decimal, decimals: Option<u8>, locale: &Locale) -> Result<String, Refusal> {
    let formatter = DecimalFormatter::try_new(locale.into(), Default::default()).map_err(no_data)?;
    Ok(formatter.format(&rounded(number, decimals, USUAL_DECIMALS)?).to_string())
}

/// `0.2` as `20%` (nl) or `20 %` (fr): the number is a share of one.
pub fn percent(mut number: Decimal, decimals: Option<u8>, locale: &Locale) -> Result<String, Refusal> {
    number.absolute.multiply_pow10(2);
    number.absolute.trim_start();
    let formatter = PercentFormatter::try_new(locale.into(), Default::default()).map_err(no_data)?;
    Ok(formatter.format(&rounded(number, decimals, 0)?).to_string())
}

/// `12345` as `12K` (en), or `12 thousand` where `long`.
pub fn compact(number: Decimal, long: bool, locale: &Locale) -> Result<String, Refusal> {
    let (prefs, options) = (locale.into(), Default::default());
    let formatter = match long {
        true => CompactDecimalFormatter::try_new_long(prefs, options),
        false => CompactDecimalFormatter::try_new_short(prefs, options),
    };
    Ok(formatter.map_err(no_data)?.format(&number).to_string())
}

/// How a currency is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrencyName {
    /// `€`, `US$`: as the locale tells currencies apart.
    Symbol,
    /// `€`, `$`.
    Narrow,
    /// `EUR`.
    Code,
    /// `euros`.
    Name,
}

/// The currency of an ISO 4217 code: `EUR`. Codes that CLDR has no name for are refused.
pub fn currency_type(code: &str) -> Result<CurrencyType, Refusal> {
    let refused = || Refusal::not(code, "currency that is known", "write its ISO 4217 code, like `EUR`");
    let currency = CurrencyType::try_from_str(code).map_err(|_| refused())?;
    // One without a name is printed by its code.
    let named = CurrencyFormatter::try_new_name((&FALLBACK).into(), currency).map_err(no_data)?;
    let printed = named.format_fixed_decimal(&Decimal::from(1)).to_string();
    if printed.contains(currency.iso_code().as_str()) { Err(refused()) } else { Ok(currency) }
}

/// `9.5` as `€ 9,50` (nl, EUR), with as many decimals as the currency has.
pub fn currency(
    number: Decimal,
    currency: CurrencyType,
    name: CurrencyName,
    locale: &Locale,
) -> Result<String, Refusal> {
    let (prefs, options) = (locale.into(), Default::default());
    let formatter = match name {
        CurrencyName::Symbol => CurrencyFormatter::try_new_symbol(prefs, currency, options),
        CurrencyName::Narrow => CurrencyFormatter::try_new_symbol_narrow(prefs, currency, options),
        CurrencyName::Code => CurrencyFormatter::try_new_code(prefs, currency, options),
        CurrencyName::Name => CurrencyFormatter::try_new_name(prefs, currency),
    };
    Ok(formatter.map_err(no_data)?.format_fixed_decimal(&number).to_string())
}

#[cfg(test)]
mod tests {
    use super::super::locales::locale;
    use super::*;

    fn plain(text: Result<String, Refusal>) -> String {
        text.unwrap().replace(['\u{a0}', '\u{202f}'], " ")
    }

    #[test]
    fn numbers_are_written_as_the_locale_does() {
        let (nl, en, fr, ar) =
            (locale("nl").unwrap(), locale("en").unwrap(), locale("fr").unwrap(), locale("ar-EG").unwrap());
        let half = || of_float(1234.5).unwrap();
        assert_eq!(
            (plain(number(half(), None, &nl)), plain(number(half(), Some(2), &en))),
            ("1.234,5".into(), "1,234.50".into())
        );
        assert_eq!(plain(number(of_integer(1234), None, &ar)), "١٬٢٣٤");
        assert_eq!(plain(number(of_float(0.125).unwrap(), Some(2), &en)), "0.13");
        assert_eq!(plain(percent(of_float(0.2).unwrap(), None, &fr)), "20 %");
        assert_eq!(plain(percent(of_float(0.125).unwrap(), Some(1), &en)), "12.5%");
        assert_eq!(
            (plain(compact(of_integer(12_345), false, &en)), plain(compact(of_integer(3_000_000), true, &nl))),
            ("12K".into(), "3 miljoen".into())
        );
        assert!(of_float(f64::NAN).is_err() && of_float(f64::INFINITY).is_err());
        assert!(number(of_integer(1), Some(200), &en).is_err());
        assert!(
            number(of_float(1e308).unwrap(), None, &en).is_ok()
                && percent(of_float(5e-324).unwrap(), None, &en).is_ok()
        );
    }

    #[test]
    fn money_has_the_decimals_of_its_currency() {
        let (nl, en, ja) = (locale("nl").unwrap(), locale("en-US").unwrap(), locale("ja").unwrap());
        let euro = currency_type("EUR").unwrap();
        assert_eq!(plain(currency(of_float(1234.5).unwrap(), euro, CurrencyName::Symbol, &nl)), "€ 1.234,50");
        assert_eq!(
            plain(currency(of_float(-9.995).unwrap(), currency_type("usd").unwrap(), CurrencyName::Symbol, &en)),
            "-$10.00"
        );
        assert_eq!(plain(currency(of_integer(980), currency_type("JPY").unwrap(), CurrencyName::Narrow, &ja)), "￥980");
        assert_eq!(plain(currency(of_integer(5), euro, CurrencyName::Code, &nl)), "EUR 5,00");
        assert_eq!(plain(currency(of_integer(5), euro, CurrencyName::Name, &en)), "5.00 euros");
        for code in ["", "EU", "XQZ", "EURO", "€"] {
            assert!(currency_type(code).is_err(), "{code}");
        }
    }
}
