//! Filters over texts: strings, patterns, digests, URLs.
//!
//! In: calls. Out: texts. It must not do more than hand parts to the library.

use minijinja::value::Value;

use super::super::library::{codings, markdown, patterns, strings, urls};
use super::super::print::{escape_html, trusted_url};
use super::Kind::{Any, Bool, Count, OneOf, Pattern, Text};
use super::{Offer, may, needed, offer};
use crate::limits::TEMPLATE_CONTAINER_ITEMS;

const ELLIPSIS: &str = "…";

pub(super) const OFFERS: &[Offer] = &[
    offer("truncate", &[may("length", Count), may("ending", Text), may("words", Bool)], |call| {
        let ending = call.text("ending")?.unwrap_or_else(|| ELLIPSIS.to_owned());
        let words = call.given("words").is_none_or(Value::is_true);
        Ok(strings::truncate(&call.subject_text()?, call.count("length")?.unwrap_or(255), &ending, words).into())
    }),
    offer("truncate_words", &[needed("count", Count), may("ending", Text)], |call| {
        let ending = call.text("ending")?.unwrap_or_else(|| ELLIPSIS.to_owned());
        Ok(strings::truncate_words(&call.subject_text()?, call.count("count")?.unwrap_or(0), &ending).into())
    }),
    offer("mask", &[may("keep", Count), may("with", Text), may("at", OneOf(&["start", "end"]))], |call| {
        let with = call.text("with")?.unwrap_or_else(|| "*".to_owned());
        let at_end = call.text("at")?.is_none_or(|at| at == "end");
        call.answer(strings::mask(&call.subject_text()?, call.count("keep")?.unwrap_or(4), &with, at_end))
    }),
    offer("mask_email", &[], |call| Ok(strings::mask_email(&call.subject_text()?).into())),
    offer("slug", &[], |call| Ok(strings::slug(&call.subject_text()?).into())),
    offer("camel_case", &[], |call| Ok(strings::camel_case(&call.subject_text()?).into())),
    offer("snake_case", &[], |call| Ok(strings::snake_case(&call.subject_text()?).into())),
    offer("squeeze", &[], |call| Ok(strings::squeeze(&call.subject_text()?).into())),
    offer("strip_tags", &[], |call| Ok(strings::strip_tags(&call.subject_text()?).into())),
    offer("pad_start", &[needed("width", Count), may("with", Text)], |call| {
        let with = call.text("with")?.unwrap_or_else(|| " ".to_owned());
        call.answer(strings::pad(&call.subject_text()?, call.count("width")?.unwrap_or(0), &with, true))
    }),
    offer("pad_end", &[needed("width", Count), may("with", Text)], |call| {
        let with = call.text("with")?.unwrap_or_else(|| " ".to_owned());
        call.answer(strings::pad(&call.subject_text()?, call.count("width")?.unwrap_or(0), &with, false))
    }),
    offer("repeat", &[needed("count", Count)], |call| {
        call.answer(strings::repeat(&call.subject_text()?, call.count("count")?.unwrap_or(0)))
    }),
    offer("remove_prefix", &[needed("prefix", Text)], |call| {
        let (text, prefix) = (call.subject_text()?, call.needed_text("prefix")?);
        Ok(text.strip_prefix(&*prefix).unwrap_or(&text).into())
    }),
    offer("remove_suffix", &[needed("suffix", Text)], |call| {
        let (text, suffix) = (call.subject_text()?, call.needed_text("suffix")?);
        Ok(text.strip_suffix(&*suffix).unwrap_or(&text).into())
    }),
    offer("before", &[needed("separator", Text)], |call| {
        let (text, separator) = (call.subject_text()?, call.needed_text("separator")?);
        Ok(text.split_once(&*separator).map_or(&*text, |(before, _)| before).into())
    }),
    offer("after", &[needed("separator", Text)], |call| {
        let (text, separator) = (call.subject_text()?, call.needed_text("separator")?);
        Ok(text.split_once(&*separator).map_or("", |(_, after)| after).into())
    }),
    offer("line_breaks", &[], |call| {
        let lines: Vec<String> = call.subject_text()?.lines().map(escape_html).collect();
        Ok(Value::from_safe_string(lines.join("<br>")))
    }),
    offer("matches", &[needed("pattern", Pattern)], |call| {
        call.answer(patterns::matches(&call.subject_text()?, &call.needed_text("pattern")?))
    }),
    offer("regex_find", &[needed("pattern", Pattern), may("group", Count)], |call| {
        let group = call.count("group")?.unwrap_or(0);
        let found = patterns::find(&call.subject_text()?, &call.needed_text("pattern")?, group);
        call.answer(found.map(|found| found.map_or(Value::UNDEFINED, Value::from)))
    }),
    offer("regex_find_all", &[needed("pattern", Pattern)], |call| {
        let pattern = call.needed_text("pattern")?;
        call.answer(patterns::find_all(&call.subject_text()?, &pattern, TEMPLATE_CONTAINER_ITEMS))
    }),
    offer("regex_replace", &[needed("pattern", Pattern), needed("with", Text)], |call| {
        let (pattern, with) = (call.needed_text("pattern")?, call.needed_text("with")?);
        call.answer(patterns::replace(&call.subject_text()?, &pattern, &with))
    }),
    offer("base64", &[may("url", Bool)], |call| Ok(codings::base64(&call.subject_text()?, call.flag("url")).into())),
    offer("base64_decode", &[], |call| call.answer(codings::base64_decode(&call.subject_text()?))),
    offer("urldecode", &[], |call| Ok(codings::url_decode(&call.subject_text()?).into())),
    offer("sha256", &[], |call| Ok(codings::sha256(&call.subject_text()?).into())),
    offer("sha512", &[], |call| Ok(codings::sha512(&call.subject_text()?).into())),
    offer("hmac_sha256", &[needed("key", Text)], |call| {
        Ok(codings::hmac_sha256(&call.subject_text()?, &call.needed_text("key")?).into())
    }),
    offer("markdown", &[may("html", OneOf(&["escape", "trust"]))], |call| {
        let trusted = call.text("html")?.is_some_and(|html| html == "trust");
        call.answer(markdown::markdown(&call.subject_text()?, trusted).map(Value::from_safe_string))
    }),
    offer("safe_url", &[], |call| Ok(trusted_url(call.subject_text()?))),
    offer("query_get", &[needed("name", Text)], |call| {
        let found = urls::query_get(&call.subject_text()?, &call.needed_text("name")?);
        Ok(found.map_or(Value::UNDEFINED, Value::from))
    }),
    Offer {
        name: "query_set",
        takes: &[may("name", Text), may("value", Any)],
        open: true,
        make: |call| {
            let mut url = call.subject_text()?;
            if let (Some(name), Some(value)) = (call.text("name")?, call.text("value")?) {
                url = urls::query_set(&url, &name, &value);
            }
            for (name, value) in &call.others {
                url = urls::query_set(&url, name, &value.to_string());
            }
            Ok(url.into())
        },
    },
    offer("query_remove", &[needed("name", Text), may("another", Text), may("third", Text)], |call| {
        let names = [call.text("name")?, call.text("another")?, call.text("third")?];
        Ok(names.iter().flatten().fold(call.subject_text()?, |url, name| urls::query_remove(&url, name)).into())
    }),
    offer("url_part", &[needed("part", OneOf(&urls::PARTS))], |call| {
        let found = urls::part(&call.subject_text()?, &call.needed_text("part")?);
        Ok(found.map_or(Value::UNDEFINED, Value::from))
    }),
];
