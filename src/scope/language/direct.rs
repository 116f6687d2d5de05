//! Conditions that need no machine: paths of the scope compared with constants, joined by `and`, `or` and `not`.
//!
//! In: a condition's syntax tree, later a [`Reader`]. Out: whether it holds, as the language would say; or that the machine
//! must be asked. Most conditions are such, and every request decides some. It must not read more than the machine would.

use std::cmp::Ordering;
use std::sync::Arc;

use minijinja::Value;
use minijinja::machinery::ast::{BinOpKind, Expr, Stmt, UnaryOpKind};

use super::SCOPE_NAMES;
use super::builtins::order;
use super::compare::path;
use crate::scope::ledger::Reader;
use crate::scope::{Key, Question, Seen};

/// Names whose values are more than what stands there: a moment, a nonce.
const OWN_WAYS: [&str; 2] = ["now", "csp"];

/// A condition.
#[derive(Clone, Debug)]
pub(super) enum Direct {
    Constant(bool),
    /// What stands at a path is something, and not nothing.
    True(Arc<[Key]>),
    Compared(Arc<[Key]>, Comparison, Value),
    /// What stands at a path is one of these.
    OneOf(Arc<[Key]>, Vec<Value>),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison {
    Equal,
    Different,
    /// By an order that this accepts.
    Ordered(fn(Ordering) -> bool),
}

/// What stands at a path.
enum Stands {
    Unknown,
    Value(Value),
    /// A list or a map, which only the machine compares.
    Container,
}

impl Direct {
    /// The condition of a source that is nothing but one; `None` if it takes the machine.
    pub fn of(source: &Stmt<'_>) -> Option<Self> {
        let Stmt::Template(template) = source else { return None };
        let [Stmt::IfCond(condition)] = &template.children[..] else { return None };
        Self::of_expression(&condition.expr)
    }

    fn of_expression(expression: &Expr<'_>) -> Option<Self> {
        let boxed = |expression| Self::of_expression(expression).map(Box::new);
        Some(match expression {
            Expr::Const(constant) => Self::Constant(constant.value.is_true()),
            Expr::UnaryOp(it) if matches!(it.op, UnaryOpKind::Not) => Self::Not(boxed(&it.expr)?),
            Expr::BinOp(it) => match it.op {
                BinOpKind::ScAnd => Self::And(boxed(&it.left)?, boxed(&it.right)?),
                BinOpKind::ScOr => Self::Or(boxed(&it.left)?, boxed(&it.right)?),
                BinOpKind::In => Self::OneOf(scope_path(&it.left)?, constants(&it.right)?),
                op => Self::Compared(scope_path(&it.left)?, comparison(op)?, constant(&it.right)?),
            },
            other => Self::True(scope_path(other)?),
        })
    }

    /// Whether it holds; `None` if the machine must say.
    pub fn holds(&self, reader: &Reader) -> Option<bool> {
        Some(match self {
            Self::Constant(holds) => *holds,
            Self::True(path) => match stands(reader, path) {
                Stands::Unknown => false,
                Stands::Value(value) => value.is_true(),
                Stands::Container => match reader.ask(Question::Keys(path.clone())).seen {
                    Seen::Keys(keys) => !keys.is_empty(),
                    _ => false,
                },
            },
            Self::Compared(path, comparison, constant) => match (stands(reader, path), comparison) {
                (Stands::Container, _) => return None,
                (Stands::Unknown, comparison) => matches!(comparison, Comparison::Different),
                (Stands::Value(value), Comparison::Equal) => value == *constant,
                (Stands::Value(value), Comparison::Different) => value != *constant,
                (Stands::Value(value), Comparison::Ordered(accepts)) => order(&value, constant).is_some_and(accepts),
            },
            Self::OneOf(path, constants) => match stands(reader, path) {
                Stands::Container => return None,
                Stands::Unknown => false,
                Stands::Value(value) => constants.contains(&value),
            },
            Self::Not(inner) => !inner.holds(reader)?,
            Self::And(left, right) => left.holds(reader)? && right.holds(reader)?,
            Self::Or(left, right) => left.holds(reader)? || right.holds(reader)?,
        })
    }
}

fn stands(reader: &Reader, path: &Arc<[Key]>) -> Stands {
    match reader.ask(Question::Get(path.clone())).seen {
        Seen::Scalar(value) => Stands::Value(value),
        Seen::Map | Seen::List => Stands::Container,
        _ => Stands::Unknown,
    }
}

/// `a.b['c']`, where `a` is a name of the scope that stands for plain values.
fn scope_path(expression: &Expr<'_>) -> Option<Arc<[Key]>> {
    let steps = path(expression)?;
    let root = steps.first()?.as_str();
    let plain = SCOPE_NAMES.contains(&root) && !OWN_WAYS.contains(&root);
    plain.then(|| steps.into_iter().map(Key::from).collect())
}

fn comparison(op: BinOpKind) -> Option<Comparison> {
    Some(match op {
        BinOpKind::Eq => Comparison::Equal,
        BinOpKind::Ne => Comparison::Different,
        BinOpKind::Lt => Comparison::Ordered(Ordering::is_lt),
        BinOpKind::Lte => Comparison::Ordered(Ordering::is_le),
        BinOpKind::Gt => Comparison::Ordered(Ordering::is_gt),
        BinOpKind::Gte => Comparison::Ordered(Ordering::is_ge),
        _ => return None,
    })
}

/// A constant that is something: what is equal to `none` is the machine's to say.
fn constant(expression: &Expr<'_>) -> Option<Value> {
    let Expr::Const(constant) = expression else { return None };
    let value = &constant.value;
    (!value.is_none() && !value.is_undefined()).then(|| value.clone())
}

fn constants(expression: &Expr<'_>) -> Option<Vec<Value>> {
    let Expr::List(list) = expression else { return None };
    list.items.iter().map(constant).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use crate::scope::Scope;
    use crate::scope::language::{Language, LanguageBuilder};
    use crate::scope::ledger::Reader;
    use crate::scope::values::Tree;

    fn language(condition: &str) -> std::sync::Arc<Language> {
        let mut builder = LanguageBuilder::new();
        builder.condition("it", condition);
        builder.build().expect("a condition").0
    }

    fn scope(text: &str, number: i64) -> Scope {
        let profile = json!({
            "text": text, "number": number, "yes": true, "none": null, "map": { "a": { "b": text } }, "empty": {}, "list": [1, 2],
        });
        Scope::new().with("profile", std::sync::Arc::new(Tree::of_visitor(profile)))
    }

    fn paths() -> impl Strategy<Value = &'static str> {
        let paths = [
            "text",
            "number",
            "yes",
            "none",
            "map",
            "map.a",
            "map.a.b",
            "map['a'].b",
            "empty",
            "list",
            "text.x",
            "no.x",
        ];
        prop::sample::select(paths.to_vec())
    }

    fn conditions() -> impl Strategy<Value = String> {
        let constants = prop::sample::select(vec!["'a'", "'b'", "''", "1", "2", "1.0", "true", "none"]);
        let operators = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
        let leaf = prop_oneof![
            paths().prop_map(|path| format!("profile.{path}")),
            (paths(), operators, constants.clone())
                .prop_map(|(path, op, constant)| format!("profile.{path} {op} {constant}")),
            (paths(), constants.clone(), constants).prop_map(|(path, a, b)| format!("profile.{path} in [{a}, {b}]")),
            Just("true".to_owned()),
        ];
        leaf.prop_recursive(3, 12, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|inner| format!("not ({inner})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
                (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) or ({b})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        /// The machine says the same, and whatever was read for it without the machine was read with it too, but for
        /// what stands on the way.
        #[test]
        fn the_machine_agrees(condition in conditions(), text in "[ab]?", number in 0_i64..3) {
            let language = language(&condition);
            let (reader, machine) = (Reader::new(scope(&text, number)), Reader::new(scope(&text, number)));
            let holds = language.holds("it", &reader).unwrap();
            prop_assert_eq!(holds, language.holds_by_machine("it", &machine).unwrap(), "{}", condition);
            prop_assert_eq!(reader.ledger().bounds(), machine.ledger().bounds());
        }
    }

    #[test]
    fn what_most_conditions_are_needs_no_machine() {
        for condition in [
            "request.cookies.tier == 'gold'",
            "visitor.returning and not audiences.gold",
            "profile.age >= 18 or profile['loyalty tier'] in ['gold', 'silver']",
            "request.query.utm_source != 'x'",
        ] {
            assert_eq!(language(condition).direct.len(), 1, "{condition}");
        }
        for condition in
            ["now.hour < 12", "profile.name|upper == 'X'", "csp.nonce", "profile.a == profile.b", "events.any('a.b')"]
        {
            assert_eq!(language(condition).direct.len(), 0, "{condition}");
        }
    }
}
