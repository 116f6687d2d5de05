//! The files below `tests` of a folder of rules: what the rules must do.
//!
//! In: folders of rules, and the rules in them, compiled. Out: tests, each expectation with its place; or every problem of every
//! file. It must not run anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::Problems;
use super::compile::Rules;
use super::files;
use super::problem::Place;
use super::raw::tests::{RawElement, RawExpect, RawPage, RawTest, TestsFile};
use super::raw::wanted::Keyed;
use super::read::names::suggestion;
use super::read::scalars::Integer;
use super::read::{At, Read, Reader};
use super::report::Report;
use super::source::Span;
use super::variables::Environment;
use super::yaml::{self, Text};
use crate::page::check_selector;
use crate::rule::pattern::Glob;
use crate::rule::schedule::Moment;

pub use super::raw::tests::{Arriving, WantedVerdict};

/// One file of tests.
#[derive(Clone, Debug)]
pub struct TestFile {
    pub path: PathBuf,
    /// As shown.
    pub name: String,
    /// In the order of the file.
    pub cases: Vec<TestCase>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct TestCase {
    pub name: String,
    pub place: Place,
    pub url: Uri,
    pub method: Method,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub visitor: Arriving,
    pub at: Option<Moment>,
    pub audiences: BTreeMap<String, bool>,
    pub shares: BTreeMap<String, bool>,
    pub previews: bool,
    pub page: Page,
    pub expected: Vec<Expectation>,
}

/// What the origin answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    Given {
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
        html: Bytes,
    },
    /// A website is asked.
    Origin(Uri),
}

/// One thing that must be so, and where that is written.
#[derive(Clone, Debug)]
pub struct Expectation {
    pub place: Place,
    pub what: Expected,
}

/// What must be so.
#[derive(Clone, Debug)]
pub enum Expected {
    Rule {
        name: String,
        verdict: WantedVerdict,
    },
    Audience {
        name: String,
        inside: bool,
    },
    Status(u16),
    Header {
        name: HeaderName,
        value: Glob,
        written: String,
    },
    /// `nth` from 1.
    Element {
        select: String,
        nth: usize,
        check: Check,
    },
    Snapshot,
}

/// What an element must be like.
#[derive(Clone, Debug)]
pub enum Check {
    /// It is there.
    Present,
    Count(usize),
    Text(String),
    Contains(String),
    Lacks(String),
    Html(String),
    Attribute {
        name: String,
        value: Glob,
        written: String,
    },
}

/// The site of tests that name none.
const SITE: &str = "http://localhost";

/// Reads the tests of all folders. `rules`: those in the same folders.
///
/// # Errors
/// Every problem of every file.
pub fn tests(folders: &[PathBuf], rules: &Rules, environment: &Environment) -> Result<Vec<TestFile>, Problems> {
    let mut report = Report::default();
    let mut found = Vec::new();
    for folder in folders.iter().map(|folder| folder.join("tests")).filter(|folder| folder.is_dir()) {
        for path in files::yaml_files(&folder, &mut report) {
            let mut reading = Reading { path: &path, rules, report: &mut report };
            found.extend(reading.file(environment));
        }
    }
    match report.failed() {
        true => Err(Problems(report.finish())),
        false => Ok(found),
    }
}

/// A file being read.
struct Reading<'a> {
    path: &'a Path,
    rules: &'a Rules,
    report: &'a mut Report,
}

impl Reading<'_> {
    fn file(&mut self, environment: &Environment) -> Option<TestFile> {
        // As people know it: from where they are.
        let here = std::env::current_dir().ok();
        let near = here.as_ref().and_then(|here| self.path.strip_prefix(here).ok()).unwrap_or(self.path);
        let name = near.display().to_string();
        let id = files::read(self.path, &name, self.report)?;
        let root = yaml::parse(id, self.report)?;
        let raw = TestsFile::read(&root, &mut Reader::new(self.report, environment))?;
        let cases = raw.tests.iter().flat_map(|tests| &tests.value.0);
        let cases = cases.filter_map(|(name, test)| self.case(name, test, &raw)).collect();
        Some(TestFile { path: self.path.to_owned(), name, cases })
    }

    fn case(&mut self, name: &str, test: &At<RawTest>, file: &TestsFile) -> Option<TestCase> {
        let raw = &test.value;
        let url = self.url(raw, file);
        let page = match raw.page.as_ref().or(file.page.as_ref()) {
            Some(page) => self.page(page),
            None => Some(given(Bytes::new())),
        };
        let cookies: Vec<String> =
            entries(&raw.cookies).map(|(name, value)| format!("{}={}", name.0, value.value.value)).collect();
        let mut headers = self.headers(entries(&raw.headers).map(|(name, value)| (name.0.as_str(), value)));
        headers.extend(
            HeaderValue::try_from(cookies.join("; "))
                .ok()
                .filter(|_| !cookies.is_empty())
                .map(|line| (http::header::COOKIE, line)),
        );
        let audiences = self.named("audience", entries(&raw.audiences));
        let shares = self.named("rule", entries(&raw.shares));
        let expected = raw.expect.as_ref().map(|expect| self.expected(expect)).unwrap_or_default();
        Some(TestCase {
            name: name.to_owned(),
            place: Place::of(test.key, &self.report.sources),
            url: url?,
            method: raw.method.as_ref().map_or(Method::GET, |at| at.value.0.clone()),
            headers,
            visitor: raw.visitor.as_ref().map(|at| at.value).unwrap_or_default(),
            at: raw.at.as_ref().map(|at| at.value.0.clone()),
            audiences,
            shares,
            previews: raw.previews.as_ref().is_some_and(|at| at.value),
            page: page?,
            expected,
        })
    }

    fn url(&mut self, raw: &RawTest, file: &TestsFile) -> Option<Uri> {
        let site = file.site.as_ref().map_or(SITE, |site| site.value.value.trim_end_matches('/'));
        let (written, span) = match &raw.url {
            Some(url) => (url.value.value.as_str(), url.span),
            None if raw.unreadable.any(&["url"]) => return None,
            None => ("/", raw.expect.as_ref()?.span),
        };
        let whole = if written.starts_with('/') { format!("{site}{written}") } else { written.to_owned() };
        self.website(&whole, span)
    }

    fn website(&mut self, text: &str, span: Span) -> Option<Uri> {
        let uri: Option<Uri> = text.parse().ok();
        let usable = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
        if usable.is_none() {
            self.report.error(
                span,
                format!("`{text}` is no URL of a page"),
                "write a path such as `/shop`, or a whole URL",
            );
        }
        usable
    }

    fn page(&mut self, at: &At<RawPage>) -> Option<Page> {
        let RawPage { html, file, origin, status, headers, .. } = &at.value;
        let whole = match (html, file, origin) {
            (None, None, Some(origin)) => return Some(Page::Origin(self.website(&origin.value.value, origin.span)?)),
            (Some(html), None, None) => Bytes::from(html.value.value.clone()),
            (None, Some(file), None) => self.beside(file)?,
            (None, None, None) if at.value.unreadable.any(&["html", "file", "origin"]) => return None,
            _ => {
                let remedy = "write one of `html`, `file` and `origin`";
                self.report.error(at.span, "it is not clear which page the origin answers", remedy);
                return None;
            }
        };
        let status = status.as_ref().map_or(Some(StatusCode::OK), |status| {
            let code = u16::try_from(status.value.0).ok().and_then(|code| StatusCode::from_u16(code).ok());
            if code.is_none() {
                self.report.error(status.span, format!("`{}` is no status", status.value.0), "write one such as 200");
            }
            code
        });
        let headers = self.headers(entries(headers).map(|(name, value)| (name.0.as_str(), value)));
        Some(Page::Given { status: status?, headers, html: whole })
    }

    fn beside(&mut self, file: &At<Text>) -> Option<Bytes> {
        let path = self.path.parent().unwrap_or(Path::new("")).join(&file.value.value);
        match std::fs::read(&path) {
            Ok(bytes) => Some(bytes.into()),
            Err(error) => {
                let what = format!("the file {} cannot be read: {error}", path.display());
                self.report.error(file.span, what, "name one beside this file");
                None
            }
        }
    }

    fn headers<'h>(
        &mut self,
        entries: impl Iterator<Item = (&'h str, &'h At<Text>)>,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        for (name, value) in entries {
            match (HeaderName::try_from(name), HeaderValue::try_from(value.value.value.as_str())) {
                (Ok(name), Ok(value)) => headers.push((name, value)),
                _ => {
                    self.report.error(value.span, "this is no value of a header field", "write one line of text");
                }
            }
        }
        headers
    }

    /// Names that rules or audiences must have.
    fn named<'n>(&mut self, kind: &str, entries: impl Iterator<Item = &'n (Text, At<bool>)>) -> BTreeMap<String, bool> {
        let mut named = BTreeMap::new();
        for (name, value) in entries {
            self.must_be(kind, &name.value, value.key);
            named.insert(name.value.clone(), value.value);
        }
        named
    }

    fn must_be(&mut self, kind: &str, name: &str, span: Span) {
        let known: Vec<&str> = match kind {
            "rule" => self.rules.rules.iter().map(|rule| &*rule.name).collect(),
            _ => self.rules.audiences.keys().map(|name| &**name).collect(),
        };
        if !known.contains(&name) {
            let remedy = suggestion(name, known.iter().copied(), "define it first");
            self.report.error(span, format!("there is no {kind} `{name}`"), remedy);
        }
    }

    fn expected(&mut self, at: &At<RawExpect>) -> Vec<Expectation> {
        let RawExpect { rules, audiences, elements, status, headers, snapshot, .. } = &at.value;
        let mut expected = Vec::new();
        let mut add = |span: Span, what: Expected, report: &Report| {
            expected.push(Expectation { place: Place::of(span, &report.sources), what });
        };
        for (name, verdict) in entries(rules) {
            self.must_be("rule", &name.value, verdict.key);
            add(verdict.key, Expected::Rule { name: name.value.clone(), verdict: verdict.value }, self.report);
        }
        for (name, inside) in entries(audiences) {
            self.must_be("audience", &name.value, inside.key);
            add(inside.key, Expected::Audience { name: name.value.clone(), inside: inside.value }, self.report);
        }
        if let Some(status) = status {
            add(status.span, Expected::Status(u16::try_from(status.value.0).unwrap_or_default()), self.report);
        }
        for (name, value) in entries(headers) {
            let Ok(name) = HeaderName::try_from(name.0.as_str()) else { continue };
            let written = value.value.value.clone();
            add(value.span, Expected::Header { name, value: Glob::new(&written), written }, self.report);
        }
        for element in elements.iter().flat_map(|elements| &elements.value.0) {
            for (span, what) in self.element(element) {
                add(span, what, self.report);
            }
        }
        if let Some(snapshot) = snapshot.as_ref().filter(|snapshot| snapshot.value) {
            add(snapshot.span, Expected::Snapshot, self.report);
        }
        expected.sort_by_key(|expectation| expectation.place.position());
        let any = !expected.is_empty();
        let unread = ["rules", "audiences", "elements", "status", "headers", "snapshot"];
        if !any && !at.value.unreadable.any(&unread) && !self.report.failed() {
            self.report.error(at.span, "nothing is expected", "write what must be so, such as `rules` or `elements`");
        }
        expected
    }

    fn element(&mut self, at: &At<RawElement>) -> Vec<(Span, Expected)> {
        let RawElement { select, nth, count, text, contains, lacks, html, attributes, .. } = &at.value;
        let Some(select) = select else { return Vec::new() };
        if let Err(error) = check_selector(&select.value.value) {
            self.report.error(select.span, error.to_string(), "");
            return Vec::new();
        }
        let number = |at: &At<Integer>| usize::try_from(at.value.0).unwrap_or_default();
        let mut checks: Vec<(Span, Check)> = Vec::new();
        checks.extend(count.iter().map(|count| (count.span, Check::Count(number(count)))));
        checks.extend(text.iter().map(|text| (text.span, Check::Text(text.value.value.clone()))));
        let all = |texts: &Option<At<super::read::shapes::OneOrMany<Text>>>, check: fn(String) -> Check| {
            let texts = texts.iter().flat_map(|texts| &texts.value.0);
            texts.map(|text| (text.span, check(text.value.value.clone()))).collect::<Vec<_>>()
        };
        checks.extend(all(contains, Check::Contains));
        checks.extend(all(lacks, Check::Lacks));
        checks.extend(html.iter().map(|html| (html.span, Check::Html(html.value.value.clone()))));
        checks.extend(entries(attributes).map(|(name, value)| {
            let written = value.value.value.clone();
            let name = name.value.to_ascii_lowercase();
            (value.span, Check::Attribute { name, value: Glob::new(&written), written })
        }));
        if checks.is_empty() {
            checks.push((select.span, Check::Present));
        }
        let nth = nth.as_ref().map_or(1, number).max(1);
        let element = |check| Expected::Element { select: select.value.value.clone(), nth, check };
        checks.into_iter().map(|(span, check)| (span, element(check))).collect()
    }
}

fn given(html: Bytes) -> Page {
    Page::Given { status: StatusCode::OK, headers: Vec::new(), html }
}

fn entries<N, V>(keyed: &Option<At<Keyed<N, V>>>) -> impl Iterator<Item = &(N, At<V>)> {
    keyed.iter().flat_map(|keyed| &keyed.value.0)
}
