//! One call of a filter: its parts, by name.
//!
//! In: what minijinja hands on, and the filter's parameters. Out: the parts as the kind that the filter needs; what nobody gave is
//! read from the scope (the language of the request, the zone of the site), and so recorded. It must not know what is made of them.

use jiff::tz::TimeZone;
use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind, State};

use super::super::library::dates::{self, Moment};
use super::super::library::locales::{FALLBACK, Locale, locale};
use super::super::library::{Refusal, numbers};
use super::super::objects::plain;
use super::super::print::words;
use super::super::weight::{is_unknown, weigh};
use super::Offer;

/// A call whose subject and parameters are known.
pub struct Call<'c, 't, 'e> {
    pub state: &'c State<'t, 'e>,
    offer: &'static Offer,
    /// What stands before the bar.
    pub subject: Value,
    /// By the parameters' order.
    given: Vec<Option<Value>>,
    /// Those that are no parameters, where the filter takes any.
    pub others: Vec<(String, Value)>,
}

/// A refusal as an error of the language.
pub fn said(filter: &str, refusal: &Refusal) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{filter}: {refusal}"))
}

impl<'c, 't, 'e> Call<'c, 't, 'e> {
    /// The call; `None` if its subject or a parameter is unknown, and so its result.
    pub fn new(state: &'c State<'t, 'e>, offer: &'static Offer, args: Vec<Value>) -> Result<Option<Self>, Error> {
        let (positional, named): (&[Value], Kwargs) = minijinja::value::from_args(&args)?;
        let Some((subject, positional)) = positional.split_first() else {
            return Err(Error::from(ErrorKind::MissingArgument));
        };
        if positional.len() > offer.takes.len() {
            return Err(Error::from(ErrorKind::TooManyArguments));
        }
        let mut given = vec![None; offer.takes.len()];
        for (slot, value) in given.iter_mut().zip(positional) {
            *slot = Some(value.clone());
        }
        let mut others = Vec::new();
        for name in named.args() {
            let value: Value = named.get(name)?;
            match offer.takes.iter().position(|parameter| parameter.name == name) {
                Some(index) => given[index] = Some(value),
                None if offer.open => others.push((name.to_owned(), value)),
                None => {
                    let what = format!("{} takes no `{name}`", offer.name);
                    return Err(Error::new(ErrorKind::TooManyArguments, what));
                }
            }
        }
        let mut values = given.iter().flatten().chain(others.iter().map(|(_, value)| value));
        if is_unknown(subject) || values.any(Value::is_undefined) {
            return Ok(None);
        }
        for (slot, parameter) in given.iter_mut().zip(offer.takes) {
            *slot = slot.take().filter(|value| !value.is_none()).map(|value| plain(&value));
            match slot {
                Some(value) => weigh(value)?,
                None if parameter.needed => {
                    let what = format!("{} needs `{}`", offer.name, parameter.name);
                    return Err(Error::new(ErrorKind::MissingArgument, what));
                }
                None => {}
            }
        }
        Ok(Some(Self { state, offer, subject: subject.clone(), given, others }))
    }

    /// A refusal of this filter.
    pub fn refused(&self, refusal: &Refusal) -> Error {
        said(self.offer.name, refusal)
    }

    /// The answer of a library function, as a value.
    pub fn answer<T: Into<Value>>(&self, answer: Result<T, Refusal>) -> Result<Value, Error> {
        answer.map(Into::into).map_err(|refusal| self.refused(&refusal))
    }

    /// What was given for a parameter.
    pub fn given(&self, name: &str) -> Option<&Value> {
        let index = self.offer.takes.iter().position(|parameter| parameter.name == name);
        self.given[index.expect("invariant: a filter asks for its own parameters")].as_ref()
    }

    fn wrong(&self, name: &str, wanted: &str) -> Error {
        Error::new(ErrorKind::InvalidOperation, format!("{}: `{name}` must be {wanted}", self.offer.name))
    }

    /// A text, or any other scalar as text.
    pub fn text(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(self.given(name).map(|value| words(value).as_str().unwrap_or_default().to_owned()))
    }

    /// A text that must be given.
    pub fn needed_text(&self, name: &str) -> Result<String, Error> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "given"))
    }

    /// A whole number from 0.
    pub fn count(&self, name: &str) -> Result<Option<usize>, Error> {
        let count = |value: &Value| value.as_usize().ok_or_else(|| self.wrong(name, "a whole number from 0"));
        self.given(name).map(count).transpose()
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Error> {
        let integer = |value: &Value| value.as_i64().ok_or_else(|| self.wrong(name, "a whole number"));
        self.given(name).map(integer).transpose()
    }

    /// Yes or no; no, where nothing was given.
    pub fn flag(&self, name: &str) -> bool {
        self.given(name).is_some_and(Value::is_true)
    }

    /// What stands before the bar, as text.
    pub fn subject_text(&self) -> Result<String, Error> {
        let subject = plain(&self.subject);
        weigh(&subject)?;
        Ok(words(&subject).as_str().unwrap_or_default().to_owned())
    }

    /// What stands before the bar, as a number; a text that says one counts.
    pub fn subject_number(&self) -> Result<fixed_decimal::Decimal, Error> {
        let subject = plain(&self.subject);
        if let Some(integer) = subject.as_i64().filter(|_| subject.is_number()) {
            return Ok(numbers::of_integer(integer));
        }
        let number = match subject.as_str() {
            Some(text) => text.trim().parse::<f64>().ok(),
            None => f64::try_from(subject.clone()).ok().filter(|_| subject.is_number()),
        };
        let number = number.ok_or_else(|| self.wrong("the value", "a number"))?;
        numbers::of_float(number).map_err(|refusal| self.refused(&refusal))
    }

    /// The locale that was given, or that of the request, or English.
    pub fn locale(&self) -> Result<Locale, Error> {
        if let Some(tag) = self.text("locale")? {
            return locale(&tag).map_err(|refusal| self.refused(&refusal));
        }
        let language = self.fact("request", "language");
        Ok(language.and_then(|tag| locale(tag.as_str()?).ok()).unwrap_or(FALLBACK))
    }

    /// The time zone that was given, or that of the site, or UTC.
    pub fn zone(&self) -> Result<TimeZone, Error> {
        let given = self.text("zone")?.or_else(|| Some(self.fact("now", "zone")?.as_str()?.to_owned()));
        given.map_or(Ok(TimeZone::UTC), |name| dates::zone(&name).map_err(|refusal| self.refused(&refusal)))
    }

    /// A member of one of the scope's names.
    pub fn fact(&self, name: &str, member: &str) -> Option<Value> {
        let value = self.state.lookup(name)?.get_attr(member).ok()?;
        (!is_unknown(&value)).then_some(value)
    }

    /// A value as a moment in `zone`.
    pub fn moment(&self, value: &Value, zone: &TimeZone) -> Result<Moment, Error> {
        let value = plain(value);
        let moment = match value.as_str() {
            Some(text) => Moment::read(text, zone),
            None => match f64::try_from(value.clone()) {
                Ok(number) if value.is_number() => Moment::of_number(number, zone),
                _ => return Err(self.wrong("the value", "a date")),
            },
        };
        moment.map_err(|refusal| self.refused(&refusal))
    }
}
