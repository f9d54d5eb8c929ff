//! The one line, and the body that `--show-body` puts on a second.

use crate::outcome::{Evidence, Outcome};
use crate::report::{Asked, Verdict};
use crate::text::Measured;

/// The line of a verdict, without its line end: the first failure's, or all that is healthy.
pub(super) fn lines(verdict: &Verdict) -> String {
    match verdict.asked.as_slice() {
        [only] => line(only, verdict),
        all => match all.iter().find(|asked| matches!(asked.outcome, Outcome::Unhealthy(_))) {
            Some(failed) => line(failed, verdict),
            None => {
                let parts: Vec<String> = all.iter().map(part).collect();
                format!("{} probes: {} ({})", all.len(), parts.join("; "), Measured(verdict.elapsed))
            }
        },
    }
}

fn line(Asked { subject, outcome }: &Asked, verdict: &Verdict) -> String {
    let label = &subject.label;
    match outcome {
        Outcome::Healthy(evidence) => {
            format!("{label}: {} ({}){}", evidence.seen, Measured(verdict.elapsed), note(evidence))
        }
        Outcome::Unhealthy(failure) => {
            let body = failure.body.as_ref().map_or_else(String::new, |body| format!("\nbody: {body}"));
            format!("{label}: {failure}{body}")
        }
    }
}

/// A healthy probe among several.
fn part(Asked { subject, outcome }: &Asked) -> String {
    match outcome {
        Outcome::Healthy(evidence) => format!("{}: {}{}", subject.label, evidence.seen, note(evidence)),
        Outcome::Unhealthy(failure) => format!("{}: {failure}", subject.label),
    }
}

fn note(evidence: &Evidence) -> String {
    evidence.seen.note().map_or_else(String::new, |note| format!(", {note}"))
}
