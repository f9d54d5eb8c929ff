//! wget's options as health checks use them, GNU's and BusyBox's in one: no check needs to know which. Its grammar:
//! clusters that may end in a value (`-qO-`, `-qT5`), `-nv` as one option of two letters, `--long=value` and `--long
//! value`, unique prefixes of long names, options after the URL.

use std::ffi::OsString;
use std::time::Duration;

use http::Method;

use super::options::{Options, Refused, complain};
use super::table::Effect::{Ignored, Is, Refused as No};
use super::table::{Meaning, NO_BODY, NO_FILE, NO_INPUT, Row, switch, value};
use super::web::{self, BadUrl, Request, TlsFile, elsewhere, load_tls};
use super::{Asking, Heads, Meant, Print, Streams};
use crate::cli::grammar::Grammar;
use crate::cli::usage::Named;
use crate::cli::values;
use crate::outcome::{Cause, StatusList};
use crate::probe::http::{BodyUse, Header, HttpVersion, Redirects};
use crate::text::{VALUE_CHARS, shown};
use crate::tls::Tls;
use crate::url::Url;
use crate::word::Wrong;

/// Every option.
pub(crate) static OPTIONS: &[Row] = &[
    switch(&["--spider"], Is(Meaning::Spider)),
    switch(&["-q", "--quiet"], Is(Meaning::Quiet)),
    switch(&["-S", "--server-response"], Is(Meaning::ServerResponse)),
    value(&["-O", "--output-document"], Is(Meaning::Output)),
    value(&["-o", "--output-file"], Is(Meaning::Log)),
    value(&["-T", "--timeout"], Is(Meaning::Timeout)),
    value(&["--connect-timeout"], Is(Meaning::ConnectTimeout)),
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
    value(&["--post-data"], No(NO_BODY)),
    value(&["--post-file"], No(NO_BODY)),
    value(&["--body-data"], No(NO_BODY)),
    value(&["--body-file"], No(NO_BODY)),
    value(&["-P", "--directory-prefix"], No(NO_FILE)),
    value(&["-a", "--append-output"], No(NO_FILE)),
    value(&["--save-cookies"], No(NO_FILE)),
    value(&["--load-cookies"], No(NO_INPUT)),
    value(&["-i", "--input-file"], No(NO_INPUT)),
    value(&["-e", "--execute"], No("exec-probe reads no settings; leave it out")),
];

/// How wget splits words.
const GRAMMAR: Grammar = Grammar {
    one_dash: false,
    clusters: true,
    equals: true,
    short_equals: false,
    switch_values: false,
    negations: true,
    prefixes: true,
    ends_at_operand: false,
    dashed_values: true,
    is_strange: |_| false,
};

/// How much of a body is printed.
const MOST_BODY: usize = 64 * 1024;

/// Exit code: a wrong command line, or what is refused.
const USAGE: u8 = 2;

/// Exit code: no URL, or one that is none.
const BAD_URL: u8 = 1;

/// Exit code: standard output does not take the body.
pub(super) const UNWRITABLE: u8 = 3;

/// Understands a command line.
pub(super) fn understand(args: Vec<OsString>, streams: Streams) -> Result<Meant, Refused> {
    let usage = |message: String| Refused { code: USAGE, message };
    let mut options = Options::read(&GRAMMAR, OPTIONS, args).map_err(usage)?;
    if options.is_on(Meaning::Help) || options.is_on(Meaning::Version) {
        return Ok(Meant::Say { stream: streams.stdout, code: 0 });
    }
    let urls = options.take_operands();
    if urls.is_empty() {
        let message = "no URL: wanted one such as http://localhost:8080/healthz".to_owned();
        return Err(Refused { code: BAD_URL, message });
    }
    let method = options.last(Meaning::Method).map(|(name, method)| {
        values::method(&method.to_ascii_uppercase()).map_err(|why| usage(complain(name, method, why)))
    });
    let method = method.transpose()?.unwrap_or(Method::GET);
    let is_printed = prints_body(&options, streams)? && method != Method::HEAD;
    let shows_head = options.is_on(Meaning::ServerResponse) && streams.stderr.is_seen();
    let body = match (is_printed, shows_head) {
        (true, _) => BodyUse::Keep { most: MOST_BODY, unwanted: false },
        (false, true) => BodyUse::Keep { most: 0, unwanted: false },
        (false, false) => BodyUse::Ignore,
    };
    let no_redirects = options.last(Meaning::MostRedirects).is_some_and(|(_, most)| most == "0");
    let (redirects, statuses) = match no_redirects {
        true => (Redirects::None, vec![200..=300, 304..=306, 309..=399]),
        false => (Redirects::SameHost, vec![200..=399]),
    };
    let user = options.last(Meaning::User).map(|(_, user)| user);
    let password = options.last(Meaning::Password).map_or("", |(_, password)| password);
    let request = Request {
        method,
        headers: headers(&options)?,
        authorization: user.map(|user| Header::basic_authorization(user, password)),
        unix_socket: None,
        tls: tls(&options)?,
        statuses: StatusList(statuses),
        redirects,
        body,
        version: HttpVersion::Http1,
    };
    let probes = urls.iter().map(|typed| Ok(request.probe(url(typed)?))).collect::<Result<_, Refused>>()?;
    let print = Print {
        is_silent: options.is_on(Meaning::Quiet),
        head: shows_head.then_some(Heads::Errors),
        body: is_printed,
        ..Print::default()
    };
    let timeout = seconds(options.last(Meaning::Timeout)).map_err(usage)?;
    let connect = seconds(options.last(Meaning::ConnectTimeout)).map_err(usage)?;
    Ok(Meant::Ask(Box::new(Asking { probes, timeout, connect, is_verbose: false, print })))
}

/// True if a body is printed where somebody can see it.
fn prints_body(options: &Options, streams: Streams) -> Result<bool, Refused> {
    let refused = |message| Err(Refused { code: USAGE, message });
    let no_file = |name: &str, file: &str| refused(format!("{name} {}: {NO_FILE}", shown(file, VALUE_CHARS)));
    match options.last(Meaning::Log) {
        None | Some((_, "-" | "/dev/null" | "/dev/stdout" | "/dev/stderr")) => {}
        Some((name, file)) => return no_file(name, file),
    }
    let is_spider = options.is_on(Meaning::Spider);
    match options.last(Meaning::Output) {
        None if is_spider => Ok(false),
        None => refused("without -O and --spider a file is written: write -O /dev/null or --spider".to_owned()),
        Some((_, "/dev/null")) => Ok(false),
        Some((_, "-" | "/dev/stdout")) => Ok(!is_spider && streams.stdout.is_seen()),
        Some((name, file)) => no_file(name, file),
    }
}

/// The headers that the options set.
fn headers(options: &Options) -> Result<Vec<Header>, Refused> {
    let named = [(Meaning::UserAgent, "User-Agent"), (Meaning::Referer, "Referer")];
    let named = named.into_iter().filter_map(|(meaning, header)| {
        options.last(meaning).map(|(name, value)| (name, format!("{header}: {value}")))
    });
    let given = options.values(Meaning::Header).map(|(name, header)| (name, header.to_owned()));
    let read = |(name, header): (&str, String)| {
        values::header(&header).map_err(|Wrong(why)| Refused { code: USAGE, message: format!("{name}: {why}") })
    };
    given.chain(named).map(read).collect()
}

/// What TLS does: without --no-check-certificate and --ca-certificate wget verifies by a store that is not here.
fn tls(options: &Options) -> Result<Tls, Refused> {
    let file = |meaning| options.last(meaning).map(|(name, path)| TlsFile { name, path, code: 5 });
    let (cacert, cert, key) = (file(Meaning::Cacert), file(Meaning::Cert), file(Meaning::Key));
    // --no-check-certificate, the switch of which --check-certificate is the opposite.
    load_tls(options.is_on(Meaning::Insecure), cacert, cert, key)
}

fn url(typed: &str) -> Result<Url, Refused> {
    let shown = Named::Operand("URL", typed);
    web::url(typed, false, std::iter::empty()).map_err(|bad| match bad {
        BadUrl::Malformed(why) | BadUrl::Scheme(why) => Refused { code: BAD_URL, message: format!("{shown}: {why}") },
        BadUrl::Elsewhere(host) => Refused { code: USAGE, message: elsewhere(&host) },
    })
}

/// A length; zero is no limit of its own.
fn seconds(given: Option<(&'static str, &str)>) -> Result<Option<Duration>, String> {
    match given {
        None | Some((_, "0")) => Ok(None),
        Some((name, text)) => values::timeout(text).map(Some).map_err(|why| complain(name, text, why)),
    }
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
        | Cause::System { .. }
        | Cause::Timeout { .. }
        | Cause::Closed { .. }
        | Cause::HeadersTooLarge
        | Cause::TooManyHeaders
        | Cause::Malformed { .. }
        | Cause::OnlyHttp2
        | Cause::OnlyHttp1
        | Cause::NotHttp
        | Cause::SpeaksTls { .. }
        | Cause::WantsProxy => 4,
        Cause::Tls(cause) if cause.name() == "certificate" => 5,
        Cause::Tls(_) => 4,
        Cause::OutOfTls { .. } => 5,
        Cause::Status { status: 401, .. } => 6,
        Cause::Status { .. }
        | Cause::BodyLacks { .. }
        | Cause::Json(_)
        | Cause::TooManyRedirects
        | Cause::Location { .. } => 8,
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
