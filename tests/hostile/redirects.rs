//! Redirects that lead in circles, elsewhere, or nowhere.

use std::io::Write;

use super::peer::Act::{End, Head, Send};
use super::{Row, row};
use crate::support::{read_head, response};

const HOP: &str = "redirected to http://127.0.0.1:PORT: ";

pub(super) fn rows() -> Vec<Row> {
    let no_url = "status 302 with a Location that is no URL";
    let to =
        |location: &str| Send(format!("HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into());
    let unhealthy = [
        ("a port of five digits too many", "http://127.0.0.1:9999999999/", no_url),
        ("port 0", "http://127.0.0.1:0/", no_url),
        ("a negative port", "http://127.0.0.1:-1/", no_url),
        ("a Location with no host", "http://", no_url),
        ("a Location with a path for a host", "http:///etc/passwd", no_url),
        ("an open bracket", "http://[::1", no_url),
        ("a script", "javascript:alert(1)", "status 302 to scheme \"javascript\", wanted http or https"),
        ("a file", "file:///etc/passwd", "status 302 to scheme \"file\", wanted http or https"),
        ("a NUL in the Location", "/\0", "malformed HTTP response: invalid header value"),
        ("a bare CR in the Location", "/\rX: y", "malformed HTTP response: invalid header value"),
    ];
    let other = |origin: &str| format!("status 302 (TIME), not followed to {origin}, which is another host name");
    let healthy = [
        ("to a foreign address", "http://192.0.2.1/", other("http://192.0.2.1")),
        ("to a link-local metadata server", "//169.254.169.254/latest", other("http://169.254.169.254")),
        ("to an address that is this host's by another name", "http://127.0.0.2/", other("http://127.0.0.2")),
        ("to a name that begins like the host", "http://127.0.0.1.example/", other("http://127.0.0.1.example")),
        ("to a host behind user info", "http://127.0.0.1@example.org/", other("http://example.org")),
    ];
    let mut rows: Vec<Row> = unhealthy
        .into_iter()
        .map(|(name, location, line)| row("http", name, [Head, to(location), End]).unhealthy(line))
        .chain(
            healthy
                .into_iter()
                .map(|(name, location, line)| row("http", name, [Head, to(location), End]).healthy(&line)),
        )
        .collect();
    let loops = |name: &str, calls: usize, location: String| {
        Row::tcp("http", name, calls, move |stream| {
            let head = read_head(stream);
            let answer = match head.starts_with("GET / ") || calls > 2 {
                true => response("302 X", &format!("Location: {location}\r\n"), ""),
                false => response("200 OK", "", ""),
            };
            let _ = stream.write_all(answer.as_bytes());
        })
    };
    rows.extend([
        loops("a redirect to itself", 10, "/".into())
            .unhealthy(&format!("{HOP}the tenth redirect, wanted nine at most")),
        loops("a redirect that grows", 10, "x/../../x/./".into())
            .unhealthy(&format!("{HOP}the tenth redirect, wanted nine at most")),
        loops("a path of 60,000 bytes", 2, format!("/{}", "x".repeat(60_000))).healthy("status 200 (TIME)"),
        loops("a path with encoded line ends", 2, "/%0d%0aX-Evil:%20y".into()).healthy("status 200 (TIME)"),
        loops("a path with bytes that no request may carry", 2, "/a b\"<ä\u{202e}>".into())
            .healthy("status 200 (TIME)"),
        loops("two Locations", 2, "/one\r\nLocation: http://example.org/".into()).healthy("status 200 (TIME)"),
        row(
            "http",
            "a Location without end",
            [Head, Send(b"HTTP/1.1 302 X\r\nLocation: /".into()), super::peer::Act::Flood(b"x".into())],
        )
        .unhealthy("response headers of more than 64 KiB"),
        row("http", "a host of 300 characters", [Head, to(&format!("http://{}/", "x".repeat(300))), End])
            .healthy(&other(&format!("http://{}…", "x".repeat(64)))),
        row("http", "a host that turns the line around", [Head, to("http://\u{202e}gro.elpmaxe/"), End])
            .healthy(&other("http://%E2%80%AEgro.elpmaxe")),
    ]);
    rows
}
