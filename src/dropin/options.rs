//! The words of a tool's command line, split by its grammar and looked up in its table. What the table refuses is refused
//! here, before anything is understood.

use std::ffi::OsString;

use super::table::{Effect, Meaning, Row};
use crate::cli::grammar::{Given, Grammar, Mistake};
use crate::cli::usage::Named;
use crate::text::quoted;
use crate::word::Wrong;

/// A command line that is not obeyed: the tool's exit code for it, and one line that says what to write.
#[derive(Debug)]
pub(super) struct Refused {
    /// The exit code.
    pub(super) code: u8,
    /// The line, without the tool's prefix.
    pub(super) message: String,
}

/// The options and operands of one command line.
#[derive(Debug)]
pub(super) struct Options {
    given: Vec<Given<Row>>,
    operands: Vec<String>,
}

impl Options {
    /// Splits the words; the first mistake is told.
    pub(super) fn read(grammar: &Grammar, table: &'static [Row], args: Vec<OsString>) -> Result<Self, String> {
        let rows: Vec<&'static Row> = table.iter().collect();
        let walked = grammar.walk(|| rows.clone(), args.into_iter());
        if let Some(mistake) = walked.mistakes.into_iter().next() {
            return Err(mistaken(grammar, &rows, &mistake));
        }
        for given in &walked.given {
            let is_off = !given.flag.has_value && given.value.as_deref().is_some_and(|value| !is_true(value));
            if let (Effect::Refused(why), false) = (given.flag.effect, is_off) {
                return Err(format!("{}: {why}", given.name));
            }
            match given.value.as_deref().filter(|_| !given.flag.has_value) {
                Some(value) if !is_true(value) && !is_false(value) => {
                    return Err(format!("{} {}: wanted true or false", given.name, quoted(value)));
                }
                _ => {}
            }
        }
        Ok(Options { given: walked.given, operands: walked.operands })
    }

    /// Each value of an option, with the name it was typed by.
    pub(super) fn values(&self, meaning: Meaning) -> impl Iterator<Item = (&'static str, &str)> {
        let given = self.given.iter().filter(move |given| given.flag.effect == Effect::Is(meaning));
        given.map(|given| (given.name, given.value.as_deref().unwrap_or_default()))
    }

    /// The last value of an option, which counts.
    pub(super) fn last(&self, meaning: Meaning) -> Option<(&'static str, &str)> {
        self.values(meaning).last()
    }

    /// True if a switch is on.
    pub(super) fn is_on(&self, meaning: Meaning) -> bool {
        let last = self.given.iter().rfind(|given| given.flag.effect == Effect::Is(meaning));
        last.is_some_and(|given| given.value.as_deref().is_none_or(is_true))
    }

    /// All words that are no options.
    pub(super) fn take_operands(&mut self) -> Vec<String> {
        std::mem::take(&mut self.operands)
    }
}

/// What Go's strconv.ParseBool takes for true.
fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

fn is_false(value: &str) -> bool {
    matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False")
}

/// What is said of a word that can't be understood. A value is not repeated: it may be a credential.
fn mistaken(grammar: &Grammar, rows: &[&'static Row], mistake: &Mistake<Row>) -> String {
    match mistake {
        Mistake::Unknown(word) => {
            let name = word.split_once('=').map_or("", |(name, _)| name);
            let is_known = rows.iter().any(|row| row.names.contains(&name));
            let why = if is_known && !grammar.equals { ": the value is a word of its own" } else { "" };
            format!("unknown option {}{why}", Named::Option(word))
        }
        Mistake::Joined(row) => format!("{}: option and value are two words", row.names[0]),
        Mistake::NeedsValue(row) | Mistake::LooksLikeOption(row, _) => format!("{}: needs a value", row.names[0]),
        Mistake::TakesNoValue(row) => format!("{}: takes no value", row.names[0]),
        Mistake::NotUtf8(at) => format!("argument {at}: wanted UTF-8"),
    }
}

/// What is wrong with an option's value.
pub(super) fn complain(name: &str, value: &str, Wrong(why): Wrong) -> String {
    format!("{name} {}: {why}", quoted(value))
}
