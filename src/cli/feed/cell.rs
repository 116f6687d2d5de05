//! What the text of a cell means.
//!
//! In: text. Out: a number or `true` where it is written as one, JSON where it is a list or an object, else the text itself;
//! nothing for a blank one. It must not change what is not plainly a number: `007`, `1e5` and `+32` stay text.

use serde_json::{Map, Value as Json};

/// Digits of a number that stays exact.
const EXACT_DIGITS: usize = 15;

/// What a cell says; `None` if it is blank. With `as_text` nothing is looked for in it.
pub(super) fn read(cell: &str, as_text: bool) -> Option<Json> {
    let cell = cell.trim();
    if cell.is_empty() {
        return None;
    }
    let read = match cell {
        _ if as_text => None,
        "true" => Some(Json::Bool(true)),
        "false" => Some(Json::Bool(false)),
        _ if is_number(cell) || cell.starts_with(['{', '[']) => serde_json::from_str(cell).ok(),
        _ => None,
    };
    Some(read.unwrap_or_else(|| cell.into()))
}

/// Puts a value where a name leads: `a.b` is `b` in `a`. Where something else is in the way, the name is taken as it is.
pub(super) fn put(fields: &mut Map<String, Json>, name: &str, value: Json) {
    if let Some((outer, inner)) = name.split_once('.')
        && let Json::Object(map) = fields.entry(outer).or_insert_with(|| Json::Object(Map::new()))
    {
        return put(map, inner, value);
    }
    fields.insert(name.to_owned(), value);
}

fn is_number(cell: &str) -> bool {
    let plain = cell.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    plain && cell.bytes().filter(u8::is_ascii_digit).count() <= EXACT_DIGITS
}
