//! What is asked, and whom: a request of a chain of redirects, and the way that it takes.

use std::borrow::Cow;

use http::Method;

use crate::connection::{Protection, Proxy};
use crate::probe::http::{Header, HostHeader, HttpVersion};
use crate::target::Target;
use crate::url::Url;

/// One request of a chain of redirects.
#[derive(Clone, Debug)]
pub(super) struct Hop<'a> {
    pub(super) url: Cow<'a, Url>,
    pub(super) method: Method,
    pub(super) host: HostHeader,
    /// All headers but `Host`.
    pub(super) headers: Cow<'a, [Header]>,
}

/// Whom a request is sent to, and how it is protected.
#[derive(Clone)]
pub(super) struct Way<'a> {
    pub(super) target: Target,
    /// The header that comes first.
    pub(super) proxy: Option<Proxy>,
    pub(super) protection: Option<Protection<'a>>,
    /// Which HTTP is spoken.
    pub(super) version: HttpVersion,
    /// True: the response's head is kept as it came.
    pub(super) keeps_head: bool,
}
