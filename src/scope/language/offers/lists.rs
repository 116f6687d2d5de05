//! Filters over lists.
//!
//! In: calls; each item that is looked at costs fuel. Out: lists and what is worked out of them. Order and equality are the
//! language's own; what is unknown sorts last.

use std::cmp::Ordering;
use std::collections::HashSet;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::super::filters::attribute_of;
use super::super::objects::plain;
use super::super::weight::{is_unknown, weigh};
use super::Kind::{Any, Bool, Count, Text};
use super::call::Call;
use super::{Offer, may, needed, offer};
use crate::limits::TEMPLATE_CONTAINER_ITEMS;

pub(super) const OFFERS: &[Offer] = &[
    offer("sort_by", &[needed("attribute", Text), may("reverse", Bool)], |call| {
        Ok(sorted(call, call.text("attribute")?, call.flag("reverse"))?.into())
    }),
    offer("top", &[needed("count", Count), may("by", Text)], |call| {
        let mut items = sorted(call, call.text("by")?, true)?;
        items.truncate(call.count("count")?.unwrap_or(0));
        Ok(items.into())
    }),
    offer("group_by", &[needed("attribute", Text)], group_by),
    offer("sum", &[may("attribute", Text)], |call| Ok(sum(call)?.map_or(Value::UNDEFINED, |(sum, _)| sum))),
    offer("avg", &[may("attribute", Text)], |call| {
        Ok(match sum(call)? {
            Some((sum, count)) if count > 0 => Value::from(f64::try_from(sum).unwrap_or(f64::NAN) / count as f64),
            _ => Value::UNDEFINED,
        })
    }),
    offer("min_by", &[needed("attribute", Text)], |call| best(call, Ordering::Less)),
    offer("max_by", &[needed("attribute", Text)], |call| best(call, Ordering::Greater)),
    offer("where", &[needed("attribute", Text), may("value", Any)], |call| {
        let wanted = call.given("value");
        let mut kept = Vec::new();
        for (item, key) in keyed(call, &call.subject, call.text("attribute")?.as_deref())? {
            if wanted.map_or_else(|| key.is_true(), |wanted| !is_unknown(&key) && key == *wanted) {
                kept.push(item);
            }
        }
        Ok(kept.into())
    }),
    offer("intersect", &[needed("other", Any), may("attribute", Text)], |call| combined(call, |there| there)),
    offer("difference", &[needed("other", Any), may("attribute", Text)], |call| combined(call, |there| !there)),
    offer("union", &[needed("other", Any), may("attribute", Text)], |call| {
        let attribute = call.text("attribute")?;
        let other = call.given("other").cloned().unwrap_or_default();
        let mut both = keyed(call, &call.subject, attribute.as_deref())?;
        both.extend(keyed(call, &other, attribute.as_deref())?);
        let mut seen = HashSet::new();
        Ok(both
            .into_iter()
            .filter(|(_, key)| seen.insert(key.clone()))
            .map(|(item, _)| item)
            .collect::<Vec<_>>()
            .into())
    }),
    offer("flatten", &[], |call| {
        let mut flat = Vec::new();
        for item in items(call, &call.subject)? {
            match item.kind() {
                ValueKind::Seq | ValueKind::Iterable => flat.extend(items(call, &item)?),
                _ => flat.push(item),
            }
            if flat.len() > TEMPLATE_CONTAINER_ITEMS {
                return Err(super::super::cut(super::super::Cut::TooMuch));
            }
        }
        Ok(flat.into())
    }),
    offer("index_of", &[needed("value", Any)], |call| {
        let wanted = call.given("value");
        let found = keyed(call, &call.subject, None)?.iter().position(|(_, item)| Some(item) == wanted);
        Ok(found.map_or(Value::UNDEFINED, Value::from))
    }),
];

/// The items of a list, each paid for.
fn items(call: &Call<'_, '_, '_>, list: &Value) -> Result<Vec<Value>, Error> {
    if list.kind() == ValueKind::String {
        return Err(Error::new(ErrorKind::InvalidOperation, "a text is no list; `list` makes one of its characters"));
    }
    let mut items = Vec::new();
    for item in list.try_iter()? {
        call.state.consume_fuel(1)?;
        if items.len() >= TEMPLATE_CONTAINER_ITEMS {
            return Err(super::super::cut(super::super::Cut::TooMuch));
        }
        items.push(item);
    }
    Ok(items)
}

/// Items with what they are judged by: themselves, or what stands at a path below them.
fn keyed(call: &Call<'_, '_, '_>, list: &Value, attribute: Option<&str>) -> Result<Vec<(Value, Value)>, Error> {
    let key = |item: &Value| {
        let key = plain(&attribute.map_or(Ok(item.clone()), |path| attribute_of(item, path))?);
        weigh(&key)?;
        Ok::<_, Error>(key)
    };
    items(call, list)?.into_iter().map(|item| Ok((item.clone(), key(&item)?))).collect()
}

/// The order of two keys; what is unknown comes last in either direction.
fn order(a: &Value, b: &Value, reverse: bool) -> Ordering {
    match (is_unknown(a), is_unknown(b)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if reverse => b.cmp(a),
        (false, false) => a.cmp(b),
    }
}

fn sorted(call: &Call<'_, '_, '_>, attribute: Option<String>, reverse: bool) -> Result<Vec<Value>, Error> {
    let mut keyed = keyed(call, &call.subject, attribute.as_deref())?;
    call.state.consume_fuel(keyed.len() as u64 * u64::from(usize::BITS - keyed.len().leading_zeros()))?;
    keyed.sort_by(|(_, a), (_, b)| order(a, b, reverse));
    Ok(keyed.into_iter().map(|(item, _)| item).collect())
}

fn best(call: &Call<'_, '_, '_>, wanted: Ordering) -> Result<Value, Error> {
    let keyed = keyed(call, &call.subject, call.text("attribute")?.as_deref())?;
    let known = keyed.into_iter().filter(|(_, key)| !is_unknown(key));
    let best = known.reduce(|best, next| if next.1.cmp(&best.1) == wanted { next } else { best });
    Ok(best.map_or(Value::UNDEFINED, |(item, _)| item))
}

/// `[{key, items}]`, in the order in which the keys first come.
fn group_by(call: &Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for (item, key) in keyed(call, &call.subject, call.text("attribute")?.as_deref())? {
        let place = *places.entry(key.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[place].1.push(item);
    }
    let group = |(key, items): (Value, Vec<Value>)| Value::from_pairs([("key", key), ("items", Value::from(items))]);
    Ok(groups.into_iter().map(group).collect::<Vec<_>>().into())
}

/// The sum, whole if all items are, and their number; `None` if one is unknown.
fn sum(call: &Call<'_, '_, '_>) -> Result<Option<(Value, usize)>, Error> {
    let keyed = keyed(call, &call.subject, call.text("attribute")?.as_deref())?;
    let (mut whole, mut real) = (Some(0_i64), 0.0);
    for (_, key) in &keyed {
        if is_unknown(key) {
            return Ok(None);
        }
        if !key.is_number() {
            let what = format!("a sum is of numbers, not of {}; `float` makes one of a text", key.kind());
            return Err(Error::new(ErrorKind::InvalidOperation, what));
        }
        whole = whole.zip(key.as_i64().filter(|_| key.is_integer())).and_then(|(sum, next)| sum.checked_add(next));
        real += f64::try_from(key.clone()).unwrap_or(f64::NAN);
    }
    Ok(Some((whole.map_or_else(|| Value::from(real), Value::from), keyed.len())))
}

/// The items of which `keep` says so, given whether the other list has one like them.
fn combined(call: &Call<'_, '_, '_>, keep: fn(bool) -> bool) -> Result<Value, Error> {
    let attribute = call.text("attribute")?;
    let other = call.given("other").cloned().unwrap_or_default();
    let there: HashSet<Value> = keyed(call, &other, attribute.as_deref())?.into_iter().map(|(_, key)| key).collect();
    let items = keyed(call, &call.subject, attribute.as_deref())?;
    Ok(items.into_iter().filter(|(_, key)| keep(there.contains(key))).map(|(item, _)| item).collect::<Vec<_>>().into())
}
