//! The tcp handler: healthy once a connection is accepted, as the kubelet's `tcpSocket`. It says a word only where the
//! options name one, and leaves at once; a server that speaks first may see a reset.

mod conversation;

use crate::attempt::Attempt;
use crate::connection::{Connection, Proxy};
use crate::outcome::{Evidence, Failure, Seen};
use crate::probe::healthy;
use crate::target::Target;
pub(crate) use conversation::{Conversation, Text};

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct TcpProbe {
    /// Whom to connect to.
    pub(crate) target: Target,
    /// The header that comes first.
    pub(crate) proxy: Option<Proxy>,
    /// What is said over it, where an accepted connection is not enough.
    pub(crate) conversation: Option<Box<Conversation>>,
}

impl TcpProbe {
    /// Connects, and leaves once all is heard.
    pub(crate) fn run(&self, attempt: Attempt) -> Result<Evidence, Failure> {
        let mut connection = Connection::open(&self.target, self.proxy, None, attempt)?;
        let seen = match &self.conversation {
            None => Seen::Connected,
            Some(conversation) => conversation.hold(&mut connection)?,
        };
        let evidence = healthy(seen, attempt);
        connection.leave();
        evidence
    }
}
