//! An explanation as text for people.
//!
//! In: an [`Explanation`]. Out: lines, plain or coloured. It must not leave out a rule: one that is missing looks like one that
//! nobody wrote. `rules`, `slots` and `sources` tell their lists; this file the head, the end, and what a line is.

mod rules;
mod slots;
mod sources;

use std::fmt::Write;

use super::{AnswerExplained, Explanation};

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Plain,
    /// With the escapes of terminals.
    Coloured,
}

/// What a piece of text is.
#[derive(Clone, Copy)]
enum Ink {
    Heading,
    Good,
    Bad,
    Faint,
}

/// All of an explanation.
pub fn text(explanation: &Explanation, paint: Paint) -> String {
    let mut page = Page { paint, text: String::new() };
    page.head(explanation);
    page.list("Rules", &explanation.rules, Page::rule);
    page.list("Audiences", &explanation.audiences, Page::audience);
    page.list("Slots", &explanation.slots, Page::slot);
    page.sources(&explanation.sources);
    page.end(explanation);
    page.text
}

struct Page {
    paint: Paint,
    text: String,
}

impl Page {
    pub(super) fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Heading => "1",
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Faint => "2",
        };
        match self.paint {
            Paint::Plain => text.to_owned(),
            Paint::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    /// A line; what stands in it came from outside and must not steer the terminal.
    pub(super) fn line(&mut self, indent: usize, text: &str) {
        let steers = |c: char| c.is_control() && !(c == '\u{1b}' && self.paint == Paint::Coloured);
        let clean: String = text.chars().map(|c| if steers(c) { '·' } else { c }).collect();
        // Writing to a String can't fail.
        let _ = writeln!(self.text, "{:indent$}{}", "", clean.trim_end());
    }

    fn list<T>(&mut self, heading: &str, items: &[T], show: impl Fn(&mut Self, &T)) {
        if items.is_empty() {
            return;
        }
        self.text.push('\n');
        self.line(0, &self.ink(Ink::Heading, heading));
        items.iter().for_each(|item| show(self, item));
    }

    fn head(&mut self, told: &Explanation) {
        self.line(0, &self.ink(Ink::Heading, &format!("{} {}", told.method, told.url)));
        if !told.site.is_empty() {
            self.line(0, &format!("site {}, revision {}, decided for {}", told.site, told.revision, told.at));
            let consent = if told.visitor.consent { "with consent" } else { "without consent" };
            self.line(0, &format!("visitor {}, {consent}", told.visitor.identity));
        }
        for supposed in &told.supposed {
            self.line(0, &format!("supposed: {supposed}"));
        }
        if let Some(reason) = &told.untouched {
            self.line(0, &format!("nothing is laid in: {reason}"));
        }
        if let Some(reason) = &told.failure {
            self.line(0, &self.ink(Ink::Bad, &format!("no answer of the origin: {reason}")));
        }
    }

    fn end(&mut self, told: &Explanation) {
        self.text.push('\n');
        if let Some(origin) = &told.origin {
            self.line(0, &format!("Origin  {}, {}", took(origin.milliseconds), origin.cache));
        }
        let Some(answer) = &told.answer else { return };
        let AnswerExplained { status, treatment, bytes, cacheable, private_by, .. } = answer;
        let of = answer.content_type.as_ref().map(|kind| format!(", {kind}")).unwrap_or_default();
        self.line(0, &format!("Answer  {status}, {treatment}{of}, {bytes} bytes, {}", took(told.milliseconds)));
        if let Some(location) = &answer.location {
            self.line(8, &format!("to {location}"));
        }
        if let Some(broken) = &answer.broken {
            self.line(8, &self.ink(Ink::Bad, &format!("it broke off: {broken}")));
        }
        let control = answer.cache_control.as_deref().unwrap_or("not said");
        self.line(8, &format!("caching: {control}; kept by {cacheable}"));
        if !private_by.is_empty() {
            self.line(8, &format!("it hangs on the visitor by {}", private_by.join(", ")));
        }
    }
}

fn took(milliseconds: f64) -> String {
    format!("{milliseconds:.1} ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_outside_does_not_steer_the_terminal() {
        let told =
            Explanation { method: "GET".into(), url: "http://a/\u{1b}[2J\u{7}".into(), ..Explanation::default() };
        assert!(!text(&told, Paint::Plain).contains(['\u{1b}', '\u{7}']));
    }
}
