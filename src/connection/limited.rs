//! The socket under the deadline: each read and write is limited by what is left, and none waits once it has passed.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::Socket;

use crate::deadline::Deadline;

/// How many reads may follow the deadline. They never wait: they take what had arrived while this process was kept
/// from running, and a peer that sends without end must not go on for ever.
const LATE_READS: u8 = 16;

/// A connected socket and the instant by which everything on it must end.
#[derive(Debug)]
pub(super) struct Limited {
    pub(super) socket: Socket,
    pub(super) deadline: Deadline,
    is_nonblocking: bool,
    is_late: bool,
    late_reads: u8,
    ended: Option<io::ErrorKind>,
    failed: Option<(&'static str, i32)>,
}

impl Limited {
    pub(super) fn new(socket: Socket, deadline: Deadline) -> Limited {
        Limited {
            socket,
            deadline,
            is_nonblocking: false,
            is_late: false,
            late_reads: LATE_READS,
            ended: None,
            failed: None,
        }
    }

    /// Makes reads and writes return at once; the caller waits for readiness, and keeps the deadline.
    pub(super) fn set_nonblocking(&mut self) -> io::Result<()> {
        self.is_nonblocking = true;
        self.socket.set_nonblocking(true)
    }

    /// True once the caller does the waiting.
    pub(super) fn is_nonblocking(&self) -> bool {
        self.is_nonblocking
    }

    /// Shortens the deadline.
    pub(super) fn hurry(&mut self, length: Duration) {
        self.deadline = self.deadline.at_most(length);
    }

    /// How the connection ended, once it has: `UnexpectedEof` where the peer closed its side.
    pub(super) fn ended(&self) -> Option<io::ErrorKind> {
        self.ended
    }

    /// The system call that failed, and its errno, where that was neither the peer's doing nor the clock's.
    pub(super) fn failed(&self) -> Option<(&'static str, i32)> {
        self.failed
    }

    /// Waits until the socket can be read or written, or until the deadline. With neither wanted, only that.
    pub(super) fn wait(&self, to_read: bool, to_write: bool) -> rustix::io::Result<()> {
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::IN, to_read);
        wanted.set(PollFlags::OUT, to_write);
        let mut fds = [PollFd::new(&self.socket, wanted)];
        // An end of the connection would be told whether it is wanted or not.
        let fds = if wanted.is_empty() { &mut [][..] } else { &mut fds };
        let left = Timespec::try_from(self.deadline.left_for_socket()).ok();
        match poll(fds, left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Prepares one read: limited by what is left, or not waiting at all once the deadline has passed.
    fn limit_read(&mut self) -> io::Result<()> {
        if !self.deadline.has_passed() {
            if self.is_nonblocking {
                return Ok(());
            }
            let limited = self.socket.set_read_timeout(Some(self.deadline.left_for_socket()));
            return limited.inspect_err(|error| self.note("setsockopt", error));
        }
        if !self.is_late {
            self.is_late = true;
            self.socket.set_nonblocking(true)?;
        }
        let Some(left) = self.late_reads.checked_sub(1) else {
            self.ended.get_or_insert(io::ErrorKind::TimedOut);
            return Err(io::ErrorKind::TimedOut.into());
        };
        self.late_reads = left;
        Ok(())
    }

    fn note(&mut self, call: &'static str, error: &io::Error) {
        self.failed.get_or_insert((call, error.raw_os_error().unwrap_or(libc::EIO)));
    }

    /// What an error of a call means: nothing where the call is to be made again.
    fn judge(&mut self, call: &'static str, error: io::Error) -> io::Result<()> {
        match error.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::WouldBlock if self.is_nonblocking => Err(error),
            io::ErrorKind::WouldBlock if self.deadline.has_passed() => Err(io::ErrorKind::TimedOut.into()),
            io::ErrorKind::WouldBlock => Ok(()),
            kind => {
                self.ended.get_or_insert(kind);
                if !matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) {
                    self.note(call, &error);
                }
                Err(error)
            }
        }
    }
}

impl Read for Limited {
    /// Reads what is there, waiting for it until the deadline at most; `TimedOut` if nothing came.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            self.limit_read()?;
            match (&self.socket).read(buf) {
                Ok(count) => {
                    if count == 0 && !buf.is_empty() {
                        self.ended.get_or_insert(io::ErrorKind::UnexpectedEof);
                    }
                    return Ok(count);
                }
                Err(error) => self.judge("recv", error)?,
            }
        }
    }
}

impl Write for Limited {
    /// Writes what fits, waiting for room until the deadline at most; `TimedOut` if there was none.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            if !self.is_nonblocking {
                let limited = self.socket.set_write_timeout(Some(self.deadline.left_for_socket()));
                limited.inspect_err(|error| self.note("setsockopt", error))?;
            }
            match self.socket.send_vectored_with_flags(bufs, libc::MSG_NOSIGNAL) {
                Ok(count) => return Ok(count),
                Err(error) => self.judge("send", error)?,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
