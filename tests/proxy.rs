//! The PROXY protocol's header before everything else.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;

use crate::support::{Folder, Server, exec_probe, response};

const V1: &[u8] = b"PROXY UNKNOWN\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// A server that wants the header on each connection, and answers what is behind it; what it read is kept as text.
fn behind(header: &'static [u8], calls: usize, answer: impl Fn(usize) -> String + Send + Sync + 'static) -> Server {
    Server::new(calls, move |at, stream| {
        let mut start = vec![0; header.len()];
        stream.read_exact(&mut start).expect("a header");
        assert_eq!(start, header);
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).expect("what is behind it");
        let _ = stream.write_all(answer(at).as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
        String::from_utf8_lossy(&bytes[..count.min(14)]).into_owned()
    })
}

#[test]
fn every_connection_begins_with_the_header() {
    for (version, header) in [("v1", V1), ("v2", V2)] {
        let option = format!("--proxy-protocol={version}");
        let server = behind(header, 2, |at| match at {
            0 => response("302 Found", "Location: /second\r\n", ""),
            _ => response("200 OK", "", ""),
        });
        let target = format!("http://localhost:{}/first", server.port);
        exec_probe(["http", &option, &target])
            .stdout(format!("http GET {}: status 200 (TIME)", target))
            .takes(0, 1000)
            .exit(0);
        assert_eq!(server.finish(), ["GET /first HTT", "GET /second HT"], "{version}");

        let server = behind(header, 1, |_| "+PONG\r\n".to_owned());
        let target = format!("localhost:{}", server.port);
        exec_probe(["tcp", &option, r"--send=PING\r\n", "--expect=+PONG", &target])
            .stdout(format!("tcp {target}: answer as wanted (TIME)"))
            .exit(0);
        assert_eq!(server.finish(), ["PING\r\n"], "{version}");
    }
}

#[test]
fn a_plain_tcp_probe_sends_it_too() {
    let server = Server::new(1, |_, stream| {
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("ended without a reset");
        said
    });
    let target = format!("localhost:{}", server.port);
    exec_probe(["tcp", "--proxy-protocol=v1", &target]).stdout(format!("tcp {target}: connected (TIME)")).exit(0);
    assert_eq!(server.finish(), ["PROXY UNKNOWN\r\n"]);
}

#[test]
fn tls_and_http2_come_behind_it() {
    let closed = "connection closed or reset by the peer";
    // The handshake, and another look at what is spoken, both behind the header.
    let server = behind(V2, 1, |_| String::new());
    let target = format!("https://127.0.0.1:{}/", server.port);
    exec_probe(["http", "--proxy-protocol=v2", &target])
        .stderr(format!("http GET {target}: {closed}, no TLS handshake"))
        .exit(1);
    assert!(server.finish()[0].starts_with("\u{16}\u{3}\u{1}"), "a hello of TLS");
    let server = behind(V1, 2, |_| String::new());
    let target = format!("127.0.0.1:{}", server.port);
    exec_probe(["grpc", "--proxy-protocol=v1", &target])
        .stderr(format!("grpc {target}: {closed}, no answer"))
        .exit(1);
    assert_eq!(server.finish()[0], "PRI * HTTP/2.0");
}

#[test]
fn a_look_at_what_is_spoken_begins_with_it() {
    const TLS: &str = "\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{28}";
    let server = behind(V1, 2, |at| if at == 0 { String::new() } else { TLS.to_owned() });
    let target = format!("http://127.0.0.1:{}/", server.port);
    exec_probe(["http", "--proxy-protocol=v1", &target])
        .stderr(format!("http GET {target}: the server speaks TLS; https:// asks it"))
        .exit(1);
    // TLS, HTTP/2, and not once more the PROXY protocol.
    let server = behind(V1, 3, |_| String::new());
    let target = format!("http://127.0.0.1:{}/", server.port);
    exec_probe(["http", "--proxy-protocol=v1", &target])
        .stderr(format!("http GET {target}: connection closed or reset by the peer, no response headers"))
        .exit(1);
}

#[test]
fn a_unix_socket_gets_it_as_well() {
    let folder = Folder::new();
    let path = folder.path("socket");
    let listener = UnixListener::bind(&path).expect("bound");
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("text");
        said
    });
    exec_probe(["tcp", "--proxy-protocol=v1", &format!("unix:{path}")])
        .stdout(format!("tcp unix:{path}: connected (TIME)"))
        .exit(0);
    assert_eq!(thread.join().expect("the server ended"), "PROXY UNKNOWN\r\n");
}

#[test]
fn other_versions_are_refused() {
    for command in ["http", "tcp", "grpc"] {
        for version in ["", "1", "V1", "v3"] {
            exec_probe([command, &format!("--proxy-protocol={version}"), ":1"])
                .usage(format!("--proxy-protocol \"{version}\": wanted v1 or v2"));
        }
    }
    exec_probe(["file", "--proxy-protocol=v1", "/x"]).usage("--proxy-protocol: no such option of file; http has it");
}
