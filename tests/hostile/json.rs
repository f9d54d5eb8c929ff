//! Bodies for `--expect-json`: JSON that is too deep, too long, cut, or something else.

use super::peer::Act::{End, Every, Flood, Head, Reset, Send, Stay};
use super::{Row, row};

const MOST: usize = 64 * 1024;
const WANTED: &[&str] = &["--expect-json=/status=UP"];
const CLOSED: &str = "connection closed or reset by the peer, response body not complete";
const LATE: &str = "response body not complete in 400ms";
const CUT: &str = "the body ends before its JSON does";
const NOT_JSON: &str = "the body is not JSON";
const TOO_LONG: &str = "a body of more than 64 KiB, wanted JSON of 64 KiB at most";
const NONE: &str = "no /status in the body, wanted \"UP\"";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = whole();
    rows.extend(ends());
    rows
}

/// Bodies that come whole.
fn whole() -> Vec<Row> {
    let half = MOST / 2;
    let filled = |len: usize| {
        let (start, end) = ("{\"status\":\"UP\",\"x\":\"", "\"}");
        [start, &"x".repeat(len - start.len() - end.len()), end].concat()
    };
    let lines = [
        ("JSON of 64 KiB that only opens arrays", "[".repeat(MOST), CUT.to_owned()),
        ("JSON of 64 KiB that only opens objects", "{\"status\":".repeat(MOST / 10), CUT.to_owned()),
        ("arrays nested in 64 KiB", "[".repeat(half) + &"]".repeat(half), NONE.to_owned()),
        (
            "objects nested in 64 KiB",
            ["{\"status\":".repeat(5000), "1".to_owned(), "}".repeat(5000)].concat(),
            "/status is an object, wanted \"UP\"".to_owned(),
        ),
        ("objects without a name in 64 KiB", ["[{}", &",{\"\":0}".repeat(8000), "]"].concat(), NONE.to_owned()),
        ("JSON of 64 KiB and a byte", filled(MOST + 1), TOO_LONG.to_owned()),
        (
            "a name five thousand times",
            ["{\"status\":\"UP\"", &",\"status\":1".repeat(5000), "}"].concat(),
            "/status is 1, wanted \"UP\"".to_owned(),
        ),
        (
            "a number of sixty thousand digits",
            format!("{{\"status\":{}}}", "9".repeat(60_000)),
            format!("/status is {}…, wanted \"UP\"", "9".repeat(64)),
        ),
        (
            "a text of sixty thousand letters",
            format!("{{\"status\":\"{}\"}}", "x".repeat(60_000)),
            format!("/status is \"{}…\", wanted \"UP\"", "x".repeat(64)),
        ),
        (
            "control characters in JSON",
            r#"{"status":"\u001b[2J\r\nUP\u202e\u0000"}"#.to_owned(),
            "/status is \"?[2J??UP??\", wanted \"UP\"".to_owned(),
        ),
        ("half of a character in JSON", r#"{"status":"\ud83d"}"#.to_owned(), NOT_JSON.to_owned()),
        ("two JSON texts", r#"{"status":"UP"}{"status":"UP"}"#.to_owned(), NOT_JSON.to_owned()),
        ("a page in place of JSON", "<html>{\"status\":\"UP\"}</html>".to_owned(), NOT_JSON.to_owned()),
        ("nothing in place of JSON", String::new(), "the body is empty, wanted JSON".to_owned()),
    ];
    let answer = |body: &[u8], coding: &str| {
        let head = format!("HTTP/1.1 200 OK\r\n{coding}Content-Length: {}\r\n\r\n", body.len());
        Send([head.as_bytes(), body].concat())
    };
    let mut rows: Vec<Row> = lines
        .into_iter()
        .map(|(name, body, line)| {
            row("http", name, [Head, answer(body.as_bytes(), ""), End]).with(WANTED).unhealthy(&line)
        })
        .collect();
    rows.extend([
        row("http", "JSON of 64 KiB", [Head, answer(filled(MOST).as_bytes(), ""), End])
            .with(WANTED)
            .healthy("status 200 (TIME)"),
        row(
            "http",
            "an exponent of a thousand digits",
            [Head, answer(format!("{{\"status\":1e{}}}", "9".repeat(1000)).as_bytes(), ""), End],
        )
        .with(&["--expect-json=/status=1"])
        .unhealthy(&format!("/status is 1e{}…, wanted 1", "9".repeat(62))),
        row("http", "JSON that is no UTF-8", [Head, answer(b"{\"status\":\"UP\",\"x\":\"\xff\"}", ""), End])
            .with(WANTED)
            .unhealthy(NOT_JSON),
        row("http", "compressed JSON", [Head, answer(b"\x1f\x8b\x08", "Content-Encoding: gzip\r\n"), End])
            .with(WANTED)
            .unhealthy("the body is not JSON; it is compressed (gzip)"),
    ]);
    rows
}

/// Bodies that do not end, or end early.
fn ends() -> Vec<Row> {
    let sized = || Send(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"status\":\"UP\"}".into());
    let endless = |body: &str| Send(format!("HTTP/1.1 200 OK\r\n\r\n{body}").into());
    let healthy = "{\"status\":\"UP\"}";
    vec![
        row("http", "JSON that is cut", [Head, sized(), End]).with(WANTED).unhealthy(CLOSED),
        row("http", "a reset in JSON", [Head, sized(), Reset]).with(WANTED).unhealthy(CLOSED),
        row("http", "JSON without a length that is cut", [Head, endless("{\"status\":\"UP\""), End])
            .with(WANTED)
            .unhealthy(CUT),
        row("http", "silence behind JSON", [Head, endless(healthy), Stay]).with(WANTED).stalls().unhealthy(LATE),
        row("http", "silence in JSON", [Head, sized(), Stay]).with(WANTED).stalls().unhealthy(LATE),
        row("http", "blanks behind JSON without end", [Head, endless(healthy), Flood(b" ".into())])
            .with(WANTED)
            .unhealthy(TOO_LONG),
        row("http", "JSON without end", [Head, endless("["), Flood(b"{\"status\":\"UP\"},".into())])
            .with(WANTED)
            .unhealthy(TOO_LONG),
        row("http", "JSON that drips without end", [Head, endless("["), Every(30, b"1,".into())])
            .with(WANTED)
            .stalls()
            .unhealthy(LATE),
    ]
}
