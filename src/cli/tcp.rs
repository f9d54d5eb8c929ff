//! What the options of `tcp` mean.

use crate::cli::flags;
use crate::cli::line::Line;
use crate::cli::usage::Complaint;
use crate::probe::Probe;
use crate::probe::tcp::TcpProbe;
use crate::target::{Target, UnixSocket};
use crate::word::{Word, Wrong};

pub(super) fn understand(line: &mut Line<'_>) -> Option<Probe> {
    let target = target(line, Target::parse)?;
    Some(Probe::Tcp(TcpProbe { target }))
}

/// TARGET, or the socket of `--unix-socket` in its place.
pub(super) fn target(line: &mut Line<'_>, parse: impl FnOnce(&Word) -> Result<Target, Wrong>) -> Option<Target> {
    let is_given = line.is_given(&flags::UNIX_SOCKET);
    let socket = line.word(&flags::UNIX_SOCKET, UnixSocket::parse);
    if !is_given {
        return line.target(parse);
    }
    if line.has_operand() {
        line.complain(Complaint::ours("--unix-socket and TARGET contradict each other; wanted one of them"));
    }
    socket.map(Target::Unix)
}
