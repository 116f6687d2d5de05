//! What is asked, and how: by URL, field and body; arguments cannot lead elsewhere.

use super::api::{Api, fronted, json, status};

const PAGE: &str = "<main><p>own</p></main>";

fn rules(source: &str, template: &str) -> String {
    format!(
        "sources:\n  s:\n    allow_private: true\n{source}\nrules:\n  r:\n    match: {{ path: /** }}\n    inject:\n      - \
         {{ select: p, place: inner, deadline: 5s, template: {template:?} }}\n"
    )
}

#[tokio::test]
async fn a_template_reads_what_a_source_says() {
    let api = Api::new(|_| json(r#"{ "sky": "rain", "days": [{ "t": 7 }, { "t": 9 }] }"#));
    let source = "    url: \"http://API/now?city={{ city | urlencode }}&lang={{ lang }}\"\n    params: [city, lang]";
    let template = "{% set w = sources.s(city='Sint-Niklaas & Gent', lang=request.query.l) %}{{ w.sky }} {% for d in w.days %}{{ d.t }};{% endfor %}";
    let front = fronted(PAGE, &rules(source, template), &api).await;
    assert_eq!(front.get("/?l=nl").await.text(), "<main><p>rain 7;9;</p></main>");
    assert_eq!(api.targets(), ["/now?city=Sint-Niklaas%20%26%20Gent&lang=nl"]);
    let came = &api.came()[0];
    assert_eq!((came.method.as_str(), came.headers["user-agent"].to_str().unwrap()), ("GET", "inlay"));
}

/// An argument stays where it stands: it can't begin another segment, query, host, nor climb up.
#[tokio::test]
async fn arguments_cannot_lead_elsewhere() {
    let api = Api::new(|came| json(format!("{:?}", came.target)));
    let source = "    url: \"http://API/v1/items/{{ id }}/stock\"\n    params: [id]";
    let front = fronted(PAGE, &rules(source, "{{ sources.s(request.query.id) }}"), &api).await;
    for (id, shows) in [
        ("a/b", "/v1/items/a%2Fb/stock"),
        ("x%3Fy%23z", "/v1/items/x%3Fy%23z/stock"),
        ("%40evil.example", "/v1/items/%40evil.example/stock"),
        ("%C3%A9%0D%0AHost:x", "/v1/items/%C3%A9%0D%0AHost%3Ax/stock"),
    ] {
        let expected = format!("<main><p>{shows}</p></main>");
        assert_eq!(front.get(&format!("/?id={id}")).await.text(), expected, "{id}");
    }
    let asked = api.targets().len();
    for id in ["..", ".", "%2e%2e"] {
        assert_eq!(front.get(&format!("/?id={id}")).await.text(), PAGE, "{id}");
    }
    assert_eq!(front.get("/").await.text(), PAGE, "an argument that is unknown");
    assert_eq!(api.targets().len(), asked, "nothing of that was asked: {:?}", api.targets());
}

#[tokio::test]
async fn bodies_and_fields_are_written_as_they_are_read() {
    let api = Api::new(|_| json(r#"{ "ok": 1 }"#));
    let source = "    url: http://API/q\n    params: [q]\n    headers: { x-lang: \"nl-{{ q|length }}\" }\n    \
                  body: '{ \"query\": {{ q }}, \"n\": 2 }'\n    idempotent: true";
    let front = fronted(PAGE, &rules(source, "{{ sources.s(q='say \"hi\" </script>').ok }}"), &api).await;
    assert_eq!(front.get("/").await.text(), "<main><p>1</p></main>");
    let came = &api.came()[0];
    let body: serde_json::Value = serde_json::from_str(&came.body).expect("JSON");
    assert_eq!(body, serde_json::json!({ "query": "say \"hi\" </script>", "n": 2 }));
    assert_eq!(came.method, "POST");
    assert_eq!(came.headers["content-type"], "application/json");
    assert_eq!(came.headers["x-lang"], "nl-18");
}

#[tokio::test]
async fn text_and_xml_are_read_too_and_a_path_cuts_out() {
    let typed = |kind: &'static str, body: &'static str| {
        Api::new(move |_| super::house::typed(kind, inlay::http::Body::full(body)))
    };
    for (kind, body, more, template, shows) in [
        ("text/plain", " 12 left ", "", "{{ sources.s() }}", " 12 left "),
        (
            "application/xml",
            "<w><d t='1'>a</d><d>b</d></w>",
            "",
            "{{ sources.s().w.d[0]['@t'] }}{{ sources.s().w.d[1] }}",
            "1b",
        ),
        ("application/json", r#"{"a":{"b":[1,2,3]}}"#, "    select: $.a.b[1]\n", "{{ sources.s() }}", "2"),
        ("text/html", "[5]", "    format: json\n", "{{ sources.s()[0] }}", "5"),
    ] {
        let api = typed(kind, body);
        let front = fronted(PAGE, &rules(&format!("{more}    url: http://API/"), template), &api).await;
        assert_eq!(front.get("/").await.text(), format!("<main><p>{shows}</p></main>"), "{kind}");
    }
}

#[tokio::test]
async fn what_is_not_as_expected_is_not_used() {
    for (more, answer) in [
        ("    expect: { required: [data.sky] }\n", json(r#"{ "data": {} }"#)),
        (
            "    expect: { content_type: application/json }\n",
            super::house::typed("text/html", inlay::http::Body::full("{}")),
        ),
        ("    expect: { status: 200 }\n", status(201)),
        ("    max_size: 10B\n", json(r#"{ "data": "too long" }"#)),
        ("", json("{ not json")),
        ("", status(404)),
    ] {
        let kept = std::sync::Mutex::new(Some(answer));
        let api = Api::new(move |_| kept.lock().expect("no panic").take().unwrap_or_else(|| status(404)));
        let source = format!("    retries: 0\n{more}    url: http://API/");
        let front = fronted(PAGE, &rules(&source, "x{{ sources.s()|length }}"), &api).await;
        assert_eq!(front.get("/").await.text(), PAGE, "{more}");
    }
}

/// What is not idempotent is asked when nothing else is missing, and once.
#[tokio::test]
async fn what_must_not_be_asked_in_vain_is_asked_last() {
    let api = Api::new(|came| json(if came.method == "POST" { r#"{"n":1}"# } else { r#"{"go":true}"# }));
    let rules = "\
sources:
  dear: { url: 'http://API/dear', method: POST, allow_private: true }
  free: { url: 'http://API/free', allow_private: true }
rules:
  r:
    match: { path: /** }
    inject:
      - { select: p, place: inner, deadline: 5s, template: '{{ sources.dear().n }} {{ sources.free().go }}' }
";
    let front = fronted(PAGE, rules, &api).await;
    assert_eq!(front.get("/").await.text(), "<main><p>1 true</p></main>");
    assert_eq!(api.targets(), ["/free", "/dear"]);
}
