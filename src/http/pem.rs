//! PEM files: certificates and their keys.
//!
//! In: paths. Out: what the files hold, or which of them is of no use. It must not judge whom a certificate is for.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    #[error("{} could not be read as PEM", .path.display())]
    File {
        path: PathBuf,
        #[source]
        source: Error,
    },
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
}

/// The certificates of a file in their order, at least one.
///
/// # Errors
/// The file can't be read, or holds none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let read: Result<Vec<_>, Error> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let certificates = read.map_err(|source| PemError::File { path: path.to_owned(), source })?;
    if certificates.is_empty() { Err(PemError::NoCertificate(path.to_owned())) } else { Ok(certificates) }
}

/// The first private key of a file.
///
/// # Errors
/// The file can't be read, or holds none.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| PemError::File { path: path.to_owned(), source })
}
