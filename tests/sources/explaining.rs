//! What an explanation tells of sources: where each answer came from, by which call, why one stands in, which line asked.

use inlay::exchange::explain::Inquiry;
use inlay::exchange::explanation::text::{Paint, text};
use inlay::exchange::explanation::{Explanation, SourceExplained};

use super::api::{Api, fronted, json, status};
use super::house::Front;

async fn explained(front: &Front, path: &str) -> Explanation {
    let url = format!("http://{}{path}", front.address());
    let inquiry = Inquiry { url, ..Inquiry::default() };
    front.app.exchange().inquire(&inquiry).await.expect("an inquiry").explanation
}

fn only(told: &Explanation) -> &SourceExplained {
    assert_eq!(told.sources.len(), 1, "{:?}", told.sources);
    &told.sources[0]
}

fn rules(source: &str, template: &str) -> String {
    format!(
        "sources:\n  weather:\n    url: \"http://API/now?city={{{{ city }}}}\"\n    params: [city]\n    allow_private: true\n    retries: 0\n    {source}\nrules:\n  w: {{ match: {{ path: /** }}, inject: {{ select: h1, place: inner, deadline: 2s, template: \"{template}\" }} }}\n"
    )
}

const SKY: &str = "{{ sources.weather(city='Gent').sky }}";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_fetched_once_and_fresh_after() {
    let api = Api::new(|_| json("{\"sky\":\"rain\"}"));
    let front = fronted("<h1>?</h1>", &rules("cache: { ttl: 10m }", SKY), &api).await;
    let first = explained(&front, "/").await;
    let source = only(&first);
    assert_eq!((&*source.name, &*source.arguments, &*source.how), ("weather", "city='Gent'", "fetched"));
    let call = source.call.expect("a call");
    assert_eq!((call.number, call.asks), (1, 1));
    assert!(source.error.is_none() && source.until.is_some() && source.milliseconds <= first.milliseconds);
    let second = explained(&front, "/").await;
    let source = only(&second);
    assert_eq!((&*source.how, source.call), ("fresh", None));
    assert!(text(&second, Paint::Plain).contains("weather(city='Gent')  fresh until "));
    assert_eq!(api.came().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_is_told_with_the_reason() {
    let api = Api::new(|_| status(503));
    let front = fronted("<h1>?</h1>", &rules("fallback: { sky: unknown }", SKY), &api).await;
    let told = explained(&front, "/").await;
    let source = only(&told);
    assert_eq!(source.how, "fallback");
    assert_eq!(source.error.as_deref(), Some("source `weather`: it answered with status 503"));
    assert!(text(&told, Paint::Plain).contains("it answered with status 503"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_names_the_authors_line() {
    let api = Api::new(|_| status(500));
    let front = fronted("<h1>?</h1>", &rules("timeout: 1s", SKY), &api).await;
    let told = explained(&front, "/").await;
    assert_eq!(only(&told).how, "failed");
    let place = &told.slots[0].places[0];
    let reason = place.reason.as_deref().expect("a reason");
    assert!(place.outcome == "kept" && reason.contains("status 500"), "{reason}");
    assert!(reason.contains("rules.w:1:"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_late_says_so_and_its_source_too() {
    let api = Api::new(|_| json("{\"sky\":\"rain\"}"));
    api.shut();
    let rules = rules("timeout: 20s", SKY).replace("deadline: 2s", "deadline: 60ms");
    let front = fronted("<h1>?</h1>", &rules, &api).await;
    let told = explained(&front, "/").await;
    api.open();
    assert_eq!(only(&told).how, "late");
    let place = &told.slots[0].places[0];
    assert_eq!((&*place.outcome, place.reason.as_deref()), ("kept", Some("late")));
    let lines = text(&told, Paint::Plain);
    assert!(lines.contains("kept: late\n") && lines.contains("weather(city='Gent')  late"), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_share_a_call_say_so() {
    let api = Api::new(|came| {
        let asked = came.target.split("city=").nth(1).unwrap_or_default().to_owned();
        let of = |city: &str| format!("\"{city}\":{{\"sky\":\"{city}\"}}");
        json(format!("{{{}}}", asked.split("%2C").map(of).collect::<Vec<_>>().join(",")))
    });
    let rules = rules("batch: { param: city, max: 3, window: 100ms }", "{{ sources.weather(city=element.id).sky }}");
    let rules = rules.replace("{{ city }}", "{{ city|join(',') }}");
    let front = fronted("<h1 id=a>?</h1><h1 id=b>?</h1><h1 id=c>?</h1>", &rules, &api).await;
    let told = explained(&front, "/").await;
    let calls: Vec<_> = told.sources.iter().map(|source| source.call.map(|call| (call.number, call.asks))).collect();
    assert_eq!(calls, [Some((1, 3)); 3], "{:?}", told.sources);
}
