//! The only file that writes to standard output and standard error: the one line, the JSON object, the phases of
//! `-v`, help, and the line of a defect. A stream that is closed or full changes neither verdict nor exit code, so
//! what writing returns is not looked at (Rust's start-up already ignores SIGPIPE).

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::time::Duration;

use crate::outcome::{EXIT_DEFECT, Failure, Outcome, Phase};
use crate::text::{Measured, Millis};

/// How the outcome is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One line for people.
    Text,
    /// One object for programs.
    Json,
}

/// Reports each phase on standard error as it ends, under `-v`; says nothing otherwise. Under `--output=json` each is
/// an object on a line of its own, since a failure's object goes to the same stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Narrator {
    /// True under `-v`.
    pub(crate) is_verbose: bool,
    /// How it is printed.
    pub(crate) format: Format,
}

impl Narrator {
    /// Tells that a phase ended, what it gave and how long it took.
    pub(crate) fn ended(self, phase: Phase, took: Duration, gave: fmt::Arguments<'_>) {
        match (self.is_verbose, self.format) {
            (false, _) => {}
            (true, Format::Text) => to_stderr(&format!("{}: {gave} ({})\n", phase.name(), Measured(took))),
            (true, Format::Json) => to_stderr(&step(Some(phase), Some(took), gave)),
        }
    }

    /// Tells something that a reader may wonder about.
    pub(crate) fn note(self, note: fmt::Arguments<'_>) {
        match (self.is_verbose, self.format) {
            (false, _) => {}
            (true, Format::Text) => to_stderr(&format!("note: {note}\n")),
            (true, Format::Json) => to_stderr(&step(None, None, note)),
        }
    }
}

/// A phase or a note as an object.
fn step(phase: Option<Phase>, took: Option<Duration>, message: fmt::Arguments<'_>) -> String {
    object(&[
        ("phase", phase.map(|phase| json_string(phase.name()))),
        ("elapsed_ms", took.map(|took| Millis(took).to_string())),
        ("message", Some(json_string(&message.to_string()))),
    ])
}

/// What the line and the object say of the probe.
pub(crate) struct Subject<'a> {
    /// `http`, `tcp`, `grpc` or `file`.
    pub(crate) handler: &'a str,
    /// The target for JSON: `http://localhost:8080/healthz`.
    pub(crate) target: String,
    /// How the line begins: `http GET http://localhost:8080/healthz`.
    pub(crate) label: String,
}

/// Prints what came of a probe: healthy on standard output, and not at all if `quiet`; unhealthy on standard error.
pub(crate) fn outcome(subject: &Subject<'_>, outcome: &Outcome, elapsed: Duration, format: Format, quiet: bool) {
    let text = match format {
        Format::Text => line(subject, outcome),
        Format::Json => json(subject, outcome, elapsed),
    };
    match outcome {
        Outcome::Healthy(_) if quiet => {}
        Outcome::Healthy(_) => to_stdout(&text),
        Outcome::Unhealthy(_) => to_stderr(&text),
    }
}

/// Prints why nothing was done; `spared` says what: `asked`.
pub(crate) fn usage_error(handler: Option<&str>, target: Option<&str>, error: &str, spared: &str, format: Format) {
    let program = handler.map_or_else(|| "exec-probe".to_owned(), |handler| format!("exec-probe {handler}"));
    let message = format!("{program}: {error}; nothing was {spared}");
    to_stderr(&match format {
        Format::Text => format!("{message}\n"),
        Format::Json => object(&[
            ("healthy", Some("false".to_owned())),
            ("handler", handler.map(json_string)),
            ("target", target.map(json_string)),
            ("cause", Some(json_string("usage"))),
            ("status", None),
            ("phase", None),
            ("elapsed_ms", None),
            ("message", Some(json_string(&message))),
        ]),
    });
}

/// Prints text that was asked for: help, the version.
pub(crate) fn to_stdout(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Prints text that is not the outcome that was wanted.
pub(crate) fn to_stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Turns a panic into one line and exit code 70. The line names the place only: a panic's own text may hold what
/// came from the command line. With `panic = "abort"` the process would otherwise end by SIGABRT. Apart from
/// [`run`](crate::run), because it is for a whole process, and a fuzzer sets a hook of its own.
#[allow(clippy::exit, reason = "after a panic there is no way back to main")]
pub fn catch_defects() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        to_stderr(&format!(
            "exec-probe: a defect of exec-probe itself, at {place}; nothing is known of the target\n"
        ));
        std::process::exit(EXIT_DEFECT.into());
    }));
}

fn line(subject: &Subject<'_>, outcome: &Outcome) -> String {
    let Subject { label, .. } = subject;
    match outcome {
        Outcome::Healthy(evidence) => {
            let note = evidence.seen.note().map_or_else(String::new, |note| format!(", {note}"));
            format!("{label}: {} ({}){note}\n", evidence.seen, Measured(evidence.elapsed))
        }
        Outcome::Unhealthy(failure) => {
            let body = failure.body.as_ref().map_or_else(String::new, |body| format!("body: {body}\n"));
            format!("{label}: {failure}\n{body}")
        }
    }
}

fn json(subject: &Subject<'_>, outcome: &Outcome, elapsed: Duration) -> String {
    let message = line(subject, outcome);
    let failure = match outcome {
        Outcome::Healthy(_) => None,
        Outcome::Unhealthy(failure) => Some(failure),
    };
    let cause = failure.map(|Failure { cause, .. }| cause);
    let (elapsed, status) = match outcome {
        Outcome::Healthy(evidence) => (evidence.elapsed, evidence.seen.status()),
        Outcome::Unhealthy(failure) => (elapsed, failure.cause.status()),
    };
    object(&[
        ("healthy", Some(failure.is_none().to_string())),
        ("handler", Some(json_string(subject.handler))),
        ("target", Some(json_string(&subject.target))),
        ("cause", cause.map(|cause| json_string(cause.name()))),
        ("status", status),
        ("phase", cause.and_then(|cause| cause.phase()).map(|phase| json_string(phase.name()))),
        ("elapsed_ms", Some(Millis(elapsed).to_string())),
        ("message", Some(json_string(message.trim_end()))),
    ])
}

/// One JSON object on one line.
fn object(fields: &[(&str, Option<String>)]) -> String {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| format!("\"{name}\":{}", value.as_deref().unwrap_or("null"))).collect();
    format!("{{{}}}\n", fields.join(","))
}

/// A JSON string (RFC 8259, section 7).
fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            _ => out.push(char),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a test of this file in a process of its own, as a panic under the hook ends it.
    fn alone(test: &str) -> std::process::Output {
        std::process::Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", test, "--nocapture", "--ignored", "--test-threads=1"])
            .output()
            .expect("it starts")
    }

    #[test]
    #[ignore = "panics; run by a_panic_is_one_line_and_exit_70"]
    fn panics_under_the_hook() {
        catch_defects();
        panic!("s3cret");
    }

    #[test]
    fn a_panic_is_one_line_and_exit_70() {
        let output = alone("output::tests::panics_under_the_hook");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(70), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with("exec-probe: a defect of exec-probe itself, at src/output.rs:"), "{stderr}");
        assert!(!stderr.contains("s3cret"), "{stderr}");
    }

    #[test]
    fn json_strings_are_escaped() {
        for (given, wanted) in [
            ("a", "\"a\""),
            ("\"\\\n", "\"\\\"\\\\\\n\""),
            ("ä…", "\"ä…\""),
            ("\t\u{1b}\0", "\"\\u0009\\u001b\\u0000\""),
        ] {
            assert_eq!(json_string(given), wanted);
        }
    }
}
