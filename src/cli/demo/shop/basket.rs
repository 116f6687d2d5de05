//! What lies in the cart. It lives in a cookie, `NW-101:2.NW-131:1`, so that the shop keeps nothing.
//!
//! In: the cookie's text. Out: lines with prices, and the text again. Unknown numbers are dropped. It must not know
//! requests.

use serde::Serialize;

use super::catalogue::{Catalogue, Product};
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
            Some(Line { product, pieces: *pieces, sum: product.price * pieces })
        };
        self.0.iter().filter_map(line).collect()
    }

    /// Sets how many of one product lie in it.
    pub fn put(&mut self, sku: &str, pieces: u32) {
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

    pub fn of(&self, sku: &str) -> u32 {
        let line = self.0.iter().find(|(known, _)| known == sku);
        line.map_or(0, |(_, pieces)| *pieces)
    }

    pub fn text(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(|(sku, pieces)| format!("{sku}:{pieces}")).collect();
        lines.join(".")
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
