//! grpc_health_probe's options. Its grammar is that of Go's flag package: one dash or two, `-x=v` and `-x v`,
//! `-x=false` for a switch, no clusters, no prefixes; the first word that is no option ends it all. Lengths need a
//! unit.

use std::ffi::OsString;
use std::time::Duration;

use super::options::{Options, Refused, complain};
use super::table::Effect::{Ignored, Is, Refused as No};
use super::table::{Meaning, Row, switch, value};
use super::web::{TlsFile, elsewhere, load_tls};
use super::{Asking, Meant, Print, Streams};
use crate::cli::grammar::Grammar;
use crate::cli::values;
use crate::locality::{Host, HostError};
use crate::outcome::{Cause, Missing};
use crate::probe::Probe;
use crate::probe::grpc::{GrpcProbe, ServingList};
use crate::target::Target;
use crate::text::{VALUE_CHARS, quoted, shown};
use crate::tls::Tls;
use crate::word::{Word, Wrong};

/// Every option, by one dash.
pub(crate) static OPTIONS: &[Row] = &[
    value(&["-addr"], Is(Meaning::Addr)),
    value(&["-service"], Is(Meaning::Service)),
    value(&["-rpc-timeout"], Is(Meaning::RpcTimeout)),
    value(&["-connect-timeout"], Is(Meaning::ConnectTimeout)),
    value(&["-rpc-header"], Is(Meaning::RpcHeader)),
    value(&["-user-agent"], Is(Meaning::UserAgent)),
    switch(&["-tls"], Is(Meaning::Tls)),
    switch(&["-tls-no-verify"], Is(Meaning::TlsNoVerify)),
    value(&["-tls-ca-cert"], Is(Meaning::TlsCaCert)),
    value(&["-tls-client-cert"], Is(Meaning::TlsClientCert)),
    value(&["-tls-client-key"], Is(Meaning::TlsClientKey)),
    value(&["-tls-server-name"], Is(Meaning::TlsServerName)),
    switch(&["-v"], Is(Meaning::Verbose)),
    switch(&["-version"], Is(Meaning::Version)),
    switch(&["-h", "-help"], Is(Meaning::Help)),
    switch(&["-gzip"], Ignored),
    switch(
        &["-spiffe"],
        No("exec-probe knows no SPIFFE agent; write -tls-ca-cert, -tls-client-cert and -tls-client-key"),
    ),
    switch(&["-alts"], No("exec-probe does not speak ALTS")),
];

/// How Go's flag package splits words.
const GRAMMAR: Grammar = Grammar {
    one_dash: true,
    clusters: false,
    equals: true,
    short_equals: false,
    switch_values: true,
    negations: false,
    prefixes: false,
    ends_at_operand: true,
    dashed_values: true,
    is_strange: |_| false,
};

/// Exit code: a wrong command line, or what is refused.
pub(super) const USAGE: u8 = 1;

/// The limits of connection and call where none is given, each; a server that answers later is not well to the real one.
const TIMEOUT: Duration = Duration::from_secs(1);

fn refused(message: impl Into<String>) -> Refused {
    Refused { code: USAGE, message: message.into() }
}

/// Understands a command line.
pub(super) fn understand(args: Vec<OsString>, streams: Streams) -> Result<Meant, Refused> {
    let options = Options::read(&GRAMMAR, OPTIONS, args).map_err(refused)?;
    if options.is_on(Meaning::Help) {
        return Ok(Meant::Say { stream: streams.stderr, code: USAGE });
    }
    if options.is_on(Meaning::Version) {
        return Ok(Meant::Say { stream: streams.stdout, code: 0 });
    }
    let Some((_, addr)) = options.last(Meaning::Addr).filter(|(_, addr)| !addr.is_empty()) else {
        return Err(refused("-addr: wanted one, such as -addr=:50051"));
    };
    let target = target(addr)?;
    let tls = tls(&options)?;
    let authority = values::authority(&target.authority());
    let authority = authority.map_err(|why| refused(complain("-addr", addr, why)))?;
    let mut metadata = Vec::new();
    let user_agent = options.last(Meaning::UserAgent).map(|(name, value)| (name, format!("user-agent: {value}")));
    let headers = options.values(Meaning::RpcHeader).map(|(name, header)| (name, header.to_owned()));
    for (name, header) in headers.chain(user_agent) {
        let read = values::metadata(&header);
        metadata.push(read.map_err(|Wrong(why)| refused(format!("{name}: {why}")))?);
    }
    let service = options.last(Meaning::Service).map_or("", |(_, service)| service);
    let probe = GrpcProbe {
        target,
        service: service.to_owned(),
        shown_service: shown(service, VALUE_CHARS),
        tls,
        metadata,
        authority,
        serving: ServingList::default(),
        proxy: None,
    };
    let length = |meaning| match options.last(meaning) {
        None => Ok(TIMEOUT),
        Some((name, text)) => length(text).map_err(|why| refused(complain(name, text, why))),
    };
    let (connect, call) = (length(Meaning::ConnectTimeout)?, length(Meaning::RpcTimeout)?);
    let print = Print { is_silent: true, well: true, ..Print::default() };
    Ok(Meant::Ask(Box::new(Asking {
        probes: vec![Probe::Grpc(Box::new(probe))],
        timeout: Some(connect.saturating_add(call)),
        connect: Some(connect),
        is_verbose: options.is_on(Meaning::Verbose),
        print,
    })))
}

/// Whom to ask: host and port, a unix socket, or either behind the scheme of a resolver.
fn target(addr: &str) -> Result<Target, Refused> {
    let plain = addr.strip_prefix("dns:").map(|rest| rest.trim_start_matches('/'));
    let plain = plain.or(addr.strip_prefix("passthrough:///")).unwrap_or(addr);
    let host = plain.rsplit_once(':').map_or(plain, |(host, _)| host);
    if !plain.starts_with("unix") && Host::parse(host) == Err(HostError::Name) && Host::look_up(host).is_err() {
        return Err(refused(elsewhere(host)));
    }
    let target = Target::parse(&Word::literal(plain));
    target.map_err(|Wrong(why)| refused(format!("-addr {}: {why}", quoted(addr))))
}

/// What TLS does: with -tls and without -tls-ca-cert the real one verifies by a store that is not here.
fn tls(options: &Options) -> Result<Option<Tls>, Refused> {
    let file = |meaning| options.last(meaning).map(|(name, path)| TlsFile { name, path, code: USAGE });
    let insecure = options.is_on(Meaning::TlsNoVerify);
    let (cacert, cert, key) = (file(Meaning::TlsCaCert), file(Meaning::TlsClientCert), file(Meaning::TlsClientKey));
    let server_name = options.last(Meaning::TlsServerName);
    if !options.is_on(Meaning::Tls) {
        let names = [&cacert, &cert, &key].into_iter().flatten().map(|file| file.name);
        let first = names.chain(server_name.map(|(name, _)| name)).chain(insecure.then_some("-tls-no-verify")).next();
        return first
            .map_or(Ok(None), |name| Err(refused(format!("{name}: used only over TLS; write -tls as well"))));
    }
    if insecure && (cacert.is_some() || server_name.is_some()) {
        return Err(refused("-tls-no-verify contradicts -tls-ca-cert and -tls-server-name"));
    }
    let server_name = server_name
        .map(|(name, text)| crate::tls::server_name(text).map_err(|why| refused(complain(name, text, why))));
    let tls = load_tls(insecure, cacert, cert, key)?;
    Ok(Some(Tls { server_name: server_name.transpose()?, ..tls }))
}

/// A length as Go writes it: `5s`, `1m30s`, `100ms`. Each number has its unit.
fn length(text: &str) -> Result<Duration, Wrong> {
    let wanted = || Wrong("wanted a number with its unit, such as 5s".to_owned());
    let mut whole = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let unit = rest.find(|char: char| char.is_ascii_alphabetic()).ok_or_else(wanted)?;
        let end = rest[unit..].find(|char: char| !char.is_ascii_alphabetic()).map_or(rest.len(), |end| unit + end);
        whole = whole.saturating_add(values::length(&rest[..end])?);
        rest = &rest[end..];
    }
    if whole.is_zero() { Err(wanted()) } else { Ok(whole) }
}

/// The exit code of a failure.
pub(super) fn exit(cause: &Cause) -> u8 {
    match cause {
        Cause::Serving { .. } | Cause::UnknownServing { .. } => 4,
        Cause::Unimplemented
        | Cause::UnknownService
        | Cause::Code { .. }
        | Cause::TurnedAway { .. }
        | Cause::BadGrpc { .. }
        | Cause::Said(_)
        | Cause::Timeout { missing: Missing::Answer { .. }, .. }
        | Cause::Closed { missing: Missing::Answer { begun: true } } => 3,
        Cause::Refused { .. }
        | Cause::Unreachable { .. }
        | Cause::NoSuchAddress { .. }
        | Cause::NotLocal { .. }
        | Cause::NoSocket
        | Cause::Denied
        | Cause::NotAStream
        | Cause::Timeout { .. }
        | Cause::Closed { .. }
        | Cause::Tls(_)
        | Cause::NotHttp2 { .. }
        | Cause::NotGrpc { .. }
        | Cause::NotHttp
        | Cause::SpeaksTls { .. }
        | Cause::WantsProxy
        | Cause::System { .. } => 2,
        // Of other handlers.
        Cause::Status { .. }
        | Cause::BodyLacks { .. }
        | Cause::Json(_)
        | Cause::HeadersTooLarge
        | Cause::TooManyHeaders
        | Cause::Malformed { .. }
        | Cause::OnlyHttp2
        | Cause::OnlyHttp1
        | Cause::TooManyRedirects
        | Cause::OutOfTls { .. }
        | Cause::Location { .. }
        | Cause::File(_)
        | Cause::Stale { .. }
        | Cause::FileLacks { .. }
        | Cause::Install(_)
        | Cause::NotListening { .. } => 2,
    }
}
