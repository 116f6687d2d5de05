//! An explanation as text for people.
//!
//! In: an [`Explanation`]. Out: lines, plain or coloured. It must not leave out a rule: one that is missing looks like one that
//! nobody wrote.

use std::fmt::Write;

use super::{
    AnswerExplained, AudienceExplained, ConditionExplained, Explanation, FilledExplained, PlaceExplained,
    ReadExplained, RuleExplained, SlotExplained,
};

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
    page.list("Sources", &explanation.sources, |page, source| {
        let error = source.error.as_ref().map(|error| format!(", {error}")).unwrap_or_default();
        let (name, arguments, took) = (&source.name, &source.arguments, took(source.milliseconds));
        page.line(2, &format!("{name}({arguments})  {} in {took}{error}", source.cache));
    });
    page.end(explanation);
    page.text
}

struct Page {
    paint: Paint,
    text: String,
}

impl Page {
    fn ink(&self, ink: Ink, text: &str) -> String {
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
    fn line(&mut self, indent: usize, text: &str) {
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

    fn rule(&mut self, rule: &RuleExplained) {
        let mark = if rule.applies { self.ink(Ink::Good, "+") } else { self.ink(Ink::Faint, "-") };
        let verdict = if rule.applies { self.ink(Ink::Good, "applies") } else { self.ink(Ink::Faint, &rule.reason) };
        let actions = if rule.actions.is_empty() { String::new() } else { format!(" ({})", rule.actions.join(", ")) };
        self.line(2, &format!("{mark} {:<24} {verdict}{actions}", rule.name));
        if let Some(share) = &rule.share {
            let place =
                share.place.map_or_else(|| "nobody is recognised".to_owned(), |place| format!("place {place:.4}"));
            self.line(6, &format!("share {} of visitors, {place}", share.share));
        }
        rule.conditions.iter().for_each(|condition| self.condition(condition));
        if let Some(until) = &rule.until {
            self.line(6, &self.ink(Ink::Faint, &format!("by time the same until {until}")));
        }
    }

    fn condition(&mut self, condition: &ConditionExplained) {
        let ConditionExplained { of, source, holds, error, reads } = condition;
        let held = match (error, holds) {
            (Some(error), _) => self.ink(Ink::Bad, &format!("failed: {error}")),
            (None, true) => self.ink(Ink::Good, "holds"),
            (None, false) => self.ink(Ink::Bad, "does not hold"),
        };
        self.line(6, &format!("{of}: {source}  {held}"));
        self.reads(10, reads);
    }

    fn reads(&mut self, indent: usize, reads: &[ReadExplained]) {
        for read in reads {
            let answer = if read.answer.is_null() { "nothing".to_owned() } else { read.answer.to_string() };
            let until = read.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
            let visitor = if read.of_visitor { ", of the visitor" } else { "" };
            let kept = if read.kept { "" } else { ", for this once" };
            let more = self.ink(Ink::Faint, &format!("{visitor}{until}{kept}"));
            self.line(indent, &format!("{} = {answer}{more}", read.asked));
        }
    }

    fn audience(&mut self, audience: &AudienceExplained) {
        let side = if audience.inside { self.ink(Ink::Good, "in ") } else { self.ink(Ink::Faint, "out") };
        let error = audience.error.as_ref().map(|error| format!("  failed: {error}")).unwrap_or_default();
        self.line(2, &format!("{side} {:<22} {}{error}", audience.name, audience.source));
        self.reads(10, &audience.reads);
    }

    fn slot(&mut self, slot: &SlotExplained) {
        let SlotExplained { name, select, place, condition, filled, found, places, .. } = slot;
        let found = match found {
            None => String::new(),
            Some(0) => self.ink(Ink::Bad, "  no element of the page fits"),
            Some(1) => "  1 element".to_owned(),
            Some(found) => format!("  {found} elements"),
        };
        self.line(2, &format!("{name:<26} {place} `{select}`{found}"));
        if let Some(condition) = condition {
            self.condition(condition);
        }
        if let Some(filled) = filled {
            self.filled(6, filled);
        }
        places.iter().for_each(|place| self.place(place));
    }

    fn place(&mut self, place: &PlaceExplained) {
        let ink = if place.outcome == "shown" { Ink::Good } else { Ink::Bad };
        let text = place.text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.line(6, &format!("{}  {text}", self.ink(ink, &place.outcome)));
        if let Some(filled) = &place.filled {
            self.filled(10, filled);
        }
    }

    fn filled(&mut self, indent: usize, filled: &FilledExplained) {
        let FilledExplained { content, how, milliseconds, reason, tried, fallback, reads } = filled;
        let reason = reason.as_ref().map(|reason| self.ink(Ink::Bad, &format!(": {reason}"))).unwrap_or_default();
        self.line(indent, &format!("content {content}: {how}{reason}, {}", took(*milliseconds)));
        for tried in tried {
            self.line(indent + 2, &format!("tried {}: {}", tried.content, tried.reason));
        }
        if let Some(fallback) = fallback {
            self.line(indent + 2, &format!("shown instead: {fallback}"));
        }
        self.reads(indent + 4, reads);
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
