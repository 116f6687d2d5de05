//! The network's rooms with real sockets: servers, clients and origins in one process, on ports that the system chooses.

mod authority;
mod connections;
mod ending;
mod house;
mod identity;
mod origins;
mod interim;
mod limits;
mod passing;
mod proxied;
mod streaming;
mod securing;
mod tls;
