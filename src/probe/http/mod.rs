//! The http handler: one request, healthy on a wanted status, redirects as the kubelet follows them
//! (pkg/probe/http). The verdict is known at the end of the response headers: a body without end delays nothing.

mod body;
mod exchange;
mod head;
mod json;
mod redirects;
mod stream;
mod transport;
mod way;

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;

use crate::attempt::Attempt;
use crate::connection::{Protection, Proxy};
use crate::outcome::{Cause, Clue, Evidence, Failure, Response, Seen, StatusList};
use crate::probe::healthy;
use crate::target::{Target, UnixSocket};
use crate::text::{VALUE_CHARS, shown};
use crate::tls::{Alpn, Tls};
use crate::url::{Scheme, Url};
pub(crate) use body::{BodyUse, WantedBody};
use exchange::Exchange;
pub(crate) use json::Member;
pub(crate) use redirects::Redirects;
use redirects::{MOST_REDIRECTS, Next};
pub(crate) use stream::is_of_http1;
use way::{Hop, Way};

/// How long a server may take to finish a small answer that nobody waits for, so that it does not log a broken pipe.
const LEAVING: Duration = Duration::from_millis(20);

/// How much of a 400's body is searched for what servers answer plain HTTP on their TLS port.
const MOST_REFUSAL: usize = 4 * 1024;

/// What they say: nginx, Go, Apache, Tomcat, Cheroot, in lower case. Nothing less will do, since an application's own
/// 400 may speak of HTTPS too.
const PLAIN_ON_TLS: [&str; 5] = [
    "the plain http request was sent to https port",
    "client sent an http request to an https server",
    "speaking plain http to an ssl-enabled server port",
    "this combination of host and port requires tls",
    "the client sent a plain http request, but this server only speaks https",
];

/// How long the excerpt of `--show-body` is waited for, and how long it may be.
const EXCERPT: Duration = Duration::from_millis(200);
const EXCERPT_CHARS: usize = 256;

/// One request and what is wanted of its response.
#[derive(Clone, Debug)]
pub(crate) struct HttpProbe {
    /// Where it goes.
    pub(crate) url: Url,
    /// GET if nothing else is asked for.
    pub(crate) method: Method,
    /// All headers but `Host`, in the order and case they are sent.
    pub(crate) headers: Vec<Header>,
    /// A `Host` that the user set.
    pub(crate) host: Option<HostHeader>,
    /// The wanted statuses.
    pub(crate) statuses: StatusList,
    /// True if the user named them: a redirect among them is not followed.
    pub(crate) are_statuses_explicit: bool,
    /// What is done with the response.
    pub(crate) body: BodyUse,
    /// The socket that is connected to in place of host and port.
    pub(crate) unix_socket: Option<UnixSocket>,
    /// What https does.
    pub(crate) tls: Tls,
    /// Which redirects are followed.
    pub(crate) redirects: Redirects,
    /// The header that comes first on each connection.
    pub(crate) proxy: Option<Proxy>,
    /// Which HTTP is spoken.
    pub(crate) version: HttpVersion,
    /// True: a failure shows the start of the body.
    pub(crate) show_body: bool,
}

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpVersion {
    /// HTTP/1.1, and HTTP/2 with a TLS server that takes nothing else.
    Any,
    /// HTTP/1.1
    Http1,
    /// HTTP/2: by ALPN over TLS, by prior knowledge without.
    Http2,
}

/// A header line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The name as it is sent.
    pub(crate) name: Cow<'static, str>,
    /// The value; valid for a header line.
    pub(crate) value: Cow<'static, str>,
}

impl Header {
    /// Basic authorization (RFC 7617).
    pub(crate) fn basic_authorization(name: &str, password: &str) -> Header {
        let credentials = STANDARD.encode(format!("{name}:{password}"));
        Header { name: "Authorization".into(), value: format!("Basic {credentials}").into() }
    }
}

/// The value of a `Host` header.
#[derive(Clone, Debug)]
pub(crate) struct HostHeader {
    /// As it is sent.
    pub(crate) value: String,
    /// For messages, where that differs: placeholders as typed.
    pub(crate) shown: Option<String>,
}

impl HostHeader {
    fn of(url: &Url) -> HostHeader {
        HostHeader { value: url.host_header(), shown: None }
    }

    fn shown(&self) -> String {
        shown(self.shown.as_ref().unwrap_or(&self.value), VALUE_CHARS)
    }
}

impl HttpProbe {
    /// `http GET http://localhost:8080/healthz`, with `target` for the URL
    pub(crate) fn label(&self, target: &str) -> String {
        let mut label = ["http ", self.method.as_str(), " ", target].concat();
        if let Some(socket) = &self.unix_socket {
            label += " on ";
            label += &socket.shown;
        }
        label
    }

    /// Asks, follows, judges.
    #[inline(never)] // inlined, its large frame would cost every handler a page fault
    pub(crate) fn run(&self, attempt: Attempt) -> Result<Evidence, Failure> {
        let mut hop = self.first_hop();
        let mut followed = 0;
        let mut kept = None;
        loop {
            let at_hop = |failure: Failure| Failure { hop: (followed > 0).then(|| hop.url.origin()), ..failure };
            let mut exchange = match self.exchange(&hop, attempt) {
                Ok(exchange) => exchange,
                Err(failure) => return Err(at_hop(Failure { response: kept, ..failure })),
            };
            if let BodyUse::Keep { .. } = self.body {
                exchange.keep_head(&mut kept);
            }
            let next = self.next(&hop, &exchange.head).and_then(|next| match next {
                Next::Follow(_) if followed == MOST_REDIRECTS => Err(Cause::TooManyRedirects),
                next => Ok(next),
            });
            match next {
                Ok(Next::Follow(next)) => {
                    // There is no verdict yet that politeness could not change: only what has arrived is read.
                    exchange.leave(Duration::ZERO);
                    hop = *next;
                    followed += 1;
                }
                Ok(Next::Final { not_followed }) => {
                    let judged = self.judge(&hop, &mut exchange, not_followed, attempt);
                    let judged = if kept.is_none() { judged } else { self.keep(&mut exchange, judged, kept) };
                    return self.leave(exchange, judged).map_err(at_hop);
                }
                Err(cause) => {
                    let failure = Failure { response: kept, ..exchange.fails(cause) };
                    return self.leave(exchange, Err(failure)).map_err(at_hop);
                }
            }
        }
    }

    fn exchange(&self, hop: &Hop<'_>, attempt: Attempt) -> Result<Exchange, Failure> {
        let target = match &self.unix_socket {
            Some(socket) => Target::Unix(socket.clone()),
            None => Target::Tcp(hop.url.place.clone()),
        };
        let name;
        let protection = match hop.url.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                name = hop.url.place.plain_name();
                let alpn = if self.version == HttpVersion::Http2 { Alpn::Http2 } else { Alpn::Http1 };
                Some(Protection { tls: &self.tls, host: &name, alpn })
            }
        };
        Exchange::start(
            hop,
            &Way {
                target,
                proxy: self.proxy,
                protection,
                version: self.version,
                keeps_head: matches!(self.body, BodyUse::Keep { .. }),
            },
            attempt,
        )
    }

    fn judge(
        &self,
        hop: &Hop<'_>,
        exchange: &mut Exchange,
        not_followed: Option<String>,
        attempt: Attempt,
    ) -> Result<Evidence, Failure> {
        let status = exchange.head.status;
        if !self.statuses.contains(status) {
            let clue = clue(hop, exchange);
            return Err(exchange.fails(Cause::Status { status, wanted: self.statuses.clone(), clue }));
        }
        if let BodyUse::Judge(wanted) = &self.body {
            wanted.judge(exchange)?;
        }
        healthy(Seen::Http { status, not_followed }, attempt)
    }

    /// Adds to a verdict what is kept of the response; a body that can't be read to its end is a failure.
    #[inline(never)] // a plain probe keeps nothing
    fn keep(
        &self,
        exchange: &mut Exchange,
        judged: Result<Evidence, Failure>,
        kept: Option<Box<Response>>,
    ) -> Result<Evidence, Failure> {
        let BodyUse::Keep { most, unwanted } = self.body else { return judged };
        let read = match most > 0 && (judged.is_ok() || unwanted) {
            true => exchange.read_body(most, &|_| false).inspect(|()| exchange.body_read()),
            false => Ok(()),
        };
        let response = kept.map(|response| Box::new(Response { body: exchange.body.clone(), ..*response }));
        match (judged, read) {
            (Ok(evidence), Ok(())) => Ok(Evidence { response, ..evidence }),
            (Ok(_), Err(failure)) | (Err(failure), _) => Err(Failure { response, ..failure }),
        }
    }

    /// Ends the exchange; a failure takes the start of the body along where `--show-body` asks for it.
    fn leave(&self, mut exchange: Exchange, judged: Result<Evidence, Failure>) -> Result<Evidence, Failure> {
        let judged = match judged {
            Err(failure) if self.show_body => {
                let body = match exchange.head.coding.clone() {
                    Some(coding) => format!("compressed ({coding})"),
                    None => excerpt(exchange.excerpt(EXCERPT, EXCERPT_CHARS * 4)),
                };
                Err(Failure { body: Some(body), ..failure })
            }
            judged => judged,
        };
        exchange.leave(LEAVING);
        judged
    }
}

/// What a reader of a bad status should know besides.
#[inline(never)] // for failures only
fn clue(hop: &Hop<'_>, exchange: &mut Exchange) -> Clue {
    let status = exchange.head.status;
    if status == 400 && hop.url.scheme == Scheme::Http {
        let body = exchange.excerpt(EXCERPT, MOST_REFUSAL).to_ascii_lowercase();
        let body = String::from_utf8_lossy(&body);
        if PLAIN_ON_TLS.iter().any(|phrase| body.contains(phrase)) {
            return Clue::SpeaksTls;
        }
    }
    match status {
        // A server that checks names answers so to one that it does not know. What lacks a certificate is refused
        // for that.
        400 | 403 | 404 | 421 if !exchange.wants_certificate() => Clue::Host(hop.host.shown()),
        _ => Clue::None,
    }
}

/// The start of a body on one line: one blank in place of line ends, control characters and indentation.
#[inline(never)]
fn excerpt(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let words = body.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty());
    shown(&words.collect::<Vec<_>>().join(" "), EXCERPT_CHARS)
}
