//! The command line: what was typed becomes an [`Action`] that is valid and complete. Nothing is asked, opened or
//! printed here but what placeholders name.

pub(crate) mod flags;
pub(crate) mod help;
mod line;
pub(crate) mod parse;
mod values;

use std::time::Duration;

use crate::output::Format;
use crate::probe::Probe;
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
}

/// What all probes have in common.
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
