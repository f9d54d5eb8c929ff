//! HTTP/1.1 up to the end of the response headers.

use super::peer::Act::{self, Drip, End, Every, Flood, Head, Reset, Send, Stay, Swallow};
use super::{Row, row};

const NO_HEADERS: &str = "connection closed or reset by the peer, no response headers";
const NOT_COMPLETE: &str = "connection closed or reset by the peer, response headers not complete";
const NO_HEADERS_IN_TIME: &str = "no response headers in 400ms";
const NOT_COMPLETE_IN_TIME: &str = "response headers not complete in 400ms";
const TOO_LARGE: &str = "response headers of more than 64 KiB";
const TOO_MANY: &str = "more than 128 response header lines";
const NOT_HTTP: &str = "the answer is not HTTP";
const OK: &str = "HTTP/1.1 200 OK\r\n";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        row("http", super::HONEST, [Head, Send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n".into()), End])
            .healthy("status 200 (TIME)"),
    ];
    rows.extend(answers());
    rows.extend(stalls_and_floods());
    rows.extend(ends());
    rows
}

/// A whole answer to one request, and what is said of it.
fn answers() -> Vec<Row> {
    let bad_status = "malformed HTTP response: invalid response status";
    let bad_version = "malformed HTTP response: invalid HTTP version";
    let bad_name = "malformed HTTP response: invalid header name";
    let bad_value = "malformed HTTP response: invalid header value";
    let unhealthy = [
        ("no status", "HTTP/1.1\r\n\r\n", bad_version),
        ("a status of spaces", "HTTP/1.1    \r\n\r\n", bad_status),
        ("a negative status", "HTTP/1.1 -200 OK\r\n\r\n", bad_status),
        ("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", bad_status),
        ("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", bad_status),
        ("a status that runs into its reason", "HTTP/1.1 200OK\r\n\r\n", bad_status),
        ("status 000", "HTTP/1.1 000 Zero\r\n\r\n", "malformed HTTP response: invalid status code: 000"),
        ("a status in Arabic digits", "HTTP/1.1 ٢٠٠ OK\r\n\r\n", bad_status),
        ("HTTP/1.10", "HTTP/1.10 200 OK\r\n\r\n", bad_version),
        ("http/1.1 in lower case", "http/1.1 200 OK\r\n\r\n", NOT_HTTP),
        ("a NUL in the version", "HTTP/1.\0 200 OK\r\n\r\n", bad_version),
        ("a NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n", bad_status),
        ("a bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", bad_status),
        ("an escape sequence in the reason", "HTTP/1.1 200 \x1b[2J\r\n\r\n", bad_status),
        ("bare CRs as line ends", "HTTP/1.1 200 OK\rA: b\r\r", bad_status),
        ("a NUL in a header's name", "HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n", bad_name),
        ("a NUL in a header's value", "HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", bad_value),
        ("a bare CR in a header's value", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", bad_value),
        ("an escape sequence in a header's name", "HTTP/1.1 200 OK\r\n\x1b[2J: b\r\n\r\n", bad_name),
        ("a NUL in a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\0\r\n\r\n", bad_value),
        ("folding before the first header", "HTTP/1.1 200 OK\r\n\tA: b\r\n\r\n", bad_name),
        ("a header without a colon", "HTTP/1.1 200 OK\r\nA\r\n\r\n", bad_name),
        ("a header without a name", "HTTP/1.1 200 OK\r\n: b\r\n\r\n", bad_name),
        ("a tab before a header's colon", "HTTP/1.1 200 OK\r\nA\t: b\r\n\r\n", bad_name),
        ("a header's name in UTF-8", "HTTP/1.1 200 OK\r\nÄ: b\r\n\r\n", bad_name),
        (
            "101 and then another protocol",
            "HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n\0\x01\x02",
            "status 101, wanted 200-399",
        ),
        ("a 103 that never ends its headers", "HTTP/1.1 103 X\r\nA: b\r\n", NOT_COMPLETE),
        ("a 100 and no answer", "HTTP/1.1 100 X\r\n\r\n", NOT_COMPLETE),
        ("HTTP/0.9", "<html>it works</html>", NOT_HTTP),
        ("Shoutcast", "ICY 200 OK\r\n\r\n", NOT_HTTP),
        ("line ends only", "\r\n\r\n\r\n", NOT_COMPLETE),
        ("a request in place of an answer", "GET / HTTP/1.1\r\n\r\n", NOT_HTTP),
    ];
    let healthy = [
        ("bare LFs as line ends", "HTTP/1.1 200 OK\nA: b\n\n"),
        ("an empty line before the status", "\r\nHTTP/1.1 200 OK\r\n\r\n"),
        ("a header's value in Latin 1 and UTF-8", "HTTP/1.1 200 OK\r\nA: ä\u{202e}\r\n\r\n"),
        ("a 103 whose headers are malformed", "HTTP/1.1 103 X\r\nA\0 B\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
        ("obsolete folding", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"),
        ("a fold of blanks alone", "HTTP/1.1 200 OK\r\nA: b\r\n \r\n\r\n"),
        ("a space before a header's colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"),
        ("spaces before the status", "HTTP/1.1     200 OK\r\n\r\n"),
        ("a 103 that ends in LF and CR LF", "HTTP/1.1 103 X\r\nA: b\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
        ("two answers", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 X\r\n\r\n"),
    ];
    let unhealthy =
        unhealthy.map(|(name, answer, line)| row("http", name, [Head, Send(answer.into()), End]).unhealthy(line));
    let healthy = healthy
        .map(|(name, answer)| row("http", name, [Head, Send(answer.into()), End]).healthy("status 200 (TIME)"));
    let mut rows: Vec<Row> = unhealthy.into_iter().chain(healthy).collect();
    let exact = OK.len() + "A: \r\n\r\n".len();
    for (more, name) in [(0, "headers of 64 KiB"), (1, "headers of a byte more than 64 KiB")] {
        let answer = format!("{OK}A: {}\r\n\r\n", "x".repeat(64 * 1024 - exact + more));
        let row = row("http", name, [Head, Send(answer.into()), End]);
        rows.push(if more == 0 { row.healthy("status 200 (TIME)") } else { row.unhealthy(TOO_LARGE) });
    }
    rows
}

fn stalls_and_floods() -> Vec<Row> {
    let after = |start: &str, flood: Act| [Head, Send(start.into()), flood];
    vec![
        row("http", "silence from the start", [Stay]).stalls().unhealthy(NO_HEADERS_IN_TIME),
        row("http", "silence after the status line", after(OK, Stay)).stalls().unhealthy(NOT_COMPLETE_IN_TIME),
        row("http", "silence in the status line", after("HTTP/1.1 2", Stay)).stalls().unhealthy(NOT_COMPLETE_IN_TIME),
        row("http", "silence before the last LF", after("HTTP/1.1 200 OK\r\n\r", Stay))
            .stalls()
            .unhealthy(NOT_COMPLETE_IN_TIME),
        row("http", "silence after a 100", after("HTTP/1.1 100 X\r\n\r\n", Stay))
            .stalls()
            .unhealthy(NOT_COMPLETE_IN_TIME),
        row("http", "a dripping status line", [Head, Drip(50, format!("HTTP/1.1 200 {}", "x".repeat(20)).into())])
            .stalls()
            .unhealthy(NOT_COMPLETE_IN_TIME),
        row("http", "dripping headers without end", after(OK, Every(30, b"A: b\r\n".into())))
            .stalls()
            .unhealthy(NOT_COMPLETE_IN_TIME),
        row("http", "a 102 every 30 ms", [Head, Every(30, b"HTTP/1.1 102 Wait\r\n\r\n".into())])
            .stalls()
            .unhealthy(NOT_COMPLETE_IN_TIME),
        row("http", "an answer that drips in time", [Head, Drip(1, b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n".into())])
            .healthy("status 200 (TIME)"),
        row("http", "a flood of line ends", [Head, Flood(b"\r\n".into())]).unhealthy(TOO_LARGE),
        row("http", "a flood of NULs", [Head, Flood(vec![0])]).unhealthy(NOT_HTTP),
        row("http", "a status line without end", after("HTTP/1.1 200 ", Flood(b"x".into()))).unhealthy(TOO_LARGE),
        row("http", "a status without end", after("HTTP/1.1 ", Flood(b"2".into())))
            .unhealthy("malformed HTTP response: invalid response status"),
        row("http", "a header's name without end", after(OK, Flood(b"x".into()))).unhealthy(TOO_LARGE),
        row("http", "a header's value without end", after(&format!("{OK}A: "), Flood(b"x".into())))
            .unhealthy(TOO_LARGE),
        row("http", "headers without end", after(OK, Flood(b"A: b\r\n".into()))).unhealthy(TOO_MANY),
        row("http", "large headers without end", after(OK, Flood(format!("A: {}\r\n", "x".repeat(4000)).into())))
            .unhealthy(TOO_LARGE),
        row("http", "folded lines without end", after(&format!("{OK}A: b\r\n"), Flood(b" c\r\n".into())))
            .unhealthy(TOO_MANY),
        row("http", "a folded line without end", after(&format!("{OK}A: b\r\n "), Flood(b"x".into())))
            .unhealthy(TOO_LARGE),
        row("http", "blanks before the status without end", after("HTTP/1.1 ", Flood(b" ".into())))
            .unhealthy(TOO_LARGE),
        row("http", "100s without end", [Head, Flood(b"HTTP/1.1 100 Continue\r\n\r\n".into())]).unhealthy(TOO_LARGE),
        row(
            "http",
            "103s with headers without end",
            [Head, Flood(format!("HTTP/1.1 103 X\r\nLink: {}\r\n\r\n", "x".repeat(3000)).into())],
        )
        .unhealthy(TOO_LARGE),
        row("http", "a 103 without end", after("HTTP/1.1 103 X\r\nLink: ", Flood(b"x".into()))).unhealthy(TOO_LARGE),
        row("http", "a flood from the start, the request unread", [Flood(b"\xff\0".into())]).unhealthy(NOT_HTTP),
        row("http", "101 and then a flood", after("HTTP/1.1 101 X\r\n\r\n", Flood(b"\0".into())))
            .unhealthy("status 101, wanted 200-399"),
        row("http", "a greeting, as mail servers give one", [Send(b"220 mail ESMTP\r\n".into()), Swallow, Stay])
            .unhealthy(NOT_HTTP),
        row("http", "an answer before the request is read", [Send(b"HTTP/1.1 200 OK\r\n\r\n".into()), End])
            .healthy("status 200 (TIME)"),
        row("http", "HTTP/2 settings without end", [Head, Flood(vec![0, 0, 0, 4, 0, 0, 0, 0, 0])]).unhealthy(
            "the server speaks HTTP/2 only, wanted HTTP/1.1; --http2 asks it, `grpc` if it is a gRPC server",
        ),
        row("http", "a fatal alert of TLS", [Head, Send(vec![21, 3, 3, 0, 2, 2, 40]), End])
            .unhealthy("the server speaks TLS; https:// asks it"),
        row("http", "a handshake of TLS without end", [Head, Send(vec![22, 3, 3, 64, 0]), Flood(b"x".into())])
            .unhealthy("the server speaks TLS; https:// asks it"),
    ]
}

fn ends() -> Vec<Row> {
    let half = "HTTP/1.1 200 OK\r\nA: b";
    vec![
        row("http", "a reset before the request is read", [Reset]).unhealthy(NO_HEADERS),
        row("http", "a reset after the request", [Head, Reset]).unhealthy(NO_HEADERS),
        row("http", "a reset in the status line", [Head, Send(b"HTTP/1.1 2".into()), Reset]).unhealthy(NOT_COMPLETE),
        row("http", "a reset in the headers", [Head, Send(half.into()), Reset]).unhealthy(NOT_COMPLETE),
        row("http", "a half-close before the request is read", [End]).unhealthy(NO_HEADERS),
        row("http", "a half-close after the request", [Head, End]).unhealthy(NO_HEADERS),
        row("http", "a half-close in the status line", [Head, Send(b"HTTP/1.1 2".into()), End])
            .unhealthy(NOT_COMPLETE),
        row("http", "a half-close in the headers", [Head, Send(half.into()), End]).unhealthy(NOT_COMPLETE),
        row("http", "a close that leaves the request unread", []).unhealthy(NO_HEADERS),
    ]
}
