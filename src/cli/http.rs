//! What the options of `http` mean.

use http::Method;

use crate::cli::line::Line;
use crate::cli::usage::Complaint;
use crate::cli::{body, flags, tcp, tls, values};
use crate::outcome::StatusList;
use crate::probe::Probe;
use crate::probe::http::{Header, HostHeader, HttpProbe, HttpVersion, is_of_http1};
use crate::target::UnixSocket;
use crate::tls::server_name;
use crate::url::{Scheme, Url};
use crate::word::{Word, Wrong};

#[inline(never)] // a large frame, of which a command line needs one
pub(super) fn understand(line: &mut Line<'_>) -> Option<Probe> {
    let method = line.option(&flags::METHOD, values::method).unwrap_or(Method::GET);
    let mut shown_host = None;
    let given = line.words(&flags::HEADER, |word| {
        let header = values::header(word.value())?;
        if is(&header, "host") {
            let typed = word.typed();
            shown_host = Some(typed.split_once(':').map_or(typed, |(_, value)| value.trim()).to_owned());
        }
        Ok(header)
    });
    let user = line.option(&flags::USER, values::user);
    let statuses = line.option(&flags::EXPECT_STATUS, |text| {
        StatusList::parse(text).ok_or_else(|| Wrong("wanted statuses such as 200 or 200-399,401, or any".to_owned()))
    });
    let body = body::understand(line, &method);
    let redirects = line.option(&flags::REDIRECTS, values::redirects).unwrap_or_default();
    let version = version(line, &given);
    let show_body = line.switch(&flags::SHOW_BODY);
    let proxy = tcp::proxy(line);
    let options = tls::understand(line);
    let target = target(line, &method, options.tls.server_name.is_some());
    let url_user = target.as_ref().and_then(|(url, _)| url.user.clone());
    let authorization = authorization(line, &given, user, url_user);
    let host = host(line, &given).map(|value| HostHeader { value, shown: shown_host });
    let headers = headers(given, authorization);
    let (url, unix_socket) = target?;
    if let (Scheme::Http, Some(flag)) = (url.scheme, options.first_given) {
        line.note(format!("{flag} is used only where a redirect leads to https"));
    }
    let are_statuses_explicit = statuses.is_some();
    let statuses = statuses.unwrap_or_default();
    let tls = options.tls;
    let probe = HttpProbe {
        url,
        method,
        headers,
        host,
        statuses,
        are_statuses_explicit,
        body,
        unix_socket,
        tls,
        redirects,
        version,
        show_body,
        proxy,
    };
    Some(Probe::Http(Box::new(probe)))
}

/// Where the request goes, and over which unix socket: `--unix-socket`'s, or one that is TARGET itself and gets a request for `/`.
fn target(line: &mut Line<'_>, method: &Method, has_server_name: bool) -> Option<(Url, Option<UnixSocket>)> {
    let is_given = line.is_given(&flags::UNIX_SOCKET);
    let socket = line.word(&flags::UNIX_SOCKET, UnixSocket::parse);
    let (url, own) = line.target(|word| {
        let (url, own) = match UnixSocket::parse_named(word.all()).transpose()? {
            Some(_) if is_given => {
                return Err(Wrong("--unix-socket names the socket; wanted a path such as /healthz".to_owned()));
            }
            Some(socket) => (Url::parse(&Word::literal("/"), true)?, Some(socket)),
            None => (Url::parse(word, is_given)?, None),
        };
        if url.scheme == Scheme::Https && !has_server_name {
            server_name(&url.place.plain_name())?;
        }
        let line = method.as_str().len() + url.path.len() + "  HTTP/1.1\r\n".len();
        if line > values::MOST_LINE { Err(Wrong("wanted at most 64 KiB".to_owned())) } else { Ok((url, own)) }
    })?;
    Some((url, socket.or(own)))
}

/// Which HTTP is spoken. What only HTTP/1.1 can send is refused with the other.
fn version(line: &mut Line<'_>, given: &[Header]) -> HttpVersion {
    if !line.switch(&flags::HTTP2) {
        return HttpVersion::Any;
    }
    for header in given {
        if is_of_http1(&header.name) {
            line.complain(Complaint::ours("--http2 with a header of HTTP/1.1's connections, such as Connection"));
        }
    }
    HttpVersion::Http2
}

pub(crate) fn is(header: &Header, name: &str) -> bool {
    header.name.eq_ignore_ascii_case(name)
}

/// The Authorization header of `--user` or of a user in TARGET.
fn authorization(
    line: &mut Line<'_>,
    given: &[Header],
    user: Option<(String, String)>,
    url_user: Option<(String, String)>,
) -> Option<Header> {
    let has_header = given.iter().any(|header| is(header, "authorization"));
    let contradiction = match (&user, &url_user, has_header) {
        (Some(_), Some(_), _) => "--user and a user in TARGET contradict each other",
        (Some(_), _, true) => "--user and an Authorization header contradict each other",
        (_, Some(_), true) => "a user in TARGET and an Authorization header contradict each other",
        _ => return user.or(url_user).map(|(name, password)| Header::basic_authorization(&name, &password)),
    };
    line.complain(Complaint::ours(contradiction));
    None
}

/// The Host header that was given.
fn host(line: &mut Line<'_>, given: &[Header]) -> Option<String> {
    let hosts: Vec<&Header> = given.iter().filter(|header| is(header, "host")).collect();
    if hosts.len() > 1 {
        line.complain(Complaint::repeated("--header Host", hosts.len()));
    }
    hosts.first().map(|header| header.value.to_string())
}

/// The headers of a request, but for `Host`. Ours are there where the user gave none.
pub(crate) fn headers(given: Vec<Header>, authorization: Option<Header>) -> Vec<Header> {
    let own = [
        ("User-Agent", concat!("exec-probe/", env!("CARGO_PKG_VERSION"))),
        ("Accept", "*/*"),
        ("Connection", "close"),
    ];
    let mut headers = Vec::with_capacity(own.len() + given.len() + 1);
    for (name, value) in own {
        if !given.iter().any(|header| is(header, name)) {
            headers.push(Header { name: name.into(), value: value.into() });
        }
    }
    headers.extend(authorization);
    let is_removed = |header: &Header| header.value.is_empty() && (is(header, "user-agent") || is(header, "accept"));
    headers.extend(given.into_iter().filter(|header| !is(header, "host") && !is_removed(header)));
    headers
}
