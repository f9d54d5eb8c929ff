//! What a verdict is as an answer, in HTTP's words. Nothing of the application's own answer is passed on.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use hyper::body::{Body, Bytes, Frame, SizeHint};

use crate::outcome::{Cause, Outcome, Subject};
use crate::report::{Format, Verdict};

/// A status and a line.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: StatusCode,
    text: Bytes,
}

impl Answer {
    /// The answer that a verdict is.
    pub(super) fn of(verdict: &Verdict) -> Answer {
        let Some((subject, cause)) = failed(verdict) else {
            return Answer::new(StatusCode::OK, verdict.render(Format::Text));
        };
        // These lines hold what the application says.
        let text = match cause {
            Cause::Json(_) | Cause::Said(_) => {
                format!("{}: not the wanted answer ({})\n", subject.label, cause.name())
            }
            _ => verdict.render(Format::Text),
        };
        Answer::new(status(cause), text)
    }

    /// An answer of ours.
    pub(super) fn new(status: StatusCode, text: impl Into<Bytes>) -> Answer {
        Answer { status, text: text.into() }
    }

    /// The answer as hyper sends it.
    pub(super) fn response(self) -> Response<Text> {
        let mut response = Response::new(Text(self.text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

/// What was asked where a verdict is a failure, and why it is one.
fn failed(verdict: &Verdict) -> Option<(&Subject, &Cause)> {
    verdict.asked.iter().find_map(|asked| match &asked.outcome {
        Outcome::Unhealthy(failure) => Some((&asked.subject, &failure.cause)),
        Outcome::Healthy(_) => None,
    })
}

/// The status of a failure: all that the kubelet shows of it. 504 where time ran out, 502 where nobody answered or what
/// answered is no such server, 503 for an answer that is bad, and where this process could not ask.
fn status(cause: &Cause) -> StatusCode {
    match cause {
        Cause::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
        Cause::Refused { .. }
        | Cause::Unreachable { .. }
        | Cause::NoSuchAddress { .. }
        | Cause::NoSocket
        | Cause::Denied
        | Cause::NotAStream
        | Cause::Closed { .. }
        | Cause::HeadersTooLarge
        | Cause::TooManyHeaders
        | Cause::Malformed { .. }
        | Cause::OnlyHttp2
        | Cause::OnlyHttp1
        | Cause::NotHttp
        | Cause::SpeaksTls { .. }
        | Cause::WantsProxy
        | Cause::Tls(_)
        | Cause::Unimplemented
        | Cause::NotHttp2 { .. }
        | Cause::NotGrpc { .. }
        | Cause::TurnedAway { .. }
        | Cause::BadGrpc { .. } => StatusCode::BAD_GATEWAY,
        Cause::NotLocal { .. }
        | Cause::Status { .. }
        | Cause::BodyLacks { .. }
        | Cause::Json(_)
        | Cause::TooManyRedirects
        | Cause::OutOfTls { .. }
        | Cause::Location { .. }
        | Cause::Serving { .. }
        | Cause::UnknownServing { .. }
        | Cause::UnknownService
        | Cause::Code { .. }
        | Cause::Said(_)
        | Cause::File(_)
        | Cause::Stale { .. }
        | Cause::FileLacks { .. }
        | Cause::Install(_)
        | Cause::NotListening { .. }
        | Cause::System { .. } => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A body that is there as a whole.
pub(super) struct Text(Bytes);

impl Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let text = std::mem::take(&mut self.0);
        Poll::Ready((!text.is_empty()).then(|| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
