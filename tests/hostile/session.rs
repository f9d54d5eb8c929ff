//! TLS behind its handshake: messages without end, ends that come early, bytes that no key has sealed.

use std::io::Write;
use std::sync::Arc;

use rustls::ContentType;

use super::Row;
use super::tls_peer::{ALERT, DATA, HANDSHAKE, Session, Version, accept, config};

const CLOSED: &str = "connection closed or reset by the peer, no response headers";
const CUT: &str = "connection closed or reset by the peer, response headers not complete";
const LATE: &str = "no response headers in 400ms";
const BROKEN: &str = "the server's TLS is broken";

/// A NewSessionTicket of TLS 1.3: lifetime, age, nonce, ticket, no extensions.
const TICKET: &[u8] = &[4, 0, 0, 15, 0, 0, 0, 60, 0, 0, 0, 0, 1, 0, 0, 1, 7, 0, 0];

/// A KeyUpdate that asks for one in return.
const KEY_UPDATE: &[u8] = &[24, 0, 0, 1, 1];

pub(super) fn rows() -> Vec<Row> {
    use Version::{Tls12, Tls13};
    let row = |name: &str, version, act: fn(&mut Session<'_>)| {
        let config = Arc::new(config(version, 0));
        Row::tcp("https", format!("{name}, {version:?}"), 1, move |stream| {
            if let Some(mut session) = accept(&config, stream, false) {
                act(&mut session);
            }
        })
    };
    let mut rows = Vec::new();
    for version in [Tls12, Tls13] {
        rows.extend([
            row("silence after the handshake", version, |session| session.stay()).stalls().unhealthy(LATE),
            row("an end without close_notify", version, |session| session.end()).unhealthy(CLOSED),
            row("a close_notify in place of an answer", version, |session| {
                session.record(ALERT, &[1, 0]);
                session.stay();
            })
            .unhealthy(CLOSED),
            row("a close_notify in the headers", version, |session| {
                let _ = session.write_all(b"HTTP/1.1 200 OK\r\n");
                session.record(ALERT, &[1, 0]);
                session.stay();
            })
            .unhealthy(CUT),
            row("empty records without end", version, |session| session.flood(DATA, &[])).unhealthy(BROKEN),
            row("warnings without end", version, |session| session.flood(ALERT, &[1, 90])).unhealthy(BROKEN),
            row("plain HTTP inside a session", version, |session| {
                session.bare(b"HTTP/1.1 200 OK\r\n\r\n");
                session.end();
            })
            .unhealthy(BROKEN),
            row("a record that no key has sealed", version, |session| {
                session.bare(&[&[23, 3, 3, 0, 40][..], &[7; 40]].concat());
                session.end();
            })
            .unhealthy(BROKEN),
            row("a record that is too large", version, |session| {
                session.bare(&[23, 3, 3, 0xff, 0xff]);
                session.stay();
            })
            .unhealthy(BROKEN),
            row("half a record", version, |session| {
                session.bare(&[23, 3, 3, 0x10, 0, 1, 2, 3]);
                session.end();
            })
            .unhealthy(CLOSED),
            row("a heartbeat inside a session", version, |session| {
                session.record(ContentType::Heartbeat, &[1, 0xff, 0xff]);
                session.end();
            })
            .unhealthy(BROKEN),
            row("the alert internal_error in place of an answer", version, |session| {
                session.record(ALERT, &[2, 80]);
                session.end();
            })
            .unhealthy(match version {
                Tls12 => "the server ended TLS (internal_error)",
                // It may mean the client's half of the handshake, which it has only now seen.
                Tls13 => "the server ended the TLS handshake (internal_error)",
            }),
            row("an answer of a byte a record", version, |session| {
                for byte in b"HTTP/1.1 200 OK\r\n\r\n" {
                    let _ = session.write_all(&[*byte]);
                }
                session.end();
            })
            .healthy("status 200 (TIME)"),
            row("a body without end", version, |session| {
                let _ = session.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                session.flood(DATA, &[b'x'; 16_000]);
            })
            .with(&["--expect-body=ready"])
            .unhealthy("no \"ready\" in the body's first 10 KiB"),
            row("headers without end", version, |session| {
                let _ = session.write_all(b"HTTP/1.1 200 OK\r\n");
                session.flood(DATA, "A: b\r\n".repeat(100).as_bytes());
            })
            .unhealthy("more than 128 response header lines"),
        ]);
    }
    rows.extend([
        row("a request to renegotiate", Tls12, |session| {
            session.record(HANDSHAKE, &[0, 0, 0, 0]);
            let _ = session.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            session.end();
        })
        .healthy("status 200 (TIME)"),
        row("requests to renegotiate without end", Tls12, |session| session.flood(HANDSHAKE, &[0, 0, 0, 0]))
            .unhealthy(BROKEN),
        row("a second hello", Tls12, |session| {
            session.record(HANDSHAKE, &[2, 0, 0, 2, 3, 3]);
            session.end();
        })
        .unhealthy(BROKEN),
        row("a request for a certificate after the handshake", Tls13, |session| {
            session.record(HANDSHAKE, &[13, 0, 0, 11, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
            session.end();
        })
        .unhealthy(BROKEN),
        row("a ticket before the answer", Tls13, |session| {
            session.record(HANDSHAKE, TICKET);
            let _ = session.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            session.end();
        })
        .healthy("status 200 (TIME)"),
        row("tickets without end", Tls13, |session| session.flood(HANDSHAKE, TICKET)).stalls().unhealthy(LATE),
        row("key updates without end", Tls13, |session| {
            // The first one changes the key that the others would have to be sealed with.
            session.record(HANDSHAKE, KEY_UPDATE);
            session.flood(HANDSHAKE, KEY_UPDATE);
        })
        .unhealthy(BROKEN),
        row("key updates in one record", Tls13, |session| {
            session.record(HANDSHAKE, &KEY_UPDATE.repeat(1000));
            session.stay();
        })
        .unhealthy(BROKEN),
        row("a handshake message of 16 MiB", Tls13, |session| {
            session.record(HANDSHAKE, &[4, 0xff, 0xff, 0xff]);
            session.flood(HANDSHAKE, &[0; 16_000]);
        })
        .unhealthy(BROKEN),
    ]);
    rows
}
