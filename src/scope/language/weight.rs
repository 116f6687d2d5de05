//! Values seen from outside: whether there is anything, and how much.
//!
//! In: values of the language. Out: yes or no, or a refusal of what is too large to handle whole. It must not know where a
//! value comes from.

use minijinja::Error;
use minijinja::value::Value;

use super::{Cut, cut};
use crate::limits;

/// Whether `value` is something to print or to compute with; none is not, for it must never be read as the word "None".
pub(super) fn is_unknown(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

/// Fails if `value` is a container too large or too deep to be written or handed on as a whole.
pub(super) fn weigh(value: &Value) -> Result<(), Error> {
    weigh_parts(value, &|_| true)
}

/// The same for the parts that `enter` lets be walked into.
pub(super) fn weigh_parts(value: &Value, enter: &dyn Fn(&Value) -> bool) -> Result<(), Error> {
    walk(value, enter, &mut limits::TEMPLATE_CONTAINER_ITEMS.clone(), limits::TEMPLATE_CONTAINER_DEPTH)
}

fn walk(value: &Value, enter: &dyn Fn(&Value) -> bool, left: &mut usize, depth: usize) -> Result<(), Error> {
    let Some(object) = value.as_object().filter(|_| enter(value)) else { return Ok(()) };
    if depth == 0 {
        return Err(cut(Cut::TooMuch));
    }
    for (key, item) in object.try_iter_pairs().into_iter().flatten() {
        *left = left.checked_sub(1).ok_or_else(|| cut(Cut::TooMuch))?;
        walk(&key, enter, left, depth - 1)?;
        walk(&item, enter, left, depth - 1)?;
    }
    Ok(())
}
