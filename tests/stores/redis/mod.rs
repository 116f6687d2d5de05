//! The shared store: real servers, one, in a Cluster, behind TLS and sentinels; killed, held up and failed over.

mod failing;
mod moves;
mod nodes;
mod server;
mod starting;
mod wire;

use std::path::Path;
use std::time::{Duration, Instant};

use inlay::store::{RedisAddress, RedisStore};

use crate::contract;
use server::{Server, cli, free_port};

fn address(url: &str) -> RedisAddress {
    RedisAddress::parse(url, Path::new("/")).expect("an address")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_redis() {
    if !server::is_there() {
        return;
    }
    let server = Server::start(&[]);
    contract::hold(&RedisStore::begin(address(&server.url()), contract::keep())).await;
    // Another one in the same server, apart by what its keys begin with.
    contract::hold(&RedisStore::begin(address(&format!("{}/1?prefix=other", server.url())), contract::keep())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_a_cluster() {
    if !server::is_there() {
        return;
    }
    // A node's second port is ten thousand above the first.
    let ports: Vec<u16> = std::iter::repeat_with(free_port).filter(|port| *port < 50_000).take(3).collect();
    let nodes: Vec<Server> = ports
        .iter()
        .map(|port| Server::on(*port, &["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]))
        .collect();
    let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let create: Vec<&str> = ["--cluster", "create"].into_iter().chain(hosts.iter().map(|host| &**host)).collect();
    let told = cli(ports[0], &[&create[..], &["--cluster-yes"]].concat());
    assert!(told.contains("All 16384 slots covered"), "{told}");
    let begun = Instant::now();
    while !nodes.iter().all(|node| node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok")) {
        assert!(begun.elapsed() < Duration::from_secs(30), "the Cluster does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
    let url = format!("redis://{}?cluster=true", hosts[0]);
    contract::hold(&RedisStore::begin(address(&url), contract::keep())).await;
    // Everywhere is a share of it.
    assert!(nodes.iter().all(|node| node.cli(&["DBSIZE"]).trim() != "0"));
}
