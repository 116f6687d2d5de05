//! What the command line says instead of the file: `--origin --listen --rules --store --admin`.
//!
//! In: the flags' texts. Out: the same raw values that the file gives, so that both are checked alike. A problem in
//! one names the flag. It must not decide between the two.

use crate::config::raw::deployment::{Deployment, RawAdmin};
use crate::config::raw::listen::RawListener;
use crate::config::read::At;
use crate::config::read::record::Unreadable;
use crate::config::read::scalars::{Address, Origin, Written};
use crate::config::read::shapes::OneOrMany;
use crate::config::report::Report;
use crate::config::source::{Source, Span};
use crate::config::yaml::{Style, Text};

/// Flags that stand above the file. Paths are relative to the current folder.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub origin: Option<String>,
    pub listen: Vec<String>,
    pub rules: Vec<String>,
    pub store: Option<String>,
    pub admin: Option<String>,
}

impl Overrides {
    /// Lays the flags over what the file says.
    pub fn apply(&self, raw: &mut Deployment, report: &mut Report) {
        if let Some(origin) = &self.origin {
            match flag::<Origin>("--origin", origin, report) {
                Some(origin) => raw.site.origin = Some(origin),
                None => raw.site.unreadable.add("origin"),
            }
        }
        let listen: Vec<_> = self.listen.iter().filter_map(|text| flag::<Address>("--listen", text, report)).collect();
        if let Some(first) = listen.first().map(|at| at.span) {
            let plain = |at: At<Address>| At { value: RawListener::Plain(at.value), span: at.span, key: at.key };
            raw.listen = Some(at(OneOrMany(listen.into_iter().map(plain).collect()), first));
        }
        let rules: Vec<_> = self.rules.iter().map(|path| folder("--rules", path, report)).collect();
        if let Some(first) = rules.first().map(|at| at.span) {
            raw.rules = Some(at(OneOrMany(rules), first));
        }
        if let Some(store) = &self.store {
            raw.store = Some(folder("--store", store, report));
        }
        if let Some(address) = self.admin.as_ref().and_then(|text| flag::<Address>("--admin", text, report)) {
            let span = address.span;
            let token = raw.admin.take().and_then(|admin| admin.value.token);
            raw.admin = Some(at(RawAdmin { address: Some(address), token, unreadable: Unreadable::default() }, span));
        }
    }
}

fn at<T>(value: T, span: Span) -> At<T> {
    At { value, span, key: span }
}

fn span(name: &str, report: &mut Report) -> Span {
    report.add(Source::named(name)).start()
}

fn flag<T: Written>(name: &str, text: &str, report: &mut Report) -> Option<At<T>> {
    let span = span(name, report);
    match T::from_text(text.trim()) {
        Ok(value) => Some(at(value, span)),
        Err(remedy) => {
            let remedy = if remedy.is_empty() { format!("expected {}", T::WHAT) } else { remedy };
            report.error(span, format!("`{text}` cannot be used here"), remedy);
            None
        }
    }
}

/// A path as a flag gives it. It is made absolute: relative paths in the file start from the file.
fn folder(name: &str, path: &str, report: &mut Report) -> At<Text> {
    let span = span(name, report);
    let absolute = match path.contains("://") {
        true => path.to_owned(),
        false => std::path::absolute(path).map_or(path.to_owned(), |path| path.to_string_lossy().into_owned()),
    };
    at(Text::new(absolute, Style::Plain, span), span)
}
