//! From argv to an [`Action`]: the command is chosen here, and what its options mean is said in the command's own file.

use std::ffi::OsString;
use std::time::Duration;

use crate::cli::command::{COMMANDS, Command, Kind};
use crate::cli::habits::nearest;
use crate::cli::line::{self, Env, Line};
use crate::cli::usage::{Complaint, Named, UsageError};
use crate::cli::{Action, flags, values};
use crate::outcome::EXIT_UNHEALTHY;
use crate::output::Telling;
use crate::report::Format;
use crate::run::{Limits, Run};
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
    let command = words[0].and_then(Command::named);
    let Some(command) = command else {
        let complaint = no_command(&words);
        return Err(UsageError::new(None, line::output(args.into_iter(), env), vec![complaint]));
    };
    let mut line = Line::walk(command, args.into_iter().skip(1), env);
    let telling = telling(&mut line);
    match command.kind {
        Kind::Probe(understand) => {
            let limits =
                Limits { timeout: line.option(&flags::TIMEOUT, values::timeout).unwrap_or(TIMEOUT), connect: None };
            let unhealthy_exit = line.option(&flags::UNHEALTHY_EXIT, values::unhealthy_exit);
            let probe = understand(&mut line);
            let (probe, notes) = line.finish(probe)?;
            let unhealthy_exit = unhealthy_exit.unwrap_or(EXIT_UNHEALTHY);
            let telling = Telling { notes, ..telling };
            Ok(Action::Ask(Box::new(Run { probes: vec![probe], limits, unhealthy_exit, telling })))
        }
        Kind::Install(understand) => {
            let install = understand(&mut line);
            let (install, notes) = line.finish(install)?;
            Ok(Action::Install(Box::new(install), Telling { notes, ..telling }))
        }
    }
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
fn telling(line: &mut Line<'_>) -> Telling {
    let telling = Telling {
        format: line.option(&flags::OUTPUT, values::format).unwrap_or(Format::Text),
        is_quiet: line.switch(&flags::QUIET),
        is_verbose: line.switch(&flags::VERBOSE),
        notes: Vec::new(),
    };
    if telling.is_quiet && telling.is_verbose {
        line.complain(Complaint::ours("--quiet and --verbose contradict each other; wanted one of them"));
    }
    telling
}
