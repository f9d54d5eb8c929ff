//! Why a body is not the JSON that `--expect-json` wants, and how that reads.

use std::fmt;

use crate::text::{VALUE_CHARS, quoted, shown};

/// Why a body is not the wanted JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JsonCause {
    /// There is no body.
    Empty,
    /// The body is not JSON; how it is compressed, if it is.
    NotJson { coding: Option<String> },
    /// The body ended before its JSON did.
    Cut,
    /// The body exceeds 64 KiB.
    TooLong,
    /// Nothing is at the pointer.
    Missing { pointer: String, wanted: Vec<String> },
    /// Something else is at the pointer.
    Differs { pointer: String, found: Found, wanted: Vec<String> },
}

/// What is at a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A string.
    Text(String),
    /// A number as it was written, `true`, `false` or `null`.
    Word(String),
    /// An array.
    Array,
    /// An object.
    Object,
}

impl JsonCause {
    /// The word in JSON's `cause`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            JsonCause::Empty | JsonCause::NotJson { .. } | JsonCause::Cut => "not-json",
            JsonCause::TooLong => "body-too-long",
            JsonCause::Missing { .. } | JsonCause::Differs { .. } => "json",
        }
    }
}

impl fmt::Display for JsonCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonCause::Empty => f.write_str("the body is empty, wanted JSON"),
            JsonCause::NotJson { coding: None } => f.write_str("the body is not JSON"),
            JsonCause::NotJson { coding: Some(coding) } => {
                write!(f, "the body is not JSON; it is compressed ({coding})")
            }
            JsonCause::Cut => f.write_str("the body ends before its JSON does"),
            JsonCause::TooLong => f.write_str("a body of more than 64 KiB, wanted JSON of 64 KiB at most"),
            JsonCause::Missing { pointer, wanted } => {
                write!(f, "no {} in the body, {}", place(pointer), Wanted(wanted))
            }
            JsonCause::Differs { pointer, found, wanted } => {
                write!(f, "{} is {found}, {}", place(pointer), Wanted(wanted))
            }
        }
    }
}

/// The pointer; the empty one is the whole body.
fn place(pointer: &str) -> String {
    if pointer.is_empty() { "the body".to_owned() } else { shown(pointer, VALUE_CHARS) }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Text(text) => f.write_str(&quoted(text)),
            Found::Word(word) => f.write_str(&shown(word, VALUE_CHARS)),
            Found::Array => f.write_str("an array"),
            Found::Object => f.write_str("an object"),
        }
    }
}

/// `wanted "UP" or "UNKNOWN"`, as long as a value is shown.
struct Wanted<'a>(&'a [String]);

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room = VALUE_CHARS;
        for (at, value) in self.0.iter().enumerate() {
            if room == 0 {
                return f.write_str(" or …");
            }
            room = room.saturating_sub(value.chars().count() + 1);
            f.write_str(if at == 0 { "wanted " } else { " or " })?;
            let is_word = matches!(value.as_str(), "true" | "false" | "null")
                || value.starts_with(|char: char| char == '-' || char.is_ascii_digit())
                    && value.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            f.write_str(&if is_word { shown(value, VALUE_CHARS) } else { quoted(value) })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::outcome::{Cause, Phase, cause::kinds};
    use crate::page;

    kinds! { JsonCause:
        JsonCause::Empty => "Empty",
        JsonCause::NotJson { .. } => "NotJson",
        JsonCause::Cut => "Cut",
        JsonCause::TooLong => "TooLong",
        JsonCause::Missing { .. } => "Missing",
        JsonCause::Differs { .. } => "Differs",
    }

    /// Every cause, its word in JSON, and its text.
    fn causes() -> Vec<(JsonCause, &'static str, &'static str)> {
        let values = |wanted: &[&str]| wanted.iter().map(|value| (*value).to_owned()).collect();
        let missing =
            |pointer: &str, wanted: &[&str]| JsonCause::Missing { pointer: pointer.into(), wanted: values(wanted) };
        let differs = |pointer: &str, found, wanted: &[&str]| JsonCause::Differs {
            pointer: pointer.into(),
            found,
            wanted: values(wanted),
        };
        let text = |text: &str| Found::Text(text.into());
        vec![
            (JsonCause::Empty, "not-json", "the body is empty, wanted JSON"),
            (JsonCause::NotJson { coding: None }, "not-json", "the body is not JSON"),
            (
                JsonCause::NotJson { coding: Some("gzip".into()) },
                "not-json",
                "the body is not JSON; it is compressed (gzip)",
            ),
            (JsonCause::Cut, "not-json", "the body ends before its JSON does"),
            (JsonCause::TooLong, "body-too-long", "a body of more than 64 KiB, wanted JSON of 64 KiB at most"),
            (missing("/x", &["UP"]), "json", "no /x in the body, wanted \"UP\""),
            (differs("/status", text("DOWN"), &["UP"]), "json", "/status is \"DOWN\", wanted \"UP\""),
            (differs("/a", text("a\n\u{202e}b"), &["UP", "1.5"]), "json", "/a is \"a??b\", wanted \"UP\" or 1.5"),
            (differs("", Found::Word("false".into()), &["true"]), "json", "the body is false, wanted true"),
            (differs("/n", Found::Word("2".into()), &["-1e3", "1-x"]), "json", "/n is 2, wanted -1e3 or \"1-x\""),
            (differs("/a", Found::Array, &["null"]), "json", "/a is an array, wanted null"),
            (differs("/a", Found::Object, &["it's"]), "json", "/a is an object, wanted \"it's\""),
        ]
    }

    #[test]
    fn every_cause_reads_whole() {
        for (json, name, text) in causes() {
            let cause = Cause::Json(Box::new(json));
            assert_eq!((cause.name(), cause.to_string().as_str()), (name, text), "{cause:?}");
            assert_eq!(cause.phase(), Some(Phase::Body), "{cause:?}");
        }
        let shown: BTreeSet<_> = causes().iter().map(|(cause, ..)| kind(cause)).collect();
        assert_eq!(shown, KINDS.iter().copied().collect(), "variants in the table, and all there are");
        let causes = causes();
        page::assert_listed("json causes", causes.iter().map(|(cause, name, text)| (cause, *name, *text)));
    }

    #[test]
    fn what_is_long_is_cut() {
        let long = "x".repeat(1000);
        let wanted = vec!["y".repeat(30); 100];
        let cause = JsonCause::Differs { pointer: format!("/{long}"), found: Found::Text(long), wanted };
        let y = "y".repeat(30);
        let (pointer, found) = ("x".repeat(63), "x".repeat(64));
        assert_eq!(
            cause.to_string(),
            format!("/{pointer}… is \"{found}…\", wanted \"{y}\" or \"{y}\" or \"{y}\" or …")
        );
    }
}
