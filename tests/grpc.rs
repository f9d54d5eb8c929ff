//! The grpc handler against tonic's server, and against peers that only pretend.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use tonic::{Request, Status};
use tonic_health::ServingStatus;

use crate::support::{Folder, Server, closed_port, exec_probe};

/// A tonic server on its own thread; it ends with the test process.
struct Tonic(SocketAddr);

impl Tonic {
    fn port(&self) -> u16 {
        self.0.port()
    }
}

/// Lets calls through that have the right token or none.
fn guard(request: Request<()>) -> Result<Request<()>, Status> {
    match request.metadata().get("authorization").map(|token| token.as_bytes()) {
        Some(b"Bearer s3cret") | None => Ok(request),
        Some(_) => Err(Status::unauthenticated("s3cret text of the server's")),
    }
}

fn tonic() -> Tonic {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("bound");
    listener.set_nonblocking(true).expect("non-blocking");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (reporter, service) = tonic_health::server::health_reporter();
            reporter.set_service_status("good", ServingStatus::Serving).await;
            reporter.set_service_status("bad", ServingStatus::NotServing).await;
            reporter.set_service_status("odd", ServingStatus::Unknown).await;
            let listener = tokio::net::TcpListener::from_std(listener).expect("registered");
            let incoming = tonic::transport::server::TcpIncoming::from(listener);
            let guard = tonic::service::interceptor::InterceptorLayer::new(guard);
            let server = tonic::transport::Server::builder().layer(guard).add_service(service);
            server.serve_with_incoming(incoming).await.expect("the server runs");
        });
    });
    Tonic(addr)
}

#[test]
fn serving_is_healthy_and_nothing_else() {
    let server = tonic();
    let label = format!("grpc localhost:{}", server.port());
    let target = format!(":{}", server.port());
    exec_probe(["grpc", &target]).stdout(format!("{label}: SERVING (TIME)")).exit(0);
    let rows = [
        ("good", Ok("SERVING")),
        ("bad", Err("NOT_SERVING, wanted SERVING")),
        ("odd", Err("UNKNOWN, wanted SERVING")),
        ("none", Err("the health service does not know this service (NOT_FOUND)")),
    ];
    for (service, wanted) in rows {
        let run = exec_probe(["grpc", "--service", service, &target]);
        match wanted {
            Ok(status) => run.stdout(format!("{label} service {service}: {status} (TIME)")).exit(0),
            Err(why) => run.stderr(format!("{label} service {service}: {why}")).exit(1),
        }
    }
}

#[test]
fn wanted_statuses_can_be_named_and_any_answer_may_do() {
    let server = tonic();
    let label = format!("grpc 127.0.0.1:{}", server.port());
    let target = server.0.to_string();
    let rows: [(&[&str], Result<&str, &str>); 6] = [
        (&["--expect-status=NOT_SERVING", "--service=bad"], Ok("service bad: NOT_SERVING (TIME)")),
        (&["--expect-status=SERVING,NOT_SERVING", "--service=bad"], Ok("service bad: NOT_SERVING (TIME)")),
        (&["--expect-status=NOT_SERVING", "--service=good"], Err("service good: SERVING, wanted NOT_SERVING")),
        (&["--expect-status=any", "--service=none"], Ok("service none: NOT_FOUND (TIME)")),
        (&["--expect-status=any", "--service=bad"], Ok("service bad: NOT_SERVING (TIME)")),
        (
            &["--expect-status=any", "--service=good", "-H", "authorization: no"],
            Ok("service good: UNAUTHENTICATED (TIME)"),
        ),
    ];
    for (options, wanted) in rows {
        let run = exec_probe(["grpc"].iter().chain(options).copied().chain([target.as_str()]));
        match wanted {
            Ok(line) => run.stdout(format!("{label} {line}")).exit(0),
            Err(line) => run.stderr(format!("{label} {line}")).exit(1),
        }
    }
}

#[test]
fn metadata_is_sent_and_never_shown() {
    let server = tonic();
    let label = format!("grpc 127.0.0.1:{}", server.port());
    let target = server.0.to_string();
    exec_probe(["grpc", "-H", "Authorization: Bearer s3cret", &target])
        .stdout(format!("{label}: SERVING (TIME)"))
        .exit(0);
    exec_probe(["grpc", "--metadata", "authorization: Bearer wrong", &target])
        .stderr(format!("{label}: the health check ended with UNAUTHENTICATED"))
        .exit(1);
}

#[test]
fn a_refused_port_is_told_at_once() {
    let port = closed_port();
    exec_probe(["grpc", &format!(":{port}")])
        .stderr(format!("grpc localhost:{port}: connection refused (127.0.0.1, [::1])"))
        .takes(0, 500)
        .exit(1);
    let folder = Folder::new();
    let path = folder.path("none.sock");
    exec_probe(["grpc", &format!("unix://{path}")]).stderr(format!("grpc unix:{path}: no such socket")).exit(1);
}

/// Reads the preface and all frames up to the request's headers: an answer to come before them would be an error.
pub(crate) fn read_request(stream: &mut (impl Read + ?Sized)) {
    let mut skip = |count: usize| {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    if skip(24).is_err() {
        return;
    }
    while let Ok(header) = skip(9) {
        let len = header[..3].iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
        if skip(len).is_err() || header[3] == 1 {
            return;
        }
    }
}

/// A peer that sends these bytes once it was spoken to, and holds the line or ends it.
fn peer(bytes: impl Into<Vec<u8>>, holds: bool) -> Server {
    let bytes = bytes.into();
    Server::new(1, move |_, stream| {
        read_request(stream);
        let _ = stream.write_all(&bytes);
        if holds {
            let _ = stream.read_to_end(&mut Vec::new());
        } else {
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.set_read_timeout(Some(Duration::from_millis(300)));
            let _ = stream.read_to_end(&mut Vec::new());
        }
        String::new()
    })
}

/// An HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).expect("a short payload");
    [&[0, 0, len, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A header of HPACK, not indexed, without Huffman.
fn field(name: &str, value: &str) -> Vec<u8> {
    let len = |text: &str| u8::try_from(text.len()).expect("a short text");
    [&[0, len(name)], name.as_bytes(), &[len(value)], value.as_bytes()].concat()
}

const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

fn answer(fields: &[(&str, &str)], data: &[u8], trailers: &[(&str, &str)]) -> Vec<u8> {
    let block =
        |fields: &[(&str, &str)]| fields.iter().flat_map(|(name, value)| field(name, value)).collect::<Vec<_>>();
    let is_last = data.is_empty() && trailers.is_empty();
    let mut bytes = SETTINGS.to_vec();
    bytes.extend(frame(1, if is_last { 5 } else { 4 }, 1, &block(fields)));
    if !data.is_empty() {
        bytes.extend(frame(0, u8::from(trailers.is_empty()), 1, data));
    }
    if !trailers.is_empty() {
        bytes.extend(frame(1, 5, 1, &block(trailers)));
    }
    bytes
}

/// A server's whole side of a call that ends with SERVING.
pub(crate) fn serving() -> Vec<u8> {
    let ok = [(":status", "200"), ("content-type", "application/grpc")];
    answer(&ok, &[0, 0, 0, 0, 2, 8, 1], &[("grpc-status", "0")])
}

#[test]
fn answers_are_told_apart() {
    let ok = [(":status", "200"), ("content-type", "application/grpc")];
    let serving: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
    let done = [("grpc-status", "0")];
    let connected = "(connected to 127.0.0.1:PORT)";
    let rows: [(&str, Vec<u8>, &str); 17] = [
        ("serving", answer(&ok, serving, &done), "SERVING (TIME)"),
        (
            "an unknown number",
            answer(&ok, &[0, 0, 0, 0, 2, 8, 9], &done),
            "serving status 9, which grpc.health.v1 does not know",
        ),
        (
            "trailers only",
            answer(&[ok[0], ok[1], ("grpc-status", "12")], b"", &[]),
            "no grpc.health.v1.Health here (UNIMPLEMENTED)",
        ),
        (
            "a status behind a message",
            answer(&ok, serving, &[("grpc-status", "14")]),
            "the health check ended with UNAVAILABLE",
        ),
        (
            "a status twice",
            answer(&ok, b"", &[("grpc-status", "5"), ("grpc-status", "0")]),
            "the health service does not know this service (NOT_FOUND)",
        ),
        ("no status", answer(&ok, serving, &[("x", "y")]), "malformed gRPC response: no grpc-status"),
        ("no message", answer(&ok, b"", &done), "malformed gRPC response: no message that can be read"),
        (
            "a large message",
            answer(&ok, &[0, 0xff, 0xff, 0xff, 0xff, 8, 1], &done),
            "malformed gRPC response: a message of more than 4 KiB",
        ),
        (
            "compressed",
            answer(&ok, &[1, 0, 0, 0, 2, 8, 1], &done),
            "malformed gRPC response: compressed, which was not asked for",
        ),
        (
            "a status with a sign",
            answer(&ok, serving, &[("grpc-status", "+5")]),
            "malformed gRPC response: a grpc-status that is no code",
        ),
        (
            "gRPC for browsers",
            answer(&[ok[0], ("content-type", "application/grpc-web")], serving, &done),
            "an HTTP/2 server, but not a gRPC one (HTTP status 200)",
        ),
        (
            "not gRPC",
            answer(&[(":status", "404"), ("content-type", "text/html")], b"", &[]),
            "an HTTP/2 server, but not a gRPC one (HTTP status 404)",
        ),
        (
            "GOAWAY",
            [SETTINGS, &frame(7, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11])].concat(),
            "the server turned the call away (GOAWAY) CONNECTED",
        ),
        (
            "RST_STREAM",
            [SETTINGS, &frame(3, 0, 1, &[0, 0, 0, 7])].concat(),
            "the server turned the call away (RST_STREAM) CONNECTED",
        ),
        (
            "HTTP/1.1",
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            "the server speaks HTTP/1.1, not HTTP/2, so no gRPC CONNECTED",
        ),
        (
            "something else",
            b"-ERR unknown command 'PRI'\r\n".to_vec(),
            "the answer is not HTTP/2, so no gRPC CONNECTED",
        ),
        (
            "broken HTTP/2",
            [SETTINGS, &frame(0, 0, 0, b"data on stream 0")].concat(),
            "malformed gRPC response: HTTP/2 is broken",
        ),
    ];
    for (what, bytes, wanted) in rows {
        let server = peer(bytes, true);
        let port = server.port.to_string();
        let wanted = wanted.replace("CONNECTED", connected).replace("PORT", &port);
        println!("{what}");
        let run = exec_probe(["grpc", "--timeout=2s", &format!("localhost:{port}")]).takes(0, 1500);
        let line = format!("grpc localhost:{port}: {wanted}");
        if wanted.starts_with("SERVING") { run.stdout(line).exit(0) } else { run.stderr(line).exit(1) }
    }
}

#[test]
fn a_coding_that_no_message_uses_changes_nothing() {
    for coding in ["gzip", "identity", "deflate"] {
        let head = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", coding)];
        let bytes = answer(&head, &[0, 0, 0, 0, 2, 8, 1], &[("grpc-status", "0")]);
        for option in ["--expect-status=SERVING", "--expect-status=any"] {
            let server = peer(bytes.clone(), true);
            let target = format!("localhost:{}", server.port);
            exec_probe(["grpc", option, &target]).stdout(format!("grpc {target}: SERVING (TIME)")).exit(0);
        }
    }
}

#[test]
fn any_answer_is_no_answer_that_breaks_grpc() {
    let ok = [(":status", "200"), ("content-type", "application/grpc")];
    let (serving, done): (&[u8], _) = (&[0, 0, 0, 0, 2, 8, 1], [("grpc-status", "0")]);
    let rows = [
        (
            answer(&[ok[0], ok[1], ("grpc-encoding", "gzip")], &[1, 0, 0, 0, 2, 8, 1], &done),
            "malformed gRPC response: compressed, which was not asked for",
        ),
        (
            answer(&[ok[0], ("content-type", "application/grpcx")], serving, &done),
            "an HTTP/2 server, but not a gRPC one (HTTP status 200)",
        ),
        (answer(&ok, serving, &[("grpc-status", "+5")]), "malformed gRPC response: a grpc-status that is no code"),
    ];
    for (bytes, wanted) in rows {
        let server = peer(bytes, true);
        let target = format!("localhost:{}", server.port);
        exec_probe(["grpc", "--expect-status=any", &target]).stderr(format!("grpc {target}: {wanted}")).exit(1);
    }
}

#[test]
fn a_server_that_speaks_tls_is_told_by_a_second_look() {
    const CLOSES: &[u8] = b"";
    const REFUSES: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno\n";
    const FORBIDS: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    const ALERT: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
    const HELLO: &[u8] = &[22, 3, 3, 0, 90, 2];
    let tls = "the server speaks TLS; --tls asks it";
    let closed = "connection closed or reset by the peer, no answer";
    let http1 = "the server speaks HTTP/1.1, not HTTP/2, so no gRPC";
    let rows = [
        ("closes, then an alert", CLOSES, Some(ALERT), tls),
        ("closes, then a hello", CLOSES, Some(HELLO), tls),
        ("closes always", CLOSES, Some(CLOSES), closed),
        ("refuses, then a hello", REFUSES, Some(HELLO), tls),
        ("refuses always", REFUSES, Some(REFUSES), http1),
        ("refuses a client", FORBIDS, None, http1),
    ];
    for (what, plain, hello, wanted) in rows {
        for option in ["--expect-status=SERVING", "--expect-status=any"] {
            let server = Server::new(1 + usize::from(hello.is_some()), move |at, stream| {
                let answer = if at == 0 { plain } else { hello.unwrap_or_default() };
                if at == 0 {
                    read_request(stream);
                } else {
                    let _ = stream.read(&mut [0; 4096]);
                }
                let _ = stream.write_all(answer);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read_to_end(&mut Vec::new());
                String::new()
            });
            let port = server.port;
            println!("{what} {option}");
            exec_probe(["grpc", option, &format!("localhost:{port}")])
                .stderr(format!("grpc localhost:{port}: {wanted} (connected to 127.0.0.1:{port})"))
                .takes(0, 1500)
                .exit(1);
        }
    }
}

#[test]
fn silence_and_ends_are_told_apart() {
    for bytes in [b"".as_slice(), SETTINGS] {
        let server = peer(bytes, true);
        let port = server.port;
        exec_probe(["grpc", "--timeout=300ms", &format!("localhost:{port}")])
            .stderr(format!("grpc localhost:{port}: no answer in 300ms (connected to 127.0.0.1:{port})"))
            .takes(300, 800)
            .exit(1);
    }
    for (bytes, wanted) in [(b"".as_slice(), "no answer"), (SETTINGS, "answer not complete")] {
        let server = peer(bytes, false);
        let port = server.port;
        exec_probe(["grpc", &format!("localhost:{port}")])
            .stderr(format!(
                "grpc localhost:{port}: connection closed or reset by the peer, {wanted} (connected to 127.0.0.1:{port})"
            ))
            .takes(0, 1000)
            .exit(1);
    }
}
