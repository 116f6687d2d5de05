//! How long connections are kept.

use tokio::net::TcpListener;

use super::*;
use crate::http::dial::{Address, Protocol};

const IDLE: Duration = Duration::from_secs(30);

/// Takes a connection and gives it back; whether it was a kept one.
async fn used(pool: &Pool) -> bool {
    let mut lease = pool.lease(Needs::Http1).await.unwrap();
    let Sender::Http1(sender) = &mut lease.sender else { panic!("another protocol") };
    sender.ready().await.unwrap();
    let is_reused = lease.is_reused;
    lease.answered();
    is_reused
}

/// So much time passes, and what is due in it happens in its turn.
async fn pass(seconds: u64) {
    tokio::time::pause();
    for _ in 0..seconds {
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
    }
    tokio::time::resume();
}

#[tokio::test]
async fn a_connection_that_nobody_takes_is_closed_when_its_time_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let dial = Dial::new(Address::Tcp(url), None, Protocol::Http1, Duration::from_secs(60)).unwrap();
    let age = Duration::from_secs(600);
    let pool = Pool::new(dial, PoolSettings { connections: 4, pending: 4, wait: IDLE, idle: IDLE, age });
    assert!(!used(&pool).await);
    pass(20).await;
    assert!(used(&pool).await, "it is kept for {IDLE:?}");
    // Looked at 30 s after it was kept first, when it had idled for 10 s only.
    pass(28).await;
    assert_eq!(pool.0.kept().http1.len(), 1);
    pass(4).await;
    assert_eq!(pool.0.kept().http1.len(), 0, "it has idled for 32 s");
    assert!(!pool.0.kept().swept);
}
