//! Which events a browser is believed.
//!
//! In: types, with `*` for any noun or verb. Out: whether one is among them. What a page's scripts send can be made up by whoever
//! reads them, so what costs money is only believed of servers. It must not look at what an event says.

use std::sync::Arc;

use super::EventType;

/// What is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Believed {
    /// All but orders, and what we see ourselves better.
    #[default]
    AllButOrders,
    /// These: `cart.add`, `cart.*`, `*.view`, `*`.
    These(Arc<[Arc<str>]>),
}

impl Believed {
    /// Whether this type is.
    pub fn believes(&self, kind: &EventType) -> bool {
        let kind = kind.text();
        match self {
            Self::AllButOrders => !kind.starts_with("order.") && kind != "fragment.served",
            Self::These(patterns) => patterns.iter().any(|pattern| fits(pattern, kind)),
        }
    }
}

/// Whether a type fits a pattern; `*` alone is any type.
fn fits(pattern: &str, kind: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (Some((noun, verb)), Some((own_noun, own_verb))) = (pattern.split_once('.'), kind.split_once('.')) else {
        return false;
    };
    (noun == "*" || noun == own_noun) && (verb == "*" || verb == own_verb)
}

/// Whether this is a pattern: `*`, or a noun and a verb with `*` for any.
pub fn is_pattern(text: &str) -> bool {
    text == "*" || EventType::parse(&text.replace('*', "any")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_made_up_too_easily() {
        let kind = |text: &str| EventType::parse(text).expect("a type");
        let believed = Believed::default();
        assert!(believed.believes(&kind("cart.add")) && believed.believes(&kind("quiz.done")));
        assert!(!believed.believes(&kind("order.placed")) && !believed.believes(&kind("fragment.served")));
        let these = Believed::These(["*.view".into(), "order.placed".into(), "cart.*".into()].into());
        for (text, is) in [("page.view", true), ("order.placed", true), ("cart.add", true), ("order.paid", false)] {
            assert_eq!(these.believes(&kind(text)), is, "{text}");
        }
        assert!(is_pattern("*") && is_pattern("cart.*") && !is_pattern("cart") && !is_pattern("a b.c"));
    }
}
