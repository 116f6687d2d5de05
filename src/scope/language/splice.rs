//! Turns operators into tests and filters of ours, in the source text.
//!
//! In: a source with its syntax tree. Out: the source that is compiled, and a map back to the author's. It must not know
//! what the tests and filters do.
//!
//! Why the text: minijinja says that the unknown is less than 18, and offers no hook for it; its syntax tree can be read
//! but not handed back for compilation, and templates that include one another are only found by their source. So
//! `a < b` becomes `(a) is lt(b)`, `a ~ b` becomes `(a)|concat(b)`, `a if b` becomes `a if b else ''`: ordinary Jinja, on
//! the same line, with the same precedence, and an author who writes the test himself gets the same answer. Likewise
//! `{{ a }}` becomes `{{ (a)|filter }}`, with the filter of the place where it stands.
//!
//! Offsets: a node's span ends with its last token, but for closing parentheses. A comparison's span begins with the token
//! *before* it (so the next token is its first), a concatenation's with its own first token.

use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::machinery::ast::{BinOpKind, CompareOpKind, Expr, Stmt};
use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::places::Place;
use super::walk::{Node, upwards};

/// A source ready to be compiled, and the way back from its offsets to the author's.
#[derive(Debug, Default)]
pub(super) struct Spliced {
    pub source: String,
    /// Runs of text taken over: where in the new source, where in the old, how long. In order.
    kept: Vec<(usize, usize, usize)>,
}

impl Spliced {
    /// The author's offset for one in the compiled source: the same character, or where the operator stood.
    pub fn original(&self, offset: usize) -> usize {
        let after = self.kept.partition_point(|(new, _, _)| *new <= offset);
        match after.checked_sub(1).map(|index| self.kept[index]) {
            Some((new, old, length)) => old + (offset - new).min(length),
            None => 0,
        }
    }
}

struct Edit {
    range: Range<usize>,
    text: String,
    nesting: Nesting,
}

/// The order of edits at one offset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nesting {
    /// Opens what is around all others.
    Outermost,
    AsPushed,
    /// Closes it.
    Last,
}

struct Tokens<'s>(Vec<(Token<'s>, Range<usize>)>);

/// Splices a template's source.
pub(super) fn splice(source: &str, tree: &Stmt<'_>, places: &BTreeMap<usize, Place>) -> Spliced {
    let tree = Node::Stmt(tree);
    let tokens = Tokens::of(source);
    let mut edits = Vec::new();
    for (start, filter) in places.iter().filter_map(|(start, place)| Some((*start, place.filter()?))) {
        let value = tokens.value_printed_at(start);
        edits.push(Edit { range: value.start..value.start, text: "(".into(), nesting: Nesting::Outermost });
        edits.push(Edit { range: value.end..value.end, text: format!(")|{filter}"), nesting: Nesting::Last });
    }
    let mut with_default = Vec::new();
    upwards(tree, &mut |node| {
        if let Node::Expr(Expr::Filter(filter)) = node
            && let ("default" | "d", Some(operand)) = (filter.name, &filter.expr)
        {
            with_default.push(operand.span());
        }
    });
    upwards(tree, &mut |node| match node {
        Node::Expr(Expr::BinOp(it)) => match comparison(it.op) {
            Some(test) => compare(&tokens, it.span(), &[(it.left.span(), test)], &mut edits),
            None if matches!(it.op, BinOpKind::Concat) => {
                let operator = tokens.operator_after(it.left.span().end_offset as usize);
                wrap(it.span().start_offset as usize, operator, ")|concat(", &mut edits);
                close(it.span().end_offset as usize, &mut edits);
            }
            None => {}
        },
        Node::Expr(Expr::Compare(it)) => {
            let mut operands = vec![it.expr.span()];
            operands.extend(it.ops.iter().map(|op| op.expr.span()));
            let steps: Vec<_> = operands.into_iter().zip(it.ops.iter().map(|op| chained(op.op))).collect();
            compare(&tokens, it.span(), &steps, &mut edits);
        }
        Node::Expr(Expr::IfExpr(it)) if it.false_expr.is_none() && !with_default.contains(&it.span()) => {
            let end = it.span().end_offset as usize;
            // `a if b if c` would change its meaning, so its inner part is left alone.
            if !tokens.is_word(end, "if") {
                edits.push(Edit { range: end..end, text: " else ''".into(), nesting: Nesting::AsPushed });
            }
        }
        _ => {}
    });
    apply(source, edits)
}

/// The test that stands for a single comparison; `in` covers `not in`, whose operator says so itself.
fn comparison(op: BinOpKind) -> Option<&'static str> {
    Some(match op {
        BinOpKind::Eq => "eq",
        BinOpKind::Ne => "ne",
        BinOpKind::Lt => "lt",
        BinOpKind::Lte => "le",
        BinOpKind::Gt => "gt",
        BinOpKind::Gte => "ge",
        BinOpKind::In => "in",
        _ => return None,
    })
}

fn chained(op: CompareOpKind) -> &'static str {
    match op {
        CompareOpKind::Eq => "eq",
        CompareOpKind::Ne => "ne",
        CompareOpKind::Lt => "lt",
        CompareOpKind::Lte => "le",
        CompareOpKind::Gt => "gt",
        CompareOpKind::Gte => "ge",
        CompareOpKind::In => "in",
        CompareOpKind::NotIn => "notin",
    }
}

/// One comparison becomes `(a) is lt(b)`, a chain `(a) is chain('lt', b, 'le', c)`: every operand is evaluated once.
fn compare(
    tokens: &Tokens<'_>,
    span: minijinja::machinery::Span,
    steps: &[(minijinja::machinery::Span, &str)],
    edits: &mut Vec<Edit>,
) {
    let start = tokens.start_after(span.start_offset as usize);
    let single = steps.len() == 1;
    for (index, (left, test)) in steps.iter().enumerate() {
        let operator = tokens.operator_after(left.end_offset as usize);
        let negated = tokens.is_word(operator.start, "not");
        let text = match (index, single) {
            (0, true) if negated => format!(") is not {test}("),
            (0, true) => format!(") is {test}("),
            (0, false) => format!(") is chain('{test}', "),
            _ => format!(", '{test}', "),
        };
        match index {
            0 => wrap(start, operator, &text, edits),
            _ => edits.push(Edit { range: operator, text, nesting: Nesting::AsPushed }),
        }
    }
    close(span.end_offset as usize, edits);
}

fn wrap(start: usize, operator: Range<usize>, text: &str, edits: &mut Vec<Edit>) {
    edits.push(Edit { range: start..start, text: "(".into(), nesting: Nesting::AsPushed });
    edits.push(Edit { range: operator, text: text.into(), nesting: Nesting::AsPushed });
}

fn close(end: usize, edits: &mut Vec<Edit>) {
    edits.push(Edit { range: end..end, text: ")".into(), nesting: Nesting::AsPushed });
}

impl<'s> Tokens<'s> {
    fn of(source: &'s str) -> Self {
        let tokens = tokenize(source, false, SyntaxConfig::default()).map_while(Result::ok);
        Self(tokens.map(|(token, span)| (token, span.start_offset as usize..span.end_offset as usize)).collect())
    }

    /// Index of the first token that starts at `offset` or later.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|(_, range)| range.start < offset)
    }

    /// Where the token after the one that starts at `offset` begins.
    fn start_after(&self, offset: usize) -> usize {
        self.0.get(self.at(offset) + 1).map_or(offset, |(_, range)| range.start)
    }

    /// The operator that follows an operand which ends at `offset`, closing parentheses left out; `not in` is one.
    fn operator_after(&self, offset: usize) -> Range<usize> {
        let tail = &self.0[self.at(offset)..];
        let mut rest = tail.iter().skip_while(|(token, _)| matches!(token, Token::ParenClose));
        match (rest.next(), rest.next()) {
            (Some((Token::Ident("not"), not)), Some((_, within))) => not.start..within.end,
            (Some((_, range)), _) => range.clone(),
            (None, _) => offset..offset,
        }
    }

    /// Where the value that is printed at `offset` stands, up to its last token.
    fn value_printed_at(&self, offset: usize) -> Range<usize> {
        let at = self.at(offset);
        let first = at + usize::from(matches!(self.0.get(at), Some((Token::VariableStart, _))));
        let printed = self.0[first..].iter().take_while(|(token, _)| !matches!(token, Token::VariableEnd));
        let ranges: Vec<_> = printed.map(|(_, range)| range).collect();
        match (ranges.first(), ranges.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => offset..offset,
        }
    }

    /// Whether the first token at `offset` or later is this word.
    fn is_word(&self, offset: usize, word: &str) -> bool {
        matches!(self.0.get(self.at(offset)), Some((Token::Ident(found), _)) if *found == word)
    }
}

/// Edits were pushed children first; among those at one offset that order is the nesting, so the sort must be stable.
fn apply(source: &str, mut edits: Vec<Edit>) -> Spliced {
    edits.sort_by_key(|edit| (edit.range.start, edit.nesting));
    let mut spliced = Spliced { source: String::with_capacity(source.len() + 16 * edits.len()), kept: Vec::new() };
    let mut done = 0;
    for edit in edits {
        spliced.keep(source, done..edit.range.start);
        spliced.source.push_str(&edit.text);
        done = edit.range.end;
    }
    spliced.keep(source, done..source.len());
    spliced
}

impl Spliced {
    fn keep(&mut self, source: &str, range: Range<usize>) {
        self.kept.push((self.source.len(), range.start, range.len()));
        self.source.push_str(&source[range]);
    }
}
