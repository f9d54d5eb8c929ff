//! One run: probes in order under one deadline, the first one that fails ends it. With `--wait` it is tried again until
//! it is healthy or the wait is over.

use std::time::{Duration, Instant};

use crate::attempt::Attempt;
use crate::deadline::Deadline;
use crate::outcome::{Cause, Outcome};
use crate::output::Telling;
use crate::probe::Probe;
use crate::report::{Asked, Verdict};
use crate::signals;
pub(crate) use crate::then::Then;

/// The shortest time from the start of one try to that of the next.
const PACE: Duration = Duration::from_millis(250);

/// What is asked, how long that may take, what is printed of it, and what follows.
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
    /// What this process becomes once all is healthy.
    pub(crate) then: Option<Then>,
}

/// How long a run may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The limit of all probes together, in each try.
    pub(crate) timeout: Duration,
    /// How long each connection may take, where that is less.
    pub(crate) connect: Option<Duration>,
    /// How long to try.
    pub(crate) wait: Option<Duration>,
}

impl Run {
    /// Asks until a probe fails, and again as long as there is time to wait. `started` is the instant that the limits
    /// count from. `renew` gives the probes anew for another try, from files that may have changed; none if they can't be
    /// read at this moment.
    pub(crate) fn ask(&self, started: Instant, renew: &dyn Fn() -> Option<Vec<Probe>>) -> Verdict {
        let narrator = self.telling.narrator();
        let Limits { timeout, connect, wait } = self.limits;
        let attempt = |deadline| Attempt { deadline, connect, narrator };
        let Some(wait) = wait else { return ask(&self.probes, attempt(Deadline::new(started, timeout))) };
        signals::end_at_once();
        let over = Deadline::new(started, wait);
        let mut begun = started;
        let mut renewed: Option<Vec<Probe>> = None;
        let mut whole: Option<Verdict> = None;
        loop {
            let probes = renewed.as_ref().unwrap_or(&self.probes);
            let is_cut = over.left() < timeout;
            let verdict = ask(probes, attempt(Deadline::new(begun, timeout.min(wait)).at_most(over.left())));
            if verdict.is_healthy() || verdict.not_local().is_some() {
                return Verdict { elapsed: over.elapsed(), ..verdict };
            }
            // A try that the end of the wait cut short says less than the whole one before it.
            let is_less = is_cut && verdict.is_late();
            whole = whole.filter(|_| is_less).or(Some(verdict));
            let pause = PACE.saturating_sub(begun.elapsed());
            std::thread::sleep(pause.min(over.left()));
            if let Some(verdict) = whole.take_if(|_| over.has_passed()) {
                return Verdict { waited: Some(wait), elapsed: over.elapsed(), ..verdict };
            }
            begun = Instant::now();
            renewed = renew().or(renewed);
        }
    }
}

/// Asks the probes once, in order, until one fails.
fn ask(probes: &[Probe], attempt: Attempt) -> Verdict {
    let deadline = attempt.deadline;
    let mut asked = Vec::with_capacity(probes.len());
    for probe in probes {
        let outcome = probe.run(attempt);
        // A handler takes the time of a healthy answer as its verdict is known, before it leaves.
        let (is_healthy, elapsed) = match &outcome {
            Outcome::Healthy(evidence) => (true, evidence.elapsed),
            Outcome::Unhealthy(_) => (false, deadline.elapsed()),
        };
        asked.push(Asked { subject: probe.subject(), outcome });
        if !is_healthy || asked.len() == probes.len() {
            return Verdict { asked, elapsed, waited: None };
        }
    }
    Verdict { asked, elapsed: deadline.elapsed(), waited: None }
}

impl Verdict {
    /// True if it failed because time was over.
    fn is_late(&self) -> bool {
        self.asked.iter().any(|asked| match &asked.outcome {
            Outcome::Unhealthy(failure) => matches!(failure.cause, Cause::Timeout { .. }),
            Outcome::Healthy(_) => false,
        })
    }
}
