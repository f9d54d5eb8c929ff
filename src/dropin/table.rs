//! The form that the tools' options stand in: one row per option, and what becomes of it. How a tool's words are
//! split is the grammar's matter; what a meaning leads to is the translation's.

use crate::cli::grammar::Spelled;

/// What an option means, of whatever tool: one type for all, so that splitting and looking up are compiled once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A status of 400 or more fails and prints no body.
    Fail,
    /// The same, and the body is printed.
    FailWithBody,
    /// Nothing is printed where all is well.
    Silent,
    /// Where the body goes: /dev/null or -.
    Output,
    /// The method.
    Method,
    /// A header.
    Header,
    /// The User-Agent header.
    UserAgent,
    /// The Referer header.
    Referer,
    /// The certificate is not verified.
    Insecure,
    /// Only HTTP/1.1 is spoken.
    Http1,
    /// HTTP/2 is spoken from the first byte.
    Http2,
    /// Redirects are followed.
    Location,
    /// How many redirects at most.
    MostRedirects,
    /// Seconds, maybe with a fraction, for all.
    MaxTime,
    /// Seconds, maybe with a fraction, to connect.
    ConnectTimeout,
    /// A HEAD request, whose headers are printed.
    Head,
    /// The response headers are printed before the body.
    Include,
    /// Basic authorization.
    User,
    /// The path of a unix socket.
    UnixSocket,
    /// Whom to trust.
    Cacert,
    /// Our certificate.
    Cert,
    /// Our key.
    Key,
    /// `HOST:PORT:ADDRESS`
    Resolve,
    /// What to print at the end: `%{http_code}` and `\n`.
    WriteOut,
    /// Brackets and braces in a URL are what they are.
    Literal,
    /// The URL.
    Url,
    /// More is told.
    Verbose,
    /// The version.
    Version,
    /// The help.
    Help,
    /// The verdict at the headers, no body printed.
    Spider,
    /// Nothing is printed where all is well.
    Quiet,
    /// Where messages go: /dev/null or -.
    Log,
    /// The limit of the whole.
    Timeout,
    /// The response headers go to standard error.
    ServerResponse,
    /// The password for it.
    Password,
    /// The verdict once the connection is accepted. Without it nc would send its standard input.
    Zero,
    /// The host is an address, not a name.
    Numeric,
    /// Whom to ask.
    Addr,
    /// For which service.
    Service,
    /// A length for the call.
    RpcTimeout,
    /// Metadata, `name: value`.
    RpcHeader,
    /// TLS.
    Tls,
    /// The certificate is not verified.
    TlsNoVerify,
    /// Whom to trust.
    TlsCaCert,
    /// Our certificate.
    TlsClientCert,
    /// Our key.
    TlsClientKey,
    /// The name for SNI and verification.
    TlsServerName,
}

/// A row: an option of another tool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Its names as typed, dashes included; at least one.
    pub(super) names: &'static [&'static str],
    /// True if a value belongs to it.
    pub(super) has_value: bool,
    /// What becomes of it.
    pub(super) effect: Effect,
}

impl Spelled for Row {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().copied()
    }

    fn has_value(&self) -> bool {
        self.has_value
    }
}

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It means something to a probe.
    Is(Meaning),
    /// It is taken, with its value, and changes nothing: what it is about does not exist here, or is always so.
    Ignored,
    /// It is refused, and this is what to say after its name.
    Refused(&'static str),
}

/// A row of an option without a value.
pub(super) const fn switch(names: &'static [&'static str], effect: Effect) -> Row {
    Row { names, has_value: false, effect }
}

/// A row of an option with a value.
pub(super) const fn value(names: &'static [&'static str], effect: Effect) -> Row {
    Row { names, has_value: true, effect }
}

/// Why bodies are not sent.
pub(super) const NO_BODY: &str = "exec-probe sends no body";

/// Why files are not written.
pub(super) const NO_FILE: &str = "exec-probe writes no file; /dev/null and - only";

/// Why files are not read.
pub(super) const NO_INPUT: &str = "exec-probe reads no file but certificates and keys";

/// Why there is no proxy.
pub(super) const NO_PROXY: &str = "exec-probe uses no proxy: it asks this host only";

/// Why HTTP/3 is not spoken.
pub(super) const NO_HTTP3: &str = "exec-probe speaks HTTP/1.1 and HTTP/2";
