//! HTTP/2 below gRPC: floods of every frame, ends in every phase, header blocks that lie or swell, streams that do not
//! exist.

use super::peer::Act::{self, Call, Drip, End, Every, Flood, Reset, Send, Stay, Swallow};
use super::peer::{CONTINUATION, PRIORITY, PUSH_PROMISE, block, field, frame, message, serving};
use super::peer::{DATA, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, SETTINGS_FRAME, WINDOW_UPDATE};
use super::{Row, row};

const NO_ANSWER: &str = "connection closed or reset by the peer, no answer";
const CUT: &str = "connection closed or reset by the peer, answer not complete";
const LATE: &str = "no answer in 400ms";
const BROKEN: &str = "malformed gRPC response: HTTP/2 is broken";
const NOT_ACCEPTED: &str = "malformed gRPC response: response headers that HTTP/2 does not accept";
const NO_STATUS: &str = "malformed gRPC response: no grpc-status";
const NOT_HTTP2: &str = "the answer is not HTTP/2, so no gRPC";
const AWAY: &str = "the server turned the call away (GOAWAY)";
const OFF: &str = "the server turned the call away (RST_STREAM)";
const SERVING: &str = "SERVING (TIME)";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = floods();
    rows.extend(goodbyes());
    rows.extend(header_blocks());
    rows.extend(frames());
    rows.extend(liberties());
    rows.extend(ends());
    rows
}

/// A server that greets as it should, and then does this.
fn after_settings<const N: usize>(name: &str, acts: [Act; N]) -> Row {
    let mut all = vec![Call, Send(SETTINGS_FRAME.into())];
    all.extend(acts);
    Row::tcp("grpc", name, 1, move |stream| super::peer::perform(&all, stream))
}

/// What a server may do, and is healthy all the same.
fn liberties() -> Vec<Row> {
    let window = |stream, more: u32| frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes());
    let no_window = || frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let ok = || block(&[(":status", "200"), ("content-type", "application/grpc")]);
    let serving = || frame(DATA, 0, 1, &message(&[8, 1]));
    let done = || frame(HEADERS, 5, 1, &block(&[("grpc-status", "0")]));
    let whole = |name: &str, frames: &[Vec<u8>]| after_settings(name, [Send(frames.concat()), End]).healthy(SERVING);
    let split = |kind: u8, block: &[u8]| {
        let (first, rest) = block.split_at(1);
        let (second, third) = rest.split_at(5);
        [frame(HEADERS, kind, 1, first), frame(CONTINUATION, 0, 1, second), frame(CONTINUATION, 4, 1, third)].concat()
    };
    let padded = |flags: u8, block: &[u8]| frame(HEADERS, flags | 8, 1, &[&[9][..], block, &[0; 9]].concat());
    let interim = |status| frame(HEADERS, 4, 1, &block(&[(":status", status), ("x", "y")]));
    vec![
        whole("no window for the request at first", &[no_window(), window(1, 100), headers(), serving(), done()]),
        whole("an answer to a request that it took no part of", &[no_window(), headers(), serving(), done()]),
        whole("headers in three frames", &[split(0, &ok()), serving(), done()]),
        whole("trailers in three frames", &[headers(), serving(), split(1, &block(&[("grpc-status", "0")]))]),
        whole("headers with padding", &[padded(4, &ok()), serving(), done()]),
        whole("trailers with padding", &[headers(), serving(), padded(5, &block(&[("grpc-status", "0")]))]),
        whole(
            "headers with a priority",
            &[frame(HEADERS, 0x24, 1, &[&[0, 0, 0, 0, 15][..], &ok()].concat()), serving(), done()],
        ),
        whole("two interim responses", &[interim("100"), interim("103"), headers(), serving(), done()]),
        whole(
            "headers twice, the first interim and with gRPC's type",
            &[
                frame(
                    HEADERS,
                    4,
                    1,
                    &block(&[(":status", "103"), ("content-type", "application/grpc"), ("grpc-status", "14")]),
                ),
                headers(),
                serving(),
                done(),
            ],
        ),
        whole(
            "frames of an unknown kind between all others",
            &[
                frame(0x99, 0, 1, b"what"),
                headers(),
                frame(0x99, 0, 1, b"what"),
                serving(),
                frame(0x99, 0, 0, b"what"),
                done(),
            ],
        ),
        whole(
            "empty DATA before and behind the message",
            &[headers(), frame(DATA, 0, 1, b""), serving(), frame(DATA, 0, 1, b""), done()],
        ),
        after_settings(
            "an interim response that ends the stream",
            [Send(frame(HEADERS, 5, 1, &block(&[(":status", "103")]))), End],
        )
        .unhealthy(NOT_ACCEPTED),
        after_settings("interim responses and the end", [Send([interim("100"), interim("103")].concat()), End])
            .unhealthy(CUT),
    ]
}

/// The response's headers, as they should be.
fn headers() -> Vec<u8> {
    frame(HEADERS, 4, 1, &block(&[(":status", "200"), ("content-type", "application/grpc")]))
}

fn floods() -> Vec<Row> {
    let window = |stream, more: u32| frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes());
    let settings =
        |id: u16, value: u32| frame(SETTINGS, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
    vec![
        after_settings("SETTINGS without end", [Flood(SETTINGS_FRAME.into())]).stalls().unhealthy(LATE),
        after_settings("SETTINGS without end, each acknowledged", [Swallow, Flood(SETTINGS_FRAME.into())])
            .stalls()
            .unhealthy(LATE),
        after_settings(
            "SETTINGS of 2,000 values without end",
            [Swallow, Flood(frame(SETTINGS, 0, 0, &[0, 0x99, 0, 0, 0, 1].repeat(2000)))],
        )
        .stalls()
        .unhealthy(LATE),
        after_settings("acknowledged SETTINGS that nobody sent", [Flood(frame(SETTINGS, 1, 0, b""))])
            .unhealthy(BROKEN),
        after_settings(
            "a window that opens and shuts without end",
            [Swallow, Flood([settings(4, 0x7fff_ffff), settings(4, 0)].concat())],
        )
        .stalls()
        .unhealthy(LATE),
        after_settings("a window of more than 2 GiB", [Send(settings(4, 0x8000_0000)), End]).unhealthy(BROKEN),
        after_settings("frames of 0 bytes at most", [Send(settings(5, 0)), End]).unhealthy(BROKEN),
        after_settings(
            "a header table of 4 GiB",
            [
                Send([settings(1, u32::MAX), headers(), frame(DATA, 0, 1, &message(&[8, 1]))].concat()),
                Send(frame(HEADERS, 5, 1, &block(&[("grpc-status", "0")]))),
                End,
            ],
        )
        .healthy(SERVING),
        after_settings("no stream allowed", [Send(settings(3, 0)), Stay]).stalls().unhealthy(LATE),
        after_settings("no window for the request", [Send(settings(4, 0)), Stay]).stalls().unhealthy(LATE),
        after_settings("PING without end", [Flood(frame(PING, 0, 0, b"12345678"))]).stalls().unhealthy(LATE),
        after_settings("PING without end, each answered", [Swallow, Flood(frame(PING, 0, 0, b"12345678"))])
            .stalls()
            .unhealthy(LATE),
        after_settings("a PING every 30 ms", [Every(30, frame(PING, 0, 0, b"12345678"))]).stalls().unhealthy(LATE),
        after_settings("a PING of 7 bytes", [Send(frame(PING, 0, 0, b"1234567")), End]).unhealthy(BROKEN),
        after_settings("PRIORITY without end", [Flood(frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]))])
            .stalls()
            .unhealthy(LATE),
        after_settings("frames of an unknown kind without end", [Flood(frame(0x99, 0xff, 7, b"what"))])
            .stalls()
            .unhealthy(LATE),
        after_settings("WINDOW_UPDATE until it overflows", [Flood(window(0, 0x7fff_0000))]).unhealthy(BROKEN),
        after_settings("WINDOW_UPDATE of a stream until it overflows", [Flood(window(1, 0x7fff_0000))])
            .stalls()
            .unhealthy(LATE),
        after_settings("a stream's window that overflows", [Send(window(1, 0x7fff_ffff)), Stay])
            .stalls()
            .unhealthy(LATE),
        after_settings("WINDOW_UPDATE of 1 without end", [Flood(window(1, 1))]).stalls().unhealthy(LATE),
        after_settings("WINDOW_UPDATE of 0", [Send(window(0, 0)), End]).unhealthy(BROKEN),
        after_settings(
            "CONTINUATION without end",
            [
                Send(frame(HEADERS, 0, 1, &block(&[(":status", "200")]))),
                Flood(frame(CONTINUATION, 0, 1, &field("a", "b"))),
            ],
        )
        .unhealthy(BROKEN),
        after_settings(
            "empty CONTINUATION without end",
            [Send(frame(HEADERS, 0, 1, &block(&[(":status", "200")]))), Flood(frame(CONTINUATION, 0, 1, b""))],
        )
        .unhealthy(BROKEN),
        after_settings("CONTINUATION out of nowhere", [Send(frame(CONTINUATION, 4, 1, &field("a", "b"))), End])
            .unhealthy(BROKEN),
        after_settings("RST_STREAM without end", [Flood(frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]))]).unhealthy(OFF),
        after_settings("RST_STREAM of streams that do not exist", [Flood(frame(RST_STREAM, 0, 7, &[0, 0, 0, 8]))])
            .unhealthy(BROKEN),
        after_settings(
            "informational headers without end",
            [Flood(frame(HEADERS, 4, 1, &block(&[(":status", "103")])))],
        )
        .stalls()
        .unhealthy(LATE),
        after_settings(
            "informational headers of one byte without end",
            [Send(frame(HEADERS, 4, 1, &[0x48, 3, b'1', b'0', b'3'])), Flood(frame(HEADERS, 4, 1, &[0xbe]))],
        )
        .stalls()
        .unhealthy(LATE),
        after_settings("empty DATA without end", [Send(headers()), Flood(frame(DATA, 0, 1, b""))]).unhealthy(BROKEN),
        after_settings(
            "DATA of padding without end",
            [Send(headers()), Flood(frame(DATA, 8, 1, &[&[200][..], &[0; 200]].concat()))],
        )
        .unhealthy(BROKEN),
        row("grpc", "a flood of NULs", [Call, Flood(vec![0])]).unhealthy(NOT_HTTP2),
        row("grpc", "a flood of 0xff", [Call, Flood(vec![0xff])]).unhealthy(NOT_HTTP2),
        row("grpc", "HTTP/1.1 without end", [Call, Flood(b"HTTP/1.1 400 Bad Request\r\n".into())])
            .unhealthy("the server speaks HTTP/1.1, not HTTP/2, so no gRPC"),
        row(
            "grpc",
            "an HTTP/1.1 page",
            [Call, Send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>".into()), End],
        )
        .unhealthy("the server speaks HTTP/1.1, not HTTP/2, so no gRPC"),
        row("grpc", "a TLS alert", [Call, Send(vec![21, 3, 3, 0, 2, 2, 70]), End])
            .unhealthy("the server speaks TLS; --tls asks it"),
    ]
}

fn goodbyes() -> Vec<Row> {
    let goaway = |last: u8, reason: u8, debug: &[u8]| {
        frame(GOAWAY, 0, 0, &[&[0, 0, 0, last, 0, 0, 0, reason][..], debug].concat())
    };
    let trailers = || frame(HEADERS, 5, 1, &block(&[("grpc-status", "0")]));
    vec![
        row("grpc", "GOAWAY before SETTINGS", [Call, Send(goaway(0, 0, b"")), End]).unhealthy(AWAY),
        after_settings("GOAWAY after SETTINGS", [Send(goaway(0, 0, b"")), Stay]).unhealthy(AWAY),
        after_settings("GOAWAY with an error", [Send(goaway(0, 2, b"")), End]).unhealthy(AWAY),
        after_settings("GOAWAY with 16,000 bytes of excuses", [Send(goaway(0, 11, &[b'x'; 16_000])), End])
            .unhealthy(AWAY),
        after_settings("GOAWAY without end", [Flood(goaway(0, 0, b""))]).unhealthy(AWAY),
        after_settings(
            "GOAWAY that lets the call end",
            [
                Send(goaway(1, 0, b"")),
                Send([headers(), frame(DATA, 0, 1, &message(&[8, 1])), trailers()].concat()),
                End,
            ],
        )
        .healthy(SERVING),
        after_settings("GOAWAY after the headers", [Send(headers()), Send(goaway(1, 2, b"")), End]).unhealthy(CUT),
        after_settings(
            "GOAWAY after the message",
            [Send([headers(), frame(DATA, 0, 1, &message(&[8, 1])), goaway(1, 2, b"")].concat()), End],
        )
        .unhealthy(CUT),
        after_settings(
            "GOAWAY in a message",
            [Send([headers(), frame(DATA, 0, 1, &message(&[8, 1])[..4]), goaway(1, 2, b"")].concat()), End],
        )
        .unhealthy(CUT),
        after_settings(
            "GOAWAY after the trailers",
            [Send([headers(), frame(DATA, 0, 1, &message(&[8, 1])), trailers(), goaway(1, 2, b"")].concat()), End],
        )
        .healthy(SERVING),
        after_settings(
            "GOAWAY whose last stream grows",
            [Send([goaway(0, 0, b""), goaway(9, 0, b"")].concat()), End],
        )
        .unhealthy(AWAY),
        after_settings("GOAWAY of 3 bytes", [Send(frame(GOAWAY, 0, 0, &[0, 0, 0])), End]).unhealthy(BROKEN),
        after_settings(
            "RST_STREAM after the headers",
            [Send(headers()), Send(frame(RST_STREAM, 0, 1, &[0, 0, 0, 2])), End],
        )
        .unhealthy(OFF),
        after_settings(
            "RST_STREAM after the message",
            [
                Send(
                    [headers(), frame(DATA, 0, 1, &message(&[8, 1])), frame(RST_STREAM, 0, 1, &[0, 0, 0, 2])]
                        .concat(),
                ),
                End,
            ],
        )
        .unhealthy(OFF),
        after_settings(
            "RST_STREAM without an error in place of trailers",
            [
                Send(
                    [headers(), frame(DATA, 0, 1, &message(&[8, 1])), frame(RST_STREAM, 0, 1, &[0, 0, 0, 0])]
                        .concat(),
                ),
                End,
            ],
        )
        .unhealthy(NO_STATUS),
    ]
}

fn header_blocks() -> Vec<Row> {
    let answer = |name: &str, block: &[u8]| after_settings(name, [Send(frame(HEADERS, 5, 1, block)), End]);
    // The first header goes into the table, and each byte behind it stands for it again.
    let bomb =
        |times: usize| [&[0x88, 0x40, 1, b'x', 0x7f, 0xa1, 0x1e][..], &[b'y'; 4000], &vec![0xbe; times]].concat();
    vec![
        answer("an HPACK bomb of 40 MB", &bomb(10_000)).unhealthy(BROKEN),
        after_settings("HPACK bombs without end", [Flood(frame(HEADERS, 4, 1, &bomb(10_000)))]).unhealthy(BROKEN),
        after_settings(
            "an HPACK bomb that goes on",
            [Send(frame(HEADERS, 0, 1, &bomb(10_000))), Flood(frame(CONTINUATION, 0, 1, &[0xbe; 16_000]))],
        )
        .unhealthy(BROKEN),
        answer("headers of 16,000 bytes", &block(&[(":status", "200"), ("x", &"y".repeat(15_900))]))
            .unhealthy("an HTTP/2 server, but not a gRPC one (HTTP status 200)"),
        after_settings("headers of 20,000 bytes", {
            let all = block(&[(":status", "200"), ("x", &"y".repeat(10_000)), ("z", &"y".repeat(10_000))]);
            [Send([frame(HEADERS, 1, 1, &all[..12_000]), frame(CONTINUATION, 4, 1, &all[12_000..])].concat()), End]
        })
        .unhealthy(NOT_ACCEPTED),
        answer("2,000 headers", &[&block(&[(":status", "200")])[..], &field("x", "y").repeat(2000)].concat())
            .unhealthy(BROKEN),
        answer("an index of 0", &[0x80]).unhealthy(BROKEN),
        answer("an index that is not in the table", &[0xff, 0x80, 0x01]).unhealthy(BROKEN),
        answer("an index that overflows", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])
            .unhealthy(BROKEN),
        answer("a string that is longer than its block", &[0, 0x7f, 0xff, 0xff, 0x03, b'x']).unhealthy(BROKEN),
        answer("a Huffman code that ends in the middle", &[0x88, 0, 0x81, 0xff, 0x81, 0x00]).unhealthy(BROKEN),
        answer("a table of 4 GiB", &[0x3f, 0xe1, 0xff, 0xff, 0xff, 0x0f, 0x88]).unhealthy(BROKEN),
        answer("a header's name in capitals", &block(&[(":status", "200"), ("Grpc-Status", "0")])).unhealthy(BROKEN),
        answer("a NUL in a header's name", &block(&[(":status", "200"), ("a\0b", "0")])).unhealthy(BROKEN),
        answer("a line end in a header's value", &block(&[(":status", "200"), ("a", "b\r\nc: d")])).unhealthy(BROKEN),
        answer("a header of a connection", &block(&[(":status", "200"), ("connection", "close")]))
            .unhealthy(NOT_ACCEPTED),
        answer("no status", &block(&[("content-type", "application/grpc")])).unhealthy(NOT_ACCEPTED),
        answer("an empty block", b"").unhealthy(NOT_ACCEPTED),
        answer("two statuses", &block(&[(":status", "200"), (":status", "503")])).unhealthy(NOT_ACCEPTED),
        answer("a status that is no number", &block(&[(":status", "2x0")])).unhealthy(BROKEN),
        answer("a status behind the headers", &block(&[("a", "b"), (":status", "200")])).unhealthy(NOT_ACCEPTED),
        answer("a request's pseudo-header", &block(&[(":status", "200"), (":path", "/")]))
            .unhealthy("an HTTP/2 server, but not a gRPC one (HTTP status 200)"),
        answer("an unknown pseudo-header", &block(&[(":status", "200"), (":what", "/")])).unhealthy(BROKEN),
    ]
}

fn frames() -> Vec<Row> {
    let one = |name: &str, bytes: Vec<u8>| after_settings(name, [Send(bytes), End]).unhealthy(BROKEN);
    let ok = || block(&[(":status", "200"), ("content-type", "application/grpc")]);
    vec![
        one("DATA of 16 MiB", [&[0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1][..], &[0; 20_000]].concat()),
        one("DATA of a byte more than allowed", frame(DATA, 0, 1, &[0; 16_385])),
        after_settings(
            "a frame of 16 MiB that floods",
            [Send(vec![0xff, 0xff, 0xff, HEADERS, 0, 0, 0, 0, 1]), Flood(vec![0])],
        )
        .unhealthy(BROKEN),
        one("DATA before the headers", frame(DATA, 0, 1, &message(&[8, 1]))),
        one("DATA on stream 0", frame(DATA, 0, 0, &message(&[8, 1]))),
        one("DATA on a stream that nobody opened", frame(DATA, 0, 3, &message(&[8, 1]))),
        one("DATA on a stream of the server's", frame(DATA, 0, 2, &message(&[8, 1]))),
        one("HEADERS on stream 0", frame(HEADERS, 5, 0, &ok())),
        one("HEADERS on a stream that nobody opened", frame(HEADERS, 5, 3, &ok())),
        one("HEADERS on a stream of the server's", frame(HEADERS, 5, 2, &ok())),
        one("HEADERS with more padding than bytes", frame(HEADERS, 0xd, 1, &[0xff, 0x88])),
        one("PUSH_PROMISE", frame(PUSH_PROMISE, 4, 1, &[&[0, 0, 0, 2][..], &block(&[(":method", "GET")])].concat())),
        one("SETTINGS on a stream", frame(SETTINGS, 0, 1, b"")),
        one("SETTINGS of 5 bytes", frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0])),
        one("an acknowledgement with a payload", frame(SETTINGS, 1, 0, &[0, 4, 0, 0, 0, 0])),
        one("a frame between HEADERS and CONTINUATION", {
            [frame(HEADERS, 0, 1, &ok()), frame(PING, 0, 0, b"12345678")].concat()
        }),
        row("grpc", "HEADERS before SETTINGS", [Call, Send(headers()), End]).unhealthy(NOT_HTTP2),
        row(
            "grpc",
            "SETTINGS twice as long as it says",
            [Call, Send(vec![0, 0, 6, SETTINGS, 0, 0, 0, 0, 0, 0]), End],
        )
        .unhealthy(CUT),
    ]
}

fn ends() -> Vec<Row> {
    let drips = serving();
    vec![
        row("grpc", "silence from the start", [Stay]).stalls().unhealthy(LATE),
        after_settings("silence after SETTINGS", [Stay]).stalls().unhealthy(LATE),
        after_settings("silence after the headers", [Send(headers()), Stay])
            .stalls()
            .unhealthy("answer not complete in 400ms"),
        row("grpc", "a reset before the call is read", [Reset]).unhealthy(NO_ANSWER),
        row("grpc", "a reset after the call", [Call, Reset]).unhealthy(NO_ANSWER),
        after_settings("a reset after SETTINGS", [Reset]).unhealthy(CUT),
        after_settings("a reset in a frame", [Send(headers()[..12].into()), Reset]).unhealthy(CUT),
        after_settings("a reset after the headers", [Send(headers()), Reset]).unhealthy(CUT),
        row("grpc", "a half-close before the call is read", [End]).unhealthy(NO_ANSWER),
        row("grpc", "a half-close after the call", [Call, End]).unhealthy(NO_ANSWER),
        after_settings("a half-close after SETTINGS", [End]).unhealthy(CUT),
        after_settings("a half-close in a frame", [Send(headers()[..12].into()), End]).unhealthy(CUT),
        row("grpc", "a close that leaves the call unread", [Send(SETTINGS_FRAME.into())]).unhealthy(CUT),
        row("grpc", "an answer that drips in time", [Call, Drip(1, drips.clone()), End]).healthy(SERVING),
        row("grpc", "an answer that drips", [Call, Drip(30, drips), Stay]).stalls().unhealthy(LATE),
    ]
}
