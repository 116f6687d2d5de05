//! The folder in which accounts and certificates outlive the process, and which several processes may share.
//!
//! In: an account's key, certificates with their keys. Out: the same, whole or not at all, readable by this user only. It
//! must not decide when anything is renewed.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::parse_x509_certificate;

use super::folder_of;
use super::schedule::Validity;
use crate::http::pem;

/// For this user alone: there are keys inside.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const ACCOUNT: &str = "account.json";

/// Why something can't be kept.
#[derive(Debug, thiserror::Error)]
#[error("{} can't be {action}", .path.display())]
pub struct StorageError {
    path: PathBuf,
    action: &'static str,
    #[source]
    source: io::Error,
}

/// One authority's part of the folder.
#[derive(Debug)]
pub struct Storage {
    folder: PathBuf,
}

/// Held by the one process that orders; ends with it at the latest.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing the file gives the lock back")] File);

/// What a stored certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Lower-case.
    pub names: Vec<String>,
    pub validity: Validity,
}

impl Storage {
    /// The folder, made if it is not there.
    ///
    /// # Errors
    /// It can't be made.
    pub fn open(storage: &Path, directory: &str) -> Result<Self, StorageError> {
        let folder = folder_of(storage, directory);
        let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder);
        made.map_err(|source| StorageError { path: folder.clone(), action: "made", source })?;
        Ok(Self { folder })
    }

    /// Where the certificate of `domain` lies, with its key.
    pub fn file_of(storage: &Path, directory: &str, domain: &str) -> PathBuf {
        folder_of(storage, directory).join(format!("{domain}.pem"))
    }

    /// The lock, unless another process has it. The system gives it back when a process ends, however that ends.
    ///
    /// # Errors
    /// The file can't be opened or locked.
    pub fn lock(&self) -> Result<Option<Lock>, StorageError> {
        let path = self.folder.join("lock");
        let wrong = |action| {
            let path = path.clone();
            move |source| StorageError { path, action, source }
        };
        let open = OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(&path);
        let file = open.map_err(wrong("opened"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(wrong("locked")(source)),
        }
    }

    /// The account, if there is one.
    ///
    /// # Errors
    /// It can't be read, or is none.
    pub fn account(&self) -> Result<Option<AccountCredentials>, StorageError> {
        let path = self.folder.join(ACCOUNT);
        let wrong = |source| StorageError { path: path.clone(), action: "read", source };
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| wrong(error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(wrong(error)),
        }
    }

    /// Keeps an account.
    ///
    /// # Errors
    /// It can't be written.
    pub fn save_account(&self, account: &AccountCredentials) -> Result<(), StorageError> {
        let path = self.folder.join(ACCOUNT);
        let text = serde_json::to_vec(account);
        let text =
            text.map_err(|error| StorageError { path: path.clone(), action: "written", source: error.into() })?;
        write(&path, &text)
    }

    /// Forgets an account that the authority no longer knows.
    pub fn forget_account(&self) {
        // Gone already is as good.
        let _ = fs::remove_file(self.folder.join(ACCOUNT));
    }

    /// What the certificate of `domain` says; `None` if there is none that can be read, so that another is fetched.
    ///
    /// # Errors
    /// The file is there and can't be opened.
    pub fn certificate(&self, domain: &str) -> Result<Option<Stored>, StorageError> {
        let path = self.folder.join(format!("{domain}.pem"));
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StorageError { path, action: "read", source }),
            Ok(_) => {}
        }
        Ok(pem::certificates(&path).ok().and_then(|chain| read(&chain[0])))
    }

    /// Keeps a certificate with its key.
    ///
    /// # Errors
    /// It can't be written; the one from before stays.
    pub fn save_certificate(&self, domain: &str, pem: &str) -> Result<(), StorageError> {
        write(&self.folder.join(format!("{domain}.pem")), pem.as_bytes())
    }
}

/// What a certificate says of itself.
fn read(certificate: &CertificateDer<'_>) -> Option<Stored> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    let moment = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    let validity =
        Validity { from: moment(parsed.validity().not_before)?, until: moment(parsed.validity().not_after)? };
    let names = webpki::EndEntityCert::try_from(certificate).ok()?;
    Some(Stored { names: names.valid_dns_names().map(str::to_ascii_lowercase).collect(), validity })
}

/// Writes beside, and puts it in the place of what was there: nobody reads half a file, nor one after a power cut.
fn write(path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    let beside = path.with_extension("new");
    let written = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    written().map_err(|source| StorageError { path: path.to_owned(), action: "written", source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_kept_is_for_this_user_alone_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&folder.path().join("acme"), "https://ca.example:14000/dir").unwrap();
        storage.save_certificate("a.example", "one").unwrap();
        storage.save_certificate("a.example", "two").unwrap();
        let file = folder.path().join("acme/ca.example-14000-dir/a.example.pem");
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(file, Storage::file_of(&folder.path().join("acme"), "https://ca.example:14000/dir", "a.example"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), FILE_MODE);
        assert_eq!(mode(file.parent().unwrap()), FOLDER_MODE);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        assert_eq!(storage.certificate("a.example").unwrap(), None, "no certificate, so another is fetched");
    }

    #[test]
    fn one_process_orders_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Storage::open(folder.path(), "https://ca.example/").unwrap();
        let (one, other) = (open(), open());
        let lock = one.lock().unwrap();
        assert!(lock.is_some() && other.lock().unwrap().is_none());
        drop(lock);
        assert!(other.lock().unwrap().is_some());
    }
}
