//! What is wrong with a command line, as text. Words of the command line get into a usage error by [`Named`] alone,
//! which decides how much of each may be shown: a credential may be in any of them, most of all where option and
//! value were written as one string.

use std::fmt;

use crate::cli::command::Command;
use crate::cli::flags::Flag;
use crate::report::Format;
use crate::target::without_user;
use crate::text::{TARGET_CHARS, VALUE_CHARS, quoted, quoted_up_to, shown};
use crate::word::Wrong;

/// The longest list of complaints: an event of Kubernetes keeps 1,024 characters.
const MOST_CHARS: usize = 900;

/// Letters that other programs take together in one word, and that change nothing here.
const HARMLESS: &str = "fsSLkqgalin46#";

/// A command line that can't be obeyed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError {
    /// The command, once it is known.
    pub(crate) command: Option<&'static Command>,
    /// How it is printed, as far as that was understood.
    pub(crate) output: Format,
    complaints: Vec<Complaint>,
}

/// One thing that is wrong, and what was wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint(String);

/// What a complaint is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Named<'a> {
    /// A name of our own: an option, a header, an operand.
    Ours(&'static str),
    /// An option with the value that was typed.
    Value(&'static Flag, &'a str),
    /// An option with a word that looks like another one.
    Instead(&'static Flag, &'a str),
    /// A variable with its value.
    Variable(&'static str, &'a str),
    /// The operand, by its name in the help and as it was typed.
    Operand(&'static str, &'a str),
    /// A word with a dash that is no option.
    Option(&'a str),
    /// Letters of other programs in one word, as far as they are known ones.
    Letters(&'a str),
    /// A word that is no command.
    Command(&'a str),
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Named::Ours(name) => f.write_str(name),
            Named::Value(flag, typed) => write!(f, "{} {}", flag.long, value(flag, typed)),
            Named::Instead(flag, _) if flag.is_secret => write!(f, "{} \"…\"", flag.long),
            Named::Instead(flag, word) => write!(f, "{} \"{}\"", flag.long, option(word)),
            Named::Variable(name, value) => write!(f, "{name} {}", quoted(value)),
            Named::Operand(name, typed) => {
                let typed = cut_at(without_user(typed), char::is_whitespace);
                write!(f, "{name} {}", quoted_up_to(&typed, TARGET_CHARS))
            }
            Named::Option(word) => f.write_str(&option(word)),
            Named::Letters(word) => {
                let letters: String = word.chars().skip(1).take_while(|letter| is_harmless(*letter)).collect();
                write!(f, "-{letters}")
            }
            Named::Command(word) => f.write_str(&quoted(&cut_at(without_user(word), char::is_whitespace))),
        }
    }
}

/// A value: a credential only up to its colon, or not at all where it is any text, any other up to what looks
/// like an option in the same string.
fn value(flag: &Flag, typed: &str) -> String {
    match (flag.is_secret, typed.split_once(':'), typed.split_once(" -")) {
        (true, Some((name, _)), _) if !flag.is_text => quoted(&format!("{name}: …")),
        (true, ..) => "\"…\"".to_owned(),
        (false, _, Some((before, _))) => quoted(&format!("{before} …")),
        (false, _, None) => quoted(typed),
    }
}

/// A word that is no option: two characters if it has one dash, as its value may be attached, otherwise as far as it
/// can be a name.
fn option(word: &str) -> String {
    if !word.starts_with("--") {
        let mut chars = word.chars();
        let start: String = chars.by_ref().take(2).collect();
        let more = if chars.next().is_some() { "…" } else { "" };
        return format!("{}{more}", shown(&start, VALUE_CHARS));
    }
    let is_foreign = |char: char| !(char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-');
    match word.find(is_foreign).map(|end| word.split_at(end)) {
        Some((name, rest)) if rest.starts_with('=') => shown(name, VALUE_CHARS),
        _ => shown(&cut_at(word, is_foreign), VALUE_CHARS),
    }
}

/// True for letters in one word that change nothing here.
pub(super) fn is_harmless(letter: char) -> bool {
    HARMLESS.contains(letter)
}

fn cut_at(text: &str, is_end: impl Fn(char) -> bool) -> String {
    match text.find(is_end) {
        Some(end) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl Complaint {
    /// What is wrong with something that was typed.
    pub(crate) fn new(named: Named<'_>, Wrong(why): Wrong) -> Complaint {
        Complaint(format!("{named}: {why}"))
    }

    /// As [`Complaint::new`], with a text of our own.
    pub(crate) fn of(named: Named<'_>, why: &'static str) -> Complaint {
        Complaint(format!("{named}: {why}"))
    }

    /// What is wrong with options that do not go together.
    pub(crate) fn ours(text: &'static str) -> Complaint {
        Complaint(text.to_owned())
    }

    /// The same, in the part of a command line that an `--and` begins.
    pub(crate) fn in_part(self, command: &'static str) -> Complaint {
        Complaint(format!("--and {command}: {}", self.0))
    }

    /// The same, in what is asked for a path.
    pub(crate) fn in_path(self, path: &str) -> Complaint {
        Complaint(format!("{}: {}", shown(path, VALUE_CHARS), self.0))
    }

    /// Something that was given more than once.
    pub(crate) fn repeated(name: &'static str, count: usize) -> Complaint {
        Complaint(format!("{name}: given {count} times, wanted once"))
    }

    /// An argument that is no text; the command is the first one.
    pub(crate) fn not_utf8(at: usize) -> Complaint {
        Complaint(format!("argument {at}: wanted UTF-8"))
    }

    /// No operand or more than one. They are not repeated: an unquoted header leaves parts of a credential here.
    pub(crate) fn operands(command: &Command, count: usize) -> Complaint {
        let Command { operand, example, .. } = command;
        Complaint(match count {
            0 => format!("no {operand}: wanted one, such as {example}"),
            _ => format!("{count} {operand}s: wanted one; a value with a space in it is quoted"),
        })
    }
}

impl UsageError {
    /// An error of all these complaints.
    pub(crate) fn new(command: Option<&'static Command>, output: Format, complaints: Vec<Complaint>) -> UsageError {
        UsageError { command, output, complaints }
    }

    /// What is wrong, one by one.
    pub(crate) fn complaints(self) -> Vec<Complaint> {
        self.complaints
    }

    /// All complaints as one text, each once, as many as an event has room for.
    pub(crate) fn message(&self) -> String {
        let mut all: Vec<&str> = Vec::new();
        for Complaint(text) in &self.complaints {
            if !all.contains(&text.as_str()) {
                all.push(text);
            }
        }
        let mut out = String::new();
        for (count, text) in all.iter().enumerate() {
            if count > 0 && out.chars().count() + text.chars().count() > MOST_CHARS {
                return format!("{out}; and {} more", all.len() - count);
            }
            if count > 0 {
                out.push_str("; ");
            }
            out.push_str(text);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::flags;

    #[test]
    fn words_are_shown_as_far_as_they_can_be_names() {
        let rows = [
            (Named::Option("--timout"), "--timout"),
            (Named::Option("--timout=5s"), "--timout"),
            (Named::Option("--user admin:s3cret"), "--user…"),
            (Named::Option("--S3CRET"), "--…"),
            (Named::Option("-z"), "-z"),
            (Named::Option("-uadmin:s3cret"), "-u…"),
            (Named::Option("-\u{1b}s3cret"), "-?…"),
            (Named::Command("htpp"), "\"htpp\""),
            (Named::Command("htpp -u admin:s3cret :1"), "\"htpp…\""),
            (Named::Command("http://admin:s3cret@localhost"), "\"localhost\""),
            (Named::Value(&flags::HEADER, "Authorization: s3cret"), "--header \"Authorization: …\""),
            (Named::Value(&flags::USER, "s3cret"), "--user \"…\""),
            (Named::Value(&flags::SEND, "s3cret: x"), "--send \"…\""),
            (Named::Value(&flags::TIMEOUT, "1s -u admin:s3cret"), "--timeout \"1s …\""),
            (Named::Operand("TARGET", ":1 -u admin:s3cret"), "TARGET \":1…\""),
            (Named::Operand("TARGET", "host=db password=s3cret"), "TARGET \"host=db…\""),
        ];
        for (given, wanted) in rows {
            assert_eq!(given.to_string(), wanted, "{given:?}");
        }
    }

    #[test]
    fn all_complaints_are_one_line_that_an_event_has_room_for() {
        let error = |count: u16| {
            let complaints = (0..count).map(|at| Complaint(format!("{at:100}"))).collect();
            UsageError::new(None, Format::Text, complaints).message()
        };
        assert_eq!(error(2), format!("{:100}; {:100}", 0, 1));
        assert!(error(40).len() < 960 && error(40).ends_with("; and 32 more"), "{}", error(40));
        let twice = || Complaint("a".to_owned());
        assert_eq!(UsageError::new(None, Format::Text, vec![twice(), twice()]).message(), "a");
    }
}
