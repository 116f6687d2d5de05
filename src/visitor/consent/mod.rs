//! What the visitor consented to, from the request's head.
//!
//! In: the deployment's policy; the cookie, field or string that says yes; `Sec-GPC`, `DNT`. Out: a [`Consent`]: the purposes, and
//! why they stand as they do. It must not remember it.

pub mod tcf;

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use super::facts::RequestFacts;
use tcf::{TcfError, TcfPurposes};

/// What consent is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To be recognised, and remembered.
    Store,
    /// To be shown what follows from what is remembered.
    Personalise,
    /// To be counted.
    Measure,
}

/// Purposes that were consented to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purposes {
    pub store: bool,
    pub personalise: bool,
    pub measure: bool,
}

impl Purposes {
    /// All of them.
    pub const ALL: Self = Self { store: true, personalise: true, measure: true };
    /// None of them.
    pub const NONE: Self = Self { store: false, personalise: false, measure: false };

    /// Whether `purpose` is among them.
    pub fn allow(self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Store => self.store,
            Purpose::Personalise => self.personalise,
            Purpose::Measure => self.measure,
        }
    }
}

/// `visitor.consent` of inlay.yaml.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentPolicy {
    pub basis: Basis,
    /// Whether `DNT: 1` is a no, as `Sec-GPC: 1` always is.
    pub heeds_dnt: bool,
}

/// By what consent is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Basis {
    /// Given unless the browser objects.
    #[default]
    Implied,
    /// Given, for all purposes, by this value only.
    Required { told: Told, value: Arc<str> },
    /// Given as a TCF string says.
    Tcf { told: Told, purposes: TcfPurposes },
}

/// Where the visitor's choice is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Cookie(Arc<str>),
    /// Lower case.
    Header(Arc<str>),
}

impl Told {
    /// What the request tells there.
    pub fn find<'a>(&self, request: &'a RequestFacts) -> Option<Cow<'a, str>> {
        match self {
            Told::Cookie(name) => request.cookie(name).map(Cow::Borrowed),
            Told::Header(name) => request.header_values(name).next(),
        }
    }
}

/// What the visitor consented to, and why it stands so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    pub purposes: Purposes,
    pub reason: Reason,
}

/// Why consent stands as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Implied,
    /// By what the policy names; for a TCF string it may be a yes to some purposes only.
    Told,
    /// `Sec-GPC: 1` (Global Privacy Control), or `DNT: 1` where that is heeded: a no that nothing else outweighs.
    RefusedByBrowser,
    /// What the policy names is missing or says otherwise.
    NotGiven,
    /// There is a TCF string, and it can't be believed.
    Unusable(TcfError),
}

impl ConsentPolicy {
    /// Decides for the visitor who sent `request`.
    pub fn decide(&self, request: &RequestFacts, now: Timestamp) -> Consent {
        let is_no = |name: &str| request.header_values(name).next().is_some_and(|value| value.trim() == "1");
        if is_no("sec-gpc") || self.heeds_dnt && is_no("dnt") {
            return Consent::none(Reason::RefusedByBrowser);
        }
        match &self.basis {
            Basis::Implied => Consent { purposes: Purposes::ALL, reason: Reason::Implied },
            Basis::Required { told, value } => match told.find(request) {
                Some(given) if *given == **value => Consent { purposes: Purposes::ALL, reason: Reason::Told },
                _ => Consent::none(Reason::NotGiven),
            },
            Basis::Tcf { told, purposes } => match told.find(request).map(|text| tcf::consented(&text, now)) {
                Some(Ok(consented)) => Consent { purposes: purposes.in_ours(consented), reason: Reason::Told },
                Some(Err(error)) => Consent::none(Reason::Unusable(error)),
                None => Consent::none(Reason::NotGiven),
            },
        }
    }
}

impl Consent {
    fn none(reason: Reason) -> Self {
        Self { purposes: Purposes::NONE, reason }
    }

    /// Whether `purpose` was consented to.
    pub fn allows(self, purpose: Purpose) -> bool {
        self.purposes.allow(purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visitor::facts::tests::request;

    fn decided(policy: &ConsentPolicy, headers: &[(&str, &str)]) -> Consent {
        policy.decide(&request("/", headers), "2026-11-23T12:00:00Z".parse().expect("a time"))
    }

    #[test]
    fn a_no_outweighs_every_yes() {
        let by = |told, value: &str| ConsentPolicy {
            basis: Basis::Required { told, value: value.into() },
            ..ConsentPolicy::default()
        };
        let cookie = by(Told::Cookie("ok".into()), "yes");
        let header = by(Told::Header("x-consent".into()), "1");
        let implied = ConsentPolicy::default();
        type Case<'a> = (&'a ConsentPolicy, &'a [(&'a str, &'a str)], Reason);
        let cases: [Case<'_>; 9] = [
            (&cookie, &[("cookie", "a=1; ok=yes")], Reason::Told),
            (&cookie, &[("cookie", "ok=yes"), ("sec-gpc", "1")], Reason::RefusedByBrowser),
            (&cookie, &[("cookie", "ok=maybe")], Reason::NotGiven),
            (&cookie, &[("sec-gpc", "0")], Reason::NotGiven),
            (&header, &[("x-consent", "1")], Reason::Told),
            (&header, &[("cookie", "x-consent=1")], Reason::NotGiven),
            (&implied, &[], Reason::Implied),
            (&implied, &[("sec-gpc", " 1 ")], Reason::RefusedByBrowser),
            (&implied, &[("dnt", "1")], Reason::Implied),
        ];
        for (policy, headers, reason) in cases {
            let consent = decided(policy, headers);
            assert_eq!(consent.reason, reason, "{headers:?}");
            let given = matches!(reason, Reason::Told | Reason::Implied);
            assert_eq!(consent.purposes, if given { Purposes::ALL } else { Purposes::NONE }, "{headers:?}");
        }
        let heeding = ConsentPolicy { heeds_dnt: true, ..ConsentPolicy::default() };
        assert_eq!(decided(&heeding, &[("dnt", "1")]).reason, Reason::RefusedByBrowser);
    }
}
