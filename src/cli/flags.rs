//! The flag table: one row per flag, from which parsing, `--help`, the README's option lists and the answer to a
//! mistyped option are made. A row says what may be typed; what it means is said where it is used, in `parse`.

/// A command of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// One HTTP request.
    Http,
    /// One TCP connection.
    Tcp,
    /// One gRPC health check.
    Grpc,
    /// One look at a file.
    File,
    /// A copy of this binary.
    Install,
}

/// The commands that ask something.
const PROBES: [Command; 4] = [Command::Http, Command::Tcp, Command::Grpc, Command::File];

impl Command {
    /// All of them, in the order of the help.
    pub(crate) const ALL: [Command; 5] =
        [Command::Http, Command::Tcp, Command::Grpc, Command::File, Command::Install];

    /// What is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Command::Http => "http",
            Command::Tcp => "tcp",
            Command::Grpc => "grpc",
            Command::File => "file",
            Command::Install => "install",
        }
    }

    /// The word for its argument.
    pub(crate) fn operand(self) -> &'static str {
        match self {
            Command::Http | Command::Tcp | Command::Grpc => "TARGET",
            Command::File => "PATH",
            Command::Install => "DEST",
        }
    }

    /// An argument as an example.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Command::Http => ":8080/healthz",
            Command::Tcp => ":5432",
            Command::Grpc => ":50051",
            Command::File => "/tmp/healthy",
            Command::Install => "/probe",
        }
    }

    /// The flags of this command, its own before those of all.
    pub(crate) fn flags(self) -> impl Iterator<Item = &'static Flag> {
        let mine = move |flag: &&&Flag| flag.commands.contains(&self);
        let is_shared = |flag: &&&Flag| flag.commands.len() >= PROBES.len();
        let own = FLAGS.iter().filter(mine).filter(move |flag| !is_shared(flag));
        own.chain(FLAGS.iter().filter(mine).filter(is_shared)).copied()
    }
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Flag {
    /// `--timeout`
    pub(crate) long: &'static str,
    /// `-H`
    pub(crate) short: Option<&'static str>,
    /// The word for its value; none for a switch.
    pub(crate) value: Option<&'static str>,
    /// The value where none is given, for the help.
    pub(crate) default: Option<&'static str>,
    /// The variable that gives another default.
    pub(crate) env: Option<&'static str>,
    /// True if it may stand several times.
    pub(crate) repeats: bool,
    /// True if the value may hold a credential: messages show it up to its colon.
    pub(crate) is_secret: bool,
    /// The commands that know it.
    pub(crate) commands: &'static [Command],
    /// What it does.
    pub(crate) help: &'static str,
}

/// A row before its particulars: a switch of all commands.
const SWITCH: Flag = Flag {
    long: "",
    short: None,
    value: None,
    default: None,
    env: None,
    repeats: false,
    is_secret: false,
    commands: &PROBES,
    help: "",
};

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $value:expr),* $(,)? })*) => {
        $($(#[$doc])* pub(crate) static $name: Flag = Flag { $($field: $value,)* ..SWITCH };)*

        /// Every row.
        pub(crate) static FLAGS: &[&Flag] = &[$(&$name),*];
    };
}

flags! {
    /// The HTTP method.
    METHOD {
        long: "--method", short: Some("-X"), value: Some("METHOD"), default: Some("GET"), commands: &[Command::Http],
        help: "request method; POST, PUT and PATCH send an empty body",
    }
    /// A request header.
    HEADER {
        long: "--header", short: Some("-H"), value: Some("'NAME: VALUE'"), repeats: true, is_secret: true,
        commands: &[Command::Http],
        help: "send this header; an empty value removes User-Agent and Accept",
    }
    /// Basic authentication.
    USER {
        long: "--user", short: Some("-u"), value: Some("NAME:PASSWORD"), is_secret: true, commands: &[Command::Http],
        help: "send this as Basic authorization",
    }
    /// The HTTP statuses that are healthy.
    EXPECT_STATUS {
        long: "--expect-status", value: Some("LIST"), default: Some("200-399"), commands: &[Command::Http],
        help: "statuses that are healthy, such as 200,204,301-302",
    }
    /// What the body must hold.
    EXPECT_BODY {
        long: "--expect-body", value: Some("TEXT"), commands: &[Command::Http],
        help: "the first 10 KiB of the body must hold this text as well",
    }
    /// A unix socket in place of host and port.
    UNIX_SOCKET {
        long: "--unix-socket", value: Some("PATH"), commands: &[Command::Http],
        help: "connect to this unix socket; TARGET may then be a path alone",
    }
    /// What happens to redirects.
    REDIRECTS {
        long: "--redirects", value: Some("same-host|none"), default: Some("same-host"), commands: &[Command::Http],
        help: "follow redirects to the same host name, nine at most, or none",
    }
    /// The excerpt of the body.
    SHOW_BODY {
        long: "--show-body", commands: &[Command::Http],
        help: "when unhealthy, print the body's first 256 characters on a second line",
    }
    /// The gRPC service name.
    SERVICE {
        long: "--service", value: Some("NAME"), commands: &[Command::Grpc],
        help: "ask for this service; without it, for the whole server",
    }
    /// Request metadata.
    METADATA {
        long: "--metadata", short: Some("-H"), value: Some("'NAME: VALUE'"), repeats: true, is_secret: true,
        commands: &[Command::Grpc],
        help: "send this metadata",
    }
    /// The serving statuses that are healthy.
    EXPECT_SERVING {
        long: "--expect-status", value: Some("LIST"), default: Some("SERVING"), commands: &[Command::Grpc],
        help: "serving statuses that are healthy, such as SERVING,NOT_SERVING; any: any answer of a gRPC server",
    }
    /// TLS for grpc.
    TLS {
        long: "--tls", commands: &[Command::Grpc],
        help: "speak TLS; without --cacert the server's certificate is not verified",
    }
    /// The `:authority` header.
    AUTHORITY {
        long: "--authority", value: Some("NAME"), commands: &[Command::Grpc],
        help: "send this as :authority; without it, host and port of TARGET",
    }
    /// Whom to trust.
    CACERT {
        long: "--cacert", value: Some("FILE"), commands: &[Command::Http, Command::Grpc],
        help: "verify the server's certificate, its dates and its name by the authorities in this PEM file, or as one \
               that is itself in the file; without --cacert nothing is verified",
    }
    /// Our certificate.
    CERT {
        long: "--cert", value: Some("FILE"), commands: &[Command::Http, Command::Grpc],
        help: "present this PEM certificate, with its chain; the key may stand in the same file",
    }
    /// Our key.
    KEY {
        long: "--key", value: Some("FILE"), commands: &[Command::Http, Command::Grpc],
        help: "the PEM key of --cert: PKCS#8, PKCS#1 or SEC1, not encrypted",
    }
    /// The name for SNI and verification.
    SERVER_NAME {
        long: "--server-name", value: Some("NAME"), commands: &[Command::Http, Command::Grpc],
        help: "name to send by SNI and to verify [default: the host of TARGET]; a virtual host wants the same name in \
               Host (-H) or :authority",
    }
    /// How old a file may be.
    MAX_AGE {
        long: "--max-age", value: Some("LENGTH"), commands: &[Command::File],
        help: "the file must have been modified within this length, such as 30s",
    }
    /// What a file must hold.
    CONTAINS {
        long: "--contains", value: Some("TEXT"), commands: &[Command::File],
        help: "the first 64 KiB of the file must hold this text",
    }
    /// Further names.
    LINK {
        long: "--link", value: Some("NAME"), repeats: true, commands: &[Command::Install],
        help: "make a link of this name to the copy, beside it",
    }
    /// The limit of the whole run.
    TIMEOUT {
        long: "--timeout", value: Some("LENGTH"), default: Some("29s"), env: Some("EXEC_PROBE_TIMEOUT"),
        help: "limit of the whole run: 500ms, 2s, 1.5s, 1m",
    }
    /// The exit code of unhealthy.
    UNHEALTHY_EXIT {
        long: "--unhealthy-exit", value: Some("N"), default: Some("1"),
        help: "exit code for unhealthy, 1 to 124 but not 2, 64 or 70; Nomad and Consul want 3",
    }
    /// Silence.
    QUIET {
        long: "--quiet", short: Some("-q"), commands: &Command::ALL,
        help: "print nothing when all is well",
    }
    /// Phases.
    VERBOSE {
        long: "--verbose", short: Some("-v"),
        help: "print each phase on standard error as it ends",
    }
    /// Text or JSON.
    OUTPUT {
        long: "--output", value: Some("text|json"), default: Some("text"), env: Some("EXEC_PROBE_OUTPUT"),
        commands: &Command::ALL,
        help: "how the outcome is printed",
    }
}

/// Options of other programs and what to do instead: curl's, grpc_health_probe's, wget's.
pub(crate) static HABITS: &[(&str, &str)] = &[
    ("-f", "always on: a bad status is unhealthy; leave it out"),
    ("--fail", "always on: a bad status is unhealthy; leave it out"),
    ("-s", "always on: there is no progress to hide; leave it out"),
    ("-S", "always on: failures are always printed; leave it out"),
    ("--silent", "always on: there is no progress to hide; leave it out"),
    ("--show-error", "always on: failures are always printed; leave it out"),
    ("-L", "redirects to the same host name are followed; leave it out"),
    ("--location", "redirects to the same host name are followed; leave it out"),
    ("-k", "always on: certificates are not verified without --cacert; leave it out"),
    ("--insecure", "always on: certificates are not verified without --cacert; leave it out"),
    ("-m", "the limit is --timeout, such as --timeout=2s"),
    ("-T", "the limit is --timeout, such as --timeout=2s"),
    ("--max-time", "the limit is --timeout, such as --timeout=2s"),
    ("--connect-timeout", "one limit for all is --timeout, such as --timeout=2s"),
    ("-connect-timeout", "one limit for all is --timeout, such as --timeout=2s"),
    ("-rpc-timeout", "one limit for all is --timeout, such as --timeout=2s"),
    ("-o", "the body is never printed; leave it out"),
    ("-O", "the body is never printed; leave it out"),
    ("-I", "a HEAD request is -X HEAD"),
    ("--head", "a HEAD request is -X HEAD"),
    ("--spider", "the body is never kept; leave it out"),
    ("-A", "the agent's name is -H 'User-Agent: NAME'"),
    ("--request", "the method is --method or -X"),
    ("-x", "no proxy is ever used; leave it out"),
    ("--proxy", "no proxy is ever used; leave it out"),
    ("-addr", "the address stands alone: exec-probe grpc :50051"),
    ("-service", "two dashes: --service=NAME"),
    ("-rpc-header", "metadata is -H 'NAME: VALUE'"),
    ("-user-agent", "the agent's name is -H 'user-agent: NAME'"),
    ("-d", "a probe has no body"),
    ("--data", "a probe has no body"),
];
