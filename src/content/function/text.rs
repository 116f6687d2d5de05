//! Text as bytes, base64, digests and URLs for the prelude, by the libraries that the house uses anyway.
//!
//! In: an engine's context. Out: functions of its arguments alone. It must not see the call.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::STANDARD as BASE64;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rquickjs::convert::List;
use rquickjs::{Ctx, Function, Object, Result, TypedArray};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use url::{Url, form_urlencoded, quirks};

/// Adds the functions.
pub(super) fn add<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> Result<()> {
    natives.set("encode", Function::new(ctx.clone(), |ctx: Ctx<'js>, text: String| TypedArray::new(ctx, text))?)?;
    natives.set("decode", Function::new(ctx.clone(), decode)?)?;
    natives.set("atob", Function::new(ctx.clone(), atob)?)?;
    natives.set("btoa", Function::new(ctx.clone(), btoa)?)?;
    natives.set("digest", Function::new(ctx.clone(), digest)?)?;
    natives.set("parseUrl", Function::new(ctx.clone(), parse_url)?)?;
    natives.set("setUrl", Function::new(ctx.clone(), set_url)?)?;
    natives.set("parseQuery", Function::new(ctx.clone(), parse_query)?)?;
    natives.set("writeQuery", Function::new(ctx.clone(), write_query)?)
}

/// Bytes, of a text of characters up to U+00FF; `None` if there are others.
fn bytes(binary: &str) -> Option<Vec<u8>> {
    binary.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// The text, and whether some of it was not UTF-8.
fn decode(binary: String) -> List<(String, bool)> {
    let bytes = bytes(&binary).unwrap_or_default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let text = String::from_utf8_lossy(bytes);
    let mended = matches!(text, std::borrow::Cow::Owned(_));
    List((text.into_owned(), mended))
}

/// As the WHATWG standard has it: white space goes, padding is optional.
fn atob(text: String) -> Option<String> {
    const FORGIVING: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let kept: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    Some(FORGIVING.decode(kept).ok()?.into_iter().map(char::from).collect())
}

fn btoa(text: String) -> Option<String> {
    Some(BASE64.encode(bytes(&text)?))
}

fn digest<'js>(ctx: Ctx<'js>, name: String, binary: String) -> Result<Option<TypedArray<'js, u8>>> {
    let data = bytes(&binary).unwrap_or_default();
    let made = match name.as_str() {
        "SHA-1" => Sha1::digest(data).to_vec(),
        "SHA-256" => Sha256::digest(data).to_vec(),
        "SHA-384" => Sha384::digest(data).to_vec(),
        "SHA-512" => Sha512::digest(data).to_vec(),
        _ => return Ok(None),
    };
    TypedArray::new(ctx, made).map(Some)
}

fn parse_url<'js>(ctx: Ctx<'js>, url: String, base: Option<String>) -> Result<Option<Object<'js>>> {
    let base = match base.map(|base| Url::parse(&base)) {
        Some(Err(_)) => return Ok(None),
        Some(Ok(base)) => Some(base),
        None => None,
    };
    let parsed = Url::options().base_url(base.as_ref()).parse(&url).ok();
    parsed.map(|url| parts(&ctx, &url)).transpose()
}

fn set_url<'js>(ctx: Ctx<'js>, href: String, part: String, value: String) -> Result<Option<Object<'js>>> {
    let Ok(mut url) = Url::parse(&href) else { return Ok(None) };
    // A part that can't be set so stays as it was, as the standard says.
    let _ = match part.as_str() {
        "protocol" => quirks::set_protocol(&mut url, &value),
        "username" => quirks::set_username(&mut url, &value),
        "password" => quirks::set_password(&mut url, &value),
        "host" => quirks::set_host(&mut url, &value),
        "hostname" => quirks::set_hostname(&mut url, &value),
        "port" => quirks::set_port(&mut url, &value),
        "pathname" => {
            quirks::set_pathname(&mut url, &value);
            Ok(())
        }
        "search" => {
            quirks::set_search(&mut url, &value);
            Ok(())
        }
        "hash" => {
            quirks::set_hash(&mut url, &value);
            Ok(())
        }
        _ => quirks::set_href(&mut url, &value).map_err(drop),
    };
    parts(&ctx, &url).map(Some)
}

fn parts<'js>(ctx: &Ctx<'js>, url: &Url) -> Result<Object<'js>> {
    let parts = Object::new(ctx.clone())?;
    let texts = [
        ("href", quirks::href(url)),
        ("protocol", quirks::protocol(url)),
        ("username", quirks::username(url)),
        ("password", quirks::password(url)),
        ("host", quirks::host(url)),
        ("hostname", quirks::hostname(url)),
        ("port", quirks::port(url)),
        ("pathname", quirks::pathname(url)),
        ("search", quirks::search(url)),
        ("hash", quirks::hash(url)),
    ];
    texts.into_iter().try_for_each(|(name, text)| parts.set(name, text))?;
    parts.set("origin", quirks::origin(url))?;
    Ok(parts)
}

fn parse_query(query: String) -> Vec<Vec<String>> {
    let query = query.strip_prefix('?').unwrap_or(&query);
    form_urlencoded::parse(query.as_bytes()).map(|(name, value)| vec![name.into_owned(), value.into_owned()]).collect()
}

/// `flat` holds names and values in turn.
fn write_query(flat: Vec<String>) -> String {
    let pairs = flat.chunks_exact(2).map(|pair| (&pair[0], &pair[1]));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
