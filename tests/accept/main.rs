//! What a sceptical newcomer tried by hand, kept: changes in quick succession, ends in mid-page, an admin port that still answers.

#[allow(dead_code, reason = "shared with the tests of the exchange, which use all of it")]
#[path = "../exchange/house.rs"]
mod house;

mod ending;
mod logs;
mod reload;
