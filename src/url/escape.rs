//! Percent-encoding: what a request line, a header value and a user part may hold (RFC 3986, section 2.1).

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode, utf8_percent_encode};

/// What a query may not hold, and so no request line.
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// What a path may not hold besides: strict servers refuse more there, and Go's net/url draws the same line for the
/// kubelet. A `%` is a matter of what follows it.
const PATH: &AsciiSet = &QUERY.add(b'{').add(b'}').add(b'|').add(b'\\').add(b'^');

/// Path and query as a request line carries them: with a slash in front, without a fragment, and what may not stand
/// there encoded.
pub(super) fn request_target(text: &str) -> String {
    let text = text.split_once('#').map_or(text, |(text, _)| text);
    let (path, query) = text.split_at(text.find('?').unwrap_or(text.len()));
    let mut out = String::with_capacity(text.len() + 1);
    if !path.starts_with('/') {
        out.push('/');
    }
    for (at, piece) in path.split('%').enumerate() {
        if at > 0 {
            out.push_str(if is_escape_tail(piece) { "%" } else { "%25" });
        }
        out.extend(utf8_percent_encode(piece, PATH));
    }
    out.extend(utf8_percent_encode(query, QUERY));
    out
}

/// True if every `%` of `text` begins an escape.
pub(super) fn has_whole_escapes(text: &str) -> bool {
    text.split('%').skip(1).all(is_escape_tail)
}

/// True for two hexadecimal digits at the start of what follows a `%`.
fn is_escape_tail(text: &str) -> bool {
    matches!(text.as_bytes(), [one, other, ..] if one.is_ascii_hexdigit() && other.is_ascii_hexdigit())
}

/// A header value as text: bytes beyond ASCII, whatever their encoding, become escapes.
pub(super) fn ascii(value: &[u8]) -> String {
    percent_encode(value, &AsciiSet::EMPTY).collect()
}

/// A path with a slash in front.
pub(super) fn with_slash(path: String) -> String {
    if path.starts_with('/') { path } else { format!("/{path}") }
}

/// What a text with escapes stands for; none if that is not UTF-8. A `%` that begins no escape stays.
pub(super) fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_carries_no_byte_that_servers_refuse() {
        let rows = [
            ("", "/"),
            ("/healthz", "/healthz"),
            ("?a b", "/?a%20b"),
            ("/a#b?c", "/a"),
            ("/\"<>`", "/%22%3C%3E%60"),
            ("/{|}\\^?{|}\\^", "/%7B%7C%7D%5C%5E?{|}\\^"),
            ("/%41%zz%", "/%41%25zz%25"),
            ("/?%zz%", "/?%zz%"),
            ("/\u{e4}\u{1}\u{7f}?\u{e4}", "/%C3%A4%01%7F?%C3%A4"),
        ];
        for (given, wanted) in rows {
            assert_eq!(request_target(given), wanted, "{given:?}");
        }
    }

    #[test]
    fn escapes_are_decoded_once_and_a_lone_percent_sign_stays() {
        for (given, wanted) in [
            ("p%40w", Some("p@w")),
            ("%2540", Some("%40")),
            ("100%", Some("100%")),
            ("%zz", Some("%zz")),
            ("%ff", None),
        ] {
            assert_eq!(decode(given).as_deref(), wanted, "{given:?}");
        }
    }

    #[test]
    fn a_header_value_becomes_ascii_whatever_its_encoding() {
        for (given, wanted) in [(&b"/a b"[..], "/a b"), (b"/\xfc", "/%FC"), (b"/\xc3\xa4%", "/%C3%A4%")] {
            assert_eq!(ascii(given), wanted);
        }
    }
}
