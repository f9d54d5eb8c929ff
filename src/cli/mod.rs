//! The command line: what was typed becomes an [`Action`] that is valid and complete. Nothing is asked or printed
//! here, and no file opened but those that placeholders and TLS options name.

mod body;
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
mod parts;
pub(crate) mod run;
pub(crate) mod serve;
mod tcp;
mod tls;
pub(crate) mod usage;
pub(crate) mod values;

use std::ffi::OsString;

use crate::install::Install;
use crate::output::Telling;
use crate::probe::Probe;
use crate::run::Run;
use crate::serve::Serve;
use command::Command;
use line::{Env, Line};
use usage::UsageError;

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
    /// To answer whoever asks.
    Serve(Box<Serve>),
}

/// What a command makes of its line. None: the line has complaints.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    Probe(fn(&mut Line<'_>) -> Option<Probe>),
    Install(fn(&mut Line<'_>) -> Option<Install>),
    /// Its words are not a probe's: it splits them itself.
    Serve(fn(Vec<OsString>, Env<'_>) -> Result<Action, UsageError>),
}

static MEANINGS: [(&Command, Meaning); 6] = [
    (&command::HTTP, Meaning::Probe(http::understand)),
    (&command::TCP, Meaning::Probe(tcp::understand)),
    (&command::GRPC, Meaning::Probe(grpc::understand)),
    (&command::FILE, Meaning::Probe(file::understand)),
    (&command::INSTALL, Meaning::Install(install::understand)),
    (&command::SERVE, Meaning::Serve(serve::parse)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use command::COMMANDS;

    #[test]
    fn every_command_has_a_meaning() {
        assert_eq!(MEANINGS.map(|(command, _)| command.name), COMMANDS.map(|command| command.name));
    }
}
