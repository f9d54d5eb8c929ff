//! Placeholders on the built binary: what they give, and what messages show of them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::{Folder, Server, closed_port, exec_probe, response};

#[test]
fn host_and_port_are_shown_as_they_came_out_and_the_rest_as_typed() {
    let port = closed_port().to_string();
    exec_probe(["http", "http://{env.HOST}:{env.PORT}/x?token={env.TOKEN}"])
        .env("HOST", "127.0.0.1")
        .env("PORT", &port)
        .env("TOKEN", "s3cret")
        .stderr(format!("http GET http://127.0.0.1:{port}/x?token={{env.TOKEN}}: connection refused"))
        .exit(1);
    exec_probe(["http", "{env.URL}"])
        .env("URL", format!("http://127.0.0.1:{port}/s3cret"))
        .stderr(format!("http GET http://127.0.0.1:{port}/{{env.URL}}: connection refused"))
        .exit(1);
}

#[test]
fn values_reach_the_request() {
    let folder = Folder::new();
    let token = folder.file("token", "abc\n");
    let server = Server::answers(1, response("200 OK", "", ""));
    let port = server.port;
    exec_probe(["http", "-H", &format!("Authorization: Bearer {{file.{token}}}"), ":{env.PORT:-1}/{env.PATH_:-a b}"])
        .env("PORT", port.to_string())
        .stdout(format!("http GET http://localhost:{port}/{{env.PATH_:-a b}}: status 200 (TIME)"))
        .exit(0);
    let request = server.finish().concat();
    assert!(request.starts_with("GET /a%20b HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nAuthorization: Bearer abc\r\n"), "{request}");
}

#[test]
fn a_bare_ipv6_address_is_understood() {
    let server = Server::on("[::1]:0", 1, |_, _| String::new());
    exec_probe(["tcp", "{env.POD_IP}:{env.PORT}"])
        .env("POD_IP", "::1")
        .env("PORT", server.port.to_string())
        .stdout(format!("tcp [::1]:{}: connected (TIME)", server.port))
        .exit(0);
}

#[test]
fn what_gives_nothing_is_a_usage_error_that_names_it() {
    let folder = Folder::new();
    let fifo = folder.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let long = folder.file("long", "x".repeat(65_537));
    let empty = folder.file("empty", "\n");
    let binary = folder.file("binary", [0xff, 0xfe]);
    let rows = [
        (":{env.PORT}", "TARGET: {env.PORT}: no variable PORT is set".to_owned()),
        (":{env.EMPTY}", "TARGET: {env.EMPTY}: the variable EMPTY is empty".to_owned()),
        (":{env.RAW}", "TARGET: {env.RAW}: its value is not UTF-8".to_owned()),
        (":{env.A:-{env.B}}", "TARGET: a placeholder cannot hold another one: {env.A:-{env.B}".to_owned()),
        (":{env.NAME}", "TARGET \":{env.NAME}\": port \"http\" from {env.NAME}: wanted a number from 1 to 65535; a container's port names are not known inside it".to_owned()),
        (":{env.LONG}", format!("TARGET \":{{env.LONG}}\": port \"{}…\" from {{env.LONG}}: wanted a number from 1 to 65535", "9".repeat(64))),
        (":{env.DIRTY}", "TARGET \":{env.DIRTY}\": port \"8?0\" from {env.DIRTY}: wanted a number from 1 to 65535; a container's port names are not known inside it".to_owned()),
        ("{env.NAME}:80", "TARGET \"{env.NAME}:80\": host \"http\" from {env.NAME}: only this host can be probed, by localhost or an address of its own; a virtual host is sent with -H 'Host: http'".to_owned()),
        (":{env.NONE:-}", "TARGET \":{env.NONE:-}\": no port behind the colon: wanted a number from 1 to 65535".to_owned()),
    ];
    for (target, wanted) in rows {
        exec_probe(["http", target])
            .env("EMPTY", "")
            .env("NAME", "http")
            .env("LONG", "9".repeat(100))
            .env("DIRTY", "8\n0")
            .env("RAW", OsStr::from_bytes(b"\xff"))
            .usage(wanted);
    }
    let rows = [
        (format!("{{file.{fifo}}}"), "a FIFO, wanted a regular file"),
        (format!("{{file.{long}}}"), "the file is longer than 64 KiB"),
        (format!("{{file.{empty}}}"), "the file is empty"),
        (format!("{{file.{binary}}}"), "the file is not UTF-8"),
        ("{file./no/such}".to_owned(), "no such file"),
    ];
    for (placeholder, wanted) in rows {
        exec_probe(["grpc", "--service", &placeholder, ":1"])
            .takes(0, 1000)
            .usage(format!("--service: {placeholder}: {wanted}"));
    }
}

#[test]
fn an_option_shows_its_placeholder_and_not_its_value() {
    exec_probe(["http", "--timeout={env.LIMIT}", ":1"])
        .env("LIMIT", "s3cret")
        .usage("--timeout \"{env.LIMIT}\": wanted a number and ms, s, m or h, such as 500ms");
    let server = Server::answers(1, response("200 OK", "", "nothing"));
    exec_probe(["http", "--expect-body={env.WANTED}", &format!(":{}", server.port)])
        .env("WANTED", "s3cret")
        .stderr(format!("http GET http://localhost:{}/: no \"{{env.WANTED}}\" in the body", server.port))
        .exit(1);
}

#[test]
fn verbose_lists_what_was_filled_in_by_its_length() {
    let folder = Folder::new();
    let token = folder.file("token", "s3cret\n");
    let header = format!("Authorization: Bearer {{file.{token}}}");
    let port = closed_port().to_string();
    let notes = format!(
        "note: {{file.{token}}} is 6 bytes long\nnote: {{env.PORT}} is {} bytes long\nnote: {{env.NONE:-x}} is 1 byte long\n",
        port.len()
    );
    let args = ["http", "-v", "-H", &header, "-H", &header, ":{env.PORT}/{env.NONE:-x}"];
    let (code, _, stderr) = exec_probe(args).env("PORT", &port).output();
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.starts_with(&notes) && !stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn verbose_json_is_an_object_on_every_line() {
    let port = closed_port().to_string();
    let (code, _, stderr) = exec_probe(["tcp", "-v", "--output=json", ":{env.PORT}"]).env("PORT", &port).output();
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.starts_with("{\"phase\":null,\"elapsed_ms\":null,\"message\":\"{env.PORT} is "), "{stderr}");
    let objects: Result<Vec<serde_json::Value>, _> = stderr.lines().map(serde_json::from_str).collect();
    let objects = objects.unwrap_or_else(|error| panic!("{error}: {stderr}"));
    assert_eq!(objects.last().map(|object| &object["healthy"]), Some(&serde_json::Value::Bool(false)), "{stderr}");
}
