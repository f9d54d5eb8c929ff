//! The command line of a run: what the options mean that its probes share, whoever it is that asks.

use std::ffi::OsString;
use std::time::Duration;

use crate::cli::command::Command;
use crate::cli::flags::Flag;
use crate::cli::line::{self, Env, Line};
use crate::cli::usage::{Complaint, Named, UsageError};
use crate::cli::{MEANINGS, Meaning, flags, values};
use crate::outcome::EXIT_UNHEALTHY;
use crate::output::Telling;
use crate::probe::Probe;
use crate::report::Format;
use crate::run::{Limits, Run, Then};
use crate::word::Wrong;

/// The limit where none is given: the runtime's own is meant to be the shorter one, so that a manifest's
/// `timeoutSeconds` keeps its meaning, and Docker's is 30.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(29);

/// The command of this name, and what it makes of its line.
pub(super) fn meaning(word: &OsString) -> Option<&'static (&'static Command, Meaning)> {
    MEANINGS.iter().find(|(command, _)| word == command.name)
}

pub(super) type Understand = fn(&mut Line<'_>) -> Option<Probe>;

/// What a run may be, by who asks.
#[derive(Debug)]
pub(super) struct Terms {
    /// The limit where none is given.
    pub(super) timeout: Duration,
    /// Options that mean nothing there, and why.
    pub(super) refused: &'static [(&'static Flag, &'static str)],
}

/// A process that asks and ends.
pub(super) static ASKED_ONCE: Terms = Terms { timeout: TIMEOUT, refused: &[] };

/// A run of probes: that of the first command, and one for each `--and`.
pub(super) fn parse_run<'a>(
    (first, understand): (Line<'a>, Understand),
    rest: Vec<Vec<OsString>>,
    then: Option<Vec<OsString>>,
    env: Env<'a>,
    terms: &Terms,
) -> Result<Run, UsageError> {
    let mut lines = vec![first];
    let mut all = vec![understand];
    for words in rest {
        match words.first().and_then(meaning) {
            Some((command, Meaning::Probe(understand))) => {
                lines.push(Line::walk(command, words.into_iter().skip(1), env));
                all.push(*understand);
            }
            _ => lines[0].complain(Complaint::of(Named::Ours("--and"), "wanted http, tcp, grpc or file after it")),
        }
    }
    let telling = telling(&mut lines);
    let limits = Limits {
        timeout: shared(&mut lines, &flags::TIMEOUT, values::timeout).unwrap_or(terms.timeout),
        connect: None,
        wait: shared(&mut lines, &flags::WAIT, values::timeout),
    };
    let unhealthy_exit = shared(&mut lines, &flags::UNHEALTHY_EXIT, values::unhealthy_exit);
    for flag in [&flags::AND, &flags::THEN] {
        if lines.iter().any(|line| line.is_given(flag)) {
            lines[0]
                .complain(Complaint::of(Named::Ours(flag.long), "is a word of its own, and so is what follows it"));
        }
    }
    for (flag, why) in terms.refused {
        if lines.iter().any(|line| line.is_given(flag)) {
            lines[0].complain(Complaint::of(Named::Ours(flag.long), why));
        }
    }
    let then = then.and_then(|words| {
        let then = Then::of(words);
        if then.is_none() {
            lines[0].complain(Complaint::of(Named::Ours("--then"), "wanted a program after it"));
        }
        then
    });
    let probes: Vec<Option<Probe>> = lines.iter_mut().zip(all).map(|(line, understand)| understand(line)).collect();
    let (probes, notes) = line::finish(lines, probes.into_iter().collect())?;
    let telling = Telling { notes, ..telling };
    let unhealthy_exit = unhealthy_exit.unwrap_or(EXIT_UNHEALTHY);
    Ok(Run { probes, limits, unhealthy_exit, telling, then })
}

/// The value of an option of the whole run, which may be given in any part, and once.
fn shared<T>(
    lines: &mut [Line<'_>],
    flag: &'static Flag,
    understand: impl FnMut(&str) -> Result<T, Wrong>,
) -> Option<T> {
    the_one(lines, flag)?.option(flag, understand)
}

/// The line that has an option of the whole run, or the first one, where its variable may give it.
fn the_one<'l, 'a>(lines: &'l mut [Line<'a>], flag: &'static Flag) -> Option<&'l mut Line<'a>> {
    let given: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].is_given(flag)).collect();
    let line = lines.get_mut(given.first().copied().unwrap_or(0))?;
    if given.len() > 1 {
        line.complain(Complaint::repeated(flag.long, given.len()));
    }
    Some(line)
}

/// What all commands have in common: how to print. What can't be understood gets its default, beside a complaint.
pub(super) fn telling(lines: &mut [Line<'_>]) -> Telling {
    let mut switch = |flag| the_one(lines, flag).is_some_and(|line| line.switch(flag));
    let (is_quiet, is_verbose) = (switch(&flags::QUIET), switch(&flags::VERBOSE));
    let format = shared(lines, &flags::OUTPUT, values::format).unwrap_or(Format::Text);
    if let ([first, ..], true, true) = (lines, is_quiet, is_verbose) {
        first.complain(Complaint::ours("--quiet and --verbose contradict each other; wanted one of them"));
    }
    Telling { format, is_quiet, is_verbose, notes: Vec::new() }
}
