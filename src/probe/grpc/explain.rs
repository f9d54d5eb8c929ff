//! Why a call ended without a status of the server's. The libraries' own word for nearly everything below gRPC is
//! "unknown", so the cause is found from what was seen: the first bytes, how the connection ended, and which library
//! complained. The test holds the table.

use std::error::Error as _;
use std::io;

use tonic::{Code, Status};

use crate::connection::{Connection, Instead, Spoken};
use crate::http2::Complaint;
use crate::outcome::{Cause, Failure, Missing};
use crate::probe::grpc::service::Heard;
use crate::tls::Alpn;

/// What was seen of a call that ended without a status of the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// What the first bytes are.
    spoken: Spoken,
    /// Whether the head of a gRPC response had come.
    has_head: bool,
    /// What HTTP/2 says of the end, where it was not the connection's own.
    http2: Option<Complaint>,
    /// How the connection ended, if it did.
    ended: Option<io::ErrorKind>,
    /// Who gave the call up.
    by: By,
}

/// Who gave a call up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// hyper, before the call was sent.
    Unsent,
    /// hyper, on the way.
    Hyper,
    /// tonic, which takes offence at an answer that came whole, with this code.
    Tonic(Code),
}

/// The failure of a call that ended without a status of the server's.
pub(super) fn explain(error: &Status, heard: Heard, connection: &mut Connection) -> Failure {
    let failure = at_first_sight(error, heard, connection);
    if !is_looked_at_again(&failure.cause, connection) {
        return failure;
    }
    match connection.wanted_instead(Alpn::Http2) {
        Some(Instead::Tls) => connection.fails(Cause::SpeaksTls { asked: Alpn::Http2 }),
        Some(Instead::Http1) => connection.fails(Cause::NotHttp2 { instead: Some("HTTP/1.1") }),
        _ => failure,
    }
}

/// True where a second look may tell more. A TLS port that is asked in plain is closed without a word by grpcio, grpclib
/// and Go, and answers with status 400 in HTTP/1.1 at nginx and others. A server of HTTP/1.1 may close as well, or answer
/// without a status line, as Python's does.
fn is_looked_at_again(cause: &Cause, connection: &Connection) -> bool {
    match cause {
        Cause::Closed { missing: Missing::Answer { begun: false } } => true,
        Cause::NotHttp2 { instead: None } => true,
        Cause::NotHttp2 { instead: Some(_) } => connection.first().get(9..12) == Some(b"400"),
        _ => false,
    }
}

/// The failure by what was seen on this connection alone.
fn at_first_sight(error: &Status, heard: Heard, connection: &Connection) -> Failure {
    let missing = Missing::Answer { begun: connection.has_begun() };
    if connection.has_tls_failed() {
        return connection.failure(&io::ErrorKind::InvalidData.into(), missing);
    }
    let http2 = Complaint::within(error);
    let mut by = By::Tonic(error.code());
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return connection.fails(failure.cause.clone());
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            let is_unsent = by == By::Unsent || error.is_canceled() || error.is_closed();
            by = if is_unsent { By::Unsent } else { By::Hyper };
        }
        source = error.source();
    }
    let has_head = heard != Heard::Nothing;
    let seen = Seen { spoken: connection.spoken(), has_head, http2, ended: connection.ended(), by };
    match seen.cause() {
        Ok(cause) => connection.fails(cause),
        Err(kind) => connection.failure(&kind.into(), missing),
    }
}

impl Seen {
    /// The cause, or how the connection ended where that is all there is to say.
    fn cause(self) -> Result<Cause, io::ErrorKind> {
        Ok(match (self.spoken, self.http2, self.ended, self.by) {
            (Spoken::Http1, ..) => Cause::NotHttp2 { instead: Some("HTTP/1.1") },
            (Spoken::Tls, ..) => Cause::SpeaksTls { asked: Alpn::Http2 },
            (Spoken::Other, ..) => Cause::NotHttp2 { instead: None },
            // What is wrong with what came does not depend on what became of the connection.
            (_, Some(Complaint::GoneAway), ..) => Cause::TurnedAway { frame: "GOAWAY" },
            (_, Some(Complaint::Reset), ..) => Cause::TurnedAway { frame: "RST_STREAM" },
            (_, Some(Complaint::Unacceptable), ..) if !self.has_head => {
                Cause::BadGrpc { part: "response headers that HTTP/2 does not accept" }
            }
            (_, Some(Complaint::Unacceptable), ..) => {
                Cause::BadGrpc { part: "a wrong content-length, or trailers that HTTP/2 does not accept" }
            }
            (_, Some(Complaint::Broken), ..) => Cause::BadGrpc { part: "HTTP/2 is broken" },
            (_, None, Some(kind), By::Unsent | By::Hyper) => return Err(kind),
            // Dropped before it was sent, on a connection that is open: the server had said goodbye.
            (_, None, None, By::Unsent) => Cause::TurnedAway { frame: "GOAWAY" },
            (_, None, None, By::Hyper) => Cause::BadGrpc { part: "no message that can be read" },
            (_, None, _, By::Tonic(code)) => Cause::BadGrpc {
                part: match code {
                    Code::OutOfRange => "a message of more than 4 KiB",
                    Code::Unknown => "no grpc-status",
                    _ => "no message that can be read",
                },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_tells_the_cause() {
        let ended = Some(io::ErrorKind::UnexpectedEof);
        let closed = Err(io::ErrorKind::UnexpectedEof);
        let away = |frame| Ok(Cause::TurnedAway { frame });
        let bad = |part| Ok(Cause::BadGrpc { part });
        let http1 = Ok(Cause::NotHttp2 { instead: Some("HTTP/1.1") });
        let unreadable = By::Tonic(Code::Internal);
        let rows = [
            // The first bytes outweigh what HTTP/2 made of them.
            (Spoken::Http1, Some(Complaint::Broken), ended, By::Hyper, http1),
            (Spoken::Tls, Some(Complaint::Broken), ended, By::Hyper, Ok(Cause::SpeaksTls { asked: Alpn::Http2 })),
            (Spoken::Other, Some(Complaint::Broken), None, By::Hyper, Ok(Cause::NotHttp2 { instead: None })),
            // What HTTP/2 found outweighs how the connection ended.
            (Spoken::Http2, Some(Complaint::GoneAway), ended, By::Unsent, away("GOAWAY")),
            (Spoken::Http2, Some(Complaint::Reset), None, By::Hyper, away("RST_STREAM")),
            (Spoken::Http2, Some(Complaint::Broken), ended, By::Hyper, bad("HTTP/2 is broken")),
            (Spoken::Nothing, None, ended, By::Unsent, closed.clone()),
            (Spoken::Http2, None, ended, By::Hyper, closed),
            (Spoken::Http2, None, None, By::Unsent, away("GOAWAY")),
            (Spoken::Http2, None, None, By::Hyper, bad("no message that can be read")),
            // What tonic found stays wrong, however the connection ended.
            (Spoken::Http2, None, ended, By::Tonic(Code::OutOfRange), bad("a message of more than 4 KiB")),
            (Spoken::Http2, None, None, By::Tonic(Code::Unknown), bad("no grpc-status")),
            (Spoken::Http2, None, None, unreadable, bad("no message that can be read")),
        ];
        for (spoken, http2, ended, by, wanted) in rows {
            let seen = Seen { spoken, has_head: false, http2, ended, by };
            assert_eq!(seen.cause(), wanted, "{seen:?}");
        }
        let seen = Seen {
            spoken: Spoken::Http2,
            has_head: false,
            http2: Some(Complaint::Unacceptable),
            ended,
            by: By::Hyper,
        };
        assert_eq!(seen.cause(), bad("response headers that HTTP/2 does not accept"));
        let seen = Seen { has_head: true, ..seen };
        assert_eq!(seen.cause(), bad("a wrong content-length, or trailers that HTTP/2 does not accept"));
    }
}
