//! One immutable compiled version of everything that decides what is shown: sites, rules, content, audiences.
//!
//! In: compiled parts, from `config`. Out: a value that every exchange takes once and keeps to its end. It must not change.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::content::error_page::ErrorPage;
use crate::content::source::Sources;
use crate::content::{Content, Library};
use crate::decide::audience::Audiences;
use crate::event::believed::Believed;
use crate::origin::cache::{Asserted, NOTHING};
use crate::origin::{Origin, Origins};
use crate::page::{Extraction, Marker};
use crate::profile::Name;
use crate::rule::RuleBook;
use crate::rule::action::Actions;
use crate::rule::pattern::{Glob, PathPattern};
use crate::scope::Facts;
use crate::scope::condition::Condition;
use crate::scope::language::Language;
use crate::throttle::RateLimit;
use crate::visitor::facts::Expose;

/// The compiled world of one version.
#[derive(Debug)]
pub struct Revision {
    /// A hash over all that it was made from; equal files give equal ids.
    pub id: Arc<str>,
    pub sites: Arc<Sites>,
    pub book: RuleBook,
    /// What each rule lays in, by the rule's number.
    pub injections: Vec<Vec<Injection>>,
    /// What each rule does besides, by the rule's number.
    pub actions: Vec<Actions>,
    pub language: Arc<Language>,
    pub library: Arc<Library>,
    pub audiences: Arc<Audiences>,
    pub sources: Sources,
    /// Whether any code of it may ask what is remembered of visitors.
    pub recalls: bool,
    pub collects: Collects,
}

/// What is read from pages, and from which.
#[derive(Debug, Default)]
pub struct Collects {
    /// The pages, by number.
    pub book: RuleBook,
    pub list: Vec<Collecting>,
}

/// What is read from the pages of some paths.
#[derive(Clone, Debug)]
pub struct Collecting {
    pub name: Arc<str>,
    pub extraction: Extraction,
    /// As what it is known.
    pub item: ItemName,
    /// In which the item's key is said.
    pub phrases: Arc<Language>,
}

/// Under which name a reading is known.
#[derive(Clone, Debug)]
pub struct ItemName {
    pub kind: Name,
    /// The name of a template among the phrases.
    pub key: Arc<str>,
    pub named: Named,
}

/// Which readings of a page have a name of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The first, which is what the page is about: its name follows from the path.
    First,
    All,
}

/// One thing that a rule lays in.
#[derive(Clone, Debug)]
pub struct Injection {
    /// `rule.1`, or `rule` where it is the only one: in metrics, timings and messages.
    pub name: Arc<str>,
    pub marker: Marker,
    pub when: Option<Condition>,
    /// `None` for `remove` and `class`, which need no content.
    pub content: Option<Content>,
}

/// The sites of a deployment. They are made of inlay.yaml, so a change in `rules/` keeps them, and their connections.
#[derive(Debug)]
pub struct Sites {
    /// In the order of the file; a site without hosts takes every host.
    pub list: Vec<Arc<Site>>,
    /// For people whose request is no site's.
    pub error_page: Arc<ErrorPage>,
    pub origins: Origins,
    pub noting: Noting,
}

/// What is taken down of what visitors do, on all sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noting {
    /// What is taken from pages' scripts.
    pub believed: Believed,
    /// Whether pages that were viewed are remembered.
    pub page_views: bool,
}

impl Default for Noting {
    fn default() -> Self {
        Self { believed: Believed::default(), page_views: true }
    }
}

/// One website that is fronted.
#[derive(Debug)]
pub struct Site {
    pub name: Arc<str>,
    /// Lower case; empty means every host.
    pub hosts: Vec<Glob>,
    pub origin: Arc<Origin>,
    /// The first whose path matches decides; else `origin`.
    pub routes: Vec<Route>,
    pub zone: TimeZone,
    /// The first is the default.
    pub languages: Arc<[Arc<str>]>,
    /// Paths that are passed on untouched.
    pub protect: Vec<PathPattern>,
    /// All that match must let a request pass.
    pub rate_limits: Vec<RateLimit>,
    pub expose: Arc<Expose>,
    /// For people whom no page of the site can be given.
    pub error_page: Arc<ErrorPage>,
    /// `site` in code: its name and its data.
    pub facts: Arc<dyn Facts>,
}

/// Paths that another origin answers.
#[derive(Clone, Debug)]
pub struct Route {
    pub path: PathPattern,
    pub origin: Arc<Origin>,
    /// What is asserted of its answers.
    pub asserted: Asserted,
    pub esi: Esi,
}

/// Whether Edge Side Includes in pages are honoured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Esi {
    Honoured,
    #[default]
    Ignored,
}

impl Sites {
    /// The site of a host (lower case, without port): the one that names it most closely, wherever it stands in the
    /// file (`shop.example` before `*.example`, as virtual hosts go elsewhere too), else the first that takes every host.
    pub fn of_host(&self, host: &str) -> Option<&Arc<Site>> {
        let closeness = |site: &Site| site.hosts.iter().filter(|glob| glob.matches(host)).map(Glob::closeness).max();
        // Of several that are as close `max_by_key` gives the last; the first in the file is meant.
        let named = self.list.iter().rev().filter_map(|site| Some((closeness(site)?, site)));
        let closest = named.max_by_key(|(closeness, _)| *closeness).map(|(_, site)| site);
        closest.or_else(|| self.list.iter().find(|site| site.hosts.is_empty()))
    }

    /// The limits of all sites; one that several share is there for each of them.
    pub fn rate_limits(&self) -> impl Iterator<Item = &RateLimit> {
        self.list.iter().flat_map(|site| &site.rate_limits)
    }

    /// Whether a site names this host (lower case, without port). One that takes every host, without or by a bare `*`,
    /// names none.
    pub fn names(&self, host: &str) -> bool {
        let mut hosts = self.list.iter().flat_map(|site| &site.hosts);
        hosts.any(|glob| glob.says_something() && glob.matches(host))
    }
}

impl Site {
    /// The origin that answers a normalised path, and what is asserted of its answers.
    pub fn answers(&self, path: &str) -> (&Arc<Origin>, &Asserted) {
        match self.routes.iter().find(|route| route.path.matches(path)) {
            Some(route) => (&route.origin, &route.asserted),
            None => (&self.origin, &NOTHING),
        }
    }

    /// Whether pages at a normalised path are looked through for includes.
    pub fn esi(&self, path: &str) -> Esi {
        self.routes.iter().find(|route| route.path.matches(path)).map_or(Esi::Ignored, |route| route.esi)
    }

    /// Whether a normalised path is passed on untouched.
    pub fn protects(&self, path: &str) -> bool {
        self.protect.iter().any(|pattern| pattern.matches(path))
    }
}
