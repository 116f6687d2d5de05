//! What works but is likely not meant: two rules that want the same element, or redirect the same path.
//!
//! In: all rules. Out: warnings. It must not refuse anything.

use std::collections::HashMap;

use super::world::{File, World};
use crate::config::raw::rules::{RawInjection, RawMatch, RawRule};
use crate::config::read::At;
use crate::config::read::record::Field;
use crate::config::report::Report;
use crate::config::source::Span;
use crate::page::Place;
use crate::rule::State;
use crate::rule::pattern::{PathPattern, Segment};

/// Rules with which one rule is compared; more on one selector are a pattern of the author's, not an oversight.
const COMPARED: usize = 50;

/// Notes every warning about rules.
pub fn warn(world: &World<'_>, report: &mut Report) {
    let mut claims: HashMap<(&str, String), Vec<Claim<'_>>> = HashMap::new();
    for (name, rule, file) in &world.rules {
        for injection in rule.inject.iter().flat_map(|at| &at.value.0) {
            let Some(key) = claim_key(injection) else { continue };
            let does = format!("change all of `{}`", key.0);
            let conditional = injection.when.is_some();
            let claim = Claim { name, rule, file: *file, span: injection.span, conditional };
            claim.enter(&does, claims.entry(key).or_default(), report);
        }
        let redirect = rule.redirect.as_ref().map(|at| ("redirect", at.key));
        let serve = rule.serve.as_ref().map(|at| ("serve", at.key));
        for (action, span) in [redirect, serve].into_iter().flatten() {
            let claim = Claim { name, rule, file: *file, span, conditional: false };
            claim.enter(action, claims.entry((action, "request".to_owned())).or_default(), report);
        }
    }
}

/// Something that a rule does and that leaves nothing of what another does with the same pages.
struct Claim<'a> {
    name: &'a str,
    rule: &'a At<RawRule>,
    file: File<'a>,
    span: Span,
    /// Whether it has a condition of its own, beside the rule's.
    conditional: bool,
}

/// The selector and what is claimed of its elements; `None` for what can stand beside others.
fn claim_key(injection: &At<RawInjection>) -> Option<(&str, String)> {
    let what = match (&injection.place, &injection.attribute) {
        (Some(at), _) if matches!(at.value, Place::Replace | Place::Inner) => "content".to_owned(),
        (None, Some(at)) => at.value.value.to_lowercase(),
        _ => return None,
    };
    let each = injection.each.as_ref().map_or("", |at| at.value.value.as_str());
    Some((injection.select.as_ref()?.value.value.trim(), format!("{what} {each}")))
}

impl<'a> Claim<'a> {
    /// Joins the others of its kind; the first with which it clashes is noted.
    fn enter(self, does: &str, others: &mut Vec<Claim<'a>>, report: &mut Report) {
        let clash = others.iter().rev().take(COMPARED).find(|other| other.clashes(&self));
        if let Some(Claim { name: first, span, .. }) = clash {
            let what = format!("the rules `{first}` and `{}` both {does} on the same pages", self.name);
            let remedy = format!("`{first}` wins as it stands first; give one a `priority` to say which you mean");
            report.warn(self.span, what, remedy).see(*span, "the first");
        }
        others.push(self);
    }

    /// Whether nothing that is written keeps the two apart. A condition, a campaign or a priority shows that the
    /// author thought of it.
    fn clashes(&self, other: &Self) -> bool {
        let plain = |claim: &Self| {
            let rule = &claim.rule.value;
            let live = rule.state.as_ref().is_none_or(|at| at.value == State::Live);
            let unconditional =
                rule.when.is_none() && rule.campaign.is_none() && rule.share.is_none() && rule.active.is_none();
            let file = claim.file.head.when.is_none() && claim.file.head.campaign.is_none();
            live && unconditional && file && rule.except.is_none() && !claim.conditional
        };
        let priority = |claim: &Self| claim.rule.priority.as_ref().map_or(0, |at| at.value.0);
        plain(self) && plain(other) && priority(self) == priority(other) && self.name != other.name && self.meets(other)
    }

    /// Whether a request can fit both.
    fn meets(&self, other: &Self) -> bool {
        let matches = |claim: &Self| -> Vec<RawMatch> {
            let fields: [&Field<RawMatch>; 2] = [&claim.file.head.matches, &claim.rule.matches];
            fields.into_iter().flatten().map(|at| at.value.clone()).collect()
        };
        let (ours, theirs) = (matches(self), matches(other));
        ours.iter().all(|ours| theirs.iter().all(|theirs| may_meet(ours, theirs)))
    }
}

fn may_meet(a: &RawMatch, b: &RawMatch) -> bool {
    let narrowed = |m: &RawMatch| {
        m.site.is_some()
            || m.host.is_some()
            || m.method.is_some()
            || m.query.is_some()
            || m.header.is_some()
            || m.cookie.is_some()
    };
    let paths = |m: &RawMatch| -> Vec<PathPattern> {
        m.path.iter().flat_map(|at| &at.value.0).map(|at| at.value.0.clone()).collect()
    };
    let (ours, theirs) = (paths(a), paths(b));
    let anywhere = ours.is_empty() || theirs.is_empty();
    let meet = ours.iter().any(|a| theirs.iter().any(|b| overlap(a.segments(), b.segments())));
    !narrowed(a) && !narrowed(b) && (anywhere || meet)
}

/// Whether some path fits both patterns; parts with wildcards are taken to fit anything.
fn overlap(a: &[Segment], b: &[Segment]) -> bool {
    // meets[i][j]: whether the rest of `a` from i and the rest of `b` from j have a path in common.
    let mut meets = vec![vec![false; b.len() + 1]; a.len() + 1];
    for i in (0..=a.len()).rev() {
        for j in (0..=b.len()).rev() {
            meets[i][j] = match (a.get(i), b.get(j)) {
                (None, None) => true,
                (Some(Segment::Deep), _) => meets[i + 1][j] || (j < b.len() && meets[i][j + 1]),
                (_, Some(Segment::Deep)) => meets[i][j + 1] || (i < a.len() && meets[i + 1][j]),
                (Some(Segment::Literal(x)), Some(Segment::Literal(y))) => x == y && meets[i + 1][j + 1],
                (Some(_), Some(_)) => meets[i + 1][j + 1],
                _ => false,
            };
        }
    }
    meets[0][0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_overlap_where_a_path_fits_both() {
        let table = [
            ("/**", "/shop", true),
            ("/shop/**", "/shop", true),
            ("/shop/*", "/shop/{id}", true),
            ("/shop/*", "/blog/*", false),
            ("/**/a", "/b/**", true),
            ("/a", "/a/b", false),
            ("/**/x/**", "/**/y/**", true),
        ];
        for (a, b, expected) in table {
            let parse = |text: &str| PathPattern::parse(text).expect("pattern");
            let (a, b) = (parse(a), parse(b));
            assert_eq!(overlap(a.segments(), b.segments()), expected, "{} {}", a.source(), b.source());
            assert_eq!(overlap(b.segments(), a.segments()), expected, "{} {}", b.source(), a.source());
        }
    }
}
