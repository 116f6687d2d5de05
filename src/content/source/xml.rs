//! XML as JSON, so that code reads it like any other answer.
//!
//! In: text. Out: JSON. It must not resolve anything: documents with a DTD are refused.
//!
//! An element with text only is that text; else it is a map: its attributes by `@name`, its children by name (several of one name
//! are a list), its text, where there is any beside them, by `#text`. Prefixes of names are left out. The whole is a map with
//! the root by its name.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value as Json};

use crate::limits;

/// Why it is no XML that is read.
#[derive(Debug, thiserror::Error)]
pub(super) enum XmlError {
    #[error(transparent)]
    Syntax(#[from] roxmltree::Error),
    #[error("its elements are nested too deeply")]
    Deep,
}

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Json, XmlError> {
    let options = ParsingOptions { nodes_limit: limits::SOURCE_XML_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)?;
    let root = document.root_element();
    let value = element(root, 0)?;
    Ok(Json::Object(Map::from_iter([(root.tag_name().name().to_owned(), value)])))
}

fn element(node: Node<'_, '_>, depth: usize) -> Result<Json, XmlError> {
    if depth >= limits::SOURCE_XML_DEPTH {
        return Err(XmlError::Deep);
    }
    let mut map = Map::new();
    for attribute in node.attributes() {
        map.insert(format!("@{}", attribute.name()), attribute.value().into());
    }
    let mut text = String::new();
    for child in node.children() {
        if child.is_element() {
            add(&mut map, child.tag_name().name(), element(child, depth + 1)?);
        } else if child.is_text() {
            text.push_str(child.text().unwrap_or_default());
        }
    }
    let text = text.trim();
    if map.is_empty() {
        return Ok(text.into());
    }
    if !text.is_empty() {
        map.insert("#text".to_owned(), text.into());
    }
    Ok(Json::Object(map))
}

/// The second of a name makes a list of both.
fn add(map: &mut Map<String, Json>, name: &str, value: Json) {
    match map.get_mut(name) {
        None => drop(map.insert(name.to_owned(), value)),
        Some(Json::Array(list)) => list.push(value),
        Some(first) => *first = Json::Array(vec![first.take(), value]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_become_maps_lists_and_texts() {
        let text = "<w:weather xmlns:w='urn:w' unit=\"C\"><w:city id='1'>Gent</w:city><day> rain </day><day>sun</day><none/>\
                    <![CDATA[a < b]]></w:weather>";
        let expected = json!({ "weather": {
            "@unit": "C", "city": { "@id": "1", "#text": "Gent" }, "day": ["rain", "sun"], "none": "", "#text": "a < b",
        } });
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn what_would_grow_or_reach_out_is_refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY x \"xx\">]><a>&x;</a>";
        assert!(matches!(read(bomb), Err(XmlError::Syntax(roxmltree::Error::DtdDetected))));
        let deep = format!("{}{}", "<a>".repeat(200), "</a>".repeat(200));
        assert!(matches!(read(&deep), Err(XmlError::Deep)));
        assert!(read("<a>").is_err());
    }
}
