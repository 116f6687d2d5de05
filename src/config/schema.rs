//! JSON Schemas of all kinds of file, for editors.
//!
//! In: the kind. Out: a schema of draft 2020-12, from the very declarations that read the files. It must not
//! describe a key that the readers do not know.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::raw::deployment::Deployment;
use super::raw::rules::RuleFile;
use super::raw::tests::TestsFile;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// `inlay.yaml`
    Inlay,
    /// The files below `rules/`
    Rules,
    /// The files below `rules/tests/`
    Tests,
}

/// The schema of a kind of file.
pub fn schema(kind: Kind) -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    match kind {
        Kind::Inlay => generator.into_root_schema_for::<Deployment>().to_value(),
        Kind::Rules => generator.into_root_schema_for::<RuleFile>().to_value(),
        Kind::Tests => generator.into_root_schema_for::<TestsFile>().to_value(),
    }
}
