//! Configuration: any text as `inlay.yaml` and as a file of rules is read, or refused with problems that can be shown.
#![no_main]

use std::fs;

use inlay::config::compile::Surroundings;
use inlay::config::problems::Problems;
use inlay::config::variables::Environment;
use inlay::config::{self, ConfigSource, DeploymentSource};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("a folder");
}

fuzz_target!(|text: &str| {
    let environment = Environment::Fixed([("HOME".to_owned(), "x".to_owned())].into());
    let deployment = DeploymentSource::Text { name: "inlay.yaml".to_owned(), text: text.to_owned() };
    let source = ConfigSource { deployment, environment: environment.clone(), ..ConfigSource::default() };
    show(config::settings(&source).err());
    FOLDER.with(|folder| {
        fs::write(folder.path().join("site.yaml"), text).expect("a file");
        let now = jiff::Timestamp::UNIX_EPOCH;
        let around = Surroundings { deployment: None, environment: &environment, now };
        match config::rules(&[folder.path().to_owned()], around) {
            Ok((_, warnings)) => show(Some(warnings).filter(|warnings| !warnings.to_string().is_empty())),
            Err(problems) => show(Some(problems)),
        }
    });
});

fn show(problems: Option<Problems>) {
    if let Some(problems) = problems {
        assert!(!problems.to_string().is_empty(), "refused without a word");
    }
}
