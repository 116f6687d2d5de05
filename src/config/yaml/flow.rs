//! Values on one line, such as `{ select: #x, place: inner }`, as their author sees them.
//!
//! In: a text that YAML cannot read, and where it stopped. Out: the value that is likely to blame: one with punctuation
//! of YAML's in it and no quotes around it. It must not be asked about text that YAML can read.

use std::ops::Range;

/// Lines above the one where the parser stopped that may be to blame: a comment swallows the end of a `{ … }`, a quote that is
/// never closed swallows what follows, and the parser only stops later.
const LINES_ABOVE: usize = 20;

/// A value that needs quotes.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// Bytes to point at.
    pub at: Range<usize>,
    /// Bytes of the whole value.
    pub value: Range<usize>,
}

/// Why YAML does not see what its author means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// ` #` begins a comment.
    Comment,
    /// `{{` or `{%`.
    Template,
    /// `[`, `]`, `{`, `}` in a text.
    Bracket,
    /// `: ` in a text.
    Colon,
    /// Text after a closing quote.
    Trailing,
    /// A quote without its other half.
    OpenQuote,
    /// `{` or `[` without its other half.
    OpenBracket,
}

impl Fault {
    /// What is wrong, and what to do.
    pub fn words(&self, text: &str) -> (String, String) {
        let (mark, value) = (&text[self.at.clone()], &text[self.value.clone()]);
        let quote = || format!("put the whole text in quotes: {}", quoted(value));
        match self.kind {
            FaultKind::Comment => (format!("`{mark}` and all after it is a comment for YAML"), quote()),
            FaultKind::Template => (format!("`{mark}` without quotes is a map for YAML"), quote()),
            FaultKind::Bracket => (format!("`{mark}` without quotes is a list or a map for YAML"), quote()),
            FaultKind::Colon => {
                let what = "a second `:` makes this a map inside a text for YAML".to_owned();
                (what, format!("{}; or is a `,` missing before it?", quote()))
            }
            FaultKind::Trailing => {
                let remedy = match value.starts_with('"') {
                    true => "put the whole text in one pair of quotes, with `\\\"` for each `\"` in it".to_owned(),
                    false => quote(),
                };
                ("the text in quotes ends before this".to_owned(), remedy)
            }
            FaultKind::OpenQuote => (format!("`{mark}` is never closed"), "close the quote".to_owned()),
            FaultKind::OpenBracket => {
                (format!("`{mark}` is never closed"), "close the bracket on this line".to_owned())
            }
        }
    }
}

/// A text in the quotes that need the least escaping.
fn quoted(value: &str) -> String {
    match value.contains(['"', '\\']) {
        true => format!("'{}'", value.replace('\'', "''")),
        false => format!("\"{value}\""),
    }
}

/// What is to blame for a stop at `at`.
pub fn fault(text: &str, at: usize) -> Option<Fault> {
    let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let own = Line::of(text, begin).faults().into_iter().filter(|fault| fault.value.start <= at);
    // What stands nearest before the stop; a bracket left open is no news to a parser that came to the next line.
    let mut own = own.filter(|fault| fault.kind != FaultKind::OpenBracket || fault.value.end >= at);
    own.next_back().or_else(|| {
        let above = text[..begin].split_inclusive('\n').rev().take(LINES_ABOVE);
        let begins = above.scan(begin, |begin, line| {
            *begin -= line.len();
            Some(*begin)
        });
        let hides =
            |fault: &Fault| matches!(fault.kind, FaultKind::Comment | FaultKind::OpenQuote | FaultKind::OpenBracket);
        begins.into_iter().find_map(|begin| Line::of(text, begin).faults().into_iter().find(hides))
    })
}

/// One line, walked from its first value to its last.
struct Line<'t> {
    text: &'t str,
    at: usize,
    end: usize,
    /// Brackets that are open: where each stands.
    open: Vec<usize>,
    faults: Vec<Fault>,
}

impl<'t> Line<'t> {
    /// The line that begins at `begin`.
    fn of(text: &'t str, begin: usize) -> Self {
        let end = text[begin..].find('\n').map_or(text.len(), |newline| begin + newline);
        let end = begin + text[begin..end].trim_end().len();
        Self { text, at: begin, end, open: Vec::new(), faults: Vec::new() }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..self.end]
    }

    fn faults(mut self) -> Vec<Fault> {
        while self.at < self.end {
            let rest = self.rest();
            match rest.as_bytes()[0] {
                b' ' | b'\t' | b',' => self.at += 1,
                b'-' if rest.starts_with("- ") && self.open.is_empty() => self.at += 1,
                b'#' if self.open.is_empty() => return self.faults,
                b'{' | b'[' if !begins_template(rest) => {
                    self.open.push(self.at);
                    self.at += 1;
                }
                b'}' | b']' => {
                    self.open.pop();
                    self.at += 1;
                }
                _ => self.entry(),
            }
        }
        if let (Some(first), true) = (self.open.first().copied(), self.faults.is_empty()) {
            self.note(FaultKind::OpenBracket, first..first + 1, first..self.end);
        }
        self.faults
    }

    /// `key: value`, or a value alone.
    fn entry(&mut self) {
        if let Some(length) = key(self.rest()) {
            self.at += length;
            self.at += self.rest().len() - self.rest().trim_start().len();
            let rest = self.rest();
            if rest.is_empty() || (rest.starts_with(['{', '[']) && !begins_template(rest)) {
                return;
            }
        }
        self.value();
    }

    fn value(&mut self) {
        let (start, rest) = (self.at, self.rest());
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let whole = start..start + self.length();
        let value = &self.text[whole.clone()];
        match quote.map(|quote| (quote, closing(rest, quote))) {
            Some((_, Some(close))) => {
                let after = rest[close + 1..].trim_start();
                if after.is_empty() || after.starts_with([',', '}', ']', '#', ':']) {
                    self.at += close + 1;
                    return;
                }
                self.note(
                    FaultKind::Trailing,
                    self.end - after.len()..whole.end.max(self.end - after.len()),
                    whole.clone(),
                );
            }
            Some((_, None)) => self.note(FaultKind::OpenQuote, start..start + 1, whole.clone()),
            None if self.open.is_empty() => {}
            None => {
                if let Some((kind, part)) = punctuation(value) {
                    self.note(kind, start + part.start..start + part.end, whole.clone());
                }
            }
        }
        // A comment ends a line that has no brackets; a value is never empty, but an endless loop would be worse.
        self.at = whole.end.max(start + 1);
    }

    /// How long the value is that begins here, as its author means it.
    fn length(&self) -> usize {
        let rest = self.rest();
        let in_list = self.open.last().is_some_and(|open| self.text.as_bytes()[*open] == b'[');
        let comma = match in_list {
            true => item_end(rest),
            false => rest.match_indices(',').map(|(at, _)| at).find(|at| key(rest[at + 1..].trim_start()).is_some()),
        };
        // A comment after the last bracket is a comment for its author too.
        let line = ["} # ", "] # "].iter().filter_map(|end| rest.find(end)).min().map_or(rest.len(), |at| at + 1);
        let mut value = rest[..comma.unwrap_or(line)].trim_end_matches([',', ' ']);
        let count = |brackets: [char; 2]| value.matches(brackets).count();
        let unmatched = count(['}', ']']).saturating_sub(count(['{', '[']));
        // Brackets that close what was opened before the value are not part of it.
        for _ in 0..unmatched.min(self.open.len()) {
            let close = |open: &usize| if self.text.as_bytes()[*open] == b'{' { '}' } else { ']' };
            let cut = self.open.iter().find_map(|open| value.strip_suffix(close(open)));
            value = cut.map_or(value, str::trim_end);
        }
        value.trim_end().len()
    }

    fn note(&mut self, kind: FaultKind, at: Range<usize>, value: Range<usize>) {
        self.faults.push(Fault { kind, at, value });
    }
}

fn begins_template(text: &str) -> bool {
    text.starts_with("{{") || text.starts_with("{%")
}

/// The length of `key:` at the beginning, if a space or nothing follows.
fn key(text: &str) -> Option<usize> {
    let word = text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')).count();
    let rest = text.get(word..)?.strip_prefix(':')?;
    (word > 0 && (rest.is_empty() || rest.starts_with([' ', '{', '[']))).then_some(word + 1)
}

/// Where a list's item ends: at a comma or bracket that is not inside brackets or quotes of its own.
fn item_end(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') if depth > 0 => depth -= 1,
            (None, ',' | ']' | '}') if depth == 0 => return Some(at),
            (None, _) => {}
        }
    }
    None
}

/// Where the quote that begins a text is closed.
fn closing(text: &str, quote: char) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            ('"', b'\\') => at += 1,
            ('\'', b'\'') if bytes.get(at + 1) == Some(&b'\'') => at += 1,
            (_, byte) if byte == quote as u8 => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The first punctuation that means something to YAML in a text without quotes inside brackets.
fn punctuation(value: &str) -> Option<(FaultKind, Range<usize>)> {
    let word = |at: usize| at..value[at..].find([' ', ',']).map_or(value.len(), |length| at + length);
    let found = |text: &str, kind| value.find(text).map(|at| (kind, at..at + text.len()));
    let comment = match value.starts_with('#') {
        true => Some(0),
        false => value.find(" #").map(|at| at + 1),
    };
    let all = [
        comment.map(|at| (FaultKind::Comment, word(at))),
        found("{{", FaultKind::Template),
        found("{%", FaultKind::Template),
        value.find(['{', '}', '[', ']']).map(|at| (FaultKind::Bracket, at..at + 1)),
        found(": ", FaultKind::Colon).map(|(kind, at)| (kind, at.start..at.start + 1)),
    ];
    all.into_iter().flatten().min_by_key(|(_, at)| at.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is to blame in a line that is followed by another, and the value around it.
    fn blamed(line: &str) -> Option<(FaultKind, &str, &str)> {
        let text = format!("{line}\nnext:\n");
        let found = fault(&text, line.len().saturating_sub(1)).or_else(|| fault(&text, line.len() + 1))?;
        Some((found.kind, &line[found.at], &line[found.value]))
    }

    #[test]
    fn the_value_is_what_its_author_means() {
        let table = [
            ("- { select: #x, place: inner }", FaultKind::Comment, "#x", "#x"),
            ("- { place: inner, text: Now #1 }", FaultKind::Comment, "#1", "Now #1"),
            ("class: { add: #x }, when: a }", FaultKind::Comment, "#x", "#x"),
            ("- { class: { add: [.a, #x] } }", FaultKind::Comment, "#x", "#x"),
            ("- { text: {{ a }} and {{ b }} }", FaultKind::Template, "{{", "{{ a }} and {{ b }}"),
            ("- { text: a{% if b %}c{% endif %}, blank: show }", FaultKind::Template, "{%", "a{% if b %}c{% endif %}"),
            ("{ text: {{ a }} b } # why", FaultKind::Template, "{{", "{{ a }} b"),
            ("- { select: a[href=\"x, y\"], place: inner }", FaultKind::Bracket, "[", "a[href=\"x, y\"]"),
            ("hosts: [a[x, y]]", FaultKind::Bracket, "[", "a[x, y]"),
            ("- { text: don't: x }", FaultKind::Colon, ":", "don't: x"),
            ("- { when: 'a' == 'b', text: x }", FaultKind::Trailing, "== 'b'", "'a' == 'b'"),
            ("text: \"a \"b\" c\"", FaultKind::Trailing, "b\" c\"", "\"a \"b\" c\""),
            ("- { select: \"a, place: inner }", FaultKind::OpenQuote, "\"", "\"a"),
            ("- { select: a, text: b", FaultKind::OpenBracket, "{", "{ select: a, text: b"),
            ("- { text: é #ü, place: inner }", FaultKind::Comment, "#ü", "é #ü"),
        ];
        for (line, kind, at, value) in table {
            assert_eq!(blamed(line), Some((kind, at, value)), "{line}");
        }
    }

    #[test]
    fn sound_lines_are_not_blamed() {
        for line in [
            "- { select: \"#x\", place: inner, text: \"{{ a }}\" }",
            "- { select: a > b:not(.c), text: 50%, when: 'it''s' }",
            "key: [a, \"b\", { c: d }] # { [",
            "template: Hi {{ name }}, text: #1 [a",
            "# { select: #x",
            "",
        ] {
            assert_eq!(blamed(line), None, "{line}");
        }
    }
}
