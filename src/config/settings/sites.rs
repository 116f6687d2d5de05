//! Sites and the origins behind them.
//!
//! In: what a single site has at the top level, `sites`, `origins`. Out: sites with what they inherit, and every
//! origin by name. It must not open connections.

use std::sync::Arc;

use http::Uri;
use jiff::tz::TimeZone;
use serde_json::json;

use super::base::{Base, unknown};
use super::listen;
use super::model::{RouteSettings, Settings, SiteSettings};
use crate::config::raw::deployment::{RawExpose, RawOrigin, RawRoute, RawSite, SiteParts};
use crate::config::read::record::Field;
use crate::config::read::scalars::Origin as Written;
use crate::config::read::shapes::Named;
use crate::config::read::{At, scalars};
use crate::config::report::Report;
use crate::config::source::Span;
use crate::origin::{HostPolicy, OriginSettings, Origins};
use crate::revision::{Route, Site, Sites};
use crate::scope::values::Tree;
use crate::visitor::facts::Expose;

/// The name of the only site, and of the origin written as one URL.
const DEFAULT: &str = "default";

/// Origins by name, those written as URLs included.
#[derive(Debug)]
pub struct OriginList {
    list: Vec<OriginSettings>,
    /// Names whose definition has problems: known, but not usable.
    faulty: Vec<String>,
}

impl OriginList {
    /// The origins of `origins:`.
    pub fn new(raw: Option<&At<Named<RawOrigin>>>, base: &Base<'_>, report: &mut Report) -> Self {
        let mut this = Self { list: Vec::new(), faulty: Vec::new() };
        for (name, at) in raw.iter().flat_map(|at| &at.value.0) {
            match origin(name, at, base, report) {
                Some(origin) => this.list.push(origin),
                None => this.faulty.push(name.clone()),
            }
        }
        this
    }

    /// The name of an origin as written; a URL becomes an origin of its own, called as its host.
    fn resolve(&mut self, written: &Written, span: Span, report: &mut Report) -> Option<Arc<str>> {
        match written {
            Written::Name(name) => {
                let known = self.list.iter().find(|origin| *origin.name == **name).map(|origin| origin.name.clone());
                if known.is_none() && !self.faulty.contains(name) {
                    let names: Vec<String> = self.list.iter().map(|origin| origin.name.to_string()).collect();
                    unknown("origin", name, span, &names, report);
                }
                known
            }
            Written::Url(url) => {
                let uri: Uri = uri(url, span, report)?;
                let same = |origin: &&OriginSettings| {
                    origin.urls == [uri.clone()]
                        && origin.host == HostPolicy::Origin
                        && origin.rewrite_location
                        && origin.ca.is_none()
                };
                if let Some(origin) = self.list.iter().find(same) {
                    return Some(origin.name.clone());
                }
                let host = url.host_str().unwrap_or(DEFAULT).to_owned();
                let taken = |name: &str| self.list.iter().any(|origin| *origin.name == *name);
                let numbered = (2..).map(|number| format!("{host}#{number}"));
                let name = std::iter::once(host.clone()).chain(numbered).find(|name| !taken(name))?;
                let name: Arc<str> = name.into();
                self.list.push(OriginSettings {
                    name: name.clone(),
                    urls: vec![uri],
                    host: HostPolicy::Origin,
                    rewrite_location: true,
                    ca: None,
                });
                Some(name)
            }
        }
    }

    /// The origin that stands without being named: `default`, or the only one.
    fn unnamed(&self) -> Option<Arc<str>> {
        let named = self.list.iter().find(|origin| &*origin.name == DEFAULT);
        let only = if let [only] = self.list.as_slice() { Some(only) } else { None };
        named.or(only).map(|origin| origin.name.clone())
    }

    /// Whether the one that stands without being named has problems, which are noted.
    fn unnamed_is_faulty(&self) -> bool {
        let only = self.list.is_empty() && self.faulty.len() == 1;
        only || self.faulty.iter().any(|name| name == DEFAULT)
    }

    /// All of them.
    pub fn finish(self) -> Vec<OriginSettings> {
        self.list
    }
}

fn uri(url: &url::Url, span: Span, report: &mut Report) -> Option<Uri> {
    let uri = url.as_str().parse().ok();
    if uri.is_none() {
        report.error(span, format!("`{url}` cannot be asked for"), "use a host name and a plain path");
    }
    uri
}

fn origin(name: &str, at: &At<RawOrigin>, base: &Base<'_>, report: &mut Report) -> Option<OriginSettings> {
    let host = host_policy(at, report);
    let ca = at.ca.as_ref().map(|ca| listen::present(&ca.value, base, report));
    let written = at.urls.as_ref()?;
    let mut urls = Vec::new();
    for item in &written.value.0 {
        match &item.value {
            Written::Url(url) => urls.extend(uri(url, item.span, report)),
            Written::Name(name) => {
                report.error(
                    item.span,
                    format!("`{name}` is not a URL"),
                    format!("write the scheme too: `https://{name}`"),
                );
            }
        }
    }
    if written.value.0.is_empty() {
        report.error(written.span, "the origin has no URL", "add one: `https://www.example.com`");
    }
    let rewrite_location = at.rewrite_location.as_ref().map_or(host != HostPolicy::Preserve, |at| at.value);
    (!urls.is_empty()).then(|| OriginSettings { name: name.into(), urls, host, rewrite_location, ca })
}

fn host_policy(at: &RawOrigin, report: &mut Report) -> HostPolicy {
    match at.host.as_ref().map(|host| (host.span, host.value.value.as_str())) {
        None | Some((_, "origin")) => HostPolicy::Origin,
        Some((_, "preserve")) => HostPolicy::Preserve,
        Some((span, text)) => text.parse().map(HostPolicy::Name).unwrap_or_else(|_| {
            report.error(span, format!("`{text}` is not a host"), "write `origin`, `preserve` or a host name");
            HostPolicy::Origin
        }),
    }
}

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
