//! Sites.
//!
//! In: what a single site has at the top level, `sites`. Out: sites with what they inherit. It must not open connections.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::json;

use super::base::Base;
use super::model::{RouteSettings, Settings, SiteSettings};
use super::origins::OriginList;
use crate::config::raw::deployment::{RawExpose, RawRoute, RawSite, SiteParts};
use crate::config::read::record::Field;
use crate::config::read::shapes::Named;
use crate::config::read::{At, scalars};
use crate::config::report::Report;
use crate::config::source::Span;
use crate::origin::Origins;
use crate::revision::{Route, Site, Sites};
use crate::scope::values::Tree;
use crate::visitor::facts::Expose;

/// The name of the only site.
const DEFAULT: &str = "default";

/// The sites; without `sites` there is one, which takes every host. `None` if a site has no origin.
pub fn compile(
    top: &SiteParts,
    named: Option<&At<Named<RawSite>>>,
    own_cookie: Arc<str>,
    origins: &mut OriginList,
    base: &Base<'_>,
    report: &mut Report,
) -> Option<Vec<SiteSettings>> {
    let default = match &top.origin {
        Some(at) => origins.resolve(&at.value, at.span, report),
        None => origins.unnamed(),
    };
    let mut maker = Maker { top, default, own_cookie, origins, report };
    let sites = match named.filter(|at| !at.value.0.is_empty()) {
        None => vec![maker.site(DEFAULT, Vec::new(), top, base.whole)],
        Some(named) => {
            let hosts =
                |site: &RawSite| site.hosts.iter().flat_map(|at| &at.value.0).map(|at| at.glob.clone()).collect();
            named.value.0.iter().map(|(name, at)| maker.site(name, hosts(&at.value), &at.parts, at.key)).collect()
        }
    };
    sites.into_iter().collect()
}

/// Makes sites of their own parts and those at the top.
struct Maker<'a> {
    top: &'a SiteParts,
    default: Option<Arc<str>>,
    own_cookie: Arc<str>,
    origins: &'a mut OriginList,
    report: &'a mut Report,
}

impl Maker<'_> {
    fn site(
        &mut self,
        name: &str,
        hosts: Vec<crate::rule::pattern::Glob>,
        own: &SiteParts,
        span: Span,
    ) -> Option<SiteSettings> {
        let origin = match own.origin.as_ref() {
            Some(at) => self.origins.resolve(&at.value, at.span, self.report),
            None => self.default.clone(),
        };
        let written = |parts: &SiteParts| parts.origin.is_some() || parts.unreadable.any(&["origin", "origins"]);
        let unusable = self.origins.unnamed_is_faulty();
        if origin.is_none() && !unusable && !written(own) && !written(self.top) {
            let what =
                if name == DEFAULT { "no origin is named".to_owned() } else { format!("site `{name}` has no origin") };
            self.report.error(span, what, "add `origin: https://www.example.com`, or `--origin` on the command line");
        }
        let routes = self.routes(own.routes.as_ref().or(self.top.routes.as_ref()).map_or(&[][..], |at| &at.value.0));
        let inherited =
            |field: fn(&SiteParts) -> &Field<scalars::Zone>| field(own).as_ref().or(field(self.top).as_ref());
        let zone = inherited(|parts| &parts.time_zone).map_or(TimeZone::UTC, |at| at.value.zone.clone());
        let languages = own.languages.as_ref().or(self.top.languages.as_ref());
        let data = own.data.as_ref().or(self.top.data.as_ref()).map(|at| at.value.0.clone());
        let protect = own.protect.as_ref().or(self.top.protect.as_ref());
        let expose = own.expose.as_ref().or(self.top.expose.as_ref()).map(|at| &at.value);
        Some(SiteSettings {
            name: name.into(),
            hosts,
            origin: origin?,
            routes,
            zone,
            languages: languages.iter().flat_map(|at| &at.value.0).map(|at| at.value.0.as_str().into()).collect(),
            facts: Arc::new(json!({ "name": name, "data": data })),
            protect: protect.iter().flat_map(|at| &at.value.0).map(|at| at.value.0.clone()).collect(),
            expose: Arc::new(self.expose(expose)),
        })
    }

    fn routes(&mut self, raw: &[At<RawRoute>]) -> Vec<RouteSettings> {
        let mut routes = Vec::new();
        for route in raw {
            let Some(written) = &route.origin else { continue };
            let Some(origin) = self.origins.resolve(&written.value, written.span, self.report) else { continue };
            let cookies =
                route.cookies.as_ref().map(|at| at.value.0.iter().map(|name| name.value.0.as_str().into()).collect());
            let paths = route.path.iter().flat_map(|at| &at.value.0);
            routes.extend(paths.map(|path| RouteSettings {
                path: path.value.0.clone(),
                origin: origin.clone(),
                cookies: Option::<Vec<Arc<str>>>::clone(&cookies),
            }));
        }
        routes
    }

    fn expose(&self, raw: Option<&RawExpose>) -> Expose {
        let cookies = raw.and_then(|expose| expose.cookies.as_ref());
        let headers = raw.and_then(|expose| expose.headers.as_ref());
        Expose {
            cookies: cookies.map(|at| at.value.0.iter().map(|name| name.value.0.as_str().into()).collect()),
            headers: headers.map(|at| at.value.0.iter().map(|name| name.value.0.as_str().into()).collect()),
            own_cookie: self.own_cookie.clone(),
        }
    }
}

/// The sites with their origins. A site whose origin is not among them is left out; [`compile`] makes none such.
fn build(settings: &Settings, origins: &Origins) -> Sites {
    let site = |site: &SiteSettings| {
        let routes = site.routes.iter().filter_map(|route| {
            let origin = origins.get(&route.origin)?.clone();
            Some(Route { path: route.path.clone(), origin, cookies: route.cookies.clone() })
        });
        Some(Arc::new(Site {
            name: site.name.clone(),
            hosts: site.hosts.clone(),
            origin: origins.get(&site.origin)?.clone(),
            routes: routes.collect(),
            zone: site.zone.clone(),
            languages: site.languages.clone(),
            protect: site.protect.clone(),
            expose: site.expose.clone(),
            facts: Arc::new(Tree::shared(site.facts.clone())),
        }))
    };
    Sites { list: settings.sites.iter().filter_map(site).collect(), origins: origins.clone() }
}

impl Settings {
    /// The sites with their origins, built of [`Settings::origins`].
    pub fn sites(&self, origins: &Origins) -> Sites {
        build(self, origins)
    }
}
