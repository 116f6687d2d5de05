//! What selectors find in a whole page: elements with their places, and their text.
//!
//! In: a page that is here, and selectors as rules have them. Out: elements, in the order of the page. It is for tools, which look at
//! one page and take their time; pages that are served are scanned. It must not change a byte.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use htmlize::unescape;
use lol_html::html_content::{Element as Matched, TextType};
use lol_html::{AsciiCompatibleEncoding, DocumentContentHandlers, ElementContentHandlers, HtmlRewriter, Settings};

use super::selector::{self, SelectorError, below};
use super::{Charset, Marker};

/// One element of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundElement {
    /// Lower-case.
    pub tag: String,
    /// In source order, names lower-case, values entity-decoded.
    pub attributes: Vec<(String, String)>,
    /// From its start tag to its end, in bytes of the page.
    pub outer: Range<usize>,
    /// Between its tags; empty at the start tag's end for one that has no inside.
    pub inner: Range<usize>,
}

/// What was found in a page.
#[derive(Debug, Default)]
pub struct Findings {
    /// By the selector's index, in the order of the page.
    pub elements: Vec<Vec<FoundElement>>,
    /// Text with its place; that of scripts and styles is not among it.
    texts: Vec<(Range<usize>, String)>,
}

type Shared = Rc<RefCell<Findings>>;

impl Marker {
    /// The selector by which its elements are found: below that of `each`.
    pub fn whole_selector(&self) -> String {
        match &self.each {
            Some(each) => below(each, &self.select),
            None => self.select.to_string(),
        }
    }
}

impl FoundElement {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Findings {
    /// Looks for `selectors` in a page of this charset.
    ///
    /// # Errors
    /// The first selector that can't be looked for.
    pub fn of(page: &[u8], charset: Charset, selectors: &[impl AsRef<str>]) -> Result<Self, SelectorError> {
        let shared = Shared::default();
        shared.borrow_mut().elements = vec![Vec::new(); selectors.len()];
        let encoding = AsciiCompatibleEncoding::new(charset.for_matching());
        let mut settings = Settings::new()
            .with_encoding(encoding.unwrap_or_else(AsciiCompatibleEncoding::utf_8))
            .with_strict(false)
            .append_document_content_handler(DocumentContentHandlers::default().text(text_noted(Rc::clone(&shared))));
        for (index, selector) in selectors.iter().enumerate() {
            let noted = element_noted(index, page.len(), Rc::clone(&shared));
            let handlers = ElementContentHandlers::default().element(noted);
            let selector = Cow::Owned(selector::parse(selector.as_ref())?);
            settings = settings.append_element_content_handler((selector, handlers));
        }
        let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| ());
        // What is found before an error of the parser counts; such a page is served as it is from there on.
        if rewriter.write(page).is_ok() {
            let _ = rewriter.end();
        }
        Ok(std::mem::take(&mut *shared.borrow_mut()))
    }

    /// The text inside an element, entity-decoded, white space joined as a browser shows it.
    pub fn text(&self, element: &FoundElement) -> String {
        let inside = |at: &Range<usize>| element.inner.start <= at.start && at.end <= element.inner.end;
        let texts: String = self.texts.iter().filter(|(at, _)| inside(at)).map(|(_, text)| text.as_str()).collect();
        unescape(&*texts).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn text_noted(shared: Shared) -> impl FnMut(&mut lol_html::html_content::TextChunk<'_>) -> lol_html::HandlerResult {
    move |chunk| {
        if matches!(chunk.text_type(), TextType::Data | TextType::RCData | TextType::PlainText) {
            let at = chunk.source_location().bytes();
            shared.borrow_mut().texts.push((at, chunk.as_str().to_owned()));
        }
        Ok(())
    }
}

fn element_noted(
    selector: usize,
    end_of_page: usize,
    shared: Shared,
) -> impl FnMut(&mut Matched<'_, '_>) -> lol_html::HandlerResult {
    move |element| {
        let tag = element.source_location().bytes();
        let attribute = |attribute: &lol_html::html_content::Attribute<'_>| {
            (attribute.name(), unescape(attribute.value()).into_owned())
        };
        let inside = element.can_have_content();
        let end = if inside { end_of_page } else { tag.end };
        let found = FoundElement {
            tag: element.tag_name(),
            attributes: element.attributes().iter().map(attribute).collect(),
            outer: tag.start..end,
            inner: tag.end..end,
        };
        let number = {
            let mut findings = shared.borrow_mut();
            findings.elements[selector].push(found);
            findings.elements[selector].len() - 1
        };
        if inside {
            let (name, shared) = (element.tag_name(), Rc::clone(&shared));
            element.on_end_tag(Box::new(move |end_tag| {
                let at = end_tag.source_location().bytes();
                let own = end_tag.name() == name;
                let found = &mut shared.borrow_mut().elements[selector][number];
                // Another element's end closes it too, and is no part of it.
                (found.inner.end, found.outer.end) = (at.start, if own { at.end } else { at.start });
                Ok(())
            }))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(page: &str, selectors: &[&str]) -> Findings {
        let charset = Charset::settle(Some("text/html; charset=utf-8"), page.as_bytes(), true);
        Findings::of(page.as_bytes(), charset.expect("settled"), selectors).expect("selectors")
    }

    #[test]
    fn elements_have_their_places_and_text() {
        let page = "<ul><li class=a title='x &amp; y'>one <b>and&nbsp;a half</b></li><li>two</ul><img alt=z>";
        let found = find(page, &["li", "img", "ol"]);
        let [one, two] = &found.elements[0][..] else { panic!("{found:?}") };
        assert_eq!(&page[one.inner.clone()], "one <b>and&nbsp;a half</b>");
        assert_eq!(&page[two.outer.clone()], "<li>two");
        assert_eq!((found.text(one).as_str(), one.attribute("title")), ("one and a half", Some("x & y")));
        assert_eq!(found.elements[1][0].inner.len(), 0);
        assert!(found.elements[2].is_empty());
    }

    #[test]
    fn scripts_are_no_text_and_the_unclosed_reach_to_the_end() {
        let page = "<main>a<script>b</script>c";
        let found = find(page, &["main"]);
        let main = &found.elements[0][0];
        assert_eq!((found.text(main).as_str(), main.inner.end), ("ac", page.len()));
    }
}
