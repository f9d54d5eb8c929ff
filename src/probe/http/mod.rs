//! The http handler: one request, healthy on a wanted status, redirects as the kubelet follows them
//! (pkg/probe/http). The verdict is known at the end of the response headers: a body without end delays nothing.

mod wire;

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;

use crate::attempt::Attempt;
use crate::connection::Protection;
use crate::outcome::{Cause, Evidence, Failure, Seen, StatusList};
use crate::probe::healthy;
use crate::target::{Target, UnixSocket};
use crate::text::shown;
use crate::tls::{Alpn, Tls};
use crate::url::{Location, Scheme, Url};
use crate::word::Sought;
use wire::{Exchange, Head};

/// How many redirects are followed; the next one is a failure (net/http's "stopped after 10 redirects").
const MOST_REDIRECTS: usize = 9;

/// How much of a body is ever read.
const MOST_BODY: usize = 10 * 1024;

/// How long a server may take to finish a small answer that nobody waits for, so that it does not log a broken pipe.
const LEAVING: Duration = Duration::from_millis(20);

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
    pub(crate) host: Option<String>,
    /// The wanted statuses.
    pub(crate) wanted: StatusList,
    /// True if the user named them: a redirect among them is not followed.
    pub(crate) is_wanted_explicit: bool,
    /// What the body must hold.
    pub(crate) body: Option<Sought>,
    /// The socket that is connected to in place of host and port.
    pub(crate) unix_socket: Option<UnixSocket>,
    /// What https does.
    pub(crate) tls: Tls,
    /// False: every redirect is final.
    pub(crate) follow: bool,
    /// True: a failure shows the start of the body.
    pub(crate) show_body: bool,
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

/// What a response means for the run.
enum Next {
    /// It is judged.
    Final { not_followed: Option<String> },
    /// It leads on.
    Follow(Box<Hop<'static>>),
}

/// One request of a chain of redirects.
#[derive(Clone, Debug)]
struct Hop<'a> {
    url: Cow<'a, Url>,
    method: Method,
    host: String,
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
        let host = self.host.clone().unwrap_or_else(|| self.url.host_header());
        let mut hop = Hop { url: Cow::Borrowed(&self.url), method: self.method.clone(), host };
        let mut followed = 0;
        loop {
            let at_hop = |failure: Failure| Failure { hop: (followed > 0).then(|| hop.url.origin()), ..failure };
            let mut exchange = self.exchange(&hop, attempt).map_err(at_hop)?;
            let next = self.next(&hop, &exchange.head).and_then(|next| match next {
                Next::Follow(_) if followed == MOST_REDIRECTS => Err(Cause::TooManyRedirects),
                next => Ok(next),
            });
            match next {
                Ok(Next::Follow(next)) => {
                    exchange.leave(LEAVING);
                    hop = *next;
                    followed += 1;
                }
                Ok(Next::Final { not_followed }) => {
                    let judged = self.judge(&mut exchange, not_followed, attempt);
                    return self.leave(exchange, judged).map_err(at_hop);
                }
                Err(cause) => {
                    let failure = exchange.fails(cause);
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
                Some(Protection { tls: &self.tls, host: &name, alpn: Alpn::Http1 })
            }
        };
        // A redirect may bring a user of its own; TARGET's stands in the headers already.
        let mut headers = Cow::Borrowed(self.headers.as_slice());
        let is_authorized = || self.headers.iter().any(|header| header.name.eq_ignore_ascii_case("authorization"));
        if let Some((name, password)) = hop.url.user.as_ref().filter(|_| !is_authorized()) {
            headers.to_mut().push(Header::basic_authorization(name, password));
        }
        Exchange::start(&target, protection, &hop.method, &hop.url.path, &hop.host, &headers, attempt)
    }

    /// What the kubelet does with this response: other host names are not followed, everything else is.
    fn next(&self, hop: &Hop<'_>, head: &Head) -> Result<Next, Cause> {
        let last = Next::Final { not_followed: None };
        let is_redirect = matches!(head.status, 301 | 302 | 303 | 307 | 308);
        let is_wanted = self.is_wanted_explicit && self.wanted.contains(head.status);
        let Some(location) = head.location.as_deref().filter(|location| !location.is_empty()) else {
            return Ok(last);
        };
        if !is_redirect || !self.follow || is_wanted {
            return Ok(last);
        }
        match hop.url.join(location) {
            Err(error) => Err(Cause::Location { status: head.status, error }),
            Ok(Location::OtherHost(origin)) => Ok(Next::Final { not_followed: Some(origin) }),
            Ok(Location::SameHost { url, relative }) => {
                let keeps = matches!(head.status, 307 | 308) || hop.method == Method::HEAD;
                let method = if keeps { hop.method.clone() } else { Method::GET };
                let host = if relative { hop.host.clone() } else { url.host_header() };
                Ok(Next::Follow(Box::new(Hop { url: Cow::Owned(*url), method, host })))
            }
        }
    }

    fn judge(
        &self,
        exchange: &mut Exchange,
        not_followed: Option<String>,
        attempt: Attempt,
    ) -> Result<Evidence, Failure> {
        let status = exchange.head.status;
        if !self.wanted.contains(status) {
            return Err(exchange.fails(Cause::Status { status, wanted: self.wanted.clone() }));
        }
        if let Some(wanted) = &self.body {
            exchange.read_body(MOST_BODY, |body| wanted.is_in(body))?;
            exchange.body_read();
            if !wanted.is_in(&exchange.body) {
                let cut = exchange.body.len() == MOST_BODY;
                return Err(exchange.fails(Cause::BodyLacks { text: wanted.shown.clone(), cut }));
            }
        }
        healthy(Seen::Http { status, not_followed }, attempt)
    }

    /// Ends the exchange; a failure takes the start of the body along where `--show-body` asks for it.
    fn leave(&self, mut exchange: Exchange, judged: Result<Evidence, Failure>) -> Result<Evidence, Failure> {
        match judged {
            Err(failure) if self.show_body => {
                let bytes = exchange.excerpt(EXCERPT, EXCERPT_CHARS * 4);
                let text = shown(String::from_utf8_lossy(bytes).trim_end(), EXCERPT_CHARS);
                exchange.leave(LEAVING);
                Err(Failure { body: Some(text), ..failure })
            }
            judged => {
                exchange.leave(LEAVING);
                judged
            }
        }
    }
}
