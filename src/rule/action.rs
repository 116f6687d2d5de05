//! What a rule does with the exchange itself, beside or instead of laying something in: redirect, serve, headers.
//!
//! In: the names of templates, as they were compiled. Out: plain data. It must not render anything, nor know who answers.

use std::sync::Arc;

use http::StatusCode;
use http::header::HeaderName;

/// What one rule does.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    pub redirect: Option<Redirect>,
    pub serve: Option<Serve>,
    /// On its way to the origin.
    pub request: Edits,
    /// On its way to the client.
    pub response: Edits,
}

/// The client is sent elsewhere, and the origin is not asked.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// The template of the target.
    pub to: Arc<str>,
    pub status: StatusCode,
    pub query: Query,
}

/// What becomes of the request's query in a redirect whose target has none of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Query {
    #[default]
    Keep,
    Drop,
}

/// Another origin or path answers under the same URL.
#[derive(Clone, Debug)]
pub struct Serve {
    /// The name of the origin; `None`: the one that the URL has.
    pub origin: Option<Arc<str>>,
    /// The template of the path; `None`: the one that was asked for.
    pub path: Option<Arc<str>>,
}

/// Changes of a head. What is removed goes first.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    pub remove: Vec<HeaderName>,
    /// Fields with the templates of their values.
    pub set: Vec<(HeaderName, Arc<str>)>,
}

impl Edits {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }
}

impl Actions {
    /// Whether the rule does nothing but lay something in.
    pub fn is_empty(&self) -> bool {
        self.redirect.is_none() && self.serve.is_none() && self.request.is_empty() && self.response.is_empty()
    }
}
