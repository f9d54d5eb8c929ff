//! The command line: what was typed becomes an [`Action`] that is valid and complete. Nothing is asked or printed
//! here, and no file opened but those that placeholders and TLS options name.

pub(crate) mod command;
mod file;
pub(crate) mod flags;
pub(crate) mod grammar;
mod grpc;
mod habits;
pub(crate) mod help;
pub(crate) mod http;
mod install;
mod line;
pub(crate) mod parse;
mod tcp;
mod tls;
pub(crate) mod usage;
pub(crate) mod values;

use crate::install::Install;
use crate::output::Telling;
use crate::run::Run;
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
    /// To ask.
    Ask(Box<Run>),
    /// To copy this binary.
    Install(Box<Install>, Telling),
}
