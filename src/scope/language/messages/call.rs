//! `t('key', name=…)` as templates call it, and as it stands in their sources.
//!
//! In: calls. Out: what is said to whoever asks, in the language of the request or, where that lacks the message, in the site's languages in
//! their order. All of this is read from the scope, and so recorded. It must not do more than hand parts on.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::tz::TimeZone;
use minijinja::machinery::ast::{CallArg, Expr};
use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State};

use super::super::filters::pay;
use super::super::library::{dates, numbers};
use super::super::objects::plain;
use super::super::pending::is_pending;
use super::super::weight::is_unknown;
use super::tell::{Given, Telling, Unsaid};
use super::{Message, Messages, Spoken};

/// A call of `t`, as it stands in a source.
#[derive(Clone, Debug)]
pub(in super::super) struct Translation {
    /// The key, where it is a constant.
    pub key: Option<(String, Range<usize>)>,
    pub given: Vec<(String, Range<usize>)>,
    /// Whether a map is spread into it, so that what is given can't be known.
    pub spread: bool,
}

/// The call in these arguments.
pub(in super::super) fn translation(arguments: &[CallArg<'_>]) -> Translation {
    let range = |value: &Expr<'_>| value.span().start_offset as usize..value.span().end_offset as usize;
    let mut call = Translation { key: None, given: Vec::new(), spread: false };
    for (index, argument) in arguments.iter().enumerate() {
        match argument {
            CallArg::Pos(Expr::Const(key)) if index == 0 => {
                let place = key.span().start_offset as usize..key.span().end_offset as usize;
                call.key = key.value.as_str().map(|key| (key.to_owned(), place));
            }
            CallArg::Kwarg(name, value) => call.given.push(((*name).to_owned(), range(value))),
            CallArg::Pos(_) => {}
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => call.spread = true,
        }
    }
    call
}

/// Gives `environment` the function, if anything is said at all.
pub(in super::super) fn install(environment: &mut Environment<'_>, messages: &Arc<Messages>) {
    if messages.is_empty() {
        return;
    }
    let messages = messages.clone();
    environment.add_function("t", move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
        let args = args.into_values();
        // What hangs on what is awaited is awaited.
        if let Some(pending) = args.iter().find(|value| is_pending(value)) {
            return Ok(pending.clone());
        }
        translate(state, &messages, &args)
    });
}

fn translate(state: &State<'_, '_>, messages: &Messages, args: &[Value]) -> Result<Value, Error> {
    let (key, named): (&Value, Kwargs) = minijinja::value::from_args(args)?;
    let key = plain(key);
    if is_unknown(&key) {
        return Ok(Value::UNDEFINED);
    }
    let Some(key) = key.as_str() else { return Err(refused("t", "the key must be a text")) };
    let mut values = BTreeMap::new();
    for name in named.args() {
        let value: Value = plain(&named.get::<Value>(name)?);
        if value.is_undefined() || is_pending(&value) {
            return Ok(value);
        }
        if let Some(given) = given(&value).map_err(|what| refused(key, &format!("`{name}` {what}")))? {
            values.insert(name, given);
        }
    }
    let Some((spoken, message)) = find(state, messages, key) else { return Ok(Value::UNDEFINED) };
    let zone = OnceCell::new();
    let zone = || zone.get_or_init(|| site_zone(state)).clone();
    let mut text = String::new();
    let said = Telling::new(spoken, &zone).say(&message.pattern, &|name| values.get(name).cloned(), &mut text);
    said.map_err(|why: Unsaid| refused(key, &why.to_string()))?;
    pay(state, text.len())?;
    Ok(text.into())
}

fn refused(key: &str, what: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("the message `{key}`: {what}"))
}

/// A value as messages take it; `None` for none.
fn given(value: &Value) -> Result<Option<Given>, String> {
    match value.kind() {
        ValueKind::None => Ok(None),
        ValueKind::Bool => Ok(Some(Given::Text(value.to_string().into()))),
        ValueKind::Number => match value.as_i64().filter(|_| value.is_integer()) {
            Some(whole) => Ok(Some(Given::Number(numbers::of_integer(whole)))),
            None => {
                let number = numbers::of_float(f64::try_from(value.clone()).unwrap_or(f64::NAN));
                number.map(|number| Some(Given::Number(number))).map_err(|refusal| refusal.to_string())
            }
        },
        _ => match value.as_str() {
            Some(text) => Ok(Some(Given::Text(text.into()))),
            None => Err("is a list or a map; give its parts, or join them".to_owned()),
        },
    }
}

/// The message in the first language that has it: that of the request, the site's in their order, any.
fn find<'m>(state: &State<'_, '_>, messages: &'m Messages, key: &str) -> Option<(&'m Spoken, &'m Message)> {
    if key.starts_with('-') {
        return None;
    }
    let said = |spoken: &'m Spoken| Some((spoken, spoken.said.get(key)?));
    let wanted = fact(state, "request", "language").and_then(|tag| messages.spoken(tag.as_str()?));
    let of_site = || {
        let languages = fact(state, "site", "languages")?;
        languages.try_iter().ok()?.find_map(|tag| messages.spoken(tag.as_str()?).and_then(said))
    };
    let found = wanted.and_then(said).or_else(of_site).or_else(|| messages.last_resort().and_then(said));
    found.or_else(|| messages.languages.values().find_map(said))
}

fn site_zone(state: &State<'_, '_>) -> TimeZone {
    fact(state, "now", "zone").and_then(|name| dates::zone(name.as_str()?).ok()).unwrap_or(TimeZone::UTC)
}

/// A member of one of the scope's names.
fn fact(state: &State<'_, '_>, name: &str, member: &str) -> Option<Value> {
    let value = state.lookup(name)?.get_attr(member).ok()?;
    (!is_unknown(&value)).then_some(value)
}
