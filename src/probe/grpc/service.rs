//! What tonic calls: hyper's connection, with the user's metadata added and the answer watched on its way back. Tonic
//! mixes the server's own grpc-status with statuses of its own making, and is stricter than gRPC here and laxer there.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use tonic::Code;
use tower_service::Service;

use crate::http2::Shared;
use crate::outcome::{Cause, Failure, Phase};

/// What tonic calls.
#[derive(Clone)]
pub(super) struct Channel {
    /// hyper's connection.
    pub(super) requests: SendRequest<tonic::body::Body>,
    /// What is sent besides tonic's own headers.
    pub(super) metadata: HeaderMap,
    /// Who prints phases.
    pub(super) shared: Arc<Shared>,
    /// Where the server's own status is noted.
    pub(super) notes: Notes,
}

/// What a server has said of its own about how the call went, which tonic does not tell from what it makes up itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Heard {
    /// No response yet.
    #[default]
    Nothing,
    /// The head of a gRPC response. What follows it may say OK: with that, what tonic finds wrong is wrong.
    Head,
    /// A grpc-status that is no number.
    NoCode,
    /// A grpc-status other than OK.
    Code(Code),
}

/// What was heard so far, kept where the call's end finds it.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(Arc<Mutex<Heard>>);

impl Notes {
    /// Notes what the server said.
    fn note(&self, heard: Heard) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = heard;
    }

    /// What the server said last.
    pub(super) fn heard(&self) -> Heard {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The header or trailer by which a call ends.
const GRPC_STATUS: &str = "grpc-status";

/// The flag of a message that is compressed.
const COMPRESSED: u8 = 1;

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
        let (shared, notes) = (self.shared.clone(), self.notes.clone());
        Box::pin(async move {
            let mut response = response.await?;
            let http = response.status().as_u16();
            shared.connection().phase_ended(Phase::Headers, format_args!("HTTP status {http}"));
            let headers = response.headers_mut();
            if http != 200 || !headers.get_all(CONTENT_TYPE).iter().any(|kind| is_grpc(kind.as_bytes())) {
                return Err(Failure::new(Cause::NotGrpc { status: http }).into());
            }
            // A server may name its coding and compress nothing: each message's flag decides. Tonic refuses by the name.
            headers.remove("grpc-encoding");
            notes.note(status(headers).unwrap_or(Heard::Head));
            Ok(response.map(|body| Watched { body, notes, head: Vec::new(), left: None }))
        })
    }
}

/// A response body whose one message is followed, and whose trailers are watched for the server's own status.
pub(super) struct Watched {
    body: Incoming,
    notes: Notes,
    head: Vec<u8>,
    left: Option<usize>,
}

impl Watched {
    /// Follows the message's flag and length: a unary call has one, and whoever sends another breaks gRPC.
    fn follow(&mut self, mut data: &[u8]) -> Result<(), BoxError> {
        if self.left.is_none() {
            let (head, rest) = data.split_at(data.len().min(5 - self.head.len()));
            self.head.extend_from_slice(head);
            data = rest;
            if self.head.first() == Some(&COMPRESSED) {
                return Err(Failure::new(Cause::BadGrpc { part: "compressed, which was not asked for" }).into());
            }
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
            self.notes.note(heard);
        }
        Ok(frame)
    }
}

/// True for gRPC's content type: nothing may follow its name but a coding of messages or parameters, so that
/// application/grpc-web is another (PROTOCOL-HTTP2.md; grpc-go compares as exactly).
fn is_grpc(kind: &[u8]) -> bool {
    matches!(kind.strip_prefix(b"application/grpc"), Some([] | [b'+' | b';', ..]))
}

/// The server's own status, where it says another than OK; of several, the first that does. For tonic one is left that
/// it can read, and no details, which nobody looks at: it panics where they are not base64.
fn status(headers: &mut HeaderMap) -> Option<Heard> {
    headers.remove(tonic::Status::GRPC_STATUS_DETAILS);
    let all = headers.get_all(GRPC_STATUS);
    let mut codes = all.iter().map(|value| code(value.as_bytes()));
    let first = codes.next()?;
    let code = std::iter::once(first).chain(codes).find(|code| *code != Some(0)).unwrap_or(first);
    let (heard, left) = match code {
        Some(0) => (None, "0"),
        Some(code) => (Some(Heard::Code(Code::from_i32(code))), "2"),
        None => (Some(Heard::NoCode), "2"),
    };
    headers.insert(GRPC_STATUS, HeaderValue::from_static(left));
    heard
}

/// The number of a status: digits and nothing else.
fn code(value: &[u8]) -> Option<i32> {
    let digits = Some(value).filter(|value| value.iter().all(u8::is_ascii_digit));
    std::str::from_utf8(digits?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_grpcs_own_content_type_is_grpc() {
        for kind in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
            assert!(is_grpc(kind.as_bytes()), "{kind}");
        }
        for kind in ["application/grpc-web", "application/grpc-web+proto", "application/grpcx", "application/grp", ""]
        {
            assert!(!is_grpc(kind.as_bytes()), "{kind}");
        }
    }

    #[test]
    fn a_status_is_digits_and_any_other_than_ok_counts() {
        let of = |code| Some(Heard::Code(code));
        let rows: [(&[&str], Option<Heard>); 12] = [
            (&[], None),
            (&["0"], None),
            (&["00"], None),
            (&["5"], of(Code::NotFound)),
            (&["05"], of(Code::NotFound)),
            (&["99"], of(Code::Unknown)),
            (&["+5"], Some(Heard::NoCode)),
            (&["-1"], Some(Heard::NoCode)),
            (&[""], Some(Heard::NoCode)),
            (&["5 "], Some(Heard::NoCode)),
            (&["0", "14"], of(Code::Unavailable)),
            (&["14", "0"], of(Code::Unavailable)),
        ];
        for (given, wanted) in rows {
            let mut headers = HeaderMap::new();
            for value in given {
                headers.append(GRPC_STATUS, HeaderValue::from_static(value));
            }
            assert_eq!(status(&mut headers), wanted, "{given:?}");
            assert_eq!(headers.get_all(GRPC_STATUS).iter().count(), given.len().min(1), "{given:?}");
        }
    }
}
