//! Open Graph: what `meta` elements say of the page.
//!
//! In: `meta` elements, and what all of them said. Out: a flat map as products have it. It must not look at anything else.

use serde_json::{Map, Value as Json};

use super::{linked, number, plain_number, text};
use crate::page::Element;

/// Names of ours, with the properties that tell them, best first.
const NAMES: [(&str, &[&str]); 8] = [
    ("sku", &["product:retailer_item_id", "product:sku"]),
    ("name", &["og:title"]),
    ("price", &["product:sale_price:amount", "product:price:amount", "og:price:amount"]),
    ("currency", &["product:price:currency", "og:price:currency"]),
    ("availability", &["product:availability", "og:availability"]),
    ("image", &["og:image", "og:image:url", "og:image:secure_url"]),
    ("url", &["og:url"]),
    ("brand", &["product:brand", "og:brand"]),
];

/// What one `meta` says.
pub(super) fn property(meta: &Element) -> Option<(String, String)> {
    let get = |name: &str| meta.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let content = text::folded(get("content")?);
    (!content.is_empty()).then(|| Some((get("property")?.trim().to_ascii_lowercase(), content)))?
}

/// What the page says of itself.
pub(super) fn page(said: &[(String, String)]) -> Map<String, Json> {
    let mut page = Map::new();
    for (name, properties) in NAMES {
        let value = properties.iter().find_map(|property| said.iter().find(|(known, _)| known == property));
        let Some((_, value)) = value else { continue };
        let value = match name {
            "price" => plain_number(value).or_else(|| number(value)).map(Json::Number),
            "availability" => Some(linked::availability(value).into()),
            _ => Some(value.as_str().into()),
        };
        value.map(|value| page.insert(name.to_owned(), value));
    }
    page
}
