//! Under the names of other tools: their command lines, against servers of our own. Exit code and both streams are
//! compared; where a row says PORT, the server's is meant, and `~` is a
//! blank within an argument.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Folder, Server, binary, closed_port, exec_probe, read_head, response};

/// Arguments, what a server answers to each call, exit code, standard output, standard error.
type Row<'a> = (&'a str, &'a [&'a str], i32, &'a str, &'a str);

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nup\n";
const MISSING: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnone\n";
const SICK: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
const MOVED: &str = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 3\r\n\r\ngo\n";
const AWAY: &str = "HTTP/1.1 302 Found\r\nLocation: http://other.example/\r\nContent-Length: 3\r\n\r\ngo\n";
const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nup\n";

fn check(rows: &[Row<'_>]) {
    for (line, answers, code, stdout, stderr) in rows {
        let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let server = (!answers.is_empty()).then(|| {
            Server::new(answers.len(), move |at, stream| {
                let request = read_head(stream);
                let _ = stream.write_all(answers[at].as_bytes());
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = std::io::copy(stream, &mut std::io::sink());
                request
            })
        });
        let port = server.as_ref().map_or_else(closed_port, |server| server.port).to_string();
        let args: Vec<String> = line.split(' ').map(|word| word.replace("PORT", &port).replace('~', " ")).collect();
        let got = exec_probe(&args).output();
        let hide = |text: String| text.replace(&port, "PORT");
        let got = (got.0, hide(got.1), hide(got.2));
        assert_eq!(got, (Some(*code), (*stdout).to_owned(), (*stderr).to_owned()), "{line}");
    }
}

#[test]
fn curl_fails_by_status_only_where_it_is_told_to() {
    let missing = "http GET http://localhost:PORT/: status 404, wanted 100-399 (sent Host: localhost:PORT)\n";
    check(&[
        ("curl -f http://localhost:PORT/", &[OK], 0, "up\n", ""),
        ("curl localhost:PORT", &[MISSING], 0, "none\n", ""),
        ("curl -f localhost:PORT", &[MISSING], 22, "", &format!("curl: (22) {missing}")),
        ("curl -sf localhost:PORT", &[MISSING], 22, "", &format!("curl: (22) {missing}")),
        ("curl --fail-with-body localhost:PORT", &[MISSING], 22, "none\n", &format!("curl: (22) {missing}")),
        ("curl -fsSo /dev/null localhost:PORT", &[OK], 0, "", ""),
        ("curl -fso/dev/null -w %{http_code}\\n localhost:PORT", &[OK], 0, "200\n", ""),
        ("curl -sI localhost:PORT", &[OK], 0, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", ""),
        ("curl -i localhost:PORT", &[OK], 0, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nup\n", ""),
        (
            "curl localhost:PORT localhost:PORT -f",
            &[SICK, OK],
            0,
            "up\n",
            "curl: (22) http GET http://localhost:PORT/: status 503, wanted 100-399\n",
        ),
    ]);
}

#[test]
fn curl_follows_only_where_it_is_told_to_and_only_here() {
    check(&[
        ("curl -f localhost:PORT", &[MOVED], 0, "go\n", ""),
        ("curl -fL localhost:PORT", &[MOVED, OK], 0, "up\n", ""),
        (
            "curl -fL localhost:PORT",
            &[MOVED, SICK],
            22,
            "",
            "curl: (22) http GET http://localhost:PORT/: redirected to http://localhost:PORT: status 503, wanted 100-399\n",
        ),
        (
            "curl -fL localhost:PORT",
            &[AWAY],
            0,
            "go\n",
            "curl: not followed to http://other.example, which is another host name\n",
        ),
        ("curl -sfL localhost:PORT", &[AWAY], 0, "go\n", ""),
    ]);
}

#[test]
fn curl_exits_as_curl_does_where_there_is_no_answer() {
    let label = "http GET http://localhost:PORT/";
    check(&[
        (
            "curl -s localhost:PORT",
            &[],
            7,
            "",
            &format!("curl: (7) {label}: connection refused (127.0.0.1, [::1])\n"),
        ),
        (
            "curl -sw %{http_code} localhost:PORT",
            &[],
            7,
            "000",
            &format!("curl: (7) {label}: connection refused (127.0.0.1, [::1])\n"),
        ),
        (
            "curl localhost:PORT",
            &["SSH-2.0-x\r\n"],
            1,
            "",
            &format!("curl: (1) {label}: the answer is not HTTP (connected to 127.0.0.1:PORT)\n"),
        ),
        (
            "curl localhost:PORT",
            &[CUT],
            18,
            "up\n",
            &format!(
                "curl: (18) {label}: connection closed or reset by the peer, response body not complete (connected to 127.0.0.1:PORT)\n"
            ),
        ),
        ("curl -o /dev/null localhost:PORT", &[CUT], 0, "", ""),
        (
            "curl localhost:PORT",
            &[""],
            52,
            "",
            &format!(
                "curl: (52) {label}: connection closed or reset by the peer, no response headers (connected to 127.0.0.1:PORT)\n"
            ),
        ),
    ]);
}

#[test]
fn what_curl_could_do_and_this_does_not_is_refused_by_name() {
    check(&[
        ("curl", &[], 2, "", "curl: (2) no URL: wanted one such as http://localhost:8080/healthz\n"),
        ("curl -d x=s3cret localhost:1", &[], 2, "", "curl: (2) -d: exec-probe sends no body\n"),
        ("curl -o x localhost:1", &[], 2, "", "curl: (2) -o x: exec-probe writes no file; /dev/null and - only\n"),
        (
            "curl --max-time=5 localhost:1",
            &[],
            2,
            "",
            "curl: (2) unknown option --max-time: the value is a word of its own\n",
        ),
        ("curl --fai localhost:1", &[], 2, "", "curl: (2) unknown option --fai\n"),
        ("curl http://app:1/", &[], 2, "", "curl: (2) host \"app\" is not this host: write localhost\n"),
        ("curl http://192.0.2.1:1/", &[], 2, "", "curl: (2) host \"192.0.2.1\" is not this host: write localhost\n"),
        ("curl :8080/x", &[], 3, "", "curl: (3) URL \":8080/x\": no host in it; wanted localhost\n"),
        ("curl ftp://localhost/", &[], 1, "", "curl: (1) URL \"ftp://localhost/\": wanted http or https\n"),
        ("curl --cacert /none localhost:1", &[], 77, "", "curl: (77) --cacert \"/none\": no such file\n"),
        ("curl --cert /none localhost:1", &[], 58, "", "curl: (58) --cert \"/none\": no such file\n"),
    ]);
}

#[test]
fn wget_follows_and_exits_as_wget_does() {
    let label = "http GET http://localhost:PORT/";
    check(&[
        ("wget --spider -q localhost:PORT", &[OK], 0, "", ""),
        ("wget -nv --tries=1 --spider localhost:PORT", &[OK], 0, "", ""),
        ("wget -qO- localhost:PORT", &[OK], 0, "up\n", ""),
        ("wget -qO /dev/null localhost:PORT", &[MOVED, OK], 0, "", ""),
        ("wget -qO- --spider localhost:PORT", &[OK], 0, "", ""),
        ("wget -qO- localhost:PORT", &[SICK], 8, "", &format!("wget: {label}: status 503, wanted 200-399\n")),
        (
            "wget --spider localhost:PORT",
            &["HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"],
            6,
            "",
            &format!("wget: {label}: status 401, wanted 200-399\n"),
        ),
        (
            "wget -q -T 5 --spider localhost:PORT",
            &[],
            4,
            "",
            &format!("wget: {label}: connection refused (127.0.0.1, [::1])\n"),
        ),
        (
            "wget -S --spider localhost:PORT",
            &[SICK],
            8,
            "",
            &format!(
                "  HTTP/1.1 503 Service Unavailable\n  Content-Length: 0\nwget: {label}: status 503, wanted 200-399\n"
            ),
        ),
        ("wget", &[], 1, "", "wget: no URL: wanted one such as http://localhost:8080/healthz\n"),
        (
            "wget localhost:1",
            &[],
            2,
            "",
            "wget: without -O and --spider a file is written: write -O /dev/null or --spider\n",
        ),
        ("wget -O- --post-data=x localhost:1", &[], 2, "", "wget: --post-data: exec-probe sends no body\n"),
    ]);
}

#[test]
fn nc_tells_by_its_exit_code_whether_a_port_is_open() {
    let server = Server::new(3, |_, _| String::new());
    let port = server.port.to_string();
    let said = format!("Connection to localhost {port} port [tcp/*] succeeded!");
    exec_probe(["nc", "-z", "0", &port]).exit(0);
    exec_probe(["nc", "-zv", "localhost", &port]).stderr(said).exit(0);
    exec_probe(["netcat", "-zw1", "127.0.0.1", "1", &port]).stderr("nc: tcp 127.0.0.1:1: connection refused").exit(0);
    check(&[
        ("nc -z 127.0.0.1 PORT", &[], 1, "", "nc: tcp 127.0.0.1:PORT: connection refused\n"),
        ("nc -nz localhost 1", &[], 1, "", "nc: host \"localhost\": -n wants an address: write 127.0.0.1\n"),
        ("nc -zu localhost 1", &[], 1, "", "nc: -u: a udp port cannot be seen to be open\n"),
        ("nc localhost 1", &[], 1, "", "nc: without -z something is sent: write nc -z\n"),
        ("nc -z app 1", &[], 1, "", "nc: host \"app\" is not this host: write localhost\n"),
    ]);
}

#[test]
fn grpc_health_probe_exits_by_what_kept_it_from_serving() {
    let refused = "grpc localhost:PORT: connection refused (127.0.0.1, [::1])\n";
    check(&[
        ("grpc_health_probe -addr=:PORT", &[], 2, "", refused),
        ("grpc-health-probe -addr :PORT -rpc-timeout=5s rest", &[], 2, "", refused),
        ("grpc_health_probe", &[], 1, "", "-addr: wanted one, such as -addr=:50051\n"),
        (
            "grpc_health_probe --addr=:1 -rpc-timeout=5",
            &[],
            1,
            "",
            "-rpc-timeout \"5\": wanted a number with its unit, such as 5s\n",
        ),
        (
            "grpc_health_probe -addr=:1 -tls-no-verify",
            &[],
            1,
            "",
            "-tls-no-verify: used only over TLS; write -tls as well\n",
        ),
        ("grpc_health_probe -addr=app:1", &[], 1, "", "host \"app\" is not this host: write localhost\n"),
    ]);
}

#[test]
fn a_shell_runs_a_tool_and_nothing_else() {
    let failed = "http GET http://localhost:PORT/: status 503, wanted 100-399\n";
    check(&[
        ("sh -c curl~-f~localhost:PORT~||~exit~1", &[OK], 0, "up\n", ""),
        ("sh -c curl~-f~localhost:PORT~||~exit~1", &[SICK], 1, "", &format!("curl: (22) {failed}")),
        ("bash -ec curl~-f~localhost:PORT", &[SICK], 22, "", &format!("curl: (22) {failed}")),
        ("sh -c curl~-f~localhost:PORT~>/dev/null~2>&1~||~exit~1", &[SICK], 1, "", ""),
        ("sh -c curl~-f~localhost:PORT~>/dev/null~&&~curl~-f~localhost:PORT", &[OK, OK], 0, "up\n", ""),
        (
            "sh -c rm~-rf~/",
            &[],
            127,
            "",
            "sh: runs only curl, wget, nc and grpc_health_probe with || exit N: found \"rm\"\n",
        ),
    ]);
}

#[test]
fn limits_are_the_tools_own_and_timeout_ends_them_all() {
    let silent = || {
        Server::new(1, |_, stream| {
            let _ = std::io::copy(stream, &mut std::io::sink());
            String::new()
        })
    };
    let said = |port: u16, limit: &str| {
        let peer = format!("(connected to 127.0.0.1:{port})");
        format!("http GET http://localhost:{port}/: no response headers in {limit} {peer}")
    };
    let server = silent();
    let url = format!("http://localhost:{}/", server.port);
    let line = format!("curl: (28) {}", said(server.port, "300ms"));
    exec_probe(["curl", "-fm.3", "--connect-timeout", "9", &url]).stderr(line).takes(300, 5000).exit(28);
    drop(server);
    let server = silent();
    let script = format!("timeout 1 wget -T 9 --spider http://localhost:{}/", server.port);
    let line = format!("wget: {}", said(server.port, "1s"));
    exec_probe(["sh", "-c", &script]).stderr(line).takes(1000, 8000).exit(124);
}

#[test]
fn the_variable_is_the_limit_of_a_call_that_has_none() {
    const NAME: &str = "EXEC_PROBE_TIMEOUT";
    let silent = |calls| {
        Server::new(calls, |_, stream| std::io::copy(stream, &mut std::io::sink()).unwrap_or_default().to_string())
    };
    for (words, tool, code) in [
        (vec!["curl", "-f"], "curl: (28)", 28),
        (vec!["curl", "-f", "--connect-timeout", "9"], "curl: (28)", 28),
        (vec!["wget", "-q", "--spider"], "wget:", 4),
    ] {
        let server = silent(1);
        let url = format!("http://localhost:{}/", server.port);
        let peer = format!("(connected to 127.0.0.1:{})", server.port);
        let line = format!("{tool} http GET {url}: no response headers in 300ms {peer}");
        exec_probe([&words[..], &[&url]].concat()).env(NAME, "300ms").stderr(line).takes(300, 5000).exit(code);
    }
    // A limit of its own comes first, and nothing is asked where the variable can't be understood.
    let server = silent(1);
    let url = format!("http://localhost:{}/", server.port);
    let line =
        format!("curl: (28) http GET {url}: no response headers in 300ms (connected to 127.0.0.1:{})", server.port);
    exec_probe(["curl", "-m.3", &url]).env(NAME, "20s").stderr(line).takes(300, 5000).exit(28);
    let wrong = "EXEC_PROBE_TIMEOUT \"5x\": wanted a number and ms, s, m or h, such as 500ms";
    exec_probe(["curl", &url]).env(NAME, "5x").stderr(format!("curl: (2) {wrong}")).exit(2);
    exec_probe(["sh", "-c", "nc -z localhost 1"]).env(NAME, "5x").stderr(format!("nc: {wrong}")).exit(1);
}

#[test]
fn a_link_answers_as_the_word_does_and_a_body_that_nobody_takes_is_told() {
    let folder = Folder::new();
    symlink(binary(), folder.path("curl")).expect("a link");
    let server = Server::answers(2, response("200 OK", "", "up"));
    let url = format!("http://localhost:{}/", server.port);
    let mut command = Command::new(folder.path("curl"));
    let output = command.args(["-f", &url]).env_clear().output().expect("it starts");
    assert_eq!((output.status.code(), output.stdout.as_slice(), output.stderr.len()), (Some(0), &b"up"[..], 0));
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
    let output = command.stdout(Stdio::from(full)).stderr(Stdio::piped()).output().expect("it starts");
    let line = format!("curl: (23) http GET {url}: standard output does not take the response\n");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()), (Some(23), line));
}

#[test]
fn of_a_body_without_end_64_kib_are_printed() {
    let server = Server::new(1, |_, stream| {
        let request = read_head(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
        request
    });
    let (code, stdout, stderr) = exec_probe(["curl", "-f", &format!("localhost:{}", server.port)]).output();
    assert_eq!((code, stdout.len(), stderr.as_str()), (Some(0), 64 * 1024, ""));
}

#[test]
fn what_a_variable_gave_in_a_shell_line_is_not_shown() {
    let port = closed_port();
    let script = format!("curl -f -H \"X-Key: $TOKEN\" http://localhost:{port}/$TOKEN?key=$TOKEN || exit 1");
    exec_probe(["sh", "-c", &script])
        .env("TOKEN", "s3cret")
        .stderr(format!("curl: (7) http GET http://localhost:{port}/…: connection refused (127.0.0.1, [::1])"))
        .exit(1);
    let script = format!("grpc_health_probe -addr=localhost:{port} -service=$TOKEN");
    exec_probe(["sh", "-c", &script])
        .env("TOKEN", "s3cret")
        .stderr(format!("grpc localhost:{port} service …: connection refused (127.0.0.1, [::1])"))
        .exit(2);
}
