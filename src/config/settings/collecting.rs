//! What is remembered of what happens.
//!
//! In: `collect` as written. Out: [`Noting`], with the defaults where nothing is said. It must not take events.

use crate::config::raw::collecting::RawCollecting;
use crate::config::read::At;
use crate::config::report::Report;
use crate::event::believed::{Believed, is_pattern};
use crate::revision::Noting;

/// The settings.
pub fn noting(raw: Option<&At<RawCollecting>>, report: &mut Report) -> Noting {
    let Some(raw) = raw.map(|at| &at.value) else { return Noting::default() };
    let believed = raw.from_browser.as_ref().map(|written| {
        for at in written.value.0.iter().filter(|at| !is_pattern(&at.value.value)) {
            let what = format!("`{}` is no type of events", at.value.value);
            report.error(at.span, what, "write a noun, a dot and a verb, with `*` for any: `cart.add`, `cart.*`");
        }
        Believed::These(written.value.0.iter().map(|at| at.value.value.as_str().into()).collect())
    });
    Noting { believed: believed.unwrap_or_default(), page_views: raw.page_views.as_ref().is_none_or(|at| at.value) }
}
