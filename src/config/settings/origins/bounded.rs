//! Lengths of time and numbers that have bounds.
//!
//! In: a field as written. Out: its value, or a problem. It must not know what it is for.

use std::time::Duration;

use crate::config::read::record::Field;
use crate::config::read::scalars::{self, Integer};
use crate::config::report::Report;

/// A length of time that is one.
pub fn span(field: &Field<scalars::Duration>, default: Duration, report: &mut Report) -> Duration {
    let Some(at) = field else { return default };
    if at.value.0.is_zero() {
        report.error(at.span, "nothing is done in no time", "write a duration such as `5s`");
    }
    at.value.0
}

/// A number within these bounds.
pub fn whole(field: &Field<Integer>, within: std::ops::RangeInclusive<usize>, report: &mut Report) -> Option<usize> {
    let at = field.as_ref()?;
    let number = usize::try_from(at.value.0).ok().filter(|number| within.contains(number));
    if number.is_none() {
        let remedy = format!("write a number from {} to {}", within.start(), within.end());
        report.error(at.span, format!("`{}` is out of bounds", at.value.0), remedy);
    }
    number
}
