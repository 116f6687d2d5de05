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

// -- cli/demo --

/// Bytes of one page that the stage keeps to compare it with the origin's. Ten times a large page; beyond it the page is
/// shown without its proof.
pub const TRACE_PAGE_BYTES: usize = 8 * 1024 * 1024;
/// Slots of one traced page: as many as a page may have.
pub const TRACE_SLOTS: usize = SLOTS_PER_PAGE;
/// Traces that the stage keeps for its panel and for the origin's frame. Two frames ask for the latest; the rest are for
/// a few windows side by side.
pub const TRACES_KEPT: usize = 16;
/// Bytes of a slot's content, before and after, that the stage's panel shows. About ten lines.
pub const TRACE_EXCERPT_BYTES: usize = 600;
/// Connections that the demo's door, and its shop, serve at once. One person with a few windows needs a dozen.
pub const DEMO_CONNECTIONS: usize = 256;
/// How long the demo waits for open connections when it is stopped.
pub const DEMO_DRAIN: Duration = Duration::from_secs(2);
/// Bytes of a form sent to the shop: its longest has three short fields.
pub const SHOP_FORM_BYTES: usize = 16 * 1024;
/// Lines of one cart, which lives in a cookie of at most 4 KB.
pub const SHOP_CART_LINES: usize = 20;
/// Pieces of one product in a cart.
pub const SHOP_CART_PIECES: u32 = 99;
/// Cookies in the jar of one of the stage's visitors: what browsers keep for one site (RFC 6265, 6.1, asks for 50).
pub const JAR_COOKIES: usize = 50;
/// Bytes of one cookie there, name and value (RFC 6265, 6.1).
pub const JAR_COOKIE_BYTES: usize = 4096;
