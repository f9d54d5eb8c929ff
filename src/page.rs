//! docs/troubleshooting.md has a row for every cause, in the words and with the `cause` of today.

use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};

const PAGE: &str = include_str!("../docs/troubleshooting.md");

/// The rows of the tables behind this mark, as line and `cause`.
fn rows(mark: &str) -> Vec<(&'static str, &'static str)> {
    let mark = format!("<!-- {mark} -->\n\n");
    let tables = PAGE.split(&mark).skip(1).filter_map(|rest| rest.split("\n\n").next());
    // Two of them around a line that has one in it.
    let cell = |cell: &'static str| Some(cell.trim().strip_prefix('`')?.strip_suffix('`')?.trim_matches('`').trim());
    let row = |line: &'static str| {
        let mut cells = line.strip_prefix('|')?.split('|');
        Some((cell(cells.next()?)?, cell(cells.next()?)?))
    };
    tables.flat_map(str::lines).filter_map(row).collect()
}

/// Asserts that each kind of cause has a row in the tables behind this mark, and that each row is one of these examples.
pub(crate) fn assert_listed<'a, C: 'a>(mark: &str, examples: impl IntoIterator<Item = (&'a C, &'a str, &'a str)>) {
    let rows = rows(mark);
    let mut shown = HashSet::new();
    let mut kinds: Vec<(Discriminant<C>, &str, bool)> = Vec::new();
    for (cause, name, text) in examples {
        let is_listed = rows.contains(&(text, name));
        if is_listed {
            shown.insert((text, name));
        }
        match kinds.iter_mut().find(|(kind, ..)| *kind == discriminant(cause)) {
            Some((.., is_any_listed)) => *is_any_listed |= is_listed,
            None => kinds.push((discriminant(cause), text, is_listed)),
        }
    }
    let missing: Vec<&str> = kinds.iter().filter(|(.., is_listed)| !is_listed).map(|(_, text, _)| *text).collect();
    let unknown: Vec<_> = rows.iter().filter(|row| !shown.contains(*row)).collect();
    assert!(missing.is_empty(), "docs/troubleshooting.md has no row like {missing:?}");
    assert!(unknown.is_empty(), "docs/troubleshooting.md shows what is no example: {unknown:?}");
}
