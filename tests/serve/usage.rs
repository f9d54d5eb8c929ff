//! Command lines of `serve` that are wrong, each with the path that it is about, and addresses that can't be listened on.

use std::net::TcpListener;

use crate::support::exec_probe;

#[test]
fn a_wrong_command_line_is_told_with_its_path() {
    const LISTEN: &str = "--listen=127.0.0.1:0";
    let not_for_a_path = "means nothing for a path";
    let rows: [(&[&str], String); 19] = [
        (&[LISTEN], "no PATHS: wanted one, such as /livez http :8080/healthz".to_owned()),
        (&["/a", "tcp", ":1"], "no --listen: wanted a port to listen on, such as --listen=:8086".to_owned()),
        (
            &["--listen=:http", "/a", "tcp", ":1"],
            "--listen \":http\": wanted a port, or an IP address and a port, such as :8086 or 127.0.0.1:8086".to_owned(),
        ),
        (&[LISTEN, LISTEN, "/a", "tcp", ":1"], "--listen: given 2 times, wanted once".to_owned()),
        (
            &[LISTEN, "a", "tcp", ":1"],
            "PATHS: a path begins with a slash, and serve's options come before the first".to_owned(),
        ),
        (
            &[LISTEN, "--timeout=1s", "/a", "tcp", ":1"],
            "--timeout: is an option of a path's command, and comes after that command".to_owned(),
        ),
        (&[LISTEN, "/a"], "/a: wanted http, tcp, grpc or file after it".to_owned()),
        (&[LISTEN, "/a", "tcp", ":1", "/b", "htpp", ":2"], "/b: wanted http, tcp, grpc or file after it".to_owned()),
        (&[LISTEN, "/a", "install", "/x"], "/a: wanted http, tcp, grpc or file after it".to_owned()),
        (
            &[LISTEN, "/a", "tcp", ":1", "/b", "tcp", "--and", "http", ":x"],
            "/b: no TARGET: wanted one, such as :5432; /b: --and http: TARGET \":x\": port \"x\": wanted a number from 1 to \
             65535; a container's port names are not known inside it"
                .to_owned(),
        ),
        (&[LISTEN, "/", "tcp", ":1"], "path \"/\": lists the others, wanted a longer one".to_owned()),
        (&[LISTEN, "/a", "tcp", ":1", "/a", "tcp", ":2"], "path \"/a\": given twice, wanted once".to_owned()),
        (&[LISTEN, "/a?b", "tcp", ":1"], "path \"/a?b\": wanted a path without a query".to_owned()),
        (
            &[LISTEN, "/a%20b", "tcp", ":1"],
            "path \"/a%20b\": wanted letters, digits and -._~ between its slashes".to_owned(),
        ),
        (
            &[LISTEN, "/a", "tcp", "--wait=1s", ":1"],
            format!("/a: --wait: {not_for_a_path}: whoever asks for it asks again"),
        ),
        (
            &[LISTEN, "/a", "tcp", ":1", "--then", "app", "/b", "tcp", ":2"],
            format!("/a: --then: {not_for_a_path}: nothing follows it"),
        ),
        (
            &[LISTEN, "/a", "tcp", ":1", "--unhealthy-exit=3", "-v"],
            format!(
                "/a: --unhealthy-exit: {not_for_a_path}: its answer has a status; /a: --verbose: {not_for_a_path}: its \
                 phases are not printed"
            ),
        ),
        (
            &[LISTEN, "/a", "tcp", ":1", "--output=json"],
            "/a: --output: is an option of serve, and comes before the first path".to_owned(),
        ),
        (
            &[LISTEN, "/a", "http", "--show-body", ":1"],
            format!("/a: --show-body: {not_for_a_path}: nothing of a body is passed on"),
        ),
    ];
    for (args, message) in rows {
        exec_probe(["serve"].iter().chain(args)).usage(message);
    }
    let many: Vec<String> = (0..33).flat_map(|at| [format!("/{at}"), "tcp".to_owned(), ":1".to_owned()]).collect();
    let args: Vec<&str> = ["serve", LISTEN].into_iter().chain(many.iter().map(String::as_str)).collect();
    exec_probe(args).usage("PATHS: wanted 32 at most");
}

#[test]
fn a_file_that_can_not_be_read_at_the_start_is_told_with_its_path() {
    exec_probe(["serve", "--listen=127.0.0.1:0", "/a", "http", "--cacert=/nonexistent", "https://localhost:1"])
        .usage("/a: --cacert \"/nonexistent\": no such file");
}

#[test]
fn an_address_that_can_not_be_listened_on_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("bound");
    exec_probe(["serve", "--listen", &addr.to_string(), "/a", "tcp", ":1"])
        .stderr(format!("serve {addr}: address in use, another process listens there"))
        .exit(1);
    exec_probe(["serve", "--listen=192.0.2.1:0", "/a", "tcp", ":1"])
        .stderr("serve 192.0.2.1:0: could not listen: bind gave EADDRNOTAVAIL")
        .exit(1);
    let (code, _, stderr) =
        exec_probe(["serve", "--output=json", "--listen", &addr.to_string(), "/a", "tcp", ":1"]).output();
    let object: serde_json::Value = serde_json::from_str(&stderr).expect("an object");
    assert_eq!((code, &object["handler"], &object["cause"]), (Some(1), &"serve".into(), &"system".into()));
}
