//! Placeholders, `{env.NAME}`, `{env.NAME:-default}` and `{file./path}`. exec-probe expands them itself: there is no
//! shell in the container, and Kubernetes eats `$(X)`, compose `${X}` and Helm `{{ }}`. An expanded word remembers
//! what was typed, because the value may be a secret and messages show the typed form.

use std::ffi::OsString;
use std::ops::Range;
use std::path::Path;

use crate::regular_file;
use crate::text::{TARGET_CHARS, shown};

/// A word of the command line after expansion.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    typed: String,
    value: String,
    spans: Vec<Span>,
}

/// Where a placeholder stood and what came out of it, in bytes of `typed` and of `value`.
#[derive(Clone, Debug)]
struct Span {
    typed: Range<usize>,
    value: Range<usize>,
}

/// Why a word can't be understood: what was wrong and what was wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong(pub(crate) String);

/// A text that is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Sought {
    /// The text.
    pub(crate) text: String,
    /// The text for messages: placeholders as typed.
    pub(crate) shown: String,
}

impl Sought {
    /// True if `bytes` hold the text.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        let text = self.text.as_bytes();
        text.is_empty() || bytes.windows(text.len()).any(|window| window == text)
    }
}

/// Why a placeholder gave nothing: a text that names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unexpanded(pub(crate) String);

impl Word {
    /// A word without placeholders, such as the value of a variable, which is not expanded again.
    pub(crate) fn literal(text: &str) -> Word {
        Word { typed: text.to_owned(), value: text.to_owned(), spans: Vec::new() }
    }

    /// Expands every placeholder of `typed` once. Other braces stay as they are.
    pub(crate) fn expand(typed: &str, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Word, Unexpanded> {
        Word::build(typed, env, |_, value| value)
    }

    /// As [`Word::expand`], for a TARGET: a bare IPv6 address that comes out where the host stands gets the brackets
    /// that an address with a port behind it needs, since `status.podIP` has none.
    pub(crate) fn expand_target(typed: &str, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Word, Unexpanded> {
        Word::build(typed, env, |before, value| {
            let stands_as_host = before.is_empty() || before.ends_with("://") || before.ends_with('@');
            if stands_as_host && is_bare_ipv6(&value) { format!("[{value}]") } else { value }
        })
    }

    fn build(
        typed: &str,
        env: &dyn Fn(&str) -> Option<OsString>,
        fit: impl Fn(&str, String) -> String,
    ) -> Result<Word, Unexpanded> {
        let mut word = Word { typed: typed.to_owned(), value: String::with_capacity(typed.len()), spans: Vec::new() };
        let mut at = 0;
        while let Some(open) = typed[at..].find('{').map(|found| at + found) {
            word.value.push_str(&typed[at..open]);
            at = open;
            let Some(found) = Placeholder::at_start_of(&typed[open..])? else {
                word.value.push('{');
                at += 1;
                continue;
            };
            at = open + found.len;
            let start = word.value.len();
            let value = fit(&word.value, found.resolve(&typed[open..at], env)?);
            word.value.push_str(&value);
            word.spans.push(Span { typed: open..at, value: start..word.value.len() });
        }
        word.value.push_str(&typed[at..]);
        Ok(word)
    }

    /// What the word stands for.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// What was typed: the form for messages.
    pub(crate) fn typed(&self) -> &str {
        &self.typed
    }

    /// Each placeholder as typed, with how many bytes it gave.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = (&str, usize)> {
        self.spans.iter().map(|span| (&self.typed[span.typed.clone()], span.value.len()))
    }

    /// The part `range` of the value with every placeholder in it as typed. A placeholder that reaches into the part
    /// from outside is shown whole, since half of a secret is one too.
    pub(crate) fn shown_part(&self, range: Range<usize>) -> String {
        let mut out = String::new();
        let mut at = range.start;
        for span in self.spans.iter().filter(|span| touches(&span.value, &range)) {
            if span.value.start > at {
                out.push_str(&self.value[at..span.value.start]);
            }
            out.push_str(&self.typed[span.typed.clone()]);
            at = span.value.end;
        }
        if at < range.end {
            out.push_str(&self.value[at..range.end]);
        }
        out
    }

    /// The placeholder, as typed, that gave a part of `range`, if one did.
    pub(crate) fn placeholder_in(&self, range: Range<usize>) -> Option<&str> {
        let span = self.spans.iter().find(|span| touches(&span.value, &range))?;
        Some(&self.typed[span.typed.clone()])
    }
}

/// True if the ranges share a byte, or the first is empty and stands inside the second.
fn touches(span: &Range<usize>, range: &Range<usize>) -> bool {
    span.start < range.end && (span.end > range.start || (span.is_empty() && span.start >= range.start))
}

/// One placeholder as it was typed.
struct Placeholder<'a> {
    source: Source<'a>,
    len: usize,
}

enum Source<'a> {
    Env { name: &'a str, default: Option<&'a str> },
    File(&'a str),
}

impl<'a> Placeholder<'a> {
    /// Reads a placeholder at the start of `text`, which begins with a brace; none if it is just a brace.
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
    fn resolve(&self, typed: &str, env: &dyn Fn(&str) -> Option<OsString>) -> Result<String, Unexpanded> {
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
fn is_bare_ipv6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<std::net::Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<OsString> {
        let value = match name {
            "PORT" => "8080",
            "POD_IP" => "fd00::7",
            "POD_IP4" => "10.0.0.7",
            "SCOPED" => "fe80::1%2",
            "BRACES" => "{env.PORT}",
            "EMPTY" => "",
            "app.kubernetes.io/name" => "web",
            _ => return None,
        };
        Some(value.into())
    }

    #[test]
    fn placeholders_expand_once_and_other_braces_stay() {
        let rows = [
            (":{env.PORT}/x", ":8080/x"),
            ("{env.NONE:-9}", "9"),
            ("{env.EMPTY:-9}", "9"),
            ("{env.EMPTY:-}", ""),
            ("a{env.NONE:-}b", "ab"),
            ("{env.BRACES}", "{env.PORT}"),
            ("{\"status\":\"ok\"}", "{\"status\":\"ok\"}"),
            ("{{env.PORT}}", "{8080}"),
            ("{env.}", "{env.}"),
            ("{env.A=B}", "{env.A=B}"),
            ("{env.PORT", "{env.PORT"),
            ("{ENV.PORT}", "{ENV.PORT}"),
            ("{file.relative}", "{file.relative}"),
            ("{env.PORT:8}", "{env.PORT:8}"),
            ("{env.app.kubernetes.io/name}", "web"),
            ("{env.PORT}{env.PORT}", "80808080"),
            ("{env.NONE:-a b:-c}", "a b:-c"),
        ];
        for (given, wanted) in rows {
            assert_eq!(Word::expand(given, &env).map(|word| word.value), Ok(wanted.to_owned()), "{given}");
        }
    }

    #[test]
    fn what_expands_to_nothing_names_its_placeholder() {
        let rows = [
            ("{env.NONE}", "{env.NONE}: no variable NONE is set"),
            ("x{env.EMPTY}", "{env.EMPTY}: the variable EMPTY is empty"),
            ("{file./no/such}", "{file./no/such}: no such file"),
            ("{file./tmp}", "{file./tmp}: a folder, wanted a regular file"),
            ("{file./dev/null}", "{file./dev/null}: a device, wanted a regular file"),
            ("{env.A:-{env.B}}", "a placeholder cannot hold another one: {env.A:-{env.B}"),
        ];
        for (given, wanted) in rows {
            let error = Word::expand(given, &env).map(|word| word.value);
            assert_eq!(error, Err(Unexpanded(wanted.to_owned())), "{given}");
        }
    }

    #[test]
    fn a_bare_address_gets_brackets_where_the_host_stands_only() {
        let rows = [
            ("http://{env.POD_IP}:{env.PORT}/x", "http://[fd00::7]:8080/x"),
            ("{env.POD_IP}:80", "[fd00::7]:80"),
            ("{env.SCOPED}:80", "[fe80::1%2]:80"),
            ("{env.POD_IP4}:80", "10.0.0.7:80"),
            ("[{env.POD_IP}]:80", "[fd00::7]:80"),
            (":80/{env.POD_IP}", ":80/fd00::7"),
            ("http://u@{env.POD_IP}:80", "http://u@[fd00::7]:80"),
        ];
        for (given, wanted) in rows {
            assert_eq!(Word::expand_target(given, &env).map(|word| word.value), Ok(wanted.to_owned()), "{given}");
        }
    }

    #[test]
    fn parts_show_their_placeholders_as_typed() -> Result<(), Unexpanded> {
        let word = Word::expand("a{env.PORT}b", &env)?;
        let rows = [
            (0..6, "a{env.PORT}b"),
            (0..1, "a"),
            (1..5, "{env.PORT}"),
            (2..4, "{env.PORT}"),
            (5..6, "b"),
            (3..6, "{env.PORT}b"),
        ];
        for (range, wanted) in rows {
            assert_eq!(word.shown_part(range.clone()), wanted, "{range:?}");
        }
        assert_eq!(word.placeholder_in(0..1), None);
        assert_eq!(word.placeholder_in(4..6), Some("{env.PORT}"));
        Ok(())
    }
}
