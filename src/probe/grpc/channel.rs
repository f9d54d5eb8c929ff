//! What lies between tonic and our connection: hyper reads and writes it, the runtime waits for it where it would sleep,
//! and on the way the server's own status is noted, which tonic does not tell from what it makes up itself.
//!
//! There is one socket and one deadline, so one poll(2) is all the waiting there is. With tokio's own, for many sockets, a
//! check made 63 system calls and had 8 descriptors open, in place of 50 and 4, and panicked where one of them was refused.

use std::future::Future;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::rt::{Executor, ReadBufCursor};
use tower_service::Service;

use crate::connection::Connection;
use crate::outcome::{Cause, Failure, Phase};

/// How much hyper may write before it is sent. All that a check writes at once is a few hundred bytes, unless the user's
/// metadata is long or the peer wants many answers.
const MOST_GATHERED: usize = 16 * 1024;

/// How many reads may follow one another before everybody else has a turn: the verdict, and the call, which drops what
/// HTTP/2's side queues for it. With 128 a flood of small frames queues 10 MiB.
const READS_AT_ONCE: usize = 8;

/// How many looks may follow the deadline. They wait for nothing: they take what had arrived while this process was
/// kept from running. One answer takes four or five.
const LATE_LOOKS: usize = 16;

/// The connection, shared by hyper, which reads and writes it, by the runtime, which waits for it, and by us, who look at
/// how it went.
#[derive(Clone, Debug)]
pub(super) struct Wire(Arc<(Mutex<Connection>, Mutex<Pending>)>);

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
pub(super) enum Stopped {
    /// The deadline has passed.
    Late,
    /// Waiting itself failed, with this errno.
    Poll(i32),
}

impl Wire {
    /// Shares a connection.
    pub(super) fn new(connection: Connection) -> Wire {
        Wire(Arc::new((Mutex::new(connection), Mutex::default())))
    }

    /// The connection, for a look or one act.
    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.1.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// [`Wire::wait`] for the runtime to keep. Weak, because the wire keeps the runtime's wakers.
    pub(super) fn waiter(&self) -> impl Fn() + Send + Sync + 'static {
        let wire = Arc::downgrade(&self.0);
        move || {
            if let Some(wire) = wire.upgrade() {
                Wire(wire).wait();
            }
        }
    }

    /// What the runtime does where it would sleep, all that could be done without waiting being done: sends what was
    /// gathered, then waits for the socket, until the deadline at most.
    fn wait(&self) {
        let mut pending = self.pending();
        let mut connection = self.lock();
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
pub(super) struct Socket(pub(super) Wire);

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
        let mut connection = self.0.lock();
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
            pending.send(&mut self.0.lock());
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

/// What tonic calls: hyper's connection, with the metadata added and the answer watched.
#[derive(Clone)]
pub(super) struct Channel {
    /// hyper's connection.
    pub(super) requests: SendRequest<tonic::body::Body>,
    /// What is sent besides tonic's own headers.
    pub(super) metadata: HeaderMap,
    /// Where the server's grpc-status is noted.
    pub(super) status: Arc<AtomicI32>,
    /// Where phases are told.
    pub(super) wire: Wire,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Request<tonic::body::Body>> for Channel {
    type Response = Response<Watched>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Watched>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.requests.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, mut request: Request<tonic::body::Body>) -> Self::Future {
        let metadata = std::mem::take(&mut self.metadata);
        request.headers_mut().extend(metadata);
        let response = self.requests.send_request(request);
        let (status, wire) = (self.status.clone(), self.wire.clone());
        Box::pin(async move {
            let mut response = response.await?;
            drop_details(response.headers_mut());
            let http = response.status().as_u16();
            wire.lock().phase_ended(Phase::Headers, format_args!("HTTP status {http}"));
            let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
            if http != 200 || !kind.starts_with(b"application/grpc") {
                return Err(Failure::new(Cause::NotGrpc { status: http }).into());
            }
            status.store(BEGUN, Ordering::Relaxed);
            note_status(response.headers(), &status);
            Ok(response.map(|body| Watched { body, status, head: Vec::new(), left: None }))
        })
    }
}

/// A response body whose trailers are watched for the server's own status, which tonic does not tell from its own.
pub(super) struct Watched {
    body: Incoming,
    status: Arc<AtomicI32>,
    head: Vec<u8>,
    left: Option<usize>,
}

impl Watched {
    /// Follows the message's length: a unary call has one, and whoever sends another breaks gRPC.
    fn follow(&mut self, mut data: &[u8]) -> Result<(), BoxError> {
        if self.left.is_none() {
            let (head, rest) = data.split_at(data.len().min(5 - self.head.len()));
            self.head.extend_from_slice(head);
            data = rest;
            if let [_, len @ ..] = self.head.as_slice()
                && let Ok(len) = <[u8; 4]>::try_from(len)
            {
                self.left = usize::try_from(u32::from_be_bytes(len)).ok();
            }
        }
        match &mut self.left {
            Some(left) if *left < data.len() => {
                Err(Failure::new(Cause::BadGrpc { part: "more than one message" }).into())
            }
            Some(left) => {
                *left -= data.len();
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let frame = match frame {
            Some(Ok(mut frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    drop_details(trailers);
                }
                Some(match frame.data_ref().map(|data| self.follow(data)) {
                    Some(Err(error)) => Err(error),
                    _ => Ok(frame),
                })
            }
            Some(Err(error)) => Some(Err(error.into())),
            None => None,
        };
        if let Some(trailers) = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::trailers_ref) {
            note_status(trailers, &self.status);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Stands for "no grpc-status seen".
pub(super) const NO_STATUS: i32 = -1;

/// Stands for "the response has begun, and no grpc-status seen".
pub(super) const BEGUN: i32 = -3;

/// Stands for a grpc-status that is no number.
pub(super) const NO_CODE: i32 = -2;

/// Removes the details of a status, which nobody looks at: tonic panics where they are not base64.
fn drop_details(headers: &mut HeaderMap) {
    headers.remove(tonic::Status::GRPC_STATUS_DETAILS);
}

/// Notes the server's grpc-status. Zero is left out: with it, what tonic finds wrong is wrong.
fn note_status(headers: &HeaderMap, status: &AtomicI32) {
    let Some(value) = headers.get("grpc-status").map(HeaderValue::as_bytes).filter(|value| *value != b"0") else {
        return;
    };
    let code = std::str::from_utf8(value).ok().and_then(|text| text.parse::<i32>().ok());
    status.store(code.filter(|code| *code > 0).unwrap_or(NO_CODE), Ordering::Relaxed);
}
