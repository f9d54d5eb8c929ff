//! What tonic calls: hyper's connection, with the user's metadata added and the answer watched on its way back. Tonic
//! mixes the server's own grpc-status with statuses of its own making, and is stricter than gRPC here and laxer there.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use tonic::Code;
use tower_service::Service;

use crate::outcome::{Cause, Failure, Phase};
use crate::probe::grpc::socket::{Heard, Shared};

/// What tonic calls.
#[derive(Clone)]
pub(super) struct Channel {
    /// hyper's connection.
    pub(super) requests: SendRequest<tonic::body::Body>,
    /// What is sent besides tonic's own headers.
    pub(super) metadata: HeaderMap,
    /// Where the server's own status is noted, and phases are told.
    pub(super) shared: Arc<Shared>,
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
        let shared = self.shared.clone();
        Box::pin(async move {
            let mut response = response.await?;
            let http = response.status().as_u16();
            shared.connection().phase_ended(Phase::Headers, format_args!("HTTP status {http}"));
            let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
            if http != 200 || !kind.starts_with(b"application/grpc") {
                return Err(Failure::new(Cause::NotGrpc { status: http }).into());
            }
            shared.note(status(response.headers_mut()).unwrap_or(Heard::Head));
            Ok(response.map(|body| Watched { body, shared, head: Vec::new(), left: None }))
        })
    }
}

/// A response body whose one message is followed, and whose trailers are watched for the server's own status.
pub(super) struct Watched {
    body: Incoming,
    shared: Arc<Shared>,
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
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(self.watch(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Watched {
    /// Looks at a frame on its way to tonic.
    fn watch(&mut self, mut frame: Frame<Bytes>) -> Result<Frame<Bytes>, BoxError> {
        if let Some(data) = frame.data_ref() {
            self.follow(data)?;
        }
        if let Some(heard) = frame.trailers_mut().and_then(status) {
            self.shared.note(heard);
        }
        Ok(frame)
    }
}

/// The server's own status, where it says another than OK. The details of a status, which nobody looks at, are
/// removed: tonic panics where they are not base64.
fn status(headers: &mut HeaderMap) -> Option<Heard> {
    headers.remove(tonic::Status::GRPC_STATUS_DETAILS);
    let value = headers.get("grpc-status").map(HeaderValue::as_bytes).filter(|value| *value != b"0")?;
    let code = std::str::from_utf8(value).ok().and_then(|text| text.parse::<i32>().ok());
    Some(code.filter(|code| *code > 0).map_or(Heard::NoCode, |code| Heard::Code(Code::from_i32(code))))
}
