//! The README says what the program does: its option lists are the program's own help.

use crate::support::exec_probe;

const README: &str = include_str!("../README.md");

/// The text block behind `<!-- help COMMAND -->`.
fn block(command: &str) -> &'static str {
    let mark = format!("<!-- help {command} -->\n```text\n");
    let (_, rest) = README.split_once(&mark).unwrap_or_else(|| panic!("no {mark}"));
    rest.split_once("```").expect("the block ends").0
}

#[test]
fn the_option_lists_of_the_readme_are_the_help() {
    for command in ["http", "tcp", "grpc", "file", "install"] {
        let (_, help, _) = exec_probe([command, "--help"]).output();
        // To renew a block: exec-probe COMMAND --help, pasted over it.
        assert_eq!(block(command), help, "README, help {command}");
    }
}

#[test]
fn every_option_of_the_help_is_accepted() {
    for command in ["http", "tcp", "grpc", "file", "install"] {
        let (_, help, _) = exec_probe([command, "--help"]).output();
        let options: Vec<&str> = help
            .split_whitespace()
            .filter(|word| word.starts_with("--") && word.len() > 2)
            .map(|word| word.trim_end_matches([',', ';', ':']))
            .collect();
        assert!(options.contains(&"--quiet"), "{help}");
        for option in options {
            // Known options want a value or a TARGET; unknown ones are told as such.
            let (code, _, stderr) = exec_probe([command, option]).output();
            assert_eq!(code, Some(64), "{option}");
            assert!(!stderr.contains("no such option"), "{command} {option}: {stderr}");
        }
    }
}

#[test]
fn lines_fit_a_terminal() {
    for args in [
        &["help"][..],
        &["help", "http"],
        &["help", "tcp"],
        &["help", "grpc"],
        &["help", "file"],
        &["help", "install"],
    ] {
        let (_, help, _) = exec_probe(args).output();
        for line in help.lines() {
            assert!(line.chars().count() <= 115 && line.trim_end() == line, "{args:?}: {line:?}");
        }
    }
}

#[test]
fn the_readme_shows_the_program_with_every_argument_in_double_quotes() {
    for line in README.lines().filter(|line| line.contains("command: [") || line.contains("CMD [")) {
        let inside = line.split_once('[').and_then(|(_, rest)| rest.split_once(']')).expect("a list").0;
        for argument in inside.split(", ") {
            assert!(argument.starts_with('"') && argument.ends_with('"'), "{line}");
        }
    }
}
