//! A command line taken apart, through the flag table. pico-args takes the options out; one walk before it makes up
//! for what pico-args leaves open (its source: a value that looks like a flag is taken, `--` ends nothing, the error
//! of a bad value does not name its flag, quotes behind `=` are stripped). Values travel through it with a `=` in
//! front, so that none can be mistaken for an option.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};

use pico_args::Arguments;

use crate::cli::flags::{self, Command, Flag};
use crate::target::without_user;
use crate::text::{TARGET_CHARS, VALUE_CHARS, quoted, shown};
use crate::word::{Sought, Word, Wrong};

/// Looks a variable up.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

pub(super) fn utf8(arg: OsString) -> Result<String, String> {
    arg.into_string().map_err(|arg| format!("{}: wanted UTF-8", quoted(without_user(&arg.to_string_lossy()))))
}

/// A command line taken apart: options by their long names, and the operands.
pub(super) struct Line<'a> {
    pub(super) command: Command,
    /// None where none was typed, as most options are not.
    options: Option<Arguments>,
    operands: Vec<String>,
    env: Env<'a>,
}

impl<'a> Line<'a> {
    /// Goes through argv once. None: help was asked for.
    pub(super) fn walk(
        command: Command,
        args: impl Iterator<Item = OsString>,
        env: Env<'a>,
    ) -> Result<Option<Self>, String> {
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
        let options = (!options.is_empty()).then(|| Arguments::from_vec(options));
        Ok(Some(Line { command, options, operands, env }))
    }

    /// A text to look for.
    pub(super) fn wanted(&mut self, flag: &'static Flag) -> Result<Option<Sought>, String> {
        self.word(flag, |word| match word.value() {
            "" => Err(Wrong("wanted a text".to_owned())),
            text => Ok(Sought { text: text.to_owned(), shown: word.typed().to_owned() }),
        })
    }

    pub(super) fn option<T>(
        &mut self,
        flag: &'static Flag,
        understand: impl FnMut(&str) -> Result<T, Wrong>,
    ) -> Result<Option<T>, String> {
        Ok(self.options(flag, understand)?.into_iter().next())
    }

    pub(super) fn options<T>(
        &mut self,
        flag: &'static Flag,
        mut understand: impl FnMut(&str) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, String> {
        self.words(flag, |word| understand(word.value()))
    }

    pub(super) fn word<T>(
        &mut self,
        flag: &'static Flag,
        understand: impl FnMut(&Word) -> Result<T, Wrong>,
    ) -> Result<Option<T>, String> {
        Ok(self.words(flag, understand)?.into_iter().next())
    }

    /// Every value of a flag, expanded and understood; or the value of its variable.
    pub(super) fn words<T>(
        &mut self,
        flag: &'static Flag,
        mut understand: impl FnMut(&Word) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, String> {
        let typed = self.take(flag);
        if typed.len() > 1 && !flag.repeats {
            return Err(format!("{} is given {} times, wanted once", flag.long, typed.len()));
        }
        let env = flag.env.filter(|_| flag.commands.contains(&self.command));
        if let (Some(name), true) = (env, typed.is_empty()) {
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
        let Some(options) = &mut self.options else { return Vec::new() };
        // The walk has put a value behind every such option, so there is no error to come.
        options.values_from_os_str(flag.long, without_mark).unwrap_or_default()
    }

    pub(super) fn switch(&mut self, flag: &'static Flag) -> Result<bool, String> {
        let Some(options) = &mut self.options else { return Ok(false) };
        let is_on = options.contains(flag.long);
        if options.contains(flag.long) {
            return Err(format!("{} is given twice, wanted once", flag.long));
        }
        Ok(is_on)
    }

    /// The one operand, understood, behind what was typed.
    pub(super) fn target<T>(
        &mut self,
        understand: impl FnOnce(&Word) -> Result<T, Wrong>,
    ) -> Result<(String, T), String> {
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

/// The candidate that is fewest edits away, if that is few for its length.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
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
