//! Answers that are not pages: what stands below `/_inlay/` on the site's own port.
//!
//! In: a path, then a request of a visitor who is known as far as they are. Out: the answer. It must not lay anything into pages,
//! nor reach an origin.

pub mod events;

/// What is answered here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// `/_inlay/events`: what the page's scripts say happened.
    Events,
}

impl Surface {
    /// The surface at a normalised path.
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "/_inlay/events" => Some(Self::Events),
            _ => None,
        }
    }
}
