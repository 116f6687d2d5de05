//! What became of the tests, as text.
//!
//! In: results. Out: lines, coloured or plain. It must not judge.

use std::fmt::Write;

use super::coverage::Ways;
use super::run::Results;

/// The results as text.
pub fn text(results: &Results, coloured: bool) -> String {
    let ink =
        |code: &str, text: &str| if coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() };
    let mut text = String::new();
    // Writing to a String can't fail; the same holds below.
    for file in &results.files {
        let _ = writeln!(text, "{}", file.name);
        for case in &file.cases {
            let mark = if case.misses.is_empty() { ink("32", "ok  ") } else { ink("31", "FAIL") };
            let _ = writeln!(text, "  {mark}  {}", case.name);
            for miss in &case.misses {
                let _ = writeln!(text, "        {}: {}", miss.place, clean(&miss.what));
                miss.more.iter().for_each(|line| text.push_str(&format!("          {}\n", clean(line))));
            }
        }
    }
    let (count, failed) = (results.count(), results.failed());
    let said = format!("{count} tests, {} passed, {failed} failed, in {} ms", count - failed, results.took.as_millis());
    let _ = writeln!(text, "\n{}", ink(if failed == 0 { "32" } else { "31" }, &said));
    if results.written() > 0 {
        let _ = writeln!(text, "{} snapshots written", results.written());
    }
    text + &coverage(results)
}

fn coverage(results: &Results) -> String {
    let covered = &results.coverage;
    let both = |ways: &Ways| ways.both();
    let applied = covered.rules.values().filter(|ways| ways.yes).count();
    let conditions = covered.conditions.values().filter(|ways| both(ways)).count();
    let fallbacks = covered.fallbacks.values().filter(|taken| **taken).count();
    let mut text = format!(
        "Covered: {applied} of {} rules applied, {conditions} of {} conditions both ways, {fallbacks} of {} fallbacks taken\n",
        covered.rules.len(),
        covered.conditions.len(),
        covered.fallbacks.len(),
    );
    let mut list = |what: &str, names: Vec<&str>| {
        if !names.is_empty() {
            let _ = writeln!(text, "  {what}: {}", names.join(", "));
        }
    };
    let rules = covered.rules.iter().filter(|(_, ways)| !ways.yes);
    list("rules that never applied", rules.map(|(name, _)| name.as_str()).collect());
    let never = |yes: bool| {
        let some = covered.conditions.iter().filter(move |(_, ways)| if yes { !ways.yes } else { !ways.no });
        some.map(|(name, _)| name.as_str()).collect::<Vec<_>>()
    };
    list("conditions that never held", never(true));
    list("conditions that always held, or were never asked", never(false));
    let fallbacks = covered.fallbacks.iter().filter(|(_, taken)| !**taken);
    list("fallbacks never taken", fallbacks.map(|(name, _)| name.as_str()).collect());
    text
}

/// What came from a page must not steer the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}
