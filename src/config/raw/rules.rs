//! `rules/*.yaml` as written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::read::record::{Field, record};
use crate::config::read::scalars::{
    CookieName, Date, Day, Duration, HeaderName, Host, HourSpan, Integer, MethodName, Path, Share,
};
use crate::config::read::shapes::{Named, OneOrMany, choices};
use crate::config::read::{At, Read, Reader};
use crate::config::yaml::{Entry, Node, Style, Text, Value};
use crate::content::Blank;
use crate::page::{Place, Which};
use crate::rule::State;

record! {
    /// What is shown to whom. Any file below `rules/` may hold any of these keys.
    RuleFile: "a map with `rules`, `fragments`, `audiences` or `campaigns`" {
        /// Named conditions: `gold: visitor.returning and request.language == 'nl'`.
        key "audiences" audiences: Named<Text>,
        /// Named pieces of content, for `fragment: NAME`.
        key "fragments" fragments: Named<RawContent>,
        /// Switches, schedules and conditions that several rules share.
        key "campaigns" campaigns: Named<RawCampaign>,
        /// On which pages, for whom, what is laid in where.
        key "rules" rules: Named<RawRule>,
        /// Holds for every rule of this file, besides its own `match`.
        key "match" matches: RawMatch,
        /// Holds for every rule of this file, besides its own `when`.
        key "when" when: Text,
        /// The campaign of every rule of this file, besides its own.
        key "campaign" campaign: Text,
    }
    later ["sources", "functions", "offers", "decisions", "experiments", "surfaces", "journeys", "channels", "items"]
}

record! {
    /// A rule: on which pages, for whom, what is laid in where.
    RawRule: "a rule: a map with `match` and `inject`" {
        /// The requests that it is for; all parts must fit.
        key "match" matches: RawMatch,
        /// Requests that it is not for, even if `match` fits.
        key "except" except: OneOrMany<RawMatch>,
        /// A condition on the visitor, the request or the time.
        key "when" when: Text,
        /// The campaign that switches it.
        key "campaign" campaign: Text,
        /// `live` (the default), `preview` (by signed link only) or `stopped`.
        key "state" state: State,
        /// From when until when, on which days and hours.
        key "active" active: RawSchedule,
        /// The part of visitors that sees it, such as `20%`. Growing it keeps those who are in.
        key "share" share: Share,
        /// Higher goes first where two rules want the same element; 0 by default.
        key "priority" priority: Integer,
        /// What is laid in: a list of injections.
        required "inject" inject: OneOrMany<RawInjection>,
    }
    later ["experiment", "redirect", "serve", "headers", "events", "test"]
}

record! {
    /// A campaign: a switch, a schedule and a condition that several rules share.
    RawCampaign: "a campaign: a map with `state`, `active` or `when`" {
        /// `live` (the default), `preview` (by signed link only) or `stopped`.
        key "state" state: State,
        /// From when until when, on which days and hours.
        key "active" active: RawSchedule,
        /// A condition that every rule of the campaign shares.
        key "when" when: Text,
    }
    later []
}

record! {
    /// When something is active, in the site's time unless a date has an offset.
    RawSchedule: "a schedule: a map with `from`, `until`, `days` or `hours`" {
        /// The first moment.
        key "from" from: Date,
        /// The end; not included.
        key "until" until: Date,
        /// Days of the week: `[mon, fri]`.
        key "days" days: OneOrMany<Day>,
        /// Hours of the day: `"09:00-21:00"`, over midnight too.
        key "hours" hours: OneOrMany<HourSpan>,
    }
    later []
}

record! {
    /// What a request must look like. A list means any of it; all parts must fit.
    RawMatch: "a map with `path`, `site`, `host`, `method`, `query`, `header` or `cookie`" {
        /// Names of `sites`.
        key "site" site: OneOrMany<Text>,
        /// Hosts, with `*` for any text.
        key "host" host: OneOrMany<Host>,
        /// Paths: `*` within a segment, `**` over segments, `{name}` captures into `params.name`.
        key "path" path: OneOrMany<Path>,
        /// Methods; GET and HEAD by default.
        key "method" method: OneOrMany<MethodName>,
        /// Parameters of the query: a value with `*`, a list, or `true` for present and `false` for absent.
        key "query" query: Wanteds<Text>,
        /// Headers, as with `query`.
        key "header" header: Wanteds<HeaderName>,
        /// Cookies, as with `query`.
        key "cookie" cookie: Wanteds<CookieName>,
    }
    later []
}

record! {
    /// One thing that a rule lays in.
    RawInjection: "an injection: a map with `select` and a content" {
        [content: RawContent]
        /// The CSS selector of the elements; quote it if it has a `#`.
        required "select" select: Text,
        /// The CSS selector of an enclosing element, which code sees as `each`.
        key "each" each: Text,
        /// `all` matches (the default) or the `first`.
        key "which" which: Which,
        /// A condition for this injection alone.
        key "when" when: Text,
        /// Where it goes: `before`, `prepend`, `append`, `after`, `inner`, `replace`; or `remove`.
        key "place" place: Place,
        /// Instead of `place`: the attribute whose value is set.
        key "attribute" attribute: Text,
        /// Instead of `place`: class names that are added or removed.
        key "class" class: RawClass,
    }
    later ["variant", "test"]
}

record! {
    /// Class names that are added to an element or removed from it.
    RawClass: "a map with `add` or `remove`" {
        /// Names that are added.
        key "add" add: OneOrMany<Text>,
        /// Names that are removed.
        key "remove" remove: OneOrMany<Text>,
    }
    later []
}

record! {
    /// A content: exactly one of `html`, `text`, `template` and `fragment`, and what happens when it has nothing to show.
    RawContent: "a content: a map with one of `html`, `text`, `template` and `fragment`" {
        /// HTML as it stands.
        key "html" html: Text,
        /// Text; it is escaped for its place.
        key "text" text: Text,
        /// A template, or `{ file: NAME }` from `rules/templates`.
        key "template" template: RawTemplate,
        /// The name of one of `fragments`.
        key "fragment" fragment: Text,
        /// How long after the start of the request it may come; 300ms by default.
        key "deadline" deadline: Duration,
        /// `show` lays in what is only white space; by default (`keep`) that is nothing to show.
        key "blank" blank: Blank,
        /// What is shown instead: a content, a list of contents, `keep` (what the origin had; the default) or `empty`.
        key "fallback" fallback: RawFallback,
    }
    later ["function", "with", "fetch", "decision", "json"]
}

record! {
    /// A template in a file of its own.
    TemplateFile: "a map with `file`" {
        /// The file's name below `rules/templates`.
        required "file" file: Text,
    }
    later []
}

/// A template's source, or where it is.
#[derive(Clone, Debug)]
pub enum RawTemplate {
    Source(Text),
    File(Box<TemplateFile>),
}

/// What is tried when a content has nothing to show.
#[derive(Clone, Debug)]
pub enum RawFallback {
    Keep,
    Empty,
    Try(Vec<At<RawContent>>),
}

/// Names with what is wanted of their values.
#[derive(Clone, Debug)]
pub struct Wanteds<N>(pub Vec<(N, At<RawWanted>)>);

/// What is wanted of a value.
#[derive(Clone, Debug)]
pub enum RawWanted {
    Present,
    Absent,
    Like(Vec<Text>),
}

choices!(State: "a state" { "live" => State::Live, "preview" => State::Preview, "stopped" => State::Stopped });
choices!(Which: "a choice of matches" { "all" => Which::All, "first" => Which::First });
choices!(Blank: "a choice for blank output" { "keep" => Blank::Keep, "show" => Blank::Show });
choices!(Place: "a place" {
    "before" => Place::Before, "prepend" => Place::Prepend, "append" => Place::Append, "after" => Place::After,
    "inner" => Place::Inner, "replace" => Place::Replace, "remove" => Place::Remove,
});

impl Read for RawTemplate {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => TemplateFile::read(node, reader).map(|file| Self::File(Box::new(file))),
            _ => reader.text(node, "a template, or `{ file: NAME }`").map(Self::Source),
        }
    }
}

impl Read for RawFallback {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "a content, a list of contents, `keep` or `empty`";
        match &node.value {
            Value::Map(_) | Value::List(_) => {
                let OneOrMany(contents) = OneOrMany::<RawContent>::read(node, reader)?;
                Some(Self::Try(contents))
            }
            _ => {
                let text = reader.text(node, expected)?;
                match text.value.as_str() {
                    "keep" => Some(Self::Keep),
                    "empty" => Some(Self::Empty),
                    other => {
                        let remedy = format!("expected {expected}; for text write `{{ text: … }}`");
                        reader.report.error(text.span, format!("`{other}` is not a fallback"), remedy);
                        None
                    }
                }
            }
        }
    }
}

impl Read for RawWanted {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if scalar.style == Style::Plain && &*scalar.text == "true" => Some(Self::Present),
            Value::Scalar(scalar) if scalar.style == Style::Plain && &*scalar.text == "false" => Some(Self::Absent),
            _ => {
                let OneOrMany(texts) = OneOrMany::<Text>::read(node, reader)?;
                Some(Self::Like(texts.into_iter().map(|text| text.value).collect()))
            }
        }
    }
}

/// Names of headers, cookies and parameters are read like scalars of their own, so that they are checked alike.
impl<N: Read> Read for Wanteds<N> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            reader.mismatch(node, "a map from names to values, such as `{ tier: gold }`");
            return None;
        };
        let one = |entry: &Entry, reader: &mut Reader<'_>| {
            let scalar = crate::config::yaml::Scalar { text: entry.key.as_ref().into(), style: Style::Plain };
            let name = N::read(&Node { span: entry.key_span, value: Value::Scalar(scalar) }, reader);
            let value = RawWanted::read(&entry.node, reader)?;
            Some((name?, At { value, span: entry.node.span, key: entry.key_span }))
        };
        Some(Self(entries.iter().filter_map(|entry| one(entry, reader)).collect()))
    }
}

impl JsonSchema for RawTemplate {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, generator.subschema_for::<TemplateFile>()] })
    }
}

impl JsonSchema for RawFallback {
    fn schema_name() -> Cow<'static, str> {
        "Fallback".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let contents = generator.subschema_for::<OneOrMany<RawContent>>();
        json_schema!({ "anyOf": [{ "enum": ["keep", "empty"] }, contents] })
    }
}

impl<N> JsonSchema for Wanteds<N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Wanteds".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<OneOrMany<Text>>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}

impl RawContent {
    /// The kinds of content that were written, each with its key's place.
    pub fn kinds(&self) -> Vec<(&'static str, crate::config::source::Span)> {
        fn key<T>(name: &'static str, field: &Field<T>) -> Option<(&'static str, crate::config::source::Span)> {
            field.as_ref().map(|at| (name, at.key))
        }
        let all = [
            key("html", &self.html),
            key("text", &self.text),
            key("template", &self.template),
            key("fragment", &self.fragment),
        ];
        all.into_iter().flatten().collect()
    }
}
