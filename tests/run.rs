//! Several probes in one run, waiting, and the program that follows.

use std::io::Read;
use std::time::Duration;

use crate::support::{Folder, Server, closed_port, exec_probe, response};

#[test]
fn all_probes_are_asked_in_order_and_told_in_one_line() {
    let http = Server::answers(1, response("200 OK", "", ""));
    let tcp = Server::new(1, |_, stream| format!("{:?}", stream.read(&mut [0])));
    let folder = Folder::new();
    let beat = folder.file("beat", "");
    let (web, port) = (format!("http://localhost:{}/", http.port), tcp.port);
    exec_probe(["http", &web, "--and", "tcp", &format!(":{port}"), "--and", "file", "--max-age=1h", &beat])
        .stdout(format!(
            "3 probes: http GET {web}: status 200; tcp localhost:{port}: connected; file {beat}: as wanted (TIME)"
        ))
        .exit(0);
    http.finish();
    tcp.finish();
}

#[test]
fn the_first_failure_ends_the_run_and_is_the_line() {
    let never = Server::new(0, |_, _| String::new());
    let closed = closed_port();
    let folder = Folder::new();
    let beat = folder.file("beat", "");
    let after = format!(":{}", never.port);
    exec_probe(["file", &beat, "--and", "tcp", &format!(":{closed}"), "--unhealthy-exit=3", "--and", "tcp", &after])
        .stderr(format!("tcp localhost:{closed}: connection refused (127.0.0.1, [::1])"))
        .exit(3);
    never.finish();
}

#[test]
fn one_deadline_holds_for_all_probes() {
    let silent = |_: usize, stream: &mut std::net::TcpStream| format!("{:?}", stream.read_to_end(&mut Vec::new()));
    let (one, other) = (Server::new(1, silent), Server::new(0, silent));
    let first = format!("http://localhost:{}/", one.port);
    exec_probe(["http", &first, "--timeout=300ms", "--and", "http", &format!(":{}/", other.port)])
        .stderr(format!("http GET {first}: no response headers in 300ms (connected to 127.0.0.1:{})", one.port))
        .takes(300, 2000)
        .exit(1);
    one.finish();
    other.finish();
}

#[test]
fn json_names_every_probe_and_the_one_that_failed() {
    let folder = Folder::new();
    let (beat, gone) = (folder.file("beat", ""), folder.path("gone"));
    let (code, _, stderr) = exec_probe(["file", &beat, "--and", "file", &gone, "--output=json"]).output();
    let object: serde_json::Value = serde_json::from_str(&stderr).expect("an object");
    assert_eq!((code, &object["cause"], &object["target"]), (Some(1), &"not-found".into(), &gone.as_str().into()));
    let probes: Vec<_> = object["probes"].as_array().expect("a list").iter().map(|probe| &probe["healthy"]).collect();
    assert_eq!(probes, [&serde_json::Value::Bool(true), &serde_json::Value::Bool(false)]);
}

#[test]
fn runs_that_can_not_be_meant() {
    let rows: [(&[&str], &str); 11] = [
        (&["http", ":1", "--and"], "--and: wanted http, tcp, grpc or file after it"),
        (&["http", ":1", "--and", "install", "/x"], "--and: wanted http, tcp, grpc or file after it"),
        (&["http", ":1", "--and", "admin:s3cret"], "--and: wanted http, tcp, grpc or file after it"),
        (&["http", ":1", "--and", "tcp"], "--and tcp: no TARGET: wanted one, such as :5432"),
        (
            &["tcp", ":1", "--and", "tcp", "-f", ":2"],
            "--and tcp: -f: always on: a bad status is unhealthy; leave it out",
        ),
        (&["tcp", ":1", "-q", "--and", "tcp", "-q", ":2"], "--quiet: given 2 times, wanted once"),
        (
            &["tcp", ":1", "--timeout=1s", "--and", "tcp", "--timeout=2s", ":2"],
            "--timeout: given 2 times, wanted once",
        ),
        (&["tcp", ":1", "--then"], "--then: wanted a program after it"),
        (&["tcp", ":1", "--then="], "--then: is a word of its own, and so is what follows it"),
        (&["tcp", ":1", "--wait=0s"], "--wait \"0s\": wanted more than zero, such as 500ms"),
        (&["tcp", ":1", "--wait"], "--wait: needs a value: LENGTH"),
    ];
    for (args, wanted) in rows {
        exec_probe(args).usage(wanted);
    }
    exec_probe(["install", "/x", "--then", "app"]).usage("--and and --then go with probes, not with install");
    exec_probe(["--and", "tcp", ":1"]).usage("\"\": wanted http, tcp, grpc, file, install, serve or help");
}

#[test]
fn waiting_ends_with_the_first_healthy_try() {
    let server = Server::new(3, |at, stream| {
        let status = if at < 2 { "503 Not Yet" } else { "200 OK" };
        let _ = std::io::Write::write_all(stream, response(status, "", "").as_bytes());
        String::new()
    });
    let url = format!("http://localhost:{}/", server.port);
    exec_probe(["http", "--wait=20s", &url])
        .stdout(format!("http GET {url}: status 200 (TIME)"))
        .takes(500, 5000)
        .exit(0);
    server.finish();
}

#[test]
fn waiting_ends_with_the_last_whole_failure_and_the_length() {
    let port = closed_port();
    exec_probe(["tcp", "--wait=700ms", &format!(":{port}")])
        .stderr(format!("tcp localhost:{port}: connection refused (127.0.0.1, [::1]) (waited 700ms)"))
        .takes(700, 3000)
        .exit(1);
    // Shorter than one try: its limit is the wait's.
    let silent = Server::new(1, |_, stream| format!("{:?}", stream.read_to_end(&mut Vec::new())));
    let (url, port) = (format!("http://localhost:{}/", silent.port), silent.port);
    exec_probe(["http", "--wait=400ms", &url])
        .stderr(format!(
            "http GET {url}: no response headers in 400ms (connected to 127.0.0.1:{port}) (waited 400ms)"
        ))
        .takes(400, 3000)
        .exit(1);
    silent.finish();
}

#[test]
fn another_try_reads_again_what_its_options_name() {
    let folder = Folder::new();
    let port = folder.file("port", closed_port().to_string());
    let server = Server::new(1, |_, stream| format!("{:?}", stream.read(&mut [0])));
    let (file, open) = (port.clone(), server.port.to_string());
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(400));
        std::fs::write(file, open).expect("written");
    });
    let (code, stdout, stderr) = exec_probe(["tcp", "--wait=20s", &format!(":{{file.{port}}}")]).output();
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    later.join().expect("it ends");
    server.finish();
}

#[test]
fn a_wrong_command_line_does_not_wait() {
    exec_probe(["tcp", "--wait=20s", ":x"])
        .takes(0, 5000)
        .usage("TARGET \":x\": port \"x\": wanted a number from 1 to 65535; a container's port names are not known inside it");
    exec_probe(["http", "--wait=20s", "--cacert=/no/such", "https://localhost:1"])
        .takes(0, 5000)
        .usage("--cacert \"/no/such\": no such file");
    exec_probe(["tcp", "--wait=20s", "8.8.8.8:53"])
        .takes(0, 5000)
        .usage("TARGET 8.8.8.8:53: 8.8.8.8 is not an address of this host; only this host can be probed");
}

#[test]
fn then_becomes_the_program_once_healthy() {
    let folder = Folder::new();
    let beat = folder.file("beat", "");
    let command = exec_probe(["file", &beat, "--then", "/bin/sh", "-c", "echo $$ \"$@\"", "sh", "--and", "-q"]);
    let child = command.command().stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
    let child = child.expect("it starts");
    let pid = child.id();
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{pid} --and -q\n"), "same process, words as typed");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.starts_with(&format!("file {beat}: as wanted (")), "{stderr}");
}

#[test]
fn then_starts_nothing_while_unhealthy() {
    let folder = Folder::new();
    let (gone, made) = (folder.path("gone"), folder.path("made"));
    exec_probe(["file", &gone, "--then", "/bin/touch", &made]).stderr(format!("file {gone}: no such file")).exit(1);
    assert!(!std::path::Path::new(&made).exists());
}

#[test]
fn a_program_that_can_not_be_started_is_126_or_127() {
    let folder = Folder::new();
    let beat = folder.file("beat", "");
    let text = folder.file("text", "no program");
    let gone = folder.path("gone");
    let rows = [
        ("no-such-program".to_owned(), 127, "no such program in PATH"),
        (gone, 127, "no such program, or no such interpreter"),
        (text, 126, "permission denied"),
    ];
    for (program, code, why) in rows {
        let message = format!("exec-probe: --then \"{program}\": {why}");
        exec_probe(["file", "-q", &beat, "--then", &program]).stderr(message).exit(code);
    }
}

#[test]
fn the_program_has_our_streams_and_no_descriptor_of_ours() {
    let server = Server::answers(1, response("200 OK", "", ""));
    let url = format!("http://localhost:{}/", server.port);
    let invocation = exec_probe([
        "http",
        "-q",
        &url,
        "--then",
        "/bin/sh",
        "-c",
        "for fd in /proc/$$/fd/*; do echo ${fd##*/}; done",
    ]);
    let (code, stdout, stderr) = invocation.output();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    // Those that this test runner was started with are passed on, as by any program.
    let own: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .expect("a list")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let others: Vec<&str> = stdout.lines().filter(|fd| !["0", "1", "2"].contains(fd)).collect();
    assert!(others.iter().all(|fd| own.iter().any(|own| own == fd)), "{others:?} of {own:?}");
    server.finish();
}
