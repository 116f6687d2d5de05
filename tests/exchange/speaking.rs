//! Sites in several languages, as visitors see them.

use super::house::{Front, page};

const DEPLOYMENT: &str = "languages: [nl, en, fr]\n";
const RULES: &str = "rules:
  r:
    match: { path: /** }
    inject:
      - { select: h1, place: inner, template: \"{{ t('hello', name=request.query.name) }}\" }
      - { select: a, attribute: title, template: \"{{ t('hello.title') }}\" }
      - { select: p, place: inner, function: f, deadline: 5s }
";
const NL: &str =
    "hello = Dag { $name }\n    .title = \"Hoi\"\ntotal = { NUMBER($n, minimumFractionDigits: 2) } in totaal\n";
const EN: &str = "hello = Hello { $name }\n    .title = \"Hi\"\ntotal = { $n } in all\nlate = { $n }\n";
const FUNCTION: &str = "export default ({ t }) => t('total', { n: 1234.5 }) + '|' + t('late', { n: 2 })";

async fn front() -> Front {
    let files = [
        ("rules/site.yaml", RULES),
        ("rules/locales/nl.ftl", NL),
        ("rules/locales/en/shop.ftl", EN),
        ("rules/functions/f.js", FUNCTION),
    ];
    Front::with(DEPLOYMENT, &files, |_| page("<h1>?</h1><a title=x>?</a><p>?</p>")).await
}

#[tokio::test]
async fn everybody_is_spoken_to_in_a_language_of_theirs() {
    let front = front().await;
    let table = [
        ("nl-BE, en;q=0.5", "<h1>Dag &lt;b&gt;</h1><a title=\"&quot;Hoi&quot;\">?</a><p>1.234,50 in totaal|2</p>"),
        ("en-GB", "<h1>Hello &lt;b&gt;</h1><a title=\"&quot;Hi&quot;\">?</a><p>1,234.5 in all|2</p>"),
        // French is the site's, but nothing is said in it: the site's first language is next.
        ("fr", "<h1>Dag &lt;b&gt;</h1><a title=\"&quot;Hoi&quot;\">?</a><p>1.234,50 in totaal|2</p>"),
        ("xx", "<h1>Dag &lt;b&gt;</h1><a title=\"&quot;Hoi&quot;\">?</a><p>1.234,50 in totaal|2</p>"),
    ];
    for (accepted, expected) in table.into_iter().chain(table) {
        let answer = front.get_with("/?name=%3Cb%3E", &[("accept-language", accepted)]).await;
        assert_eq!(answer.text(), expected, "{accepted}");
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-cache"));
    }
    let revision = front.app.exchange().revision.load();
    for (name, tallied) in revision.library.tallies() {
        assert!(tallied.renders <= 3 && tallied.hits >= 5, "{name}: {tallied:?}");
        assert!(tallied.varies_by.contains(&"request.language".to_owned()), "{name}: {tallied:?}");
    }
}

#[tokio::test]
async fn a_message_that_changes_is_said_at_once_wherever_it_was_kept() {
    let front = front().await;
    assert!(front.get("/?name=Bo").await.text().starts_with("<h1>Dag Bo</h1>"));
    front.write("rules/locales/nl.ftl", &NL.replace("Dag", "Goeiedag").replace("totaal", "alles"));
    let answer = front.until("/?name=Bo", "Goeiedag Bo").await;
    assert!(answer.text().contains("1.234,50 in alles"), "{}", answer.text());
    // One that can't be read changes nothing.
    front.write("rules/locales/nl.ftl", "hello = { $name\n");
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert!(front.get("/?name=Bo").await.text().contains("Goeiedag Bo"));
}
