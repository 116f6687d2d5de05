//! Where something is told of a visitor: a cookie, or a header.
//!
//! In: both keys as written. Out: the one that is meant. It must not decide what holds where neither is there.

use std::sync::Arc;

use crate::config::read::record::Field;
use crate::config::read::scalars::{CookieName, HeaderName};
use crate::config::report::Report;
use crate::visitor::consent::Told;

/// `None` where neither is written.
pub fn compile(cookie: &Field<CookieName>, header: &Field<HeaderName>, report: &mut Report) -> Option<Told> {
    if let (Some(_), Some(header)) = (cookie, header) {
        report.error(header.key, "this names a cookie and a header", "keep the one that the choice is told in");
    }
    let cookie = cookie.as_ref().map(|at| Told::Cookie(at.value.0.as_str().into()));
    cookie.or_else(|| header.as_ref().map(|at| Told::Header(Arc::from(at.value.0.to_ascii_lowercase()))))
}
