//! Every bound of the house: one name each, with its unit and its reason.
//!
//! A queue, buffer, wait or size that is not named here must not exist. Grouped by room.

use std::time::Duration;

use jiff::SignedDuration;

// -- page --

/// Bytes inside one element of which a value is made: a price, a title, a short description with its markup.
pub const EXTRACT_TEXT_BYTES: usize = 16 * 1024;
/// Bytes of one value: what fits into a field of an item.
pub const EXTRACT_VALUE_BYTES: usize = 2 * 1024;
/// Bytes of one script of JSON-LD: the largest listings have a tenth.
pub const EXTRACT_JSON_BYTES: usize = 512 * 1024;
/// Scripts of JSON-LD of one page.
pub const EXTRACT_DOCUMENTS: usize = 16;
/// How deep what JSON-LD and microdata tell is followed: the usual `@graph` of lists of products with offers takes eight.
pub const EXTRACT_DEPTH: usize = 16;
/// Properties of one thing in microdata, and values of one property.
pub const EXTRACT_PROPERTIES: usize = 100;
/// Properties of Open Graph of one page.
pub const EXTRACT_GRAPH: usize = 64;
/// Readings of one page: a listing of five hundred products.
pub const EXTRACT_READINGS: usize = 500;
/// Elements whose inside is read at one time.
pub const EXTRACT_CAPTURES: usize = 64;
/// Bytes of all values of one page that are kept with it.
pub const EXTRACT_BYTES: usize = 256 * 1024;

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
/// Bytes of a page that may be kept compiled. Larger ones are rare, and are rewritten as they stream.
pub const COMPILED_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Percent of a page's bytes that its compressed forms may take in any case. They may take what page and list leave of twice the page, and
/// only the list of a page with very many slots leaves less.
pub const COMPILED_FORMS_PERCENT: usize = 85;
/// Bytes that they may take in any case, for pages too small to have a share.
pub const COMPILED_FORMS_BYTES: usize = 2 * 1024;
/// Ways in which one page is cut (sets of slots that are filled) whose forms are kept: as many as a site has segments.
pub const PAGE_SHAPES: usize = 32;
/// Percent of what a page compresses to in one that it may take in pieces. Past that sending costs more than compressing saves.
pub const STITCH_EXCESS_PERCENT: usize = 130;
/// Bytes beside that, so that tiny pages, where no percentage is fair, are stitched too.
pub const STITCH_EXCESS_BYTES: usize = 128;
/// Bytes of content up to which it is stored and not compressed: alone, so little text hardly shrinks.
pub const STITCH_STORED_BYTES: usize = 128;
/// gzip level for what is compressed once: the highest.
pub const STITCH_GZIP_LEVEL: u32 = 9;
/// brotli quality for what is compressed once. 11 takes twenty times as long for a few percent; 9 takes 32 MiB for each piece.
pub const STITCH_BROTLI_QUALITY: i32 = 8;
/// Base-2 logarithm of brotli's window for what is compressed once: the largest page that is kept.
pub const STITCH_BROTLI_WINDOW_LOG: i32 = 22;
/// The same for what is smaller than that alone: 64 KiB, up to which the compressor gets by with little memory.
pub const STITCH_BROTLI_SMALL_WINDOW_LOG: i32 = 16;
/// Elements of one `each` open within each other whose attributes are remembered; deeper ones see the nearest remembered.
pub const EACH_OPEN_ELEMENTS: usize = 1_024;
/// Attributes of one element that code may read; the rest are not seen.
pub const ELEMENT_ATTRIBUTES: usize = 256;

// -- event and profile --

/// Bytes of an event's type: two words.
pub const EVENT_TYPE_BYTES: usize = 64;
/// Bytes of an event's id: a UUID is 36.
pub const EVENT_ID_BYTES: usize = 64;
/// Bytes of an event's data as JSON: an order with some dozens of lines.
pub const EVENT_DATA_BYTES: usize = 8 * 1024;
/// Nesting of an event's data: an object of lists of objects, twice.
pub const EVENT_DATA_DEPTH: usize = 8;
/// Bytes of a visitor's or customer's id: the longest e-mail addresses that are in use.
pub const PROFILE_ID_BYTES: usize = 128;
/// Bytes of the name of a counter or list. As long as an event's type, after which counters are named.
pub const PROFILE_NAME_BYTES: usize = EVENT_TYPE_BYTES;
/// Bytes of one profile's traits as JSON: a customer record, not an archive.
pub const PROFILE_TRAITS_BYTES: usize = 32 * 1024;
/// Nesting of traits.
pub const PROFILE_TRAITS_DEPTH: usize = 16;
/// Recent events of one profile, unless the file says otherwise: some visits' worth.
pub const PROFILE_EVENTS: usize = 100;
/// How old they may be, unless the file says otherwise.
pub const PROFILE_EVENT_AGE: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Silence after which the next request begins a new session, unless the file says otherwise; what analytics have agreed on.
pub const SESSION_SILENCE: Duration = Duration::from_secs(30 * 60);
/// Counters of one profile: event types and what sites count beside.
pub const PROFILE_COUNTERS: usize = 64;
/// Days on which something was counted that one counter tells apart: a quarter of daily visits.
pub const PROFILE_COUNTER_DAYS: usize = 92;
/// Lists that one profile may be on.
pub const PROFILE_LISTS: usize = 64;
/// Newest changes that a profile knows again: twice the events, and many times what is ever under way for one visitor.
pub const PROFILE_KNOWN_CHANGES: usize = 256;
/// Events of one line of an import: as many as a profile may keep at most.
pub const LINE_EVENTS: usize = 1_000;

// -- store --

/// Bytes of items at hand: some fifty thousand of a kilobyte.
pub const ITEM_HOT_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes that one of them takes beside its data.
pub const ITEM_ENTRY_BYTES: u64 = 256;
/// Time after which an item at hand is looked up again, and what hangs on it is made anew: another reading is seen so soon.
pub const ITEM_FRESH: Duration = Duration::from_secs(1);
/// Age at which a reading is written again although it tells nothing new, so that it is known how old it is.
pub const ITEM_REFRESH: Duration = Duration::from_secs(24 * 60 * 60);
/// Readings that wait to be written: twenty listings of as many products as a page may tell. More are read again with their pages.
pub const ITEM_QUEUE: usize = 10_000;
/// Readings that are written at once.
pub const ITEM_WRITE_BATCH: usize = 256;
/// Pause between attempts to write to a store that is away, and how many there are before a batch is given up.
pub const ITEM_WRITE_RETRY: Duration = Duration::from_millis(500);
pub const ITEM_WRITE_RETRIES: u32 = 20;

/// Bytes of an item's key: a SKU, or the path of an article.
pub const ITEM_KEY_BYTES: usize = 256;
/// Bytes of an item's data as JSON.
pub const ITEM_DATA_BYTES: usize = 16 * 1024;
/// Nesting of an item's data.
pub const ITEM_DATA_DEPTH: usize = 16;
/// Bytes of a timer's data as JSON: where a journey stands.
pub const TIMER_DATA_BYTES: usize = 4 * 1024;
/// Bytes of profiles at hand in memory before the store: the visitors of some hours.
pub const PROFILE_HOT_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes that one of them takes, about: it only says for how many places are made beforehand.
pub const PROFILE_USUAL_BYTES: u64 = 8 * 1024;
/// Visitors of whom it is remembered for which customer they stand.
pub const PROFILE_ALIASES: u64 = 100_000;
/// Events that a page's script may send at once.
pub const BROWSER_EVENTS: usize = 100;
/// Bytes of what it sends: `sendBeacon` takes 64 KiB.
pub const BROWSER_EVENTS_BYTES: usize = 64 * 1024;
/// Time in which that must come.
pub const BROWSER_EVENTS_WAIT: Duration = Duration::from_secs(10);
/// Time in which events that were sent must be safe; else the sender is told to come again.
pub const EVENTS_WRITE_WAIT: Duration = Duration::from_secs(5);
/// Time that the answer to a login waits until the store knows of it.
pub const LOGIN_WAIT: Duration = Duration::from_secs(1);
/// Events that one question gives at most.
pub const EVENTS_ASKED: usize = 1_000;
/// Time in which a profile must come; without it the visitor is unknown for this page.
pub const PROFILE_DEADLINE: Duration = Duration::from_millis(25);
/// Changes that wait to be written, of all profiles: minutes of a busy site while its store is away. Beyond, they are lost and counted.
pub const PROFILE_UNWRITTEN: usize = 100_000;
/// Changes of one profile that are handed to the store at once: a quarter of what a profile knows again, so that those whose answer was
/// lost are known when they come again, also where others have written in between.
pub const PROFILE_WRITE_CHANGES: usize = 64;
/// Waits between attempts to write to a store that is away, shortest and longest.
pub const PROFILE_WRITE_RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Changes by the thousand: lines that are handed over while the first of them is not safe yet. More would not make groups larger.
pub const BULK_WAITING: usize = 1_024;
/// Bytes of such lines.
pub const BULK_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// Profiles or members that are read at once for an export: some hundred kilobytes.
pub const EXPORT_BATCH: usize = 100;
/// Time after which those who were not seen are forgotten, unless the file says otherwise: a year and its seasons.
pub const PROFILE_FORGET: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// Pause between pieces of the search for them.
pub const STORE_EXPIRY_PAUSE: Duration = Duration::from_secs(10);
/// Pause between attempts to open a folder that the process before this one is giving up.
pub const STORE_OPENING_PAUSE: Duration = Duration::from_millis(50);
/// Time that the store gets at the end of the process for what is not written yet.
pub const STORE_CLOSE_WAIT: Duration = Duration::from_secs(5);
/// Bytes of profiles that a store in memory holds; those used longest ago go.
pub const MEMORY_STORE_BYTES: u64 = 256 * 1024 * 1024;
/// Items that a store in memory takes.
pub const MEMORY_STORE_ITEMS: usize = 50_000;
/// Timers that a store in memory takes.
pub const MEMORY_STORE_TIMERS: usize = 100_000;
/// Bytes of blocks that the embedded store keeps in memory, beside what the system does.
pub const STORE_CACHE_BYTES: u64 = 128 * 1024 * 1024;
/// Commands that wait for the embedded store's writer: some groups.
pub const STORE_QUEUE: usize = 8 * 1024;
/// Commands that it takes to the disk at once. More would make the first of them wait for the last.
pub const STORE_GROUP: usize = 2 * 1024;
/// Pieces of changes beside a profile after which they are folded into it: reading each costs about a microsecond, folding rewrites the profile.
pub const STORE_FOLD_CHANGES: usize = 32;
/// Counters of changes beside profiles, a byte each: so many that a million profiles rarely share one.
pub const STORE_FOLD_COUNTERS: usize = 4 * 1024 * 1024;
/// Profiles looked at in one go in search of those not seen for long: some tenths of a second, in which nothing is written.
pub const STORE_EXPIRY_PIECE: usize = 2_000;

/// Parts into which everything in Redis is divided. A Cluster of as many nodes can share them evenly; what goes through all of them asks
/// as often. It may never change.
pub const REDIS_SHARDS: u16 = 256;
/// Shards, or profiles, of which Redis is asked at once by whoever goes through all.
pub const REDIS_AT_ONCE: usize = 32;
/// Things of one shard that are tidied up at once, and items in one script: a fraction of a millisecond in which Redis does nothing else.
pub const REDIS_PIECE: usize = 100;
/// Time for which a profile is shown as it was loaded, where other processes write too: what they write is seen within a second, the
/// time of the next load included.
pub const REDIS_FRESH: Duration = Duration::from_millis(800);
/// Time in which a connection must stand, sentinels and handshakes included.
pub const REDIS_CONNECT: Duration = Duration::from_secs(2);
/// Time in which Redis must answer. Visitors do not wait that long; what is written does.
pub const REDIS_ANSWER: Duration = Duration::from_secs(2);
/// How often it is asked whether it is still there and still the primary, and how long it may think about it.
pub const REDIS_PING: Duration = Duration::from_secs(1);
/// Waits between attempts to connect, shortest and longest.
pub const REDIS_RECONNECT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Attempts to do what is only done if a profile has not changed since it was read: each fails because somebody else got on.
pub const REDIS_ATTEMPTS: usize = 16;
/// Time for which it is known that a visitor's profile has arrived at the customer's: many times what a process is away that began it.
pub const REDIS_ARRIVED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Bytes of what all keys of a store begin with.
pub const REDIS_PREFIX_BYTES: usize = 64;
/// The oldest Redis that has all commands and is still kept up.
pub const REDIS_OLDEST: u32 = 7;

// -- scope and content --

/// Time from the start of the request after which a slot that is due is given up.
pub const SLOT_DEADLINE: Duration = Duration::from_millis(300);
/// Time from the start of the request after which a redirect, `serve` or a field that hangs on a source is given up: the
/// origin is not asked before.
pub const ACTION_DEADLINE: Duration = Duration::from_millis(300);
/// How often what one content lacks is brought before it is given up: each time it asked for something that hung on the
/// answers before, and nobody waits for more than a few sources in a row.
pub const SOURCE_ROUNDS: usize = 8;
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
/// Bytes of a regular expression's source: longer ones are lists, for which the language has other means.
pub const PATTERN_BYTES: usize = 4 * 1024;
/// Bytes of a compiled regular expression, and of the tables that it makes as it runs.
pub const PATTERN_COMPILED_BYTES: usize = 256 * 1024;
/// Nesting of a regular expression; reading one recurses.
pub const PATTERN_NESTING: u32 = 64;
/// Compiled regular expressions that are kept: more than a site's templates have. At most some 50 MB of them, if all were of the largest kind.
pub const PATTERNS: u64 = 200;
/// Bytes of a text in Markdown. A slot's text is smaller.
pub const MARKDOWN_BYTES: usize = 128 * 1024;
/// Bytes of what a function gives a filter, as JSON. Values of the language take some thirty times as much for the shortest items.
pub const FORMAT_BYTES: usize = 512 * 1024;
/// Braces within braces of a message, and messages that lead to one another in a row. Reading and saying both recurse.
pub const MESSAGE_NESTING: usize = 32;
/// Parts of which one message may be put together, with those that it leads to: a few such lines could otherwise make a gigabyte.
pub const MESSAGE_PARTS: usize = 2_000;
/// Messages of one language that a warning names; more of them tell nothing new.
pub const MESSAGES_NAMED: usize = 5;
/// Decimals of a number that is formatted: as many as anybody reads.
pub const NUMBER_DECIMALS: u8 = 20;
/// Reads that one ledger lists. A result that hangs on more is not worth keeping, and the list must not grow for ever.
pub const LEDGER_READS: usize = 512;
/// Bytes of the fragment cache, unless the file says otherwise.
pub const FRAGMENT_CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Locks of those who make a missing fragment: as many different ones as can be in the making at once, many times the workers.
pub const FRAGMENT_CACHE_LOCKS: usize = 256;
/// Bytes counted for each question or result that is kept beside its content: key, list links, reference counts.
pub const RECALL_OVERHEAD_BYTES: usize = 160;
/// Bytes that a kept question or result takes on average: a guess, by which tables are sized.
pub const RECALL_ENTRY_BYTES: u64 = 512;
/// Paths that the tally of one content lists: enough to see what it varies by, in one line of a log.
pub const TALLY_PATHS: usize = 64;

// -- functions --

/// Time that one call may compute, waiting not counted, unless the file says otherwise: two hundred times what a simple one takes.
pub const FUNCTION_CPU: Duration = Duration::from_millis(50);
/// Time that a function's module may compute when rules are read: the machine may be busy with the revision before.
pub const FUNCTION_TRIAL_CPU: Duration = Duration::from_millis(500);
/// Bytes that the engine of one call may hold, unless the file says otherwise; an engine alone takes a quarter of a million.
pub const FUNCTION_MEMORY_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of stack of the engine: some thousand calls of functions within each other.
pub const FUNCTION_STACK_BYTES: usize = 512 * 1024;
/// Bytes of a thread's stack beside the engine's, for what the engine calls.
pub const FUNCTION_NATIVE_STACK_BYTES: usize = 1024 * 1024;
/// Bytes that one call may return, unless the file says otherwise: as much as a template may print.
pub const FUNCTION_OUTPUT_BYTES: usize = TEMPLATE_OUTPUT_BYTES;
/// How often one call may ask sources, unless the file says otherwise.
pub const FUNCTION_ASKS: usize = 50;
/// Lines that one call may write to its console, unless the file says otherwise.
pub const FUNCTION_CONSOLE_LINES: usize = 20;
/// Bytes of one such line, and of an error's text; the rest is cut off.
pub const FUNCTION_CONSOLE_BYTES: usize = 2_000;
/// Calls under way at once; one function may have half of them. With the memory that each may hold, this is what all may hold.
pub const FUNCTION_CALLS: usize = 256;
/// Threads on which functions run, fewest and most: as many as the machine runs at once, and never one that all share.
pub const FUNCTION_THREADS: (usize, usize) = (2, 16);
/// How much such a thread steps back behind those that serve pages, as the system counts (0 to 19).
pub const FUNCTION_NICENESS: i32 = 5;
/// How much a thread does that can't be ended.
pub const FUNCTION_STUCK_NICENESS: i32 = 19;
/// How long a function rests of which a step could not be ended. Changed, it is another function.
pub const FUNCTION_REST: Duration = Duration::from_secs(60);
/// Engines kept ready. Making one takes a tenth of a millisecond or two.
pub const FUNCTION_ENGINES_READY: usize = 8;
/// Time after which a step counts as one that can't be ended: twenty times what it may compute.
pub const FUNCTION_OVERDUE: Duration = Duration::from_secs(1);
/// Threads that may stand in at once for such as are held by steps that can't be ended.
pub const FUNCTION_STAND_INS: usize = 4;
/// Bytes of compiled functions that one process keeps, of all revisions together: thousands of them.
pub const FUNCTION_CODE_BYTES: usize = 64 * 1024 * 1024;
// -- sources --

/// How long a call of a source may take, its wait for room and its retries among it, unless it says otherwise. Longer than
/// a slot's deadline: an answer that comes too late for this page is kept for the next.
pub const SOURCE_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes of an answer, unless the source says otherwise. A list of products takes tens of kilobytes.
pub const SOURCE_BYTES: usize = 1024 * 1024;
/// Bytes of the arguments of one call, as JSON: they are a part of keys that are kept.
pub const SOURCE_ARGUMENT_BYTES: usize = 8 * 1024;
/// Bytes of a URL that a source is asked by; servers refuse longer ones.
pub const SOURCE_URL_BYTES: usize = 8 * 1024;
/// Calls of one source at once, unless it says otherwise.
pub const SOURCE_CONCURRENCY: usize = 32;
/// Calls of one source that may wait for room, unless it says otherwise: more would be late anyway.
pub const SOURCE_QUEUE: usize = 256;
/// Bytes of kept answers of all sources, counted as their JSON text.
pub const SOURCE_CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes counted for each kept answer beside its text: key, parsed form, reference counts.
pub const SOURCE_CACHE_OVERHEAD_BYTES: usize = 512;
/// How often a call that may be repeated is tried again, unless the source says otherwise.
pub const SOURCE_RETRIES: u32 = 1;
/// The wait before the first retry is at most this long, and twice as long before each further one.
pub const SOURCE_BACK_OFF: Duration = Duration::from_millis(25);
/// The longest wait before a retry.
pub const SOURCE_BACK_OFF_MAX: Duration = Duration::from_secs(1);
/// Of a hundred calls so many may be tried again or asked twice, so that a source in trouble is not asked twice as much.
pub const SOURCE_RETRY_PERCENT: u32 = 20;
/// Retries beside that share, so that a source that is seldom asked has some.
pub const SOURCE_RETRY_RESERVE: u32 = 10;
/// Failures in a row after which a source is left alone, unless it says otherwise.
pub const SOURCE_BREAKER_FAILURES: u32 = 5;
/// For how long at first, unless it says otherwise; twice as long each further time.
pub const SOURCE_BREAKER_OPEN: Duration = Duration::from_secs(5);
/// The longest time that a source is left alone.
pub const SOURCE_BREAKER_OPEN_MAX: Duration = Duration::from_secs(120);
/// Durations of past calls by which a hedge is timed.
pub const SOURCE_LATENCIES: usize = 128;
/// As many must be known before anything is asked twice.
pub const SOURCE_LATENCIES_NEEDED: usize = 20;
/// Redirects that are followed at most, where they are allowed.
pub const SOURCE_REDIRECTS: usize = 5;
/// Elements, attributes and texts of an XML answer.
pub const SOURCE_XML_NODES: u32 = 100_000;
/// Nesting of an XML answer, as deep as of a JSON one.
pub const SOURCE_XML_DEPTH: usize = 128;
/// Values of one batch, unless the source says otherwise: as many as fit a URL.
pub const SOURCE_BATCH_MAX: usize = 50;
/// How long a batch gathers, unless the source says otherwise: all slots of a page come within it.
pub const SOURCE_BATCH_WINDOW: Duration = Duration::from_millis(2);
/// Windows that a batch waits at most while asks go on joining it: at the default, 10 ms.
pub const SOURCE_BATCH_WINDOWS: u32 = 5;
/// Bytes of the answer of a token endpoint.
pub const TOKEN_BYTES: usize = 64 * 1024;
/// How long a token is used whose endpoint does not say for how long it holds.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(300);
/// How long before its end a token counts as expired: clocks differ, and a call takes a while.
pub const TOKEN_MARGIN: Duration = Duration::from_secs(10);

// -- edge side includes --

/// Bytes of an ESI tag; what is longer is text.
pub const ESI_TAG_BYTES: usize = 8 * 1024;
/// Bytes of one included body.
pub const ESI_BYTES: usize = 1024 * 1024;
/// How deep includes include, below the page itself: as deep as Varnish goes.
pub const ESI_DEPTH: usize = 5;
/// How long an include may take to answer; `maxwait` may say less.
pub const ESI_WAIT: Duration = Duration::from_secs(10);

// -- rules that fail --

/// Parts of the window over which a rule's failures are counted: it slides by a tenth.
pub const FUSE_SPANS: usize = 10;
/// The window, unless the rule says otherwise.
pub const FUSE_WINDOW: Duration = Duration::from_secs(60);
/// Pages on which a rule must have been laid in before a share of failures means something, unless the rule says otherwise.
pub const FUSE_LEAST: u32 = 20;
/// How long a rule is off the first time, unless it says otherwise.
pub const FUSE_OFF: Duration = Duration::from_secs(30);
/// The longest time that a rule is off before a page finds out whether it is well.
pub const FUSE_OFF_MAX: Duration = Duration::from_secs(600);
/// How long whoever wants to know of it may take to be told.
pub const FUSE_TELL_WAIT: Duration = Duration::from_secs(10);

// -- throttle --

/// Clients, headers or cookies that one rate limit remembers: some 20 MB, and more than ask of one process at a time. Past it
/// those that ask least are forgotten.
pub const RATE_LIMIT_KEYS: u64 = 100_000;
/// How long a burst may take to fill again, and so how long a key is remembered at most: a restart forgets them anyway.
pub const RATE_LIMIT_MEMORY: Duration = Duration::from_hours(24);
/// Requests in the time of a rate (`10/s`) at most: a thousand times what one process serves.
pub const RATE_LIMIT_REQUESTS: u32 = 1_000_000;

// -- audiences --

/// Audiences whose visitors are counted: a few kilobytes each.
pub const AUDIENCE_SIZES: usize = 1_000;
/// Age at which the members of lists are counted again for the metrics: counting a million takes some tenths of a second.
pub const AUDIENCE_COUNT_AGE: Duration = Duration::from_secs(60);
/// Time that such a count may take; then the one before it is told.
pub const AUDIENCE_COUNT_WAIT: Duration = Duration::from_secs(2);

// -- visitor --

/// How long a browser keeps our cookie. Browsers cut it to 400 days; a year is what privacy authorities accept.
pub const VISITOR_COOKIE_AGE: Duration = Duration::from_hours(365 * 24);
/// Age at which the cookie is issued anew, so that a visitor who keeps coming is not forgotten.
pub const VISITOR_COOKIE_RENEWAL: Duration = Duration::from_hours(30 * 24);
/// Bytes of a login's token: cookies end at four thousand, fields at some more.
pub const LOGIN_TOKEN_BYTES: usize = 16 * 1024;
/// Bytes of the traits that a token tells, as JSON.
pub const TOKEN_TRAITS_BYTES: usize = 8 * 1024;
/// Bytes of a customer's id as a login tells it: addresses have 254 at most.
pub const CUSTOMER_ID_BYTES: usize = 256;
/// By how much the clocks of a login and ours may differ, unless the file says otherwise.
pub const TOKEN_LEEWAY: Duration = Duration::from_secs(60);
/// Bytes of a key set; those of large issuers have some kilobytes.
pub const JWKS_BYTES: usize = 256 * 1024;
/// How often a key set is fetched, unless the file says otherwise: issuers publish a key long before they sign with it.
pub const JWKS_REFRESH: Duration = Duration::from_secs(60 * 60);
/// Pause between fetches where there are no keys, or one is missed.
pub const JWKS_AGAIN: Duration = Duration::from_secs(30);
/// Time in which a key set must come.
pub const JWKS_WAIT: Duration = Duration::from_secs(10);
/// Pause between looks whether keys are to be fetched.
pub const JWKS_LOOK: Duration = Duration::from_secs(1);
/// Tokens of which it is remembered what they say: verifying one costs some tens of microseconds.
pub const TOKENS_VERIFIED: u64 = 10_000;
/// Visitors of whom it is known that their login was remembered, or that they are being erased.
pub const JOINS_KNOWN: u64 = 100_000;
/// Time after which that is looked at again, because other processes write too.
pub const JOIN_AGAIN: Duration = Duration::from_secs(60);
/// Attempts to erase somebody while the store is away, and the pause after the first; each is twice the one before: an hour in all.
pub const ERASE_ATTEMPTS: u32 = 13;
pub const ERASE_RETRY: Duration = Duration::from_millis(500);
/// Bytes of a geo database, which is kept in memory. The largest that are sold for whole cities have some 150 MB.
pub const GEO_DATABASE_BYTES: u64 = 512 * 1024 * 1024;
/// Parameters of a query that are looked through for campaigns and clicks.
pub const LANDING_PARAMETERS: usize = 64;
/// Bytes of each text that a session keeps of its first request.
pub const LANDING_TEXT_BYTES: usize = 500;
/// Bytes of a consent string. Those with thousands of vendors have two or three thousand; cookies end at four.
pub const CONSENT_STRING_BYTES: usize = 8 * 1024;
/// How long a consent string holds: thirteen months, after which its framework has the visitor asked again.
pub const CONSENT_STRING_AGE: SignedDuration = SignedDuration::from_hours(396 * 24);
/// By how much a consent string may be ahead of our clock: it is the clock of the visitor's device that dates it.
pub const CONSENT_STRING_SKEW: SignedDuration = SignedDuration::from_hours(24);

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
/// For how long HSTS must hold that is to be built into browsers, as those who build them ask: a year.
pub const HSTS_PRELOADED: Duration = Duration::from_secs(365 * 24 * 3600);
/// Characters of a visitor secret at least: 256 bits at 8 a character.
pub const SECRET_CHARACTERS: usize = 32;

// -- exchange --

/// Pieces of a page that is passed on which wait to be read: some hundred kilobytes. Beyond them it is not read.
pub const READING_PIECES: usize = 64;
/// Wait for the next of them.
pub const READING_STALL: Duration = Duration::from_secs(60);
/// Stored responses of which it is known that they were read.
pub const READ_RESPONSES: usize = 50_000;

/// Layouts (compiled selectors of a set of rules) kept; a site has about as many as it has kinds of page.
pub const LAYOUTS: u64 = 1_000;
/// Paths of which it is remembered which rules have them and what these capture; the path of each is bounded like its request.
pub const PATHS: usize = 4_096;
/// Bytes of plans that came out before: some hundred for each set of answers that a path's visitors give.
pub const KNOWN_PLANS_BYTES: u64 = 16 * 1024 * 1024;
/// Sets of answers for which one compiled page is kept laid out, as many as a site has segments.
pub const PAGE_LAYINGS: usize = 32;
/// Bytes that may be laid into a page which is kept laid out: contents are kept by it, too.
pub const PAGE_LAYING_BYTES: usize = 16 * 1024;
/// How we call ourselves in `Cache-Status`, `Proxy-Status` and `Server-Timing`.
pub const OWN_NAME: &str = "inlay";
/// How long an explanation may take: as long as the origin may for its head, and a while for the page.
pub const EXPLAIN_WAIT: Duration = Duration::from_secs(90);
/// Elements that an explanation shows of one slot; all of them are counted.
pub const EXPLAINED_PLACES: usize = 20;
/// Bytes of what stands in a slot that an explanation shows: about three lines.
pub const EXPLAINED_TEXT_BYTES: usize = 240;
/// For how long a preview link may be good: one that is asked for on Monday lives to the next.
pub const PREVIEW_LIFE_MAX: Duration = Duration::from_hours(7 * 24);
/// Bytes of a preview link's token: some fifty names of rules and audiences.
pub const PREVIEW_TOKEN_BYTES: usize = 4 * 1024;
/// Pages that make a window in which a selector must match at all. One that matches in a tenth of them misses all of a window
/// once in a thousand million.
pub const MATCH_WINDOW_PAGES: u32 = 200;
/// Pages of such a window in which a selector must have matched for its silence to be news.
pub const MATCH_WINDOW_USED: u32 = 20;
/// Paths that are answered by us and never reach an origin.
pub const OWN_PATHS: &str = "/_inlay/";

// -- http --

/// Bytes that one step of a decoder or encoder may put out: bounds what a decompression bomb can make of a few bytes
/// before the reader has taken the step before.
pub const CODING_STEP_BYTES: usize = 32 * 1024;
/// Codings stacked on one body (`gzip, br`). Real sites use one, mistaken ones two; more is an attack on the processor.
pub const CODINGS_STACKED: usize = 3;
/// Base-2 logarithm of the zstd window that is accepted: 8 MiB, what RFC 9659 allows a content coding.
pub const ZSTD_WINDOW_LOG: u32 = 23;
/// Levels of compressors for what is compressed as it streams.
#[derive(Clone, Copy, Debug)]
pub struct Levels {
    pub gzip: u32,
    pub brotli: u32,
    pub zstd: u32,
}
/// The least that still saves most of the bytes.
pub const LEVELS_FAST: Levels = Levels { gzip: 2, brotli: 2, zstd: 1 };
/// About twice the time of the fast ones, for an eighth of the size.
pub const LEVELS_BALANCED: Levels = Levels { gzip: 4, brotli: 4, zstd: 3 };
/// Some times that again, for a few percent.
pub const LEVELS_SMALL: Levels = Levels { gzip: 6, brotli: 6, zstd: 9 };
/// Base-2 logarithm of brotli's window on the fly: 512 KiB spans an ordinary page and keeps a compressor small.
pub const BROTLI_WINDOW_LOG: u32 = 19;
/// Bytes of a server's own `Server-Timing` value; what does not fit is left out, because some clients refuse long heads.
pub const SERVER_TIMING_BYTES: usize = 4 * 1024;
/// Addresses believed from one `X-Forwarded-For` or `Forwarded`, counted from the right: no honest chain is longer.
pub const FORWARDED_HOPS: usize = 32;

// -- client (the connections we open) --

/// Servers to which a client that asks anywhere keeps connections: an ACME authority, a page and its assets.
pub const CLIENT_SERVERS: usize = 32;
/// TCP and TLS set-up to another server, both together for each of its addresses.
pub const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// From the last byte of the request to the head of the response: slow reports exist, so as long as other proxies wait.
pub const FIRST_BYTE_WAIT: Duration = Duration::from_secs(60);
/// Between two pieces of a body, either way: longer than the heartbeat of any event stream or gRPC call.
pub const BODY_STALL_WAIT: Duration = Duration::from_secs(300);
/// How long an idle connection is kept for reuse. Below the 60 s at which common balancers close theirs.
pub const POOL_IDLE_WAIT: Duration = Duration::from_secs(30);
/// How often kept connections are looked through at most: one that idles is closed so long after its time at the latest.
pub const POOL_SWEEP_WAIT: Duration = Duration::from_secs(1);
/// Bytes of a response's head and of the read buffer behind it.
pub const RESPONSE_HEAD_BYTES: usize = 128 * 1024;
/// Header lines of one response.
pub const RESPONSE_HEADERS: usize = 256;
/// Interim responses (1xx) before one answer: one a second, as a server that works long may send, in [`FIRST_BYTE_WAIT`], and
/// as many again.
pub const INTERIM_RESPONSES: usize = 120;
/// How long an upgraded connection (WebSocket) may be silent both ways before it is closed.
pub const TUNNEL_IDLE_WAIT: Duration = Duration::from_secs(3600);
/// Bytes copied per step and direction of an upgraded connection.
pub const TUNNEL_COPY_BYTES: usize = 16 * 1024;

// -- server (the connections we accept) --

/// Connections open at once over all listeners. Past it those that are idle make room for new ones.
pub const CONNECTIONS: usize = 16_384;
/// Connections of one client address at once: a quarter of all, so that nobody fills the house alone and an office behind one
/// address has room.
pub const CONNECTIONS_PER_CLIENT: usize = 4_096;
/// Bits of an IPv6 address that make a client: one household or one machine is given at least so large a network.
pub const CLIENT_IPV6_BITS: u8 = 64;
/// What part of all connections makes room at once, where all are taken: looking for the longest idle costs a walk over all.
pub const CONNECTIONS_EVICTED: usize = 64;
/// How long a connection that waits for room does so before the idle ones are looked at again.
pub const ROOM_WAIT: Duration = Duration::from_millis(50);
/// How long an idle connection that is to make room may take over its goodbye: one round trip over half the world.
pub const EVICTION_WAIT: Duration = Duration::from_millis(200);
/// Requests on one connection: enough never to be noticed, and what a connection gathers is given back now and then.
pub const REQUESTS_PER_CONNECTION: u64 = 100_000;
/// Connections that the system queues per listener before they are accepted.
pub const ACCEPT_QUEUE: u32 = 1_024;
/// From the beginning of a drain to the end of what is idle: a client that has just connected, or that uses a connection
/// again at that moment, has its request on the way. Longer than any round trip.
pub const LAST_REQUEST_WAIT: Duration = Duration::from_secs(1);
/// Pause after an accept that failed for want of resources (file descriptors): others must end first.
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// Bytes of an OCSP response that is stapled: it holds a signature and perhaps a chain, and goes into every handshake.
pub const OCSP_BYTES: usize = 16 * 1024;
/// TLS handshake of a client.
pub const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// The header of the PROXY protocol: a balancer sends it at once, and TCP tries again after one second and three.
pub const PROXY_HEADER_WAIT: Duration = Duration::from_secs(5);
/// Bytes of a header of the PROXY protocol: version 2 with its addresses and all that balancers add to them.
pub const PROXY_HEADER_BYTES: usize = 4 * 1024;
/// From the first byte of a request's head to its last: a large head over a bad mobile link takes a few seconds.
pub const REQUEST_HEAD_WAIT: Duration = Duration::from_secs(20);
/// How long a client's connection is kept while no request is on it: as long as common servers do.
pub const IDLE_WAIT: Duration = Duration::from_secs(60);
/// How long a connection is silent before its buffers are given up: a client that reads or types, not one that loads a page.
pub const REST_WAIT: Duration = Duration::from_millis(500);
/// Bytes a second at which a request's body must come, and a response be taken: a twentieth of what the oldest mobile
/// network gives.
pub const CLIENT_RATE: u64 = 240;
/// The time over which that is measured: long enough for a tunnel under a river.
pub const CLIENT_RATE_WINDOW: Duration = Duration::from_secs(30);
/// How long, and for how many bytes, a client that still sends is listened to after its last response, so that it can read it
/// (RFC 9112 section 9.6).
pub const LINGER_WAIT: Duration = Duration::from_secs(2);
/// See [`LINGER_WAIT`]: what is on its way over a fast long line.
pub const LINGER_BYTES: usize = 4 * 1024 * 1024;
/// How long a connection that has been told to end may take over it while nothing is in progress.
pub const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// How long the error of a broken body is held back: what came before it must have left, because hyper and h2 throw away
/// what they have not sent when a body fails. Ample for a reader that keeps up.
pub const BROKEN_BODY_WAIT: Duration = Duration::from_millis(50);
/// Bytes of a request's head.
pub const REQUEST_HEAD_BYTES: usize = 64 * 1024;
/// Bytes of a request's target: what other servers take of one line.
pub const URI_BYTES: usize = 8 * 1024;
/// Header lines of one request.
pub const REQUEST_HEADERS: usize = 128;
/// Streams at once on one HTTP/2 connection: what other servers allow and browsers expect.
pub const STREAMS_PER_CONNECTION: u32 = 128;
/// Bytes that a client may send ahead on one HTTP/2 stream.
pub const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// Bytes that a client may send ahead on one HTTP/2 connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of a response held per HTTP/2 stream while the client does not take them: a few frames; 128 stuck streams are 8 MiB.
pub const STREAM_SEND_BYTES: usize = 64 * 1024;
/// Bytes of a response handed to an HTTP/2 stream at once: a DATA frame of the size that every client takes.
pub const STREAM_PIECE_BYTES: usize = 16 * 1024;
/// Resets that a client may have us queue before its connection ends (the "rapid reset" attack).
pub const RESETS_PENDING: usize = 32;
/// Streams on one HTTP/2 connection that end with an error of the client's, over its life: an honest client makes none.
pub const STREAM_ERRORS: usize = 256;
/// Streams reset on one HTTP/2 connection, by either side: a browser that leaves a page resets all it has, a few times.
pub const RESETS: u32 = 512;
/// Resets that one HTTP/2 connection may have more of for each second: more than anybody clicks.
pub const RESETS_PER_SECOND: u32 = 32;
/// Frames on one HTTP/2 connection that ask for nothing (SETTINGS, PING, PRIORITY, WINDOW_UPDATE, those of extensions):
/// browsers send a handful, clients of gRPC some for each message.
pub const CONTROL_FRAMES: u32 = 1024;
/// Such frames that one HTTP/2 connection may have more of for each second.
pub const CONTROL_FRAMES_PER_SECOND: u32 = 64;
/// Such frames earned with each frame of a response: windows that grow for the stream and the connection, a measuring ping, and one.
pub const CONTROL_FRAMES_PER_FRAME: u32 = 4;
/// Bytes of a response that earn one more such frame: windows may grow in small steps.
pub const BYTES_PER_CONTROL_FRAME: u32 = 512;
/// Bytes of the trailers of an HTTP/2 request that are looked at for pseudo-header fields: what a head may have unless told otherwise.
pub const TRAILER_BLOCK_BYTES: usize = 64 * 1024;
/// Streams that an HTTP/2 client ended last and that are still known as such: as many as may be open at once.
pub const ENDED_STREAMS_KNOWN: usize = STREAMS_PER_CONNECTION as usize;

// -- acme --

/// The first wait after a certificate was not to be had; it doubles from there. Authorities allow a few failures an hour.
pub const ACME_RETRY_FIRST: Duration = Duration::from_secs(60);
/// The longest wait after a failure: what stops failing by itself is noticed within the day.
pub const ACME_RETRY_MOST: Duration = Duration::from_secs(6 * 3600);
/// How often a certificate is looked at that is fresh: another process may share the folder, and clocks are set.
pub const ACME_LOOK: Duration = Duration::from_secs(3600);
/// How long to wait for another process that orders, before looking again.
pub const ACME_BUSY_WAIT: Duration = Duration::from_secs(10);
/// How soon, at first, an order is asked after; authorities that look from several places take some seconds.
pub const ACME_POLL: Duration = Duration::from_millis(250);
/// How long an order may take, each from the challenge to the proof and from there to the certificate.
pub const ACME_ORDER_WAIT: Duration = Duration::from_secs(120);
/// Bytes of one answer of an authority: chains of certificates have a few KB.
pub const ACME_ANSWER_BYTES: usize = 256 * 1024;
/// Domains of one certificate: what the best known authority allows.
pub const ACME_DOMAINS: usize = 100;

// -- shutdown --

/// What is in flight may take this long to end once we stop; then it is cut.
pub const DRAIN_WAIT: Duration = Duration::from_secs(30);
/// What is in flight on the admin port may take this long, after all else has ended.
pub const ADMIN_DRAIN_WAIT: Duration = Duration::from_secs(1);
/// How long the next process may take from its start until it serves: it reads the rules, and this one serves meanwhile.
pub const HAND_OVER_WAIT: Duration = Duration::from_secs(30);
/// What was cut may take this long to notice.
pub const CUT_WAIT: Duration = Duration::from_secs(1);

// -- origin --

/// Connections open at once to one server, in use and kept, unless the file says otherwise: above what an application server
/// takes on, below what would exhaust our own ports.
pub const ORIGIN_CONNECTIONS: usize = 1_024;
/// Connections, and exchanges that wait for one, that the file may allow: there are no more ports.
pub const ORIGIN_CONNECTIONS_MAX: usize = 65_535;
/// Exchanges that wait for one of them, unless the file says otherwise. As many again: who waits longer gets a 503 at once.
pub const ORIGIN_PENDING: usize = 1_024;
/// Exchanges at once on one HTTP/2 connection: what servers commonly allow (RFC 9113 section 6.5.2 asks for 100).
pub const ORIGIN_STREAMS: usize = 100;
/// Age after which a connection takes no new exchange, so that a name which leads elsewhere now is followed. Names are
/// commonly given for one to five minutes; a handshake each two minutes costs nothing.
pub const ORIGIN_CONNECTION_AGE: Duration = Duration::from_secs(120);
/// Silence after which an HTTP/2 connection with open streams is pinged: a dead one must not take request after request.
pub const ORIGIN_PING: Duration = Duration::from_secs(20);
/// How long the answer to a ping is waited for.
pub const ORIGIN_PING_WAIT: Duration = Duration::from_secs(10);

/// Times one request is tried, over all of an origin's servers, where trying again is safe.
pub const ORIGIN_ATTEMPTS: usize = 2;
/// Tries that one request may be given by the file.
pub const ORIGIN_ATTEMPTS_MAX: usize = 10;
/// Tries that each request brings in for others: a fifth more is what an origin in trouble can bear.
pub const RETRY_RATIO: f64 = 0.2;
/// Tries that may come at once when there were none for long: a restart of one server.
pub const RETRY_BURST: i64 = 10;
/// Failures in a row after which a server is ejected. One slow query is no reason, five are.
pub const ORIGIN_FAILURES: u32 = 5;
/// For how long a server is ejected at first: about a restart.
pub const ORIGIN_EJECTION: Duration = Duration::from_secs(10);
/// For how long at most: a server that was down all night is back within this time.
pub const ORIGIN_EJECTION_MAX: Duration = Duration::from_secs(300);
/// Share of an origin's servers that must be fit: below it the rest would drown, and all are asked.
pub const ORIGIN_PANIC_SHARE: f64 = 0.5;
/// During which a server that came back works up to its share: caches and compilers must warm up.
pub const ORIGIN_SLOW_START: Duration = Duration::from_secs(10);
/// The share with which it begins.
pub const ORIGIN_SLOW_START_SHARE: f64 = 0.1;
/// How often a server's health is checked unless the file says otherwise, and how long one check may take.
pub const HEALTH_INTERVAL: Duration = Duration::from_secs(5);
/// See [`HEALTH_INTERVAL`].
pub const HEALTH_WAIT: Duration = Duration::from_secs(1);
/// Good checks in a row that take a server up, and bad ones that take it down: one answer is no trend.
pub const HEALTH_GOOD: u32 = 2;
/// See [`HEALTH_GOOD`].
pub const HEALTH_BAD: u32 = 3;
/// Checks or failures in a row that the file may ask for.
pub const HEALTH_COUNT_MAX: usize = 1_000;
/// When a client that found no connection free may come again, in seconds.
pub const ORIGIN_RETRY_AFTER: u32 = 1;

// -- origin/policy --

/// The part of the time since a response was last changed for which it counts as fresh where nothing else tells: what
/// RFC 9111 section 4.2.2 suggests.
pub const HEURISTIC_FRESHNESS_PERCENT: u64 = 10;
/// The longest that such a guess may be. A page that has not changed for years may change tomorrow.
pub const HEURISTIC_FRESHNESS: Duration = Duration::from_hours(24);
/// Request headers that one response may vary by. Real ones name three; a list of them is compared per request.
pub const VARY_NAMES: usize = 16;

// -- exchange/pages --

/// Pages that are compiled at the same time for all who wait for them, each up to [`COMPILED_PAGE_BYTES`]; more are rewritten as they
/// stream, for each visitor.
pub const PAGES_GROWING: usize = 32;
/// How long a page goes on being compiled that nobody reads, so that the next who asks finds it.
pub const PAGE_ALONE_WAIT: Duration = Duration::from_secs(30);
/// Pages of which it is remembered that they can't be kept, so that nobody tries again.
pub const PAGES_UNKEPT: u64 = 16_384;
/// How long a compiled page is kept that nobody asks for: what the origin has replaced is never asked for again.
pub const PAGE_IDLE: Duration = Duration::from_hours(1);
/// Compressions of pages' pieces that run at the same time, beside the requests.
pub const PAGE_PREPARATIONS: usize = 2;

// -- origin/cache --

/// Bytes that all caches may take together, unless the file says otherwise.
pub const CACHE_BYTES: u64 = 320 * 1024 * 1024;
/// The share of them, in percent, that stored responses get unless the file says otherwise.
pub const CACHE_RESPONSES_PERCENT: u64 = 60;
/// The share of them, in percent, that compiled pages get unless the file says otherwise; rendered fragments get the rest.
pub const CACHE_PAGES_PERCENT: u64 = 20;
/// Bytes of one body that is stored, unless the file says otherwise: pictures and scripts, not films.
pub const CACHE_OBJECT_BYTES: u64 = 16 * 1024 * 1024;
/// How stale a response may be that stands in for an origin which is down, unless the file or the origin says otherwise.
pub const CACHE_STALE_IF_ERROR: Duration = Duration::from_hours(1);
/// Bytes counted for each stored response beside its head and body.
pub const CACHE_ENTRY_OVERHEAD_BYTES: usize = 512;
/// Responses stored for one URL; the oldest goes first. They are searched one by one.
pub const CACHE_VARIANTS: usize = 32;
/// URLs of which it is remembered that their answers can't be shared, or were changed by somebody.
pub const CACHE_PASSES: u64 = 65_536;
/// How long the former is remembered: then one request tries anew whether others may wait for it.
pub const CACHE_PASS_WAIT: Duration = Duration::from_secs(120);
/// Bytes up to which neighbouring pieces of an arriving body are joined.
pub const CACHE_TINY_BYTES: usize = 2 * 1024;
/// Bytes of a body too large to keep that are held for those who read it, behind the fastest and ahead of it.
pub const CACHE_WINDOW_BYTES: u64 = 1024 * 1024;
/// How long the fastest reader of such a body waits for the others in all, beside what [`CACHE_PACE`] gives them: a network's hiccup.
pub const CACHE_PATIENCE: Duration = Duration::from_secs(2);
/// Bytes a second below which the fastest reader of such a body is not held for the others: 32 Mbit/s.
pub const CACHE_PACE: u64 = 4 * 1024 * 1024;
/// How long one request waits for the answer to another one: as long as a page may take that is worth waiting for.
pub const COLLAPSE_WAIT: Duration = Duration::from_secs(10);
/// How old a request may be that others join; it is hanging then, and another one may fare better.
pub const COLLAPSE_AGE: Duration = Duration::from_secs(10);
/// How often a request looks and waits anew, because what landed was for another variant.
pub const COLLAPSE_ROUNDS: usize = 4;
/// How long a body goes on arriving that nobody reads, so that the next who asks finds it.
pub const FILL_ALONE_WAIT: Duration = Duration::from_secs(30);
/// Stale responses that are renewed at once while they are served; the others are served as they are meanwhile.
pub const BACKGROUND_RENEWALS: usize = 256;

// -- admin port --

/// Bytes of a request's body that the API reads: a thousand long URLs.
pub const ADMIN_BODY_BYTES: usize = 1024 * 1024;
/// How long such a body may take to come.
pub const ADMIN_BODY_WAIT: Duration = Duration::from_secs(10);
/// Events that one call of the admin port may bring.
pub const ADMIN_EVENTS: usize = 1_000;
/// Time that such a call waits for the store to have them.
pub const ADMIN_WRITE_WAIT: Duration = Duration::from_secs(5);
/// Bytes of one line of a bulk call: a profile with as many events as one may keep, of a kilobyte each.
pub const BULK_LINE_BYTES: usize = 2 * 1024 * 1024;
/// Wait between two pieces of a bulk call's body.
pub const BULK_BODY_STALL: Duration = Duration::from_secs(30);
/// Bytes of one line with an item: twice its data, for what is written about.
pub const ITEM_LINE_BYTES: usize = 2 * ITEM_DATA_BYTES;
/// Problems of lines that the answer to a bulk call lists; the others are counted.
pub const BULK_PROBLEMS: usize = 100;
/// URLs, prefixes and tags of one purge: each stored response is held against all of them.
pub const PURGE_TERMS: usize = 1000;

// -- command line --

/// Bytes of an answer of the admin port that a command reads: far more than any has.
pub const ADMIN_ANSWER_BYTES: usize = 1024 * 1024;

/// Bytes of one page that `check --against` compares: ten times a large page.
pub const COMPARED_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// How often `inlay test --watch` looks for changes.
pub const TEST_WATCH_PAUSE: Duration = Duration::from_millis(300);
/// Lines of a page that differs from its snapshot which are shown: about a screen.
pub const SNAPSHOT_DIFF_LINES: usize = 60;
/// Selectors worth using that it names: as many as are read.
pub const SUGGESTED_SELECTORS: usize = 10;
/// Cookies that one run of it tries, each with up to ten requests: a site's own, and not an attack on it.
pub const COMPARED_COOKIES: usize = 20;
/// How long one of its requests may take, to the end of the page.
pub const COMPARED_FETCH_WAIT: Duration = Duration::from_secs(20);
/// How long two pages are compared; what is then left counts as different.
pub const COMPARED_DIFF_WAIT: Duration = Duration::from_secs(5);
/// Places that it shows of one cookie; the first say what the rest is.
pub const COMPARED_PLACES: usize = 3;
/// Characters of a page that it shows around such a place, on either side.
pub const COMPARED_EXCERPT: usize = 40;

// -- app --

/// How often the rules folder is looked at: a change is live well within a second, and a few hundred files cost next to nothing.
pub const RULES_POLL: Duration = Duration::from_millis(250);
/// How long to wait after a change was seen before looking again, for an editor or a deployment to finish writing.
pub const RULES_SETTLE: Duration = Duration::from_millis(50);
/// Looks after a change, at most: what has not settled then is read as it is, so that a change is live within a second.
pub const RULES_SETTLE_LOOKS: usize = 10;
/// How often the files of certificates are looked at: they change every few weeks, but a wrong one is put right in a hurry.
pub const CERTIFICATES_POLL: Duration = Duration::from_secs(1);

// -- cli/feed --

/// Bytes of one record of a feed: what one line of a bulk call may have. A quote that is never closed ends there.
pub const FEED_RECORD_BYTES: usize = 2 * 1024 * 1024;
/// Records that are handed over at once, and their bytes (the last may go beyond them): less than a second's work.
pub const FEED_BATCH_LINES: usize = 500;
pub const FEED_BATCH_BYTES: usize = 512 * 1024;
/// Lines that can't be used which are told one by one; all are counted.
pub const FEED_BAD_TOLD: u64 = 100;
/// Members that `inlay audiences import --replace` holds to compare them with those who are on the list: some hundred megabytes.
pub const REPLACED_MEMBERS: usize = 2_000_000;
/// Pause between two tellings of how far an import is.
pub const FEED_PROGRESS_PAUSE: Duration = Duration::from_millis(200);

// -- cli/demo --

/// Bytes of one page that the stage keeps to compare it with the origin's. Ten times a large page; beyond it the page is
/// shown without its proof.
pub const TRACE_PAGE_BYTES: usize = 8 * 1024 * 1024;
/// Slots of one traced page: as many as a page may have.
pub const TRACE_SLOTS: usize = SLOTS_PER_PAGE;
/// Questions to sources of one exchange that are told: two for each slot that a page of that many cards may have.
pub const TRACE_SOURCES: usize = 1_000;
/// Traces that the stage keeps for its panel and for the origin's frame. Two frames ask for the latest; the rest are for
/// a few windows side by side.
pub const TRACES_KEPT: usize = 16;
/// Bytes of a slot's content, before and after, that the stage's panel shows. About ten lines.
pub const TRACE_EXCERPT_BYTES: usize = 600;
/// Connections that the demo's door, and its shop, serve at once. One person with a few windows needs a dozen.
pub const DEMO_CONNECTIONS: usize = 256;
/// How long the demo's slow APIs take: longer than a slot waits, shorter than people do.
pub const DEMO_API_SLOW: Duration = Duration::from_millis(900);
/// Bytes of a rule file that is changed on the stage. Twenty times the longest of the demo's.
pub const DEMO_RULE_BYTES: usize = 64 * 1024;
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
