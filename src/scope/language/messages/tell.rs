//! One message said to somebody: its parts put together.
//!
//! In: a message, the values that it is given, and the time zone where a date needs it. Out: a text, or why there is none. What
//! is put together is bounded.

use std::cell::Cell;
use std::sync::Arc;

use fixed_decimal::Decimal;
use jiff::tz::TimeZone;

use super::super::library::dates::{self, Moment};
use super::super::library::numbers::{self, Shape};
use super::super::library::{Refusal, locales};
use super::Spoken;
use super::pattern::{Part, Pattern, Said, Variant};
use crate::limits;

/// A value that a message is given.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Text(Arc<str>),
    Number(Decimal),
}

/// Why a message could not be said.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsaid {
    #[error("it needs `{0}`, which was not given")]
    Lacks(Arc<str>),
    #[error("`{0}` is no number")]
    NoNumber(Arc<str>),
    #[error("it is put together of too many parts")]
    TooMuch,
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Somebody who is spoken to.
pub(super) struct Telling<'t> {
    spoken: &'t Spoken,
    zone: &'t dyn Fn() -> TimeZone,
    left: Cell<usize>,
}

/// What names mean within a message or a term.
type Values<'v> = &'v dyn Fn(&str) -> Option<Given>;

impl<'t> Telling<'t> {
    pub fn new(spoken: &'t Spoken, zone: &'t dyn Fn() -> TimeZone) -> Self {
        Self { spoken, zone, left: Cell::new(limits::MESSAGE_PARTS) }
    }

    /// Says a pattern.
    pub fn say(&self, pattern: &Pattern, values: Values<'_>, into: &mut String) -> Result<(), Unsaid> {
        for part in &pattern.0 {
            self.left.set(self.left.get().checked_sub(1).ok_or(Unsaid::TooMuch)?);
            if into.len() > limits::TEMPLATE_TEXT_BYTES {
                return Err(Unsaid::TooMuch);
            }
            match part {
                Part::Text(text) => into.push_str(text),
                Part::Said(said) => into.push_str(&self.text(said, values)?),
                Part::Choice { on, variants, otherwise } => {
                    let chosen = self.choose(on, variants, values)?.unwrap_or(*otherwise);
                    self.say(&variants[chosen].1, values, into)?;
                }
            }
        }
        Ok(())
    }

    fn value(&self, said: &Said, values: Values<'_>) -> Result<Given, Unsaid> {
        match said {
            Said::Text(text) => Ok(Given::Text(text.clone())),
            Said::Number(number) => Ok(Given::Number(number.clone())),
            Said::Value(name) => values(name).ok_or_else(|| Unsaid::Lacks(name.clone())),
            Said::Shaped(of, shape) => Ok(Given::Number(shape.seen(self.number(of, values)?))),
            Said::Dated(..) | Said::Other(_) => Ok(Given::Text(self.text(said, values)?.into())),
        }
    }

    fn number(&self, said: &Said, values: Values<'_>) -> Result<Decimal, Unsaid> {
        match self.value(said, values)? {
            Given::Number(number) => Ok(number),
            Given::Text(text) => number_in(&text).ok_or(Unsaid::NoNumber(text)),
        }
    }

    fn text(&self, said: &Said, values: Values<'_>) -> Result<String, Unsaid> {
        let locale = &self.spoken.locale;
        match said {
            Said::Shaped(of, shape) => Ok(shape.write(self.number(of, values)?, locale)?),
            Said::Dated(of, style) => {
                let zone = (self.zone)();
                let moment = match self.value(of, values)? {
                    Given::Text(text) => Moment::read(&text, &zone)?,
                    Given::Number(number) => Moment::of_number(number.to_string().parse().unwrap_or(f64::NAN), &zone)?,
                };
                Ok(dates::format(&moment, style, locale)?)
            }
            Said::Other(reference) => {
                let mut into = String::new();
                let Some(message) = self.spoken.said.get(&reference.key) else { return Ok(into) };
                match &reference.with {
                    None => self.say(&message.pattern, values, &mut into)?,
                    Some(given) => {
                        let own = |name: &str| given.iter().find(|(given, _)| **given == *name);
                        let own = |name: &str| own(name).and_then(|(_, said)| self.value(said, &|_| None).ok());
                        self.say(&message.pattern, &own, &mut into)?;
                    }
                }
                Ok(into)
            }
            Said::Text(_) | Said::Number(_) | Said::Value(_) => match self.value(said, values)? {
                Given::Text(text) => Ok(text.to_string()),
                Given::Number(number) => Ok(Shape::PLAIN.write(number, locale)?),
            },
        }
    }

    /// The first variant that fits: the text itself, the number itself, or its plural form.
    fn choose(&self, on: &Said, variants: &[(Variant, Pattern)], values: Values<'_>) -> Result<Option<usize>, Unsaid> {
        let ordinal = matches!(on, Said::Shaped(_, shape) if shape.ordinal);
        let (text, number) = match self.value(on, values)? {
            Given::Number(number) => (None, Some(number)),
            Given::Text(text) => (Some(text.clone()), number_in(&text)),
        };
        let form = number.as_ref().map(|number| locales::plural(number, ordinal, &self.spoken.locale)).transpose()?;
        Ok(variants.iter().position(|(variant, _)| match variant {
            Variant::Word(word) => text.as_ref() == Some(word) || form == Some(&**word),
            Variant::Number(wanted) => number.as_ref().is_some_and(|number| numbers::same(number, wanted)),
        }))
    }
}

/// The number that a text says.
fn number_in(text: &str) -> Option<Decimal> {
    numbers::of_float(text.trim().parse().ok()?).ok()
}
