//! Filters over maps and JSON.
//!
//! In: calls. Out: values. It must not do more than take apart and put together.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::super::filters::attribute_of;
use super::super::weight::is_unknown;
use super::Kind::{Any, Text};
use super::call::Call;
use super::{Offer, may, needed, offer};

pub(super) const OFFERS: &[Offer] = &[
    offer("parse_json", &[], |call| {
        let text = call.subject_text()?;
        serde_json::from_str::<Value>(&text)
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("parse_json: this is no JSON: {error}")))
    }),
    offer("get", &[needed("path", Text), may("default", Any)], |call| {
        let found = attribute_of(&call.subject, &call.needed_text("path")?)?;
        Ok(if is_unknown(&found) { call.given("default").cloned().unwrap_or(Value::UNDEFINED) } else { found })
    }),
    offer("keys", &[], |call| {
        Ok(pairs(call, &call.subject)?.into_iter().map(|(key, _)| key).collect::<Vec<_>>().into())
    }),
    offer("values", &[], |call| {
        Ok(pairs(call, &call.subject)?.into_iter().map(|(_, value)| value).collect::<Vec<_>>().into())
    }),
    offer("merge", &[needed("other", Any)], |call| {
        let mut merged = pairs(call, &call.subject)?;
        for (key, value) in pairs(call, &call.given("other").cloned().unwrap_or_default())? {
            match merged.iter_mut().find(|(known, _)| *known == key) {
                Some(there) => there.1 = value,
                None => merged.push((key, value)),
            }
        }
        Ok(Value::from_pairs(merged))
    }),
];

/// The pairs of a map, each paid for; `merge` looks through them for each of the other's, so the price is of both.
fn pairs(call: &Call<'_, '_, '_>, map: &Value) -> Result<Vec<(Value, Value)>, Error> {
    let object = map.as_object().filter(|_| map.kind() == ValueKind::Map);
    let object = object.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "this is no map"))?;
    let mut pairs = Vec::new();
    for pair in object.try_iter_pairs().into_iter().flatten() {
        call.state.consume_fuel(1 + pairs.len() as u64 / 16)?;
        pairs.push(pair);
    }
    Ok(pairs)
}
