//! One deadline for the whole run. The kubelet drops the output of a probe that outlives `timeoutSeconds`, so the
//! instant is fixed before anything else and every blocking call asks for what is left. There is no limit per read:
//! a server that drips one byte a second must still fail on time.

use std::time::{Duration, Instant};

/// How much later than the deadline a process may wake before it says that it was held back: one period of the
/// kernel's CPU bandwidth control (`cpu.cfs_period_us`, 100 ms), which a throttled container waits for.
const HELD_BACK: Duration = Duration::from_millis(100);

/// The shortest wait that the kernel takes for a limit; zero would mean none at all.
const SHORTEST: Duration = Duration::from_micros(1);

/// The instant by which a run must have its verdict, and the length that messages call it by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    started: Instant,
    ends_after: Duration,
    limit: Duration,
}

impl Deadline {
    /// Counts `limit` from `started`, the first statement of main.
    pub(crate) fn new(started: Instant, limit: Duration) -> Self {
        Deadline { started, ends_after: limit, limit }
    }

    /// The length the user gave, which stays the same where the deadline is shortened: messages repeat it.
    pub(crate) fn limit(self) -> Duration {
        self.limit
    }

    /// Time since the run started.
    pub(crate) fn elapsed(self) -> Duration {
        self.started.elapsed()
    }

    /// What is left, zero once the instant has passed.
    pub(crate) fn left(self) -> Duration {
        self.ends_after.saturating_sub(self.elapsed())
    }

    /// True once nothing is left.
    pub(crate) fn has_passed(self) -> bool {
        self.left().is_zero()
    }

    /// What is left, as a limit for a socket: never zero, which the kernel reads as "no limit".
    pub(crate) fn left_for_socket(self) -> Duration {
        self.left().max(SHORTEST)
    }

    /// A deadline `length` from now, or this one where it comes first.
    pub(crate) fn at_most(self, length: Duration) -> Deadline {
        Deadline { ends_after: self.ends_after.min(self.elapsed().saturating_add(length)), ..self }
    }

    /// A deadline `limit` from now that messages call so, or this one where it comes first.
    pub(crate) fn limited(self, limit: Duration) -> Deadline {
        if limit < self.left() { Deadline { limit, ..self.at_most(limit) } } else { self }
    }

    /// True if this process noticed the deadline so late that it was kept from running.
    pub(crate) fn was_held_back(self) -> bool {
        self.elapsed() > self.ends_after.saturating_add(HELD_BACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_never_exceeds_the_limit_and_ends_at_zero() {
        let now = Instant::now();
        let long = Deadline::new(now, Duration::from_secs(3600));
        assert!(long.left() > Duration::from_secs(3590));
        assert!(!long.has_passed());
        assert!(!long.was_held_back());

        let spent = Deadline::new(now - Duration::from_secs(2), Duration::from_secs(1));
        assert_eq!(spent.left(), Duration::ZERO);
        assert_eq!(spent.left_for_socket(), SHORTEST);
        assert!(spent.was_held_back());
    }

    #[test]
    fn a_shorter_deadline_never_outlives_the_whole() {
        // Lengths of which no machine is so slow that half of them passes here.
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(3600);
        let whole = Deadline::new(Instant::now(), HOUR);
        assert!(whole.at_most(MINUTE).left() <= MINUTE);
        assert!(whole.at_most(MINUTE).left() > MINUTE / 2, "time is left");
        assert!(whole.at_most(2 * HOUR).left() <= HOUR);
        assert!(whole.at_most(2 * HOUR).left() > HOUR / 2, "time is left");
        assert_eq!(whole.at_most(Duration::ZERO).left(), Duration::ZERO);
        assert_eq!(whole.at_most(MINUTE).limit(), HOUR);
    }
}
