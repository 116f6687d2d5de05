//! The developer's tools, as the built program does them: `explain`, `check --against`, `test`, `preview`.

#[allow(dead_code, reason = "shared with the tests of the exchange, which use all of it")]
#[path = "../exchange/house.rs"]
mod house;

mod against;
mod explain;
mod preview;
mod remembering;
mod testing;

use std::path::Path;
use std::process::Command;

/// What a run of the program came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program in a folder, while the servers of the test go on.
pub async fn inlay(folder: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inlay"));
    command.args(args).current_dir(folder).env_remove("INLAY_ADMIN_TOKEN").env_remove("INLAY_LOG").env("NO_COLOR", "1");
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}
