//! A process that is kept from running, as under a CPU limit: what had arrived in time counts, and otherwise the line says
//! what the process suspects.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::grpc::{read_request, serving};
use crate::support::{Server, exec_probe, read_head, response};

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
}

/// Starts the probe, stops it as soon as the server has its request, lets the server go on, and lets the probe go on
/// when its deadline of 400 ms has passed by more than 100 ms. Returns exit code, standard output and error.
fn stopped_over_the_deadline(
    args: &[&str],
    asked: &mpsc::Receiver<()>,
    go_on: &mpsc::Sender<()>,
) -> (Option<i32>, String, String) {
    let args = [&args[..1], &["--timeout=400ms"], &args[1..]].concat();
    let mut command = exec_probe(args).command();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    asked.recv_timeout(Duration::from_secs(5)).expect("it asks");
    signal(&child, "-STOP");
    go_on.send(()).expect("the server waits");
    std::thread::sleep(Duration::from_millis(700));
    signal(&child, "-CONT");
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A server that reports on one channel when a request has come, and answers when it hears from the other.
fn server(read: fn(&mut dyn Read), answer: Vec<u8>) -> (Server, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (asked, is_asked) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    let goes_on = std::sync::Mutex::new(goes_on);
    let server = Server::new(1, move |_, stream| {
        read(stream);
        let _ = asked.send(());
        let _ = goes_on.lock().unwrap().recv_timeout(Duration::from_secs(5));
        let _ = stream.write_all(&answer);
        let _ = stream.read_to_end(&mut Vec::new());
        String::new()
    });
    (server, is_asked, go_on)
}

fn http(mut stream: &mut dyn Read) {
    read_head(&mut stream);
}

fn grpc(mut stream: &mut dyn Read) {
    read_request(&mut stream);
}

#[test]
fn an_answer_that_had_arrived_in_time_counts() {
    let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(30_000));
    let answers = [
        ("http", response("200 OK", "", "").into_bytes(), "status 200"),
        ("http", large.into_bytes(), "status 200"),
        ("grpc", serving(), "SERVING"),
    ];
    for (handler, answer, wanted) in answers {
        let (server, asked, go_on) = server(if handler == "grpc" { grpc } else { http }, answer);
        let target = format!("localhost:{}", server.port);
        let (code, stdout, stderr) = stopped_over_the_deadline(&[handler, &target], &asked, &go_on);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{handler}: {stdout}");
        assert!(stdout.contains(wanted), "{handler}: {stdout}");
    }
}

#[test]
fn an_answer_that_had_not_is_a_time_out_with_a_hint() {
    for (handler, wanted) in [("http", "no response headers in 400ms"), ("grpc", "no answer in 400ms")] {
        let (server, asked, go_on) = server(if handler == "grpc" { grpc } else { http }, Vec::new());
        let target = format!("127.0.0.1:{}", server.port);
        let (code, stdout, stderr) = stopped_over_the_deadline(&[handler, &target], &asked, &go_on);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{handler}: {stderr}");
        assert!(
            stderr.ends_with(&format!(": {wanted} (this process was held back: CPU limit?)\n")),
            "{handler}: {stderr}"
        );
    }
}
