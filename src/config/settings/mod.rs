//! `inlay.yaml` compiled: what the process is set up with.
//!
//! In: a [`Deployment`] as written, with the command line's overrides laid over it. Out: [`Settings`]. Names are
//! resolved, paths are relative to the file, defaults are filled in. It must not open sockets nor read keys.

mod acme;
mod base;
mod cache;
pub mod collecting;
mod error_page;
pub mod functions;
pub mod geo;
mod limits;
mod listen;
mod model;
mod origins;
mod overrides;
pub mod profiles;
mod rate_limits;
mod sites;
pub mod store;
mod tls;
mod token;
mod told;
mod visitor;

use std::path::PathBuf;

use super::raw::deployment::Deployment;
use super::report::Report;

pub use crate::telemetry::LogFormat;
pub use base::Base;
pub use cache::CacheShares;
pub use model::{Admin, Listener, RouteSettings, Settings, SiteSettings, TokenSettings, VisitorSettings};

pub use super::read::scalars::Secret;
pub use overrides::Overrides;
pub use store::StoreSettings;

/// Compiles what was written. `None` if something needed is missing; every problem is noted.
pub fn compile(raw: Deployment, base: &Base<'_>, report: &mut Report) -> Option<Settings> {
    let listeners = listen::listeners(raw.listen.as_ref(), base, report);
    listen::check_proxy_protocol(&raw, report);
    let visitor = visitor::visitor(raw.visitor.as_ref(), &listeners, base, report);
    let mut origins = origins::OriginList::new(raw.origins.as_ref(), base, report);
    let own_cookie = visitor.cookie.clone();
    let error_page = error_page::compile(raw.site.error_page.as_ref(), base, report);
    let inherited = sites::Inherited { parts: &raw.site, error_page: &error_page, own_cookie };
    let sites = sites::compile(inherited, raw.sites.as_ref(), &mut origins, base, report);
    let admin = raw.admin.as_ref().and_then(|at| {
        let address = at.address.as_ref()?.value.0;
        Some(Admin { address, token: at.token.as_ref().map(|token| token.value.clone()) })
    });
    if let Some(admin) = &admin {
        listen::check_admin(admin, raw.admin.as_ref().map_or(base.whole, |at| at.key), &listeners, report);
    }
    let rules = rules(&raw, base, report);
    let store = raw.store.as_ref().and_then(|at| store::store(at, base, report));
    Some(Settings {
        listeners,
        origins: origins.finish(),
        // Last, so that a site without an origin does not hide the rest.
        sites: sites?,
        error_page,
        rules,
        store,
        admin,
        visitor,
        geo: geo::geo(raw.geo.as_ref(), raw.trusted_proxies.is_some(), base, report),
        trusted_proxies: raw.trusted_proxies.iter().flat_map(|at| &at.value.0).map(|network| network.0).collect(),
        cache: cache::shares(raw.cache.as_ref(), report),
        compression: raw.compression.and_then(|at| at.value.level).map(|level| level.value).unwrap_or_default(),
        bounds: limits::bounds(raw.limits.as_ref(), report),
        functions: functions::functions(raw.functions.as_ref(), report),
        profiles: profiles::profiles(raw.profiles.as_ref(), report),
        noting: collecting::noting(raw.collect.as_ref(), report),
        log: raw.log.and_then(|at| at.value.format).map(|format| format.value).unwrap_or_default(),
        environment: base.environment.clone(),
    })
}

/// The folders of rules; unset it is `rules` beside the file, if that exists.
fn rules(raw: &Deployment, base: &Base<'_>, report: &mut Report) -> Vec<PathBuf> {
    let Some(at) = &raw.rules else {
        return Some(base.folder.join("rules")).into_iter().filter(|folder| folder.is_dir()).collect();
    };
    let mut folders = Vec::new();
    for text in &at.value.0 {
        let folder = base.path(text);
        if !folder.is_dir() {
            let what = format!("there is no folder `{}`", folder.display());
            report.error(text.span, what, "make it, or name the folder that holds the rules");
            report.set_incomplete();
        }
        folders.push(folder);
    }
    folders
}
