//! Regular expressions, in linear time whatever the pattern.
//!
//! In: patterns in the syntax of the `regex` crate (no look-around, no back-references: those are what explodes). Out: what
//! they find. Compiled patterns are kept, a bounded number of them, because templates use the same ones again and again.

use std::sync::{Arc, OnceLock};

use moka::sync::Cache;
use regex::{Regex, RegexBuilder};

use super::Refusal;
use crate::limits::{PATTERN_BYTES, PATTERN_COMPILED_BYTES, PATTERN_NESTING, PATTERNS, TEMPLATE_TEXT_BYTES};

/// A pattern that was compiled, or why it can't be.
pub fn pattern(source: &str) -> Result<Regex, Refusal> {
    static COMPILED: OnceLock<Cache<Arc<str>, Regex>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| Cache::new(PATTERNS));
    if let Some(known) = compiled.get(source) {
        return Ok(known);
    }
    if source.len() > PATTERN_BYTES {
        return Err(Refusal::TooLarge(PATTERN_BYTES));
    }
    let made = RegexBuilder::new(source)
        .size_limit(PATTERN_COMPILED_BYTES)
        .dfa_size_limit(PATTERN_COMPILED_BYTES)
        .nest_limit(PATTERN_NESTING)
        .build()
        .map_err(|error| Refusal::not(source, "pattern that can be searched for", remedy(&error)))?;
    compiled.insert(source.into(), made.clone());
    Ok(made)
}

fn remedy(error: &regex::Error) -> &'static str {
    match error {
        regex::Error::CompiledTooBig(_) => "make its repetitions smaller",
        regex::Error::Syntax(message) if message.contains("look-around") => {
            "look-around is not offered, so that no search takes long"
        }
        regex::Error::Syntax(message) if message.contains("backreference") => {
            "back-references are not offered, so that no search takes long"
        }
        _ => "check its brackets, repetitions and escapes",
    }
}

/// Whether it is found anywhere in the text; `^` and `$` tie it to the ends.
pub fn matches(text: &str, source: &str) -> Result<bool, Refusal> {
    Ok(pattern(source)?.is_match(text))
}

/// The first place where it is found: all of it, or the group of this number.
pub fn find(text: &str, source: &str, group: usize) -> Result<Option<String>, Refusal> {
    let found =
        pattern(source)?.captures(text).and_then(|groups| groups.get(group).map(|found| found.as_str().to_owned()));
    Ok(found)
}

/// All places where it is found, at most `most`.
pub fn find_all(text: &str, source: &str, most: usize) -> Result<Vec<String>, Refusal> {
    Ok(pattern(source)?.find_iter(text).take(most).map(|found| found.as_str().to_owned()).collect())
}

/// Every place where it is found replaced by `with`, in which `$1` and `${name}` are its groups.
pub fn replace(text: &str, source: &str, with: &str) -> Result<String, Refusal> {
    let pattern = pattern(source)?;
    let mut made = String::with_capacity(text.len());
    let mut done = 0;
    for groups in pattern.captures_iter(text) {
        let whole = groups.get(0).expect("invariant: group 0 is the match");
        made.push_str(&text[done..whole.start()]);
        groups.expand(with, &mut made);
        done = whole.end();
        if made.len() > TEMPLATE_TEXT_BYTES {
            return Err(Refusal::TooLarge(TEMPLATE_TEXT_BYTES));
        }
    }
    made.push_str(&text[done..]);
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_find_and_replace() {
        assert!(matches("SKU-0042", r"^SKU-\d{4}$").unwrap());
        assert_eq!(find("order 17 of 20", r"(\d+) of (\d+)", 2).unwrap().as_deref(), Some("20"));
        assert_eq!(find("order", r"\d", 0).unwrap(), None);
        assert_eq!(find("order", "o", 9).unwrap(), None);
        assert_eq!(find_all("a1b22", r"\d+", 10).unwrap(), ["1", "22"]);
        assert_eq!(replace("2026-12-01", r"(\d+)-(\d+)-(\d+)", "$3.$2.$1").unwrap(), "01.12.2026");
    }

    #[test]
    fn what_would_explode_is_refused_or_runs_in_linear_time() {
        assert!(!matches(&"a".repeat(100_000), "(a+)+$b").unwrap());
        assert!(pattern("(((a{100}){100}){100}){100}").unwrap_err().to_string().contains("repetitions"));
        assert!(pattern("(?=a)").unwrap_err().to_string().contains("look-around"));
        assert!(pattern(r"(a)\1").unwrap_err().to_string().contains("back-references"));
        assert!(pattern(&"(".repeat(300)).is_err());
        assert!(replace(&"a".repeat(1000), "a", &"b".repeat(2000)).is_err());
    }
}
