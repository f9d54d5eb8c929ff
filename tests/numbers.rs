//! Numbers in the pages: each that counts or measures something stands beside the place that makes it true, a limit in the
//! source, a bound of a test, or a row of docs/cost.md, whose own figures bear the command and the date of their measurement. A
//! number that no row of [`FIGURES`] knows fails, and so does a row whose place says something else by now. How many hostile
//! servers there are, tests/hostile.rs compares by itself.

use std::fmt::Write as _;
use std::path::Path;

/// What pages say, code taken out, the file that makes it true, and by which of its text.
const FIGURES: &[(&str, &str, &str)] = &[
    // Limits of the program.
    ("29 s", "src/cli/run.rs", "TIMEOUT: Duration = Duration::from_secs(29)"),
    ("256 characters", "src/probe/http/mod.rs", "EXCERPT_CHARS: usize = 256"),
    ("64 characters", "src/text.rs", "VALUE_CHARS: usize = 64"),
    ("64 KiB of headers", "src/probe/http/head.rs", "MOST_HEAD: usize = 64 * 1024"),
    ("64 KiB and 128 lines", "src/probe/http/head.rs", "MOST_HEAD: usize = 64 * 1024"),
    ("128 lines", "src/probe/http/head.rs", "MOST_LINES: usize = 128"),
    ("10 KiB of body", "src/probe/http/body.rs", "MOST_SEARCHED: usize = 10 * 1024"),
    ("first 10 KiB", "src/probe/http/body.rs", "MOST_SEARCHED: usize = 10 * 1024"),
    ("64 KiB of JSON", "src/probe/http/body.rs", "MOST_JSON: usize = 64 * 1024"),
    ("as JSON at 64 KiB", "src/probe/http/body.rs", "MOST_JSON: usize = 64 * 1024"),
    ("The whole body is read, 64 KiB at most", "src/probe/http/body.rs", "MOST_JSON: usize = 64 * 1024"),
    ("64 KiB, to standard output", "src/dropin/curl.rs", "MOST_BODY: usize = 64 * 1024"),
    ("64 KiB, to standard output", "src/dropin/wget.rs", "MOST_BODY: usize = 64 * 1024"),
    ("64 KiB on standard output", "src/dropin/curl.rs", "MOST_BODY: usize = 64 * 1024"),
    ("their bodies, 64 KiB at most", "src/dropin/curl.rs", "MOST_BODY: usize = 64 * 1024"),
    ("a healthy body too, 64 KiB at the most", "src/dropin/curl.rs", "MOST_BODY: usize = 64 * 1024"),
    ("a body as they do, 64 KiB at the most", "src/dropin/curl.rs", "MOST_BODY: usize = 64 * 1024"),
    ("where the tool prints it, 64 KiB at the most", "src/dropin/curl.rs", "MOST_BODY: usize = 64 * 1024"),
    ("prints 64 KiB of a body", "src/dropin/curl.rs", "MOST_BODY: usize = 64 * 1024"),
    ("At most 64 KiB of a body", "src/dropin/curl.rs", "MOST_BODY: usize = 64 * 1024"),
    ("a healthy body as well, 64 KiB of it", "src/dropin/curl.rs", "MOST_BODY: usize = 64 * 1024"),
    ("4 KiB of gRPC message", "src/probe/grpc/mod.rs", "MOST_MESSAGE: usize = 4 * 1024"),
    ("4 KiB of gRPC message, banner or answer", "src/probe/tcp/conversation.rs", "MOST: usize = 4 * 1024"),
    ("sends 4 KiB", "src/probe/tcp/conversation.rs", "MOST: usize = 4 * 1024"),
    ("typed after it, 4 KiB at most", "src/probe/tcp/conversation.rs", "MOST: usize = 4 * 1024"),
    ("to tcp it looks at 4 KiB", "src/probe/tcp/conversation.rs", "MOST: usize = 4 * 1024"),
    ("first 4 KiB", "src/probe/tcp/conversation.rs", "MOST: usize = 4 * 1024"),
    ("closed after 5 s", "src/serve/slots.rs", "PATIENCE: Duration = Duration::from_secs(5)"),
    // Bounds of tests.
    ("2 MB", "tests/e2e/test_static.py", "MOST_BYTES = 2_300_000"),
    ("8 MiB", "tests/hostile.rs", "MOST_MEMORY: u64 = 8 * 1024"),
    ("for 32 probes at most", "examples/kubernetes/admission/serve/mutation.yaml", "size(variables.probes) > 32"),
    ("at most 4 MiB resident", "tests/e2e/test_serve.py", "MOST_KILOBYTES = 4096"),
    ("a container with a limit of 8 MiB", "tests/e2e/test_serve.py", "memory_group(8 * MIB)"),
    ("16 MiB", "tests/e2e/test_limits.py", "prlimit(\"as\", 16 * MIB)"),
    ("4 MiB", "tests/e2e/test_limits.py", "memory_group(4 * MIB)"),
    ("4 descriptors", "tests/e2e/test_limits.py", "DESCRIPTORS = 4"),
    ("10 %", "tests/e2e/test_examples.py", "def test_the_timeout_is_a_tenth_below_the_limit"),
    ("100,000 probes", "tools/soak", "SOAK_PROBES=${1:-100000}"),
    ("4,000 probes", "tools/e2e-soak", "probes=${SOAK_PROBES:-4000}"),
    // What tests count, and compare by themselves.
    ("Of 421 health checks", "tests/e2e/test_dropin.py", "Of {total} health checks"),
    ("93 % run as they stand", "tests/e2e/test_dropin.py", "{share * 100:.0f} % run as they stand"),
    // Measurements.
    ("some 39 ms", "docs/cost.md", "| exec of a program that does nothing | 38.9 ms |"),
    ("` 1.5 ms", "docs/cost.md", "| `httpGet` | 1.5 ms |"),
    ("to ` 1.4 ms", "docs/cost.md", "which asks the application | 1.4 ms |"),
    ("processor time 24-26 ms", "docs/cost.md", "| exec of exec-probe http | 38.8 ms | 24-26 ms |"),
    ("and less than 1 ms", "docs/cost.md", "which asks the application | 1.4 ms | less than 1 ms |"),
    ("exec-probe takes 35 ms", "docs/cost.md", "| 20m | exec-probe http | 35 ms |"),
    ("` 405 ms", "docs/cost.md", "| 20m | `curl -f` | 405 ms |"),
];

/// Words behind a number that make it one to be kept.
const UNITS: &[&str] =
    &["ms", "s", "KiB", "MiB", "MB", "KB", "%", "characters", "lines", "bytes", "descriptors", "probes", "health"];

/// Pages that measure: their figures bear the command and the date themselves.
const MEASURED: &[&str] = &["cost.md", "architectures.md"];

/// The README and the pages in docs, by name.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("a file").path());
    let mut pages: Vec<_> = files
        .chain([root.join("README.md")])
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.sort();
    let read = |path: &Path| std::fs::read_to_string(path).expect("text");
    let name = |path: &Path| path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
    pages
        .iter()
        .map(|path| (name(path), prose(&read(path))))
        .filter(|(name, _)| !MEASURED.contains(&name.as_str()))
        .collect()
}

/// A page without its blocks, its code and its line ends.
fn prose(page: &str) -> String {
    let without_blocks: String = page.split("```").step_by(2).collect();
    let without_code = without_blocks.replace("``", "`").split('`').step_by(2).collect::<Vec<_>>().join("`");
    without_code.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The numbers of a page that have a unit, as where they begin, and what is there.
fn numbers(page: &str) -> Vec<(usize, String)> {
    let words: Vec<&str> = page.split(' ').collect();
    let mut at = 0;
    let mut found = Vec::new();
    for pair in words.windows(2) {
        let number = pair[0].trim_start_matches(['(', '"']);
        let unit = pair[1].trim_end_matches(|char: char| !char.is_alphanumeric() && char != '%');
        if number.starts_with(|char: char| char.is_ascii_digit()) && UNITS.contains(&unit) {
            found.push((at + pair[0].len() - number.len(), format!("{number} {unit}")));
        }
        at += pair[0].len() + 1;
    }
    found
}

#[test]
fn every_number_of_a_page_is_kept_by_something() {
    let pages = pages();
    let mut wrong = String::new();
    for (said, file, text) in FIGURES {
        let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default();
        if !source.contains(text) {
            let _ = writeln!(wrong, "{said}: {file} does not say {text}");
        }
        if !pages.iter().any(|(_, page)| page.contains(said)) {
            let _ = writeln!(wrong, "{said}: no page says so");
        }
    }
    for (name, page) in &pages {
        let is_kept = |at: usize| {
            FIGURES
                .iter()
                .any(|(said, ..)| page.match_indices(said).any(|(from, _)| (from..from + said.len()).contains(&at)))
        };
        for (at, number) in numbers(page).into_iter().filter(|(at, _)| !is_kept(*at)) {
            let from = page[..at].char_indices().rev().nth(60).map_or(0, |(from, _)| from);
            let _ = writeln!(wrong, "{name}: what keeps {number}? {}", &page[from..at + number.len()]);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn numbers_are_found_in_prose_alone() {
    let page = prose("a (10 ms)\nand `20 ms`, ``30 ms``\n```text\n40 ms\n```\n5\nKiB; 64, 1 person, 8 MiB.");
    let found: Vec<String> = numbers(&page).into_iter().map(|(_, number)| number).collect();
    assert_eq!(found, ["10 ms", "5 KiB", "8 MiB"]);
}
