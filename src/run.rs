//! One run: probes in order under one deadline. The first one that fails ends it.

use std::time::Instant;

use crate::attempt::Attempt;
use crate::cli::Settings;
use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::output::Narrator;
use crate::probe::Probe;
use crate::report::{Asked, Verdict};

/// Asks `probes`, at least one, until one of them fails. `started` is the instant that the deadline counts from.
pub(crate) fn ask(probes: &[Probe], settings: &Settings, started: Instant) -> Verdict {
    let deadline = Deadline::new(started, settings.timeout);
    let narrator = Narrator { is_verbose: settings.verbose, format: settings.output };
    for note in &settings.notes {
        narrator.note(format_args!("{note}"));
    }
    let attempt = Attempt { deadline, narrator };
    let mut asked = Vec::with_capacity(probes.len());
    let mut elapsed = deadline.elapsed();
    for probe in probes {
        let outcome = probe.run(attempt);
        let is_healthy = match &outcome {
            // The handler took the time as its verdict was known, before it left.
            Outcome::Healthy(evidence) => {
                elapsed = evidence.elapsed;
                true
            }
            Outcome::Unhealthy(_) => {
                elapsed = deadline.elapsed();
                false
            }
        };
        asked.push(Asked { subject: probe.subject(), outcome });
        if !is_healthy {
            break;
        }
    }
    Verdict { asked, elapsed }
}
