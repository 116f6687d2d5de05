//! What a page's Content-Security-Policy says to content that is laid in.
//!
//! In: the head of the page. Out: what would be blocked, in words. It must not judge what comes from elsewhere (files, images): that
//! hangs on hosts which only the browser resolves.

use http::{HeaderMap, header};

/// What inline code a policy lets run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inline {
    /// No policy speaks of it.
    #[default]
    Free,
    /// With the page's nonce.
    Nonce,
    Blocked,
}

/// The policies of a page, as far as they speak of inline code: the strictest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    scripts: Inline,
    styles: Inline,
    /// `style="…"` and `onclick="…"`: no nonce helps them.
    style_attributes: Inline,
    handlers: Inline,
}

impl Policy {
    /// The policy of a response's head.
    pub fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::CONTENT_SECURITY_POLICY).into_iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).fold(Self::default(), |strictest, policy| strictest.and(policy))
    }

    fn and(self, policy: &str) -> Self {
        let inline =
            |names: &[&str]| names.iter().find_map(|name| directive(policy, name)).map_or(Inline::Free, inline);
        let attributes = |names: &[&str]| match inline(names) {
            Inline::Nonce => Inline::Blocked,
            other => other,
        };
        Self {
            scripts: strictest(self.scripts, inline(&["script-src-elem", "script-src", "default-src"])),
            styles: strictest(self.styles, inline(&["style-src-elem", "style-src", "default-src"])),
            style_attributes: strictest(
                self.style_attributes,
                attributes(&["style-src-attr", "style-src", "default-src"]),
            ),
            handlers: strictest(self.handlers, attributes(&["script-src-attr", "script-src", "default-src"])),
        }
    }

    /// What it says, a line each; none where there is no policy that matters.
    pub fn in_words(&self) -> Vec<String> {
        let said = |what: &str, inline: Inline| match inline {
            Inline::Free => None,
            Inline::Nonce => Some(format!("{what} run with the page's nonce only: nonce=\"{{{{ csp.nonce }}}}\"")),
            Inline::Blocked => Some(format!("{what} are blocked")),
        };
        let all = [
            said("inline scripts", self.scripts),
            said("inline styles", self.styles),
            said("`style` attributes", self.style_attributes),
            said("`on…` attributes", self.handlers),
        ];
        all.into_iter().flatten().collect()
    }

    /// What of a fixed HTML it blocks, in words.
    pub fn blocks(&self, html: &str) -> Vec<String> {
        let lower = html.to_ascii_lowercase();
        let element = |tag: &str, inline: Inline| {
            let inside = lower.contains(&format!("<{tag}")) && !(tag == "script" && lower.contains("src="));
            inside && (inline == Inline::Blocked || (inline == Inline::Nonce && !lower.contains("nonce=")))
        };
        let handler = |inline: Inline| inline == Inline::Blocked && has_handler(&lower);
        let all = [
            (element("script", self.scripts), "the page's policy blocks its inline script"),
            (element("style", self.styles), "the page's policy blocks its inline style"),
            (
                self.style_attributes == Inline::Blocked && lower.contains(" style="),
                "the page's policy blocks its `style` attributes",
            ),
            (handler(self.handlers), "the page's policy blocks its `on…` attributes"),
        ];
        all.into_iter().filter(|(blocked, _)| *blocked).map(|(_, what)| what.to_owned()).collect()
    }
}

fn has_handler(html: &str) -> bool {
    html.split(" on").skip(1).any(|rest| {
        let name = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        name > 2 && rest[name..].trim_start().starts_with('=')
    })
}

fn directive<'p>(policy: &'p str, wanted: &str) -> Option<&'p str> {
    let directives = policy.split(';').map(str::trim);
    directives.into_iter().find_map(|directive| {
        let (name, sources) = directive.split_once(char::is_whitespace).unwrap_or((directive, ""));
        name.eq_ignore_ascii_case(wanted).then_some(sources)
    })
}

/// Nonces and hashes make browsers overlook `'unsafe-inline'` (CSP level 3, section 8.1).
fn inline(sources: &str) -> Inline {
    let lower = sources.to_ascii_lowercase();
    let sources: Vec<&str> = lower.split_ascii_whitespace().collect();
    let begins = |what: &str| sources.iter().any(|source| source.starts_with(what));
    match () {
        () if begins("'nonce-") => Inline::Nonce,
        () if begins("'sha") || begins("'strict-dynamic'") => Inline::Blocked,
        () if sources.contains(&"'unsafe-inline'") => Inline::Free,
        () => Inline::Blocked,
    }
}

fn strictest(a: Inline, b: Inline) -> Inline {
    match (a, b) {
        (Inline::Blocked, _) | (_, Inline::Blocked) => Inline::Blocked,
        (Inline::Nonce, _) | (_, Inline::Nonce) => Inline::Nonce,
        (Inline::Free, Inline::Free) => Inline::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn policy(lines: &[&'static str]) -> Policy {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(line));
        }
        Policy::of(&headers)
    }

    #[test]
    fn the_strictest_policy_counts() {
        let table: [(&[&'static str], Inline); 6] = [
            (&[], Inline::Free),
            (&["img-src *"], Inline::Free),
            (&["default-src 'self'"], Inline::Blocked),
            (&["script-src 'self' 'unsafe-inline'"], Inline::Free),
            (&["script-src 'unsafe-inline' 'nonce-abc'"], Inline::Nonce),
            (&["script-src 'nonce-abc'", "script-src 'self'"], Inline::Blocked),
        ];
        for (lines, scripts) in table {
            assert_eq!(policy(lines).scripts, scripts, "{lines:?}");
        }
    }

    #[test]
    fn what_is_blocked_is_named() {
        let strict = policy(&["default-src 'self'"]);
        assert_eq!(strict.blocks("<p>hello</p>"), [""; 0]);
        assert_eq!(strict.blocks("<p style='a'>").len(), 1);
        assert_eq!(strict.blocks("<p onclick=x()>").len(), 1);
        assert_eq!(strict.blocks("<p>come on = now</p>"), [""; 0]);
        let nonce = policy(&["script-src 'nonce-abc'"]);
        assert_eq!(nonce.blocks("<script>a()</script>").len(), 1);
        assert_eq!(nonce.blocks("<script nonce=\"{{ csp.nonce }}\">a()</script>"), [""; 0]);
    }
}
