//! The shop's pages, as templates.
//!
//! In: a page's name and its values. Out: HTML. The templates are bundled, so rendering them cannot fail but by a
//! mistake of ours, which the tests find. It must not know requests.

use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::catalogue;

/// All templates, parsed.
#[derive(Debug)]
pub struct Pages(Environment<'static>);

macro_rules! bundle {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../assets/shop/pages/", $name)))),*]
    };
}

impl Pages {
    /// The bundled templates.
    pub fn bundled() -> Self {
        let mut environment = Environment::new();
        environment.add_filter("price", catalogue::price);
        environment.add_filter("amount", catalogue::amount);
        let sources = bundle! {
            "layout.html" "card.html" "home.html" "listing.html" "samples.html" "product.html" "search.html" "article.html"
            "cart.html" "checkout.html" "account.html" "login.html" "not-found.html" "unreadable.html"
        };
        for (name, source) in sources {
            environment
                .add_template(name, source)
                .expect("invariant: the bundled templates parse, a test renders each");
        }
        Self(environment)
    }

    /// The page of this name with these values.
    pub fn render(&self, name: &str, values: impl Serialize) -> String {
        self.0
            .get_template(name)
            .and_then(|page| page.render(Serde(values)))
            .expect("invariant: the bundled templates render, a test renders each")
    }
}
