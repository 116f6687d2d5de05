//! Content codings and charsets, through the whole house: whatever the page comes in and leaves in, outside its slots it
//! is the same.

use std::io::{Read, Write};

use bytes::Bytes;
use inlay::http::Body;

use super::house::{Front, page, typed};

/// Codes by the libraries themselves, so that both of our directions are judged by others.
pub fn encoded(coding: &str, plain: &[u8]) -> Vec<u8> {
    let fast = flate2::Compression::fast();
    let mut coded = Vec::new();
    match coding {
        "gzip" => flate2::write::GzEncoder::new(&mut coded, fast).write_all(plain).expect("coded"),
        "deflate" => flate2::write::ZlibEncoder::new(&mut coded, fast).write_all(plain).expect("coded"),
        "br" => brotli::CompressorWriter::new(&mut coded, 4096, 3, 20).write_all(plain).expect("coded"),
        "zstd" => coded = zstd::encode_all(plain, 1).expect("coded"),
        _ => coded = plain.to_vec(),
    }
    coded
}

fn decoder<'a>(coding: &str, coded: &'a [u8]) -> Box<dyn Read + 'a> {
    match coding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(coded)),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(coded)),
        "br" => Box::new(brotli::Decompressor::new(coded, 4096)),
        "zstd" => Box::new(zstd::Decoder::new(coded).expect("a decoder")),
        _ => Box::new(coded),
    }
}

/// What the first bytes of a coded body already tell.
pub fn decoded_so_far(coding: &str, coded: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    // It ends in an error where more is needed; what came before it stays.
    let _ = decoder(coding, coded).read_to_end(&mut plain);
    plain
}

fn decoded(coding: &str, coded: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    decoder(coding, coded).read_to_end(&mut plain).unwrap_or_else(|error| panic!("{coding}: {error}"));
    plain
}

const RULES: &str = "\
rules:
  laid:
    match: { path: /** }
    inject:
      - { select: h2, place: after, html: LAID }
";

#[tokio::test]
async fn any_coding_in_and_the_clients_best_out() {
    let section =
        |number: usize| format!("<h2>{number}</h2><p>{} {:x}</p>", "some words ".repeat(9), number * 2_654_435_761);
    let html: String = (0..1_500).map(section).collect();
    let expected = html.replace("</h2>", "</h2>LAID");
    let front = Front::new(RULES, move |request| {
        let coding = request.uri().path().trim_start_matches('/').to_owned();
        let mut response = page(encoded(&coding, html.as_bytes()));
        if coding != "plain" {
            response.headers_mut().insert("content-encoding", coding.parse().expect("a coding"));
        }
        response
    })
    .await;
    let accepts = [
        ("gzip", Some("gzip")),
        ("br", Some("br")),
        ("zstd", Some("zstd")),
        ("gzip;q=0.2, br;q=0.8", Some("br")),
        ("identity", None),
        ("", None),
        ("exotic", None),
    ];
    for origin in ["plain", "gzip", "deflate", "br", "zstd"] {
        for (accept, best) in accepts {
            let answer = front.get_with(&format!("/{origin}"), &[("accept-encoding", accept)]).await;
            assert_eq!(answer.header("content-encoding").as_deref(), best, "{origin} for `{accept}`");
            let plain = decoded(best.unwrap_or_default(), &answer.body);
            assert!(plain == expected.as_bytes(), "{origin} for `{accept}`");
            assert_eq!(answer.header("vary").as_deref(), Some("accept-encoding"), "{origin} for `{accept}`");
        }
    }
}

#[tokio::test]
async fn stacked_codings_are_undone_and_damaged_ones_break() {
    let html = "<h2>one</h2>".repeat(300);
    let expected = html.replace("</h2>", "</h2>LAID");
    let front = Front::new(RULES, move |request| {
        let stacked = encoded("br", &encoded("gzip", html.as_bytes()));
        let body = if request.uri().path() == "/damaged" { stacked[..stacked.len() / 2].to_vec() } else { stacked };
        let mut response = page(body);
        response.headers_mut().insert("content-encoding", "gzip, br".parse().expect("codings"));
        response
    })
    .await;
    assert_eq!(front.get("/").await.text(), expected);
    let damaged = front.begin("GET", "/damaged", &[], "").await;
    let read = http_body_util::BodyExt::collect(damaged.into_body()).await;
    assert!(read.is_err(), "a page that cannot be decoded to its end must not look whole");
}

#[tokio::test]
async fn what_is_laid_in_is_written_in_the_pages_charset() {
    let rules = "\
rules:
  laid:
    match: { path: /** }
    inject:
      - { select: h2, place: inner, html: \"é€☃\" }
      - { select: h2, attribute: title, template: \"{{ 'é€☃' }}\" }
";
    let cases: [(&str, &str, &[u8], &[u8]); 7] = [
        ("utf-8", "text/html; charset=utf-8", b"<h2>\xC3\xA9</h2>", "<h2 title=\"é€☃\">é€☃</h2>".as_bytes()),
        // What the web calls ISO-8859-1 is windows-1252, which has the euro.
        (
            "latin1",
            "text/html; charset=iso-8859-1",
            b"\xE9<h2>\xE9</h2>\x80",
            b"\xE9<h2 title=\"\xE9\x80&#x2603;\">\xE9\x80&#x2603;</h2>\x80",
        ),
        (
            "latin2",
            "text/html; charset=iso-8859-2",
            b"\xB1<h2>\xE9</h2>",
            b"\xB1<h2 title=\"\xE9&#x20AC;&#x2603;\">\xE9&#x20AC;&#x2603;</h2>",
        ),
        (
            "shift_jis",
            "text/html",
            b"<meta charset=shift_jis>\x83\x5C<h2>\x95\x5C</h2>",
            b"<meta charset=shift_jis>\x83\x5C<h2 title=\"&#xE9;&#x20AC;&#x2603;\">&#xE9;&#x20AC;&#x2603;</h2>",
        ),
        (
            "unknown",
            "text/html",
            b"\xE9\xFF<h2>\xE9</h2>",
            b"\xE9\xFF<h2 title=\"&#xE9;&#x20AC;&#x2603;\">&#xE9;&#x20AC;&#x2603;</h2>",
        ),
        (
            "utf-16",
            "text/html",
            b"\xFF\xFE<\0h\x002\0>\0x\0<\0/\0h\x002\0>\0",
            b"\xFF\xFE<\0h\x002\0>\0x\0<\0/\0h\x002\0>\0",
        ),
        ("utf-16 header", "text/html; charset=utf-16", b"<h2>x</h2>", b"<h2>x</h2>"),
    ];
    let served = cases.map(|(_, kind, html, _)| (kind, html));
    let front = Front::new(rules, move |request| {
        let number: usize = request.uri().path()[1..].parse().expect("a number");
        let (kind, html) = served[number];
        typed(kind, Body::full(Bytes::from_static(html)))
    })
    .await;
    for (number, (what, _, _, expected)) in cases.into_iter().enumerate() {
        let body = front.get(&format!("/{number}")).await.body;
        assert!(body == expected, "{what}: {}", body.escape_ascii());
    }
}
