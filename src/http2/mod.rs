//! HTTP/2 on a connection that we made: hyper's client with small windows, on one thread. It knows no handler; what is
//! sent, and what an answer means, is theirs. No pool, no retry, no second time-out, and nobody waits for a shutdown.

mod complaint;
mod socket;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http_body::Body;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::Executor;
use tokio::runtime::Runtime;

use crate::connection::Connection;
use crate::outcome::{Cause, Failure};
pub(crate) use complaint::Complaint;
pub(crate) use socket::{Shared, Stopped};
use socket::{Socket, Spawn};

/// HTTP/2's smallest window that any server expects; hyper's own are 2 and 5 MiB.
const WINDOW: u32 = 64 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Shares a connection with the runtime that waits for it. The runtime is to be kept until the connection is left.
pub(crate) fn begin(mut connection: Connection) -> Result<(Arc<Shared>, Runtime), Failure> {
    connection.set_nonblocking().map_err(|error| Cause::system("fcntl", &error))?;
    let shared = Shared::new(connection);
    let runtime = tokio::runtime::Builder::new_current_thread().on_thread_park(shared.waiter()).build();
    let runtime = runtime.map_err(|error| Cause::system("mmap", &error))?;
    Ok((shared, runtime))
}

/// Sends the preface and the settings; whoever holds what comes out can send requests. To be called in the runtime.
/// `most_headers`: how large a response's headers may be, where that is another length than hyper's 16 KiB.
pub(crate) async fn handshake<B>(shared: &Arc<Shared>, most_headers: Option<u32>) -> hyper::Result<SendRequest<B>>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let mut http2 = Builder::new(Spawn);
    http2.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    if let Some(most) = most_headers {
        http2.max_header_list_size(most);
    }
    let (requests, connection) = http2.handshake(Socket(shared.clone())).await?;
    Spawn.execute(async {
        // How it ends is seen on the wire.
        let _ = connection.await;
    });
    Ok(requests)
}

/// Waits for `future` as long as there is something to wait for; what had arrived by the deadline still counts.
pub(crate) async fn until_stopped<T>(shared: &Shared, future: impl Future<Output = T>) -> Result<T, Stopped> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Ok(done)),
        Poll::Pending => shared.poll_stopped(context).map(Err),
    })
    .await
}
