//! The flags that say what to front: shared by the commands that read files.
//!
//! In: arguments. Out: where a configuration comes from. It must not read it.

use std::path::{Path, PathBuf};

use crate::config::variables::Environment;
use crate::config::{ConfigSource, DeploymentSource, Overrides};

/// A file, flags, or both: flags count before the file.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// The deployment's file [default: `inlay.yaml`, if it is here and no `--origin` is given].
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The website behind: `https://www.example.com`.
    #[arg(long, value_name = "URL")]
    pub origin: Option<String>,
    /// Where clients connect; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<String>,
    /// The folder of rules; may be repeated.
    #[arg(long, value_name = "FOLDER")]
    pub rules: Vec<String>,
    /// The folder where profiles and events will live.
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<String>,
    /// The admin port: `127.0.0.1:9900`.
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<String>,
}

/// The file that is taken if none is named and it is in the current folder.
pub const FILE: &str = "inlay.yaml";

impl Flags {
    /// Where the configuration comes from; `None` if nothing says what to front.
    pub fn source(&self) -> Option<ConfigSource> {
        let deployment = match &self.config {
            Some(file) => DeploymentSource::File(file.clone()),
            None if self.origin.is_some() => DeploymentSource::Nothing,
            None if Path::new(FILE).is_file() => DeploymentSource::File(FILE.into()),
            None => return None,
        };
        Some(ConfigSource {
            deployment,
            overrides: Overrides {
                origin: self.origin.clone(),
                listen: self.listen.clone(),
                rules: self.rules.clone(),
                store: self.store.clone(),
                admin: self.admin.clone(),
            },
            environment: Environment::default(),
        })
    }
}
