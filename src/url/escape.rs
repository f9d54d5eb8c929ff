//! Percent-encoding: what a request line, a header value and a user part may hold (RFC 3986, section 2.1).

/// Path and query as a request line carries them: with a slash in front, and what may not stand there encoded.
pub(super) fn request_target(text: &str) -> String {
    let text = text.split_once('#').map_or(text, |(text, _)| text);
    let text = with_slash(text.to_owned());
    let path_len = text.find('?').unwrap_or(text.len());
    let mut out = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        // In a path strict servers refuse more than in a query; Go's net/url draws the same line for the kubelet.
        let is_for_path = at < path_len && (b"{}|\\^".contains(&byte) || (byte == b'%' && !is_escape(&text[at..])));
        if byte.is_ascii_graphic() && !b"\"<>`".contains(&byte) && !is_for_path {
            out.push(char::from(byte));
        } else {
            push_encoded(&mut out, byte);
        }
    }
    out
}

/// True for `%` and two hexadecimal digits at the start of `text`.
pub(super) fn is_escape(text: &str) -> bool {
    matches!(text.as_bytes(), [b'%', one, other, ..] if one.is_ascii_hexdigit() && other.is_ascii_hexdigit())
}

fn push_encoded(out: &mut String, byte: u8) {
    out.push('%');
    out.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
    out.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
}

/// A header value as text: bytes beyond ASCII, whatever their encoding, become escapes.
pub(super) fn ascii(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value {
        if byte.is_ascii() { out.push(char::from(*byte)) } else { push_encoded(&mut out, *byte) }
    }
    out
}

pub(super) fn with_slash(path: String) -> String {
    if path.starts_with('/') { path } else { format!("/{path}") }
}

pub(super) fn percent_decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        match hex
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .map(|hex| u8::from_str_radix(hex, 16))
        {
            Some(Ok(decoded)) => {
                out.push(decoded);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}
