//! Numbers and currencies as people write them.
//!
//! In: text. Out: its first number, or the code of its currency; nothing where there is none. It must not guess further than this:
//!
//! * of `.` and `,` in one number the last is the decimal sign, the other parts thousands: `1.299,00`, `1,299.00`;
//! * one that stands there several times parts thousands: `1.000.000`;
//! * one that stands there once parts thousands if exactly three digits follow and one to three, not `0`, precede it (`1.299`),
//!   else it is the decimal sign (`12,5`, `0.125`);
//! * a space or an apostrophe between digits parts thousands if three digits follow: `1 299,00`, `1'299.00`.

use serde_json::Number;

/// Currencies that have a sign of their own, longest first where one begins another.
const SIGNS: [(&str, &str); 15] = [
    ("US$", "USD"),
    ("CA$", "CAD"),
    ("AU$", "AUD"),
    ("NZ$", "NZD"),
    ("HK$", "HKD"),
    ("R$", "BRL"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("₹", "INR"),
    ("₺", "TRY"),
    ("₩", "KRW"),
    ("zł", "PLN"),
    ("Kč", "CZK"),
    ("$", "USD"),
];

/// Digits that a number may have: more are no price.
const DIGITS: usize = 15;

/// A number as programs write it (`1299.00`, `-5`), and nothing else.
pub fn plain_number(text: &str) -> Option<Number> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (all_digits(whole) && all_digits(part) && digits.len() <= DIGITS + 1).then_some(())?;
    as_number(text.parse().ok()?)
}

/// The first number in text that people read.
pub fn number(text: &str) -> Option<Number> {
    let (negative, written) = first_written(text)?;
    let marks: Vec<(usize, char)> = written.char_indices().filter(|(_, c)| matches!(c, '.' | ',')).collect();
    let decimal = match marks[..] {
        [] => None,
        [(at, _)] => (!parts_thousands(&written, at)).then_some(at),
        [.., (_, before), (at, last)] => (before != last).then_some(at),
    };
    let mut plain = String::with_capacity(written.len() + 1);
    for (at, character) in written.char_indices() {
        match character {
            _ if decimal == Some(at) => plain.push('.'),
            digit if digit.is_ascii_digit() => plain.push(digit),
            _ => {}
        }
    }
    let size = plain.bytes().filter(u8::is_ascii_digit).count();
    let value: f64 = plain.parse().ok().filter(|_| size <= DIGITS)?;
    as_number(if negative { -value } else { value })
}

/// The ISO code of the currency in text, by its sign or its code.
pub fn currency(text: &str) -> Option<&str> {
    let is_code = |word: &&str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let mut words = text.split(|c: char| !c.is_ascii_alphabetic());
    let sign = || SIGNS.iter().find(|(sign, _)| text.contains(sign)).map(|(_, code)| *code);
    words.find(is_code).or_else(sign)
}

/// The first number as it is written, spaces and apostrophes left out; and whether a minus stands before it.
fn first_written(text: &str) -> Option<(bool, String)> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let before = text[..start].trim_end_matches(['€', '$', '£', '¥', ' ', '\u{a0}']);
    // A minus between words or digits is a dash.
    let negative = ["-", "\u{2212}"].iter().any(|minus| {
        before.strip_suffix(minus).is_some_and(|rest| rest.is_empty() || rest.ends_with(char::is_whitespace))
    });
    let mut written = String::new();
    let mut rest = &text[start..];
    while let Some(character) = rest.chars().next() {
        let behind = &rest[character.len_utf8()..];
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        match character {
            digit if digit.is_ascii_digit() => written.push(digit),
            '.' | ',' if digits > 0 => written.push(character),
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}' if digits == 3 => {}
            _ => break,
        }
        rest = behind;
    }
    Some((negative, written))
}

fn parts_thousands(written: &str, at: usize) -> bool {
    let (before, after) = (&written[..at], &written[at + 1..]);
    after.len() == 3 && (1..=3).contains(&before.len()) && before != "0"
}

fn as_number(value: f64) -> Option<Number> {
    let whole = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
    if whole { Some(Number::from(value as i64)) } else { Number::from_f64(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        for (text, expected) in [
            ("€ 1.299,00", "1299"),
            ("1,299.00", "1299"),
            ("EUR 1 299,50", "1299.5"),
            ("1'299.95 CHF", "1299.95"),
            ("1\u{a0}299,95 €", "1299.95"),
            ("1.000.000", "1000000"),
            ("1.299", "1299"),
            ("12.99", "12.99"),
            ("12,5", "12.5"),
            ("0.125", "0.125"),
            ("1234.567", "1234.567"),
            ("€ 49,-", "49"),
            ("Now 19.95 instead of 29.95", "19.95"),
            ("-5 °C", "-5"),
            ("Save - 20 %", "-20"),
            ("A1-20", "1"),
            ("4,5 of 5", "4.5"),
            ("1.299,00 - 1.499,00", "1299"),
        ] {
            assert_eq!(number(text).map(|number| number.to_string()).as_deref(), Some(expected), "{text}");
        }
        for nothing in ["", "free", "€", "12345678901234567890"] {
            assert_eq!(number(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn plain_numbers_are_what_programs_write() {
        assert_eq!(plain_number(" 1.299 ").and_then(|number| number.as_f64()), Some(1.299));
        assert_eq!(plain_number("1299.00").and_then(|number| number.as_i64()), Some(1299));
        for other in ["1,299", "1.299,00", "€ 5", "1e5", ".5", "5.", "NaN", ""] {
            assert_eq!(plain_number(other), None, "{other}");
        }
    }

    #[test]
    fn currencies_by_sign_and_code() {
        let all =
            [("€ 5", Some("EUR")), ("5 CHF", Some("CHF")), ("CA$ 5", Some("CAD")), ("$5", Some("USD")), ("5", None)];
        for (text, expected) in all {
            assert_eq!(currency(text), expected, "{text}");
        }
    }
}
