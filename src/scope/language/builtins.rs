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

use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, State, tests};

use super::objects::{is_tracked, plain};
use super::weight::{weigh, weigh_parts};

/// The functions that templates may call, beside what they declare themselves.
pub(super) const FUNCTIONS: [&str; 4] = ["range", "dict", "super", "caller"];

/// All filters, for hints; whether one exists is asked of the environment.
pub(super) const FILTERS: [&str; 50] = [
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "urlencode",
    "zip",
    "concat",
];

/// The tests an author may think of, for hints.
pub(super) const TESTS: [&str; 23] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "even",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lt",
    "mapping",
    "matching",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
];

/// Gives `environment` the language's filters, tests and functions.
pub(super) fn install(environment: &mut Environment<'_>) {
    environment.remove_global("debug");
    environment.remove_global("namespace");
    install_tests(environment);
    super::filters::install(environment);
    super::offers::install(environment);
    super::places::install(environment);
}

fn install_tests(environment: &mut Environment<'_>) {
    add_order(environment, &["lt", "lessthan", "<"], Ordering::is_lt);
    add_order(environment, &["le", "<="], Ordering::is_le);
    add_order(environment, &["gt", "greaterthan", ">"], Ordering::is_gt);
    add_order(environment, &["ge", ">="], Ordering::is_ge);
    for name in ["eq", "equalto", "=="] {
        environment.add_test(name, equal);
    }
    for name in ["ne", "!="] {
        environment.add_test(name, |a: &Value, b: &Value| equal(a, b).map(|equal| !equal));
    }
    environment.add_test("defined", |value: &Value| !plain(value).is_undefined());
    environment.add_test("undefined", |value: &Value| plain(value).is_undefined());
    environment.add_test("none", |value: &Value| plain(value).is_none());
    environment.add_test("in", within);
    environment.add_test("chain", chain);
}

fn add_order(environment: &mut Environment<'_>, names: &[&'static str], holds: fn(Ordering) -> bool) {
    for name in names {
        environment.add_test(*name, move |a: &Value, b: &Value| order(a, b).is_some_and(holds));
    }
}

/// How two values are ordered, if they are: numbers among themselves, and texts.
pub(super) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    let (a, b) = (plain(a), plain(b));
    match (a.kind(), b.kind()) {
        (ValueKind::Number, ValueKind::Number) => (!nan(&a) && !nan(&b)).then(|| a.cmp(&b)),
        (ValueKind::String, ValueKind::String) => Some(a.as_str()?.cmp(b.as_str()?)),
        _ => None,
    }
}

fn nan(value: &Value) -> bool {
    f64::try_from(value.clone()).is_ok_and(f64::is_nan)
}

fn equal(a: &Value, b: &Value) -> Result<bool, Error> {
    let (a, b) = (plain(a), plain(b));
    weigh_own(&a)?;
    weigh_own(&b)?;
    Ok(a == b)
}

fn within(state: &State<'_, '_>, value: &Value, container: &Value) -> Result<bool, Error> {
    let (value, container) = (plain(value), plain(container));
    if value.is_undefined() {
        return Ok(false);
    }
    // In a text, the value is looked for as text.
    if container.kind() == ValueKind::String {
        weigh(&value)?
    } else {
        weigh_own(&value)?
    }
    weigh_own(&container)?;
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

/// Fails if `value` is a container too large or too deep to be compared. What belongs to the scope is not walked into: it
/// shares no parts, and a comparison that needs little of it must not be recorded as reading all of it.
fn weigh_own(value: &Value) -> Result<(), Error> {
    let own = |value: &Value| !is_tracked(value);
    weigh_parts(value, &own)
}
