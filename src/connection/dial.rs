//! Connecting, to a unix socket or to the addresses behind a name.
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
    let socket = new_socket(Domain::UNIX)?;
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
            errno => Cause::System { call: "connect", errno: errno.unwrap_or(libc::EIO) },
        }));
    }
}

fn new_socket(domain: Domain) -> Result<Socket, Failure> {
    Socket::new(domain, Type::STREAM, None).map_err(|error| Cause::system("socket", &error).into())
}

/// Several addresses of one name, tried one after another, the later ones while the earlier are still open.
pub(super) struct Race<'a> {
    addrs: std::iter::Peekable<std::slice::Iter<'a, LocalAddr>>,
    attempt: Attempt,
    is_named: bool,
    open: Vec<(Socket, SocketAddr)>,
    failed: Vec<(SocketAddr, &'static str, i32)>,
}

/// The errno that stands for "still silent when time was over".
const SILENT: i32 = libc::ETIMEDOUT;

/// The call that follows an accepted connection.
const LOOK: &str = "getsockname";

impl<'a> Race<'a> {
    /// Prepares to try these addresses. `is_named`: they stand behind a name, so failures tell which were tried.
    pub(super) fn new(addrs: &'a [LocalAddr], attempt: Attempt, is_named: bool) -> Self {
        Race { addrs: addrs.iter().peekable(), attempt, is_named, open: Vec::new(), failed: Vec::new() }
    }

    /// Waits for one address after the other, a slice of time each while there are several.
    pub(super) fn run(mut self) -> Result<(Socket, SocketAddr), Failure> {
        loop {
            if let Some(addr) = self.addrs.next().map(|addr| addr.socket_addr()) {
                match Socket::new(Domain::for_address(addr), Type::STREAM, None) {
                    Ok(socket) => match stay_on_loopback(&socket, addr) {
                        Ok(()) => self.open.insert(0, (socket, addr)),
                        Err(error) => self.fail(addr, ("bind", error)),
                    },
                    // No such family in this kernel: as if the name had no such address.
                    Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
                        self.fail(addr, ("socket", error));
                    }
                    Err(error) => return Err(Cause::system("socket", &error).into()),
                }
            }
            // The one tried longest ago comes next; the newest stands first.
            let Some((socket, addr)) = (!self.open.is_empty()).then(|| self.open.remove(0)) else {
                if self.addrs.peek().is_some() {
                    continue;
                }
                return Err(self.failure());
            };
            match self.wait(&socket, addr) {
                Ok(true) => return Ok((socket, addr)),
                Ok(false) => self.open.push((socket, addr)),
                Err(failed) => self.fail(addr, failed),
            }
            if self.attempt.deadline.has_passed() && !self.open.is_empty() {
                return self.late();
            }
        }
    }

    /// Waits for a connection for a slice of time: true once it is accepted; or the call that failed.
    fn wait(&self, socket: &Socket, addr: SocketAddr) -> Result<bool, (&'static str, io::Error)> {
        let is_alone = self.open.is_empty() && self.addrs.len() == 0;
        let left = self.attempt.deadline.left_for_socket();
        let slice = if is_alone { left } else { left.min(HEAD_START) };
        socket.set_write_timeout(Some(slice)).map_err(|error| ("setsockopt", error))?;
        match socket.connect(&addr.into()) {
            Ok(()) => check_other_end(socket, addr).map(|()| true),
            Err(error) if error.raw_os_error() == Some(libc::EISCONN) => Ok(true),
            Err(error) => match error.raw_os_error() {
                Some(libc::EINPROGRESS | libc::EALREADY | libc::EINTR | libc::EAGAIN) => Ok(false),
                _ => Err(("connect", error)),
            },
        }
    }

    /// Time is over: a connection that was accepted while this process did not run still counts.
    fn late(mut self) -> Result<(Socket, SocketAddr), Failure> {
        for (socket, addr) in std::mem::take(&mut self.open) {
            if socket.peer_addr().is_ok() {
                return Ok((socket, addr));
            }
            self.failed.push((addr, "connect", SILENT));
        }
        Err(self.failure())
    }

    fn fail(&mut self, addr: SocketAddr, (call, error): (&'static str, io::Error)) {
        self.failed.push((addr, call, error.raw_os_error().unwrap_or(libc::EIO)));
    }

    /// The failure that got furthest: unanswered, accepted but not to be looked at, refused, no way there, no such
    /// address.
    fn failure(mut self) -> Failure {
        // In the order they were tried first, 127.0.0.1 before ::1, however often each had its turn.
        self.failed.sort_unstable();
        let with = |errnos: &[i32]| -> Vec<SocketAddr> {
            self.failed.iter().filter(|(.., errno)| errnos.contains(errno)).map(|(addr, ..)| *addr).collect()
        };
        let told = |tried: Vec<SocketAddr>| if self.is_named { tried } else { Vec::new() };
        // The first one only: whether there was time left to try the second is the clock's doing.
        let silent: Vec<SocketAddr> = with(&[SILENT]).into_iter().take(1).collect();
        if !silent.is_empty() {
            return self.attempt.timed_out(Missing::Connection { tried: told(silent) });
        }
        if let Some((_, call, errno)) = self.failed.iter().find(|(_, call, _)| *call == LOOK) {
            return Cause::System { call, errno: *errno }.into();
        }
        let refused = with(&[libc::ECONNREFUSED]);
        if !refused.is_empty() {
            return Cause::Refused { tried: told(refused) }.into();
        }
        let known = [libc::EADDRNOTAVAIL, libc::EAFNOSUPPORT, libc::ENETUNREACH, libc::EHOSTUNREACH];
        if let Some((_, call, errno)) = self.failed.iter().find(|(.., errno)| !known.contains(errno)) {
            return Cause::System { call, errno: *errno }.into();
        }
        let unreachable = with(&[libc::ENETUNREACH, libc::EHOSTUNREACH]);
        if !unreachable.is_empty() {
            return Cause::Unreachable { tried: told(unreachable) }.into();
        }
        Cause::NoSuchAddress { tried: told(self.failed.iter().map(|(addr, ..)| *addr).collect()) }.into()
    }
}

/// Binds a socket that is to ask a loopback address to the loopback device. Where that is down, the route to
/// 127.0.0.1 is the default route, and the first packet would leave the host.
fn stay_on_loopback(socket: &Socket, addr: SocketAddr) -> io::Result<()> {
    let own: IpAddr = match addr.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_loopback() => Ipv6Addr::LOCALHOST.into(),
        _ => return Ok(()),
    };
    if socket.bind_device(Some(b"lo")).is_ok() {
        return Ok(());
    }
    // Before Linux 5.7 that takes CAP_NET_RAW. An end bound to a loopback address may not leave either, unless
    // ip_nonlocal_bind is set; all its ports may be taken, where an unbound end could share one.
    match socket.bind(&SocketAddr::new(own, 0).into()) {
        Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => Err(error),
        _ => Ok(()),
    }
}

/// A port that nobody listens on can be the very port that the kernel picks for our end; TCP then connects the
/// socket to itself. That is nobody listening.
fn check_other_end(socket: &Socket, addr: SocketAddr) -> Result<(), (&'static str, io::Error)> {
    match socket.local_addr().map_err(|error| (LOOK, error))?.as_socket() {
        Some(own) if own == addr => Err(("connect", io::Error::from_raw_os_error(libc::ECONNREFUSED))),
        _ => Ok(()),
    }
}
