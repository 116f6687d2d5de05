//! Fields of a head that rules must leave alone, each with the reason.
//!
//! In: a field's name, and what is to become of it. Out: why not, and what to do instead; or nothing. It must not read
//! anything.

/// Whose head it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    Request,
    Response,
}

/// What is done to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Set,
    Remove,
}

/// Why a field is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: &'static str,
    pub remedy: &'static str,
}

const OF_CONNECTION: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "http2-settings",
];
const OF_HOP: [&str; 6] = ["via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "cdn-loop"];
const CONDITIONS: [&str; 6] =
    ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
const OF_BYTES: [&str; 4] = ["content-encoding", "content-range", "accept-ranges", "age"];
const VALIDATORS: [&str; 3] = ["etag", "last-modified", "date"];

/// Why `edit` of the field `name` (lower case) in `head` is refused; `None` if it is not.
pub fn refusal(head: Head, edit: Edit, name: &str) -> Option<Refusal> {
    let refused = |reason, remedy| Some(Refusal { reason, remedy });
    match (head, edit) {
        _ if OF_CONNECTION.contains(&name) => {
            refused("it frames messages or belongs to one connection, and Inlay writes it itself", "leave it out")
        }
        _ if OF_HOP.contains(&name) => {
            refused("it tells who passed the message on, and Inlay writes it itself", "use a name of your own")
        }
        _ if name.starts_with("inlay-") => refused("such fields are Inlay's own", "use a name of your own"),
        (Head::Request, _) => request(edit, name),
        (Head::Response, _) => response(edit, name),
    }
}

fn request(edit: Edit, name: &str) -> Option<Refusal> {
    let (reason, remedy) = match name {
        "host" => ("it says which site is asked for", "use `host` of the origin in inlay.yaml"),
        "accept-encoding" => ("Inlay asks for what it and the client can decode", "leave it out"),
        "content-encoding" => ("it tells how the body is coded", "leave it out"),
        "cookie" if edit == Edit::Set => {
            ("it would replace all cookies of the visitor", "set a field of its own, such as `x-tier`")
        }
        _ if CONDITIONS.contains(&name) => {
            ("the client asked for what it says, and must be answered so", "leave it out")
        }
        _ => return None,
    };
    Some(Refusal { reason, remedy })
}

fn response(edit: Edit, name: &str) -> Option<Refusal> {
    let (reason, remedy) = match name {
        "set-cookie" if edit == Edit::Set => {
            ("it would replace all cookies that the origin sets", "let the origin set it, or a script of the page")
        }
        "location" => ("it means something only with a status", "use `redirect`"),
        "cache-status" | "proxy-status" => ("it tells how the response came here", "leave it out"),
        _ if OF_BYTES.contains(&name) => ("it tells what the bytes of the body are", "leave it out"),
        _ if VALIDATORS.contains(&name) && edit == Edit::Set => {
            ("caches would take one response for another by it", "let the origin set it")
        }
        "date" => ("caches count from it", "leave it out"),
        _ => return None,
    };
    Some(Refusal { reason, remedy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_where_they_mean_something() {
        let refused = |head, edit, name| refusal(head, edit, name).is_some();
        for name in ["content-length", "transfer-encoding", "connection", "via", "x-forwarded-for", "inlay-event"] {
            for head in [Head::Request, Head::Response] {
                assert!(refused(head, Edit::Set, name) && refused(head, Edit::Remove, name), "{name}");
            }
        }
        assert!(refused(Head::Request, Edit::Set, "host") && refused(Head::Request, Edit::Set, "cookie"));
        assert!(!refused(Head::Request, Edit::Remove, "cookie") && !refused(Head::Request, Edit::Set, "authorization"));
        assert!(refused(Head::Response, Edit::Set, "set-cookie") && refused(Head::Response, Edit::Set, "etag"));
        assert!(!refused(Head::Response, Edit::Remove, "set-cookie") && !refused(Head::Response, Edit::Remove, "etag"));
        assert!(!refused(Head::Response, Edit::Set, "cache-control") && refused(Head::Response, Edit::Remove, "date"));
    }
}
