//! The tcp handler: healthy once a connection is accepted, as the kubelet's `tcpSocket`. It never says a word, and
//! leaves at once; a server that speaks first may see a reset.

use crate::attempt::Attempt;
use crate::connection::Connection;
use crate::outcome::{Evidence, Failure, Seen};
use crate::probe::healthy;
use crate::target::Target;

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct TcpProbe {
    /// Whom to connect to.
    pub(crate) target: Target,
}

impl TcpProbe {
    /// Connects and leaves.
    pub(crate) fn run(&self, attempt: Attempt) -> Result<Evidence, Failure> {
        let mut connection = Connection::open(&self.target, None, attempt)?;
        let evidence = healthy(Seen::Connected, attempt);
        connection.leave();
        evidence
    }
}
