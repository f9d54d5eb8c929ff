//! What one attempt at a probe is given: the instant to end by, and where to report its phases.

use std::time::Duration;

use crate::deadline::Deadline;
use crate::outcome::{Cause, Failure, Missing};
use crate::output::Narrator;

/// One attempt. Every handler gets one and passes it to whatever waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// The one deadline.
    pub(crate) deadline: Deadline,
    /// How long it may take until a connection is accepted, where that has a limit of its own.
    pub(crate) connect: Option<Duration>,
    /// `-v`.
    pub(crate) narrator: Narrator,
}

impl Attempt {
    /// The attempt as far as connecting goes.
    pub(crate) fn connecting(self) -> Attempt {
        let deadline = self.connect.map_or(self.deadline, |limit| self.deadline.limited(limit));
        Attempt { deadline, ..self }
    }

    /// The failure of an attempt whose time is over before there is a connection.
    pub(crate) fn timed_out(self, missing: Missing) -> Failure {
        let cause = Cause::Timeout { missing, limit: self.deadline.limit() };
        Failure { held_back: self.deadline.was_held_back(), ..Failure::new(cause) }
    }
}
