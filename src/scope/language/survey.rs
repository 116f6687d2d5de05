//! What can be known of a source without running it.
//!
//! In: a syntax tree. Out: a [`Survey`]: the names it uses, the templates it leads to, and calls to what does not exist. It
//! must not look at other sources; [`builder`](super::builder) puts the surveys together.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use minijinja::machinery::Span;
use minijinja::machinery::ast::{CallArg, Expr, Stmt};

use super::compare::{self, Mismatch};
use super::messages::{self, Translation};
use super::offers::{self, Invocation};
use super::walk::{Node, upwards};

/// A name used in a source, with its place in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub name: String,
    pub at: Range<usize>,
}

/// A statement that leads to another template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// One of these must exist; `None` where a name is only known when it runs.
    pub names: Option<Vec<String>>,
    /// `include … ignore missing`.
    pub optional: bool,
    pub at: Range<usize>,
}

/// A constant step from a top-level name: `path` in `request.path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub root: String,
    pub member: Use,
}

/// What one source uses.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    /// How often each dotted path from a top-level name stands without a longer one around it: `request.path`, but not
    /// the `request` in it.
    paths: BTreeMap<String, usize>,
    /// Top-level names that are looked up.
    pub names: Vec<Use>,
    /// First steps below top-level names.
    pub steps: Vec<Step>,
    /// Names that are called as functions.
    pub calls: Vec<Use>,
    pub filters: Vec<Use>,
    /// How filters are called.
    pub invocations: Vec<Invocation>,
    pub tests: Vec<Use>,
    /// Names that the source itself gives a meaning to, anywhere.
    pub declared: BTreeSet<String>,
    pub links: Vec<Link>,
    /// Calls of `t`.
    pub translations: Vec<Translation>,
    /// Comparisons of text with a number.
    pub mismatches: Vec<Mismatch>,
}

/// Surveys a template.
pub(super) fn survey(tree: &Stmt<'_>) -> Survey {
    let mut survey = Survey::default();
    upwards(Node::Stmt(tree), &mut |node| match node {
        Node::Stmt(stmt) => survey.stmt(stmt),
        Node::Expr(expr) => survey.expr(expr),
    });
    survey
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

impl Survey {
    /// The dotted paths from top-level names: `request.path`.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().filter(|(_, alone)| **alone > 0).map(|(path, _)| &**path)
    }

    fn stmt(&mut self, stmt: &Stmt<'_>) {
        match stmt {
            Stmt::ForLoop(it) => self.declare(&it.target),
            Stmt::WithBlock(it) => it.assignments.iter().for_each(|(target, _)| self.declare(target)),
            Stmt::Set(it) => self.declare(&it.target),
            Stmt::SetBlock(it) => self.declare(&it.target),
            Stmt::Macro(it) => {
                self.declared.insert(it.name.to_owned());
                it.args.iter().for_each(|target| self.declare(target));
            }
            Stmt::CallBlock(it) => it.macro_decl.args.iter().for_each(|target| self.declare(target)),
            Stmt::Import(it) => {
                self.declare(&it.name);
                self.link(&it.expr, false);
            }
            Stmt::FromImport(it) => {
                for (name, alias) in &it.names {
                    self.declare(alias.as_ref().unwrap_or(name));
                    self.declare(name);
                }
                self.link(&it.expr, false);
            }
            Stmt::Extends(it) => self.link(&it.name, false),
            Stmt::Include(it) => self.link(&it.name, it.ignore_missing),
            _ => {}
        }
    }

    fn expr(&mut self, expr: &Expr<'_>) {
        self.mismatches.extend(compare::mismatches(expr));
        match expr {
            Expr::Var(it) => {
                *self.paths.entry(it.id.to_owned()).or_default() += 1;
                self.names.push(Use { name: it.id.to_owned(), at: range(it.span()) });
            }
            Expr::GetAttr(it) => {
                if let Expr::Var(root) = &it.expr {
                    let member = Use { name: it.name.to_owned(), at: range(root.span()).start..range(it.span()).end };
                    self.steps.push(Step { root: root.id.to_owned(), member });
                }
                self.lengthen(&it.expr, expr);
            }
            Expr::GetItem(it) => self.lengthen(&it.expr, expr),
            Expr::Call(it) => {
                if let Expr::Var(function) = &it.expr {
                    self.calls.push(Use { name: function.id.to_owned(), at: range(function.span()) });
                    if function.id == "t" {
                        self.translate(messages::translation(&it.args));
                    }
                }
            }
            Expr::Filter(it) => {
                self.filters.push(Use { name: normal(it.name), at: range(it.span()) });
                self.named_in_arguments(it.name, &it.args);
                self.invoke(invocation(&normal(it.name), range(it.span()), &it.args));
            }
            Expr::Test(it) => self.tests.push(Use { name: normal(it.name), at: range(it.span()) }),
            _ => {}
        }
    }

    /// `map('upper')`, `select('odd')`: filters and tests named by a constant.
    fn named_in_arguments(&mut self, filter: &str, arguments: &[CallArg<'_>]) {
        let (uses, position) = match filter {
            "map" => (&mut self.filters, 0),
            "select" | "reject" => (&mut self.tests, 0),
            "selectattr" | "rejectattr" => (&mut self.tests, 1),
            _ => return,
        };
        if let Some(CallArg::Pos(Expr::Const(name))) = arguments.get(position)
            && let Some(text) = name.value.as_str()
        {
            uses.push(Use { name: text.to_owned(), at: range(name.span()) });
            if filter == "map" {
                self.invoke(invocation(text, range(name.span()), &arguments[1..]));
            }
        }
    }

    /// Notes a call with what it reads besides what is written.
    fn invoke(&mut self, call: Invocation) {
        for path in offers::reads(&call) {
            *self.paths.entry(path.to_owned()).or_default() += 1;
        }
        self.invocations.push(call);
    }

    /// Notes a call of `t` with what it reads besides what is written.
    fn translate(&mut self, call: Translation) {
        for path in messages::READS {
            *self.paths.entry(path.to_owned()).or_default() += 1;
        }
        self.translations.push(call);
    }

    fn declare(&mut self, target: &Expr<'_>) {
        match target {
            Expr::Var(it) => {
                self.declared.insert(it.id.to_owned());
            }
            Expr::List(it) => it.items.iter().for_each(|item| self.declare(item)),
            Expr::Tuple(it) => it.items.iter().for_each(|item| self.declare(item)),
            _ => {}
        }
    }

    fn link(&mut self, name: &Expr<'_>, optional: bool) {
        let names = match name.as_const() {
            Some(value) => match value.as_str() {
                Some(one) => Some(vec![one.to_owned()]),
                None => {
                    value.try_iter().ok().and_then(|names| names.map(|name| Some(name.as_str()?.to_owned())).collect())
                }
            },
            None => None,
        };
        self.links.push(Link { names, optional, at: range(name.span()) });
    }

    /// Children are seen before their parents, so a path already counted is now part of a longer one.
    fn lengthen(&mut self, inner: &Expr<'_>, outer: &Expr<'_>) {
        if let (Some(shorter), Some(longer)) = (dotted(inner), dotted(outer)) {
            if let Some(alone) = self.paths.get_mut(&shorter) {
                *alone -= 1;
            }
            *self.paths.entry(longer).or_default() += 1;
        }
    }
}

fn invocation(filter: &str, at: Range<usize>, arguments: &[CallArg<'_>]) -> Invocation {
    let mut call = Invocation { filter: filter.to_owned(), at, ..Invocation::default() };
    for argument in arguments {
        match argument {
            CallArg::Pos(value) => call.positional.push((value.as_const(), range(value.span()))),
            CallArg::Kwarg(name, value) => {
                call.named.push(((*name).to_owned(), value.as_const(), range(value.span())));
            }
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => call.spread = true,
        }
    }
    call
}

/// minijinja ignores white space in the names of filters and tests.
fn normal(name: &str) -> String {
    name.chars().filter(|c| !c.is_ascii_whitespace()).collect()
}

/// `a.b['c']` as `a.b.c`; `None` if it begins with something other than a name or has a step that is not constant.
fn dotted(expr: &Expr<'_>) -> Option<String> {
    match expr {
        Expr::Var(it) => Some(it.id.to_owned()),
        Expr::GetAttr(it) => Some(format!("{}.{}", dotted(&it.expr)?, it.name)),
        Expr::GetItem(it) => match &it.subscript_expr {
            Expr::Const(key) => Some(format!("{}.{}", dotted(&it.expr)?, key.value)),
            _ => None,
        },
        _ => None,
    }
}
