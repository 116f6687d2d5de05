//! `rules/*.yaml` as written.
//!
//! In: a tree. Out: [`RuleFile`]. It must not know other files.

use super::actions::{RawHeaders, RawRedirect, RawServe};
use super::audiences::RawAudience;
use super::collect::RawCollect;
use super::contents::RawContent;
use super::on_error::RawOnError;
use super::sources::RawSource;
use super::wanted::Wanteds;
use crate::config::read::record::record;
use crate::config::read::scalars::{
    CookieName, Date, Day, HeaderName, Host, HourSpan, Integer, MethodName, Path, Share,
};
use crate::config::read::shapes::{Named, OneOrMany, choices};
use crate::config::yaml::Text;
use crate::page::{Place, Which};
use crate::rule::State;

record! {
    /// What is shown to whom. Any file below `rules/` may hold any of these keys.
    RuleFile: "a map with `rules`, `fragments`, `audiences`, `sources` or `campaigns`" {
        /// Named conditions: `gold: visitor.returning and request.language == 'nl'`; or lists: `vip: { list: true }`.
        key "audiences" audiences: Named<RawAudience>,
        /// Named pieces of content, for `fragment: NAME`.
        key "fragments" fragments: Named<RawContent>,
        /// Outside systems that code reads as `sources.NAME(param=…)`.
        key "sources" sources: Named<RawSource>,
        /// Switches, schedules and conditions that several rules share.
        key "campaigns" campaigns: Named<RawCampaign>,
        /// What is read from pages, to be known as `items.KIND['KEY']`.
        key "collect" collect: Named<RawCollect>,
        /// On which pages, for whom, what is laid in where.
        key "rules" rules: Named<RawRule>,
        /// Holds for every rule of this file, besides its own `match`.
        key "match" matches: RawMatch,
        /// Holds for every rule of this file, besides its own `when`.
        key "when" when: Text,
        /// The campaign of every rule of this file, besides its own.
        key "campaign" campaign: Text,
    }
    later ["offers", "decisions", "experiments", "surfaces", "journeys", "channels"]
}

record! {
    /// A rule: on which pages, for whom, what is laid in where, or what is done with the request.
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
        /// What is done where its contents fail.
        key "on_error" on_error: RawOnError,
        /// What is laid in: a list of injections.
        key "inject" inject: OneOrMany<RawInjection>,
        /// Where the client is sent instead.
        key "redirect" redirect: RawRedirect,
        /// Which origin or path answers under the same URL.
        key "serve" serve: RawServe,
        /// Fields of the request and of the response.
        key "headers" headers: RawHeaders,
    }
    later ["experiment", "events", "test"]
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
        /// Methods; for rules GET and HEAD by default.
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

choices!(State: "a state" { "live" => State::Live, "preview" => State::Preview, "stopped" => State::Stopped });
choices!(Which: "a choice of matches" { "all" => Which::All, "first" => Which::First });
choices!(Place: "a place" {
    "before" => Place::Before, "prepend" => Place::Prepend, "append" => Place::Append, "after" => Place::After,
    "inner" => Place::Inner, "replace" => Place::Replace, "remove" => Place::Remove,
});
