//! `geo` of inlay.yaml as written.
//!
//! In: trees. Out: records. It must not open the database.

use crate::config::raw::wanted::Keyed;
use crate::config::read::record::record;
use crate::config::read::scalars::HeaderName;
use crate::config::read::shapes::choices;
use crate::config::yaml::Text;

record! {
    /// Where clients are.
    RawGeo: "a map with `database` or `headers`" {
        /// A file in MaxMind's format (GeoLite2, GeoIP2); it is read again when it changes.
        key "database" database: Text,
        /// By what `geo` has: the field of the request in which a trusted proxy tells it. It comes before the database.
        key "headers" headers: Keyed<GeoPart, HeaderName>,
    }
    later []
}

/// What `geo` has, by its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeoPart(pub &'static str);

choices!(GeoPart: "a part of `geo`" {
    "continent" => GeoPart("continent"),
    "country" => GeoPart("country"),
    "region" => GeoPart("region"),
    "region_name" => GeoPart("region_name"),
    "city" => GeoPart("city"),
    "postal_code" => GeoPart("postal_code"),
    "timezone" => GeoPart("timezone"),
    "latitude" => GeoPart("latitude"),
    "longitude" => GeoPart("longitude"),
    "european_union" => GeoPart("european_union"),
});
