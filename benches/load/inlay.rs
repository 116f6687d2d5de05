//! Inlay under measurement: the whole of it, from files, as `inlay run` starts it.
//!
//! In: the origin's address. Out: a listening Inlay.

use std::net::SocketAddr;

use inlay::app::App;
use inlay::clock::Clock;
use inlay::config::ConfigSource;
use inlay::telemetry::{LogFormat, log_to_stderr_from};
use tempfile::TempDir;

use crate::Failure;
use crate::subject::{COOKIE, RULES, SECRET};

/// Inlay in front of `origin`, logging from `level`. What it returns beside the address must be held while it serves.
pub async fn serve(origin: SocketAddr, level: &str) -> Result<(SocketAddr, (App, TempDir)), Failure> {
    log_to_stderr_from(LogFormat::Text, level);
    let folder = tempfile::tempdir()?;
    let deployment = format!(
        "listen: 127.0.0.1:0\norigin: http://{origin}\nrules: rules\nvisitor: {{ cookie: {COOKIE}, secret: \"{SECRET}\", consent: implied }}\n"
    );
    std::fs::create_dir(folder.path().join("rules"))?;
    std::fs::write(folder.path().join("rules/bench.yaml"), RULES)?;
    std::fs::write(folder.path().join("inlay.yaml"), deployment)?;
    let source = ConfigSource::file(folder.path().join("inlay.yaml"));
    let (app, _warnings) = App::start(source, Clock::system())?;
    let address = *app.addresses().first().ok_or("Inlay does not listen")?;
    Ok((address, (app, folder)))
}
