//! One HTTP/1.1 exchange: ureq writes the request and parses the response, over a connection that we made. ureq's own
//! time-outs stay unset (its global one restarts with each run, and a spent one becomes a full second), its redirects
//! and its TLS off.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Request, Uri, Version};
use ureq::config::{AutoHeaderValue, Config};
use ureq::{Agent, Body};

use crate::attempt::Attempt;
use crate::connection::{Connection, Instead, Protection, Spoken};
use crate::outcome::{Cause, Failure, Missing, Phase, Response};
use crate::output::Narrator;
use crate::probe::http::head::MOST_HEAD;
use crate::probe::http::stream::Stream;
use crate::probe::http::transport::{Handover, Kept, NoResolver, Shared, lock};
use crate::probe::http::way::{Hop, Way};
use crate::probe::http::{Header, HttpVersion};
use crate::text::{TARGET_CHARS, VALUE_CHARS, shown};
use crate::tls::{Alpn, TlsCause};

/// How long a TLS server that closed without a word may take to answer by HTTP/2. It has just shaken hands.
const ANOTHER_TRY: Duration = Duration::from_secs(1);

/// How much of an answer is read on leaving.
const MOST_LEFT_OVER: usize = 10 * 1024;

/// The parts of a response head that matter here.
#[derive(Debug)]
pub(super) struct Head {
    /// 101 to 999.
    pub(super) status: u16,
    /// The first `Location`.
    pub(super) location: Option<Vec<u8>>,
    /// How the body is coded, for messages; none where it is plain.
    pub(super) coding: Option<String>,
    is_event_stream: bool,
}

/// A request that was sent and the response whose headers have come.
pub(super) struct Exchange {
    /// The response head.
    pub(super) head: Head,
    /// What was read of the body.
    pub(super) body: Vec<u8>,
    kept: Option<Kept>,
    wire: Wire,
}

/// What a response comes by.
enum Wire {
    Http1 { response: Body, connection: Shared },
    Http2(Box<Stream>),
}

impl Exchange {
    /// Connects, sends the request, and waits for the end of the response headers.
    pub(super) fn start(hop: &Hop<'_>, way: &Way<'_>, attempt: Attempt) -> Result<Exchange, Failure> {
        if way.version == HttpVersion::Http2 {
            return Exchange::start_http2(hop, way, attempt);
        }
        let connection: Shared = match Connection::open(&way.target, way.proxy, way.protection, attempt) {
            Ok(connection) => Arc::new(Mutex::new(connection)),
            Err(failure) => return Exchange::start_again(failure, hop, way, attempt),
        };
        let kept = way.keeps_head.then(Kept::default);
        let handover = Handover::new(connection.clone(), request_len(hop), kept.clone());
        let agent = Agent::with_parts(config(), handover, NoResolver);
        let sent = request(hop).map_err(ureq::Error::from).and_then(|request| {
            // These methods have a body by nature; ureq would send it chunked if it were not empty and sized.
            match hop.method {
                Method::POST | Method::PUT | Method::PATCH => agent.run(request.map(|()| &[][..])),
                _ => agent.run(request),
            }
        });
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                let mut connection = lock(&connection);
                let failure = look_again(error, &mut connection);
                if way.protection.is_none() || connection.has_agreed() {
                    return Err(failure);
                }
                // Before the next one, as a server may serve one client at a time.
                connection.leave();
                return Exchange::start_again(failure, hop, way, attempt);
            }
        };
        let (parts, response) = response.into_parts();
        let head = Head::new(parts.status.as_u16(), &parts.headers);
        lock(&connection).phase_ended(Phase::Headers, format_args!("status {}", head.status));
        if attempt.narrator.is_verbose {
            tell(&parts.headers, attempt.narrator);
        }
        match check_framing(parts.version, &parts.headers) {
            Err(cause) => Err(lock(&connection).fails(cause)),
            Ok(()) => {
                let wire = Wire::Http1 { response, connection };
                Ok(Exchange { head, body: Vec::new(), kept, wire })
            }
        }
    }

    #[inline(never)] // a plain probe speaks HTTP/1.1
    fn start_http2(hop: &Hop<'_>, way: &Way<'_>, attempt: Attempt) -> Result<Exchange, Failure> {
        let (parts, stream) = Stream::start(hop, way, attempt)?;
        let head = Head::new(parts.status, &parts.headers);
        stream.shared().connection().phase_ended(Phase::Headers, format_args!("status {}", head.status));
        if attempt.narrator.is_verbose {
            tell(&parts.headers, attempt.narrator);
        }
        let kept = way.keeps_head.then(|| Arc::new(Mutex::new(parts.text())));
        Ok(Exchange { head, body: Vec::new(), kept, wire: Wire::Http2(Box::new(stream)) })
    }

    /// Asks by HTTP/2 where a TLS server may have ended an exchange of HTTP/1.1 because it speaks nothing else. The
    /// kubelet offers both by ALPN, and is answered by such a server.
    #[inline(never)] // for failures only
    fn start_again(failure: Failure, hop: &Hop<'_>, way: &Way<'_>, attempt: Attempt) -> Result<Exchange, Failure> {
        let is_refused = failure.cause == Cause::Tls(TlsCause::Alpn { wanted: Alpn::Http1 });
        // Go's server lets in who offers HTTP/1.1 alone, and then closes.
        let is_silent = failure.cause == Cause::Closed { missing: Missing::Head { begun: false } };
        let may_answer = is_refused || is_silent || failure.cause == Cause::OnlyHttp2;
        let Some(protection) = way.protection.filter(|_| may_answer && way.version == HttpVersion::Any) else {
            return Err(failure);
        };
        let protection = Some(Protection { alpn: Alpn::Http2, ..protection });
        let attempt = match is_refused {
            true => attempt,
            false => Attempt { deadline: attempt.deadline.at_most(ANOTHER_TRY), ..attempt },
        };
        let again = Exchange::start_http2(hop, &Way { protection, ..way.clone() }, attempt);
        match again {
            Ok(exchange) if exchange.connection().has_agreed() => Ok(exchange),
            Err(Failure { cause: Cause::OnlyHttp1, .. }) if is_refused => {
                Err(Failure { cause: Cause::Tls(TlsCause::NoHttp), ..failure })
            }
            Err(again) if is_refused => Err(again),
            _ => Err(failure),
        }
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        match &self.wire {
            Wire::Http1 { connection, .. } => lock(connection),
            Wire::Http2(stream) => stream.shared().connection(),
        }
    }

    /// Reads the body until it ends, `most` bytes have come, or `enough` says so.
    #[inline(never)] // one frame with the chunk in it, for all who read
    pub(super) fn read_body(&mut self, most: usize, enough: &dyn Fn(&[u8]) -> bool) -> Result<(), Failure> {
        let (response, connection) = match &mut self.wire {
            Wire::Http1 { response, connection } => (response, connection),
            Wire::Http2(stream) => return stream.read_body(&mut self.body, most, enough),
        };
        let mut reader = response.as_reader();
        let mut chunk = [0; 2048];
        while self.body.len() < most && !enough(&self.body) {
            let room = chunk.len().min(most - self.body.len());
            match reader.read(&mut chunk[..room]) {
                Ok(0) => break,
                Ok(count) => self.body.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(explain(ureq::Error::from(error), &lock(connection)));
                }
            }
        }
        Ok(())
    }

    /// Adds the head of this response to those before it.
    #[inline(never)] // a plain probe keeps nothing
    pub(super) fn keep_head(&self, response: &mut Option<Box<Response>>) {
        let response = response.get_or_insert_default();
        response.status = self.head.status;
        if let Some(kept) = &self.kept {
            response.head.extend_from_slice(&kept.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// The failure of this exchange.
    pub(super) fn fails(&self, cause: Cause) -> Failure {
        self.connection().fails(cause)
    }

    /// True if the server asked for a client certificate that was not given.
    pub(super) fn wants_certificate(&self) -> bool {
        self.connection().wants_certificate()
    }

    /// Tells `-v` that the body was read.
    pub(super) fn body_read(&self) {
        self.connection().phase_ended(Phase::Body, format_args!("{} bytes read", self.body.len()));
    }

    /// What comes of the body within `wait`, `most` bytes of it.
    pub(super) fn excerpt(&mut self, wait: Duration, most: usize) -> &[u8] {
        self.connection().hurry(wait);
        let _ = self.read_body(most, &|_| false);
        &self.body[..self.body.len().min(most)]
    }

    /// Leaves as a polite client does: reads what is left of a small answer, then closes without a reset.
    pub(super) fn leave(mut self, wait: Duration) {
        if !self.head.is_event_stream {
            self.connection().hurry(wait);
            let _ = self.read_body(MOST_LEFT_OVER, &|_| false);
        }
        self.connection().leave();
    }
}

impl Head {
    fn new(status: u16, headers: &HeaderMap) -> Head {
        let bytes = |name| headers.get(name).map(http::HeaderValue::as_bytes);
        Head {
            status,
            location: bytes(header::LOCATION).map(<[u8]>::to_vec),
            coding: bytes(header::CONTENT_ENCODING)
                .filter(|coding| !matches!(coding.to_ascii_lowercase().as_slice(), b"" | b"identity"))
                .map(|coding| shown(&String::from_utf8_lossy(coding), VALUE_CHARS)),
            is_event_stream: bytes(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with(b"text/event-stream")),
        }
    }
}

/// Tells `-v` what the server says of itself and of its answer.
#[inline(never)] // as for what fails: a frame that a healthy probe need not touch
fn tell(headers: &HeaderMap, narrator: Narrator) {
    let text = |name: HeaderName| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    if let Some(server) = text(header::SERVER) {
        narrator.note(format_args!("Server: {}", shown(&server, VALUE_CHARS)));
    }
    if let Some(kind) = text(header::CONTENT_TYPE) {
        narrator.note(format_args!("Content-Type: {}", shown(&kind, VALUE_CHARS)));
    }
    if let Some(coding) = text(header::CONTENT_ENCODING) {
        narrator.note(format_args!("Content-Encoding: {}, not decoded", shown(&coding, VALUE_CHARS)));
    }
    if let Some(location) = text(header::LOCATION) {
        narrator.note(format_args!("Location: {}", shown(&without_secrets(&location), TARGET_CHARS)));
    }
}

/// A URL's or a reference's origin and path: a query may hold a token, and user information is one.
fn without_secrets(location: &str) -> String {
    let location = location.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = location.split_once("//") else { return location.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    [scheme, "//", host, path].concat()
}

/// What net/http refuses and ureq lets pass: another transfer coding than chunked, which nobody asked for, and a list of
/// lengths.
fn check_framing(version: Version, headers: &HeaderMap) -> Result<(), Cause> {
    let malformed = |part: &str| Err(Cause::Malformed { part: part.to_owned() });
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    // HTTP/1.0 has none.
    if version == Version::HTTP_11
        && let Some(coding) = codings.next()
        && (!coding.as_bytes().eq_ignore_ascii_case(b"chunked") || codings.next().is_some())
    {
        return malformed("a transfer-encoding other than chunked");
    }
    if headers.get_all(header::CONTENT_LENGTH).iter().any(|length| length.as_bytes().contains(&b',')) {
        return malformed("content-length header not a number");
    }
    Ok(())
}

/// Bytes of the whole request at the most.
fn request_len(hop: &Hop<'_>) -> usize {
    // The version, the name `Host`, and `content-length: 0`, which ureq adds for a method with a body.
    const OTHERS: usize = 256;
    let headers: usize = hop.headers.iter().map(Header::len).sum();
    hop.method.as_str().len() + hop.url.path.len() + hop.host.value.len() + headers + OTHERS
}

impl Header {
    /// Bytes on the wire.
    fn len(&self) -> usize {
        self.name.len() + self.value.len() + ": \r\n".len()
    }
}

/// Everything that ureq would do on its own is off: what is sent is what we say.
fn config() -> Config {
    Config::builder()
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .allow_non_standard_methods(true)
        .user_agent(AutoHeaderValue::None)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .timeout_await_100(None)
        .max_idle_connections(0)
        .max_response_header_size(MOST_HEAD)
        .build()
}

fn request(hop: &Hop<'_>) -> Result<Request<()>, http::Error> {
    // The connection is made: of the URI, only path and query reach the wire.
    let uri = Uri::builder().scheme("http").authority("localhost").path_and_query(&*hop.url.path).build()?;
    let request = Request::builder().method(&hop.method).uri(uri);
    let request = ureq_proto::client::header_raw(request, "Host", hop.host.value.as_bytes());
    let request = hop.headers.iter().fold(request, |request, header| {
        ureq_proto::client::header_raw(request, &header.name, header.value.as_bytes())
    });
    request.body(())
}

/// The failure that an error of ureq means.
#[inline(never)]
fn explain(error: ureq::Error, connection: &Connection) -> Failure {
    use ureq_proto::Error as Protocol;
    let cause = match error {
        ureq::Error::Other(error) => match error.downcast::<Failure>() {
            Ok(failure) => return *failure,
            Err(_) => Cause::NotHttp,
        },
        // The transport's own errors are failures already: this one is ureq's, of a body that ended early.
        ureq::Error::Io(error) => return connection.failure(&error, Missing::Body),
        ureq::Error::LargeResponseHeader(..) => Cause::HeadersTooLarge,
        ureq::Error::Protocol(Protocol::HttpParseTooManyHeaders) => Cause::TooManyHeaders,
        // Nothing was sent: the buffer was made too small for the request, which is not the server's doing.
        ureq::Error::Protocol(Protocol::OutputOverflow) => Cause::System { call: "send", errno: libc::EMSGSIZE },
        _ if connection.spoken() == Spoken::Http2 => Cause::OnlyHttp2,
        _ if connection.spoken() == Spoken::Tls => Cause::SpeaksTls { asked: Alpn::Http1 },
        _ if connection.spoken() != Spoken::Http1 => Cause::NotHttp,
        ureq::Error::Protocol(Protocol::HttpParseFail(part)) => Cause::Malformed { part },
        ureq::Error::Protocol(error) => Cause::Malformed { part: error.to_string() },
        _ => Cause::NotHttp,
    };
    connection.fails(cause)
}

/// The failure that an error of ureq means. A server that ends the connection without a word may speak something else:
/// then that is the cause.
#[inline(never)]
fn look_again(error: ureq::Error, connection: &mut Connection) -> Failure {
    let failure = explain(error, connection);
    if failure.cause != (Cause::Closed { missing: Missing::Head { begun: false } }) {
        return failure;
    }
    let cause = match connection.wanted_instead(Alpn::Http1) {
        Some(Instead::Tls) => Cause::SpeaksTls { asked: Alpn::Http1 },
        Some(Instead::Http2) => Cause::OnlyHttp2,
        Some(Instead::Proxy) => Cause::WantsProxy,
        Some(Instead::Http1) | None => return failure,
    };
    connection.fails(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_location_origin_and_path_are_told() {
        let rows = [
            ("/a/b?token=x", "/a/b"),
            ("http://me:s3cret@localhost:81/a?b#c", "http://localhost:81/a"),
            ("//me@localhost", "//localhost"),
            ("https://localhost/a@b//c", "https://localhost/a@b//c"),
            ("?x", ""),
        ];
        for (given, wanted) in rows {
            assert_eq!(without_secrets(given), wanted, "{given}");
        }
    }
}
