//! A stand-in for Inlay: it fetches from the shop in this process and exchanges a few ranges, found by plain text search.
//!
//! In: a request. Out: a page whose slots it traces truly, or, if told to lie, with one byte changed that no slot covers.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use inlay::cli::demo::edge::{Body, Edge, Reread, boxed, whole};
use inlay::cli::demo::shop::Shop;
use inlay::exchange::trace::{Made, SlotTrace, TraceSink};
use inlay::page::{Context, Outcome, Place, Target};

#[derive(Clone, Default)]
pub struct Double {
    pub shop: Arc<Shop>,
    /// Changes a byte outside every slot.
    pub lies: bool,
}

struct Edit {
    rule: &'static str,
    select: &'static str,
    target: Target,
    context: Context,
    source: Range<usize>,
    text: String,
    outcome: Outcome,
}

impl Edge for Double {
    fn serve(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let this = self.clone();
        Box::pin(async move {
            let sink = request.extensions().get::<TraceSink>().cloned();
            let headers = request.headers().clone();
            let is_protected = request.uri().path().starts_with("/checkout/");
            let response = this.shop.answer(request).await;
            let is_page =
                response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
            let is_coded = response.headers().contains_key("content-encoding");
            if !is_page || is_coded || is_protected {
                return known_again(&headers, response.map(boxed));
            }
            let (mut parts, body) = response.into_parts();
            let page = body.collect().await.unwrap().to_bytes();
            let served = this.rewritten(&page, &headers, sink.as_ref());
            parts.headers.insert("content-length", served.len().into());
            known_again(&headers, Response::from_parts(parts, whole(served)))
        })
    }

    fn reread(&self) -> Reread {
        Reread::Unchanged
    }
}

/// Sets Inlay's cookie where there is none, unless that was refused.
fn known_again(headers: &HeaderMap, mut response: Response<Body>) -> Response<Body> {
    if !headers.contains_key("sec-gpc") && !cookies(headers).contains("inlay_visitor=") {
        let cookie = HeaderValue::from_static("inlay_visitor=signed; Path=/; HttpOnly");
        response.headers_mut().append("set-cookie", cookie);
    }
    response
}

fn cookies(headers: &HeaderMap) -> &str {
    headers.get("cookie").map_or("", |line| line.to_str().unwrap())
}

impl Double {
    fn rewritten(&self, page: &Bytes, headers: &HeaderMap, sink: Option<&TraceSink>) -> Vec<u8> {
        let text = std::str::from_utf8(page).unwrap();
        let mut edits = edits(text, headers);
        edits.sort_by_key(|edit| edit.source.start);
        let (mut served, mut from) = (Vec::new(), 0);
        for edit in &edits {
            served.extend_from_slice(&page[from..edit.source.start]);
            let start = served.len() as u64;
            match edit.outcome {
                Outcome::Shown => served.extend_from_slice(edit.text.as_bytes()),
                _ => served.extend_from_slice(&page[edit.source.clone()]),
            }
            from = edit.source.end;
            if let Some(sink) = sink {
                sink.slot(trace(edit, start..served.len() as u64));
            }
        }
        served.extend_from_slice(&page[from..]);
        if let Some(sink) = sink {
            page.chunks(1000).for_each(|piece| sink.origin(piece));
        }
        if self.lies {
            *served.last_mut().unwrap() = b'!';
        }
        served
    }
}

fn trace(edit: &Edit, output: Range<u64>) -> SlotTrace {
    SlotTrace {
        rule: Arc::from(edit.rule),
        injection: Arc::from("rule.1"),
        select: Arc::from(edit.select),
        target: edit.target.clone(),
        context: edit.context,
        content: Arc::from(format!("{}.1", edit.rule)),
        outcome: edit.outcome,
        reason: (edit.outcome == Outcome::Kept).then(|| Arc::from("blank")),
        made: Made::Rendered(Duration::from_micros(84)),
        filled: None,
        opened: Instant::now(),
        settled: Instant::now(),
        source: edit.source.start as u64..edit.source.end as u64,
        output,
    }
}

fn between(text: &str, open: &str, close: &str, from: usize) -> Option<Range<usize>> {
    let start = from + text[from..].find(open)? + open.len();
    let end = start + text[start..].find(close)?;
    Some(start..end)
}

fn edits(text: &str, headers: &HeaderMap) -> Vec<Edit> {
    let line = cookies(headers);
    let gold = line.contains("tier=gold");
    let new = !line.contains("inlay_visitor");
    let language = headers.get("accept-language").map_or("en", |value| &value.to_str().unwrap()[..2]);
    let mut edits = Vec::new();
    let mut add = |rule, select, target, context, source: Option<Range<usize>>, text: String, outcome| {
        if let Some(source) = source {
            edits.push(Edit { rule, select, target, context, source, text, outcome });
        }
    };
    let point = |range: Option<Range<usize>>| range.map(|range| range.start..range.start);
    let inner = || Target::Place(Place::Inner);
    let delivery = match language {
        "nl" => "Gratis levering in België vanaf €&nbsp;75",
        "fr" => "Livraison offerte en Belgique dès 75&nbsp;€",
        _ => "",
    };
    let kept = if delivery.is_empty() { Outcome::Kept } else { Outcome::Shown };
    add(
        "delivery_line",
        ".delivery",
        inner(),
        Context::Html,
        between(text, "<p class=\"delivery\">", "</p>", 0),
        delivery.to_owned(),
        kept,
    );
    add(
        "styles",
        "head",
        Target::Place(Place::Append),
        Context::Html,
        point(between(text, "defer></script>\n", "", 0)),
        include_str!("../../rules/templates/styles.html")
            .replace("{% if csp.nonce %} nonce=\"{{ csp.nonce }}\"{% endif %}", ""),
        Outcome::Shown,
    );
    let mut at = 0;
    while let Some(card) = between(text, "data-stock=\"", "\"", at) {
        let left: u32 = text[card.clone()].parse().unwrap();
        let stock = between(text, "class=\"stock\">", "</span>", card.end);
        at = stock.as_ref().map_or(text.len(), |range| range.end);
        let few = if left <= 5 { Outcome::Shown } else { Outcome::Kept };
        add(
            "few_left",
            "[data-sku] .stock",
            inner(),
            Context::Html,
            stock,
            format!("<strong class=\"few\">Only {left} left</strong>"),
            few,
        );
    }
    if text.contains("class=\"hero\"") {
        add("weather_window", "main", Target::Place(Place::Prepend), Context::Html, point(between(text, "<main id=\"main\">", "", 0)), "\n<aside class=\"inlay-banner\"><div class=\"wrap\"><strong>Rain until Friday.</strong> Order before four, wear it tomorrow.</div></aside>".to_owned(), Outcome::Shown);
    }
    if gold {
        add(
            "gold_title",
            "title",
            inner(),
            Context::EscapableText,
            between(text, "<title>", "</title>", 0),
            "Ann’s Noordwind".to_owned(),
            Outcome::Shown,
        );
        add(
            "gold_hero",
            "img.hero",
            Target::Attribute(Arc::from("src")),
            Context::Attribute,
            between(text, "<img class=\"hero\" src=\"", "\"", 0),
            "/assets/hero-gold.svg".to_owned(),
            Outcome::Shown,
        );
        add(
            "gold_greeting",
            ".opening h1",
            Target::Place(Place::Before),
            Context::Html,
            point(between(text, "<div class=\"words\"><div class=\"wrap\">\n    ", "", 0)),
            "<p class=\"inlay-greeting\">Good evening, Ann</p>".to_owned(),
            Outcome::Shown,
        );
        add(
            "gold_body",
            "body",
            Target::Class { add: vec![Arc::from("is-gold")], remove: vec![] },
            Context::Attribute,
            between(text, "<body class=\"", "\"", 0),
            "home is-gold".to_owned(),
            Outcome::Shown,
        );
        add(
            "no_letter_twice",
            ".newsletter",
            Target::Place(Place::Remove),
            Context::Html,
            text.find("<section class=\"newsletter\"").map(|at| at..at + text[at..].find("</section>").unwrap() + 10),
            String::new(),
            Outcome::Shown,
        );
        add(
            "member_price",
            "[itemprop=price]",
            Target::Place(Place::After),
            Context::Html,
            point(between(text, "itemprop=\"price\"", "\n", 0).map(|range| range.end..range.end)),
            "<span class=\"inlay-price\">€&nbsp;170.10 for you</span>".to_owned(),
            Outcome::Shown,
        );
    }
    if new {
        add(
            "welcome_offer",
            ".opening .lead",
            Target::Place(Place::After),
            Context::Html,
            point(between(text, "The other days we sew.</p>", "", 0)),
            "<p class=\"inlay-offer\">New here? <b>Ten euros off</b> your first order with <code>DAG</code>.</p>"
                .to_owned(),
            Outcome::Shown,
        );
    }
    edits
}
