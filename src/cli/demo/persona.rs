//! The three visitors of the stage.
//!
//! In: a name. Out: who that is: what they ask the shop for at the start, and what their browser says of itself. It
//! must not know what the rules make of them.

/// One of the stage's visitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Persona {
    /// A gold member who comes back.
    Ann,
    /// Here for the first time, however often he looks.
    Bob,
    /// Asked not to be remembered.
    Eve,
}

/// A form that a visitor sends to the shop before the curtain rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errand {
    pub path: &'static str,
    pub form: &'static str,
    /// The cookie by which one sees that it worked.
    pub cookie: &'static str,
}

const CONSENT: Errand = Errand { path: "/consent", form: "consent=yes", cookie: "consent" };
const REFUSAL: Errand = Errand { path: "/consent", form: "consent=no", cookie: "consent" };
const LOGIN: Errand = Errand { path: "/account/login", form: "login=ann&password=rain", cookie: "tier" };

impl Persona {
    /// All of them, in the order of the stage.
    pub const ALL: [Self; 3] = [Self::Ann, Self::Bob, Self::Eve];

    /// The visitor of this key.
    pub fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|persona| persona.key().eq_ignore_ascii_case(key))
    }

    /// In addresses: `ann.localhost`, `?visitor=ann`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Ann => "ann",
            Self::Bob => "bob",
            Self::Eve => "eve",
        }
    }

    /// As the stage writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ann => "Ann",
            Self::Bob => "Bob",
            Self::Eve => "Eve",
        }
    }

    /// In a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Ann => "gold member, returning",
            Self::Bob => "new here",
            Self::Eve => "no consent",
        }
    }

    /// What they have done at the shop before.
    pub fn errands(self) -> &'static [Errand] {
        match self {
            Self::Ann => &[CONSENT, LOGIN],
            Self::Bob => &[CONSENT],
            Self::Eve => &[REFUSAL],
        }
    }

    /// Whether they looked at the shop before the curtain rises.
    pub fn has_been_here(self) -> bool {
        matches!(self, Self::Ann)
    }

    /// Whether their browser keeps the cookie by which Inlay knows them again. Bob's does not, or he would be new only once.
    pub fn stays_known(self) -> bool {
        !matches!(self, Self::Bob)
    }

    /// What their browser sends beside cookies: header names, in lower case, with values.
    pub fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Ann => &[("accept-language", "nl-BE,nl;q=0.9,en;q=0.5")],
            Self::Bob => &[("accept-language", "en-GB,en;q=0.9")],
            Self::Eve => &[("accept-language", "fr-BE,fr;q=0.9,en;q=0.5"), ("sec-gpc", "1")],
        }
    }
}
