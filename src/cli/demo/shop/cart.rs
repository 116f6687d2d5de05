//! The page of the cart, and the form that changes it.
//!
//! In: who asks, and the form. Out: the page, or the way back to it with the new cart in a cookie. It must
//! not keep carts.

use serde_json::json;

use super::Shop;
use super::account::{self, Caller};
use super::form::Form;
use super::reply::Reply;

impl Shop {
    pub(super) fn cart(&self, caller: &Caller) -> Reply {
        let lines = caller.cart.priced(&self.catalogue);
        let total: u32 = lines.iter().map(|line| line.sum).sum();
        Reply::private(self.pages.render("cart.html", json!({ "lines": lines, "total": total })))
    }

    /// `sku` with `pieces` to set, or without to add one.
    pub(super) fn change_cart(&self, caller: &Caller, form: &Form) -> Reply {
        let product = form.field("sku").and_then(|sku| self.catalogue.find(sku));
        let Some(product) = product else {
            return self.not_found();
        };
        let mut cart = caller.cart.clone();
        let pieces = form.field("pieces").and_then(|text| text.parse().ok());
        cart.put(&product.sku, pieces.unwrap_or_else(|| cart.of(&product.sku) + 1));
        Reply::see_other("/cart", vec![account::set("cart", &cart.text())])
    }
}
