//! Wiring: files → handles → servers, and the order in which they end.
//!
//! In: where the files are. Out: a running [`App`]. It must not decide what any room decides.

mod build;
mod keys;
mod look;
mod reload;
mod standalone;
mod store;
pub mod successor;
mod watch;

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::task::JoinSet;

pub use build::BuildError;
pub use look::Look;
pub use reload::{Refusal, Reloaded};
pub use standalone::Standalone;
pub use store::{Predecessor, open as open_store};
pub use successor::HandOverError;

use crate::acme::Challenges;
use crate::admin::Admin;
use crate::clock::Clock;
use crate::config::{self, ConfigSource, Loaded, Problems};
use crate::content::function::Engine;
use crate::content::source::House;
use crate::content::{Cache, Lasting};
use crate::exchange::Exchange;
use crate::http::Body;
use crate::http::client::Names;
use crate::limits::ADMIN_DRAIN_WAIT;
use crate::server::inherited::Inherited;
use crate::server::{BindError, ListenerSettings, Server};
use crate::shutdown::{Drained, Shutdown, Trigger, shutdown};
use crate::store::StoreError;
use build::Connecting;
use reload::Reloader;

/// Inlay, running.
#[derive(Debug)]
pub struct App {
    exchange: Arc<Exchange>,
    admin: Arc<Admin>,
    reloader: Arc<Reloader>,
    addresses: Vec<SocketAddr>,
    drain_wait: Duration,
    admin_address: Option<SocketAddr>,
    /// All that is listened on, once more, for the process that comes after this one.
    sockets: Vec<OwnedFd>,
    trigger: Trigger,
    /// The admin port ends last: a drain is watched over it.
    admin_trigger: Trigger,
    tasks: JoinSet<()>,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The files are wrong; printed, the problems say where and what to do.
    #[error(transparent)]
    Config(Problems),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Bind(#[from] BindError),
    /// It says itself what to do.
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the listening sockets can't be kept for the next process")]
    Sockets(#[source] io::Error),
    #[error("signals can't be listened for")]
    Signals(#[source] io::Error),
}

impl App {
    /// Reads the files, binds the addresses and serves. Must be called within the runtime. The problems are what `check`
    /// would warn of.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(source: ConfigSource, clock: Clock) -> Result<(Self, Problems), StartError> {
        Self::start_on(source, clock, Inherited::none())
    }

    /// The same, on sockets that are open already as far as their addresses are those of the files.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start_on(source: ConfigSource, clock: Clock, inherited: Inherited) -> Result<(Self, Problems), StartError> {
        Self::start_as_told(source, clock, inherited, Names::platform())
    }

    /// The same, where the addresses of sources' hosts are told by `names`: for tests of what names may lead to.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start_as_told(
        source: ConfigSource,
        clock: Clock,
        mut inherited: Inherited,
        names: Names,
    ) -> Result<(Self, Problems), StartError> {
        let Loaded { settings, rules, warnings } = config::load(&source, clock.now()).map_err(StartError::Config)?;
        let (trigger, handle) = shutdown();
        let connecting = Connecting::new(handle.clone());
        let sites = build::sites(&settings, &connecting, None, &clock)?;
        let cache = Cache::new(settings.cache.fragments);
        let sources = House::new(clock.clone(), names);
        let lasting = Lasting::new(cache, settings.functions.threads.map(Engine::new).unwrap_or_default());
        let revision = rules.revision(sites, lasting.clone(), &sources);
        let predecessor = if inherited.is_empty() { Predecessor::Nobody } else { Predecessor::HandsOver };
        let remembered = store::open(&settings, predecessor)?;
        let exchange = build::exchange(&settings, revision, Some(remembered), &clock)?;
        let token = settings.admin.as_ref().and_then(|admin| admin.token.as_ref());
        let admin = Arc::new(Admin::new(exchange.clone(), token.map(|token| token.expose().to_owned())));

        // Before they are read, so that a change in between is seen.
        let certificates = Look::at_files(&reload::certificate_files(&settings));
        let challenges = Challenges::default();
        let listeners = build::listeners(&settings, &challenges)?;
        let keepers = build::keepers(&settings, &challenges, &exchange.metrics, &clock)?;
        let site = Server::bind_or_inherit(listeners.clone(), &mut inherited)?;
        let site = site.on(build::terms(&settings, &exchange.metrics));
        let second = settings.admin.as_ref().map(|admin| ListenerSettings::plain(admin.address));
        let second = second.map(|listener| Server::bind_or_inherit(vec![listener], &mut inherited)).transpose()?;
        for address in inherited.left() {
            tracing::warn!(%address, "a socket was given that no listener has as its address; it is closed");
        }
        let sockets = [Some(&site), second.as_ref()].into_iter().flatten().map(Server::sockets);
        let sockets =
            sockets.collect::<io::Result<Vec<_>>>().map_err(StartError::Sockets)?.into_iter().flatten().collect();
        let addresses = site.addresses();
        let admin_address = second.as_ref().map(|server| server.addresses()[0]);

        let tls = listeners.into_iter().filter_map(|listener| listener.tls).collect();
        let held = reload::Held { exchange: exchange.clone(), admin: admin.clone(), lasting, sources, tls };
        let (drain_wait, forget) = (settings.bounds.drain_wait, settings.profiles.forget);
        let reloader = Arc::new(Reloader::new(source, settings, held, connecting));
        let (admin_trigger, admin_handle) = shutdown();
        let tasks = JoinSet::new();
        let mut app = Self {
            exchange,
            admin,
            reloader,
            addresses,
            drain_wait,
            admin_address,
            sockets,
            trigger,
            admin_trigger,
            tasks,
        };
        let watching = watch::reload_certificates_on_change(app.reloader.clone(), certificates, handle.clone());
        app.tasks.spawn(watching);
        app.tasks.spawn(watch::reload_geo_on_change(app.reloader.clone(), handle.clone()));
        app.tasks.spawn(keys::keep(app.exchange.clone(), handle.clone()));
        app.tasks.spawn(store::expire(app.exchange.profiles.clone(), forget, clock, handle.clone()));
        for keeper in keepers {
            app.tasks.spawn(keeper.keep(handle.clone()));
        }
        app.serve(site, &handle);
        if let Some(second) = second {
            app.serve_admin(second, admin_handle);
        }
        Ok((app, warnings))
    }

    fn serve(&mut self, site: Server, shutdown: &Shutdown) {
        self.tasks.spawn(watch::reload_on_change(self.reloader.clone(), shutdown.clone()));
        let exchange = self.exchange.clone();
        self.tasks.spawn(site.run(move |request| handle(exchange.clone(), request), shutdown.clone()));
    }

    fn serve_admin(&mut self, second: Server, shutdown: Shutdown) {
        let admin = self.admin.clone();
        self.tasks.spawn(second.run(move |request| answer(admin.clone(), request), shutdown));
    }

    /// How long what is in flight may take when it is [stopped](Self::stop).
    pub fn drain_wait(&self) -> Duration {
        self.drain_wait
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

    /// Starts the process that comes after this one, and waits until it serves on the same sockets. Out: its number; this one is
    /// to be [stopped](App::stop) then.
    ///
    /// # Errors
    /// [`HandOverError`]; this one goes on then, alone.
    pub async fn hand_over(&self) -> Result<u32, HandOverError> {
        let sockets: io::Result<Vec<OwnedFd>> = self.sockets.iter().map(OwnedFd::try_clone).collect();
        successor::start(sockets.map_err(HandOverError::Start)?).await
    }

    /// Ends: not ready, then no new connections, then what runs has `bound` to end by itself; the admin port tells of it to
    /// the last.
    pub async fn stop(self, bound: Duration) -> Drained {
        // Else they would go on taking connections in.
        drop(self.sockets);
        self.admin.drain();
        let drained = self.trigger.drain(bound).await;
        self.admin_trigger.drain(ADMIN_DRAIN_WAIT).await;
        self.tasks.join_all().await;
        // Last: whoever was served may have left something to remember.
        store::close(&self.exchange.profiles, &self.exchange.items).await;
        drained
    }
}

/// Boxed before it begins: the layers of the server move what they are handed.
fn handle(exchange: Arc<Exchange>, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
    Box::pin(async move { exchange.handle(request).await })
}

async fn answer(admin: Arc<Admin>, request: Request<Body>) -> Response<Body> {
    admin.answer(request).await
}
