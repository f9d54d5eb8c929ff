//! One connection: one request and its answer. hyper reads and writes; what waits here has a limit, as hyper's own cover a
//! part of it and need a timer of their own.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Request;
use hyper::body::Incoming;
use hyper::rt::ReadBufCursor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::serve::paths::Paths;
use crate::serve::slots::{PATIENCE, Slot};

/// The most bytes of a request's head: hyper's least.
const MOST_REQUEST: usize = 8 * 1024;

/// Reads one request and answers it. The connection is closed behind the answer, so that none is kept by whoever is silent.
pub(super) async fn serve(stream: TcpStream, slot: &Slot, paths: Arc<Paths>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let paths = paths.clone();
        async move {
            // A question keeps its own deadline.
            slot.arrived(paths.longest() + PATIENCE);
            let answer = paths.answer(request.method(), request.uri().path()).await;
            slot.wait_for(PATIENCE);
            Ok::<_, Infallible>(answer.response())
        }
    });
    let mut http = http1::Builder::new();
    // half_close: who has sent all that it has to say waits for an answer all the same. A clock is the peer's own.
    http.keep_alive(false).half_close(true).max_buf_size(MOST_REQUEST).auto_date_header(false);
    let mut connection = pin!(http.serve_connection(Socket(stream), service));
    let mut sleep = pin!(tokio::time::sleep_until(slot.limit().into()));
    poll_fn(|context| {
        if connection.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let limit = slot.limit().into();
        if sleep.deadline() != limit {
            sleep.as_mut().reset(limit);
        }
        sleep.as_mut().poll(context)
    })
    .await;
}

/// tokio's socket as hyper wants it.
struct Socket(TcpStream);

impl hyper::rt::Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut chunk = [0; 1024];
        let room = chunk.len().min(into.remaining());
        let mut chunk = ReadBuf::new(&mut chunk[..room]);
        ready!(Pin::new(&mut self.0).poll_read(context, &mut chunk))?;
        into.put_slice(chunk.filled());
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
