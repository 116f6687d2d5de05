//! Results as JUnit XML, which build servers show.
//!
//! In: results. Out: XML. It must not judge.

use std::fmt::Write;
use std::time::Duration;

use super::run::{CaseResult, Results};

/// The results as XML: a suite for each file.
pub fn xml(results: &Results) -> String {
    let (count, failed, took) = (results.count(), results.failed(), seconds(results.took));
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"inlay\" tests=\"{count}\" failures=\"{failed}\" time=\"{took}\">\n"
    );
    // Writing to a String can't fail.
    for file in &results.files {
        let failed = file.cases.iter().filter(|case| !case.misses.is_empty()).count();
        let (name, count) = (escape(&file.name), file.cases.len());
        let _ = writeln!(xml, "  <testsuite name=\"{name}\" tests=\"{count}\" failures=\"{failed}\">");
        file.cases.iter().for_each(|case| xml.push_str(&one(&name, case)));
        xml.push_str("  </testsuite>\n");
    }
    xml + "</testsuites>\n"
}

fn one(file: &str, case: &CaseResult) -> String {
    let (name, took) = (escape(&case.name), seconds(case.took));
    let head = format!("    <testcase classname=\"{file}\" name=\"{name}\" time=\"{took}\"");
    if case.misses.is_empty() {
        return head + "/>\n";
    }
    let failures = case.misses.iter().map(|miss| {
        let (message, more) = (escape(&format!("{}: {}", miss.place, miss.what)), escape(&miss.more.join("\n")));
        format!("      <failure message=\"{message}\">{more}</failure>\n")
    });
    format!("{head}>\n{}    </testcase>\n", failures.collect::<String>())
}

fn seconds(took: Duration) -> String {
    format!("{:.3}", took.as_secs_f64())
}

/// Text as it may stand in an attribute or between tags; what XML can't say becomes `?`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}
