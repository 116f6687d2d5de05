//! Where the client is: `geo` in code.
//!
//! In: its address and a database in MaxMind's format, or what a proxy says that is believed. Out: facts, looked up when the first is
//! asked. It must not fetch databases, nor believe anybody else.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use maxminddb::geoip2::City;
use maxminddb::{MaxMindDbError, Reader};
use thiserror::Error;

use super::facts::RequestFacts;
use crate::http::peer::PeerStanding;
use crate::limits::GEO_DATABASE_BYTES;
use crate::scope::{Answer, Facts, Key};

/// What `geo` has.
pub const PARTS: [&str; 10] = [
    "continent",
    "country",
    "region",
    "region_name",
    "city",
    "postal_code",
    "timezone",
    "latitude",
    "longitude",
    "european_union",
];

/// `geo` of inlay.yaml as it is used.
#[derive(Clone, Debug, Default)]
pub struct GeoPolicy {
    pub database: Option<Arc<GeoDatabase>>,
    /// By the part of `geo`: the field of the request in which a trusted proxy tells it, lower case. It comes before the database.
    pub headers: Arc<[(Arc<str>, Arc<str>)]>,
}

impl GeoPolicy {
    /// Whether it can tell anything.
    pub fn is_some(&self) -> bool {
        self.database.is_some() || !self.headers.is_empty()
    }
}

/// A database that is read again when its file changes.
pub struct GeoDatabase {
    path: PathBuf,
    reader: ArcSwap<Reader<Vec<u8>>>,
}

impl std::fmt::Debug for GeoDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GeoDatabase").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Why a database can't be used.
#[derive(Debug, Error)]
pub enum GeoError {
    #[error("the geo database {} can't be read", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the geo database {} has more than {GEO_DATABASE_BYTES} bytes", .path.display())]
    Large { path: PathBuf },
    #[error("{} is no geo database in MaxMind's format", .path.display())]
    Format {
        path: PathBuf,
        #[source]
        source: MaxMindDbError,
    },
}

impl GeoDatabase {
    /// Reads the file into memory.
    ///
    /// # Errors
    /// [`GeoError`].
    pub fn open(path: &Path) -> Result<Self, GeoError> {
        Ok(Self { path: path.to_owned(), reader: ArcSwap::from_pointee(read(path)?) })
    }

    /// Reads the file again; a wrong one changes nothing.
    ///
    /// # Errors
    /// [`GeoError`].
    pub fn reload(&self) -> Result<(), GeoError> {
        self.reader.store(Arc::new(read(&self.path)?));
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of an address; nothing if the database does not have it, or is damaged there.
    fn place(&self, address: IpAddr) -> Place {
        let reader = self.reader.load();
        let found = reader.lookup(address).and_then(|found| found.decode::<City<'_>>());
        match found {
            Ok(found) => found.map(|city| Place::of(&city)).unwrap_or_default(),
            Err(error) => {
                tracing::debug!(%error, "the geo database could not be asked");
                Place::default()
            }
        }
    }
}

fn read(path: &Path) -> Result<Reader<Vec<u8>>, GeoError> {
    let failed = |source| GeoError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > GEO_DATABASE_BYTES {
        return Err(GeoError::Large { path: path.to_owned() });
    }
    let bytes = fs::read(path).map_err(failed)?;
    Reader::from_source(bytes).map_err(|source| GeoError::Format { path: path.to_owned(), source })
}

/// What a database knows of an address.
#[derive(Clone, Debug, Default, PartialEq)]
struct Place {
    continent: Option<Arc<str>>,
    country: Option<Arc<str>>,
    region: Option<Arc<str>>,
    region_name: Option<Arc<str>>,
    city: Option<Arc<str>>,
    postal_code: Option<Arc<str>>,
    timezone: Option<Arc<str>>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    european_union: Option<bool>,
}

impl Place {
    fn of(city: &City<'_>) -> Self {
        let text = |text: Option<&str>| text.map(Arc::from);
        let region = city.subdivisions.first();
        Self {
            continent: text(city.continent.code),
            country: text(city.country.iso_code),
            region: text(region.and_then(|region| region.iso_code)),
            region_name: text(region.and_then(|region| region.names.english)),
            city: text(city.city.names.english),
            postal_code: text(city.postal.code),
            timezone: text(city.location.time_zone),
            latitude: city.location.latitude,
            longitude: city.location.longitude,
            european_union: city.country.is_in_european_union,
        }
    }

    fn part(&self, name: &str) -> Answer {
        match name {
            "continent" => Answer::optional(self.continent.as_ref()),
            "country" => Answer::optional(self.country.as_ref()),
            "region" => Answer::optional(self.region.as_ref()),
            "region_name" => Answer::optional(self.region_name.as_ref()),
            "city" => Answer::optional(self.city.as_ref()),
            "postal_code" => Answer::optional(self.postal_code.as_ref()),
            "timezone" => Answer::optional(self.timezone.as_ref()),
            "latitude" => self.latitude.map_or_else(Answer::absent, Answer::scalar),
            "longitude" => self.longitude.map_or_else(Answer::absent, Answer::scalar),
            "european_union" => self.european_union.map_or_else(Answer::absent, Answer::scalar),
            _ => Answer::absent(),
        }
    }
}

/// What code sees as `geo`.
#[derive(Debug)]
pub struct GeoFacts {
    policy: GeoPolicy,
    request: Arc<RequestFacts>,
    place: OnceLock<Place>,
}

impl GeoFacts {
    /// Of the client who sent `request`.
    pub fn new(policy: GeoPolicy, request: Arc<RequestFacts>) -> Self {
        Self { policy, request, place: OnceLock::new() }
    }

    fn part(&self, name: &str) -> Answer {
        match self.told(name) {
            Some(told) if matches!(name, "latitude" | "longitude") => told
                .parse::<f64>()
                .ok()
                .filter(|degrees| degrees.is_finite())
                .map_or_else(Answer::absent, Answer::scalar),
            Some(told) if name == "european_union" => Answer::scalar(matches!(&*told, "1" | "true")),
            Some(told) => Answer::scalar(told),
            None => self.place.get_or_init(|| self.look_up()).part(name),
        }
    }

    /// What a trusted proxy says. `XX` and `T1` are what Cloudflare says where it does not know.
    fn told(&self, name: &str) -> Option<String> {
        let (_, header) = self.policy.headers.iter().find(|(part, _)| **part == *name)?;
        if self.request.head.peer != PeerStanding::Trusted {
            return None;
        }
        let value = self.request.header_values(header).next()?.trim().to_owned();
        let unknown = value.is_empty() || name == "country" && matches!(&*value, "XX" | "T1");
        (!unknown).then_some(value)
    }

    fn look_up(&self) -> Place {
        let database = self.policy.database.as_ref();
        database.map(|database| database.place(self.request.head.client)).unwrap_or_default()
    }
}

impl Facts for GeoFacts {
    fn get(&self, path: &[Key]) -> Answer {
        let answer = match path {
            [] => Answer::map(),
            [name] => self.part(name),
            _ => Answer::absent(),
        };
        answer.private()
    }

    fn keys(&self, path: &[Key]) -> Answer {
        let answer = if path.is_empty() { Answer::keys(PARTS) } else { Answer::absent() };
        answer.private()
    }
}
