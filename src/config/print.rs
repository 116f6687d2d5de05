//! Problems as text: `file:line:column: error: what, and what to do`, then the line itself with a caret.
//!
//! In: problems. Out: text, coloured for a terminal or plain. It must not sort, filter or count.

use std::fmt::Write as _;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::problem::{Place, Problem, Severity};
use crate::limits::CONFIG_PRINTED_LINE;

/// Whether the reader is a terminal that shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Coloured,
}

/// The problems as text, with an empty line after each.
pub fn problems(problems: &[Problem], style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    problems.iter().fold(String::new(), |mut text, problem| {
        let _ = writeln!(text, "{}\n", one(problem, &renderer));
        text
    })
}

fn one(problem: &Problem, renderer: &Renderer) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.no_name().primary_title(problem.headline());
    let mut report = vec![match snippet(&problem.place, AnnotationKind::Primary) {
        Some(snippet) => title.element(snippet),
        None => Group::with_title(title),
    }];
    for (place, what) in &problem.related {
        let title = Level::NOTE.no_name().secondary_title(format!("{place}: note: {what}"));
        report.push(match snippet(place, AnnotationKind::Context) {
            Some(snippet) => title.element(snippet),
            None => Group::with_title(title),
        });
    }
    renderer.render(&report)
}

/// The line with its mark; none where there are no lines.
fn snippet(place: &Place, kind: AnnotationKind) -> Option<Snippet<'_, Annotation<'_>>> {
    let (number, _) = place.position()?;
    let (line, mark) = shown(place);
    Some(Snippet::source(line).line_start(number).annotation(kind.span(mark)))
}

/// The line as shown, and what is marked in it. Of a very long line only the part around the mark is shown;
/// control characters become spaces, so that a file cannot paint the terminal.
fn shown(place: &Place) -> (String, std::ops::Range<usize>) {
    let (text, mark) = place.line();
    let back = (0..=mark.start.saturating_sub(CONFIG_PRINTED_LINE / 2)).rev();
    let from = match mark.start > CONFIG_PRINTED_LINE {
        true => back.into_iter().find(|at| text.is_char_boundary(*at)).unwrap_or(0),
        false => 0,
    };
    let to = (from + CONFIG_PRINTED_LINE * 2).min(text.len());
    let to = (to..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    // A space for each byte of a control character: the mark counts bytes.
    let line = text[from..to].chars().fold(String::new(), |mut line, c| {
        match c.is_control() && c != '\t' {
            true => line.extend(std::iter::repeat_n(' ', c.len_utf8())),
            false => line.push(c),
        }
        line
    });
    let mark = (mark.start - from).min(line.len())..(mark.end - from).min(line.len());
    (line, mark)
}
