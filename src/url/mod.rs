//! URLs: what the http handler's TARGET says, and where a redirect leads. Only http and https, and only as much of
//! RFC 3986 as a probe needs; host and port are understood as every target's are.

mod escape;
mod reference;

use std::fmt;

use crate::target::{HostPort, is_number, plain_name, range_in, split_host_port};
use crate::text::{TARGET_CHARS, VALUE_CHARS, quoted, shown};
use crate::word::{Word, Wrong};
use escape::{ascii, decode, has_whole_escapes, request_target, with_slash};
use reference::resolve;

/// How a URL is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Plain, port 80.
    Http,
    /// Over TLS, port 443.
    Https,
}

impl Scheme {
    fn parse(text: &str) -> Option<Scheme> {
        [Scheme::Http, Scheme::Https].into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme.name()))
    }

    fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// An absolute URL.
#[derive(Clone, Debug)]
pub(crate) struct Url {
    /// Plain or TLS.
    pub(crate) scheme: Scheme,
    /// Host and port.
    pub(crate) place: HostPort,
    /// Path and query as the request line carries them.
    pub(crate) path: String,
    /// User name and password, decoded.
    pub(crate) user: Option<(String, String)>,
    is_port_written: bool,
    shown_path: String,
}

/// Where a redirect leads.
#[derive(Debug)]
pub(crate) enum Location {
    /// To the same host name; `relative` is true where the header named no host.
    SameHost { url: Box<Url>, relative: bool },
    /// To another host name: scheme, host and port for the note.
    OtherHost(String),
}

/// Why a redirect can't be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LocationError {
    /// The header is no URL.
    Unreadable,
    /// A scheme that is not spoken.
    Scheme(String),
}

impl Url {
    /// Reads a TARGET of the http handler. With a unix socket the host, the port or both may be missing.
    pub(crate) fn parse(word: &Word, over_unix_socket: bool) -> Result<Url, Wrong> {
        let value = word.value();
        if value.is_empty() {
            return Err(Wrong("wanted a URL such as :8080/healthz".to_owned()));
        }
        let (scheme, rest) = match split_scheme(value) {
            Some((text, rest)) => match Scheme::parse(text) {
                Some(scheme) => (Some(scheme), rest),
                None => return Err(Wrong(format!("scheme {}: wanted http or https", quoted(text)))),
            },
            None => (None, value),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if !authority.contains('@')
            && path.contains('@')
            && split_port(authority).is_some_and(|port| !is_number(port))
        {
            return Err(Wrong("a / ? or # in a user name or password is written %2F, %3F or %23".to_owned()));
        }
        let (user, host_port) = match authority.rsplit_once('@') {
            Some((user, host_port)) => (Some(parse_user(user)?), host_port),
            None => (None, authority),
        };
        let place = split_host_port(word, range_in(value, host_port), scheme.is_none())?;
        let is_port_written = place.port.is_some();
        let default = scheme.map(Scheme::default_port).or(over_unix_socket.then_some(80));
        let place = HostPort::new(word, &place, default)?;
        let path = path.split_once('#').map_or(path, |(path, _)| path);
        let shown_path = with_slash(word.shown_part(range_in(value, path)));
        let scheme = scheme.unwrap_or(Scheme::Http);
        Ok(Url { scheme, place, path: request_target(path), user, is_port_written, shown_path })
    }

    /// Understands a `Location` header received from this URL. The result never shows its path.
    pub(crate) fn join(&self, location: &[u8]) -> Result<Location, LocationError> {
        let location = ascii(location);
        let location = location.trim();
        let path = location.split(['?', '#']).next().unwrap_or_default();
        if !has_whole_escapes(path) || location.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(LocationError::Unreadable);
        }
        let (scheme, absolute) = match (split_scheme(location), location.strip_prefix("//")) {
            (Some((text, rest)), _) => match Scheme::parse(text) {
                Some(scheme) => (scheme, rest),
                None => return Err(LocationError::Scheme(shown(text, VALUE_CHARS))),
            },
            (None, Some(rest)) => (self.scheme, rest),
            (None, None) if starts_with_scheme(location) => {
                let scheme = location.split(':').next().unwrap_or_default();
                return Err(LocationError::Scheme(shown(scheme, VALUE_CHARS)));
            }
            (None, None) => {
                let path = request_target(&resolve(&self.path, location));
                let url = Url { path, shown_path: String::new(), ..self.clone() };
                return Ok(Location::SameHost { url: Box::new(url), relative: true });
            }
        };
        let end = absolute.find(['/', '?', '#']).unwrap_or(absolute.len());
        let host_port = absolute[..end].rsplit_once('@').map_or(&absolute[..end], |(_, host_port)| host_port);
        let word = Word::literal(host_port);
        let place = split_host_port(&word, 0..host_port.len(), false).map_err(|_| LocationError::Unreadable)?;
        if place.host.is_empty() {
            return Err(LocationError::Unreadable);
        }
        if plain_name(place.host) != self.place.plain_name() {
            return Ok(Location::OtherHost(format!("{}://{}", scheme.name(), shown(host_port, VALUE_CHARS))));
        }
        let absolute = Word::literal(&format!("{}://{absolute}", scheme.name()));
        let url = Url::parse(&absolute, false).map_err(|_| LocationError::Unreadable)?;
        Ok(Location::SameHost { url: Box::new(url), relative: false })
    }

    /// What the `Host` header says: host and port as they were written.
    pub(crate) fn host_header(&self) -> String {
        let name = self.place.name_without_scope();
        if self.is_port_written { format!("{name}:{}", self.place.port) } else { name }
    }

    /// Scheme, host and port: all that is shown of a redirect's URL.
    pub(crate) fn origin(&self) -> String {
        let origin = [self.scheme.name(), "://", &self.place.name].concat();
        if self.is_port_written { format!("{origin}:{}", self.place.port) } else { origin }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&(self.origin() + &self.shown_path), TARGET_CHARS))
    }
}

fn split_port(authority: &str) -> Option<&str> {
    authority.rsplit_once(':').map(|(_, port)| port)
}

/// The scheme of an absolute URL and what follows its `://`.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    is_scheme(scheme).then_some((scheme, rest))
}

/// True for a reference such as `mailto:x`, which is not relative.
fn starts_with_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// User name and password of a URL, percent-decoded.
fn parse_user(text: &str) -> Result<(String, String), Wrong> {
    let (name, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |text| decode(text).ok_or_else(|| Wrong("the user name or password is not UTF-8".to_owned()));
    Ok((decoded(name)?, decoded(password)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_shown() {
        let rows = [
            (":8080/healthz", "http://localhost:8080/healthz", "localhost:8080", "/healthz"),
            ("8080", "http://localhost:8080/", "localhost:8080", "/"),
            ("8080/a b?c d#e", "http://localhost:8080/a b?c d", "localhost:8080", "/a%20b?c%20d"),
            ("[::1]:8080/x", "http://[::1]:8080/x", "[::1]:8080", "/x"),
            ("[fe80::1%2]:8080", "http://[fe80::1%2]:8080/", "[fe80::1]:8080", "/"),
            ("HTTP://LocalHost?q", "http://LocalHost/?q", "LocalHost", "/?q"),
            ("http://localhost:80/", "http://localhost:80/", "localhost:80", "/"),
            ("http://me:p%40w@localhost:1", "http://localhost:1/", "localhost:1", "/"),
            ("https://localhost", "https://localhost/", "localhost", "/"),
            (":1/%zz%41", "http://localhost:1/%zz%41", "localhost:1", "/%25zz%41"),
            (
                ":1/{a}|b^\\?{a}|b^\\%",
                "http://localhost:1/{a}|b^\\?{a}|b^\\%",
                "localhost:1",
                "/%7Ba%7D%7Cb%5E%5C?{a}|b^\\%",
            ),
        ];
        for (given, shown, host, path) in rows {
            let url = Url::parse(&Word::literal(given), false).expect(given);
            let got = (url.to_string(), url.host_header(), url.path);
            assert_eq!(got, (shown.to_owned(), host.to_owned(), path.to_owned()), "{given}");
        }
        let url = Url::parse(&Word::literal("http://me:p%40w@localhost:1"), false).expect("a URL");
        assert_eq!(url.user, Some(("me".to_owned(), "p@w".to_owned())));
    }

    #[test]
    fn redirects_are_told_by_host_name() {
        let base = Url::parse(&Word::literal("http://LocalHost:8080/a/b"), false).expect("a URL");
        let to = |location| match base.join(str::as_bytes(location)) {
            Ok(Location::SameHost { url, relative }) => format!("{} {} {relative}", url.origin(), url.path),
            Ok(Location::OtherHost(origin)) => format!("other {origin}"),
            Err(error) => format!("{error:?}"),
        };
        let rows = [
            ("c", "http://LocalHost:8080 /a/c true"),
            ("http://localhost:81/x?y#z", "http://localhost:81 /x?y false"),
            ("//localhost./x", "http://localhost. /x false"),
            ("http://127.0.0.1:8080/", "other http://127.0.0.1:8080"),
            ("http://me:s3cret@example.org/p?s3cret", "other http://example.org"),
            ("https://localhost/", "https://localhost / false"),
            ("ftp://x", "Scheme(\"ftp\")"),
            ("http://localhost:0/", "Unreadable"),
            ("http://localhost:x/", "Unreadable"),
            ("http:///x", "Unreadable"),
            ("/a\u{7}b", "Unreadable"),
            ("/100%/x", "Unreadable"),
            ("/x?100%", "http://LocalHost:8080 /x?100% true"),
            ("/ä{}", "http://LocalHost:8080 /%C3%A4%7B%7D true"),
        ];
        for (given, wanted) in rows {
            assert_eq!(to(given), wanted, "{given:?}");
        }
    }
}
