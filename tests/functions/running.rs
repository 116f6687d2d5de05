//! What functions can do, and how what they are given behaves.

use inlay::content::function::nonce_mark;

use super::house::{Fake, body, call_in, functions, shown, told, world};

#[tokio::test]
async fn what_is_returned_is_html_and_nothing_is_nothing() {
    for (source, expected) in [
        ("export default (input) => `<p>${input.request.cookies.tier}</p>`", "<p>gold</p>"),
        ("export default async function (input) { return '' }", ""),
        ("export default () => null", "(nothing)"),
        ("export default () => undefined", "(nothing)"),
        ("export default () => false", "(nothing)"),
        ("export default () => ({ html: 'a', data: { b: [1, 'x'] }, status: 201 })", "a"),
        ("export default () => ({ data: 1 })", "(nothing)"),
        ("export default async ({ with: given }) => html`<b>${given.sku}</b>`", "<b>A1</b>"),
        ("class A { static main(input) { return 'static' } } export default A.main", "static"),
        ("function f() { return 'named' } export { f as default }", "named"),
        ("export default () => '\u{fffd} \\ud800 é €'", "\u{fffd} \u{fffd} é €"),
    ] {
        assert_eq!(shown(source).await, expected, "{source}");
    }
}

#[tokio::test]
async fn what_can_not_be_shown_says_so() {
    for (returned, why) in [
        ("42", "threw: TypeError: the function returned a number"),
        ("true", "threw: TypeError: the function returned a boolean"),
        ("[1]", "threw: TypeError: the function returned a list"),
        ("() => 1", "threw: TypeError: the function returned a function"),
        ("Symbol('x')", "threw: TypeError: the function returned a symbol"),
        ("({ html: 3 })", "threw: TypeError: the function gave as `html` a number"),
        ("({ html: 'a', status: 99 })", "threw: TypeError: `status` is a whole number"),
        ("({ html: 'a', status: 'x' })", "threw: TypeError: `status` is a whole number"),
        ("({ get html() { throw new RangeError('no') } })", "threw: RangeError: no"),
        ("html`${input.profile.nowhere}`", "threw: TypeError: a value in html`…` is unknown"),
    ] {
        let told = body(&format!("return {returned}")).await;
        assert!(told.starts_with(why), "{returned}: {told}");
    }
    let ran = call_in("export default () => ({ html: 'a', data: { b: [1] }, status: 201 })", world()).await;
    let output = ran.result.unwrap();
    assert_eq!((output.data, output.status), (Some(serde_json::json!({ "b": [1] })), Some(201)));
}

#[tokio::test]
async fn errors_show_the_authors_line() {
    let source = "function price(x) {\n  return x.y.z;\n}\nexport default (input) => {\n  return price({});\n};";
    assert_eq!(shown(source).await, "threw: TypeError: cannot read property 'z' of undefined (functions/f.js:2:10)");
    let rejected = "export default async () => {\n  await null;\n  throw new Error('late');\n}";
    assert_eq!(shown(rejected).await, "threw: Error: late (functions/f.js:3:13)");
    assert_eq!(shown("export default () => { throw 'a text' }").await, "threw: a text");
    assert_eq!(
        shown("export default () => { throw null }").await,
        "threw: null was thrown, as the engine does too when it has no memory left"
    );
}

#[tokio::test]
async fn maps_and_lists_behave_as_such() {
    for (expression, expected) in [
        ("`${Array.isArray(input.profile.tags)} ${Array.isArray(input.profile)}`", "true false"),
        ("input.profile.tags.length + input.profile.tags.map((t) => t + t).join()", "3aa,bb,cc"),
        ("[...input.profile.tags, ...input.profile.empty].join('')", "abc"),
        ("JSON.stringify(input.profile.tags)", "[\"a\",\"b\",\"c\"]"),
        ("JSON.stringify(input.profile.orders)", "[{\"sku\":\"A1\",\"price\":3.5},{\"sku\":\"B2\",\"price\":7}]"),
        ("JSON.stringify(structuredClone(input.profile.deep))", "{\"er\":{\"est\":\"here\"}}"),
        ("Object.keys(input.profile.tags).join()", "0,1,2"),
        ("Object.entries(input.request.query).join()", "q,a&b"),
        ("Object.values(input.profile.deep.er).join()", "here"),
        ("((a) => a.length)(input.profile.tags.slice(1))", "(nothing)"),
        ("(({ name, ...rest }) => name + Object.keys(rest).length)(input.profile)", "Ann <b>9"),
        ("(([first, ...rest]) => first + rest.length)(input.profile.tags)", "a2"),
        ("'tier' in input.request.cookies && !('none' in input.request.cookies) && 'yes'", "yes"),
        ("Object.hasOwn(input.request.cookies, 'tier') && 'own'", "own"),
        ("input.profile.tags.concat(['d']).includes('d') && input.profile.tags.at(-1)", "c"),
        ("input.profile.orders.toSorted((a, b) => b.price - a.price)[0].sku", "B2"),
        ("input.profile.tags.find((t) => t > 'a')", "b"),
        ("(() => { let all = ''; for (const k in input.profile.deep) all += k; return all })()", "er"),
        ("(() => { let all = ''; for (const t of input.profile.tags) all += t; return all })()", "abc"),
        ("Object.assign({}, input.request.query).q", "a&b"),
        ("`${input.profile === input.profile} ${input.profile.tags === input.profile.tags}`", "true true"),
        ("String(input.profile.none) + input.profile.gold + input.profile.age + input.profile.ratio", "nulltrue420.5"),
        ("String(input.profile.nowhere) + input.profile.nowhere?.deeper", "undefinedundefined"),
        ("input.request.cookies.__proto__ + Object.getPrototypeOf(input.request.cookies)", "oddnull"),
        ("String(input.request.cookies.constructor) + input.request.cookies.toString", "undefinedundefined"),
        ("(await input.request.cookies).then", "later"),
        ("typeof input.nothing + typeof input.eval + typeof input.constructor", "undefinedundefinedundefined"),
        ("Object.keys(input).includes('profile') && Object.keys(input).includes('with') && 'both'", "both"),
        ("({ ...input }).with.sku", "A1"),
        (
            "JSON.stringify(Object.getOwnPropertyDescriptor(input.request.query, 'q'))",
            "{\"value\":\"a&b\",\"writable\":true,\"enumerable\":true,\"configurable\":true}",
        ),
        ("Reflect.ownKeys(input.profile.tags).join()", "0,1,2,length"),
        ("input.now.date + input.now.format('%H') + input.now.after('18:00')", "2026-12-2418true"),
        ("`${input.now}`", "2026-12-24T18:20:30+01:00"),
        ("input.csp.nonce", nonce_mark()),
    ] {
        let told = body(&format!("return {expression}")).await;
        let expected = if expected == "(nothing)" {
            "threw: TypeError: the function returned a number; text is shown as HTML, null shows nothing"
        } else {
            expected
        };
        assert!(told.starts_with(expected), "{expression}: {told}");
    }
}

#[tokio::test]
async fn what_is_given_can_not_be_changed() {
    for change in [
        "input.profile.name = 'x'",
        "delete input.profile.name",
        "Object.defineProperty(input.profile, 'name', { value: 1 })",
        "Object.setPrototypeOf(input.profile, {})",
        "Object.freeze(input.profile)",
        "Object.preventExtensions(input.profile.tags)",
        "input.profile.tags.push('d')",
        "input.profile.tags.reverse()",
        "input.profile.tags.length = 0",
        "input.extra = 1",
        "delete input.profile.tags[0]",
    ] {
        let told = body(&format!("{change}; return 'changed'")).await;
        assert!(told.starts_with("threw: TypeError") && told.contains("can only be read"), "{change}: {told}");
    }
}

#[tokio::test]
async fn time_is_the_sites_and_chance_the_exchanges() {
    for (expression, expected) in [
        ("String(Date.now())", "1798132830500"),
        ("new Date().toISOString()", "2026-12-24T17:20:30.500Z"),
        ("String(new Date().getHours())", "18"),
        ("String(new Date())", "Thu Dec 24 2026 18:20:30 GMT+0100"),
        ("Date().slice(0, 15)", "Thu Dec 24 2026"),
        ("new Date(2026, 6, 1, 12).toISOString()", "2026-07-01T10:00:00.000Z"),
        ("new Date('2026-07-01T12:00').toISOString()", "2026-07-01T10:00:00.000Z"),
        ("new Date('2026-07-01').toISOString()", "2026-07-01T00:00:00.000Z"),
        ("new Date('2026-07-01T12:00:00Z').toISOString()", "2026-07-01T12:00:00.000Z"),
        ("new Date('1 Jul 2026 12:00').toISOString()", "2026-07-01T10:00:00.000Z"),
        ("new Date(0).toString()", "Thu Jan 01 1970 01:00:00 GMT+0100"),
        ("String(new Date('x')) + new Date(NaN).getHours()", "Invalid DateNaN"),
        ("((d) => { d.setHours(0, 0, 0, 0); return d.toISOString() })(new Date())", "2026-12-23T23:00:00.000Z"),
        ("((d) => { d.setMonth(5); return d.getHours() + d.toISOString() })(new Date())", "182026-06-24T16:20:30.500Z"),
        ("String(new Date().getTimezoneOffset()) + new Date(2026, 6).getTimezoneOffset()", "-60-120"),
        ("new Date().toLocaleDateString() + new Date().toLocaleTimeString()", "2026-12-2418:20:30"),
        ("String(new Date(new Date(5)).getTime() + +new Date(7))", "12"),
        (
            "`${new Date() instanceof Date} ${Object.getPrototypeOf(new Date()) === Date.prototype} ${Date.name}`",
            "true true Date",
        ),
        ("class D extends Date { twice() { return this.getTime() * 2 } } return String(new D(4).twice())", "8"),
        ("String(Date.UTC(2026, 0)) + Date.parse('2026-01-01')", "17672256000001767225600000"),
        ("String(Math.random() !== Math.random() && Math.random() < 1)", "true"),
        ("String(performance.now())", "0"),
    ] {
        let source =
            if expression.starts_with("class") { expression.to_owned() } else { format!("return {expression}") };
        assert_eq!(body(&source).await, expected, "{expression}");
    }
}

#[tokio::test]
async fn the_webs_own_names_are_there() {
    for (expression, expected) in [
        ("html`<a title=\"${'\"<&'}\">${[1, html`<i>`, null, false]}</a>`", "<a title=\"&quot;&lt;&amp;\">1<i></a>"),
        ("html`${html.raw('<b>')}${input.profile.name}`", "<b>Ann &lt;b&gt;"),
        ("escapeHtml(`<'&\">`)", "&lt;&#39;&amp;&quot;&gt;"),
        ("new TextDecoder().decode(new TextEncoder().encode('é€😀'))", "é€😀"),
        ("String(new TextEncoder().encode('é€').length)", "5"),
        ("new TextDecoder().decode(new Uint8Array([255, 65]))", "\u{fffd}A"),
        (
            "(() => { try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])) } catch (e) { return e.name } })()",
            "TypeError",
        ),
        ("btoa('a\\xff') + atob(' YQ == ')", "Yf8=a"),
        ("(() => { try { atob('*') } catch (e) { return e.name } })()", "InvalidCharacterError"),
        ("new URL('../b?x=1#y', 'https://a.example/c/d/').href", "https://a.example/c/b?x=1#y"),
        (
            "((u) => { u.searchParams.set('q', 'a b'); u.hash = ''; return u.href })(new URL('https://a.example/?q=1&r=2#z'))",
            "https://a.example/?q=a+b&r=2",
        ),
        (
            "((u) => { u.search = '?z=9'; return u.searchParams.get('z') + u.host })(new URL('https://a.example:8443/'))",
            "9a.example:8443",
        ),
        ("String(new URLSearchParams({ a: '1', b: 'é' }))", "a=1&b=%C3%A9"),
        (
            "[...new URLSearchParams('?a=1&a=2&b=3')].map((p) => p.join('')).join() + new URLSearchParams('a=1&a=2').getAll('a')",
            "a1,a2,b31,2",
        ),
        ("(() => { try { new URL('nope') } catch (e) { return e.name } })()", "TypeError"),
        ("String(URL.canParse('https://a.example')) + URL.parse('nope')", "truenull"),
        (
            "[...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc')))].map((b) => b.toString(16).padStart(2, '0')).join('')",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        ("(await crypto.subtle.digest({ name: 'sha-1' }, new ArrayBuffer(0))).byteLength + ''", "20"),
        (
            "(() => { const a = { d: new Date(5), m: new Map([[1, { x: new Set([2]) }]]), u: new Uint8Array([1, 2]) }; a.self = a; const b = structuredClone(a); return String(b !== a && b.self === b && b.d.getTime() === 5 && b.m.get(1).x.has(2) && b.u[1] === 2) })()",
            "true",
        ),
        ("(() => { try { structuredClone(() => 1) } catch (e) { return e.name } })()", "DataCloneError"),
        (
            "(() => { try { setTimeout(() => 1) } catch (e) { return e.message } })()",
            "setTimeout: a function has no timers, it has until the deadline of its slot",
        ),
        (
            "(() => { try { fetch('https://a.example') } catch (e) { return e.message } })()",
            "fetch: a function reaches the outside by `await input.source(name, {…})` only",
        ),
        ("`${'x'.repeat(3).replaceAll('x', 'y').split('y').length}${''.indexOf('')}${'abc'.includes('b')}`", "40true"),
        ("'a1b22'.replace(/\\d+/g, (n) => `<${n}>`) + 'a-b'.split(/-/).join()", "a<1>b<22>a,b"),
        (
            "(await Promise.all([1, Promise.resolve(2)])).join() + (await Promise.allSettled([Promise.reject(1)]))[0].status",
            "1,2rejected",
        ),
    ] {
        assert_eq!(body(&format!("return {expression}")).await, expected, "{expression}");
    }
}

#[tokio::test]
async fn what_makes_code_or_sees_the_machine_is_gone() {
    for expression in [
        "eval('1')",
        "new Function('return 1')()",
        "(() => {}).constructor('return 1')()",
        "(async () => {}).constructor('return 1')()",
        "(function* () {}).constructor('return 1')()",
        "(async function* () {}).constructor('return 1')()",
        "input.request.constructor.constructor('return 1')()",
        "new WeakRef({})",
        "new FinalizationRegistry(() => {})",
        "new SharedArrayBuffer(8)",
        "Atomics.add",
        "WebAssembly.compile",
        "require('fs')",
        "process.env",
        "Deno.cwd()",
        "std.open",
        "os.exec",
        "await import('fs')",
        "await import('./no.js')",
        "await import('/etc/passwd')",
        "await import('../inlay.yaml')",
    ] {
        let told = body(&format!("const it = {expression}; return `have ${{it}}`")).await;
        assert!(told.starts_with("threw: "), "{expression}: {told}");
    }
}

#[tokio::test]
async fn no_call_sees_the_one_before() {
    use inlay::content::function::{Allowance, Engine, Errand};
    let source = "let count = 0; export default () => { globalThis.seen = (globalThis.seen ?? 0) + 1; Array.prototype.x = 1; \
                  return `${++count} ${globalThis.seen}` }";
    let functions = std::sync::Arc::new(functions(&[("functions/f.js", source)]));
    let engine = Engine::new(1);
    for _ in 0..20 {
        let errand = Errand {
            functions: functions.clone(),
            function: "f".into(),
            with: "null".into(),
            scope: world(),
            allowance: Allowance::default(),
        };
        assert_eq!(told(engine.run(errand).await.result.map(|output| output.html)), "1 1");
    }
}

#[tokio::test]
async fn modules_import_from_their_folder() {
    use inlay::content::function::{Allowance, Engine, Errand};
    let functions = functions(&[
        ("functions/shop/price.js", "import { euro } from '../lib/money.js'; export default () => euro(3)"),
        (
            "functions/lib/money.js",
            "import sign from './sign.js'; export const euro = (n) => `${sign} ${n.toFixed(2)}`;",
        ),
        ("functions/lib/sign.js", "export default '€'"),
    ]);
    let errand = Errand {
        functions: functions.into(),
        function: "shop/price".into(),
        with: "null".into(),
        scope: world(),
        allowance: Allowance::default(),
    };
    assert_eq!(told(Engine::new(1).run(errand).await.result.map(|output| output.html)), "€ 3.00");
}

#[tokio::test]
async fn sources_are_asked_together_and_told_in_the_order_of_the_asking() {
    let fake = Fake::default();
    let source = "export default async (input) => {
        const order = [];
        const ask = async (name) => { const it = await input.source(name, { sku: 'A1' }); order.push(it.name); return it.left };
        const all = await Promise.all([ask('slow'), ask('quick'), ask('other')]);
        const more = await input.source('again');
        return order.join() + all.join() + more.name + JSON.stringify(more.given);
    }";
    let ran = call_in(source, fake.scope()).await;
    assert_eq!(told(ran.result.map(|output| output.html)), "slow,quick,other3,3,3again{}");
    assert_eq!(fake.rounds(), [vec!["slow", "quick", "other"], vec!["again"]]);
    assert!(ran.ledger.bounds().storable, "nothing hangs on who was faster");
    assert!(ran.ledger.varies_by().any(|question| question.to_string().contains("left")), "{:?}", ran.ledger.reads());
}

#[tokio::test]
async fn a_race_is_seen_as_it_is_run_and_not_kept() {
    for race in ["race", "any"] {
        let source = format!(
            "export default async (input) => (await Promise.{race}([input.source('slow'), input.source('quick')])).name"
        );
        let ran = call_in(&source, Fake::default().scope()).await;
        assert_eq!(told(ran.result.map(|output| output.html)), "quick");
        assert!(!ran.ledger.bounds().storable);
    }
}

#[tokio::test]
async fn a_source_that_fails_is_an_error_to_be_caught() {
    let caught = "export default async (input) => { try { await input.source('broken') } catch (e) { return `${e.name}: ${e.message}` } }";
    let ran = call_in(caught, Fake::default().scope()).await;
    assert_eq!(told(ran.result.map(|output| output.html)), "SourceError: it did not answer");
    let ran =
        call_in("export default async (input) => (await input.source('broken')).x", Fake::default().scope()).await;
    assert!(told(ran.result.map(|output| output.html)).starts_with("threw: SourceError: it did not answer"));
    let ran =
        call_in("export default async (input) => (await input.source('unknown')).x", Fake::default().scope()).await;
    assert!(told(ran.result.map(|output| output.html)).contains("there is no source `unknown`"));
}

#[tokio::test]
async fn the_console_is_noted_up_to_its_bound() {
    let source = "export default (input) => { console.log('a', 1, { b: [2] }, input.profile.tags); console.warn(new Error('no').message);
        for (let i = 0; i < 100; i++) console.error('x'.repeat(10000)); return 'said' }";
    let ran = call_in(source, world()).await;
    assert_eq!((&*ran.console[0].level, &*ran.console[0].text), ("log", "a 1 {\"b\":[2]} [\"a\",\"b\",\"c\"]"));
    assert_eq!((&*ran.console[1].level, &*ran.console[1].text), ("warn", "no"));
    assert_eq!(ran.console.len(), 20);
    assert_eq!(ran.console[19].text.len(), 2_000);
}
