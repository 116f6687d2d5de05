//! `store`: where profiles live.
//!
//! In: what `inlay.yaml` or `--store` says. Out: a folder, or the address of a Redis. It must not open either, and must not repeat
//! a password in what it says of a mistake.

use std::path::PathBuf;

use super::base::Base;
use crate::config::read::At;
use crate::config::report::Report;
use crate::config::yaml::Text;
use crate::store::RedisAddress;

/// Where profiles live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSettings {
    /// In a folder, which is this process's own.
    Folder(PathBuf),
    /// In a Redis, which several processes share.
    Redis(RedisAddress),
}

pub fn store(at: &At<Text>, base: &Base<'_>, report: &mut Report) -> Option<StoreSettings> {
    if at.value.value.contains("://") {
        return match RedisAddress::parse(&at.value.value, base.folder) {
            Ok(address) => Some(StoreSettings::Redis(address)),
            Err(error) => {
                report.error(at.span, error.to_string(), error.remedy());
                None
            }
        };
    }
    let folder = base.path(&at.value);
    if folder.exists() && !folder.is_dir() {
        report.error(at.span, format!("`{}` is no folder", folder.display()), "name a folder");
    }
    Some(StoreSettings::Folder(folder))
}
