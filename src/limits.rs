//! Every bound of the house: one name each, with its unit and its reason.
//!
//! A queue, buffer, wait or size that is not named here must not exist. Grouped by room.

use std::time::Duration;

// -- page --

/// Bytes of a page that may be parsed ahead of what the client has taken. Enough to start the fragments of a
/// whole ordinary page early, small enough that a thousand slow clients stay cheap.
pub const PAGE_AHEAD_BYTES: usize = 64 * 1024;
/// Bytes of one `replace`, `inner` or `remove` slot held while its end tag has not come. Past it the origin's content stays.
pub const SLOT_HELD_BYTES: usize = 1024 * 1024;
/// Memory that the HTML rewriter may take for one page: its own buffers of one unfinished tag and the open-element stack.
pub const REWRITER_MEMORY_BYTES: usize = 2 * 1024 * 1024;
/// Bytes looked at for a charset before rewriting begins, as the HTML standard's prescan says.
pub const CHARSET_PRESCAN_BYTES: usize = 1024;
/// How long those bytes are waited for when the origin dribbles.
pub const CHARSET_PRESCAN_WAIT: Duration = Duration::from_millis(50);
/// Slots that one page may have; further matches stay as the origin made them.
pub const SLOTS_PER_PAGE: usize = 10_000;
/// Bytes given to the scanner at once: what it finds in them is held as a list, so this bounds the list whatever
/// the size of the chunks that arrive.
pub const PAGE_SCAN_BYTES: usize = 32 * 1024;
/// Bytes up to which small pieces that are ready are joined into one, and from half of which a piece leaves uncopied.
/// About one TLS record: more frames cost more than the copy.
pub const PAGE_PIECE_BYTES: usize = 16 * 1024;
/// Elements of one `each` open within each other whose attributes are remembered; deeper ones see the nearest remembered.
pub const EACH_OPEN_ELEMENTS: usize = 1_024;
/// Attributes of one element that code may read; the rest are not seen.
pub const ELEMENT_ATTRIBUTES: usize = 256;

// -- scope and content --

/// Time from the start of the request after which a slot that is due is given up.
pub const SLOT_DEADLINE: Duration = Duration::from_millis(300);

// -- visitor --

/// How long a browser keeps our cookie. Browsers cut it to 400 days; a year is what privacy authorities accept.
pub const VISITOR_COOKIE_AGE: Duration = Duration::from_hours(365 * 24);
/// Age at which the cookie is issued anew, so that a visitor who keeps coming is not forgotten.
pub const VISITOR_COOKIE_RENEWAL: Duration = Duration::from_hours(30 * 24);

// -- exchange --

/// Layouts (compiled selectors of a set of rules) kept; a site has about as many as it has kinds of page.
pub const LAYOUTS: u64 = 1_000;
/// How we call ourselves in `Cache-Status`, `Proxy-Status` and `Server-Timing`.
pub const OWN_NAME: &str = "inlay";
/// Paths that are answered by us and never reach an origin.
pub const OWN_PATHS: &str = "/_inlay/";
