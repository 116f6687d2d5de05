//! `element` and `each` in code: an element of the page.
//!
//! In: the element as the page saw it. Out: facts, the same for every visitor of the page. It must not look beyond
//! the element.

use std::sync::Arc;

use crate::page::Element;
use crate::scope::{Answer, Facts, Key};

/// `element.tag`, `element.id`, `element.attr('name')`.
#[derive(Debug)]
pub struct ElementFacts {
    pub element: Arc<Element>,
    /// The page's own nonce, and the one of this response in its place.
    pub nonce: Option<Exchanged>,
}

/// A nonce and what stands in its place.
#[derive(Clone, Debug)]
pub struct Exchanged {
    pub own: Arc<str>,
    pub new: Arc<str>,
}

impl ElementFacts {
    fn attribute(&self, name: &str) -> Answer {
        let found = self.element.attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        match (&self.nonce, found) {
            // As for `csp.nonce`: it is good for one response.
            (Some(nonce), Some((_, value))) if name.eq_ignore_ascii_case("nonce") && **value == *nonce.own => {
                Answer { storable: false, ..Answer::scalar(&*nonce.new) }
            }
            _ => Answer::optional(found.map(|(_, value)| value)),
        }
    }
}

impl Facts for ElementFacts {
    fn get(&self, path: &[Key]) -> Answer {
        match path {
            [] => Answer::map(),
            [key] if &**key == "tag" => Answer::scalar(self.element.tag.as_str()),
            [key] if &**key == "id" => self.attribute("id"),
            _ => Answer::absent(),
        }
    }

    fn keys(&self, path: &[Key]) -> Answer {
        if path.is_empty() { Answer::keys(["tag", "id"]) } else { Answer::absent() }
    }

    fn call(&self, path: &[Key], arguments: &str) -> Option<Result<Answer, String>> {
        let [method] = path else { return None };
        if &**method != "attr" {
            return None;
        }
        let parsed: Result<((String,), serde_json::Map<String, serde_json::Value>), _> =
            serde_json::from_str(arguments);
        Some(match parsed {
            Ok(((name,), named)) if named.is_empty() => Ok(self.attribute(&name)),
            _ => Err("`attr` takes the name of one attribute, as in `element.attr('data-sku')`".to_owned()),
        })
    }
}
