//! The one place that connects: TCP or unix socket, for every handler, under the one deadline. What comes out reads
//! and writes blocking, each call limited by what is left, or without blocking for whoever waits elsewhere.
//!
//! Connecting is bounded by SO_SNDTIMEO, which Linux applies to TCP (EINPROGRESS) and unix sockets (EAGAIN) alike,
//! and calling connect again goes on waiting: two addresses can be tried side by side without a thread or a poll.

use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::deadline::Deadline;
use crate::locality::{Host, LocalAddr, NotLocal};
use crate::outcome::{Awaited, Cause, Failure, Phase};
use crate::output::Narrator;
use crate::target::Target;

/// How long the first address of `localhost` may stay silent before the second is tried as well: the connection
/// attempt delay of RFC 8305.
const HEAD_START: Duration = Duration::from_millis(250);

/// How many reads may follow the deadline. They never wait: they take what had arrived while this process was kept
/// from running, and a peer that sends without end must not go on for ever.
const LATE_READS: u8 = 16;

/// How many of the first bytes received are kept, to tell what the peer speaks: a HTTP/2 frame's header has 9.
const FIRST_BYTES: usize = 16;

/// What every handler is given: the instant to end by, and whom to tell about phases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// The one deadline.
    pub(crate) deadline: Deadline,
    /// `-v`.
    pub(crate) narrator: Narrator,
}

/// What a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// Not a byte came.
    Nothing,
    /// HTTP/1.x.
    Http1,
    /// HTTP/2.
    Http2,
    /// Something else.
    Other,
}

/// An accepted connection.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    run: Run,
    peer: Option<SocketAddr>,
    phase_began: Instant,
    is_nonblocking: bool,
    is_late: bool,
    late_reads: u8,
    first: Vec<u8>,
    ended: Option<io::ErrorKind>,
}

impl Connection {
    /// Connects to the first address that accepts. `localhost` tries 127.0.0.1 first, as many containers have no
    /// IPv6 loopback. If none accepts, the failure is the one that got furthest. Never sleeps past the deadline.
    /// `sends_often`: more than one small write is to come.
    pub(crate) fn open(target: &Target, sends_often: bool, run: Run) -> Result<Connection, Failure> {
        let began = Instant::now();
        let (socket, peer, began) = match target {
            Target::Unix(unix) => (connect_unix(&unix.addr, run)?, None, began),
            Target::Tcp(place) => {
                let addrs = place.host.locate(place.port).map_err(not_local)?;
                let resolved = Instant::now();
                let shown = Addrs(&addrs);
                run.narrator.ended(Phase::Resolve, resolved - began, format_args!("{} is {shown}", place.name));
                // An address that the target names itself needs no telling.
                let is_named = !matches!(place.host, Host::Address(ip, _) if addrs.iter().any(|addr| addr.socket_addr().ip() == ip));
                let (socket, addr) = Race::new(&addrs, run, is_named).run()?;
                (socket, Some((addr, is_named)), resolved)
            }
        };
        let now = Instant::now();
        match peer {
            Some((addr, _)) => run.narrator.ended(Phase::Connect, now - began, format_args!("{addr}")),
            None => run.narrator.ended(Phase::Connect, now - began, format_args!("{target}")),
        }
        if peer.is_some() && sends_often {
            // Without it Nagle's algorithm holds a small write back for the peer's delayed ACK: 40 ms.
            let _ = socket.set_tcp_nodelay(true);
        }
        Ok(Connection {
            socket,
            run,
            peer: peer.filter(|(_, is_named)| *is_named).map(|(addr, _)| addr),
            phase_began: now,
            is_nonblocking: false,
            is_late: false,
            late_reads: LATE_READS,
            first: Vec::new(),
            ended: None,
        })
    }

    /// The address behind the name that the target gave, if it gave a name.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// What the peer speaks, told by its first bytes.
    pub(crate) fn spoken(&self) -> Spoken {
        match self.first.as_slice() {
            [] => Spoken::Nothing,
            first if first.starts_with(b"HTTP/") => Spoken::Http1,
            // The SETTINGS frame that every HTTP/2 server begins with: type 4, stream 0 (RFC 9113, section 3.4).
            [_, _, _, 4, _, 0, 0, 0, 0, ..] => Spoken::Http2,
            _ => Spoken::Other,
        }
    }

    /// Takes in what the peer had said before the connection broke under a write, which [`Connection::spoken`] needs.
    pub(crate) fn hear_last_words(&mut self) {
        if self.is_nonblocking && self.first.is_empty() {
            let _ = self.read(&mut [0; FIRST_BYTES]);
        }
    }

    /// How the connection ended, once it has: `UnexpectedEof` where the peer closed its side.
    pub(crate) fn ended(&self) -> Option<io::ErrorKind> {
        self.ended
    }

    /// Shortens the deadline of what follows: for a look at what is still coming once the verdict is known.
    pub(crate) fn hurry(&mut self, length: Duration) {
        self.run.deadline = self.run.deadline.at_most(length);
    }

    /// Tells that a phase ended; the next one begins now.
    pub(crate) fn phase_ended(&mut self, phase: Phase, gave: std::fmt::Arguments<'_>) {
        let now = Instant::now();
        self.run.narrator.ended(phase, now - self.phase_began, gave);
        self.phase_began = now;
    }

    /// Makes reads and writes return at once; the caller waits for readiness, and keeps the deadline.
    pub(crate) fn set_nonblocking(&mut self) -> io::Result<()> {
        self.is_nonblocking = true;
        self.socket.set_nonblocking(true)
    }

    /// Another descriptor of the same socket, to wait for readiness by.
    pub(crate) fn second_descriptor(&self) -> io::Result<OwnedFd> {
        self.socket.try_clone().map(OwnedFd::from)
    }

    /// The failure for an error of [`Read`] or [`Write`] in this phase. `begun`: a part of the answer has come.
    pub(crate) fn failure(&self, error: &io::Error, phase: Phase, awaited: Awaited) -> Failure {
        let begun = !self.first.is_empty();
        let cause = match error.kind() {
            io::ErrorKind::TimedOut => {
                return timed_out(self.run, phase, begun, awaited).at(self.peer);
            }
            io::ErrorKind::ConnectionReset => Cause::Reset { phase, awaited },
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => Cause::Closed { phase, begun, awaited },
            _ => Cause::System {
                call: if phase == Phase::Request { "send" } else { "recv" },
                errno: error.raw_os_error().unwrap_or(libc::EIO),
            },
        };
        Failure::new(cause).at(self.peer)
    }

    /// Ends the connection as a client that is done does: no linger of zero, so no reset by our side.
    pub(crate) fn leave(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Prepares one blocking read: limited by what is left, or not waiting at all once the deadline has passed.
    fn limit_read(&mut self) -> io::Result<()> {
        if self.is_nonblocking {
            return Ok(());
        }
        let deadline = self.run.deadline;
        if !deadline.has_passed() {
            return self.socket.set_read_timeout(Some(deadline.left_for_socket()));
        }
        if !self.is_late {
            self.is_late = true;
            self.socket.set_nonblocking(true)?;
        }
        self.late_reads = self.late_reads.checked_sub(1).ok_or(io::ErrorKind::TimedOut)?;
        Ok(())
    }
}

impl Read for Connection {
    /// Reads what is there, waiting for it until the deadline at most; `TimedOut` if nothing came.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            self.limit_read()?;
            match (&self.socket).read(buf) {
                Ok(count) => {
                    if count == 0 && !buf.is_empty() {
                        self.ended.get_or_insert(io::ErrorKind::UnexpectedEof);
                    }
                    let wanted = FIRST_BYTES.saturating_sub(self.first.len()).min(count);
                    self.first.extend_from_slice(&buf[..wanted]);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.is_nonblocking {
                        return Err(error);
                    }
                    if self.run.deadline.has_passed() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                Err(error) => {
                    self.ended.get_or_insert(error.kind());
                    return Err(error);
                }
            }
        }
    }
}

impl Write for Connection {
    /// Writes what fits, waiting for room until the deadline at most; `TimedOut` if there was none.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            if !self.is_nonblocking {
                self.socket.set_write_timeout(Some(self.run.deadline.left_for_socket()))?;
            }
            match self.socket.send_vectored_with_flags(bufs, libc::MSG_NOSIGNAL) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.is_nonblocking => {
                    if self.run.deadline.has_passed() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                Err(error) => {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        self.ended.get_or_insert(error.kind());
                    }
                    return Err(error);
                }
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The failure of a run whose time is over in this phase.
pub(crate) fn timed_out(run: Run, phase: Phase, begun: bool, awaited: Awaited) -> Failure {
    let cause = Cause::Timeout { phase, limit: run.deadline.limit(), begun, tried: Vec::new(), awaited };
    Failure { held_back: run.deadline.was_held_back(), ..Failure::new(cause) }
}

fn not_local(why: NotLocal) -> Failure {
    Failure::new(match why {
        NotLocal::Elsewhere(ip) => Cause::NotLocal { ip },
        NotLocal::Unknown(call, errno) => Cause::System { call, errno },
    })
}

fn connect_unix(addr: &SockAddr, run: Run) -> Result<Socket, Failure> {
    let socket = new_socket(Domain::UNIX)?;
    loop {
        let _ = socket.set_write_timeout(Some(run.deadline.left_for_socket()));
        let Err(error) = socket.connect(addr) else { return Ok(socket) };
        return Err(Failure::new(match error.raw_os_error() {
            Some(libc::EINTR) => continue,
            Some(libc::EAGAIN) if !run.deadline.has_passed() => continue,
            Some(libc::EAGAIN) => return Err(timed_out(run, Phase::Connect, false, Awaited::Http)),
            Some(libc::ECONNREFUSED) => Cause::Refused { tried: Vec::new() },
            Some(libc::ENOENT | libc::ENOTDIR) => Cause::NoSocket,
            Some(libc::EACCES) => Cause::Denied,
            Some(libc::EPROTOTYPE) => Cause::NotAStream,
            errno => Cause::System { call: "connect", errno: errno.unwrap_or(libc::EIO) },
        }));
    }
}

fn new_socket(domain: Domain) -> Result<Socket, Failure> {
    Socket::new(domain, Type::STREAM, None)
        .map_err(|error| Cause::System { call: "socket", errno: error.raw_os_error().unwrap_or(libc::EIO) }.into())
}

/// Several addresses of one name, tried one after another, the later ones while the earlier are still open.
struct Race<'a> {
    addrs: std::iter::Peekable<std::slice::Iter<'a, LocalAddr>>,
    run: Run,
    is_named: bool,
    open: Vec<(Socket, SocketAddr)>,
    failed: Vec<(SocketAddr, i32)>,
}

/// The errno that stands for "still silent when time was over".
const SILENT: i32 = libc::ETIMEDOUT;

impl<'a> Race<'a> {
    fn new(addrs: &'a [LocalAddr], run: Run, is_named: bool) -> Self {
        Race { addrs: addrs.iter().peekable(), run, is_named, open: Vec::new(), failed: Vec::new() }
    }

    /// Waits for one address after the other, a slice of time each while there are several.
    fn run(mut self) -> Result<(Socket, SocketAddr), Failure> {
        loop {
            if let Some(addr) = self.addrs.next().map(|addr| addr.socket_addr()) {
                match Socket::new(Domain::for_address(addr), Type::STREAM, None) {
                    Ok(socket) => match stay_on_loopback(&socket, addr) {
                        Ok(()) => self.open.insert(0, (socket, addr)),
                        Err(error) => self.fail(addr, &error),
                    },
                    // No such family in this kernel: as if the name had no such address.
                    Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => self.fail(addr, &error),
                    Err(error) => {
                        let errno = error.raw_os_error().unwrap_or(libc::EIO);
                        return Err(Cause::System { call: "socket", errno }.into());
                    }
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
                Err(error) => self.fail(addr, &error),
            }
            if self.run.deadline.has_passed() && !self.open.is_empty() {
                return self.late();
            }
        }
    }

    /// Waits for a connection for a slice of time: true once it is accepted.
    fn wait(&self, socket: &Socket, addr: SocketAddr) -> io::Result<bool> {
        let is_alone = self.open.is_empty() && self.addrs.len() == 0;
        let left = self.run.deadline.left_for_socket();
        socket.set_write_timeout(Some(if is_alone { left } else { left.min(HEAD_START) }))?;
        match socket.connect(&addr.into()) {
            Ok(()) => check_other_end(socket, addr).map(|()| true),
            Err(error) if error.raw_os_error() == Some(libc::EISCONN) => Ok(true),
            Err(error) => match error.raw_os_error() {
                Some(libc::EINPROGRESS | libc::EALREADY | libc::EINTR | libc::EAGAIN) => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// Time is over: a connection that was accepted while this process did not run still counts.
    fn late(mut self) -> Result<(Socket, SocketAddr), Failure> {
        for (socket, addr) in std::mem::take(&mut self.open) {
            if socket.peer_addr().is_ok() {
                return Ok((socket, addr));
            }
            self.failed.push((addr, SILENT));
        }
        Err(self.failure())
    }

    fn fail(&mut self, addr: SocketAddr, error: &io::Error) {
        self.failed.push((addr, error.raw_os_error().unwrap_or(libc::EIO)));
    }

    /// The failure that got furthest: unanswered, refused, no way there, no such address.
    fn failure(mut self) -> Failure {
        // In the order they were tried first, 127.0.0.1 before ::1, however often each had its turn.
        self.failed.sort_unstable();
        let with = |errnos: &[i32]| -> Vec<SocketAddr> {
            self.failed.iter().filter(|(_, errno)| errnos.contains(errno)).map(|(addr, _)| *addr).collect()
        };
        let told = |tried: Vec<SocketAddr>| if self.is_named { tried } else { Vec::new() };
        // The first one only: whether there was time left to try the second is the clock's doing.
        let silent: Vec<SocketAddr> = with(&[SILENT]).into_iter().take(1).collect();
        if !silent.is_empty() {
            let failure = timed_out(self.run, Phase::Connect, false, Awaited::Http);
            return match failure.cause {
                Cause::Timeout { phase, limit, begun, awaited, .. } => {
                    let cause = Cause::Timeout { phase, limit, begun, awaited, tried: told(silent) };
                    Failure { cause, ..failure }
                }
                _ => failure,
            };
        }
        let refused = with(&[libc::ECONNREFUSED]);
        if !refused.is_empty() {
            return Cause::Refused { tried: told(refused) }.into();
        }
        let known = [libc::EADDRNOTAVAIL, libc::EAFNOSUPPORT, libc::ENETUNREACH, libc::EHOSTUNREACH];
        if let Some((_, errno)) = self.failed.iter().find(|(_, errno)| !known.contains(errno)) {
            return Cause::System { call: "connect", errno: *errno }.into();
        }
        let unreachable = with(&[libc::ENETUNREACH, libc::EHOSTUNREACH]);
        if !unreachable.is_empty() {
            return Cause::Unreachable { tried: told(unreachable) }.into();
        }
        Cause::NoSuchAddress { tried: told(self.failed.iter().map(|(addr, _)| *addr).collect()) }.into()
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
fn check_other_end(socket: &Socket, addr: SocketAddr) -> io::Result<()> {
    match socket.local_addr()?.as_socket() {
        Some(own) if own == addr => Err(io::Error::from_raw_os_error(libc::ECONNREFUSED)),
        _ => Ok(()),
    }
}

/// Addresses for `-v`.
struct Addrs<'a>(&'a [LocalAddr]);

impl std::fmt::Display for Addrs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, addr) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}", addr.socket_addr().ip())?;
        }
        Ok(())
    }
}
