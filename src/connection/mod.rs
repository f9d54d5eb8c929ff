//! The one place that connects: TCP or unix socket, plain or TLS, for every handler, under the one deadline. What
//! comes out reads and writes blocking, each call limited by what is left, or without blocking for whoever waits
//! elsewhere.

mod dial;
mod limited;
mod look;
mod proxy;
mod spoken;

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{SockAddr, Socket};

use crate::attempt::Attempt;
use crate::locality::{Host, LocalAddr, NotLocal};
use crate::outcome::{Cause, Failure, Missing, Phase};
use crate::output::Narrator;
use crate::target::{HostPort, Target};
use crate::tls::{Alpn, Session, Tls, TlsCause};
use limited::Limited;
pub(crate) use look::Instead;
pub(crate) use proxy::Proxy;
pub(crate) use spoken::Spoken;

/// How many of the first bytes received are kept, to tell what the peer speaks: a HTTP/2 frame's header has 9.
const FIRST_BYTES: usize = 16;

/// How a connection is protected: the options, the host's name or address, and what is spoken above.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protection<'a> {
    /// What the options say.
    pub(crate) tls: &'a Tls,
    /// The name or address that the certificate is for.
    pub(crate) host: &'a str,
    /// What is spoken above.
    pub(crate) alpn: Alpn,
}

/// Where a connection leads.
#[derive(Clone, Debug)]
enum Place {
    Unix(SockAddr),
    Tcp(LocalAddr),
}

/// An accepted connection.
#[derive(Debug)]
pub(crate) struct Connection {
    line: Limited,
    place: Place,
    session: Option<Box<Session>>,
    tls_failed: Option<TlsCause>,
    ended: Option<io::ErrorKind>,
    narrator: Narrator,
    peer: Option<SocketAddr>,
    is_loopback: bool,
    proxy: Option<Proxy>,
    phase_began: Instant,
    first: Vec<u8>,
}

impl Connection {
    /// Connects to the first address that accepts, sends the header of `proxy`, and shakes hands where `protection` is
    /// given. `localhost` tries 127.0.0.1 first, as many containers have no IPv6 loopback. If none accepts, the failure
    /// is the one that got furthest. Never sleeps past the deadline.
    pub(crate) fn open(
        target: &Target,
        proxy: Option<Proxy>,
        protection: Option<Protection<'_>>,
        attempt: Attempt,
    ) -> Result<Connection, Failure> {
        let began = Instant::now();
        let mut connection = match target {
            Target::Unix(unix) => {
                let socket = dial::unix(&unix.addr, attempt.connecting())?;
                let mut connection = Connection::new(socket, Place::Unix(unix.addr.clone()), attempt, began);
                connection.phase_ended(Phase::Connect, format_args!("{target}"));
                connection
            }
            Target::Tcp(place) => Connection::open_tcp(place, attempt, began)?,
        };
        if let Some(proxy) = proxy {
            connection.introduce(proxy)?;
        }
        if let Some(protection) = protection {
            connection.send_at_once();
            connection.shake_hands(protection)?;
        }
        Ok(connection)
    }

    fn open_tcp(place: &HostPort, attempt: Attempt, began: Instant) -> Result<Connection, Failure> {
        let addrs = place.host.locate(place.port).map_err(not_local)?;
        let resolved = Instant::now();
        let gave = format_args!("{} is {}", place.name, Addrs(&addrs));
        attempt.narrator.ended(Phase::Resolve, resolved - began, gave);
        // An address that the target names itself needs no telling.
        let is_itself = |ip| addrs.iter().any(|addr| addr.socket_addr().ip() == ip);
        let is_named = !matches!(place.host, Host::Address(ip, _) if is_itself(ip));
        let reached = dial::tcp(&addrs, is_named, attempt.connecting())?;
        let addr = reached.addr.socket_addr();
        let mut connection = Connection::new(reached.socket, Place::Tcp(reached.addr), attempt, resolved);
        connection.peer = is_named.then_some(addr);
        connection.is_loopback = addr.ip().is_loopback();
        connection.phase_ended(Phase::Connect, format_args!("{addr}"));
        Ok(connection)
    }

    fn new(socket: Socket, place: Place, attempt: Attempt, phase_began: Instant) -> Connection {
        Connection {
            line: Limited::new(socket, attempt.deadline),
            place,
            session: None,
            tls_failed: None,
            ended: None,
            narrator: attempt.narrator,
            peer: None,
            is_loopback: true,
            proxy: None,
            phase_began,
            first: Vec::new(),
        }
    }

    /// What the peer speaks, known by its first bytes.
    pub(crate) fn spoken(&self) -> Spoken {
        Spoken::by(&self.first, self.session.is_some())
    }

    /// The first bytes received, 16 at most.
    pub(crate) fn first(&self) -> &[u8] {
        &self.first
    }

    /// Takes in what the peer had said before the connection broke under a write, which [`Connection::spoken`] and
    /// [`Connection::failure`] need.
    pub(crate) fn hear_last_words(&mut self) {
        if self.first.is_empty() && (self.line.is_nonblocking() || self.line.set_nonblocking().is_ok()) {
            let _ = self.read(&mut [0; FIRST_BYTES]);
        }
    }

    /// True if the server asked for a certificate that was not given: what it then refuses, it refuses for that.
    pub(crate) fn wants_certificate(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.wants_certificate())
    }

    /// True if the server has chosen what is spoken above TLS.
    pub(crate) fn has_agreed(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.connection.alpn_protocol().is_some())
    }

    /// True if TLS itself failed: what came above it then means nothing.
    pub(crate) fn has_tls_failed(&self) -> bool {
        self.tls_failed.is_some()
    }

    /// How the connection ended, once it has: `UnexpectedEof` where the peer closed its side.
    pub(crate) fn ended(&self) -> Option<io::ErrorKind> {
        self.ended.or(self.line.ended())
    }

    /// Shortens the deadline of what follows: for a look at what is still coming once the verdict is known.
    pub(crate) fn hurry(&mut self, length: Duration) {
        self.line.hurry(length);
    }

    /// Tells that a phase ended; the next one begins now.
    pub(crate) fn phase_ended(&mut self, phase: Phase, gave: std::fmt::Arguments<'_>) {
        let now = Instant::now();
        self.narrator.ended(phase, now - self.phase_began, gave);
        self.phase_began = now;
    }

    /// Makes reads and writes return at once; the caller waits for readiness, keeps the deadline, and writes often.
    pub(crate) fn set_nonblocking(&mut self) -> io::Result<()> {
        if self.session.is_none() {
            self.send_at_once();
        }
        self.line.set_nonblocking()
    }

    /// Where more than one small write is to come, Nagle's algorithm would hold it back for the peer's delayed ACK:
    /// 40 ms. A plain HTTP request is one write, and is spared the call.
    fn send_at_once(&self) {
        if let Place::Tcp(_) = self.place {
            let _ = self.line.socket.set_tcp_nodelay(true);
        }
    }

    /// Waits until the socket can be read or written, or until the deadline. With neither wanted, only that.
    pub(crate) fn wait(&self, to_read: bool, to_write: bool) -> rustix::io::Result<()> {
        self.line.wait(to_read, to_write)
    }

    /// True if a system call failed, by neither the peer's doing nor the clock's.
    pub(crate) fn has_failed(&self) -> bool {
        self.line.failed().is_some()
    }

    /// True once nothing is left of the deadline.
    pub(crate) fn is_late(&self) -> bool {
        self.line.deadline.has_passed()
    }

    /// True once the peer has said something.
    pub(crate) fn has_begun(&self) -> bool {
        !self.first.is_empty()
    }

    /// The failure of what was asked on this connection. What a reader should know of the connection itself is added
    /// here and nowhere else.
    pub(crate) fn fails(&self, cause: Cause) -> Failure {
        let by_sidecar = !self.is_loopback && matches!(cause, Cause::Closed { .. });
        let held_back = matches!(cause, Cause::Timeout { .. }) && self.line.deadline.was_held_back();
        let wants_certificate = self.wants_certificate();
        Failure { peer: self.peer, by_sidecar, held_back, wants_certificate, ..Failure::new(cause) }
    }

    /// The failure of an attempt whose time is over.
    pub(crate) fn timed_out(&self, missing: Missing) -> Failure {
        self.fails(Cause::Timeout { missing, limit: self.line.deadline.limit() })
    }

    /// The failure for an error of [`Read`] or [`Write`] while `missing` had not come.
    pub(crate) fn failure(&self, error: &io::Error, missing: Missing) -> Failure {
        self.fails(match (&self.tls_failed, error.kind()) {
            (Some(cause), _) => Cause::Tls(cause.clone()),
            (None, io::ErrorKind::TimedOut) => return self.timed_out(missing),
            // Which of these it is, and whether a write or a read meets it, is a race with the peer's leaving.
            (None, io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                let begun = self.has_begun();
                let missing = if missing == Missing::RequestTaken { Missing::Head { begun } } else { missing };
                Cause::Closed { missing }
            }
            _ => {
                let (call, errno) = self.line.failed().unwrap_or(("recv", libc::EIO));
                Cause::System { call, errno }
            }
        })
    }

    /// Ends the connection as a client that is done does: TLS is closed, no linger of zero, so no reset by our side.
    pub(crate) fn leave(&mut self) {
        if let Some(session) = &mut self.session {
            session.connection.send_close_notify();
            let _ = session.connection.write_tls(&mut self.line);
        }
        let _ = self.line.socket.shutdown(Shutdown::Both);
    }

    #[inline(never)] // a large frame, which plain connections need not touch
    fn shake_hands(&mut self, protection: Protection<'_>) -> Result<(), Failure> {
        let session = protection.tls.session(protection.host, protection.alpn);
        let session = session.map_err(|cause| Failure::new(Cause::Tls(cause)))?;
        self.session = Some(Box::new(session));
        loop {
            self.flush().map_err(|error| self.failure(&error, Missing::Handshake))?;
            match &self.session {
                Some(session) if session.connection.is_handshaking() => {
                    self.receive().map_err(|error| self.failure(&error, Missing::Handshake))?;
                }
                _ => break,
            }
        }
        let version = self.session.as_ref().and_then(|session| session.connection.protocol_version());
        let version = version.and_then(|version| version.as_str()).unwrap_or_default().replace('_', ".");
        self.phase_ended(Phase::Tls, format_args!("{version}"));
        if self.session.as_ref().is_some_and(|session| session.is_name_unchecked()) {
            let note = "the certificate is pinned by --cacert and names no host, so the name was not checked";
            self.narrator.note(format_args!("{note}"));
        }
        Ok(())
    }

    /// Takes TLS records in; `UnexpectedEof` if there are no more.
    fn receive(&mut self) -> io::Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let count = match session.connection.read_tls(&mut self.line) {
            // Not the socket's: rustls' own, which takes no more of a message without end.
            Err(error) if error.raw_os_error().is_none() && error.get_ref().is_some() => {
                self.tls_failed = Some(TlsCause::Broken);
                return Err(error);
            }
            read => read?,
        };
        // In TLS 1.3 an alert may be the server's word on our half of the handshake.
        let is_done = !session.connection.is_handshaking()
            && session.connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_2);
        if let Err(error) = session.connection.process_new_packets() {
            // Our alert, if there is one, on its way.
            let _ = session.connection.write_tls(&mut self.line);
            self.tls_failed = Some(match session.cause(&error) {
                TlsCause::Alert { name } if is_done => TlsCause::Ended { name },
                cause => cause,
            });
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    fn read_session(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(session) = &mut self.session else { return Ok(0) };
            match session.connection.reader().read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Closed without a close_notify, as many servers do; HTTP tells itself whether something is missing.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            match self.receive() {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                received => received?,
            }
            // A key update is answered, if it can be: what was received counts all the same.
            let _ = self.flush();
        }
    }
}

impl Read for Connection {
    /// Reads what is there, waiting for it until the deadline at most; `TimedOut` if nothing came.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = match self.session {
            None => self.line.read(buf)?,
            Some(_) => self.read_session(buf)?,
        };
        if count == 0 && !buf.is_empty() {
            // Over TLS the peer may end its side and leave TCP open.
            self.ended.get_or_insert(io::ErrorKind::UnexpectedEof);
        }
        let wanted = FIRST_BYTES.saturating_sub(self.first.len()).min(count);
        self.first.extend_from_slice(&buf[..wanted]);
        Ok(count)
    }
}

impl Write for Connection {
    /// Writes what fits, waiting for room until the deadline at most; `TimedOut` if there was none.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(session) = &mut self.session else { return self.line.write_vectored(bufs) };
        let count = session.connection.writer().write_vectored(bufs)?;
        match self.flush() {
            // What is taken goes out with the next flush.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && count > 0 => Ok(count),
            flushed => flushed.map(|()| count),
        }
    }

    /// Sends what TLS holds back.
    fn flush(&mut self) -> io::Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        while session.connection.wants_write() {
            session.connection.write_tls(&mut self.line)?;
        }
        Ok(())
    }
}

fn not_local(why: NotLocal) -> Failure {
    Failure::new(match why {
        NotLocal::Elsewhere(ip) => Cause::NotLocal { ip },
        NotLocal::Unknown(call, errno) => Cause::System { call, errno },
    })
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
