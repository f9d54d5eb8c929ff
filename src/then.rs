//! What follows a healthy run: this process becomes a program. Same process id, same environment, no child; what this
//! program opened is closed on the way, as all its descriptors are.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::text::{Errno, TARGET_CHARS, quoted_up_to};

/// A program and its arguments.
#[derive(Debug)]
pub(crate) struct Then {
    program: OsString,
    args: Vec<OsString>,
}

/// Why it could not be started.
#[derive(Debug)]
pub(crate) struct NotStarted {
    program: String,
    errno: i32,
}

/// Exit code: a program was found and can't be executed, as shells give it (POSIX, section 2.8.2).
const EXIT_NOT_EXECUTABLE: u8 = 126;

/// Exit code: no such program.
const EXIT_NOT_FOUND: u8 = 127;

impl Then {
    /// The words after `--then`; none if there are none.
    pub(crate) fn of(words: Vec<OsString>) -> Option<Then> {
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty())?;
        Some(Then { program, args: words.collect() })
    }

    /// Becomes the program, which is looked up in PATH if its name has no slash. Returns only if that failed.
    pub(crate) fn start(&self) -> NotStarted {
        let error = Command::new(&self.program).args(&self.args).exec();
        NotStarted { program: self.program.to_string_lossy().into_owned(), errno: errno(&error) }
    }
}

impl NotStarted {
    /// The exit code that shells give for this.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.errno == libc::ENOENT { EXIT_NOT_FOUND } else { EXIT_NOT_EXECUTABLE }
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--then {}: ", quoted_up_to(&self.program, TARGET_CHARS))?;
        match self.errno {
            libc::ENOENT if self.program.contains('/') => f.write_str("no such program, or no such interpreter"),
            libc::ENOENT => f.write_str("no such program in PATH"),
            libc::EACCES => f.write_str("permission denied"),
            libc::ENOEXEC => f.write_str("not a program for this machine"),
            errno => write!(f, "execve gave {}", Errno(errno)),
        }
    }
}

fn errno(error: &io::Error) -> i32 {
    // std's own: a NUL byte in a word.
    error.raw_os_error().unwrap_or(libc::EINVAL)
}
