//! Servers that say something else than what tcp looks for: nothing, too much, a byte now and then, NULs.

use super::peer::Act::{Drip, End, Every, Flood, Reset, Send, Stay};
use super::{Row, row};

const BANNER: &[&str] = &["--expect-banner=SSH-2.0-"];
const ANSWER: &[&str] = &[r"--send=PING\r\n", "--expect=+PONG"];
const CLOSED: &str = "connection closed or reset by the peer,";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, options, wanted) in [("banner", BANNER, "SSH-2.0-"), ("answer", ANSWER, "+PONG")] {
        let row = |what: &str, act| row("tcp", format!("{what} as the {name}"), [act, End]).with(options);
        let is = |said: &str| format!("the {name} is \"{said}\", wanted \"{wanted}\"");
        let none = format!("no \"{wanted}\" in the {name}'s first 4 KiB");
        let healthy = format!("{name} as wanted (TIME)");
        let late = format!("{name} not complete in 400ms");
        rows.extend([
            row("silence", Stay).stalls().unhealthy(&format!("no {name} in 400ms")),
            row("an end", End).unhealthy(&format!("{CLOSED} no {name}")),
            row("a reset", Reset).unhealthy(&format!("{CLOSED} no {name}")),
            row("bytes without end", Flood(b"a".into())).unhealthy(&none),
            row("line ends without end", Flood(b"\r\n".into())).unhealthy(&none),
            row("NULs without end", Flood(vec![0])).unhealthy(&none),
            row("nearly the text without end", Flood(b"SSH-2.0+PON".into())).unhealthy(&none),
            row("a drip without end", Every(30, b"a".into())).stalls().unhealthy(&late),
            row("a drip of line ends without end", Every(30, b"\r\n".into())).stalls().unhealthy(&late),
            row("a drip of lines without end", Every(30, b"no\r\n".into())).stalls().unhealthy(&is("no")),
            row("the text in a drip", Drip(1, format!("\0{wanted}").into())).healthy(&healthy),
            row("4 KiB that end with the text", Send([&vec![0; 4096 - wanted.len()], wanted.as_bytes()].concat()))
                .healthy(&healthy),
            row("the text a byte too late", Send([&vec![b'\n'; 4097 - wanted.len()], wanted.as_bytes()].concat()))
                .unhealthy(&none),
            row("a terminal's escapes", Send(b"\x1b]0;x\x07\xe2\x80\xae\xff\0\r\n".into()))
                .unhealthy(&is("?]0;x??\u{fffd}?")),
            row("a line of 3 KiB", Send([&[b'y'; 3000][..], b"\n"].concat()))
                .unhealthy(&is(&format!("{}…", "y".repeat(64)))),
        ]);
    }
    rows.extend([
        row("tcp", "what was sent, again and again", [Every(30, b"-ERR 'ping'\n".into())])
            .with(ANSWER)
            .stalls()
            .unhealthy("the answer is \"-ERR '…'\", wanted \"+PONG\""),
        row("tcp", "a banner and nothing more", [Send(b"SSH-2.0-x\r\n".into()), Stay])
            .with(BANNER)
            .with(ANSWER)
            .stalls()
            .unhealthy("no answer in 400ms"),
    ]);
    rows
}
