//! docs/options.md says what the program does: its lists are the program's own help. And the pages that make claims
//! name the tests that keep them: these exist.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{closed_port, exec_probe};

const README: &str = include_str!("../README.md");
const OPTIONS: &str = include_str!("../docs/options.md");

/// All commands, as the help lists them.
fn commands() -> Vec<String> {
    let (_, help, _) = exec_probe(["help"]).output();
    let name =
        |line: &str| line.strip_prefix("    exec-probe ")?.split_once(" [OPTIONS] ")?.0.trim().to_owned().into();
    let commands: Vec<String> = help.lines().filter_map(name).collect();
    assert!(commands.len() >= 5, "{help}");
    commands
}

/// The text block after `<!-- help COMMAND -->`.
fn block(command: &str) -> &'static str {
    let mark = format!("<!-- help {command} -->\n```text\n");
    let (_, rest) = OPTIONS.split_once(&mark).unwrap_or_else(|| panic!("no {mark}"));
    rest.split_once("```").expect("the block ends").0
}

#[test]
fn the_option_lists_are_the_help() {
    for command in commands() {
        let (_, help, _) = exec_probe([command.as_str(), "--help"]).output();
        // To renew a block: exec-probe COMMAND --help, pasted over it.
        assert_eq!(block(&command), help, "docs/options.md, help {command}");
    }
}

#[test]
fn every_option_of_the_help_is_accepted() {
    for command in commands() {
        let (_, help, _) = exec_probe([command.as_str(), "--help"]).output();
        let options: Vec<&str> = help
            .split_whitespace()
            .filter(|word| word.starts_with("--") && word.len() > 2)
            .map(|word| word.trim_end_matches([',', ';', ':']))
            .collect();
        assert!(options.contains(&"--quiet"), "{help}");
        for option in options {
            // Known options want a value or a TARGET; unknown ones are called unknown.
            let (code, _, stderr) = exec_probe([command.as_str(), option]).output();
            assert_eq!(code, Some(64), "{option}");
            assert!(!stderr.contains("no such option"), "{command} {option}: {stderr}");
        }
    }
}

#[test]
fn lines_fit_a_terminal() {
    let pages = commands().into_iter().map(|command| vec!["help".to_owned(), command]);
    for args in pages.chain([vec!["help".to_owned()]]) {
        let (_, help, _) = exec_probe(&args).output();
        for line in help.lines() {
            assert!(line.chars().count() <= 115 && line.trim_end() == line, "{args:?}: {line:?}");
        }
    }
}

/// The words of the JSON object's `cause`: unit tests keep those of the other page.
#[test]
fn the_causes_are_those_of_the_lines() {
    let page = include_str!("../docs/troubleshooting.md");
    let cell =
        |line: &'static str| line.strip_prefix("| `")?.split("` | `").nth(1)?.split_once('`').map(|(word, _)| word);
    // A command line that is wrong has a line of its own each time.
    let mut wanted: Vec<&str> = page.lines().filter_map(cell).chain(["usage"]).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let row = OPTIONS.lines().find_map(|line| line.split_once("unhealthy, one of ")).expect("the row of `cause`").1;
    let listed: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
    assert_eq!(listed, wanted);
}

#[test]
fn the_fields_of_the_json_object_are_those_of_the_page() {
    let rows = OPTIONS.split_once("| field | meaning |\n|---|---|\n").expect("the table").1;
    let listed: Vec<&str> = rows.lines().map_while(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    let target = format!(":{}", closed_port());
    let and = ["file", "--output=json", "Cargo.toml", "--and", "tcp", &target];
    let object = objects(&exec_probe(and).output().2).remove(0);
    assert_eq!(keys(&object), listed.iter().copied().collect());
    assert_eq!(keys(&object["probes"][0]), listed[..6].iter().copied().collect());
    let phases = objects(&exec_probe(["tcp", "-v", "--output=json", &target]).output().2);
    assert_eq!(keys(&phases[0]), ["elapsed_ms", "message", "phase"].into());
    let wrong = objects(&exec_probe(["tcp", "--output=json"]).output().2).remove(0);
    assert_eq!((&wrong["cause"], keys(&wrong)), (&"usage".into(), keys(&phases[phases.len() - 1])));
}

/// The objects of these lines.
fn objects(lines: &str) -> Vec<serde_json::Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
}

/// The names of an object's fields.
fn keys(object: &serde_json::Value) -> BTreeSet<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// The README and the pages in docs.
fn pages() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let files = std::fs::read_dir(&folder).expect("docs").map(|entry| entry.expect("a file").path());
    let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.map(|path| std::fs::read_to_string(path).expect("text")).chain([README.to_owned()]).collect()
}

/// What is longer is not read: it belongs to a page in docs.
#[test]
fn the_readme_is_short() {
    assert!(README.split_whitespace().count() < 1500);
}

/// A list without them is a list of something else for YAML as soon as an argument holds a colon and a space.
#[test]
fn every_exec_form_has_every_argument_in_double_quotes() {
    let mut count = 0;
    for page in pages() {
        for after in page.split('[').skip(1) {
            let Some((inside, after)) = after.split_once(']') else { continue };
            if inside.contains('\n') || after.starts_with('(') || !inside.contains("exec-probe") {
                continue;
            }
            count += 1;
            for argument in inside.split(", ") {
                let is_quoted = argument.len() > 1 && argument.starts_with('"') && argument.ends_with('"');
                assert!(is_quoted, "[{inside}]");
            }
        }
    }
    assert!(count > 10, "{count} lists found");
}

/// What a heading is called in a link, by GitHub's rule.
fn anchor(heading: &str) -> String {
    let keep = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    heading.trim_start_matches('#').trim().chars().filter_map(keep).collect()
}

/// The links of a page, in this folder, that lead to no file or to no heading of it.
fn dead_links(folder: &Path, page: &str) -> Vec<String> {
    let leads_somewhere = |link: &str| {
        let (path, heading) = link.split_once('#').unwrap_or((link, ""));
        let text = match path {
            "" => Ok(page.to_owned()),
            path if folder.join(path).is_dir() => return heading.is_empty(),
            path => std::fs::read_to_string(folder.join(path)),
        };
        let is_there = |text: String| {
            heading.is_empty() || text.lines().any(|line| line.starts_with('#') && anchor(line) == heading)
        };
        text.is_ok_and(is_there)
    };
    let links = page.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    links.filter(|link| !link.contains("://") && !leads_somewhere(link)).map(str::to_owned).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["", "docs", "examples", "tests/conformance"].map(|folder| root.join(folder)) {
        for file in std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("a file").path()) {
            if file.extension().is_some_and(|extension| extension == "md") {
                let page = std::fs::read_to_string(&file).expect("text");
                assert_eq!(dead_links(&folder, &page), [""; 0], "{}", file.display());
            }
        }
    }
    let page = "# One\n[a](#one) [b](#two) [c](README.md) [d](docs#one) [e](none.md) [f](README.md#none)";
    assert_eq!(dead_links(root, page), ["#two", "docs#one", "none.md", "README.md#none"]);
}

/// The last cells of all tables whose last column is called `kept by`, each with its line for the message.
fn kept_by(page: &str) -> Vec<(&str, &str)> {
    let mut cells = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        let last =
            line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).and_then(|line| line.rsplit('|').next());
        match last.map(str::trim) {
            None => is_inside = false,
            Some("kept by") => is_inside = true,
            Some("---") => {}
            Some(cell) if is_inside => cells.push((line, cell)),
            Some(_) => {}
        }
    }
    cells
}

/// The links of a cell, `[shown](path): `name`, `name``, as path and names.
fn links(cell: &str) -> Vec<(&str, Vec<&str>)> {
    let read = |part| {
        let (path, rest): (&str, &str) = str::split_once(part, ')')?;
        let names = rest.split('[').next().unwrap_or_default().strip_prefix(": ").unwrap_or_default();
        Some((path, names.split('`').skip(1).step_by(2).collect()))
    };
    cell.split("](").skip(1).filter_map(read).collect()
}

/// True if there is a test of this name in the file: one that cargo runs, or one that pytest collects.
fn has_test(path: &Path, source: &str, name: &str) -> bool {
    if path.extension().is_some_and(|extension| extension == "py") {
        return name.starts_with("test_") && source.lines().any(|line| line.starts_with(&format!("def {name}(")));
    }
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let Some(at) = lines.iter().position(|line| line.starts_with(&format!("fn {name}()"))) else { return false };
    let attributes: Vec<&&str> = lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).collect();
    attributes.contains(&&"#[test]") && !attributes.iter().any(|line| line.starts_with("#[ignore"))
}

/// What is wrong with the tests that a page names.
fn wrong_names(folder: &Path, page: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, cell) in kept_by(page) {
        let links = links(cell);
        if links.is_empty() {
            wrong.push(format!("nothing keeps {line}"));
        }
        for (link, names) in links {
            let path = folder.join(link);
            let Ok(source) = std::fs::read_to_string(&path) else {
                wrong.push(format!("no file {link}, in {line}"));
                continue;
            };
            // Any other file is a program or a setting that does the keeping itself.
            let holds_tests = link.ends_with(".rs") || link.ends_with(".py");
            if holds_tests && names.is_empty() {
                wrong.push(format!("no test named of {link}, in {line}"));
            }
            let missing = names.iter().filter(|name| holds_tests && !has_test(&path, &source, name));
            wrong.extend(missing.map(|name| format!("no test {name} in {link}")));
        }
    }
    wrong
}

#[test]
fn every_test_that_a_page_names_exists() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut claims = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("docs").map(|entry| entry.expect("a file").path()) {
        if entry.extension().is_some_and(|extension| extension == "md") {
            let page = std::fs::read_to_string(&entry).expect("text");
            claims += kept_by(&page).len();
            wrong.extend(wrong_names(&folder, &page));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(claims > 20, "{claims} claims found");
}

#[test]
fn a_test_that_does_not_exist_would_be_seen() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let head = "| claim | kept by |\n|---|---|\n";
    let here = "[tests/docs.rs](../tests/docs.rs)";
    let there = "[test_grpc.py](../tests/e2e/test_grpc.py)";
    let rows = [
        (format!("{here}: `a_test_that_does_not_exist_would_be_seen`, `lines_fit_a_terminal`"), 0),
        (format!("{here}: `lines_fit_a_terminal`; {there}: `test_a_refused_port_is_told_at_once`"), 0),
        ("[Cargo.toml](../Cargo.toml): `unsafe_code`".to_owned(), 0),
        (format!("{here}: `lines_fit_a_terminal`, `nobody`; {there}: `nobody`"), 2),
        // Neither a test, both functions.
        (format!("{here}: `has_test`"), 1),
        (format!("{there}: `nothing`"), 1),
        (here.to_owned(), 1),
        ("[tests/nobody.rs](../tests/nobody.rs): `nobody`".to_owned(), 1),
        ("the compiler".to_owned(), 1),
    ];
    for (cell, wanted) in rows {
        let wrong = wrong_names(&folder, &format!("{head}| a\\|b | {cell} |\n"));
        assert_eq!(wrong.len(), wanted, "{cell}: {wrong:?}");
    }
}
