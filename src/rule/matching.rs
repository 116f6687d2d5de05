//! `match` and `except`: what a request must look like.
//!
//! In: a compiled [`Match`] and the request's facts. Out: whether it fits, or the first part that does not. Pure; it must
//! not know what a rule does.

use std::sync::Arc;

use http::Method;

use super::pattern::{Captures, Glob, PathPattern};
use crate::visitor::facts::RequestFacts;

/// Conditions on a request; all parts must fit, an empty part fits everything, a list means any of it.
#[derive(Clone, Debug, Default)]
pub struct Match {
    pub sites: Vec<Arc<str>>,
    /// Compared in lower case, without the port.
    pub hosts: Vec<Glob>,
    pub paths: Vec<PathPattern>,
    /// Empty means GET and HEAD in a rule's own `match`, and everything elsewhere: the reader of files fills it in.
    pub methods: Vec<Method>,
    pub query: Vec<Field>,
    pub headers: Vec<Field>,
    pub cookies: Vec<Field>,
}

/// A named value that a request must carry, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: Arc<str>,
    pub wanted: Wanted,
}

/// What is asked of a [`Field`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Present,
    Absent,
    /// Present, with a value that fits one of these.
    Like(Vec<Glob>),
}

/// The first part of a match that did not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("the site")]
    Site,
    #[error("the host")]
    Host,
    #[error("the path")]
    Path,
    #[error("the method")]
    Method,
    #[error("the query's `{0}`")]
    Query(Arc<str>),
    #[error("the header `{0}`")]
    Header(Arc<str>),
    #[error("the cookie `{0}`")]
    Cookie(Arc<str>),
}

impl Match {
    /// Whether the answer depends on who asks, beyond the URL.
    pub fn reads_visitor(&self) -> bool {
        !self.headers.is_empty() || !self.cookies.is_empty()
    }

    /// Whether the parts that every visitor of a URL shares fit: site, host, path.
    ///
    /// # Errors
    /// The first part that does not.
    pub fn fits_place(&self, site: &str, request: &RequestFacts) -> Result<Captures, Misfit> {
        if !self.sites.is_empty() && !self.sites.iter().any(|wanted| **wanted == *site) {
            return Err(Misfit::Site);
        }
        if !self.hosts.is_empty() && !self.hosts.iter().any(|glob| glob.matches(request.host())) {
            return Err(Misfit::Host);
        }
        if self.paths.is_empty() {
            return Ok(Captures::new());
        }
        self.paths.iter().find_map(|pattern| pattern.captures(request.path())).ok_or(Misfit::Path)
    }

    /// Whether the other parts fit: method, query, headers, cookies.
    ///
    /// # Errors
    /// The first part that does not.
    pub fn fits_request(&self, request: &RequestFacts) -> Result<(), Misfit> {
        if !self.methods.is_empty() && !self.methods.contains(request.method()) {
            return Err(Misfit::Method);
        }
        let misfit = |fields: &[Field], values: Values<'_>| {
            fields.iter().find(|field| !field.fits(values)).map(|field| field.name.clone())
        };
        if let Some(name) = misfit(&self.query, &|name, see| request.query_values(name).for_each(|v| see(&v))) {
            return Err(Misfit::Query(name));
        }
        if let Some(name) = misfit(&self.headers, &|name, see| request.header_values(name).for_each(|v| see(&v))) {
            return Err(Misfit::Header(name));
        }
        match misfit(&self.cookies, &|name, see| request.cookie(name).into_iter().for_each(see)) {
            Some(name) => Err(Misfit::Cookie(name)),
            None => Ok(()),
        }
    }
}

/// Calls its second argument with each value that the request has under a name.
type Values<'a> = &'a dyn Fn(&str, &mut dyn FnMut(&str));

impl Field {
    fn fits(&self, values: Values<'_>) -> bool {
        let (mut present, mut like) = (false, false);
        values(&self.name, &mut |value| {
            present = true;
            if let Wanted::Like(globs) = &self.wanted {
                like |= globs.iter().any(|glob| glob.matches(value));
            }
        });
        match self.wanted {
            Wanted::Present => present,
            Wanted::Absent => !present,
            Wanted::Like(_) => like,
        }
    }
}
