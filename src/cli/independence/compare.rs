//! Where pages differ, beside what varies in them by itself. Pure.
//!
//! In: answers to equal requests, without a cookie and with it. Out: the places where those with it differ from all those
//! without. It must not ask anybody.

use std::ops::Range;
use std::time::Instant;

use http::StatusCode;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use crate::limits::{COMPARED_DIFF_WAIT, COMPARED_EXCERPT};

/// One answer of the site.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub location: Option<String>,
    pub text: String,
}

/// Where an answer with a cookie differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    Status(StatusCode, StatusCode),
    Location(Option<String>, Option<String>),
    /// The line in the page without it, from 1, and what stands there in both.
    Text {
        line: usize,
        without: String,
        with: String,
    },
}

/// What the answers show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Some answer with the cookie is one without it, but for what varies by itself.
    Alike {
        varying: usize,
    },
    Different(Vec<Difference>),
    /// So much varies by itself that nothing can be said.
    Restless,
}

/// Compares answers with a cookie to those without. Each list holds answers to equal requests, so that what differs within
/// it varies by itself; what varies more slowly than that is caught because one alike pair is enough.
pub fn compare(without: &[Answer], with: &[Answer]) -> Compared {
    let without = Sample::all(without);
    let with = Sample::all(with);
    if without.iter().chain(&with).any(Sample::is_restless) {
        return Compared::Restless;
    }
    let mut least: Option<Vec<Difference>> = None;
    for plain in &without {
        for carrying in &with {
            let found = plain.differences(carrying);
            if found.is_empty() {
                return Compared::Alike { varying: plain.varying() };
            }
            if least.as_ref().is_none_or(|least| found.len() < least.len()) {
                least = Some(found);
            }
        }
    }
    Compared::Different(least.unwrap_or_default())
}

/// An answer in words, with those that vary by themselves.
struct Sample<'a> {
    answer: &'a Answer,
    /// Where each word stands.
    words: Vec<Range<usize>>,
    /// For each word whether it varies; for its gap, the place before it, whether something comes and goes there.
    varies: Vec<bool>,
    gaps: Vec<bool>,
}

impl<'a> Sample<'a> {
    fn all(answers: &'a [Answer]) -> Vec<Self> {
        let mut samples: Vec<Self> = answers.iter().map(Self::new).collect();
        for one in 0..samples.len() {
            for other in (0..samples.len()).filter(|other| *other != one) {
                for op in samples[one].ops(&samples[other]) {
                    samples[one].note_varying(op.old_range());
                }
            }
        }
        samples
    }

    fn new(answer: &'a Answer) -> Self {
        let words = words(&answer.text);
        let (varies, gaps) = (vec![false; words.len()], vec![false; words.len() + 1]);
        Self { answer, words, varies, gaps }
    }

    fn note_varying(&mut self, at: Range<usize>) {
        self.gaps[at.start] = true;
        self.gaps[at.end] = true;
        self.varies[at].fill(true);
    }

    fn texts(&self) -> Vec<&'a str> {
        self.words.iter().map(|word| &self.answer.text[word.clone()]).collect()
    }

    /// What is not equal in both.
    fn ops(&self, other: &Sample<'_>) -> Vec<DiffOp> {
        let deadline = Instant::now() + COMPARED_DIFF_WAIT;
        let ops = capture_diff_slices_deadline(Algorithm::Myers, &self.texts(), &other.texts(), Some(deadline));
        ops.into_iter().filter(|op| !matches!(op, DiffOp::Equal { .. })).collect()
    }

    /// Whether all that stands at these words varies by itself; of none, whether something comes and goes there.
    fn is_varying(&self, at: Range<usize>) -> bool {
        if at.is_empty() { self.gaps[at.start] } else { self.varies[at].iter().all(|varies| *varies) }
    }

    /// How many places vary.
    fn varying(&self) -> usize {
        let begins = |word: &usize| self.varies[*word] && (*word == 0 || !self.varies[*word - 1]);
        (0..self.words.len()).filter(begins).count()
    }

    fn is_restless(&self) -> bool {
        let varying = self.varies.iter().filter(|varies| **varies).count();
        varying * 2 > self.words.len() && varying > 8
    }

    fn differences(&self, with: &Sample<'_>) -> Vec<Difference> {
        let (one, other) = (self.answer, with.answer);
        if one.status != other.status {
            return vec![Difference::Status(one.status, other.status)];
        }
        let mut found = Vec::new();
        if one.location != other.location {
            found.push(Difference::Location(one.location.clone(), other.location.clone()));
        }
        let ops = self.ops(with).into_iter();
        let real = ops.filter(|op| !(self.is_varying(op.old_range()) && with.is_varying(op.new_range())));
        found.extend(real.map(|op| Difference::Text {
            line: self.line(op.old_range().start),
            without: self.excerpt(op.old_range()),
            with: with.excerpt(op.new_range()),
        }));
        found
    }

    fn line(&self, word: usize) -> usize {
        let at = self.words.get(word).map_or(self.answer.text.len(), |word| word.start);
        self.answer.text[..at].matches('\n').count() + 1
    }

    /// These words with a little of what stands around them, on one line.
    fn excerpt(&self, at: Range<usize>) -> String {
        let text = &self.answer.text;
        let start = self.words.get(at.start).map_or(text.len(), |word| word.start);
        let end = if at.is_empty() { start } else { self.words[at.end - 1].end };
        let before: String = text[..start].chars().rev().take(COMPARED_EXCERPT).collect();
        let before: String = before.chars().rev().collect();
        let within: String = text[start..end].chars().take(2 * COMPARED_EXCERPT).collect();
        let after: String = text[end..].chars().take(COMPARED_EXCERPT).collect();
        format!("{before}{within}{after}").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The words of a page: what belongs together in a nonce, a date or a path, and every other character by itself. White
/// space is none.
fn words(text: &str) -> Vec<Range<usize>> {
    let inside = |c: char| c.is_alphanumeric() || "_-.+=%/".contains(c);
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut open = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        match words.last_mut() {
            Some(last) if open && inside(c) => last.end = end,
            _ if c.is_whitespace() => {}
            _ => words.push(at..end),
        }
        open = inside(c);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(texts: &[&str]) -> Vec<Answer> {
        let answer = |text: &&str| Answer { status: StatusCode::OK, location: None, text: (*text).to_owned() };
        texts.iter().map(answer).collect()
    }

    fn pages(middle: &[&str], nonces: &[&str]) -> Vec<Answer> {
        let page = |(middle, nonce): (&&str, &&str)| {
            format!(
                "<html>\n<script nonce=\"{nonce}\">go()</script>\n<p>{middle}</p>\n<input name=csrf value='{nonce}x'></html>"
            )
        };
        let texts: Vec<String> = middle.iter().zip(nonces).map(page).collect();
        answers(&texts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn what_varies_by_itself_is_set_aside() {
        let without = pages(&["Hello", "Hello", "Hello"], &["a1+/=", "b2", "c3"]);
        let alike = pages(&["Hello", "Hello"], &["d4", "e/5"]);
        assert_eq!(compare(&without, &alike), Compared::Alike { varying: 2 });
        let different = pages(&["Hello Ann", "Hello Ann"], &["d4", "e5"]);
        let Compared::Different(found) = compare(&without, &different) else { panic!("different") };
        let [Difference::Text { line: 3, without, with }] = found.as_slice() else { panic!("{found:?}") };
        assert!(!without.contains("Ann") && with.contains("<p>Hello Ann</p>"), "{without} {with}");
    }

    #[test]
    fn what_varies_slowly_is_set_aside_too() {
        let without = answers(&["at 12:01", "at 12:01", "at 12:02"]);
        assert!(matches!(compare(&without, &answers(&["at 12:01", "at 12:02"])), Compared::Alike { .. }));
        let rotating = answers(&["<p>A</p> one two", "<p>B</p> one two", "<p>A</p> one two"]);
        assert!(matches!(compare(&rotating, &answers(&["<p>B</p> one two"; 2])), Compared::Alike { .. }));
    }

    #[test]
    fn what_takes_the_place_of_something_fixed_is_a_difference() {
        let without = answers(&["<a>Log in</a> and more"; 3]);
        let with = answers(&["<a>offer 17</a> and more", "<a>offer 99</a> and more"]);
        assert!(matches!(compare(&without, &with), Compared::Different(_)));
    }

    #[test]
    fn heads_differ_too_and_restless_pages_say_nothing() {
        let without = answers(&["a"; 3]);
        let mut with = answers(&["a"; 2]);
        with.iter_mut().for_each(|answer| answer.location = Some("/login".into()));
        assert!(
            matches!(compare(&without, &with), Compared::Different(found) if matches!(found[..], [Difference::Location(..)]))
        );
        with.iter_mut().for_each(|answer| answer.status = StatusCode::FOUND);
        assert!(
            matches!(compare(&without, &with), Compared::Different(found) if matches!(found[..], [Difference::Status(..)]))
        );
        let restless: Vec<String> = (0..3).map(|n| (0..20).map(|w| format!("{n}x{w} ")).collect()).collect();
        let restless = answers(&restless.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(compare(&restless, &restless[..2]), Compared::Restless);
    }
}
