//! One HTTP/1.1 exchange: ureq writes the request and parses the response, over a connection that we made, with
//! our deadline in every read and write and our failures in its errors. ureq's own time-outs stay unset (its global
//! one restarts with each run, and a spent one becomes a full second), its redirects and its TLS off.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, Request, Uri};
use ureq::config::{AutoHeaderValue, Config};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Agent, Body};

use crate::attempt::Attempt;
use crate::connection::{Connection, Instead, Protection, Spoken};
use crate::outcome::{Cause, Failure, Missing, Phase};
use crate::probe::http::Header;
use crate::target::Target;
use crate::tls::Alpn;

/// How large the response headers may be, interim responses included.
const MOST_HEAD: usize = 64 * 1024;

/// How many header lines they may have, interim responses included: ureq-proto's own fixed limit.
const MOST_LINES: usize = 128;

/// The input buffer at first; it grows for answers that need it. A page, which the usual small answer fits in.
const FIRST_INPUT: usize = 2048;

/// How much of an answer is read on leaving.
const MOST_LEFT_OVER: usize = 10 * 1024;

/// The parts of a response head that matter here.
#[derive(Debug)]
pub(super) struct Head {
    /// 101 to 999.
    pub(super) status: u16,
    /// The first `Location`.
    pub(super) location: Option<Vec<u8>>,
    is_event_stream: bool,
}

/// A request that was sent and the response whose headers have come.
#[derive(Debug)]
pub(super) struct Exchange {
    /// The response head.
    pub(super) head: Head,
    /// What was read of the body.
    pub(super) body: Vec<u8>,
    response: Body,
    connection: Shared,
}

type Shared = Arc<Mutex<Connection>>;

impl Exchange {
    /// Connects, sends the request, and waits for the end of the response headers.
    pub(super) fn start(
        target: &Target,
        protection: Option<Protection<'_>>,
        method: &Method,
        path: &str,
        host: &str,
        headers: &[Header],
        attempt: Attempt,
    ) -> Result<Exchange, Failure> {
        let connection: Shared = Arc::new(Mutex::new(Connection::open(target, protection, attempt)?));
        let size = path.len() + host.len() + headers.iter().map(Header::len).sum::<usize>();
        // Room for the request line, `Content-Length: 0` and what else stands around path, host and headers.
        let wire = Wire::new(connection.clone(), size + 256);
        let agent = Agent::with_parts(config(), Handover(Mutex::new(Some(wire))), NoResolver);
        let asked = request(method, path, host, headers).map_err(ureq::Error::from).and_then(|request| {
            // These methods have a body by nature; ureq would send it chunked if it were not empty and sized.
            match *method {
                Method::POST | Method::PUT | Method::PATCH => agent.run(request.map(|()| &[][..])),
                _ => agent.run(request),
            }
        });
        let response = asked.map_err(|error| {
            let mut connection = lock(&connection);
            look_again(explain(error, &connection), &mut connection)
        })?;
        let (parts, body) = response.into_parts();
        let header = |name| parts.headers.get(name).map(http::HeaderValue::as_bytes);
        let head = Head {
            status: parts.status.as_u16(),
            location: header(http::header::LOCATION).map(<[u8]>::to_vec),
            is_event_stream: header(http::header::CONTENT_TYPE)
                .is_some_and(|kind| kind.starts_with(b"text/event-stream")),
        };
        lock(&connection).phase_ended(Phase::Headers, format_args!("status {}", head.status));
        Ok(Exchange { head, body: Vec::new(), response: body, connection })
    }

    /// Reads the body until it ends, `most` bytes have come, or `enough` says so.
    pub(super) fn read_body(&mut self, most: usize, enough: impl Fn(&[u8]) -> bool) -> Result<(), Failure> {
        let mut reader = self.response.as_reader();
        let mut chunk = [0; 2048];
        while self.body.len() < most && !enough(&self.body) {
            let room = chunk.len().min(most - self.body.len());
            match reader.read(&mut chunk[..room]) {
                Ok(0) => break,
                Ok(count) => self.body.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(explain(ureq::Error::from(error), &lock(&self.connection)));
                }
            }
        }
        Ok(())
    }

    /// The failure of this exchange.
    pub(super) fn fails(&self, cause: Cause) -> Failure {
        lock(&self.connection).fails(cause)
    }

    /// Tells `-v` that the body was read.
    pub(super) fn body_read(&self) {
        lock(&self.connection).phase_ended(Phase::Body, format_args!("{} bytes read", self.body.len()));
    }

    /// What comes of the body within `wait`, `most` bytes of it.
    pub(super) fn excerpt(&mut self, wait: Duration, most: usize) -> &[u8] {
        lock(&self.connection).hurry(wait);
        let _ = self.read_body(most, |_| false);
        &self.body[..self.body.len().min(most)]
    }

    /// Leaves as a polite client does: reads what is left of a small answer, then closes without a reset.
    pub(super) fn leave(mut self, wait: Duration) {
        if !self.head.is_event_stream {
            lock(&self.connection).hurry(wait);
            let _ = self.read_body(MOST_LEFT_OVER, |_| false);
        }
        lock(&self.connection).leave();
    }
}

impl Header {
    /// Bytes on the wire.
    pub(crate) fn len(&self) -> usize {
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

fn request(method: &Method, path: &str, host: &str, headers: &[Header]) -> Result<Request<()>, http::Error> {
    // The connection is made: of the URI, only path and query reach the wire.
    let uri = Uri::builder().scheme("http").authority("localhost").path_and_query(path).build()?;
    let request = Request::builder().method(method).uri(uri);
    let request = ureq_proto::client::header_raw(request, "Host", host.as_bytes());
    let request = headers.iter().fold(request, |request, header| {
        ureq_proto::client::header_raw(request, &header.name, header.value.as_bytes())
    });
    request.body(())
}

/// The failure behind an error of ureq.
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
        _ if connection.spoken() == Spoken::Http2 => Cause::OnlyHttp2,
        _ if connection.spoken() == Spoken::Tls => Cause::SpeaksTls { asked: Alpn::Http1 },
        _ if connection.spoken() != Spoken::Http1 => Cause::NotHttp,
        ureq::Error::Protocol(Protocol::HttpParseFail(part)) => Cause::Malformed { part },
        ureq::Error::Protocol(error) => Cause::Malformed { part: error.to_string() },
        _ => Cause::NotHttp,
    };
    connection.fails(cause)
}

/// A server that ends the connection without a word may speak something else: then that is the cause.
fn look_again(failure: Failure, connection: &mut Connection) -> Failure {
    if failure.cause != (Cause::Closed { missing: Missing::Head { begun: false } }) {
        return failure;
    }
    let cause = match connection.wanted_instead(Alpn::Http1) {
        Some(Instead::Tls) => Cause::SpeaksTls { asked: Alpn::Http1 },
        Some(Instead::Http2) => Cause::OnlyHttp2,
        Some(Instead::Proxy) => Cause::WantsProxy,
        None => return failure,
    };
    connection.fails(cause)
}

fn lock(connection: &Shared) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands the finished connection to ureq.
#[derive(Debug)]
struct Handover(Mutex<Option<Wire>>);

impl Connector for Handover {
    type Out = Wire;

    fn connect(&self, _: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Wire>, ureq::Error> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).take())
    }
}

/// Stands where ureq wants a resolver. Nothing is resolved: the connection is made.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

/// The connection as ureq sees it, with buffers that grow. While the head is awaited, interim (1xx) responses are
/// taken out here, since ureq-proto refuses a `100 Continue` that has headers of its own.
#[derive(Debug)]
struct Wire {
    connection: Shared,
    output: Vec<u8>,
    input: Vec<u8>,
    start: usize,
    end: usize,
    is_progressing: bool,
    is_head: bool,
    interim_bytes: usize,
    interim_lines: usize,
}

impl Wire {
    fn new(connection: Shared, output: usize) -> Wire {
        Wire {
            connection,
            output: vec![0; output],
            input: Vec::new(),
            start: 0,
            end: 0,
            is_progressing: false,
            is_head: true,
            interim_bytes: 0,
            interim_lines: 0,
        }
    }

    /// Makes room for a read and returns where it may go. One byte more than is allowed tells that there is too much.
    fn make_room(&mut self) -> Result<Range<usize>, Failure> {
        if self.start > 0 {
            self.input.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let most = MOST_HEAD + 1 - if self.is_head { self.interim_bytes } else { 0 };
        if self.end >= most {
            return Err(match self.is_head {
                true => Cause::HeadersTooLarge,
                false => Cause::Malformed { part: "a line of more than 64 KiB in the body".to_owned() },
            }
            .into());
        }
        if self.end == self.input.len() {
            self.input.resize((self.input.len() * 4).clamp(FIRST_INPUT, MOST_HEAD + 1), 0);
        }
        Ok(self.end..self.input.len().min(most))
    }

    /// Drops complete interim responses from the front of the input. 101 is final.
    fn skip_interim(&mut self) -> Result<(), Failure> {
        while let Some(len) = interim_len(self.input()) {
            self.interim_bytes += len;
            self.interim_lines += self.input()[..len].iter().filter(|byte| **byte == b'\n').count();
            self.start += len;
            if self.interim_bytes > MOST_HEAD {
                return Err(Cause::HeadersTooLarge.into());
            }
            if self.interim_lines > MOST_LINES {
                return Err(Cause::TooManyHeaders.into());
            }
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<bool, Failure> {
        let room = self.make_room()?;
        let mut connection = lock(&self.connection);
        let count = match connection.read(&mut self.input[room]) {
            Ok(0) if self.is_head => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        let begun = connection.has_begun();
        let missing = if self.is_head { Missing::Head { begun } } else { Missing::Body };
        let count = count.map_err(|error| connection.failure(&error, missing))?;
        drop(connection);
        self.end += count;
        if self.is_head {
            self.skip_interim()?;
        }
        Ok(count > 0)
    }

    fn send(&mut self, amount: usize) -> Result<(), Failure> {
        let mut connection = lock(&self.connection);
        let sent = connection.write_all(&self.output[..amount]);
        sent.map_err(|error| {
            connection.hear_last_words();
            connection.failure(&error, Missing::RequestTaken)
        })?;
        if amount > 0 {
            connection.phase_ended(Phase::Request, format_args!("{amount} bytes"));
        }
        Ok(())
    }
}

/// The length of a complete interim response at the start of `input`.
fn interim_len(input: &[u8]) -> Option<usize> {
    let is_interim = input.starts_with(b"HTTP/1.")
        && input.get(8..10) == Some(b" 1")
        && input.get(10..12).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit) && digits != b"01")
        && matches!(input.get(12), Some(b' ' | b'\r' | b'\n'));
    if !is_interim {
        return None;
    }
    let ends = |end: &[u8]| input.windows(end.len()).position(|window| window == end).map(|at| at + end.len());
    match (ends(b"\r\n\r\n"), ends(b"\n\n")) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        self.send(amount).map_err(|failure| ureq::Error::Other(Box::new(failure)))
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        self.fill().map_err(|failure| ureq::Error::Other(Box::new(failure)))
    }

    fn is_open(&mut self) -> bool {
        false
    }
}

impl Buffers for Wire {
    fn output(&mut self) -> &mut [u8] {
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.start..self.end]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        &mut self.input[self.end..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.end = self.end.saturating_add(amount).min(self.input.len());
    }

    fn input_consume(&mut self, amount: usize) {
        self.is_progressing = amount > 0;
        self.start = self.start.saturating_add(amount).min(self.end);
        // Interim responses never get this far, so what is taken first is the head.
        self.is_head &= amount == 0;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        self.start < self.end && self.is_progressing
    }
}
