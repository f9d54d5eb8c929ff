//! What the words of `serve` mean: its own options, then a question for each path. A question's words go through the parser of
//! a run, so that what can be asked once can be asked for a path.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::cli::command::SERVE;
use crate::cli::habits::nearest;
use crate::cli::line::{self, Env, Line};
use crate::cli::parts::Parts;
use crate::cli::run::{self, Terms, parse_run};
use crate::cli::usage::{Complaint, Named, UsageError};
use crate::cli::{Action, Meaning, flags};
use crate::output::Telling;
use crate::run::Run;
use crate::serve::{Listen, MOST_PATHS, Serve, Served};
use crate::text::{VALUE_CHARS, shown};
use crate::word::{Word, Wrong};

/// The limit of a question where none is given: just below the kubelet's own of a second.
const TIMEOUT: Duration = Duration::from_millis(900);

/// What a question may be.
static SERVED: Terms = Terms {
    timeout: TIMEOUT,
    refused: &[
        (&flags::WAIT, "means nothing for a path: whoever asks for it asks again"),
        (&flags::UNHEALTHY_EXIT, "means nothing for a path: its answer has a status"),
        (&flags::QUIET, "is an option of serve, and comes before the first path"),
        (&flags::OUTPUT, "is an option of serve, and comes before the first path"),
        (&flags::VERBOSE, "means nothing for a path: its phases are not printed"),
        (&flags::SHOW_BODY, "means nothing for a path: nothing of a body is passed on"),
    ],
};

/// Understands a command line that begins with `serve`. Apart from what a probe runs: its pages are not to be touched.
#[cold]
#[inline(never)]
pub(super) fn parse(args: Vec<OsString>, env: Env<'_>) -> Result<Action, UsageError> {
    let (own, questions) = split(args.into_iter().skip(1));
    let mut line = Line::walk(&SERVE, own.into_iter(), env);
    let telling = run::telling(std::slice::from_mut(&mut line));
    let is_given = line.is_given(&flags::LISTEN);
    let listen = line.word(&flags::LISTEN, listen);
    if !is_given {
        line.complain(Complaint::ours("no --listen: wanted a port to listen on, such as --listen=:8086"));
    }
    if line.has_operand() {
        line.complain(Complaint::ours(
            "PATHS: a path begins with a slash, and serve's options come before the first",
        ));
    } else if questions.is_empty() {
        line.complain(Complaint::operands(&SERVE, 0));
    }
    if questions.len() > MOST_PATHS {
        line.complain(Complaint::ours("PATHS: wanted 32 at most"));
    }
    let mut paths: Vec<Served> = Vec::new();
    for (path, words) in questions {
        let named = Named::Operand("path", &path);
        if let Err(why) = check(&path) {
            line.complain(Complaint::new(named, why));
        } else if paths.iter().any(|served| served.path == path) {
            line.complain(Complaint::of(named, "given twice, wanted once"));
        }
        match question(words.clone(), env) {
            Ok(run) => paths.push(Served { path, words, run }),
            Err(error) => {
                error.complaints().into_iter().for_each(|complaint| line.complain(complaint.in_path(&path)))
            }
        }
    }
    let serve = listen.map(|listen| Serve { listen, paths, telling: Telling { notes: Vec::new(), ..telling } });
    let (serve, _) = line::finish(vec![line], serve)?;
    Ok(Action::Serve(Box::new(serve)))
}

/// Understands what is asked for a path.
pub(crate) fn question(words: Vec<OsString>, env: Env<'_>) -> Result<Run, UsageError> {
    let Parts { commands, then } = Parts::of(words);
    let mut parts = commands.into_iter();
    let first = parts.next().unwrap_or_default();
    let Some((command, Meaning::Probe(understand))) = first.first().and_then(run::meaning) else {
        let complaint = Complaint::ours("wanted http, tcp, grpc or file after it");
        return Err(UsageError::new(None, line::output(first.into_iter(), env), vec![complaint]));
    };
    let mut line = Line::walk(command, first.into_iter().skip(1), env);
    if then.is_some() {
        line.complain(Complaint::of(Named::Ours("--then"), "means nothing for a path: nothing follows it"));
    }
    parse_run((line, *understand), parts.collect(), None, env, &SERVED)
}

/// A path and the words after it.
type Question = (String, Vec<OsString>);

/// Splits the words into serve's own and a part for each path. The path of a file, of a socket or of a certificate begins with
/// a slash as well: a path of ours is the first such word, and each that has a command behind it, or what is nearly one.
fn split(args: impl Iterator<Item = OsString>) -> (Vec<OsString>, Vec<Question>) {
    let words: Vec<OsString> = args.collect();
    let (mut own, mut questions): (Vec<OsString>, Vec<Question>) = (Vec::new(), Vec::new());
    for (at, word) in words.iter().enumerate() {
        let path = word.to_str().filter(|word| word.starts_with('/'));
        let is_asked = || words.get(at + 1).and_then(|word| word.to_str()).is_some_and(is_nearly_a_command);
        match (path, questions.last_mut()) {
            (Some(path), None) => questions.push((path.to_owned(), Vec::new())),
            (Some(path), Some(_)) if is_asked() => questions.push((path.to_owned(), Vec::new())),
            (_, Some((_, words))) => words.push(word.clone()),
            (None, None) => own.push(word.clone()),
        }
    }
    (own, questions)
}

fn is_nearly_a_command(word: &str) -> bool {
    nearest(word, ["http", "tcp", "grpc", "file"].into_iter()).is_some()
}

/// Refuses a path that no request has, or that every one may have.
fn check(path: &str) -> Result<(), Wrong> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte);
    let why = match path {
        "/" => "lists the others, wanted a longer one",
        path if path.contains(['?', '#']) => "wanted a path without a query",
        path if !path.bytes().all(is_plain) => "wanted letters, digits and -._~ between its slashes",
        path if path.len() > 200 => "wanted 200 characters at most",
        _ => return Ok(()),
    };
    Err(Wrong(why.to_owned()))
}

/// Reads `:PORT`, `PORT`, `IPV4:PORT` or `[IPV6]:PORT`.
fn listen(word: &Word) -> Result<Listen, Wrong> {
    let wanted = || Wrong("wanted a port, or an IP address and a port, such as :8086 or 127.0.0.1:8086".to_owned());
    let (host, port) = word.value().rsplit_once(':').unwrap_or(("", word.value()));
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let ip = match (host, v6) {
        ("", _) => None,
        (_, Some(host)) => Some(IpAddr::V6(host.parse::<Ipv6Addr>().map_err(|_| wanted())?)),
        (host, None) => Some(IpAddr::V4(host.parse::<Ipv4Addr>().map_err(|_| wanted())?)),
    };
    // Rust's parser takes +80 as well.
    let port = Some(port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = port.and_then(|port| port.parse().ok()).ok_or_else(wanted)?;
    Ok(Listen { ip, port, shown: shown(word.typed(), VALUE_CHARS) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_first_word_with_a_slash_and_each_before_a_command() {
        let rows: [(&str, &str, &[&str]); 9] = [
            ("--listen :1 /a http :2", "--listen :1", &["/a http :2"]),
            ("/a http :1 /b tcp :2", "", &["/a http :1", "/b tcp :2"]),
            ("/a http :1/x --and tcp :2 /b grpc :3", "", &["/a http :1/x --and tcp :2", "/b grpc :3"]),
            ("/a file /tmp/x /b file /tmp/y", "", &["/a file /tmp/x", "/b file /tmp/y"]),
            ("/a file /tmp/x --and http :1", "", &["/a file /tmp/x --and http :1"]),
            ("/a http --unix-socket /s /x /b tcp :1", "", &["/a http --unix-socket /s /x", "/b tcp :1"]),
            ("/a file --contains http /x /b tcp :1", "", &["/a file --contains http /x", "/b tcp :1"]),
            ("/a http :1 /b htpp :2", "", &["/a http :1", "/b htpp :2"]),
            ("/a /b http :1", "", &["/a", "/b http :1"]),
        ];
        let split_text = |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        for (given, own, questions) in rows {
            let wanted = questions.iter().map(|text| {
                let (path, words) = text.split_once(' ').unwrap_or((text, ""));
                (path.to_owned(), split_text(words))
            });
            assert_eq!(split(split_text(given).into_iter()), (split_text(own), wanted.collect()), "{given}");
        }
    }

    #[test]
    fn addresses_to_listen_on() {
        let rows = [
            (":8086", Some((None, 8086))),
            ("8086", Some((None, 8086))),
            (":0", Some((None, 0))),
            ("127.0.0.1:8086", Some((Some("127.0.0.1"), 8086))),
            ("[::]:8086", Some((Some("::"), 8086))),
            ("[::1]:65535", Some((Some("::1"), 65535))),
            ("", None),
            (":", None),
            (":65536", None),
            (":+80", None),
            (":http", None),
            ("localhost:80", None),
            ("::1", None),
            ("::1:80", None),
            ("[127.0.0.1]:80", None),
            ("[::1", None),
            ("127.0.0.1", None),
            ("http://127.0.0.1:80", None),
            ("127.0.0.1:80/x", None),
        ];
        for (given, wanted) in rows {
            let read = listen(&Word::literal(given)).ok().map(|Listen { ip, port, .. }| (ip, port));
            let wanted = wanted.map(|(ip, port)| (ip.map(|ip: &str| ip.parse().expect("an address")), port));
            assert_eq!(read, wanted, "{given}");
        }
    }
}
