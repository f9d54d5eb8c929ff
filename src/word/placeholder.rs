//! The grammar of placeholders, `{env.NAME}`, `{env.NAME:-default}` and `{file./path}`. exec-probe expands them itself:
//! there is no shell in the container, and Kubernetes eats `$(X)`, compose `${X}` and Helm `{{ }}`.

use std::ffi::OsString;
use std::path::Path;

use super::Unexpanded;
use crate::regular_file;
use crate::text::{TARGET_CHARS, VALUE_CHARS, shown};

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
    /// Reads the placeholder at byte `open` of `typed`, which is a brace; none if it is just a brace. What is nearly a
    /// placeholder is an error: sent as text it would end in a bare 401, or in a healthy answer of a server that takes
    /// any path.
    pub(super) fn at(typed: &'a str, open: usize) -> Result<Option<Self>, Unexpanded> {
        let (before, text) = typed.split_at(open);
        let found = Placeholder::at_start_of(text)?;
        match near_miss(before, text) {
            Some(miss) if found.is_none() || before.ends_with('$') => Err(miss),
            _ => Ok(found),
        }
    }

    fn at_start_of(text: &'a str) -> Result<Option<Self>, Unexpanded> {
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
                let set = env(name).map(OsString::into_string).transpose();
                let set = set.map_err(|_| failed("its value is not UTF-8".to_owned()))?.map(without_line_end);
                let was_set = set.is_some();
                let value = set.filter(|value| !value.is_empty());
                let value = value.unwrap_or_else(|| default.unwrap_or_default().to_owned());
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
    let text = String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())?;
    let text = without_line_end(text);
    if text.is_empty() { Err("the file is empty".to_owned()) } else { Ok(text) }
}

/// Takes one trailing line end away: editors and `echo` leave one in a file, and so in a Secret made from it.
fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

/// What to say of a brace that begins like a placeholder in other spellings, `{Env.X}`, `{{env.X}}`, `${env.X}`,
/// `{env.X` without an end; none if it begins in another way. Of what was typed only the name is shown: the rest may
/// be a part of a password.
fn near_miss(before: &str, text: &str) -> Option<Unexpanded> {
    let braces = text.len() - text.trim_start_matches('{').len();
    let word = text[braces..].trim_start();
    let has_blanks = braces + word.len() < text.len();
    let begins = |prefix: &str| word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let kind = ["env", "file"].into_iter().find(|kind| begins(kind))?;
    let after = &word[kind.len()..];
    // `{ env: 1 }` is some other language's.
    if has_blanks && !after.starts_with('.') {
        return None;
    }
    let is_in_names = |char: char| char.is_ascii_alphanumeric() || "_-./".contains(char);
    let name = after.strip_prefix('.').unwrap_or_default();
    let (name, rest) = name.split_at(name.find(|char| !is_in_names(char)).unwrap_or(name.len()));
    let name = shown(name, VALUE_CHARS);
    let wanted = match kind {
        "env" if name.is_empty() => "{env.NAME} or {env.NAME:-DEFAULT}".to_owned(),
        "env" if rest.starts_with([':', '=', '|', '?']) => format!("{{env.{name}:-DEFAULT}}"),
        "env" => format!("{{env.{name}}}"),
        _ if name.starts_with('/') => format!("{{file.{name}}}"),
        _ => "{file./PATH}".to_owned(),
    };
    // Blanks of any kind may stand between brace and name, line ends among them.
    let typed = shown(&text[..text.len() - after.len()], VALUE_CHARS);
    let dollar = if before.ends_with('$') { "$" } else { "" };
    let dot = if after.starts_with('.') { "." } else { "" };
    let end = if rest.starts_with('}') { "}" } else { "…" };
    Some(Unexpanded(format!("{dollar}{typed}{dot}{name}{end} is no placeholder, wanted {wanted}")))
}

/// True for an IPv6 address without brackets, with or without a scope.
pub(super) fn is_bare_ipv6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<std::net::Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_a_placeholder_is_answered_with_the_right_spelling() {
        let rows = [
            ("{Env.PORT}", 0, "{Env.PORT} is no placeholder, wanted {env.PORT}"),
            ("{ENV.PORT:-8}", 0, "{ENV.PORT… is no placeholder, wanted {env.PORT:-DEFAULT}"),
            ("{{env.PORT}}", 0, "{{env.PORT} is no placeholder, wanted {env.PORT}"),
            ("{{ env.PORT }}", 0, "{{ env.PORT… is no placeholder, wanted {env.PORT}"),
            ("{\renv.PORT}", 0, "{?env.PORT} is no placeholder, wanted {env.PORT}"),
            ("Bearer ${env.TOKEN}", 8, "${env.TOKEN} is no placeholder, wanted {env.TOKEN}"),
            ("${file./run/token}", 1, "${file./run/token} is no placeholder, wanted {file./run/token}"),
            ("Bearer {env.TOKEN s3cret", 7, "{env.TOKEN… is no placeholder, wanted {env.TOKEN}"),
            ("{env.TOKEN", 0, "{env.TOKEN… is no placeholder, wanted {env.TOKEN}"),
            ("{env.PORT:8}", 0, "{env.PORT… is no placeholder, wanted {env.PORT:-DEFAULT}"),
            ("{env.A=B}", 0, "{env.A… is no placeholder, wanted {env.A:-DEFAULT}"),
            ("{env.}", 0, "{env.} is no placeholder, wanted {env.NAME} or {env.NAME:-DEFAULT}"),
            ("{env}", 0, "{env… is no placeholder, wanted {env.NAME} or {env.NAME:-DEFAULT}"),
            ("s3{envelope}cret", 2, "{env… is no placeholder, wanted {env.NAME} or {env.NAME:-DEFAULT}"),
            ("{env:PORT}", 0, "{env… is no placeholder, wanted {env.NAME} or {env.NAME:-DEFAULT}"),
            ("{file.relative}", 0, "{file.relative} is no placeholder, wanted {file./PATH}"),
            ("{file:/run/token}", 0, "{file… is no placeholder, wanted {file./PATH}"),
            ("{File./run/token}", 0, "{File./run/token} is no placeholder, wanted {file./run/token}"),
        ];
        for (typed, open, wanted) in rows {
            let error = Placeholder::at(typed, open).map(|found| found.is_some());
            assert_eq!(error, Err(Unexpanded(wanted.to_owned())), "{typed}");
        }
    }
}
