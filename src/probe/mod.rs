//! One configured question to one target, a variant for each handler. What all handlers share, the deadline, the
//! connection and the outcome, is theirs to use and not to know about each other.

pub(crate) mod file;
pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod tcp;

use crate::attempt::Attempt;
use crate::outcome::{Evidence, Failure, Outcome, Seen, Subject};

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
