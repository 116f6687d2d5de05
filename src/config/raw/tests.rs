//! `rules/tests/*.yaml` as written.
//!
//! In: a tree. Out: [`TestsFile`]. It must not know rules.

use super::fakes::RawFake;
use super::wanted::Keyed;
use crate::config::read::record::record;
use crate::config::read::scalars::{CookieName, Date, HeaderName, Integer, MethodName};
use crate::config::read::shapes::{Named, OneOrMany, choices};
use crate::config::yaml::Text;

record! {
    /// What the rules must do: requests for pages, and what is expected of each.
    TestsFile: "a map with `tests`" {
        /// Before each `url` that begins with `/`: `https://www.example.com`; `http://localhost` by default.
        key "site" site: Text,
        /// The page of every test that has none of its own.
        key "page" page: RawPage,
        /// What sources say in each test that does not say otherwise.
        key "sources" sources: Keyed<Text, RawFake>,
        /// The tests, each with its request and what is expected.
        key "tests" tests: Named<RawTest>,
    }
    later ["profiles"]
}

record! {
    /// A test: a request, and what is expected of the page.
    RawTest: "a test: a map with `url` and `expect`" {
        /// What is asked for: a path, or a whole URL.
        key "url" url: Text,
        /// GET by default.
        key "method" method: MethodName,
        /// Fields of the request.
        key "headers" headers: Keyed<HeaderName, Text>,
        /// Cookies of the request.
        key "cookies" cookies: Keyed<CookieName, Text>,
        /// `new` (the default), or `returning`: brings a visitor's cookie of ours.
        key "visitor" visitor: Arriving,
        /// When it is; without an offset in the site's time.
        key "at" at: Date,
        /// Audiences that the visitor is in or not, whatever their conditions say.
        key "audiences" audiences: Keyed<Text, bool>,
        /// Rules within whose share the visitor is, or not.
        key "shares" shares: Keyed<Text, bool>,
        /// Whether what is in state `preview` counts as live.
        key "previews" previews: bool,
        /// What the origin answers.
        key "page" page: RawPage,
        /// By source, what it says: `{ json: … }`, `{ status: 503 }`, `{ error: timeout }`, `{ delay: 1s, … }`; or `real`. None is asked of
        /// which a test does not say so.
        key "sources" sources: Keyed<Text, RawFake>,
        /// What must be so.
        required "expect" expect: RawExpect,
    }
    later ["profile", "events"]
}

record! {
    /// What the origin answers: one of `html`, `file` and `origin`.
    RawPage: "a page: a map with `html`, `file` or `origin`" {
        /// The page itself.
        key "html" html: Text,
        /// A file beside the test's.
        key "file" file: Text,
        /// The website that is asked for it: `https://www.example.com`.
        key "origin" origin: Text,
        /// 200 by default.
        key "status" status: Integer,
        /// Fields of the response; `content-type` is `text/html; charset=utf-8` by default.
        key "headers" headers: Keyed<HeaderName, Text>,
    }
    later []
}

record! {
    /// What must be so. All of it.
    RawExpect: "a map with `rules`, `elements`, `status`, `headers`, `audiences`, `sources` or `snapshot`" {
        /// By rule: `applies`, `skipped`, or why not: `when`, `campaign`, `share` …
        key "rules" rules: Keyed<Text, WantedVerdict>,
        /// By audience, whether the visitor is in it.
        key "audiences" audiences: Keyed<Text, bool>,
        /// What stands in the page that leaves.
        key "elements" elements: OneOrMany<RawElement>,
        /// The response's status.
        key "status" status: Integer,
        /// Fields of the response; `*` stands for any text.
        key "headers" headers: Keyed<HeaderName, Text>,
        /// The whole page is as it was kept; `inlay test --update` keeps it.
        key "snapshot" snapshot: bool,
        /// By source, how many calls it had.
        key "sources" sources: Keyed<Text, Integer>,
    }
    later []
}

record! {
    /// An element of the page that leaves, and what it must be like.
    RawElement: "an element: a map with `select`" {
        /// The CSS selector by which it is found.
        required "select" select: Text,
        /// Which of those that are found, from 1; the first by default.
        key "nth" nth: Integer,
        /// How many are found.
        key "count" count: Integer,
        /// Its text, white space joined.
        key "text" text: Text,
        /// What its text holds; a list means all of it.
        key "contains" contains: OneOrMany<Text>,
        /// What its text must not hold.
        key "lacks" lacks: OneOrMany<Text>,
        /// What stands between its tags.
        key "html" html: Text,
        /// Attributes by name, with their values; `*` stands for any text.
        key "attributes" attributes: Keyed<Text, Text>,
    }
    later []
}

/// Whether the visitor was here before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arriving {
    #[default]
    New,
    Returning,
}

/// What is wanted of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedVerdict {
    Applies,
    /// It does not apply, for whatever reason.
    Skipped,
    /// It does not apply, for this reason: one of the words of [`Reason::word`](crate::rule::Reason::word).
    Because(&'static str),
}

choices!(Arriving: "a visitor" { "new" => Arriving::New, "returning" => Arriving::Returning });
choices!(WantedVerdict: "what becomes of a rule" {
    "applies" => WantedVerdict::Applies, "skipped" => WantedVerdict::Skipped,
    "no_match" => WantedVerdict::Because("no_match"), "excepted" => WantedVerdict::Because("excepted"),
    "stopped" => WantedVerdict::Because("stopped"), "preview" => WantedVerdict::Because("preview"),
    "inactive" => WantedVerdict::Because("inactive"), "campaign" => WantedVerdict::Because("campaign"),
    "share" => WantedVerdict::Because("share"), "nobody" => WantedVerdict::Because("nobody"),
    "when" => WantedVerdict::Because("when"), "when_failed" => WantedVerdict::Because("when_failed"),
    "unanswered" => WantedVerdict::Because("unanswered"),
});
