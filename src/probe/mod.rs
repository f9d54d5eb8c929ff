//! One configured question to one target, a variant for each handler. What all handlers share, the deadline, the
//! connection and the outcome, is theirs to use and not to know about each other.

pub(crate) mod file;
pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod tcp;

use crate::attempt::Attempt;
use crate::outcome::{Evidence, Failure, Outcome, Seen, Subject};
use crate::target::Target;

/// A question, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) enum Probe {
    /// One HTTP request, and those that redirects add.
    Http(Box<http::HttpProbe>),
    /// One TCP connection, or one to a unix socket.
    Tcp(tcp::TcpProbe),
    /// One `grpc.health.v1.Health/Check`.
    Grpc(Box<grpc::GrpcProbe>),
    /// One look at a file.
    File(file::FileProbe),
}

/// Stands for words that are not shown.
const HIDDEN: &str = "…";

/// A probe may be asked on any thread.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Probe>();
};

impl Probe {
    /// Asks. The verdict is there by the deadline; what follows it is polite leaving, 20 ms at the most.
    pub(crate) fn run(&self, attempt: Attempt) -> Outcome {
        // Each handler takes the time as its verdict is known, before it leaves.
        let asked = match self {
            Probe::Http(probe) => probe.run(attempt),
            Probe::Tcp(probe) => probe.run(attempt),
            Probe::Grpc(probe) => probe.run(attempt),
            Probe::File(probe) => probe.run(attempt),
        };
        match asked {
            Ok(evidence) => Outcome::Healthy(evidence),
            Err(failure) => Outcome::Unhealthy(failure),
        }
    }

    /// Makes lines show no more of what was typed than host and port: the words may hold secrets.
    pub(crate) fn hide_words(&mut self) {
        let hide = |target: &mut Target| {
            if let Target::Unix(socket) = target {
                socket.shown = HIDDEN.to_owned();
            }
        };
        match self {
            Probe::Http(probe) => {
                probe.url.hide_path();
                if let Some(socket) = &mut probe.unix_socket {
                    socket.shown = HIDDEN.to_owned();
                }
                if let Some(host) = &mut probe.host {
                    host.shown = Some(HIDDEN.to_owned());
                }
            }
            Probe::Tcp(probe) => hide(&mut probe.target),
            Probe::Grpc(probe) => {
                hide(&mut probe.target);
                if !probe.shown_service.is_empty() {
                    probe.shown_service = HIDDEN.to_owned();
                }
            }
            Probe::File(probe) => probe.shown = HIDDEN.to_owned(),
        }
    }

    /// How the line and the JSON object name this probe.
    pub(crate) fn subject(&self) -> Subject {
        let (handler, target, label) = match self {
            Probe::Http(probe) => {
                let target = probe.url.to_string();
                let label = probe.label(&target);
                ("http", target, label)
            }
            Probe::Tcp(probe) => ("tcp", probe.target.to_string(), format!("tcp {}", probe.target)),
            Probe::Grpc(probe) => ("grpc", probe.target.to_string(), probe.label()),
            Probe::File(probe) => ("file", probe.shown.clone(), format!("file {}", probe.shown)),
        };
        Subject { handler, target, label }
    }
}

/// A healthy answer, at this moment.
fn healthy(seen: Seen, attempt: Attempt) -> Result<Evidence, Failure> {
    Ok(Evidence { seen, elapsed: attempt.deadline.elapsed(), response: None })
}
