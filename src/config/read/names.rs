//! Names: of keys, of choices, of what authors define.
//!
//! In: a name. Out: whether it is well formed, and the nearest of the known ones. It must not decide what an unknown
//! one costs.

/// The known name that `name` is likely a misspelling of.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |other: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
    // A third of the letters may be wrong: more finds names that have nothing in common.
    let bound = (name.chars().count() / 3).max(1);
    let candidates = known.into_iter().map(|other| (distance(other), other));
    candidates.filter(|(distance, _)| *distance <= bound).min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}

/// "did you mean …", or the known names if they are few, or how to find them.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str> + Clone, none: &str) -> String {
    /// More names than these make a message unreadable.
    const LISTED: usize = 24;
    if let Some(near) = nearest(name, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let known: Vec<&str> = known.into_iter().collect();
    match known.len() {
        0 => none.to_owned(),
        1..=LISTED => format!("known: {}", listed(&known)),
        _ => format!("known: {} and {} more", listed(&known[..LISTED]), known.len() - LISTED),
    }
}

/// `` `a`, `b` ``
pub fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Whether a name is `snake_case`: a lower-case letter, then lower-case letters, digits and single `_`.
pub fn is_snake_case(name: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.split('_').all(word) && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
}

/// The name as it would be in `snake_case`, for a hint.
pub fn to_snake_case(name: &str) -> String {
    let mut result = String::new();
    for c in name.chars() {
        let boundary = !result.is_empty() && !result.ends_with('_');
        match c {
            'A'..='Z' => {
                if boundary && !result.ends_with(|last: char| last.is_ascii_digit()) {
                    result.push('_');
                }
                result.push(c.to_ascii_lowercase());
            }
            'a'..='z' | '0'..='9' => result.push(c),
            _ if boundary => result.push('_'),
            _ => {}
        }
    }
    result.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["select", "place", "fragment", "when"];
        let table = [("selct", Some("select")), ("Place", Some("place")), ("wen", Some("when")), ("colour", None)];
        for (name, near) in table {
            assert_eq!(nearest(name, known), near, "{name}");
        }
    }

    #[test]
    fn snake_case_is_snake_case() {
        for good in ["a", "home_banner", "is_2024"] {
            assert!(is_snake_case(good), "{good}");
        }
        for (bad, hint) in [("HomeBanner", "home_banner"), ("home-banner", "home_banner"), ("a__b", "a_b"), ("_a", "a")]
        {
            assert!(!is_snake_case(bad), "{bad}");
            assert_eq!(to_snake_case(bad), hint);
        }
        assert!(!is_snake_case("") && !is_snake_case("2024"));
    }
}
