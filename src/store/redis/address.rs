//! Where a Redis is, as `inlay.yaml` writes it.
//!
//! In: a URL. Out: a [`RedisAddress`], or what is wrong with the text and what to write. It must not show a password, neither in
//! an error nor in a log, and must not connect.
//!
//! One node: `redis://[user:password@]host[:port][/database]`. A Cluster: some of its nodes, `redis://a,b:6380,c?cluster=true`. By
//! Sentinel: the sentinels, and the name under which they know the primary, `redis://a:26379,b:26379/0?sentinel=mymaster`. With
//! `rediss://` all of it goes over TLS.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::limits::REDIS_PREFIX_BYTES;

/// The ports when none is written.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Why a text is no address of a Redis. It never holds a part of the text in which a password can stand.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    #[error("there is no store of the kind `{0}://`")]
    Scheme(String),
    #[error("the address names no host")]
    NoHost,
    #[error("`{0}` is no host with a port")]
    Host(String),
    #[error("`{0}` is no number of a database")]
    Database(String),
    #[error("the user or the password is not UTF-8 in percent coding")]
    Login,
    #[error("a store has no `{0}`")]
    Unknown(String),
    #[error("`{0}` needs a value")]
    NoValue(&'static str),
    #[error("several hosts are neither a Cluster nor sentinels by themselves")]
    Several,
    #[error("a store is a Cluster or found by Sentinel, not both")]
    Both,
    #[error("a Cluster has no databases by number")]
    ClusterDatabase,
    #[error("`sentinel_user` and `sentinel_password` are of no use without `sentinel`")]
    NoSentinel,
    #[error("`ca` is of no use without TLS")]
    NoTls,
    #[error("`{0}` is no beginning of keys")]
    Prefix(String),
}

impl AddressError {
    /// What to write instead.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Scheme(_) => "name a folder, or a Redis: `redis://host:6379`, or `rediss://host:6379` with TLS",
            Self::NoHost | Self::Host(_) => {
                "write `redis://host:6379`; if a password has `/`, `@`, `?` or `#` in it, write them in percent coding"
            }
            Self::Database(_) => "write `redis://host:6379/0`",
            Self::Login => "write them in percent coding",
            Self::Unknown(_) => {
                "known are `cluster`, `sentinel`, `sentinel_user`, `sentinel_password`, `prefix` and `ca`"
            }
            Self::NoValue(_) => "write `NAME=VALUE`",
            Self::Several => "add `?cluster=true`, or `?sentinel=NAME` with the name of the primary",
            Self::Both => "remove `cluster` or `sentinel`",
            Self::ClusterDatabase => "remove the number; `?prefix=NAME` keeps sites apart",
            Self::NoSentinel => "add `sentinel=NAME`, or remove them",
            Self::NoTls => "write `rediss://`, or remove it",
            Self::Prefix(_) => "write letters, digits, `.`, `-`, `_` and `:`",
        }
    }
}

/// How the nodes hang together.
#[derive(Clone, PartialEq, Eq)]
pub enum Topology {
    /// One node, perhaps behind an address that moves.
    One,
    /// The hosts are some nodes of a Cluster.
    Cluster,
    /// The hosts are sentinels, which know where the primary is.
    Sentinel { service: String, login: Login },
}

/// As whom to speak.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    pub user: Option<String>,
    pub password: Option<String>,
}

/// Where a Redis is, and how to speak to it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    pub topology: Topology,
    /// At least one.
    pub hosts: Vec<(String, u16)>,
    pub login: Login,
    pub database: i64,
    pub tls: bool,
    /// The file of the authorities to trust; `None`: those of the platform.
    pub ca: Option<PathBuf>,
    /// What all keys begin with.
    pub prefix: String,
}

impl RedisAddress {
    /// Reads a URL. A relative `ca` starts from `folder`.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str, folder: &Path) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").unwrap_or((text, ""));
        let tls = match scheme {
            "redis" => false,
            "rediss" => true,
            other => return Err(AddressError::Scheme(shown(other))),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (read_login(login)?, hosts),
            None => (Login::default(), authority),
        };
        let options = Options::read(query)?;
        let topology = options.topology()?;
        let port = if matches!(topology, Topology::Sentinel { .. }) { SENTINEL_PORT } else { PORT };
        let hosts = hosts.split(',').map(|text| host(text, port)).collect::<Result<Vec<_>, _>>()?;
        let database = match path {
            "" => 0,
            path => path.parse().ok().filter(|number| *number >= 0).ok_or(AddressError::Database(shown(path)))?,
        };
        let prefix = options.prefix.unwrap_or_else(|| "inlay".to_owned());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        match () {
            () if topology == Topology::One && hosts.len() > 1 => Err(AddressError::Several),
            () if topology == Topology::Cluster && database != 0 => Err(AddressError::ClusterDatabase),
            () if options.ca.is_some() && !tls => Err(AddressError::NoTls),
            () if !(1..=REDIS_PREFIX_BYTES).contains(&prefix.len()) || !prefix.bytes().all(fits) => {
                Err(AddressError::Prefix(shown(&prefix)))
            }
            () => {
                let ca = options.ca.map(|path| folder.join(path));
                Ok(Self { topology, hosts, login, database, tls, ca, prefix })
            }
        }
    }
}

/// What stands behind the question mark.
#[derive(Default)]
struct Options {
    cluster: bool,
    sentinel: Option<String>,
    sentinel_login: Login,
    prefix: Option<String>,
    ca: Option<String>,
}

impl Options {
    fn read(query: &str) -> Result<Self, AddressError> {
        let mut options = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let some = |name| match decoded(value)? {
                value if value.is_empty() => Err(AddressError::NoValue(name)),
                value => Ok(Some(value)),
            };
            match name {
                "cluster" => options.cluster = value != "false",
                "sentinel" => options.sentinel = some("sentinel")?,
                "sentinel_user" => options.sentinel_login.user = some("sentinel_user")?,
                "sentinel_password" => options.sentinel_login.password = some("sentinel_password")?,
                "prefix" => options.prefix = some("prefix")?,
                "ca" => options.ca = some("ca")?,
                other => return Err(AddressError::Unknown(shown(other))),
            }
        }
        Ok(options)
    }

    fn topology(&self) -> Result<Topology, AddressError> {
        match (&self.sentinel, self.cluster) {
            (Some(_), true) => Err(AddressError::Both),
            (Some(service), false) => {
                Ok(Topology::Sentinel { service: service.clone(), login: self.sentinel_login.clone() })
            }
            (None, _) if self.sentinel_login != Login::default() => Err(AddressError::NoSentinel),
            (None, true) => Ok(Topology::Cluster),
            (None, false) => Ok(Topology::One),
        }
    }
}

fn read_login(text: &str) -> Result<Login, AddressError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let some = |text: &str| Ok(Some(decoded(text)?).filter(|text| !text.is_empty()));
    Ok(Login { user: some(user)?, password: some(password)? })
}

fn decoded(text: &str) -> Result<String, AddressError> {
    percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| AddressError::Login)
}

fn host(text: &str, default: u16) -> Result<(String, u16), AddressError> {
    if text.is_empty() {
        return Err(AddressError::NoHost);
    }
    let wrong = || AddressError::Host(shown(text));
    let port = |text: &str| match text {
        "" => Some(default),
        text => text.strip_prefix(':')?.parse().ok().filter(|port| *port != 0),
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or_else(wrong)?;
        let address: Ipv6Addr = address.parse().map_err(|_| wrong())?;
        return Ok((address.to_string(), port(rest).ok_or_else(wrong)?));
    }
    let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
    let is_name =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    match (is_name, port(rest)) {
        (true, Some(port)) => Ok((name.to_owned(), port)),
        _ => Err(wrong()),
    }
}

/// The beginning of a text that somebody wrote.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Without the user and the passwords.
impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls { "rediss://" } else { "redis://" })?;
        for (index, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match host.contains(':') {
                true => write!(f, "{comma}[{host}]:{port}")?,
                false => write!(f, "{comma}{host}:{port}")?,
            }
        }
        match &self.topology {
            Topology::One => write!(f, "/{}", self.database),
            Topology::Cluster => f.write_str("?cluster=true"),
            Topology::Sentinel { service, .. } => write!(f, "/{}?sentinel={service}", self.database),
        }
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "One",
            Self::Cluster => "Cluster",
            Self::Sentinel { .. } => "Sentinel",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RedisAddress, AddressError> {
        RedisAddress::parse(text, Path::new("/etc/inlay"))
    }

    #[test]
    fn an_address_is_read_and_shown_without_its_passwords() {
        for (text, is) in [
            ("redis://localhost", "redis://localhost:6379/0"),
            ("rediss://ann:s%40e%2Fcret@db.example:7000/3?prefix=shop", "rediss://db.example:7000/3"),
            ("redis://:secret@[::1]:7000", "redis://[::1]:7000/0"),
            ("redis://:secret@a,b:6380,c?cluster=true", "redis://a:6379,b:6380,c:6379?cluster=true"),
            (
                "redis://:secret@a,b:1/2?sentinel=mymaster&sentinel_password=secret",
                "redis://a:26379,b:1/2?sentinel=mymaster",
            ),
        ] {
            let address = parse(text).expect(text);
            assert_eq!(address.to_string(), is);
            assert!(!format!("{address:?}{:?}{:?}", address.login, address.topology).contains("secret"), "{text}");
        }
        let address = parse("rediss://ann:s%40e%2Fc@h?ca=ca.pem").expect("an address");
        assert_eq!(address.login.user.as_deref(), Some("ann"));
        assert_eq!(address.login.password.as_deref(), Some("s@e/c"));
        assert_eq!(address.ca, Some(PathBuf::from("/etc/inlay/ca.pem")));
    }

    #[test]
    fn what_is_no_address_is_told_without_its_passwords() {
        for (text, is) in [
            ("http://a", AddressError::Scheme("http".to_owned())),
            ("redis://", AddressError::NoHost),
            ("redis://:secret@", AddressError::NoHost),
            ("redis://a,,b?cluster=true", AddressError::NoHost),
            ("redis://:secret@a:x", AddressError::Host("a:x".to_owned())),
            ("redis://a:0", AddressError::Host("a:0".to_owned())),
            ("redis://[::z]", AddressError::Host("[::z]".to_owned())),
            ("redis://a/b", AddressError::Database("b".to_owned())),
            ("redis://a,b", AddressError::Several),
            ("redis://a?cluster=true&sentinel=x", AddressError::Both),
            ("redis://a/1?cluster=true", AddressError::ClusterDatabase),
            ("redis://a?sentinel", AddressError::NoValue("sentinel")),
            ("redis://a?sentinel_password=secret", AddressError::NoSentinel),
            ("redis://a?ca=x.pem", AddressError::NoTls),
            ("redis://a?prefix={x}", AddressError::Prefix("{x}".to_owned())),
            ("redis://a?timeout=1", AddressError::Unknown("timeout".to_owned())),
            ("redis://:%ff@a", AddressError::Login),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error, is, "{text}");
            assert!(!error.to_string().contains("secret") && !error.remedy().is_empty());
        }
    }
}
