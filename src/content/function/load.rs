//! Sources → functions, or everything that is wrong with them, with the places.
//!
//! In: the files below the folder of functions. Out: [`Functions`], of which each has been run once without a request: what fails
//! on its way to its default export would fail for every visitor. It must not read files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::{Declared, WriteOptions};
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Module as Declaration, Runtime};

use super::allowance::Allowance;
use super::bytecode::Module;
use super::call::Call;
use super::cell::{Cell, Trial};
use super::error::{FunctionError, Place};
use super::functions::{Compiled, FORMATS, Functions, reachable};
use super::{FOLDER, specifier};
use crate::limits;
use crate::scope::Scope;
use crate::scope::language::{Formatting, SCOPE_NAMES};
use crate::scope::ledger::Reader;

/// A file below the folder of functions.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Below the folder of rules: `functions/lib/money.js`.
    pub path: &'a str,
    pub text: &'a str,
}

/// Something wrong with a function's source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FunctionProblem {
    /// The path of the source.
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
    pub hint: String,
}

/// Compiles the sources of a revision, which may use these filters and messages.
///
/// # Errors
/// Everything that is wrong with them, in the order of files.
pub fn compile(sources: &[Source<'_>], formatting: Arc<Formatting>) -> Result<Functions, Vec<FunctionProblem>> {
    let texts: Arc<BTreeMap<Arc<str>, Arc<str>>> =
        Arc::new(sources.iter().map(|source| (source.path.into(), source.text.into())).collect());
    let mut problems = BTreeSet::new();
    let mut compiled = BTreeMap::new();
    for path in texts.keys() {
        match one(path, &texts) {
            Ok(module) => drop(compiled.insert(path.clone(), module)),
            Err(found) => problems.extend(found),
        }
    }
    // What imports something broken can't be tried; what is wrong with the rest is told in the same run.
    let whole: Vec<Arc<str>> = compiled.keys().filter(|path| is_whole(&compiled, path)).cloned().collect();
    let functions = Arc::new(Functions::new(compiled, formatting));
    problems.extend(whole.iter().filter_map(|path| tried(path, &functions)));
    match Arc::into_inner(functions).filter(|_| problems.is_empty()) {
        Some(functions) => Ok(functions),
        None => Err(problems.into_iter().collect()),
    }
}

fn is_whole(compiled: &BTreeMap<Arc<str>, Compiled>, path: &Arc<str>) -> bool {
    reachable(compiled, path).into_iter().all(|path| compiled.contains_key(path))
}

/// What imports have named, while a source is compiled.
type Noted = Arc<Mutex<Vec<(String, String)>>>;
type Texts = Arc<BTreeMap<Arc<str>, Arc<str>>>;

fn one(path: &Arc<str>, texts: &Texts) -> Result<Compiled, Vec<FunctionProblem>> {
    let noted = Noted::default();
    let engine = Runtime::new().and_then(|runtime| {
        runtime.set_max_stack_size(limits::FUNCTION_STACK_BYTES);
        runtime.set_loader(Noting { noted: noted.clone(), texts: texts.clone() }, Sources(texts.clone()));
        Context::full(&runtime)
    });
    let engine = engine.map_err(|error| vec![at_start(path, error.to_string())])?;
    let text = &texts[path];
    let written = engine.with(|ctx| {
        let declared = Declaration::declare(ctx.clone(), &**path, &**text);
        let written =
            declared.and_then(|module| module.write(WriteOptions { strip_source: true, ..Default::default() }));
        written.catch(&ctx).map_err(|error| told(path, &error))
    });
    let imports = noted.lock().unwrap_or_else(PoisonError::into_inner);
    let unknown: Vec<_> = imports.iter().filter_map(|(base, name)| unknown(base, name, texts)).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let code = written.map_err(|problem| vec![problem])?;
    let module = Module::keep(path, code).map_err(|full| vec![at_start(path, full.to_string())])?;
    let own = imports.iter().filter(|(base, _)| **base == **path);
    let imports = own.filter_map(|(base, name)| specifier::resolve(base, name).ok()).map(Arc::from).collect();
    Ok(Compiled { module, imports, words: words(text) })
}

/// The names of the scope, and those of what formats, that a text contains as words, wherever they stand.
fn words(text: &str) -> BTreeSet<Arc<str>> {
    let all = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
    all.filter(|word| SCOPE_NAMES.contains(word) || FORMATS.contains(word)).map(Arc::from).collect()
}

fn at_start(path: &str, message: String) -> FunctionProblem {
    FunctionProblem { file: path.into(), line: 1, column: 1, message, hint: String::new() }
}

fn told(path: &str, error: &CaughtError<'_>) -> FunctionProblem {
    let CaughtError::Exception(exception) = error else { return at_start(path, error.to_string()) };
    let message = exception.message().unwrap_or_default();
    let place = exception.stack().and_then(|stack| Place::in_stack(&stack));
    let Place { file, line, column } = place.unwrap_or(Place { file: path.into(), line: 1, column: 1 });
    FunctionProblem { file, line, column, message, hint: "check the words and brackets around the mark".to_owned() }
}

/// What is wrong with an import, if something is.
fn unknown(base: &str, name: &str, texts: &Texts) -> Option<FunctionProblem> {
    let (message, hint) = match specifier::resolve(base, name) {
        Ok(path) if texts.contains_key(&*path) => return None,
        Ok(path) => (format!("there is no `{path}`"), nearest(&path, texts)),
        Err(why) => (
            format!("`{name}` cannot be imported: {why}"),
            format!("put what it needs into `{FOLDER}lib` and import that"),
        ),
    };
    let source = texts.get(base).map_or("", |text| text);
    let found = ['\'', '"'].iter().find_map(|quote| source.find(&format!("{quote}{name}{quote}")));
    let before = &source[..found.map_or(0, |at| at + 1)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count().max(usize::from(found.is_none()))
        + usize::from(found.is_some());
    Some(FunctionProblem { file: base.into(), line, column, message, hint })
}

fn nearest(path: &str, texts: &Texts) -> String {
    let near = texts.keys().map(|known| (strsim::damerau_levenshtein(path, known), known)).min();
    match near {
        Some((distance, known)) if distance <= 3 => format!("did you mean `{known}`?"),
        _ => "put the file there, or mend the path; the `.js` is part of it".to_owned(),
    }
}

/// What goes wrong when a module is run; every one that is not for others must have a function as its default export.
fn tried(path: &Arc<str>, functions: &Arc<Functions>) -> Option<FunctionProblem> {
    let allowance = Allowance { cpu: limits::FUNCTION_TRIAL_CPU, ..Allowance::default() };
    let call = Call::new(functions.clone(), Reader::new(Scope::new()), allowance);
    let trial = match Cell::new() {
        Ok(mut cell) => cell.try_out(call, path),
        Err(error) => Trial::Failed(error),
    };
    let library = path.strip_prefix(FOLDER).is_some_and(|below| below.starts_with("lib/"));
    match trial {
        Trial::Failed(error) => Some(failed(path, &error)),
        Trial::Function => None,
        Trial::Other(_) if library => None,
        Trial::Other(kind) => Some(FunctionProblem {
            file: path.clone(),
            line: 1,
            column: 1,
            message: match kind {
                "undefined" => "it has no default export".to_owned(),
                kind => format!("its default export is no function, but: {kind}"),
            },
            hint: format!(
                "write `export default function (input) {{ … }}`; what others import goes into `{FOLDER}lib`"
            ),
        }),
    }
}

fn failed(path: &Arc<str>, error: &FunctionError) -> FunctionProblem {
    let place = error.place().cloned().unwrap_or(Place { file: path.clone(), line: 1, column: 1 });
    let message = match error {
        FunctionError::Threw { what, .. } => what.to_string(),
        FunctionError::Cpu { cpu, .. } => format!("running it took more than {} ms", cpu.as_millis()),
        error => error.to_string(),
    };
    FunctionProblem {
        file: place.file,
        line: place.line,
        column: place.column,
        message,
        hint: "what stands outside the function runs at every call, and must not fail".to_owned(),
    }
}

/// Resolves as calls do, and notes who imports what.
struct Noting {
    noted: Noted,
    texts: Texts,
}

impl Resolver for Noting {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).push((base.to_owned(), name.to_owned()));
        let path = specifier::resolve(base, name).ok().filter(|path| self.texts.contains_key(&**path));
        path.ok_or_else(|| rquickjs::Error::new_resolving(base, name))
    }
}

/// Compiles what is imported, from its source.
struct Sources(Texts);

impl Loader for Sources {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Declaration<'js, Declared>> {
        let text = self.0.get(name).ok_or_else(|| rquickjs::Error::new_loading(name))?;
        Declaration::declare(ctx.clone(), name, &**text)
    }
}
