//! HTTP/1.1 bodies: lengths that lie, chunks that overflow, ends that never come or come early.

use super::peer::Act::{self, Drip, End, Every, Flood, Head, Reset, Send, Stay};
use super::{Row, row};
use crate::support::has_32_bits;

const CLOSED: &str = "connection closed or reset by the peer, response body not complete";
const LATE: &str = "response body not complete in 400ms";
const LACKS: &str = "no \"ready\" in the body";
const LACKS_10: &str = "no \"ready\" in the body's first 10 KiB";
const WANTED: &[&str] = &["--expect-body=ready"];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = lengths();
    rows.extend(chunks());
    rows.extend(ends());
    rows
}

fn lengths() -> Vec<Row> {
    let not_a_number = "malformed HTTP response: content-length header not a number";
    let conflict = "malformed HTTP response: conflicting content-length headers";
    let bad = [
        ("a negative length", "Content-Length: -1\r\n", not_a_number),
        ("a length of 2^64", "Content-Length: 18446744073709551616\r\n", not_a_number),
        ("a length of a thousand digits", &format!("Content-Length: {}\r\n", "9".repeat(1000)), not_a_number),
        ("a length in hexadecimal", "Content-Length: 0x5\r\n", not_a_number),
        ("an empty length", "Content-Length:\r\n", not_a_number),
        ("two lengths that conflict", "Content-Length: 5\r\nContent-Length: 6\r\n", conflict),
        ("two lengths on a line", "Content-Length: 5, 6\r\n", conflict),
        ("the same length twice on a line", "Content-Length: 5, 5\r\n", not_a_number),
    ];
    let answer = |headers: &str, body: &str| Send(format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}").into());
    let mut rows: Vec<Row> = bad
        .into_iter()
        .map(|(name, headers, line)| row("http", name, [Head, answer(headers, "ready"), End]).unhealthy(line))
        .collect();
    rows.extend([
        row(
            "http",
            "the same length twice",
            [Head, answer("Content-Length: 5\r\nContent-Length: 5\r\n", "ready"), End],
        )
        .with(WANTED)
        .healthy("status 200 (TIME)"),
        row(
            "http",
            "a length of 2^64-1, and no byte",
            [Head, answer("Content-Length: 18446744073709551615\r\n", ""), Stay],
        )
        .healthy("status 200 (TIME)"),
        row(
            "http",
            "a length of 2^64-1, and a flood",
            [Head, answer("Content-Length: 18446744073709551615\r\n", ""), Flood(b"x".into())],
        )
        .with(WANTED)
        .unhealthy(LACKS_10),
        row("http", "more bytes than the length says", [Head, answer("Content-Length: 3\r\n", "not ready"), End])
            .with(WANTED)
            .unhealthy(LACKS),
        row(
            "http",
            "a length and chunks",
            [Head, answer("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "5\r\nready\r\n0\r\n\r\n"), End],
        )
        .with(WANTED)
        .healthy("status 200 (TIME)"),
        row(
            "http",
            "a coding that nobody asked for",
            [Head, answer("Transfer-Encoding: gzip\r\n", "\x1f\u{8b}"), End],
        )
        .unhealthy("malformed HTTP response: a transfer-encoding other than chunked"),
        row(
            "http",
            "a body where none may be",
            [Head, Send(b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nready".into()), End],
        )
        .with(WANTED)
        .unhealthy(LACKS),
    ]);
    rows
}

fn chunks() -> Vec<Row> {
    let chunked = |body: &str| Send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}").into());
    let not_a_number = "malformed HTTP response: chunk length cannot be read as a number";
    let too_long = "malformed HTTP response: a line of more than 64 KiB in the body";
    let no_line_end = "malformed HTTP response: chunk expected crlf as next character";
    // ureq-proto counts a chunk's bytes in a usize. Where that has 32 bits, no longer chunk is read at all.
    let (cut, flooded) = if has_32_bits() { (not_a_number, not_a_number) } else { (CLOSED, LACKS_10) };
    let whole = [
        ("a chunk of 2^64", "10000000000000000\r\nx", not_a_number),
        ("a chunk of 2^64-1 that ends at once", "ffffffffffffffff\r\n", cut),
        ("a chunk of a negative length", "-5\r\nready\r\n0\r\n\r\n", not_a_number),
        ("a chunk without a length", "\r\nready\r\n", not_a_number),
        ("a NUL in a chunk's length", "5\0\r\nready\r\n", not_a_number),
        ("a chunk that is longer than it says", "3\r\nnot ready\r\n0\r\n\r\n", no_line_end),
        ("chunks that just stop", "3\r\nnot\r\n", CLOSED),
        ("a last chunk without its line end", "3\r\nnot\r\n0\r\n", LACKS),
    ];
    let mut rows: Vec<Row> = whole
        .into_iter()
        .map(|(name, body, line)| row("http", name, [Head, chunked(body), End]).with(WANTED).unhealthy(line))
        .collect();
    let flood = |name: &str, start: &str, flood: Act| row("http", name, [Head, chunked(start), flood]).with(WANTED);
    rows.extend([
        flood("a chunk of 2^64-1, and a flood", "ffffffffffffffff\r\n", Flood(b"x".into())).unhealthy(flooded),
        flood("chunks of a byte without end", "", Flood(b"1\r\nx\r\n".into())).unhealthy(LACKS_10),
        flood("a chunk's length without end", "", Flood(b"0".into())).unhealthy(too_long),
        flood("a chunk's extension without end", "5;", Flood(b"x".into())).unhealthy(too_long),
        flood("trailers without end", "3\r\nnot\r\n0\r\n", Flood(b"A: b\r\n".into())).stalls().unhealthy(LATE),
        flood("a trailer without end", "3\r\nnot\r\n0\r\n", Flood(b"x".into())).unhealthy(too_long),
        flood("silence in a chunk's length", "5", Stay).stalls().unhealthy(LATE),
        flood("silence after the last chunk", "3\r\nnot\r\n0\r\n", Stay).stalls().unhealthy(LATE),
        flood("chunks that drip without end", "", Every(30, b"1\r\nx\r\n".into())).stalls().unhealthy(LATE),
    ]);
    rows
}

fn ends() -> Vec<Row> {
    let sized = |body: &str| Send(format!("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{body}").into());
    let endless = || Send(b"HTTP/1.1 200 OK\r\n\r\n".into());
    let failing = || Send(b"HTTP/1.1 500 X\r\n\r\n".into());
    vec![
        row("http", "a body that is cut", [Head, sized("rea"), End]).with(WANTED).unhealthy(CLOSED),
        row("http", "a body that is cut, which nobody waits for", [Head, sized("rea"), End])
            .healthy("status 200 (TIME)"),
        row("http", "a reset in the body", [Head, sized("rea"), Reset]).with(WANTED).unhealthy(CLOSED),
        row("http", "a reset behind the text", [Head, sized("ready"), Reset])
            .with(WANTED)
            .healthy("status 200 (TIME)"),
        row("http", "a reset in a body that nobody waits for", [Head, sized("rea"), Reset])
            .healthy("status 200 (TIME)"),
        row("http", "a body without end", [Head, endless(), Flood(b"x".into())]).healthy("status 200 (TIME)"),
        row("http", "a body without end, searched", [Head, endless(), Flood(b"x".into())])
            .with(WANTED)
            .unhealthy(LACKS_10),
        row("http", "a body that drips without end", [Head, endless(), Every(30, b"x".into())])
            .with(WANTED)
            .stalls()
            .unhealthy(LATE),
        row("http", "a body that drips the text in time", [Head, endless(), Drip(1, b"all is ready".into()), Stay])
            .with(WANTED)
            .healthy("status 200 (TIME)"),
        row("http", "silence in the body", [Head, sized("rea"), Stay]).with(WANTED).stalls().unhealthy(LATE),
        row("http", "control characters without end, shown", [Head, failing(), Flood(b"\x1b[2J\r\n\0".into())])
            .with(&["--show-body"])
            .unhealthy(&format!(
                "status 500, wanted 200-399\nbody: {}…",
                "[2J ".chars().cycle().take(256).collect::<String>()
            )),
        row("http", "line ends without end, shown", [Head, failing(), Flood(b"\n".into())])
            .with(&["--show-body"])
            .unhealthy("status 500, wanted 200-399\nbody: "),
        row("http", "invalid UTF-8 without end, shown", [Head, failing(), Flood(b"\xff".into())])
            .with(&["--show-body"])
            .unhealthy(&format!("status 500, wanted 200-399\nbody: {}…", "\u{fffd}".repeat(256))),
    ]
}
