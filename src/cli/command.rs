//! The table of commands, beside the table of flags: parsing, `--help` and usage errors are made from it.

use crate::cli::flags::{FLAGS, Flag, Scope};
use crate::cli::line::Line;
use crate::cli::{file, grpc, http, install, tcp};
use crate::install::Install;
use crate::probe::Probe;

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Command {
    /// What is typed.
    pub(crate) name: &'static str,
    /// The word for its argument.
    pub(crate) operand: &'static str,
    /// An argument as an example.
    pub(crate) example: &'static str,
    /// What it does, in the list of commands.
    pub(crate) summary: &'static str,
    /// What it does and takes, above its options.
    pub(crate) about: &'static str,
    /// What a wrong command line kept from happening: `asked`.
    pub(crate) spared: &'static str,
    /// What its options and its argument mean.
    pub(crate) kind: Kind,
}

/// What a command makes of its line. None: the line has complaints.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A probe: the options of a run are its own too.
    Probe(fn(&mut Line<'_>) -> Option<Probe>),
    /// A copy of this binary.
    Install(fn(&mut Line<'_>) -> Option<Install>),
}

impl PartialEq for Command {
    fn eq(&self, other: &Command) -> bool {
        self.name == other.name
    }
}

impl Eq for Command {}

/// All of them, in the order of the help.
pub(crate) static COMMANDS: [&Command; 5] = [&HTTP, &TCP, &GRPC, &FILE, &INSTALL];

/// One HTTP request.
pub(crate) static HTTP: Command = Command {
    name: "http",
    operand: "TARGET",
    example: ":8080/healthz",
    summary: "one HTTP request; healthy on status 200-399",
    about: "\
One HTTP request; healthy on status 200-399. TARGET: :8080/healthz, 8080, localhost:8080/x, [::1]:8080/x,
https://localhost:8443/x; with --unix-socket also /healthz alone; unix:///run/app.sock asks for / there.
",
    spared: "asked",
    kind: Kind::Probe(http::understand),
};

/// One TCP connection.
pub(crate) static TCP: Command = Command {
    name: "tcp",
    operand: "TARGET",
    example: ":5432",
    summary: "one TCP connection; healthy once it is accepted",
    about: "\
One TCP connection; healthy once it is accepted. TARGET: :5432, 5432, localhost:5432, [::1]:5432,
unix:///run/app.sock.
",
    spared: "asked",
    kind: Kind::Probe(tcp::understand),
};

/// One gRPC health check.
pub(crate) static GRPC: Command = Command {
    name: "grpc",
    operand: "TARGET",
    example: ":50051",
    summary: "one grpc.health.v1.Health/Check; healthy on SERVING",
    about: "\
One grpc.health.v1.Health/Check; healthy on SERVING. TARGET: :50051, 50051, localhost:50051,
[::1]:50051, unix:///run/app.sock.
",
    spared: "asked",
    kind: Kind::Probe(grpc::understand),
};

/// One look at a file.
pub(crate) static FILE: Command = Command {
    name: "file",
    operand: "PATH",
    example: "/tmp/healthy",
    summary: "a file exists, and is fresh enough",
    about: "Checks that a regular file, or the one a symbolic link leads to, can be read.\n",
    spared: "asked",
    kind: Kind::Probe(file::understand),
};

/// A copy of this binary.
pub(crate) static INSTALL: Command = Command {
    name: "install",
    operand: "DEST",
    example: "/probe",
    summary: "copies this binary to DEST, a folder or a file",
    about: "\
Copies this binary to DEST, a folder (the name stays exec-probe) or a file, for other containers to run:
what an init container does. It replaces a copy that is running, or leaves everything as it was.
",
    spared: "installed",
    kind: Kind::Install(install::understand),
};

impl Command {
    /// The command of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Command> {
        COMMANDS.into_iter().find(|command| command.name == name)
    }

    /// True if it knows this flag.
    pub(crate) fn has(&self, flag: &Flag) -> bool {
        match flag.scope {
            Scope::All => true,
            Scope::Run => matches!(self.kind, Kind::Probe(_)),
            Scope::Of(commands) => commands.contains(&self),
        }
    }

    /// The flags of this command, its own before those it shares with all others.
    pub(crate) fn flags(&self) -> impl Iterator<Item = &'static Flag> {
        let is_own = |flag: &&&Flag| matches!(flag.scope, Scope::Of(_));
        let own = FLAGS.iter().filter(is_own).chain(FLAGS.iter().filter(move |flag| !is_own(flag)));
        own.copied().filter(|flag| self.has(flag))
    }
}
