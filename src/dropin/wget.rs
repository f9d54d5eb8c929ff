//! wget's options as health checks use them, GNU's and BusyBox's in one: no check needs to know which. Its grammar:
//! clusters that may end in a value (`-qO-`, `-qT5`), `-nv` as one option of two letters, `--long=value` and `--long
//! value`, unique prefixes of long names, options after the URL.

use super::table::Effect::{Ignored, Is, Refused};
use super::table::{NO_BODY, NO_FILE, NO_INPUT, Row, switch, value};

/// What an option means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The verdict at the headers, no body printed.
    Spider,
    /// Nothing is printed where all is well.
    Quiet,
    /// Where the body goes: /dev/null or -.
    Output,
    /// Where messages go: /dev/null or -.
    Log,
    /// Seconds, maybe with a fraction: of each read to GNU's, of all here.
    Timeout,
    /// A header.
    Header,
    /// The User-Agent header.
    UserAgent,
    /// The Referer header.
    Referer,
    /// The method.
    Method,
    /// The certificate is not verified.
    Insecure,
    /// How many redirects at most.
    MostRedirects,
    /// The name for Basic authorization.
    User,
    /// The password for it.
    Password,
    /// Whom to trust.
    Cacert,
    /// Our certificate.
    Cert,
    /// Our key.
    Key,
    /// Phases on standard error.
    Verbose,
    /// The version.
    Version,
    /// The help.
    Help,
}

/// Every option.
pub(crate) static OPTIONS: &[Row<Meaning>] = &[
    switch(&["--spider"], Is(Meaning::Spider)),
    switch(&["-q", "--quiet"], Is(Meaning::Quiet)),
    value(&["-O", "--output-document"], Is(Meaning::Output)),
    value(&["-o", "--output-file"], Is(Meaning::Log)),
    value(&["-T", "--timeout"], Is(Meaning::Timeout)),
    value(&["--connect-timeout"], Is(Meaning::Timeout)),
    value(&["--read-timeout"], Is(Meaning::Timeout)),
    value(&["--header"], Is(Meaning::Header)),
    value(&["-U", "--user-agent"], Is(Meaning::UserAgent)),
    value(&["--referer"], Is(Meaning::Referer)),
    value(&["--method"], Is(Meaning::Method)),
    switch(&["--no-check-certificate"], Is(Meaning::Insecure)),
    value(&["--max-redirect"], Is(Meaning::MostRedirects)),
    value(&["--user", "--http-user"], Is(Meaning::User)),
    value(&["--password", "--http-password"], Is(Meaning::Password)),
    value(&["--ca-certificate"], Is(Meaning::Cacert)),
    value(&["--certificate"], Is(Meaning::Cert)),
    value(&["--private-key"], Is(Meaning::Key)),
    switch(&["-v", "--verbose"], Is(Meaning::Verbose)),
    switch(&["-V", "--version"], Is(Meaning::Version)),
    switch(&["-h", "--help"], Is(Meaning::Help)),
    // One line is what there is.
    switch(&["-nv", "--no-verbose"], Ignored),
    switch(&["-S", "--server-response"], Ignored),
    switch(&["-d", "--debug"], Ignored),
    switch(&["--show-progress"], Ignored),
    value(&["--progress"], Ignored),
    // One question is one try.
    value(&["-t", "--tries"], Ignored),
    value(&["-w", "--wait"], Ignored),
    value(&["--waitretry"], Ignored),
    switch(&["--retry-connrefused"], Ignored),
    value(&["--retry-on-http-error"], Ignored),
    value(&["--dns-timeout"], Ignored),
    // No proxy is ever used.
    value(&["-Y", "--proxy"], Ignored),
    switch(&["--no-proxy"], Ignored),
    switch(&["--no-cache"], Ignored),
    switch(&["--no-config"], Ignored),
    switch(&["--no-cookies"], Ignored),
    switch(&["--no-dns-cache"], Ignored),
    switch(&["--no-hsts"], Ignored),
    switch(&["--no-http-keep-alive"], Ignored),
    switch(&["--no-netrc"], Ignored),
    switch(&["--auth-no-challenge"], Ignored),
    switch(&["--content-on-error"], Ignored),
    value(&["--compression"], Ignored),
    value(&["--secure-protocol"], Ignored),
    switch(&["-4", "--inet4-only"], Ignored),
    switch(&["-6", "--inet6-only"], Ignored),
    switch(&["-c", "--continue"], Ignored),
    value(&["--post-data"], Refused(NO_BODY)),
    value(&["--post-file"], Refused(NO_BODY)),
    value(&["--body-data"], Refused(NO_BODY)),
    value(&["--body-file"], Refused(NO_BODY)),
    value(&["-P", "--directory-prefix"], Refused(NO_FILE)),
    value(&["-a", "--append-output"], Refused(NO_FILE)),
    value(&["--save-cookies"], Refused(NO_FILE)),
    value(&["--load-cookies"], Refused(NO_INPUT)),
    value(&["-i", "--input-file"], Refused(NO_INPUT)),
    value(&["-e", "--execute"], Refused("exec-probe reads no settings; leave it out")),
];
