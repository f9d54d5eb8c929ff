//! gRPC: messages and statuses that lie, with and without TLS.

use std::io::Write;
use std::sync::Arc;

use super::Row;
use super::peer::Act::{self, Call, End, Every, Flood, Send, Stay};
use super::peer::{DATA, GOAWAY, HEADERS, SETTINGS_FRAME, block, frame, message, serving};
use super::tls_peer::{ALERT, Version, accept, config};

const NO_MESSAGE: &str = "malformed gRPC response: no message that can be read";
const NO_STATUS: &str = "malformed gRPC response: no grpc-status";
const NO_CODE: &str = "malformed gRPC response: a grpc-status that is no code";
const NOT_ACCEPTED_HEAD: &str = "malformed gRPC response: response headers that HTTP/2 does not accept";
const NOT_ACCEPTED: &str = "malformed gRPC response: a wrong content-length, or trailers that HTTP/2 does not accept";
const COMPRESSED: &str = "malformed gRPC response: compressed, which was not asked for";
const CUT: &str = "connection closed or reset by the peer, answer not complete";
const NOT_COMPLETE: &str = "answer not complete in 400ms";
const SERVING: &str = "SERVING (TIME)";
const OK: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];
const DONE: [(&str, &str); 1] = [("grpc-status", "0")];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = messages();
    rows.extend(statuses());
    rows.extend(others());
    rows.extend(over_tls());
    rows
}

/// A server that greets, sends these frames, and does one thing more.
fn answer(name: &str, frames: &[Vec<u8>], last: Act) -> Row {
    let acts = [Call, Send([SETTINGS_FRAME.to_vec(), frames.concat()].concat()), last];
    super::row("grpc", name, acts)
}

fn headers() -> Vec<u8> {
    frame(HEADERS, 4, 1, &block(&OK))
}

fn data(bytes: &[u8]) -> Vec<u8> {
    frame(DATA, 0, 1, bytes)
}

fn trailers(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, 5, 1, &block(fields))
}

fn messages() -> Vec<Row> {
    let whole = |name: &str, bytes: &[u8]| answer(name, &[headers(), data(bytes), trailers(&DONE)], End);
    let coded = |name: &str, coding: &str, bytes: &[u8]| {
        let fields = [OK[0], OK[1], ("grpc-encoding", coding)];
        answer(name, &[frame(HEADERS, 4, 1, &block(&fields)), data(bytes), trailers(&DONE)], End)
    };
    let too_large = "malformed gRPC response: a message of more than 4 KiB";
    let long = message(&[&[0x12, 0xfd, 0x1f][..], &[0; 4093]].concat());
    vec![
        whole("a message of 4 GiB", &[0, 0xff, 0xff, 0xff, 0xff, 8, 1]).unhealthy(too_large),
        answer(
            "a message of 4 GiB that floods",
            &[headers(), data(&[0, 0xff, 0xff, 0xff, 0xff])],
            Flood(data(&[0; 99])),
        )
        .unhealthy(too_large),
        whole("a message of a byte more than 4 KiB", &[&[0, 0, 0, 0x10, 1][..], &[0; 4097]].concat())
            .unhealthy(too_large),
        whole("a message of 4 KiB whose field nobody knows", &long).unhealthy("UNKNOWN, wanted SERVING"),
        whole("a compressed message that nobody asked for", &[1, 0, 0, 0, 2, 8, 1]).unhealthy(COMPRESSED),
        coded("a coding that nobody asked for", "gzip", &[1, 0, 0, 0, 2, 8, 1]).unhealthy(COMPRESSED),
        coded("a compressed message by no coding", "identity", &[1, 0, 0, 0, 2, 8, 1]).unhealthy(COMPRESSED),
        coded("a compressed message of 4 GiB", "gzip", &[1, 0xff, 0xff, 0xff, 0xff, 8, 1]).unhealthy(COMPRESSED),
        coded("a coding, and a message without it", "gzip", &message(&[8, 1])).healthy(SERVING),
        coded("a coding that nobody knows, and a message without it", "\u{1f5dc}", &message(&[8, 1]))
            .healthy(SERVING),
        whole("a message's flag of 255", &[255, 0, 0, 0, 2, 8, 1]).unhealthy(NO_MESSAGE),
        whole("a message without a byte", &message(&[])).unhealthy("UNKNOWN, wanted SERVING"),
        whole("a message that is no protobuf", &message(b"\xff\xff\xff")).unhealthy(NO_MESSAGE),
        whole("a number that overflows", &message(&[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]))
            .unhealthy(NO_MESSAGE),
        whole("a negative status", &message(&[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]))
            .unhealthy("serving status -1, which grpc.health.v1 does not know"),
        whole("groups within groups", &message(&[0x13; 4000])).unhealthy(NO_MESSAGE),
        whole("two statuses in a message", &message(&[8, 1, 8, 2])).unhealthy("NOT_SERVING, wanted SERVING"),
        whole("a message cut in the middle", &[0, 0, 0, 0, 2, 8]).unhealthy(NO_MESSAGE),
        whole("a message's head cut in the middle", &[0, 0, 0]).unhealthy(NO_MESSAGE),
        answer("a message cut by the end of the stream", &[headers(), frame(DATA, 1, 1, &[0, 0, 0, 0, 2, 8])], End)
            .unhealthy(NO_MESSAGE),
        answer("a message cut by the end of the connection", &[headers(), data(&[0, 0, 0, 0, 2, 8])], End)
            .unhealthy(CUT),
        answer("a message cut by silence", &[headers(), data(&[0, 0, 0, 0, 2, 8])], Stay)
            .stalls()
            .unhealthy(NOT_COMPLETE),
        answer("a message and silence", &[headers(), data(&message(&[8, 1]))], Stay).stalls().unhealthy(NOT_COMPLETE),
        answer("a message and the end of the connection", &[headers(), data(&message(&[8, 1]))], End).unhealthy(CUT),
        whole("several messages", &[message(&[8, 1]), message(&[8, 2])].concat())
            .unhealthy("malformed gRPC response: more than one message"),
        answer("messages without end", &[headers()], Every(30, data(&message(&[8, 1]))))
            .unhealthy("malformed gRPC response: more than one message"),
        answer(
            "a message of padding",
            &[headers(), frame(DATA, 8, 1, &[&[100][..], &message(&[8, 1]), &[0; 100]].concat()), trailers(&DONE)],
            End,
        )
        .healthy(SERVING),
        answer(
            "a message of a byte a frame",
            &[headers(), message(&[8, 1]).into_iter().flat_map(|byte| data(&[byte])).collect(), trailers(&DONE)],
            End,
        )
        .healthy(SERVING),
    ]
}

fn statuses() -> Vec<Row> {
    let ends = |name: &str, fields: &[(&str, &str)]| {
        answer(name, &[headers(), data(&message(&[8, 1])), trailers(fields)], End)
    };
    let only = |name: &str, fields: &[(&str, &str)]| answer(name, &[trailers(&[&OK[..], fields].concat())], End);
    let ended = |name: &str| format!("the health check ended with {name}");
    let long = "x".repeat(9000);
    vec![
        only("trailers only, UNIMPLEMENTED", &[("grpc-status", "12")])
            .unhealthy("no grpc.health.v1.Health here (UNIMPLEMENTED)"),
        only("trailers only, OK and no message", &DONE).unhealthy(NO_MESSAGE),
        only("trailers only, no status", &[]).unhealthy(NO_STATUS),
        ends("no status behind a message", &[("x", "y")]).unhealthy(NO_STATUS),
        answer("no trailers behind a message", &[headers(), frame(DATA, 1, 1, &message(&[8, 1]))], End)
            .unhealthy(NO_STATUS),
        only("a status twice", &[("grpc-status", "5"), ("grpc-status", "0")])
            .unhealthy("the health service does not know this service (NOT_FOUND)"),
        ends("a status twice behind a message, OK first", &[("grpc-status", "0"), ("grpc-status", "14")])
            .unhealthy(&ended("UNAVAILABLE")),
        ends("a status twice behind a message, OK last", &[("grpc-status", "14"), ("grpc-status", "0")])
            .unhealthy(&ended("UNAVAILABLE")),
        ends("a status in words", &[("grpc-status", "OK")]).unhealthy(NO_CODE),
        ends("an empty status", &[("grpc-status", "")]).unhealthy(NO_CODE),
        ends("a negative status", &[("grpc-status", "-1")]).unhealthy(NO_CODE),
        ends("a status with a sign", &[("grpc-status", "+5")]).unhealthy(NO_CODE),
        ends("a status of two noughts", &[("grpc-status", "00")]).healthy(SERVING),
        ends("status 99", &[("grpc-status", "99")]).unhealthy(&ended("UNKNOWN")),
        ends("a status of 20 digits", &[("grpc-status", "99999999999999999999")]).unhealthy(NO_CODE),
        ends("a status in Latin 1", &[("grpc-status", "\u{b2}")]).unhealthy(NO_CODE),
        ends("a text that is not shown", &[("grpc-status", "13"), ("grpc-message", "s3cret%0Atext")])
            .unhealthy(&ended("INTERNAL")),
        ends("a text of 9,000 bytes", &[("grpc-status", "13"), ("grpc-message", &long)])
            .unhealthy(&ended("INTERNAL")),
        ends("details that are no base64", &[("grpc-status", "13"), ("grpc-status-details-bin", "!!!")])
            .unhealthy(&ended("INTERNAL")),
        answer(
            "an error in the headers and OK in the trailers",
            &[
                frame(HEADERS, 4, 1, &block(&[OK[0], OK[1], ("grpc-status", "14")])),
                data(&message(&[8, 1])),
                trailers(&DONE),
            ],
            End,
        )
        .unhealthy(&ended("UNAVAILABLE")),
    ]
}

fn others() -> Vec<Row> {
    let not_grpc = |status: &str| format!("an HTTP/2 server, but not a gRPC one (HTTP status {status})");
    let typed = |name: &str, kind: &str| {
        let head = frame(HEADERS, 4, 1, &block(&[OK[0], ("content-type", kind)]));
        answer(name, &[head, data(&message(&[8, 1])), trailers(&DONE)], End)
    };
    let html = |status: &'static str| [(":status", status), ("content-type", "text/html")];
    vec![
        answer("a page with status 503", &[frame(HEADERS, 4, 1, &block(&html("503")))], Flood(data(b"<html>")))
            .unhealthy(&not_grpc("503")),
        answer("a page with status 200", &[frame(HEADERS, 4, 1, &block(&html("200")))], Stay)
            .unhealthy(&not_grpc("200")),
        answer("a redirect", &[trailers(&[(":status", "302"), ("location", "http://example.org/")])], End)
            .unhealthy(&not_grpc("302")),
        answer("status 999", &[trailers(&[(":status", "999")])], End).unhealthy(&not_grpc("999")),
        answer("gRPC's type with status 503", &[trailers(&[(":status", "503"), OK[1]])], End)
            .unhealthy(&not_grpc("503")),
        answer(
            "a gRPC that is not gRPC's",
            &[
                frame(HEADERS, 4, 1, &block(&[OK[0], ("content-type", "application/grpc-web-text")])),
                data(b"AAAAAAIIAQ=="),
                trailers(&DONE),
            ],
            End,
        )
        .unhealthy(&not_grpc("200")),
        typed("gRPC for browsers", "application/grpc-web").unhealthy(&not_grpc("200")),
        typed("a type that begins as gRPC's", "application/grpcx").unhealthy(&not_grpc("200")),
        typed("gRPC's type with a coding", "application/grpc+proto").healthy(SERVING),
        typed("gRPC's type with a parameter", "application/grpc; charset=utf-8").healthy(SERVING),
        answer(
            "DATA behind the trailers",
            &[headers(), data(&message(&[8, 1])), trailers(&DONE), data(&message(&[8, 2]))],
            End,
        )
        .healthy(SERVING),
        answer(
            "trailers that do not end the stream",
            &[headers(), data(&message(&[8, 1])), frame(HEADERS, 4, 1, &block(&DONE))],
            End,
        )
        .unhealthy(NOT_ACCEPTED),
        answer(
            "a length that the message does not have",
            &[
                frame(HEADERS, 4, 1, &block(&[OK[0], OK[1], ("content-length", "3")])),
                data(&message(&[8, 1])),
                trailers(&DONE),
            ],
            End,
        )
        .unhealthy(NOT_ACCEPTED),
        answer(
            "a length of more than the message has",
            &[
                frame(HEADERS, 4, 1, &block(&[OK[0], OK[1], ("content-length", "8")])),
                data(&message(&[8, 1])),
                trailers(&DONE),
            ],
            End,
        )
        .unhealthy(NOT_ACCEPTED),
        answer(
            "trailers with a header of a connection",
            &[headers(), data(&message(&[8, 1])), trailers(&[DONE[0], ("connection", "close")])],
            End,
        )
        .unhealthy(NOT_ACCEPTED),
        answer(
            "trailers with a pseudo-header",
            &[headers(), data(&message(&[8, 1])), trailers(&[(":status", "200"), DONE[0]])],
            End,
        )
        .healthy(SERVING),
        answer("a length that is no number", &[trailers(&[OK[0], OK[1], ("content-length", "x"), DONE[0]])], End)
            .unhealthy(NOT_ACCEPTED_HEAD),
    ]
}

fn over_tls() -> Vec<Row> {
    let row = |name: &str, acts: Vec<Act>| {
        let mut config = config(Version::Tls13, 0);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let config = Arc::new(config);
        Row::tcp("grpc --tls", name, 1, move |stream| {
            if let Some(mut session) = accept(&config, stream, true) {
                session.perform(&acts);
            }
        })
    };
    let settings = || Send(SETTINGS_FRAME.into());
    let goaway = frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11]);
    let mut config_of_http1 = config(Version::Tls13, 0);
    config_of_http1.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (http1, tickets) = (Arc::new(config_of_http1), Arc::new(config(Version::Tls13, 0)));
    let (closing, breaking) = (tickets.clone(), tickets.clone());
    vec![
        row("an honest answer", vec![Send(serving()), End]).healthy(SERVING),
        row("silence after SETTINGS", vec![settings(), Stay]).stalls().unhealthy("no answer in 400ms"),
        row("SETTINGS without end", vec![Flood(SETTINGS_FRAME.into())]).stalls().unhealthy("no answer in 400ms"),
        row("GOAWAY", vec![settings(), Send(goaway), Stay]).unhealthy("the server turned the call away (GOAWAY)"),
        row("an end of TCP after SETTINGS", vec![settings(), End]).unhealthy(CUT),
        row("a reset after SETTINGS", vec![settings(), Act::Reset]).unhealthy(CUT),
        row("a page of HTTP/1.1", vec![Send(b"HTTP/1.1 200 OK\r\n\r\n".into()), End])
            .unhealthy("the server speaks HTTP/1.1, not HTTP/2, so no gRPC"),
        row(
            "a message of 4 GiB that floods",
            vec![settings(), Send([headers(), data(&[0, 0xff, 0xff, 0xff, 0xff])].concat()), Flood(data(&[0; 99]))],
        )
        .unhealthy("malformed gRPC response: a message of more than 4 KiB"),
        Row::tcp("grpc --tls", "no HTTP/2 by ALPN", 1, move |stream| drop(accept(&http1, stream, true)))
            .unhealthy("the server speaks no HTTP/2 over TLS (ALPN), so no gRPC"),
        Row::tcp("grpc --tls", "a close_notify in place of an answer", 1, move |stream| {
            if let Some(mut session) = accept(&closing, stream, true) {
                let _ = session.write_all(SETTINGS_FRAME);
                session.record(ALERT, &[1, 0]);
                session.stay();
            }
        })
        .unhealthy(CUT),
        Row::tcp("grpc --tls", "bytes that no key has sealed", 1, move |stream| {
            if let Some(mut session) = accept(&breaking, stream, true) {
                session.bare(&[&[23, 3, 3, 0, 40][..], &[7; 40]].concat());
                session.end();
            }
        })
        .unhealthy("the server's TLS is broken"),
        Row::tcp("grpc --tls", "empty records without end", 1, move |stream| {
            if let Some(mut session) = accept(&tickets, stream, true) {
                session.flood(super::tls_peer::DATA, &[]);
            }
        })
        .unhealthy("the server's TLS is broken"),
    ]
}
