//! The house's own JavaScript: what stands between a function and the engine.
//!
//! In: the files of `prelude/`. Out: compiled modules, made once per process. It must not run any.

use std::sync::LazyLock;

use rquickjs::module::WriteOptions;
use rquickjs::{Context, Runtime};

use super::bytecode::Module;

/// What every call has.
pub(super) static CORE: LazyLock<Module> = LazyLock::new(|| {
    let source = concat!(
        include_str!("prelude/scope.js"),
        include_str!("prelude/html.js"),
        include_str!("prelude/globals.js"),
        include_str!("prelude/entry.js"),
    );
    compiled("core", source)
});

static TIME: LazyLock<Module> = LazyLock::new(|| compiled("time", include_str!("prelude/time.js")));
static URLS: LazyLock<Module> = LazyLock::new(|| compiled("url", include_str!("prelude/url.js")));
static CLONE: LazyLock<Module> = LazyLock::new(|| compiled("clone", include_str!("prelude/clone.js")));
static TEXT: LazyLock<Module> = LazyLock::new(|| compiled("text", include_str!("prelude/text.js")));

static FORMAT: LazyLock<Module> = LazyLock::new(|| compiled("format", include_str!("prelude/format.js")));

/// What is loaded when it is first named.
pub(super) fn part(name: &str) -> Option<Module> {
    match name {
        "time" => Some(*TIME),
        "url" => Some(*URLS),
        "clone" => Some(*CLONE),
        "text" => Some(*TEXT),
        "format" => Some(*FORMAT),
        _ => None,
    }
}

fn compiled(name: &str, source: &str) -> Module {
    let options = WriteOptions { strip_debug: true, strip_source: true, ..WriteOptions::default() };
    let code = Runtime::new().and_then(|runtime| Context::full(&runtime)).and_then(|context| {
        let name = format!("inlay:{name}");
        context.with(|ctx| rquickjs::Module::declare(ctx, name, source)?.write(options))
    });
    let code = code.expect("invariant: the house's own JavaScript compiles, as the tests show");
    Module::keep(&format!("inlay:{name}"), code).expect("invariant: the house's own JavaScript is small")
}
