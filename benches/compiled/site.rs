//! What is served: one page, and rules of which a few have its path.
//!
//! In: how many rules. Out: the page's bytes, and the files of a deployment. It must not serve.

use std::fmt::Write;

/// The page's path.
pub const PATH: &str = "/book/page.html";
/// The name of the visitor's cookie.
pub const COOKIE: &str = "inlay_visitor";
/// Signs the visitors' cookies.
pub const SECRET: &str = "a secret for a bench, of no use elsewhere";

/// Rules that have the page's path, whatever others there are: the three of `RULES`, and two that lay nothing in.
const ON_PATH: usize = 5;

/// A condition, an audience and a template: what an ordinary page has.
const RULES: &str = r#"
audiences:
  gold: request.cookies.tier == 'gold'
fragments:
  greeting:
    template: <p class="greeting">For our {{ request.cookies.tier }} readers</p>
rules:
  greeting:
    match: { path: /book/** }
    inject:
      - { select: h1.menu-title, place: after, fragment: greeting }
  offer:
    match: { path: /book/** }
    inject:
      - select: main
        place: prepend
        template: <aside class="offer">{% if audiences.gold %}A third off{% else %}A tenth off{% endif %}, this week only.</aside>
  reading:
    match: { path: /book/** }
    when: visitor.returning
    inject:
      - { select: main, place: append, html: <nav class="next">Go on where you stopped the last time.</nav> }
"#;

/// A page of 61 KB and its rules.
pub struct Site {
    pub page: String,
    pub rules: String,
}

impl Site {
    /// A site of `count` rules, 3 or more. The first five have the page's path, all others paths of their own.
    pub fn of_rules(count: usize) -> Self {
        let mut rules = RULES.to_owned();
        for number in 3..count {
            let path = if number < ON_PATH { "/book/**".to_owned() } else { format!("/shelf-{number}/{{name}}/**") };
            let _ = write!(
                rules,
                "  rule_{number}:\n    match: {{ path: \"{path}\" }}\n    when: request.cookies.tier == 'tin'\n    inject:\n      - {{ select: \"#place-{number}\", place: inner, html: x }}\n"
            );
        }
        Self { page: page(), rules }
    }
}

/// A page from text that is always there.
pub fn page() -> String {
    const BYTES: usize = 61_000;
    let text = include_str!("../../LICENSE").replace('&', "&amp;").replace('<', "&lt;");
    let paragraphs: String = text.split("\n\n").map(|text| format!("<p>{text}</p>\n")).collect();
    let body = paragraphs.repeat(BYTES.div_ceil(paragraphs.len()));
    let body = &body[..body.floor_char_boundary(BYTES)];
    format!("<!doctype html><title>Licence</title>\n<h1 class=\"menu-title\">Licence</h1>\n<main>{body}</main>\n")
}
