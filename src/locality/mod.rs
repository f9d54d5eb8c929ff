//! Only this host is ever asked. A host becomes a socket address here and nowhere else, without a resolver and
//! without `/etc/hosts`, and a [`LocalAddr`] can't be made in any other way: who connects needs one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

/// A host that a target may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// `localhost`, a name below it, or nothing: 127.0.0.1, then ::1.
    Localhost,
    /// A literal, with the scope of a link-local IPv6 address (0: none).
    Address(IpAddr, u32),
}

/// Why a text is no [`Host`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostError {
    /// A name that only a resolver could tell.
    Name,
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

/// The longest host name (RFC 1035, section 2.3.4, without the length bytes).
const MOST_NAME: usize = 253;

impl Host {
    /// Reads a host as it stands in a target: empty, a name in any case, an IPv4 address, or IPv6 in brackets.
    pub(crate) fn parse(text: &str) -> Result<Host, HostError> {
        if let Some(inside) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            return parse_ipv6(inside);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Host::Address(address.into(), 0));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let below = name.strip_suffix("localhost");
        match below.and_then(|below| below.strip_suffix('.').or(below.is_empty().then_some(below))) {
            _ if text.is_empty() => Ok(Host::Localhost),
            Some(below) if name.len() <= MOST_NAME && below.bytes().all(is_in_names) => Ok(Host::Localhost),
            _ => Err(HostError::Name),
        }
    }

    /// The addresses to try, in order, each of them this host's own.
    pub(crate) fn locate(self, port: u16) -> Result<Vec<LocalAddr>, NotLocal> {
        let local = |ip: IpAddr| LocalAddr(SocketAddr::new(ip, port));
        match self {
            Host::Localhost => Ok(vec![local(Ipv4Addr::LOCALHOST.into()), local(Ipv6Addr::LOCALHOST.into())]),
            Host::Address(ip, scope) => {
                let addr = match ip.to_canonical() {
                    ip if ip == IpAddr::V4(Ipv4Addr::UNSPECIFIED) => {
                        return Ok(vec![local(Ipv4Addr::LOCALHOST.into())]);
                    }
                    ip if ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
                        return Ok(vec![local(Ipv6Addr::LOCALHOST.into())]);
                    }
                    IpAddr::V4(ip) => SocketAddr::new(ip.into(), port),
                    IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
                };
                if is_ours(addr)? { Ok(vec![LocalAddr(addr)]) } else { Err(NotLocal::Elsewhere(addr.ip())) }
            }
        }
    }
}

impl LocalAddr {
    /// The address to connect to.
    pub(crate) fn socket_addr(self) -> SocketAddr {
        self.0
    }
}

/// True for the bytes that names below `localhost` are made of. What is sent in a `Host` header and shown in a line may
/// hold no others.
fn is_in_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
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
        // Short of what a socket needs, or forbidden: no verdict. Anything else is the routing table's "no way there".
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::ENOMEM | libc::ENOSYS)) => {
            Err(unknown("connect")(error))
        }
        Err(_) => Ok(false),
    }
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
            ("[::1", Err(HostError::Name)),
            ("example.org", Err(HostError::Name)),
            ("localhost.example.org", Err(HostError::Name)),
            ("127.1", Err(HostError::Name)),
            ("a_b-1.localhost", Ok(Host::Localhost)),
            ("a\u{2}b.localhost", Err(HostError::Name)),
            ("a b.localhost", Err(HostError::Name)),
            ("\u{e4}.localhost", Err(HostError::Name)),
            ("alocalhost", Err(HostError::Name)),
        ];
        for (given, wanted) in rows {
            assert_eq!(Host::parse(given), wanted, "{given:?}");
        }
        for (length, wanted) in [(MOST_NAME, Ok(Host::Localhost)), (MOST_NAME + 1, Err(HostError::Name))] {
            let name = "x".repeat(length - ".localhost".len()) + ".localhost";
            assert_eq!(Host::parse(&name), wanted, "{length} bytes");
        }
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
