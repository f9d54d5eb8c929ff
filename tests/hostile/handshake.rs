//! TLS up to the end of the handshake.

use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;

use super::peer::Act::{self, Drip, End, Every, Flood, Record, Reset, Send, Stay};
use super::tls_peer::{Version, config, first_flight};
use super::{Row, row};

const CLOSED: &str = "connection closed or reset by the peer, no TLS handshake";
const LATE: &str = "no TLS handshake in 400ms";
const BROKEN: &str = "the server's TLS is broken";
const NOT_TLS: &str = "the server does not speak TLS; http:// asks it without";
const NOTHING_IN_COMMON: &str = "nothing in common with the server's TLS (handshake_failure), wanted TLS 1.2 or 1.3 with \
                                 ECDHE and AES-GCM or ChaCha20, and a P-256, P-384, Ed25519 or RSA key of 2048 bits or more";
const VERSIONS: &str = "no TLS version in common, wanted 1.2 or 1.3";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = alerts();
    rows.extend(records());
    rows.extend(hellos());
    rows.extend(flights());
    rows.extend(cuts());
    rows
}

/// A record without protection.
fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len()).expect("a record").to_be_bytes();
    [&[kind, 3, 3][..], &len, payload].concat()
}

fn alerts() -> Vec<Row> {
    let alert = |level, name| Send(record(21, &[level, name]));
    let ended = |name: &str| format!("the server ended the TLS handshake ({name})");
    let rows = [
        ("the alert handshake_failure", alert(2, 40), NOTHING_IN_COMMON.to_owned()),
        ("the alert protocol_version", alert(2, 70), VERSIONS.to_owned()),
        (
            "the alert unrecognized_name",
            alert(2, 112),
            ended("unrecognized_name") + "; --server-name sends another name",
        ),
        ("the alert bad_record_mac", alert(2, 20), ended("bad_record_mac")),
        ("an alert that no RFC knows", alert(2, 231), ended("alert 231")),
        ("an alert of an unknown level", alert(7, 80), ended("internal_error")),
        ("an alert without a name", Send(record(21, &[2])), BROKEN.to_owned()),
        ("an alert without a byte", Send(record(21, &[])), BROKEN.to_owned()),
        ("an alert of three bytes", Send(record(21, &[2, 80, 80])), BROKEN.to_owned()),
        ("a close_notify in place of a hello", alert(1, 0), CLOSED.to_owned()),
    ];
    let mut rows: Vec<Row> = rows
        .into_iter()
        .map(|(name, alert, line)| row("https", name, [Record, alert, End]).unhealthy(&line))
        .collect();
    rows.extend([
        row("https", "a close_notify and silence", [Record, alert(1, 0), Stay]).stalls().unhealthy(LATE),
        row("https", "warnings without end", [Record, Flood(record(21, &[1, 90]))]).unhealthy(BROKEN),
        row("https", "an alert before the hello is read", [alert(2, 80), End]).unhealthy(&ended("internal_error")),
    ]);
    rows
}

fn records() -> Vec<Row> {
    let raw = |name: &str, bytes: &[u8], last: Act| row("https", name, [Record, Send(bytes.into()), last]);
    vec![
        raw("plain HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n", End).unhealthy(NOT_TLS),
        row("https", "a greeting in plain text", [Send(b"SSH-2.0-OpenSSH_9.2\r\n".into()), Stay]).unhealthy(NOT_TLS),
        row("https", "a flood of 0xff", [Record, Flood(vec![0xff])]).unhealthy(NOT_TLS),
        row("https", "a flood of NULs", [Record, Flood(vec![0])]).unhealthy(NOT_TLS),
        raw("HTTP/2 settings without TLS", &[0, 0, 0, 4, 0, 0, 0, 0, 0], End).unhealthy(NOT_TLS),
        raw("a hello of SSL 2", &[0x80, 0x1f, 4, 0, 1, 0, 2, 0, 0, 0], End).unhealthy(NOT_TLS),
        raw("a record of version 9.9", &[22, 9, 9, 0, 4, 2, 0, 0, 0], End).unhealthy(BROKEN),
        raw("a record of 65,535 bytes", &[22, 3, 3, 0xff, 0xff], Flood(b"x".into())).unhealthy(BROKEN),
        raw("the largest record, never sent", &[22, 3, 3, 0x40, 0], Stay).stalls().unhealthy(LATE),
        raw("a record that drips", &[22, 3, 3, 0x40, 0], Every(30, b"x".into())).stalls().unhealthy(LATE),
        row("https", "empty records without end", [Record, Flood(record(22, &[]))]).unhealthy(BROKEN),
        row("https", "empty records of data without end", [Record, Flood(record(23, &[]))]).unhealthy(BROKEN),
        row("https", "ChangeCipherSpec without end", [Record, Flood(record(20, &[1]))]).unhealthy(BROKEN),
        raw("a heartbeat", &record(24, &[1, 0xff, 0xff]), End).unhealthy(NOT_TLS),
        raw("a handshake message of 16 MiB", &record(22, &[2, 0xff, 0xff, 0xff]), Flood(record(22, &[0; 16_000])))
            .unhealthy(BROKEN),
        raw(
            "a handshake message of 60,000 bytes, a byte a record",
            &record(22, &[2, 0, 0xea, 0x60]),
            Flood(record(22, &[0])),
        )
        .unhealthy(BROKEN),
        raw("an unknown handshake message", &record(22, &[99, 0, 0, 0]), End).unhealthy(BROKEN),
        raw("a HelloRequest in place of a hello", &record(22, &[0, 0, 0, 0]), End).unhealthy(BROKEN),
        raw("a client's hello in place of a server's", &record(22, &[1, 0, 0, 2, 3, 3]), End).unhealthy(BROKEN),
        raw("a Finished in place of a hello", &record(22, &[20, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), End)
            .unhealthy(BROKEN),
        row("https", "silence after the client's hello", [Record, Stay]).stalls().unhealthy(LATE),
        row("https", "a reset before the hello is read", [Reset]).unhealthy(CLOSED),
        row("https", "a reset after the hello", [Record, Reset]).unhealthy(CLOSED),
        row("https", "a half-close after the hello", [Record, End]).unhealthy(CLOSED),
    ]
}

/// A ServerHello: version, random, suite, extensions.
fn hello(version: u16, random: [u8; 32], suite: u16, extensions: &[u8]) -> Vec<u8> {
    let len = u16::try_from(extensions.len()).expect("short").to_be_bytes();
    let body = [&version.to_be_bytes()[..], &random, &[0], &suite.to_be_bytes(), &[0], &len, extensions].concat();
    let len = u32::try_from(body.len()).expect("short").to_be_bytes();
    record(22, &[&[2], &len[1..], &body].concat())
}

/// The random of a HelloRetryRequest (RFC 8446, section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

fn hellos() -> Vec<Row> {
    let says = |name: &str, hello: Vec<u8>| row("https", name, [Record, Send(hello), End]);
    let tls13 = [0, 43, 0, 2, 3, 4];
    let retry = hello(0x0303, RETRY, 0x1301, &[&tls13[..], &[0, 51, 0, 2, 0, 24]].concat());
    vec![
        says("a hello of SSL 3.0", hello(0x0300, [1; 32], 0x1301, &[])).unhealthy(VERSIONS),
        says("a hello of TLS 1.1", hello(0x0302, [1; 32], 0xc013, &[])).unhealthy(VERSIONS),
        says("a hello of TLS 9.9", hello(0x0909, [1; 32], 0x1301, &[])).unhealthy(VERSIONS),
        says("a suite that nobody offered", hello(0x0303, [1; 32], 0x0005, &[])).unhealthy(BROKEN),
        says("a hello without a key share", hello(0x0303, [1; 32], 0x1301, &tls13)).unhealthy(BROKEN),
        says("an extension that is longer than the hello", hello(0x0303, [1; 32], 0x1301, &[0, 43, 0xff, 0xff]))
            .unhealthy(BROKEN),
        says("an extension twice", hello(0x0303, [1; 32], 0x1301, &[tls13, tls13].concat())).unhealthy(BROKEN),
        says("a retry for a group that nobody offered", {
            hello(0x0303, RETRY, 0x1301, &[&tls13[..], &[0, 51, 0, 2, 0x11, 0x11]].concat())
        })
        .unhealthy(BROKEN),
        row("https", "retries without end", [Record, Send(retry.clone()), Record, Flood(retry)]).unhealthy(BROKEN),
    ]
}

fn flights() -> Vec<Row> {
    let with = |name: &str, config: rustls::ServerConfig, act: fn(Vec<u8>) -> Vec<Act>| {
        let config = Arc::new(config);
        Row::tcp("https", name, 1, move |stream| {
            let flight = first_flight(&config, stream);
            super::peer::perform(&act(flight), stream);
        })
    };
    let mut rows = vec![
        with("a bit rows in a certificate's record", config(Version::Tls13, 0), |mut flight| {
            if let Some(byte) = flight.last_mut() {
                *byte ^= 1;
            }
            vec![Send(flight), End]
        })
        .unhealthy(BROKEN),
        with("a bit rows in the key exchange's signature", config(Version::Tls12, 0), |mut flight| {
            // Behind it comes the ServerHelloDone alone, in a record of its own or not.
            let at = flight.len() - 16;
            flight[at] ^= 1;
            vec![Send(flight), End]
        })
        .unhealthy("a signature of the server's does not verify"),
        with("a flight that drips in time", config(Version::Tls13, 0), |flight| {
            vec![Send(flight[..flight.len() - 30].into()), Drip(1, flight[flight.len() - 30..].into()), End]
        })
        .unhealthy("connection closed or reset by the peer, no response headers"),
        with("a flight that drips", config(Version::Tls13, 0), |flight| vec![Drip(5, flight), Stay])
            .stalls()
            .unhealthy(LATE),
        with("a flight and silence", config(Version::Tls12, 0), |flight| vec![Send(flight), Stay])
            .stalls()
            .unhealthy(LATE),
        with("a chain of 60 KB", config(Version::Tls13, 160), |flight| vec![Send(flight), End])
            .unhealthy("connection closed or reset by the peer, no response headers"),
        with("a chain of 1 MB", config(Version::Tls13, 3000), |flight| vec![Send(flight), End]).unhealthy(BROKEN),
    ];
    for version in [Version::Tls12, Version::Tls13] {
        let mut small = config(version, 0);
        small.max_fragment_size = Some(32);
        let small = Arc::new(small);
        rows.push(
            Row::tcp("https", format!("records of a few bytes, {version:?}"), 1, move |stream| {
                if let Some(mut session) = super::tls_peer::accept(&small, stream, false) {
                    for byte in b"HTTP/1.1 204 No\r\n\r\n" {
                        let _ = session.write_all(&[*byte]);
                    }
                    session.end();
                }
            })
            .healthy("status 204 (TIME)"),
        );
    }
    rows
}

/// The server's first flight, cut behind each of its bytes.
fn cuts() -> Vec<Row> {
    let mut rows = Vec::new();
    for (version, most) in [(Version::Tls12, 700), (Version::Tls13, 800)] {
        let config = Arc::new(config(version, 0));
        for at in 0..most {
            let config = config.clone();
            let row = Row::tcp("https", format!("a flight that is cut, {version:?}"), 1, move |stream| {
                let flight = first_flight(&config, stream);
                assert!(flight.len() <= most, "{} bytes of {version:?}", flight.len());
                let _ = stream.write_all(&flight[..at.min(flight.len() - 1)]);
                let _ = stream.shutdown(Shutdown::Write);
                let _ = std::io::copy(stream, &mut std::io::sink());
            });
            rows.push(Row { cut: Some(at), ..row.unhealthy(CLOSED) });
        }
    }
    rows
}
