//! The command `inlay demo`: the demo with the real Inlay before its shop.
//!
//! In: arguments. Out: an exit code. It must not know what the stage shows.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};
use http::{Request, Response};

use super::edge::{self, BoxError, Edge, Reread, Wrong};
use super::{DemoError, Options, Site, run};
use crate::app::{App, Refusal, Reloaded};
use crate::clock::Clock;
use crate::config::variables::Environment;
use crate::config::{ConfigSource, DeploymentSource, Problem, Problems};
use crate::exchange::Exchange;
use crate::http::{Body, BodyError};
use crate::telemetry::{self, Causes, LogFormat};

/// What of the demo can be chosen.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The port of the stage; if it is taken, a free one is used and said.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The folder of rules [default: a copy of the demo's own, which can be changed on the stage].
    #[arg(long, value_name = "FOLDER")]
    rules: Option<PathBuf>,
}

/// Runs the demo until Ctrl-C.
pub fn run_command(args: &Args) -> ExitCode {
    telemetry::log_to_stderr_from(LogFormat::Text, "warn");
    let options = Options { port: args.port, rules: args.rules.clone() };
    let done = tokio::runtime::Runtime::new()
        .map_err(DemoError::Listen)
        .and_then(|runtime| runtime.block_on(run(options, build, |_| (), interrupted())));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => crate::cli::failed(&error),
    }
}

async fn interrupted() {
    // Without signals the demo runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Inlay before the demo's shop, as it would run anywhere.
pub async fn build(site: Site) -> Result<Arc<dyn Edge>, BoxError> {
    let deployment = DeploymentSource::Text { name: "demo.yaml".to_owned(), text: site.settings };
    let environment = Environment::Fixed(site.variables.into_iter().collect());
    let source = ConfigSource { deployment, environment, ..ConfigSource::default() };
    let (app, _warnings) = App::start(source, Clock::system())?;
    let exchange = app.exchange().clone();
    Ok(Arc::new(Fronted { exchange, app }))
}

/// The running Inlay, asked from within the process.
struct Fronted {
    exchange: Arc<Exchange>,
    /// Keeps it running, and reloading its rules.
    app: App,
}

impl Edge for Fronted {
    fn serve(&self, request: Request<edge::Body>) -> BoxFuture<'static, Response<edge::Body>> {
        let exchange = self.exchange.clone();
        async move { exchange.handle(request.map(Body::wrap)).await.map(edge::boxed) }.boxed()
    }

    fn reread(&self) -> Reread {
        match self.app.reload() {
            Reloaded::Applied => Reread::Live,
            Reloaded::Unchanged | Reloaded::Overtaken => Reread::Unchanged,
            Reloaded::Refused(Refusal::Config(Problems(problems))) => {
                Reread::Refused(problems.iter().map(wrong).collect())
            }
            Reloaded::Refused(refusal @ Refusal::Build(_)) => {
                let what = Causes(&refusal).to_string();
                Reread::Refused(vec![Wrong { file: String::new(), line: 0, column: 0, what, remedy: String::new() }])
            }
        }
    }
}

fn wrong(problem: &Problem) -> Wrong {
    let Problem { place, what, remedy, .. } = problem;
    let (line, column) = place.position().unwrap_or_default();
    Wrong { file: place.file().to_owned(), line, column, what: what.clone(), remedy: remedy.clone() }
}

impl From<edge::BodyError> for BodyError {
    fn from(error: edge::BodyError) -> Self {
        Self::Source(Box::new(error))
    }
}
