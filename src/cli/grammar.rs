//! How the words of a command line are split: a [`Grammar`] is a property of a flag table, since every tool has its own
//! (curl has no `--name=value`, Go's flag package one dash, wget clusters and prefixes). What the words mean, and what
//! is said of a mistake, is the business of whoever calls [`Grammar::walk`].

use std::cell::LazyCell;
use std::ffi::OsString;

/// A row of a flag table, as far as splitting words needs it.
pub(crate) trait Spelled: 'static {
    /// Its names as typed, dashes included.
    fn names(&self) -> impl Iterator<Item = &'static str>;
    /// True if a value belongs to it.
    fn has_value(&self) -> bool;
}

/// The rules of one tool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grammar {
    /// `-addr` is `--addr`, and there are no short options.
    pub(crate) one_dash: bool,
    /// `-qT5`: switches in one word, the last of which may be an option with its value.
    pub(crate) clusters: bool,
    /// `--name=value`.
    pub(crate) equals: bool,
    /// `-n=value`, which elsewhere is the value `=value`.
    pub(crate) short_equals: bool,
    /// `-tls=false`: a switch may have a value.
    pub(crate) switch_values: bool,
    /// `--no-name` turns a switch off: it is given with the value `false`.
    pub(crate) negations: bool,
    /// `--tim` is `--timeout` where no other option begins so.
    pub(crate) prefixes: bool,
    /// The first operand ends the options.
    pub(crate) ends_at_operand: bool,
    /// A value in a word of its own may begin with a dash.
    pub(crate) dashed_values: bool,
    /// True for a name with one dash that is another program's option, and no short option with its value.
    pub(crate) is_strange: fn(&str) -> bool,
}

/// The words of a command line, sorted.
#[derive(Debug)]
pub(crate) struct Walked<F: 'static> {
    /// The options with their values, in order.
    pub(crate) given: Vec<Given<F>>,
    /// All other words.
    pub(crate) operands: Vec<String>,
    /// What can't be understood. The walk goes on after each, so that all of them can be named at once.
    pub(crate) mistakes: Vec<Mistake<F>>,
}

/// An option that was typed.
#[derive(Debug)]
pub(crate) struct Given<F: 'static> {
    pub(crate) flag: &'static F,
    /// The name that it was typed by.
    pub(crate) name: &'static str,
    /// None for a switch that is on.
    pub(crate) value: Option<String>,
}

/// A word that can't be understood.
#[derive(Debug)]
pub(crate) enum Mistake<F: 'static> {
    /// No option has this name.
    Unknown(String),
    /// Option and value in one word, with a blank between them.
    Joined(&'static F),
    /// The value is missing.
    NeedsValue(&'static F),
    /// A switch with a value.
    TakesNoValue(&'static F),
    /// Where the value should be, there is a word with a dash.
    LooksLikeOption(&'static F, String),
    /// The word of this number, counted from 1, is no UTF-8.
    NotUtf8(usize),
}

/// An option that was found by a name.
type Found<F> = (&'static F, &'static str);

impl Grammar {
    /// Goes through the words once. The flags are collected where the first option is met: most probes have none.
    pub(crate) fn walk<F: Spelled>(
        &self,
        flags: impl FnOnce() -> Vec<&'static F>,
        args: impl Iterator<Item = OsString>,
    ) -> Walked<F> {
        let flags = LazyCell::new(flags);
        let mut walked = Walked { given: Vec::new(), operands: Vec::new(), mistakes: Vec::new() };
        let mut wants: Option<Found<F>> = None;
        let mut only_operands = false;
        for (at, arg) in args.enumerate() {
            let Ok(arg) = arg.into_string() else {
                wants = None;
                walked.mistakes.push(Mistake::NotUtf8(at + 1));
                continue;
            };
            if let Some((flag, name)) = wants.take() {
                if arg.starts_with('-') && arg != "-" && !self.dashed_values {
                    walked.mistakes.push(Mistake::LooksLikeOption(flag, arg));
                } else {
                    walked.given.push(Given { flag, name, value: Some(arg) });
                }
            } else if only_operands || !arg.starts_with('-') || arg == "-" {
                only_operands |= self.ends_at_operand;
                walked.operands.push(arg);
            } else if arg == "--" {
                only_operands = true;
            } else {
                match self.read(&flags, &arg, &mut walked.given) {
                    Ok(found) => wants = found,
                    Err(mistake) => walked.mistakes.push(mistake),
                }
            }
        }
        walked.mistakes.extend(wants.map(|(flag, _)| Mistake::NeedsValue(flag)));
        walked
    }

    /// Reads one word that begins with a dash. Returns the option whose value is the next word.
    fn read<F: Spelled>(
        &self,
        flags: &[&'static F],
        word: &str,
        given: &mut Vec<Given<F>>,
    ) -> Result<Option<Found<F>>, Mistake<F>> {
        if self.one_dash || word.starts_with("--") {
            self.read_long(flags, word, given)
        } else {
            let before = given.len();
            self.read_short(flags, word, given).inspect_err(|_| given.truncate(before))
        }
    }

    fn read_long<F: Spelled>(
        &self,
        flags: &[&'static F],
        word: &str,
        given: &mut Vec<Given<F>>,
    ) -> Result<Option<Found<F>>, Mistake<F>> {
        let (name, value) = match word.split_once('=').filter(|_| self.equals) {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let Some((flag, found)) = self.find(flags, name) else {
            if let Some((flag, name)) = self.find_negated(flags, word) {
                given.push(Given { flag, name, value: Some("false".to_owned()) });
                return Ok(None);
            }
            let joined = name.split_once(char::is_whitespace).and_then(|(name, _)| self.find(flags, name));
            return Err(joined.map_or_else(|| Mistake::Unknown(word.to_owned()), |(flag, _)| Mistake::Joined(flag)));
        };
        match (flag.has_value(), value) {
            (false, Some(_)) if !self.switch_values => Err(Mistake::TakesNoValue(flag)),
            (true, None) => Ok(Some((flag, found))),
            (_, value) => {
                given.push(Given { flag, name: found, value });
                Ok(None)
            }
        }
    }

    fn read_short<F: Spelled>(
        &self,
        flags: &[&'static F],
        word: &str,
        given: &mut Vec<Given<F>>,
    ) -> Result<Option<Found<F>>, Mistake<F>> {
        let unknown = || Mistake::Unknown(word.to_owned());
        // An option of two letters, such as wget's -nv.
        if let Some((flag, name)) = named(flags, word).filter(|(flag, _)| word.len() > 2 && !flag.has_value()) {
            given.push(Given { flag, name, value: None });
            return Ok(None);
        }
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        let is_long =
            |name: &str| flags.iter().any(|flag| flag.names().any(|own| own.strip_prefix('-') == Some(name)));
        if (!self.clusters && is_long(name)) || (self.is_strange)(name) {
            return Err(unknown());
        }
        let mut letters = word[1..].chars();
        while let Some(letter) = letters.next() {
            let is_this = |name: &&str| name.strip_prefix('-') == Some(letter.encode_utf8(&mut [0; 4]));
            let this = |flag: &&'static F| flag.names().find(is_this).map(|name| (*flag, name));
            let (flag, name) = flags.iter().find_map(this).ok_or_else(unknown)?;
            let rest = letters.as_str();
            match (flag.has_value(), rest.chars().next()) {
                (true, None) => return Ok(Some((flag, name))),
                (true, Some(next)) if next.is_whitespace() && !self.clusters => return Err(Mistake::Joined(flag)),
                (true, Some(_)) => {
                    let value = rest.strip_prefix('=').filter(|_| self.short_equals).unwrap_or(rest);
                    given.push(Given { flag, name, value: Some(value.to_owned()) });
                    return Ok(None);
                }
                (false, Some('=')) => return Err(Mistake::TakesNoValue(flag)),
                (false, Some(_)) if !self.clusters => return Err(unknown()),
                (false, _) => given.push(Given { flag, name, value: None }),
            }
        }
        Ok(None)
    }

    /// The flag of a long name.
    fn find<F: Spelled>(&self, flags: &[&'static F], name: &str) -> Option<Found<F>> {
        let plain = |name: &str| name.trim_start_matches('-').to_owned();
        if let Some(found) = named(flags, name) {
            return Some(found);
        }
        let begins = |own: &&str| match self.one_dash {
            true => plain(own) == plain(name),
            false => self.prefixes && name.len() > 2 && own.starts_with(name),
        };
        let mut begun = flags.iter().filter_map(|flag| flag.names().find(begins).map(|name| (*flag, name)));
        match (begun.next(), begun.next()) {
            (Some(found), None) => Some(found),
            _ => None,
        }
    }

    /// The switch that `--no-name` turns off.
    fn find_negated<F: Spelled>(&self, flags: &[&'static F], word: &str) -> Option<Found<F>> {
        let name = word.strip_prefix("--no-").filter(|_| self.negations)?;
        named(flags, &format!("--{name}")).filter(|(flag, _)| !flag.has_value())
    }
}

/// The flag that has exactly this name.
fn named<F: Spelled>(flags: &[&'static F], name: &str) -> Option<Found<F>> {
    flags.iter().find_map(|flag| flag.names().find(|own| *own == name).map(|name| (*flag, name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::flags;

    const OWN: Grammar = crate::cli::line::GRAMMAR;
    const CURL: Grammar = Grammar {
        clusters: true,
        equals: false,
        short_equals: false,
        negations: true,
        prefixes: true,
        dashed_values: true,
        is_strange: |_| false,
        ..OWN
    };
    const GO: Grammar =
        Grammar { one_dash: true, switch_values: true, ends_at_operand: true, dashed_values: true, ..OWN };

    /// Options, operands and mistakes as one text.
    fn read(grammar: Grammar, words: &[&str]) -> String {
        let flags = [&flags::TIMEOUT, &flags::TLS, &flags::USER, &flags::VERBOSE, &flags::QUIET, &flags::SERVICE];
        let walked = grammar.walk(|| flags.to_vec(), words.iter().map(OsString::from));
        let mut out: Vec<String> = Vec::new();
        for Given { flag, value, .. } in walked.given {
            out.push(value.map_or_else(|| flag.long.to_owned(), |value| format!("{}({value})", flag.long)));
        }
        out.extend(walked.operands);
        for mistake in walked.mistakes {
            out.push(match mistake {
                Mistake::Unknown(word) => format!("unknown({word})"),
                Mistake::Joined(flag) => format!("joined({})", flag.long),
                Mistake::NeedsValue(flag) => format!("needs value({})", flag.long),
                Mistake::TakesNoValue(flag) => format!("takes none({})", flag.long),
                Mistake::LooksLikeOption(flag, word) => format!("looks like option({} {word})", flag.long),
                Mistake::NotUtf8(at) => format!("no UTF-8({at})"),
            });
        }
        out.join(" ")
    }

    #[test]
    fn our_own_words_are_read() {
        let rows: [(&[&str], &str); 17] = [
            (&[":1", "-v"], "--verbose :1"),
            (&["--timeout=1s", "--timeout", "2s"], "--timeout(1s) --timeout(2s)"),
            (&["--timeout="], "--timeout()"),
            (&["-ua:b", "-u=c:d", "-u", "e:f"], "--user(a:b) --user(c:d) --user(e:f)"),
            (&["--", "-v", "--"], "-v --"),
            (&["-"], "-"),
            (&["--user a:b"], "joined(--user)"),
            (&["-u a:b"], "joined(--user)"),
            (&["--user a=b"], "joined(--user)"),
            (&["--timeout"], "needs value(--timeout)"),
            (&["--verbose=1", "-v=1"], "takes none(--verbose) takes none(--verbose)"),
            (&["--timeout", "-v", ":1"], ":1 looks like option(--timeout -v)"),
            (&["-qv", "--tim=1s"], "unknown(-qv) unknown(--tim=1s)"),
            (&["-timeout=1s", "-user-agent"], "unknown(-timeout=1s) unknown(-user-agent)"),
            (&["-z", "-v", "-y"], "--verbose unknown(-z) unknown(-y)"),
            (&["-ä"], "unknown(-ä)"),
            (&["--service", ""], "--service()"),
        ];
        for (words, wanted) in rows {
            assert_eq!(read(OWN, words), wanted, "{words:?}");
        }
    }

    #[test]
    fn other_grammars_are_properties_of_the_same_walk() {
        let rows: [(Grammar, &[&str], &str); 11] = [
            (CURL, &["--no-tls", "--no-user", "--no-tl"], "--tls(false) unknown(--no-user) unknown(--no-tl)"),
            (GO, &["-tls=false"], "--tls(false)"),
            (CURL, &["-qvua:b"], "--quiet --verbose --user(a:b)"),
            (CURL, &["-qz"], "unknown(-qz)"),
            (CURL, &["--timeout=1s"], "unknown(--timeout=1s)"),
            (CURL, &["-u=x"], "--user(=x)"),
            (CURL, &["--tim", "-1"], "--timeout(-1)"),
            (CURL, &["--t", "1"], "1 unknown(--t)"),
            (GO, &["-timeout=1s", "--tls"], "--timeout(1s) --tls"),
            (GO, &["-service", "x", ":1", "-tls"], "--service(x) :1 -tls"),
            (GO, &["-us"], "unknown(-us)"),
        ];
        for (grammar, words, wanted) in rows {
            assert_eq!(read(grammar, words), wanted, "{words:?}");
        }
    }
}
