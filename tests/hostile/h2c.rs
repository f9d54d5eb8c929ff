//! HTTP/2 below http: servers that do not greet, turn away, break off, or send without end.

use super::peer::Act::{self, Call, End, Flood, Reset, Send, Stay, Swallow};
use super::peer::{
    CONTINUATION, DATA, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, SETTINGS_FRAME, block, field, frame,
};
use super::{Row, row};

const CLOSED: &str = "connection closed or reset by the peer, no response headers";
const LATE: &str = "no response headers in 400ms";
const BROKEN: &str = "malformed HTTP response: HTTP/2 is broken";
const OK: &str = "status 200 (TIME)";

pub(super) fn rows() -> Vec<Row> {
    let headers = |flags| frame(HEADERS, flags, 1, &block(&[(":status", "200")]));
    let away = frame(GOAWAY, 0, 0, &[0; 8]);
    let http2 = |row: Row| row.with(&["--http2"]);
    let plain = |name: &str, acts: Vec<Act>| {
        http2(Row::tcp("http", name, 1, move |stream| super::peer::perform(&acts, stream)))
    };
    let greeted = |name: &str, acts: Vec<Act>| {
        let mut all = vec![Call, Send(SETTINGS_FRAME.into())];
        all.extend(acts);
        plain(name, all)
    };
    vec![
        greeted("h2c, an honest answer", vec![Send(headers(5)), End]).healthy(OK),
        greeted("h2c, a body without end", vec![Send(headers(4)), Swallow, Flood(frame(DATA, 0, 1, &[b'x'; 1000]))])
            .healthy(OK),
        http2(row("http", "h2c, SETTINGS that never come", [Call, Stay])).stalls().unhealthy(LATE),
        greeted("h2c, nothing after SETTINGS", vec![Stay]).stalls().unhealthy(LATE),
        greeted("h2c, no window and no answer", vec![Send(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])), Stay])
            .stalls()
            .unhealthy(LATE),
        greeted("h2c, GOAWAY", vec![Send(away), End]).unhealthy("the server turned the call away (GOAWAY)"),
        greeted("h2c, RST_STREAM", vec![Send(frame(RST_STREAM, 0, 1, &[0, 0, 0, 7])), End])
            .unhealthy("the server turned the call away (RST_STREAM)"),
        greeted("h2c, the end after SETTINGS", vec![End]).unhealthy(CLOSED),
        greeted("h2c, a reset after SETTINGS", vec![Reset]).unhealthy(CLOSED),
        greeted("h2c, PING without end", vec![Swallow, Flood(frame(PING, 0, 0, b"12345678"))])
            .stalls()
            .unhealthy(LATE),
        greeted("h2c, SETTINGS without end", vec![Swallow, Flood(SETTINGS_FRAME.into())]).stalls().unhealthy(LATE),
        greeted(
            "h2c, CONTINUATION without end",
            vec![
                Send(frame(HEADERS, 0, 1, &block(&[(":status", "200")]))),
                Flood(frame(CONTINUATION, 0, 1, &field("a", "b"))),
            ],
        )
        .unhealthy(BROKEN),
        greeted(
            "h2c, interim responses without end",
            vec![Swallow, Flood(frame(HEADERS, 4, 1, &block(&[(":status", "103")])))],
        )
        .stalls()
        .unhealthy(LATE),
        greeted("h2c, no status", vec![Send(frame(HEADERS, 5, 1, &block(&[("a", "b")]))), End])
            .unhealthy("malformed HTTP response: headers that HTTP/2 does not accept"),
        plain("h2c, no HTTP at all", vec![Call, Send(b"220 mail.example.org ESMTP\r\n".to_vec()), End])
            .unhealthy("the answer is not HTTP"),
    ]
}
