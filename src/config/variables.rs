//! `${VAR}` and `${VAR:-default}` in scalars.
//!
//! In: a text and an environment. Out: the text with the variables' values, and which part came from where. It must not
//! know files.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::yaml::origin::Swap;

/// Where variables come from.
#[derive(Clone, Default)]
pub enum Environment {
    /// The environment of this process.
    #[default]
    Process,
    /// These and no others.
    Fixed(BTreeMap<String, String>),
}

/// Names only: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Environment::Process => f.write_str("Process"),
            Environment::Fixed(variables) => f.debug_set().entries(variables.keys()).finish(),
        }
    }
}

impl Environment {
    fn get(&self, name: &str) -> Option<String> {
        match self {
            Environment::Process => std::env::var(name).ok(),
            Environment::Fixed(variables) => variables.get(name).cloned(),
        }
    }
}

/// A variable that cannot be exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Its bytes in the text.
    pub at: Range<usize>,
    pub what: String,
    pub remedy: String,
}

/// What became of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    pub value: String,
    pub swaps: Vec<Swap>,
    pub unresolved: Vec<Unresolved>,
}

/// Exchanges the variables of `text`; `$${` stands for `${`. `None` if there are none.
pub fn exchange(text: &str, environment: &Environment) -> Option<Exchange> {
    if !text.contains("${") {
        return None;
    }
    let mut result = Exchange::default();
    let mut done = 0;
    while let Some(found) = text[done..].find("${").map(|at| at + done) {
        let escaped = text[done..found].ends_with('$');
        let start = if escaped { found - 1 } else { found };
        result.value.push_str(&text[done..start]);
        let begin = result.value.len();
        done = match escaped {
            true => {
                result.value.push_str("${");
                found + 2
            }
            false => variable(text, found, environment, &mut result),
        };
        result.swaps.push(Swap { raw: start..done, value: begin..result.value.len() });
    }
    result.value.push_str(&text[done..]);
    Some(result)
}

/// Exchanges the variable at `start`; where what follows it begins.
fn variable(text: &str, start: usize, environment: &Environment, result: &mut Exchange) -> usize {
    let keep = "write `$${` where `${` is meant literally";
    let mut refuse = |at: Range<usize>, what: String, remedy: String| {
        let end = at.end;
        result.unresolved.push(Unresolved { at, what, remedy });
        end
    };
    let Some(length) = text[start..].find('}') else {
        return refuse(start..text.len(), "`${` without `}`".to_owned(), format!("close it, or {keep}"));
    };
    let end = start + length + 1;
    let inner = &text[start + 2..end - 1];
    let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
    if !is_name(name) {
        let what = format!("`{}` is no variable: a name has letters, digits and `_`", &text[start..end]);
        return refuse(start..end, what, keep.to_owned());
    }
    // As in a shell, `:-` is for a variable that is unset or empty.
    let value = environment.get(name).filter(|value| default.is_none() || !value.is_empty());
    match value.or(default.map(str::to_owned)) {
        Some(value) => {
            result.value.push_str(&value);
            end
        }
        None => {
            let remedy = format!("set it, or give a default: `${{{name}:-…}}`; {keep}");
            refuse(start..end, format!("the environment variable `{name}` is not set"), remedy)
        }
    }
}

fn is_name(text: &str) -> bool {
    let word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    word && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Exchange {
        let variables = [("HOST", "shop.be"), ("EMPTY", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        exchange(text, &Environment::Fixed(variables.into())).unwrap_or_default()
    }

    #[test]
    fn values_defaults_and_escapes() {
        let table = [
            ("https://${HOST}/", "https://shop.be/"),
            ("${NONE:-a b}", "a b"),
            ("${EMPTY:-x}|${EMPTY}|", "x||"),
            ("`$${HOST}` é ${HOST}", "`${HOST}` é shop.be"),
        ];
        for (text, value) in table {
            let exchanged = run(text);
            assert_eq!((exchanged.value.as_str(), exchanged.unresolved.len()), (value, 0), "{text}");
        }
        assert_eq!(exchange("$HOST {HOST}", &Environment::Process), None);
    }

    #[test]
    fn what_cannot_be_exchanged_says_where() {
        let table = [("a ${NONE} b", 2..9), ("${a-b}", 0..6), ("é${HOST", 2..8), ("${}", 0..3), ("${1}", 0..4)];
        for (text, at) in table {
            assert_eq!(run(text).unresolved.iter().map(|u| u.at.clone()).collect::<Vec<_>>(), [at], "{text}");
        }
    }
}
