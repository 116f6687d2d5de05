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

// -- scope and content --

/// Time from the start of the request after which a slot that is due is given up.
pub const SLOT_DEADLINE: Duration = Duration::from_millis(300);

// -- visitor --

/// How long a browser keeps our cookie. Browsers cut it to 400 days; a year is what privacy authorities accept.
pub const VISITOR_COOKIE_AGE: Duration = Duration::from_hours(365 * 24);
/// Age at which the cookie is issued anew, so that a visitor who keeps coming is not forgotten.
pub const VISITOR_COOKIE_RENEWAL: Duration = Duration::from_hours(30 * 24);
/// Fuel of one render: about one per instruction, and one per 64 bytes made. Some 10 ms on one core, which no honest
/// template needs.
pub const TEMPLATE_FUEL: u64 = 200_000;
/// Bytes of text that one unit of fuel pays for, as minijinja counts.
pub const TEMPLATE_BYTES_PER_FUEL: u64 = 64;
/// Bytes that one render may print. A slot is a part of a page; whole pages are smaller.
pub const TEMPLATE_OUTPUT_BYTES: usize = 1024 * 1024;
/// Bytes of one text that a filter or operator may make.
pub const TEMPLATE_TEXT_BYTES: usize = 1024 * 1024;
/// Items, at all depths, of a container that is printed, compared or handed on as a whole.
pub const TEMPLATE_CONTAINER_ITEMS: usize = 10_000;
/// Nesting of such a container. Writing one recurses, so this bounds the stack.
pub const TEMPLATE_CONTAINER_DEPTH: usize = 64;
/// Spaces of `tojson(indent=…)`.
pub const TEMPLATE_JSON_INDENT: usize = 16;
/// Depth of macros, includes and recursive loops, as minijinja counts (a macro 5, an include 11). Each is native recursion,
/// and a worker's stack has 2 MiB.
pub const TEMPLATE_RECURSION: usize = 200;
/// Reads that one ledger lists. A result that hangs on more is not worth keeping, and the list must not grow for ever.
pub const LEDGER_READS: usize = 512;
/// Bytes of the fragment cache, unless the file says otherwise.
pub const FRAGMENT_CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes counted for each entry of the fragment cache beside its content: key, list links, reference counts.
pub const FRAGMENT_CACHE_OVERHEAD_BYTES: usize = 160;
/// Paths that the tally of one content lists: enough to see what it varies by, in one line of a log.
pub const TALLY_PATHS: usize = 64;
