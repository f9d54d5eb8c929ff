//! What a probe is pointed at: a host and port, or a unix socket; [`crate::url`] adds what a URL has besides. Parsed once,
//! from a word whose placeholders are expanded, which names the placeholder that gave a wrong part.

use std::fmt;
use std::ops::Range;

use socket2::SockAddr;

use crate::locality::{Host, HostError};
use crate::text::{TARGET_CHARS, VALUE_CHARS, quoted, shown};
use crate::word::{Word, Wrong};

/// What is connected to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A TCP port of this host.
    Tcp(HostPort),
    /// A unix socket.
    Unix(UnixSocket),
}

/// A host and a port.
#[derive(Clone, Debug)]
pub(crate) struct HostPort {
    /// The host, understood.
    pub(crate) host: Host,
    /// The host as it came out: `localhost` where it was left out, IPv6 with its brackets.
    pub(crate) name: String,
    /// 1 to 65535.
    pub(crate) port: u16,
}

/// A unix socket's address.
#[derive(Clone, Debug)]
pub(crate) struct UnixSocket {
    /// What connect takes.
    pub(crate) addr: SockAddr,
    /// The path for messages.
    pub(crate) shown: String,
}

impl Target {
    /// Reads a TARGET of the tcp and grpc handlers.
    pub(crate) fn parse(word: &Word) -> Result<Target, Wrong> {
        let value = word.value();
        if let Some(rest) = value.strip_prefix("unix:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if rest.starts_with("//") && !path.starts_with('/') {
                return Err(Wrong("a unix socket's path has three slashes: unix:///run/app.sock".to_owned()));
            }
            return UnixSocket::parse(word, range_in(value, path)).map(Target::Unix);
        }
        if let Some((scheme, _)) = value.split_once("://") {
            return Err(Wrong(format!("scheme {}: wanted HOST:PORT or unix:///PATH", quoted(scheme))));
        }
        if value.contains(['/', '?', '#', '@']) {
            return Err(Wrong("wanted HOST:PORT, such as :5432, without a path".to_owned()));
        }
        let place = split_host_port(word, 0..value.len(), true)?;
        HostPort::new(word, &place, None).map(Target::Tcp)
    }
}

impl Target {
    /// What `:authority` says where the user names none; a unix socket has no name of its own.
    pub(crate) fn authority(&self) -> String {
        match self {
            Target::Tcp(place) => format!("{}:{}", place.name_without_scope(), place.port),
            Target::Unix(_) => "localhost".to_owned(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tcp(place) => f.write_str(&shown(&place.to_string(), TARGET_CHARS)),
            Target::Unix(socket) => write!(f, "unix:{}", socket.shown),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}

impl HostPort {
    /// Understands a host and a port; `default` is the port of the scheme, where one was written.
    pub(crate) fn new(word: &Word, place: &Split<'_>, default: Option<u16>) -> Result<HostPort, Wrong> {
        let host = Host::parse(place.host).map_err(|error| wrong_host(word, place.host, error))?;
        let port = match (place.port, default) {
            (Some(port), _) => parse_port(word, port)?,
            (None, Some(default)) => default,
            (None, None) => return Err(Wrong("no port: wanted one, such as :8080".to_owned())),
        };
        let name = if place.host.is_empty() { "localhost" } else { place.host };
        Ok(HostPort { host, name: name.to_owned(), port })
    }

    /// The name without brackets, scope, case and trailing dot: what two URLs are compared by.
    pub(crate) fn plain_name(&self) -> String {
        plain_name(&self.name)
    }

    /// The name for a `Host` header: a scope means nothing to the other side (RFC 6874).
    pub(crate) fn name_without_scope(&self) -> String {
        match self.name.split_once('%') {
            Some((address, _)) => format!("{address}]"),
            None => self.name.clone(),
        }
    }
}

impl UnixSocket {
    /// Reads a path; `range` is its part of the word.
    pub(crate) fn parse(word: &Word, range: Range<usize>) -> Result<UnixSocket, Wrong> {
        let path = &word.value()[range.clone()];
        if path.is_empty() {
            return Err(Wrong("wanted the path of a unix socket".to_owned()));
        }
        // sun_path holds 108 bytes with its end mark.
        if path.len() > 107 {
            return Err(Wrong("a unix socket's path has at most 107 bytes".to_owned()));
        }
        match SockAddr::unix(path) {
            Ok(addr) if !path.contains('\0') => {
                Ok(UnixSocket { addr, shown: shown(&word.shown_part(range), TARGET_CHARS) })
            }
            _ => Err(Wrong("wanted the path of a unix socket".to_owned())),
        }
    }
}

/// Returns a TARGET as it may be shown in a usage error: without what stands before an `@`, which may be a password.
pub(crate) fn without_user(typed: &str) -> &str {
    typed.rsplit_once('@').map_or(typed, |(_, rest)| rest)
}

/// A host and a port before they are understood.
pub(crate) struct Split<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: Option<&'a str>,
}

/// Takes `HOST:PORT`, `:PORT`, `HOST`, `[IPV6]:PORT` apart; `PORT` alone where `bare_port` says so.
pub(crate) fn split_host_port(word: &Word, range: Range<usize>, bare_port: bool) -> Result<Split<'_>, Wrong> {
    let text = &word.value()[range];
    if bare_port && is_number(text) {
        return Ok(Split { host: "", port: Some(text) });
    }
    if text.starts_with('[') {
        let Some((host, rest)) = text.find(']').map(|end| text.split_at(end + 1)) else {
            return Err(Wrong("an IPv6 address is closed by a bracket: [::1]:8080".to_owned()));
        };
        return match (rest.is_empty(), rest.strip_prefix(':')) {
            (true, _) => Ok(Split { host, port: None }),
            (_, Some(port)) => Ok(Split { host, port: Some(port) }),
            _ => Err(Wrong("wanted a colon and a port behind the bracket: [::1]:8080".to_owned())),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => {
            Err(Wrong("an IPv6 address is written in brackets: [::1]:8080".to_owned()))
        }
        Some((host, port)) => Ok(Split { host, port: Some(port) }),
        None => Ok(Split { host: text, port: None }),
    }
}

fn parse_port(word: &Word, port: &str) -> Result<u16, Wrong> {
    if is_number(port)
        && let Ok(number @ 1..) = port.parse::<u16>()
    {
        return Ok(number);
    }
    let part = part_of(word, port);
    let wanted = "wanted a number from 1 to 65535";
    if is_number(port) {
        return Err(Wrong(format!("port {part}: {wanted}")));
    }
    if port.is_empty() {
        return Err(Wrong(format!("no port behind the colon: {wanted}")));
    }
    Err(Wrong(format!("port {part}: {wanted}; a container's port names are not known inside it")))
}

fn wrong_host(word: &Word, host: &str, error: HostError) -> Wrong {
    let part = part_of(word, host);
    Wrong(match error {
        HostError::Name => {
            let host = shown(host, VALUE_CHARS);
            format!(
                "host {part}: only this host can be probed, by localhost or an address of its own; \
                 a virtual host is sent with -H 'Host: {host}'"
            )
        }
        HostError::Ipv6 => format!("host {part}: wanted an IPv6 address in the brackets"),
        HostError::Scope => format!("host {part}: wanted a number as the scope behind the %, such as [fe80::1%2]"),
    })
}

/// A part of the value in quotes, with the placeholder it came from.
fn part_of(word: &Word, part: &str) -> String {
    match word.placeholder_in(range_in(word.value(), part)) {
        Some(placeholder) => format!("{} from {}", quoted(part), shown(placeholder, VALUE_CHARS)),
        None => quoted(part),
    }
}

/// Where `part`, a slice of `whole`, stands in it.
pub(crate) fn range_in(whole: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len());
    start..start.saturating_add(part.len()).min(whole.len())
}

pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(crate) fn plain_name(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let host = host.split_once('%').map_or(host, |(address, _)| address);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}
