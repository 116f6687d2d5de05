//! The demo's outside systems: the weather, the stock, the loyalty programme. Each can be made slow, dead or wrong.
//!
//! In: requests as APIs get them, and how each API is to behave. Out: what it answers, and how often it was asked. It knows
//! nothing of Inlay, nor of the shop but what it sells.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use url::form_urlencoded;

use super::shop::catalogue::Catalogue;
use crate::limits::DEMO_API_SLOW;

/// One of the APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    Weather,
    Stock,
    Loyalty,
}

/// How an API behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Well,
    /// It answers after [`DEMO_API_SLOW`].
    Slow,
    /// It hangs up.
    Dead,
    /// Status 500.
    Failing,
    /// Status 200, and no JSON.
    Nonsense,
}

/// What the sky over Gent does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sky {
    #[default]
    Rain,
    Sun,
}

/// All three.
#[derive(Debug)]
pub struct Apis {
    state: Mutex<State>,
    /// Requests that came, by API.
    calls: [AtomicU64; 3],
    catalogue: Arc<Catalogue>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    sky: Sky,
    modes: [Mode; 3],
}

impl Api {
    /// In the order of the stage.
    pub const ALL: [Self; 3] = [Self::Weather, Self::Stock, Self::Loyalty];

    /// As the source is called that asks it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weather => "weather",
            Self::Stock => "stock",
            Self::Loyalty => "loyalty",
        }
    }

    /// The variable in which the rules look for its address.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Weather => "WEATHER_API",
            Self::Stock => "STOCK_API",
            Self::Loyalty => "LOYALTY_API",
        }
    }
}

impl Apis {
    /// APIs that behave well, of a shop that sells this.
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        Self { state: Mutex::default(), calls: Default::default(), catalogue }
    }

    /// The API answers; `None`: it hangs up.
    pub async fn answer<B>(&self, api: Api, request: Request<B>) -> Option<Response<Full<Bytes>>> {
        self.calls[api as usize].fetch_add(1, Ordering::Relaxed);
        let State { sky, modes } = *self.state();
        match modes[api as usize] {
            Mode::Well => {}
            Mode::Slow => tokio::time::sleep(DEMO_API_SLOW).await,
            Mode::Dead => return None,
            Mode::Failing => {
                return Some(reply(StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": "out of order" }).to_string()));
            }
            Mode::Nonsense => return Some(reply(StatusCode::OK, "{\"sky\": <h1>It works!</h1>".to_owned())),
        }
        let value = match api {
            Api::Weather => weather(sky),
            Api::Stock => self.stock(request.uri(), Timestamp::now()),
            Api::Loyalty => json!({ "points": 1240, "discount": 15 }),
        };
        Some(reply(StatusCode::OK, value.to_string()))
    }

    /// Requests that each has had, in the order of [`Api::ALL`].
    pub fn calls(&self) -> [u64; 3] {
        Api::ALL.map(|api| self.calls[api as usize].load(Ordering::Relaxed))
    }

    /// How it behaves.
    pub fn mode(&self, api: Api) -> Mode {
        self.state().modes[api as usize]
    }

    /// From now on it behaves so.
    pub fn behave(&self, api: Api, mode: Mode) {
        self.state().modes[api as usize] = mode;
    }

    /// What the weather is.
    pub fn sky(&self) -> Sky {
        self.state().sky
    }

    /// From now on it is so.
    pub fn weather_is(&self, sky: Sky) {
        self.state().sky = sky;
    }

    /// What is left of the pieces that are asked for. It is sold and brought meanwhile.
    fn stock(&self, uri: &Uri, now: Timestamp) -> Json {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let skus = pairs
            .filter(|(name, _)| name == "skus")
            .flat_map(|(_, skus)| skus.split(',').map(str::to_owned).collect::<Vec<_>>());
        let left = |sku: String| {
            let (base, salt) = (self.catalogue.stock(&sku), sku.bytes().map(i64::from).sum::<i64>());
            let sold = u32::try_from((now.as_second() / 4 + salt).rem_euclid(3)).unwrap_or_default();
            json!({ "sku": sku, "left": base.saturating_sub(sold) })
        };
        Json::Array(skus.map(left).collect())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weather(sky: Sky) -> Json {
    match sky {
        Sky::Rain => json!({ "city": "Gent", "sky": "rain", "celsius": 9 }),
        Sky::Sun => json!({ "city": "Gent", "sky": "sun", "celsius": 19 }),
    }
}

fn reply(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
