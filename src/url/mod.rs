//! URLs: what the http handler's TARGET says, and where a redirect leads. Only http and https, and only as much of
//! RFC 3986 as a probe needs; host and port are understood as every target's are.

mod escape;
mod reference;

use std::fmt;

use crate::target::{
    HostPort, OtherName, is_number, refuse_quotes, refuse_urls, split_host_port, split_scheme, wrong_scheme,
};
use crate::text::{TARGET_CHARS, shown};
use crate::word::{Part, Word, Wrong};
use escape::{decode, request_target, with_slash};
pub(crate) use reference::{Location, LocationError};

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

    fn understand(text: Part<'_>) -> Result<Scheme, Wrong> {
        if let Some(scheme) = Scheme::parse(text.text()) {
            return Ok(scheme);
        }
        refuse_urls(text, "wanted one with http or https")?;
        Err(wrong_scheme(text, "wanted http or https"))
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

impl Url {
    /// Reads a TARGET of the http handler. With a unix socket the host, the port or both may be missing.
    pub(crate) fn parse(word: &Word, over_unix_socket: bool) -> Result<Url, Wrong> {
        let all = word.all();
        if all.text().is_empty() {
            return Err(Wrong("wanted a URL such as :8080/healthz".to_owned()));
        }
        refuse_quotes(all)?;
        let (scheme, rest) = match split_scheme(all) {
            Some((text, rest)) => (Some(Scheme::understand(text)?), rest),
            None => (None, all),
        };
        let (user, rest) = split_user(rest)?;
        let (host_port, path) = rest.split_at(rest.text().find(['/', '?', '#']).unwrap_or(rest.text().len()));
        refuse_urls(host_port, "wanted a host or a port")?;
        let place = split_host_port(host_port, scheme.is_none())?;
        let default = scheme.map(Scheme::default_port).or(over_unix_socket.then_some(80));
        let other = if over_unix_socket { OtherName::Sent } else { OtherName::HostHeader };
        let is_port_written = place.port.is_some();
        let place = HostPort::new(&place, default, other)?;
        let path = path.split_at(path.text().find('#').unwrap_or(path.text().len())).0;
        Ok(Url {
            scheme: scheme.unwrap_or(Scheme::Http),
            place,
            path: request_target(path.text()),
            user,
            is_port_written,
            shown_path: with_slash(path.typed()),
        })
    }

    /// Folds `.` and `..` in the path, as clients of the web do.
    pub(crate) fn fold(&mut self) {
        if self.path.contains("/.") {
            self.path = reference::resolve("/", &self.path);
        }
    }

    /// Lets messages show host and port alone.
    pub(crate) fn hide_path(&mut self) {
        self.shown_path = "/…".to_owned();
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

/// Splits the user part off what follows the scheme. A `/`, `?`, `#` or `@` that came out of a placeholder never ends it:
/// a password does not decide which port is asked. A placeholder that gave the start of the whole URL counts as typed.
fn split_user(rest: Part<'_>) -> Result<(Option<(String, String)>, Part<'_>), Wrong> {
    if !rest.text().contains('@') {
        return Ok((None, rest));
    }
    let counts = |at: usize| rest.giver(at).is_none_or(|given| given.begins_word() && split_scheme(given).is_some());
    let marks = rest.text().match_indices(['/', '?', '#', '@']).filter(|(at, _)| counts(*at));
    let typed = marks.take_while(|(_, mark)| *mark == "@").last().map(|(at, _)| at);
    let (authority, path) = rest.split_at(rest.text().find(['/', '?', '#']).unwrap_or(rest.text().len()));
    if let Some(at) = typed.or_else(|| authority.text().rfind('@')) {
        let (user, rest) = rest.split_around(at, 1);
        return Ok((Some(parse_user(user.text())?), rest));
    }
    refuse_urls(authority, "wanted a host or a port")?;
    let port = authority.text().rsplit_once(':').map(|(_, port)| port);
    if path.text().contains('@') && port.is_some_and(|port| !is_number(port)) {
        return Err(Wrong("a / ? or # in a user name or password is written %2F, %3F or %23".to_owned()));
    }
    Ok((None, rest))
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
            ("http://+:8080/x", "http://localhost:8080/x", "localhost:8080", "/x"),
            ("*:8080?a@b", "http://localhost:8080/?a@b", "localhost:8080", "/?a@b"),
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
}
