//! Files on disk: the rule files, templates, functions and messages of a folder, in a fixed order, each once.
//!
//! In: folders. Out: their texts as sources. Symlinked files and folders are followed (Kubernetes mounts them so),
//! hidden ones are not looked at. It must not know what the files mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::report::Report;
use super::source::{Source, SourceId};
use crate::limits::{CONFIG_FILE_BYTES, CONFIG_FILES, CONFIG_FOLDER_DEPTH};

/// What a folder of rules holds.
#[derive(Debug, Default)]
pub struct RuleFolder {
    /// The YAML files, sorted by path.
    pub files: Vec<SourceId>,
    /// The files below `templates`, by their path there.
    pub templates: BTreeMap<String, SourceId>,
    /// The JavaScript below `functions`, by its path below the folder.
    pub functions: BTreeMap<String, SourceId>,
    /// The files of messages below `locales`, by their path there.
    pub locales: BTreeMap<String, SourceId>,
}

/// Reads `inlay.yaml` or any other file; a file that can't be read is a source without text, and a problem.
pub fn read(path: &Path, shown: &str, report: &mut Report) -> Option<SourceId> {
    match text(path) {
        Ok(text) => Some(report.add(Source::new(shown, text))),
        Err(error) => {
            let id = report.add(Source::named(shown));
            report.error(id.start(), format!("the file cannot be read: {error}"), "");
            report.set_incomplete();
            None
        }
    }
}

/// A file's text without a byte order mark.
fn text(path: &Path) -> io::Result<String> {
    let size = fs::metadata(path)?.len();
    if size > CONFIG_FILE_BYTES {
        return Err(io::Error::other(format!("it has {size} bytes, {CONFIG_FILE_BYTES} are the limit")));
    }
    let text = String::from_utf8(fs::read(path)?).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
        io::Error::other(format!("line {line} is not UTF-8"))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Reads all of a folder of rules.
pub fn read_folder(folder: &Path, report: &mut Report) -> RuleFolder {
    let mut found = Walk { files: Vec::new(), seen: BTreeSet::new(), truncated: None };
    found.folder(folder, 0);
    if let Some(reason) = &found.truncated {
        let id = report.add(Source::named(folder.display().to_string()));
        report.error(id.start(), reason.clone(), "put fewer files there, or fewer folders inside folders");
        report.set_incomplete();
    }
    found.files.sort();
    let mut result = RuleFolder::default();
    let [templates, locales] = ["templates", "locales"].map(|name| folder.join(name));
    for path in found.files {
        let shown = path.display().to_string();
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if let Ok(below) = path.strip_prefix(&templates) {
            let name = joined(below);
            result.templates.extend(read(&path, &shown, report).map(|id| (name, id)));
        } else if let Ok(below) = path.strip_prefix(folder)
            && below.starts_with("functions")
        {
            function(&path, below, &mut result, report);
        } else if let Ok(below) = path.strip_prefix(&locales) {
            messages(&path, below, &mut result, report);
        } else if yaml {
            result.files.extend(read(&path, &shown, report));
        }
    }
    result
}

fn function(path: &Path, below: &Path, result: &mut RuleFolder, report: &mut Report) {
    let shown = path.display().to_string();
    let extension = path.extension().map(|extension| extension.to_string_lossy());
    match extension.as_deref() {
        Some("js") => {
            let name = joined(below);
            result.functions.extend(read(path, &shown, report).map(|id| (name, id)));
        }
        Some("ts" | "mts" | "mjs" | "cjs" | "jsx" | "tsx") => {
            let id = report.add(Source::named(shown));
            let remedy = "write modules into `.js`; TypeScript is to be compiled before";
            report.warn(id.start(), "this is no function: only `.js` is read here", remedy);
        }
        _ => {}
    }
}

fn messages(path: &Path, below: &Path, result: &mut RuleFolder, report: &mut Report) {
    let shown = path.display().to_string();
    if path.extension().is_some_and(|extension| extension == "ftl") {
        result.locales.extend(read(path, &shown, report).map(|id| (joined(below), id)));
    } else {
        let id = report.add(Source::named(shown));
        let remedy = "write messages as Fluent has them, into `nl.ftl` or `nl/shop.ftl`";
        report.warn(id.start(), "these are no messages: only `.ftl` is read here", remedy);
    }
}

/// A path with slashes, as names in rules have them.
fn joined(below: &Path) -> String {
    below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The YAML files below a folder of tests, sorted by path.
pub fn yaml_files(folder: &Path, report: &mut Report) -> Vec<PathBuf> {
    let mut found = Walk { files: Vec::new(), seen: BTreeSet::new(), truncated: None };
    found.folder(folder, 1);
    if let Some(reason) = &found.truncated {
        let id = report.add(Source::named(folder.display().to_string()));
        report.error(id.start(), reason.clone(), "put fewer files there, or fewer folders inside folders");
    }
    let yaml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let mut files: Vec<PathBuf> = found.files.into_iter().filter(yaml).collect();
    files.sort();
    files
}

/// Collects files, each once however many links lead to it.
struct Walk {
    files: Vec<PathBuf>,
    seen: BTreeSet<PathBuf>,
    truncated: Option<String>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else {
            self.truncated = Some("the folder cannot be read".to_owned());
            return;
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // Editors leave hidden files; `..data` of a Kubernetes mount holds what the links beside it lead to.
            let skipped = name.starts_with('.') || name.ends_with('~') || (depth == 0 && name == "tests");
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if skipped || !fs::canonicalize(&path).is_ok_and(|real| self.seen.insert(real)) {
                continue;
            }
            if metadata.is_file() {
                self.files.push(path);
            } else if metadata.is_dir() && depth < CONFIG_FOLDER_DEPTH {
                self.folder(&path, depth + 1);
            } else if metadata.is_dir() {
                self.truncated = Some(format!("folders are nested deeper than {CONFIG_FOLDER_DEPTH}"));
            }
            if self.files.len() > CONFIG_FILES {
                self.truncated = Some(format!("more than {CONFIG_FILES} files"));
                return;
            }
        }
    }
}
