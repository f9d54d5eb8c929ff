//! The table of commands, beside the table of flags: parsing, `--help` and usage errors are made from it.

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
    /// True if it asks something: the options of a run are its own too.
    pub(crate) is_probe: bool,
}

impl PartialEq for Command {
    fn eq(&self, other: &Command) -> bool {
        self.name == other.name
    }
}

impl Eq for Command {}

/// All of them, in the order of the help.
pub(crate) static COMMANDS: [&Command; 6] = [&HTTP, &TCP, &GRPC, &FILE, &INSTALL, &SERVE];

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
    is_probe: true,
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
    is_probe: true,
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
    is_probe: true,
};

/// One look at a file.
pub(crate) static FILE: Command = Command {
    name: "file",
    operand: "PATH",
    example: "/tmp/healthy",
    summary: "a file exists, and is fresh enough",
    about: "Checks that a regular file, or the one a symbolic link leads to, can be read.\n",
    spared: "asked",
    is_probe: true,
};

/// A copy of this binary.
pub(crate) static INSTALL: Command = Command {
    name: "install",
    operand: "DEST",
    example: "/probe",
    summary: "copies this binary to DEST, a folder or a file",
    about: "\
Copies this binary to DEST, a folder (the name stays exec-probe) or a file, for other containers to run:
what an init container does. DEST/ with a slash at its end makes a missing folder, one and no path of them.
It replaces a copy that is running, or leaves everything as it was.
",
    spared: "installed",
    is_probe: false,
};

/// A port for health alone.
pub(crate) static SERVE: Command = Command {
    name: "serve",
    operand: "PATHS",
    example: "/livez http :8080/healthz",
    summary: "answers GET of each path by its probe, on a port of its own",
    about: "\
Listens, and answers GET and HEAD of each path by asking then what follows it, until SIGTERM or SIGINT:

    exec-probe serve --listen :8086 /livez http :8080/healthz /readyz http :8080/ready --and grpc :9090

PATHS: a path, a command with its options, and --and with another one; then the next path. --timeout is the limit
of its path, 900ms without it. 200 healthy, 503 a bad answer, 502 none, 504 none in time. One question of a path is
under way at a time; who asks meanwhile gets its answer. A line is printed for each change.
",
    spared: "served",
    is_probe: false,
};

impl Command {
    /// The command of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Command> {
        COMMANDS.into_iter().find(|command| command.name == name)
    }
}
