//! The shop's pictures, styles and scripts.
//!
//! In: a name. Out: the bytes, with their type, their entity tag and, where it pays, a gzip form made once. It
//! must not read the disk.

use bytes::Bytes;

use super::packing::{entity_tag, gzip};

/// One file as it is served.
#[derive(Clone, Debug)]
pub struct File {
    pub content_type: &'static str,
    pub bytes: Bytes,
    /// The same, compressed.
    pub gzip: Bytes,
    pub entity_tag: String,
}

/// All files, by name.
#[derive(Debug)]
pub struct Files(Vec<(&'static str, File)>);

/// A file's name and its bytes, from the folder `assets/shop/files`.
macro_rules! bundle {
    ($($name:literal)*) => {
        [$(($name, include_bytes!(concat!("../assets/shop/files/", $name)).as_slice())),*]
    };
}

impl Files {
    /// The bundled files.
    pub fn bundled() -> Self {
        let files = bundle! {
            "shop.css" "shop.js" "favicon.svg" "robots.txt"
            "hero.svg" "hero-gold.svg" "canal.svg"
            "leie.svg" "dok.svg" "polder.svg" "schelde.svg" "stormglas.svg" "kade.svg" "duin.svg" "bries.svg" "kouter.svg"
        };
        Self(files.map(|(name, bytes)| (name, File::new(name, bytes))).into())
    }

    /// The file of this name.
    pub fn find(&self, name: &str) -> Option<&File> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, file)| file)
    }
}

impl File {
    fn new(name: &str, bytes: &'static [u8]) -> Self {
        Self {
            content_type: content_type(name),
            bytes: Bytes::from_static(bytes),
            gzip: gzip(bytes),
            entity_tag: entity_tag(bytes),
        }
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}
