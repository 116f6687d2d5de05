//! What sources are for, and which names have no value there.
//!
//! In: where a template or condition was written. Out: the names it must not use, with what to do instead. It must not
//! look at sources; the language does.

use crate::scope::language::{Refused, SCOPE_NAMES};

/// A name of the scope in a phrase.
fn outside(name: &'static str) -> Refused {
    Refused {
        name,
        what: format!("there is no `{name}` here: a source sees only what it is called with"),
        hint: format!("name a param for it under `params`, and call the source with it: `sources.NAME(param={name}…)`"),
    }
}

/// A name of the scope in the key of an item.
fn unread(name: &'static str) -> Refused {
    Refused {
        name,
        what: format!("there is no `{name}` here: what a page tells is the same whoever asks"),
        hint: "use `params`, `key`, or a value that `extract` reads".to_owned(),
    }
}

fn no_each() -> Refused {
    Refused {
        name: "each",
        what: "there is no `each` here: the injection names no enclosing element".to_owned(),
        hint: "add `each: SELECTOR` to it, or use `element`".to_owned(),
    }
}

/// What a source is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A template that several injections may use, each with names of its own.
    Shared,
    /// An audience's condition: asked from anywhere.
    Audience,
    /// `when` of a rule, a campaign or a file: asked when the request arrives.
    Rule,
    /// A template of `redirect`, `serve` or `headers`: printed when the request arrives, as one line.
    Line,
    /// What a source is called with by a content that lays its answer in: printed as one line.
    Argument {
        /// Whether there may be an enclosing element.
        each: bool,
    },
    /// A part of a source's request: said over what the source is called with.
    Phrase,
    /// The key of an item: said over what was read from the page, and what its path captures.
    Key,
    /// The condition or the template of one injection.
    Injection {
        /// Whether it names an enclosing element.
        each: bool,
    },
}

impl Purpose {
    /// The names that a source for this must not use.
    pub fn refused(self) -> Vec<Refused> {
        let early = |name, hint: &str| Refused {
            name,
            what: format!("there is no `{name}` here: the page is not there yet when this is decided"),
            hint: hint.to_owned(),
        };
        let injection = "ask for it in the `when` of an injection, which is decided at each element";
        let page = [
            early("element", injection),
            early("each", injection),
            early("csp", "use it in a template, where the nonce is printed"),
        ];
        let params = Refused {
            name: "params",
            what: "there is no `params` in an audience: it holds on any path".to_owned(),
            hint: "use `request.path`, or ask for it in the `when` of a rule".to_owned(),
        };
        match self {
            Purpose::Shared | Purpose::Injection { each: true } => Vec::new(),
            Purpose::Rule | Purpose::Line => page.into(),
            Purpose::Key => SCOPE_NAMES.into_iter().filter(|name| *name != "params").map(unread).collect(),
            Purpose::Phrase => SCOPE_NAMES.into_iter().map(outside).collect(),
            Purpose::Audience => page.into_iter().chain([params]).collect(),
            Purpose::Injection { each: false } => vec![no_each()],
            Purpose::Argument { each } => {
                let nonce = early("csp", "a nonce is for the page that shows it: leave it out");
                [nonce].into_iter().chain((!each).then(no_each)).collect()
            }
        }
    }
}
