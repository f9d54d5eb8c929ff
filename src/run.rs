//! One run: probes in order under one deadline. The first one that fails ends it.

use std::time::{Duration, Instant};

use crate::attempt::Attempt;
use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::output::Telling;
use crate::probe::Probe;
use crate::report::{Asked, Verdict};

/// What is asked, how long that may take, and what is told of it.
#[derive(Debug)]
pub(crate) struct Run {
    /// At least one.
    pub(crate) probes: Vec<Probe>,
    /// How long it may take.
    pub(crate) limits: Limits,
    /// The exit code for unhealthy.
    pub(crate) unhealthy_exit: u8,
    /// What is printed.
    pub(crate) telling: Telling,
}

/// How long a run may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The limit of all probes together.
    pub(crate) timeout: Duration,
    /// How long each connection may take, where that is less.
    pub(crate) connect: Option<Duration>,
}

impl Run {
    /// Asks until a probe fails. `started` is the instant that the deadline counts from.
    pub(crate) fn ask(&self, started: Instant) -> Verdict {
        let deadline = Deadline::new(started, self.limits.timeout);
        let attempt = Attempt { deadline, connect: self.limits.connect, narrator: self.telling.narrator() };
        let mut asked = Vec::with_capacity(self.probes.len());
        for probe in &self.probes {
            let outcome = probe.run(attempt);
            // A handler takes the time of a healthy answer as its verdict is known, before it leaves.
            let (is_healthy, elapsed) = match &outcome {
                Outcome::Healthy(evidence) => (true, evidence.elapsed),
                Outcome::Unhealthy(_) => (false, deadline.elapsed()),
            };
            asked.push(Asked { subject: probe.subject(), outcome });
            if !is_healthy || asked.len() == self.probes.len() {
                return Verdict { asked, elapsed };
            }
        }
        Verdict { asked, elapsed: deadline.elapsed() }
    }
}
