//! The connection as hyper and tokio see it: hyper reads and writes it, and the runtime waits for it where it would
//! sleep.
//!
//! There is one socket and one deadline, so one poll(2) is all the waiting there is. With tokio's own, for many sockets, a
//! check made 63 system calls and had 8 descriptors open, in place of 50 and 4, and panicked where one of them was refused.

use std::future::Future;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use hyper::rt::{Executor, ReadBufCursor};

use crate::connection::Connection;

/// How much hyper may write before it is sent. All that a check writes at once is a few hundred bytes, unless the user's
/// metadata is long or the peer wants many answers.
const MOST_GATHERED: usize = 16 * 1024;

/// How many reads may follow one another before everybody else has a turn: the verdict, and the call, which drops what
/// HTTP/2's side queues for it. With 128 a flood of small frames queues 10 MiB.
const READS_AT_ONCE: usize = 8;

/// How many looks may follow the deadline. They wait for nothing: they take what had arrived while this process was
/// kept from running. One answer takes four or five.
const LATE_LOOKS: usize = 16;

/// What hyper, the runtime and the handler share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Locked after `pending` where both are.
    connection: Mutex<Connection>,
    pending: Mutex<Pending>,
}

/// What is not done yet.
#[derive(Debug, Default)]
struct Pending {
    to_send: Vec<u8>,
    /// Nothing was left to read, and nobody has waited since.
    is_drained: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    verdict: Option<Waker>,
    reads: usize,
    late_looks: usize,
    failed: Option<Stopped>,
}

/// Why there is nothing more to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The deadline has passed.
    Late,
    /// Waiting itself failed, with this errno.
    Poll(i32),
}

impl Shared {
    /// Shares a connection.
    pub(super) fn new(connection: Connection) -> Arc<Shared> {
        Arc::new(Shared { connection: Mutex::new(connection), pending: Mutex::default() })
    }

    /// The connection, for a look or one act.
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// [`Shared::wait`] for the runtime to keep. Weak, because what is shared keeps the runtime's wakers.
    pub(super) fn waiter(self: &Arc<Self>) -> impl Fn() + Send + Sync + 'static {
        let shared = Arc::downgrade(self);
        move || {
            if let Some(shared) = shared.upgrade() {
                shared.wait();
            }
        }
    }

    /// What the runtime does where it would sleep, all that could be done without waiting being done: sends what was
    /// gathered, then waits for the socket, until the deadline at most.
    fn wait(&self) {
        let mut pending = self.pending();
        let mut connection = self.connection();
        pending.send(&mut connection);
        if connection.is_late() {
            pending.late_looks += 1;
            if pending.late_looks > LATE_LOOKS {
                pending.failed.get_or_insert(Stopped::Late);
            }
        } else if let Err(errno) = connection.wait(pending.reader.is_some(), !pending.to_send.is_empty()) {
            pending.failed.get_or_insert(Stopped::Poll(errno.raw_os_error()));
        }
        drop(connection);
        pending.is_drained = false;
        let verdict = if pending.failed.is_some() { pending.verdict.take() } else { None };
        let woken = [pending.reader.take(), pending.writer.take(), verdict];
        drop(pending);
        woken.into_iter().flatten().for_each(Waker::wake);
    }

    /// Ends once there is nothing more to wait for.
    pub(super) fn poll_stopped(&self, context: &mut Context<'_>) -> Poll<Stopped> {
        let mut pending = self.pending();
        match pending.failed {
            Some(stopped) => Poll::Ready(stopped),
            None => {
                pending.verdict = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Pending {
    /// Sends as much as the socket takes. Where the peer is gone, what it said before is still to be read, and tells more.
    fn send(&mut self, connection: &mut Connection) {
        while !self.to_send.is_empty() {
            match connection.write(&self.to_send) {
                Ok(count) => drop(self.to_send.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.to_send.clear(),
            }
        }
        let _ = connection.flush();
    }
}

/// Runs hyper's tasks on this thread's runtime.
#[derive(Clone, Copy)]
pub(super) struct Spawn;

impl<F> Executor<F> for Spawn
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

/// The connection as hyper sees it.
pub(super) struct Socket(pub(super) Arc<Shared>);

impl hyper::rt::Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pending = self.0.pending();
        pending.reads += 1;
        if pending.reads.is_multiple_of(READS_AT_ONCE) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut connection = self.0.connection();
        if connection.has_failed() {
            return Poll::Ready(Err(io::ErrorKind::Other.into()));
        }
        if pending.is_drained {
            pending.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let mut chunk = [0; 2048];
        let room = chunk.len().min(into.remaining());
        match connection.read(&mut chunk[..room]) {
            Ok(count) => {
                into.put_slice(&chunk[..count]);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                pending.is_drained = true;
                pending.reader = Some(context.waker().clone());
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl hyper::rt::Write for Socket {
    /// Gathers what is written, so that preface, settings and request leave in one packet.
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut pending = self.0.pending();
        if pending.to_send.len() >= MOST_GATHERED {
            pending.send(&mut self.0.connection());
        }
        if pending.to_send.len() >= MOST_GATHERED {
            pending.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        pending.to_send.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
