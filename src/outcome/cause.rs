//! Why a target counts as unhealthy: data, never text, since the line, the JSON object and what other programs will
//! want to know are made from it. This is the one place that puts it into words.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::install::InstallCause;
use crate::outcome::{JsonCause, Missing, Phase, Said, StatusList};
use crate::regular_file::Unusable;
use crate::text::{Errno, Length, VALUE_CHARS, quoted, shown};
use crate::tls::{Alpn, TlsCause};
use crate::url::LocationError;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nobody listens on these addresses; none for a unix socket.
    Refused { tried: Vec<SocketAddr> },
    /// The kernel knows no way to these addresses.
    Unreachable { tried: Vec<SocketAddr> },
    /// This host has no such address.
    NoSuchAddress { tried: Vec<SocketAddr> },
    /// An address that is not this host's own.
    NotLocal { ip: std::net::IpAddr },
    /// There is no unix socket at the path.
    NoSocket,
    /// The unix socket may not be connected to.
    Denied,
    /// What is at the path is not a stream socket.
    NotAStream,
    /// Time ran out at this length, and this had not come.
    Timeout { missing: Missing, limit: Duration },
    /// The peer closed or reset the connection, and this had not come. A peer that closes with bytes unread sends a
    /// reset, so which of the two arrives is chance: one cause.
    Closed { missing: Missing },
    /// An HTTP status that is not in the wanted list.
    Status { status: u16, wanted: StatusList, clue: Clue },
    /// The body, or its first 10 KiB, does not hold the text; and how it is compressed, if it is.
    BodyLacks { text: String, cut: bool, coding: Option<String> },
    /// The body is not the wanted JSON.
    Json(Box<JsonCause>),
    /// The response headers exceed 64 KiB.
    HeadersTooLarge,
    /// The response has more than 128 header lines.
    TooManyHeaders,
    /// The answer breaks HTTP/1.1's grammar; which part of it.
    Malformed { part: String },
    /// The answer is HTTP/2's.
    OnlyHttp2,
    /// HTTP/2 was asked for, and the server speaks HTTP/1.1.
    OnlyHttp1,
    /// The answer is no HTTP at all.
    NotHttp,
    /// The server speaks TLS, and was asked plainly.
    SpeaksTls { asked: Alpn },
    /// The server wants the PROXY protocol's header first.
    WantsProxy,
    /// TLS failed.
    Tls(TlsCause),
    /// The tenth redirect.
    TooManyRedirects,
    /// A redirect from https to http where `--cacert` wants the server verified.
    OutOfTls { status: u16 },
    /// A redirect that can't be followed, with its status.
    Location { status: u16, error: LocationError },
    /// A serving status that was not wanted.
    Serving { status: &'static str, wanted: String },
    /// A serving status that grpc.health.v1 does not name.
    UnknownServing { number: i32 },
    /// The server has no health service.
    Unimplemented,
    /// The health service does not know the service name.
    UnknownService,
    /// The call ended with another gRPC status code.
    Code { name: &'static str },
    /// The peer does not speak HTTP/2; what it spoke, where that is known.
    NotHttp2 { instead: Option<&'static str> },
    /// An HTTP/2 server that is no gRPC server, and the HTTP status it gave.
    NotGrpc { status: u16 },
    /// The server closed the connection to new calls (GOAWAY) or gave this call up (RST_STREAM). hyper does not always pass
    /// on the reason that the server gave, so it is never shown.
    TurnedAway { frame: &'static str },
    /// The gRPC answer can't be understood.
    BadGrpc { part: &'static str },
    /// A server said something else than the wanted text.
    Said(Box<Said>),
    /// A path that can't be read as a regular file.
    File(Unusable),
    /// The file was not modified within this length.
    Stale { max_age: Duration },
    /// The file, or its first 64 KiB, does not hold the text.
    FileLacks { text: String, cut: bool },
    /// Nothing was installed.
    Install(InstallCause),
    /// `serve` can't listen at its address.
    NotListening { call: &'static str, errno: i32 },
    /// This host could not even ask.
    System { call: &'static str, errno: i32 },
}

/// What may explain an HTTP status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Clue {
    /// Nothing is known.
    None,
    /// The server may not know this name, which it was sent as `Host`.
    Host(String),
    /// The body says that plain HTTP came to a TLS port.
    SpeaksTls,
}

impl fmt::Display for Clue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Clue::None => Ok(()),
            Clue::Host(host) => write!(f, " (sent Host: {host})"),
            Clue::SpeaksTls => write!(f, "; {}", Cause::SpeaksTls { asked: Alpn::Http1 }),
        }
    }
}

impl Cause {
    /// The cause for a system call that failed by neither the peer's doing nor the clock's.
    pub(crate) fn system(call: &'static str, error: &std::io::Error) -> Cause {
        Cause::System { call, errno: error.raw_os_error().unwrap_or(libc::EIO) }
    }

    /// The word in JSON's `cause`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Cause::Refused { .. } => "refused",
            Cause::Unreachable { .. } => "unreachable",
            Cause::NoSuchAddress { .. } => "no-such-address",
            Cause::NotLocal { .. } => "not-local",
            Cause::NoSocket => "no-socket",
            Cause::Denied => "denied",
            Cause::NotAStream => "not-a-stream",
            Cause::Timeout { .. } => "timeout",
            Cause::Closed { .. } => "closed",
            Cause::Status { .. } => "status",
            Cause::BodyLacks { .. } => "body",
            Cause::Json(cause) => cause.name(),
            Cause::HeadersTooLarge => "headers-too-large",
            Cause::TooManyHeaders => "too-many-headers",
            Cause::Malformed { .. } => "malformed",
            Cause::OnlyHttp2 => "only-http2",
            Cause::OnlyHttp1 => "not-http2",
            Cause::NotHttp => "not-http",
            Cause::SpeaksTls { .. } => "speaks-tls",
            Cause::WantsProxy => "wants-proxy",
            Cause::Tls(cause) => cause.name(),
            Cause::TooManyRedirects => "too-many-redirects",
            Cause::OutOfTls { .. } | Cause::Location { .. } => "location",
            Cause::Serving { .. } | Cause::UnknownServing { .. } => "not-serving",
            Cause::Unimplemented => "unimplemented",
            Cause::UnknownService => "unknown-service",
            Cause::Code { .. } => "grpc-status",
            Cause::NotHttp2 { .. } => "not-http2",
            Cause::NotGrpc { .. } => "not-grpc",
            Cause::TurnedAway { .. } => "turned-away",
            Cause::BadGrpc { .. } => "malformed",
            Cause::Said(said) => said.turn.name(),
            Cause::File(Unusable::Missing) => "not-found",
            Cause::File(Unusable::NotRegular(_)) => "not-regular",
            Cause::File(Unusable::Call(..)) => "unreadable",
            Cause::Stale { .. } => "stale",
            Cause::FileLacks { .. } => "content",
            Cause::Install(cause) => cause.name(),
            Cause::NotListening { .. } | Cause::System { .. } => "system",
        }
    }

    /// The phase it happened in, where one is known.
    pub(crate) fn phase(&self) -> Option<Phase> {
        match self {
            Cause::Refused { .. }
            | Cause::Unreachable { .. }
            | Cause::NoSuchAddress { .. }
            | Cause::NoSocket
            | Cause::Denied
            | Cause::NotAStream => Some(Phase::Connect),
            Cause::NotLocal { .. } => Some(Phase::Resolve),
            Cause::Tls(_) => Some(Phase::Tls),
            Cause::Timeout { missing, .. } | Cause::Closed { missing } => Some(missing.phase()),
            Cause::Status { .. }
            | Cause::HeadersTooLarge
            | Cause::TooManyHeaders
            | Cause::Malformed { .. }
            | Cause::OnlyHttp2
            | Cause::OnlyHttp1
            | Cause::NotHttp
            | Cause::SpeaksTls { .. }
            | Cause::WantsProxy
            | Cause::TooManyRedirects
            | Cause::OutOfTls { .. }
            | Cause::Location { .. }
            | Cause::NotHttp2 { .. }
            | Cause::NotGrpc { .. }
            | Cause::Said(_) => Some(Phase::Headers),
            Cause::BodyLacks { .. } | Cause::Json(_) => Some(Phase::Body),
            _ => None,
        }
    }

    /// The protocol's own status, as JSON writes it.
    pub(crate) fn status(&self) -> Option<String> {
        match self {
            Cause::Status { status, .. }
            | Cause::NotGrpc { status }
            | Cause::OutOfTls { status }
            | Cause::Location { status, .. } => Some(status.to_string()),
            Cause::Serving { status, .. } => Some(quoted(status)),
            Cause::UnknownServing { number } => Some(quoted(&number.to_string())),
            Cause::Unimplemented => Some(quoted("UNIMPLEMENTED")),
            Cause::UnknownService => Some(quoted("NOT_FOUND")),
            Cause::Code { name } => Some(quoted(name)),
            _ => None,
        }
    }

    /// True where a reader has to ask "who was that?": the peer said nothing that would tell.
    pub(super) fn leaves_the_peer_open(&self) -> bool {
        matches!(
            self,
            Cause::Timeout { .. }
                | Cause::Closed { .. }
                | Cause::NotHttp
                | Cause::SpeaksTls { .. }
                | Cause::WantsProxy
                | Cause::Tls(
                    TlsCause::NotTls { .. } | TlsCause::Alert { .. } | TlsCause::Ended { .. } | TlsCause::Broken
                )
                | Cause::NotHttp2 { .. }
                | Cause::OnlyHttp2
                | Cause::OnlyHttp1
                | Cause::TurnedAway { .. }
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Refused { tried } => write!(f, "connection refused{}", Tried(tried)),
            Cause::Unreachable { tried } => write!(f, "network unreachable{}", Tried(tried)),
            Cause::NoSuchAddress { tried } => write!(f, "this host has no such address{}", Tried(tried)),
            Cause::NotLocal { ip } => write!(f, "{ip} is not an address of this host; only this host can be probed"),
            Cause::NoSocket => f.write_str("no such socket"),
            Cause::Denied => f.write_str("permission denied by the socket"),
            Cause::NotAStream => f.write_str("not a stream socket"),
            Cause::Timeout { missing, limit } => {
                write!(f, "{missing} in {}{}", Length(*limit), Tried(missing.tried()))
            }
            Cause::Closed { missing } => write!(f, "connection closed or reset by the peer, {missing}"),
            Cause::Status { status, wanted, clue } => {
                write!(f, "status {status}, wanted {}{clue}", shown(&wanted.to_string(), VALUE_CHARS))
            }
            Cause::BodyLacks { text, cut, coding } => {
                write!(f, "no {} in the body{}", sought(text), if *cut { "'s first 10 KiB" } else { "" })?;
                coding.as_ref().map_or(Ok(()), |coding| write!(f, "; the body is compressed ({coding})"))
            }
            Cause::Json(cause) => cause.fmt(f),
            Cause::HeadersTooLarge => f.write_str("response headers of more than 64 KiB"),
            Cause::TooManyHeaders => f.write_str("more than 128 response header lines"),
            Cause::Malformed { part } => write!(f, "malformed HTTP response: {part}"),
            Cause::OnlyHttp2 => f.write_str(
                "the server speaks HTTP/2 only, wanted HTTP/1.1; --http2 asks it, `grpc` if it is a gRPC server",
            ),
            Cause::OnlyHttp1 => f.write_str("the server speaks HTTP/1.1, not HTTP/2; leave --http2 out to ask it"),
            Cause::NotHttp => f.write_str("the answer is not HTTP"),
            Cause::SpeaksTls { asked } => f.write_str(match asked {
                Alpn::Http1 => "the server speaks TLS; https:// asks it",
                Alpn::Http2 => "the server speaks TLS; --tls asks it",
            }),
            Cause::WantsProxy => {
                f.write_str("the server wants the PROXY protocol's header before HTTP; --proxy-protocol=v1 sends it")
            }
            Cause::Tls(cause) => cause.fmt(f),
            Cause::TooManyRedirects => f.write_str("the tenth redirect, wanted nine at most"),
            Cause::OutOfTls { status } => {
                write!(f, "status {status} leads from https to http, where --cacert can't verify the server")
            }
            Cause::Location { status, error: LocationError::Unreadable } => {
                write!(f, "status {status} with a Location that is no URL")
            }
            Cause::Location { status, error: LocationError::Scheme(scheme) } => {
                write!(f, "status {status} to scheme {}, wanted http or https", quoted(scheme))
            }
            Cause::Serving { status, wanted } => write!(f, "{status}, wanted {}", shown(wanted, VALUE_CHARS)),
            Cause::UnknownServing { number } => {
                write!(f, "serving status {number}, which grpc.health.v1 does not know")
            }
            Cause::Unimplemented => f.write_str("no grpc.health.v1.Health here (UNIMPLEMENTED)"),
            Cause::UnknownService => f.write_str("the health service does not know this service (NOT_FOUND)"),
            Cause::Code { name } => write!(f, "the health check ended with {name}"),
            Cause::NotHttp2 { instead: Some(instead) } => {
                write!(f, "the server speaks {instead}, not HTTP/2, so no gRPC")
            }
            Cause::NotHttp2 { instead: None } => f.write_str("the answer is not HTTP/2, so no gRPC"),
            Cause::NotGrpc { status } => write!(f, "an HTTP/2 server, but not a gRPC one (HTTP status {status})"),
            Cause::TurnedAway { frame } => write!(f, "the server turned the call away ({frame})"),
            Cause::BadGrpc { part } => write!(f, "malformed gRPC response: {part}"),
            Cause::Said(said) => said.fmt(f),
            Cause::File(unusable) => unusable.fmt(f),
            Cause::Stale { max_age } => write!(f, "not modified in the last {}", Length(*max_age)),
            Cause::FileLacks { text, cut } => {
                write!(f, "no {} in the file{}", sought(text), if *cut { "'s first 64 KiB" } else { "" })
            }
            Cause::Install(cause) => cause.fmt(f),
            Cause::NotListening { errno: libc::EADDRINUSE, .. } => {
                f.write_str("address in use, another process listens there")
            }
            Cause::NotListening { call, errno } => write!(f, "could not listen: {call} gave {}", Errno(*errno)),
            Cause::System { call, errno } => write!(f, "could not ask: {call} gave {}", Errno(*errno)),
        }
    }
}

/// A text that was looked for, in quotes; line ends and tabs in it become blanks.
fn sought(text: &str) -> String {
    quoted(&text.replace(char::is_control, " "))
}

/// The addresses that a name led to, in brackets; nothing if there are none.
struct Tried<'a>(&'a [SocketAddr]);

impl fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, addr) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { " (" } else { ", " })?;
            match addr {
                SocketAddr::V4(addr) => write!(f, "{}", addr.ip())?,
                SocketAddr::V6(addr) => write!(f, "[{}]", addr.ip())?,
            }
        }
        if self.0.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// Names the variants of an enum for its table of examples: a match without `_`, so that a new variant is named here
/// before anything compiles, and a list of the names, each of which the table must hold.
#[cfg(test)]
macro_rules! kinds {
    ($of:ty: $($kind:pat => $name:literal,)*) => {
        const KINDS: &[&str] = &[$($name),*];

        fn kind(of: &$of) -> &'static str {
            match of {
                $($kind => $name,)*
            }
        }
    };
}
#[cfg(test)]
pub(crate) use kinds;

#[cfg(test)]
mod tests;
