//! Whether the visitor consented, from the request's head.
//!
//! In: the deployment's policy, the consent cookie, `Sec-GPC`. Out: a [`Consent`] with its reason. It must not
//! remember it.

use std::sync::Arc;

/// `visitor.consent` of inlay.yaml.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ConsentPolicy {
    /// Given unless the browser objects.
    #[default]
    Implied,
    /// Given only by this cookie with this value.
    Required { cookie: Arc<str>, value: Arc<str> },
}

/// The visitor's consent to be remembered, and why it stands as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    Implied,
    /// By the cookie that the policy names.
    Given,
    /// `Sec-GPC: 1` (Global Privacy Control): a no that nothing else outweighs.
    RefusedByBrowser,
    /// The cookie is missing or says otherwise.
    NotGiven,
}

impl ConsentPolicy {
    /// Decides. `cookie` finds a request cookie by name; `gpc` is the value of `Sec-GPC`.
    pub fn decide<'a>(&self, cookie: impl Fn(&str) -> Option<&'a str>, gpc: Option<&str>) -> Consent {
        if gpc.map(str::trim) == Some("1") {
            return Consent::RefusedByBrowser;
        }
        match self {
            ConsentPolicy::Implied => Consent::Implied,
            ConsentPolicy::Required { cookie: name, value } => match cookie(name) {
                Some(given) if given == &**value => Consent::Given,
                _ => Consent::NotGiven,
            },
        }
    }
}

impl Consent {
    /// Whether something of the visitor may be remembered.
    pub fn given(self) -> bool {
        matches!(self, Consent::Implied | Consent::Given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_no_outweighs_every_yes() {
        let required = ConsentPolicy::Required { cookie: "ok".into(), value: "yes".into() };
        let yes = |name: &str| (name == "ok").then_some("yes");
        let maybe = |name: &str| (name == "ok").then_some("maybe");
        let none = |_: &str| None;
        assert_eq!(required.decide(yes, None), Consent::Given);
        assert_eq!(required.decide(yes, Some("1")), Consent::RefusedByBrowser);
        assert_eq!(required.decide(maybe, None), Consent::NotGiven);
        assert_eq!(required.decide(none, Some("0")), Consent::NotGiven);
        assert_eq!(ConsentPolicy::Implied.decide(none, None), Consent::Implied);
        assert_eq!(ConsentPolicy::Implied.decide(none, Some("1")), Consent::RefusedByBrowser);
    }
}
