//! What is compared: one row of the table each.
//!
//! In: nothing. Out: the rows, in their order. It must not measure.

use crate::outside::Outside;
use crate::server::Role;
use crate::subject::{Dialect, Wanted};
use crate::wire::{Coding, Protocol};

/// Who is measured.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    Ours(Role),
    Theirs(Outside),
}

/// A row: who serves what, how it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub who: Who,
    pub wanted: Wanted,
    pub coding: Coding,
    pub protocol: Protocol,
}

const fn row(name: &'static str, who: Who, wanted: Wanted, coding: Coding) -> Row {
    Row { name, who, wanted, coding, protocol: Protocol::Http1 }
}

const fn row2(name: &'static str, who: Who, wanted: Wanted, coding: Coding) -> Row {
    Row { name, who, wanted, coding, protocol: Protocol::Http2 }
}

use Coding::{Brotli, Gzip, Identity};
use Who::{Ours, Theirs};

/// All of them.
pub const ROWS: [Row; 30] = [
    row("limit: bytes from memory", Ours(Role::Limit), Wanted::FirstSegment, Identity),
    row("limit, gzip", Ours(Role::Limit), Wanted::FirstSegment, Gzip),
    row2("limit, HTTP/2", Ours(Role::Limit), Wanted::FirstSegment, Identity),
    row2("limit, HTTP/2, gzip", Ours(Role::Limit), Wanted::FirstSegment, Gzip),
    row("Inlay, personalised", Ours(Role::Inlay), Wanted::OwnSegment, Identity),
    row("Inlay, personalised, gzip", Ours(Role::Inlay), Wanted::OwnSegment, Gzip),
    row("Inlay, personalised, brotli", Ours(Role::Inlay), Wanted::OwnSegment, Brotli),
    row2("Inlay, personalised, HTTP/2", Ours(Role::Inlay), Wanted::OwnSegment, Identity),
    row2("Inlay, personalised, HTTP/2, gzip", Ours(Role::Inlay), Wanted::OwnSegment, Gzip),
    row("Inlay, personalised, access log", Ours(Role::InlayLogging), Wanted::OwnSegment, Identity),
    row("nginx, the file", Theirs(Outside::NginxFile), Wanted::AsMade, Identity),
    row("nginx, the file, gzip", Theirs(Outside::NginxFile), Wanted::AsMade, Gzip),
    row("nginx cache", Theirs(Outside::NginxCache), Wanted::AsMade, Identity),
    row("nginx cache, gzip", Theirs(Outside::NginxCache), Wanted::AsMade, Gzip),
    row("nginx cache + SSI", Theirs(Outside::NginxIncludes), Wanted::OwnSegmentBy(Dialect::Ssi), Identity),
    row("nginx cache + SSI, gzip", Theirs(Outside::NginxIncludes), Wanted::OwnSegmentBy(Dialect::Ssi), Gzip),
    row("nginx cache + sub_filter", Theirs(Outside::NginxSubstitutes), Wanted::OwnSegment, Identity),
    row("nginx cache + sub_filter, gzip", Theirs(Outside::NginxSubstitutes), Wanted::OwnSegment, Gzip),
    row("Varnish + ESI", Theirs(Outside::Varnish), Wanted::OwnSegmentBy(Dialect::Esi), Identity),
    row("Varnish + ESI, gzip", Theirs(Outside::VarnishGzip), Wanted::OwnSegmentBy(Dialect::Esi), Gzip),
    row("Varnish cache", Theirs(Outside::Varnish), Wanted::AsMade, Identity),
    row("Varnish cache, gzip", Theirs(Outside::VarnishGzip), Wanted::AsMade, Gzip),
    row("Inlay cache, path without rules", Ours(Role::Inlay), Wanted::AsMade, Identity),
    row("Inlay cache, path without rules, gzip", Ours(Role::Inlay), Wanted::AsMade, Gzip),
    row("bare proxy", Ours(Role::Proxy), Wanted::AsMade, Identity),
    row("bare proxy, gzip", Ours(Role::Proxy), Wanted::AsMade, Gzip),
    row("bare proxy + bare lol_html", Ours(Role::Rewriter), Wanted::OwnSegmentUnshared, Identity),
    row("Inlay, page not to be kept", Ours(Role::Inlay), Wanted::OwnSegmentUnshared, Identity),
    row("Inlay, page not to be kept, gzip", Ours(Role::Inlay), Wanted::OwnSegmentUnshared, Gzip),
    row("Inlay, page not to be kept, brotli", Ours(Role::Inlay), Wanted::OwnSegmentUnshared, Brotli),
];
