//! Products, as schema.org names their parts: in JSON-LD, and in microdata, which says the same.
//!
//! In: documents. Out: the products in them, in order, each as a flat map: `name`, `sku`, `price`, `currency`, `image`, `availability`,
//! `url`, `brand`. It must not follow more than the named limits.

use serde_json::{Map, Value as Json};

use super::{number, plain_number, text};
use crate::limits::{EXTRACT_DEPTH, EXTRACT_READINGS};

/// Where in a document things stand that the page is about.
const LEADS_ON: [&str; 5] = ["@graph", "mainEntity", "itemListElement", "item", "hasVariant"];

/// What tells a product from others, best first.
const KEYS: [&str; 8] = ["sku", "productID", "mpn", "gtin13", "gtin", "gtin14", "gtin12", "gtin8"];

/// The products of a document, added to `found`.
pub(super) fn products(document: &Json, found: &mut Vec<Map<String, Json>>) {
    look(document, EXTRACT_DEPTH, found);
}

fn look(json: &Json, depth: usize, found: &mut Vec<Map<String, Json>>) {
    if depth == 0 || found.len() >= EXTRACT_READINGS {
        return;
    }
    match json {
        Json::Array(list) => list.iter().for_each(|part| look(part, depth - 1, found)),
        Json::Object(thing) => {
            if is_a(thing, "Product") || (is_a(thing, "ProductGroup") && !thing.contains_key("hasVariant")) {
                let product = product(thing);
                if !product.is_empty() {
                    found.push(product);
                }
            }
            LEADS_ON.iter().filter_map(|name| thing.get(*name)).for_each(|part| look(part, depth - 1, found));
        }
        _ => {}
    }
}

/// Whether a thing is of a type of schema.org, however that is written.
fn is_a(thing: &Map<String, Json>, kind: &str) -> bool {
    let named = |json: &Json| json.as_str().is_some_and(|name| last_part(name) == kind);
    match thing.get("@type") {
        Some(Json::Array(kinds)) => kinds.iter().any(named),
        Some(other) => named(other),
        None => false,
    }
}

fn product(thing: &Map<String, Json>) -> Map<String, Json> {
    let mut product = Map::new();
    let mut put = |name: &str, value: Option<Json>| drop(value.map(|value| product.insert(name.to_owned(), value)));
    let key = KEYS.iter().find_map(|name| line(thing.get(*name)?));
    put("sku", key.map(|key| key.trim_start_matches("sku:").into()));
    put("name", thing.get("name").and_then(line).map(Json::from));
    let offer = offer(thing.get("offers"), EXTRACT_DEPTH);
    put("price", offer.and_then(price));
    put("currency", offer.and_then(|offer| line(part(offer, "priceCurrency")?)).map(Json::from));
    put(
        "availability",
        offer.and_then(|offer| line(offer.get("availability")?)).map(|state| availability(&state).into()),
    );
    put("image", thing.get("image").and_then(|image| address(image, EXTRACT_DEPTH)).map(Json::from));
    let url = thing.get("url").or_else(|| offer?.get("url"));
    put("url", url.and_then(line).map(Json::from));
    put("brand", thing.get("brand").and_then(named).map(Json::from));
    product
}

/// The offer that tells a price: the first that does.
fn offer(json: Option<&Json>, depth: usize) -> Option<&Map<String, Json>> {
    match json? {
        Json::Object(offer) => Some(offer),
        Json::Array(offers) if depth > 0 => {
            let all = || offers.iter().filter_map(|one| offer(Some(one), depth - 1));
            all().find(|offer| price(offer).is_some()).or_else(|| all().next())
        }
        _ => None,
    }
}

fn price(offer: &Map<String, Json>) -> Option<Json> {
    let said = part(offer, "price").or_else(|| offer.get("lowPrice"))?;
    match said {
        Json::Number(number) => Some(number.clone().into()),
        Json::String(text) => plain_number(text).or_else(|| number(text)).map(Json::Number),
        _ => None,
    }
}

/// What an offer says itself, or in its specification of the price.
fn part<'a>(offer: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    let specification = || match offer.get("priceSpecification")? {
        Json::Array(all) => all.first()?.get(name),
        one => one.get(name),
    };
    offer.get(name).or_else(specification)
}

/// A line of text; of several the first.
fn line(json: &Json) -> Option<String> {
    match json {
        Json::String(said) => Some(text::folded(&htmlize::unescape(&**said))).filter(|line| !line.is_empty()),
        Json::Number(number) => Some(number.to_string()),
        Json::Array(list) => list.first().filter(|first| !first.is_array()).and_then(line),
        _ => None,
    }
}

fn named(json: &Json) -> Option<String> {
    match json {
        Json::Object(thing) => thing.get("name").and_then(line),
        Json::Array(list) => list.first().filter(|first| !first.is_array()).and_then(named),
        other => line(other),
    }
}

/// The address of a picture.
fn address(json: &Json, depth: usize) -> Option<String> {
    match json {
        Json::Object(image) => ["url", "contentUrl", "@id"].iter().find_map(|name| line(image.get(*name)?)),
        Json::Array(list) if depth > 0 => list.iter().find_map(|one| address(one, depth - 1)),
        Json::Array(_) => None,
        other => line(other),
    }
}

/// `https://schema.org/InStock`, `InStock`, `in stock` → `in_stock`.
pub(super) fn availability(state: &str) -> String {
    let mut told = String::new();
    for character in last_part(state).chars() {
        match character {
            ' ' | '-' | '_' => told.push('_'),
            upper if upper.is_uppercase() => {
                if !told.is_empty() && !told.ends_with('_') {
                    told.push('_');
                }
                told.extend(upper.to_lowercase());
            }
            other => told.push(other),
        }
    }
    told
}

fn last_part(name: &str) -> &str {
    name.rsplit(['/', '#', ':']).next().unwrap_or(name).trim()
}
