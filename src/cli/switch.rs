//! `inlay off` and `inlay on`: switches personalisation in the running process over its admin port.
//!
//! In: where the admin port is. Out: a line that says what is so now. It must not start anything.

use std::process::ExitCode;

use http::Method;

use super::admin_port::AdminPort;
use super::failed;
use crate::exchange::Switch;

/// Switches.
pub fn run(port: &AdminPort, to: Switch) -> ExitCode {
    let method = match to {
        Switch::Off => Method::PUT,
        Switch::On => Method::DELETE,
    };
    match port.call(method, "/api/v1/off", "") {
        Ok(_) => {
            println!("{}", told(to));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn told(now: Switch) -> &'static str {
    match now {
        Switch::Off => "off: every request is passed through untouched",
        Switch::On => "on: the rules apply",
    }
}
