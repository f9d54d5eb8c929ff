//! The grammar of placeholders, `{env.NAME}`, `{env.NAME:-default}` and `{file./path}`. exec-probe expands them itself:
//! there is no shell in the container, and Kubernetes eats `$(X)`, compose `${X}` and Helm `{{ }}`.

use std::ffi::OsString;
use std::path::Path;

use super::Unexpanded;
use crate::regular_file;
use crate::text::{TARGET_CHARS, shown};

/// One placeholder as it was typed.
pub(super) struct Placeholder<'a> {
    source: Source<'a>,
    pub(super) len: usize,
}

enum Source<'a> {
    Env { name: &'a str, default: Option<&'a str> },
    File(&'a str),
}

impl<'a> Placeholder<'a> {
    /// Reads a placeholder at the start of `text`, which begins with a brace; none if it is just a brace.
    pub(super) fn at_start_of(text: &'a str) -> Result<Option<Self>, Unexpanded> {
        let (is_env, rest) = match (text.strip_prefix("{env."), text.strip_prefix("{file./")) {
            (Some(rest), _) => (true, rest),
            // The slash belongs to the path.
            (_, Some(_)) => (false, &text["{file.".len()..]),
            _ => return Ok(None),
        };
        let Some(end) = rest.find('}') else { return Ok(None) };
        let inside = &rest[..end];
        let len = text.len() - rest.len() + end + 1;
        if inside.contains('{') {
            let text = shown(&text[..len], TARGET_CHARS);
            return Err(Unexpanded(format!("a placeholder cannot hold another one: {text}")));
        }
        let source = if is_env {
            let (name, default) = match inside.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (inside, None),
            };
            // Kubernetes allows any printable ASCII but `=` in a name; a colon would be a mistyped default.
            let is_name =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"=:".contains(&byte));
            if !is_name {
                return Ok(None);
            }
            Source::Env { name, default }
        } else {
            Source::File(inside)
        };
        Ok(Some(Placeholder { source, len }))
    }

    /// Looks the value up. `typed` names the placeholder in the error.
    pub(super) fn resolve(&self, typed: &str, env: &dyn Fn(&str) -> Option<OsString>) -> Result<String, Unexpanded> {
        let failed = |why: String| Unexpanded(format!("{}: {why}", shown(typed, TARGET_CHARS)));
        match self.source {
            Source::Env { name, default } => {
                let set = env(name);
                let was_set = set.is_some();
                let value = match set.filter(|value| !value.is_empty()) {
                    Some(value) => value.into_string().map_err(|_| failed("its value is not UTF-8".to_owned()))?,
                    None => default.unwrap_or_default().to_owned(),
                };
                match (value.is_empty() && default.is_none(), was_set) {
                    (true, true) => Err(failed(format!("the variable {} is empty", shown(name, TARGET_CHARS)))),
                    (true, false) => Err(failed(format!("no variable {} is set", shown(name, TARGET_CHARS)))),
                    _ => Ok(value),
                }
            }
            Source::File(path) => read(path).map_err(failed),
        }
    }
}

/// Reads the file of `{file./path}`: one trailing line end is taken away, nothing left is an error.
fn read(path: &str) -> Result<String, String> {
    // One byte more than is allowed tells a longer file.
    let bytes = regular_file::open(Path::new(path))
        .and_then(|(file, _)| regular_file::read_start(file, regular_file::MOST_BYTES + 1))
        .map_err(|unusable| unusable.to_string())?;
    if bytes.len() as u64 > regular_file::MOST_BYTES {
        return Err("the file is longer than 64 KiB".to_owned());
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() { Err("the file is empty".to_owned()) } else { Ok(text) }
}

/// True for an IPv6 address without brackets, with or without a scope.
pub(super) fn is_bare_ipv6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<std::net::Ipv6Addr>().is_ok()
}
