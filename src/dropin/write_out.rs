//! What curl's -w prints.

use super::table::NO_INPUT;
use crate::text::{VALUE_CHARS, shown};

/// What -w prints: `%{http_code}`, `%%`, `\n`, `\r`, `\t`, and any other text as it is.
pub(super) fn write_out(format: &str, status: u16) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = format;
    if rest.starts_with('@') {
        return Err(format!("@…: {NO_INPUT}"));
    }
    while let Some(at) = rest.find(['%', '\\']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = [("%%", "%"), ("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t")];
        if let Some((typed, meant)) = known.into_iter().find(|(typed, _)| rest.starts_with(typed)) {
            out.push_str(meant);
            rest = &rest[typed.len()..];
        } else if let Some((name, after)) = rest.strip_prefix("%{").and_then(|rest| rest.split_once('}')) {
            if !matches!(name, "http_code" | "response_code") {
                return Err(format!("%{{{}}}: exec-probe knows %{{http_code}} only", shown(name, VALUE_CHARS)));
            }
            out.push_str(&format!("{status:03}"));
            rest = after;
        } else {
            out.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    Ok(out + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_the_one_variable() {
        let rows = [
            ("%{http_code}\\n", Ok("200\n")),
            ("a%{response_code}b%%\\t\\x%x", Ok("a200b%\t\\x%x")),
            ("é%", Ok("é%")),
            ("", Ok("")),
            ("%{time_total}", Err("%{time_total}: exec-probe knows %{http_code} only")),
            ("@file", Err("@…: exec-probe reads no file but certificates and keys")),
        ];
        for (given, wanted) in rows {
            assert_eq!(write_out(given, 200), wanted.map(str::to_owned).map_err(str::to_owned), "{given}");
        }
        assert_eq!(write_out("%{http_code}", 0), Ok("000".to_owned()));
    }
}
