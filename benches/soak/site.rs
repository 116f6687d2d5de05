//! The site behind, as far as it is known beforehand: its pages, the rules, and what each visitor must get.
//!
//! In: numbers. Out: bytes. The pages that visitors must get are spliced here and not by Inlay.

use std::sync::LazyLock;

use bytes::Bytes;

/// Pages of either kind.
pub const PAGES: usize = 48;
/// Big bodies.
pub const BIG: usize = 4;
/// Bytes of a body that is too large to be sent in one go.
const BIG_BYTES: usize = 2 * 1024 * 1024;

/// A page, of 1 to 50 KB by its number.
pub fn page(number: usize) -> Bytes {
    static MADE: LazyLock<Vec<Bytes>> =
        LazyLock::new(|| (0..PAGES).map(|number| halves(number).concat().into()).collect());
    MADE[number].clone()
}

/// The page with what the rules of `revision` lay into it for a visitor of this tier.
pub fn laid(number: usize, tier: Tier, revision: u64) -> Bytes {
    let [before, after] = halves(number);
    let tier = tier.name();
    format!("{before}<aside data-revision=\"{revision}\">Hello, {tier} reader of page {number}</aside>{after}").into()
}

/// Up to and behind the place of the slot.
fn halves(number: usize) -> [String; 2] {
    let paragraphs: String = (0..10 + number * 12).map(|line| paragraph(number, line)).collect();
    let before = format!("<!doctype html>\n<html><head><title>Page {number}</title></head><body>\n<main>");
    [before, format!("<h1>Page {number}</h1>\n{paragraphs}</main>\n</body></html>\n")]
}

fn paragraph(number: usize, line: usize) -> String {
    // Digits that differ from page to page, so that compression has something to do and a mix-up shows.
    let digits = (number * 7919 + line) * 104_729;
    format!("<p class=\"line\" id=\"l{line}\">Line {line} of page {number} says {digits:x} &amp; é.</p>\n")
}

/// A big body: no two stretches of it are alike.
pub fn big(number: usize) -> Bytes {
    static MADE: LazyLock<Vec<Bytes>> = LazyLock::new(|| (0..BIG).map(noise).collect());
    MADE[number].clone()
}

fn noise(number: usize) -> Bytes {
    let mut state = number as u64 | 1;
    let next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    std::iter::repeat_with(next).flat_map(u32::to_le_bytes).take(BIG_BYTES).collect()
}

/// What a visitor's cookie says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Gold,
    Plain,
}

impl Tier {
    pub fn name(self) -> &'static str {
        match self {
            Self::Gold => "gold",
            Self::Plain => "plain",
        }
    }
}

/// A file of rules: each revision lays in something else.
pub fn rules(revision: u64) -> String {
    format!(
        r#"
audiences:
  gold: request.cookies.tier == 'gold'
rules:
  greeting:
    match: {{ path: "/page/{{number}}" }}
    inject:
      - select: main
        place: prepend
        deadline: 60s
        template: <aside data-revision="{revision}">Hello, {{% if audiences.gold %}}gold{{% else %}}plain{{% endif %}} reader of page {{{{ params.number }}}}</aside>
"#
    )
}
