//! What the admin port tells of an origin's servers, as things happen to them.

use http::{Response, StatusCode};
use inlay::http::Body;

use super::house::{Front, serve_origin};

#[tokio::test]
async fn the_servers_of_an_origin_are_in_the_metrics() {
    let (good, _good) = serve_origin(|_| Response::new(Body::full("good")));
    let (ill, _ill) = serve_origin(|_| {
        Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).body(Body::empty()).expect("a response")
    });
    let deployment = format!(
        "origins:\n  shop:\n    urls: [\"http://{good}\", \"http://{ill}\"]\n    ejection: {{ failures: 2 }}\n\
         routes:\n  - {{ path: /shop/**, origin: shop }}\n"
    );
    let front = Front::facing(good, &deployment, &[("rules/a.yaml", "rules: {}\n")]).await;
    for number in 0..8 {
        assert_eq!(front.get(&format!("/shop/{number}")).await.text(), "good", "what fails is tried at the other");
    }
    assert_eq!(front.get("/elsewhere").await.text(), "good");
    let figure = async |name: &str, origin: &str, server: std::net::SocketAddr| {
        front.metric(&format!("inlay_origin_{name}{{origin=\"{origin}\",server=\"{server}\"}}")).await
    };
    assert_eq!(figure("requests_total", "shop", good).await, 8.0);
    assert_eq!(figure("requests_total", "shop", ill).await, 2.0, "after two failures it is left alone");
    assert_eq!(figure("failures_total", "shop", ill).await, 2.0);
    assert_eq!(figure("failures_total", "shop", good).await, 0.0);
    assert_eq!(figure("retries_total", "shop", good).await, 2.0);
    assert_eq!(figure("ejections_total", "shop", ill).await, 1.0);
    assert_eq!((figure("up", "shop", good).await, figure("up", "shop", ill).await), (1.0, 0.0));
    assert_eq!(figure("in_flight", "shop", good).await, 0.0);
    assert_eq!(figure("requests_total", "default", good).await, 1.0, "the same server as another origin's");
}
