//! Who is asking, as the shop knows it: by its own cookies.
//!
//! In: a request's cookies, the forms for logging in and for consent. Out: a [`Caller`], and the cookies that the shop sets. The
//! cookies are bare text: nothing in this shop is worth a forgery. It must not know of Inlay.

use cookie::{Cookie, SameSite};
use http::HeaderMap;
use http::header::COOKIE;
use serde_json::json;

use super::Shop;
use super::basket::Cart;
use super::form::Form;
use super::reply::Reply;

/// Someone who may log in.
struct Account {
    login: &'static str,
    name: &'static str,
    /// `gold` for members; empty for anyone else.
    tier: &'static str,
}

const ACCOUNTS: [Account; 2] =
    [Account { login: "ann", name: "Ann", tier: "gold" }, Account { login: "bob", name: "Bob", tier: "" }];
/// Everyone's password; the form shows it.
const PASSWORD: &str = "rain";
/// How long the shop remembers: a month.
const REMEMBERED: cookie::time::Duration = cookie::time::Duration::days(30);

/// What the cookies of one request say.
#[derive(Debug, Default)]
pub struct Caller {
    pub name: Option<String>,
    pub tier: Option<String>,
    pub consent: Option<String>,
    pub cart: Cart,
}

impl Caller {
    /// Reads the cookies of a request; unknown ones do not matter.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut caller = Self::default();
        let lines = headers.get_all(COOKIE).iter();
        let pairs = lines.filter_map(|line| line.to_str().ok()).flat_map(Cookie::split_parse_encoded).flatten();
        for cookie in pairs {
            let value = cookie.value().to_owned();
            match cookie.name() {
                "member" => caller.name = Some(value),
                "tier" => caller.tier = Some(value),
                "consent" => caller.consent = Some(value),
                "cart" => caller.cart = Cart::parse(&value),
                _ => {}
            }
        }
        caller
    }
}

impl Shop {
    pub(super) fn account(&self, caller: &Caller) -> Reply {
        let Some(name) = &caller.name else {
            return Reply::see_other("/account/login", vec![]);
        };
        let tier = &caller.tier;
        Reply::private(self.pages.render("account.html", json!({ "name": name, "tier": tier })))
    }

    pub(super) fn login(&self, problem: Option<&str>) -> Reply {
        Reply::private(self.pages.render("login.html", json!({ "problem": problem })))
    }

    pub(super) fn log_in(&self, form: &Form) -> Reply {
        let login = form.field("login").unwrap_or_default().trim();
        let account = ACCOUNTS.iter().find(|account| account.login.eq_ignore_ascii_case(login));
        match account {
            Some(account) if form.field("password") == Some(PASSWORD) => {
                let mut cookies = vec![set("member", account.name)];
                if !account.tier.is_empty() {
                    cookies.push(set("tier", account.tier));
                }
                Reply::see_other("/account/", cookies)
            }
            _ => self
                .login(Some("That name and password do not go together."))
                .with_status(http::StatusCode::UNPROCESSABLE_ENTITY),
        }
    }

    /// What the shop's script asks, so that pages can be the same for everyone.
    pub(super) fn session(&self, caller: &Caller) -> Reply {
        Reply::json(&json!({
            "pieces": caller.cart.pieces(),
            "consent": caller.consent,
        }))
    }

    /// The page behind the cart: only for those who are logged in.
    pub(super) fn checkout(&self, caller: &Caller) -> Reply {
        let Some(name) = &caller.name else {
            return Reply::see_other("/account/login", vec![]);
        };
        let lines = caller.cart.priced(&self.catalogue);
        let total: u32 = lines.iter().map(|line| line.sum).sum();
        Reply::private(self.pages.render("checkout.html", json!({ "name": name, "lines": lines, "total": total })))
    }
}

/// The visitor's answer to the banner.
pub fn consent(form: &Form) -> Reply {
    let answer = match form.field("consent") {
        Some("yes") => "yes",
        _ => "no",
    };
    Reply::see_other("/", vec![set("consent", answer)])
}

/// Forgets who it was, and keeps the cart.
pub fn log_out() -> Reply {
    Reply::see_other("/", vec![unset("member"), unset("tier")])
}

/// A `Set-Cookie` line that is remembered.
pub fn set(name: &'static str, value: &str) -> String {
    Cookie::build((name, value)).path("/").max_age(REMEMBERED).same_site(SameSite::Lax).build().encoded().to_string()
}

fn unset(name: &'static str) -> String {
    Cookie::build((name, "")).path("/").max_age(cookie::time::Duration::ZERO).build().to_string()
}
