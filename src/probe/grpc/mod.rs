//! The grpc handler: one `grpc.health.v1.Health/Check`, healthy on SERVING (grpc/proto/grpc/health/v1/health.proto).
//! The only folder that knows tonic: tonic-health's client over the HTTP/2 of [`crate::http2`].
//!
//! What went wrong is concluded from what was seen on the wire, the first bytes and how the connection ended, before
//! what the libraries say of it: theirs is "unknown" for nearly everything below gRPC.

mod explain;
mod service;

use std::io;
use std::sync::Arc;

use http::header::USER_AGENT;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::attempt::Attempt;
use crate::connection::{Connection, Protection, Proxy};
use crate::http2::{self, Shared, Stopped};
use crate::outcome::{Cause, Evidence, Failure, Missing, Seen};
use crate::probe::healthy;
use crate::target::Target;
use crate::tls::{Alpn, Tls};
use explain::explain;
use service::{Channel, Heard, Notes};

/// The longest message that is decoded: an answer has two bytes.
const MOST_MESSAGE: usize = 4 * 1024;

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
    pub(crate) serving: ServingList,
    /// The header that comes first.
    pub(crate) proxy: Option<Proxy>,
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
    pub(crate) fn run(&self, attempt: Attempt) -> Result<Evidence, Failure> {
        let host = match &self.target {
            Target::Tcp(place) => place.plain_name(),
            Target::Unix(_) => "localhost".to_owned(),
        };
        let protection = self.tls.as_ref().map(|tls| Protection { tls, host: &host, alpn: Alpn::Http2 });
        let (shared, runtime) = http2::begin(Connection::open(&self.target, self.proxy, protection, attempt)?)?;
        let asked = runtime.block_on(self.ask(&shared));
        let mut connection = shared.connection();
        let judged = asked.and_then(|answer| self.judge(answer).map_err(|cause| connection.fails(cause)));
        let judged = judged.and_then(|seen| healthy(seen, attempt));
        connection.leave();
        judged
    }

    /// The server's answer: a serving status, or the call's status code.
    async fn ask(&self, shared: &Arc<Shared>) -> Result<Answer, Failure> {
        let notes = Notes::default();
        let answered = http2::until_stopped(shared, self.check(shared, notes.clone())).await;
        let heard = notes.heard();
        let mut connection = shared.connection();
        connection.hear_last_words();
        let late = || Err(connection.timed_out(Missing::Answer { begun: heard != Heard::Nothing }));
        match (answered, heard) {
            (Ok(Ok(number)), _) => Ok(Answer::Serving(number)),
            (Err(Stopped::Poll(errno)), _) => Err(connection.fails(Cause::System { call: "poll", errno })),
            (Err(Stopped::Late), _) => late(),
            (Ok(Err(_)), Heard::Code(code)) => Ok(Answer::Code(code)),
            (Ok(Err(_)), Heard::NoCode) => {
                Err(connection.fails(Cause::BadGrpc { part: "a grpc-status that is no code" }))
            }
            // The peer goes on sending, and the reads that may follow the deadline are spent.
            (Ok(Err(_)), _) if connection.ended() == Some(io::ErrorKind::TimedOut) => late(),
            (Ok(Err(error)), _) => Err(explain(&error, heard, &mut connection)),
        }
    }

    async fn check(&self, shared: &Arc<Shared>, notes: Notes) -> Result<i32, Status> {
        let failed = |error: hyper::Error| Status::from_error(error.into());
        let requests = http2::handshake(shared, None).await.map_err(failed)?;
        let channel = Channel { requests, metadata: self.metadata(), shared: shared.clone(), notes };
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

    fn judge(&self, answer: Answer) -> Result<Seen, Cause> {
        let wanted = match &self.serving {
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
        Err(cause)
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
