//! The functions of one revision: compiled modules by name.
//!
//! In: compiled modules, and which of them import which. Out: look-ups, and what a function is for the fragment cache. It must
//! not compile, nor run any.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::FOLDER;
use super::bytecode::Module;
use crate::scope::language::Formatting;
use crate::scope::ledger::Fingerprint;

/// Words by which a source may format something, in the language and the zone of whoever it is for.
pub(super) const FORMATS: [&str; 2] = ["format", "t"];
const FORMATS_READ: [&str; 3] = ["request", "site", "now"];

/// The functions of one revision. Immutable.
#[derive(Debug, Default)]
pub struct Functions {
    /// By their path below the folder of rules: `functions/lib/money.js`.
    modules: BTreeMap<Arc<str>, Kept>,
    /// The language's filters, and what `t` says.
    formatting: Arc<Formatting>,
}

#[derive(Debug)]
struct Kept {
    module: Module,
    identity: Fingerprint,
    words: BTreeSet<Arc<str>>,
}

/// A module with what its source says.
#[derive(Debug)]
pub(super) struct Compiled {
    pub module: Module,
    /// The modules that it imports, by their names.
    pub imports: BTreeSet<Arc<str>>,
    /// The names of the scope, and what reads it beside them, that its source contains.
    pub words: BTreeSet<Arc<str>>,
}

impl Functions {
    pub(super) fn new(compiled: BTreeMap<Arc<str>, Compiled>, formatting: Arc<Formatting>) -> Self {
        let said = formatting.identity();
        let kept = |name: &Arc<str>| {
            let graph = reachable(&compiled, name);
            let members = || graph.iter().filter_map(|name| compiled.get(*name));
            let digests: Vec<_> = members().map(|member| member.module.digest()).collect();
            let words = members().flat_map(|member| member.words.iter().cloned()).collect();
            Kept { module: compiled[name].module, identity: Fingerprint::of(("function", name, digests, said)), words }
        };
        Self { modules: compiled.keys().map(|name| (name.clone(), kept(name))).collect(), formatting }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// The module of a path below the folder of rules.
    pub(super) fn module(&self, path: &str) -> Option<Module> {
        self.modules.get(path).map(|kept| kept.module)
    }

    /// The language's filters, and what `t` says.
    pub(super) fn formatting(&self) -> &Formatting {
        &self.formatting
    }

    /// What the function is, with all that it imports. Equal sources have equal identities in one process.
    pub fn identity(&self, name: &str) -> Option<Fingerprint> {
        self.modules.get(&*path_of(name)).map(|kept| kept.identity)
    }

    /// Whether the function's source, or one that it imports, names this name of the scope. What is not there counts as naming it.
    pub fn mentions(&self, name: &str, scope_name: &str) -> bool {
        let formats = |word: &str| FORMATS.contains(&word) && FORMATS_READ.contains(&scope_name);
        let names = |kept: &Kept| kept.words.iter().any(|word| **word == *scope_name || formats(word));
        self.modules.get(&*path_of(name)).is_none_or(names)
    }
}

/// The file of a function, below the folder of rules.
pub(super) fn path_of(name: &str) -> String {
    format!("{FOLDER}{name}.js")
}

/// A module and all that it leads to, in the order of names.
pub(super) fn reachable<'c>(compiled: &'c BTreeMap<Arc<str>, Compiled>, from: &'c Arc<str>) -> BTreeSet<&'c Arc<str>> {
    let mut found = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(name) = next.pop() {
        for import in compiled.get(name).into_iter().flat_map(|module| &module.imports) {
            if found.insert(import) {
                next.push(import);
            }
        }
    }
    found
}
