//! Texts: cut, masked, padded, turned into slugs.
//!
//! In: texts and counts. Out: texts. A count is of characters as people see them (grapheme clusters), so that no flag or
//! accented letter is cut in two.

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};
use unicode_segmentation::UnicodeSegmentation;

use super::Refusal;
use crate::limits::TEMPLATE_TEXT_BYTES;

/// Cuts `text` to at most `length` characters, `ending` among them. With `whole_words` the cut is at the end of a word, unless
/// the first word alone is too long.
pub fn truncate(text: &str, length: usize, ending: &str, whole_words: bool) -> String {
    if text.len() <= length || text.graphemes(true).nth(length).is_none() {
        return text.to_owned();
    }
    let room = length.saturating_sub(ending.graphemes(true).count());
    let end = text.grapheme_indices(true).nth(room).map_or(text.len(), |(at, _)| at);
    let mut kept = &text[..end];
    if whole_words && !text[end..].starts_with(char::is_whitespace) {
        kept = kept.rfind(char::is_whitespace).map_or(kept, |space| &kept[..space]);
    }
    let kept = kept.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':'));
    let ending: String = ending.graphemes(true).take(length).collect();
    format!("{kept}{ending}")
}

/// The first `count` words, followed by `ending` if there were more.
pub fn truncate_words(text: &str, count: usize, ending: &str) -> String {
    let mut words = text.split_whitespace();
    let kept: Vec<&str> = words.by_ref().take(count).collect();
    format!("{}{}", kept.join(" "), if words.next().is_some() { ending } else { "" })
}

/// Replaces all but the last `keep` characters (the first, where `at_end` is false) by `with`. A text of at most twice as many is
/// masked whole: half of it shown would not hide it.
pub fn mask(text: &str, keep: usize, with: &str, at_end: bool) -> Result<String, Refusal> {
    let characters: Vec<&str> = text.graphemes(true).collect();
    let keep = if characters.len() <= keep.saturating_mul(2) { 0 } else { keep };
    let hidden = repeat(with, characters.len() - keep)?;
    Ok(match at_end {
        true => format!("{hidden}{}", characters[characters.len() - keep..].concat()),
        false => format!("{}{hidden}", characters[..keep].concat()),
    })
}

/// `ann@shop.example` as `a***@shop.example`; a text that is no address is masked whole. The number of stars tells nothing.
pub fn mask_email(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((name, domain)) if !name.is_empty() && domain.contains('.') => {
            format!("{}***@{domain}", name.graphemes(true).next().unwrap_or_default())
        }
        _ => "***".to_owned(),
    }
}

/// Lower-case ASCII words joined by `-`: `Crème Brûlée & Co` as `creme-brulee-co`. Letters of other scripts stay, since a
/// slug without them would be empty.
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    let category = CodePointMapData::<GeneralCategory>::new();
    let left_out = |c: char| matches!(c, '\'' | '’') || GeneralCategoryGroup::Mark.contains(category.get(c));
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(text);
    for c in decomposed.chars().filter(|c| !left_out(*c)).flat_map(char::to_lowercase) {
        match c {
            'ß' => slug.push_str("ss"),
            'æ' => slug.push_str("ae"),
            'œ' => slug.push_str("oe"),
            'ø' => slug.push('o'),
            'đ' => slug.push('d'),
            'ł' => slug.push('l'),
            c if c.is_alphanumeric() => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// Fills up to `width` characters with `with`, before the text if `at_start`.
pub fn pad(text: &str, width: usize, with: &str, at_start: bool) -> Result<String, Refusal> {
    let missing = width.saturating_sub(text.graphemes(true).count());
    let filling = repeat(with, missing)?;
    let filling: String = filling.graphemes(true).take(missing).collect();
    Ok(if at_start { format!("{filling}{text}") } else { format!("{text}{filling}") })
}

/// `text`, `count` times.
pub fn repeat(text: &str, count: usize) -> Result<String, Refusal> {
    match text.len().checked_mul(count) {
        Some(bytes) if bytes <= TEMPLATE_TEXT_BYTES => Ok(text.repeat(count)),
        _ => Err(Refusal::TooLarge(TEMPLATE_TEXT_BYTES)),
    }
}

/// Without markup: what stands between `<` and `>` is left out, entities stay as they are written.
pub fn strip_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        let tag = &rest[open..];
        let starts_tag = tag[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        match (starts_tag, tag.find('>')) {
            (true, Some(close)) => rest = &tag[close + 1..],
            (true, None) => return text,
            (false, _) => {
                text.push('<');
                rest = &tag[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// One space for each run of white space, none at the ends.
pub fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a text, at what is neither letter nor digit and where a small letter meets a capital.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (small && c.is_uppercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().expect("invariant: it began with one").push(c);
        }
        small = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `free delivery` as `freeDelivery`.
pub fn camel_case(text: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
    };
    let words = words(text);
    let lower = words.iter().map(|word| word.to_lowercase()).enumerate();
    lower.map(|(index, word)| if index == 0 { word } else { capital(&word) }).collect()
}

/// `freeDelivery` as `free_delivery`.
pub fn snake_case(text: &str) -> String {
    words(text).iter().map(|word| word.to_lowercase()).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_keep_characters_and_words_whole() {
        assert_eq!(truncate("Free delivery today", 14, "…", true), "Free delivery…");
        assert_eq!(truncate("Free delivery today", 12, "…", true), "Free…");
        assert_eq!(truncate("Free delivery today", 8, "…", false), "Free de…");
        assert_eq!(truncate("Incomprehensible", 6, "…", true), "Incom…");
        assert_eq!(truncate("short", 5, "…", true), "short");
        assert_eq!(truncate("abcdef", 2, "...", true), "..");
        assert_eq!(truncate("🇧🇪🇳🇱🇫🇷", 2, "", false), "🇧🇪🇳🇱");
        assert_eq!(truncate("abc", 0, "…", true), "");
        assert_eq!(truncate_words("one two  three", 2, "…"), "one two…");
    }

    #[test]
    fn masks_hide_at_least_half() {
        assert_eq!(mask("BE71096123456769", 4, "*", true).unwrap(), "************6769");
        assert_eq!(mask("1234567890", 2, "•", false).unwrap(), "12••••••••");
        assert_eq!(mask("12345678", 4, "*", true).unwrap(), "********");
        assert_eq!(mask_email("ann@shop.example"), "a***@shop.example");
        assert_eq!(mask_email("nobody"), "***");
    }

    #[test]
    fn slugs_are_readable() {
        assert_eq!(slug("  Crème Brûlée & Co! "), "creme-brulee-co");
        assert_eq!(slug("Straße Łódź ﬁn"), "strasse-lodz-fin");
        assert_eq!(slug("日本 語"), "日本-語");
        assert_eq!(slug("don’t"), "dont");
        assert_eq!(slug("--"), "");
    }

    #[test]
    fn growth_is_bounded() {
        assert!(repeat("ab", usize::MAX).is_err());
        assert!(pad("x", TEMPLATE_TEXT_BYTES + 2, " ", true).is_err());
        assert_eq!(pad("7", 3, "0", true).unwrap(), "007");
        assert_eq!(pad("a", 4, "xy", false).unwrap(), "axyx");
    }

    #[test]
    fn tags_go_and_comparisons_stay() {
        assert_eq!(strip_tags("<b>1 < 2</b> &amp; <br/>x<i"), "1 < 2 &amp; x");
        assert_eq!(
            (camel_case("Free delivery-now"), snake_case("freeDelivery Now")),
            ("freeDeliveryNow".into(), "free_delivery_now".into())
        );
    }
}
