//! Words of the command line. An expanded word remembers what was typed, because what a placeholder gave may be a
//! secret and messages show the typed form.

mod escapes;
mod placeholder;

use std::ffi::OsString;
use std::ops::Range;

use placeholder::{Placeholder, is_bare_ipv6};

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

    /// As [`Word::expand`], for a TARGET: a bare IPv6 address that comes out as the host gets the brackets that an
    /// address before a port needs, since `status.podIP` has none.
    pub(crate) fn expand_target(typed: &str, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Word, Unexpanded> {
        Word::build(typed, env, |before, value| {
            let is_host = before.is_empty() || before.ends_with("://") || before.ends_with('@');
            if is_host && is_bare_ipv6(&value) { format!("[{value}]") } else { value }
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
            let Some(found) = Placeholder::at(typed, open)? else {
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

    /// All of the value, to be split.
    pub(crate) fn all(&self) -> Part<'_> {
        Part { word: self, start: 0, end: self.value.len() }
    }
}

/// A part of a word's value that remembers where it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    word: &'a Word,
    start: usize,
    end: usize,
}

impl<'a> Part<'a> {
    /// What the part stands for.
    pub(crate) fn text(self) -> &'a str {
        &self.word.value[self.start..self.end]
    }

    /// The part before byte `at` and the part from there on; `at` is a character's first byte.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        let middle = self.start.saturating_add(at).min(self.end);
        (Part { end: middle, ..self }, Part { start: middle, ..self })
    }

    /// The parts before and after a separator of `len` bytes at byte `at`.
    pub(crate) fn split_around(self, at: usize, len: usize) -> (Self, Self) {
        let (before, from) = self.split_at(at);
        (before, from.split_at(len).1)
    }

    /// What comes after `prefix`, if the part begins with it.
    pub(crate) fn strip_prefix(self, prefix: &str) -> Option<Self> {
        self.text().starts_with(prefix).then(|| self.split_at(prefix.len()).1)
    }

    /// The part with every placeholder in it as typed. A placeholder that reaches into the part from outside is shown
    /// whole, since half of a secret is one too.
    pub(crate) fn typed(self) -> String {
        let (word, range) = (self.word, self.start..self.end);
        let mut out = String::new();
        let mut at = range.start;
        for span in word.spans.iter().filter(|span| touches(&span.value, &range)) {
            if span.value.start > at {
                out.push_str(&word.value[at..span.value.start]);
            }
            out.push_str(&word.typed[span.typed.clone()]);
            at = span.value.end;
        }
        if at < range.end {
            out.push_str(&word.value[at..range.end]);
        }
        out
    }

    /// The placeholder, as typed, that gave some of the part, if one did.
    pub(crate) fn placeholder(self) -> Option<&'a str> {
        let span = self.word.spans.iter().find(|span| touches(&span.value, &(self.start..self.end)))?;
        Some(&self.word.typed[span.typed.clone()])
    }

    /// What each placeholder gave that begins in the part, whole.
    pub(crate) fn given(self) -> impl Iterator<Item = Part<'a>> {
        let begins = move |span: &&Span| (self.start..self.end).contains(&span.value.start);
        self.word.spans.iter().filter(begins).map(move |span| self.whole(span))
    }

    /// What the placeholder gave that byte `at` of the part came out of, if it came out of one.
    pub(crate) fn giver(self, at: usize) -> Option<Part<'a>> {
        let at = self.start.saturating_add(at);
        self.word.spans.iter().find(|span| span.value.contains(&at)).map(|span| self.whole(span))
    }

    /// True if the word begins with the part.
    pub(crate) fn begins_word(self) -> bool {
        self.start == 0
    }

    fn whole(self, span: &Span) -> Part<'a> {
        Part { word: self.word, start: span.value.start, end: span.value.end }
    }
}

/// True if the ranges share a byte, or the first is empty and inside the second.
fn touches(span: &Range<usize>, range: &Range<usize>) -> bool {
    span.start < range.end && (span.end > range.start || (span.is_empty() && span.start >= range.start))
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
            "LINE" => "one\r\n",
            "LINES" => "one\n\n",
            "ONLY_LINE" => "\n",
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
            ("{\"port\":{env.PORT}}", "{\"port\":8080}"),
            ("{\"env\":\"prod\"}", "{\"env\":\"prod\"}"),
            ("{} { env: 1 } {en {.env} $PORT $(PORT)", "{} { env: 1 } {en {.env} $PORT $(PORT)"),
            ("US$ {env.PORT}", "US$ 8080"),
            ("{env.LINE}", "one"),
            ("{env.LINES}", "one\n"),
            ("{env.ONLY_LINE:-9}", "9"),
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
            ("{env.ONLY_LINE}", "{env.ONLY_LINE}: the variable ONLY_LINE is empty"),
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
        let part = |from: usize, to: usize| word.all().split_at(to).0.split_at(from).1;
        let rows = [
            (0, 6, "a{env.PORT}b"),
            (0, 1, "a"),
            (1, 5, "{env.PORT}"),
            (2, 4, "{env.PORT}"),
            (5, 6, "b"),
            (3, 6, "{env.PORT}b"),
        ];
        for (from, to, wanted) in rows {
            assert_eq!(part(from, to).typed(), wanted, "{from}..{to}");
        }
        assert_eq!(part(0, 1).placeholder(), None);
        assert_eq!(part(4, 6).placeholder(), Some("{env.PORT}"));
        let given = |part: Part<'_>| part.given().map(|part| part.text().to_owned()).collect::<Vec<_>>();
        assert_eq!((given(part(0, 2)), given(part(2, 6))), (vec!["8080".to_owned()], vec![]));
        assert_eq!(part(2, 6).giver(0).map(Part::text), Some("8080"));
        assert_eq!(part(2, 6).giver(3).map(Part::text), None);
        Ok(())
    }
}
