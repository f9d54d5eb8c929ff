//! The flag table: one row per flag, from which parsing, `--help`, the lists of docs/options.md and the answer to a
//! mistyped option are made. A row says what may be typed; what it means is said where it is used, in the file of its
//! command.

use crate::cli::command::{Command, FILE, GRPC, HTTP, INSTALL, SERVE, TCP};
use crate::cli::grammar::Spelled;

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
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
    /// True if it may be given several times.
    pub(crate) repeats: bool,
    /// True if the value may hold a credential: messages show it up to its colon, and not at all if it is any text.
    pub(crate) is_secret: bool,
    /// True if the value is any text, of which quotes may be a part.
    pub(crate) is_text: bool,
    /// What it belongs to.
    pub(crate) scope: Scope,
    /// What it does.
    pub(crate) help: &'static str,
}

impl Spelled for Flag {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        [Some(self.long), self.short].into_iter().flatten()
    }

    fn has_value(&self) -> bool {
        self.value.is_some()
    }
}

/// What a flag belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Whatever is done: it says how the outcome is printed.
    All,
    /// The run of a probe as a whole: its limit, its exit code.
    Run,
    /// These commands.
    Of(&'static [&'static Command]),
}

impl Flag {
    /// True if `command` knows it.
    pub(crate) fn is_of(&self, command: &Command) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Run => command.is_probe,
            Scope::Of(commands) => commands.contains(&command),
        }
    }
}

/// The flags of a command, its own before those it shares with all others.
pub(crate) fn of(command: &Command) -> impl Iterator<Item = &'static Flag> {
    let is_own = |flag: &&&Flag| matches!(flag.scope, Scope::Of(_));
    let own = FLAGS.iter().filter(is_own).chain(FLAGS.iter().filter(move |flag| !is_own(flag)));
    own.copied().filter(move |flag| flag.is_of(command))
}

/// A row before its particulars: a switch of every probe.
const SWITCH: Flag = Flag {
    long: "",
    short: None,
    value: None,
    default: None,
    env: None,
    repeats: false,
    is_secret: false,
    is_text: false,
    scope: Scope::Run,
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
        long: "--method", short: Some("-X"), value: Some("METHOD"), default: Some("GET"), scope: Scope::Of(&[&HTTP]),
        help: "request method; POST, PUT and PATCH send an empty body",
    }
    /// A request header.
    HEADER {
        long: "--header", short: Some("-H"), value: Some("'NAME: VALUE'"), repeats: true, is_secret: true,
        scope: Scope::Of(&[&HTTP]),
        help: "send this header; an empty value removes User-Agent and Accept",
    }
    /// Basic authentication.
    USER {
        long: "--user", short: Some("-u"), value: Some("NAME:PASSWORD"), is_secret: true, scope: Scope::Of(&[&HTTP]),
        help: "send this as Basic authorization",
    }
    /// The HTTP statuses that are healthy.
    EXPECT_STATUS {
        long: "--expect-status", value: Some("LIST"), default: Some("200-399"), scope: Scope::Of(&[&HTTP]),
        help: "statuses that are healthy, such as 200,204,301-302; any: any answer of an HTTP server",
    }
    /// What the body must hold.
    EXPECT_BODY {
        long: "--expect-body", value: Some("TEXT"), repeats: true, is_text: true, scope: Scope::Of(&[&HTTP]),
        help: "the first 10 KiB of the body must hold this text as well",
    }
    /// What its JSON must hold.
    EXPECT_JSON {
        long: "--expect-json", value: Some("POINTER=VALUE"), repeats: true, scope: Scope::Of(&[&HTTP]),
        help: "the body must be JSON of 64 KiB at most with this value at this JSON pointer as well, such as /status=UP or \
               /checks/0/ok=true; a|b: one of them",
    }
    /// A unix socket in place of host and port.
    UNIX_SOCKET {
        long: "--unix-socket", value: Some("PATH"), scope: Scope::Of(&[&HTTP, &TCP, &GRPC]),
        help: "connect to this unix socket; TARGET is then left out, or for http the path of the request",
    }
    /// The header that servers behind a load balancer want.
    PROXY_PROTOCOL {
        long: "--proxy-protocol", value: Some("v1|v2"), scope: Scope::Of(&[&HTTP, &TCP, &GRPC]),
        help: "begin each connection with this header of the PROXY protocol, which says that no client is behind it",
    }
    /// What happens to redirects.
    REDIRECTS {
        long: "--redirects", value: Some("same-host|none"), default: Some("same-host"), scope: Scope::Of(&[&HTTP]),
        help: "follow redirects to the same host name, nine at most, or none",
    }
    /// HTTP/2 alone.
    HTTP2 {
        long: "--http2", scope: Scope::Of(&[&HTTP]),
        help: "speak HTTP/2: by prior knowledge for http, by ALPN for https; without it, HTTP/1.1, and HTTP/2 where an \
               https server refuses that by ALPN",
    }
    /// The excerpt of the body.
    SHOW_BODY {
        long: "--show-body", scope: Scope::Of(&[&HTTP]),
        help: "when unhealthy, print the body's first 256 characters on a second line",
    }
    /// What a server says first.
    EXPECT_BANNER {
        long: "--expect-banner", value: Some("TEXT"), is_text: true, scope: Scope::Of(&[&TCP]),
        help: "the first 4 KiB that the server says of itself must hold this text, such as SSH-2.0-; the escapes are \
               \\r \\n \\t \\0 \\\\ \\xNN",
    }
    /// What a server is told.
    SEND {
        long: "--send", value: Some("TEXT"), is_secret: true, is_text: true, scope: Scope::Of(&[&TCP]),
        help: "send this text of 4 KiB at most, with the same escapes, such as 'PING\\r\\n'",
    }
    /// What it answers.
    EXPECT {
        long: "--expect", value: Some("TEXT"), is_text: true, scope: Scope::Of(&[&TCP]),
        help: "the first 4 KiB of the answer to --send must hold this text, with the same escapes",
    }
    /// The gRPC service name.
    SERVICE {
        long: "--service", value: Some("NAME"), scope: Scope::Of(&[&GRPC]),
        help: "ask for this service; without it, for the whole server",
    }
    /// Request metadata.
    METADATA {
        long: "--metadata", short: Some("-H"), value: Some("'NAME: VALUE'"), repeats: true, is_secret: true,
        scope: Scope::Of(&[&GRPC]),
        help: "send this metadata",
    }
    /// The serving statuses that are healthy.
    EXPECT_SERVING {
        long: "--expect-status", value: Some("LIST"), default: Some("SERVING"), scope: Scope::Of(&[&GRPC]),
        help: "serving statuses that are healthy, such as SERVING,NOT_SERVING; any: any answer of a gRPC server",
    }
    /// TLS for grpc.
    TLS {
        long: "--tls", scope: Scope::Of(&[&GRPC]),
        help: "speak TLS; without --cacert the server's certificate is not verified",
    }
    /// The `:authority` header.
    AUTHORITY {
        long: "--authority", value: Some("NAME"), scope: Scope::Of(&[&GRPC]),
        help: "send this as :authority; without it, host and port of TARGET",
    }
    /// Whom to trust.
    CACERT {
        long: "--cacert", value: Some("FILE"), scope: Scope::Of(&[&HTTP, &GRPC]),
        help: "verify the server's certificate, its dates and its name by the authorities in this PEM file, or as one \
               that is itself in the file; without --cacert nothing is verified",
    }
    /// Our certificate.
    CERT {
        long: "--cert", value: Some("FILE"), scope: Scope::Of(&[&HTTP, &GRPC]),
        help: "present this PEM certificate, with its chain; the key may be in the same file",
    }
    /// Our key.
    KEY {
        long: "--key", value: Some("FILE"), scope: Scope::Of(&[&HTTP, &GRPC]),
        help: "the PEM key of --cert: PKCS#8, PKCS#1 or SEC1, not encrypted",
    }
    /// The name for SNI and verification.
    SERVER_NAME {
        long: "--server-name", value: Some("NAME"), scope: Scope::Of(&[&HTTP, &GRPC]),
        help: "name to send by SNI and to verify [default: the host of TARGET]; a virtual host wants the same name in \
               Host (-H) or :authority",
    }
    /// How old a file may be.
    MAX_AGE {
        long: "--max-age", value: Some("LENGTH"), scope: Scope::Of(&[&FILE]),
        help: "the file must have been modified within this length, such as 30s; a bare number is seconds",
    }
    /// What a file must hold.
    CONTAINS {
        long: "--contains", value: Some("TEXT"), is_text: true, scope: Scope::Of(&[&FILE]),
        help: "the first 64 KiB of the file must hold this text",
    }
    /// Further names.
    LINK {
        long: "--link", value: Some("NAME"), repeats: true, scope: Scope::Of(&[&INSTALL]),
        help: "make a link of this name to the copy, beside it",
    }
    /// Where to listen.
    LISTEN {
        long: "--listen", value: Some("[ADDRESS]:PORT"), scope: Scope::Of(&[&SERVE]),
        help: "listen here, such as :8086 for every address, 127.0.0.1:8086, [::1]:8086",
    }
    /// The limit of the whole run.
    TIMEOUT {
        long: "--timeout", value: Some("LENGTH"), default: Some("29s"), env: Some("EXEC_PROBE_TIMEOUT"),
        help: "limit of the whole run: 500ms, 2s, 1.5s, 1m, 1h; a bare number is seconds",
    }
    /// Another probe.
    AND {
        long: "--and", value: Some("COMMAND ..."), repeats: true,
        help: "another probe with options of its own; healthy if all are; the first failure ends the run",
    }
    /// Patience.
    WAIT {
        long: "--wait", value: Some("LENGTH"),
        help: "ask again, every 250 ms at the most, until healthy or until this length has passed",
    }
    /// What follows.
    THEN {
        long: "--then", value: Some("PROGRAM ..."),
        help: "once healthy, become this program, with all words after it; unhealthy, it is not started",
    }
    /// The exit code of unhealthy.
    UNHEALTHY_EXIT {
        long: "--unhealthy-exit", value: Some("N"), default: Some("1"),
        help: "exit code for unhealthy, 1 to 124 but not 2, 64 or 70; Nomad and Consul want 3",
    }
    /// Silence.
    QUIET {
        long: "--quiet", short: Some("-q"), scope: Scope::All,
        help: "print nothing when all is well",
    }
    /// Phases.
    VERBOSE {
        long: "--verbose", short: Some("-v"),
        help: "print each phase on standard error as it ends, and the lengths of what placeholders gave",
    }
    /// Text or JSON.
    OUTPUT {
        long: "--output", value: Some("text|json"), default: Some("text"), env: Some("EXEC_PROBE_OUTPUT"),
        scope: Scope::All,
        help: "how the outcome is printed; with -v, phases are printed so too",
    }
}
