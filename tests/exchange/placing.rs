//! What a request tells besides who asks: where the client is, with what, and how it came.

use std::path::Path;

use super::house::{Front, page};

fn printing(printed: &str) -> String {
    format!(
        "rules:\n  r:\n    match: {{ path: /** }}\n    inject:\n      - {{ select: p, place: inner, template: \"{printed}\" }}\n"
    )
}

const PLACE: &str = "{{ geo.country or '?' }} {{ geo.region or '?' }} {{ geo.city or '?' }} {{ geo.timezone or '?' }} {{ geo.latitude or '?' }} {{ geo.european_union or '?' }}";

/// A database in MaxMind's format: of all addresses, those that begin with a 0 bit are in `low`, the others in `high`.
fn write_database(path: &Path, low: &str, high: &str) {
    let text = |text: &str| [&[0b0100_0000 | text.len() as u8][..], text.as_bytes()].concat();
    let map = |pairs: &[(&str, Vec<u8>)]| {
        let pairs_bytes = pairs.iter().flat_map(|(name, value)| [text(name), value.clone()].concat());
        [vec![0b1110_0000 | pairs.len() as u8], pairs_bytes.collect()].concat()
    };
    let small = |kind: u8, number: u8| vec![kind << 5 | 1, number];
    let record = |city: &str| {
        let names = map(&[("names", map(&[("en", text(city))]))]);
        let region = [vec![1, 4], map(&[("iso_code", text("VOV"))])].concat();
        let degrees = [&[0b0110_1000][..], &51.05_f64.to_be_bytes()].concat();
        map(&[
            ("city", names),
            ("country", map(&[("iso_code", text("BE")), ("is_in_european_union", vec![1, 7])])),
            ("location", map(&[("latitude", degrees), ("time_zone", text("Europe/Brussels"))])),
            ("subdivisions", region),
        ])
    };
    let (low, high) = (record(low), record(high));
    // One node: its two records of 24 bits lead to the data, behind the tree and a gap of 16 bytes.
    let to = |offset: usize| (1 + 16 + offset as u32).to_be_bytes()[1..].to_vec();
    let tree = [to(0), to(low.len()), vec![0; 16]].concat();
    let metadata = map(&[
        ("binary_format_major_version", small(5, 2)),
        ("binary_format_minor_version", small(5, 0)),
        ("build_epoch", vec![1, 2, 1]),
        ("database_type", text("Test-City")),
        ("description", map(&[("en", text("a test"))])),
        ("ip_version", small(5, 4)),
        ("languages", [vec![1, 4], text("en")].concat()),
        ("node_count", small(6, 1)),
        ("record_size", small(5, 24)),
    ]);
    let bytes = [tree, low, high, b"\xab\xcd\xefMaxMind.com".to_vec(), metadata].concat();
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, bytes).expect("a file");
    std::fs::rename(&fresh, path).expect("a file");
}

#[tokio::test]
async fn a_database_tells_where_and_is_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("city.mmdb");
    write_database(&path, "Gent", "Aalst");
    let deployment = format!("geo: {{ database: '{}' }}\ntrusted_proxies: 127.0.0.0/8\n", path.display());
    let front = Front::with(&deployment, &[("rules/a.yaml", &printing(PLACE))], |_| page("<p></p>")).await;
    assert_eq!(front.get("/").await.text(), "<p>BE VOV Gent Europe/Brussels 51.05 true</p>");
    let high = front.get_with("/", &[("x-forwarded-for", "203.0.113.9")]).await;
    assert_eq!(high.text(), "<p>BE VOV Aalst Europe/Brussels 51.05 true</p>", "by the true client");
    assert_eq!(high.header("cache-control").as_deref(), Some("private, no-cache"));
    let sixth = front.get_with("/", &[("x-forwarded-for", "2001:db8::1")]).await;
    assert_eq!(sixth.text(), "<p>? ? ? ? ? ?</p>", "what the database does not have is unknown");

    write_database(&path, "Brugge", "Aalst");
    front.until("/", "Brugge").await;
    std::fs::write(&path, "no database").expect("a file");
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(front.get("/").await.text().contains("Brugge"), "a wrong one changes nothing");
}

#[tokio::test]
async fn headers_tell_where_if_a_trusted_proxy_says_so() {
    let geo = "geo: { headers: { country: CF-IPCountry, latitude: x-lat } }\n";
    let headers = [("cf-ipcountry", "NL"), ("x-lat", "52.5")];
    for (trusted, expected) in [("127.0.0.0/8", "NL ? ? ? 52.5 ?"), ("192.0.2.0/24", "? ? ? ? ? ?")] {
        let deployment = format!("{geo}trusted_proxies: {trusted}\n");
        let front = Front::with(&deployment, &[("rules/a.yaml", &printing(PLACE))], |_| page("<p></p>")).await;
        assert_eq!(front.get_with("/", &headers).await.text(), format!("<p>{expected}</p>"), "{trusted}");
        let odd = [("cf-ipcountry", "XX"), ("x-lat", "NaN")];
        assert_eq!(front.get_with("/", &odd).await.text(), "<p>? ? ? ? ? ?</p>");
    }
}

#[tokio::test]
async fn the_head_tells_of_program_and_session() {
    let printed = "{{ request.device }} {{ request.browser or '?' }} {{ request.os or '?' }} {{ request.bot or '?' }} {{ request.prefetch or '?' }} {{ session.new }} {{ session.campaign or '?' }} {{ session.source or '?' }} {{ session.platform or '?' }} {{ session.clicks.gclid or '?' }} {{ session.referrer or '?' }}";
    let front = Front::new(&printing(printed), |_| page("<p></p>")).await;
    let firefox = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0");
    let within = ("referer", &*format!("http://{}/a", front.address()));
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, Headers<'_>, &str); 5] = [
        ("/", &[firefox], "desktop Firefox Linux ? ? true ? ? ? ? ?"),
        (
            "/?utm_campaign=xmas&utm_source=mail&gclid=x1",
            &[firefox, ("referer", "https://search.example/q")],
            "desktop Firefox Linux ? ? true xmas mail google x1 https://search.example/q",
        ),
        ("/", &[firefox, within], "desktop Firefox Linux ? ? false ? ? ? ? ?"),
        ("/", &[firefox, ("sec-purpose", "prefetch;prerender")], "desktop Firefox Linux ? prerender true ? ? ? ? ?"),
        ("/", &[("user-agent", "curl/8.5.0")], "bot ? ? tool ? true ? ? ? ? ?"),
    ];
    for (path, headers, expected) in cases {
        assert_eq!(front.get_with(path, headers).await.text(), format!("<p>{expected}</p>"), "{path} {headers:?}");
    }
}
