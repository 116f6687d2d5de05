//! The filters that are Inlay's own: the [`library`](super::library) as templates call it.
//!
//! In: calls, as minijinja hands them on. Out: values; unknown in, unknown out, so that printing the result fails as printing the
//! value would. Each filter is one [`Offer`], which says by name and kind what it takes: the same table serves calls
//! at run time, checks at load time, and hints. What a filter does is the library's, not this folder's.

mod call;
mod data;
mod dates;
mod fault;
mod lists;
mod numbers;
mod texts;

use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{Environment, Error, State};

use self::call::Call;
pub(super) use self::call::said;
pub(super) use self::fault::{Invocation, faults, reads};
use super::filters::pay;
use super::library;
use super::pending::is_pending;

/// A filter of ours.
pub(super) struct Offer {
    pub name: &'static str,
    /// What it takes beside the value before the bar, in order.
    pub takes: &'static [Parameter],
    /// Whether it takes any other names too.
    pub open: bool,
    make: fn(&Call<'_, '_, '_>) -> Result<Value, Error>,
}

/// One thing that a filter takes.
pub(super) struct Parameter {
    pub name: &'static str,
    kind: Kind,
    needed: bool,
}

/// What a parameter must be.
#[derive(Clone, Copy)]
enum Kind {
    Any,
    Text,
    Number,
    /// A whole number from 0.
    Count,
    /// A whole number.
    Integer,
    Bool,
    Pattern,
    Locale,
    Currency,
    Zone,
    /// A style of dates, or a pattern of `strftime`.
    DateStyle,
    OneOf(&'static [&'static str]),
}

const fn needed(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, needed: true }
}

const fn may(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, needed: false }
}

const fn offer(
    name: &'static str,
    takes: &'static [Parameter],
    make: fn(&Call<'_, '_, '_>) -> Result<Value, Error>,
) -> Offer {
    Offer { name, takes, open: false, make }
}

/// All of them, by family.
const FAMILIES: [&[Offer]; 5] = [texts::OFFERS, numbers::OFFERS, dates::OFFERS, lists::OFFERS, data::OFFERS];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Offer> {
    FAMILIES.into_iter().flatten()
}

/// The one of this name.
pub(super) fn named(name: &str) -> Option<&'static Offer> {
    all().find(|offer| offer.name == name)
}

/// Gives `environment` all of them.
pub(super) fn install(environment: &mut Environment<'_>) {
    for offer in all() {
        environment.add_filter(offer.name, move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
            let args = args.into_values();
            // What hangs on what is awaited is awaited.
            if let Some(pending) = args.iter().find(|value| is_pending(value)) {
                return Ok(pending.clone());
            }
            let Some(call) = Call::new(state, offer, args)? else { return Ok(Value::UNDEFINED) };
            let made = (offer.make)(&call)?;
            pay(state, made.as_str().map_or(0, str::len))?;
            Ok(made)
        });
    }
    environment.add_test("matching", |text: &Value, pattern: &str| -> Result<bool, Error> {
        let text = super::objects::plain(text);
        let Some(text) = text.as_str() else { return Ok(false) };
        library::patterns::matches(text, pattern).map_err(|refusal| said("matching", &refusal))
    });
}
