//! The parts of serving a compiled page, each by itself, and an exchange as a whole; all of it in this process, without sockets.
//!
//! `cargo bench --bench compiled` prints how many allocations one exchange makes, then times each part. With `-- --exchanges 1000`
//! it does nothing but so many exchanges, for a profiler that counts instructions.

mod exchange;
mod parts;
mod site;

use std::process::ExitCode;

use criterion::Criterion;

use exchange::Exchanging;
use site::Site;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--exchanges").skip(1);
    if let Some(count) = arguments.next() {
        let Ok(count) = count.parse() else {
            eprintln!("compiled: `{count}` is no number");
            return ExitCode::FAILURE;
        };
        let coding = arguments.next();
        Exchanging::begin(&Site::of_rules(3)).repeat(count, coding.as_deref());
        return ExitCode::SUCCESS;
    }
    exchange::print_allocations();
    let mut criterion = Criterion::default().configure_from_args();
    parts::bench(&mut criterion);
    parts::bench_on_the_fly(&mut criterion);
    exchange::bench(&mut criterion);
    criterion.final_summary();
    ExitCode::SUCCESS
}
