//! The page that people get where the site's own can't be had.
//!
//! In: the path of a template, as written. Out: the page, compiled, or the template's problem at its place. It must not decide
//! when it is shown.

use std::sync::Arc;

use super::base::Base;
use crate::config::files;
use crate::config::read::At;
use crate::config::report::Report;
use crate::config::yaml::Text;
use crate::content::error_page::ErrorPage;

/// The page of this template. The house's own where none is written, or what is written has problems, which are noted.
pub fn compile(written: Option<&At<Text>>, base: &Base<'_>, report: &mut Report) -> Arc<ErrorPage> {
    written.and_then(|at| page(at, base, report)).map_or_else(ErrorPage::plain, Arc::new)
}

fn page(at: &At<Text>, base: &Base<'_>, report: &mut Report) -> Option<ErrorPage> {
    let path = base.path(&at.value);
    if !path.is_file() {
        let what = format!("there is no file `{}`", path.display());
        report.error(at.span, what, "put a template there; paths are relative to this file");
        return None;
    }
    let id = files::read(&path, &path.display().to_string(), report)?;
    let template = report.sources.get(id).text().to_owned();
    let problem = match ErrorPage::new(template) {
        Ok(page) => return Some(page),
        Err(problem) => problem,
    };
    let remedy = "an error page is a template with `status`, `reason`, `detail` and `site.name`";
    report.error(id.span(problem.place), problem.what, remedy).see(at.span, "the page is named here");
    None
}
