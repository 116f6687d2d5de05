//! `inlay demo`: a shop, Inlay before it, and a stage that shows both, in one process.
//!
//! In: options, and who builds the Inlay that stands before the shop. Out: one printed address, served until it is told to stop. It
//! must not make Inlay behave otherwise than it does elsewhere.

pub mod aim;
mod apis;
mod command;
mod controls;
mod door;
pub mod edge;
mod editor;
mod follow;
mod frame;
mod jar;
mod listen;
mod mark;
mod persona;
mod proof;
mod report;
mod rules;
pub mod shop;
mod stage;
mod visitors;
mod waterfall;
mod world;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::Clock;
use apis::{Api, Apis};
use door::{Door, ErrandFailed};
use edge::{BoxError, Edge};
use editor::Editor;
use persona::Persona;
use rules::{RulesError, RulesFolder};
use shop::Shop;
use world::World;

pub use command::{Args, build, run_command};

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Options {
    /// The door's port on the loopback; if it is taken, a free one is used and said.
    pub port: u16,
    /// The folder of rules. Without: a copy of the bundled ones.
    pub rules: Option<PathBuf>,
}

/// What an Inlay for the demo is built from.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where the shop listens.
    pub origin: SocketAddr,
    /// A folder with rules.
    pub rules: PathBuf,
    /// The deployment's file, with the two above in it.
    pub settings: String,
    /// Where the rules find the demo's APIs.
    pub variables: Vec<(String, String)>,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("no port of this machine could be opened")]
    Listen(#[source] io::Error),
    #[error("the rules could not be laid out")]
    Rules(#[from] RulesError),
    #[error("Inlay could not be started before the shop")]
    Edge(#[source] BoxError),
    #[error(transparent)]
    Visitors(#[from] ErrandFailed),
}

/// Runs the demo until `shutdown` ends. `build` makes the Inlay that stands before the shop; `ready` is told the door's address once
/// it is open.
pub async fn run<B, F>(
    options: Options,
    build: B,
    ready: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<(), DemoError>
where
    B: FnOnce(Site) -> F,
    F: Future<Output = Result<Arc<dyn Edge>, BoxError>>,
{
    let shop = Arc::new(Shop::default());
    let shop_listener = bind(0).await.map_err(DemoError::Listen)?;
    let rules = RulesFolder::choose(options.rules)?;
    let apis = Arc::new(Apis::new(shop.catalogue()));
    let (stop, stopped) = watch::channel(false);
    // Its own task, because `build` and the visitors' errands ask it before the door opens.
    let mut site = site(&shop_listener, &rules)?;
    for api in Api::ALL {
        let listener = bind(0).await.map_err(DemoError::Listen)?;
        let address = listener.local_addr().map_err(DemoError::Listen)?;
        site.variables.push((api.variable().to_owned(), format!("http://{address}")));
        tokio::spawn(serve_api(api, Arc::clone(&apis), listener, stopped.clone()));
    }
    let origin = tokio::spawn(serve_shop(Arc::clone(&shop), shop_listener, stopped.clone()));
    let edge = build(site).await.map_err(DemoError::Edge)?;
    let editor = Editor::new(rules.path(), matches!(rules, RulesFolder::Copy(_)));
    let world = World::new(apis, editor, Clock::system());
    let door = Arc::new(Door::new(edge, shop, world, Clock::system()));
    for persona in Persona::ALL {
        door.make_ready(persona).await?;
    }
    let listener = first_free(options.port).await.map_err(DemoError::Listen)?;
    let address = listener.local_addr().map_err(DemoError::Listen)?;
    greet(address.port(), options.port, &rules);
    ready(address);
    let ending = async {
        shutdown.await;
        // Fails only if both listeners have ended already.
        let _ = stop.send(true);
    };
    tokio::join!(serve_door(door, listener, stopped), ending);
    if let Err(error) = origin.await {
        tracing::warn!(%error, "the shop ended badly");
    }
    Ok(())
}

async fn serve_shop(shop: Arc<Shop>, listener: TcpListener, stopped: watch::Receiver<bool>) {
    let answer = move |request: Request<Incoming>| {
        let shop = Arc::clone(&shop);
        async move { Some(shop.answer(request).await) }
    };
    listen::serve(listener, answer, stopped).await;
}

async fn serve_api(api: Api, apis: Arc<Apis>, listener: TcpListener, stopped: watch::Receiver<bool>) {
    let answer = move |request: Request<Incoming>| {
        let apis = Arc::clone(&apis);
        async move { apis.answer(api, request).await }
    };
    listen::serve(listener, answer, stopped).await;
}

async fn serve_door(door: Arc<Door>, listener: TcpListener, stopped: watch::Receiver<bool>) {
    let answer = move |request: Request<Incoming>| {
        let door = Arc::clone(&door);
        async move { Some(door.answer(request.map(edge::boxed)).await) }
    };
    listen::serve(listener, answer, stopped).await;
}

fn site(listener: &TcpListener, rules: &RulesFolder) -> Result<Site, DemoError> {
    let origin = listener.local_addr().map_err(DemoError::Listen)?;
    let settings = include_str!("assets/inlay.yaml")
        .replace("ORIGIN", &origin.to_string())
        .replace("RULES", &rules.path().display().to_string());
    Ok(Site { origin, rules: rules.path().to_owned(), settings, variables: Vec::new() })
}

async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

async fn first_free(port: u16) -> io::Result<TcpListener> {
    match bind(port).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => bind(0).await,
        bound => bound,
    }
}

fn greet(port: u16, wanted: u16, rules: &RulesFolder) {
    if wanted != 0 && port != wanted {
        println!("Port {wanted} is taken, so the demo uses {port}.");
    }
    let folder = rules.path().display();
    println!("\n  The stage:  http://localhost:{port}/\n");
    println!("  A shop as its makers made it, and as Inlay serves it, side by side.");
    println!("  The rules are in {folder}; a change there is live on the next request.");
    println!("  Ctrl-C ends it.\n");
}
