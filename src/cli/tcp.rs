//! What the options of `tcp` mean.

use crate::cli::line::Line;
use crate::cli::usage::{Complaint, Named};
use crate::cli::{flags, values};
use crate::connection::Proxy;
use crate::probe::Probe;
use crate::probe::tcp::{Conversation, TcpProbe, Text};
use crate::target::{Target, UnixSocket};
use crate::word::{Word, Wrong};

pub(super) fn understand(line: &mut Line<'_>) -> Option<Probe> {
    let is_given = [&flags::EXPECT_BANNER, &flags::SEND, &flags::EXPECT].map(|flag| line.is_given(flag));
    let conversation = is_given.contains(&true).then(|| conversation(line, is_given));
    let proxy = proxy(line);
    let target = target(line, Target::parse)?;
    Some(Probe::Tcp(TcpProbe { target, proxy, conversation: conversation.map(Box::new) }))
}

#[inline(never)] // a plain probe holds none
fn conversation(line: &mut Line<'_>, [_, sends, expects]: [bool; 3]) -> Conversation {
    let banner = line.word(&flags::EXPECT_BANNER, Text::parse);
    let sent = line.word(&flags::SEND, Text::parse);
    let wanted = line.word(&flags::EXPECT, Text::parse);
    match (sends, expects) {
        (true, false) => line.complain(Complaint::of(Named::Ours("--send"), "wanted --expect as well")),
        (false, true) => {
            let why = "wanted --send as well; what the server says first is --expect-banner";
            line.complain(Complaint::of(Named::Ours("--expect"), why));
        }
        _ => {}
    }
    Conversation { banner, exchange: sent.zip(wanted) }
}

/// The header of `--proxy-protocol`.
pub(super) fn proxy(line: &mut Line<'_>) -> Option<Proxy> {
    if line.is_given(&flags::PROXY_PROTOCOL) { line.option(&flags::PROXY_PROTOCOL, values::proxy) } else { None }
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
