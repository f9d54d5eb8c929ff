//! A run of several probes, and what follows it: `--and` begins another command, `--then` a program. Both are words of their
//! own, so that no value is mistaken for one: a value that begins with a dash is written `--option=VALUE`.

use std::ffi::OsString;

/// The words of a command line, a part for each command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// At least one; each begins with its command, if it has any word.
    pub(super) commands: Vec<Vec<OsString>>,
    /// The words after `--then`.
    pub(super) then: Option<Vec<OsString>>,
}

impl Parts {
    /// Splits a command line. After `--` every word is an operand.
    pub(super) fn of(args: Vec<OsString>) -> Parts {
        if !args.iter().any(|arg| arg == "--and" || arg == "--then") {
            return Parts { commands: vec![args], then: None };
        }
        let (mut commands, mut then) = (Vec::new(), None);
        let mut part = Vec::new();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            match arg.to_str() {
                Some("--") => {
                    part.push(arg);
                    part.extend(args.by_ref());
                }
                Some("--and") => commands.push(std::mem::take(&mut part)),
                Some("--then") => then = Some(args.by_ref().collect()),
                _ => part.push(arg),
            }
        }
        commands.push(part);
        Parts { commands, then }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_split_at_words_of_their_own() {
        let rows: [(&str, &[&str], Option<&str>); 8] = [
            ("http :1", &["http :1"], None),
            ("http :1 --and tcp :2", &["http :1", "tcp :2"], None),
            ("http :1 --and", &["http :1", ""], None),
            ("--and http :1", &["", "http :1"], None),
            ("http :1 --then app --and x -- --then", &["http :1"], Some("app --and x -- --then")),
            ("http :1 --then", &["http :1"], Some("")),
            ("file -- --and --then", &["file -- --and --then"], None),
            ("http -H=--and :1 --and tcp -- :2 --and", &["http -H=--and :1", "tcp -- :2 --and"], None),
        ];
        let split = |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        for (given, commands, then) in rows {
            let wanted = Parts { commands: commands.iter().map(|text| split(text)).collect(), then: then.map(split) };
            assert_eq!(Parts::of(split(given)), wanted, "{given}");
        }
    }
}
