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

// -- config --

/// Bytes of one configuration file or template. Ten thousand rules take about four million.
pub const CONFIG_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Rule and template files of one deployment.
pub const CONFIG_FILES: usize = 10_000;
/// Folders inside folders below `rules`; also what ends a symlink that leads to itself.
pub const CONFIG_FOLDER_DEPTH: usize = 16;
/// Collections inside collections in one file; reading recurses that deep.
pub const CONFIG_DEPTH: usize = 64;
/// Values in one file, each alias counted as all that it stands for: what "a billion laughs" runs into.
pub const CONFIG_NODES: usize = 2_000_000;
/// How often one file is read again with a trap masked, so that one trap does not hide the others.
pub const CONFIG_REPARSES: usize = 50;
/// Problems reported in one run; nobody reads more, and errors are kept before warnings.
pub const CONFIG_PROBLEMS: usize = 1_000;
/// Characters of a line shown on either side of a mark.
pub const CONFIG_PRINTED_LINE: usize = 120;
/// Characters of a visitor secret at least: 256 bits at 8 a character.
pub const SECRET_CHARACTERS: usize = 32;
