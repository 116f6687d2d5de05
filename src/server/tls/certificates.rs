//! Certificates from PEM files, chosen by the name that the client asks for, with the staple that lies beside each.
//!
//! In: the files of each certificate. Out: a [`Certificates`] that picks one per handshake and can read the files again.
//! It must not watch the files, nor judge who issued what is in them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::TlsError;
use crate::http::pem;
use crate::http::security::CertificateFiles;
use crate::limits::OCSP_BYTES;

/// Certificates as they were last read.
#[derive(Debug)]
pub struct Certificates {
    files: Vec<CertificateFiles>,
    table: ArcSwap<Table>,
}

impl Certificates {
    /// Reads the files. The first certificate is for clients that ask for a name which none has, or for no name.
    ///
    /// # Errors
    /// [`TlsError`], the first that is found.
    pub fn load(files: Vec<CertificateFiles>, provider: &CryptoProvider) -> Result<Self, TlsError> {
        if files.is_empty() {
            return Err(TlsError::None);
        }
        let keys = files.iter().map(|files| Loaded::read(files, provider)).collect::<Result<_, _>>()?;
        Ok(Self { files, table: ArcSwap::from_pointee(Table::of(keys)) })
    }

    /// Reads the files again; handshakes from now on use what they hold.
    ///
    /// # Errors
    /// [`TlsError`] of the first that is wrong; those that are right are in use all the same, and in the place of the wrong
    /// ones what was good before.
    pub fn reload(&self, provider: &CryptoProvider) -> Result<(), TlsError> {
        let before = self.table.load();
        let mut wrong = None;
        let read = self.files.iter().zip(&before.keys).map(|(files, before)| {
            Loaded::read(files, provider).unwrap_or_else(|error| {
                wrong.get_or_insert(error);
                before.clone()
            })
        });
        let table = Table::of(read.collect());
        self.table.store(Arc::new(table));
        wrong.map_or(Ok(()), Err)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.table.load().choose(hello.server_name())
    }
}

/// One certificate as it was read.
#[derive(Clone, Debug)]
enum Loaded {
    /// Its names have no certificate yet: handshakes for them fail, or get the first.
    Awaited,
    Here {
        key: Arc<CertifiedKey>,
        names: Arc<[String]>,
    },
}

impl Loaded {
    fn read(files: &CertificateFiles, provider: &CryptoProvider) -> Result<Self, TlsError> {
        if files.is_awaited() {
            return Ok(Self::Awaited);
        }
        let key = read_key(files, provider)?;
        let names = names(&key, files)?.into();
        Ok(Self::Here { key: Arc::new(key), names })
    }
}

/// Certificates by the names they are for.
#[derive(Debug)]
struct Table {
    /// In the order of the files.
    keys: Vec<Loaded>,
    first: Option<Arc<CertifiedKey>>,
    /// Lower-case; `*.example.com` as it is written.
    by_name: HashMap<String, Arc<CertifiedKey>>,
}

impl Table {
    fn of(keys: Vec<Loaded>) -> Self {
        let mut by_name = HashMap::new();
        let mut first = None;
        for loaded in &keys {
            let Loaded::Here { key, names } = loaded else { continue };
            for name in names.iter() {
                // Of two certificates for one name the first listed is it.
                by_name.entry(name.clone()).or_insert_with(|| Arc::clone(key));
            }
            first.get_or_insert_with(|| Arc::clone(key));
        }
        Self { keys, first, by_name }
    }

    /// The exact name before the wildcard (RFC 9525 section 6.3: one label, the leftmost), else the first certificate.
    fn choose(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let named = name.map(str::to_ascii_lowercase).and_then(|name| {
            let wildcard = || self.by_name.get(&format!("*.{}", name.split_once('.')?.1));
            self.by_name.get(&name).or_else(wildcard)
        });
        named.or(self.first.as_ref()).cloned()
    }
}

fn read_key(files: &CertificateFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = pem::certificates(&files.certificate)?;
    let key = pem::private_key(&files.private_key)?;
    // Also refuses a key that does not belong to the certificate.
    let mut certified = CertifiedKey::from_der(chain, key, provider)
        .map_err(|source| TlsError::Pair { files: Box::new(files.clone()), source })?;
    certified.ocsp = files.ocsp.as_deref().map(staple).transpose()?;
    Ok(certified)
}

/// An OCSP response as it lies in its file. Only its outermost form is looked at: what it says is for clients to judge.
fn staple(path: &Path) -> Result<Vec<u8>, TlsError> {
    let bytes = std::fs::read(path).map_err(|source| TlsError::Staple { path: path.to_owned(), source })?;
    match bytes.first() {
        Some(&DER_SEQUENCE) if bytes.len() <= OCSP_BYTES => Ok(bytes),
        _ => Err(TlsError::NoStaple(path.to_owned())),
    }
}

/// With what an `OCSPResponse` begins (RFC 6960 section 4.2.1).
const DER_SEQUENCE: u8 = 0x30;

fn names(key: &CertifiedKey, files: &CertificateFiles) -> Result<Vec<String>, TlsError> {
    let unreadable = |source| TlsError::Names { path: files.certificate.clone(), source };
    let certificate = webpki::EndEntityCert::try_from(&key.cert[0]).map_err(unreadable)?;
    Ok(certificate.valid_dns_names().map(str::to_ascii_lowercase).collect())
}
