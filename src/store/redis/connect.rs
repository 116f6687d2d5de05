//! Connecting to a Redis, whichever kind it is.
//!
//! In: a [`RedisAddress`]. Out: a [`Connection`] to a server that can do what we ask, or why there is none, and whether that may
//! pass. It must not try again: that is `link`'s.

use std::fmt;
use std::sync::Arc;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, Pipeline,
    RedisConnectionInfo, RedisError, RedisFuture, TlsCertificates, TlsMode, Value,
};

use super::address::{Login, RedisAddress, Topology};
use crate::limits::{REDIS_ANSWER, REDIS_CONNECT, REDIS_OLDEST};
use crate::store::StoreError;

/// A connection for many tasks at once. Cheap to clone.
#[derive(Clone)]
pub enum Connection {
    /// To one server: it is of no use once it breaks.
    One(MultiplexedConnection),
    /// To a Cluster: it mends itself.
    Cluster(ClusterConnection),
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(_) => "One",
            Self::Cluster(_) => "Cluster",
        })
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(one) => one.req_packed_command(cmd),
            Self::Cluster(cluster) => cluster.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(one) => one.req_packed_commands(pipeline, offset, count),
            Self::Cluster(cluster) => cluster.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(one) => one.get_db(),
            Self::Cluster(cluster) => cluster.get_db(),
        }
    }
}

/// Connects, and looks whom it met.
///
/// # Errors
/// [`StoreError::Unreachable`] where it may go well later, [`StoreError::Unusable`] where somebody has to mend something first.
pub async fn connect(address: &RedisAddress) -> Result<Connection, StoreError> {
    let dialled = tokio::time::timeout(REDIS_CONNECT, async {
        let mut connection = dial(address).await.map_err(|error| refused(address, &error))?;
        let told = about(&mut connection).await.map_err(|error| refused(address, &error))?;
        fits(address, &told).map(|()| connection)
    });
    dialled.await.unwrap_or_else(|_| Err(StoreError::Unreachable(format!("{address} does not answer").into())))
}

async fn dial(address: &RedisAddress) -> Result<Connection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(REDIS_CONNECT))
        .set_response_timeout(Some(REDIS_ANSWER));
    let certificates = certificates(address)?;
    match &address.topology {
        Topology::One => {
            let info = nodes(address)?.remove(0);
            let client = match certificates {
                Some(certificates) => Client::build_with_tls(info, certificates)?,
                None => Client::open(info)?,
            };
            client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::One)
        }
        Topology::Cluster => {
            let mut builder = ClusterClientBuilder::new(nodes(address)?)
                .connection_timeout(REDIS_CONNECT)
                .response_timeout(REDIS_ANSWER);
            if let Some(certificates) = certificates {
                builder = builder.certs(certificates);
            }
            builder.build()?.get_async_connection().await.map(Connection::Cluster)
        }
        Topology::Sentinel { service, login } => {
            let mut client = sentinel(address, service, login, certificates)?.build()?;
            client.get_async_connection_with_config(&config).await.map(Connection::One)
        }
    }
}

fn sentinel(
    address: &RedisAddress,
    service: &str,
    login: &Login,
    certificates: Option<TlsCertificates>,
) -> Result<SentinelClientBuilder, RedisError> {
    let hosts = address.hosts.iter().map(|host| addr(address.tls, host));
    let mut builder = SentinelClientBuilder::new(hosts, service, SentinelServerType::Master)?
        .set_client_to_redis_db(address.database)
        .set_client_to_redis_tcp_settings(tcp());
    if address.tls {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
    }
    if let Some(certificates) = certificates {
        builder = builder
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    if let Some(user) = &address.login.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = &address.login.password {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(user) = &login.user {
        builder = builder.set_client_to_sentinel_username(user);
    }
    if let Some(password) = &login.password {
        builder = builder.set_client_to_sentinel_password(password);
    }
    Ok(builder)
}

fn nodes(address: &RedisAddress) -> Result<Vec<ConnectionInfo>, RedisError> {
    let mut redis = RedisConnectionInfo::default().set_db(address.database);
    if let Some(user) = &address.login.user {
        redis = redis.set_username(user);
    }
    if let Some(password) = &address.login.password {
        redis = redis.set_password(password);
    }
    let node = |host| Ok(addr(address.tls, host).into_connection_info()?.set_redis_settings(redis.clone()));
    address.hosts.iter().map(|host| node(host).map(|info| info.set_tcp_settings(tcp()))).collect()
}

fn addr(tls: bool, (host, port): &(String, u16)) -> ConnectionAddr {
    let (host, port) = (host.clone(), *port);
    match tls {
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host, port),
    }
}

/// Commands are small and somebody waits for each.
fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn certificates(address: &RedisAddress) -> Result<Option<TlsCertificates>, RedisError> {
    let Some(file) = &address.ca else { return Ok(None) };
    let told = |error| {
        (
            ErrorKind::InvalidClientConfig,
            "the file of authorities can't be read",
            format!("{}: {error}", file.display()),
        )
    };
    let pem = std::fs::read(file).map_err(told)?;
    Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(pem) }))
}

/// What the server says of itself.
async fn about(connection: &mut Connection) -> Result<String, RedisError> {
    let mut cmd = redis::cmd("INFO");
    cmd.arg("server");
    let told = match connection {
        Connection::One(_) => cmd.query_async(connection).await,
        Connection::Cluster(cluster) => {
            let anywhere = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
            cluster.route_command(cmd, anywhere).await.and_then(|told| Ok(redis::from_redis_value(told)?))
        }
    };
    match told {
        // Whoever may not ask may still do the work.
        Err(error) if error.code() == Some("NOPERM") => Ok(String::new()),
        told => told,
    }
}

/// Whether a server that says this of itself can do what we ask.
fn fits(address: &RedisAddress, told: &str) -> Result<(), StoreError> {
    let field = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let is_cluster = field("redis_mode") == Some("cluster");
    let wrong = match (&address.topology, field("redis_mode")) {
        (Topology::One, _) if is_cluster => "is a Cluster: add `?cluster=true` to its address".to_owned(),
        (Topology::One, Some("sentinel")) => "is a sentinel: add `?sentinel=NAME` to its address".to_owned(),
        _ => match (field("valkey_version").map(|_| "Valkey"), field("redis_version")) {
            (None, Some(version)) if major(version) < REDIS_OLDEST => {
                format!("is Redis {version}: {REDIS_OLDEST}.0 is the oldest that can be used")
            }
            _ => return Ok(()),
        },
    };
    Err(StoreError::Unusable(format!("the store at {address} {wrong}").into()))
}

fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0)
}

/// Whether trying again may help.
fn refused(address: &RedisAddress, error: &RedisError) -> StoreError {
    let why: Arc<str> = format!("{address}: {error}").into();
    let is_wrong = match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported => true,
        // What TLS says of a certificate that it does not trust, or of a server that does not speak it.
        ErrorKind::Io => is_bad_tls(error),
        _ => matches!(error.code(), Some("WRONGPASS" | "NOAUTH" | "NOPERM")),
    };
    match is_wrong {
        true => StoreError::Unusable(format!("the store can't be used: {why}").into()),
        false => StoreError::Unreachable(why),
    }
}

fn is_bad_tls(error: &RedisError) -> bool {
    // The library shows its cause as it holds it.
    let source = std::error::Error::source(error);
    let held = source.and_then(|source| source.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>());
    let io = held.and_then(|held| held.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_server_is_known_by_what_it_says() {
        let one = RedisAddress::parse("redis://:secret@db", Path::new("/")).expect("an address");
        let cluster = RedisAddress::parse("redis://db?cluster=true", Path::new("/")).expect("an address");
        for (address, told, wrong) in [
            (&one, "redis_version:7.0.15\r\nredis_mode:standalone\r\n", None),
            (&one, "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n", None),
            (&one, "", None),
            (&one, "redis_version:6.2.6\r\nredis_mode:standalone\r\n", Some("is Redis 6.2.6: 7.0 is the oldest")),
            (&one, "redis_version:7.0.15\r\nredis_mode:cluster\r\n", Some("add `?cluster=true`")),
            (&one, "redis_version:7.0.15\r\nredis_mode:sentinel\r\n", Some("add `?sentinel=NAME`")),
            (&cluster, "redis_version:7.0.15\r\nredis_mode:cluster\r\n", None),
        ] {
            let is = fits(address, told).err().map(|error| error.to_string());
            match wrong {
                Some(wrong) => assert!(is.as_ref().is_some_and(|is| is.contains(wrong)), "{told}: {is:?}"),
                None => assert_eq!(is, None, "{told}"),
            }
        }
    }
}
