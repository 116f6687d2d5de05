//! In which form a client would rather read an answer of ours: as a page, or as a problem document.
//!
//! In: the lines of `Accept` (RFC 9110 section 12.5.1). Out: the form. It must not make the answer.

use http::header::{ACCEPT, HeaderMap};

use super::weight;

/// A form in which answers of our own are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Html,
    /// For programs, and for all who do not say (RFC 9457).
    Problem,
}

impl Form {
    /// HTML for who gives it more weight, or as much but names it more closely: who takes anything is a program.
    pub fn preferred(headers: &HeaderMap) -> Self {
        let lines = || headers.get_all(ACCEPT).into_iter().filter_map(|line| line.to_str().ok());
        let wish = |types: &[&str]| {
            let members = lines().flat_map(|line| line.split(','));
            let wishes = members.filter_map(|member| Wish::of(member, types));
            // What names a type most closely says how much it is wanted, not what is wanted most.
            wishes.max_by_key(|wish| (wish.closeness, wish.weight)).unwrap_or_default()
        };
        let html = wish(&["text/html", "application/xhtml+xml"]);
        let problem = wish(&["application/problem+json", "application/json"]);
        let is_html = html.weight > 0 && (html.weight, html.closeness) > (problem.weight, problem.closeness);
        if is_html { Self::Html } else { Self::Problem }
    }
}

/// What one member of `Accept` says of a type.
#[derive(Clone, Copy, Debug, Default)]
struct Wish {
    /// In thousandths; 0 is "not acceptable".
    weight: u16,
    closeness: Closeness,
}

/// How closely a member names a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    #[default]
    Unnamed,
    Any,
    Group,
    Exact,
}

impl Wish {
    /// What `member` says of the types that stand for one form. One that can't be read says nothing.
    fn of(member: &str, types: &[&str]) -> Option<Self> {
        let mut parts = member.split(';').map(str::trim);
        let range = parts.next()?;
        let mut weights =
            parts.filter_map(|part| part.split_once('=')).filter(|(name, _)| name.eq_ignore_ascii_case("q"));
        let weight = weights.next_back().map_or(Some(1000), |(_, weight)| weight::parse(weight))?;
        let closeness = types.iter().filter_map(|name| Closeness::of(range, name)).max()?;
        Some(Self { weight, closeness })
    }
}

impl Closeness {
    fn of(range: &str, name: &str) -> Option<Self> {
        let group = range.strip_suffix("/*").filter(|_| range != "*/*");
        match group {
            _ if range == "*/*" => Some(Self::Any),
            Some(group) => name.split('/').next().filter(|own| own.eq_ignore_ascii_case(group)).map(|_| Self::Group),
            None => range.eq_ignore_ascii_case(name).then_some(Self::Exact),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn browsers_get_pages_and_programs_documents() {
        for (accept, form) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", Form::Html),
            ("text/html", Form::Html),
            ("TEXT/HTML;charset=utf-8;Q=0.2, application/json;q=0.1", Form::Html),
            ("text/*", Form::Html),
            ("*/*, text/html", Form::Html),
            ("application/xhtml+xml", Form::Html),
            ("*/*", Form::Problem),
            ("", Form::Problem),
            ("application/json, text/javascript, */*; q=0.01", Form::Problem),
            ("application/json, text/html", Form::Problem),
            ("text/html;q=0.5, application/problem+json;q=0.6", Form::Problem),
            ("text/html;q=0.5, */*", Form::Problem),
            ("text/html;q=0", Form::Problem),
            ("text/html;q=0, text/*", Form::Problem),
            ("text/html;q=2", Form::Problem),
            ("image/webp, image/*;q=0.8", Form::Problem),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(Form::preferred(&headers), form, "{accept}");
        }
        assert_eq!(Form::preferred(&HeaderMap::new()), Form::Problem);
        let lines = ["application/json;q=0.5", "text/html"].map(|line| (ACCEPT, HeaderValue::from_static(line)));
        let mut headers = HeaderMap::new();
        lines.into_iter().for_each(|(name, line)| _ = headers.append(name, line));
        assert_eq!(Form::preferred(&headers), Form::Html, "two lines are one list");
    }
}
