//! Comparisons that can never hold, because one side is text and the other a number.
//!
//! In: an expression. Out: the comparisons in it whose sides are known to differ in kind, with what was likely meant. It
//! must not guess: only what is always text (a parameter, a header, a cookie, an attribute) and what is written as a
//! number counts.

use std::ops::Range;

use minijinja::Value;
use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr};
use minijinja::value::ValueKind;

/// A comparison of text with a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The scope's name that the text begins with.
    pub root: String,
    pub at: Range<usize>,
    pub message: String,
    pub hint: String,
}

/// How two sides are compared.
#[derive(Clone, Copy)]
enum Comparison {
    /// By this operator.
    Order(&'static str),
    Equal,
    Different,
}

/// One side of a comparison, as far as it is known.
enum Side {
    /// As its author wrote it, and the name that it begins with.
    Text(String, String),
    Number(Value),
    Other,
}

/// What is always text in the scope; `*` stands for any name.
const TEXTS: [&[&str]; 17] = [
    &["request", "query", "*"],
    &["request", "headers", "*"],
    &["request", "cookies", "*"],
    &["request", "method"],
    &["request", "scheme"],
    &["request", "host"],
    &["request", "path"],
    &["request", "language"],
    &["request", "device"],
    &["request", "ip"],
    &["params", "*"],
    &["visitor", "id"],
    &["site", "name"],
    &["element", "id"],
    &["element", "tag"],
    &["each", "id"],
    &["each", "tag"],
];

/// The comparisons of this expression, not of those inside it.
pub(super) fn mismatches(expr: &Expr<'_>) -> Vec<Mismatch> {
    match expr {
        Expr::BinOp(it) => {
            single(it.op).and_then(|comparison| mismatch(&it.left, comparison, &it.right)).into_iter().collect()
        }
        Expr::Compare(it) => {
            let lefts = std::iter::once(&it.expr).chain(it.ops.iter().map(|op| &op.expr));
            let pairs = lefts.zip(&it.ops);
            pairs.filter_map(|(left, op)| mismatch(left, chained(op.op)?, &op.expr)).collect()
        }
        _ => Vec::new(),
    }
}

fn single(op: BinOpKind) -> Option<Comparison> {
    Some(match op {
        BinOpKind::Eq => Comparison::Equal,
        BinOpKind::Ne => Comparison::Different,
        BinOpKind::Lt => Comparison::Order("<"),
        BinOpKind::Lte => Comparison::Order("<="),
        BinOpKind::Gt => Comparison::Order(">"),
        BinOpKind::Gte => Comparison::Order(">="),
        _ => return None,
    })
}

fn chained(op: CompareOpKind) -> Option<Comparison> {
    single(match op {
        CompareOpKind::Eq => BinOpKind::Eq,
        CompareOpKind::Ne => BinOpKind::Ne,
        CompareOpKind::Lt => BinOpKind::Lt,
        CompareOpKind::Lte => BinOpKind::Lte,
        CompareOpKind::Gt => BinOpKind::Gt,
        CompareOpKind::Gte => BinOpKind::Gte,
        CompareOpKind::In | CompareOpKind::NotIn => return None,
    })
}

fn mismatch(left: &Expr<'_>, comparison: Comparison, right: &Expr<'_>) -> Option<Mismatch> {
    let (text, root, number, text_first) = match (side(left), side(right)) {
        (Side::Text(text, root), Side::Number(number)) => (text, root, number, true),
        (Side::Number(number), Side::Text(text, root)) => (text, root, number, false),
        _ => return None,
    };
    let filter = if number.is_integer() { "int" } else { "float" };
    let (never, operator, text_meant, number_meant) = match comparison {
        Comparison::Order(operator) => {
            ("and text never compares with a number", operator, format!("{text}|{filter}"), number.to_string())
        }
        Comparison::Equal => ("and text never equals a number", "==", text.clone(), format!("'{number}'")),
        Comparison::Different => ("and text always differs from a number", "!=", text.clone(), format!("'{number}'")),
    };
    let (first, second) = if text_first { (text_meant, number_meant) } else { (number_meant, text_meant) };
    Some(Mismatch {
        root,
        at: start(left)..right.span().end_offset as usize,
        message: format!("`{text}` is text, {never}"),
        hint: format!("use `{first} {operator} {second}`"),
    })
}

/// Where an expression begins; the span of `a.b` begins at the dot.
fn start(expr: &Expr<'_>) -> usize {
    match expr {
        Expr::GetAttr(it) => start(&it.expr),
        Expr::GetItem(it) => start(&it.expr),
        Expr::Call(it) => start(&it.expr),
        _ => expr.span().start_offset as usize,
    }
}

fn side(expr: &Expr<'_>) -> Side {
    if let Some(value) = expr.as_const() {
        return if value.kind() == ValueKind::Number { Side::Number(value) } else { Side::Other };
    }
    if let Some((element, attribute)) = attribute(expr) {
        return Side::Text(format!("{element}.attr('{attribute}')"), element);
    }
    let Some(path) = path(expr) else { return Side::Other };
    let is_text = |pattern: &&[&str]| {
        pattern.len() == path.len()
            && pattern.iter().zip(&path).all(|(want, name)| matches!(*want, "*") || want == name)
    };
    match TEXTS.iter().any(is_text) {
        true => Side::Text(written(&path), path[0].clone()),
        false => Side::Other,
    }
}

/// `element.attr('x')` and `each.attr('x')`.
fn attribute(expr: &Expr<'_>) -> Option<(String, String)> {
    let Expr::Call(call) = expr else { return None };
    let Expr::GetAttr(method) = &call.expr else { return None };
    match (&method.expr, call.args.as_slice()) {
        (Expr::Var(element), [CallArg::Pos(name)])
            if method.name == "attr" && matches!(element.id, "element" | "each") =>
        {
            Some((element.id.to_owned(), name.as_const()?.as_str()?.to_owned()))
        }
        _ => None,
    }
}

/// The steps of `a.b['c']`.
pub(super) fn path(expr: &Expr<'_>) -> Option<Vec<String>> {
    let (inner, step) = match expr {
        Expr::Var(it) => return Some(vec![it.id.to_owned()]),
        Expr::GetAttr(it) => (&it.expr, it.name.to_owned()),
        Expr::GetItem(it) => (&it.expr, it.subscript_expr.as_const()?.as_str()?.to_owned()),
        _ => return None,
    };
    let mut steps = path(inner)?;
    steps.push(step);
    Some(steps)
}

/// A path as an author writes it.
fn written(path: &[String]) -> String {
    let is_word = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    path.iter().skip(1).fold(path[0].clone(), |text, step| match is_word(step) {
        true => format!("{text}.{step}"),
        false => format!("{text}['{step}']"),
    })
}

#[cfg(test)]
mod tests {
    use crate::scope::language::{LanguageBuilder, Severity};

    /// What is marked, and the hint, of each warning about a condition.
    fn warned(condition: &str) -> Vec<(String, String)> {
        let mut builder = LanguageBuilder::new();
        builder.condition("c", condition);
        let (_, warnings) = builder.build().expect("sound");
        assert!(warnings.iter().all(|warning| warning.severity == Severity::Warning));
        let marked = |warning: &super::super::Problem| condition[warning.span.clone()].to_owned();
        warnings.iter().map(|warning| (marked(warning), warning.hint.clone().unwrap_or_default())).collect()
    }

    #[test]
    fn text_with_a_number_is_told_with_what_was_meant() {
        let table = [
            ("request.query.page > 2", "use `request.query.page|int > 2`"),
            ("2 <= params.page", "use `2 <= params.page|int`"),
            ("request.cookies['a-b'] < -1.5", "use `request.cookies['a-b']|float < -1.5`"),
            ("element.attr('data-left') >= 1", "use `element.attr('data-left')|int >= 1`"),
            ("request.headers.age == 3", "use `request.headers.age == '3'`"),
            ("3 != each.id", "use `'3' != each.id`"),
        ];
        for (condition, hint) in table {
            assert_eq!(warned(condition), [(condition.to_owned(), hint.to_owned())]);
        }
        assert_eq!(warned("not (1 < request.query.page < 9) or visitor.returning").len(), 2);
    }

    #[test]
    fn what_may_be_meant_is_not_told() {
        for condition in [
            "request.query.page|int > 2",
            "request.query.page|default(0) > 2",
            "request.query.page|length > 2",
            "request.query.page == '2'",
            "request.query.a < request.query.b",
            "site.data.stores > 3 and site.data.age > 18",
            "request.query > 2",
            "2 > 1 and 'a' != 'b'",
            "element.attr('a', 1) > 2",
            "now.hour > 9 and random > 0.5",
        ] {
            assert_eq!(warned(condition), [], "{condition}");
        }
    }

    #[test]
    fn names_of_the_template_itself_are_not_the_scopes() {
        let mut builder = LanguageBuilder::new();
        builder.template("t", "{% for params in site.data.list %}{% if params.left > 2 %}a{% endif %}{% endfor %}");
        assert_eq!(builder.build().expect("sound").1, []);
    }
}
