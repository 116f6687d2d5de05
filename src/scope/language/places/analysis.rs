//! The places of all values that a template prints, along every way through it.
//!
//! In: a syntax tree, and where the template's text begins. Out: places by the offset of the value, and problems: where printing cannot
//! be made safe, and where two ways through the template end in different places. What is captured (macros, `{% set %}…`) begins
//! between tags, and is looked at again where it is printed.

use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::machinery::ast::{EmitExpr, Expr, IfCond, Stmt};
use minijinja::machinery::{Span, ast::Spanned};

use super::html::{Inner, Quote, State, Tag, Unprintable};
use super::script::Script;
use super::{Place, Start};

/// What was found.
#[derive(Debug, Default)]
pub struct Analysis {
    /// By the offset where the printed value begins.
    pub places: BTreeMap<usize, Place>,
    /// Each once: where, what, and what to do.
    pub problems: Vec<(Range<usize>, String, String)>,
}

/// Analyses a template whose text begins there.
pub fn analyse(tree: &Stmt<'_>, start: Start) -> Analysis {
    let start = match start {
        Start::Markup => State::Text,
        Start::RawText => State::Script(Script::START),
        Start::Attribute(kind) => State::Value(Tag::default(), Quote::Whole, Inner::of(kind)),
    };
    let mut analysis = Analysis::default();
    analysis.stmt(tree, start);
    analysis.problems.sort_by_key(|(at, ..)| at.start);
    analysis.problems.dedup();
    analysis
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

impl Analysis {
    fn problem(&mut self, at: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push((at, what.into(), remedy.into()));
    }

    fn stmts(&mut self, list: &[Stmt<'_>], state: State) -> State {
        list.iter().fold(state, |state, stmt| self.stmt(stmt, state))
    }

    /// What captures its output: it begins between tags.
    fn captured(&mut self, body: &[Stmt<'_>]) {
        self.stmts(body, State::Text);
    }

    fn stmt(&mut self, stmt: &Stmt<'_>, state: State) -> State {
        match stmt {
            Stmt::Template(it) => self.stmts(&it.children, state),
            Stmt::EmitRaw(it) => state.after(it.raw),
            Stmt::EmitExpr(it) => self.emit(it, state),
            Stmt::IfCond(it) => self.branches(it, state),
            Stmt::ForLoop(it) => {
                let once = self.stmts(&it.body, state.clone());
                let entered = self.meet(state.clone(), once, range(it.span()));
                let again = self.stmts(&it.body, entered.clone());
                let looped = self.meet(entered, again, range(it.span()));
                let without = self.stmts(&it.else_body, state);
                if it.else_body.is_empty() { looped } else { self.meet(looped, without, range(it.span())) }
            }
            Stmt::WithBlock(it) => self.stmts(&it.body, state),
            Stmt::AutoEscape(it) => self.stmts(&it.body, state),
            Stmt::Block(it) => {
                self.takes_text(&state, range(it.span()), "a block");
                self.stmts(&it.body, state)
            }
            Stmt::SetBlock(it) => {
                self.captured(&it.body);
                state
            }
            Stmt::Macro(it) => {
                self.captured(&it.body);
                state
            }
            Stmt::FilterBlock(it) => {
                self.captured(&it.body);
                self.takes_text(&state, range(it.span()), "a filtered block");
                state
            }
            Stmt::CallBlock(it) => {
                self.captured(&it.macro_decl.body);
                self.takes_text(&state, range(it.span()), "the call of a macro");
                state
            }
            Stmt::Include(it) => {
                self.takes_text(&state, range(it.span()), "an include");
                state
            }
            _ => state,
        }
    }

    /// What was escaped between tags can only be laid where text is.
    fn takes_text(&mut self, state: &State, at: Range<usize>, what: &str) {
        if !state.takes_text() {
            let what = format!("{what} can't stand here: its values are escaped for text");
            self.problem(at, what, "capture it with `{% set part %}…{% endset %}` and print `{{ part }}`");
        }
    }

    fn emit(&mut self, it: &Spanned<EmitExpr<'_>>, state: State) -> State {
        match state.place() {
            Ok(place) => {
                self.places.insert(range(it.span()).start, said(place, &it.expr));
            }
            Err(Unprintable(what, remedy)) => {
                self.places.insert(range(it.span()).start, Place::Nowhere);
                self.problem(range(it.span()), what, remedy);
            }
        }
        state.after_value()
    }

    fn branches(&mut self, it: &Spanned<IfCond<'_>>, state: State) -> State {
        let holds = self.stmts(&it.true_body, state.clone());
        let fails = self.stmts(&it.false_body, state);
        self.meet(holds, fails, range(it.span()))
    }

    fn meet(&mut self, one: State, other: State, at: Range<usize>) -> State {
        let met = one.clone().meet(other);
        if met.is_none() {
            let what = "the ways through this end in different places of the markup, so what follows can't be escaped";
            self.problem(at, what, "close tags, quotes and scripts within each branch");
        }
        met.unwrap_or(one)
    }
}

/// The place, given what the author says of the value with the last filter.
fn said(place: Place, expr: &Expr<'_>) -> Place {
    let Expr::Filter(filter) = expr else { return place };
    match (place, filter.name) {
        (Place::Script(within), "safe" | "tojson") => Place::Trusted(within),
        (Place::Css(within), "safe") => Place::Trusted(within),
        (Place::UrlQuery, "urlencode") => Place::UrlPath,
        _ => place,
    }
}
