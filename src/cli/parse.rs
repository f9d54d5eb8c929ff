//! From argv to an [`Action`]: the command is chosen here, and what its options mean is said in the command's own file.

use std::ffi::OsString;

use crate::cli::command::{COMMANDS, Command};
use crate::cli::habits::nearest;
use crate::cli::line::{self, Env, Line};
use crate::cli::parts::Parts;
use crate::cli::run::{ASKED_ONCE, Understand, meaning, parse_run, telling};
use crate::cli::usage::{Complaint, Named, UsageError};
use crate::cli::{Action, Meaning};
use crate::install::Install;
use crate::output::Telling;
use crate::word::Wrong;

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
    match args.first().and_then(meaning) {
        Some((command, Meaning::Probe(understand))) => ask(command, *understand, args, env),
        Some((command, Meaning::Install(understand))) => install(command, *understand, args, env),
        Some((_, Meaning::Serve(understand))) => understand(args, env),
        None => {
            let words = Parts::of(args).commands.into_iter().next().unwrap_or_default();
            let complaint = no_command(&words.iter().map(|word| word.to_str()).collect::<Vec<_>>());
            Err(UsageError::new(None, line::output(words.into_iter(), env), vec![complaint]))
        }
    }
}

fn ask(
    command: &'static Command,
    understand: Understand,
    args: Vec<OsString>,
    env: Env<'_>,
) -> Result<Action, UsageError> {
    let Parts { commands, then } = Parts::of(args);
    let mut parts = commands.into_iter();
    let line = Line::walk(command, parts.next().unwrap_or_default().into_iter().skip(1), env);
    let run = parse_run((line, understand), parts.collect(), then, env, &ASKED_ONCE)?;
    Ok(Action::Ask(Box::new(run)))
}

fn install(
    command: &'static Command,
    understand: fn(&mut Line<'_>) -> Option<Install>,
    args: Vec<OsString>,
    env: Env<'_>,
) -> Result<Action, UsageError> {
    let Parts { commands, then } = Parts::of(args);
    let mut parts = commands.into_iter();
    let mut line = Line::walk(command, parts.next().unwrap_or_default().into_iter().skip(1), env);
    if then.is_some() || parts.next().is_some() {
        line.complain(Complaint::ours("--and and --then go with probes, not with install"));
    }
    let telling = telling(std::slice::from_mut(&mut line));
    let install = understand(&mut line);
    let (install, notes) = line::finish(vec![line], install)?;
    Ok(Action::Install(Box::new(install), Telling { notes, ..telling }))
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
