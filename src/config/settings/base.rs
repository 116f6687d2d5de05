//! Where settings come from.
//!
//! In: the deployment's file, or none. Out: from which folder its paths start, and where a problem without a key of its
//! own is shown. It must not read anything.

use std::path::{Path, PathBuf};

use crate::config::read::names::nearest;
use crate::config::report::Report;
use crate::config::source::Span;
use crate::config::variables::Environment;
use crate::config::yaml::Text;

/// Where settings come from, for messages and relative paths.
#[derive(Debug)]
pub struct Base<'a> {
    /// The folder that relative paths start from.
    pub folder: &'a Path,
    /// Where a problem with the whole points.
    pub whole: Span,
    pub environment: &'a Environment,
}

impl Base<'_> {
    /// A path as written, from the folder that it starts from.
    pub fn path(&self, text: &Text) -> PathBuf {
        self.folder.join(&text.value)
    }

    /// A file that will be needed. Its absence is a warning: files are often checked where the keys are not.
    pub fn present(&self, text: &Text, report: &mut Report) -> PathBuf {
        let path = self.path(text);
        if !path.is_file() {
            let what = format!("there is no file `{}` here", path.display());
            report.warn(text.span, what, "put it there before `inlay run`; paths are relative to this file");
        }
        path
    }
}

/// Notes that a name is not known, with the nearest that is.
pub fn unknown(kind: &str, name: &str, span: Span, known: &[String], report: &mut Report) {
    let remedy = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("define it under `{kind}s`, or write a URL"),
    };
    report.error(span, format!("there is no {kind} `{name}`"), remedy);
}
