//! What curl and wget have in common: URLs as they read them, TLS by their files, and the request that becomes an http
//! probe.

use std::net::Ipv4Addr;
use std::path::Path;

use http::Method;

use super::options::{Refused, complain};
use crate::cli::http::{headers, is};
use crate::locality::Host;
use crate::outcome::StatusList;
use crate::probe::Probe;
use crate::probe::http::{BodyUse, Header, HostHeader, HttpProbe, HttpVersion, Redirects};
use crate::target::UnixSocket;
use crate::text::quoted;
use crate::tls::{self, Identity, Tls, Trust};
use crate::url::Url;
use crate::word::{Word, Wrong};

/// What all requests of one command line have in common.
pub(super) struct Request {
    pub(super) method: Method,
    /// Those that were given.
    pub(super) headers: Vec<Header>,
    pub(super) authorization: Option<Header>,
    pub(super) unix_socket: Option<UnixSocket>,
    pub(super) tls: Tls,
    pub(super) statuses: StatusList,
    pub(super) redirects: Redirects,
    pub(super) body: BodyUse,
    pub(super) version: HttpVersion,
}

impl Request {
    /// The probe that sends it to a URL. A user of the options counts more than one in the URL, and an Authorization
    /// header more than both.
    pub(super) fn probe(&self, url: Url) -> Probe {
        let user = url.user.as_ref().map(|(name, password)| Header::basic_authorization(name, password));
        let has_header = self.headers.iter().any(|header| is(header, "authorization"));
        let authorization = self.authorization.clone().or(user).filter(|_| !has_header);
        let host = self.headers.iter().rfind(|header| is(header, "host"));
        Probe::Http(Box::new(HttpProbe {
            url,
            method: self.method.clone(),
            headers: headers(self.headers.clone(), authorization),
            host: host.map(|header| HostHeader { value: header.value.to_string(), shown: None }),
            statuses: self.statuses.clone(),
            are_statuses_explicit: false,
            body: self.body.clone(),
            unix_socket: self.unix_socket.clone(),
            tls: self.tls.clone(),
            redirects: self.redirects,
            version: self.version,
            show_body: false,
            proxy: None,
        }))
    }
}

/// Why a URL is not asked.
#[derive(Debug)]
pub(super) enum BadUrl {
    /// It is none; why.
    Malformed(String),
    /// Another scheme; which are spoken.
    Scheme(String),
    /// The name of another host.
    Elsewhere(String),
}

/// Reads a URL as curl and wget do: without a scheme it is http, with a host in any case, and numbers may stand for an
/// address. `resolve` are rules `HOST:PORT:ADDRESS`.
pub(super) fn url<'a>(typed: &str, over_socket: bool, resolve: impl Iterator<Item = &'a str>) -> Result<Url, BadUrl> {
    let (scheme, rest) = typed.split_once("://").unwrap_or(("http", typed));
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(BadUrl::Scheme("wanted http or https".to_owned()));
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, place) = authority.rsplit_once('@').map_or(("", authority), |(user, place)| (user, place));
    let (host, port) = match place.rfind(':').filter(|colon| *colon > place.rfind(']').unwrap_or(0)) {
        Some(colon) => place.split_at(colon),
        None if place.starts_with(':') => ("", place),
        None => (place, ""),
    };
    if host.is_empty() {
        return Err(BadUrl::Malformed("no host in it; wanted localhost".to_owned()));
    }
    let host = address(host).map_or_else(|| host.to_owned(), |address| address.to_string());
    let user = if user.is_empty() { String::new() } else { format!("{user}@") };
    let port = if port == ":" { "" } else { port };
    let whole = format!("{scheme}://{user}{host}{port}{path}");
    let mut url = Url::parse(&Word::literal(&whole), true).map_err(|Wrong(why)| BadUrl::Malformed(why))?;
    url.fold();
    let place = &mut url.place;
    let rule = format!("{}:{}:", place.plain_name(), place.port);
    for address in resolve.filter_map(|given| given.to_ascii_lowercase().strip_prefix(&rule).map(str::to_owned)) {
        let address =
            if address.contains(':') && !address.starts_with('[') { format!("[{address}]") } else { address };
        place.host =
            Host::parse(&address).map_err(|_| BadUrl::Malformed(format!("{}: no address", quoted(&address))))?;
    }
    if place.host == Host::Named(Vec::new()) && !over_socket {
        place.host = Host::look_up(&place.name).map_err(|_| BadUrl::Elsewhere(place.name.clone()))?;
    }
    Ok(url)
}

/// The line for a host that is not this one.
pub(super) fn elsewhere(host: &str) -> String {
    format!("host {} is not this host: write localhost", quoted(host))
}

/// The address that numbers stand for, as inet_aton(3) reads them: `0` is 0.0.0.0, `127.1` is 127.0.0.1.
pub(super) fn address(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = host.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (last, firsts) = parts.split_last().filter(|(_, firsts)| firsts.len() < 4)?;
    let shift = 8 * u32::try_from(firsts.len()).ok()?;
    if firsts.iter().any(|part| *part > 255) || last.checked_shr(32 - shift).is_some_and(|rest| rest > 0) {
        return None;
    }
    let bits = firsts.iter().zip([24, 16, 8]).fold(*last, |bits, (part, shift)| bits | part << shift);
    Some(Ipv4Addr::from_bits(bits))
}

/// A file that a TLS option names, and the exit code where it can't be used.
pub(super) struct TlsFile<'a> {
    pub(super) name: &'static str,
    pub(super) path: &'a str,
    pub(super) code: u8,
}

impl TlsFile<'_> {
    fn load<T>(&self, load: impl FnOnce(&Path) -> Result<T, Wrong>) -> Result<T, Refused> {
        load(Path::new(self.path)).map_err(|why| self.refuse(why))
    }

    fn refuse(&self, why: Wrong) -> Refused {
        Refused { code: self.code, message: complain(self.name, self.path, why) }
    }
}

/// What TLS does. Where verification is not turned off and nobody is to be trusted, nothing is accepted.
pub(super) fn load_tls(
    insecure: bool,
    cacert: Option<TlsFile<'_>>,
    cert: Option<TlsFile<'_>>,
    key: Option<TlsFile<'_>>,
) -> Result<Tls, Refused> {
    let trust = cacert.map(|file| file.load(Trust::load)).transpose()?;
    let trust = if insecure { None } else { Some(trust.unwrap_or_else(Trust::nobody)) };
    let key = key.map(|file| file.load(tls::load_key)).transpose()?;
    let identity = match cert {
        None => None,
        Some(file) => match file.load(Identity::load)?.with_key(key) {
            Some(Ok(identity)) => Some(identity),
            Some(Err(why)) => return Err(file.refuse(why)),
            None => return Err(file.refuse(Wrong("no key in it".to_owned()))),
        },
    };
    Ok(Tls { trust, identity, server_name: None })
}
