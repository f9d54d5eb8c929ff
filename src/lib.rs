//! exec-probe: HTTP, TCP, gRPC and file health checks from inside a container.
//!
//! A library only so that the binary, its tests and its fuzz targets share it; nothing of it is meant for other
//! programs. What was typed becomes an `Action`, the action an `Outcome`, the outcome one line and
//! an exit code: typed, meant and done are three things.

mod attempt;
mod cli;
mod connection;
mod deadline;
mod dropin;
mod http2;
mod install;
mod locality;
mod outcome;
mod output;
#[cfg(test)]
mod page;
mod probe;
mod regular_file;
mod report;
mod run;
mod serve;
mod signals;
mod target;
mod text;
mod then;
mod tls;
mod url;
mod word;

use std::ffi::{OsStr, OsString};
use std::time::Instant;

use cli::Action;
use dropin::Name;
use install::Install;
use outcome::{Cause, EXIT_HEALTHY, EXIT_UNHEALTHY, EXIT_USAGE, Evidence, Outcome, Seen, Subject};
use output::Telling;
use probe::Probe;
use report::{Asked, Verdict};
use run::Run;
use serve::Serve;

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
/// unhealthy, 64 a wrong command line; under a tool's name, that tool's code. `started` is the instant that the
/// deadline counts from; `name` is what the program was called by, or the path of it; `args` come without it; `env`
/// looks a variable up.
pub fn run(started: Instant, name: Option<&OsStr>, mut args: Vec<OsString>, env: fn(&str) -> Option<OsString>) -> u8 {
    let look_up = env;
    let env: &dyn Fn(&str) -> Option<OsString> = &env;
    // What nearly every call is must not touch a page for the names of other tools.
    let is_own = |word: &OsStr| word.as_encoded_bytes().ends_with(b"exec-probe");
    if let Some(name) = name.filter(|name| !is_own(name)).and_then(Name::of) {
        return name.run(started, args, env);
    }
    let is_command = |word: &OsString| ["http", "tcp", "grpc", "file"].iter().any(|command| word == command);
    let foreign = args.first().filter(|first| !is_command(first) && !first.as_encoded_bytes().contains(&b'/'));
    if let Some(name) = foreign.and_then(|first| Name::of(first)) {
        args.remove(0);
        return name.run(started, args, env);
    }
    // Another try reads again what its options name; a run that asks once does not pay for that.
    let again = args.iter().any(|arg| arg.as_encoded_bytes().starts_with(b"--wait")).then(|| args.clone());
    match cli::parse::parse(args, env) {
        Ok(Action::Ask(run)) => {
            let renew = || match cli::parse::parse(again.clone()?, env) {
                Ok(Action::Ask(run)) => Some(run.probes),
                _ => None,
            };
            ask(&run, started, &renew)
        }
        Ok(Action::Install(install, telling)) => copy(&install, &telling, started),
        Ok(Action::Serve(serve)) => listen(*serve, started, look_up),
        Ok(Action::Help(command)) => {
            output::to_stdout(&cli::help::text(command));
            EXIT_HEALTHY
        }
        Ok(Action::Version) => {
            output::to_stdout(concat!("exec-probe ", env!("CARGO_PKG_VERSION"), "\n"));
            EXIT_HEALTHY
        }
        Ok(Action::Nothing) => {
            output::to_stderr(&cli::help::text(None));
            EXIT_USAGE
        }
        Err(error) => {
            let (name, spared) =
                error.command.map_or((None, "asked"), |command| (Some(command.name), command.spared));
            output::usage_error(name, None, &error.message(), spared, error.output);
            EXIT_USAGE
        }
    }
}

fn copy(install: &Install, telling: &Telling, started: Instant) -> u8 {
    let done = install.run();
    let elapsed = started.elapsed();
    let outcome = match done {
        Ok(installed) => Outcome::Healthy(Evidence { seen: Seen::Installed(installed), elapsed, response: None }),
        Err(cause) => Outcome::Unhealthy(Cause::Install(cause).into()),
    };
    let target = install.place.shown.clone();
    let subject = Subject { handler: "install", label: format!("install {target}"), target };
    let verdict = Verdict { asked: vec![Asked { subject, outcome }], elapsed, waited: None };
    telling.verdict(&verdict);
    if verdict.is_healthy() { EXIT_HEALTHY } else { EXIT_UNHEALTHY }
}

#[cold]
#[inline(never)]
fn listen(serve: Serve, started: Instant, env: fn(&str) -> Option<OsString>) -> u8 {
    let (telling, target) = (serve.telling.clone(), serve.listen.shown.clone());
    let cause = serve.run(Box::new(move |words| cli::serve::question(words.to_vec(), &env).ok()));
    let subject = Subject { handler: "serve", label: format!("serve {target}"), target };
    let outcome = Outcome::Unhealthy(cause.into());
    telling.verdict(&Verdict { asked: vec![Asked { subject, outcome }], elapsed: started.elapsed(), waited: None });
    EXIT_UNHEALTHY
}

fn ask(run: &Run, started: Instant, renew: &dyn Fn() -> Option<Vec<Probe>>) -> u8 {
    let verdict = run.ask(started, renew);
    // Known only once an address is looked up, and yet a matter of what was typed.
    if let Some((subject, cause)) = verdict.not_local() {
        let message = format!("TARGET {}: {cause}", subject.target);
        output::usage_error(Some(subject.handler), Some(&subject.target), &message, "asked", run.telling.format);
        return EXIT_USAGE;
    }
    let Some(then) = run.then.as_ref().filter(|_| verdict.is_healthy()) else {
        run.telling.verdict(&verdict);
        return if verdict.is_healthy() { EXIT_HEALTHY } else { run.unhealthy_exit };
    };
    // Standard output is the program's from now on.
    run.telling.verdict_to_stderr(&verdict);
    let failed = then.start();
    output::not_started(&failed.to_string());
    failed.exit_code()
}
