//! How the visitor came to the site: campaign, click, referrer; `session` in code.
//!
//! In: the head of a request. Out: its [`Landing`], which is what a session keeps of its first request, and facts. It must not
//! remember anything: whoever has a store keeps a landing, and says that a session goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use url::Url;

use super::facts::RequestFacts;
use crate::limits::{LANDING_PARAMETERS, LANDING_TEXT_BYTES};
use crate::scope::{Answer, Facts, Key};

/// Parameters by which advertising platforms mark a click, each with the platform.
const CLICKS: [(&str, &str); 12] = [
    ("gclid", "google"),
    ("gbraid", "google"),
    ("wbraid", "google"),
    ("dclid", "google"),
    ("fbclid", "facebook"),
    ("msclkid", "microsoft"),
    ("ttclid", "tiktok"),
    ("twclid", "x"),
    ("li_fat_id", "linkedin"),
    ("epik", "pinterest"),
    ("sclid", "snapchat"),
    ("yclid", "yandex"),
];

/// What a campaign's link says of itself in `utm_…` parameters.
const CAMPAIGN: [&str; 6] = ["source", "medium", "campaign", "term", "content", "id"];

/// What a request tells of how its sender came here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Landing {
    /// `utm_campaign` and its like, without their prefix.
    pub campaign: BTreeMap<String, String>,
    /// Click ids by parameter: `gclid`.
    pub clicks: BTreeMap<String, String>,
    /// The URL of the page before, if it is another site's.
    pub referrer: Option<String>,
    /// The path at which the session began.
    pub path: String,
}

impl Landing {
    /// Reads the head of a request. Texts are cut, and of parameters a bounded number is looked at.
    pub fn of(request: &RequestFacts) -> Self {
        let mut landing = Self { referrer: referrer(request), path: cut(request.path()), ..Self::default() };
        for (name, value) in request.query().take(LANDING_PARAMETERS).filter(|(_, value)| !value.is_empty()) {
            let part = name.strip_prefix("utm_").filter(|part| CAMPAIGN.contains(part));
            if let Some(part) = part {
                landing.campaign.entry(part.to_owned()).or_insert_with(|| cut(&value));
            } else if CLICKS.iter().any(|(click, _)| *click == name) {
                landing.clicks.entry(name.into_owned()).or_insert_with(|| cut(&value));
            }
        }
        landing
    }

    /// Whether this request came from outside: by a campaign, an advertisement, another site's link.
    pub fn is_arrival(&self) -> bool {
        self.referrer.is_some() || !self.campaign.is_empty() || !self.clicks.is_empty()
    }

    /// The platform whose advertisement was clicked.
    fn platform(&self) -> Option<&'static str> {
        CLICKS.iter().find(|(click, _)| self.clicks.contains_key(*click)).map(|(_, platform)| *platform)
    }

    /// What stands at a path below `session`.
    fn part(&self, path: &[&str]) -> Answer {
        match path {
            ["campaign"] => Answer::optional(self.campaign.get("campaign")),
            ["source" | "medium" | "term" | "content"] => Answer::optional(self.campaign.get(path[0])),
            ["clicks"] => Answer::map(),
            ["clicks", name] => Answer::optional(self.clicks.get(*name)),
            ["platform"] => Answer::optional(self.platform()),
            ["referrer"] => Answer::optional(self.referrer.as_ref()),
            ["landing"] => Answer::scalar(self.path.as_str()),
            _ => Answer::absent(),
        }
    }
}

/// Another site's, by its host.
fn referrer(request: &RequestFacts) -> Option<String> {
    let written = request.header_values("referer").next()?;
    let url = Url::parse(&written).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let foreign = url.host_str().is_some_and(|host| !host.eq_ignore_ascii_case(request.host()));
    foreign.then(|| cut(url.as_str()))
}

/// The text up to a bound, at the end of a character.
fn cut(text: &str) -> String {
    let end = (0..=LANDING_TEXT_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].to_owned()
}

/// The session as far as somebody remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Whether it began with this request.
    pub new: bool,
    /// How many there were, this one included.
    pub count: u64,
    /// Of its first request.
    pub landing: Landing,
}

/// What code sees as `session`. Without anybody who remembers, it is what this request tells alone.
#[derive(Debug)]
pub struct SessionFacts {
    request: Arc<RequestFacts>,
    remembered: Option<Remembered>,
    landing: OnceLock<Landing>,
}

impl SessionFacts {
    /// Of the visitor who sent `request`.
    pub fn new(request: Arc<RequestFacts>, remembered: Option<Remembered>) -> Self {
        Self { request, remembered, landing: OnceLock::new() }
    }

    fn landing(&self) -> &Landing {
        match &self.remembered {
            Some(remembered) => &remembered.landing,
            None => self.landing.get_or_init(|| Landing::of(&self.request)),
        }
    }

    /// Nobody remembers: a request without a referrer of the site's own begins one.
    fn seems_new(&self) -> bool {
        self.landing().is_arrival() || self.request.header_values("referer").next().is_none()
    }
}

impl Facts for SessionFacts {
    fn get(&self, path: &[Key]) -> Answer {
        let names: Vec<&str> = path.iter().map(|key| &**key).collect();
        let answer = match names.as_slice() {
            [] => Answer::map(),
            ["new"] => Answer::scalar(self.remembered.as_ref().map_or_else(|| self.seems_new(), |known| known.new)),
            ["count"] => self.remembered.as_ref().map_or_else(Answer::absent, |known| Answer::scalar(known.count)),
            path => self.landing().part(path),
        };
        answer.private()
    }

    fn keys(&self, path: &[Key]) -> Answer {
        let answer = match path {
            [] => Answer::keys(PARTS),
            [clicks] if &**clicks == "clicks" => Answer::keys(self.landing().clicks.keys().map(String::as_str)),
            _ => Answer::absent(),
        };
        answer.private()
    }
}

/// What `session` has.
pub const PARTS: [&str; 11] =
    ["new", "count", "campaign", "source", "medium", "term", "content", "clicks", "platform", "referrer", "landing"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visitor::facts::tests::request;

    #[test]
    fn a_campaigns_link_is_read_and_bounded() {
        let url = "/shop?utm_campaign=xmas+sale&utm_source=mail&utm_foo=1&gclid=abc&utm_campaign=other&utm_medium=";
        let landing = Landing::of(&request(url, &[("referer", "https://www.search.example/?q=a")]));
        assert_eq!(
            landing.campaign,
            [("campaign", "xmas sale"), ("source", "mail")].map(|(a, b)| (a.into(), b.into())).into()
        );
        assert_eq!((landing.clicks["gclid"].as_str(), landing.platform()), ("abc", Some("google")));
        assert_eq!(landing.referrer.as_deref(), Some("https://www.search.example/?q=a"));
        assert_eq!(landing.path, "/shop");
        let long = format!("/?utm_source={}", "%C3%A9".repeat(LANDING_TEXT_BYTES));
        let cut = &Landing::of(&request(&long, &[])).campaign["source"];
        assert!(cut.len() <= LANDING_TEXT_BYTES && cut.chars().all(|letter| letter == 'é'), "{}", cut.len());
        let many = format!("/?{}utm_source=late", "a=1&".repeat(LANDING_PARAMETERS));
        assert_eq!(Landing::of(&request(&many, &[])).campaign.len(), 0);
    }

    #[test]
    fn a_link_within_the_site_begins_nothing() {
        let new =
            |url: &str, headers: &[(&str, &str)]| SessionFacts::new(Arc::new(request(url, headers)), None).seems_new();
        assert!(new("/", &[]));
        assert!(new("/", &[("referer", "https://other.example/")]));
        assert!(!new("/", &[("referer", "https://SHOP.example/a")]));
        assert!(new("/?gclid=1", &[("referer", "https://shop.example/a")]));
        assert!(!new("/", &[("referer", "about:blank")]));
    }
}
