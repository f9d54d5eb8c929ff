//! What a probe is pointed at: a host and port, or a unix socket; [`crate::url`] adds what a URL has besides. Parsed once,
//! from a word whose placeholders are expanded, which names the placeholder that gave a wrong part.

use std::fmt;
use std::net::SocketAddr;

use socket2::SockAddr;

use crate::locality::{self, Host, HostError};
use crate::text::{TARGET_CHARS, VALUE_CHARS, quoted, shown};
use crate::word::{Part, Word, Wrong};

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
    /// The host as it came out: `localhost` where none or all interfaces were meant, IPv6 with its brackets.
    pub(crate) name: String,
    /// 1 to 65535.
    pub(crate) port: u16,
}

/// A unix socket's address.
#[derive(Clone, Debug)]
pub(crate) struct UnixSocket {
    /// What connect takes.
    pub(crate) addr: SockAddr,
    /// The socket for messages: `unix:/run/app.sock`, `unix-abstract:app`.
    pub(crate) shown: String,
}

/// What a command can do with the name of another host: the advice to whoever gives one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherName {
    /// Nothing.
    Unused,
    /// It is sent by `-H 'Host: NAME'`.
    HostHeader,
    /// It is sent by `--authority=NAME`.
    Authority,
    /// It is sent as it is: a unix socket is connected to, whatever the name.
    Sent,
}

impl Target {
    /// Reads a TARGET of a handler that sends no name.
    pub(crate) fn parse(word: &Word) -> Result<Target, Wrong> {
        Target::parse_for(word, OtherName::Unused)
    }

    /// Reads a TARGET; `other` is what the command can do with the name of another host.
    pub(crate) fn parse_for(word: &Word, other: OtherName) -> Result<Target, Wrong> {
        let all = word.all();
        if let Some(socket) = UnixSocket::parse_named(all) {
            return socket.map(Target::Unix);
        }
        let wanted = "wanted HOST:PORT or unix:///PATH";
        refuse_urls(all, wanted)?;
        if let Some((scheme, _)) = split_scheme(all) {
            return Err(wrong_scheme(scheme, wanted));
        }
        refuse_quotes(all)?;
        if all.text().contains(['/', '?', '#', '@']) {
            return Err(Wrong("wanted HOST:PORT, such as :5432, without a path".to_owned()));
        }
        HostPort::new(&split_host_port(all, true)?, None, other).map(Target::Tcp)
    }

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
            Target::Unix(socket) => f.write_str(&socket.shown),
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
    pub(crate) fn new(place: &Split<'_>, default: Option<u16>, other: OtherName) -> Result<HostPort, Wrong> {
        let host = understand_host(place.host, other)?;
        let port = match (place.port, default) {
            (Some(port), _) => parse_port(port)?,
            (None, Some(default)) => default,
            (None, None) => return Err(Wrong("no port: wanted one, such as :8080".to_owned())),
        };
        let name = match place.host.text() {
            "" | "+" | "*" => "localhost",
            name => name,
        };
        Ok(HostPort { host, name: name.to_owned(), port })
    }

    /// The name without brackets, scope, case and trailing dot: what two URLs are compared by.
    pub(crate) fn plain_name(&self) -> String {
        locality::plain_name(&self.name)
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
    /// Reads a word that is a unix socket: a path, or one of the forms of [`UnixSocket::parse_named`].
    pub(crate) fn parse(word: &Word) -> Result<UnixSocket, Wrong> {
        UnixSocket::parse_named(word.all()).unwrap_or_else(|| UnixSocket::at_path(word.all()))
    }

    /// Reads `unix:/PATH`, `unix:///PATH` and `unix-abstract:NAME`, as gRPC spells them; none if it is another text.
    pub(crate) fn parse_named(all: Part<'_>) -> Option<Result<UnixSocket, Wrong>> {
        if let Some(name) = all.strip_prefix("unix-abstract:") {
            return Some(UnixSocket::abstracted(name));
        }
        let rest = all.strip_prefix("unix:")?;
        Some(match rest.strip_prefix("//") {
            Some(path) if !path.text().starts_with('/') => {
                Err(Wrong("a unix socket's path has three slashes: unix:///run/app.sock".to_owned()))
            }
            path => UnixSocket::at_path(path.unwrap_or(rest)),
        })
    }

    fn at_path(path: Part<'_>) -> Result<UnixSocket, Wrong> {
        // sun_path holds 108 bytes with its end mark.
        if path.text().len() > 107 {
            return Err(Wrong("a unix socket's path has at most 107 bytes".to_owned()));
        }
        match SockAddr::unix(path.text()) {
            Ok(addr) if !path.text().is_empty() && !path.text().contains('\0') => {
                Ok(UnixSocket { addr, shown: format!("unix:{}", shown(&path.typed(), TARGET_CHARS)) })
            }
            _ => Err(Wrong("wanted the path of a unix socket".to_owned())),
        }
    }

    /// A name in the abstract namespace: sun_path holds it after a NUL byte, without an end mark (unix(7)).
    fn abstracted(name: Part<'_>) -> Result<UnixSocket, Wrong> {
        if name.text().len() > 107 {
            return Err(Wrong("a unix socket's name has at most 107 bytes".to_owned()));
        }
        match SockAddr::unix(format!("\0{}", name.text())) {
            Ok(addr) if !name.text().is_empty() && !name.text().contains('\0') => {
                Ok(UnixSocket { addr, shown: format!("unix-abstract:{}", shown(&name.typed(), TARGET_CHARS)) })
            }
            _ => Err(Wrong("wanted the name of an abstract unix socket".to_owned())),
        }
    }
}

/// Returns a TARGET as it may be shown in a usage error: without what stands before an `@`, which may be a password.
pub(crate) fn without_user(typed: &str) -> &str {
    typed.rsplit_once('@').map_or(typed, |(_, rest)| rest)
}

/// A host and a port before they are understood.
#[derive(Debug)]
pub(crate) struct Split<'a> {
    pub(crate) host: Part<'a>,
    pub(crate) port: Option<Part<'a>>,
}

/// Takes `HOST:PORT`, `:PORT`, `HOST`, `[IPV6]:PORT` apart; `PORT` alone where `bare_port` says so.
pub(crate) fn split_host_port(place: Part<'_>, bare_port: bool) -> Result<Split<'_>, Wrong> {
    let text = place.text();
    if bare_port && is_number(text) {
        return Ok(Split { host: place.split_at(0).0, port: Some(place) });
    }
    if text.starts_with('[') {
        let Some((host, rest)) = text.find(']').map(|end| place.split_at(end + 1)) else {
            return Err(Wrong("an IPv6 address is closed by a bracket: [::1]:8080".to_owned()));
        };
        return match (rest.text().is_empty(), rest.strip_prefix(":")) {
            (true, _) => Ok(Split { host, port: None }),
            (_, Some(port)) => Ok(Split { host, port: Some(port) }),
            _ => Err(Wrong("wanted a colon and a port after the bracket: [::1]:8080".to_owned())),
        };
    }
    match text.find(':').map(|colon| place.split_around(colon, 1)) {
        Some((_, rest)) if rest.text().contains(':') => {
            Err(Wrong("an IPv6 address is written in brackets: [::1]:8080".to_owned()))
        }
        Some((host, port)) => Ok(Split { host, port: Some(port) }),
        None => Ok(Split { host: place, port: None }),
    }
}

/// The scheme of an absolute URL and what follows its `://`.
pub(crate) fn split_scheme(text: Part<'_>) -> Option<(Part<'_>, Part<'_>)> {
    let (scheme, rest) = text.split_around(text.text().find("://")?, 3);
    is_scheme(scheme.text()).then_some((scheme, rest))
}

/// True for what may be the scheme of a URL (RFC 3986, section 3.1).
pub(crate) fn is_scheme(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// The error for a scheme that is not spoken. One out of a placeholder may be the start of anything, and is not shown.
pub(crate) fn wrong_scheme(scheme: Part<'_>, wanted: &str) -> Wrong {
    match scheme.placeholder() {
        None => Wrong(format!("scheme {}: {wanted}", quoted(scheme.text()))),
        Some(placeholder) => Wrong(format!("{}: another scheme, {wanted}", shown(placeholder, VALUE_CHARS))),
    }
}

/// Refuses a placeholder that gave a whole URL for a part of `place`, host and port of a target. It may hold a password
/// and is not shown, unless it is what Kubernetes puts into the variables `NAME_PORT` for each Service NAME.
pub(crate) fn refuse_urls(place: Part<'_>, wanted: &str) -> Result<(), Wrong> {
    let Some((given, (scheme, rest))) = place.given().find_map(|given| Some((given, split_scheme(given)?))) else {
        return Ok(());
    };
    let placeholder = shown(given.placeholder().unwrap_or_default(), VALUE_CHARS);
    let is_service = matches!(scheme.text(), "tcp" | "udp" | "sctp") && rest.text().parse::<SocketAddr>().is_ok();
    Err(Wrong(if is_service {
        format!(
            "{} from {placeholder}: the URL that Kubernetes sets for a Service of that name, {wanted}; \
             enableServiceLinks: false in the pod's spec leaves such variables out",
            quoted(given.text())
        )
    } else {
        format!("{placeholder}: a URL, {wanted}")
    }))
}

/// Refuses a target that was typed with a quote in front, which none has: YAML and env files keep quotes that are inside
/// of other text. One out of a placeholder is found with the part it is in.
pub(crate) fn refuse_quotes(target: Part<'_>) -> Result<(), Wrong> {
    if target.text().starts_with(['"', '\'']) && target.giver(0).is_none() {
        return Err(Wrong(format!("{QUOTES}, wanted it without them")));
    }
    Ok(())
}

/// What is wrong with a value that came with quotes around it.
const QUOTES: &str = "the quotes arrived as a part of it";

fn has_quotes(text: &str) -> bool {
    text.starts_with(['"', '\'']) || text.ends_with(['"', '\''])
}

fn parse_port(port: Part<'_>) -> Result<u16, Wrong> {
    let text = port.text();
    if is_number(text)
        && let Ok(number @ 1..) = text.parse::<u16>()
    {
        return Ok(number);
    }
    let part = part_of(port);
    let wanted = "wanted a number from 1 to 65535";
    Err(Wrong(if is_number(text) {
        format!("port {part}: {wanted}")
    } else if text.is_empty() {
        format!("no port after the colon: {wanted}")
    } else if has_quotes(text) {
        format!("port {part}: {QUOTES}, {wanted}")
    } else {
        format!("port {part}: {wanted}; a container's port names are not known inside it")
    }))
}

/// Understands a host; a name other than `localhost` is looked up in `/etc/hosts`, unless it is only sent.
fn understand_host(host: Part<'_>, other: OtherName) -> Result<Host, Wrong> {
    let text = host.text();
    let error = match Host::parse(text) {
        Ok(host) => return Ok(host),
        Err(error) => error,
    };
    let why = match error {
        HostError::Name if other == OtherName::Sent => return Ok(Host::Named(Vec::new())),
        HostError::Name => match Host::look_up(text) {
            Ok(host) => return Ok(host),
            Err(why) => format!("{why}; {}", other.advice(text)),
        },
        HostError::Malformed if has_quotes(text) => format!("{QUOTES}, wanted it without them"),
        HostError::Malformed => "no host name; wanted localhost or an address of this host".to_owned(),
        HostError::Ipv6 => "wanted an IPv6 address in the brackets".to_owned(),
        HostError::Scope => "wanted a number as the scope after the %, such as [fe80::1%2]".to_owned(),
    };
    Err(Wrong(format!("host {}: {why}", part_of(host))))
}

impl OtherName {
    /// What to do instead of naming another host.
    fn advice(self, host: &str) -> String {
        let advice = "only this host can be probed, another container by its own health check";
        let host = shown(host, VALUE_CHARS);
        match self {
            OtherName::Unused | OtherName::Sent => advice.to_owned(),
            OtherName::HostHeader => format!("{advice}; a virtual host is sent with -H 'Host: {host}'"),
            OtherName::Authority => format!("{advice}; a virtual host is sent with --authority={host}"),
        }
    }
}

/// A host or a port in quotes, with the placeholder it came from.
fn part_of(part: Part<'_>) -> String {
    match part.placeholder() {
        Some(placeholder) => format!("{} from {}", quoted(part.text()), shown(placeholder, VALUE_CHARS)),
        None => quoted(part.text()),
    }
}

pub(crate) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
