//! Sources, through the whole of Inlay: an origin, an API that is slow, dead, wrong or hostile, and pages between them.

#[path = "../exchange/house.rs"]
#[allow(dead_code)]
mod house;

mod api;
mod asking;
mod batching;
mod deciding;
mod explaining;
mod failing;
mod fetching;
mod keeping;
mod proving;
mod reaching;
mod recovering;
mod waiting;
