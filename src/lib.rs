//! exec-probe: asks a container, from the inside, whether it is well.
//!
//! A library only so that the binary, its tests and its fuzz targets share it; nothing of it is meant for other
//! programs. What was typed becomes a `Action`, the action an `Outcome`, the outcome one line and
//! an exit code: typed, meant and done are three things.

mod attempt;
mod cli;
mod connection;
mod deadline;
mod dropin;
mod install;
mod locality;
mod outcome;
mod output;
mod probe;
mod regular_file;
mod target;
mod text;
mod tls;
mod url;
mod word;

use std::ffi::OsString;
use std::time::Instant;

use attempt::Attempt;
use cli::{Action, Settings};
use deadline::Deadline;
use install::Install;
use outcome::{Cause, EXIT_HEALTHY, EXIT_USAGE, Evidence, Failure, Outcome, Seen};
use output::{Narrator, Subject};
use probe::Probe;

pub use output::catch_defects;

/// The grammar of `sh -c` alone, for its fuzz target: every call of a tool that a script makes if each of them exits with
/// `code`, the script's own exit code, or why it is refused.
#[doc(hidden)]
pub fn sh_calls(
    script: &str,
    env: &dyn Fn(&str) -> Option<OsString>,
    code: u8,
) -> Result<(Vec<Vec<String>>, u8), String> {
    let script = dropin::sh::Script::parse(script, env).map_err(|refused| refused.to_string())?;
    let mut calls = Vec::new();
    let code = script.run(&mut |call| {
        calls.push(call.args.clone());
        code
    });
    Ok((calls, code))
}

/// Does what the command line asks for and returns the exit code: 0 healthy or done, 1 (or `--unhealthy-exit`)
/// unhealthy, 64 a wrong command line. `started` is the instant that the deadline counts from; `args` come without
/// the program's name; `env` looks a variable up.
pub fn run(started: Instant, args: Vec<OsString>, env: &dyn Fn(&str) -> Option<OsString>) -> u8 {
    match cli::parse::parse(args, env) {
        Ok(Some(Action::Probe(probe, settings))) => ask(&probe, settings, started),
        Ok(Some(Action::Install(install, settings))) => copy(&install, settings, started),
        Ok(Some(Action::Help(command))) => {
            output::to_stdout(&cli::help::text(command));
            EXIT_HEALTHY
        }
        Ok(Some(Action::Version)) => {
            output::to_stdout(concat!("exec-probe ", env!("CARGO_PKG_VERSION"), "\n"));
            EXIT_HEALTHY
        }
        Ok(None) => {
            output::to_stderr(&cli::help::text(None));
            EXIT_USAGE
        }
        Err(error) => {
            output::usage_error(error.command, None, &error.message, error.output);
            EXIT_USAGE
        }
    }
}

fn copy(install: &Install, settings: Settings, started: Instant) -> u8 {
    let done = install.run();
    let elapsed = started.elapsed();
    let (outcome, code) = match done {
        Ok(installed) => (Outcome::Healthy(Evidence { seen: Seen::Installed(installed), elapsed }), EXIT_HEALTHY),
        Err(cause) => (Outcome::Unhealthy(Cause::Install(cause).into()), settings.unhealthy_exit),
    };
    let target = install.shown_file();
    let subject = Subject { handler: "install", label: format!("install {target}"), target };
    output::outcome(&subject, &outcome, elapsed, settings.output, settings.quiet);
    code
}

fn ask(probe: &Probe, settings: Settings, started: Instant) -> u8 {
    let deadline = Deadline::new(started, settings.timeout);
    let attempt = Attempt { deadline, narrator: Narrator { is_verbose: settings.verbose } };
    let outcome = probe.run(attempt);
    let subject = probe.subject();
    // Known only once an address is looked up, and yet a matter of what was typed.
    if let Outcome::Unhealthy(Failure { cause: cause @ Cause::NotLocal { .. }, hop: None, .. }) = &outcome {
        let message = format!("TARGET {}: {cause}", subject.target);
        output::usage_error(Some(subject.handler), Some(&subject.target), &message, settings.output);
        return EXIT_USAGE;
    }
    output::outcome(&subject, &outcome, deadline.elapsed(), settings.output, settings.quiet);
    match outcome {
        Outcome::Healthy(_) => EXIT_HEALTHY,
        Outcome::Unhealthy(_) => settings.unhealthy_exit,
    }
}
