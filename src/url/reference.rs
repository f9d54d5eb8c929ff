//! Where a redirect leads: a `Location` header read as strictly as Go's net/url reads it for the kubelet, compared by its
//! host name, and resolved if it is relative (RFC 3986, section 5.2).

use super::escape::{ascii, has_whole_escapes, request_target};
use super::{Scheme, Url, parse_user};
use crate::locality::{Host, plain_name};
use crate::target::{HostPort, Split, is_number, is_scheme, split_host_port};
use crate::text::{VALUE_CHARS, shown};
use crate::word::Word;

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
    /// Understands a `Location` header received from this URL. The result never shows its path. All of it is read before
    /// host names are compared: what can't be read is a failure wherever it leads.
    pub(crate) fn join(&self, location: &[u8]) -> Result<Location, LocationError> {
        let location = ascii(location);
        let location = location.trim();
        let (reference, fragment) = location.split_once('#').unwrap_or((location, ""));
        let path_end = reference.find('?').unwrap_or(reference.len());
        if location.bytes().any(|byte| byte.is_ascii_control()) || !has_whole_escapes(fragment) {
            return Err(LocationError::Unreadable);
        }
        let (scheme, rest) = match reference[..path_end].split_once(':').filter(|(scheme, _)| is_scheme(scheme)) {
            Some((text, _)) => {
                let scheme = Scheme::parse(text).ok_or_else(|| LocationError::Scheme(shown(text, VALUE_CHARS)))?;
                (Some(scheme), &reference[text.len() + 1..])
            }
            None => (None, reference),
        };
        match (scheme, rest.strip_prefix("//")) {
            (_, Some(absolute)) => self.join_absolute(scheme.unwrap_or(self.scheme), absolute),
            // A scheme without a host; a colon before any slash, which would be a scheme.
            (Some(_), None) => Err(LocationError::Unreadable),
            (None, None) => {
                let path = &reference[..path_end];
                let first = path.split('/').next().unwrap_or_default();
                if first.contains(':') || !has_whole_escapes(path) {
                    return Err(LocationError::Unreadable);
                }
                let path = request_target(&resolve(&self.path, reference));
                let url = Url { path, shown_path: String::new(), ..self.clone() };
                Ok(Location::SameHost { url: Box::new(url), relative: true })
            }
        }
    }

    /// Understands what comes after `//`: host, port, path and query.
    fn join_absolute(&self, scheme: Scheme, absolute: &str) -> Result<Location, LocationError> {
        let unreadable = || LocationError::Unreadable;
        let (authority, path) = absolute.split_at(absolute.find(['/', '?']).unwrap_or(absolute.len()));
        let (user, host_port) = match authority.rsplit_once('@') {
            Some((user, host_port)) => (Some(user), host_port),
            None => (None, authority),
        };
        let word = Word::literal(host_port);
        let Split { host, port } = split_host_port(word.all(), false).map_err(|_| unreadable())?;
        // An empty port is the scheme's own (RFC 3986, section 3.2.3).
        let (host, port) = (host.text(), port.map(|port| port.text()).filter(|port| !port.is_empty()));
        let is_readable = is_host(host)
            && user.is_none_or(is_user)
            && port.is_none_or(is_number)
            && has_whole_escapes(path.split('?').next().unwrap_or_default());
        if !is_readable {
            return Err(unreadable());
        }
        if plain_name(host) != self.place.plain_name() {
            return Ok(Location::OtherHost(format!("{}://{}", scheme.name(), shown(host_port, VALUE_CHARS))));
        }
        let number = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(unreadable)?,
            None => scheme.default_port(),
        };
        let url = Url {
            scheme,
            place: HostPort { host: self.place.host.clone(), name: host.to_owned(), port: number },
            path: request_target(path),
            user: user.map(parse_user).transpose().map_err(|_| unreadable())?,
            is_port_written: port.is_some(),
            shown_path: String::new(),
        };
        Ok(Location::SameHost { url: Box::new(url), relative: false })
    }
}

/// True for a host that net/url reads: an IPv6 address in brackets, or a name of any bytes that a URL may hold, with
/// escapes for those beyond ASCII only.
fn is_host(host: &str) -> bool {
    if host.starts_with('[') {
        return Host::parse(host).is_ok();
    }
    let is_in_hosts = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=<>\"".contains(&byte);
    let mut pieces = host.split('%');
    let is_escaped = |piece: &str| has_whole_escapes(&format!("%{piece}")) && piece.starts_with(|c: char| c > '7');
    !host.is_empty()
        && pieces.next().is_some_and(|piece| piece.bytes().all(is_in_hosts))
        && pieces.all(|piece| is_escaped(piece) && piece.bytes().all(is_in_hosts))
}

/// True for a user part that net/url reads.
fn is_user(user: &str) -> bool {
    user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte))
        && has_whole_escapes(user)
}

/// Resolves a relative reference against a path (RFC 3986, section 5.2).
pub(super) fn resolve(base: &str, reference: &str) -> String {
    let base_path = base.split_once('?').map_or(base, |(path, _)| path);
    if reference.is_empty() || reference.starts_with('#') {
        return base.to_owned();
    }
    if reference.starts_with('?') {
        return format!("{base_path}{reference}");
    }
    let (path, query) = match reference.find(['?', '#']) {
        Some(end) => reference.split_at(end),
        None => (reference, ""),
    };
    let folder = &base_path[..base_path.rfind('/').map_or(0, |slash| slash + 1)];
    let path = if path.starts_with('/') { path.to_owned() } else { format!("{folder}{path}") };
    format!("{}{query}", without_dot_segments(&path))
}

fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_as_rfc_3986_says() {
        // Section 5.4, as far as a reference has no scheme and no host.
        let rows = [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d;p?q"),
            ("g#s", "/b/c/g#s"),
            (";x", "/b/c/;x"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("./", "/b/c/"),
            ("..", "/b/"),
            ("../", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("g.", "/b/c/g."),
            ("..g", "/b/c/..g"),
            ("./../g", "/b/g"),
            ("./g/.", "/b/c/g/"),
            ("g;x=1/../y", "/b/c/y"),
            ("g?y/../x", "/b/c/g?y/../x"),
        ];
        for (given, wanted) in rows {
            assert_eq!(resolve("/b/c/d;p?q", given), wanted, "{given:?}");
        }
    }

    #[test]
    fn redirects_are_read_whole_and_then_compared_by_host_name() {
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
            ("https://localhost:/x", "https://localhost /x false"),
            ("http://evil.com:99999/", "other http://evil.com:99999"),
            ("http://evil.com:abc/", "Unreadable"),
            ("http://evil.com:<b>\"/", "Unreadable"),
            ("http://e vil.com/", "Unreadable"),
            ("http://evil.com\\@x/", "Unreadable"),
            ("http://a|b/", "Unreadable"),
            ("http://%41/", "Unreadable"),
            ("http://%zz/", "Unreadable"),
            ("http://\u{e4}.example/", "other http://%C3%A4.example"),
            ("http://[::g]/", "Unreadable"),
            ("http://[::1]x/", "Unreadable"),
            ("http://[::1]:81/", "other http://[::1]:81"),
            ("http://me:a b@evil.com/", "Unreadable"),
            ("http://me:%@evil.com/", "Unreadable"),
            ("http://evil.com/100%/x", "Unreadable"),
            ("http://evil.com/#100%", "Unreadable"),
            ("http://evil.com:1:2/", "Unreadable"),
            ("http://evil.com/?100%", "other http://evil.com"),
            ("//evil.com/x:y", "other http://evil.com"),
            ("http:/healthz", "Unreadable"),
            ("http:healthz", "Unreadable"),
            ("https:", "Unreadable"),
            ("1:b/c", "Unreadable"),
            (":80/x", "Unreadable"),
            ("/a:b", "http://LocalHost:8080 /a:b true"),
            ("?a:b", "http://LocalHost:8080 /a/b?a:b true"),
            ("x/y:z?u=http://w", "http://LocalHost:8080 /a/x/y:z?u=http://w true"),
            ("http://localhost:99999/", "Unreadable"),
            ("mailto:me@x", "Scheme(\"mailto\")"),
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
