//! The socket under the deadline: each read and write is limited by what is left, and none waits once it has passed.

use std::io::{self, IoSlice, Read, Write};
use std::time::Duration;

use socket2::Socket;

use crate::deadline::Deadline;

/// How many reads may follow the deadline. They never wait: they take what had arrived while this process was kept
/// from running, and a peer that sends without end must not go on for ever.
const LATE_READS: u8 = 16;

/// A connected socket and the instant by which everything on it must end.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) socket: Socket,
    pub(super) deadline: Deadline,
    is_nonblocking: bool,
    is_late: bool,
    late_reads: u8,
    ended: Option<io::ErrorKind>,
}

impl Line {
    pub(super) fn new(socket: Socket, deadline: Deadline) -> Line {
        Line { socket, deadline, is_nonblocking: false, is_late: false, late_reads: LATE_READS, ended: None }
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

    /// Prepares one read: limited by what is left, or not waiting at all once the deadline has passed.
    fn limit_read(&mut self) -> io::Result<()> {
        if self.is_nonblocking {
            return Ok(());
        }
        if !self.deadline.has_passed() {
            return self.socket.set_read_timeout(Some(self.deadline.left_for_socket()));
        }
        if !self.is_late {
            self.is_late = true;
            self.socket.set_nonblocking(true)?;
        }
        self.late_reads = self.late_reads.checked_sub(1).ok_or(io::ErrorKind::TimedOut)?;
        Ok(())
    }

    /// What an error of a call means: nothing where the call is to be made again.
    fn judge(&mut self, error: io::Error) -> io::Result<()> {
        match error.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::WouldBlock if self.is_nonblocking => Err(error),
            io::ErrorKind::WouldBlock if self.deadline.has_passed() => Err(io::ErrorKind::TimedOut.into()),
            io::ErrorKind::WouldBlock => Ok(()),
            kind => {
                self.ended.get_or_insert(kind);
                Err(error)
            }
        }
    }
}

impl Read for Line {
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
                Err(error) => self.judge(error)?,
            }
        }
    }
}

impl Write for Line {
    /// Writes what fits, waiting for room until the deadline at most; `TimedOut` if there was none.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            if !self.is_nonblocking {
                self.socket.set_write_timeout(Some(self.deadline.left_for_socket()))?;
            }
            match self.socket.send_vectored_with_flags(bufs, libc::MSG_NOSIGNAL) {
                Ok(count) => return Ok(count),
                Err(error) => self.judge(error)?,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
