//! `sh -c '…'` that can run nothing but a probe: an and/or list of tools, whose words are quoted and expanded as a
//! shell does it, and whose output may go to /dev/null. Nothing is started and no file is opened here: a script
//! becomes a [`Script`], and who runs its calls is the caller.
//!
//! Of 1,318 real health checks 96 % are this grammar or no shell at all. What is not in it is refused by name, before
//! anything runs. What is accepted means what it means to dash, and to bash where the two agree: `differential`
//! compares them. `&>` alone is bash's, since to dash it would mean a check that runs unwatched and is always
//! healthy.

#[cfg(test)]
mod differential;
mod parse;
#[cfg(test)]
mod random;
mod words;

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use crate::dropin::Tool;
use crate::output::Stream;
use crate::text::quoted;

/// What a shell exits with where it can't run a command, and what a script that is refused exits with.
pub(crate) const EXIT_REFUSED: u8 = 127;

/// Looks a variable up.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// An and/or list with at least one command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Script {
    steps: Vec<Step>,
}

/// A command, and after what it runs.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    when: When,
    command: Command,
}

/// What the status so far has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Any: the first command.
    Always,
    /// Zero: what follows `&&`.
    Succeeded,
    /// Not zero: what follows `||`.
    Failed,
}

#[derive(Debug, PartialEq, Eq)]
enum Command {
    Tool(Call),
    /// `exit`, with the status so far if it has no number.
    Exit(Option<u8>),
    /// `true`, `false` and `:`.
    Status(u8),
}

/// One call of a tool.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Who is called.
    pub(crate) tool: Tool,
    /// Its arguments, without its name.
    pub(crate) args: Vec<String>,
    /// True if a variable gave a part of them, which may be a secret.
    pub(crate) is_filled: bool,
    /// Where its standard output goes.
    pub(crate) stdout: Stream,
    /// Where its standard error goes.
    pub(crate) stderr: Stream,
    /// The limit that `timeout` gives it; `timeout` exits with 124 when it is over.
    pub(crate) timeout: Option<Duration>,
    /// True after `exec`: nothing of the script runs after it.
    is_last: bool,
}

impl Script {
    /// Reads a script, with every variable filled in. No value of a variable gets into the refusal.
    pub(crate) fn parse(text: &str, env: Env<'_>) -> Result<Script, Refused> {
        parse::script(text, env).map(|steps| Script { steps })
    }

    /// Runs the list: `run_tool` runs a call and returns its exit code.
    pub(crate) fn run(&self, run_tool: &mut dyn FnMut(&Call) -> u8) -> u8 {
        let mut status = 0;
        for Step { when, command } in &self.steps {
            let is_due = match when {
                When::Always => true,
                When::Succeeded => status == 0,
                When::Failed => status != 0,
            };
            if !is_due {
                continue;
            }
            match command {
                Command::Exit(code) => return code.unwrap_or(status),
                Command::Status(code) => status = *code,
                Command::Tool(call) => {
                    status = run_tool(call);
                    if call.is_last {
                        return status;
                    }
                }
            }
        }
        status
    }
}

/// Finds the script among the arguments of `sh`: `-c`, `-ec` or `-x -c` before it. What follows it would be `$0` and
/// `$1`, which no script can name. `-e` changes nothing in a single list, and nothing is traced.
pub(crate) fn script(args: &[OsString]) -> Result<&str, Refused> {
    let mut args = args.iter();
    let mut has_c = false;
    while let Some(arg) = args.next() {
        let Some(word) = arg.to_str() else { return Err(Refused::phrase("an argument that is not UTF-8")) };
        match word.strip_prefix('-') {
            Some("-") => {
                let script = args.next().filter(|_| has_c).and_then(|script| script.to_str());
                return script.ok_or_else(|| Refused::phrase("no script after -c"));
            }
            Some(letters) if !letters.is_empty() && letters.chars().all(|letter| "celox".contains(letter)) => {
                has_c |= letters.contains('c');
                if letters.contains('o') {
                    match args.next().and_then(|name| name.to_str()) {
                        Some("errexit" | "pipefail") => {}
                        _ => return Err(Refused::text(word)),
                    }
                }
            }
            None if has_c => return Ok(word),
            _ => return Err(Refused::text(word).but("the script comes after -c")),
        }
    }
    Err(Refused::phrase("no script after -c"))
}

/// Why a script is not run: what was found that is none of the grammar, and what to write. One line, which shows the
/// script as typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    found: String,
    hint: Option<&'static str>,
}

impl Refused {
    /// By a part of the script.
    fn text(found: &str) -> Refused {
        Refused { found: quoted(found), hint: None }
    }

    /// By something that has no text.
    fn phrase(found: &str) -> Refused {
        Refused { found: found.to_owned(), hint: None }
    }

    /// Says what to write.
    fn but(self, hint: &'static str) -> Refused {
        Refused { hint: Some(hint), ..self }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "runs only curl, wget, nc and grpc_health_probe with || exit N: found {}", self.found)?;
        self.hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

#[cfg(test)]
mod tests;
