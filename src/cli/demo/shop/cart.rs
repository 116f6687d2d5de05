//! The cart. It lives in a cookie, `NW-101:2.NW-131:1`, so that the shop keeps nothing.
//!
//! In: the cookie, and the form that changes it. Out: lines with prices. Unknown numbers are dropped.

use serde::Serialize;
use serde_json::json;

use super::Shop;
use super::account::{self, Caller};
use super::catalogue::{Catalogue, Product};
use super::form::Form;
use super::reply::Reply;
use crate::limits::{SHOP_CART_LINES, SHOP_CART_PIECES};

/// Product numbers with how many of each, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cart(Vec<(String, u32)>);

/// One line as it is shown; the sum is in cents.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    product: &'a Product,
    pieces: u32,
    pub sum: u32,
}

impl Cart {
    /// From the cookie's text; what is no line is left out.
    pub fn parse(text: &str) -> Self {
        let lines = text.split('.').filter_map(|line| {
            let (sku, pieces) = line.split_once(':')?;
            let pieces = pieces.parse::<u32>().ok()?.min(SHOP_CART_PIECES);
            (pieces > 0).then(|| (sku.to_owned(), pieces))
        });
        Self(lines.take(SHOP_CART_LINES).collect())
    }

    /// How many pieces lie in it.
    pub fn pieces(&self) -> u32 {
        self.0.iter().map(|(_, pieces)| pieces).sum()
    }

    /// The lines, with products and sums.
    pub fn priced<'a>(&self, catalogue: &'a Catalogue) -> Vec<Line<'a>> {
        let line = |(sku, pieces): &(String, u32)| {
            let product = catalogue.find(sku)?;
            Some(Line {
                product,
                pieces: *pieces,
                sum: product.price * pieces,
            })
        };
        self.0.iter().filter_map(line).collect()
    }

    /// Sets how many of one product lie in it.
    fn put(&mut self, sku: &str, pieces: u32) {
        let pieces = pieces.min(SHOP_CART_PIECES);
        match self.0.iter().position(|(known, _)| known == sku) {
            Some(at) if pieces == 0 => {
                self.0.remove(at);
            }
            Some(at) => self.0[at].1 = pieces,
            None if pieces > 0 && self.0.len() < SHOP_CART_LINES => {
                self.0.push((sku.to_owned(), pieces));
            }
            None => {}
        }
    }

    fn of(&self, sku: &str) -> u32 {
        let line = self.0.iter().find(|(known, _)| known == sku);
        line.map_or(0, |(_, pieces)| *pieces)
    }

    fn text(&self) -> String {
        let lines: Vec<String> = self
            .0
            .iter()
            .map(|(sku, pieces)| format!("{sku}:{pieces}"))
            .collect();
        lines.join(".")
    }
}

impl Shop {
    pub(super) fn cart(&self, caller: &Caller) -> Reply {
        let lines = caller.cart.priced(&self.catalogue);
        let total: u32 = lines.iter().map(|line| line.sum).sum();
        Reply::private(
            self.pages
                .render("cart.html", json!({ "lines": lines, "total": total })),
        )
    }

    /// `sku` with `pieces` to set, or without to add one.
    pub(super) fn change_cart(&self, caller: &Caller, form: &Form) -> Reply {
        let product = form.field("sku").and_then(|sku| self.catalogue.find(sku));
        let Some(product) = product else {
            return self.not_found();
        };
        let mut cart = caller.cart.clone();
        let pieces = form.field("pieces").and_then(|text| text.parse().ok());
        cart.put(
            &product.sku,
            pieces.unwrap_or_else(|| cart.of(&product.sku) + 1),
        );
        Reply::see_other("/cart", vec![account::set("cart", &cart.text())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_and_the_cart_are_the_same() {
        let mut cart = Cart::default();
        cart.put("NW-101", 2);
        cart.put("NW-131", 1);
        cart.put("NW-101", 3);
        assert_eq!(cart.text(), "NW-101:3.NW-131:1");
        assert_eq!(Cart::parse(&cart.text()), cart);
        cart.put("NW-101", 0);
        assert_eq!(cart.pieces(), 1);
    }

    #[test]
    fn a_damaged_cookie_is_an_empty_cart() {
        assert_eq!(Cart::parse("NW-101:0.x.:::.NW-104:-1"), Cart::default());
        assert_eq!(Cart::parse("NW-101:4000000000").pieces(), SHOP_CART_PIECES);
    }
}
