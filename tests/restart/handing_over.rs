//! Hand-over by signal, sockets from systemd, and a plain stop.

use std::os::fd::OwnedFd;

use command_fds::{CommandFdExt, FdMapping};
use tempfile::TempDir;

use crate::house::{Load, Program, fresh, origin, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_take_over_from_each_other_under_load() {
    let (origin, _running) = origin();
    let mut program = Program::start(origin).await;
    let load = Load::on(program.address);
    load.served_more(500).await;
    let mut current = program.first.id();
    for times in 1..=3 {
        send("USR2", current);
        program.until("the next process", async || program.successors().len() == times).await;
        current = program.successors()[times - 1];
        load.served_more(500).await;
    }
    let (served, failed) = load.end().await;
    assert!(failed.is_empty(), "of {served}: {failed:#?}\n{}", program.log());
    assert!(served >= 2_000, "{served}");
    assert!(program.first.wait().unwrap().success(), "the first process drained and ended");
    fresh(program.address).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_cannot_start_does_not_take_over() {
    let (origin, _running) = origin();
    let mut program = Program::start(origin).await;
    let load = Load::on(program.address);
    program.write("inlay.yaml", "listen: nowhere\n");
    send("USR2", program.first.id());
    program.until("the refusal", async || program.log().contains("this process goes on")).await;
    load.served_more(200).await;
    let (_, failed) = load.end().await;
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(program.first.try_wait().unwrap(), None, "the first process goes on");
    assert!(program.successors().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_from_systemd_serve_those_who_waited() {
    let (origin, _running) = origin();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // Before the program is there.
    let early: Vec<_> = (0..20).map(|_| tokio::spawn(fresh(address))).collect();
    let folder = TempDir::new().unwrap();
    let mut command = Program::command(&folder, origin, address);
    command.env("LISTEN_FDS", "1");
    command
        .fd_mappings(vec![FdMapping { parent_fd: OwnedFd::from(socket.try_clone().unwrap()), child_fd: 3 }])
        .unwrap();
    let mut program = Program::running(command.spawn().unwrap(), address, folder).await;
    for one in early {
        one.await.unwrap().unwrap();
    }
    // A restart by systemd: the sockets stay, the process goes.
    let load = Load::on(address);
    load.served_more(100).await;
    send("TERM", program.first.id());
    let folder = TempDir::new().unwrap();
    let mut command = Program::command(&folder, origin, address);
    command.env("LISTEN_FDS", "1");
    command.fd_mappings(vec![FdMapping { parent_fd: OwnedFd::from(socket), child_fd: 3 }]).unwrap();
    assert!(program.first.wait().unwrap().success());
    let _next = Program::running(command.spawn().unwrap(), address, folder).await;
    load.served_more(100).await;
    let (served, failed) = load.end().await;
    assert!(failed.is_empty(), "of {served}: {failed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_stop_answers_all_that_it_took_in() {
    let (origin, _running) = origin();
    let mut program = Program::start(origin).await;
    let load = Load::on(program.address);
    load.served_more(200).await;
    send("TERM", program.first.id());
    let (_, failed) = {
        assert!(program.first.wait().unwrap().success());
        load.end().await
    };
    // Once nobody listens, connecting is refused. Between the last look at the system's queue and its end a connection may
    // come in, which the system resets: no program can make that moment none, but it is short. Nothing else may go wrong.
    let says = |what: &str| failed.iter().filter(|failure| failure.to_lowercase().contains(what)).count();
    let (refused, reset) = (says("connection refused"), says("connection reset"));
    assert!(refused + reset == failed.len() && reset <= 1, "{failed:#?}");
}
