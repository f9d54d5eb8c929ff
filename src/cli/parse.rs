//! From argv to an [`Action`]: what the options of each command mean together. [`Line`] takes them out.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use http::Method;

use crate::cli::flags::{self, Command};
use crate::cli::line::{Env, Line, nearest, utf8};
use crate::cli::{Action, Settings, UsageError, values};
use crate::install::{Install, Link, Place};
use crate::outcome::{EXIT_UNHEALTHY, StatusList};
use crate::probe::Probe;
use crate::probe::file::FileProbe;
use crate::probe::grpc::{GrpcProbe, ServingList};
use crate::probe::http::{Header, HostHeader, HttpProbe};
use crate::probe::tcp::TcpProbe;
use crate::report::Format;
use crate::target::{OtherName, Target, UnixSocket, without_user};
use crate::text::{TARGET_CHARS, VALUE_CHARS, quoted, shown};
use crate::tls::{self, Identity, Tls, Trust};
use crate::url::{Scheme, Url};
use crate::word::{Word, Wrong};

/// The limit where none is given: the runtime's own is meant to be the shorter one, so that a manifest's
/// `timeoutSeconds` keeps its meaning, and Docker's is 30.
const TIMEOUT: Duration = Duration::from_secs(29);

/// Understands a command line: `args` without the program's name.
pub(crate) fn parse(args: Vec<OsString>, env: Env<'_>) -> Result<Option<Action>, UsageError> {
    let output = early_format(&args, env);
    let at_top = |message: String| UsageError { command: None, message, output };
    let mut args = args.into_iter();
    let Some(first) = args.next() else { return Ok(None) };
    let first = utf8(first).map_err(at_top)?;
    match first.as_str() {
        "--help" | "-h" => return Ok(Some(Action::Help(None))),
        "--version" | "-V" => return Ok(Some(Action::Version)),
        "help" => return help(args.next()).map(Some).map_err(at_top),
        _ => {}
    }
    let Some(command) = Command::ALL.into_iter().find(|command| command.name() == first) else {
        return Err(at_top(unknown_command(&first)));
    };
    let in_command = |message: String| UsageError { command: Some(command.name()), message, output };
    let Some(mut line) = Line::walk(command, args, env).map_err(in_command)? else {
        return Ok(Some(Action::Help(Some(command))));
    };
    line.action().map(Some).map_err(in_command)
}

fn help(topic: Option<OsString>) -> Result<Action, String> {
    let Some(topic) = topic else { return Ok(Action::Help(None)) };
    let topic = utf8(topic)?;
    let command = Command::ALL.into_iter().find(|command| command.name() == topic);
    command.map(|command| Action::Help(Some(command))).ok_or_else(|| unknown_command(&topic))
}

fn unknown_command(word: &str) -> String {
    if word.starts_with('-') {
        return format!(
            "{}: the command comes first, such as exec-probe http :8080/healthz",
            shown(word, VALUE_CHARS)
        );
    }
    let names = Command::ALL.map(Command::name);
    let wanted = "wanted http, tcp, grpc, file, install or help";
    match nearest(word, names.into_iter()) {
        Some(name) => format!("{}: {wanted}; did you mean {name}?", quoted(without_user(word))),
        None => format!("{}: {wanted}", quoted(without_user(word))),
    }
}

/// The format for errors that come before `--output` itself is understood.
fn early_format(args: &[OsString], env: Env<'_>) -> Format {
    let env_value = flags::OUTPUT.env.and_then(env);
    let mut is_json = env_value.is_some_and(|value| value == "json");
    let mut args = args.iter().take_while(|arg| *arg != "--").peekable();
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--output=json") => is_json = true,
            Some("--output=text") => is_json = false,
            Some("--output") => is_json = args.peek().is_some_and(|value| *value == "json"),
            _ => {}
        }
    }
    if is_json { Format::Json } else { Format::Text }
}

impl Line<'_> {
    fn action(&mut self) -> Result<Action, String> {
        let settings = self.settings()?;
        let probe = match self.command {
            Command::Http => Probe::Http(Box::new(self.http()?)),
            Command::Tcp => Probe::Tcp(TcpProbe { target: self.target(Target::parse)?.1 }),
            Command::Grpc => Probe::Grpc(Box::new(self.grpc()?)),
            Command::File => Probe::File(self.file()?),
            Command::Install => return Ok(Action::Install(Box::new(self.install()?), settings)),
        };
        Ok(Action::Probe(Box::new(probe), settings))
    }

    fn install(&mut self) -> Result<Install, String> {
        let links = self.words(&flags::LINK, |word| {
            Ok(Link { name: values::file_name(word.value())?, shown: word.typed().to_owned() })
        })?;
        let (_, place) =
            self.target(|word| values::path(word.value(), "wanted a folder or a file").map(|_| Place::of(word)))?;
        Install::new(place, links)
    }

    fn settings(&mut self) -> Result<Settings, String> {
        let settings = Settings {
            output: self.option(&flags::OUTPUT, values::format)?.unwrap_or(Format::Text),
            timeout: self.option(&flags::TIMEOUT, values::timeout)?.unwrap_or(TIMEOUT),
            unhealthy_exit: self.option(&flags::UNHEALTHY_EXIT, values::unhealthy_exit)?.unwrap_or(EXIT_UNHEALTHY),
            quiet: self.switch(&flags::QUIET)?,
            verbose: self.switch(&flags::VERBOSE)?,
        };
        if settings.quiet && settings.verbose {
            return Err("--quiet and --verbose contradict each other; wanted one of them".to_owned());
        }
        Ok(settings)
    }

    #[inline(never)] // large frames, of which a command line needs one
    fn http(&mut self) -> Result<HttpProbe, String> {
        let method = self.option(&flags::METHOD, values::method)?.unwrap_or(Method::GET);
        let mut shown_host = None;
        let given = self.words(&flags::HEADER, |word| {
            let header = values::header(word.value())?;
            if header.name.eq_ignore_ascii_case("host") {
                let typed = word.typed();
                shown_host = Some(typed.split_once(':').map_or(typed, |(_, value)| value.trim()).to_owned());
            }
            Ok(header)
        })?;
        let user = self.option(&flags::USER, values::user)?;
        let wanted = self.option(&flags::EXPECT_STATUS, |text| {
            StatusList::parse(text).ok_or_else(|| Wrong("wanted statuses such as 200 or 200-399,401".to_owned()))
        })?;
        let body = self.wanted(&flags::EXPECT_BODY)?;
        let unix_socket = self.word(&flags::UNIX_SOCKET, UnixSocket::parse)?;
        let redirects = self.option(&flags::REDIRECTS, values::redirects)?.unwrap_or_default();
        let show_body = self.switch(&flags::SHOW_BODY)?;
        let tls = self.tls()?;
        let (_, url) = self.target(|word| {
            let url = Url::parse(word, unix_socket.is_some())?;
            if url.scheme == Scheme::Https && tls.0.server_name.is_none() {
                tls::server_name(&url.place.plain_name())?;
            }
            let line = method.as_str().len() + url.path.len() + "  HTTP/1.1\r\n".len();
            if line > values::MOST_LINE { Err(Wrong("wanted at most 64 KiB".to_owned())) } else { Ok(url) }
        })?;
        if body.is_some() && method == Method::HEAD {
            return Err("--expect-body with -X HEAD: the response to HEAD has no body; wanted one of them".to_owned());
        }
        if let (Scheme::Http, Some(flag)) = (url.scheme, tls.1) {
            return Err(format!("{flag} is for https; wanted https:// in TARGET"));
        }
        let tls = tls.0;
        let (host, headers) = headers(given, user, url.user.clone())?;
        let host = host.map(|value| HostHeader { value, shown: shown_host });
        let is_wanted_explicit = wanted.is_some();
        let wanted = wanted.unwrap_or_default();
        Ok(HttpProbe {
            url,
            method,
            headers,
            host,
            wanted,
            is_wanted_explicit,
            body,
            unix_socket,
            tls,
            redirects,
            show_body,
        })
    }

    #[inline(never)] // as for http
    fn grpc(&mut self) -> Result<GrpcProbe, String> {
        let service = self.word(&flags::SERVICE, |word| Ok((word.value().to_owned(), word.typed().to_owned())))?;
        let (service, typed) = service.unwrap_or_default();
        let (tls, flag) = self.tls()?;
        let tls = match (self.switch(&flags::TLS)?, flag) {
            (true, _) => Some(tls),
            (false, None) => None,
            (false, Some(flag)) => return Err(format!("{flag} is for TLS; wanted --tls as well")),
        };
        let metadata = self.options(&flags::METADATA, values::metadata)?;
        let wanted = self.option(&flags::EXPECT_SERVING, |text| {
            let wanted = "wanted serving statuses such as SERVING or SERVING,NOT_SERVING, or any";
            ServingList::parse(text).ok_or_else(|| Wrong(wanted.to_owned()))
        })?;
        let authority = self.option(&flags::AUTHORITY, values::authority)?;
        let (_, (target, own)) = self.target(|word| {
            let target = Target::parse_for(word, OtherName::Authority)?;
            if let (Target::Tcp(place), Some(Tls { server_name: None, .. })) = (&target, &tls) {
                tls::server_name(&place.plain_name())?;
            }
            let own = values::authority(&target.authority())?;
            Ok((target, own))
        })?;
        Ok(GrpcProbe {
            target,
            service,
            shown_service: shown(&typed, VALUE_CHARS),
            tls,
            metadata,
            authority: authority.unwrap_or(own),
            wanted: wanted.unwrap_or_default(),
        })
    }

    /// What the TLS options say, and the name of one that was given.
    #[inline(never)] // as for http
    fn tls(&mut self) -> Result<(Tls, Option<&'static str>), String> {
        let path = |word: &Word| PathBuf::from(word.value());
        let trust = self.word(&flags::CACERT, |word| Trust::load(&path(word)))?;
        let certificate =
            self.word(&flags::CERT, |word| Ok((Identity::load(&path(word))?, word.typed().to_owned())))?;
        let key = self.word(&flags::KEY, |word| Ok((tls::load_key(&path(word))?, word.typed().to_owned())))?;
        let server_name = self.option(&flags::SERVER_NAME, tls::server_name)?;
        let given = [
            (trust.is_some(), flags::CACERT.long),
            (certificate.is_some(), flags::CERT.long),
            (key.is_some(), flags::KEY.long),
            (server_name.is_some(), flags::SERVER_NAME.long),
        ];
        let identity = match (certificate, key) {
            (None, None) => None,
            (None, Some(_)) => return Err("--key without --cert: wanted the certificate as well".to_owned()),
            (Some((certificate, typed)), key) => {
                let (key, flag, typed) = match key {
                    Some((key, typed)) => (Some(key), flags::KEY.long, typed),
                    None => (None, flags::CERT.long, typed),
                };
                match certificate.with_key(key) {
                    Some(Ok(identity)) => Some(identity),
                    Some(Err(Wrong(why))) => return Err(format!("{flag} {}: {why}", quoted(&typed))),
                    None => return Err(format!("{flag} {}: no key in it, wanted --key as well", quoted(&typed))),
                }
            }
        };
        let flag = given.iter().find(|(is_given, _)| *is_given).map(|(_, flag)| *flag);
        Ok((Tls { trust, identity, server_name }, flag))
    }

    fn file(&mut self) -> Result<FileProbe, String> {
        let max_age = self.option(&flags::MAX_AGE, values::length)?;
        let contains = self.wanted(&flags::CONTAINS)?;
        let (typed, path) = self.target(|word| values::path(word.value(), "wanted the path of a file"))?;
        Ok(FileProbe { path, shown: shown(&typed, TARGET_CHARS), max_age, contains })
    }
}

/// The headers of a request, but for `Host`, which comes apart. Ours stand where the user gave none.
fn headers(
    given: Vec<Header>,
    user: Option<(String, String)>,
    url_user: Option<(String, String)>,
) -> Result<(Option<String>, Vec<Header>), String> {
    let is = |header: &Header, name: &str| header.name.eq_ignore_ascii_case(name);
    let has = |name: &str| given.iter().any(|header| is(header, name));
    let own = |name: &'static str, value: &'static str| Header { name: name.into(), value: value.into() };
    let mut headers = Vec::new();
    if !has("user-agent") {
        headers.push(own("User-Agent", concat!("exec-probe/", env!("CARGO_PKG_VERSION"))));
    }
    if !has("accept") {
        headers.push(own("Accept", "*/*"));
    }
    if !has("connection") {
        headers.push(own("Connection", "close"));
    }
    match (user, url_user, has("authorization")) {
        (Some(_), Some(_), _) => return Err("--user and a user in TARGET contradict each other".to_owned()),
        (Some(_), _, true) => return Err("--user and an Authorization header contradict each other".to_owned()),
        (_, Some(_), true) => {
            return Err("a user in TARGET and an Authorization header contradict each other".to_owned());
        }
        (Some((name, password)), None, false) | (None, Some((name, password)), false) => {
            headers.push(Header::basic_authorization(&name, &password));
        }
        (None, None, _) => {}
    }
    let hosts: Vec<&Header> = given.iter().filter(|header| is(header, "host")).collect();
    if hosts.len() > 1 {
        return Err(format!("--header Host is given {} times, wanted once", hosts.len()));
    }
    let host = hosts.first().map(|header| header.value.to_string());
    let is_removed = |header: &Header| header.value.is_empty() && (is(header, "user-agent") || is(header, "accept"));
    headers.extend(given.into_iter().filter(|header| !is(header, "host") && !is_removed(header)));
    Ok((host, headers))
}
