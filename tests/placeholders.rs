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
    let server = Server::on_ipv6(1, |_, _| String::new());
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
        ("{env.NAME}:80", "TARGET \"{env.NAME}:80\": host \"http\" from {env.NAME}: not in /etc/hosts; only this host can be probed, another container by its own health check; a virtual host is sent with -H 'Host: http'".to_owned()),
        (":{env.NONE:-}", "TARGET \":{env.NONE:-}\": no port after the colon: wanted a number from 1 to 65535".to_owned()),
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
fn one_line_end_of_a_variable_is_taken_away() {
    let server = Server::answers(1, response("200 OK", "", ""));
    exec_probe(["http", "-H", "Authorization: Bearer {env.TOKEN}", ":{env.PORT}/"])
        .env("PORT", format!("{}\n", server.port))
        .env("TOKEN", "abc\r\n")
        .stdout(format!("http GET http://localhost:{}/: status 200 (TIME)", server.port))
        .exit(0);
    let [request] = server.finish().try_into().expect("one request");
    assert!(request.contains("\r\nAuthorization: Bearer abc\r\n"), "{request}");
    exec_probe(["http", "-H", "X-Key: {env.TOKEN}", ":1"])
        .env("TOKEN", "s3cret\n\n")
        .usage("--header \"X-Key: …\": a header has no line break in it");
}

#[test]
fn what_is_nearly_a_placeholder_is_a_usage_error_with_the_right_spelling() {
    let rows: [(&[&str], &str); 8] = [
        (&["http", ":{Env.PORT}/"], "TARGET: {Env.PORT} is no placeholder, wanted {env.PORT}"),
        (&["http", ":80/{{env.PORT}}"], "TARGET: {{env.PORT} is no placeholder, wanted {env.PORT}"),
        (&["http", ":80/{env.PORT"], "TARGET: {env.PORT… is no placeholder, wanted {env.PORT}"),
        (
            &["http", "-H", "Authorization: Bearer ${env.PORT}", ":80"],
            "--header: ${env.PORT} is no placeholder, wanted {env.PORT}",
        ),
        (&["http", "-u", "me:s3{file:/run/key}cret", ":80"], "--user: {file… is no placeholder, wanted {file./PATH}"),
        (&["grpc", "--service={file.name}", ":80"], "--service: {file.name} is no placeholder, wanted {file./PATH}"),
        (&["tcp", ":{env:PORT}"], "TARGET: {env… is no placeholder, wanted {env.NAME} or {env.NAME:-DEFAULT}"),
        (&["file", "/tmp/{ENV.PORT}"], "PATH: {ENV.PORT} is no placeholder, wanted {env.PORT}"),
    ];
    for (args, wanted) in rows {
        exec_probe(args).env("PORT", "80").usage(wanted);
    }
}

#[test]
fn a_url_in_place_of_a_host_or_a_port_is_told_as_what_it_is() {
    const SERVICE: &str =
        "\"tcp://10.0.0.5:80\" from {env.APP_PORT}: the URL that Kubernetes sets for a Service of that name";
    const CURE: &str = "enableServiceLinks: false in the pod's spec leaves such variables out";
    let part = "wanted a host or a port";
    let place = "wanted HOST:PORT or unix:///PATH";
    let rows = [
        ("http", ":{env.APP_PORT}/x", format!("{SERVICE}, {part}; {CURE}")),
        ("http", "http://localhost:{env.APP_PORT}/x", format!("{SERVICE}, {part}; {CURE}")),
        ("http", "http://{env.APP_PORT}/x", format!("{SERVICE}, {part}; {CURE}")),
        ("http", "{env.APP_PORT}", format!("{SERVICE}, wanted one with http or https; {CURE}")),
        ("tcp", ":{env.APP_PORT}", format!("{SERVICE}, {place}; {CURE}")),
        ("tcp", "{env.APP_PORT}", format!("{SERVICE}, {place}; {CURE}")),
        ("grpc", "{env.APP_PORT}:80", format!("{SERVICE}, {place}; {CURE}")),
        // Others may hold a password.
        ("tcp", "{env.DSN}", format!("{{env.DSN}}: a URL, {place}")),
        ("http", ":{env.DSN}/", format!("{{env.DSN}}: a URL, {part}")),
        ("http", "{env.DSN}", "{env.DSN}: a URL, wanted one with http or https".into()),
        ("http", "{env.S3CRET}://x", "{env.S3CRET}: another scheme, wanted http or https".into()),
        ("tcp", "{env.ODD}", "wanted HOST:PORT, such as :5432, without a path".into()),
        (
            "tcp",
            "{env.QUOTED}:80",
            "host \"'x'\" from {env.QUOTED}: the quotes arrived as a part of it, wanted it without them".into(),
        ),
        (
            "http",
            ":{env.QUOTED}",
            "port \"'x'\" from {env.QUOTED}: the quotes arrived as a part of it, wanted a number from 1 to 65535"
                .into(),
        ),
    ];
    for (command, target, wanted) in rows {
        exec_probe([command, target])
            .env("APP_PORT", "tcp://10.0.0.5:80")
            .env("DSN", "postgres://root:s3cret@db/x")
            .env("S3CRET", "s3cret")
            .env("ODD", "root:s3cret@db/x?u=http://y")
            .env("QUOTED", "'x'")
            .usage(format!("TARGET \"{target}\": {wanted}"));
    }
}

#[test]
fn a_password_never_decides_where_a_target_is_split() {
    use base64::Engine as _;
    for password in ["1234/s3cret", "s3?cret", "s3#cret", "s3@cret", "1/@2:3/", "tcp://10.0.0.5:80"] {
        let server = Server::answers(1, response("200 OK", "", ""));
        let target = format!("http://me:{{env.PW}}@localhost:{}/x@y", server.port);
        exec_probe(["http", &target])
            .env("PW", password)
            .stdout(format!("http GET http://localhost:{}/x@y: status 200 (TIME)", server.port))
            .exit(0);
        let [request] = server.finish().try_into().expect("one request");
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("me:{password}"));
        assert!(request.starts_with("GET /x@y HTTP/1.1\r\n"), "{password}: {request}");
        assert!(request.contains(&format!("\r\nAuthorization: Basic {credentials}\r\n")), "{password}: {request}");
    }
    // A whole URL is split as if it were typed, and so is what follows it.
    let server = Server::answers(2, response("200 OK", "", ""));
    for (target, shown) in [("{env.URL}", "{env.URL}"), ("{env.URL}/@me", "{env.URL}/@me")] {
        exec_probe(["http", target])
            .env("URL", format!("http://me:s3cret@localhost:{}/users", server.port))
            .stdout(format!("http GET http://localhost:{}/{shown}: status 200 (TIME)", server.port))
            .exit(0);
    }
    let requests = server.finish();
    assert!(requests[0].starts_with("GET /users HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[1].starts_with("GET /users/@me HTTP/1.1\r\n"), "{}", requests[1]);
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
