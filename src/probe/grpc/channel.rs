//! What lies between tonic and our connection: hyper reads and writes it, tokio tells when it is ready, and on the way
//! the server's own status is noted, which tonic does not tell from what it makes up itself.

use std::future::Future;
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper::rt::{Executor, ReadBufCursor};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::connection::Connection;
use crate::outcome::{Cause, Failure, Phase};

/// The connection, shared by hyper, which reads and writes it, and by us, who look at how it went.
#[derive(Clone, Debug)]
pub(super) struct Wire(Arc<Mutex<Connection>>);

impl Wire {
    /// Shares a connection.
    pub(super) fn new(connection: Connection) -> Wire {
        Wire(Arc::new(Mutex::new(connection)))
    }

    /// The connection, for a look or one act.
    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The connection as hyper sees it. It reads and writes for itself; tokio only tells when it is ready, by a second
/// descriptor of the same socket. That one is wrapped as TCP whatever it is: readiness has no family.
pub(super) struct Socket {
    wire: Wire,
    readiness: TcpStream,
}

impl Socket {
    /// Registers the connection, which does not block, with the runtime that this is called on.
    pub(super) fn new(wire: Wire) -> io::Result<Socket> {
        let readiness = TcpStream::from_std(wire.lock().second_descriptor()?.into())?;
        Ok(Socket { wire, readiness })
    }

    /// Does one thing on the connection as soon as it is ready for it.
    fn poll_io<T>(
        &self,
        context: &mut Context<'_>,
        interest: Interest,
        mut act: impl FnMut(&mut Connection) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            match interest {
                Interest::READABLE => ready!(self.readiness.poll_read_ready(context))?,
                _ => ready!(self.readiness.poll_write_ready(context))?,
            }
            match self.readiness.try_io(interest, || act(&mut self.wire.lock())) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl hyper::rt::Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut chunk = [0; 2048];
        let room = chunk.len().min(into.remaining());
        let read =
            ready!(self.poll_io(context, Interest::READABLE, |connection| connection.read(&mut chunk[..room])));
        Poll::Ready(read.map(|count| into.put_slice(&chunk[..count])))
    }
}

impl hyper::rt::Write for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(context, Interest::WRITABLE, |connection| connection.write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_io(context, Interest::WRITABLE, |connection| connection.flush())
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
            let response = response.await?;
            let http = response.status().as_u16();
            wire.lock().phase_ended(Phase::Headers, format_args!("HTTP status {http}"));
            let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
            if http != 200 || !kind.starts_with(b"application/grpc") {
                return Err(Failure::new(Cause::NotGrpc { status: http }).into());
            }
            note_status(response.headers(), &status);
            Ok(response.map(|body| Watched { body, status }))
        })
    }
}

/// A response body whose trailers are watched for the server's own status, which tonic does not tell from its own.
pub(super) struct Watched {
    body: Incoming,
    status: Arc<AtomicI32>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
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

/// Notes the server's grpc-status. Zero is left out: with it, what tonic finds wrong is wrong.
fn note_status(headers: &HeaderMap, status: &AtomicI32) {
    let code =
        headers.get("grpc-status").and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<i32>().ok());
    if let Some(code) = code.filter(|code| *code > 0) {
        status.store(code, Ordering::Relaxed);
    }
}
