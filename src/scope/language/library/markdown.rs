//! Markdown (CommonMark with tables and strikethrough) to HTML that runs nothing.
//!
//! In: a text that somebody may have typed. Out: markup made of what Markdown can say: raw HTML is shown as text, links and images that
//! could run something lose their address.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

use super::Refusal;
use super::urls::is_harmless;
use crate::limits::{MARKDOWN_BYTES, TEMPLATE_TEXT_BYTES};

/// The markup of a Markdown text; `raw_html` lets its HTML through, for texts of the site's own people.
pub fn markdown(text: &str, raw_html: bool) -> Result<String, Refusal> {
    if text.len() > MARKDOWN_BYTES {
        return Err(Refusal::TooLarge(MARKDOWN_BYTES));
    }
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let mut made = String::with_capacity(text.len() + text.len() / 2);
    html::push_html(&mut made, parser.map(|event| if raw_html { event } else { tamed(event) }));
    if made.len() > TEMPLATE_TEXT_BYTES { Err(Refusal::TooLarge(TEMPLATE_TEXT_BYTES)) } else { Ok(made) }
}

fn tamed(event: Event<'_>) -> Event<'_> {
    let address = |url: CowStr<'_>| if is_harmless(&url) { url.into_string().into() } else { CowStr::Borrowed("#") };
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: address(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: address(dest_url), title, id })
        }
        event => event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_markup_and_markup_becomes_text() {
        assert_eq!(
            markdown("**Free** [delivery](/d)\n", false).unwrap(),
            "<p><strong>Free</strong> <a href=\"/d\">delivery</a></p>\n"
        );
        assert_eq!(markdown("a <b>c</b>", false).unwrap(), "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n");
        assert!(markdown("<script>alert(1)</script>", false).unwrap().contains("&lt;script&gt;"));
        assert_eq!(markdown("a <b>c</b>", true).unwrap(), "<p>a <b>c</b></p>\n");
    }

    #[test]
    fn links_that_run_lose_their_address() {
        for link in [
            "[x](javascript:alert(1))",
            "[x](JAVA&#115;cript:alert(1))",
            "<javascript:alert(1)>",
            "![x](data:text/html,x)",
            "[x]: javascript:a\n\n[x]",
        ] {
            let made = markdown(link, false).unwrap();
            assert!(
                !made.contains("=\"java") && !made.contains("=\"JAVA") && !made.contains("=\"data"),
                "{link}: {made}"
            );
        }
    }

    #[test]
    fn deep_and_large_texts_are_bounded() {
        assert!(markdown(&"x".repeat(MARKDOWN_BYTES + 1), false).is_err());
        for text in [
            "> ".repeat(20_000),
            "[".repeat(40_000),
            "* ".repeat(20_000),
            "a|".repeat(20_000) + "\n" + &"-|".repeat(20_000),
        ] {
            let _ = markdown(&text, false);
        }
    }
}
