//! The only file that writes to standard output and standard error: what [`crate::report`] made of a verdict, the
//! phases of `-v`, help, and the line of a defect. A stream that is closed or full changes neither verdict nor exit code, so
//! what writing returns is not looked at (Rust's start-up already ignores SIGPIPE).

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat, major, minor};

use crate::outcome::{EXIT_DEFECT, Phase};
use crate::report::{self, Format, Verdict};
use crate::text::Measured;

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
    /// One that says nothing.
    pub(crate) const SILENT: Narrator = Narrator { is_verbose: false, format: Format::Text };

    /// Tells that a phase ended, what it gave and how long it took.
    pub(crate) fn ended(self, phase: Phase, took: Duration, gave: fmt::Arguments<'_>) {
        match (self.is_verbose, self.format) {
            (false, _) => {}
            (true, Format::Text) => to_stderr(&format!("{}: {gave} ({})\n", phase.name(), Measured(took))),
            (true, Format::Json) => to_stderr(&(report::step(Some(phase), Some(took), gave) + "\n")),
        }
    }

    /// Tells something that a reader may wonder about.
    pub(crate) fn note(self, note: fmt::Arguments<'_>) {
        match (self.is_verbose, self.format) {
            (false, _) => {}
            (true, Format::Text) => to_stderr(&format!("note: {note}\n")),
            (true, Format::Json) => to_stderr(&(report::step(None, None, note) + "\n")),
        }
    }
}

/// What is printed, and how.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    /// How a verdict is printed.
    pub(crate) format: Format,
    /// True: a healthy verdict is not printed.
    pub(crate) is_quiet: bool,
    /// True: phases are printed as they end.
    pub(crate) is_verbose: bool,
    /// Remarks on the command line, for `-v`.
    pub(crate) notes: Vec<String>,
}

impl Telling {
    /// Who prints the phases. The remarks on the command line are printed now.
    pub(crate) fn narrator(&self) -> Narrator {
        let narrator = Narrator { is_verbose: self.is_verbose, format: self.format };
        for note in &self.notes {
            narrator.note(format_args!("{note}"));
        }
        narrator
    }

    /// Prints a healthy verdict on standard error, where standard output is another program's.
    pub(crate) fn verdict_to_stderr(&self, verdict: &Verdict) {
        if !self.is_quiet {
            to_stderr(&verdict.render(self.format));
        }
    }

    /// Prints a verdict: healthy on standard output, unhealthy on standard error.
    pub(crate) fn verdict(&self, verdict: &Verdict) {
        match verdict.is_healthy() {
            true if self.is_quiet => {}
            true => to_stdout(&verdict.render(self.format)),
            false => to_stderr(&verdict.render(self.format)),
        }
    }
}

/// Where what is printed goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// Nowhere.
    Null,
}

impl Stream {
    /// Writes bytes as they are. Unlike a line about a verdict, they are what was asked for: an error tells that they are
    /// not there.
    pub(crate) fn write(self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match self {
            Stream::Out => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes).and_then(|()| stdout.flush())
            }
            Stream::Err => io::stderr().lock().write_all(bytes),
            Stream::Null => Ok(()),
        }
    }

    /// False if what is written is seen by nobody: the stream leads to /dev/null, device 1:3.
    pub(crate) fn is_seen(self) -> bool {
        let stat = match self {
            Stream::Out => fstat(io::stdout()),
            Stream::Err => fstat(io::stderr()),
            Stream::Null => return false,
        };
        stat.is_ok_and(|stat| {
            let is_device = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
            !is_device || (major(stat.st_rdev), minor(stat.st_rdev)) != (1, 3)
        })
    }
}

/// Prints why nothing was done; `spared` says what: `asked`.
pub(crate) fn usage_error(handler: Option<&str>, target: Option<&str>, error: &str, spared: &str, format: Format) {
    let program = handler.map_or_else(|| "exec-probe".to_owned(), |handler| format!("exec-probe {handler}"));
    let message = format!("{program}: {error}; nothing was {spared}");
    to_stderr(&match format {
        Format::Text => message + "\n",
        Format::Json => report::usage_error(handler, target, &message) + "\n",
    });
}

/// Prints why a program was not started.
pub(crate) fn not_started(why: &str) {
    to_stderr(&format!("exec-probe: {why}\n"));
}

/// Prints text that was asked for: help, the version.
pub(crate) fn to_stdout(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Prints text if standard output has room for it at this moment. False: it has not, and nothing was printed. A pipe that
/// is ready takes 4 KiB at once (POSIX, PIPE_BUF).
pub(crate) fn to_stdout_now(text: &str) -> bool {
    let stdout = io::stdout();
    let mut ready = [PollFd::new(&stdout, PollFlags::OUT)];
    let is_ready = poll(&mut ready, Some(&Timespec::default())).is_ok_and(|count| count > 0);
    if is_ready {
        to_stdout(text);
    }
    is_ready
}

/// Prints text that is not the outcome that was wanted.
pub(crate) fn to_stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Turns a panic into one line and exit code 70. The line names the place only: a panic's own text may hold what
/// came from the command line. With `panic = "abort"` the process would otherwise end by SIGABRT. Apart from
/// [`run`](crate::run()), because it is for a whole process, and a fuzzer sets a hook of its own.
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
}
