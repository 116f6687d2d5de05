//! Where in the markup a template prints a value, and how it is escaped there.
//!
//! In: a template's syntax tree, and where its own text begins. Out: the [`Place`] of every `{{ value }}`, found by
//! reading the text around it as a browser would; or what is wrong with printing there. At run time each place has a filter of
//! its own, put around the value when the template is loaded. It must not know what values mean.

mod analysis;
mod css;
mod html;
mod printed;
mod script;
mod tokens;
mod url;

pub(super) use self::analysis::analyse;
pub(super) use self::printed::install;

/// What an attribute's value is to a browser, and so how values are printed into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttributeKind {
    /// Text.
    Plain,
    /// A URL that is loaded or followed.
    Url,
    /// URLs, each followed by white space, a descriptor or a comma: `srcset`, `ping`.
    UrlList,
    /// CSS: `style`.
    Style,
    /// JavaScript: `onclick` and its like.
    Script,
    /// A whole document: `srcdoc`.
    Document,
}

/// Attributes that hold one URL, on any element that has them.
const URLS: [&str; 17] = [
    "href",
    "src",
    "action",
    "formaction",
    "xlink:href",
    "data",
    "poster",
    "background",
    "cite",
    "manifest",
    "codebase",
    "longdesc",
    "profile",
    "icon",
    "dynsrc",
    "lowsrc",
    "usemap",
];

impl AttributeKind {
    /// The kind of the attribute of this name, in any case.
    pub fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "style" => Self::Style,
            "srcdoc" => Self::Document,
            "srcset" | "imagesrcset" | "ping" | "archive" => Self::UrlList,
            name if URLS.contains(&name) => Self::Url,
            name if name.starts_with("on") => Self::Script,
            _ => Self::Plain,
        }
    }
}

/// Where a template's own text begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Start {
    /// Between tags.
    Markup,
    /// In `script` or `style`.
    RawText,
    /// It is the whole value of such an attribute.
    Attribute(AttributeKind),
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Between tags.
    Text,
    Comment,
    /// In `title`, `textarea` and their like.
    Escapable,
    /// In a plain attribute's value in quotes.
    Attribute,
    /// At the beginning of a URL: it says the scheme.
    UrlStart,
    /// After something, but where a colon would still end a scheme.
    UrlHead,
    /// In a path, or after a URL that was printed whole.
    UrlPath,
    /// In a query or fragment.
    UrlQuery,
    UrlList,
    Document,
    /// Between the attributes of a tag.
    Tag,
    /// A value of JavaScript.
    Script(Within),
    /// In a string of JavaScript.
    ScriptString,
    Css(Within),
    CssUrl(Within),
    /// Where nothing can be made safe.
    Nowhere,
    /// What its author calls safe, where markup is not what is printed.
    Trusted(Within),
}

/// Whether it is read as an attribute's value, in which character references mean something, or as the text of `script` or `style`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    Attribute,
    RawText,
}

impl Place {
    const ALL: [Self; 21] = [
        Self::Text,
        Self::Comment,
        Self::Escapable,
        Self::Attribute,
        Self::UrlStart,
        Self::UrlHead,
        Self::UrlPath,
        Self::UrlQuery,
        Self::UrlList,
        Self::Document,
        Self::Tag,
        Self::Script(Within::Attribute),
        Self::Script(Within::RawText),
        Self::ScriptString,
        Self::Css(Within::Attribute),
        Self::Css(Within::RawText),
        Self::CssUrl(Within::Attribute),
        Self::CssUrl(Within::RawText),
        Self::Nowhere,
        Self::Trusted(Within::Attribute),
        Self::Trusted(Within::RawText),
    ];

    /// The name of its filter, which nobody writes; `None` where printing does it.
    pub fn filter(self) -> Option<&'static str> {
        Some(match self {
            Self::Text => return None,
            Self::Comment => "__in_comment",
            Self::Escapable => "__in_escapable",
            Self::Attribute => "__in_attribute",
            Self::UrlStart => "__in_url_start",
            Self::UrlHead => "__in_url_head",
            Self::UrlPath => "__in_url_path",
            Self::UrlQuery => "__in_url_query",
            Self::UrlList => "__in_url_list",
            Self::Document => "__in_document",
            Self::Tag => "__in_tag",
            Self::Script(Within::Attribute) => "__in_script_attribute",
            Self::Script(Within::RawText) => "__in_script",
            Self::ScriptString => "__in_string",
            Self::Css(Within::Attribute) => "__in_css_attribute",
            Self::Css(Within::RawText) => "__in_css",
            Self::CssUrl(Within::Attribute) => "__in_css_url_attribute",
            Self::CssUrl(Within::RawText) => "__in_css_url",
            Self::Nowhere => "__nowhere",
            Self::Trusted(Within::Attribute) => "__trusted_attribute",
            Self::Trusted(Within::RawText) => "__trusted",
        })
    }
}
