//! What was found in a live page, in words for people.
//!
//! In: findings. Out: text. It must not judge.

use std::fmt::Write;

use super::Found;

/// The findings as text.
pub fn text(found: &Found) -> String {
    let mut text = String::new();
    // Writing to a String can't fail; the same holds below.
    let kind = found.content_type.as_deref().unwrap_or("of no type");
    let _ = writeln!(text, "{}\n  {}, {kind}, {} bytes", found.url, found.status, found.bytes);
    let _ = writeln!(text, "  charset  {}\n  caching  {}", found.charset, found.stored);
    match found.policy.is_empty() {
        true => text.push_str("  policy   nothing is said of inline scripts and styles\n"),
        false => found.policy.iter().for_each(|said| text.push_str(&format!("  policy   {said}\n"))),
    }
    if !found.slots.is_empty() {
        text.push_str("\nWhat the rules of this path find\n");
    }
    for slot in &found.slots {
        let _ = writeln!(text, "  {:>5} x  {:<24} {}", slot.found, slot.name, slot.select);
    }
    if found.elsewhere > 0 {
        let _ = writeln!(text, "  (rules that have other paths: {})", found.elsewhere);
    }
    if !found.suggestions.is_empty() {
        text.push_str("\nSelectors worth using\n");
    }
    for one in &found.suggestions {
        let _ = writeln!(text, "  {:>5} x  {:<24} <{}>, {}", one.found, one.selector, one.element, one.because);
    }
    if !found.warnings.is_empty() {
        text.push_str("\nTo be mended\n");
    }
    found.warnings.iter().for_each(|warning| text.push_str(&format!("  {warning}\n")));
    text.chars().map(|c| if c.is_control() && c != '\n' { '·' } else { c }).collect()
}
