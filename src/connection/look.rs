//! A second look at a server that ended a plain connection without a word: what does it speak, or what does it want
//! first? Each question is a connection of its own, since the first one is gone. Nothing here changes a verdict: it
//! only finds the line that names the cause, within the deadline and within a bound of its own.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::attempt::Attempt;
use crate::connection::limited::Limited;
use crate::connection::spoken::{is_settings, is_tls_record};
use crate::connection::{Connection, Place, Proxy, dial};
use crate::output::Narrator;
use crate::tls::{Alpn, Tls};

/// How long all looks together may take. On one host, a server that is well answers each within a millisecond.
const LOOK: Duration = Duration::from_millis(300);

/// HTTP/2's preface and a SETTINGS frame without settings (RFC 9113, section 3.4).
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A request that every HTTP/1.1 server refuses by a response of its own, before the application sees it: it has no
/// `Host` (RFC 9112, section 3.2). An HTTP/2 server sees by its first 24 bytes, the length of a preface, what it is not.
const HTTP1: &[u8] = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n";

/// A request as a proxy hands it on, without the addresses of a client (the PROXY protocol, section 2.1).
const PROXIED: &[u8] = b"PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// How much of an answer tells what it is: a TLS record up to its first message's type, a frame's header, a status line
/// up to its status.
const RECORD: u64 = 6;
const FRAME: u64 = 9;
const STATUS: u64 = 12;

/// What a server is known to speak, or to want, in place of plain HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    /// TLS.
    Tls,
    /// HTTP/2, and no HTTP/1.1.
    Http2,
    /// HTTP/1.1, where HTTP/2 was spoken.
    Http1,
    /// The PROXY protocol's header, before HTTP.
    Proxy,
}

impl Connection {
    /// What the server speaks or wants in place of plain HTTP/1.1, or of plain HTTP/2 where `asked` says that, as far
    /// as it is certain. For a connection that ended without an answer that can be read; it is left first, as a server
    /// may serve one client at a time.
    #[inline(never)] // for failures only
    pub(crate) fn wanted_instead(&mut self, asked: Alpn) -> Option<Instead> {
        let look = self.look_again()?;
        if look.speaks_tls(asked) {
            return Some(Instead::Tls);
        }
        if asked == Alpn::Http2 {
            return look.gets(HTTP1, STATUS, is_status_line).then_some(Instead::Http1);
        }
        // A server that answers HTTP/1.1 as well has ended this one connection for another reason.
        let has_no_http1 = || look.ask(HTTP1, STATUS).is_some_and(|answer| !answer.starts_with(b"HTTP/"));
        if look.gets(HTTP2, FRAME, is_settings) {
            has_no_http1().then_some(Instead::Http2)
        } else if self.proxy.is_none() && look.gets(PROXIED, STATUS, is_served) {
            has_no_http1().then_some(Instead::Proxy)
        } else {
            None
        }
    }

    /// None where nothing can be learnt: TLS was spoken, and what is not on loopback may be a sidecar's answer, which
    /// speaks TLS to everybody and is not who was asked.
    fn look_again(&mut self) -> Option<Look> {
        if self.session.is_some() || !self.is_loopback {
            return None;
        }
        self.leave();
        let attempt =
            Attempt { deadline: self.line.deadline.at_most(LOOK), connect: None, narrator: Narrator::SILENT };
        Some(Look { place: self.place.clone(), proxy: self.proxy, attempt })
    }
}

/// A place to ask again, and the time for it.
struct Look {
    place: Place,
    proxy: Option<Proxy>,
    attempt: Attempt,
}

impl Look {
    fn speaks_tls(&self, alpn: Alpn) -> bool {
        let mut hello = Vec::new();
        let said = Tls::default().session("localhost", alpn).map(|mut session| {
            let _ = session.connection.write_tls(&mut hello);
        });
        said.is_ok() && self.gets(&hello, RECORD, is_tls_answer)
    }

    fn gets(&self, question: &[u8], most: u64, is_it: fn(&[u8]) -> bool) -> bool {
        self.ask(question, most).is_some_and(|answer| is_it(&answer))
    }

    /// What comes back for a question, `most` bytes of it; none where that can't be known, as time is over or nobody
    /// listens any more.
    fn ask(&self, question: &[u8], most: u64) -> Option<Vec<u8>> {
        if self.attempt.deadline.has_passed() {
            return None;
        }
        let socket = match &self.place {
            Place::Unix(addr) => dial::unix(addr, self.attempt).ok()?,
            Place::Tcp(addr) => dial::tcp(&[*addr], false, self.attempt).ok()?.socket,
        };
        let mut line = Limited::new(socket, self.attempt.deadline);
        // A server that does not like the question may be gone before it is written: then reading tells.
        let _ = self.proxy.map_or(Ok(()), |proxy| proxy.introduce(&mut line));
        let _ = line.write_all(question);
        let mut answer = Vec::new();
        match line.take(most).read_to_end(&mut answer) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => None,
            _ => Some(answer),
        }
    }
}

/// True for a server's half of a handshake, or its alert. A server that sends back whatever it gets sends a hello.
fn is_tls_answer(answer: &[u8]) -> bool {
    is_tls_record(answer) && (answer.first() == Some(&21) || answer.get(5) == Some(&2))
}

fn is_status_line(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.")
}

/// True for a status line that says more than that the request was not understood: a server that does not know
/// the PROXY protocol takes its header for a request.
fn is_served(answer: &[u8]) -> bool {
    is_status_line(answer)
        && answer.get(9..12).is_some_and(|status| ![b"400", b"405", b"501", b"505"].iter().any(|bad| status == *bad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let rows: [(&[u8], bool, bool); 10] = [
            (b"", false, false),
            (&[21, 3, 3, 0, 2, 2, 40], true, false),
            (&[22, 3, 3, 0, 90, 2], true, false),
            (&[22, 3, 1, 0, 90, 1], false, false),
            (&[22, 3], false, false),
            (b"HTTP/1.1 200 OK", false, true),
            (b"HTTP/1.0 503 X", false, true),
            (b"HTTP/1.1 400 Bad", false, false),
            (b"HTTP/1.1 501 X", false, false),
            (b"HTTP/1.1", false, false),
        ];
        for (answer, is_tls, is_http) in rows {
            assert_eq!((is_tls_answer(answer), is_served(answer)), (is_tls, is_http), "{answer:?}");
        }
    }
}
