//! From argv to an [`Action`], through the flag table. pico-args takes the options out; one walk before it makes up
//! for what pico-args leaves open (its source: a value that looks like a flag is taken, `--` ends nothing, the error
//! of a bad value does not name its flag, quotes behind `=` are stripped). Values travel through it with a `=` in
//! front, so that none can be mistaken for an option.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use pico_args::Arguments;

use crate::cli::flags::{self, Command, Flag};
use crate::cli::{Action, Settings, UsageError, values};
use crate::outcome::{EXIT_UNHEALTHY, StatusList};
use crate::output::Format;
use crate::placeholder::Word;
use crate::probe::Probe;
use crate::probe::file::{FileProbe, Wanted};
use crate::probe::grpc::{GrpcProbe, ServingList};
use crate::probe::http::{Header, HttpProbe};
use crate::probe::tcp::TcpProbe;
use crate::target::{Scheme, Target, UnixSocket, Url, Wrong, without_user};
use crate::text::{TARGET_CHARS, VALUE_CHARS, quoted, shown};
use crate::tls::{self, Identity, Tls, Trust};

/// Looks a variable up.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

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
    let wanted = "wanted http, tcp, grpc, file or help";
    match nearest(word, names.into_iter()) {
        Some(name) => format!("{}: {wanted}; did you mean {name}?", quoted(without_user(word))),
        None => format!("{}: {wanted}", quoted(without_user(word))),
    }
}

fn utf8(arg: OsString) -> Result<String, String> {
    arg.into_string().map_err(|arg| format!("{}: wanted UTF-8", quoted(without_user(&arg.to_string_lossy()))))
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

/// A command line taken apart: options by their long names, and the operands.
struct Line<'a> {
    command: Command,
    options: Arguments,
    operands: Vec<String>,
    env: Env<'a>,
}

impl<'a> Line<'a> {
    /// Goes through argv once. None: help was asked for.
    fn walk(command: Command, args: impl Iterator<Item = OsString>, env: Env<'a>) -> Result<Option<Self>, String> {
        let mut options: Vec<OsString> = Vec::new();
        let mut operands = Vec::new();
        let mut args = args.peekable();
        let mut only_operands = false;
        while let Some(arg) = args.next() {
            let arg = utf8(arg)?;
            if only_operands || !arg.starts_with('-') || arg == "-" {
                operands.push(arg);
            } else if arg == "--" {
                only_operands = true;
            } else if matches!(arg.as_str(), "--help" | "-h") {
                return Ok(None);
            } else {
                let (flag, attached) = find_flag(command, &arg)?;
                options.push(flag.long.into());
                match (flag.value, attached) {
                    (None, None) => {}
                    (None, Some(_)) => return Err(format!("{} takes no value", flag.long)),
                    (Some(_), Some(value)) => options.push(format!("={value}").into()),
                    (Some(wanted), None) => options.push(separate_value(flag, wanted, args.next())?),
                }
            }
        }
        Ok(Some(Line { command, options: Arguments::from_vec(options), operands, env }))
    }

    fn action(&mut self) -> Result<Action, String> {
        let settings = self.settings()?;
        let probe = match self.command {
            Command::Http => Probe::Http(Box::new(self.http()?)),
            Command::Tcp => Probe::Tcp(TcpProbe { target: self.target(Target::parse)?.1 }),
            Command::Grpc => Probe::Grpc(Box::new(self.grpc()?)),
            Command::File => Probe::File(self.file()?),
        };
        Ok(Action::Probe(Box::new(probe), settings))
    }

    fn settings(&mut self) -> Result<Settings, String> {
        let settings = Settings {
            output: self.option(&flags::OUTPUT, values::format)?.unwrap_or(Format::Text),
            timeout: self.option(&flags::TIMEOUT, values::timeout)?.unwrap_or(Duration::from_secs(29)),
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
        let given = self.options(&flags::HEADER, values::header)?;
        let user = self.option(&flags::USER, values::user)?;
        let wanted = self.option(&flags::EXPECT_STATUS, |text| {
            StatusList::parse(text).ok_or_else(|| Wrong("wanted statuses such as 200 or 200-399,401".to_owned()))
        })?;
        let body = self.wanted(&flags::EXPECT_BODY)?;
        let unix_socket = self.word(&flags::UNIX_SOCKET, |word| UnixSocket::parse(word, 0..word.value().len()))?;
        let follow = self.option(&flags::REDIRECTS, values::redirects)?.unwrap_or(true);
        let show_body = self.switch(&flags::SHOW_BODY)?;
        let tls = self.tls()?;
        let (_, url) = self.target(|word| {
            let url = Url::parse(word, unix_socket.is_some())?;
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
            follow,
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
            let target = Target::parse(word)?;
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
        let (typed, path) = self.target(|word| match word.value() {
            "" => Err(Wrong("wanted the path of a file".to_owned())),
            path if path.contains('\0') => Err(Wrong("wanted a path without a NUL byte".to_owned())),
            path => Ok(PathBuf::from(path)),
        })?;
        Ok(FileProbe { path, shown: shown(&typed, TARGET_CHARS), max_age, contains })
    }

    /// The one operand, understood, behind what was typed.
    fn target<T>(&mut self, understand: impl FnOnce(&Word) -> Result<T, Wrong>) -> Result<(String, T), String> {
        let (name, example) = (self.command.operand(), self.command.example());
        let [typed] = self.operands.as_slice() else {
            return Err(match self.operands.len() {
                0 => format!("no {name}: wanted one, such as {example}"),
                // They are not repeated: an unquoted header leaves parts of a credential here.
                count => format!("{count} {name}s: wanted one; a value with a space in it is quoted"),
            });
        };
        let word = Word::expand_target(typed, self.env).map_err(|error| format!("{name}: {}", error.0))?;
        match understand(&word) {
            Ok(understood) => Ok((typed.clone(), understood)),
            Err(Wrong(why)) => Err(format!("{name} \"{}\": {why}", shown(without_user(typed), TARGET_CHARS))),
        }
    }

    /// A text to look for.
    fn wanted(&mut self, flag: &'static Flag) -> Result<Option<Wanted>, String> {
        self.word(flag, |word| match word.value() {
            "" => Err(Wrong("wanted a text".to_owned())),
            text => Ok(Wanted { text: text.to_owned(), shown: word.typed().to_owned() }),
        })
    }

    fn option<T>(
        &mut self,
        flag: &'static Flag,
        understand: impl FnMut(&str) -> Result<T, Wrong>,
    ) -> Result<Option<T>, String> {
        Ok(self.options(flag, understand)?.into_iter().next())
    }

    fn options<T>(
        &mut self,
        flag: &'static Flag,
        mut understand: impl FnMut(&str) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, String> {
        self.words(flag, |word| understand(word.value()))
    }

    fn word<T>(
        &mut self,
        flag: &'static Flag,
        understand: impl FnMut(&Word) -> Result<T, Wrong>,
    ) -> Result<Option<T>, String> {
        Ok(self.words(flag, understand)?.into_iter().next())
    }

    /// Every value of a flag, expanded and understood; or the value of its variable.
    fn words<T>(
        &mut self,
        flag: &'static Flag,
        mut understand: impl FnMut(&Word) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, String> {
        let typed = self.take(flag);
        if typed.len() > 1 && !flag.repeats {
            return Err(format!("{} is given {} times, wanted once", flag.long, typed.len()));
        }
        if let (Some(name), true) = (flag.env, typed.is_empty()) {
            let Some(value) = (self.env)(name).filter(|value| !value.is_empty()) else { return Ok(Vec::new()) };
            let value = value.to_string_lossy().into_owned();
            return match understand(&Word::literal(&value)) {
                Ok(understood) => Ok(vec![understood]),
                Err(Wrong(why)) => Err(format!("{name} {}: {why}", quoted(&value))),
            };
        }
        let mut all = Vec::new();
        for typed in typed {
            let word = Word::expand(&typed, self.env).map_err(|error| format!("{}: {}", flag.long, error.0))?;
            all.push(
                understand(&word)
                    .map_err(|Wrong(why)| format!("{} {}: {why}", flag.long, shown_value(flag, &typed)))?,
            );
        }
        Ok(all)
    }

    /// Takes every value of a flag out.
    fn take(&mut self, flag: &'static Flag) -> Vec<String> {
        fn without_mark(value: &OsStr) -> Result<String, Infallible> {
            Ok(value.to_string_lossy().strip_prefix('=').unwrap_or_default().to_owned())
        }
        // The walk has put a value behind every such option, so there is no error to come.
        self.options.values_from_os_str(flag.long, without_mark).unwrap_or_default()
    }

    fn switch(&mut self, flag: &'static Flag) -> Result<bool, String> {
        let is_on = self.options.contains(flag.long);
        if self.options.contains(flag.long) {
            return Err(format!("{} is given twice, wanted once", flag.long));
        }
        Ok(is_on)
    }
}

/// The flag behind an argument, and the value that hangs on it.
fn find_flag(command: Command, arg: &str) -> Result<(&'static Flag, Option<&str>), String> {
    let (name, attached) = match arg.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (arg, None),
    };
    if let Some(flag) = command.flags().find(|flag| flag.long == name || flag.short == Some(name)) {
        return Ok((flag, attached));
    }
    let with_value = |flag: &&Flag| flag.value.is_some() && flag.short.is_some_and(|short| arg.starts_with(short));
    match unknown_option(command, name) {
        // curl's way to write -X POST; no other program's option may be mistaken for it.
        Err(None) => match command.flags().find(with_value) {
            Some(flag) => Ok((flag, arg.get(2..))),
            None => {
                Err(format!("{}: no such option; see exec-probe {} --help", shown(name, VALUE_CHARS), command.name()))
            }
        },
        Err(Some(why)) => Err(why),
        Ok(()) => Err(format!("{}: no such option", shown(name, VALUE_CHARS))),
    }
}

/// What to say of an option that this command does not know; nothing if it resembles none.
fn unknown_option(command: Command, name: &str) -> Result<(), Option<String>> {
    let typed = shown(name, VALUE_CHARS);
    if let Some((_, instead)) = flags::HABITS.iter().find(|(habit, _)| *habit == name) {
        return Err(Some(format!("{typed}: {instead}")));
    }
    let is_cluster =
        name.len() > 2 && !name.starts_with("--") && name[1..].bytes().all(|byte| b"fsSLkq".contains(&byte));
    if is_cluster {
        let why = "failing on a bad status, silence and following are always on; leave it out";
        return Err(Some(format!("{typed}: {why}")));
    }
    let doubled = format!("-{name}");
    if !name.starts_with("--") && command.flags().any(|flag| flag.long == doubled) {
        return Err(Some(format!("{typed}: no such option; did you mean {doubled}?")));
    }
    let other = Command::ALL.into_iter().find(|other| other.flags().any(|flag| flag.long == name));
    if let Some(other) = other {
        return Err(Some(format!("{typed}: no such option of {}; {} has it", command.name(), other.name())));
    }
    match nearest(name, command.flags().map(|flag| flag.long)) {
        Some(near) if name.starts_with("--") => Err(Some(format!("{typed}: no such option; did you mean {near}?"))),
        _ => Err(None),
    }
}

/// The value that stands behind an option as an argument of its own, marked for pico-args.
fn separate_value(flag: &Flag, wanted: &str, value: Option<OsString>) -> Result<OsString, String> {
    let Some(value) = value else { return Err(format!("{}: wanted {wanted} behind it", flag.long)) };
    let value = utf8(value)?;
    if value.starts_with('-') {
        let long = flag.long;
        let value = shown_value(flag, &value);
        return Err(format!(
            "{long} {value}: looks like an option; wanted {wanted}, or {long}=VALUE for such a value"
        ));
    }
    Ok(format!("={value}").into())
}

/// A value in a message: a credential only up to its colon.
fn shown_value(flag: &Flag, typed: &str) -> String {
    if !flag.is_secret {
        return quoted(typed);
    }
    match typed.split_once(':') {
        Some((name, _)) => quoted(&format!("{name}: …")),
        None => "\"…\"".to_owned(),
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
    let own = |name: &str, value: String| Header { name: name.to_owned(), value };
    let mut headers = Vec::new();
    if !has("user-agent") {
        headers.push(own("User-Agent", format!("exec-probe/{}", env!("CARGO_PKG_VERSION"))));
    }
    if !has("accept") {
        headers.push(own("Accept", "*/*".to_owned()));
    }
    if !has("connection") {
        headers.push(own("Connection", "close".to_owned()));
    }
    match (user, url_user, has("authorization")) {
        (Some(_), Some(_), _) => return Err("--user and a user in TARGET contradict each other".to_owned()),
        (Some(_), _, true) => return Err("--user and an Authorization header contradict each other".to_owned()),
        (_, Some(_), true) => {
            return Err("a user in TARGET and an Authorization header contradict each other".to_owned());
        }
        (Some((name, password)), None, false) | (None, Some((name, password)), false) => {
            let credentials = STANDARD.encode(format!("{name}:{password}"));
            headers.push(own("Authorization", format!("Basic {credentials}")));
        }
        (None, None, _) => {}
    }
    let hosts: Vec<&Header> = given.iter().filter(|header| is(header, "host")).collect();
    if hosts.len() > 1 {
        return Err(format!("--header Host is given {} times, wanted once", hosts.len()));
    }
    let host = hosts.first().map(|header| header.value.clone());
    let is_removed = |header: &Header| header.value.is_empty() && (is(header, "user-agent") || is(header, "accept"));
    headers.extend(given.into_iter().filter(|header| !is(header, "host") && !is_removed(header)));
    Ok((host, headers))
}

/// The candidate that is fewest edits away, if that is few for its length.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = candidates.map(|candidate| (edits(word, candidate), candidate)).min_by_key(|(edits, _)| *edits);
    near.filter(|(edits, candidate)| *edits <= candidate.trim_start_matches('-').len() / 2)
        .map(|(_, candidate)| candidate)
}

/// How many characters must be inserted, removed, replaced or swapped with their neighbour (optimal string alignment).
fn edits(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().take(VALUE_CHARS).collect();
    let other: Vec<char> = other.chars().take(VALUE_CHARS).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut cost = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_count_swaps_once() {
        for (one, other, wanted) in
            [("", "", 0), ("timeout", "timout", 1), ("htpp", "http", 1), ("htt", "http", 1), ("ab", "xy", 2)]
        {
            assert_eq!(edits(one, other), wanted, "{one} {other}");
        }
    }
}
