//! What may be written beside a value in `NUMBER(…)` and `DATETIME(…)`.
//!
//! In: options as they stand in a file, one by one. Out: how the value is written, or what is wrong, and what to do.

use std::sync::Arc;

use super::super::library::numbers::{CurrencyName, CurrencyType, Manner, Shape, currency_type};
use super::super::library::{Refusal, dates};
use super::fault::nearest;
use super::pattern::Said;
use crate::limits::NUMBER_DECIMALS;

/// What is wrong, and what to do about it.
type Wrong = (String, String);

const NUMBER: [&str; 6] =
    ["style", "currency", "currencyDisplay", "type", "minimumFractionDigits", "maximumFractionDigits"];

/// Options of one call, as far as they were read.
#[derive(Debug, Default)]
pub(super) struct Options {
    style: Option<String>,
    currency: Option<CurrencyType>,
    display: Option<CurrencyName>,
    ordinal: bool,
    least: Option<u8>,
    most: Option<u8>,
    date: Option<Arc<str>>,
}

/// Whether there is a function of this name.
pub(super) fn known(name: &str) -> Result<(), Wrong> {
    let known = ["NUMBER", "DATETIME"];
    if known.contains(&name) {
        return Ok(());
    }
    let remedy = nearest(name, known.into_iter(), "there are `NUMBER` and `DATETIME`");
    Err((format!("there is no function `{name}` in messages"), remedy))
}

impl Options {
    /// Reads one.
    pub fn set(&mut self, call: &str, name: &str, value: &str) -> Result<(), Wrong> {
        let unknown = |known: &[&str]| {
            let remedy = nearest(name, known.iter().copied(), &format!("known: `{}`", known.join("`, `")));
            Err((format!("`{call}` takes no `{name}`"), remedy))
        };
        match (call, name) {
            ("NUMBER", "style") => {
                one_of(name, value, &["decimal", "percent", "currency"])?;
                self.style = Some(value.to_owned());
            }
            ("NUMBER", "currency") => {
                let refused = |refusal: Refusal| {
                    let said = refusal.to_string();
                    let (what, remedy) = said.split_once("; ").unwrap_or((&said, ""));
                    (what.to_owned(), remedy.to_owned())
                };
                self.currency = Some(currency_type(value).map_err(refused)?);
            }
            ("NUMBER", "currencyDisplay") => {
                self.display = Some(match one_of(name, value, &["symbol", "narrowSymbol", "code", "name"])? {
                    0 => CurrencyName::Symbol,
                    1 => CurrencyName::Narrow,
                    2 => CurrencyName::Code,
                    _ => CurrencyName::Name,
                });
            }
            ("NUMBER", "type") => self.ordinal = one_of(name, value, &["cardinal", "ordinal"])? == 1,
            ("NUMBER", "minimumFractionDigits") => self.least = Some(digits(name, value)?),
            ("NUMBER", "maximumFractionDigits") => self.most = Some(digits(name, value)?),
            ("NUMBER", _) => return unknown(&NUMBER),
            ("DATETIME", "style") => {
                if !value.contains('%') {
                    one_of(name, value, &dates::STYLES)?;
                }
                self.date = Some(value.into());
            }
            ("DATETIME", _) => return unknown(&["style"]),
            _ => {}
        }
        Ok(())
    }

    /// The call of a value with these options.
    pub fn of(self, call: &str, value: Box<Said>) -> Result<Said, Wrong> {
        match call {
            "NUMBER" => Ok(Said::Shaped(value, self.shape()?)),
            _ => Ok(Said::Dated(value, self.date.unwrap_or_else(|| "medium".into()))),
        }
    }

    fn shape(self) -> Result<Shape, Wrong> {
        let manner = match (self.style.as_deref(), self.currency) {
            (Some("currency") | None, Some(currency)) => {
                Manner::Currency(currency, self.display.unwrap_or(CurrencyName::Symbol))
            }
            (Some("currency"), None) => {
                return Err(("`style: \"currency\"` needs a currency".into(), "add `currency: \"EUR\"`".into()));
            }
            (Some("percent"), None) => Manner::Percent,
            (_, Some(_)) => {
                let remedy = "leave it out, or write `style: \"currency\"`";
                return Err(("a `currency` is only for money".into(), remedy.into()));
            }
            (_, None) => Manner::Plain,
        };
        if let (Some(least), Some(most)) = (self.least, self.most)
            && least > most
        {
            let what = "`minimumFractionDigits` is more than `maximumFractionDigits`";
            return Err((what.into(), "exchange the two".into()));
        }
        if matches!(manner, Manner::Currency(..)) && (self.least.is_some() || self.most.is_some()) {
            return Err(("how many decimals money has is the currency's".into(), "leave the digits out".into()));
        }
        Ok(Shape { manner, least: self.least, most: self.most, ordinal: self.ordinal })
    }
}

fn digits(name: &str, value: &str) -> Result<u8, Wrong> {
    let digits = value.parse().ok().filter(|digits| *digits <= NUMBER_DECIMALS);
    digits.ok_or_else(|| (format!("`{name}` is a whole number from 0"), format!("at most {NUMBER_DECIMALS}")))
}

fn one_of(name: &str, value: &str, known: &[&str]) -> Result<usize, Wrong> {
    known.iter().position(|known| *known == value).ok_or_else(|| {
        let remedy = nearest(value, known.iter().copied(), &format!("known: `{}`", known.join("`, `")));
        (format!("`{name}` can't be `{value}`"), remedy)
    })
}
