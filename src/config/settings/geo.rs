//! Where clients are.
//!
//! In: `geo` as written. Out: [`GeoSettings`]. It must not open the database, but looks whether it is there.

use std::path::PathBuf;
use std::sync::Arc;

use super::base::Base;
use crate::config::raw::geo::RawGeo;
use crate::config::read::At;
use crate::config::report::Report;

/// `geo` of inlay.yaml.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GeoSettings {
    pub database: Option<PathBuf>,
    /// The part of `geo`, and the field that tells it, lower case.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
}

/// Compiles what was written. `believes`: whether there are trusted proxies.
pub fn geo(raw: Option<&At<RawGeo>>, believes: bool, base: &Base<'_>, report: &mut Report) -> GeoSettings {
    let Some(at) = raw else { return GeoSettings::default() };
    let RawGeo { database, headers, unreadable } = &at.value;
    if database.is_none() && headers.is_none() && !unreadable.any(&["database", "headers"]) {
        report.error(at.span, "this tells nothing of where clients are", "name a `database`, or `headers`");
    }
    if let Some(headers) = headers.as_ref().filter(|_| !believes) {
        let remedy = "name the networks of those proxies in `trusted_proxies`";
        report.error(headers.key, "nobody is believed what these headers say", remedy);
    }
    let database = database.as_ref().map(|at| (base.path(&at.value), at.span));
    if let Some((path, span)) = database.as_ref().filter(|(path, _)| !path.is_file()) {
        let what = format!("there is no file `{}`", path.display());
        report.error(*span, what, "name a database in MaxMind's format, such as `GeoLite2-City.mmdb`");
    }
    let told = headers.iter().flat_map(|at| &at.value.0);
    GeoSettings {
        database: database.map(|(path, _)| path),
        headers: told.map(|(part, name)| (part.0.into(), name.value.0.to_ascii_lowercase().into())).collect(),
    }
}
