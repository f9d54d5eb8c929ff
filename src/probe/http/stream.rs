//! One HTTP/2 exchange over a connection that we made. What went wrong is concluded from the first bytes before what the
//! library says of it, as for HTTP/1.1.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::SendRequest;
use tokio::runtime::Runtime;

use crate::attempt::Attempt;
use crate::connection::{Connection, Instead, Spoken};
use crate::http2::{self, Complaint, Shared, Stopped};
use crate::outcome::{Cause, Failure, Missing};
use crate::probe::http::head::{MOST_HEAD, MOST_LINES};
use crate::probe::http::way::{Hop, Way};
use crate::tls::{Alpn, TlsCause};
use crate::url::Scheme;

/// What the library takes of a response head: more than is allowed, so that we can say what is too much.
const MOST_TAKEN: u32 = 160 * 1024;

/// Headers that belong to a connection of HTTP/1.1 and that HTTP/2 has not (RFC 9113, section 8.2.2).
const OF_HTTP1: [&str; 6] = ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];

/// True if a request of HTTP/2 has no such header.
pub(crate) fn is_of_http1(name: &str) -> bool {
    OF_HTTP1.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// A response of HTTP/2 whose headers have come.
pub(super) struct Stream {
    shared: Arc<Shared>,
    // Before the runtime, whose tasks they talk to.
    body: Incoming,
    _requests: SendRequest<Empty>,
    runtime: Runtime,
}

impl Stream {
    /// Connects, sends the request, and waits for the end of the response headers.
    pub(super) fn start(hop: &Hop<'_>, way: &Way<'_>, attempt: Attempt) -> Result<(HeadParts, Stream), Failure> {
        let connection = Connection::open(&way.target, way.proxy, way.protection, attempt).map_err(by_alpn)?;
        let Ok(request) = request(hop) else {
            return Err(connection.fails(Cause::System { call: "send", errno: libc::EINVAL }));
        };
        let (shared, runtime) = http2::begin(connection)?;
        let asked = runtime.block_on(http2::until_stopped(&shared, async {
            let mut requests = http2::handshake(&shared, Some(MOST_TAKEN)).await?;
            let response = requests.send_request(request).await?;
            Ok::<_, hyper::Error>((requests, response))
        }));
        let (requests, response) = asked
            .map_err(Error::Stopped)
            .and_then(|asked| Ok(asked?))
            .map_err(|error| explain(&error, Missing::Head { begun: false }, &mut shared.connection()))?;
        let (head, body) = Response::into_parts(response);
        check_size(&head.headers).map_err(|cause| shared.connection().fails(cause))?;
        let head = HeadParts { status: head.status.as_u16(), headers: head.headers };
        Ok((head, Stream { shared, body, _requests: requests, runtime }))
    }

    /// Adds the body to `into` until it ends, `most` bytes have come, or `enough` says so.
    pub(super) fn read_body(
        &mut self,
        into: &mut Vec<u8>,
        most: usize,
        enough: &dyn Fn(&[u8]) -> bool,
    ) -> Result<(), Failure> {
        let (shared, body) = (&self.shared, &mut self.body);
        let read = self.runtime.block_on(http2::until_stopped(shared, async {
            while into.len() < most && !enough(into) {
                let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
                let Some(frame) = frame.transpose()? else { break };
                if let Some(data) = frame.data_ref() {
                    into.extend_from_slice(&data[..data.len().min(most - into.len())]);
                }
            }
            Ok::<_, hyper::Error>(())
        }));
        let read = read.map_err(Error::Stopped).and_then(|read| Ok(read?));
        read.map_err(|error| explain(&error, Missing::Body, &mut shared.connection()))
    }

    /// Whom it is asked of.
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

/// The parts of a response's head.
pub(super) struct HeadParts {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
}

impl HeadParts {
    /// The head as curl shows one of HTTP/2.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = format!("HTTP/2 {} \r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                text.extend_from_slice(part);
            }
        }
        text.extend_from_slice(b"\r\n");
        text
    }
}

/// The limits of HTTP/1.1, each field counted as a line.
fn check_size(headers: &HeaderMap) -> Result<(), Cause> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
    match (bytes > MOST_HEAD, headers.len() > MOST_LINES) {
        (true, _) => Err(Cause::HeadersTooLarge),
        (_, true) => Err(Cause::TooManyHeaders),
        _ => Ok(()),
    }
}

/// The request of a hop. Its `Host` is HTTP/2's `:authority`; what HTTP/2 has not is left out.
fn request(hop: &Hop<'_>) -> Result<Request<Empty>, http::Error> {
    let scheme = match hop.url.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let uri = Uri::builder().scheme(scheme).authority(&*hop.host.value).path_and_query(&*hop.url.path).build()?;
    let mut request = Request::builder().method(&hop.method).uri(uri).body(Empty)?;
    for header in hop.headers.iter().filter(|header| !is_of_http1(&header.name)) {
        let name = HeaderName::from_bytes(header.name.as_bytes())?;
        request.headers_mut().append(name, HeaderValue::from_bytes(header.value.as_bytes())?);
    }
    Ok(request)
}

/// A body of nothing.
struct Empty;

impl Body for Empty {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(0)
    }
}

/// Why an exchange ended early.
enum Error {
    Stopped(Stopped),
    Hyper(hyper::Error),
}

impl From<hyper::Error> for Error {
    fn from(error: hyper::Error) -> Error {
        Error::Hyper(error)
    }
}

/// A server that refuses HTTP/2 by ALPN.
fn by_alpn(failure: Failure) -> Failure {
    match failure.cause {
        Cause::Tls(TlsCause::Alpn { wanted: Alpn::Http2 }) => Failure { cause: Cause::OnlyHttp1, ..failure },
        _ => failure,
    }
}

/// The failure of an exchange in which `missing` had not come.
#[inline(never)] // for failures only
fn explain(error: &Error, missing: Missing, connection: &mut Connection) -> Failure {
    connection.hear_last_words();
    let error = match error {
        Error::Stopped(Stopped::Late) => return connection.timed_out(missing),
        Error::Stopped(Stopped::Poll(errno)) => {
            return connection.fails(Cause::System { call: "poll", errno: *errno });
        }
        Error::Hyper(_) if connection.ended() == Some(io::ErrorKind::TimedOut) => {
            return connection.timed_out(missing);
        }
        Error::Hyper(error) => error,
    };
    if connection.has_tls_failed() {
        return connection.failure(&io::ErrorKind::InvalidData.into(), missing);
    }
    let malformed = |part: &str| Cause::Malformed { part: part.to_owned() };
    let is_head = missing != Missing::Body;
    let cause = match (connection.spoken(), Complaint::within(error)) {
        (Spoken::Http1, _) => Cause::OnlyHttp1,
        (Spoken::Tls, _) => Cause::SpeaksTls { asked: Alpn::Http1 },
        (Spoken::Other, _) => Cause::NotHttp,
        (_, Some(Complaint::GoneAway)) => Cause::TurnedAway { frame: "GOAWAY" },
        (_, Some(Complaint::Reset)) => Cause::TurnedAway { frame: "RST_STREAM" },
        (_, Some(Complaint::Unacceptable)) if is_head => malformed("headers that HTTP/2 does not accept"),
        (_, Some(Complaint::Unacceptable)) => {
            malformed("a wrong content-length, or trailers that HTTP/2 does not accept")
        }
        (_, Some(Complaint::Broken)) => malformed("HTTP/2 is broken"),
        (_, None) => match connection.ended() {
            Some(kind) => return ended(kind, missing, connection),
            None => Cause::TurnedAway { frame: "GOAWAY" },
        },
    };
    let may_tell_more = match cause {
        Cause::NotHttp => true,
        Cause::OnlyHttp1 => connection.first().get(9..12) == Some(b"400"),
        _ => false,
    };
    let failure = connection.fails(cause);
    if may_tell_more { look_again(failure, connection) } else { failure }
}

/// The failure of a connection that ended. One without a word may be a TLS port's, or a server's of HTTP/1.1.
fn ended(kind: io::ErrorKind, missing: Missing, connection: &mut Connection) -> Failure {
    let failure = connection.failure(&kind.into(), missing);
    let is_silent = !connection.has_begun() && matches!(failure.cause, Cause::Closed { .. });
    if is_silent { look_again(failure, connection) } else { failure }
}

/// What the server speaks in place of HTTP/2, where a second look tells that.
fn look_again(failure: Failure, connection: &mut Connection) -> Failure {
    match connection.wanted_instead(Alpn::Http2) {
        Some(Instead::Tls) => connection.fails(Cause::SpeaksTls { asked: Alpn::Http1 }),
        Some(Instead::Http1) => connection.fails(Cause::OnlyHttp1),
        _ => failure,
    }
}
