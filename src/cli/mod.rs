//! The command line: what was typed becomes an [`Action`] that is valid and complete. Nothing is asked or printed
//! here, and no file opened but those that placeholders and TLS options name.

pub(crate) mod command;
mod file;
pub(crate) mod flags;
pub(crate) mod grammar;
mod grpc;
mod habits;
pub(crate) mod help;
mod http;
mod install;
mod line;
pub(crate) mod parse;
mod tcp;
mod tls;
pub(crate) mod usage;
mod values;

use std::time::Duration;

use crate::install::Install;
use crate::probe::Probe;
use crate::report::Format;
use command::Command;

/// What a command line says to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// No word, or none that says what: the help, as an error.
    Nothing,
    /// The help of all or of one command.
    Help(Option<&'static Command>),
    /// The version.
    Version,
    /// A probe.
    Probe(Box<Probe>, Settings),
    /// A copy of this binary.
    Install(Box<Install>, Settings),
}

/// What all probes have in common; an install takes its part of it.
#[derive(Clone, Debug)]
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
    /// Remarks on the command line, for `-v`.
    pub(crate) notes: Vec<String>,
}
