//! Foreign text made fit for a message: what came from a command line, a variable or a peer is shown on one line,
//! without control characters, and cut. The kubelet puts the line into an event and a terminal prints it.

use std::fmt;
use std::time::Duration;

/// How many characters of a target are shown.
pub(crate) const TARGET_CHARS: usize = 200;

/// How many characters of an option's value are shown.
pub(crate) const VALUE_CHARS: usize = 64;

/// Returns `text` on one line: control characters and those that reorder or break lines become `?`, and what is
/// longer than `most` characters ends in `…`.
pub(crate) fn shown(text: &str, most: usize) -> String {
    // Nearly every text, and then a fifth of the instructions.
    if text.len() <= most && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len().min(most.saturating_mul(4)));
    for (count, char) in text.chars().enumerate() {
        if count == most {
            out.push('…');
            break;
        }
        out.push(if is_unprintable(char) { '?' } else { char });
    }
    out
}

/// Returns `text` in double quotes, as [`shown`]; in others where it has such quotes itself.
pub(crate) fn quoted(text: &str) -> String {
    quoted_up_to(text, VALUE_CHARS)
}

/// As [`quoted`], for texts of another length.
pub(crate) fn quoted_up_to(text: &str, most: usize) -> String {
    let text = shown(text, most);
    match (text.contains('"'), text.contains('\'')) {
        (false, _) => format!("\"{text}\""),
        (true, false) => format!("'{text}'"),
        (true, true) => format!("“{text}”"),
    }
}

/// Control characters, line and paragraph separators, and what is invisible or changes how other text is read:
/// directions (U+061C, U+200E, U+202A, U+2066, …), soft hyphens and joiners, annotations, and the tags and selectors of
/// plane 14, in which a whole text can hide.
fn is_unprintable(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A length as a user would write it: `29s`, `900ms`, `0.5ms`.
pub(crate) struct Length(pub(crate) Duration);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos.is_multiple_of(1_000_000_000) {
            return write!(f, "{}s", nanos / 1_000_000_000);
        }
        write!(f, "{}", nanos / 1_000_000)?;
        let fraction = format!("{:06}", nanos % 1_000_000);
        let fraction = fraction.trim_end_matches('0');
        if !fraction.is_empty() {
            write!(f, ".{fraction}")?;
        }
        f.write_str("ms")
    }
}

/// A measured time: `0.8ms`.
pub(crate) struct Measured(pub(crate) Duration);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whole tenths in integers: the float formatter would be 10 KB of the binary.
        let tenths = self.0.as_micros().saturating_add(50) / 100;
        write!(f, "{}.{}ms", tenths / 10, tenths % 10)
    }
}

/// The number in the JSON object, in milliseconds with three decimals.
pub(crate) struct Millis(pub(crate) Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{}.{:03}", micros / 1000, micros % 1000)
    }
}

/// Writes an errno as its name, `EMFILE`, or as `errno 75` if it is a rare one. Numbers differ between architectures,
/// and the texts of strerror between libcs.
pub(crate) struct Errno(pub(crate) i32);

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            libc::EACCES => "EACCES",
            libc::EADDRINUSE => "EADDRINUSE",
            libc::EADDRNOTAVAIL => "EADDRNOTAVAIL",
            libc::EAFNOSUPPORT => "EAFNOSUPPORT",
            libc::EAGAIN => "EAGAIN",
            libc::EBADF => "EBADF",
            libc::EBUSY => "EBUSY",
            libc::ECONNREFUSED => "ECONNREFUSED",
            libc::EDQUOT => "EDQUOT",
            libc::EEXIST => "EEXIST",
            libc::EFBIG => "EFBIG",
            libc::EINTR => "EINTR",
            libc::EINVAL => "EINVAL",
            libc::EIO => "EIO",
            libc::EISDIR => "EISDIR",
            libc::ELOOP => "ELOOP",
            libc::EMFILE => "EMFILE",
            libc::EMLINK => "EMLINK",
            libc::ENAMETOOLONG => "ENAMETOOLONG",
            libc::ENFILE => "ENFILE",
            libc::ENOBUFS => "ENOBUFS",
            libc::ENOENT => "ENOENT",
            libc::ENOLCK => "ENOLCK",
            libc::ENOMEM => "ENOMEM",
            libc::ENOSPC => "ENOSPC",
            libc::ENOSYS => "ENOSYS",
            libc::ENOTDIR => "ENOTDIR",
            libc::ENOTEMPTY => "ENOTEMPTY",
            libc::ENXIO => "ENXIO",
            libc::EOPNOTSUPP => "EOPNOTSUPP",
            libc::EPERM => "EPERM",
            libc::EPIPE => "EPIPE",
            libc::EPROTOTYPE => "EPROTOTYPE",
            libc::EROFS => "EROFS",
            libc::ESTALE => "ESTALE",
            libc::ETIMEDOUT => "ETIMEDOUT",
            libc::ETXTBSY => "ETXTBSY",
            libc::EXDEV => "EXDEV",
            number => return write!(f, "errno {number}"),
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cleaned_and_cut() {
        let rows = [
            ("plain", 10, "plain"),
            ("a\nb\tc\u{7f}\u{1b}[31m", 20, "a?b?c??[31m"),
            ("left\u{202e}right\u{2028}x\u{200b}", 20, "left?right?x?"),
            ("äöü€", 3, "äöü…"),
            ("a\u{61c}b\u{ad}c\u{2060}d\u{2064}e\u{206a}", 20, "a?b?c?d?e?"),
            ("\u{fff9}a\u{fffb}\u{e0041}\u{e007f}\u{e01ef}\u{180e}", 20, "?a?????"),
            ("\u{fffd}€–’", 20, "\u{fffd}€–’"),
            ("", 0, ""),
            ("exact", 5, "exact"),
        ];
        for (given, most, wanted) in rows {
            assert_eq!(shown(given, most), wanted, "{given:?} {most}");
        }
    }

    #[test]
    fn the_errors_of_files_and_sockets_have_names() {
        let rows = [
            (libc::EEXIST, "EEXIST"),
            (libc::ENOTEMPTY, "ENOTEMPTY"),
            (libc::ENOSPC, "ENOSPC"),
            (libc::EROFS, "EROFS"),
            (libc::EDQUOT, "EDQUOT"),
            (libc::EBUSY, "EBUSY"),
            (libc::EMFILE, "EMFILE"),
            (4000, "errno 4000"),
        ];
        for (errno, wanted) in rows {
            assert_eq!(Errno(errno).to_string(), wanted);
        }
    }

    #[test]
    fn quotes_are_others_than_those_within() {
        let rows = [("a", "\"a\""), ("it's", "\"it's\""), ("\"a\": 1", "'\"a\": 1'"), ("\"it's\"", "“\"it's\"”")];
        for (given, wanted) in rows {
            assert_eq!(quoted(given), wanted);
        }
    }

    #[test]
    fn lengths_read_as_they_are_written() {
        let rows = [
            (Duration::from_secs(29), "29s"),
            (Duration::from_millis(1800), "1800ms"),
            (Duration::from_micros(500), "0.5ms"),
            (Duration::from_nanos(1), "0.000001ms"),
            (Duration::from_secs(3600), "3600s"),
        ];
        for (given, wanted) in rows {
            assert_eq!(Length(given).to_string(), wanted, "{given:?}");
        }
    }

    #[test]
    fn measured_times_have_one_decimal_and_json_three() {
        let rows =
            [(0, "0.0ms", "0.000"), (49, "0.0ms", "0.049"), (751, "0.8ms", "0.751"), (12_345, "12.3ms", "12.345")];
        for (micros, text, json) in rows {
            let given = Duration::from_micros(micros);
            assert_eq!((Measured(given).to_string().as_str(), Millis(given).to_string().as_str()), (text, json));
        }
    }
}
