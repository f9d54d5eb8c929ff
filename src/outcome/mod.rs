//! The outcome of a probe, and how it reads. A failure's line has the same bytes as long as its cause is the same, because the
//! kubelet's event recorder and every alert count repeats by exact text: no measured time, no source port in it.

mod cause;
mod json;
mod missing;
mod said;
mod status_list;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::install::Installed;
use crate::text::quoted;
#[cfg(test)]
pub(crate) use cause::kinds;
pub(crate) use cause::{Cause, Clue};
pub(crate) use json::{Found, JsonCause};
pub(crate) use missing::Missing;
pub(crate) use said::{Said, Turn};
pub(crate) use status_list::StatusList;

/// Exit code: healthy, or done.
pub(crate) const EXIT_HEALTHY: u8 = 0;

/// Exit code: a bad answer or none; `--unhealthy-exit` replaces it.
pub(crate) const EXIT_UNHEALTHY: u8 = 1;

/// Exit code: the command line is wrong, nothing was asked (EX_USAGE of sysexits.h).
pub(crate) const EXIT_USAGE: u8 = 64;

/// Exit code: a defect of this program (EX_SOFTWARE of sysexits.h).
pub(crate) const EXIT_DEFECT: u8 = 70;

/// What was asked, as the line and the JSON object name it.
#[derive(Debug)]
pub(crate) struct Subject {
    /// `http`, `tcp`, `grpc`, `file` or `install`.
    pub(crate) handler: &'static str,
    /// The target for JSON: `http://localhost:8080/healthz`.
    pub(crate) target: String,
    /// How the line begins: `http GET http://localhost:8080/healthz`.
    pub(crate) label: String,
}

/// Healthy or unhealthy, with the evidence.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The answer is the wanted one.
    Healthy(Evidence),
    /// It is not, or there was none.
    Unhealthy(Failure),
}

/// What shows that a target is healthy.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// What was seen.
    pub(crate) seen: Seen,
    /// Time from the start of the run to the verdict.
    pub(crate) elapsed: Duration,
    /// The response, where the probe keeps it.
    pub(crate) response: Option<Box<Response>>,
}

/// What is kept of an HTTP response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    /// The status.
    pub(crate) status: u16,
    /// Its head as it came, after those of the redirects that led to it.
    pub(crate) head: Vec<u8>,
    /// The start of its body.
    pub(crate) body: Vec<u8>,
}

/// What a healthy target showed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// An HTTP status in the wanted list, with the origin of a redirect that was not followed.
    Http { status: u16, not_followed: Option<String> },
    /// An accepted connection.
    Connected,
    /// The wanted text in what a server says first.
    Banner,
    /// The wanted text in the answer to what was sent.
    Answer,
    /// A gRPC serving status, or the status code of a call where any answer will do.
    Grpc(String),
    /// A regular file.
    File,
    /// A copy of this binary.
    Installed(Installed),
}

/// Where time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// From a name to addresses.
    Resolve,
    /// Until a connection is accepted.
    Connect,
    /// Until the TLS handshake is done.
    Tls,
    /// Until the request is handed to the kernel.
    Request,
    /// Until the response headers are complete.
    Headers,
    /// Reading the response body.
    Body,
}

impl Phase {
    /// The name in `-v` and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Resolve => "resolve",
            Phase::Connect => "connect",
            Phase::Tls => "tls",
            Phase::Request => "request",
            Phase::Headers => "headers",
            Phase::Body => "body",
        }
    }
}

/// Why a target counts as unhealthy, with the circumstances.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What went wrong.
    pub(crate) cause: Cause,
    /// The address of the connection it happened on.
    pub(crate) peer: Option<SocketAddr>,
    /// True if the server had asked for a client certificate that was not given.
    pub(crate) wants_certificate: bool,
    /// True if a service mesh's sidecar may have ended the connection: it takes what comes for an address that is not
    /// loopback, and refuses what speaks no mutual TLS.
    pub(crate) by_sidecar: bool,
    /// The origin that a redirect had led to.
    pub(crate) hop: Option<String>,
    /// True if this process was kept from running past its deadline.
    pub(crate) held_back: bool,
    /// The start of the response body, where `--show-body` asks for it.
    pub(crate) body: Option<String>,
    /// The response, where there was one and the probe keeps it.
    pub(crate) response: Option<Box<Response>>,
}

impl Failure {
    /// A failure without circumstances.
    pub(crate) fn new(cause: Cause) -> Failure {
        Failure {
            cause,
            peer: None,
            wants_certificate: false,
            by_sidecar: false,
            hop: None,
            held_back: false,
            body: None,
            response: None,
        }
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Failure {
        Failure::new(cause)
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(hop) = &self.hop {
            write!(f, "redirected to {hop}: ")?;
        }
        write!(f, "{}", self.cause)?;
        if let Some(peer) = self.peer.filter(|_| self.cause.leaves_the_peer_open()) {
            write!(f, " (connected to {peer})")?;
        }
        if self.by_sidecar {
            f.write_str(" (not by loopback: a sidecar may have answered)")?;
        }
        if self.wants_certificate {
            f.write_str(" (the server asked for a client certificate: --cert and --key)")?;
        }
        if self.held_back {
            f.write_str(" (this process was not scheduled in time: CPU limit?)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::Http { status, .. } => write!(f, "status {status}"),
            Seen::Connected => f.write_str("connected"),
            Seen::Banner => f.write_str("banner as wanted"),
            Seen::Answer => f.write_str("answer as wanted"),
            Seen::Grpc(status) => f.write_str(status),
            Seen::File => f.write_str("as wanted"),
            Seen::Installed(Installed::Copied(bytes)) => write!(f, "copied, {bytes} bytes"),
            Seen::Installed(Installed::Unchanged) => f.write_str("there already, the same bytes"),
        }
    }
}

impl Seen {
    /// The protocol's own status, as JSON writes it.
    pub(crate) fn status(&self) -> Option<String> {
        match self {
            Seen::Http { status, .. } => Some(status.to_string()),
            Seen::Grpc(status) => Some(quoted(status)),
            Seen::Connected | Seen::Banner | Seen::Answer | Seen::File | Seen::Installed(_) => None,
        }
    }

    /// What a reader should know although all is well.
    pub(crate) fn note(&self) -> Option<String> {
        match self {
            Seen::Http { not_followed: Some(origin), .. } => {
                Some(format!("not followed to {origin}, which is another host name"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn circumstances_stand_around_the_cause() {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        let pod = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 7), 8080));
        let missing = Missing::Head { begun: false };
        let closed = |addr| {
            let cause = Cause::Closed { missing: missing.clone() };
            Failure { peer: Some(addr), ..Failure::new(cause) }
        };
        let limit = Duration::from_millis(900);
        let timeout = Cause::Timeout { missing: missing.clone(), limit };
        let rows = [
            (
                // After a redirect, and a handshake in which the server asked for a certificate.
                Failure { hop: Some("https://localhost:8081".into()), wants_certificate: true, ..closed(loopback) },
                "redirected to https://localhost:8081: connection closed or reset by the peer, no response headers \
                 (connected to 127.0.0.1:8080) (the server asked for a client certificate: --cert and --key)",
            ),
            (
                // A sidecar takes what comes for the pod's address, never for loopback.
                Failure { by_sidecar: true, ..closed(pod) },
                "connection closed or reset by the peer, no response headers (connected to 10.0.0.7:8080) (not by \
                 loopback: a sidecar may have answered)",
            ),
            (
                Failure { held_back: true, peer: Some(loopback), ..Failure::new(timeout) },
                "no response headers in 900ms (connected to 127.0.0.1:8080) (this process was not scheduled in time: CPU limit?)",
            ),
        ];
        for (failure, wanted) in &rows {
            assert_eq!(failure.to_string(), *wanted);
        }
        // Each of them has a row of the page, and the page no other.
        let page = include_str!("../../docs/troubleshooting.md");
        let table = page.split_once("<!-- circumstances -->\n\n").expect("a table").1.split("\n\n").next();
        let listed = table.expect("its end").lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next());
        let mut all = rows.map(|(_, line)| line).concat();
        for circumstance in listed {
            assert!(all.contains(circumstance), "{circumstance}");
            all = all.replace(circumstance, "");
        }
        assert!(!all.contains(['(', ':']), "no row of docs/troubleshooting.md: {all}");
        // A peer that answered tells by its answer who it was.
        let answered = Failure::new(Cause::Status { status: 500, wanted: StatusList::default(), clue: Clue::None });
        let answered = Failure { peer: Some(loopback), ..answered };
        assert_eq!(answered.to_string(), "status 500, wanted 200-399");
    }
}
