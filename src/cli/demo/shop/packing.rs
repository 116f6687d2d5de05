//! Bytes packed and named: gzip and entity tags.
//!
//! In: bytes. Out: fewer bytes, or a tag for them. It must not know what they are.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// The bytes as gzip.
pub fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("invariant: writing to memory does not fail").into()
}

/// The opaque part of an entity tag for these bytes.
pub fn entity_tag(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..9])
}
