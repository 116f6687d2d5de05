//! Sites.
//!
//! In: what a single site has at the top level, `sites`. Out: sites with what they inherit. It must not open connections.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::json;

use super::base::Base;
use super::error_page;
use super::model::{RouteSettings, Settings, SiteSettings};
use super::origins::OriginList;
use super::rate_limits;
use crate::clock::Clock;
use crate::config::raw::deployment::{RawExpose, RawRoute, RawSite, SiteParts};
use crate::config::read::record::Field;
use crate::config::read::shapes::Named;
use crate::config::read::{At, scalars};
use crate::config::report::Report;
use crate::config::source::Span;
use crate::content::error_page::ErrorPage;
use crate::origin::Origins;
use crate::origin::cache::{Asserted, SetCookie};
use crate::revision::{Esi, Route, Site, Sites};
use crate::scope::values::Tree;
use crate::throttle::{RateLimit, RateLimitSettings};
use crate::visitor::facts::Expose;

/// The name of the only site.
const DEFAULT: &str = "default";

/// What all sites have unless they say otherwise.
pub struct Inherited<'a> {
    pub parts: &'a SiteParts,
    pub error_page: &'a Arc<ErrorPage>,
    /// The name of our cookie, which no code reads.
    pub own_cookie: Arc<str>,
}

/// The sites; without `sites` there is one, which takes every host. `None` if a site has no origin.
pub fn compile(
    inherited: Inherited<'_>,
    named: Option<&At<Named<RawSite>>>,
    origins: &mut OriginList,
    base: &Base<'_>,
    report: &mut Report,
) -> Option<Vec<SiteSettings>> {
    let top = inherited.parts;
    let default = match &top.origin {
        Some(at) => origins.resolve_top(&at.value, at.span, report),
        None => origins.unnamed(),
    };
    let named = named.filter(|at| !at.value.0.is_empty());
    let names = named
        .map_or_else(|| vec![DEFAULT.into()], |at| at.value.0.iter().map(|(name, _)| name.as_str().into()).collect());
    let rate_limits = rate_limits::compile(&top.rate_limits, None, &names, report);
    let mut maker = Maker { inherited, top, default, names, rate_limits, origins, base, report };
    let sites = match named {
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
    inherited: Inherited<'a>,
    top: &'a SiteParts,
    default: Option<Arc<str>>,
    /// Of all sites.
    names: Vec<Arc<str>>,
    /// Those at the top.
    rate_limits: Vec<Arc<RateLimitSettings>>,
    origins: &'a mut OriginList,
    base: &'a Base<'a>,
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
        // A single site is the top itself, whose origin is known.
        let origin = match own.origin.as_ref().filter(|_| !std::ptr::eq(own, self.top)) {
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
        let spoken: Vec<&str> = languages.iter().flat_map(|at| &at.value.0).map(|at| at.value.0.as_str()).collect();
        let data = own.data.as_ref().or(self.top.data.as_ref()).map(|at| at.value.0.clone());
        let protect = own.protect.as_ref().or(self.top.protect.as_ref());
        let expose = own.expose.as_ref().or(self.top.expose.as_ref()).map(|at| &at.value);
        Some(SiteSettings {
            name: name.into(),
            hosts,
            origin: origin?,
            routes,
            zone,
            languages: spoken.iter().map(|tag| Arc::from(*tag)).collect(),
            facts: Arc::new(json!({ "name": name, "data": data, "languages": spoken })),
            rate_limits: self.rate_limits(name, own),
            protect: protect.iter().flat_map(|at| &at.value.0).map(|at| at.value.0.clone()).collect(),
            expose: Arc::new(self.expose(expose)),
            error_page: self.error_page(own),
        })
    }

    /// The only site's page is the one at the top, which has been read already.
    fn error_page(&mut self, own: &SiteParts) -> Arc<ErrorPage> {
        match own.error_page.as_ref().filter(|_| !std::ptr::eq(own, self.top)) {
            Some(at) => error_page::compile(Some(at), self.base, self.report),
            None => Arc::clone(self.inherited.error_page),
        }
    }

    fn rate_limits(&mut self, name: &str, own: &SiteParts) -> Vec<Arc<RateLimitSettings>> {
        // A single site is the top itself.
        if own.rate_limits.is_none() || std::ptr::eq(own, self.top) {
            return self.rate_limits.clone();
        }
        rate_limits::compile(&own.rate_limits, Some(name), &self.names, self.report)
    }

    fn routes(&mut self, raw: &[At<RawRoute>]) -> Vec<RouteSettings> {
        let mut routes = Vec::new();
        for route in raw {
            let Some(written) = &route.origin else { continue };
            let Some(origin) = self.origins.resolve(&written.value, written.span, self.report) else { continue };
            let cookies = route.cookies.as_ref().map(|at| &at.value.0);
            let set_cookie = route.cache.as_ref().and_then(|cache| cache.value.set_cookie.as_ref());
            let asserted = Asserted {
                cookies: cookies.map(|names| names.iter().map(|name| name.value.0.as_str().into()).collect()),
                set_cookie: set_cookie.map_or(SetCookie::default(), |at| at.value),
            };
            let esi = match route.esi.as_ref().is_some_and(|at| at.value) {
                true => Esi::Honoured,
                false => Esi::Ignored,
            };
            let paths = route.path.iter().flat_map(|at| &at.value.0);
            routes.extend(paths.map(|path| RouteSettings {
                path: path.value.0.clone(),
                origin: origin.clone(),
                asserted: asserted.clone(),
                esi,
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
            own_cookie: self.inherited.own_cookie.clone(),
        }
    }
}

/// The sites with their origins. A site whose origin is not among them is left out; [`compile`] makes none such.
fn build(settings: &Settings, origins: &Origins, before: Option<&Sites>, clock: &Clock) -> Sites {
    let mut limits: Vec<RateLimit> = before.iter().flat_map(|sites| sites.rate_limits()).cloned().collect();
    let mut rate_limit = |settings: &Arc<RateLimitSettings>| {
        let limit = RateLimit::new(settings.clone(), &limits, clock);
        // Another site may share it.
        limits.push(limit.clone());
        limit
    };
    let site = |site: &SiteSettings| {
        let routes = site.routes.iter().filter_map(|route| {
            let origin = origins.get(&route.origin)?.clone();
            Some(Route { path: route.path.clone(), origin, asserted: route.asserted.clone(), esi: route.esi })
        });
        Some(Arc::new(Site {
            name: site.name.clone(),
            hosts: site.hosts.clone(),
            origin: origins.get(&site.origin)?.clone(),
            routes: routes.collect(),
            zone: site.zone.clone(),
            languages: site.languages.clone(),
            protect: site.protect.clone(),
            rate_limits: site.rate_limits.iter().map(&mut rate_limit).collect(),
            expose: site.expose.clone(),
            error_page: site.error_page.clone(),
            facts: Arc::new(Tree::shared(site.facts.clone())),
        }))
    };
    Sites {
        list: settings.sites.iter().filter_map(site).collect(),
        error_page: settings.error_page.clone(),
        origins: origins.clone(),
        noting: settings.noting.clone(),
    }
}

impl Settings {
    /// The sites with their origins, built of [`Settings::origins`]. What was counted in those from `before` counts on.
    pub fn sites(&self, origins: &Origins, before: Option<&Sites>, clock: &Clock) -> Sites {
        build(self, origins, before, clock)
    }
}
