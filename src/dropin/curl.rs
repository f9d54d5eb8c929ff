//! curl's options as health checks use them. Its grammar: clusters that may end in a value (`-skfLo /dev/null`,
//! `-m1`), no `--long=value`, unique prefixes of long names, `--no-NAME` for every switch, options after the URL.

use std::ffi::OsString;
use std::time::Duration;

use http::Method;

use super::options::{Options, Refused, complain};
use super::table::Effect::{Ignored, Is, Refused as No};
use super::table::{Meaning, NO_BODY, NO_FILE, NO_HTTP3, NO_INPUT, NO_PROXY, Row, switch, value};
use super::web::{self, BadUrl, Request, TlsFile, elsewhere, load_tls};
use super::write_out::write_out;
use super::{Asking, Heads, Meant, Print, Streams};
use crate::cli::grammar::Grammar;
use crate::cli::usage::Named;
use crate::cli::values;
use crate::outcome::{Cause, Missing, StatusList};
use crate::output::Stream;
use crate::probe::http::{BodyUse, Header, HttpVersion, Redirects};
use crate::target::UnixSocket;
use crate::text::{VALUE_CHARS, quoted, shown};
use crate::tls::{Tls, TlsCause};
use crate::url::{LocationError, Url};
use crate::word::{Word, Wrong};

/// Every option.
pub(crate) static OPTIONS: &[Row] = &[
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
    switch(&["-g", "--globoff"], Is(Meaning::Literal)),
    switch(&["-4", "--ipv4"], Ignored),
    switch(&["-6", "--ipv6"], Ignored),
    switch(&["--basic"], Ignored),
    switch(&["--compressed"], Ignored),
    switch(&["--http1.1"], Is(Meaning::Http1)),
    // An offer: by Upgrade, which a server need not take, and by ALPN, where HTTP/2 is asked where the server wants it.
    switch(&["--http2"], Ignored),
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
    value(&["-x", "--proxy"], No(NO_PROXY)),
    value(&["-d", "--data"], No(NO_BODY)),
    value(&["--data-ascii"], No(NO_BODY)),
    value(&["--data-binary"], No(NO_BODY)),
    value(&["--data-raw"], No(NO_BODY)),
    value(&["--data-urlencode"], No(NO_BODY)),
    value(&["--json"], No(NO_BODY)),
    value(&["-F", "--form"], No(NO_BODY)),
    value(&["--form-string"], No(NO_BODY)),
    value(&["-T", "--upload-file"], No(NO_BODY)),
    switch(&["-O", "--remote-name"], No(NO_FILE)),
    value(&["-c", "--cookie-jar"], No(NO_FILE)),
    value(&["-D", "--dump-header"], No(NO_FILE)),
    value(&["-b", "--cookie"], No("write -H 'Cookie: NAME=VALUE'")),
    value(&["-K", "--config"], No(NO_INPUT)),
    switch(&["-n", "--netrc"], No(NO_INPUT)),
    switch(&["--http2-prior-knowledge"], Is(Meaning::Http2)),
    switch(&["--http3"], No(NO_HTTP3)),
];

/// How curl splits words.
const GRAMMAR: Grammar = Grammar {
    one_dash: false,
    clusters: true,
    equals: false,
    short_equals: false,
    switch_values: false,
    negations: true,
    prefixes: true,
    ends_at_operand: false,
    dashed_values: true,
    is_strange: |_| false,
};

/// How much of a body is printed: those who look into it look for a word.
const MOST_BODY: usize = 64 * 1024;

/// Exit code: a wrong command line, or what is refused.
const USAGE: u8 = 2;

/// Exit code: standard output does not take the body.
pub(super) const UNWRITABLE: u8 = 23;

/// Understands a command line.
pub(super) fn understand(args: Vec<OsString>, streams: Streams) -> Result<Meant, Refused> {
    let usage = |message: String| Refused { code: USAGE, message };
    let mut options = Options::read(&GRAMMAR, OPTIONS, args).map_err(usage)?;
    if options.is_on(Meaning::Help) || options.is_on(Meaning::Version) {
        return Ok(Meant::Say { stream: streams.stdout, code: 0 });
    }
    let mut urls: Vec<String> = options.values(Meaning::Url).map(|(_, url)| url.to_owned()).collect();
    urls.extend(options.take_operands());
    if urls.is_empty() {
        return Err(usage("no URL: wanted one such as http://localhost:8080/healthz".to_owned()));
    }
    let is_head = options.is_on(Meaning::Head);
    let method = match options.last(Meaning::Method) {
        Some((name, method)) => values::method(method).map_err(|why| usage(complain(name, method, why)))?,
        None if is_head => Method::HEAD,
        None => Method::GET,
    };
    let is_printed = prints_body(&options, streams)? && method != Method::HEAD && !is_head;
    let shows_head = (is_head || options.is_on(Meaning::Include)) && options_output(&options)? != Stream::Null;
    let write_out = ends_with(&options)?;
    let print = Print {
        is_silent: options.is_on(Meaning::Silent),
        head: shows_head.then_some(Heads::Output),
        body: is_printed,
        body_of_failures: options.is_on(Meaning::FailWithBody),
        write_out,
        well: false,
    };
    let body = match (is_printed, shows_head || print.write_out.is_some()) {
        (true, _) => BodyUse::Keep { most: MOST_BODY, unwanted: print.body_of_failures },
        (false, true) => BodyUse::Keep { most: 0, unwanted: false },
        (false, false) => BodyUse::Ignore,
    };
    let (redirects, statuses) = judged(&options);
    let request = Request {
        method,
        headers: headers(&options)?,
        authorization: options.last(Meaning::User).map(|(_, user)| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            Header::basic_authorization(name, password)
        }),
        unix_socket: unix_socket(&options)?,
        tls: tls(&options)?,
        statuses,
        redirects,
        body,
        version: match (options.is_on(Meaning::Http2), options.is_on(Meaning::Http1)) {
            (true, _) => HttpVersion::Http2,
            (false, true) => HttpVersion::Http1,
            (false, false) => HttpVersion::Any,
        },
    };
    let probes = urls.iter().map(|typed| {
        let url = url(typed, &options, request.unix_socket.is_some())?;
        Ok(request.probe(url))
    });
    let probes = probes.collect::<Result<_, Refused>>()?;
    let timeout = seconds(options.last(Meaning::MaxTime)).map_err(usage)?;
    let connect = seconds(options.last(Meaning::ConnectTimeout)).map_err(usage)?;
    Ok(Meant::Ask(Box::new(Asking { probes, timeout, connect, is_verbose: options.is_on(Meaning::Verbose), print })))
}

/// Which redirects are followed, and which statuses are no failure.
fn judged(options: &Options) -> (Redirects, StatusList) {
    let last = if options.is_on(Meaning::Fail) || options.is_on(Meaning::FailWithBody) { 399 } else { 999 };
    let may_follow = options.last(Meaning::MostRedirects).is_none_or(|(_, most)| most != "0");
    match (options.is_on(Meaning::Location), may_follow) {
        (true, true) => (Redirects::SameHost, StatusList(vec![100..=last])),
        // Each is one too many.
        (true, false) => (Redirects::None, StatusList(vec![100..=300, 304..=306, 309..=last])),
        (false, _) => (Redirects::None, StatusList(vec![100..=last])),
    }
}

/// What -w prints, if it can be.
fn ends_with(options: &Options) -> Result<Option<String>, Refused> {
    let Some((name, format)) = options.last(Meaning::WriteOut) else { return Ok(None) };
    match write_out(format, 0) {
        Ok(_) => Ok(Some(format.to_owned())),
        Err(why) => Err(Refused { code: USAGE, message: format!("{name} {why}") }),
    }
}

/// Where the body goes, as far as -o says.
fn options_output(options: &Options) -> Result<Stream, Refused> {
    match options.last(Meaning::Output) {
        None | Some((_, "-" | "/dev/stdout")) => Ok(Stream::Out),
        Some((_, "/dev/null")) => Ok(Stream::Null),
        Some((name, file)) => {
            Err(Refused { code: USAGE, message: format!("{name} {}: {NO_FILE}", shown(file, VALUE_CHARS)) })
        }
    }
}

/// True if a body is printed where somebody can see it.
fn prints_body(options: &Options, streams: Streams) -> Result<bool, Refused> {
    Ok(options_output(options)? == Stream::Out && streams.stdout.is_seen())
}

/// The headers that the options set. One without a colon is none to curl either.
fn headers(options: &Options) -> Result<Vec<Header>, Refused> {
    let mut headers = Vec::new();
    let named = [(Meaning::UserAgent, "User-Agent"), (Meaning::Referer, "Referer")];
    let named = named.into_iter().filter_map(|(meaning, header)| {
        options.last(meaning).map(|(name, value)| (name, format!("{header}: {value}")))
    });
    let given = options.values(Meaning::Header).map(|(name, header)| (name, header.to_owned()));
    for (name, header) in given.chain(named) {
        if header.starts_with('@') {
            return Err(Refused { code: USAGE, message: format!("{name} @…: {NO_INPUT}") });
        }
        if header.contains(':') {
            let refused = |Wrong(why)| Refused { code: USAGE, message: format!("{name}: {why}") };
            headers.push(values::header(&header).map_err(refused)?);
        }
    }
    Ok(headers)
}

fn unix_socket(options: &Options) -> Result<Option<UnixSocket>, Refused> {
    let Some((name, path)) = options.last(Meaning::UnixSocket) else { return Ok(None) };
    let socket = UnixSocket::parse(&Word::literal(path));
    socket.map(Some).map_err(|why| Refused { code: USAGE, message: complain(name, path, why) })
}

/// What TLS does: without -k and without --cacert curl verifies by a store that is not here.
fn tls(options: &Options) -> Result<Tls, Refused> {
    let file = |meaning, code| options.last(meaning).map(|(name, path)| TlsFile { name, path, code });
    let (cacert, cert, key) = (file(Meaning::Cacert, 77), file(Meaning::Cert, 58), file(Meaning::Key, 58));
    load_tls(options.is_on(Meaning::Insecure), cacert, cert, key)
}

/// A URL as curl reads it: a space is none of it, and `[`, `{` are patterns unless -g says otherwise.
fn url(typed: &str, options: &Options, over_socket: bool) -> Result<Url, Refused> {
    let shown = Named::Operand("URL", typed);
    let malformed = |why: &str| Refused { code: 3, message: format!("{shown}: {why}") };
    let path = typed.split_once("://").map_or(typed, |(_, rest)| rest).split_once('/').map_or("", |(_, path)| path);
    if typed.contains(|char: char| char.is_ascii_whitespace() || char.is_ascii_control()) {
        return Err(malformed("a space in a URL is written %20"));
    }
    if path.contains(['[', ']', '{', '}']) && !options.is_on(Meaning::Literal) {
        return Err(malformed("brackets and braces are patterns to curl; write -g"));
    }
    let resolve = options.values(Meaning::Resolve).map(|(_, rule)| rule);
    web::url(typed, over_socket, resolve).map_err(|bad| match bad {
        BadUrl::Malformed(why) => malformed(&why),
        BadUrl::Scheme(why) => Refused { code: 1, message: format!("{shown}: {why}") },
        BadUrl::Elsewhere(host) => Refused { code: USAGE, message: elsewhere(&host) },
    })
}

/// A number of seconds; zero is no limit of its own.
fn seconds(given: Option<(&'static str, &str)>) -> Result<Option<Duration>, String> {
    let Some((name, text)) = given else { return Ok(None) };
    let number = if text.starts_with('.') { format!("0{text}") } else { text.to_owned() };
    if number.bytes().all(|byte| matches!(byte, b'0' | b'.')) && !number.is_empty() {
        return Ok(None);
    }
    if number.ends_with(|char: char| char.is_ascii_alphabetic()) {
        return Err(format!("{name} {}: wanted seconds, such as 5 or 0.5", quoted(text)));
    }
    values::timeout(&number).map(Some).map_err(|why| complain(name, text, why))
}

/// The exit code of a failure.
pub(super) fn exit(cause: &Cause) -> u8 {
    match cause {
        Cause::Refused { .. }
        | Cause::Unreachable { .. }
        | Cause::NoSuchAddress { .. }
        | Cause::NotLocal { .. }
        | Cause::NoSocket
        | Cause::Denied
        | Cause::NotAStream
        | Cause::System { .. } => 7,
        Cause::Timeout { .. } => 28,
        Cause::Closed { missing } => match missing {
            Missing::Connection { .. } => 7,
            Missing::Handshake => 35,
            Missing::RequestTaken => 55,
            // A peer that closes with bytes unread sends a reset: curl's 56 would be chance.
            Missing::Head { .. } | Missing::Banner { .. } | Missing::Answer { .. } => 52,
            Missing::Body => 18,
        },
        // Redirects are wanted unless there may be none.
        Cause::Status { status: 301..=303 | 307 | 308, .. } | Cause::TooManyRedirects => 47,
        Cause::Status { .. } | Cause::BodyLacks { .. } | Cause::Json(_) => 22,
        Cause::HeadersTooLarge | Cause::TooManyHeaders => 56,
        Cause::WantsProxy => 52,
        Cause::Tls(cause) if cause.name() == "certificate" => 60,
        Cause::Tls(TlsCause::Ended { .. }) => 56,
        Cause::Tls(_) => 35,
        Cause::OutOfTls { .. } => 60,
        Cause::Location { error: LocationError::Unreadable, .. } => 3,
        Cause::Location { error: LocationError::Scheme(_), .. }
        | Cause::Malformed { .. }
        | Cause::OnlyHttp2
        | Cause::OnlyHttp1
        | Cause::NotHttp
        | Cause::SpeaksTls { .. } => 1,
        // Of other handlers.
        Cause::Serving { .. }
        | Cause::UnknownServing { .. }
        | Cause::Unimplemented
        | Cause::UnknownService
        | Cause::Code { .. }
        | Cause::NotHttp2 { .. }
        | Cause::NotGrpc { .. }
        | Cause::TurnedAway { .. }
        | Cause::BadGrpc { .. }
        | Cause::Said(_)
        | Cause::File(_)
        | Cause::Stale { .. }
        | Cause::FileLacks { .. }
        | Cause::Install(_)
        | Cause::NotListening { .. } => 1,
    }
}
