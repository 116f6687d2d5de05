//! Locales: read, and known or not; plural forms.
//!
//! In: BCP 47 tags as authors and browsers write them. Out: [`Locale`]s, or a refusal. Formatting by them is in `numbers`
//! and `dates`.

use fixed_decimal::Decimal;
use icu_locale::{LocaleExpander, TransformResult};
use icu_plurals::{PluralCategory, PluralRules, PluralRulesOptions};

pub use icu_locale::Locale;

use super::Refusal;

/// What stands in where nobody says which language.
pub const FALLBACK: Locale = icu_locale::locale!("en");

/// The locale of a tag: `nl`, `nl-BE`, `pt_BR`. A language that CLDR does not know is refused, since it would silently be formatted
/// as none.
pub fn locale(tag: &str) -> Result<Locale, Refusal> {
    let refused = || Refusal::not(tag, "known locale", "write one like `nl` or `nl-BE`");
    let locale: Locale = tag.trim().replace('_', "-").parse().map_err(|_| refused())?;
    let mut language = locale.id.clone();
    let full = language.script.is_some() && language.region.is_some();
    let known = LocaleExpander::new_extended().maximize(&mut language) == TransformResult::Modified;
    if known || full { Ok(locale) } else { Err(refused()) }
}

/// The CLDR plural category of a number: `zero`, `one`, `two`, `few`, `many` or `other`; with `ordinal` that of "1st", "2nd".
pub fn plural(number: &Decimal, ordinal: bool, locale: &Locale) -> Result<&'static str, Refusal> {
    let kind = if ordinal { icu_plurals::PluralRuleType::Ordinal } else { icu_plurals::PluralRuleType::Cardinal };
    let rules = PluralRules::try_new(locale.into(), PluralRulesOptions::default().with_type(kind))
        .map_err(|_| Refusal::OutOfRange("the locale"))?;
    Ok(match rules.category_for(number) {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_people_write_them() {
        for tag in ["nl", "nl-BE", "pt_BR", "zh-Hant-TW", "EN-us", "gsw"] {
            assert!(locale(tag).is_ok(), "{tag}");
        }
        for tag in ["", "xx", "dutch", "n", "nl-", "qq-BE"] {
            assert!(locale(tag).is_err(), "{tag}");
        }
    }

    #[test]
    fn plurals_follow_the_language() {
        let category = |number: i32, tag: &str| plural(&Decimal::from(number), false, &locale(tag).unwrap()).unwrap();
        assert_eq!((category(1, "en"), category(0, "en"), category(0, "fr")), ("one", "other", "one"));
        assert_eq!((category(3, "pl"), category(5, "pl"), category(2, "ar")), ("few", "many", "two"));
        assert_eq!(plural(&Decimal::from(3), true, &FALLBACK).unwrap(), "few");
    }
}
