//! curl's options as health checks use them. Its grammar: clusters that may end in a value (`-skfLo /dev/null`,
//! `-m1`), no `--long=value`, unique prefixes of long names, `--no-NAME` for every switch, options after the URL.

use super::table::Effect::{Ignored, Is, Refused};
use super::table::{HTTP1_ONLY, NO_BODY, NO_FILE, NO_INPUT, NO_PROXY, Row, switch, value};

/// What an option means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
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
    /// The URL.
    Url,
    /// Phases on standard error.
    Verbose,
    /// The version.
    Version,
    /// The help.
    Help,
}

/// Every option.
pub(crate) static OPTIONS: &[Row<Meaning>] = &[
    switch(&["-f", "--fail"], Is(Meaning::Fail)),
    switch(&["--fail-with-body"], Is(Meaning::FailWithBody)),
    switch(&["--fail-early"], Ignored),
    switch(&["-s", "--silent"], Is(Meaning::Silent)),
    // Failures are always told.
    switch(&["-S", "--show-error"], Ignored),
    value(&["-o", "--output"], Is(Meaning::Output)),
    value(&["-X", "--request"], Is(Meaning::Method)),
    value(&["-H", "--header"], Is(Meaning::Header)),
    value(&["-A", "--user-agent"], Is(Meaning::UserAgent)),
    value(&["-e", "--referer"], Is(Meaning::Referer)),
    switch(&["-k", "--insecure"], Is(Meaning::Insecure)),
    switch(&["-L", "--location", "--location-trusted"], Is(Meaning::Location)),
    value(&["--max-redirs"], Is(Meaning::MostRedirects)),
    value(&["-m", "--max-time"], Is(Meaning::MaxTime)),
    value(&["--connect-timeout"], Is(Meaning::ConnectTimeout)),
    switch(&["-I", "--head"], Is(Meaning::Head)),
    switch(&["-i", "--include"], Is(Meaning::Include)),
    value(&["-u", "--user"], Is(Meaning::User)),
    value(&["--unix-socket"], Is(Meaning::UnixSocket)),
    value(&["--cacert"], Is(Meaning::Cacert)),
    value(&["-E", "--cert"], Is(Meaning::Cert)),
    value(&["--key"], Is(Meaning::Key)),
    value(&["--resolve"], Is(Meaning::Resolve)),
    value(&["-w", "--write-out"], Is(Meaning::WriteOut)),
    value(&["--url"], Is(Meaning::Url)),
    switch(&["-v", "--verbose"], Is(Meaning::Verbose)),
    switch(&["-V", "--version"], Is(Meaning::Version)),
    switch(&["-h", "--help"], Is(Meaning::Help)),
    // Without a body to send, -G is what happens.
    switch(&["-G", "--get"], Ignored),
    // For FTP: in use by those who write -fail.
    switch(&["-a", "--append"], Ignored),
    switch(&["-l", "--list-only"], Ignored),
    switch(&["-#", "--progress-bar"], Ignored),
    switch(&["--no-progress-meter"], Ignored),
    switch(&["-N", "--no-buffer"], Ignored),
    switch(&["-q", "--disable"], Ignored),
    switch(&["-g", "--globoff"], Ignored),
    switch(&["-4", "--ipv4"], Ignored),
    switch(&["-6", "--ipv6"], Ignored),
    switch(&["--basic"], Ignored),
    switch(&["--compressed"], Ignored),
    switch(&["--http1.1"], Ignored),
    switch(&["--tcp-nodelay"], Ignored),
    switch(&["--tlsv1.2"], Ignored),
    switch(&["--tlsv1.3"], Ignored),
    // One question is one try.
    value(&["--retry"], Ignored),
    value(&["--retry-delay"], Ignored),
    value(&["--retry-max-time"], Ignored),
    switch(&["--retry-connrefused"], Ignored),
    switch(&["--retry-all-errors"], Ignored),
    // No proxy is ever used.
    value(&["--noproxy"], Ignored),
    value(&["-x", "--proxy"], Refused(NO_PROXY)),
    value(&["-d", "--data"], Refused(NO_BODY)),
    value(&["--data-ascii"], Refused(NO_BODY)),
    value(&["--data-binary"], Refused(NO_BODY)),
    value(&["--data-raw"], Refused(NO_BODY)),
    value(&["--data-urlencode"], Refused(NO_BODY)),
    value(&["--json"], Refused(NO_BODY)),
    value(&["-F", "--form"], Refused(NO_BODY)),
    value(&["--form-string"], Refused(NO_BODY)),
    value(&["-T", "--upload-file"], Refused(NO_BODY)),
    switch(&["-O", "--remote-name"], Refused(NO_FILE)),
    value(&["-c", "--cookie-jar"], Refused(NO_FILE)),
    value(&["-D", "--dump-header"], Refused(NO_FILE)),
    value(&["-b", "--cookie"], Refused("write -H 'Cookie: NAME=VALUE'")),
    value(&["-K", "--config"], Refused(NO_INPUT)),
    switch(&["-n", "--netrc"], Refused(NO_INPUT)),
    switch(&["--http2-prior-knowledge"], Refused(HTTP1_ONLY)),
    switch(&["--http3"], Refused(HTTP1_ONLY)),
];
