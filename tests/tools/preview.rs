//! `inlay preview URL`, and the page behind the link.

use std::sync::{Arc, Mutex};

use inlay::exchange::explanation::Explanation;

use crate::house::{Answer, Front, page};
use crate::inlay;

const RULES: &str = "audiences: { gold: request.cookies.tier == 'gold' }\ncampaigns: { xmas: { active: { from: 2026-12-01, until: 2026-12-27 } } }\nrules:\n  tree: { match: { path: / }, campaign: xmas, inject: { select: h1, place: after, template: \"<p>Tree {{ now.date }}</p>\" } }\n  hello: { match: { path: / }, when: audiences.gold, inject: { select: h1, place: after, text: Gold } }\n  draft: { match: { path: / }, state: preview, inject: { select: h1, place: after, template: \"Draft{{ request.query.inlay_preview or '' }}{{ request.query.x }}\" } }\n  off: { match: { path: / }, state: stopped, inject: { select: h1, place: after, text: Stopped } }\n";
const DEPLOYMENT: &str = "visitor: { secret: 0123456789abcdef0123456789abcdef }\n";

struct Previewed {
    front: Front,
    /// What the origin was asked.
    asked: Arc<Mutex<Vec<String>>>,
}

async fn previewed() -> Previewed {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let noted = asked.clone();
    let origin = move |request: http::Request<inlay::http::Body>| {
        let referer = request.headers().get("referer").map(|line| format!("{line:?}")).unwrap_or_default();
        noted.lock().expect("no panic").push(format!("{}{referer}", request.uri()));
        let mut response = page("<h1>Shop</h1>");
        response.headers_mut().insert("cache-control", "max-age=60".parse().expect("a value"));
        response
    };
    let front = Front::with(DEPLOYMENT, &[("rules/site.yaml", RULES)], origin).await;
    Previewed { front, asked }
}

impl Previewed {
    /// The link's path and query, for a page of the running process. The clock of the test stands in 2026.
    async fn link(&self, args: &[&str]) -> String {
        let admin = self.front.app.admin_address().expect("an admin port").to_string();
        let url = format!("http://{}/?x=1", self.front.address());
        let folder = tempfile::tempdir().expect("a folder");
        let ran = inlay(folder.path(), &[&["preview", &url, "--admin", &admin], args].concat()).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.out.trim().split_once(&self.front.address().to_string()).expect("a URL").1.to_owned()
    }
}

fn told(answer: &Answer) -> Explanation {
    let data = answer.text().split_once("id=\"inlay-preview\">").and_then(|(_, rest)| rest.split_once("</script>"));
    serde_json::from_str(data.expect("data").0).expect("an explanation")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_shows_the_page_as_it_would_be_and_nobody_else_sees_it() {
    let previewed = previewed().await;
    let link = previewed.link(&["--at", "2026-12-20T10:00", "--audience", "gold=true", "--rule", "off"]).await;
    let seen = previewed.front.get(&link).await;
    let page = seen.text().split_once("\n<script").expect("a panel").0;
    assert!(page.starts_with("<h1>Shop</h1>"), "{page}");
    for shown in ["Stopped", "Draft1", "Gold", "<p>Tree 2026-12-20</p>"] {
        assert_eq!(page.matches(shown).count(), 1, "{shown} in {page}");
    }
    for (name, value) in
        [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-robots-tag", "noindex")]
    {
        assert_eq!(seen.header(name).as_deref(), Some(value));
    }
    assert_eq!((seen.header("set-cookie"), seen.header("etag"), seen.header("content-length")), (None, None, None));
    let told = told(&seen);
    assert!(told.rule("draft").expect("a rule").applies && !told.url.contains("inlay_preview"), "{told:#?}");

    let plain = previewed.front.get("/?x=1").await;
    assert_eq!(plain.text(), "<h1>Shop</h1>");
    assert!(!plain.header("cache-control").expect("one").contains("no-store"));
    let asked = previewed.asked.lock().expect("no panic").clone();
    assert_eq!(asked, ["/?x=1", "/?x=1"], "the page of a link is stored for nobody, and its link is seen by nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_asks_for_does_not_tell_the_link() {
    let previewed = previewed().await;
    let link = previewed.link(&[]).await;
    let referer = format!("http://shop.example{link}");
    previewed.front.get_with("/style.css", &[("referer", &referer)]).await;
    assert_eq!(*previewed.asked.lock().expect("no panic"), ["/style.css\"http://shop.example/?x=1\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_explanation_alone_is_json() {
    let previewed = previewed().await;
    let link = previewed.link(&["--rule", "tree"]).await;
    let answer = previewed.front.get(&format!("{link}&inlay_trace=json")).await;
    let told: Explanation = serde_json::from_str(answer.text()).expect("an explanation");
    assert!(told.rule("tree").expect("a rule").applies);
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_over_or_changed_is_refused_with_the_reason() {
    let previewed = previewed().await;
    let link = previewed.link(&["--expires", "1s"]).await;
    let html = [("accept", "text/html")];
    let changed = previewed.front.get_with(&link.replace("inlay_preview=ey", "inlay_preview=ez"), &html).await;
    assert_eq!(changed.status, 403);
    assert!(changed.text().contains("was changed on its way"), "{}", changed.text());
    let other = previewed.front.get(&link.replace("/?", "/other?")).await;
    assert!(other.status == 403 && other.text().contains("for another page"), "{}", other.text());
    previewed.front.app.exchange().clock.set("2026-11-23T10:30:00Z".parse().expect("a time"));
    let over = previewed.front.get(&link).await;
    assert!(over.status == 403 && over.text().contains("was good until"), "{}", over.text());
    assert!(previewed.asked.lock().expect("no panic").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_file_at_hand_the_link_is_signed_here() {
    let previewed = previewed().await;
    let url = format!("http://{}/?x=1", previewed.front.address());
    let folder = previewed.front.folder.path();
    let ran = inlay(folder, &["preview", &url, "-c", "inlay.yaml", "--expires", "7d"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    // The program's clock is the machine's, that of the process stands in 2026.
    let now = jiff::Timestamp::now();
    previewed.front.app.exchange().clock.set(now);
    let link = ran.out.trim().split_once(&previewed.front.address().to_string()).expect("a URL").1.to_owned();
    assert!(previewed.front.get(&link).await.text().contains("Draft"));
    for (args, told) in [
        (["--rule", "tre"], "did you mean `tree`?"),
        (["--expires", "9d"], "a week at most"),
        (["--at", "noon"], "is no moment"),
    ] {
        let wrong = inlay(folder, &[&["preview", &url, "-c", "inlay.yaml"], &args[..]].concat()).await;
        assert!(wrong.code == 1 && wrong.err.contains(told), "{wrong:?}");
    }
}
