//! Asking under a tool's name: each question is a run as `exec-probe http` makes it, and what is told of it is what the
//! tool tells. A failure is one line with the same bytes each time, also where -s or -q wants silence: it is all that
//! `docker inspect` and `kubectl describe` show.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::options::complain;
use super::sh::{self, Script};
use super::write_out::write_out;
use super::{Asking, Heads, Meant, Print, Streams, Tool, web};
use crate::cli::run::TIMEOUT;
use crate::cli::{flags, values};
use crate::outcome::{Cause, EXIT_UNHEALTHY, Evidence, Failure, Outcome, Response};
use crate::output::{Stream, Telling};
use crate::probe::Probe;
use crate::report::{Format, Verdict};
use crate::run::{Limits, Run};
use crate::tls::TlsCause;

/// The exit code of `timeout` where its limit ends a command.
const EXIT_TIMED_OUT: u8 = 124;

/// One call of a tool.
struct Call<'a> {
    tool: Tool,
    streams: Streams,
    /// When it began.
    began: Instant,
    /// When the process did: from then counts the limit of a call that has none of its own.
    started: Instant,
    /// The limit that `timeout` gives it.
    limit: Option<Duration>,
    /// True if a variable gave a part of its words: then no line shows more of them than host and port.
    is_filled: bool,
    env: sh::Env<'a>,
}

/// Runs a tool's command line as the whole of a process.
pub(super) fn one(tool: Tool, args: Vec<OsString>, started: Instant, env: sh::Env<'_>) -> u8 {
    let streams = Streams { stdout: Stream::Out, stderr: Stream::Err };
    Call { tool, streams, began: started, started, limit: None, is_filled: false, env }.run(args)
}

/// Runs the script among a shell's arguments.
pub(super) fn script(args: &[OsString], env: sh::Env<'_>, started: Instant) -> u8 {
    let script = match sh::script(args).and_then(|text| Script::parse(text, env)) {
        Ok(script) => script,
        Err(refused) => {
            let _ = Stream::Err.write(format!("sh: {refused}\n").as_bytes());
            return sh::EXIT_REFUSED;
        }
    };
    script.run(&mut |call| {
        let args = call.args.iter().map(OsString::from).collect();
        let streams = Streams { stdout: call.stdout, stderr: call.stderr };
        let (began, is_filled) = (Instant::now(), call.is_filled);
        Call { tool: call.tool, streams, began, started, limit: call.timeout, is_filled, env }.run(args)
    })
}

impl Call<'_> {
    fn run(&self, args: Vec<OsString>) -> u8 {
        match self.tool.understand(args, self.streams) {
            Ok(Meant::Ask(asking)) => self.ask(*asking),
            Ok(Meant::Say { stream, code }) => {
                const VERSION: &str = env!("CARGO_PKG_VERSION");
                let line = format!("exec-probe {VERSION}, as {} for health checks of this host\n", self.tool.name());
                let _ = stream.write(line.as_bytes());
                code
            }
            Err(refused) => {
                self.say(&(self.tool.prefix(refused.code) + &refused.message));
                refused.code
            }
        }
    }

    /// A line on standard error.
    fn say(&self, line: &str) {
        let _ = self.streams.stderr.write(format!("{line}\n").as_bytes());
    }

    fn ask(&self, asking: Asking) -> u8 {
        let mut codes = Vec::with_capacity(asking.probes.len());
        let (began, timeout) = match self.limits(asking.timeout) {
            Ok(limits) => limits,
            Err(complaint) => {
                let code = self.tool.exit_usage();
                self.say(&(self.tool.prefix(code) + &complaint));
                return code;
            }
        };
        for mut probe in asking.probes {
            if self.is_filled {
                probe.hide_words();
            }
            let telling = Telling {
                format: Format::Text,
                is_quiet: true,
                is_verbose: asking.is_verbose && self.streams.stderr != Stream::Null,
                notes: Vec::new(),
            };
            let limits = Limits { timeout, connect: asking.connect, wait: None };
            let run = Run { probes: vec![probe], limits, unhealthy_exit: EXIT_UNHEALTHY, telling, then: None };
            let verdict = run.ask(began, &|| None);
            codes.push(self.tell(&run.probes[0], &verdict, &asking.print));
        }
        self.tool.together(&codes)
    }

    /// The instant that the deadline counts from, and its length; or what is wrong with the variable that says it where the
    /// command line doesn't.
    fn limits(&self, own: Option<Duration>) -> Result<(Instant, Duration), String> {
        let own = match (own, self.limit) {
            (Some(own), Some(limit)) => Some(own.min(limit)),
            (own, limit) => own.or(limit),
        };
        match own {
            Some(own) => Ok((self.began, own)),
            None => Ok((self.started, self.default_timeout()?)),
        }
    }

    /// The limit of a call that has none of its own: as of a probe, by its variable.
    fn default_timeout(&self) -> Result<Duration, String> {
        let set =
            flags::TIMEOUT.env.and_then(|name| Some((name, (self.env)(name).filter(|value| !value.is_empty())?)));
        let Some((name, value)) = set else { return Ok(TIMEOUT) };
        let value = value.to_string_lossy();
        values::timeout(&value).map_err(|why| complain(name, &value, why))
    }

    /// Tells what came of a probe, and returns the exit code.
    fn tell(&self, probe: &Probe, verdict: &Verdict, print: &Print) -> u8 {
        if let Some((_, Cause::NotLocal { ip })) = verdict.not_local() {
            let code = self.tool.exit_usage();
            self.say(&(self.tool.prefix(code) + &web::elsewhere(&ip.to_string())));
            return code;
        }
        match verdict.asked.last().map(|asked| &asked.outcome) {
            Some(Outcome::Healthy(evidence)) => self.tell_healthy(probe, evidence, print),
            Some(Outcome::Unhealthy(failure)) => self.tell_failure(failure, verdict, print),
            // A run asks at least one.
            None => self.tool.exit_usage(),
        }
    }

    fn tell_healthy(&self, probe: &Probe, evidence: &Evidence, print: &Print) -> u8 {
        if !self.show(evidence.response.as_deref(), print.body, print) {
            return self.unwritable(probe);
        }
        if print.well {
            self.say(&self.tool.well(probe, &evidence.seen));
        }
        if let (Some(note), false) = (evidence.seen.note(), print.is_silent) {
            self.say(&format!("{}: {note}", self.tool.name()));
        }
        0
    }

    fn tell_failure(&self, failure: &Failure, verdict: &Verdict, print: &Print) -> u8 {
        // The part of a body that came is shown, but not that of an answer that is refused.
        let is_refused = matches!(failure.cause, Cause::Status { .. });
        self.show(failure.response.as_deref(), print.body && (!is_refused || print.body_of_failures), print);
        let code = self.tool.exit(&failure.cause);
        let mut line = self.tool.prefix(code) + verdict.render(Format::Text).trim_end();
        if failure.cause == Cause::Tls(TlsCause::NobodyTrusted) {
            line += "; ";
            line += self.tool.how_to_trust();
        }
        self.say(&line);
        match (&failure.cause, self.limit) {
            (Cause::Timeout { limit, .. }, Some(own)) if *limit == own => EXIT_TIMED_OUT,
            _ => code,
        }
    }

    fn unwritable(&self, probe: &Probe) -> u8 {
        let code = self.tool.exit_unwritable();
        let label = probe.subject().label;
        self.say(&format!("{}{label}: standard output does not take the response", self.tool.prefix(code)));
        code
    }

    /// Prints what is kept of a response; false if it can't be written.
    fn show(&self, response: Option<&Response>, shows_body: bool, print: &Print) -> bool {
        let mut out = Vec::new();
        if let Some(response) = response {
            match print.head {
                None => {}
                Some(Heads::Output) => out.extend_from_slice(&response.head),
                Some(Heads::Errors) => {
                    for line in String::from_utf8_lossy(&response.head).lines().filter(|line| !line.is_empty()) {
                        self.say(&format!("  {}", line.trim_end()));
                    }
                }
            }
            if shows_body {
                out.extend_from_slice(&response.body);
            }
        }
        if let Some(format) = &print.write_out {
            let status = response.map_or(0, |response| response.status);
            out.extend_from_slice(write_out(format, status).unwrap_or_default().as_bytes());
        }
        self.streams.stdout.write(&out).is_ok()
    }
}
