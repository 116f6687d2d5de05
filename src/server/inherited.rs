//! Listening sockets that were open before this process: systemd's, or those of the process that it succeeds.
//!
//! In: the environment, as systemd's socket activation has it (`LISTEN_FDS`). Out: sockets by address. It must not open
//! any.

use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

/// Sockets to be listened on instead of new ones.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(SocketAddr, TcpListener)>);

impl Inherited {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those that the environment names, which thereby forgets them. To be called once, before there are other threads.
    ///
    /// # Errors
    /// One of them is no listening TCP socket.
    pub fn from_environment() -> io::Result<Self> {
        let mut given = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..given.len() {
            let Some(socket) = given.take_tcp_listener(index)? else { continue };
            socket.set_nonblocking(true)?;
            sockets.push((socket.local_addr()?, socket));
        }
        Ok(Self(sockets))
    }

    /// The one that listens at `address`; for port 0 the first at any port of its host.
    pub fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let fits = |(at, _): &(SocketAddr, TcpListener)| match address.port() {
            0 => at.ip() == address.ip(),
            _ => *at == address,
        };
        let found = self.0.iter().position(fits)?;
        Some(self.0.remove(found).1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The addresses of those that nobody took.
    pub fn left(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(|(address, _)| *address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_taken_once_and_by_its_address() {
        let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [first, second] = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
        let mut inherited = Inherited(sockets.into_iter().map(|one| (one.local_addr().unwrap(), one)).collect());
        assert!(inherited.take("127.0.0.2:0".parse().unwrap()).is_none());
        assert_eq!(inherited.take(second).unwrap().local_addr().unwrap(), second);
        assert!(inherited.take(second).is_none());
        assert_eq!(inherited.left().collect::<Vec<_>>(), [first]);
        assert_eq!(inherited.take("127.0.0.1:0".parse().unwrap()).unwrap().local_addr().unwrap(), first);
    }
}
