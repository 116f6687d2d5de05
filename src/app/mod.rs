//! Wiring: files → handles → servers, and the order in which they end.
//!
//! In: where the files are. Out: a running [`App`]. It must not decide what any room decides.

mod reload;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::task::JoinSet;

pub use reload::Reloaded;

use crate::admin::Admin;
use crate::clock::Clock;
use crate::config::{self, Loaded, Problems, Settings, World};
use crate::exchange::Exchange;
use crate::http::Body;
use crate::http::headers::Pseudonym;
use crate::ids;
use crate::server::{BindError, ListenerSettings, Server};
use crate::shutdown::{Drained, Shutdown, Trigger, shutdown};
use reload::Reloader;

/// Inlay, running.
#[derive(Debug)]
pub struct App {
    exchange: Arc<Exchange>,
    admin: Arc<Admin>,
    reloader: Arc<Reloader>,
    addresses: Vec<SocketAddr>,
    admin_address: Option<SocketAddr>,
    trigger: Trigger,
    tasks: JoinSet<()>,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The files are wrong; printed, the problems say where and what to do.
    #[error("{0}")]
    Config(#[from] Problems),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("the rules folder can't be watched")]
    Watch(#[from] notify::Error),
}

impl App {
    /// Reads the files, binds the addresses and serves. Must be called within the runtime. The warnings are what `check`
    /// would warn of.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(source: config::Source, clock: Clock) -> Result<(Self, Problems), StartError> {
        let (trigger, handle) = shutdown();
        let seed = ids::random_128();
        let pseudonym = Pseudonym::new(u32::from_le_bytes([seed[0], seed[1], seed[2], seed[3]]));
        let world = World { clock: clock.clone(), shutdown: handle.clone(), pseudonym };
        let Loaded { settings, revision, warnings } = config::load(&source, &world)?;
        let exchange =
            Exchange::new(Arc::new(revision), settings.visitors.clone(), settings.trusted.clone(), clock);
        let exchange = Arc::new(exchange);
        let token = settings.admin.as_ref().and_then(|admin| admin.token.clone());
        let admin = Arc::new(Admin::new(exchange.clone(), token));
        let (site, admin_server) = bind(&settings)?;
        let addresses = site.addresses();
        let admin_address = admin_server.as_ref().map(|server| server.addresses()[0]);
        let reloader = Arc::new(Reloader::new(source, world, settings, exchange.clone(), admin.clone()));
        let mut app = Self { exchange, admin, reloader, addresses, admin_address, trigger, tasks: JoinSet::new() };
        app.serve(site, admin_server, &handle)?;
        Ok((app, warnings))
    }

    fn serve(&mut self, site: Server, admin_server: Option<Server>, shutdown: &Shutdown) -> Result<(), StartError> {
        let changes = watch::changes(self.reloader.rules())?;
        self.tasks.spawn(watch::reload_on(changes, self.reloader.clone(), shutdown.clone()));
        let exchange = self.exchange.clone();
        let service = move |request| handle(exchange.clone(), request);
        self.tasks.spawn(site.run(service, shutdown.clone()));
        if let Some(server) = admin_server {
            let admin = self.admin.clone();
            let service = move |request| answer(admin.clone(), request);
            self.tasks.spawn(server.run(service, shutdown.clone()));
        }
        Ok(())
    }

    /// The addresses that visitors reach, in the order of the settings.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The admin port's address.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// What answers requests, for whoever asks from within the process.
    pub fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// Reads all files again, certificates too. A wrong file changes nothing.
    pub fn reload(&self) -> Reloaded {
        self.reloader.reload_all()
    }

    /// Ends: not ready, then no new connections, then what runs has `bound` to end by itself.
    pub async fn stop(self, bound: Duration) -> Drained {
        self.admin.drain();
        let drained = self.trigger.drain(bound).await;
        self.tasks.join_all().await;
        drained
    }
}

async fn handle(exchange: Arc<Exchange>, request: Request<Body>) -> Response<Body> {
    exchange.handle(request).await
}

async fn answer(admin: Arc<Admin>, request: Request<Body>) -> Response<Body> {
    admin.answer(&request)
}

/// Binds the site's addresses and the admin port's.
fn bind(settings: &Settings) -> Result<(Server, Option<Server>), BindError> {
    let site = Server::bind(settings.listeners.clone())?;
    let admin = settings.admin.as_ref().map(|admin| ListenerSettings { address: admin.address, tls: None });
    let admin = admin.map(|listener| Server::bind(vec![listener])).transpose()?;
    Ok((site, admin))
}
