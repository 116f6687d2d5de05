//! What a page says of itself for machines, understood.
//!
//! In: JSON-LD, microdata, Open Graph. Out: readings of products, the page's own first. What JSON-LD tells of it counts before what
//! microdata tells of the same one, and that before Open Graph, which may fill in what neither says. It must not look at the page
//! again.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::extractor::Told;
use super::{Reading, graph, linked};
use crate::limits::EXTRACT_READINGS;

/// The readings of a page: one for each product it tells of; of a page without any, what Open Graph says.
pub(super) fn readings(told: Told) -> Vec<Reading> {
    let mut products = Vec::new();
    told.documents.iter().for_each(|document| linked::products(document, &mut products));
    let mut micro = Vec::new();
    told.micro.things().iter().for_each(|thing| linked::products(thing, &mut micro));
    micro.into_iter().for_each(|product| join(&mut products, product));
    products.truncate(EXTRACT_READINGS);
    let page = graph::page(&told.graph);
    match &mut products[..] {
        [] if !page.is_empty() => products.push(page),
        // Of a page with several it says what the page is, not what they are.
        [only] => fill_in(only, page),
        _ => {}
    }
    products.into_iter().map(reading).collect()
}

/// Adds a product, to the one that it is again if that was told already.
fn join(products: &mut Vec<Map<String, Json>>, product: Map<String, Json>) {
    let same = |known: &&mut Map<String, Json>| match (known.get("sku"), product.get("sku")) {
        (Some(known), Some(sku)) => known == sku,
        _ => known.get("name").is_some_and(|name| Some(name) == product.get("name")),
    };
    match products.iter_mut().find(same) {
        Some(known) => fill_in(known, product),
        None => products.push(product),
    }
}

fn fill_in(known: &mut Map<String, Json>, more: Map<String, Json>) {
    // A price in one currency does not become one in another.
    let fits = known.get("sku").is_none_or(|sku| more.get("sku").is_none_or(|other| other == sku));
    let has_price = known.contains_key("price");
    for (name, value) in more.into_iter().filter(|_| fits) {
        let is_settled = known.contains_key(&name) || (has_price && name == "currency");
        if !is_settled {
            known.insert(name, value);
        }
    }
}

fn reading(product: Map<String, Json>) -> Reading {
    let text = |name: &str| product.get(name).and_then(Json::as_str).map(Arc::from);
    Reading { key: text("sku").or_else(|| text("url")), values: Arc::new(product) }
}
