//! What is remembered of what happens.
//!
//! In: `collect` as written. Out: [`Collecting`], with the defaults where nothing is said. It must not take events.

use crate::config::raw::collecting::RawCollecting;
use crate::config::read::At;
use crate::config::report::Report;
use crate::visitor::believed::{Believed, is_pattern};

/// What is taken and noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collecting {
    pub believed: Believed,
    pub page_views: bool,
}

/// The settings.
pub fn collecting(raw: Option<&At<RawCollecting>>, report: &mut Report) -> Collecting {
    let Some(raw) = raw.map(|at| &at.value) else {
        return Collecting { believed: Believed::default(), page_views: true };
    };
    let believed = raw.from_browser.as_ref().map(|written| {
        for at in written.value.0.iter().filter(|at| !is_pattern(&at.value.value)) {
            let what = format!("`{}` is no type of events", at.value.value);
            report.error(at.span, what, "write a noun, a dot and a verb, with `*` for any: `cart.add`, `cart.*`");
        }
        Believed::These(written.value.0.iter().map(|at| at.value.value.as_str().into()).collect())
    });
    Collecting { believed: believed.unwrap_or_default(), page_views: raw.page_views.as_ref().is_none_or(|at| at.value) }
}
