//! Filters over numbers.
//!
//! In: calls. Out: texts by locale, or numbers. It must not do more than hand parts to the library.

use minijinja::value::Value;
use minijinja::{Error, ErrorKind};

use super::super::library::numbers::{self, CurrencyName};
use super::super::library::{Refusal, locales};
use super::super::objects::plain;
use super::Kind::{Bool, Count, Currency, Locale, Number, OneOf, Text};
use super::call::Call;
use super::{Offer, may, needed, offer};

pub(super) const OFFERS: &[Offer] = &[
    offer("number", &[may("decimals", Count), may("locale", Locale)], |call| {
        call.answer(numbers::number(call.subject_number()?, decimals(call)?, &call.locale()?))
    }),
    offer("percent", &[may("decimals", Count), may("locale", Locale)], |call| {
        call.answer(numbers::percent(call.subject_number()?, decimals(call)?, &call.locale()?))
    }),
    offer("compact", &[may("long", Bool), may("locale", Locale)], |call| {
        call.answer(numbers::compact(call.subject_number()?, call.flag("long"), &call.locale()?))
    }),
    offer(
        "currency",
        &[
            needed("currency", Currency),
            may("name", OneOf(&["symbol", "narrow", "code", "name"])),
            may("locale", Locale),
        ],
        |call| {
            let name = match call.text("name")?.as_deref() {
                None | Some("symbol") => CurrencyName::Symbol,
                Some("narrow") => CurrencyName::Narrow,
                Some("code") => CurrencyName::Code,
                Some("name") => CurrencyName::Name,
                Some(_) => {
                    return Err(Error::new(
                        ErrorKind::InvalidOperation,
                        "currency: `name` must be symbol, narrow, code or name",
                    ));
                }
            };
            let currency =
                numbers::currency_type(&call.needed_text("currency")?).map_err(|refusal| call.refused(&refusal))?;
            call.answer(numbers::currency(call.subject_number()?, currency, name, &call.locale()?))
        },
    ),
    offer(
        "plural",
        &[
            may("one", Text),
            may("other", Text),
            may("zero", Text),
            may("two", Text),
            may("few", Text),
            may("many", Text),
            may("ordinal", Bool),
            may("locale", Locale),
        ],
        plural,
    ),
    offer("floor", &[], |call| rounded(call, f64::floor)),
    offer("ceil", &[], |call| rounded(call, f64::ceil)),
    offer("clamp", &[may("least", Number), may("most", Number)], |call| {
        let number = plain(&call.subject);
        if !number.is_number() {
            return Err(Error::new(ErrorKind::InvalidOperation, "clamp: the value must be a number"));
        }
        let number = call.given("least").filter(|least| **least > number).cloned().unwrap_or(number);
        Ok(call.given("most").filter(|most| **most < number).cloned().unwrap_or(number))
    }),
];

fn decimals(call: &Call<'_, '_, '_>) -> Result<Option<u8>, Error> {
    Ok(call.count("decimals")?.map(|count| u8::try_from(count).unwrap_or(u8::MAX)))
}

fn rounded(call: &Call<'_, '_, '_>, round: fn(f64) -> f64) -> Result<Value, Error> {
    let subject = plain(&call.subject);
    if subject.is_integer() {
        return Ok(subject);
    }
    let number = f64::try_from(subject.clone()).ok().filter(|number| subject.is_number() && number.is_finite());
    let number = number.ok_or_else(|| call.refused(&Refusal::OutOfRange("the value")))?;
    let whole = round(number);
    Ok(if whole.abs() < 9e15 { Value::from(whole as i64) } else { Value::from(whole) })
}

/// The text for this number's plural form, `other` where there is none, with `#` replaced by the number.
fn plural(call: &Call<'_, '_, '_>) -> Result<Value, Error> {
    let (number, locale) = (call.subject_number()?, call.locale()?);
    let form = locales::plural(&number, call.flag("ordinal"), &locale).map_err(|refusal| call.refused(&refusal))?;
    let Some(text) = call.text(form)?.or(call.text("other")?) else { return Ok(Value::UNDEFINED) };
    if !text.contains('#') {
        return Ok(text.into());
    }
    let number = numbers::number(number, None, &locale).map_err(|refusal| call.refused(&refusal))?;
    Ok(text.replace('#', &number).into())
}
