//! Escaping for the places of a page: HTML text, attribute values, raw text.
