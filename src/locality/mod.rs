//! Only this host is ever asked. A host becomes a socket address here and nowhere else, without a resolver, and a
//! [`LocalAddr`] can't be made in any other way: who connects needs one. [`hosts`] knows this host's other names.

mod hosts;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

pub(crate) use hosts::NotOurs;

/// A host that a target may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// `localhost`, a name below it, or nothing: 127.0.0.1, then ::1.
    Localhost,
    /// A literal, with the scope of a link-local IPv6 address (0: none).
    Address(IpAddr, u32),
    /// Another name, with its addresses; none where a unix socket is connected to and the name is only sent.
    Named(Vec<IpAddr>),
}

/// Why a text is no [`Host`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostError {
    /// A name other than `localhost`.
    Name,
    /// Neither a name nor an address.
    Malformed,
    /// Brackets without an IPv6 address in them.
    Ipv6,
    /// A scope that is a name: `%eth0`.
    Scope,
}

/// A socket address that is this host's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalAddr(SocketAddr);

/// Why a host has no address to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotLocal {
    /// Another machine's address, or one that many machines share.
    Elsewhere(IpAddr),
    /// The look could not be taken: the call and its errno.
    Unknown(&'static str, i32),
}

/// The longest host name and the longest label (RFC 1035, section 2.3.4, without the length bytes).
const MOST_NAME: usize = 253;
const MOST_LABEL: usize = 63;

impl Host {
    /// Reads a host of a target: nothing, a name in any case, an IPv4 address, IPv6 in brackets, or the `+` and `*` by
    /// which servers mean all interfaces.
    pub(crate) fn parse(text: &str) -> Result<Host, HostError> {
        if matches!(text, "" | "+" | "*") {
            return Ok(Host::Localhost);
        }
        if let Some(inside) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            return parse_ipv6(inside);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Host::Address(address.into(), 0));
        }
        if !is_name(text) {
            return Err(HostError::Malformed);
        }
        let name = plain_name(text);
        let below = name.strip_suffix("localhost");
        if below.is_some_and(|below| below.is_empty() || below.ends_with('.')) {
            return Ok(Host::Localhost);
        }
        Err(HostError::Name)
    }

    /// Looks a name up that [`Host::parse`] does not know, in `/etc/hosts` and nowhere else.
    pub(crate) fn look_up(name: &str) -> Result<Host, NotOurs> {
        hosts::look_up(name).map(Host::Named)
    }

    /// The addresses to try, in order, each of them this host's own.
    pub(crate) fn locate(&self, port: u16) -> Result<Vec<LocalAddr>, NotLocal> {
        match self {
            Host::Localhost => Ok([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
                .map(|ip: IpAddr| LocalAddr(SocketAddr::new(ip, port)))
                .to_vec()),
            Host::Address(ip, scope) => Ok(vec![locate(*ip, *scope, port)?]),
            Host::Named(ips) => {
                let (mut addrs, mut failed) = (Vec::new(), None);
                for ip in ips {
                    match locate(*ip, 0, port) {
                        Ok(addr) if !addrs.contains(&addr) => addrs.push(addr),
                        Ok(_) => {}
                        Err(why) => failed = failed.or(Some(why)),
                    }
                }
                failed.filter(|_| addrs.is_empty()).map_or(Ok(addrs), Err)
            }
        }
    }
}

/// The one address that a literal means, if it is this host's own.
fn locate(ip: IpAddr, scope: u32, port: u16) -> Result<LocalAddr, NotLocal> {
    let addr = match ip.to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port),
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), port),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
    };
    if is_ours(addr)? { Ok(LocalAddr(addr)) } else { Err(NotLocal::Elsewhere(addr.ip())) }
}

impl LocalAddr {
    /// The address to connect to.
    pub(crate) fn socket_addr(self) -> SocketAddr {
        self.0
    }
}

/// A host without brackets, scope, case and trailing dot: what two names are compared by.
pub(crate) fn plain_name(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let host = host.split_once('%').map_or(host, |(address, _)| address);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// True for what DNS, TLS's server name and a `Host` header take for a name: labels of letters, digits, dashes inside
/// and underscores, the last of them not a number, which would be an odd way to write an address.
fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_in_labels = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=MOST_LABEL).contains(&label.len())
            && label.bytes().all(is_in_labels)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= MOST_NAME && name.split('.').all(is_label) && !name.rsplit('.').next().is_some_and(is_number)
}

fn parse_ipv6(inside: &str) -> Result<Host, HostError> {
    // RFC 6874 writes the `%` of a scope as `%25` in a URL; people write it bare.
    let (address, scope) = match inside.split_once('%') {
        Some((address, scope)) => {
            (address, Some(scope.strip_prefix("25").filter(|rest| !rest.is_empty()).unwrap_or(scope)))
        }
        None => (inside, None),
    };
    let ip: Ipv6Addr = address.parse().map_err(|_| HostError::Ipv6)?;
    let scope = match scope {
        Some(scope) if scope.bytes().all(|byte| byte.is_ascii_digit()) => {
            scope.parse().map_err(|_| HostError::Scope)?
        }
        Some(_) => return Err(HostError::Scope),
        None => 0,
    };
    Ok(Host::Address(ip.into(), scope))
}

/// True if `addr` is this host's own. A UDP socket connected to an address sends nothing, and the kernel gives it
/// the address it would send from: the very same one only for an address of ours. Binding would be no test, since
/// `ip_nonlocal_bind` lets it succeed for any address.
fn is_ours(addr: SocketAddr) -> Result<bool, NotLocal> {
    let ip = addr.ip();
    let is_broadcast = ip == IpAddr::V4(Ipv4Addr::BROADCAST);
    if ip.is_loopback() {
        return Ok(true);
    }
    if ip.is_multicast() || is_broadcast {
        return Ok(false);
    }
    let any: IpAddr = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let unknown = |call| move |error: io::Error| NotLocal::Unknown(call, error.raw_os_error().unwrap_or(libc::EIO));
    let socket = match UdpSocket::bind((any, 0)) {
        Ok(socket) => socket,
        // No such family here, so no such address either.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)) => {
            return Ok(false);
        }
        Err(error) => return Err(unknown("socket")(error)),
    };
    match socket.connect(addr) {
        Ok(()) => Ok(socket.local_addr().map_err(unknown("getsockname"))?.ip() == ip),
        // Short of what a socket needs, or forbidden by a filter of system calls or of packets: no verdict. Anything else
        // is the routing table's "no way there"; EACCES among it, which stands for a broadcast address.
        Err(error) if is_no_verdict(&error) => Err(unknown("connect")(error)),
        Err(_) => Ok(false),
    }
}

/// True for what a connect fails by that says nothing of the address.
fn is_no_verdict(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::ENOMEM | libc::ENOSYS | libc::EPERM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_people_write_them() {
        let v6 = |text: &str, scope| {
            text.parse::<Ipv6Addr>().map(|ip| Host::Address(ip.into(), scope)).map_err(|_| HostError::Ipv6)
        };
        let rows = [
            ("", Ok(Host::Localhost)),
            ("localhost", Ok(Host::Localhost)),
            ("LocalHost.", Ok(Host::Localhost)),
            ("web.localhost", Ok(Host::Localhost)),
            ("127.0.0.9", Ok(Host::Address(Ipv4Addr::new(127, 0, 0, 9).into(), 0))),
            ("[::1]", v6("::1", 0)),
            ("[fe80::1%2]", v6("fe80::1", 2)),
            ("[fe80::1%252]", v6("fe80::1", 2)),
            ("[fe80::1%25]", v6("fe80::1", 25)),
            ("[fe80::1%eth0]", Err(HostError::Scope)),
            ("[fe80::1%]", Err(HostError::Scope)),
            ("[127.0.0.1]", Err(HostError::Ipv6)),
            ("+", Ok(Host::Localhost)),
            ("*", Ok(Host::Localhost)),
            ("**", Err(HostError::Malformed)),
            ("[::1", Err(HostError::Malformed)),
            ("example.org", Err(HostError::Name)),
            ("localhost.example.org", Err(HostError::Name)),
            ("web-0", Err(HostError::Name)),
            ("my_app_1", Err(HostError::Name)),
            ("0f1e2d3c4b5a", Err(HostError::Name)),
            ("127.1", Err(HostError::Malformed)),
            ("2130706433", Err(HostError::Malformed)),
            ("localhost..", Err(HostError::Malformed)),
            (".", Err(HostError::Malformed)),
            (".localhost", Err(HostError::Malformed)),
            ("..localhost", Err(HostError::Malformed)),
            ("a..localhost", Err(HostError::Malformed)),
            ("-.localhost", Err(HostError::Malformed)),
            ("-a.localhost", Err(HostError::Malformed)),
            ("a-.localhost", Err(HostError::Malformed)),
            ("a_b-1.localhost", Ok(Host::Localhost)),
            ("a\u{2}b.localhost", Err(HostError::Malformed)),
            ("a b.localhost", Err(HostError::Malformed)),
            ("\u{e4}.localhost", Err(HostError::Malformed)),
            ("alocalhost", Err(HostError::Name)),
        ];
        for (given, wanted) in rows {
            assert_eq!(Host::parse(given), wanted, "{given:?}");
        }
        let name = |length: usize| "x.".repeat((length - "localhost".len()) / 2) + "localhost";
        assert_eq!((name(MOST_NAME).len(), Host::parse(&name(MOST_NAME))), (MOST_NAME, Ok(Host::Localhost)));
        assert_eq!(Host::parse(&name(MOST_NAME + 2)), Err(HostError::Malformed));
        let label = |length: usize| "x".repeat(length) + ".localhost";
        assert_eq!(Host::parse(&label(MOST_LABEL)), Ok(Host::Localhost));
        assert_eq!(Host::parse(&label(MOST_LABEL + 1)), Err(HostError::Malformed));
    }

    #[test]
    fn what_names_a_host_names_it_for_tls_too() {
        for name in ["localhost", "a.b-c.localhost", "a_b.localhost", "web-0", "0f1e.1x", "x.localhost"] {
            assert!(is_name(name) && rustls::pki_types::ServerName::try_from(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_look_that_was_forbidden_is_no_verdict() {
        let rows = [
            (libc::EPERM, true),
            (libc::ENOSYS, true),
            (libc::ENOBUFS, true),
            (libc::EACCES, false),
            (libc::ENETUNREACH, false),
        ];
        for (errno, wanted) in rows {
            assert_eq!(is_no_verdict(&io::Error::from_raw_os_error(errno)), wanted, "{errno}");
        }
    }

    #[test]
    fn a_name_is_located_by_those_of_its_addresses_that_are_ours() {
        let ip = |text: &str| text.parse::<IpAddr>().expect(text);
        let located = |ips: &[&str]| {
            let ips = ips.iter().map(|text| ip(text)).collect();
            Host::Named(ips).locate(80).map(|addrs| addrs.iter().map(|addr| addr.0.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(
            located(&["8.8.8.8", "::1", "127.0.0.9", "0.0.0.0"]),
            Ok(vec!["[::1]:80".to_owned(), "127.0.0.9:80".to_owned(), "127.0.0.1:80".to_owned()])
        );
        assert_eq!(located(&["::ffff:127.0.0.1", "127.0.0.1"]), Ok(vec!["127.0.0.1:80".to_owned()]));
        assert_eq!(located(&["8.8.8.8", "8.8.4.4"]), Err(NotLocal::Elsewhere(ip("8.8.8.8"))));
        assert_eq!(located(&[]), Ok(vec![]));
    }

    #[test]
    fn only_addresses_of_this_host_are_located() {
        let rows: [(&str, Result<&[&str], &str>); 11] = [
            ("", Ok(&["127.0.0.1:80", "[::1]:80"])),
            ("0.0.0.0", Ok(&["127.0.0.1:80"])),
            ("[::]", Ok(&["[::1]:80"])),
            ("127.3.2.1", Ok(&["127.3.2.1:80"])),
            ("[::ffff:127.0.0.1]", Ok(&["127.0.0.1:80"])),
            ("8.8.8.8", Err("8.8.8.8")),
            ("169.254.169.254", Err("169.254.169.254")),
            ("[::ffff:8.8.8.8]", Err("8.8.8.8")),
            ("224.0.0.1", Err("224.0.0.1")),
            ("255.255.255.255", Err("255.255.255.255")),
            ("[ff02::1%1]", Err("ff02::1")),
        ];
        for (given, wanted) in rows {
            let located = Host::parse(given).ok().map(|host| match host.locate(80) {
                Ok(addrs) => Ok(addrs.iter().map(|addr| addr.0.to_string()).collect::<Vec<_>>()),
                Err(NotLocal::Elsewhere(ip)) => Err(ip.to_string()),
                Err(NotLocal::Unknown(call, errno)) => Err(format!("{call} {errno}")),
            });
            let wanted =
                wanted.map(|addrs| addrs.iter().map(|addr| (*addr).to_owned()).collect()).map_err(str::to_owned);
            assert_eq!(located, Some(wanted), "{given:?}");
        }
    }
}
