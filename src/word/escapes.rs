//! Escapes, for texts that a command line can hardly hold otherwise.

use super::{Word, Wrong};

const WANTED: &str = r"wanted \r, \n, \t, \0, \\ or \x and two hexadecimal digits after a backslash";

impl Word {
    /// The value's bytes, with the escapes in what was typed replaced. What a placeholder gave has none: a password may
    /// hold a backslash.
    pub(crate) fn unescaped(&self) -> Result<Vec<u8>, Wrong> {
        let mut out = Vec::with_capacity(self.value.len());
        let mut at = 0;
        for span in &self.spans {
            unescape(&self.value[at..span.value.start], &mut out)?;
            out.extend_from_slice(self.value[span.value.clone()].as_bytes());
            at = span.value.end;
        }
        unescape(&self.value[at..], &mut out)?;
        Ok(out)
    }
}

fn unescape(typed: &str, out: &mut Vec<u8>) -> Result<(), Wrong> {
    let mut parts = typed.split('\\');
    out.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    while let Some(part) = parts.next() {
        let (byte, len) = match part.as_bytes() {
            [] => {
                // Two backslashes: what follows the second one is no escape.
                let Some(part) = parts.next() else { return Err(Wrong(WANTED.to_owned())) };
                out.push(b'\\');
                out.extend_from_slice(part.as_bytes());
                continue;
            }
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b't', ..] => (b'\t', 1),
            [b'0', ..] => (0, 1),
            [b'x', high, low, ..] => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => return Err(Wrong(WANTED.to_owned())),
            },
            _ => return Err(Wrong(WANTED.to_owned())),
        };
        out.push(byte);
        out.extend_from_slice(&part.as_bytes()[len..]);
    }
    Ok(())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_bytes() {
        let env = |name: &str| (name == "PASSWORD").then(|| r"a\r\\b".into());
        let rows: [(&str, Option<&[u8]>); 16] = [
            ("", Some(b"")),
            ("PING", Some(b"PING")),
            (r"PING\r\n", Some(b"PING\r\n")),
            (r"\t\0\\\xfF\x00", Some(b"\t\0\\\xff\0")),
            (r"\\n\\\n", Some(b"\\n\\\n")),
            (r"\\\\", Some(b"\\\\")),
            (r"\x41b", Some(b"Ab")),
            (r"\01", Some(b"\x001")),
            (r"AUTH {env.PASSWORD}\r\n", Some(b"AUTH a\\r\\\\b\r\n")),
            ("ä\\nß", Some("ä\nß".as_bytes())),
            (r"\", None),
            (r"\\\", None),
            (r"\q", None),
            (r"\x4", None),
            (r"\x+4", None),
            (r"\{env.PASSWORD}", None),
        ];
        for (typed, wanted) in rows {
            let word = Word::expand(typed, &env).expect("it expands");
            assert_eq!(word.unescaped().ok().as_deref(), wanted, "{typed}");
        }
    }
}
