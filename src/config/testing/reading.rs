//! Tests out of what their authors wrote.
//!
//! In: a file, and the rules that it is about. Out: its tests; what is wrong goes into the report. It must not read pages of the origin.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::{Page, TestCase, TestFile};
use crate::config::compile::Rules;
use crate::config::files;
use crate::config::problem::Place;
use crate::config::raw::tests::{RawPage, RawTest, TestsFile};
use crate::config::raw::wanted::Keyed;
use crate::config::read::names::suggestion;
use crate::config::read::scalars::Integer;
use crate::config::read::{At, Read, Reader};
use crate::config::report::Report;
use crate::config::source::Span;
use crate::config::variables::Environment;
use crate::config::yaml::{self, Text};

/// The site of tests that name none.
const SITE: &str = "http://localhost";

/// A file being read.
pub(super) struct Reading<'a> {
    pub path: &'a Path,
    pub rules: &'a Rules,
    pub report: &'a mut Report,
}

impl Reading<'_> {
    pub fn file(&mut self, environment: &Environment) -> Option<TestFile> {
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
        let fakes = self.fakes([&file.sources, &raw.sources]);
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
            fakes,
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
        let status = self.status(status.as_ref());
        let headers = self.headers(entries(headers).map(|(name, value)| (name.0.as_str(), value)));
        Some(Page::Given { status: status?, headers, html: whole })
    }

    /// A status; 200 where none is written.
    pub fn status(&mut self, status: Option<&At<Integer>>) -> Option<StatusCode> {
        let Some(status) = status else { return Some(StatusCode::OK) };
        let code = u16::try_from(status.value.0).ok().and_then(|code| StatusCode::from_u16(code).ok());
        if code.is_none() {
            self.report.error(status.span, format!("`{}` is no status", status.value.0), "write one such as 200");
        }
        code
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

    pub fn must_be(&mut self, kind: &str, name: &str, span: Span) {
        let known: Vec<&str> = match kind {
            "source" => self.rules.sources.iter().map(|source| &*source.name).collect(),
            "rule" => self.rules.rules.iter().map(|rule| &*rule.name).collect(),
            _ => self.rules.audiences.keys().map(|name| &**name).collect(),
        };
        if !known.contains(&name) {
            let remedy = suggestion(name, known.iter().copied(), "define it first");
            self.report.error(span, format!("there is no {kind} `{name}`"), remedy);
        }
    }
}

fn given(html: Bytes) -> Page {
    Page::Given { status: StatusCode::OK, headers: Vec::new(), html }
}

/// The entries of a map, if it is there.
pub(super) fn entries<N, V>(keyed: &Option<At<Keyed<N, V>>>) -> impl Iterator<Item = &(N, At<V>)> {
    keyed.iter().flat_map(|keyed| &keyed.value.0)
}
