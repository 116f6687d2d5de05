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
/// Bytes up to which neighbouring pieces of the origin are joined as they arrive: an origin that sends single bytes must
/// not cost a list entry for each.
pub const PAGE_TINY_BYTES: usize = 512;
/// Elements of one `each` open within each other whose attributes are remembered; deeper ones see the nearest remembered.
pub const EACH_OPEN_ELEMENTS: usize = 1_024;
/// Attributes of one element that code may read; the rest are not seen.
pub const ELEMENT_ATTRIBUTES: usize = 256;

// -- scope and content --

/// Time from the start of the request after which a slot that is due is given up.
pub const SLOT_DEADLINE: Duration = Duration::from_millis(300);
