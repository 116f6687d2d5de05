//! The filters that differ from minijinja's: those that make text or numbers.
//!
//! In: values. Out: values; unknown in, unknown out, so that printing the result fails as printing the value would. What a
//! filter makes is weighed and paid for before it is made. It must not know what is printed where: that is `print`'s.

use minijinja::value::{Kwargs, Rest, StringInput, Value, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, filters};

use super::objects::plain;
use super::weight::{is_unknown, weigh};
use super::{Cut, cut, print};
use crate::limits;

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

/// Gives `environment` its filters.
pub(super) fn install(environment: &mut Environment<'_>) {
    install_container_filters(environment);
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
    text_filter(environment, &["urlencode"], |state, args| {
        let encoded = filters::urlencode(&args[0])?;
        // In a URL it would be encoded twice.
        let in_url = [print::URL, print::COMPONENT].contains(state.auto_escape());
        Ok(if in_url { Value::from_safe_string(encoded) } else { Value::from(encoded) })
    });
    text_filter(environment, &["string"], |state, args| print::text(state, &args[0]));
    text_filter(environment, &["safe"], |_, args| Ok(filters::safe(args[0].to_string())));
    text_filter(environment, &["escape", "e"], |state, args| print::escape(state, &args[0]));
    text_filter(environment, &["pprint"], |_, args| Ok(filters::pprint(&args[0]).into()));
    text_filter(environment, &["concat"], |state, args| match args {
        [_, right] if is_unknown(right) => Ok(Value::UNDEFINED),
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
pub(super) fn pay(state: &State<'_, '_>, bytes: usize) -> Result<(), Error> {
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
pub(super) fn attribute_of(item: &Value, path: &str) -> Result<Value, Error> {
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
