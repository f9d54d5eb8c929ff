//! The grpc handler: one `grpc.health.v1.Health/Check`, healthy on SERVING (grpc/proto/grpc/health/v1/health.proto).
//! The only folder that knows tokio, hyper and tonic: tonic-health's client over hyper's HTTP/2 on a connection that we
//! made, on one thread. No resolver, no pool, no retry, no second time-out, and nobody waits for a shutdown.
//!
//! What went wrong is told from what was seen on the wire, the first bytes and how the connection ended, before
//! what the libraries say of it: theirs is "unknown" for nearly everything below gRPC.

mod channel;

use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::Poll;

use http::header::USER_AGENT;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use hyper::client::conn::http2::Builder;
use hyper::rt::Executor;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::connection::{Connection, Protection, Run, Spoken, timed_out};
use crate::deadline::Deadline;
use crate::outcome::{Awaited, Cause, Evidence, Failure, Phase, Seen};
use crate::probe::healthy;
use crate::target::Target;
use crate::tls::{Alpn, Tls};
use channel::{Channel, Socket, Spawn, Wire};

/// HTTP/2's smallest window that any server expects; hyper's own are 2 and 5 MiB.
const WINDOW: u32 = 64 * 1024;

/// The longest message that is decoded: an answer has two bytes.
const MOST_MESSAGE: usize = 4 * 1024;

/// How many turns of the runtime may follow the deadline. They wait for nothing: they take what had arrived while
/// this process was kept from running. One answer takes four or five.
const LATE_TURNS: usize = 16;

/// Stands for "no grpc-status seen".
const NO_STATUS: i32 = -1;

/// One health check.
#[derive(Clone, Debug)]
pub(crate) struct GrpcProbe {
    /// Whom to ask.
    pub(crate) target: Target,
    /// The service name; empty asks for the whole server.
    pub(crate) service: String,
    /// The service name for messages.
    pub(crate) shown_service: String,
    /// TLS, where it is asked for.
    pub(crate) tls: Option<Tls>,
    /// Metadata of the user's.
    pub(crate) metadata: Vec<(HeaderName, HeaderValue)>,
    /// What `:authority` says.
    pub(crate) authority: Authority,
    /// What counts as healthy.
    pub(crate) wanted: ServingList,
}

/// The wanted serving statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServingList {
    /// These, by the wire's names.
    Only(Vec<&'static str>),
    /// Any answer of a gRPC server.
    Any,
}

impl Default for ServingList {
    fn default() -> Self {
        ServingList::Only(vec![ServingStatus::Serving.as_str_name()])
    }
}

impl ServingList {
    /// Reads `SERVING,NOT_SERVING` or `any`; none if it is no such list.
    pub(crate) fn parse(text: &str) -> Option<ServingList> {
        if text == "any" {
            return Some(ServingList::Any);
        }
        let name = |text| ServingStatus::from_str_name(text).map(|status| status.as_str_name());
        text.split(',').map(name).collect::<Option<_>>().map(ServingList::Only)
    }
}

impl GrpcProbe {
    /// `grpc localhost:50051 service orders.v1`
    pub(crate) fn label(&self) -> String {
        let service = if self.shown_service.is_empty() { "" } else { " service " };
        format!("grpc {}{service}{}", self.target, self.shown_service)
    }

    /// Asks and judges.
    #[inline(never)] // as for http: a large frame
    pub(crate) fn run(&self, run: Run) -> Result<Evidence, Failure> {
        let host = match &self.target {
            Target::Tcp(place) => place.plain_name(),
            Target::Unix(_) => "localhost".to_owned(),
        };
        let protection = self.tls.as_ref().map(|tls| Protection { tls, host: &host, alpn: Alpn::Http2 });
        let mut connection = Connection::open(&self.target, protection, true, run)?;
        connection.set_nonblocking().map_err(|error| system("fcntl", &error))?;
        let wire = Wire::new(connection);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| system("epoll_create", &error))?;
        let asked = runtime.block_on(self.ask(wire.clone(), run));
        let judged = asked.and_then(|answer| self.judge(answer)).and_then(|seen| healthy(seen, run));
        let wants_certificate = wire.lock().wants_certificate();
        wire.lock().leave();
        // The process ends now: what a shutdown would tidy, the kernel does.
        std::mem::forget(runtime);
        judged.map_err(|failure| Failure { wants_certificate, ..failure })
    }

    /// The server's answer: a serving status, or the call's status code.
    async fn ask(&self, wire: Wire, run: Run) -> Result<Answer, Failure> {
        let status = Arc::new(AtomicI32::new(NO_STATUS));
        let answered = within(run.deadline, self.check(wire.clone(), &status)).await;
        let mut connection = wire.lock();
        connection.hear_last_words();
        match (answered, status.load(Ordering::Relaxed)) {
            (None, _) => Err(timed_out(run, Phase::Headers, false, Awaited::Grpc).at(connection.peer())),
            (Some(Ok(number)), _) => Ok(Answer::Serving(number)),
            (Some(Err(error)), NO_STATUS) => Err(explain(&error, &connection)),
            (Some(Err(_)), code) => Ok(Answer::Code(Code::from_i32(code))),
        }
    }

    async fn check(&self, wire: Wire, status: &Arc<AtomicI32>) -> Result<i32, Status> {
        let failed = |error: hyper::Error| Status::from_error(error.into());
        let socket = Socket::new(wire.clone()).map_err(|error| Status::from_error(error.into()))?;
        let mut http2 = Builder::new(Spawn);
        http2.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
        let (requests, connection) = http2.handshake(socket).await.map_err(failed)?;
        Spawn.execute(async {
            // How it ends is seen on the wire.
            let _ = connection.await;
        });
        let channel = Channel { requests, metadata: self.metadata(), status: status.clone(), wire };
        let origin = Uri::builder().scheme("http").authority(self.authority.clone()).path_and_query("/").build();
        let origin = origin.map_err(|error| Status::from_error(error.into()))?;
        let mut client = HealthClient::with_origin(channel, origin).max_decoding_message_size(MOST_MESSAGE);
        let answer = client.check(HealthCheckRequest { service: self.service.clone() }).await?;
        Ok(answer.into_inner().status)
    }

    /// The user's metadata, and our name where they did not give another.
    fn metadata(&self) -> HeaderMap {
        let mut headers: HeaderMap = HeaderMap::new();
        for (name, value) in &self.metadata {
            headers.append(name, value.clone());
        }
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(concat!("exec-probe/", env!("CARGO_PKG_VERSION"))));
        headers
    }

    fn judge(&self, answer: Answer) -> Result<Seen, Failure> {
        let wanted = match &self.wanted {
            ServingList::Any => {
                return Ok(Seen::Grpc(match answer {
                    Answer::Serving(number) => serving_name(number).map_or_else(|| number.to_string(), str::to_owned),
                    Answer::Code(code) => code_name(code).to_owned(),
                }));
            }
            ServingList::Only(wanted) => wanted,
        };
        let cause = match answer {
            Answer::Serving(number) => match serving_name(number) {
                Some(status) if wanted.contains(&status) => return Ok(Seen::Grpc(status.to_owned())),
                Some(status) => Cause::Serving { status, wanted: wanted.join(",") },
                None => Cause::UnknownServing { number },
            },
            Answer::Code(Code::Unimplemented) => Cause::Unimplemented,
            Answer::Code(Code::NotFound) => Cause::UnknownService,
            Answer::Code(code) => Cause::Code { name: code_name(code) },
        };
        Err(cause.into())
    }
}

/// What a gRPC server said.
enum Answer {
    /// The number of a serving status.
    Serving(i32),
    /// The status code of a call that failed.
    Code(Code),
}

/// The wire's name of a serving status (tonic-health's own spelling is not the wire's).
fn serving_name(number: i32) -> Option<&'static str> {
    ServingStatus::try_from(number).ok().map(|status| status.as_str_name())
}

/// The name of a status code, as gRPC's documents spell it (doc/statuscodes.md).
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Waits for `future` until the deadline; what had arrived by then still counts.
async fn within<T>(deadline: Deadline, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    if let Ok(done) = tokio::time::timeout(deadline.left(), future.as_mut()).await {
        return Some(done);
    }
    for _ in 0..LATE_TURNS {
        // Lets the runtime look at the socket and the connection's task run.
        tokio::task::yield_now().await;
        if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
            return Some(done);
        }
    }
    None
}

/// The failure of a call that ended without a status of the server's.
fn explain(error: &Status, connection: &Connection) -> Failure {
    if connection.has_tls_failed() {
        return connection.failure(&io::ErrorKind::InvalidData.into(), Phase::Headers, Awaited::Grpc);
    }
    let mut source = error.source();
    let mut http2 = None;
    let mut is_canceled = false;
    while let Some(error) = source {
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return failure.clone();
        }
        http2 = http2.or_else(|| error.downcast_ref::<h2::Error>());
        is_canceled |=
            error.downcast_ref::<hyper::Error>().is_some_and(|error| error.is_canceled() || error.is_closed());
        source = error.source();
    }
    let remote = http2.filter(|error| error.is_remote() && error.reason().is_some());
    let cause = match (connection.spoken(), remote, connection.ended()) {
        (Spoken::Http1, ..) => Cause::NotHttp2 { instead: Some("HTTP/1.1") },
        (Spoken::Tls, ..) => Cause::SpeaksTls { awaited: Awaited::Grpc },
        (Spoken::Other, ..) => Cause::NotHttp2 { instead: None },
        (_, Some(error), _) => Cause::TurnedAway { frame: if error.is_go_away() { "GOAWAY" } else { "RST_STREAM" } },
        (_, None, Some(kind)) => return connection.failure(&kind.into(), Phase::Headers, Awaited::Grpc),
        // Our side gave up on what came.
        (_, None, None) if http2.is_some() => Cause::BadGrpc { part: "HTTP/2 is broken" },
        // The call was dropped before it was sent, on a connection that stands: the server had said goodbye.
        (_, None, None) if is_canceled => Cause::TurnedAway { frame: "GOAWAY" },
        (_, None, None) => Cause::BadGrpc {
            part: match error.code() {
                Code::OutOfRange => "a message of more than 4 KiB",
                Code::Unimplemented => "compressed, which was not asked for",
                Code::Unknown => "no grpc-status",
                _ => "no message that can be read",
            },
        },
    };
    Failure::new(cause).at(connection.peer())
}

fn system(call: &'static str, error: &io::Error) -> Failure {
    Cause::System { call, errno: error.raw_os_error().unwrap_or(libc::EIO) }.into()
}
