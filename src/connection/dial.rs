//! Connecting, to a unix socket or to the addresses of a name.
//!
//! It is bounded by SO_SNDTIMEO, which Linux applies to connect on TCP (EINPROGRESS) and unix sockets (EAGAIN) alike,
//! and calling connect again goes on waiting: two addresses can be tried side by side without a thread or a poll.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use crate::attempt::Attempt;
use crate::locality::LocalAddr;
use crate::outcome::{Cause, Failure, Missing};

/// How long the first address of `localhost` may stay silent before the second is tried as well: the connection
/// attempt delay of RFC 8305.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to a unix socket.
pub(super) fn unix(addr: &SockAddr, attempt: Attempt) -> Result<Socket, Failure> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(|error| Cause::system("socket", &error))?;
    loop {
        let limited = socket.set_write_timeout(Some(attempt.deadline.left_for_socket()));
        limited.map_err(|error| Cause::system("setsockopt", &error))?;
        let Err(error) = socket.connect(addr) else { return Ok(socket) };
        return Err(Failure::new(match error.raw_os_error() {
            Some(libc::EINTR) => continue,
            Some(libc::EAGAIN) if !attempt.deadline.has_passed() => continue,
            Some(libc::EAGAIN) => return Err(attempt.timed_out(Missing::Connection { tried: Vec::new() })),
            Some(libc::ECONNREFUSED) => Cause::Refused { tried: Vec::new() },
            Some(libc::ENOENT | libc::ENOTDIR) => Cause::NoSocket,
            Some(libc::EACCES) => Cause::Denied,
            Some(libc::EPROTOTYPE) => Cause::NotAStream,
            _ => Cause::system("connect", &error),
        }));
    }
}

/// Connects to the first of these addresses that accepts. If none does, the failure is the one that got furthest.
/// `is_named`: they belong to a name, so the failure lists those that were tried.
pub(super) fn tcp(addrs: &[LocalAddr], is_named: bool, attempt: Attempt) -> Result<Reached, Failure> {
    Race { addrs: addrs.iter().peekable(), attempt, is_named, open: Vec::new(), failed: Vec::new() }.run()
}

/// An accepted connection.
pub(super) struct Reached {
    /// Our end.
    pub(super) socket: Socket,
    /// Who accepted.
    pub(super) addr: LocalAddr,
}

/// Why an address is no connection, from the one that got least far to the one that got furthest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tried {
    /// This host has no such address, or no such address family.
    NoAddress,
    /// The kernel knows no way there.
    Unreachable,
    /// A call failed for another reason.
    Call(&'static str, i32),
    /// Nobody listens.
    Refused,
    /// Accepted, but which end of it is ours can't be known.
    Unseen(i32),
    /// Not answered when time was over.
    Silent,
}

impl Tried {
    fn by(call: &'static str, error: &io::Error) -> Tried {
        match error.raw_os_error().unwrap_or(libc::EIO) {
            libc::ECONNREFUSED => Tried::Refused,
            libc::ENETUNREACH | libc::EHOSTUNREACH => Tried::Unreachable,
            libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT => Tried::NoAddress,
            errno => Tried::Call(call, errno),
        }
    }
}

/// Several addresses, tried one after another, the later ones while the earlier are still open.
struct Race<'a> {
    addrs: std::iter::Peekable<std::slice::Iter<'a, LocalAddr>>,
    attempt: Attempt,
    is_named: bool,
    open: Vec<Reached>,
    failed: Vec<(LocalAddr, Tried)>,
}

impl Race<'_> {
    /// Waits for one address after the other, a slice of time each while there are several.
    fn run(mut self) -> Result<Reached, Failure> {
        loop {
            if let Some(addr) = self.addrs.next() {
                self.begin(*addr)?;
            }
            // The one tried longest ago comes next; the newest is the first of the list.
            if self.open.is_empty() {
                if self.addrs.peek().is_some() {
                    continue;
                }
                return Err(self.failure());
            }
            let oldest = self.open.remove(0);
            match self.wait(&oldest) {
                Ok(true) => return Ok(oldest),
                Ok(false) => self.open.push(oldest),
                Err(tried) => self.failed.push((oldest.addr, tried)),
            }
            if self.attempt.deadline.has_passed() && !self.open.is_empty() {
                return self.late();
            }
        }
    }

    /// Makes a socket for an address. A failure is one of every address.
    fn begin(&mut self, addr: LocalAddr) -> Result<(), Failure> {
        match Socket::new(Domain::for_address(addr.socket_addr()), Type::STREAM, None) {
            Ok(socket) => match stay_here(&socket, addr.socket_addr()) {
                Ok(()) => self.open.insert(0, Reached { socket, addr }),
                Err(error) => self.failed.push((addr, Tried::by("bind", &error))),
            },
            // No such family in this kernel: as if the name had no such address.
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
                self.failed.push((addr, Tried::NoAddress));
            }
            Err(error) => return Err(Cause::system("socket", &error).into()),
        }
        Ok(())
    }

    /// Waits for a connection for a slice of time: true once it is accepted.
    fn wait(&self, Reached { socket, addr }: &Reached) -> Result<bool, Tried> {
        let addr = addr.socket_addr();
        let is_alone = self.open.is_empty() && self.addrs.len() == 0;
        let left = self.attempt.deadline.left_for_socket();
        let slice = if is_alone { left } else { left.min(HEAD_START) };
        socket.set_write_timeout(Some(slice)).map_err(|error| Tried::by("setsockopt", &error))?;
        match socket.connect(&addr.into()) {
            Ok(()) => check_other_end(socket, addr).map(|()| true),
            Err(error) => match error.raw_os_error() {
                Some(libc::EISCONN) => Ok(true),
                Some(libc::EINPROGRESS | libc::EALREADY | libc::EINTR | libc::EAGAIN) => Ok(false),
                _ => Err(Tried::by("connect", &error)),
            },
        }
    }

    /// Time is over: a connection that was accepted while this process did not run still counts.
    fn late(mut self) -> Result<Reached, Failure> {
        for reached in std::mem::take(&mut self.open) {
            if reached.socket.peer_addr().is_ok() {
                return Ok(reached);
            }
            self.failed.push((reached.addr, Tried::Silent));
        }
        Err(self.failure())
    }

    fn failure(mut self) -> Failure {
        // In the order they were tried first, 127.0.0.1 before ::1, however often each had its turn.
        self.failed.sort_unstable_by_key(|(addr, _)| addr.socket_addr());
        let furthest = self.failed.iter().map(|(_, tried)| *tried).max().unwrap_or(Tried::NoAddress);
        let as_far = self.failed.iter().filter(|(_, tried)| *tried == furthest && self.is_named);
        let mut tried: Vec<SocketAddr> = as_far.map(|(addr, _)| addr.socket_addr()).collect();
        match furthest {
            Tried::NoAddress => Cause::NoSuchAddress { tried },
            Tried::Unreachable => Cause::Unreachable { tried },
            Tried::Call(call, errno) => Cause::System { call, errno },
            Tried::Refused => Cause::Refused { tried },
            Tried::Unseen(errno) => Cause::System { call: "getsockname", errno },
            Tried::Silent => {
                // The first one only: whether there was time left to try the second is the clock's doing.
                tried.truncate(1);
                return self.attempt.timed_out(Missing::Connection { tried });
            }
        }
        .into()
    }
}

/// Keeps what a socket sends on this host.
///
/// For a loopback address it is bound to the loopback device: where that is down, the route to 127.0.0.1 is the
/// default route, and the first packet would leave the host. For another address of this host it is bound to that
/// address: if the host has lost it since it was looked up, there is nothing to connect.
fn stay_here(socket: &Socket, addr: SocketAddr) -> io::Result<()> {
    let own = match addr.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
        IpAddr::V6(ip) if ip.is_loopback() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0),
        _ => {
            let mut own = addr;
            own.set_port(0);
            own
        }
    };
    if addr.ip().is_loopback() && socket.bind_device(Some(b"lo")).is_ok() {
        return Ok(());
    }
    // Before Linux 5.7 that takes CAP_NET_RAW. An end bound to an address of this host may not leave either, unless
    // ip_nonlocal_bind is set; all its ports may be taken, where an unbound end could share one.
    match socket.bind(&own.into()) {
        Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => Err(error),
        _ => Ok(()),
    }
}

/// A port that nobody listens on can be the very port that the kernel picks for our end; TCP then connects the
/// socket to itself. That is nobody listening.
fn check_other_end(socket: &Socket, addr: SocketAddr) -> Result<(), Tried> {
    match socket.local_addr() {
        Ok(own) if own.as_socket() == Some(addr) => Err(Tried::Refused),
        Ok(_) => Ok(()),
        Err(error) => Err(Tried::Unseen(error.raw_os_error().unwrap_or(libc::EIO))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_is_the_one_that_got_furthest() {
        let by = |errno| Tried::by("connect", &io::Error::from_raw_os_error(errno));
        let furthest_last = [
            by(libc::EADDRNOTAVAIL),
            by(libc::ENETUNREACH),
            by(libc::EACCES),
            by(libc::ECONNREFUSED),
            Tried::Unseen(libc::EPERM),
            Tried::Silent,
        ];
        assert!(furthest_last.is_sorted_by(|less, more| less < more), "{furthest_last:?}");
        assert_eq!(by(libc::EAFNOSUPPORT), by(libc::EADDRNOTAVAIL));
        assert_eq!(by(libc::EHOSTUNREACH), by(libc::ENETUNREACH));
    }

    #[test]
    fn a_socket_connected_to_itself_is_nobody_listening() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
        let own = socket.local_addr().expect("bound").as_socket().expect("TCP");
        socket.connect(&own.into()).expect("TCP lets a socket connect to itself");
        assert_eq!(check_other_end(&socket, own), Err(Tried::Refused));
        let other = SocketAddr::new(own.ip(), own.port() ^ 1);
        assert_eq!(check_other_end(&socket, other), Ok(()));
    }

    #[test]
    fn an_address_that_this_host_has_lost_is_not_connected_to() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        // An address for documentation (RFC 5737).
        let error = stay_here(&socket, SocketAddr::from(([192, 0, 2, 1], 80))).expect_err("not this host's");
        assert_eq!(Tried::by("bind", &error), Tried::NoAddress);
    }
}
