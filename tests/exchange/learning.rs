//! What pages tell of the site's items: known to code a moment later, from whatever way the page goes, and never from a page that is
//! one visitor's.

use http::{Request, Response};
use inlay::http::Body;
use serde_json::{Value as Json, json};

use super::house::{Answer, Front, page, serve_origin};

/// Names with values.
type Fields = &'static [(&'static str, &'static str)];

const PAGE: &str = "<html><head><title>t</title></head><body><h1>Tent</h1><p class=price>€ 1.299,00</p></body></html>";

const COLLECT: &str = "
collect:
  product:
    match: { path: \"/products/{sku}\" }
    extract:
      title: { select: h1 }
      price: { select: .price, as: number }
    item: { kind: product, key: \"{{ params.sku }}\" }
";

const SHOWN: &str = "
rules:
  shown:
    match: { path: /home }
    inject:
      - { select: main, place: inner, template: \"{{ items.product['A1'].title }} for {{ items.product['A1'].price }}\" }
";

/// Lays something into the pages that are read.
const LAID: &str =
    "  laid: { match: { path: \"/products/**\" }, inject: { select: h1, place: after, html: \"<i>new</i>\" } }\n";

/// An origin whose product pages carry these fields.
fn origin(fields: Fields) -> impl Fn(Request<Body>) -> Response<Body> + Send + Sync {
    move |request| {
        if request.uri().path() == "/home" {
            return page("<main>nothing yet</main>");
        }
        let mut response = page(PAGE);
        for (name, value) in fields {
            response.headers_mut().append(*name, value.parse().expect("a value"));
        }
        response
    }
}

async fn item(front: &Front, key: &str) -> Option<Json> {
    let answer = front.admin("GET", &format!("/api/v1/items/product/{key}")).await;
    (answer.status == 200).then(|| serde_json::from_str::<Json>(answer.text()).expect("JSON")["data"].clone())
}

async fn learnt(front: &Front, key: &str) -> Json {
    front.until_true("an item", async || item(front, key).await).await
}

async fn fronting(rules: &str, fields: Fields) -> Front {
    Front::new(&format!("{COLLECT}{SHOWN}{rules}"), origin(fields)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_tells_its_item_whichever_way_it_goes() {
    let shareable: [Fields; 3] = [&[], &[("cache-control", "max-age=60")], &[("etag", "\"1\"")]];
    for fields in shareable {
        for (rules, expected) in [("", PAGE.to_owned()), (LAID, PAGE.replace("</h1>", "</h1><i>new</i>"))] {
            let front = fronting(rules, fields).await;
            assert_eq!(front.get("/home").await.text(), "<main>nothing yet</main>");
            for _ in 0..3 {
                assert_eq!(front.get("/products/A1").await.text(), expected, "{fields:?}");
            }
            assert_eq!(learnt(&front, "A1").await, json!({ "title": "Tent", "price": 1299 }), "{fields:?} {rules}");
            front.until("/home", "<main>Tent for 1299</main>").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_a_coding_is_read_and_leaves_as_it_came() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(PAGE.as_bytes()).expect("compressed");
    let coded = encoder.finish().expect("compressed");
    let sent = coded.clone();
    let front = Front::new(COLLECT, move |_| {
        let mut response = page(sent.clone());
        response.headers_mut().insert("content-encoding", "gzip".parse().expect("a value"));
        response
    })
    .await;
    let answer = front.get_with("/products/A1", &[("accept-encoding", "gzip")]).await;
    assert_eq!(answer.body, coded, "bit for bit");
    assert_eq!(learnt(&front, "A1").await["price"], 1299);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_one_visitors_is_nobodys_item() {
    let own: [(Fields, Fields); 6] = [
        (&[("cache-control", "private")], &[]),
        (&[("cache-control", "no-store")], &[]),
        (&[("set-cookie", "session=1"), ("cache-control", "max-age=60")], &[]),
        (&[], &[("cookie", "session=member")]),
        (&[], &[("authorization", "Basic bWU6bWU=")]),
        (&[("vary", "*")], &[]),
    ];
    for (fields, asked) in own {
        for rules in ["", LAID] {
            let front = fronting(rules, fields).await;
            let answer: Answer = front.get_with("/products/A1", asked).await;
            assert!(answer.text().contains("<h1>Tent</h1>"));
            // What is learnt after it would have been learnt after this too.
            front.admin_send("PUT", "/api/v1/items/product/after", "{\"n\":1}").await;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            assert_eq!(item(&front, "A1").await, None, "{fields:?} {asked:?} {rules}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_members_price_stays_the_members() {
    let front = Front::new(COLLECT, |request: Request<Body>| {
        let member = request.headers().contains_key("cookie");
        page(PAGE.replace("1.299,00", if member { "999,00" } else { "1.299,00" }))
    })
    .await;
    front.get("/products/A1").await;
    assert_eq!(learnt(&front, "A1").await["price"], 1299);
    let member = front.get_with("/products/A1", &[("cookie", "tier=gold")]).await;
    assert!(member.text().contains("999,00"));
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(learnt(&front, "A1").await["price"], 1299);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_reading_is_seen_within_a_second_and_bounds_what_hangs_on_it() {
    let (address, _origin) = serve_origin(|_| {
        let mut response = page("<main></main>");
        response.headers_mut().insert("cache-control", "max-age=600".parse().expect("a value"));
        response
    });
    let front = Front::facing(address, "", &[("rules/site.yaml", &format!("{COLLECT}{SHOWN}"))]).await;
    let put = async |price: u32| {
        let body = json!({ "title": "Tent", "price": price }).to_string();
        assert_eq!(front.admin_send("PUT", "/api/v1/items/product/A1", &body).await.status, 200);
    };
    put(5).await;
    let answer = front.until("/home", "Tent for 5").await;
    assert_eq!(answer.header("cache-control").as_deref(), Some("max-age=1"), "shared, and not for long");
    put(6).await;
    front.until("/home", "Tent for 6").await;
    assert_eq!(front.admin_send("DELETE", "/api/v1/items/product/A1", "").await.text().trim(), "{\"removed\":1}");
    front.until("/home", "<main></main>").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_items_come_as_lines() {
    let front = Front::new(COLLECT, |_| page(PAGE)).await;
    let lines = "{\"kind\":\"product\",\"key\":\"A1\",\"data\":{\"price\":1}}\nno json\n{\"kind\":\"product\",\"key\":2,\"data\":{}}\n\
                 {\"kind\":\"No kind\",\"key\":\"x\",\"data\":{}}\n";
    let told: Json = serde_json::from_str(front.admin_post("/api/v1/items", lines).await.text()).expect("JSON");
    assert_eq!((&told["accepted"], &told["refused"]), (&json!(2), &json!(2)));
    let numbers: Vec<&Json> =
        told["problems"].as_array().into_iter().flatten().map(|problem| &problem["line"]).collect();
    assert_eq!(numbers, [2, 4]);
    let listed = front.admin("GET", "/api/v1/items/product").await;
    let keys: Vec<Json> =
        listed.text().lines().map(|line| serde_json::from_str::<Json>(line).expect("JSON")["key"].clone()).collect();
    assert_eq!(keys, ["2", "A1"]);
    assert_eq!(front.admin("GET", "/api/v1/items/product/none").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_and_protected_pages_tell_nothing() {
    let front = Front::with("protect: [/products/secret]\n", &[("rules/site.yaml", COLLECT)], |_| page(PAGE)).await;
    front.get("/products/secret").await;
    front.admin("PUT", "/api/v1/off").await;
    front.get("/products/off").await;
    front.admin("DELETE", "/api/v1/off").await;
    front.get("/products/on").await;
    learnt(&front, "on").await;
    assert_eq!((item(&front, "off").await, item(&front, "secret").await), (None, None));
}
