//! From argv to an [`Action`]: the command is chosen here, and what its options mean is said in the command's own file.

use std::ffi::OsString;
use std::time::Duration;

use crate::cli::command::{COMMANDS, Command};
use crate::cli::flags::Flag;
use crate::cli::habits::nearest;
use crate::cli::line::{self, Env, Line};
use crate::cli::parts::Parts;
use crate::cli::usage::{Complaint, Named, UsageError};
use crate::cli::{Action, MEANINGS, Meaning, flags, values};
use crate::outcome::EXIT_UNHEALTHY;
use crate::output::Telling;
use crate::probe::Probe;
use crate::report::Format;
use crate::run::{Limits, Run, Then};
use crate::word::Wrong;

/// The limit where none is given: the runtime's own is meant to be the shorter one, so that a manifest's
/// `timeoutSeconds` keeps its meaning, and Docker's is 30.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(29);

/// Understands a command line: `args` without the program's name.
///
/// Help and version, which exit with 0, are all that was typed: other words beside them were meant to ask something. A
/// lone `-h` is no option, and gets the help as no word at all does.
pub(crate) fn parse(args: Vec<OsString>, env: Env<'_>) -> Result<Action, UsageError> {
    let words: Vec<Option<&str>> = args.iter().map(|arg| arg.to_str()).collect();
    match words.as_slice() {
        [] | [Some("-h")] => return Ok(Action::Nothing),
        [Some("--help" | "help")] => return Ok(Action::Help(None)),
        [Some("--version" | "-V")] => return Ok(Action::Version),
        [Some(word), Some("--help")] | [Some("help"), Some(word)] => {
            if let Some(command) = Command::named(word) {
                return Ok(Action::Help(Some(command)));
            }
        }
        _ => {}
    }
    let Parts { commands, then } = Parts::of(args);
    let mut parts = commands.into_iter();
    let first = parts.next().unwrap_or_default();
    let Some((command, meaning)) = first.first().and_then(|word| meaning(word)) else {
        let words: Vec<Option<&str>> = first.iter().map(|arg| arg.to_str()).collect();
        let complaint = no_command(&words);
        return Err(UsageError::new(None, line::output(first.into_iter(), env), vec![complaint]));
    };
    let mut line = Line::walk(command, first.into_iter().skip(1), env);
    match meaning {
        Meaning::Probe(understand) => {
            let rest: Vec<Vec<OsString>> = parts.collect();
            parse_run((line, *understand), rest, then, env)
        }
        Meaning::Install(understand) => {
            if then.is_some() || parts.next().is_some() {
                line.complain(Complaint::ours("--and and --then go with probes, not with install"));
            }
            let telling = telling(std::slice::from_mut(&mut line));
            let install = understand(&mut line);
            let (install, notes) = line::finish(vec![line], install)?;
            Ok(Action::Install(Box::new(install), Telling { notes, ..telling }))
        }
    }
}

/// The command of this name, and what it makes of its line.
fn meaning(word: &OsString) -> Option<&'static (&'static Command, Meaning)> {
    MEANINGS.iter().find(|(command, _)| word == command.name)
}

type Understand = fn(&mut Line<'_>) -> Option<Probe>;

/// A run of probes: that of the first command, and one for each `--and`.
fn parse_run<'a>(
    (first, understand): (Line<'a>, Understand),
    rest: Vec<Vec<OsString>>,
    then: Option<Vec<OsString>>,
    env: Env<'a>,
) -> Result<Action, UsageError> {
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
        timeout: shared(&mut lines, &flags::TIMEOUT, values::timeout).unwrap_or(TIMEOUT),
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
    Ok(Action::Ask(Box::new(Run { probes, limits, unhealthy_exit, telling, then })))
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

/// What is wrong with the first word, or with the one after `help`.
fn no_command(words: &[Option<&str>]) -> Complaint {
    let (at, word) = match words {
        [Some("help"), word, ..] => (2, *word),
        [word, ..] => (1, *word),
        [] => (1, Some("")),
    };
    let Some(word) = word else { return Complaint::not_utf8(at) };
    if at == 2 && Command::named(word).is_some() {
        return Complaint::of(Named::Ours("help"), "takes one word at most, such as exec-probe help http");
    }
    match word {
        "--help" => {
            return Complaint::of(Named::Ours("--help"), "is typed alone, or as the one word after a command");
        }
        "--version" | "-V" => return Complaint::of(Named::Ours("--version"), "is typed alone"),
        _ if word.starts_with('-') => {
            let why = "the command comes first, such as exec-probe http :8080/healthz";
            return Complaint::of(Named::Option(word), why);
        }
        _ => {}
    }
    let first = word.split_whitespace().next().unwrap_or_default();
    if let Some(command) = Command::named(first).filter(|_| first != word) {
        let why = "the command line arrived as one string, wanted an argument for each word";
        return Complaint::of(Named::Ours(command.name), why);
    }
    let names = COMMANDS.map(|command| command.name).join(", ");
    let wanted = format!("wanted {names} or help");
    let why = match nearest(word, COMMANDS.into_iter().map(|command| command.name)) {
        Some(name) => format!("{wanted}; did you mean {name}?"),
        None => wanted,
    };
    Complaint::new(Named::Command(word), Wrong(why))
}

/// What all commands have in common: how to print. What can't be understood gets its default, beside a complaint.
fn telling(lines: &mut [Line<'_>]) -> Telling {
    let mut switch = |flag| the_one(lines, flag).is_some_and(|line| line.switch(flag));
    let (is_quiet, is_verbose) = (switch(&flags::QUIET), switch(&flags::VERBOSE));
    let format = shared(lines, &flags::OUTPUT, values::format).unwrap_or(Format::Text);
    if let ([first, ..], true, true) = (lines, is_quiet, is_verbose) {
        first.complain(Complaint::ours("--quiet and --verbose contradict each other; wanted one of them"));
    }
    Telling { format, is_quiet, is_verbose, notes: Vec::new() }
}
