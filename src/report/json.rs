//! The JSON object: the same fields each time, null where there is nothing to say.

use std::fmt;
use std::time::Duration;

use crate::outcome::{Outcome, Phase, Subject};
use crate::report::{Asked, Verdict, text};
use crate::text::Millis;

/// A field of the object and its value as JSON; null if there is none.
type Field = (&'static str, Option<String>);

/// The object of a verdict. A run of several probes has each of them in `probes`, and its own fields are those of the
/// probe that failed.
pub(super) fn object(verdict: &Verdict) -> String {
    write(&all_fields(verdict))
}

/// The same with the path that it was asked by.
pub(super) fn object_for(path: &str, verdict: &Verdict) -> String {
    let mut fields = all_fields(verdict);
    fields.insert(0, ("path", Some(string(path))));
    write(&fields)
}

fn all_fields(verdict: &Verdict) -> Vec<Field> {
    let decisive = match verdict.asked.as_slice() {
        [only] => Some(only),
        all => all.iter().find(|asked| matches!(asked.outcome, Outcome::Unhealthy(_))),
    };
    let mut fields = fields(decisive);
    fields.push(("elapsed_ms", Some(Millis(verdict.elapsed).to_string())));
    fields.push(("message", Some(string(&text::lines(verdict)))));
    if verdict.asked.len() > 1 {
        let probes: Vec<String> = verdict.asked.iter().map(|asked| write(&self::fields(Some(asked)))).collect();
        fields.push(("probes", Some(format!("[{}]", probes.join(",")))));
    }
    fields
}

/// The object of a command line that can't be obeyed.
pub(crate) fn usage_error(handler: Option<&str>, target: Option<&str>, message: &str) -> String {
    write(&[
        ("healthy", Some("false".to_owned())),
        ("handler", handler.map(string)),
        ("target", target.map(string)),
        ("cause", Some(string("usage"))),
        ("status", None),
        ("phase", None),
        ("elapsed_ms", None),
        ("message", Some(string(message))),
    ])
}

/// A phase or a note of `-v` as an object.
pub(crate) fn step(phase: Option<Phase>, took: Option<Duration>, message: fmt::Arguments<'_>) -> String {
    write(&[
        ("phase", phase.map(|phase| string(phase.name()))),
        ("elapsed_ms", took.map(|took| Millis(took).to_string())),
        ("message", Some(string(&message.to_string()))),
    ])
}

/// What the object says of one probe; of none, that all are healthy.
fn fields(asked: Option<&Asked>) -> Vec<Field> {
    let subject = asked.map(|asked| &asked.subject);
    let (cause, status) = match asked.map(|asked| &asked.outcome) {
        None => (None, None),
        Some(Outcome::Healthy(evidence)) => (None, evidence.seen.status()),
        Some(Outcome::Unhealthy(failure)) => (Some(&failure.cause), failure.cause.status()),
    };
    vec![
        ("healthy", Some(cause.is_none().to_string())),
        ("handler", subject.map(|Subject { handler, .. }| string(handler))),
        ("target", subject.map(|Subject { target, .. }| string(target))),
        ("cause", cause.map(|cause| string(cause.name()))),
        ("status", status),
        ("phase", cause.and_then(|cause| cause.phase()).map(|phase| string(phase.name()))),
    ]
}

fn write(fields: &[Field]) -> String {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| format!("\"{name}\":{}", value.as_deref().unwrap_or("null"))).collect();
    format!("{{{}}}", fields.join(","))
}

/// A JSON string (RFC 8259, section 7).
fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            char if char < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        let rows = [
            ("a", "\"a\""),
            ("\"\\\n", "\"\\\"\\\\\\n\""),
            ("ä…", "\"ä…\""),
            ("\t\u{0}\u{1f}\u{7f}", "\"\\u0009\\u0000\\u001f\u{7f}\""),
        ];
        for (given, wanted) in rows {
            assert_eq!(string(given), wanted);
        }
    }
}
