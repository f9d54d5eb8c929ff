//! The command line: what was typed becomes an [`Action`] that is valid and complete. Nothing is asked or printed
//! here, and no file opened but those that placeholders and TLS options name.

pub(crate) mod flags;
pub(crate) mod help;
mod line;
pub(crate) mod parse;
mod values;

use std::time::Duration;

use crate::install::Install;
use crate::probe::Probe;
use crate::report::Format;
use flags::Command;

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Action {
    /// The help of all or of one command.
    Help(Option<Command>),
    /// The version.
    Version,
    /// A probe.
    Probe(Box<Probe>, Settings),
    /// A copy of this binary.
    Install(Box<Install>, Settings),
}

/// What all probes have in common; an install takes its part of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The limit of the whole run.
    pub(crate) timeout: Duration,
    /// The exit code for unhealthy.
    pub(crate) unhealthy_exit: u8,
    /// Print nothing when healthy.
    pub(crate) quiet: bool,
    /// Tell the phases.
    pub(crate) verbose: bool,
    /// How to print.
    pub(crate) output: Format,
}

/// A command line that can't be obeyed, and what was wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError {
    /// The command, once it is known.
    pub(crate) command: Option<&'static str>,
    /// The text between command and "; nothing was asked".
    pub(crate) message: String,
    /// How it is printed, as far as that was understood.
    pub(crate) output: Format,
}
