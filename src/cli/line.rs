//! A command line taken apart: its options by name, its operand, and all that is wrong with it. The walk through argv is
//! the [`Grammar`]'s; pico-args keeps the options between that walk and those who take them out. It parses nothing here
//! (its source: a value that looks like a flag is taken, `--` ends nothing, the error of a bad value does not name its
//! flag, quotes after `=` are stripped), and values lie in it with a `=` in front, so that none can be mistaken for an
//! option.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};

use pico_args::Arguments;

use crate::cli::command::Command;
use crate::cli::flags::{self, FLAGS, Flag};
use crate::cli::grammar::{Given, Grammar, Mistake, Walked};
use crate::cli::usage::{Complaint, Named, UsageError};
use crate::cli::{habits, values};
use crate::report::Format;
use crate::text::{TARGET_CHARS, shown};
use crate::word::{Sought, Word, Wrong};

/// Looks a variable up.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// How our own command lines are split.
pub(super) const GRAMMAR: Grammar = Grammar {
    one_dash: false,
    clusters: false,
    equals: true,
    short_equals: true,
    switch_values: false,
    negations: false,
    prefixes: false,
    ends_at_operand: false,
    dashed_values: false,
    is_strange: habits::is_strange,
};

/// A command line taken apart. What is taken out and can't be understood becomes a complaint, and the rest is looked at
/// all the same, so that one run names everything.
pub(crate) struct Line<'a> {
    command: &'static Command,
    /// None where none was typed, as most options are not.
    options: Option<Arguments>,
    /// The flags that were typed, also after they were taken out.
    typed: Vec<&'static Flag>,
    operands: Vec<String>,
    env: Env<'a>,
    complaints: Vec<Complaint>,
    /// True if the walk has met a mistake.
    is_unclear: bool,
    notes: Vec<String>,
    /// The format that was typed, for a usage error.
    output: Option<Format>,
}

impl<'a> Line<'a> {
    /// Goes through the words after the command.
    pub(super) fn walk(command: &'static Command, args: impl Iterator<Item = OsString>, env: Env<'a>) -> Self {
        let Walked { given, operands, mistakes } = GRAMMAR.walk(|| flags::of(command).collect(), args);
        let output = typed_format(&given, env);
        let is_unclear = !mistakes.is_empty();
        let complaints = mistakes.into_iter().map(|mistake| complaint(command, mistake)).collect();
        let typed = given.iter().map(|given| given.flag).collect();
        let mut options: Vec<OsString> = Vec::new();
        for Given { flag, value, .. } in given {
            options.push(flag.long.into());
            options.extend(value.map(|value| format!("={value}").into()));
        }
        let options = (!options.is_empty()).then(|| Arguments::from_vec(options));
        Line { command, options, typed, operands, env, complaints, is_unclear, notes: Vec::new(), output }
    }

    /// Notes something that is wrong.
    pub(super) fn complain(&mut self, complaint: Complaint) {
        self.complaints.push(complaint);
    }

    /// Keeps a remark for `-v`.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// True if a flag was typed, whatever its value.
    pub(super) fn is_given(&self, flag: &'static Flag) -> bool {
        self.typed.contains(&flag)
    }

    /// True if there is any operand.
    pub(super) fn has_operand(&self) -> bool {
        !self.operands.is_empty()
    }

    /// A text to look for.
    pub(super) fn sought(&mut self, flag: &'static Flag) -> Option<Sought> {
        self.texts(flag).into_iter().next()
    }

    /// Every text to look for.
    pub(super) fn texts(&mut self, flag: &'static Flag) -> Vec<Sought> {
        self.words(flag, |word| match word.value() {
            "" => Err(Wrong("wanted a text".to_owned())),
            text => Ok(Sought { text: text.to_owned(), shown: word.typed().to_owned() }),
        })
    }

    /// The value of a flag.
    pub(super) fn option<T>(
        &mut self,
        flag: &'static Flag,
        understand: impl FnMut(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.options(flag, understand).into_iter().next()
    }

    /// Every value of a flag.
    pub(super) fn options<T>(
        &mut self,
        flag: &'static Flag,
        mut understand: impl FnMut(&str) -> Result<T, Wrong>,
    ) -> Vec<T> {
        self.words(flag, |word| understand(word.value()))
    }

    /// The value of a flag that is shown in messages later.
    pub(super) fn word<T>(
        &mut self,
        flag: &'static Flag,
        understand: impl FnMut(&Word) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.words(flag, understand).into_iter().next()
    }

    /// Every value of a flag, expanded and understood; or the value of its variable.
    pub(super) fn words<T>(
        &mut self,
        flag: &'static Flag,
        mut understand: impl FnMut(&Word) -> Result<T, Wrong>,
    ) -> Vec<T> {
        let typed = self.take(flag);
        if typed.len() > 1 && !flag.repeats {
            self.complain(Complaint::repeated(flag.long, typed.len()));
        }
        let env = flag.env.filter(|_| flag.is_of(self.command));
        if let (Some(name), true) = (env, typed.is_empty()) {
            let value = (self.env)(name).filter(|value| !value.is_empty());
            let Some(value) = value.map(|value| value.to_string_lossy().into_owned()) else { return Vec::new() };
            let understood = understand(&Word::literal(&value));
            return self.understood(Named::Variable(name, &value), understood).into_iter().collect();
        }
        let mut all = Vec::new();
        for typed in typed {
            if !flag.is_text && is_quoted(&typed) {
                let why = "the quotes arrived as a part of it, wanted it without them";
                self.complain(Complaint::of(Named::Value(flag, &typed), why));
            } else if let Some(word) = self.expanded(flag.long, Word::expand(&typed, self.env)) {
                let understood = understand(&word);
                all.extend(self.understood(Named::Value(flag, &typed), understood));
            }
        }
        all
    }

    /// True if a switch is on.
    pub(super) fn switch(&mut self, flag: &'static Flag) -> bool {
        let Some(options) = &mut self.options else { return false };
        let mut count = 0;
        while options.contains(flag.long) {
            count += 1;
        }
        if count > 1 {
            self.complain(Complaint::repeated(flag.long, count));
        }
        count > 0
    }

    /// The one operand, understood.
    pub(super) fn target<T>(&mut self, understand: impl FnOnce(&Word) -> Result<T, Wrong>) -> Option<T> {
        // After an option that is unknown or lacks its value, a word can be that value: it is neither counted nor shown.
        if self.is_unclear {
            return None;
        }
        let name = self.command.operand;
        let typed = match self.operands.as_slice() {
            [typed] => typed.clone(),
            others => {
                let complaint = Complaint::operands(self.command, others.len());
                self.complain(complaint);
                return None;
            }
        };
        if self.holds_option(&typed) {
            let why = "an option in the same string, wanted an argument for each word";
            self.complain(Complaint::of(Named::Operand(name, &typed), why));
            return None;
        }
        let word = self.expanded(name, Word::expand_target(&typed, self.env))?;
        let understood = understand(&word);
        self.understood(Named::Operand(name, &typed), understood)
    }

    /// An expanded word; what its placeholders gave is noted by its length.
    fn expanded(&mut self, name: &'static str, word: Result<Word, crate::word::Unexpanded>) -> Option<Word> {
        match word {
            Ok(word) => {
                for (placeholder, len) in word.placeholders() {
                    let bytes = if len == 1 { "byte" } else { "bytes" };
                    let note = format!("{} is {len} {bytes} long", shown(placeholder, TARGET_CHARS));
                    if !self.notes.contains(&note) {
                        self.notes.push(note);
                    }
                }
                Some(word)
            }
            Err(error) => {
                self.complain(Complaint::new(Named::Ours(name), Wrong(error.0)));
                None
            }
        }
    }

    fn understood<T>(&mut self, named: Named<'_>, understood: Result<T, Wrong>) -> Option<T> {
        match understood {
            Ok(understood) => Some(understood),
            Err(why) => {
                self.complain(Complaint::new(named, why));
                None
            }
        }
    }

    /// Takes every value of a flag out.
    fn take(&mut self, flag: &'static Flag) -> Vec<String> {
        fn without_mark(value: &OsStr) -> Result<String, Infallible> {
            Ok(value.to_string_lossy().strip_prefix('=').unwrap_or_default().to_owned())
        }
        let Some(options) = &mut self.options else { return Vec::new() };
        // The walk has put a value after every such option, so there is no error to come.
        options.values_from_os_str(flag.long, without_mark).unwrap_or_default()
    }

    /// True if a TARGET holds an option of this command: the whole command line was written as one string.
    fn holds_option(&self, typed: &str) -> bool {
        let is_option = |word: &str| {
            let is_this =
                |flag: &Flag| word.starts_with(flag.long) || flag.short.is_some_and(|short| word.starts_with(short));
            word.starts_with('-') && flags::of(self.command).any(is_this)
        };
        self.command.operand == "TARGET" && typed.split_whitespace().skip(1).any(is_option)
    }
}

/// What was made of one line or of several, with their remarks; an error if there is any complaint.
pub(super) fn finish<T>(lines: Vec<Line<'_>>, meant: Option<T>) -> Result<(T, Vec<String>), UsageError> {
    let first = lines.first().map(|line| (line.command, line.env));
    let typed = lines.iter().find_map(|line| line.output);
    let (mut complaints, mut notes) = (Vec::new(), Vec::new());
    for (at, line) in lines.into_iter().enumerate() {
        let name = line.command.name;
        let in_part = |complaint: Complaint| if at > 0 { complaint.in_part(name) } else { complaint };
        complaints.extend(line.complaints.into_iter().map(in_part));
        notes.extend(line.notes);
    }
    match meant {
        Some(meant) if complaints.is_empty() => Ok((meant, notes)),
        _ => {
            let output = first.map_or(Format::Text, |(_, env)| format(typed, env));
            Err(UsageError::new(first.map(|(command, _)| command), output, complaints))
        }
    }
}

/// How a usage error is printed whose command is not known.
pub(super) fn output(args: impl Iterator<Item = OsString>, env: Env<'_>) -> Format {
    format(typed_format(&GRAMMAR.walk(|| FLAGS.to_vec(), args).given, env), env)
}

/// The last format that was typed and understood.
fn typed_format(given: &[Given<Flag>], env: Env<'_>) -> Option<Format> {
    let typed = given.iter().filter(|given| *given.flag == flags::OUTPUT).filter_map(|given| given.value.as_deref());
    typed.filter_map(|typed| values::format(Word::expand(typed, env).ok()?.value()).ok()).next_back()
}

/// The format that was typed, or that of the variable.
fn format(typed: Option<Format>, env: Env<'_>) -> Format {
    let variable = || values::format(&flags::OUTPUT.env.and_then(env)?.to_string_lossy()).ok();
    typed.or_else(variable).unwrap_or(Format::Text)
}

/// What is said of a word that can't be understood.
fn complaint(command: &'static Command, mistake: Mistake<Flag>) -> Complaint {
    let long = |flag: &'static Flag| Named::Ours(flag.long);
    match mistake {
        Mistake::Unknown(word) => habits::unknown_option(command, &word),
        Mistake::Joined(flag) => {
            let why = match flag.value {
                Some(value) => format!("option and value are two arguments, or {}={value}", flag.long),
                None => "wanted an argument for each word".to_owned(),
            };
            Complaint::new(long(flag), Wrong(why))
        }
        Mistake::NeedsValue(flag) => {
            Complaint::new(long(flag), Wrong(format!("needs a value: {}", flag.value.unwrap_or_default())))
        }
        Mistake::TakesNoValue(flag) => Complaint::of(long(flag), "takes no value"),
        Mistake::LooksLikeOption(flag, word) => {
            let Flag { long, value, .. } = flag;
            let wanted = value.unwrap_or_default();
            let why = format!("looks like an option; wanted {wanted}, or {long}=VALUE for such a value");
            Complaint::new(Named::Instead(flag, &word), Wrong(why))
        }
        Mistake::NotUtf8(at) => Complaint::not_utf8(at + 1),
    }
}

/// True for a value that came with its quotes, as of a shell that is not there.
fn is_quoted(typed: &str) -> bool {
    typed.len() > 1 && ['"', '\''].iter().any(|quote| typed.starts_with(*quote) && typed.ends_with(*quote))
}
