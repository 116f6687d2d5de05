//! The page that people get where the site's own can't be had.
//!
//! In: a template, once; then a status and a sentence. Out: the answer, as a page or as a problem document. It must not decide
//! what went wrong.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

use crate::http::Body;
use crate::http::accept::Form;
use crate::http::problem::problem;
use crate::limits;

/// The house's own page.
static PLAIN: LazyLock<Arc<ErrorPage>> = LazyLock::new(|| {
    let page = ErrorPage::new(include_str!("error_page.html").to_owned());
    Arc::new(page.expect("invariant: the house's own template renders for every status"))
});

/// The name of the only template in its environment.
const TEMPLATE: &str = "error_page";

/// A page with places for `status`, `reason`, `detail` and `site.name`.
pub struct ErrorPage(Environment<'static>);

/// What somebody is told.
#[derive(Clone, Copy, Debug)]
pub struct Apology<'a> {
    pub status: StatusCode,
    /// A sentence for people, without any detail of the inside.
    pub detail: &'a str,
    /// The site's name; empty where it is not known whose the request was.
    pub site: &'a str,
}

/// How somebody asked who is told.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub method: &'a Method,
    pub form: Form,
}

/// What is wrong with a template.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct PageProblem {
    pub what: String,
    /// Where, in bytes of the template.
    pub place: Range<usize>,
}

impl fmt::Debug for ErrorPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorPage").finish_non_exhaustive()
    }
}

impl ErrorPage {
    /// The page made of `template`, which is rendered once for every status that there is.
    ///
    /// # Errors
    /// [`PageProblem`]: it can't be parsed, or names what is not there, or does too much.
    pub fn new(template: String) -> Result<Self, PageProblem> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(limits::TEMPLATE_FUEL));
        environment.set_recursion_limit(limits::TEMPLATE_RECURSION);
        environment.set_debug(false);
        let length = template.len();
        environment.add_template_owned(TEMPLATE, template).map_err(|error| PageProblem::of(&error, length))?;
        let page = Self(environment);
        for status in (400..600).filter_map(|code| StatusCode::from_u16(code).ok()) {
            let tried = page.render(&Apology { status, detail: "It is tried.", site: "site" });
            tried.map_err(|error| PageProblem::of(&error, length))?;
        }
        Ok(page)
    }

    /// The house's own page.
    pub fn plain() -> Arc<Self> {
        Arc::clone(&PLAIN)
    }

    /// The answer, which nobody keeps; to HEAD without its body. A page that fails gives the house's own.
    pub fn answer(&self, apology: &Apology<'_>, asked: Asked<'_>) -> Response<Body> {
        let mut response = match asked.form {
            Form::Problem => problem(apology.status, apology.detail),
            Form::Html => self.page(apology),
        };
        if asked.method == Method::HEAD {
            let length = http_body::Body::size_hint(response.body()).exact();
            response.headers_mut().extend(length.map(|length| (header::CONTENT_LENGTH, length.into())));
            *response.body_mut() = Body::empty();
        }
        response
    }

    fn page(&self, apology: &Apology<'_>) -> Response<Body> {
        let html = self.render(apology).or_else(|error| {
            tracing::warn!(%error, "the error page could not be rendered");
            PLAIN.render(apology)
        });
        let Ok(html) = html else { return problem(apology.status, apology.detail) };
        let mut response = Response::new(Body::full(html));
        *response.status_mut() = apology.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn render(&self, apology: &Apology<'_>) -> Result<Vec<u8>, minijinja::Error> {
        let &Apology { status, detail, site } = apology;
        let reason = status.canonical_reason().unwrap_or("Error");
        let values = context! { status => status.as_u16(), reason, detail, site => context! { name => site } };
        let mut page = Bounded(Vec::new());
        self.0.get_template(TEMPLATE)?.render_captured_to(values, &mut page)?;
        Ok(page.0)
    }
}

/// What is printed, up to what a template may print.
struct Bounded(Vec<u8>);

impl io::Write for &mut Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > limits::TEMPLATE_OUTPUT_BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PageProblem {
    fn of(error: &minijinja::Error, length: usize) -> Self {
        let what = match error.kind() {
            minijinja::ErrorKind::UndefinedError => "the page names what is not there".to_owned(),
            minijinja::ErrorKind::OutOfFuel => "the page takes too long to make".to_owned(),
            minijinja::ErrorKind::WriteFailure => "the page is too long".to_owned(),
            kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
        };
        let place = error.range().unwrap_or(0..0);
        Self { what, place: place.start.min(length)..place.end.min(length) }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn told(page: &ErrorPage, apology: Apology<'_>, form: Form) -> (Response<()>, String) {
        let asked = Asked { method: &Method::GET, form };
        let (head, body) = page.answer(&apology, asked).into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (Response::from_parts(head, ()), text)
    }

    #[tokio::test]
    async fn what_is_said_is_escaped_and_its_words_are_those_of_the_status() {
        let template = "{{ status }} {{ reason }}: {{ detail }} ({{ site.name }})".to_owned();
        let page = ErrorPage::new(template).unwrap();
        let apology = Apology { status: StatusCode::GATEWAY_TIMEOUT, detail: "<b>&", site: "shop" };
        let (head, text) = told(&page, apology, Form::Html).await;
        assert_eq!(text, "504 Gateway Timeout: &lt;b&gt;&amp; (shop)");
        assert_eq!((head.status().as_u16(), &head.headers()["cache-control"]), (504, &"no-store".parse().unwrap()));
        let (head, text) = told(&page, apology, Form::Problem).await;
        assert_eq!(head.headers()["content-type"], "application/problem+json");
        assert!(text.contains("<b>&") && !text.contains("shop"), "{text}");
    }

    #[tokio::test]
    async fn the_houses_own_page_escapes_too() {
        let apology = Apology { status: StatusCode::BAD_GATEWAY, detail: "<script>", site: "" };
        let (_, text) = told(&ErrorPage::plain(), apology, Form::Html).await;
        assert!(text.contains("<h1>Bad Gateway</h1>") && text.contains("&lt;script&gt;"), "{text}");
        assert!(!text.contains("<script>"), "{text}");
    }

    #[test]
    fn a_wrong_template_is_told_with_its_place() {
        for (template, what, at) in [
            ("a {{ reason", "unexpected end of input", 5..11),
            ("{% if status == 503 %}{{ resaon }}{% endif %}", "the page names what is not there", 25..31),
            ("{{ site.title }}", "the page names what is not there", 3..13),
            ("{{ detail|upcase }}", "filter upcase is unknown", 10..16),
            ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "too long", 0..0),
            ("{{ 'x' * 9000000 }}", "too long", 0..0),
        ] {
            let problem = ErrorPage::new(template.to_owned()).unwrap_err();
            assert!(problem.what.contains(what), "{template}: {problem:?}");
            assert!(at.is_empty() || problem.place == at, "{template}: {problem:?}");
        }
    }
}
