//! Redirects as the kubelet follows them (pkg/probe/http, net/http): to the same host name, nine at most.

use std::borrow::Cow;

use http::Method;

use crate::outcome::Cause;
use crate::probe::http::exchange::Head;
use crate::probe::http::way::Hop;
use crate::probe::http::{Header, HostHeader, HttpProbe};
use crate::url::{Location, Scheme, Url};

/// How many redirects are followed; the next one is a failure (net/http's "stopped after 10 redirects").
pub(super) const MOST_REDIRECTS: usize = 9;

/// Which redirects are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// None: each is the final answer.
    None,
    /// Those to the same host name.
    #[default]
    SameHost,
}

/// What a response means for the run.
pub(super) enum Next<'a> {
    /// It is judged.
    Final { not_followed: Option<String> },
    /// It leads on.
    Follow(Box<Hop<'a>>),
}

impl HttpProbe {
    /// The request that TARGET asks for.
    pub(super) fn first_hop(&self) -> Hop<'_> {
        let host = self.host.clone().unwrap_or_else(|| HostHeader::of(&self.url));
        Hop { url: Cow::Borrowed(&self.url), method: self.method.clone(), host, headers: (&*self.headers).into() }
    }

    /// What the kubelet does with this response: other host names are not followed, everything else is.
    pub(super) fn next(&self, hop: &Hop<'_>, head: &Head) -> Result<Next<'_>, Cause> {
        let status = head.status;
        let last = Next::Final { not_followed: None };
        let is_redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
        let is_wanted = self.are_statuses_explicit && self.statuses.contains(status);
        let Some(location) = head.location.as_deref().filter(|location| !location.is_empty()) else {
            return Ok(last);
        };
        if !is_redirect || self.redirects == Redirects::None || is_wanted {
            return Ok(last);
        }
        self.follow(hop, status, location)
    }

    #[inline(never)] // most responses lead nowhere
    fn follow(&self, hop: &Hop<'_>, status: u16, location: &[u8]) -> Result<Next<'_>, Cause> {
        let (url, is_relative) = match hop.url.join(location) {
            Err(error) => return Err(Cause::Location { status, error }),
            Ok(Location::OtherHost(origin)) => return Ok(Next::Final { not_followed: Some(origin) }),
            Ok(Location::SameHost { url, relative }) => (url, relative),
        };
        // What `--cacert` verified would end in an answer that nobody did, with all headers sent in clear.
        if (hop.url.scheme, url.scheme) == (Scheme::Https, Scheme::Http) && self.tls.trust.is_some() {
            return Err(Cause::OutOfTls { status });
        }
        let keeps = matches!(status, 307 | 308) || hop.method == Method::HEAD;
        let method = if keeps { hop.method.clone() } else { Method::GET };
        let host = if is_relative { hop.host.clone() } else { HostHeader::of(&url) };
        let headers = self.headers_for(&url);
        Ok(Next::Follow(Box::new(Hop { url: Cow::Owned(*url), method, host, headers })))
    }

    /// A redirect may bring a user of its own; TARGET's is among the headers already.
    fn headers_for(&self, url: &Url) -> Cow<'_, [Header]> {
        let mut headers = Cow::Borrowed(self.headers.as_slice());
        let is_authorized = || self.headers.iter().any(|header| header.name.eq_ignore_ascii_case("authorization"));
        if let Some((name, password)) = url.user.as_ref().filter(|_| !is_authorized()) {
            headers.to_mut().push(Header::basic_authorization(name, password));
        }
        headers
    }
}
