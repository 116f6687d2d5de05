//! The demo's shop: a small site that could be anyone's, and that knows nothing of Inlay.
//!
//! In: a request. Out: the shop's response: pages, pictures, forms, cookies, as an ordinary origin makes them. It uses no
//! room of this house but the limits, so that what is shown of Inlay is shown on a stranger's site.

mod account;
mod basket;
mod cart;
pub mod catalogue;
mod files;
mod form;
mod packing;
mod pages;
mod reply;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use serde_json::json;

use account::Caller;
use catalogue::Catalogue;
use files::Files;
use form::{Form, FormError};
use pages::Pages;
use reply::Reply;

/// The shop, with everything it needs in memory.
#[derive(Debug)]
pub struct Shop {
    catalogue: Arc<Catalogue>,
    files: Files,
    pages: Pages,
}

impl Default for Shop {
    fn default() -> Self {
        Self { catalogue: Arc::new(Catalogue::bundled()), files: Files::bundled(), pages: Pages::bundled() }
    }
}

impl Shop {
    /// What it sells.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.clone()
    }

    /// Answers one request. A body that is no form, or is too long, is answered with its status; nothing fails otherwise.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let reply = match head.method {
            Method::GET | Method::HEAD => self.get(&head),
            Method::POST => match form::read(body).await {
                Ok(form) => self.post(&head, &form),
                Err(error) => self.unreadable(&error),
            },
            _ => Reply::not_allowed(),
        };
        reply.send(&head)
    }

    fn get(&self, head: &Parts) -> Reply {
        let caller = Caller::of(&head.headers);
        let segments: Vec<&str> = head.uri.path().split('/').skip(1).collect();
        match segments.as_slice() {
            [""] => self.home(),
            ["shop", ""] => self.listing(head),
            ["samples", ""] => self.samples(),
            ["products", sku] => self.product(sku),
            ["search"] => self.search(head),
            ["journal", "rain-in-gent", ""] => self.article(),
            ["cart"] => self.cart(&caller),
            ["checkout", ""] => self.checkout(&caller),
            ["account", ""] => self.account(&caller),
            ["account", "login"] => self.login(None),
            ["session.json"] => self.session(&caller),
            ["assets", name] => self.file(name),
            ["robots.txt"] => self.file("robots.txt"),
            ["favicon.ico"] => Reply::moved("/assets/favicon.svg"),
            ["shop"] => Reply::moved("/shop/"),
            ["samples"] => Reply::moved("/samples/"),
            ["journal", ""] | ["journal", "rain-in-gent"] => Reply::moved("/journal/rain-in-gent/"),
            ["checkout"] => Reply::moved("/checkout/"),
            ["account"] => Reply::moved("/account/"),
            _ => self.not_found(),
        }
    }

    fn post(&self, head: &Parts, form: &Form) -> Reply {
        match head.uri.path() {
            "/cart" => self.change_cart(&Caller::of(&head.headers), form),
            "/consent" => account::consent(form),
            "/account/login" => self.log_in(form),
            "/account/logout" => account::log_out(),
            "/newsletter" => Reply::see_other("/", vec![]),
            _ => self.not_found(),
        }
    }

    fn home(&self) -> Reply {
        let featured = self.catalogue.featured();
        Reply::shared(self.pages.render("home.html", json!({ "featured": featured })))
    }

    fn listing(&self, head: &Parts) -> Reply {
        let kind = form::query(head, "kind");
        let products = self.catalogue.of_kind(kind.as_deref());
        let kinds = self.catalogue.kinds();
        Reply::shared(self.pages.render("listing.html", json!({ "products": products, "kinds": kinds, "kind": kind })))
    }

    fn samples(&self) -> Reply {
        Reply::shared(self.pages.render("samples.html", json!({ "samples": self.catalogue.samples() })))
    }

    fn product(&self, sku: &str) -> Reply {
        let Some(product) = self.catalogue.find(sku) else {
            return self.not_found();
        };
        let others = self.catalogue.beside(product);
        Reply::shared(self.pages.render("product.html", json!({ "product": product, "others": others })))
    }

    fn search(&self, head: &Parts) -> Reply {
        let words = form::query(head, "q").unwrap_or_default();
        let products = self.catalogue.search(&words);
        Reply::shared(self.pages.render("search.html", json!({ "words": words, "products": products })))
    }

    fn article(&self) -> Reply {
        let nonce = reply::nonce();
        let product = self.catalogue.find("NW-104");
        let html = self.pages.render("article.html", json!({ "nonce": nonce, "product": product }));
        Reply::private(html).with_policy(&nonce)
    }

    fn file(&self, name: &str) -> Reply {
        match self.files.find(name) {
            Some(file) => Reply::file(file),
            None => self.not_found(),
        }
    }

    fn not_found(&self) -> Reply {
        Reply::private(self.pages.render("not-found.html", ())).with_status(http::StatusCode::NOT_FOUND)
    }

    fn unreadable(&self, error: &FormError) -> Reply {
        let reason = error.to_string();
        Reply::private(self.pages.render("unreadable.html", json!({ "reason": reason }))).with_status(error.status())
    }
}
