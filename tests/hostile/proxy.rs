//! Peers that do not want the header of the PROXY protocol: they do not read it, are gone, or take it for a request.

use std::net::TcpStream;

use super::peer::Act::{End, Head, Reset, Send};
use super::{Row, SHORT, row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for version in ["--proxy-protocol=v1", "--proxy-protocol=v2"] {
        let lines = [("http", "no response headers"), ("https", "no TLS handshake"), ("grpc", "no answer")];
        for (ask, missing) in lines {
            rows.push(
                Row::tcp(ask, format!("nobody reads the header of {version}"), 1, deaf)
                    .with(&[version])
                    .stalls()
                    .unhealthy(&format!("{missing} in 400ms")),
            );
        }
        rows.extend([
            Row::tcp("tcp", format!("nobody reads the header of {version}"), 1, deaf)
                .with(&[version, "--expect-banner=x"])
                .stalls()
                .unhealthy("no banner in 400ms"),
            row("tcp", format!("a reset for the header of {version}"), [Reset])
                .with(&[version])
                .healthy("connected (TIME)"),
            row("https", format!("a reset for the header of {version}"), [Reset])
                .with(&[version])
                .unhealthy("connection closed or reset by the peer, no TLS handshake"),
            row(
                "http",
                format!("a refusal of {version} as a request"),
                [Head, Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".into()), End],
            )
            .with(&[version])
            .unhealthy("status 400, wanted 200-399 (sent Host: 127.0.0.1:PORT)"),
        ]);
    }
    rows
}

/// Holds a connection, and reads nothing.
fn deaf(_: &mut TcpStream) {
    std::thread::sleep(SHORT * 2);
}
