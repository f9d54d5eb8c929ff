//! What all fuzz targets share: one run of the library as the binary makes it, with both streams caught, and the
//! contract that every run is held to (DESIGN.md, section 4): an exit code of the table, one line, no control
//! character, no secret, the deadline, no descriptor left.
//!
//! Nothing in the product knows of this: the process's own standard streams are led into files in memory for as long as
//! a run takes.

pub mod server;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::fs::MemfdFlags;

/// The variable that names a binary to be run in the library's place: a foreign one, by its emulator.
const TESTED: &str = "EXEC_PROBE_TESTED";

/// What no output may ever show: the value of the variable SECRET, which [`run`] sets.
pub const SECRET: &str = "s3cr3t-Va1ue";

/// How much later than its deadline a run may end, as everything is slower under a fuzzer.
const GRACE: Duration = Duration::from_secs(3);

/// A bound for what this process needs, its server included: what runs leave open adds up to more.
const MOST_DESCRIPTORS: i32 = 64;

/// The longest line that reaches a Kubernetes event whole.
const MOST_CHARS: usize = 1024;

/// What a run gave.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: u8,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// From its start to its end, without the time that the kernel gave to others.
    pub took: Duration,
    args: Vec<OsString>,
}

struct Streams {
    real: [OwnedFd; 2],
    caught: [File; 2],
}

/// Keeps the real streams. Each target calls it before the fuzzer's first message.
///
/// # Panics
/// If the kernel gives no descriptor.
pub fn init() {
    streams();
    std::panic::set_hook(Box::new(|panic| {
        release();
        eprintln!("{panic}");
        std::process::abort();
    }));
}

fn streams() -> &'static Streams {
    static STREAMS: OnceLock<Streams> = OnceLock::new();
    STREAMS.get_or_init(|| {
        let memory =
            || File::from(rustix::fs::memfd_create("stream", MemfdFlags::CLOEXEC).expect("a file in memory"));
        let real = [rustix::io::dup(rustix::stdio::stdout()), rustix::io::dup(rustix::stdio::stderr())];
        Streams { real: real.map(|fd| fd.expect("a descriptor")), caught: [memory(), memory()] }
    })
}

fn release() {
    let [stdout, stderr] = &streams().real;
    let _ = rustix::stdio::dup2_stdout(stdout);
    let _ = rustix::stdio::dup2_stderr(stderr);
}

/// Runs exec-probe with these arguments, and the variables of [`env`].
///
/// # Panics
/// If a stream can't be led elsewhere, holds no UTF-8, or descriptors are left open.
#[must_use]
pub fn run<A: Into<OsString>>(args: impl IntoIterator<Item = A>) -> Ran {
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    if let Some(binary) = std::env::var_os(TESTED) {
        return run_binary(&binary, args);
    }
    let Streams { caught: [stdout, stderr], .. } = streams();
    rustix::stdio::dup2_stdout(stdout).expect("standard output is led elsewhere");
    rustix::stdio::dup2_stderr(stderr).expect("standard error is led elsewhere");
    let waited = waited();
    let started = Instant::now();
    let code = exec_probe::run(started, None, args.clone(), env);
    let took = started.elapsed().saturating_sub(self::waited().saturating_sub(waited));
    release();
    assert!(
        File::open("/dev/null").expect("a descriptor").as_raw_fd() < MOST_DESCRIPTORS,
        "descriptors are left open"
    );
    Ran { code, stdout: taken(stdout), stderr: taken(stderr), took, args }
}

/// As a process of its own.
fn run_binary(binary: &OsStr, args: Vec<OsString>) -> Ran {
    let started = Instant::now();
    let ended = Command::new(binary)
        .args(&args)
        .env_clear()
        .envs(variables().iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let took = started.elapsed();
    let code = ended.status.code().and_then(|code| u8::try_from(code).ok());
    let [stdout, stderr] =
        [ended.stdout, ended.stderr].map(|bytes| String::from_utf8(bytes).expect("the output is UTF-8"));
    let code = code.unwrap_or_else(|| panic!("{}: {args:?}: {stderr}", ended.status));
    Ran { code, stdout, stderr, took, args }
}

/// The variables that every run has.
#[must_use]
pub fn env(name: &str) -> Option<OsString> {
    variables().iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

fn variables() -> &'static [(&'static str, OsString); 8] {
    use std::os::unix::ffi::OsStringExt;
    static VARIABLES: OnceLock<[(&str, OsString); 8]> = OnceLock::new();
    VARIABLES.get_or_init(|| {
        [
            ("PORT", "8080".into()),
            ("EMPTY", OsString::new()),
            ("BYTES", OsString::from_vec(vec![0xff, b'x', 0xc3])),
            ("LONG", "x".repeat(70_000).into()),
            ("SECRET", SECRET.into()),
            // Where a URL may be split, and what a part of one may be, with a secret in it that is no host and no port.
            ("PW", format!("1234/{SECRET}@:5/?#").into()),
            ("DSN", format!("postgres://me:{SECRET}@db/x?u=http://y").into()),
            ("APP_PORT", "tcp://10.0.0.5:80".into()),
        ]
    })
}

/// How long this thread has waited for a processor so far (proc(5), /proc/PID/schedstat): a fuzzer shares its own.
fn waited() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').nth(1).and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

/// Reads what was written and empties the file.
fn taken(mut file: &File) -> String {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("a file in memory is read");
    file.set_len(0).and_then(|()| file.rewind()).expect("a file in memory is emptied");
    String::from_utf8(bytes).expect("the output is UTF-8")
}

/// What is known of a run beforehand.
pub struct Contract<'a> {
    /// The exit codes it may end with.
    pub codes: &'a dyn Fn(u8) -> bool,
    /// Its deadline.
    pub timeout: Duration,
}

impl Ran {
    /// Holds the run to the contract.
    ///
    /// # Panics
    /// If it broke it, with all that is known of the run.
    pub fn check(&self, contract: &Contract<'_>) {
        let mut wrong = String::new();
        let mut claim = |holds: bool, what: &str| {
            if !holds {
                let _ = writeln!(wrong, "  {what}");
            }
        };
        let says = |word: &str| self.args.iter().any(|arg| arg == word);
        let (quiet, verbose) = (says("-q") || says("--quiet"), says("-v") || says("--verbose"));
        claim((contract.codes)(self.code), "the exit code is none of those allowed");
        claim(self.took <= contract.timeout + GRACE, "it outlived its deadline");
        for stream in [&self.stdout, &self.stderr] {
            claim(!stream.contains(|char: char| char.is_control() && char != '\n'), "a control character is printed");
            claim(stream.is_empty() || stream.ends_with('\n'), "the last line has no end");
            claim(!stream.contains(SECRET) || self.names_the_secret_in_target(), "a secret is printed");
        }
        let phases = self.stderr.lines().take_while(|line| is_phase(line)).count();
        claim(phases == 0 || verbose, "phases are told, and nobody asked");
        let errors: Vec<&str> = self.stderr.lines().skip(if verbose { phases } else { 0 }).collect();
        if self.is_help() {
            claim(self.code == 0 || self.code == 64, "help has another exit code");
        } else if self.code == 0 {
            claim(errors.is_empty(), "it is healthy and says something else on standard error");
            let lines = self.stdout.lines().count();
            claim(lines == 1 || (lines == 0 && quiet), "healthy is not told in one line");
        } else {
            claim(self.stdout.is_empty(), "it is not healthy and says something on standard output");
            let lines = match errors.as_slice() {
                [_] => true,
                [_, body] => says("--show-body") && body.starts_with("body: "),
                _ => false,
            };
            claim(lines, "a failure is not told in one line");
        }
        if !self.is_help() {
            let longest = self.stdout.lines().chain(self.stderr.lines()).map(|line| line.chars().count()).max();
            claim(longest.unwrap_or_default() <= MOST_CHARS, "a line is longer than an event takes");
        }
        assert!(wrong.is_empty(), "the contract is broken:\n{wrong}{self:#?}");
    }

    /// Holds the run of another tool's command line to what is left of the contract: what goes to standard output is
    /// the tool's matter.
    ///
    /// # Panics
    /// If it breaks it.
    pub fn check_tool(&self, contract: &Contract<'_>) {
        assert!((contract.codes)(self.code), "the exit code is none of those allowed: {self:#?}");
        assert!(self.took <= contract.timeout + GRACE, "it outlived its deadline: {self:#?}");
        let is_clean = !self.stderr.contains(|char: char| char.is_control() && char != '\n');
        assert!(is_clean, "a control character is printed: {self:#?}");
        assert!(self.stderr.is_empty() || self.stderr.ends_with('\n'), "the last line has no end: {self:#?}");
    }

    /// The object that `--output=json` printed.
    ///
    /// # Panics
    /// If it is no object with the eight fields.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let line = if self.code == 0 { &self.stdout } else { &self.stderr };
        let object: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        let names: Vec<&String> = object.as_object().into_iter().flat_map(|object| object.keys()).collect();
        let wanted = ["cause", "elapsed_ms", "handler", "healthy", "message", "phase", "status", "target"];
        assert_eq!(names, wanted, "{self:#?}");
        assert_eq!(object["healthy"], self.code == 0, "{self:#?}");
        assert_eq!(object["cause"].is_null(), self.code == 0, "{self:#?}");
        object
    }

    fn is_help(&self) -> bool {
        let printed = if self.code == 0 { &self.stdout } else { &self.stderr };
        printed.starts_with("exec-probe ") && printed.contains("\n  ") || printed.starts_with("exec-probe 0.")
    }

    /// A host and a port are always shown as they came out.
    fn names_the_secret_in_target(&self) -> bool {
        self.args.iter().any(|arg| {
            let arg = arg.to_string_lossy();
            !arg.starts_with('-') && arg.contains("SECRET") || arg.contains(SECRET)
        })
    }
}

fn is_phase(line: &str) -> bool {
    ["resolve: ", "connect: ", "tls: ", "request: ", "headers: ", "body: ", "note: "]
        .iter()
        .any(|name| line.starts_with(name))
        || line.starts_with("{\"phase\":")
}
