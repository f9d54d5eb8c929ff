//! What one attempt at a probe is given: the instant to end by, and where to report its phases.

use crate::deadline::Deadline;
use crate::output::Narrator;

/// One attempt. Every handler gets one and passes it to whatever waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// The one deadline.
    pub(crate) deadline: Deadline,
    /// `-v`.
    pub(crate) narrator: Narrator,
}
