//! What the names of the scope hold, as far as it is the same everywhere: to tell an author of a look-up that never finds
//! anything.
//!
//! In: a survey. Out: what to say of its look-ups. It must not refuse any: looking up the unknown never fails.

use std::ops::Range;

use super::survey::Survey;

/// Names whose members are fixed, with these.
const MEMBERS: [(&str, &[&str]); 10] = [
    (
        "request",
        &[
            "method", "scheme", "host", "path", "query", "headers", "cookies", "language", "device", "browser", "os",
            "bot", "prefetch", "ip",
        ],
    ),
    (
        "session",
        &[
            "new", "count", "campaign", "source", "medium", "term", "content", "clicks", "platform", "referrer",
            "landing",
        ],
    ),
    (
        "geo",
        &[
            "continent",
            "country",
            "region",
            "region_name",
            "city",
            "postal_code",
            "timezone",
            "latitude",
            "longitude",
            "european_union",
        ],
    ),
    ("visitor", &["id", "returning", "identified", "customer", "traits", "consent"]),
    ("site", &["name", "data", "languages"]),
    ("element", &["tag", "id", "attr"]),
    ("each", &["tag", "id", "attr"]),
    (
        "now",
        &[
            "date", "year", "month", "day", "weekday", "hour", "minute", "time", "zone", "iso", "format", "after",
            "before",
        ],
    ),
    ("csp", &["nonce"]),
    ("events", &["any", "count", "last", "recent", "age", "sum", "list"]),
];

/// Names that nothing is known under yet. A name leaves this list when what it stands for is built.
const TO_COME: [&str; 1] = ["experiments"];

/// A look-up that never finds anything.
pub(super) struct Fruitless {
    pub at: Range<usize>,
    pub message: String,
    pub hint: String,
}

/// All such look-ups of a source.
pub(super) fn fruitless(survey: &Survey) -> impl Iterator<Item = Fruitless> {
    let own = |name: &str| survey.declared.contains(name);
    let members = survey.steps.iter().filter_map(move |step| {
        let (root, known) = MEMBERS.iter().find(|(root, _)| *root == step.root && !own(root))?;
        let name = step.member.name.as_str();
        let message = format!("`{root}` has no `{name}`, so this is never known");
        (!known.contains(&name)).then(|| Fruitless { at: step.member.at.clone(), message, hint: instead(name, known) })
    });
    let to_come = survey.names.iter().filter(move |used| TO_COME.contains(&&*used.name) && !own(&used.name));
    members.chain(to_come.map(|used| Fruitless {
        at: used.at.clone(),
        message: format!("this version of Inlay does not have `{}` yet, so nothing is known of it", used.name),
        hint: "say what holds without it, with `|default(…)` or a `fallback`, or remove it".to_owned(),
    }))
}

fn instead(name: &str, known: &[&str]) -> String {
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    match near {
        Some((distance, near)) if distance <= 2 && distance < name.len() => format!("did you mean `{near}`?"),
        _ => format!("known: `{}`", known.join("`, `")),
    }
}
