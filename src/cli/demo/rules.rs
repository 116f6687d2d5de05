//! The demo's rules: where they are.
//!
//! In: the folder that was asked for, or none. Out: a folder that can be edited while the demo runs: a copy of the bundled rules, which goes when
//! the demo ends, or the one that was asked for. It must not change a folder that was there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder with rules.
#[derive(Debug)]
pub enum RulesFolder {
    /// Someone's own.
    Theirs(PathBuf),
    /// A copy of the bundled ones; removed when this is dropped.
    Copy(PathBuf),
}

/// Why there are no rules.
#[derive(Debug, thiserror::Error)]
#[error("{} could not be written", path.display())]
pub struct RulesError {
    path: PathBuf,
    source: io::Error,
}

macro_rules! bundle {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../../../rules/", $name)))),*]
    };
}

/// The project's rules as they were when this was built.
const BUNDLED: [(&str, &str); 12] = bundle! {
    "audiences.yaml" "everywhere.yaml" "home.yaml" "products.yaml" "journal.yaml" "sources.yaml" "weather.yaml"
    "functions/member_price.js" "functions/lib/money.js"
    "templates/greeting.html" "templates/styles.html" "templates/welcome.html"
};

impl RulesFolder {
    /// The folder that was asked for; else a copy of the bundled one.
    pub fn choose(asked: Option<PathBuf>) -> Result<Self, RulesError> {
        match asked {
            Some(path) => Ok(Self::Theirs(path)),
            None => Self::copy(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Theirs(path) | Self::Copy(path) => path,
        }
    }

    fn copy() -> Result<Self, RulesError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let folder = std::env::temp_dir().join(format!(
            "inlay-demo-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        ));
        for (name, text) in BUNDLED {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(&folder);
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&path, text))
                .map_err(|source| RulesError { path, source })?;
        }
        Ok(Self::Copy(folder))
    }
}

impl Drop for RulesFolder {
    fn drop(&mut self) {
        if let Self::Copy(path) = self
            && let Err(error) = std::fs::remove_dir_all(path)
        {
            tracing::debug!(%error, "the copy of the rules stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_file_of_the_project_is_bundled() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
        let mut found = Vec::new();
        for folder in ["", "templates", "functions", "functions/lib"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                    found.push(name);
                }
            }
        }
        found.sort();
        let mut bundled = BUNDLED.map(|(name, _)| name);
        bundled.sort_unstable();
        assert_eq!(found, bundled);
    }

    #[test]
    fn a_copy_is_whole_and_goes_when_it_is_dropped() {
        let copy = RulesFolder::copy().unwrap();
        let path = copy.path().to_owned();
        for (name, text) in BUNDLED {
            assert_eq!(std::fs::read_to_string(path.join(name)).unwrap(), text);
        }
        drop(copy);
        assert!(!path.exists());
    }
}
