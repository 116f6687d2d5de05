//! Functions: given to the engine, and what it says led back to the files.
//!
//! In: the sources below `functions`. Out: compiled functions, or problems at their places. It must not know JavaScript.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::report::Report;
use crate::config::source::{SourceId, Span};
use crate::content::function::{self, FunctionProblem, Functions, Source};
use crate::scope::language::Formatting;
use crate::scope::language::messages::Messages;

/// The functions, or `None` after noting what is wrong with them.
pub fn compile(
    files: &BTreeMap<String, SourceId>,
    messages: &Arc<Messages>,
    report: &mut Report,
) -> Option<Arc<Functions>> {
    let sources: Vec<_> = files.iter().map(|(path, id)| (path.as_str(), report.sources.get(*id).clone())).collect();
    let sources: Vec<_> = sources.iter().map(|(path, source)| Source { path, text: source.text() }).collect();
    match function::compile(&sources, Arc::new(Formatting::new(messages))) {
        Ok(functions) => Some(Arc::new(functions)),
        Err(problems) => {
            for problem in problems {
                let Some(id) = files.get(&*problem.file) else { continue };
                let span = place(*id, &problem, report);
                report.error(span, problem.message, problem.hint);
            }
            None
        }
    }
}

/// The one character at a line and column.
fn place(id: SourceId, problem: &FunctionProblem, report: &Report) -> Span {
    let source = report.sources.get(id);
    let line = source.line(problem.line);
    let text = &source.text()[line.clone()];
    let after = |characters: usize| text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    id.span(line.start + after(problem.column.saturating_sub(1))..line.start + after(problem.column))
}
