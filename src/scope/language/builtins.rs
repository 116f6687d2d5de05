//! The filters, tests and functions of the language: minijinja's, where they keep our promises, and ours.
//!
//! In: values. Out: values, bounded in size. The promises: nothing grows past a named limit before fuel is asked; the
//! unknown stays unknown through every filter that makes text or numbers, so that printing it still fails; order and
//! equality never fail and never hold across kinds.
//!
//! minijinja 3.1 charges fuel for what its operators, filters and loops produce and visit, but writes a *container* as text
//! before it charges for it, and its containers may share parts: a few nested lists are a gigabyte of text. Whatever
//! writes one is therefore replaced by a form that [weighs](weigh) it first. `namespace` is not offered: it alone can build
//! values nested without bound, or within themselves. `debug` is not offered: it looks at everything.

use std::cmp::Ordering;

use minijinja::value::{Kwargs, Rest, StringInput, Value, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, filters, tests};

use super::objects::plain;
use super::print;
use super::{Cut, cut};
use crate::limits;

/// The functions that templates may call, beside what they declare themselves.
pub(super) const FUNCTIONS: [&str; 4] = ["range", "dict", "super", "caller"];

/// Gives `environment` the language's filters, tests and functions.
pub(super) fn install(environment: &mut Environment<'_>) {
    environment.remove_global("debug");
    environment.remove_global("namespace");
    install_tests(environment);
    install_text_filters(environment);
    install_container_filters(environment);
}

fn install_tests(environment: &mut Environment<'_>) {
    let orders: [(&[&'static str], fn(Ordering) -> bool); 4] = [
        (&["lt", "lessthan", "<"], Ordering::is_lt),
        (&["le", "<="], Ordering::is_le),
        (&["gt", "greaterthan", ">"], Ordering::is_gt),
        (&["ge", ">="], Ordering::is_ge),
    ];
    for (names, holds) in orders {
        for name in names {
            environment.add_test(*name, move |a: &Value, b: &Value| order(a, b).is_some_and(holds));
        }
    }
    for name in ["eq", "equalto", "=="] {
        environment.add_test(name, equal);
    }
    for name in ["ne", "!="] {
        environment.add_test(name, |a: &Value, b: &Value| equal(a, b).map(|equal| !equal));
    }
    environment.add_test("in", within);
    environment.add_test("chain", chain);
}

/// How two values are ordered, if they are: numbers among themselves, and texts.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    let (a, b) = (plain(a), plain(b));
    match (a.kind(), b.kind()) {
        (ValueKind::Number, ValueKind::Number) => {
            (a == a && b == b).then(|| a.cmp(&b)).filter(|_| !nan(&a) && !nan(&b))
        }
        (ValueKind::String, ValueKind::String) => Some(a.as_str()?.cmp(b.as_str()?)),
        _ => None,
    }
}

fn nan(value: &Value) -> bool {
    f64::try_from(value.clone()).is_ok_and(f64::is_nan)
}

fn equal(a: &Value, b: &Value) -> Result<bool, Error> {
    let (a, b) = (plain(a), plain(b));
    weigh(&a)?;
    weigh(&b)?;
    Ok(a == b)
}

fn within(state: &State<'_, '_>, value: &Value, container: &Value) -> Result<bool, Error> {
    let (value, container) = (plain(value), plain(container));
    if value.is_undefined() {
        return Ok(false);
    }
    weigh(&value)?;
    weigh(&container)?;
    tests::is_in(state, &value, &container)
}

/// `a < b <= c` as `a is chain('lt', b, 'le', c)`.
fn chain(state: &State<'_, '_>, first: &Value, steps: Rest<Value>) -> Result<bool, Error> {
    let mut left = first;
    for step in steps.chunks_exact(2) {
        let right = &step[1];
        let holds = match step[0].as_str() {
            Some("eq") => equal(left, right)?,
            Some("ne") => !equal(left, right)?,
            Some("in") => within(state, left, right)?,
            Some("notin") => !within(state, left, right)?,
            Some("lt") => order(left, right).is_some_and(Ordering::is_lt),
            Some("le") => order(left, right).is_some_and(Ordering::is_le),
            Some("gt") => order(left, right).is_some_and(Ordering::is_gt),
            Some("ge") => order(left, right).is_some_and(Ordering::is_ge),
            _ => false,
        };
        if !holds {
            return Ok(false);
        }
        left = right;
    }
    Ok(true)
}

/// Whether `value` is something to print or to compute with; none is not, for it must never be read as the word "None".
pub(super) fn is_unknown(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

/// Fails if `value` is a container too large or too deep to be written, compared or handed on as a whole.
pub(super) fn weigh(value: &Value) -> Result<(), Error> {
    fn walk(value: &Value, left: &mut usize, depth: usize) -> Result<(), Error> {
        let Some(object) = value.as_object() else { return Ok(()) };
        if depth == 0 {
            return Err(cut(Cut::TooMuch));
        }
        for (key, item) in object.try_iter_pairs().into_iter().flatten() {
            *left = left.checked_sub(1).ok_or_else(|| cut(Cut::TooMuch))?;
            walk(&key, left, depth - 1)?;
            walk(&item, left, depth - 1)?;
        }
        Ok(())
    }
    walk(value, &mut limits::TEMPLATE_CONTAINER_ITEMS.clone(), limits::TEMPLATE_CONTAINER_DEPTH)
}

/// Adds a filter that makes one text of another, with the arguments after it; unknown in, unknown out.
fn text_filter(
    environment: &mut Environment<'_>,
    names: &[&'static str],
    make: fn(&mut State<'_, '_>, &[Value]) -> Result<Value, Error>,
) {
    for name in names {
        environment.add_filter(*name, move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
            let mut args = args.into_values();
            for arg in &mut args {
                if arg.is_kwargs() {
                    continue;
                }
                *arg = plain(arg);
                weigh(arg)?;
            }
            if args.first().is_none_or(is_unknown) {
                return Ok(Value::UNDEFINED);
            }
            if args[1..].iter().any(Value::is_undefined) {
                return Ok(Value::UNDEFINED);
            }
            make(state, &args)
        });
    }
}

/// The text of a filter's only argument.
fn only<'a>(state: &State<'_, '_>, args: &'a [Value]) -> Result<StringInput<'a>, Error> {
    match args {
        [one] => StringInput::new(state, one),
        _ => Err(Error::from(ErrorKind::TooManyArguments)),
    }
}

fn install_text_filters(environment: &mut Environment<'_>) {
    text_filter(environment, &["upper"], |state, args| Ok(filters::upper(only(state, args)?)));
    text_filter(environment, &["lower"], |state, args| Ok(filters::lower(only(state, args)?)));
    text_filter(environment, &["capitalize"], |state, args| Ok(filters::capitalize(only(state, args)?)));
    text_filter(environment, &["title"], |state, args| Ok(filters::title(only(state, args)?.as_str().into()).into()));
    text_filter(environment, &["trim"], |_, args| {
        let (text, chars) = minijinja::value::from_args(args)?;
        Ok(filters::trim(text, chars))
    });
    text_filter(environment, &["split"], |_, args| {
        let (text, by, most): (&Value, _, _) = minijinja::value::from_args(args)?;
        filters::split(text, by, most)
    });
    text_filter(environment, &["lines"], |_, args| filters::lines(&args[0]));
    text_filter(environment, &["urlencode"], |_, args| filters::urlencode(&args[0]).map(Value::from));
    text_filter(environment, &["string"], |state, args| print::text(state, &args[0]));
    text_filter(environment, &["safe"], |_, args| Ok(filters::safe(args[0].to_string())));
    text_filter(environment, &["escape", "e"], |state, args| print::escape(state, &args[0]));
    text_filter(environment, &["pprint"], |_, args| Ok(filters::pprint(&args[0]).into()));
    text_filter(environment, &["concat"], |state, args| match args {
        [left, right] if is_unknown(right) => Ok(left.clone()).map(|_| Value::UNDEFINED),
        [left, right] => print::concat(state, left, right),
        _ => Err(Error::from(ErrorKind::MissingArgument)),
    });
    text_filter(environment, &["replace"], replace);
    text_filter(environment, &["indent"], indent);
    text_filter(environment, &["tojson"], to_json);
    install_number_filters(environment);
}

fn install_number_filters(environment: &mut Environment<'_>) {
    text_filter(environment, &["abs"], |_, args| filters::abs(args[0].clone()));
    text_filter(environment, &["round"], |_, args| {
        let (value, precision, method, named) = minijinja::value::from_args(args)?;
        filters::round(value, precision, method, named)
    });
    text_filter(environment, &["int"], |state, args| {
        let (value, default, base, named): (&Value, _, _, _) = minijinja::value::from_args(args)?;
        filters::int(state, value, default, base, named)
    });
    text_filter(environment, &["float"], |state, args| {
        let (value, default, named): (&Value, _, _) = minijinja::value::from_args(args)?;
        filters::float(state, value, default, named)
    });
}

/// Pays for `bytes` before they are made.
fn pay(state: &State<'_, '_>, bytes: usize) -> Result<(), Error> {
    if bytes > limits::TEMPLATE_TEXT_BYTES {
        return Err(cut(Cut::TooMuch));
    }
    state.consume_fuel(bytes as u64 / limits::TEMPLATE_BYTES_PER_FUEL)
}

fn replace(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let (text, from, to): (StringInput<'_>, StringInput<'_>, StringInput<'_>) = minijinja::value::from_args(args)?;
    let found = text.as_str().matches(from.as_str()).count();
    pay(state, found.saturating_mul(to.as_str().len()).saturating_add(text.as_str().len()))?;
    filters::replace(state, text, from, to)
}

fn indent(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let (text, width, first, blank, named): (StringInput<'_>, Option<usize>, _, _, Kwargs) =
        minijinja::value::from_args(args)?;
    let width = width.or(named.get("width")?);
    let lines = text.as_str().lines().count() + 1;
    pay(state, lines.saturating_mul(width.unwrap_or(4)).saturating_add(text.as_str().len()))?;
    filters::indent(text, width, first, blank, named)
}

fn to_json(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let (value, indent, named): (&Value, Option<Value>, Kwargs) = minijinja::value::from_args(args)?;
    let indent: Option<Value> = indent.or(named.get("indent")?);
    if indent.as_ref().and_then(Value::as_usize).is_some_and(|width| width > limits::TEMPLATE_JSON_INDENT) {
        return Err(cut(Cut::TooMuch));
    }
    let json = filters::tojson(value, indent, named)?;
    pay(state, json.as_str().map_or(0, str::len))?;
    Ok(json)
}

/// Filters over containers whose minijinja form would print the unknown as nothing, or look at a nonce.
fn install_container_filters(environment: &mut Environment<'_>) {
    for name in ["length", "count"] {
        environment.add_filter(name, |value: &Value| match plain(value) {
            unknown if is_unknown(&unknown) => Ok(Value::UNDEFINED),
            value => filters::length(&value).map(Value::from),
        });
    }
    environment.add_filter("join", join);
    environment.add_filter("format", format);
}

fn join(state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let args = args.into_values();
    let (value, joiner, attribute, named): (&Value, Option<Value>, Option<&str>, Kwargs) =
        minijinja::value::from_args(&args)?;
    if is_unknown(value) {
        return Ok(Value::UNDEFINED);
    }
    let attribute = attribute.or(named.get("attribute")?);
    let joiner = joiner.or(named.get("d")?);
    named.assert_all_used()?;
    let mut items = Vec::new();
    for item in value.try_iter()? {
        state.consume_fuel(1)?;
        let item = attribute.map_or(Ok(item.clone()), |path| attribute_of(&item, path))?;
        if is_unknown(&item) {
            return Err(cut(Cut::Unknown));
        }
        weigh(&item)?;
        items.push(plain(&item));
    }
    let size = items.iter().map(|item| item.as_str().map_or(0, str::len)).sum::<usize>();
    let between = joiner.as_ref().and_then(Value::as_str).map_or(0, str::len);
    pay(state, between.saturating_mul(items.len()).saturating_add(size))?;
    let joiner = joiner.as_ref().map(|joiner| StringInput::new(state, joiner)).transpose()?;
    filters::join(state, &Value::from(items), joiner, None, Kwargs::from_iter::<[(&str, Value); 0]>([]))
}

/// `a.b.0` below `item`; what is not there is unknown.
fn attribute_of(item: &Value, path: &str) -> Result<Value, Error> {
    path.split('.').try_fold(item.clone(), |value, key| match (value.is_undefined(), key.parse::<usize>()) {
        (true, _) => Ok(value),
        (false, Ok(index)) => value.get_item_by_index(index),
        (false, Err(_)) => value.get_attr(key),
    })
}

fn format(state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let args: Vec<_> = args.into_values().iter().map(plain).collect();
    if args.iter().any(is_unknown) {
        return Ok(Value::UNDEFINED);
    }
    args.iter().try_for_each(weigh)?;
    let (pattern, rest) = args.split_first().ok_or_else(|| Error::from(ErrorKind::MissingArgument))?;
    filters::format(state, pattern, Rest(rest.iter().cloned().map(ValueOrKwargs::from).collect()))
}
