//! Marks for the stage's frames: where in a page each slot is.
//!
//! In: a page and its slots. Out: a copy of the page with comments around them, which the frame's script finds. Comments
//! change neither the tree of elements nor what selectors match. Only a frame's copy is ever marked; the proof is made of the
//! page itself.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::aim::Side;
use crate::exchange::trace::SlotTrace;
use crate::page::{Context, Target};

/// The copy of one side's page with a pair of comments (`<!--inlay:3-->…<!--/inlay:3-->`) around each slot between tags, and one
/// (`<!--inlay-tag:3-->`) before the element of each slot within a tag or a text. A slot whose tag is not found has none.
pub fn marked(page: &Bytes, slots: &[SlotTrace], side: Side) -> Bytes {
    let mut marks = Vec::with_capacity(2 * slots.len());
    for (number, slot) in slots.iter().enumerate() {
        let range = match side {
            Side::Origin => &slot.source,
            Side::Inlay => &slot.output,
        };
        marks.extend(marks_of(page, number, slot, range));
    }
    // Stable: at one place the marks of an earlier slot stay before those of a later one.
    marks.sort_by_key(|mark| mark.at);
    laid_in(page, &marks)
}

struct Mark {
    at: usize,
    text: String,
}

fn marks_of(page: &[u8], number: usize, slot: &SlotTrace, range: &Range<u64>) -> Vec<Mark> {
    let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
        return Vec::new();
    };
    if start > end || end > page.len() {
        return Vec::new();
    }
    let between_tags = matches!(slot.target, Target::Place(_)) && slot.context == Context::Html;
    if between_tags {
        let open = Mark { at: start, text: format!("<!--inlay:{number}-->") };
        let close = Mark { at: end, text: format!("<!--/inlay:{number}-->") };
        return vec![open, close];
    }
    let tag = start_tag_before(page, start);
    let text = format!("<!--inlay-tag:{number}-->");
    tag.map(|at| Mark { at, text }).into_iter().collect()
}

/// Where the last start tag begins that opens before `at`. A `<` in an attribute's value followed by a letter would mislead it; then the
/// frame shows that comment's text, and nothing worse.
fn start_tag_before(page: &[u8], at: usize) -> Option<usize> {
    (0..at).rev().find(|&start| page[start] == b'<' && page.get(start + 1).is_some_and(u8::is_ascii_alphabetic))
}

fn laid_in(page: &[u8], marks: &[Mark]) -> Bytes {
    let length: usize = marks.iter().map(|mark| mark.text.len()).sum();
    let mut copy = BytesMut::with_capacity(page.len() + length);
    let mut from = 0;
    for mark in marks {
        copy.extend_from_slice(&page[from..mark.at]);
        copy.extend_from_slice(mark.text.as_bytes());
        from = mark.at;
    }
    copy.extend_from_slice(&page[from..]);
    copy.freeze()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::exchange::trace::Made;
    use crate::page::{Outcome, Place};

    fn slot(target: Target, context: Context, output: Range<u64>) -> SlotTrace {
        SlotTrace {
            rule: Arc::from("rule"),
            injection: Arc::from("rule.1"),
            select: Arc::from("p"),
            target,
            context,
            content: Arc::from("rule.1"),
            outcome: Outcome::Shown,
            reason: None,
            made: Made::Fixed,
            filled: None,
            opened: Instant::now(),
            settled: Instant::now(),
            source: 0..0,
            output,
        }
    }

    fn text(page: &'static str, slots: &[SlotTrace]) -> String {
        let copy = marked(&Bytes::from_static(page.as_bytes()), slots, Side::Inlay);
        String::from_utf8(copy.to_vec()).unwrap()
    }

    #[test]
    fn places_are_held_between_comments() {
        let inner = Target::Place(Place::Inner);
        let slots = [slot(inner.clone(), Context::Html, 3..5), slot(inner, Context::Html, 5..5)];
        assert_eq!(text("<p>ab</p>", &slots), "<p><!--inlay:0-->ab<!--/inlay:0--><!--inlay:1--><!--/inlay:1--></p>");
    }

    #[test]
    fn attributes_and_texts_are_marked_before_their_tag() {
        let attribute = slot(Target::Attribute(Arc::from("src")), Context::Attribute, 15..16);
        let title = slot(Target::Place(Place::Inner), Context::EscapableText, 25..26);
        assert_eq!(
            text("a < b<img src=\"x\"><title>t</title>", &[attribute, title]),
            "a < b<!--inlay-tag:0--><img src=\"x\"><!--inlay-tag:1--><title>t</title>"
        );
    }

    #[test]
    fn a_slot_outside_the_page_is_not_marked() {
        let slots = [slot(Target::Place(Place::Inner), Context::Html, 3..99)];
        assert_eq!(text("<p>a</p>", &slots), "<p>a</p>");
    }
}
