//! nc's options as health checks use them, OpenBSD's. Its grammar: one dash and one letter, clusters that may end in
//! a value (`-zw1`), no long names, options after host and port.

use std::ffi::OsString;

use super::options::{Options, Refused, complain};
use super::table::Effect::{Ignored, Is, Refused as No};
use super::table::{Meaning, NO_PROXY, Row, switch, value};
use super::web::{self, elsewhere};
use super::{Asking, Meant, Print, Streams};
use crate::cli::grammar::Grammar;
use crate::cli::values;
use crate::locality::{Host, HostError};
use crate::probe::Probe;
use crate::probe::tcp::TcpProbe;
use crate::target::{Target, UnixSocket};
use crate::text::quoted;
use crate::word::{Word, Wrong};

/// Every option.
pub(crate) static OPTIONS: &[Row] = &[
    switch(&["-z"], Is(Meaning::Zero)),
    switch(&["-n"], Is(Meaning::Numeric)),
    value(&["-w"], Is(Meaning::Timeout)),
    switch(&["-U"], Is(Meaning::UnixSocket)),
    switch(&["-v"], Is(Meaning::Verbose)),
    switch(&["-h"], Is(Meaning::Help)),
    switch(&["-4"], Ignored),
    switch(&["-6"], Ignored),
    switch(&["-t"], Ignored),
    // What standard input is good for: nothing is read from it.
    switch(&["-d"], Ignored),
    switch(&["-N"], Ignored),
    value(&["-q"], Ignored),
    switch(&["-u"], No("a udp port cannot be seen to be open")),
    switch(&["-l"], No("exec-probe does not listen")),
    switch(&["-k"], No("exec-probe does not listen")),
    value(&["-x"], No(NO_PROXY)),
    value(&["-X"], No(NO_PROXY)),
];

/// How nc splits words.
const GRAMMAR: Grammar = Grammar {
    one_dash: false,
    clusters: true,
    equals: false,
    short_equals: false,
    switch_values: false,
    negations: false,
    prefixes: false,
    ends_at_operand: false,
    dashed_values: true,
    is_strange: |_| false,
};

/// Exit code: everything that is not open.
pub(super) const FAILED: u8 = 1;

fn refused(message: impl Into<String>) -> Refused {
    Refused { code: FAILED, message: message.into() }
}

/// Understands a command line.
pub(super) fn understand(args: Vec<OsString>, streams: Streams) -> Result<Meant, Refused> {
    let mut options = Options::read(&GRAMMAR, OPTIONS, args).map_err(refused)?;
    if options.is_on(Meaning::Help) {
        return Ok(Meant::Say { stream: streams.stderr, code: 0 });
    }
    if !options.is_on(Meaning::Zero) {
        return Err(refused("without -z something is sent: write nc -z"));
    }
    let operands = options.take_operands();
    let probes = match (operands.as_slice(), options.is_on(Meaning::UnixSocket)) {
        ([path], true) => {
            let socket = UnixSocket::parse(&Word::literal(path));
            let socket = socket.map_err(|Wrong(why)| refused(format!("{}: {why}", quoted(path))))?;
            vec![Probe::Tcp(TcpProbe { target: Target::Unix(socket), proxy: None, conversation: None })]
        }
        (_, true) => return Err(refused("wanted one path after -U")),
        ([host, ports @ ..], false) if !ports.is_empty() => {
            let is_numeric = options.is_on(Meaning::Numeric);
            ports.iter().map(|port| probe(host, port, is_numeric)).collect::<Result<_, _>>()?
        }
        _ => return Err(refused("wanted a host and a port, such as localhost 8080")),
    };
    let timeout = match options.last(Meaning::Timeout) {
        None | Some((_, "0")) => None,
        Some((name, text)) => Some(values::timeout(text).map_err(|why| refused(complain(name, text, why)))?),
    };
    let print = Print { is_silent: true, well: options.is_on(Meaning::Verbose), ..Print::default() };
    Ok(Meant::Ask(Box::new(Asking { probes, timeout, connect: None, is_verbose: false, print })))
}

/// One port of a host.
fn probe(host: &str, port: &str, is_numeric: bool) -> Result<Probe, Refused> {
    if port.contains('-') {
        return Err(refused(format!("port {}: write each port of a range", quoted(port))));
    }
    let (host, is_address) = match web::address(host) {
        Some(address) => (address.to_string(), true),
        None if host.contains(':') => (format!("[{host}]"), true),
        None => (host.to_owned(), false),
    };
    if is_numeric && !is_address {
        return Err(refused(format!("host {}: -n wants an address: write 127.0.0.1", quoted(&host))));
    }
    let word = Word::literal(&format!("{host}:{port}"));
    if Host::parse(&host) == Err(HostError::Name) && Host::look_up(&host).is_err() {
        return Err(refused(elsewhere(&host)));
    }
    let target = Target::parse(&word).map_err(|Wrong(why)| refused(why))?;
    Ok(Probe::Tcp(TcpProbe { target, proxy: None, conversation: None }))
}

/// What -v says of an open port, as nc does.
pub(super) fn connected(target: &Target) -> String {
    match target {
        Target::Tcp(place) => {
            let name = place.plain_name();
            format!("Connection to {name} {} port [tcp/*] succeeded!", place.port)
        }
        Target::Unix(socket) => format!("Connection to {} succeeded!", socket.shown),
    }
}
