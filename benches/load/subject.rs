//! What is served and to whom: one real page, the three fragments that are laid into it, a thousand visitors in four segments.
//!
//! In: the toolchain's documentation, if it is installed. Out: the page, the rules, the requests, and the page that each segment must
//! get, spliced here and not by Inlay.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use inlay::http::cookies::Transport;
use inlay::visitor::{IdentityKeys, VisitorId};

use crate::Failure;
use crate::wire::Coding;

/// Of the documentation.
const FILE: &str = "book/ch20-01-unsafe-rust.html";
/// The name of the visitor's cookie.
pub const COOKIE: &str = "inlay_visitor";
/// Signs the visitors' cookies.
pub const SECRET: &str = "a secret for a bench, of no use elsewhere";

/// A page whose second half never comes.
pub const STALLING: &str = "/book/stalling.html";

pub const SEGMENTS: [&str; 4] = ["none", "bronze", "silver", "gold"];
const VISITORS: usize = 1000;

/// A condition, an audience and a template: what an ordinary page has.
pub const RULES: &str = r#"
match: { path: /book/** }
audiences:
  gold: request.cookies.tier == 'gold'
rules:
  greeting:
    inject:
      - { select: h1.menu-title, place: after, fragment: greeting }
  offer:
    inject:
      - select: main
        place: prepend
        template: <aside class="offer">{% if audiences.gold %}A third off{% else %}A tenth off{% endif %}, this week only.</aside>
  reading:
    when: visitor.returning
    inject:
      - { select: main, place: append, html: <nav class="next">Go on where you stopped the last time.</nav> }
fragments:
  greeting:
    template: <p class="greeting">For our {{ request.cookies.tier }} readers</p>
"#;

/// What is laid in for a segment, in the order of the page.
pub fn fragments(segment: &str) -> [String; 3] {
    let off = if segment == "gold" { "A third off" } else { "A tenth off" };
    [
        format!("<p class=\"greeting\">For our {segment} readers</p>"),
        format!("<aside class=\"offer\">{off}, this week only.</aside>"),
        "<nav class=\"next\">Go on where you stopped the last time.</nav>".to_owned(),
    ]
}

/// What everybody is to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The origin's page, on a path that no rule has.
    AsMade,
    /// The page of one segment, whoever asks.
    FirstSegment,
    /// The page of the visitor's segment.
    OwnSegment,
    /// The same, on a path where the origin's page must not be kept.
    OwnSegmentUnshared,
    /// The same, from an origin whose page has marks of this dialect in the places of the fragments.
    OwnSegmentBy(Dialect),
}

/// How a page asks an intermediary to include something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Server-side includes, as nginx reads them.
    Ssi,
    /// Edge-side includes, as Varnish reads them.
    Esi,
}

impl Dialect {
    /// The mark that includes a fragment; which visitor's it is the intermediary knows.
    fn mark(self, fragment: usize) -> String {
        match self {
            Self::Ssi => format!("<!--# include virtual=\"/fragment/{fragment}/$cookie_tier\" -->"),
            Self::Esi => format!("<esi:include src=\"/fragment/{fragment}\"/>"),
        }
    }
}

impl Wanted {
    pub fn path(self) -> &'static str {
        match self {
            Self::AsMade => "/copy/ch20-01-unsafe-rust.html",
            Self::FirstSegment | Self::OwnSegment => "/book/ch20-01-unsafe-rust.html",
            Self::OwnSegmentUnshared => "/book/unshared.html",
            Self::OwnSegmentBy(Dialect::Ssi) => "/ssi/ch20-01-unsafe-rust.html",
            Self::OwnSegmentBy(Dialect::Esi) => "/esi/ch20-01-unsafe-rust.html",
        }
    }
}

/// The places of the fragments, as the text that ends just before each, and the one that begins just after the last.
pub const PLACES: [&str; 3] = ["</h1>", "<main>", "</main>"];

/// The page with everything around it.
pub struct Subject {
    source: Source,
    pub plain: Bytes,
    pub gzip: Bytes,
    /// Between the places of the three fragments.
    between: [Bytes; 4],
}

enum Source {
    Documentation,
    Licence,
}

impl Subject {
    pub fn load() -> Result<Self, Failure> {
        let (source, plain) = match documentation().and_then(|folder| std::fs::read(folder.join(FILE)).ok()) {
            Some(page) => (Source::Documentation, page),
            None => (Source::Licence, licence()),
        };
        let plain = Bytes::from(plain);
        let gzip = compressed(&plain, Compression::best())?;
        let text = std::str::from_utf8(&plain)?;
        let missing = "the page lacks the elements of the rules";
        let [title, begin, end] = PLACES;
        let title = text.find(title).ok_or(missing)? + title.len();
        let begin = text.find(begin).ok_or(missing)? + begin.len();
        let end = text.find(end).ok_or(missing)?;
        let between = [plain.slice(..title), plain.slice(title..begin), plain.slice(begin..end), plain.slice(end..)];
        Ok(Self { source, plain, gzip, between })
    }

    pub fn describe(&self) -> String {
        let what = match self.source {
            Source::Documentation => "a chapter of the toolchain's book",
            Source::Licence => "a page made of our licence, as the toolchain's documentation is not installed",
        };
        let (plain, gzip) = (self.plain.len(), self.gzip.len());
        format!("{what}: {plain} bytes, {gzip} in gzip; 3 fragments, {} segments, {VISITORS} visitors", SEGMENTS.len())
    }

    /// The page of a segment, in seven pieces.
    pub fn pieces(&self, segment: usize) -> Vec<Bytes> {
        let [greeting, offer, reading] = fragments(SEGMENTS[segment]).map(Bytes::from);
        let [a, b, c, d] = self.between.clone();
        vec![a, greeting, b, offer, c, reading, d]
    }

    /// The page with marks in the places of the fragments.
    pub fn marked(&self, dialect: Dialect) -> Bytes {
        let [a, b, c, d] = &self.between;
        let [greeting, offer, reading] = [0, 1, 2].map(|fragment| Bytes::from(dialect.mark(fragment)));
        [&a[..], &greeting, b, &offer, c, &reading, d].concat().into()
    }

    /// What the visitors of each segment must get.
    pub fn expected(&self, wanted: Wanted) -> [Bytes; SEGMENTS.len()] {
        std::array::from_fn(|segment| match wanted {
            Wanted::AsMade => self.plain.clone(),
            Wanted::FirstSegment => self.pieces(0).concat().into(),
            Wanted::OwnSegment | Wanted::OwnSegmentUnshared | Wanted::OwnSegmentBy(_) => {
                self.pieces(segment).concat().into()
            }
        })
    }
}

/// What one visitor asks.
#[derive(Clone, Debug)]
pub struct Asking {
    pub path: &'static str,
    pub coding: Coding,
    pub cookie: String,
}

/// The requests of all visitors, by visitor; a visitor's segment is its number modulo the segments.
pub fn requests(wanted: Wanted, coding: Coding) -> Vec<Asking> {
    let keys = IdentityKeys::new(COOKIE, &[SECRET]);
    let request = |visitor: usize| {
        let set = keys.set_cookie(&VisitorId::random(), Transport::Any, jiff::Timestamp::now());
        let set = set.as_ref().and_then(|set| set.to_str().ok()).expect("a cookie");
        let cookie = set.split(';').next().unwrap_or_default();
        let tier = SEGMENTS[segment_of(visitor)];
        Asking { path: wanted.path(), coding, cookie: format!("tier={tier}; {cookie}") }
    };
    (0..VISITORS).map(request).collect()
}

/// Which segment a visitor is in.
pub fn segment_of(visitor: usize) -> usize {
    visitor % SEGMENTS.len()
}

/// `plain` in gzip.
pub fn compressed(plain: &[u8], level: Compression) -> Result<Bytes, Failure> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(plain)?;
    Ok(encoder.finish()?.into())
}

fn documentation() -> Option<PathBuf> {
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    Some(PathBuf::from(String::from_utf8(rustc.stdout).ok()?.trim()).join("share/doc/rust/html"))
}

/// A page of about the same size from text that is always there.
fn licence() -> Vec<u8> {
    const BYTES: usize = 61_000;
    let text = include_str!("../../LICENSE").replace('&', "&amp;").replace('<', "&lt;");
    let paragraphs: String = text.split("\n\n").map(|text| format!("<p>{text}</p>\n")).collect();
    let body = paragraphs.repeat(BYTES.div_ceil(paragraphs.len()));
    format!("<!doctype html><title>Licence</title>\n<h1 class=\"menu-title\">Licence</h1>\n<main>{body}</main>\n")
        .into()
}
